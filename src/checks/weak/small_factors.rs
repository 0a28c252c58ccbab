//! Small factors: a modulus with a prime factor below 2^16 was not made of two large primes, or was damaged since. A sound one has
//! none.

use std::sync::OnceLock;

use dashu_int::UBig;
use dashu_int::ops::Gcd;

use super::Rsa;
use crate::finding::rules;

const LIMIT: usize = 1 << 16;

pub(super) fn look(key: &Rsa) -> Option<String> {
    let factor = product().gcd(&key.n);
    let smallest = || primes().iter().find(|p| (&factor % UBig::from(**p as u64)).is_zero());
    if factor.is_one() { None } else { smallest().map(|p| format!("the modulus is divisible by {p}")) }
}

/// The product of all primes below the limit.
fn product() -> &'static UBig {
    static PRODUCT: OnceLock<UBig> = OnceLock::new();
    PRODUCT.get_or_init(|| super::shared::product(primes().iter().map(|p| UBig::from(*p as u64)).collect()))
}

/// All primes below the limit, by the sieve of Eratosthenes.
pub(super) fn primes() -> &'static [usize] {
    static PRIMES: OnceLock<Vec<usize>> = OnceLock::new();
    PRIMES.get_or_init(|| {
        let mut composite = vec![false; LIMIT];
        for p in 2..LIMIT.isqrt() {
            if !composite[p] {
                (p * p..LIMIT).step_by(p).for_each(|multiple| composite[multiple] = true);
            }
        }
        (2..LIMIT).filter(|n| !composite[*n]).collect()
    })
}

rules! {
    /// Divisible.
    WEAK_SMALL_FACTOR = Error "weak-small-factor" {
        summary: "an RSA modulus has a small prime factor: it was damaged, or made by a broken generator, and can be factored",
        help: "make a new key, and have the certificate issued anew",
        source: "RFC 8017 section 3.1 (a product of large primes); Boeck, Finding RSA keys with small factors (2022)",
    }
}
