//! Verdicts of others: x509-limbo, NIST PKITS, OpenSSL's own verify test and BoringSSL's lists, found through `PKIT_TEST_DATA`. What pkit says must
//! be what they say, except where `exceptions.txt` gives our reason; a case that agrees although it is listed there fails too.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::common::{self, Ran, Test};

/// One case: certificates in PEM, the options that go with it, and the verdict.
struct Case {
    id: String,
    leaf: String,
    untrusted: String,
    trusted: String,
    crls: String,
    options: Vec<String>,
    valid: bool,
}

#[test]
fn x509_limbo() {
    let Some(dir) = common::data("limbo") else { return };
    agree("limbo", list(&json(&dir.join("limbo.json"))["testcases"]).iter().map(limbo).collect());
}

#[test]
fn nist_pkits() {
    let Some(dir) = common::data("pkits") else { return };
    agree("pkits", list(&json(&dir.join("pkits.json"))).iter().map(|case| pkits(&dir, case)).collect());
}

#[test]
fn openssl_verify() {
    let Some(dir) = common::data("suites") else { return };
    agree("openssl-verify", list(&json(&dir.join("openssl-verify.json"))).iter().map(openssl).collect());
}

#[test]
fn boringssl_lists() {
    let Some(dir) = common::data("suites") else { return };
    agree("chromium-crl", list(&json(&dir.join("chromium-crl.json"))).iter().map(boringssl).collect());
}

/// Files of all sorts: what OpenSSL and pyca/cryptography agree on, `inspect` takes or refuses as they do. PKCS#12 has its own test.
#[test]
fn files_of_every_kind_are_parsed_as_openssl_and_cryptography_do() {
    let Some(dir) = common::data("certs") else { return };
    let root = dir.parent().unwrap();
    let manifest = std::fs::read_to_string(root.join("manifest-parse.csv")).unwrap();
    let exceptions = exceptions("parse");
    let (mut judged, mut wrong) = (0, Vec::new());
    for row in manifest.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        let (path, password, expected) = (fields[0], fields[7], fields[fields.len() - 1]);
        let command = match fields[1] {
            kind @ ("cert" | "csr" | "crl" | "key") => kind,
            "p7" => "cert",
            _ => continue,
        };
        // The peers were given this password, also where it is none.
        let words =
            [command, "inspect", root.join(path).to_str().unwrap(), "--passphrase-env", "PASSWORD"].map(str::to_owned);
        let ran = Ran::of(Test::new().command(words).env("PASSWORD", password).output().unwrap());
        if !matches!(ran.exit, 0 | 3) {
            wrong.push(format!("{path}: exit {}", ran.exit));
        }
        let takes = match expected {
            "accept" => true,
            "reject" => false,
            _ => continue,
        };
        judged += 1;
        if (takes == (ran.exit == 0)) == exceptions.contains_key(path) {
            wrong.push(format!(
                "{path}: expected {expected}, exit {} {}",
                ran.exit,
                ran.stderr.lines().next().unwrap_or("")
            ));
        }
    }
    assert!(judged > 700 && wrong.is_empty(), "{judged}:\n{}", wrong.join("\n"));
}

fn limbo(case: &Value) -> Case {
    let mut options = Options::default();
    options.pair("--purpose", &word(&case["validation_kind"]).to_lowercase());
    options.maybe("--at", &case["validation_time"]);
    options.maybe("--max-depth", &case["max_chain_depth"]);
    let peer = &case["expected_peer_name"];
    if peer["kind"] == "DNS" || peer["kind"] == "IP" {
        options.maybe("--name", &peer["value"]);
    }
    Case {
        id: word(&case["id"]),
        leaf: word(&case["peer_certificate"]),
        untrusted: joined(&case["untrusted_intermediates"]),
        trusted: joined(&case["trusted_certs"]),
        crls: joined(&case["crls"]),
        options: options.0,
        valid: case["expected_result"] == "SUCCESS",
    }
}

fn pkits(dir: &Path, case: &Value) -> Case {
    let text = |folder: &str, name: &Value| {
        std::fs::read_to_string(dir.join(folder).join(word(name)).with_extension("pem")).unwrap()
    };
    let read = |name: &Value| text("certs-pem", name);
    let names = list(&case["certs"]);
    let mut options = Options::default();
    options.pair("--at", "2011-04-15");
    options.flag("--require-explicit-policy", &case["initial_explicit_policy"]);
    options.flag("--inhibit-policy-mapping", &case["initial_policy_mapping_inhibit"]);
    options.flag("--inhibit-any-policy", &case["initial_inhibit_any_policy"]);
    for policy in list(&case["initial_policy_set"]) {
        options.maybe("--policy", policy);
    }
    Case {
        id: word(&case["number"]),
        leaf: read(&names[names.len() - 1]),
        untrusted: names[1..names.len() - 1].iter().map(read).collect(),
        trusted: read(&names[0]),
        crls: list(&case["crls"]).iter().map(|name| text("crls-pem", name)).collect(),
        options: options.0,
        valid: case["should_validate"] == true,
    }
}

fn openssl(case: &Value) -> Case {
    let mut options = Options::default();
    options.pair("--purpose", &word(&case["purpose"]));
    let opts: Vec<String> = list(&case["opts"]).iter().map(word).collect();
    let value = |name: &str| opts.iter().position(|o| o == name).map(|at| opts[at + 1].clone());
    let at = value("-attime").map_or_else(|| "2026-11-22".to_owned(), |seconds| format!("@{seconds}"));
    options.pair("--at", &at);
    if let Some(depth) = value("-verify_depth") {
        options.pair("--max-depth", &depth);
    }
    if let Some(policy) = value("-policy") {
        options.pair("--policy", &policy);
    }
    options.flag("--require-explicit-policy", &opts.iter().any(|o| o == "-explicit_policy").into());
    Case {
        id: word(&case["id"]),
        leaf: word(&case["leaf"]),
        untrusted: joined(&case["untrusted"]),
        trusted: joined(&case["trusted"]),
        crls: joined(&case["crls"]),
        options: options.0,
        valid: case["expect"] == "SUCCESS",
    }
}

fn boringssl(case: &Value) -> Case {
    Case {
        id: word(&case["id"]),
        leaf: word(&case["leaf"]),
        untrusted: joined(&case["untrusted"]),
        trusted: joined(&case["trusted"]),
        crls: joined(&case["crls"]),
        options: vec!["--at".into(), word(&case["time"])],
        valid: case["expect"] == "SUCCESS",
    }
}

#[derive(Default)]
struct Options(Vec<String>);

impl Options {
    fn pair(&mut self, name: &str, value: &str) {
        self.0.extend([name.to_owned(), value.to_owned()]);
    }

    fn maybe(&mut self, name: &str, value: &Value) {
        if !value.is_null() {
            self.pair(name, &word(value));
        }
    }

    fn flag(&mut self, name: &str, value: &Value) {
        if value == true {
            self.0.push(name.to_owned());
        }
    }
}

/// Every case on four threads; what differs must be what is listed.
#[track_caller]
fn agree(suite: &str, cases: Vec<Case>) {
    let exceptions = exceptions(suite);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (agrees, told) = judge(case);
            match (agrees, exceptions.contains_key(&case.id)) {
                (false, false) => wrong.push(format!("{}: not as expected: {told}", case.id)),
                (true, true) => wrong.push(format!("{}: agrees, but is listed in tests/exceptions.txt", case.id)),
                _ => {}
            }
        }
        wrong
    };
    let mut wrong: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|w| w.join().unwrap()).collect()
    });
    let unknown = exceptions.keys().filter(|id| !cases.iter().any(|c| c.id == **id));
    wrong.extend(unknown.map(|id| format!("{id}: listed, but there is no such case")));
    wrong.sort();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Does pkit say what the case says? With its exit code and last finding.
fn judge(case: &Case) -> (bool, String) {
    let test = Test::new();
    test.file("leaf.pem", &case.leaf);
    test.file("untrusted.pem", &case.untrusted);
    test.file("trusted.pem", &case.trusted);
    let mut words = vec!["chain", "check", "leaf.pem", "--trust", "trusted.pem"];
    if !case.untrusted.is_empty() {
        words.extend(["--untrusted", "untrusted.pem"]);
    }
    if !case.crls.is_empty() {
        test.file("crls.pem", &case.crls);
        words.extend(["--crl", "crls.pem"]);
    }
    words.extend(case.options.iter().map(String::as_str));
    let ran = test.run(words);
    let agrees = match ran.exit {
        0 => case.valid,
        1 | 3 => !case.valid,
        _ => false,
    };
    let all = ran.stdout + &ran.stderr;
    let said: Vec<&str> = all.lines().filter(|l| l.starts_with("error")).collect();
    (agrees, format!("exit {} {}", ran.exit, said.join("; ")))
}

/// The identifiers of a suite with our reasons.
fn exceptions(suite: &str) -> BTreeMap<String, String> {
    let text = include_str!("exceptions.txt");
    let mut section = "";
    let mut found = BTreeMap::new();
    for line in text.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = name;
        } else if section == suite {
            let (id, reason) = line.split_once(" = ").unwrap_or_else(|| panic!("no reason given: {line}"));
            assert!(found.insert(id.to_owned(), reason.to_owned()).is_none(), "{id} is listed twice");
        }
    }
    found
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn joined(value: &Value) -> String {
    list(value).iter().map(|pem| word(pem) + "\n").collect()
}
