//! nginx.

use super::Bench;

const NOW: &str = "--server nginx --server-version 1.22.1";
const LATER: &str = "--server nginx --server-version 1.26.3";
const PAIR: &str =
    "ssl_certificate D/fullchain.pem;\nssl_certificate_key D/leaf.key;\nssl_protocols TLSv1.2 TLSv1.3;\n";

fn host(text: &str) -> String {
    format!("server {{\nlisten 443 ssl;\nserver_name mail.example.org;\n{PAIR}{text}\n}}\n")
}

#[test]
fn each_fault_is_found_in_its_line() {
    let b = Bench::new();
    let case = |text: &str| b.case("nginx.conf", NOW, text);
    case(&host(""));
    case(&host("").replace("443 ssl", "443").replace("fullchain.pem;", "fullchain.pem; §nginx-listen-without-ssl"));
    case(&format!("{}{}", host(""), host("").replace("443 ssl", "443")));
    case(&host("").replace("443 ssl", "443").replace("listen", "ssl on; §nginx-ssl-on\nlisten"));
    case("server {\nlisten 443 ssl; §nginx-no-certificate\nssl_protocols TLSv1.2 TLSv1.3;\n}");
    case("server {\nlisten 443 ssl;\nssl_reject_handshake on;\nssl_protocols TLSv1.2 TLSv1.3;\n}");
    case(&format!("http {{\n{PAIR}server {{\nlisten 443 ssl;\n}}\n}}"));
    case(&host("").replace("ssl;", "ssl; §nginx-no-tls13").replace("ssl_protocols TLSv1.2 TLSv1.3;", ""));
    case(&format!(
        "http {{\nssl_protocols TLSv1.2 TLSv1.3;\n{}}}",
        host("").replace("ssl_protocols TLSv1.2 TLSv1.3;", "")
    ));
    let protocols = |words: &str, mark: &str| host("").replace("TLSv1.2 TLSv1.3;", &format!("{words}; {mark}"));
    case(&protocols("TLSv1.2", "§nginx-no-tls13"));
    case(&protocols("TLSv1 tlsv1.2 TLSv1.3", "§protocol-old"));
    case(&protocols("TLSv1.2, TLSv1.3", "§nginx-protocol-unknown"));
    case(&host("ssl_ciphers HIGH:TLS_AES_128_GCM_SHA256; §nginx-suite-in-list"));
    case(&host("ssl_ciphers TLS_AES_128_GCM_SHA256; §ciphers-no-match"));
    case(&host("ssl_conf_command Ciphersuites NOPE; §suites-no-match"));
    case(&host("ssl_conf_command Options PrioritizeChaCha;"));
    case(&host("http2 on; §nginx-http2-other-version"));
    case(&host("").replace("443 ssl", "443 ssl http2"));
    case(&host("ssl_verify_client on; §nginx-no-ca"));
    case(&host("ssl_verify_client off;\nssl_client_certificate D/cas.pem; §nginx-ca-unused"));
    case(&host("ssl_client_certificate D/cas.pem; §nginx-ca-unused\nssl_crl D/crls.pem; §nginx-crl-unused"));
    let clients = "ssl_client_certificate D/cas.pem;\nssl_verify_client on;\nssl_verify_depth 2;\n";
    case(&host(clients));
    case(&host(&format!("{clients}ssl_crl D/crls.pem;")));
    case(&host(&format!("{clients}ssl_crl D/crl-of-two.pem; §crl-missing")));
    case(&host(&clients.replace("depth 2;", "depth 1; §verify-depth")));
    case(&host("ssl_client_certificate D/cas.pem;\nssl_verify_client optional; §verify-depth"));
    case(&host("ssl_client_certificate D/one-ca.pem;\nssl_verify_client on;"));
    case(
        &host("")
            .replace("ssl_certificate_key D/leaf.key;", "")
            .replace("fullchain.pem;", "fullchain.pem; §certificate-without-key"),
    );
    case(&host("").replace("leaf.key;", "other.key; §key-mismatch"));
    case(&host("ssl_certificate D/leaf-only.pem;\nssl_certificate_key D/other.key; §key-mismatch"));
    case(&host("ssl_dhparam D/nowhere.pem; §named-file-missing"));
}

/// A header of its own drops those from further out.
#[test]
fn a_location_that_no_longer_insists_on_tls_is_found() {
    let b = Bench::new();
    let case = |text: &str| b.case("nginx.conf", NOW, text);
    let hsts = "add_header Strict-Transport-Security \"max-age=63072000; includeSubDomains\" always;";
    let within = |inside: &str| host(&format!("{hsts}\nlocation /x {{\n{inside}\n}}\nlocation /y {{\nreturn 404;\n}}"));
    case(&within("add_header X-Frame-Options DENY; §nginx-hsts-lost"));
    case(&within(&format!("add_header X-Frame-Options DENY;\n{hsts}")));
    case(&within("expires 1d;"));
    // Another server block sends nothing that could be lost.
    let other = host("location /x {\nadd_header X-Frame-Options DENY;\n}");
    case(&format!("{}{other}", within("expires 1d;")));
}

/// What `nginx -t` refuses.
#[test]
fn words_names_and_blocks_that_nginx_does_not_know_are_found() {
    let b = Bench::new();
    let case = |text: &str| b.case("nginx.conf", NOW, text);
    case(&host("ssl_prefer_server_ciphers maybe; §setting-value-refused"));
    case(&host("ssl_prefer_server_ciphers ON;"));
    case(&host("ssl_session_timeout 1d;\nssl_session_cache shared:SSL:10m;\nssl_session_tickets off;"));
    case(&host("ssl_verfiy_client off; §setting-misspelt"));
    case(&host("").replace("fullchain.pem;", "fullchain.pem §setting-value-refused"));
    case(&format!("{}}} §config-malformed", host("")));
    case(&host("").replace("server {", "server { §config-malformed").replace("\n}\n", "\n"));
    case(
        &host("")
            .replace("listen 443 ssl;", "ssl_stapling off\n}\nserver {\nlisten 443 ssl;")
            .replace("off\n", "off §config-malformed\n"),
    );
    case(&host("ssl_password_file D/password-line;"));
    // Relative names start where nginx.conf is.
    case(&host("").replace("D/", ""));
    case(&host(
        "ssl_crl nowhere.pem; §named-file-missing\nssl_client_certificate cas.pem;\nssl_verify_client on;\nssl_verify_depth 2;",
    ));
    case(&host("").replace("D/fullchain.pem;", "/etc/$ssl_server_name.pem;"));
    // Every name is that of a certificate, if it is one.
    case(&host("").replace("server_name mail.example.org;", "server_name _ ~^(?<x>.+)$ mail.example.org;"));
}

/// 1.25.1 has other words for HTTP/2, and no longer `ssl on`; from 1.23.4 on TLS 1.3 is there by default.
#[test]
fn later_versions_have_other_words() {
    let b = Bench::new();
    let case = |text: &str| b.case("nginx.conf", LATER, text);
    case(&host("http2 on;"));
    case(&host("").replace("443 ssl", "443 ssl http2").replace("http2;", "http2; §nginx-http2-other-version"));
    case(&host("ssl on; §setting-other-version"));
    case(&host("").replace("ssl_protocols TLSv1.2 TLSv1.3;", ""));
    let old = "--server nginx --server-version 1.18.0";
    b.case("nginx.conf", old, &host("ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256; §setting-other-version"));
}
