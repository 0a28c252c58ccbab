//! An audit of many small files against the two usual ways, in one run: `cargo bench --bench perms`. A script that asks openssl
//! about each file (a sample, scaled up), and `find -printf` alone, which only looks at modes. What is told is processor time,
//! the wall's too, since pkit uses all cores; and whether the memory grows with the number of files.
//!
//! `PKIT_BENCH_FILES` says how many there are (100,000 unless it is set) and `PKIT_BENCH_SAMPLE` how many of them openssl sees.

#![allow(clippy::disallowed_methods, reason = "a benchmark starts programs and lays out files as a user does")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "not every benchmark measures everything")]

mod common;

use std::path::Path;
use std::time::Instant;

use common::{PKIT, ROUNDS, Spread, run};
use rcgen::{CertificateParams, KeyPair};

/// Certificates that differ; the rest are copies, as reading does not know.
const DIFFERENT: usize = 500;
/// Files of one directory.
const IN_ONE: usize = 1_000;

fn main() {
    common::main(bench);
}

fn bench() {
    let number = |name: &str, usual| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    let (count, sample) = (number("PKIT_BENCH_FILES", 100_000usize), number("PKIT_BENCH_SAMPLE", 500usize));
    let dir = tempfile::tempdir().unwrap();
    let certificates = certificates();
    let (all, tenth, some) = (dir.path().join("all"), dir.path().join("tenth"), dir.path().join("some"));
    lay_out(&all, count, &certificates);
    lay_out(&tenth, count / 10, &certificates);
    lay_out(&some, sample, &certificates);
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let (all, tenth, some) = (path(&all), path(&tenth), path(&some));
    println!(
        "{count} files of {} bytes, {ROUNDS} rounds; openssl on {sample} of them, scaled\n",
        certificates[0].len()
    );

    let check = [PKIT, "perms", "check", "--json", &all];
    let find = ["find", &all, "-type", "f", "-printf", "%m %u %p\\n"];
    let script = format!("find {some} -type f | xargs -n1 openssl x509 -noout -subject -in");
    let rounds: Vec<_> =
        (0..ROUNDS).map(|_| [measured(&check), measured(&find), measured(&["sh", "-c", &script])]).collect();
    let of = |which: usize, wall: bool| {
        let figures: Vec<(f64, f64)> = rounds
            .iter()
            .map(|round| {
                let (cpu, peak, waited) = round[which];
                let scale = if which == 2 { count as f64 / sample as f64 } else { 1.0 };
                (if wall { waited } else { cpu } * scale, peak)
            })
            .collect();
        Spread::of(&figures)
    };
    println!("                        processor ms             wall ms                  peak MiB");
    for (which, what) in ["pkit perms check --json", "find -printf", "find | xargs openssl"].into_iter().enumerate() {
        let (cpu, wall) = (of(which, false), of(which, true));
        println!("{what:<23} {cpu:<24} {wall:<24} {:.1}", cpu.peak);
    }
    let (ours, find, script) = (of(0, false), of(1, false), of(2, false));
    println!("\nfiles per second: {:.0} (wall)", 1e3 * count as f64 / of(0, true).median);
    println!("pkit / find -printf: {:.2} (goal: at most 3)", ours.median / find.median);
    println!("openssl script / pkit: {:.0} (goal: at least 100)", script.median / ours.median);
    let small = Spread::of(&(0..3).map(|_| run(&[PKIT, "perms", "check", "--json", &tenth])).collect::<Vec<_>>());
    println!("peak with {} files {:.1} MiB, with {count} {:.1} MiB", count / 10, small.peak, ours.peak);
}

/// Processor time in ms, peak in MiB, wall time in ms.
fn measured(command: &[&str]) -> (f64, f64, f64) {
    let start = Instant::now();
    let (cpu, peak) = run(command);
    (cpu, peak, start.elapsed().as_secs_f64() * 1e3)
}

fn certificates() -> Vec<String> {
    let make = |n: usize| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![format!("host{n}.example.org")]).unwrap();
        let made = params.self_signed(&key).unwrap();
        pem::encode(&pem::Pem::new("CERTIFICATE", made.der().to_vec()))
    };
    (0..DIFFERENT).map(make).collect()
}

fn lay_out(dir: &Path, count: usize, certificates: &[String]) {
    for n in 0..count {
        let below = dir.join(format!("{:03}", n / IN_ONE));
        if n % IN_ONE == 0 {
            std::fs::create_dir_all(&below).unwrap();
        }
        std::fs::write(below.join(format!("{n:06}.pem")), &certificates[n % certificates.len()]).unwrap();
    }
}
