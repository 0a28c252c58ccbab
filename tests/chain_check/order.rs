//! The order of the file: told, and never a reason to refuse.

use rcgen::date_time_ymd;

use super::{Served, warnings};
use crate::common::pki::Authority;

#[test]
fn what_is_odd_about_the_order_is_a_warning() {
    let s = Served::new();
    let (leaf, lower, upper, root) = (&s.leaf.der[..], &s.lower.der[..], &s.upper.der[..], &s.root.der[..]);
    let stranger = Authority::root("Stranger").below("Stranger CA");
    let other = s.root.below("Other CA");
    let expired = s.root.cross_sign(&other, |params| params.not_after = date_time_ymd(2010, 1, 1));
    for (what, file, codes) in [
        ("in order", vec![leaf, lower, upper], &[][..]),
        ("the root as well", vec![leaf, lower, upper, root], &["chain-root-included"]),
        ("upside down above the leaf", vec![leaf, upper, lower], &["chain-order"]),
        ("a gap", vec![leaf, lower], &["chain-gap"]),
        ("twice", vec![leaf, lower, upper, lower], &["chain-duplicate"]),
        ("a stranger", vec![leaf, lower, &stranger.der, upper], &["chain-extra"]),
        ("an expired stranger", vec![leaf, lower, upper, &expired], &["chain-expired-extra"]),
    ] {
        s.test.file("upper.pem", s.upper.pem());
        let more: &[&str] = if what == "a gap" { &["--untrusted", "upper.pem", "--json"] } else { &["--json"] };
        let ran = s.check_file(&file, more).exits(0);
        assert_eq!(ran.json()["result"]["valid"], true, "{what}");
        assert_eq!(warnings(&ran), codes, "{what}");
    }
}

#[test]
fn a_ca_in_front_is_judged_and_told() {
    let s = Served::new();
    let ran = s.check_file(&[&s.upper.der, &s.lower.der, &s.leaf.der], &["--json"]).exits(0);
    let order: Vec<_> = warnings(&ran).into_iter().filter(|code| code.starts_with("chain-")).collect();
    assert_eq!(order, ["chain-leaf-not-first"]);
    assert_eq!(ran.json()["result"]["path"][0]["subject"], "CN=Upper CA");
}

#[test]
fn a_life_that_some_clients_find_too_long_is_told() {
    let s = Served::new();
    for (until, codes) in [(date_time_ymd(2028, 1, 1), &["cert-lifetime-long"][..]), (date_time_ymd(2026, 1, 1), &[])] {
        let dates = |p: &mut rcgen::CertificateParams| (p.not_before, p.not_after) = (date_time_ymd(2025, 1, 1), until);
        let leaf = s.lower.leaf_with(&["mail.example.org"], dates).der;
        let more = ["--name", "mail.example.org", "--at", "2025-06-01", "--json"];
        let ran = s.check_file(&[&leaf, &s.lower.der, &s.upper.der], &more).exits(0);
        assert_eq!(warnings(&ran), codes);
    }
}
