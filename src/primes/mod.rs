//! Primes: found for RSA keys, recognised in other people's keys and DH parameters, and the arithmetic that tells whether the
//! numbers of a key fit together. The only room that computes with big integers; what a fault means is for `checks`.

mod confirm;
mod fermat;
mod misfit;
mod pair;
mod rsa;
mod safe;
mod sieve;
mod small;

use crypto_bigint::BoxedUint;
use crypto_primes::Flavor;
use zeroize::Zeroizing;

use crate::crypto::{self, Refused};

pub use fermat::Engine;
pub use misfit::{Misfit, rsa_misfits};
pub use rsa::new_rsa;
pub use safe::{SafePrimes, expected_tests};

/// Largest RSA modulus whose numbers are judged: OpenSSL refuses larger ones (OPENSSL_RSA_MAX_MODULUS_BITS), so no server can
/// use them, and the two primality tests stay within seconds.
pub const MAX_RSA_BITS: usize = 16_384;

/// Largest DH prime that is tested: the largest group of RFC 7919. OpenSSL's own limit is 10,000 bits.
pub const MAX_DH_BITS: usize = 8_192;

/// What kind of prime a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Primality {
    /// Not a prime.
    Composite,
    /// A prime p, but (p - 1) / 2 is not.
    Prime,
    /// A prime p with (p - 1) / 2 prime.
    SafePrime,
}

/// Is the number (big-endian octets) prime? Base-2 Miller-Rabin and a strengthened Lucas test (Baillie, Fiori and Wagstaff 2021):
/// no composite is known to pass, and unlike fixed-base Miller-Rabin it has withstood numbers made to deceive.
pub fn is_prime(number: &[u8]) -> bool {
    crypto_primes::is_prime(Flavor::Any, &integer(number))
}

/// Prime, safe prime, or neither. The caller keeps to `MAX_DH_BITS`.
pub fn primality(number: &[u8]) -> Primality {
    let number = integer(number);
    if !crypto_primes::is_prime(Flavor::Any, &number) {
        Primality::Composite
    } else if crypto_primes::is_prime(Flavor::Any, &number.wrapping_shr_vartime(1)) {
        Primality::SafePrime
    } else {
        Primality::Prime
    }
}

/// A number at its own width; the number zero still needs a limb.
fn integer(octets: &[u8]) -> BoxedUint {
    BoxedUint::from_be_slice_vartime(if octets.is_empty() { &[0] } else { octets })
}

/// A number by chance of up to so many bits.
fn random_bits(bits: u32) -> Result<Zeroizing<BoxedUint>, Refused> {
    let mut octets = Zeroizing::new(vec![0; bits.div_ceil(8) as usize]);
    crypto::random(&mut octets)?;
    if let Some(first) = octets.first_mut() {
        *first &= 0xff >> (bits.next_multiple_of(8) - bits);
    }
    Ok(Zeroizing::new(integer(&octets)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_told_apart() {
        let is = |n: u32| primality(&n.to_be_bytes());
        for composite in [0, 1, 4, 9, 561, 2047, 65_535] {
            assert_eq!(is(composite), Primality::Composite, "{composite}");
        }
        for prime in [2, 3, 13, 17, 65_537] {
            assert_eq!(is(prime), Primality::Prime, "{prime}");
        }
        for safe in [5, 7, 11, 23, 2039, 4_294_967_087] {
            assert_eq!(is(safe), Primality::SafePrime, "{safe}");
        }
        assert!(!is_prime(&[]));
    }
}
