//! What configurations name: wherever the fault is, it is told where it can be mended.

use super::{Bench, codes};
use crate::common::keys::openssl;

const V23: &str = "--server-version 2.3.19";

fn found(b: &Bench, cert: &str, key: &str, more: &str) -> Vec<String> {
    b.t.file("dovecot.conf", b.filled(&format!("ssl = yes\nssl_cert = <D/{cert}\nssl_key = <D/{key}\n{more}")));
    codes(&b.lint("dovecot.conf", V23)).into_iter().collect()
}

#[test]
fn certificate_chain_and_key_must_belong_together() {
    let b = Bench::new();
    let pair = |cert: &str, key: &str| found(&b, cert, key, "");
    assert_eq!(pair("fullchain.pem", "leaf.key"), Vec::<String>::new());
    assert_eq!(pair("fullchain.pem", "other.key"), ["key-mismatch"]);
    assert_eq!(pair("leaf.key", "fullchain.pem"), ["certificate-not-found", "key-not-found"]);
    assert_eq!(pair("leaf-last.pem", "leaf.key"), ["chain-leaf-not-first"]);
    assert_eq!(pair("leaf-only.pem", "leaf.key"), ["chain-gap"]);
    assert_eq!(pair("leaf.der", "leaf.key"), ["certificate-not-pem", "chain-gap"]);
    assert_eq!(pair("nowhere.pem", "leaf.key"), ["named-file-missing"]);
    let clients = "ssl_ca = <D/ca.pem\nssl_verify_client_cert = yes\nauth_ssl_require_client_cert = yes\n";
    let ran = {
        found(&b, "leaf-only.pem", "leaf.key", clients);
        b.lint("dovecot.conf", V23).exits(1)
    };
    assert!(ran.stdout.contains("is not used for this"), "{}", ran.stdout);
}

#[test]
fn every_ca_of_dovecot_needs_its_crl() {
    let b = Bench::new();
    let clients = |file: &str| {
        let more = format!("ssl_ca = <D/{file}\nssl_verify_client_cert = yes\nauth_ssl_require_client_cert = yes\n");
        found(&b, "fullchain.pem", "leaf.key", &more)
    };
    assert_eq!(clients("ca.pem"), Vec::<String>::new());
    assert_eq!(clients("no-crl-of-root.pem"), ["crl-missing"]);
    assert_eq!(clients("cas.pem"), ["crl-missing"]);
    assert_eq!(clients("same-date.pem"), ["crl-same-date"]);
    assert_eq!(clients("crls.pem"), ["ca-issuer-missing", "ca-not-found", "crl-foreign"]);
}

#[test]
fn keys_that_others_can_read_and_certificates_that_are_weak_or_old_are_told() {
    let b = Bench::new();
    b.t.chmod("leaf.key", 0o444);
    assert_eq!(found(&b, "fullchain.pem", "leaf.key", ""), ["key-world-readable"]);
    b.t.chmod("leaf.key", 0o400);
    let at = |when: &str| {
        let ran = b.lint("dovecot.conf", &format!("{V23} --at {when}"));
        codes(&ran).into_iter().collect::<Vec<_>>()
    };
    assert_eq!(at("4095-12-25"), ["cert-expires-soon"]);
    assert_eq!(at("4097-01-01"), ["cert-expired"]);
    let text = "ssl = yes\nssl_cert = <D/fullchain.pem\nssl_key = <D/leaf.key\nlocal_name www.example.org {\n  ssl_cert = <D/other.pem\n  ssl_key = <D/other.key\n}\n";
    b.t.file("dovecot.conf", b.filled(text));
    assert_eq!(codes(&b.lint("dovecot.conf", V23)).into_iter().collect::<Vec<_>>(), ["name-mismatch"]);
}

#[test]
fn paths_lead_where_the_kernel_says() {
    let b = Bench::new();
    for path in ["fullchain.pem/", "root.pem/../fullchain.pem"] {
        assert_eq!(found(&b, path, "leaf.key", ""), ["named-file-unread"], "{path}");
    }
    std::os::unix::fs::symlink("fullchain.pem", b.t.path("link.pem")).unwrap();
    for path in ["link.pem", "./fullchain.pem", "/fullchain.pem"] {
        assert_eq!(found(&b, path, "leaf.key", ""), Vec::<String>::new(), "{path}");
    }
    // A file that is spelt in two ways is one.
    b.t.chmod("leaf.key", 0o444);
    found(&b, "fullchain.pem", "leaf.key", "local_name mail.example.org {\n  ssl_key = <D//leaf.key\n}\n");
    assert_eq!(b.lint("dovecot.conf", V23).json()["findings"].as_array().unwrap().len(), 1);
}

#[test]
fn keys_and_certificates_in_forms_that_servers_do_not_take_are_told() {
    let b = Bench::new();
    let t = &b.t;
    let glued = t.text("fullchain.pem").replace("-----\n-----BEGIN", "----------BEGIN");
    t.file("glued.pem", glued);
    assert_eq!(found(&b, "glued.pem", "leaf.key", ""), ["pem-glued"]);
    let key = t.path("leaf.key").to_str().unwrap().to_owned();
    t.file("locked.key", openssl(&["pkcs8", "-topk8", "-in", &key, "-passout", "pass:secret"]));
    t.chmod("locked.key", 0o400);
    assert_eq!(found(&b, "fullchain.pem", "locked.key", ""), ["key-encrypted"]);
    assert_eq!(found(&b, "fullchain.pem", "locked.key", "ssl_key_password = <D/password\n"), Vec::<String>::new());
    let at = |name: &str| t.path(name).to_str().unwrap().to_owned();
    let request =
        ["req", "-x509", "-nodes", "-subj", "/CN=mail.example.org", "-addext", "subjectAltName=DNS:mail.example.org"];
    let small = ["-newkey", "rsa:1024", "-keyout", &at("small.key"), "-out", &at("small.pem")];
    openssl(&[&request[..], &small].concat());
    t.chmod("small.key", 0o400);
    assert_eq!(found(&b, "small.pem", "small.key", ""), ["key-too-small"]);
}

#[test]
fn a_ca_directory_needs_its_links() {
    let b = Bench::new();
    b.t.file("cas/root.pem", b.t.read("root.pem"));
    let more = "ssl_client_ca_dir = D/cas\n";
    assert_eq!(found(&b, "fullchain.pem", "leaf.key", more), ["ca-without-link"]);
    std::fs::create_dir(b.t.path("linked")).unwrap();
    b.t.run(["bundle", "cadir", "linked", "root.pem"]).exits(0);
    assert_eq!(found(&b, "fullchain.pem", "leaf.key", "ssl_client_ca_dir = D/linked\n"), Vec::<String>::new());
}
