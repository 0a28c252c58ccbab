#[path = "common/mod.rs"]
mod common;
use common::spent;
use pkit::primes::*;
fn main() {
    let engine = Engine::best();
    let n = 200;
    for bits in [2048u32] {
        let cpu = spent(|| {
            for _ in 0..n {
                new_rsa(bits, engine).unwrap();
            }
        });
        println!("{} RSA {bits}: {:.2} ms", engine.name(), cpu / n as f64);
    }
}
