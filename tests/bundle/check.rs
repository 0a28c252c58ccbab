//! `pkit bundle check`: what is said of a file that stands, with its lines.

use super::{ALL, Clients};
use crate::common::Ran;
use crate::common::pki::{Authority, Crl, crl_pem};

impl Clients {
    fn check(&self, bundle: impl AsRef<[u8]>, more: &[&str]) -> Ran {
        self.test.file("ca.pem", bundle);
        self.test.run([&["bundle", "check", "ca.pem"], more].concat())
    }
}

/// Issuing, intermediate, root; each with its list behind it. A certificate has some lines, which differ by a few.
fn line_of(bundle: &str, part: &str) -> usize {
    bundle[..bundle.find(part).unwrap()].lines().count() + 1
}

#[test]
fn what_dovecot_ca_made_is_fine() {
    let c = Clients::new();
    c.bundle(&[&["-o", "made.pem"], &ALL[..]].concat()).exits(0);
    let ran = c.check(c.test.read("made.pem"), &["--client", "alice.pem"]).exits(0);
    assert_eq!(ran.stdout.matches("OK").count(), 7, "{}", ran.stdout);
    let ran = ran.out_has("Dovecot lets `alice` in").out_has("renew it before 3000-01-01 00:00:00 UTC");
    assert!(ran.stderr.is_empty(), "{}", ran.stderr);
    let json = c.check(c.test.read("made.pem"), &["--json", "--client", "bob.pem"]).exits(1).json();
    assert_eq!((&json["result"]["order_ok"], &json["result"]["client"]["admitted"]), (&true.into(), &false.into()));
    assert_eq!(json["result"]["client"]["reasons"][0]["id"], "client-revoked");
    assert_eq!(json["result"]["entries"][1]["line"], line_of(&c.expected(), "-----BEGIN X509 CRL"));
}

#[test]
fn each_fault_is_named_with_its_line() {
    let c = Clients::new();
    let whole = c.expected();
    let list = |name: &str| crl_pem(&c.test.read(format!("{name}.crl")));
    let root_at = line_of(&whole, &c.root.pem());
    let last_at = line_of(&whole, &list("root"));
    let told = |bundle: &str, code: &str, line: usize| {
        c.check(bundle, &[]).exits(1).out_has(&format!("error[{code}]")).out_has(&format!("--> ca.pem:{line}\n"));
    };
    told(&whole.replace(&list("root"), ""), "crl-missing", root_at);
    told(&whole.replace(&c.root.pem(), ""), "ca-issuer-missing", line_of(&whole, &c.test.text("intermediate.pem")));
    let stale = crl_pem(&c.root.crl(&Crl { next_update: Some(2021), ..Crl::default() }));
    told(&whole.replace(&list("root"), &stale), "crl-expired", last_at);
    let early = crl_pem(&c.root.crl(&Crl { this_update: 2900, ..Crl::default() }));
    told(&whole.replace(&list("root"), &early), "crl-not-yet-valid", last_at);
    let impostor = crl_pem(&Authority::root("Clients Root").crl(&Crl { this_update: 2022, ..Crl::default() }));
    told(&(whole.clone() + &impostor), "crl-not-by-ca", whole.lines().count() + 1);
    let delta = crl_pem(&c.root.crl(&Crl { delta: Some(1), ..Crl::default() }));
    told(&(whole.clone() + &delta), "crl-delta-inside", whole.lines().count() + 1);
    told(&(whole.clone() + &c.test.text("alice.key")), "key-in-bundle", whole.lines().count() + 1);
    told(&whole.replacen("-----\n-----", "----------", 1), "pem-glued", line_of(&whole, &list("issuing")) - 1);
    let binary = [whole.as_bytes(), &c.test.read("root.crl")].concat();
    c.check(binary, &[]).exits(1).out_has("error[pem-binary-inside]");
    c.check(c.test.read("root.crl"), &[]).exits(1).out_has("error[bundle-not-pem]");
    c.check("", &[]).exits(1);
    c.test.run(["bundle", "check", "nowhere.pem"]).exits(3).err_has("error[file-missing]");
}

#[test]
fn what_does_no_harm_is_a_note() {
    let c = Clients::new();
    let mut blocks: Vec<String> = ["root", "issuing", "intermediate"].map(|n| c.test.text(format!("{n}.pem"))).into();
    blocks.extend(["root", "issuing", "intermediate"].map(|n| crl_pem(&c.test.read(format!("{n}.crl")))));
    c.check(blocks.concat(), &["--client", "alice.pem"]).exits(0).out_has("note[bundle-order]");
    let older = crl_pem(&c.root.crl(&Crl { this_update: 2019, ..Crl::default() }));
    c.check(c.expected() + &older, &[]).exits(0).out_has("note[crl-unused]");
    c.check(c.expected() + &c.test.text("alice.pem"), &[]).exits(0).out_has("note[not-an-authority]");
}

#[test]
fn of_two_lists_of_one_second_the_first_is_used_and_that_is_said() {
    let c = Clients::new();
    let twin = crl_pem(&c.issuing.crl(&Crl { number: 2, ..Crl::default() }));
    let ran = c.check(twin + &c.expected(), &["--client", "bob.pem"]).exits(0).out_has("warning[crl-same-date]");
    ran.out_has("Dovecot lets `bob` in");
}

#[test]
fn a_list_that_ends_soon_is_worth_a_warning() {
    let c = Clients::new();
    let at = ["--at", "2999-12-20"];
    let calm = c.check(c.expected(), &at).exits(0);
    assert!(!calm.stdout.contains("crl-expires-soon"), "{}", calm.stdout);
    let warned = [&at[..], &["--warn", "2w"]].concat();
    c.check(c.expected(), &warned).exits(0).out_has("warning[crl-expires-soon]").out_has("(12 d)");
    c.check(c.expected(), &[&warned[..], &["--fail-on", "warning"]].concat()).exits(1);
    c.check(c.expected(), &["--warn", "soon"]).exits(2);
}
