//! The numbers of a new RSA key, made by FIPS 186-5 (A.1.3): two primes of half the size and not close to each other,
//! e = 65537, and d not short.

use std::cmp::Ordering;

use crypto_bigint::{BoxedUint, ConcatenatingMul, Lcm, NonZero, Resize};
use zeroize::Zeroizing;

use super::{Engine, pair};
use crate::crypto::{Refused, RsaNumbers};

/// The public exponent of all keys made here.
pub(super) const E: u32 = 65_537;

/// The numbers of a new key with a modulus of exactly `bits` bits and e = 65537.
pub fn new_rsa(bits: u32, engine: Engine) -> Result<RsaNumbers<Zeroizing<Vec<u8>>>, Refused> {
    loop {
        let (p, q) = two_primes(bits, engine)?;
        // FIPS 186-5, A.1.1: d must be above 2^(bits / 2). A shorter one is as good as impossible, and would be dangerous.
        if let Some(numbers) = assemble(&p, &q).filter(|numbers| numbers.d.len() > bits as usize / 16) {
            return Ok(numbers);
        }
    }
}

/// Two primes of half the size each, p > q and p - q > 2^(bits / 2 - 100). With both highest bits set they are above 1.5, and so
/// above the root of 2, times 2^(bits / 2 - 1), and their product has all its bits.
fn two_primes(bits: u32, engine: Engine) -> Result<(Secret, Secret), Refused> {
    let half = bits / 2;
    loop {
        let [a, b] = pair::two_primes(half, engine)?;
        let (p, q) = if a.cmp_vartime(&*b) == Ordering::Greater { (a, b) } else { (b, a) };
        if Zeroizing::new(p.wrapping_sub(&*q)).bits() > half - 100 {
            return Ok((p, q));
        }
    }
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

pub(super) type Secret = Zeroizing<BoxedUint>;

pub(super) fn product(a: &BoxedUint, b: &BoxedUint) -> Secret {
    Zeroizing::new(a.concatenating_mul(b))
}

/// The remainder; of a division by zero, which has none, the number itself.
pub(super) fn rem(number: &BoxedUint, by: &BoxedUint) -> Secret {
    Zeroizing::new(by.as_nz_vartime().map_or_else(|| number.clone(), |by| number.rem(by)))
}

pub(super) fn is_one(number: &BoxedUint) -> bool {
    number.cmp_vartime(one()) == Ordering::Equal
}

pub(super) fn one() -> BoxedUint {
    BoxedUint::one()
}

fn octets(number: &BoxedUint) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(number.to_be_bytes_trimmed_vartime().into_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_has_the_size_asked_for() {
        for engine in Engine::all() {
            for _ in 0..4 {
                let key = new_rsa(512, engine).unwrap();
                assert_eq!((key.n.len(), key.p.len(), key.q.len()), (64, 32, 32));
                assert!(key.n[0] >= 0x80 && key.p[0] >= 0xc0 && key.q[0] >= 0xc0 && *key.p > *key.q);
                assert_eq!(*key.e, [1, 0, 1]);
            }
        }
    }
}
