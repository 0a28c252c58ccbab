//! The length of the modulus: a product of two primes of full length has a multiple of eight bits.

use dashu_int::ops::BitTest;

use super::Rsa;
use crate::finding::rules;

pub(super) fn look(key: &Rsa) -> Option<String> {
    let bits = key.n.bit_len();
    (!bits.is_multiple_of(8)).then(|| format!("the modulus has {bits} bits, which is no multiple of 8"))
}

rules! {
    /// A bit too few.
    WEAK_LENGTH = Error "weak-length" {
        summary: "an RSA modulus is not of full length: its number of bits is no multiple of 8",
        help: "make a new key; public CAs do not sign this one",
        source: "CA/Browser Forum baseline requirements 6.1.5 (divisible by 8), FIPS 186-5 appendix A.1.3",
    }
}
