//! Patterns: sixteen octets in a row that repeat themselves, as buffers that were never filled leave them. In a random number of
//! 512 octets the chance is below 2^-115.

use super::Rsa;
use crate::finding::rules;

/// Octets that must repeat.
const RUN: usize = 16;
/// Lengths of what is repeated: an octet, and words of machines.
const PERIODS: [usize; 5] = [1, 2, 4, 8, 16];

pub(super) fn look(key: &Rsa) -> Option<String> {
    in_octets(&key.n.to_be_bytes()).map(|what| format!("the modulus {what}"))
}

/// The same for any number.
pub(super) fn in_octets(octets: &[u8]) -> Option<String> {
    let repeats = |period: usize| {
        let mut run = 0;
        octets.iter().zip(octets.iter().skip(period)).any(|(a, b)| {
            run = if a == b { run + 1 } else { 0 };
            run >= RUN
        })
    };
    let period = PERIODS.into_iter().find(|period| repeats(*period))?;
    Some(format!("repeats a pattern of {period} octets"))
}

rules! {
    /// Not random.
    WEAK_PATTERN = Error "weak-pattern" {
        summary: "a number of a key repeats itself: it was not chosen at random, and can be guessed",
        help: "make a new key with a program that you trust, and have the certificate issued anew",
        source: "FIPS 186-5 appendix A.1 (random numbers from an approved generator)",
    }
}
