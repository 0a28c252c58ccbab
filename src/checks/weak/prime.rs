//! A modulus that is itself prime: then phi(n) is n - 1, and everybody can compute the private exponent.

use super::Rsa;
use crate::finding::rules;
use crate::primes;

pub(super) fn look(key: &Rsa) -> Option<String> {
    primes::is_prime(&key.n.to_be_bytes()).then(|| "the modulus is a prime number, not a product of two".into())
}

rules! {
    /// Not a product.
    WEAK_PRIME_MODULUS = Error "weak-prime-modulus" {
        summary: "an RSA modulus is a prime number: the private exponent can be computed from it at once",
        help: "make a new key, and have the certificate issued anew",
        source: "RFC 8017 section 3.1",
    }
}
