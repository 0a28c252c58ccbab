//! Chains against openssl, in one run: `cargo bench --bench chain`. Many chains checked in one process, and one chain built from
//! a pile of a thousand certificates. What is told is processor time: the median of the rounds and its spread.

#![allow(clippy::disallowed_methods, reason = "a benchmark starts programs and lays out files as a user does")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "the small PKI of the tests has more than is needed here")]

mod common;
#[path = "../tests/common/pki.rs"]
mod pki;

use std::path::Path;
use std::slice;

use common::{PKIT, ROUNDS, Spread, run, spent};
use pki::Authority;
use pkit::finding::Origin;
use pkit::material::cert::Cert;
use pkit::name::HostName;
use pkit::pki::chain::Pile;
use pkit::pki::keygen::{NewKey, RsaBits, generate};
use pkit::pki::verify::{Purpose, Wanted, prove};
use rcgen::{ExtendedKeyUsagePurpose, KeyPair};
use time::macros::datetime;

/// Chains of a round, and certificates of a pile.
const MANY: usize = 1_000;
const NAME: &str = "www.example.org";

fn main() {
    common::main(bench);
}

fn bench() {
    println!("{MANY} chains checked in one process, a pile of {MANY}; {ROUNDS} rounds\n");
    println!("                      pkit ms             openssl ms          ratio");
    for (what, kind, goal) in [("RSA-2048", NewKey::Rsa(RsaBits::B2048), 10_000), ("P-256", NewKey::EcP256, 5_000)] {
        let dir = tempfile::tempdir().unwrap();
        let chains = Chains::new(kind);
        chains.lay_out(dir.path());
        let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let (root, issuer, pile, out) = (at("root.pem"), at("issuer.pem"), at("pile.pem"), at("out.pem"));
        let leaves: Vec<String> = (0..MANY).map(|n| at(&format!("{n}.pem"))).collect();
        let asked = ["openssl", "verify", "-purpose", "sslserver", "-verify_hostname", NAME, "-CAfile", &root];

        let all: Vec<&str> = leaves.iter().map(String::as_str).collect();
        let all = [&asked[..], &["-untrusted", &issuer], &all].concat();
        let checked = side_by_side(&format!("{what}: check all"), || (spent(|| chains.check()), 0.0), &all);
        let rate = |ms: f64| 1e3 * MANY as f64 / ms;
        println!(
            "    chains per second {:.0} ({:.0}-{:.0}), goal {goal}",
            rate(checked.median),
            rate(checked.most),
            rate(checked.least)
        );

        let one = [&asked[..], &["-untrusted", &issuer, &leaves[0]]].concat();
        let check = [PKIT, "chain", "check", &leaves[0], "--untrusted", &issuer, "--trust", &root, "--name", NAME];
        side_by_side("    check, process", || run(&check), &one);

        let found = [&asked[..], &["-untrusted", &pile, &leaves[0]]].concat();
        side_by_side("    pile, in process", || (spent(|| chains.build()), 0.0), &found);
        let build = [PKIT, "chain", "build", &pile, "--trust", &root, "-f", "-o", &out];
        side_by_side("    pile, process", || run(&build), &found);
    }
}

/// One row: what pkit needs, and what this command of openssl needs.
fn side_by_side(what: &str, mut ours: impl FnMut() -> (f64, f64), openssl: &[&str]) -> Spread {
    let rounds: Vec<_> = (0..ROUNDS).map(|_| (ours(), run(openssl))).collect();
    let (ours, theirs): (Vec<_>, Vec<_>) = rounds.into_iter().unzip();
    let (ours, theirs) = (Spread::of(&ours), Spread::of(&theirs));
    println!("{what:20}  {ours:18}  {theirs:18}  {:5.1}", theirs.median / ours.median);
    ours
}

/// End-entities that differ, all under one intermediate, which is one of many under the root.
struct Chains {
    root: Authority,
    issuers: Vec<Authority>,
    leaves: Vec<Vec<u8>>,
}

impl Chains {
    fn new(kind: NewKey) -> Chains {
        let key = || KeyPair::try_from(generate(kind).unwrap().pkcs8_der()).unwrap();
        let root = Authority::root_with(key(), "Example Root");
        // The keys of those that have issued nothing do not matter, and RSA keys take long.
        let others = (2..MANY).map(|n| root.below(&format!("Example CA {n}")));
        let issuers: Vec<_> = [root.below_with(key(), "Example CA 1")].into_iter().chain(others).collect();
        let key = key();
        let server = |params: &mut rcgen::CertificateParams| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        };
        let leaves = (0..MANY).map(|_| issuers[0].issue(&key, &[NAME], server).1).collect();
        Chains { root, issuers, leaves }
    }

    fn lay_out(&self, dir: &Path) {
        let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).unwrap();
        let cas: Vec<String> = self.issuers.iter().map(Authority::pem).collect();
        write("root.pem", &self.root.pem());
        write("issuer.pem", &cas[0]);
        write("pile.pem", &[&cas[1..], &[pki::cert_pem(&self.leaves[0]), cas[0].clone()]].concat().concat());
        for (n, leaf) in self.leaves.iter().enumerate() {
            write(&format!("{n}.pem"), &pki::cert_pem(leaf));
        }
    }

    /// Every chain from its bytes: nothing that was parsed or verified for one is kept for the next, except the anchor.
    fn check(&self) {
        let anchor = Cert::from_der(&self.root.der).unwrap();
        for leaf in &self.leaves {
            prove_among(&[leaf, &self.issuers[0].der], &anchor);
        }
    }

    /// One chain, whose certificates are the last two of a pile.
    fn build(&self) {
        let anchor = Cert::from_der(&self.root.der).unwrap();
        let leaf = slice::from_ref(&self.leaves[0]);
        let pile: Vec<&[u8]> =
            leaf.iter().chain(self.issuers.iter().rev().map(|ca| &ca.der)).map(Vec::as_slice).collect();
        prove_among(&pile, &anchor);
    }
}

/// Reads certificates, the end-entity first, and proves the chain for a server of the name.
fn prove_among(pile: &[&[u8]], anchor: &Cert) {
    let names = [NAME.parse::<HostName>().unwrap()];
    let now = datetime!(2026-11-23 00:00 UTC);
    let wanted = Wanted { purpose: Purpose::Server, profile: true, names: &names, ..Wanted::at(now) };
    let origin = Origin::file("pile");
    let certs: Vec<Cert> = pile.iter().map(|der| Cert::from_der(der).unwrap()).collect();
    let pile = Pile::new(certs.iter().map(|cert| (&origin, cert)), slice::from_ref(anchor));
    let proof = prove(&pile, &certs[0], &wanted);
    assert_eq!(proof.verdict.unwrap().certs().len(), 2);
}
