//! Apache.

use super::Bench;

const NEW: &str = "--server apache --server-version 2.4.71";
const PAIR: &str = "SSLEngine on\nSSLCertificateFile D/fullchain.pem\nSSLCertificateKeyFile D/leaf.key\n";

#[test]
fn each_fault_is_found_in_its_line() {
    let b = Bench::new();
    let case = |text: &str| b.case("apache2.conf", NEW, text);
    let host = |text: &str| format!("<VirtualHost *:443>\nServerName mail.example.org\n{PAIR}{text}\n</VirtualHost>");
    case(&host(""));
    case("<VirtualHost *:80>\nServerName mail.example.org\n</VirtualHost *:80> §apache-close-arguments");
    case(&host("SSLHonorCipherOrder on | §apache-trailing-bar"));
    case(&host("SSLUseStapling On SSLStaplingCache shmcb:/x(1) §apache-two-directives"));
    case(&host("SSLStaplingCache shmcb:/x(32768) §apache-server-level-only"));
    case(&host("SSLPassPhraseDialog exec:/x §apache-server-level-only"));
    case(&host("SSLUseStapling on §apache-no-stapling-cache"));
    case(&format!("SSLStaplingCache shmcb:/x(32768)\n{}", host("SSLUseStapling on")));
    let clients = "SSLCACertificateFile D/cas.pem\nSSLVerifyClient require\nSSLVerifyDepth 3\n";
    case(&host(clients));
    case(&host(&format!("{clients}SSLCARevocationFile D/crls.pem §apache-crl-unchecked")));
    case(&host(&format!("{clients}SSLCARevocationFile D/crls.pem\nSSLCARevocationCheck chain")));
    case(&host(&format!("{clients}SSLCARevocationFile D/crl-of-two.pem §crl-missing\nSSLCARevocationCheck chain")));
    case(&host(&format!("{clients}SSLCARevocationCheck chain §apache-crl-nowhere")));
    case(&host("SSLCACertificateFile D/cas.pem\nSSLVerifyClient require §verify-depth"));
    case(&host("SSLCACertificateFile D/one-ca.pem\nSSLVerifyClient require"));
    case(&host("SSLVerifyClient require §apache-no-ca"));
    case(&host("SSLProtocol TLSv1.2 TLSv1.3 §apache-protocol-last-wins"));
    case(&host("SSLProtocol -all +TLSv1.2 +TLSv1.1 +TLSv1 §apache-no-tls13 protocol-old"));
    case(&host("SSLProtocol -all +TLSv1.2 +TLSv1.3"));
    case(&host("SSLProtocol >=TLSv1.2 §apache-protocol-unknown"));
    case(&host("SSLCipherSuite TLS_AES_128_GCM_SHA256 §apache-suite-in-list ciphers-no-match"));
    case(&host("SSLCertificateChainFile D/cas.pem §apache-chain-file"));
    case(&host("SSLCACertificateFile D/cas.pem §apache-ca-unused"));
    case("<VirtualHost *:443>\nSSLEngine on §apache-no-certificate\n</VirtualHost>");
    case(&host("").replace("mail.example", "www.example").replace("Key", "KeyX").replace("KeyX", "Key"));
}

/// What `apache2 -t` refuses, and what it passes while the port has no TLS.
#[test]
fn words_names_and_sections_that_apache_does_not_know_are_found() {
    let b = Bench::new();
    let case = |text: &str| b.case("apache2.conf", NEW, text);
    let host = |text: &str| format!("<VirtualHost *:443>\nServerName mail.example.org\n{PAIR}{text}\n</VirtualHost>");
    case(&host("SSLHonorCipherOrder maybe §setting-value-refused"));
    case(&host("SSLHonorCipherOrder OFF"));
    case(&host("SSLHonorCipherOrder §setting-value-refused"));
    case(&host("SSLSessionTickets off # as the manual says §setting-value-refused"));
    case(&host("SSLVerfiyClient none §setting-misspelt"));
    case(&host("sslverifydepth 3"));
    case(&host("SSLCipherSuite \"TLSv1.3 TLS_AES_128_GCM_SHA256\" §ciphers-no-match"));
    case(&host("SSLCipherSuite TLSv1.3 NOPE §suites-no-match"));
    // Without a word the protocol of the port decides.
    let unset = |before: &str, address: &str, mark: &str| {
        let host = PAIR.replace("SSLEngine on", &format!("<VirtualHost {address}>"));
        case(&format!("{before}\n{}</VirtualHost>", host.replace(".pem\n", &format!(".pem{mark}\n"))));
    };
    for (listen, address, served) in [
        ("", "*:443", true),
        ("Listen 443", "_default_:443", true),
        ("Listen [::]:8443 HTTPS", "*:8443", true),
        ("Listen 443", "*:443 *:8443", true),
        ("", "*:8443", false),
        ("Listen 443 http", "*:443", false),
        ("Listen 443", "*", false),
        ("Listen 8443\nListen 443 https", "*:8443 *:443", false),
    ] {
        unset(listen, address, if served { "" } else { " §apache-engine-unset" });
    }
    case(&format!("<Directory />\n{}\n</Directory>", host("")).replace(":443>", ":443> §config-malformed"));
    case("<VritualHost *:80> §config-malformed\nServerName mail.example.org\n</VritualHost>");
    case("<VirtualHost *:80> §config-malformed\nServerName mail.example.org");
    case("<VirtualHost *:80>\nServerName mail.example.org\n</VirtualHost> # of the first");
    let relative = |pem: &str| host("").replace("D/fullchain.pem", pem);
    case(&format!("ServerRoot D/.\n{}", relative("fullchain.pem")));
    case(&format!("ServerRoot D/.\n{}", relative("nowhere.pem §named-file-missing")));
}
