//! Biased bits: in a random number of b bits the ones are b/2 give or take half the root of b. Nine times that, in the whole or
//! in its upper half, does not happen by chance (2^-60): somebody chose the modulus (a "vanity" key) or the generator is broken.

use dashu_int::ops::BitTest;

use super::Rsa;
use crate::finding::rules;

/// Standard deviations.
const FAR: f64 = 9.0;

pub(super) fn look(key: &Rsa) -> Option<String> {
    let half = key.n.bit_len() / 2;
    let upper = &key.n >> half;
    if far(key.n.count_ones(), key.n.bit_len()) {
        let percent = key.n.count_ones() * 100 / key.n.bit_len();
        Some(format!("{percent} % of the bits of the modulus are ones, where chance gives about half"))
    } else if far(upper.count_ones(), upper.bit_len()) {
        let percent = upper.count_ones() * 100 / upper.bit_len();
        Some(format!(
            "{percent} % of the bits of the upper half of the modulus are ones: it was chosen, not found by chance"
        ))
    } else {
        None
    }
}

fn far(ones: usize, bits: usize) -> bool {
    let (ones, bits) = (ones as f64, bits as f64);
    (ones - bits / 2.0).abs() > FAR * bits.sqrt() / 2.0
}

rules! {
    /// Chosen or broken.
    WEAK_BIAS = Error "weak-biased-modulus" {
        summary: "the bits of an RSA modulus are not those of a random number",
        help: "make a new key with a program that you trust, and have the certificate issued anew",
        source: "FIPS 186-5 appendix A.1.3 (the primes are random, so their product is nearly uniform)",
    }
}
