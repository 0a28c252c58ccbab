//! `pkit chain check`: one chain for each thing that clients refuse, and what is said about it; then the order of the file.

mod constraints;
mod mesh;
mod order;
mod policies;
mod policy_tree;
mod refused;
mod trust_settings;

use crate::common::pki::{Authority, Leaf};
use crate::common::{Ran, Test, have};

/// root -> upper -> lower -> leaf for `mail.example.org`; the chain as it is served in `chain.pem`.
struct Served {
    test: Test,
    root: Authority,
    upper: Authority,
    lower: Authority,
    leaf: Leaf,
}

impl Served {
    fn new() -> Served {
        let root = Authority::root("Example Root");
        let upper = root.below("Upper CA");
        let lower = upper.below("Lower CA");
        let leaf = lower.leaf(&["mail.example.org"]);
        let test = Test::new();
        test.file("root.pem", root.pem());
        test.file("chain.pem", leaf.pem() + &lower.pem() + &upper.pem());
        Served { test, root, upper, lower, leaf }
    }

    /// `chain check` of `chain.pem` with the root as the only anchor.
    fn check(&self, more: &[&str]) -> Ran {
        self.test.run([&["chain", "check", "chain.pem", "--trust", "root.pem"], more].concat())
    }

    /// The same for another file of these certificates.
    fn check_file(&self, ders: &[&[u8]], more: &[&str]) -> Ran {
        self.test.file("chain.pem", pems(ders));
        self.check(more)
    }
}

/// It must be refused for this reason alone.
#[track_caller]
fn refused(ran: Ran, test: &str, code: &str) -> serde_json::Value {
    let json = ran.exits(1).json();
    assert_eq!(json["result"]["valid"], false);
    let checks = json["result"]["checks"].as_array().unwrap();
    let failed: Vec<_> = checks.iter().filter(|c| c["ok"] == false).collect();
    let codes: Vec<_> = failed.iter().map(|c| (c["id"].as_str().unwrap(), c["code"].as_str().unwrap())).collect();
    assert_eq!(codes, [(test, code)], "{json:#}");
    failed[0].clone()
}

fn pems(ders: &[&[u8]]) -> String {
    ders.iter().map(|der| crate::common::pki::cert_pem(der)).collect()
}

/// The codes of warnings.
fn warnings(ran: &Ran) -> Vec<String> {
    let json = ran.json();
    let findings = json["findings"].as_array().unwrap().iter().filter(|f| f["severity"] == "warning");
    findings.map(|f| f["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_good_chain_is_told_test_by_test() {
    let s = Served::new();
    let ran = s.check(&["--name", "mail.example.org", "--at", "2027-01-01"]).exits(0);
    let ran = ran.out_has("mail.example.org → Lower CA → Upper CA → Example Root (left out)");
    let ran = ran
        .out_has("OK    signature            3 signatures checked")
        .out_has("OK    trust                ends in `Example Root`");
    assert!(!ran.out_has("valid as of 2027-01-01 00:00:00 UTC, trust from root.pem").stdout.contains("FAIL"));
    let json = s.check(&["--json"]).exits(0).json();
    assert_eq!((&json["command"], &json["result"]["valid"]), (&"chain check".into(), &true.into()));
    let path: Vec<_> = json["result"]["path"].as_array().unwrap().iter().map(|c| c["subject"].clone()).collect();
    assert_eq!(path, ["CN=mail.example.org", "CN=Lower CA", "CN=Upper CA", "CN=Example Root"]);
    let first = &json["result"]["checks"][0];
    assert_eq!(
        (&first["id"], &first["ok"], &first["depth"]),
        (&"trust".into(), &true.into(), &serde_json::Value::Null)
    );
}

#[test]
fn a_refusal_says_what_where_and_what_to_do() {
    let s = Served::new();
    let ran = s.check(&["--name", "www.example.org", "--at", "4097-01-01"]).exits(1);
    let ran = ran.out_has("FAIL  name").out_has("not valid as of").out_has("error[name-mismatch]").out_has("help:");
    ran.out_has("it has DNS:mail.example.org").out_has("--> chain.pem:1").out_has("error[cert-expired]");
    // Accepted by name, a fault is a note.
    let accepted = ["--name", "www.example.org", "--accept", "name-mismatch"];
    s.check(&accepted).exits(0).out_has("NOTE  name").out_has("note[name-mismatch]");
}

#[test]
fn intermediates_may_come_from_elsewhere() {
    let s = Served::new();
    s.test.file("more.pem", s.lower.pem() + &s.upper.pem());
    let ran = s.check_file(&[&s.leaf.der], &["--untrusted", "more.pem", "--json"]).exits(0);
    assert_eq!(warnings(&ran), ["chain-gap"]);
    refused(s.check(&["--json"]), "trust", "chain-incomplete");
    s.test.file("key.pem", s.leaf.key_pem());
    s.test.run(["chain", "check", "key.pem", "--trust", "root.pem"]).exits(3).err_has("error[no-certificate]");
}

/// A signature that cannot be checked is not one that was made by somebody else: the issuer is there.
#[test]
fn an_unsupported_size_of_key_is_no_missing_issuer() {
    if !have("openssl") {
        return;
    }
    let t = Test::new();
    let request = "req -x509 -newkey rsa:1024 -nodes -sha384 -days 30 -subj /CN=Small -keyout ca.key -out ca.pem";
    t.peer("openssl", request.split(' ')).exits(0);
    t.peer("openssl", "req -newkey rsa:2048 -nodes -subj /CN=leaf -keyout leaf.key -out leaf.csr".split(' ')).exits(0);
    let sign = "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -sha384 -days 20 -CAcreateserial -out leaf.pem";
    t.peer("openssl", sign.split(' ')).exits(0);
    let ran = t.run(["chain", "check", "leaf.pem", "--trust", "ca.pem"]).exits(1);
    ran.out_has("signature-unsupported").out_has("Small");
}

/// Several directories in one variable, as OpenSSL has it; one that is not there is passed over.
#[test]
fn the_systems_trust_is_where_the_environment_says() {
    let served = Served::new();
    let other = Authority::root("Other Root");
    served.test.file("other/other.pem", other.pem());
    served.test.file("own/own.pem", served.root.pem());
    let judge = |value: &str| {
        let mut command = served.test.command(["chain", "check", "chain.pem"]);
        Ran::of(command.env("SSL_CERT_DIR", value).output().unwrap())
    };
    judge("other:missing:own").exits(0).out_has("(other:missing:own, chosen by SSL_CERT_DIR)");
    judge("own").exits(0);
    judge("other").exits(1);
    judge("missing:absent").exits(3).err_has("missing:absent");
}
