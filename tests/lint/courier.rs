//! Courier.

use super::{Bench, PRIORITY};

const GNUTLS: &str = "--server courier --server-version 5.0.13 --tls-library gnutls";
const OPENSSL: &str = "--server courier --server-version 5.0.13 --tls-library openssl";

/// What leaves out the old protocols, unless something is said of them.
fn with_priority(text: &str) -> String {
    let said = text.contains("TLS_PRIORITY");
    if said { text.to_owned() } else { format!("{text}\nTLS_PRIORITY={PRIORITY}") }
}

#[test]
fn a_build_with_gnutls_that_is_told_no_protocol_is_found() {
    let b = Bench::new();
    let case = |words: &str, text: &str| b.case("imapd-ssl", words, text);
    case(GNUTLS, "TLS_CERTFILE=D/key-last.pem §gnutls-protocol-default");
    case(GNUTLS, "TLS_PRIORITY=\nTLS_CERTFILE=D/key-last.pem §gnutls-protocol-default");
    case(OPENSSL, "TLS_CERTFILE=D/key-last.pem");
}

#[test]
fn each_fault_is_found_in_its_line() {
    let b = Bench::new();
    let case = |words: &str, text: &str| {
        let text = format!("TLS_CERTFILE=D/key-last.pem\n{text}");
        b.case("imapd-ssl", words, &if words == GNUTLS { with_priority(&text) } else { text });
    };
    case(GNUTLS, &format!("TLS_PRIORITY=\"{PRIORITY}\""));
    case(GNUTLS, "TLS_PROTOCOL=\"TLSv1.2+\" §courier-setting-ignored");
    case(
        GNUTLS,
        "TLS_STARTTLS_PROTOCOL=TLSv1.2+ §courier-setting-ignored\nTLS_CIPHER_LIST=HIGH §courier-setting-ignored",
    );
    case(OPENSSL, "TLS_PROTOCOL=TLSv1.2++");
    case(OPENSSL, "TLS_PROTOCOL=\"TLSv1.2:TLSv1.3\" §courier-protocol");
    case(GNUTLS, "IMAP_TLS_REQUIRED=0 §courier-tls-not-required");
    case(GNUTLS, "TLS_VERIFYPEER = PEER §courier-blank");
    case(GNUTLS, "TLS_TRUSTCERTS=D/ca.pem §crl-ignored\nTLS_VERIFYPEER=PEER");
    let pair = |text: &str| b.case("imapd-ssl", GNUTLS, &with_priority(text));
    pair("TLS_CERTFILE=D/fullchain.pem §key-not-found");
    pair("TLS_CERTFILE=D/fullchain.pem\nTLS_PRIVATE_KEYFILE=D/leaf.key");
    pair("TLS_CERTFILE=D/fullchain.pem §key-mismatch\nTLS_PRIVATE_KEYFILE=D/other.key");
}

/// There is no checker, and a shell says nothing of names that it sets in vain.
#[test]
fn what_a_shell_makes_of_the_file_is_found() {
    let b = Bench::new();
    let case = |text: &str| b.case("imapd-ssl", GNUTLS, &with_priority(text));
    case("IMAPDSSLSTART=YES §courier-no-certificate");
    case("TLS_CERTFILE= §courier-no-certificate");
    case("TSL_CERTFILE=D/key-last.pem §setting-misspelt courier-no-certificate");
    case("TLS_CERTFILE=D/key-last.pem as usual §courier-second-word");
    case("TLS_CERTFILE=D/key-last.pem # it's as usual");
    case("TLS_CERTFILE=\"D/key-last.pem §config-malformed");
    case("IMAPDSSLSTART=YES IMAPDSTARTTLS=YES; TLS_X=1\nTLS_CERTFILE=D/key-last.pem");
    case("IMAPDSSLSTART=YES\\ §courier-no-certificate\nTLS_CERTFILE=D/key-last.pem");
    let priority = |text: &str| case(&format!("TLS_CERTFILE=D/key-last.pem\nTLS_PRIORITY={text}"));
    priority("NORMAL §protocol-old");
    priority("NORMAL:-VERS-ALL:+VERS-TLS1.2");
    priority("\"SECURE128:-VERS-TLS-ALL:+VERS-TLS1.3:%COMPAT\"");
    priority("NORMAL:+NOPE §gnutls-priority");
    priority("NORMAL:-VERS-ALL §gnutls-priority");
    priority("HIGH:\\!aNULL §gnutls-priority");
}
