//! Safe primes for Diffie-Hellman: p with (p - 1) / 2 = q prime too, and p = 23 modulo 24, so that 2 is a square and generates
//! the subgroup of the prime order q.
//!
//! From a random start the first candidate that is found is taken, as OpenSSL does it: primes after long gaps are a little
//! likelier than others. That costs less than two bits of the choice among some 2^2030, and DH parameters are no secret.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crypto_bigint::{BoxedUint, Limb, NonZero, Resize};

use super::fermat::LANES;
use super::sieve::{Candidates, Kind, survivors};
use super::{Engine, confirm, random_bits, set};
use crate::crypto::Refused;
use crate::threads::share;

/// A search for safe primes.
#[derive(Clone, Copy)]
pub struct SafePrimes<'a> {
    /// Bits of the prime, 32 or more.
    pub bits: u32,
    /// What tests the candidates.
    pub engine: Engine,
    /// Threads that do it.
    pub threads: usize,
    /// Is told now and then how many numbers have been tested since it was told last.
    pub watch: &'a (dyn Fn(usize) + Sync),
}

impl SafePrimes<'_> {
    /// A safe prime of exactly so many bits, confirmed, as big-endian octets.
    pub fn find(&self) -> Result<Vec<u8>, Refused> {
        // Four times the gap that is to be expected between two safe primes; where none is found, another start is.
        self.find_within(bound(self.bits), (self.bits as usize).pow(2) / 4)
    }

    fn find_within(&self, bound: u32, window: usize) -> Result<Vec<u8>, Refused> {
        loop {
            let start = self.start()?;
            let left = survivors(self.engine, &Candidates { kind: KIND, start: &start, window }, bound, self.threads);
            let Some(p) = self.search(&start, &left).filter(|p| p.bits() == self.bits) else { continue };
            if confirm::is_safe_prime(self.engine, &p, self.threads)? {
                return Ok(p.to_be_bytes_trimmed_vartime().into_vec());
            }
        }
    }

    /// A q by chance: one bit less than p, and 11 modulo 12.
    fn start(&self) -> Result<BoxedUint, Refused> {
        let twelve = NonZero::new(Limb::from(12_u8)).into_option().ok_or(Refused("twelve is zero"))?;
        // With room for p.
        let mut start = (&*random_bits(self.bits - 1)?).resize(self.bits);
        set(&mut start, self.bits - 2);
        let above = 11 - start.rem_limb(twelve).0;
        Ok(start.wrapping_add(BoxedUint::from(above)))
    }

    /// The p of a candidate with 2^(q - 1) = 1 modulo q and 2^(p - 1) = 1 modulo p. All threads take from one list, and a q that
    /// passes is followed by its p in the next batch of the same thread, so that no lane stays empty while there is work.
    fn search(&self, start: &BoxedUint, survivors: &[u32]) -> Option<BoxedUint> {
        let (next, done) = (AtomicUsize::new(0), AtomicBool::new(false));
        let found = Mutex::new(None);
        let work = || {
            let mut passed: Vec<u32> = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let room = LANES - passed.len();
                let from = next.fetch_add(room, Ordering::Relaxed).min(survivors.len());
                let fresh = &survivors[from..survivors.len().min(from + room)];
                let safe = passed.iter().map(|k| twice_and_one(&candidate(start, *k)));
                let numbers: Vec<BoxedUint> = safe.chain(fresh.iter().map(|k| candidate(start, *k))).collect();
                if numbers.is_empty() {
                    break;
                }
                let verdicts = self.engine.fermat(&numbers.iter().collect::<Vec<_>>());
                if let Some(p) = (0..passed.len()).find(|i| verdicts[*i]) {
                    done.store(true, Ordering::Relaxed);
                    *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(numbers[p].clone());
                }
                let prime = fresh.iter().zip(&verdicts[passed.len()..]).filter(|(_, prime)| **prime);
                passed = prime.map(|(k, _)| *k).collect();
                (self.watch)(numbers.len());
            }
        };
        share(self.threads, &work);
        found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many numbers will have been tested on average when a safe prime of so many bits is found. Of random numbers around p one
/// in ln(p) is prime, and the sieve takes out all but 1 / (e^gamma * ln(bound)), so one q in `each` is prime, and of these as
/// many have a p that is. The lanes beside the last p count as well.
pub fn expected_tests(bits: u32) -> f64 {
    const E_TO_THE_GAMMA: f64 = 1.781_072;
    let each = f64::from(bits) * std::f64::consts::LN_2 / (E_TO_THE_GAMMA * f64::from(bound(bits)).ln());
    each.powi(2) + each + LANES as f64
}

/// Up to where the sieve goes: where one more prime costs as much as the tests that it saves (measured; it is a flat optimum).
fn bound(bits: u32) -> u32 {
    1 << match bits {
        0..=256 => 14,
        257..=512 => 18,
        513..=1024 => 22,
        1025..=1536 => 24,
        1537..=2048 => 26,
        _ => 27,
    }
}

const KIND: Kind = Kind::SophieGermain;

fn candidate(start: &BoxedUint, k: u32) -> BoxedUint {
    start.wrapping_add(BoxedUint::from(u64::from(KIND.step()) * u64::from(k)))
}

fn twice_and_one(q: &BoxedUint) -> BoxedUint {
    q.shl(1).bitor(&BoxedUint::one())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primes::{Primality, primality};

    fn search(bits: u32, engine: Engine, threads: usize) -> SafePrimes<'static> {
        SafePrimes { bits, engine, threads, watch: &|_| () }
    }

    #[test]
    fn what_is_found_is_a_safe_prime_of_the_size_asked_for() {
        for engine in Engine::all() {
            for bits in [32, 33, 63, 64, 65, 128, 256, 300] {
                let p = search(bits, engine, 2).find().unwrap();
                assert_eq!(super::super::integer(&p).bits(), bits);
                assert_eq!(primality(&p), Primality::SafePrime, "{p:?}");
                assert_eq!(p.iter().fold(0, |rest, octet| (rest * 256 + u32::from(*octet)) % 24), 23);
            }
        }
    }

    /// Windows that hold no prime, one candidate, fewer than there are lanes; threads that race for them.
    #[test]
    fn tiny_windows_end() {
        for engine in Engine::all() {
            for window in 1..40 {
                for threads in [1, 2, 5] {
                    let p = search(40, engine, threads).find_within(50, window).unwrap();
                    assert_eq!(primality(&p), Primality::SafePrime);
                }
            }
        }
    }
}
