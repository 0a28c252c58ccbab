//! RSA numbers: made by FIPS 186-5 (A.1.3), and judged in anybody's key of any size.
//!
//! A prime is the first one at or after a random start, as OpenSSL finds it, where FIPS draws every candidate anew: primes
//! after long gaps are a little likelier, which helps nobody to guess one. `crypto-primes` does not wipe its working memory.

use std::cmp::Ordering;
use std::num::NonZeroU32;

use crypto_bigint::{BoxedUint, ConcatenatingMul, Lcm, Limb, NonZero, Resize};
use crypto_primes::hazmat::SmallFactorsSieve;
use zeroize::Zeroizing;

use super::{integer, is_prime};
use crate::crypto::{self, Refused, RsaNumbers};

/// A number that does not fit to the others of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Its name in RFC 8017: `n`, `e`, `d`, `p`, `q`, `dP`, `dQ`, `qInv`.
    pub number: &'static str,
    /// What is wrong with it.
    pub what: &'static str,
}

/// The numbers of a new key with a modulus of exactly `bits` bits and e = 65537.
pub fn new_rsa(bits: u32) -> Result<RsaNumbers<Zeroizing<Vec<u8>>>, Refused> {
    loop {
        let (p, q) = two_primes(bits)?;
        // FIPS 186-5, A.1.1: d must be above 2^(bits / 2). A shorter one is as good as impossible, and would be dangerous.
        if let Some(numbers) = assemble(&p, &q).filter(|numbers| numbers.d.len() > bits as usize / 16) {
            return Ok(numbers);
        }
    }
}

/// What does not fit together in a key of two primes; nothing if it is sound. The caller keeps to `MAX_RSA_BITS` for each number.
pub fn rsa_misfits(key: &RsaNumbers<&[u8]>) -> Vec<Misfit> {
    let [n, e, d, p, q, dp, dq, qinv] = key.in_order().map(|octets| Zeroizing::new(integer(octets)));
    if product(&p, &q).cmp_vartime(&*n) != Ordering::Equal {
        return vec![wrong_factor(&n, &p, &q)];
    }
    let composite = |(number, octets)| (!is_prime(octets)).then_some(Misfit { number, what: "is not prime" });
    let faults: Vec<Misfit> = [("p", key.p), ("q", key.q)].into_iter().filter_map(composite).collect();
    if !faults.is_empty() {
        return faults;
    }
    let (p1, q1) = (Zeroizing::new(p.wrapping_sub(one())), Zeroizing::new(q.wrapping_sub(one())));
    let inverse = |a: &BoxedUint, b: &BoxedUint, m: &BoxedUint| is_one(&rem(&product(a, b), m));
    let same = |part: &BoxedUint, m: &BoxedUint| rem(&d, m).cmp_vartime(part) == Ordering::Equal;
    let (dp_inverts, dq_inverts) = (inverse(&e, &dp, &p1), inverse(&e, &dq, &q1));
    let mut faults = Vec::new();
    let mut unless = |fits: bool, number, what| faults.extend((!fits).then_some(Misfit { number, what }));
    // e * d = 1 modulo both is the same as modulo their least common multiple, and follows from 1 modulo their product.
    if inverse(&e, &d, &p1) && inverse(&e, &d, &q1) {
        unless(same(&dp, &p1), "dP", "is not d mod (p - 1)");
        unless(same(&dq, &q1), "dQ", "is not d mod (q - 1)");
    } else if dp_inverts && dq_inverts {
        unless(false, "d", "is not the inverse of e");
    } else if same(&dp, &p1) && same(&dq, &q1) {
        unless(false, "e", "is not the inverse of d, dP and dQ");
    } else {
        unless(false, "d", "is not the inverse of e, and dP and dQ fit to neither");
    }
    unless(inverse(&q, &qinv, &p), "qInv", "is not the inverse of q mod p");
    faults
}

/// n is not p * q: whichever factor still divides n is right.
fn wrong_factor(n: &BoxedUint, p: &BoxedUint, q: &BoxedUint) -> Misfit {
    let divides = |factor: &BoxedUint| factor.cmp_vartime(one()) == Ordering::Greater && is_zero(&rem(n, factor));
    match (divides(p), divides(q)) {
        (true, false) => Misfit { number: "q", what: "is not n / p" },
        (false, true) => Misfit { number: "p", what: "is not n / q" },
        _ => Misfit { number: "n", what: "is not p * q" },
    }
}

/// Primes of half the size each, p > q, not close to each other (FIPS 186-5, A.1.3).
fn two_primes(bits: u32) -> Result<(Secret, Secret), Refused> {
    let half = bits / 2;
    loop {
        let (a, b) = (prime(half)?, prime(half)?);
        let (p, q) = if a.cmp_vartime(&*b) == Ordering::Greater { (a, b) } else { (b, a) };
        if Zeroizing::new(p.wrapping_sub(&*q)).bits() > half - 100 {
            return Ok((p, q));
        }
    }
}

/// A prime with its two highest bits set, so that the product of two has all its bits, and with p - 1 prime to e.
fn prime(bits: u32) -> Result<Secret, Refused> {
    let length = NonZeroU32::new(bits).ok_or(Refused("a prime of no bits"))?;
    let e = NonZero::<Limb>::new(Limb::from(E)).into_option().ok_or(Refused("no public exponent"))?;
    loop {
        let start = random_start(bits)?;
        let sieve = SmallFactorsSieve::new(start, length, false).map_err(|_| Refused("no room for a prime"))?;
        let fits = |candidate: &BoxedUint| {
            candidate.rem_limb(e) != Limb::ONE && crypto_primes::is_prime(crypto_primes::Flavor::Any, candidate)
        };
        // The sieve ends where a number would need more bits; then the start was bad luck.
        if let Some(found) = sieve.map(Zeroizing::new).find(|candidate| fits(candidate)) {
            return Ok(found);
        }
    }
}

fn random_start(bits: u32) -> Result<BoxedUint, Refused> {
    let mut octets = Zeroizing::new(vec![0; bits as usize / 8]);
    crypto::random(&mut octets)?;
    octets[0] |= 0xc0;
    Ok(integer(&octets))
}

/// The other six numbers; none if e has no inverse, which `prime` has ruled out.
fn assemble(p: &Secret, q: &Secret) -> Option<RsaNumbers<Zeroizing<Vec<u8>>>> {
    let (p1, q1) = (Zeroizing::new(p.wrapping_sub(one())), Zeroizing::new(q.wrapping_sub(one())));
    let lcm = Zeroizing::new(NonZero::new(p1.lcm(&q1)).into_option()?);
    let e = BoxedUint::from(E).resize(lcm.bits_precision());
    let d = Zeroizing::new(e.invert_mod(&lcm).into_option()?);
    let qinv = Zeroizing::new(q.invert_odd_mod(&p.to_odd().into_option()?).into_option()?);
    Some(RsaNumbers {
        n: octets(&product(p, q)),
        e: octets(&e),
        d: octets(&d),
        p: octets(p),
        q: octets(q),
        dp: octets(&rem(&d, &p1)),
        dq: octets(&rem(&d, &q1)),
        qinv: octets(&qinv),
    })
}

type Secret = Zeroizing<BoxedUint>;

fn product(a: &BoxedUint, b: &BoxedUint) -> Secret {
    Zeroizing::new(a.concatenating_mul(b))
}

/// The remainder; of a division by zero, which has none, the number itself.
fn rem(number: &BoxedUint, by: &BoxedUint) -> Secret {
    Zeroizing::new(by.as_nz_vartime().map_or_else(|| number.clone(), |by| number.rem(by)))
}

fn is_zero(number: &BoxedUint) -> bool {
    number.bits_vartime() == 0
}

fn is_one(number: &BoxedUint) -> bool {
    number.cmp_vartime(one()) == Ordering::Equal
}

fn one() -> BoxedUint {
    BoxedUint::one()
}

fn octets(number: &BoxedUint) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(number.to_be_bytes_trimmed_vartime().into_vec())
}

const E: u32 = 65_537;

#[cfg(test)]
mod tests {
    use super::*;

    fn misfits(numbers: &RsaNumbers<Vec<u8>>) -> Vec<&'static str> {
        let [n, e, d, p, q, dp, dq, qinv] = numbers.in_order().map(Vec::as_slice);
        rsa_misfits(&RsaNumbers { n, e, d, p, q, dp, dq, qinv }).iter().map(|m| m.number).collect()
    }

    fn new_key() -> RsaNumbers<Vec<u8>> {
        let [n, e, d, p, q, dp, dq, qinv] = new_rsa(512).unwrap().in_order().map(|z| z.to_vec());
        RsaNumbers { n, e, d, p, q, dp, dq, qinv }
    }

    #[test]
    fn a_new_key_has_the_size_asked_for_and_fits_together() {
        for _ in 0..8 {
            let key = new_key();
            assert_eq!((key.n.len(), key.p.len(), key.q.len()), (64, 32, 32));
            assert!(key.n[0] >= 0x80 && key.p[0] >= 0xc0 && key.q[0] >= 0xc0 && key.p > key.q);
            assert_eq!(key.e, [1, 0, 1]);
            assert!(misfits(&key).is_empty());
        }
    }

    #[test]
    fn the_number_that_is_wrong_is_named() {
        let spoil = |change: fn(&mut RsaNumbers<Vec<u8>>) -> &mut Vec<u8>| {
            let mut key = new_key();
            *change(&mut key).last_mut().unwrap() ^= 2;
            misfits(&key)
        };
        assert_eq!(spoil(|k| &mut k.n), ["n"]);
        assert_eq!(spoil(|k| &mut k.e), ["e"]);
        assert_eq!(spoil(|k| &mut k.d), ["d"]);
        assert_eq!(spoil(|k| &mut k.p), ["p"]);
        assert_eq!(spoil(|k| &mut k.q), ["q"]);
        assert_eq!(spoil(|k| &mut k.dp), ["dP"]);
        assert_eq!(spoil(|k| &mut k.dq), ["dQ"]);
        assert_eq!(spoil(|k| &mut k.qinv), ["qInv"]);
    }

    #[test]
    fn zeros_and_composites_are_faults_and_not_crashes() {
        let key = |p: u32, q: u32| {
            let octets = |n: u32| n.to_be_bytes().to_vec();
            let n = octets(p * q);
            RsaNumbers {
                n,
                e: octets(3),
                d: octets(3),
                p: octets(p),
                q: octets(q),
                dp: vec![],
                dq: vec![],
                qinv: vec![],
            }
        };
        assert_eq!(misfits(&key(0, 0)), ["p", "q"]);
        assert_eq!(misfits(&key(15, 11)), ["p"]);
        assert_eq!(misfits(&key(1, 11)), ["p"]);
        assert!(!misfits(&key(2, 11)).is_empty());
    }
}
