//! Close primes (CVE-2022-26320): where p and q share their upper half, Fermat's method finds them in a few steps. With random
//! primes of 1,024 bits the chance of that is below 2^-500.

use dashu_int::ops::{SquareRoot, SquareRootRem};

use super::Rsa;
use crate::finding::rules;

/// Broken generators need one step; each more is cheap.
const STEPS: u32 = 100;

pub(super) fn look(key: &Rsa) -> Option<String> {
    let (root, rest) = key.n.sqrt_rem();
    if rest.is_zero() {
        return Some("the modulus is the square of one number".into());
    }
    for step in 1..=STEPS {
        let a = &root + step;
        let b_squared = a.sqr() - &key.n;
        // Squares end in 0, 1, 4 or 9 in base 16; three of four numbers need no root.
        if matches!(&b_squared % 16u8, 0 | 1 | 4 | 9) && b_squared.sqrt().sqr() == b_squared {
            return Some(format!("its primes are so close that Fermat's method finds them in {step} steps"));
        }
    }
    None
}

rules! {
    /// Fermat.
    WEAK_CLOSE_PRIMES = Error "weak-close-primes" {
        summary: "the two primes of an RSA key are so close that anybody can find them",
        help: "make a new key with another program, and have the certificate issued anew",
        source: "CVE-2022-26320; CA/Browser Forum baseline requirements 6.1.1.3 (ballot SC-073: 100 rounds of Fermat)",
    }
}
