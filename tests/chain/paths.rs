//! Ways up: cross-signatures, names that several CAs share, gaps.

use rcgen::date_time_ymd;

use super::{Purchase, codes, pems};
use crate::common::Test;
use crate::common::pki::{Authority, ca_issuers};

/// Two roots; the intermediate is signed by the new one and, once more, by the old one through the new root's cross-signature.
struct Crossed {
    test: Test,
    old: Authority,
    new: Authority,
    middle: Authority,
    leaf: Vec<u8>,
}

impl Crossed {
    fn new() -> Crossed {
        let (old, new) = (Authority::root("Old Root"), Authority::root("New Root"));
        let middle = new.below("Issuing CA");
        let leaf = middle.leaf(&["mail.example.org"]).der;
        let test = Test::new();
        test.file("old.pem", old.pem());
        test.file("new.pem", new.pem());
        test.file("both.pem", old.pem() + &new.pem());
        Crossed { test, old, new, middle, leaf }
    }
}

#[test]
fn the_shortest_way_into_the_trust_store_is_taken_and_the_others_are_listed() {
    let c = Crossed::new();
    let cross = c.old.cross_sign(&c.new, |_| {});
    c.test.file("pile.pem", pems(&[&cross, &c.middle.der, &c.leaf]));
    let build = |trust: &str| c.test.run(["chain", "build", "pile.pem", "--trust", trust, "--json"]).exits(0);
    let both = build("both.pem").json();
    assert_eq!(both["result"]["content"], pems(&[&c.leaf, &c.middle.der]));
    assert_eq!(both["result"]["paths"].as_array().unwrap().len(), 2, "{both}");
    assert_eq!(build("new.pem").json()["result"]["content"], pems(&[&c.leaf, &c.middle.der]));
    // Who trusts the old root only must be sent the cross-signature.
    assert_eq!(build("old.pem").json()["result"]["content"], pems(&[&c.leaf, &c.middle.der, &cross]));
    let shown = c.test.run(["chain", "build", "pile.pem", "--trust", "both.pem", "-o", "chain.pem"]).exits(0);
    shown.out_has("also possible: mail.example.org → Issuing CA → New Root → Old Root");
}

/// What broke half the web's clients in May 2020: the shorter or first way leads over an expired cross-signature.
#[test]
fn an_expired_cross_signature_is_avoided() {
    let c = Crossed::new();
    let expired = c.old.cross_sign(&c.middle, |params| {
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2010, 1, 1);
    });
    for pile in [[&expired, &c.middle.der, &c.leaf], [&c.leaf, &c.middle.der, &expired]] {
        c.test.file("pile.pem", pems(&pile.map(Vec::as_slice)));
        let ran = c.test.run(["chain", "build", "pile.pem", "--trust", "both.pem"]).exits(0);
        assert_eq!(ran.stdout, pems(&[&c.leaf, &c.middle.der]));
        assert!(!ran.stderr.contains("cert-expired"), "{}", ran.stderr);
    }
    // Also where the way around it is longer.
    let cross = c.old.cross_sign(&c.new, |_| {});
    c.test.file("more.pem", pems(&[&expired, &c.leaf, &cross, &c.middle.der]));
    let ran = c.test.run(["chain", "build", "more.pem", "--trust", "old.pem"]).exits(0);
    assert_eq!(ran.stdout, pems(&[&c.leaf, &c.middle.der, &cross]));
    // When it was in force it was good.
    let ran = c.test.run(["chain", "build", "more.pem", "--trust", "old.pem", "--at", "2005-06-01"]).exits(0);
    assert_eq!(ran.stdout, pems(&[&c.leaf, &expired]));
}

#[test]
fn authorities_of_one_name_are_told_apart_by_their_signatures() {
    let p = Purchase::new();
    // The same name, another key; once with key identifiers to help and once with misleading ones.
    let twin = p.upper.below("Lower CA");
    for pile in [[&twin.der, &p.lower.der], [&p.lower.der, &twin.der]] {
        p.test.file("pile.pem", pems(&[pile[0], pile[1], &p.leaf.der, &p.upper.der]));
        p.builds(&["pile.pem"]).err_has("note[cert-unused]: `Lower CA`");
    }
}

#[test]
fn a_key_identifier_that_lies_does_not_hide_the_issuer() {
    let p = Purchase::new();
    let lying = p.upper.cross_sign(&p.lower, |params| {
        params.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(vec![1, 2, 3, 4]);
    });
    p.test.file("pile.pem", pems(&[&p.leaf.der, &lying, &p.upper.der]));
    let ran = p.build(&["pile.pem"]).exits(0);
    assert_eq!(ran.stdout, pems(&[&p.leaf.der, &lying, &p.upper.der]));
}

#[test]
fn a_gap_is_told_with_all_that_helps_to_fill_it() {
    let p = Purchase::new();
    let url = "http://ca.example/lower.crt";
    let leaf = p.lower.leaf_with(&["mail.example.org"], |params| params.custom_extensions.push(ca_issuers(url)));
    p.test.file("pile.pem", leaf.pem() + &p.upper.pem());
    let ran = p.build(&["pile.pem", "-o", "chain.pem"]).exits(1).err_has("error[chain-incomplete]");
    let cert = pkit::material::cert::Cert::from_der(&leaf.der).unwrap();
    let key_id = pkit::crypto::hex(cert.extensions.authority_key_id.as_deref().unwrap());
    ran.err_has("CN=Lower CA").err_has(&key_id).err_has(url);
    assert!(!p.test.exists("chain.pem"));
    // On stdout the chain is shown as far as it goes; the exit code says that it is not one to use.
    assert_eq!(p.build(&["pile.pem"]).exits(1).stdout, leaf.pem());
    let missing = &p.build(&["pile.pem", "--json"]).exits(1).json()["result"]["missing_issuer"];
    assert_eq!(
        (&missing["subject"], &missing["key_id"], &missing["urls"][0]),
        (&"CN=Lower CA".into(), &key_id.into(), &url.into())
    );
    // Accepted by its code, it is written.
    p.build(&["pile.pem", "-o", "chain.pem", "--accept", "chain-incomplete"]).exits(0);
    assert_eq!(p.test.text("chain.pem"), leaf.pem());
}

#[test]
fn a_gap_further_up_shows_how_far_the_chain_goes() {
    let p = Purchase::new();
    p.test.file("pile.pem", p.lower.pem() + &p.leaf.pem());
    let ran = p.build(&["pile.pem"]).exits(1).err_has("no issuer for `Lower CA`").err_has("CN=Upper CA");
    assert_eq!(ran.stdout, p.leaf.pem() + &p.lower.pem());
}

#[test]
fn an_expired_leaf_is_told_and_still_put_in_order() {
    let p = Purchase::new();
    let leaf = p.lower.leaf_with(&["mail.example.org"], |params| params.not_after = date_time_ymd(2010, 1, 1));
    p.test.file("pile.pem", p.upper.pem() + &p.lower.pem() + &leaf.pem());
    let ran = p.build(&["pile.pem"]).exits(0).err_has("warning[cert-expired]");
    assert_eq!(ran.stdout, leaf.pem() + &p.lower.pem() + &p.upper.pem());
    assert_eq!(codes(&p.build(&["pile.pem", "--at", "2009-12-31", "--json"]).exits(0)), Vec::<String>::new());
}

#[test]
fn a_root_that_nobody_trusts_is_told() {
    let p = Purchase::new();
    p.test.file("pile.pem", p.reversed() + &p.root.pem());
    p.test.file("stranger.pem", Authority::root("Stranger").pem());
    let ran = p.test.run(["chain", "build", "pile.pem", "--trust", "stranger.pem"]).exits(0);
    assert_eq!(ran.err_has("warning[not-trusted]").stdout, p.chain());
}

/// An anchor that cannot be read is told: the chain may fail for it and nobody would know why.
#[test]
fn a_damaged_trust_store_is_told() {
    let c = Crossed::new();
    c.test.file("pile.pem", pems(&[&c.middle.der, &c.leaf]));
    let cut = c.old.pem();
    c.test.file("damaged.pem", c.new.pem() + &cut[..cut.len() / 2]);
    let ran = c.test.run(["chain", "build", "pile.pem", "--trust", "damaged.pem", "-o", "chain.pem"]).exits(0);
    ran.err_has("warning[trust-damaged]").err_has("pem-truncated").err_has("damaged.pem");
}
