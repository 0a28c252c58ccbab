//! Strikes out the numbers with small factors, so that few are left to be tested. The numbers are start + step * k: candidates
//! for a prime (step 2), or for q and p = 2q + 1 at once (step 12, where neither 2 nor 3 divides either of them).
//!
//! A prime r strikes every r-th k; where it begins, and that is what costs, is told by `first`.

mod first;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crypto_bigint::BoxedUint;
use zeroize::Zeroizing;

use super::Engine;
use super::fermat::SMALL_LANES as LANES;
use super::small::Small;
use crate::threads::share;
use first::{BOUND, Digits, first_multiples};

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

/// The k of the candidates that no prime below `bound` rules out, in order. All candidates are above the
/// bound, which is at most 2^27.
pub(super) fn survivors(engine: Engine, candidates: &Candidates, bound: u32, threads: usize) -> Zeroizing<Vec<u32>> {
    debug_assert!(bound <= BOUND);
    let (small, start) = (Small::below(bound), Digits::of(candidates.start));
    let struck = Mutex::new(Zeroizing::new(vec![0; candidates.window.div_ceil(64)]));
    let next = AtomicU32::new(0);
    let work = || {
        let mut own = Zeroizing::new(vec![0; candidates.window.div_ceil(64)]);
        loop {
            let primes = small.segment(next.fetch_add(1, Ordering::Relaxed));
            if primes.is_empty() {
                break;
            }
            for primes in primes.chunks(LANES) {
                strike(engine, candidates, &start, primes, &mut own);
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

/// Strikes what up to so many primes divide as there are lanes.
fn strike(engine: Engine, candidates: &Candidates, start: &Digits, primes: &[u32], struck: &mut [u64]) {
    let mut lanes = [5; LANES];
    lanes[..primes.len()].copy_from_slice(primes);
    let [first, of_double] = first_multiples(engine, candidates.kind, start, &lanes);
    let mut every = |r: u32, first: u32| {
        for k in (first as usize..candidates.window).step_by(r as usize) {
            struck[k / 64] |= 1 << (k % 64);
        }
    };
    for (i, r) in primes.iter().copied().enumerate() {
        match candidates.kind {
            Kind::Prime => every(r, first[i]),
            Kind::SophieGermain if r > 3 => {
                every(r, first[i]);
                every(r, of_double[i]);
            }
            // 2 and 3 divide none.
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

    /// By division: the first k, searched one by one.
    #[test]
    fn first_multiples_are_those_of_division() {
        let small = Small::below(BOUND);
        let segments = [0, 1, BOUND / (30 << 16)].map(|number| small.segment(number));
        // The smallest, some in between, and the largest that there are.
        let primes = segments
            .iter()
            .flat_map(|primes| primes.chunks_exact(LANES).step_by(29).chain(primes.rchunks_exact(LANES).take(1)));
        let primes: Vec<&[u32; LANES]> = primes.map(|primes| primes.try_into().unwrap()).collect();
        assert!(primes.iter().any(|primes| primes[LANES - 1] > BOUND - 100));
        let zeros = BoxedUint::from_words([0, 0, 1]);
        for number in
            [start(1), start(2), start(3), start(16), start(33), start(128), super::super::integer(&[0xff; 256]), zeros]
        {
            for (engine, kind) in Engine::all().into_iter().flat_map(|e| [(e, Kind::Prime), (e, Kind::SophieGermain)]) {
                for primes in &primes {
                    let [first, of_double] = first_multiples(engine, kind, &Digits::of(&number), primes);
                    for (i, r) in primes.iter().map(|r| u64::from(*r)).enumerate().filter(|(_, r)| *r > 3) {
                        let at = |k: u32| (divided(&number, r as u32) + u64::from(kind.step()) * u64::from(k)) % r;
                        assert!(u64::from(first[i].max(of_double[i])) < r);
                        assert_eq!((at(first[i]), (2 * at(of_double[i]) + 1) % r), (0, 0), "{r} {engine:?} {kind:?}");
                    }
                }
            }
        }
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
            for engine in Engine::all() {
                assert_eq!(*survivors(engine, &candidates, 2000, threads), expected);
            }
        }
    }
}
