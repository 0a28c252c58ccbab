//! The prime engine: its kernels and stages, DH parameters beside `openssl dhparam`, RSA keys beside `openssl genpkey` and
//! `certtool --generate-privkey`, in turn in one run. `PKIT_BENCH_SCALE=0.07` makes a short one: so much of the rounds, and what
//! then has less than two of them is left out.
//!
//! Searches for primes are decided by chance, with a standard deviation as large as the mean, so means are told with the standard
//! error of each. Beside the measured means for DH stands what the cost of a test makes of the number of tests that are to be
//! expected, which does not depend on luck: of openssl's and of ours.

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

/// What a program took, how many dots it wrote (openssl writes one for each candidate that it tests), and whether it came to
/// its end.
struct Took {
    cpu: f64,
    wall: f64,
    dots: usize,
    done: bool,
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
    let done = output.status.success();
    assert!(done || output.status.code() == Some(124), "{command:?}");
    let dots = output.stderr.iter().filter(|octet| **octet == b'.').count();
    Took { cpu: used() - before, wall, dots, done }
}

/// What openssl's searches are to be expected to take, from what some of them took: the cost of a candidate times their
/// number. The tests of both numbers at the end cost as much as so many candidates, whatever the luck.
fn openssl_by_cost(bits: u32, took: &[Took]) -> f64 {
    let last = if bits > 2048 { 2 * 128 } else { 2 * 64 };
    let tests: usize = took.iter().map(|took| took.dots + if took.done { last } else { 0 }).sum();
    let cpu: f64 = took.iter().map(|took| took.cpu).sum();
    cpu / tests as f64 * (openssl_expects(bits) + last as f64)
}

/// Searches of ours: what each took, and how many tests there were in all.
#[derive(Default)]
struct Searches {
    took: Vec<f64>,
    tests: AtomicUsize,
}

impl Searches {
    fn one(&mut self, bits: u32, engine: Engine, threads: usize, measured: impl Fn(&dyn Fn()) -> f64) {
        let watch = |more| {
            self.tests.fetch_add(more, Ordering::Relaxed);
        };
        let search = SafePrimes { bits, engine, threads, watch: &watch };
        let took = measured(&|| drop(search.find()));
        self.took.push(took);
    }

    fn mean(&self) -> Mean {
        Mean::of(&self.took)
    }

    /// Tests in a search, on average.
    fn tests(&self) -> f64 {
        self.tests.load(Ordering::Relaxed) as f64 / self.took.len() as f64
    }

    /// The mean, with as many tests of this cost more or less as were missing or too many: what a search costs besides them, the
    /// sieve and the confirmation, is not a matter of luck.
    fn by_cost(&self, bits: u32, test: f64) -> f64 {
        self.mean().mean + (expected_tests(bits) - self.tests()) * test
    }
}

/// What a test costs, as a median of some measurements of eight in step.
#[derive(Default)]
struct TestCost(Vec<f64>);

impl TestCost {
    fn measure(&mut self, bits: u32, engine: Engine) {
        let numbers = numbers(bits);
        let numbers: Vec<&BoxedUint> = numbers.iter().collect();
        self.0.extend((0..5).map(|_| spent(|| drop(engine.fermat(&numbers))) / 8.0));
    }

    fn median(&self) -> f64 {
        let mut costs = self.0.clone();
        costs.sort_by(f64::total_cmp);
        costs[costs.len() / 2]
    }
}

fn safe_primes() {
    println!("| DH, ms, mean; by cost | pkit, CPU, 1 thread | tests (expected) | openssl, CPU | ratios | goal |");
    println!("|---|---|---|---|---|---|");
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
    let engine = Engine::best();
    let (mut ours, mut test, mut theirs) = (Searches::default(), TestCost::default(), Vec::new());
    for _ in 0..rounds {
        ours.one(4096, engine, 1, |search| spent(search) / 1e3);
        test.measure(4096, engine);
        theirs.push(program(&["timeout", "20", "openssl", "dhparam", "4096"]));
    }
    let (mean, tests, by_cost) = (ours.mean(), ours.tests(), ours.by_cost(4096, test.median() / 1e3));
    let expected = openssl_by_cost(4096, &theirs) / 1e3;
    let verdict = if by_cost <= 25.0 { "met" } else { "**missed**" };
    println!(
        "| {} 4096, seconds | {mean}; {by_cost:.1} | {tests:.0} ({:.0}) | {expected:.0} by cost | {:.1} by cost | 25 s: {verdict} |",
        engine.name(),
        expected_tests(4096),
        expected / by_cost
    );
}

/// openssl once in a round, each kernel once, and the best four times, all processors eight times: that takes little time, and
/// makes its mean surer.
fn safe_primes_of(bits: u32, rounds: usize) {
    let engines = Engine::all();
    let mut ours: Vec<(Searches, TestCost)> = engines.iter().map(|_| Default::default()).collect();
    let (mut together, mut process, mut process_alone) = (Searches::default(), Vec::new(), Vec::new());
    let mut theirs = Vec::new();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for _ in 0..rounds {
        for (i, (engine, (searches, test))) in engines.iter().zip(&mut ours).enumerate() {
            (0..if i == 0 { 4 } else { 1 }).for_each(|_| searches.one(bits, *engine, 1, |search| spent(search)));
            test.measure(bits, *engine);
        }
        theirs.push(program(&["openssl", "dhparam", &bits.to_string()]));
        if bits == 2048 {
            for _ in 0..8 {
                process.push(program(&[PKIT, "dhparam", "new", "--generate", "2048"]).wall);
                process_alone.push(program(&[PKIT, "dhparam", "new", "--group", "ffdhe2048"]).wall);
                together.one(bits, Engine::best(), threads, |search| {
                    let start = Instant::now();
                    search();
                    start.elapsed().as_secs_f64() * 1e3
                });
            }
        }
    }
    let expected = openssl_by_cost(bits, &theirs);
    let measured = Mean::of(&theirs.iter().map(|took| took.cpu).collect::<Vec<_>>());
    // The goals are for the size that people use.
    let verdict = |ratio: f64, wanted: f64| if bits == 2048 { goal(ratio, wanted) } else { String::new() };
    for (engine, (searches, test)) in engines.iter().zip(&ours) {
        let (mean, by_cost) = (searches.mean(), searches.by_cost(bits, test.median()));
        let wanted = match engine.name() {
            "avx512ifma" => 20.0,
            "avx2" => 7.0,
            _ => 1.0,
        };
        println!(
            "| {} {bits} | {mean}; {by_cost:.0} | {:.0} ({:.0}) | {measured}; {expected:.0} | {:.1}; {:.1} | {} |",
            engine.name(),
            searches.tests(),
            expected_tests(bits),
            measured.mean / mean.mean,
            expected / by_cost,
            verdict(expected / by_cost, wanted)
        );
    }
    if bits == 2048 {
        let measured = Mean::of(&theirs.iter().map(|took| took.wall).collect::<Vec<_>>());
        // Of a search that shares the processors a test takes one thread only.
        let search = together.by_cost(bits, ours[0].1.median() / threads as f64);
        println!(
            "| {bits}, {threads} processors, wall | {}; {search:.0} | {:.0} ({:.0}) | | | |",
            together.mean(),
            together.tests(),
            expected_tests(bits)
        );
        // All else that the whole process does comes on top.
        let (mean, by_cost) = (Mean::of(&process), search + Mean::of(&process_alone).mean);
        println!(
            "| {bits}, the same, whole process, wall | {mean}; {by_cost:.0} | | {measured}; {expected:.0} | {:.1}; {:.1} | {} |",
            measured.mean / mean.mean,
            expected / by_cost,
            goal(expected / by_cost, 38.0)
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
