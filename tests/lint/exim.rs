//! Exim.

use super::{Bench, PRIORITY};

const GNUTLS: &str = "--server exim --server-version 4.96 --tls-library gnutls";
const OPENSSL: &str = "--server exim --server-version 4.96 --tls-library openssl";
const PAIR: &str = "tls_certificate = D/fullchain.pem\ntls_privatekey = D/leaf.key\n";

/// What leaves out the old protocols, unless something is said of them.
fn with_priority(words: &str, text: &str) -> String {
    let said = words == OPENSSL || text.contains("tls_require_ciphers");
    if said { text.to_owned() } else { format!("tls_require_ciphers = {PRIORITY}\n{text}") }
}

#[test]
fn a_build_with_gnutls_that_is_told_no_protocol_is_found() {
    let b = Bench::new();
    let named = "tls_certificate = D/fullchain.pem";
    b.case("exim.conf", GNUTLS, &format!("{named} §gnutls-protocol-default\ntls_privatekey = D/leaf.key"));
    b.case("exim.conf", OPENSSL, PAIR);
    b.case("exim.conf", GNUTLS, &format!("{PAIR}tls_advertise_hosts =\n"));
}

#[test]
fn each_fault_is_found_in_its_line() {
    let b = Bench::new();
    let case = |words: &str, text: &str| b.case("exim.conf", words, &with_priority(words, &format!("{PAIR}{text}")));
    case(GNUTLS, "tls_advertise_hosts = *\nacl_smtp_rcpt = accept");
    case(GNUTLS, "tls_require_ciphers = NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE");
    case(GNUTLS, "tls_require_ciphers = NORMAL §protocol-old");
    case(GNUTLS, "tls_require_ciphers = HIGH:!aNULL §gnutls-priority");
    case(GNUTLS, "openssl_options = +no_tlsv1 §exim-other-library");
    case(OPENSSL, "openssl_options = +no_sslv3 +no_tlsv1 +no_tlsv1_1\ntls_require_ciphers = HIGH:!aNULL");
    case(OPENSSL, "openssl_options = +no_sslv3 +no_tlsv1 §protocol-old");
    case(OPENSSL, "tls_require_ciphers = NORMAL:-VERS-ALL:+VERS-TLS1.2 §exim-other-library ciphers-no-match");
    case(GNUTLS, "tls_certificate = D/other.pem §exim-set-twice key-mismatch");
    case(GNUTLS, "tls_certifcate = /c.pem §setting-misspelt");
    case(GNUTLS, "tls_advertise_hosts * §config-malformed");
    case(GNUTLS, ".ifdef X §config-malformed");
    case(GNUTLS, "daemon_smtp_ports = 25 : 465 §exim-port-without-tls");
    case(GNUTLS, "daemon_smtp_ports = 25 : 465 : 587\ntls_on_connect_ports = 465");
    case(GNUTLS, "tls_crl = D/none.crl §named-file-missing");
    case(GNUTLS, "tls_crl = crls.pem §setting-value-refused");
    let clients =
        |text: &str| case(GNUTLS, &format!("tls_verify_certificates = D/cas.pem\ntls_verify_hosts = *\n{text}"));
    clients("tls_crl = D/crls.pem");
    clients("tls_crl = D/crl-of-two.pem §crl-fail-open");
    let pair = |text: &str| b.case("exim.conf", GNUTLS, &with_priority(GNUTLS, text));
    pair("tls_certificate = D/fullchain.pem §key-not-found");
    pair("tls_certificate = D/key-last.pem");
    pair("tls_certificate = D/fullchain.pem §key-mismatch\ntls_privatekey = D/other.key");
    pair("tls_certificate = D/fullchain.pem # ours §exim-comment named-file-missing\ntls_privatekey = D/leaf.key");
    pair("tls_privatekey = D/leaf.key §exim-key-alone");
    pair("acl_smtp_rcpt = accept §exim-certificate-self-made");
    pair("acl_smtp_rcpt = accept\ntls_advertise_hosts =");
}

#[test]
fn passwords_in_the_clear_are_found_at_the_authenticator() {
    let b = Bench::new();
    let case = |main: &str, auth: &str| {
        let plain = "  server_condition = ${if crypteq{$auth3}{x}}\n  server_set_id = $auth2\n";
        let text = format!(
            "{PAIR}tls_require_ciphers = {PRIORITY}\n{main}begin acl\ncheck:\n  accept\nbegin authenticators\nplain:\n{auth}{plain}"
        );
        b.case("exim.conf", GNUTLS, &text);
    };
    case("", "  driver = plaintext §exim-cleartext-passwords\n");
    case("auth_advertise_hosts = * \n", "  driver = plaintext §exim-cleartext-passwords\n");
    case("auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}\n", "  driver = plaintext\n");
    case("", "  driver = plaintext\n  server_advertise_condition = ${if def:tls_in_cipher }\n");
    case("", "  driver = cram_md5\n");
}

/// As Debian's own macros have it, also for what they name.
#[test]
fn macros_and_conditions_are_followed() {
    let b = Bench::new();
    let case = |text: &str| b.case("exim4.conf.template", GNUTLS, &with_priority(GNUTLS, text));
    let debian = ".ifdef MAIN_TLS_ENABLE\n.ifndef MAIN_TLS_CERTIFICATE\nMAIN_TLS_CERTIFICATE = CONFDIR/exim.crt\n.endif\n\
                  tls_certificate = MAIN_TLS_CERTIFICATE\ntls_privatekey = CONFDIR/leaf.key\n.endif\n";
    case(&format!("CONFDIR = D/\nMAIN_TLS_ENABLE = 1\nMAIN_TLS_CERTIFICATE = D/fullchain.pem\n{debian}"));
    let marked = debian.replace("MAIN_TLS_CERTIFICATE\ntls_priv", "MAIN_TLS_CERTIFICATE §named-file-missing\ntls_priv");
    case(&format!("CONFDIR = D/\nMAIN_TLS_ENABLE = 1\n{marked}"));
    case(&format!("CONFDIR = D/\n{debian}{PAIR}"));
    // Set by Debian's template as well.
    let marked = debian.replace("MAIN_TLS_CERTIFICATE\ntls_priv", "MAIN_TLS_CERTIFICATE §exim-set-twice\ntls_priv");
    let marked = marked.replace("leaf.key\n", "leaf.key §exim-set-twice\n");
    case(&format!("{PAIR}CONFDIR = D/\nMAIN_TLS_ENABLE = 1\nMAIN_TLS_CERTIFICATE = D/fullchain.pem\n{marked}"));
}
