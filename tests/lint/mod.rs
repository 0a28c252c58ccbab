//! `pkit lint`: configurations with one fault each, and nothing but that fault is found, in its line.

mod apache;
mod courier;
mod dovecot;
mod exim;
mod haproxy;
mod hostile;
mod material;
mod nginx;
mod openldap;
mod output;
mod packaged;
mod postfix;

use std::collections::BTreeSet;

use crate::common::pki::{Authority, Crl, cert_pem, crl_pem};
use crate::common::{Ran, Test};

/// A scratch directory with what configurations name: `D` stands for it.
pub struct Bench {
    pub t: Test,
}

impl Bench {
    /// root -> one -> two -> leaf; a second leaf for another name, a bundle with every CRL, and spoilt variants.
    pub fn new() -> Bench {
        let t = Test::new();
        let root = Authority::root("root");
        let one = root.below("one");
        let two = one.below("two");
        let leaf = two.leaf(&["mail.example.org"]);
        let other = two.leaf(&["other.example.org"]);
        let good = Crl::default;
        let old = Crl { next_update: Some(2021), ..Crl::default() };
        let bundle = [&two, &one, &root].map(|ca| ca.pem() + &crl_pem(&ca.crl(&good()))).concat();
        t.file("root.pem", root.pem());
        t.file("fullchain.pem", leaf.pem() + &two.pem() + &one.pem());
        t.file("leaf.key", leaf.key_pem());
        t.file("other.pem", other.pem() + &two.pem() + &one.pem());
        t.file("other.key", other.key_pem());
        t.file("same-date.pem", bundle.clone() + &crl_pem(&one.crl(&Crl { number: 2, ..Crl::default() })));
        t.file("ca.pem", bundle);
        t.file("cas.pem", two.pem() + &one.pem() + &root.pem());
        t.file("one-ca.pem", root.pem());
        t.file("crls.pem", [&two, &one, &root].map(|ca| crl_pem(&ca.crl(&good()))).concat());
        t.file("crl-of-two.pem", crl_pem(&two.crl(&good())));
        t.file("old-crls.pem", [&two, &one, &root].map(|ca| crl_pem(&ca.crl(&old))).concat());
        t.file("key-first.pem", leaf.key_pem() + &leaf.pem() + &two.pem() + &one.pem());
        t.file("key-last.pem", leaf.pem() + &two.pem() + &one.pem() + &leaf.key_pem());
        t.file("other-first.pem", other.key_pem() + &other.pem() + &two.pem() + &one.pem());
        t.file("leaf-only.pem", leaf.pem());
        t.file("leaf-last.pem", two.pem() + &one.pem() + &leaf.pem());
        t.file("leaf.der", &leaf.der);
        t.file(
            "no-crl-of-root.pem",
            [&two, &one].map(|ca| ca.pem() + &crl_pem(&ca.crl(&good()))).concat() + &root.pem(),
        );
        t.file("password", "secret");
        t.file("password-line", "secret\n");
        assert_eq!(cert_pem(&root.der), root.pem());
        for secret in
            ["leaf.key", "other.key", "other-first.pem", "key-first.pem", "key-last.pem", "password", "password-line"]
        {
            t.chmod(secret, 0o400);
        }
        Bench { t }
    }

    /// Lints a configuration in which each line with a fault ends with `§code`, and compares. What the marks name must be found,
    /// and no other warning or error in this file.
    #[track_caller]
    pub fn case(&self, name: &str, words: &str, marked: &str) {
        let (text, wanted) = unmarked(marked);
        let path = self.t.file(name, self.filled(&text));
        let ran = self.lint(name, words);
        let found = findings(&ran, path.to_str().unwrap());
        assert_eq!(found, wanted, "{words}\n{text}\n{}{}", ran.stdout, ran.stderr);
    }

    pub fn filled(&self, text: &str) -> String {
        text.replace("D/", &format!("{}/", self.t.path("").to_str().unwrap().trim_end_matches('/')))
    }

    pub fn lint(&self, name: &str, words: &str) -> Ran {
        let path = self.t.path(name);
        let trust = self.t.path("root.pem");
        let mut all = vec!["lint", "--json", "--trust", trust.to_str().unwrap(), path.to_str().unwrap()];
        all.extend(words.split_whitespace());
        self.t.run(all)
    }
}

/// The text, and the pairs of line and code that it is marked with.
fn unmarked(marked: &str) -> (String, BTreeSet<(u64, String)>) {
    let (mut text, mut wanted) = (String::new(), BTreeSet::new());
    for (number, line) in marked.lines().enumerate() {
        let (line, codes) = line.split_once('§').unwrap_or((line, ""));
        wanted.extend(codes.split_whitespace().map(|code| (number as u64 + 1, code.to_owned())));
        text += line.trim_end();
        text.push('\n');
    }
    (text, wanted)
}

/// What leaves the old protocols out where a build with GnuTLS speaks them by default.
pub const PRIORITY: &str = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

/// Warnings and errors that point into this file.
pub fn findings(ran: &Ran, path: &str) -> BTreeSet<(u64, String)> {
    let json = ran.json();
    let all = json["findings"].as_array().unwrap();
    let told =
        all.iter().filter(|f| f["path"] == path && ["warning", "error"].contains(&f["severity"].as_str().unwrap()));
    told.map(|f| (f["line"].as_u64().unwrap_or(0), f["id"].as_str().unwrap().to_owned())).collect()
}

/// Codes of everything that was found, wherever.
pub fn codes(ran: &Ran) -> BTreeSet<String> {
    let json = ran.json();
    let all = json["findings"].as_array().unwrap();
    all.iter().filter(|f| f["severity"] != "info").map(|f| f["id"].as_str().unwrap().to_owned()).collect()
}
