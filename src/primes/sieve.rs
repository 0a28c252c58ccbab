//! Strikes out the numbers with small factors, so that few are left to be tested. The numbers are start + step * k: candidates
//! for a prime (step 2), or for q and p = 2q + 1 at once (step 12, where neither 2 nor 3 divides either of them).
//!
//! A prime r strikes every r-th k; where it begins follows from the remainder of the start. Remainders are what costs: they
//! are taken of the products of two primes, four in step, by Montgomery's reduction from the lowest word up.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crypto_bigint::BoxedUint;
use zeroize::Zeroizing;

use super::small::Small;
use crate::threads::share;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An odd prime.
    Prime,
    /// A prime q = 11 modulo 12 with p = 2q + 1 prime.
    SophieGermain,
}

impl Kind {
    /// Between two candidates.
    pub(super) fn step(self) -> u32 {
        match self {
            Kind::Prime => 2,
            Kind::SophieGermain => 12,
        }
    }
}

/// Candidates start + step * k for 0 <= k < window.
pub(super) struct Candidates<'a> {
    pub(super) kind: Kind,
    pub(super) start: &'a BoxedUint,
    pub(super) window: usize,
}

/// The k of the candidates that no prime below `bound` rules out, in order. The bound is below 2^31, and all candidates are
/// above it.
pub(super) fn survivors(candidates: &Candidates, bound: u32, threads: usize) -> Zeroizing<Vec<u32>> {
    let small = Small::below(bound);
    let struck = Mutex::new(Zeroizing::new(vec![0; candidates.window.div_ceil(64)]));
    let next = AtomicU32::new(0);
    let work = || {
        let mut own = Zeroizing::new(vec![0; candidates.window.div_ceil(64)]);
        loop {
            let primes = small.segment(next.fetch_add(1, Ordering::Relaxed));
            if primes.is_empty() {
                break;
            }
            for eight in primes.chunks(8) {
                strike(candidates, eight, &mut own);
            }
        }
        let mut all = struck.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter_mut().zip(own.iter()).for_each(|(all, own): (&mut u64, &u64)| *all |= own);
    };
    share(threads, &work);
    let struck = struck.into_inner().unwrap_or_else(PoisonError::into_inner);
    let left = (0..candidates.window as u32).filter(|k| struck[*k as usize / 64] >> (k % 64) & 1 == 0);
    let mut survivors = Zeroizing::new(Vec::with_capacity(candidates.window));
    survivors.extend(left);
    survivors
}

/// Strikes what up to eight primes divide.
fn strike(candidates: &Candidates, primes: &[u32], struck: &mut [u64]) {
    let mut eight = [5; 8];
    eight[..primes.len()].copy_from_slice(primes);
    let remainders = remainders(candidates.start, &eight);
    for (r, remainder) in primes.iter().copied().zip(remainders) {
        let r = u64::from(r);
        let mut every = |first: u64| {
            for k in (first as usize..candidates.window).step_by(r as usize) {
                struck[k / 64] |= 1 << (k % 64);
            }
        };
        match candidates.kind {
            // k = -start / 2.
            Kind::Prime => every((r - remainder) * r.div_ceil(2) % r),
            // 2 and 3 divide none. As r * r = 1 modulo 24, 1 / 24 is an integer in this form, and 1 / 12 is twice that.
            Kind::SophieGermain if r > 3 => {
                let inverse = (1 + r * (24 - r % 24)) / 24;
                // q = start + 12k = 0, and 2q + 1 = 0 where q = -1/2: 1/24 before.
                let first = (r - remainder) * (2 * inverse % r) % r;
                every(first);
                every((first + r - inverse) % r);
            }
            Kind::SophieGermain => {}
        }
    }
}

/// Does the small prime divide the number?
pub(super) fn divides(prime: u32, number: &BoxedUint) -> bool {
    // Horner's rule in halves of words, so that nothing is wider than a word.
    let halves = number.as_words().iter().rev().flat_map(|word| [word >> 32, word & 0xffff_ffff]);
    halves.fold(0, |rest, half| (rest << 32 | half) % u64::from(prime)) == 0
}

/// The remainders of a number by eight odd primes below 2^31.
fn remainders(number: &BoxedUint, primes: &[u32; 8]) -> [u64; 8] {
    let words = number.as_words();
    let mut modulus = [0; 4];
    modulus.iter_mut().enumerate().for_each(|(i, m)| *m = u64::from(primes[i]) * u64::from(primes[i + 4]));
    // -1 / m modulo 2^64, by Newton's steps from the three bits that m itself gives.
    let newton = |m: u64| (0..5).fold(m, |found, _| found.wrapping_mul(2_u64.wrapping_sub(m.wrapping_mul(found))));
    let inverse = modulus.map(|m| newton(m).wrapping_neg());
    // t / 2^64. For t below 2^128 - 2^126 nothing overflows, and what comes out is below m + t / 2^64 + 1.
    let reduce = |t: u128, i: usize| {
        let quotient = (t as u64).wrapping_mul(inverse[i]);
        ((t + u128::from(quotient) * u128::from(modulus[i])) >> 64) as u64
    };
    // number / 2^(64 * words).
    let mut sum = [0; 4];
    for word in words {
        (0..4).for_each(|i| sum[i] = reduce(u128::from(sum[i]) + u128::from(*word), i));
    }
    // 2^(64 * words) * 2^64, by squarings and doublings from 2 * 2^64.
    let exponent = 64 * words.len() as u32;
    let mut scale = modulus.map(|m| 2 * (u64::MAX % m + 1));
    for bit in (0..exponent.ilog2()).rev() {
        (0..4).for_each(|i| scale[i] = reduce(u128::from(scale[i]) * u128::from(scale[i]), i) << (exponent >> bit & 1));
    }
    let mut remainders = [0; 8];
    for i in 0..4 {
        let remainder = reduce(u128::from(sum[i]) * u128::from(scale[i]), i);
        (remainders[i], remainders[i + 4]) = (remainder % u64::from(primes[i]), remainder % u64::from(primes[i + 4]));
    }
    remainders
}

#[cfg(test)]
mod tests {
    use crypto_bigint::{Limb, NonZero};

    use super::*;

    fn start(words: usize) -> BoxedUint {
        let mut octets = vec![0; 8 * words];
        crate::crypto::random(&mut octets).unwrap();
        super::super::integer(&octets)
    }

    fn divided(number: &BoxedUint, by: u32) -> u64 {
        number.rem_limb(NonZero::new(Limb::from(by)).unwrap()).0
    }

    #[test]
    fn remainders_are_those_of_division() {
        let small = Small::below(1 << 20);
        for words in [1, 2, 3, 16, 32, 33, 128] {
            let number = start(words);
            for eight in small.segment(0).chunks_exact(8).chain(small.segment(9).chunks_exact(8)) {
                let eight = eight.try_into().unwrap();
                assert_eq!(remainders(&number, eight), eight.map(|r| divided(&number, r)));
            }
        }
        let largest = [2_147_483_647, 2_147_483_629, 3, 5, 2_147_483_587, 2_147_483_579, 7, 11];
        let ones = super::super::integer(&[0xff; 256]);
        assert_eq!(remainders(&ones, &largest), largest.map(|r| divided(&ones, r)));
    }

    #[test]
    fn exactly_those_without_small_factors_survive() {
        for (kind, threads) in [(Kind::Prime, 1), (Kind::SophieGermain, 1), (Kind::SophieGermain, 3)] {
            // With room for 2q + 1.
            let mut start = start(3).shr(2);
            start = start.wrapping_sub(BoxedUint::from(divided(&start, 12))).wrapping_sub(BoxedUint::one());
            let primes: Vec<u32> = Small::below(2000).segment(0);
            let survives = |k: &u32| {
                let q = start.wrapping_add(BoxedUint::from(kind.step() * k));
                let p = q.wrapping_add(&q).wrapping_add(BoxedUint::one());
                let fine = |n: &BoxedUint| primes.iter().all(|r| divided(n, *r) != 0);
                fine(&q) && (kind == Kind::Prime || fine(&p))
            };
            let expected: Vec<u32> = (0..5000).filter(survives).collect();
            let candidates = Candidates { kind, start: &start, window: 5000 };
            assert_eq!(*survivors(&candidates, 2000, threads), expected);
        }
    }
}
