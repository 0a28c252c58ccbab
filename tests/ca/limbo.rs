//! x509-limbo's cases about name constraints and path lengths, put to a CA at issuing time: CAs with the constraints of the case
//! and keys of ours are asked for the end-entity (or the CA) that the case is about. What should not validate is not signed.

use pkit::material::cert::Cert;
use pkit::material::ext::write::Extension;
use pkit::material::key::PrivateKey;
use pkit::pki::issue::{self, Body};
use pkit::pki::keygen::{self, NewKey};
use pkit::pki::request::request;
use pkit::pki::sign::Signer;
use serde_json::Value;
use time::macros::datetime;

use crate::common::pki::{cert_pem, pem};
use crate::common::{Test, data};

/// Cases whose fault is not in what is issued last, or that ask for something else than the profile: with the reason.
const OTHERWISE: &[(&str, &str)] = &[
    ("rfc5280::nc::permitted-dn-match", "a directory name, which is no server's"),
    (
        "rfc5280::nc::permitted-dns-match-noncritical",
        "the fault is that the root's constraints are not critical: the root is given",
    ),
    (
        "rfc5280::nc::not-allowed-in-ee-noncritical",
        "the end-entity asks for name constraints; the profile leaves them out",
    ),
    (
        "rfc5280::nc::not-allowed-in-ee-critical",
        "the end-entity asks for name constraints; the profile leaves them out",
    ),
    (
        "webpki::nc::intermediate-permitted-excluded-subtrees-both-null",
        "the fault is in the intermediate, which is given",
    ),
];

#[test]
fn constraints_of_limbo_are_kept_at_issuing_time() {
    let Some(dir) = data("limbo") else { return };
    let limbo: Value = serde_json::from_slice(&std::fs::read(dir.join("limbo.json")).unwrap()).unwrap();
    let (mut judged, mut wrong) = (0, Vec::new());
    for case in limbo["testcases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        if !id.contains("::nc::") && !id.starts_with("pathlen::") || !case["max_chain_depth"].is_null() {
            continue;
        }
        let leaf = cert(case["peer_certificate"].as_str().unwrap());
        let given = ["untrusted_intermediates", "trusted_certs"].map(|field| case[field].as_array().unwrap().clone());
        let cas: Vec<Cert> = given.concat().iter().map(|pem| cert(pem.as_str().unwrap())).collect();
        let chain = chain(&leaf, &cas);
        let (asked, ran) = if id.starts_with("pathlen::") && chain.len() > 1 {
            ("a CA", lowest_ca_again(&chain))
        } else {
            ("an end-entity", end_entity_again(&leaf, &chain, case["validation_kind"] == "CLIENT"))
        };
        let expected = case["expected_result"] == "SUCCESS";
        let otherwise = OTHERWISE.iter().any(|(known, _)| *known == id);
        judged += 1;
        if (matches!(ran.0, 0) == expected) == otherwise {
            wrong.push(format!("{id}: {asked}, exit {}, {}", ran.0, ran.1));
        }
    }
    assert!(judged > 25 && wrong.is_empty(), "{judged}\n{}", wrong.join("\n"));
}

fn cert(pem: &str) -> Cert {
    Cert::from_der(pem::parse(pem).unwrap().contents()).unwrap()
}

/// From the issuer of the end-entity up to the root; of several ways the one that a verifier would take.
fn chain(leaf: &Cert, cas: &[Cert]) -> Vec<Cert> {
    fn up(below: &Cert, cas: &[Cert], way: Vec<Cert>) -> Option<Vec<Cert>> {
        if way.last().is_some_and(|top| top.subject.der() == top.issuer.der() && top.issued_by(top)) {
            return Some(way);
        }
        let issuers = cas.iter().filter(|ca| below.issued_by(ca) && !way.contains(ca));
        let mut ways: Vec<Vec<Cert>> =
            issuers.filter_map(|ca| up(ca, cas, [&way[..], std::slice::from_ref(ca)].concat())).collect();
        ways.sort_by_key(Vec::len);
        ways.into_iter().next()
    }
    up(leaf, cas, Vec::new()).unwrap()
}

/// The same CAs with keys of ours, the lowest first.
fn rebuilt(chain: &[Cert]) -> (Vec<Cert>, PrivateKey) {
    const SPKI_BOUND: [&str; 2] = ["2.5.29.14", "2.5.29.35"];
    let mut made: Vec<(Cert, PrivateKey)> = Vec::new();
    for old in chain.iter().rev() {
        let key = keygen::generate(NewKey::EcP256).unwrap();
        let own = Signer::of(&key).unwrap();
        let signer = made.last().map_or_else(|| Signer::of(&key).unwrap(), |(_, above)| Signer::of(above).unwrap());
        let kept = old.raw_extensions().into_iter().filter(|e| !SPKI_BOUND.contains(&e.name().as_str()));
        let extensions: Vec<Extension> = kept.collect();
        let body = Body {
            serial: &issue::serial().unwrap(),
            issuer: &old.issuer,
            subject: &old.subject,
            not_before: datetime!(2020-01-01 0:00 UTC),
            not_after: datetime!(2090-01-01 0:00 UTC),
            key: &own.public,
            extensions: &extensions,
        };
        let cert = body.signed(&signer).unwrap();
        made.push((cert, key));
    }
    let (last, key) = made.pop().unwrap();
    let above = made.into_iter().rev().map(|(cert, _)| cert);
    (std::iter::once(last).chain(above).collect(), key)
}

fn taken_over(t: &Test, chain: &[Cert], more: &[&str]) -> (i32, String) {
    let (certs, key) = rebuilt(chain);
    t.file("cas.pem", certs.iter().map(|ca| cert_pem(ca.der())).collect::<String>());
    t.file("ca.key", key.to_pkcs8_pem().as_bytes());
    let words = ["ca", "init", "ca", "--from-cert", "cas.pem", "--from-key", "ca.key", "--no-passphrase"];
    let ran = t.run(words.iter().chain(more));
    (ran.exit, ran.stdout + &ran.stderr)
}

/// Is the lowest CA of the chain made below those above it?
fn lowest_ca_again(chain: &[Cert]) -> (i32, String) {
    taken_over(&Test::new(), &chain[1..], &["--intermediate", "The lowest CA", "--type", "ecdsa"])
}

/// Is the end-entity signed with the names that the case gives it?
fn end_entity_again(leaf: &Cert, chain: &[Cert], client: bool) -> (i32, String) {
    let t = Test::new();
    let (exit, told) = taken_over(&t, chain, &[]);
    assert_eq!(exit, 0, "{told}");
    let key = keygen::generate(NewKey::EcP256).unwrap();
    let names: Vec<Extension> = leaf.raw_extensions().into_iter().filter(|e| e.name() == "2.5.29.17").collect();
    let der = request(&Signer::of(&key).unwrap(), &leaf.subject, &names).unwrap();
    t.file("r.csr", pem("CERTIFICATE REQUEST", &der));
    let profile = if client { "client" } else { "server" };
    let ran = t.run(["ca", "sign", "r.csr", "--ca", "ca", "--profile", profile]);
    (ran.exit, ran.stdout + &ran.stderr)
}
