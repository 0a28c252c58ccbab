//! Postfix.

use super::{Bench, codes};

const NEW: &str = "--server-version 3.7.11";
const PAIR: &str = "smtpd_tls_security_level = may\nsmtpd_tls_chain_files = D/leaf.key, D/fullchain.pem\n";

#[test]
fn each_fault_of_main_cf_is_found_in_its_line() {
    let b = Bench::new();
    let case = |words: &str, text: &str| b.case("main.cf", words, text);
    case(NEW, PAIR);
    case(NEW, "smtpd_tls_security_level = may\nsmtpd_tls_cert_file = D/fullchain.pem\nsmtpd_tls_key_file = D/leaf.key");
    let chain = "smtpd_tls_chain_files = D/key-first.pem";
    case(NEW, &format!("smtpd_tls_security_level = may # always §postfix-comment-in-value\n{chain}"));
    case(NEW, &format!("smtpd_tls_security_level = \"may\" §postfix-quoted-value\n{chain}"));
    case(NEW, &format!("smtpd_tls_security_level = required §postfix-level-unknown\n{chain}"));
    case(NEW, &format!("smtpd_tls_security_level = encrypt §postfix-encrypt-everywhere\n{chain}"));
    case(NEW, &format!("{chain} §postfix-level-empty"));
    let both = |list: &str, code: &str| {
        format!("{PAIR}smtpd_tls_protocols = {list} {code}\nsmtpd_tls_mandatory_protocols = {list} {code}")
    };
    case(NEW, &both(">=TLSv1.2", ""));
    case(NEW, &both("!SSLv2, !SSLv3, !TLSv1, !TLSv1.1", ""));
    case("--server-version 3.5.25", &both(">=TLSv1.2", "§postfix-protocol-syntax"));
    case(NEW, &both(">=TLS1.2", "§postfix-protocol-unknown"));
    case(NEW, &both("TLSv1.2:TLSv1.1:TLSv1:!SSLv3", "§postfix-protocols-positive"));
    case(NEW, &format!("{PAIR}smtpd_tls_mandatory_protocols = >=TLSv1.2 §postfix-protocols-one"));
    case(NEW, &format!("{PAIR}smtpd_tls_cert_file = D/other.pem §postfix-cert-ignored"));
    case(NEW, &format!("{PAIR}smtpd_tls_wrappermode = yes §postfix-wrappermode-everywhere"));
    case(NEW, &format!("{PAIR}smtpd_tls_ask_ccert = yes\nsmtpd_tls_req_ccert = yes §postfix-req-ccert-ignored"));
    case(NEW, &format!("{PAIR}smtpd_tls_CAfile = D/nowhere.pem §named-file-missing"));
    case(NEW, &format!("{PAIR}smtpd_tls_CAfile = D/ca.pem §crl-ignored"));
    case(NEW, &format!("{PAIR}smtpd_tls_dh512_param_file = D/dh.pem §postfix-dh512"));
    case(NEW, &format!("{PAIR}smtpd_tls_certfile = D/x §postfix-unknown-parameter"));
    case(NEW, &format!("{PAIR}smtpd_sasl_auth_enable = yes §postfix-auth-in-clear"));
    case(NEW, &format!("{PAIR}smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = yes"));
    case(NEW, &format!("{PAIR}smtpd_sender_restrictions = reject_sender_login_mismatch §postfix-no-login-maps"));
    let level = "smtpd_tls_security_level = may\n";
    case(NEW, &format!("{level}smtpd_tls_chain_files = D/key-last.pem §postfix-key-not-first"));
    case(
        NEW,
        &format!(
            "{level}smtpd_tls_chain_files = D/fullchain.pem, D/leaf.key §postfix-key-not-first certificate-not-found"
        ),
    );
    case(NEW, &format!("{level}smtpd_tls_chain_files = D/key-first.pem, D/other-first.pem"));
    case(NEW, &format!("{level}smtpd_tls_chain_files = D/., §named-file-directory\n  D/fullchain.pem"));
    case(
        NEW,
        &format!("{level}certs = D\nsmtpd_tls_chain_files = $certs/key-last.pem")
            .replace("= D\n", "= D/.\n")
            .replace("last.pem", "last.pem §postfix-key-not-first"),
    );
}

/// What stops smtpd or leaves it without TLS, and only postconf's `unused parameter` would tell.
#[test]
fn words_and_names_that_postfix_does_not_know_are_found() {
    let b = Bench::new();
    let case = |text: &str| b.case("main.cf", NEW, text);
    let pair = |text: &str| format!("{PAIR}{text}");
    case("smtpd_tls_security_level = may §postfix-no-certificate");
    case("smtpd_tls_security_level = may\nsmtpd_tls_cert_file = none");
    case(&pair("smtpd_tls_auth_only = maybe §setting-value-refused"));
    case(&pair("smtpd_tls_auth_only = YES"));
    case(&pair("smtpd_tls_auth_only yes §config-malformed"));
    case(&pair("smtpd_tls_mandatory_ciphers = HIGH:!aNULL §setting-value-refused"));
    case(&pair("stmpd_tls_loglevel = 1 §setting-misspelt"));
    case(&pair("smtp_tls_loglevel = 1\nsmtpd_tls_dcert_file ="));
    case(&pair("smtpd_tls_securitylevel = may §postfix-unknown-parameter"));
    let both = |list: &str, code: &str| {
        pair(&format!("smtpd_tls_protocols = {list} {code}\nsmtpd_tls_mandatory_protocols = {list} {code}"))
    };
    case(&both("!TLSv1.2", "§postfix-protocol-hole"));
    case(&both("!SSLv3, !TLSv1, !TLSv1.1, !TLSv1.2, !TLSv1.3", "§postfix-protocol-hole"));
    case(&both(">=TLSv1.3", ""));
    case(&both(">=tlsv1.2", ""));
    case(&both("!sslv2, !sslv3, !tlsv1, !TLSV1.1", ""));
    case(&both("!sslv3, !tlsv1.2", "§postfix-protocol-hole"));
    case(&both("tlsv1.2", "§postfix-protocols-positive"));
    case("smtpd_tls_security_level = may\nsmtpd_tls_chain_files = etc/key.pem, D/fullchain.pem §setting-value-refused");
}

#[test]
fn each_fault_of_master_cf_is_found_in_its_line() {
    let b = Bench::new();
    b.t.file("main.cf", b.filled(PAIR));
    let case = |text: &str| b.case("master.cf", &format!("{NEW} --server postfix"), text);
    let smtp = "smtp inet n - y - - smtpd\n";
    let submission = "submission inet n - y - - smtpd\n";
    case(&format!("{smtp}{submission}  -o smtpd_tls_security_level=encrypt\n  -o smtpd_sasl_auth_enable=yes"));
    case(&format!("{smtp}{submission}  -o smtpd_tls_security_level = encrypt §postfix-option-blank"));
    case(&format!(
        "{smtp}{submission}  -o smtpd_relay_restrictions=permit_sasl_authenticated, reject §postfix-option-blank"
    ));
    case(&format!("{smtp}{submission}  -o {{ smtpd_relay_restrictions = permit_sasl_authenticated, reject }}"));
    case(&format!("{smtp}{submission}  -o smtpd_sasl_auth_enable=yes §postfix-auth-in-clear"));
    case(&format!("{smtp}{submission}  -o smtpd_tls_req_ccert=yes §postfix-req-ccert-ignored"));
    case(&format!("{smtp}{submission}  -o smtpd_tls_security_level=yes §postfix-level-unknown"));
    case("smtp inet n §config-malformed");
    // Beside main.cf the two are one.
    b.t.file("main.cf", b.filled(&format!("{PAIR}smtpd_tls_auth_only = yes\n")));
    b.t.file("master.cf", format!("{smtp}{submission}  -o smtpd_sasl_auth_enable=yes\n"));
    assert!(codes(&b.lint("main.cf", NEW)).is_empty());
}

#[test]
fn the_table_of_names_is_kept_and_made_as_it_must_be() {
    let b = Bench::new();
    b.t.file("main.cf", b.filled(&format!("{PAIR}tls_server_sni_maps = hash:D/sni\n")));
    b.t.file("sni", b.filled("other.example.org D/other.key, D/other.pem\nwrong.example.org D/key-last.pem\n"));
    b.t.chmod("sni", 0o600);
    let found = |b: &Bench| codes(&b.lint("main.cf", NEW)).into_iter().collect::<Vec<_>>();
    assert_eq!(found(&b), ["name-mismatch", "postfix-key-not-first", "postfix-sni-not-built"]);
    let lines = super::findings(&b.lint("main.cf", NEW), b.t.path("sni").to_str().unwrap());
    assert!(lines.contains(&(2, "postfix-key-not-first".into())), "{lines:?}");
    b.t.file("sni", b.filled("other.example.org D/other.key, D/other.pem\n"));
    b.t.file("sni.db", b.filled("\0other.example.org\0D/other.key, D/other.pem\0"));
    b.t.chmod("sni.db", 0o600);
    assert_eq!(found(&b), ["postfix-sni-without-f"]);
    b.t.file("sni.db", "\0other.example.org\0LS0tLS1CRUdJTiBQUklWQVRF\0");
    assert_eq!(found(&b), Vec::<String>::new());
    b.t.chmod("sni.db", 0o644);
    assert_eq!(found(&b), ["key-world-readable"]);
    b.t.chmod("sni.db", 0o600);
    b.t.peer("touch", ["-d", "2020-01-01", "sni.db"]).exits(0);
    assert_eq!(found(&b), ["postfix-sni-stale"]);
}
