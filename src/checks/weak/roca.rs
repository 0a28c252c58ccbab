//! ROCA (CVE-2017-15361): Infineon's primes are k M + (65537^a mod M), M a product of the first primes. So the modulus is a power
//! of 65537 modulo each of them. A random one is that modulo all primes up to 167 with a chance of about 2^-28, modulo the
//! larger keys' M of 2^-60 and less.

use super::Rsa;
use crate::finding::rules;

/// The largest prime in M for the smallest keys; all larger keys' M contain these.
const LARGEST: u64 = 167;

pub(super) fn look(key: &Rsa) -> Option<String> {
    let primes = super::small_factors::primes().iter().map(|p| *p as u64).take_while(|p| *p <= LARGEST).skip(1);
    let every = primes.map(|p| (p, &key.n % p)).all(|(p, n)| is_power(n, p));
    every.then(|| "the modulus has the fingerprint of Infineon's key generator".into())
}

/// Is n among 1, 65537, 65537^2, … modulo p?
fn is_power(n: u64, p: u64) -> bool {
    let mut power = 1;
    for _ in 0..p {
        if power == n {
            return true;
        }
        power = power * 65_537 % p;
    }
    false
}

rules! {
    /// Infineon.
    WEAK_ROCA = Error "weak-roca" {
        summary: "an RSA key was made by Infineon's faulty generator (ROCA) and can be factored",
        help: "make a new key on the host, not on the card or TPM, and have the certificate issued anew",
        source: "CVE-2017-15361; Nemec and others, The Return of Coppersmith's Attack (CCS 2017)",
    }
}
