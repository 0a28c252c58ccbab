//! The prime engine: its kernels and stages, DH parameters beside `openssl dhparam`, RSA keys beside `openssl genpkey` and
//! `certtool --generate-privkey`, in turn in one run. `PKIT_BENCH_SCALE=0.07` makes a short one: so much of the rounds, and what
//! then has less than two of them is left out.
//!
//! Searches for primes are decided by chance, with a standard deviation as large as the mean, so means are told with the standard
//! error of each. Beside openssl's measured mean for DH stands what its cost per candidate makes of the number of candidates that
//! are to be expected, which does not depend on luck.

#![allow(clippy::disallowed_methods, reason = "a benchmark starts programs and lays out files as a user does")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "what the benchmarks share has more than is needed here")]

mod common;

use std::fmt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crypto_bigint::BoxedUint;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use pkit::primes::{Engine, SafePrimes, expected_tests, is_prime, new_rsa};

use common::{PKIT, spent};

fn main() {
    common::main(bench);
}

fn bench() {
    kernels();
    stages();
    safe_primes();
    rsa_keys();
}

/// So many rounds, or what the scale makes of them.
fn rounds(full: usize) -> usize {
    let scale = std::env::var("PKIT_BENCH_SCALE").ok().and_then(|scale| scale.parse().ok()).unwrap_or(1.0);
    (full as f64 * scale) as usize
}

/// Mean and its standard error.
struct Mean {
    mean: f64,
    error: f64,
}

impl Mean {
    fn of(values: &[f64]) -> Mean {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        Mean { mean, error: (variance / n).sqrt() }
    }
}

impl fmt::Display for Mean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = usize::from(self.mean < 100.0);
        f.pad(&format!("{:.digits$} +- {:.digits$}", self.mean, self.error))
    }
}

fn numbers(bits: u32) -> Vec<BoxedUint> {
    let word = |lane: u64, at: u64| (at + 1 + lane).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = |lane| {
        let mut words: Vec<u64> = (0..u64::from(bits) / 64).map(|at| word(lane, at)).collect();
        words[0] |= 1;
        *words.last_mut().unwrap() |= 1 << 63;
        BoxedUint::from_words(words)
    };
    (0..8).map(number).collect()
}

fn kernels() {
    println!("| Fermat tests per second and core | 1024 | 1536 | 2048 | 3072 | 4096 |\n|---|---|---|---|---|---|");
    for engine in Engine::all() {
        print!("| {} |", engine.name());
        for bits in [1024, 1536, 2048, 3072, 4096] {
            let numbers = numbers(bits);
            let numbers: Vec<&BoxedUint> = numbers.iter().collect();
            let once = || spent(|| drop(engine.fermat(&numbers))).max(0.001);
            let rounds = rounds(9).max(3);
            let mut times: Vec<f64> = (0..rounds).map(|_| once()).collect();
            times.sort_by(f64::total_cmp);
            print!(" {:.0} |", 8e3 / times[rounds / 2]);
        }
        println!();
    }
    println!();
}

fn stages() {
    println!("| ms of one core | 1024 | 2048 |\n|---|---|---|");
    let engine = Engine::best();
    let of = |what: &dyn Fn(u32)| [1024, 2048].map(|bits| format!("{:.2}", spent(|| what(bits)))).join(" | ");
    let batch = |bits: u32| drop(engine.fermat(&numbers(bits).iter().collect::<Vec<_>>()));
    println!("| eight Fermat tests | {} |", of(&batch));
    let strong = |bits: u32| {
        let (numbers, bases) = (numbers(bits), numbers(bits - 64));
        engine.miller_rabin(&numbers.iter().collect::<Vec<_>>(), &bases.iter().collect::<Vec<_>>());
    };
    println!("| eight Miller-Rabin tests | {} |", of(&strong));
    // Primes made for the purpose: only of a prime the whole test is done.
    let primes: Vec<(u32, Vec<u8>)> =
        [1024, 2048].map(|bits| (bits, new_rsa(2 * bits, engine).map(|key| key.p.to_vec()).unwrap_or_default())).into();
    let confirm = |bits: u32| {
        let (_, prime) = primes.iter().find(|(of, _)| *of == bits).unwrap();
        assert!(is_prime(prime));
    };
    println!("| Baillie-PSW of a prime by crypto-primes | {} |\n", of(&confirm));
}

/// openssl's trial division goes up to these primes, and it then tests one candidate after the other: so many on average.
fn openssl_expects(bits: u32) -> f64 {
    let bound: f64 = match bits {
        0..=1024 => 719.0,
        1025..=2048 => 2_657.0,
        _ => 8_161.0,
    };
    (f64::from(bits) * std::f64::consts::LN_2 / (1.781_072 * bound.ln())).powi(2)
}

/// What a program took, and how many dots it wrote: openssl writes one for each candidate that it tests.
struct Took {
    cpu: f64,
    wall: f64,
    dots: usize,
}

fn program(command: &[&str]) -> Took {
    let used = || {
        let used = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        (used.user_time().num_microseconds() + used.system_time().num_microseconds()) as f64 / 1e3
    };
    let before = used();
    let start = Instant::now();
    let output = Command::new(command[0]).args(&command[1..]).stdin(Stdio::null()).output().unwrap();
    let wall = start.elapsed().as_secs_f64() * 1e3;
    // `timeout` ends what takes too long with 124, and what it took counts.
    assert!(output.status.success() || output.status.code() == Some(124), "{command:?}");
    Took { cpu: used() - before, wall, dots: output.stderr.iter().filter(|octet| **octet == b'.').count() }
}

fn safe_primes() {
    println!(
        "| DH, ms, mean | pkit, CPU, 1 thread | tests (expected) | openssl, CPU | by cost per candidate | ratios | goal |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (bits, full) in [(1024, 30), (1536, 30), (2048, 10)] {
        if rounds(full) > 1 {
            safe_primes_of(bits, rounds(full));
        }
    }
    let rounds = rounds(12);
    if rounds > 1 {
        safe_primes_of_4096(rounds);
    }
    println!();
}

/// openssl needs minutes for one, so of it only the cost of a candidate is measured, as long as one of ours takes.
fn safe_primes_of_4096(rounds: usize) {
    let tests = AtomicUsize::new(0);
    let watch = |more| {
        tests.fetch_add(more, Ordering::Relaxed);
    };
    let search = SafePrimes { bits: 4096, engine: Engine::best(), threads: 1, watch: &watch };
    let (mut ours, mut theirs, mut candidates) = (Vec::new(), 0.0, 0);
    for _ in 0..rounds {
        ours.push(spent(|| drop(search.find())) / 1e3);
        let took = program(&["timeout", "20", "openssl", "dhparam", "4096"]);
        theirs += took.cpu / 1e3;
        candidates += took.dots;
    }
    let ours = Mean::of(&ours);
    let tested = tests.load(Ordering::Relaxed) / rounds;
    let luckless = ours.mean * expected_tests(4096) / tested as f64;
    // What it tries to divide by goes up to the 1,024th prime.
    let expected = theirs / candidates as f64 * openssl_expects(4096);
    let verdict = if ours.mean <= 25.0 { "met" } else { "**missed**" };
    println!(
        "| 4096, seconds | {ours} | {tested} ({:.0}), so {luckless:.1} by cost | | {expected:.0} | {:.1} | 25 s: {verdict} |",
        expected_tests(4096),
        expected / luckless
    );
}

/// openssl once in a round, each kernel once, and the best four times: that takes little time, and makes its mean surer.
fn safe_primes_of(bits: u32, rounds: usize) {
    let engines = Engine::all();
    let tests: Vec<AtomicUsize> = engines.iter().map(|_| AtomicUsize::new(0)).collect();
    let mut ours: Vec<Vec<f64>> = vec![Vec::new(); engines.len()];
    let (mut theirs, mut candidates, mut our_wall, mut their_wall) = (Vec::new(), 0, Vec::new(), Vec::new());
    for _ in 0..rounds {
        for (i, engine) in engines.iter().enumerate() {
            let watch = |more| {
                tests[i].fetch_add(more, Ordering::Relaxed);
            };
            let search = SafePrimes { bits, engine: *engine, threads: 1, watch: &watch };
            ours[i].extend((0..if i == 0 { 4 } else { 1 }).map(|_| spent(|| drop(search.find()))));
        }
        let took = program(&["openssl", "dhparam", &bits.to_string()]);
        theirs.push(took.cpu);
        their_wall.push(took.wall);
        candidates += took.dots;
        if bits == 2048 {
            our_wall.extend((0..8).map(|_| program(&[PKIT, "dhparam", "new", "--generate", "2048"]).wall));
        }
    }
    let expected = theirs.iter().sum::<f64>() / candidates as f64 * openssl_expects(bits);
    let theirs = Mean::of(&theirs);
    for (i, engine) in engines.iter().enumerate() {
        let tested = tests[i].load(Ordering::Relaxed) / ours[i].len();
        let ours = Mean::of(&ours[i]);
        // Both sides by the work that is to be expected, so that nobody's luck counts.
        let luckless = ours.mean * expected_tests(bits) / tested as f64;
        let (measured, by_cost) = (theirs.mean / ours.mean, expected / luckless);
        // The goals are for the size that people use.
        let verdict = |wanted| if bits == 2048 { goal(by_cost, wanted) } else { String::new() };
        let wanted = match engine.name() {
            "avx512ifma" => 20.0,
            "avx2" => 7.0,
            _ => 1.0,
        };
        println!(
            "| {} {bits} | {ours} | {tested} ({:.0}) | {theirs} | {expected:.0} | {measured:.1}, {by_cost:.1} | {} |",
            engine.name(),
            expected_tests(bits),
            verdict(wanted)
        );
    }
    if bits == 2048 {
        let (ours, theirs) = (Mean::of(&our_wall), Mean::of(&their_wall));
        let ratio = theirs.mean / ours.mean;
        println!(
            "| 2048, whole process, all processors, wall | {ours} | | {theirs} | | {ratio:.1} | {} |",
            goal(ratio, 38.0)
        );
    }
}

fn rsa_keys() {
    println!(
        "| RSA, whole process, CPU ms, mean | pkit | openssl | certtool | ratios | goals |\n|---|---|---|---|---|---|"
    );
    for (bits, of_certtool) in [("2048", Some(3.0)), ("3072", None), ("4096", None)] {
        let (mut ours, mut openssl, mut certtool) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds(60).max(2) {
            ours.push(program(&[PKIT, "key", "new", "--bits", bits, "-o", "-"]).cpu);
            let size = format!("rsa_keygen_bits:{bits}");
            openssl.push(program(&["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", &size]).cpu);
            certtool.push(program(&["certtool", "--generate-privkey", "--key-type", "rsa", "--bits", bits]).cpu);
        }
        let (ours, openssl, certtool) = (Mean::of(&ours), Mean::of(&openssl), Mean::of(&certtool));
        let (first, second) = (openssl.mean / ours.mean, certtool.mean / ours.mean);
        let also = of_certtool.map_or(String::new(), |wanted| format!("; {}", goal(second, wanted)));
        let goals = goal(first, 10.0) + &also;
        println!("| {bits} | {ours} | {openssl} | {certtool} | {first:.1}, {second:.1} | {goals} |");
    }
}

fn goal(ratio: f64, wanted: f64) -> String {
    format!("{wanted}: {}", if ratio >= wanted { "met" } else { "**missed**" })
}
