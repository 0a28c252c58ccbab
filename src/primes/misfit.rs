//! The numbers of anybody's RSA key, of any size: do they fit together?

use std::cmp::Ordering;

use crypto_bigint::BoxedUint;
use zeroize::Zeroizing;

use super::rsa::{is_one, one, product, rem};
use super::{integer, is_prime};
use crate::crypto::RsaNumbers;

/// A number that does not fit to the others of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Its name in RFC 8017: `n`, `e`, `d`, `p`, `q`, `dP`, `dQ`, `qInv`.
    pub number: &'static str,
    /// What is wrong with it.
    pub what: &'static str,
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

fn is_zero(number: &BoxedUint) -> bool {
    number.bits_vartime() == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primes::{Engine, new_rsa};

    fn misfits(numbers: &RsaNumbers<Vec<u8>>) -> Vec<&'static str> {
        let [n, e, d, p, q, dp, dq, qinv] = numbers.in_order().map(Vec::as_slice);
        rsa_misfits(&RsaNumbers { n, e, d, p, q, dp, dq, qinv }).iter().map(|m| m.number).collect()
    }

    fn new_key() -> RsaNumbers<Vec<u8>> {
        let [n, e, d, p, q, dp, dq, qinv] = new_rsa(512, Engine::best()).unwrap().in_order().map(|z| z.to_vec());
        RsaNumbers { n, e, d, p, q, dp, dq, qinv }
    }

    #[test]
    fn a_new_key_fits_together() {
        (0..8).for_each(|_| assert!(misfits(&new_key()).is_empty()));
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
