//! OpenLDAP.

use super::{Bench, PRIORITY, codes};
use crate::common::have;

const GNUTLS: &str = "--server openldap --server-version 2.5.13 --tls-library gnutls";
const OPENSSL: &str = "--server openldap --server-version 2.6.10 --tls-library openssl";
const PAIR: &str = "olcTLSCertificateFile: D/fullchain.pem\nolcTLSCertificateKeyFile: D/leaf.key\n";

#[test]
fn each_fault_of_cn_config_is_found_in_its_line() {
    let b = Bench::new();
    let head = "dn: cn=config\nobjectClass: olcGlobal\ncn: config\n";
    let case = |words: &str, text: &str| {
        let said = words == OPENSSL || text.contains("olcTLSCipherSuite");
        let priority = if said { String::new() } else { format!("\nolcTLSCipherSuite: {PRIORITY}") };
        let text = format!("{head}{PAIR}{text}");
        b.case("cn=config.ldif", words, &format!("{}{priority}", text.trim_end()));
    };
    case(GNUTLS, "");
    let cert = PAIR.replace("pem\n", "pem §gnutls-protocol-default\n");
    b.case("cn=config.ldif", GNUTLS, &format!("{head}{cert}"));
    case(OPENSSL, "");
    case(GNUTLS, "olcTLSCipherSuite: HIGH:!aNULL §openldap-cipher-library");
    case(OPENSSL, "olcTLSCipherSuite: NORMAL:-VERS-ALL:+VERS-TLS1.3 §openldap-cipher-library ciphers-no-match");
    case(GNUTLS, "olcTLSProtocolMin: 3.3 §openldap-setting-ignored");
    case(GNUTLS, "olcTLSCRLCheck: all §openldap-setting-ignored");
    case(OPENSSL, "olcTLSCRLFile: D/crls.pem §openldap-setting-ignored");
    case(OPENSSL, "olcTLSProtocolMin: 3.3");
    case(OPENSSL, "olcTLSProtocolMin: 3.1 §protocol-old");
    case(OPENSSL, "olcTLSProtocolMin: TLSv1.2 §openldap-protocol");
    case(OPENSSL, "olcTLSProtocolMin: 1.2 §openldap-protocol");
    case(OPENSSL, "olcSecurity: ssf=128 §openldap-locked-out");
    case(OPENSSL, "olcSecurity: ssf=128\nolcLocalSSF: 128");
    case(OPENSSL, "olcSecurity: tls=1 §openldap-locked-out\nolcLocalSSF: 128");
    case(OPENSSL, "olcSecurity: simple_bind=128");
    case(OPENSSL, "olcAuthzRegexp: {0}^.*cn=([^,]+),o=test pki$ cn=$1,ou=people §openldap-regexp-unquoted");
    case(OPENSSL, "olcAuthzRegexp: {0}\"^.*cn=([^,]+),o=test pki$\" \"cn=$1,ou=people\"");
    case(OPENSSL, "olcTLSCertificateFile:: RA== §named-file-missing".replace("RA==", "L25vd2hlcmU=").as_str());
    let clients = "olcTLSCACertificateFile: D/cas.pem\nolcTLSVerifyClient: demand\n";
    case(GNUTLS, &format!("{clients}olcTLSCRLFile: D/crls.pem"));
    case(GNUTLS, &format!("{clients}olcTLSCRLFile: D/crl-of-two.pem §crl-fail-open"));
}

/// What `gnutls-cli` takes is taken, in whatever letters, and what it refuses is told.
#[test]
fn priority_strings_are_judged_as_gnutls_judges_them() {
    if !have("gnutls-cli") {
        return;
    }
    let b = Bench::new();
    for priority in [
        "NORMAL:+SECURE128",
        "SECURE128:+SUITEB128",
        "NORMAL:-VERS-ALL:+SUITEB192",
        "SUITEB128",
        "suiteb192",
        "normal:-vers-all:+vers-tls1.3",
        "Normal:+aes-128-gcm:+Sha1",
        "SECURE",
        "NORMAL:+SHA224:+STREEBOG-256:+DES-CBC:+RC2-40:+KX-GOST-ALL",
        "NORMAL:PFS:+LEGACY",
        "NORMAL:%COMPAT",
        "NORMAL:-VERS-ALL",
        "NORMAL:-VERS-ALL:+SECURE256",
        "NORMAL:+NONE",
        "NORMAL:-SECURE128",
        "NORMAL:+AES",
        "NORMAL:RSA",
        "NORMAL:",
        "NORMAL:-VERS-ALL:+ECDHE",
    ] {
        let theirs = b.t.peer("gnutls-cli", ["--list", "--priority", priority]).stdout.contains("VERS-TLS");
        b.t.file("cn=config.ldif", b.filled(&format!("dn: cn=config\n{PAIR}olcTLSCipherSuite: {priority}\n")));
        let told = codes(&b.lint("cn=config.ldif", GNUTLS));
        assert_eq!(told.contains("gnutls-priority"), !theirs, "{priority}: {told:?}");
        assert!(!told.contains("openldap-cipher-library"), "{priority}");
    }
}

#[test]
fn each_fault_of_a_change_is_found_in_its_line() {
    let b = Bench::new();
    let case = |words: &str, text: &str| b.case("tls.ldif", words, text);
    let replace = |name: &str, value: &str| format!("replace: {name}\n{name}: {value}\n");
    let (cert, key) =
        (replace("olcTLSCertificateFile", "D/fullchain.pem"), replace("olcTLSCertificateKeyFile", "D/leaf.key"));
    let head = "dn: cn=config\nchangetype: modify\n";
    case(GNUTLS, &format!("{head}{cert}-\n{key}-"));
    case(
        GNUTLS,
        &format!("dn: cn=config\nreplace: olcTLSCertificateFile §openldap-ldif-changetype\n{}-\n{key}-", &cert[31..]),
    );
    case(GNUTLS, &format!("{head}{cert}replace: olcTLSCertificateKeyFile §openldap-ldif-dash\n{}-", &key[34..]));
    case(GNUTLS, &format!("{head}{cert}-\nadd: olcTLSCertificateKeyFile §openldap-ldif-add\n{}-", &key[34..]));
    let apart = |code: &str| {
        format!(
            "{head}replace: olcTLSCertificateFile\nolcTLSCertificateFile: D/fullchain.pem {code}\n-\n\n{head}{key}-"
        )
    };
    case(GNUTLS, &apart("§openldap-changed-apart"));
}

/// RFC 2849: a record that is not in form is refused whole.
#[test]
fn each_fault_in_the_form_of_a_change_is_found_in_its_line() {
    let b = Bench::new();
    let (cert, key) = ("olcTLSCertificateFile: D/fullchain.pem", "olcTLSCertificateKeyFile: D/leaf.key");
    let good = format!(
        "dn: cn=config\nchangetype: modify\nreplace: olcTLSCertificateFile\n{cert}\n-\nreplace: olcTLSCertificateKeyFile\n{key}\n-"
    );
    let case = |from: &str, to: &str| b.case("tls.ldif", GNUTLS, &good.replace(from, to));
    case("", "");
    case("dn: cn=config", "dn cn=config §config-malformed");
    case("changetype: modify", "changetype: modfy §config-malformed");
    case(
        "changetype: modify",
        "replace: olcTLSVerifyClient\nolcTLSVerifyClient: never\n-\nchangetype: modify §config-malformed",
    );
    case("replace: olcTLSCertificateFile", "repalce: olcTLSCertificateFile §config-malformed");
    case(&format!("replace: olcTLSCertificateFile\n{cert}"), &format!("{cert} §config-malformed"));
    case(cert, &cert.replace("File:", "File :").replace(".pem", ".pem §config-malformed"));
    case(
        "modify",
        "modify\nreplace: olcTLSVerifyClient\nolcTLSCRLCheck: none §config-malformed openldap-setting-ignored\n-",
    );
    // The forms of RFC 2849 that seldom come up, and OpenLDAP's own.
    case("changetype", "control: 1.2.840.113556.1.4.1413 true\nchangetype");
    case("dn: cn", "version: 1\ndn: cn");
    case("dn: cn", "include: file:///etc/ldap/schema/cosine.ldif §setting-not-understood\n\ndn: cn");
    case(
        "dn: cn",
        "include: file:///a.ldif §setting-not-understood\ninclude: file:///b.ldif §setting-not-understood\n\ndn: cn",
    );
    b.case("tls.ldif", GNUTLS, &good.replace("=config", "=confg").replace(".pem", ".pem §openldap-ldif-entry"));
}

#[test]
fn each_fault_of_slapd_conf_is_found_in_its_line() {
    let b = Bench::new();
    let pair = "TLSCertificateFile D/fullchain.pem\nTLSCertificateKeyFile D/leaf.key\n";
    b.case("slapd.conf", OPENSSL, pair);
    b.case("slapd.conf", OPENSSL, &format!("{pair}TLS_CACERT D/root.pem §openldap-wrong-file"));
    b.case("slapd.conf", OPENSSL, &format!("{pair}TLSProtocolMin TLSv1.2 §openldap-protocol"));
    b.case(
        "ldap.conf",
        OPENSSL,
        "TLS_CACERT D/root.pem\nTLSCertificateFile D/fullchain.pem §openldap-wrong-file certificate-without-key",
    );
}
