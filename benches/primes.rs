use std::time::Instant;
#[path = "common/mod.rs"] mod common;
use common::spent;
use crypto_bigint::BoxedUint;
use pkit::primes::*;
fn main() {
    for engine in Engine::all() {
        let n = 40;
        for bits in [2048u32, 3072, 4096] {
            let n = if bits == 4096 { 10 } else { n };
            let cpu = spent(|| for _ in 0..n { new_rsa(bits, engine).unwrap(); });
            println!("{} RSA {bits}: {:.2} ms", engine.name(), cpu / n as f64);
        }
        for (bits, n) in [(1024u32, 20), (1536, 10), (2048, 10)] {
            let n = if engine == Engine::best() { n } else { n / 5 };
            let tests = std::sync::atomic::AtomicUsize::new(0);
            let cpu = spent(|| for _ in 0..n { SafePrimes { bits, engine, threads: 1, watch: &|k| { tests.fetch_add(k, std::sync::atomic::Ordering::Relaxed); } }.find().unwrap(); });
            println!("{} DH {bits}: {:.2} ms, {} tests, expected {:.0}", engine.name(), cpu / n as f64, tests.into_inner() / n, expected_tests(bits));
        }
    }
}
