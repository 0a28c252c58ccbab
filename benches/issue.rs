//! A thousand certificates issued, pkit against openssl, in one run: `cargo bench --bench issue`. A loop of processes on both
//! sides, each signing the same request with the same P-256 key; pkit judges a copy first, keeps its index and syncs it. The
//! library alone, in one process, shows what of it is the work itself. `PKIT_BENCH_COUNT` says how many (1000).

#![allow(clippy::disallowed_methods, reason = "a benchmark starts programs and lays out files as a user does")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "the common part has more than is needed here")]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use common::{PKIT, spent};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use pkit::material::cert::Cert;
use pkit::material::csr::Csr;
use pkit::material::ext::write::Extension;
use pkit::material::key::PrivateKey;
use pkit::pki::issue::{self, Body, Places, Profile};
use pkit::pki::sign::Signer;

const ROUNDS: usize = 3;

fn main() {
    common::main(bench);
}

fn bench() {
    let count: usize = std::env::var("PKIT_BENCH_COUNT").ok().and_then(|n| n.parse().ok()).unwrap_or(1000);
    let dir = tempfile::tempdir().unwrap();
    let pkit = |words: &[&str]| run(dir.path(), PKIT, words);
    pkit(&["csr", "new", "mail.example.org", "--key", "k", "--type", "ecdsa", "-o", "r.csr"]);
    println!("{count} certificates, ms each: processor time, wall time");
    let mut rounds = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        let ca = format!("ca{round}");
        pkit(&["ca", "init", &ca, "--cn", "Example Root", "--type", "ecdsa", "--no-passphrase"]);
        let (cert, key) = (format!("{ca}/root.pem"), format!("{ca}/root.key"));
        rounds[0].push(measured(count, || pkit(&["ca", "sign", "r.csr", "--ca", &ca, "-o", "p.pem", "--force", "-q"])));
        let sign = ["x509", "-req", "-in", "r.csr", "-CA", &cert, "-CAkey", &key, "-days", "90", "-out", "o.pem"];
        let sign = [&sign[..], &["-copy_extensions", "copy"]].concat();
        rounds[1].push(measured(count, || run(dir.path(), "openssl", &sign)));
        rounds[2].push(in_one_process(dir.path(), &ca, count));
    }
    for (name, rounds) in ["pkit ca sign", "openssl x509 -req", "the library, one process"].iter().zip(&rounds) {
        let middle = |pick: fn(&(f64, f64)) -> f64| {
            let mut all: Vec<f64> = rounds.iter().map(pick).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        println!("{name:26} {:8.2} {:8.2}", middle(|r| r.0), middle(|r| r.1));
    }
}

/// Processor and wall time in ms for one of so many.
fn measured(count: usize, what: impl Fn()) -> (f64, f64) {
    let used = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        (usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e3
    };
    let (before, start) = (used(), Instant::now());
    (0..count).for_each(|_| what());
    ((used() - before) / count as f64, start.elapsed().as_secs_f64() * 1e3 / count as f64)
}

fn run(dir: &Path, program: &str, words: &[&str]) {
    let status =
        Command::new(program).args(words).current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.unwrap().success(), "{program} {words:?}");
}

/// Parsing the request and signing, without files, index and judgement.
fn in_one_process(dir: &Path, ca: &str, count: usize) -> (f64, f64) {
    let der = |name: &str| pem::parse(std::fs::read(dir.join(name)).unwrap()).unwrap().into_contents();
    let issuer = Cert::from_der(&der(&format!("{ca}/root.pem"))).unwrap();
    let key = PrivateKey::from_der(&der(&format!("{ca}/root.key"))).unwrap();
    let signer = Signer::of(&key).unwrap();
    let request = der("r.csr");
    let start = Instant::now();
    let used = spent(|| {
        for _ in 0..count {
            let csr = Csr::from_der(&request).unwrap();
            csr.verify().unwrap();
            let names: Option<Extension> = csr.requested.first().cloned();
            let id = issue::issuer_key_id(&issuer);
            let extensions = issue::end_entity(Profile::Server, &csr.public_key, names, &id, &Places::default());
            let body = Body {
                serial: &issue::serial().unwrap(),
                issuer: &issuer.subject,
                subject: &csr.subject,
                not_before: issuer.not_before,
                not_after: issuer.not_after,
                key: &csr.public_key,
                extensions: &extensions,
            };
            body.signed(&signer).unwrap();
        }
    });
    (used / count as f64, start.elapsed().as_secs_f64() * 1e3 / count as f64)
}
