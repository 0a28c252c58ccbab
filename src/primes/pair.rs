//! Two secret primes at once: both searches share the lanes, until one is done.
//!
//! A prime is the first one at or after a random start, as OpenSSL finds it, where FIPS 186-5 (A.1.3) draws every candidate anew:
//! primes after long gaps are a little likelier (less than two bits of the choice), which helps nobody to guess one. How many
//! candidates there were can be seen in the time it takes; the tests of the numbers show nothing else. The sieve is no such thing:
//! where it strikes depends on the start, so another user who watches the cache of the same core is not kept out. What was in
//! memory is wiped; registers, the stack and the working memory of `crypto-primes` are not.

use crypto_bigint::{BoxedUint, Limb, NonZero};
use zeroize::Zeroizing;

use super::fermat::LANES;
use super::rsa::{E, Secret};
use super::sieve::{Candidates, Kind, survivors};
use super::{Engine, confirm, random_bits, set};
use crate::crypto::Refused;

/// Two primes of exactly so many bits (32 or more), the two highest set, with p - 1 prime to e.
pub(super) fn two_primes(bits: u32, engine: Engine) -> Result<[Secret; 2], Refused> {
    // Twelve times the gap that is to be expected between two primes.
    two_primes_within(bits, engine, bound(bits), 4 * bits as usize)
}

fn two_primes_within(bits: u32, engine: Engine, bound: u32, window: usize) -> Result<[Secret; 2], Refused> {
    let fresh = || Search::new(bits, engine, bound, window);
    let mut searches = [fresh()?, fresh()?];
    loop {
        if let [Search { found: Some(p), .. }, Search { found: Some(q), .. }] = &searches {
            let confirmed = confirm::are_primes(engine, [p, q])?;
            if confirmed == [true; 2] {
                return Ok([p.clone(), q.clone()]);
            }
            let refuted = searches.iter_mut().zip(confirmed).filter(|(_, confirmed)| !confirmed);
            refuted.for_each(|(search, _)| search.found = None);
        }
        let open = searches.iter_mut().filter(|search| search.found.is_none()).collect::<Vec<_>>();
        let share = LANES / open.len();
        let mut numbers: Vec<Secret> = Vec::with_capacity(LANES);
        let mut batch = Vec::new();
        for search in open {
            numbers.extend(search.next(share));
            batch.push((search, numbers.len()));
        }
        let verdicts = engine.fermat(&numbers.iter().map(|n| &**n).collect::<Vec<_>>());
        let mut from = 0;
        for (search, to) in batch {
            let passed = (from..to).filter(|i| verdicts[*i]).map(|i| &numbers[i]);
            search.take_first(passed);
            if search.found.is_none() && from == to {
                *search = fresh()?;
            }
            from = to;
        }
    }
}

/// One of the two searches.
struct Search {
    bits: u32,
    start: Secret,
    survivors: Zeroizing<Vec<u32>>,
    taken: usize,
    found: Option<Secret>,
}

impl Search {
    fn new(bits: u32, engine: Engine, bound: u32, window: usize) -> Result<Search, Refused> {
        let mut start = random_bits(bits)?;
        [0, bits - 2, bits - 1].into_iter().for_each(|bit| set(&mut start, bit));
        let survivors = survivors(engine, &Candidates { kind: KIND, start: &start, window }, bound, 1);
        Ok(Search { bits, start, survivors, taken: 0, found: None })
    }

    /// The next candidates, at most so many; none when the window, or the numbers of this size, are at their end.
    fn next(&mut self, count: usize) -> Vec<Secret> {
        let from = self.taken;
        self.taken = self.survivors.len().min(from + count);
        let candidate = |k: &u32| self.start.wrapping_add(BoxedUint::from(u64::from(KIND.step()) * u64::from(*k)));
        let numbers = self.survivors[from..self.taken].iter().map(|k| Secret::new(candidate(k)));
        numbers.filter(|number| number.bits() == self.bits).collect()
    }

    /// The first that goes with e.
    fn take_first<'a>(&mut self, mut passed: impl Iterator<Item = &'a Secret>) {
        self.found = passed.find(|number| goes_with_e(number)).cloned();
    }
}

/// e is prime, so it has a factor in common with p - 1 only where it divides that.
fn goes_with_e(p: &BoxedUint) -> bool {
    NonZero::new(Limb::from(E)).into_option().is_some_and(|e| p.rem_limb(e) != Limb::ONE)
}

/// Up to where the sieve goes, as for safe primes; a test costs less here than one more prime soon.
fn bound(bits: u32) -> u32 {
    1 << match bits {
        0..=512 => 13,
        513..=1024 => 17,
        1025..=1536 => 18,
        _ => 19,
    }
}

const KIND: Kind = Kind::Prime;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primes::is_prime;

    fn check(pair: &[Secret; 2], bits: u32) {
        for p in pair {
            assert!(p.bits() == bits && p.bit_vartime(bits - 2) && goes_with_e(p));
            assert!(is_prime(&p.to_be_bytes()));
        }
        assert!(*pair[0] != *pair[1]);
    }

    #[test]
    fn both_are_primes_of_the_size_asked_for() {
        for engine in Engine::all() {
            for bits in [64, 65, 100, 128, 256, 384] {
                check(&two_primes(bits, engine).unwrap(), bits);
            }
        }
    }

    /// Windows without a prime, with one candidate, with fewer than there are lanes.
    #[test]
    fn tiny_windows_end() {
        for engine in Engine::all() {
            for window in 1..40 {
                check(&two_primes_within(64, engine, 50, window).unwrap(), 64);
            }
        }
    }
}
