//! Primes that keys of a batch share: time and memory of the product and remainder trees, and how they grow. Moduli are
//! numbers of 2,048 bits without common factors, which cost the same as products of primes. `cargo bench --bench batch_gcd`; PKIT_BENCH_MODULI
//! names the largest batch (100,000 otherwise), of which a quarter and a half are measured too.

#![allow(clippy::disallowed_methods, reason = "the helpers start programs")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "the helpers serve several benchmarks")]

mod common;

use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use pkit::checks::weak::shared_primes;

fn main() {
    common::main(bench);
}

fn bench() {
    let largest = std::env::var("PKIT_BENCH_MODULI").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000usize);
    println!("moduli      seconds   of a core   growth   peak MiB   found");
    let mut before: Option<f64> = None;
    for count in [largest / 4, largest / 2, largest] {
        let moduli = coprime(count);
        let slices: Vec<&[u8]> = moduli.iter().map(Vec::as_slice).collect();
        let start = Instant::now();
        let mut found = 0;
        let of_a_core = common::spent(|| found = shared_primes(&slices).len()) / 1e3;
        let seconds = start.elapsed().as_secs_f64();
        let growth = before.map_or(String::new(), |before| format!("{:.2}", of_a_core / before));
        // The largest so far, in KiB; batches grow, so it is this one's.
        let peak = getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.max_rss() >> 10);
        println!("{count:<11} {seconds:<9.1} {of_a_core:<11.1} {growth:<8} {peak:<10} {found}");
        before = Some(of_a_core);
    }
}

/// So many numbers of 2,048 bits without a factor in common: those of one window that have no prime factor below its width. The
/// difference of any two is smaller than that, so no larger prime divides both.
fn coprime(count: usize) -> Vec<Vec<u8>> {
    // About one number in 27 is left of a window of millions.
    let width = (count * 40).max(1 << 16);
    let base = random_octets();
    let mut composite = vec![false; width];
    let mut sieve = vec![true; width];
    for p in 2..width {
        if !sieve[p] {
            continue;
        }
        (p * p..width).step_by(p).for_each(|multiple| sieve[multiple] = false);
        let rest = base.iter().fold(0u64, |rest, octet| (rest << 8 | u64::from(*octet)) % p as u64) as usize;
        ((p - rest) % p..width).step_by(p).for_each(|at| composite[at] = true);
    }
    let left = (0..width).filter(|at| !composite[*at]).take(count);
    let numbers: Vec<Vec<u8>> = left.map(|at| [&base[..248], &(at as u64).to_be_bytes()[..]].concat()).collect();
    assert_eq!(numbers.len(), count, "the window is too narrow");
    numbers
}

/// Octets that look random and are the same in each run (splitmix64); the last eight are zero.
fn random_octets() -> Vec<u8> {
    let mut state = 1_000_003u64;
    let mut octets: Vec<u8> = (0..31)
        .flat_map(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (word ^ (word >> 31)).to_be_bytes()
        })
        .collect();
    octets.extend([0; 8]);
    octets[0] |= 0x80;
    octets
}
