//! Primes: found for RSA keys, recognised in other people's keys and DH parameters, and the arithmetic that tells whether the
//! numbers of a key fit together. What a fault means is for `checks`.

mod confirm;
mod fermat;
mod misfit;
mod pair;
mod rsa;
mod safe;
mod sieve;
mod small;

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Limb, NonZero, Odd, Resize};
use crypto_primes::Flavor;
use zeroize::Zeroizing;

use crate::crypto::{self, Refused};
use crate::threads::both;
use small::Small;

pub use fermat::Engine;
pub use misfit::{Misfit, rsa_misfits};
pub use rsa::new_rsa;
pub use safe::{SafePrimes, expected_tests};

/// Largest RSA modulus whose numbers are judged: OpenSSL refuses larger ones (OPENSSL_RSA_MAX_MODULUS_BITS), so no server can
/// use them, and the two primality tests stay within seconds.
pub const MAX_RSA_BITS: usize = 16_384;

/// Largest DH prime that is tested: the largest group of RFC 7919. OpenSSL's own limit is 10,000 bits.
pub const MAX_DH_BITS: usize = 8_192;

/// What kind of prime a number is, and for a composite a factor where it is small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Primality {
    /// Not a prime.
    Composite(Option<u32>),
    /// A prime p, but (p - 1) / 2 is not one.
    Prime(Option<u32>),
    /// A prime p with (p - 1) / 2 prime.
    SafePrime,
}

/// Is the number (big-endian octets) prime? Base-2 Miller-Rabin and a strengthened Lucas test (Baillie, Fiori and Wagstaff 2021):
/// no composite is known to pass, and unlike fixed-base Miller-Rabin it has withstood numbers made to deceive.
pub fn is_prime(number: &[u8]) -> bool {
    crypto_primes::is_prime(Flavor::Any, &integer(number))
}

/// Prime, safe prime, or neither. Small factors and the kernels' test come first, so that only what may well be prime takes the
/// time of the thorough one. That one is needed for q = (p - 1) / 2 only, if q is prime: p then has a proof, which is made at the
/// same time where there is another processor. The caller keeps to `MAX_DH_BITS`; of that size a safe prime takes between one and
/// two seconds.
pub fn primality(number: &[u8]) -> Primality {
    let p = integer(number);
    if let Some(factor) = quick(&p) {
        return Primality::Composite(factor);
    }
    let half = p.wrapping_shr_vartime(1);
    let prove = || p.bits_vartime() > 32 && confirm::fits_pocklington(&p);
    let (proof, half) = both(&prove, || composite(&half));
    match half {
        None if proof => Primality::SafePrime,
        // What is small, and what the kernels and the proof disagree about, is tested as any other number.
        None if composite(&p).is_none() => Primality::SafePrime,
        Some(factor) if composite(&p).is_none() => Primality::Prime(factor),
        _ => Primality::Composite(None),
    }
}

/// A prime below 2^16 that divides the number (big-endian octets) and is not the number itself.
pub fn small_factor(number: &[u8]) -> Option<u32> {
    factor(&integer(number))
}

/// The order of g in a group of a safe prime p: does g generate the subgroup of the prime order (p - 1) / 2? The caller keeps to
/// `MAX_DH_BITS`.
pub fn is_square(p: &[u8], g: &[u8]) -> bool {
    let p = integer(p);
    match g {
        // What is in use is small, and needs no power.
        [_, ..] if g.len() <= 4 => {
            let g = g.iter().fold(0, |g, octet| g << 8 | u64::from(*octet));
            g > 0 && legendre(g, &p)
        }
        _ => power_is_one(&p, &integer(g), &p.wrapping_shr_vartime(1)),
    }
}

/// Is a small g > 0 a square modulo an odd prime p that does not divide it? By Jacobi's symbol and its laws of reciprocity.
fn legendre(g: u64, p: &BoxedUint) -> bool {
    let modulo = |by: u64| NonZero::new(Limb::from(by)).into_option().map_or(0, |by| p.rem_limb(by).0);
    // (2 / n) is -1 for n = 3 and 5 modulo 8; (m / n) = (n / m), but of opposite sign where both are 3 modulo 4.
    let two = |n: u64| matches!(n % 8, 3 | 5);
    let odd = g >> g.trailing_zeros();
    let mut minus = g.trailing_zeros() % 2 == 1 && two(modulo(8));
    minus ^= odd % 4 == 3 && modulo(4) == 3;
    let (mut m, mut n) = (modulo(odd), odd);
    while m > 0 {
        let twos = m.trailing_zeros();
        minus ^= twos % 2 == 1 && two(n);
        m >>= twos;
        minus ^= m % 4 == 3 && n % 4 == 3;
        (m, n) = (n % m, m);
    }
    n == 1 && !minus
}

/// Is q a prime that divides p - 1, and g of this order modulo p? The caller keeps to `MAX_DH_BITS`.
pub fn is_subgroup(p: &[u8], g: &[u8], q: &[u8]) -> bool {
    let (p, g, q) = (integer(p), integer(g), integer(q));
    let divides =
        q.as_nz_vartime().is_some_and(|q| p.wrapping_sub(BoxedUint::one()).rem_vartime(q).bits_vartime() == 0);
    divides && composite(&q).is_none() && power_is_one(&p, &g, &q)
}

/// g^exponent = 1 modulo p?
fn power_is_one(p: &BoxedUint, g: &BoxedUint, exponent: &BoxedUint) -> bool {
    let Some(p) = Odd::new(p.clone()).into_option() else { return false };
    let g = g.rem_vartime(p.as_nz_ref()).resize(p.bits_precision());
    BoxedMontyForm::new(g, &BoxedMontyParams::new_vartime(p))
        .pow(exponent)
        .retrieve()
        .cmp_vartime(BoxedUint::one())
        .is_eq()
}

/// Why the number is composite, with a factor if that is small; none if it is prime.
fn composite(number: &BoxedUint) -> Option<Option<u32>> {
    quick(number).or_else(|| (!crypto_primes::is_prime(Flavor::Any, number)).then_some(None))
}

/// The same, found out quickly; none if it may well be prime.
fn quick(number: &BoxedUint) -> Option<Option<u32>> {
    let large = number.bits_vartime() > 32;
    match factor(number) {
        Some(factor) => Some(Some(factor)),
        None => (large && Engine::best().fermat(&[number]) != [true]).then_some(None),
    }
}

fn factor(number: &BoxedUint) -> Option<u32> {
    let small = Small::below(1 << 16);
    let mut primes = std::iter::once(2).chain(small.segment(0));
    primes.find(|prime| sieve::divides(*prime, number) && number.cmp_vartime(BoxedUint::from(*prime)).is_gt())
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

/// Sets a bit where the number stands, so that no copy of a secret is left elsewhere.
fn set(number: &mut BoxedUint, bit: u32) {
    if let Some(word) = number.as_mut_words().get_mut(bit as usize / 64) {
        *word |= 1 << (bit % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_told_apart() {
        let is = |n: u32| primality(&n.to_be_bytes());
        for (composite, factor) in
            [(0, Some(2)), (1, None), (4, Some(2)), (9, Some(3)), (561, Some(3)), (2047, Some(23))]
        {
            // Zero is divisible by all.
            assert_eq!(is(composite), Primality::Composite(if composite == 0 { None } else { factor }), "{composite}");
        }
        for (prime, factor) in [(2, None), (3, None), (13, Some(2)), (17, Some(2)), (65_537, Some(2)), (31, Some(3))] {
            assert_eq!(is(prime), Primality::Prime(factor), "{prime}");
        }
        for safe in [5, 7, 11, 23, 2039, 4_294_967_087] {
            assert_eq!(is(safe), Primality::SafePrime, "{safe}");
        }
        assert!(!is_prime(&[]));
    }

    #[test]
    fn squares_generate_half_of_the_group() {
        assert!(is_square(&[23], &[2]) && !is_square(&[23], &[5]));
        for p in [5_u32, 7, 11, 23, 47, 2_039, 4_294_967_087] {
            let number = integer(&p.to_be_bytes());
            for g in (1..200_u32).filter(|g| g % p != 0) {
                let wanted = power_is_one(&number, &BoxedUint::from(g), &number.wrapping_shr_vartime(1));
                assert_eq!(is_square(&p.to_be_bytes(), &g.to_be_bytes()), wanted, "{g} modulo {p}");
            }
        }
        // 4 has the order 11 modulo 23; 5 has 22, and 12 does not divide it.
        assert!(is_subgroup(&[23], &[4], &[11]));
        assert!(
            !is_subgroup(&[23], &[5], &[11]) && !is_subgroup(&[23], &[4], &[12]) && !is_subgroup(&[23], &[4], &[0])
        );
    }
}
