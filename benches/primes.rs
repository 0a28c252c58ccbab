use std::time::Instant;
use crypto_bigint::BoxedUint;
use pkit::primes::Engine;
fn main() {
    for engine in Engine::all() {
        for bits in [1024u32, 1536, 2048, 3072, 4096] {
            let numbers: Vec<BoxedUint> = (0..8u64).map(|k| {
                let mut words: Vec<u64> = (0..bits as u64 / 64).map(|i| (i+1+k).wrapping_mul(0x9E3779B97F4A7C15)).collect();
                words[0] |= 1; *words.last_mut().unwrap() |= 1 << 63;
                BoxedUint::from_words(words)
            }).collect();
            let refs: Vec<&BoxedUint> = numbers.iter().collect();
            let mut best = f64::MAX;
            for _ in 0..5 {
                let start = Instant::now();
                engine.fermat(&refs);
                best = best.min(start.elapsed().as_secs_f64());
            }
            let mut mr = f64::MAX;
            for _ in 0..5 {
                let start = Instant::now();
                engine.miller_rabin(&refs, &refs);
                mr = mr.min(start.elapsed().as_secs_f64());
            }
            println!("{} {bits}: {:.0} tests/s {:.1} us/test; mr {:.0}", engine.name(), 8.0 / best, best / 8.0 * 1e6, mr * 1e6);
        }
    }
}
