//! Dovecot.

use super::Bench;

const V23: &str = "--server-version 2.3.19";
const V24: &str = "--server-version 2.4.1";
const PAIR: &str = "ssl = required\nssl_cert = <D/fullchain.pem\nssl_key = <D/leaf.key\n";
const PAIR24: &str = "ssl_server_cert_file = D/fullchain.pem\nssl_server_key_file = D/leaf.key\n";

#[test]
fn each_fault_is_found_in_its_line() {
    let b = Bench::new();
    let case = |words: &str, text: &str| b.case("dovecot.conf", words, text);
    case(V23, PAIR);
    case(V23, "ssl = yes\nssl_cert = D/fullchain.pem §dovecot-missing-lt\nssl_key = <D/leaf.key");
    case(
        V23,
        "ssl = yes\nssl_cert = \"<D/fullchain.pem\" §dovecot-missing-lt\nssl_key = D/leaf.key §dovecot-missing-lt",
    );
    case(V23, &format!("{PAIR}ssl_ca = D/ca.pem §dovecot-missing-lt\nssl_dh = D/dh.pem §dovecot-missing-lt"));
    case(V23, &format!("{PAIR}ssl_min_protocol = TLSv1.4 §dovecot-min-protocol"));
    case("--server-version 2.3.13", &format!("{PAIR}ssl_min_protocol = TLSv1.3 §dovecot-min-protocol"));
    case(V23, &format!("{PAIR}ssl_min_protocol = TLSv1.1 §protocol-old"));
    case(V23, &format!("{PAIR}ssl_cipher_list = TLS_AES_128_GCM_SHA256 §dovecot-cipher-list ciphers-no-match"));
    case(V23, &format!("{PAIR}ssl_cipher_list = NONSENSE §ciphers-no-match"));
    case(
        V23,
        &format!("{PAIR}ssl_cipher_list = DHE-RSA-AES128-GCM-SHA256 §dovecot-dhe-without-dh ciphers-for-other-key"),
    );
    case(V23, &format!("{PAIR}ssl_key_password = <D/password-line §key-password-newline"));
    case(V23, &format!("{PAIR}ssl_key_password = <D/password"));
    case(V23, &format!("{PAIR}ssl_alt_cert = <D/other.pem §dovecot-alt-without-key certificate-without-key"));
    case(
        V23,
        &format!(
            "{PAIR}ssl_alt_cert = <D/other.pem\nssl_alt_key = <D/other.key\nlocal_name other.example.org {{\n  \
             ssl_cert = <D/other.pem §dovecot-alt-inherited\n  ssl_key = <D/other.key\n}}"
        ),
    );
    case(
        V23,
        &format!(
            "{PAIR}ssl_alt_cert = <D/other.pem\nssl_alt_key = <D/other.key\nlocal_name other.example.org {{\n  \
             ssl_cert = <D/other.pem\n  ssl_key = <D/other.key\n  ssl_alt_cert =\n  ssl_alt_key =\n}}"
        ),
    );
    case(
        V23,
        &format!("{PAIR}ssl_verify_client_cert = yes §dovecot-verify-without-ca\nauth_ssl_require_client_cert = yes"),
    );
    let clients = format!("{PAIR}ssl_ca = <D/ca.pem\nssl_verify_client_cert = yes");
    case(V23, &format!("{clients}\nauth_ssl_require_client_cert = yes"));
    case(V23, &format!("{clients} §dovecot-client-cert-decoration"));
    case(V23, &format!("{PAIR}ssl_ca = <D/cas.pem\nauth_ssl_require_client_cert = yes §dovecot-required-not-asked"));
    case(
        V23,
        &format!(
            "{PAIR}ssl_ca = <D/ca.pem §crl-ignored\nssl_verify_client_cert = yes\nauth_ssl_require_client_cert = yes\nssl_require_crl = no §dovecot-crl-not-required"
        ),
    );
    case(V23, &format!("{PAIR}login_trusted_networks = 127.0.0.1 192.0.2.0/24 §dovecot-trusted-networks"));
    case(V23, &format!("ssl = yes\ndisable_plaintext_auth = no §dovecot-cleartext\n{}", &PAIR[15..]));
    case(
        V23,
        &format!(
            "{clients}\nauth_ssl_require_client_cert = yes\npassdb {{\n  driver = static\n  args = nopassword=y §dovecot-nopassword\n}}"
        ),
    );
}

/// What Dovecot refuses, and what leaves it without TLS.
#[test]
fn words_and_names_that_dovecot_does_not_know_are_found() {
    let b = Bench::new();
    let case = |text: &str| b.case("dovecot.conf", V23, text);
    let pair = |text: &str| format!("{PAIR}{text}");
    case("ssl = yes §dovecot-no-certificate");
    case("ssl = no");
    // Only a mail server asks this one, over a socket.
    let auth = "service auth {\n  unix_listener D/auth {\n    mode = 0660\n  }\n}";
    case(&format!("protocols = none\nssl = yes\n{auth}"));
    case(&format!("protocols =\nssl = yes\n{auth}"));
    case(&format!("protocols = lmtp\nprotocols = $protocols imap\nssl = yes §dovecot-no-certificate\n{auth}"));
    // Where a part is not there the certificate may be in it.
    case("ssl = yes\n!include D/nowhere.conf §include-missing");
    case(
        "ssl = yes §dovecot-no-certificate\nlocal_name a.example {\n  ssl_cert = <D/other.pem\n  ssl_key = <D/other.key\n}",
    );
    case(&pair("verbose_ssl = maybe §setting-value-refused"));
    case(&pair("verbose_ssl = Y"));
    case(&pair("ssl = Required §setting-value-refused"));
    case(&pair("service imap-login {\n  inet_listener imaps {\n    ssl = y\n  }\n}"));
    case(&pair("sls_ca = <D/ca.pem §setting-misspelt"));
    case(&pair("SSL_CA = <D/ca.pem §setting-misspelt"));
    case(&pair("protocol imap { §config-malformed"));
    case(&pair("ssl_ca <D/ca.pem §config-malformed"));
    case(&pair("ssl_cipher_list = ECDHE-RSA-AES128-GCM-SHA256 §ciphers-for-other-key"));
    case(&pair("ssl_cipher_list = ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256"));
    case(&pair("ssl_cipher_suites = HIGH §suites-no-match"));
    case("ssl = yes\nssl_cert = <fullchain.pem\nssl_key = <leaf.key");
    case("ssl = yes\nssl_cert = <nowhere.pem §named-file-missing\nssl_key = <leaf.key");
    case("ssl = yes\nssl_cert = <D/. §named-file-directory\nssl_key = <leaf.key");
}

#[test]
fn an_upgrade_to_2_4_is_told_setting_by_setting() {
    let b = Bench::new();
    let case = |text: &str| b.case("dovecot.conf", V24, text);
    let head = "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n";
    case(&format!("{head}{PAIR24}"));
    case(&format!("{head}ssl_server {{\n  cert_file = D/fullchain.pem\n  key_file = D/leaf.key\n}}"));
    case(&format!("ssl = yes §dovecot-config-version\n{PAIR24}"));
    case(&format!("ssl = yes\ndovecot_config_version = 2.4.0 §dovecot-config-version\n{PAIR24}"));
    case(&format!("dovecot_config_version = 2.5.0 §dovecot-config-version\n{PAIR24}"));
    case(&format!(
        "{head}ssl_server_cert_file = <D/fullchain.pem §dovecot-unwanted-lt\nssl_server_key_file = D/leaf.key"
    ));
    case(&format!(
        "{head}{PAIR24}ssl_server_request_client_cert = yes §dovecot-verify-without-ca\nauth_ssl_require_client_cert = yes"
    ));
    case(&format!("{head}{PAIR24}auth_allow_cleartext = yes §dovecot-cleartext"));
    let renamed = "ssl_cert ssl_key ssl_ca ssl_dh ssl_alt_cert ssl_alt_key ssl_key_password ssl_verify_client_cert \
                   ssl_request_client_cert ssl_require_crl ssl_cert_username_field ssl_prefer_server_ciphers ssl_client_cert \
                   ssl_client_key ssl_protocols ssl_dh_parameters_length verbose_ssl disable_plaintext_auth";
    let lines: String = renamed.split_whitespace().map(|name| format!("{name} = x §dovecot-renamed\n")).collect();
    case(&format!("{head}{PAIR24}{lines}"));
    let t = &b.t;
    t.file(
        "10-ssl.conf",
        "ssl_cert = </etc/ssl/c.pem\nssl_prefer_server_ciphers = yes\ndisable_plaintext_auth = yes\n",
    );
    let json = b.lint("10-ssl.conf", V24).json();
    let said = |n: usize| json["findings"][n]["suggestion"].as_str().unwrap().to_owned();
    assert_eq!(said(0), "ssl_server_cert_file = /etc/ssl/c.pem");
    assert_eq!((said(1), said(2)), ("ssl_server_prefer_ciphers = server".into(), "auth_allow_cleartext = no".into()));
}

#[test]
fn what_is_pulled_in_is_judged_in_its_own_file() {
    let b = Bench::new();
    b.t.file("conf.d/20-tls.conf", b.filled("ssl_cert = D/fullchain.pem\n"));
    b.t.file("conf.d/90.conf~", "nonsense\n");
    b.case("dovecot.conf", V23, "ssl = yes\nssl_key = <D/leaf.key\n!include conf.d/*.conf\n!include_try nowhere.conf\n!include missing.conf §include-missing");
    let ran = b.lint("dovecot.conf", V23);
    let found = super::findings(&ran, b.t.path("conf.d/20-tls.conf").to_str().unwrap());
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [(1, "dovecot-missing-lt".to_owned())]);
}
