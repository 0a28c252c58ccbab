//! CRLs of a million entries against openssl, in one run: `cargo bench --bench crl`. Programs are run in turn, each as a process
//! of its own; what is told is the median of their processor time, its spread, and the largest peak of memory.

#![allow(clippy::disallowed_methods, reason = "a benchmark starts programs and lays out files as a user does")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "the small PKI of the tests has more than is needed here")]

mod common;
#[path = "../tests/common/pki.rs"]
mod pki;

use std::path::Path;

use common::{PKIT, ROUNDS, Spread, median, run};
use pkit::material::cert::Cert;
use pkit::material::crl::Crl;
use pkit::material::der::{self, tag};

const ENTRIES: u64 = 1_000_000;

fn main() {
    common::main(bench);
}

fn bench() {
    let dir = tempfile::tempdir().unwrap();
    let ca = pki::Authority::root("Example CA");
    let leaf = ca.leaf(&["client.example.org"]);
    let list = ca.crl(&pki::Crl { entries: entries(), ..pki::Crl::default() });
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("list.crl"), &list).unwrap();
    std::fs::write(at("ca.pem"), ca.pem()).unwrap();
    std::fs::write(at("leaf.pem"), leaf.pem()).unwrap();
    let (crl, pem, ca_pem, leaf_pem) = (at("list.crl"), at("list.pem"), at("ca.pem"), at("leaf.pem"));
    run(&[PKIT, "crl", "convert", &crl, "-o", &pem]);
    let size = |path: &str| std::fs::metadata(path).unwrap().len() as f64 / MIB;
    println!("{ENTRIES} entries: DER {:.1} MiB, PEM {:.1} MiB; {ROUNDS} rounds\n", size(&crl), size(&pem));

    let (ours, theirs) = (at("ours"), at("theirs"));
    let pairs: [(&str, f64, &[&str], &[&str]); 4] = [
        (
            "DER to PEM",
            size(&crl),
            &["crl", "convert", &crl, "-f", "-o", &ours],
            &["crl", "-inform", "DER", "-in", &crl, "-out", &theirs],
        ),
        (
            "PEM to DER",
            size(&pem),
            &["crl", "convert", &pem, "-f", "-o", &ours],
            &["crl", "-in", &pem, "-outform", "DER", "-out", &theirs],
        ),
        (
            "signature",
            size(&crl),
            &["crl", "check", &crl, "--issuer", &ca_pem],
            &["crl", "-inform", "DER", "-in", &crl, "-CAfile", &ca_pem, "-noout"],
        ),
        (
            "is it on the list",
            size(&pem),
            &["crl", "check", &pem, "--cert", &leaf_pem],
            &["verify", "-crl_check", "-CAfile", &ca_pem, "-CRLfile", &pem, &leaf_pem],
        ),
    ];
    println!("whole process       pkit ms          openssl ms       ratio   peak pkit    peak/input   peak openssl");
    for (what, input, ours_args, theirs_args) in pairs {
        let (mut mine, mut other) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            // The target of a conversion is new each time, as it is for a user.
            let _ = (std::fs::remove_file(&ours), std::fs::remove_file(&theirs));
            mine.push(run(&[&[PKIT], ours_args].concat()));
            other.push(run(&[&["openssl"], theirs_args].concat()));
        }
        if Path::new(&ours).exists() {
            assert!(std::fs::read(&ours).unwrap() == std::fs::read(&theirs).unwrap(), "{what}: not the same bytes");
        }
        let (a, b) = (Spread::of(&mine), Spread::of(&other));
        let ratio = b.median / a.median;
        println!(
            "{what:18}  {a:15}  {b:15}  {ratio:5.1}   {:5.1} MiB    {:4.2}         {:5.1} MiB",
            a.peak,
            a.peak / input,
            b.peak
        );
    }
    in_process(&list, &ca);
}

fn in_process(list: &[u8], ca: &pki::Authority) {
    let (crl, ca) = (Crl::from_der(list.to_vec()).unwrap(), Cert::from_der(&ca.der).unwrap());
    let absent = [0x7f; 16];
    println!("\nin one process (median of {ROUNDS}, wall ms)");
    println!("every entry walked and judged {:8.2}", median(|| assert!(Crl::from_der(list.to_vec()).is_ok())));
    println!("a serial that is not on it    {:8.2}", median(|| assert!(!crl.contains(&absent))));
    println!("the signature                 {:8.2}", median(|| assert!(crl.verify(&ca.public_key).is_ok())));
    println!("the entries, one by one       {:8.2}", median(|| assert_eq!(crl.revoked().count(), crl.entries)));
}

/// Serial numbers of 16 bytes, days that differ, a reason for every fourth.
fn entries() -> Vec<u8> {
    let reason = pki::extension(&[0x55, 0x1d, 21], false, &der::tlv(tag::ENUMERATED, &[1]));
    let mut all = Vec::new();
    for n in 0..ENTRIES {
        let serial = [n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, n].map(u64::to_be_bytes).concat();
        let day = format!("2{}{:02}{:02}{:02}{:02}00Z", n % 6, n % 12 + 1, n % 28 + 1, n % 24, n % 60);
        let extensions = if n % 4 == 0 { der::sequence(&[&reason]) } else { Vec::new() };
        all.extend(der::sequence(&[&der::unsigned(&serial), &der::tlv(0x17, day.as_bytes()), &extensions]));
    }
    all
}

const MIB: f64 = 1048576.0;
