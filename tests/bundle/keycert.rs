//! `pkit bundle keycert`: key and chain in one file, judged by openssl and by a real Postfix.

use crate::common::pki::{Authority, Leaf};
use crate::common::{Test, have};
use crate::servers::postfix::Postfix;
use crate::servers::{Client, System};

struct Purchase {
    test: Test,
    intermediate: Authority,
    leaf: Leaf,
}

impl Purchase {
    fn new() -> Purchase {
        let root = Authority::root("Keycert Root");
        let intermediate = root.below("Keycert Intermediate");
        let leaf = intermediate.leaf(&["mail.example.org"]);
        let test = Test::new();
        test.file("root.pem", root.pem());
        test.file("ca.crt", &intermediate.der);
        test.file("mail.pem", leaf.pem());
        test.file("mail.key", leaf.key_pem());
        Purchase { test, intermediate, leaf }
    }
}

#[test]
fn the_key_comes_first_and_the_chain_in_order() {
    let p = Purchase::new();
    let ran = p.test.run(["bundle", "keycert", "mail.key", "ca.crt", "root.pem", "mail.pem", "-o", "all.pem"]).exits(0);
    ran.out_has("wrote all.pem").out_has("key, 2 certificates");
    let chain = p.leaf.pem() + &p.intermediate.pem();
    assert_eq!(p.test.text("all.pem"), p.leaf.key_pem() + &chain);
    assert_eq!(p.test.mode("all.pem"), 0o400);
    let args = ["bundle", "keycert", "mail.key", "ca.crt", "mail.pem", "--order", "cert-first", "-o", "-"];
    assert_eq!(p.test.run(args).exits(0).stdout, chain + &p.leaf.key_pem());
}

#[test]
fn postfix_serves_it() {
    let p = Purchase::new();
    p.test.run(["bundle", "keycert", "mail.key", "mail.pem", "ca.crt", "-o", "all.pem"]).exits(0);
    let file = p.test.path("all.pem");
    let tls = format!("smtpd_tls_security_level = may\nsmtpd_tls_chain_files = {}\n", file.display());
    let Some(postfix) = Postfix::start(System::Bookworm, &p.test, &tls) else { return };
    let client = Client::trusting(&p.test.path("root.pem")).starttls("smtp");
    client.handshake(postfix.smtp).verifies().presents(&(p.leaf.pem() + &p.intermediate.pem()));
}

#[test]
fn parameters_go_to_the_end() {
    let p = Purchase::new();
    p.test.run(["dhparam", "new", "-o", "dh.pem"]).exits(0);
    p.test.run(["bundle", "keycert", "mail.key", "mail.pem", "ca.crt", "--dh", "dh.pem", "-o", "all.pem"]).exits(0);
    assert!(p.test.text("all.pem").ends_with(&p.test.text("dh.pem")));
    p.test
        .run(["bundle", "keycert", "mail.key", "mail.pem", "--dh", "ca.crt", "-o", "x"])
        .exits(3)
        .err_has("dh-not-found");
}

#[test]
fn a_key_that_does_not_belong_is_refused() {
    let p = Purchase::new();
    p.test.file("other.key", p.intermediate.leaf(&["mail.example.org"]).key_pem());
    let before = p.test.snapshot();
    p.test.run(["bundle", "keycert", "other.key", "mail.pem", "-o", "all.pem"]).exits(1).err_has("error[key-mismatch]");
    p.test.run(["bundle", "keycert", "mail.key", "mail.pem"]).exits(2);
    let json = p.test.run(["bundle", "keycert", "mail.key", "mail.pem", "-o", "-", "--json"]).exits(2);
    assert!(!json.stdout.contains("PRIVATE"));
    if have("openssl") {
        let encrypt = "pkey -in mail.key -aes128 -passout pass:secret";
        p.test.file("locked.key", p.test.peer("openssl", encrypt.split(' ')).exits(0).bytes);
        let locked = ["bundle", "keycert", "locked.key", "mail.pem", "-o", "x", "--no-input"];
        p.test.run(locked).exits(3).err_has("error[passphrase-needed]");
        std::fs::remove_file(p.test.path("locked.key")).unwrap();
    }
    assert_eq!(p.test.snapshot(), before);
}

#[test]
fn a_chain_is_proven_only_where_that_is_asked() {
    let p = Purchase::new();
    let make =
        |more: &[&str]| p.test.run([&["bundle", "keycert", "mail.key", "-o", "all.pem", "--force"], more].concat());
    make(&["mail.pem"]).exits(0).err_has("warning[chain-incomplete]");
    let ran = make(&["mail.pem", "ca.crt"]).exits(0);
    assert!(ran.stderr.is_empty(), "{}", ran.stderr);
    make(&["mail.pem", "ca.crt", "--trust", "root.pem"]).exits(0);
    p.test.file("stranger.pem", Authority::root("Stranger").pem());
    let before = p.test.snapshot();
    make(&["mail.pem", "ca.crt", "--trust", "stranger.pem"]).exits(1).out_has("nothing was written");
    assert_eq!(p.test.snapshot(), before);
}

#[test]
fn json_holds_no_key() {
    let p = Purchase::new();
    let ran = p.test.run(["bundle", "keycert", "mail.key", "mail.pem", "ca.crt", "-o", "all.pem", "--json"]).exits(0);
    assert!(!ran.stdout.contains("PRIVATE"));
    let json = ran.json();
    assert_eq!(json["result"]["chain"].as_array().unwrap().len(), 2);
    assert_eq!(json["changes"][0]["after"], serde_json::Value::Null);
}
