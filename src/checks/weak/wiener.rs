//! A small private exponent: below n^(1/4) the continued fraction of e/n gives it away (Wiener 1990), below n^0.292 lattices do
//! (Boneh and Durfee 1999). A generator that takes e first leaves a d as long as n.

use dashu_int::UBig;
use dashu_int::ops::{BitTest, DivRem, SquareRoot};

use super::Rsa;
use crate::finding::rules;

pub(super) fn look(key: &Rsa) -> Option<String> {
    // With e far below n, d is as long as n.
    if key.e.bit_len() * 2 < key.n.bit_len() || key.e >= key.n {
        return None;
    }
    convergents(&key.e, &key.n)
        .take_while(|(_, d)| d.bit_len() * 3 <= key.n.bit_len())
        .any(|(k, d)| reveals(key, &k, &d))
        .then(|| "the private exponent is so small that it follows from the public key".into())
}

/// Of a private key the exponent itself is seen.
pub(super) fn small(d: &[u8], n: &[u8]) -> Option<String> {
    let (d, n) = (UBig::from_be_bytes(d).bit_len(), UBig::from_be_bytes(n).bit_len());
    (d > 0 && d * 1000 < n * 292).then(|| format!("the private exponent has {d} bits only"))
}

/// If k and d are right, phi = (e d - 1) / k, and p + q = n + 1 - phi solves the key.
fn reveals(key: &Rsa, k: &UBig, d: &UBig) -> bool {
    let product = &key.e * d;
    if k.is_zero() || product.is_zero() {
        return false;
    }
    let (phi, rest) = (product - 1u8).div_rem(k);
    if !rest.is_zero() || phi > key.n {
        return false;
    }
    let sum = &key.n + 1u8 - phi;
    let (squared, four_n) = (sum.sqr(), &key.n << 2);
    if squared < four_n {
        return false;
    }
    let difference = squared - four_n;
    difference.sqrt().sqr() == difference
}

/// The convergents k/d of the continued fraction of x/y.
fn convergents(x: &UBig, y: &UBig) -> impl Iterator<Item = (UBig, UBig)> {
    let mut rest = (x.clone(), y.clone());
    let mut last = (UBig::ZERO, UBig::ONE);
    let mut now = (UBig::ONE, UBig::ZERO);
    std::iter::from_fn(move || {
        if rest.1.is_zero() {
            return None;
        }
        let (quotient, remainder) = (&rest.0).div_rem(&rest.1);
        rest = (std::mem::take(&mut rest.1), remainder);
        let next = (&quotient * &now.0 + &last.0, &quotient * &now.1 + &last.1);
        last = std::mem::replace(&mut now, next.clone());
        Some(next)
    })
}

rules! {
    /// Wiener.
    WEAK_SMALL_D = Error "weak-small-private-exponent" {
        summary: "the private exponent of an RSA key is so small that it can be computed from the public key",
        help: "make a new key; never choose d first",
        source: "Wiener, Cryptanalysis of short RSA secret exponents (1990); FIPS 186-5 appendix A.1.1 (d > 2^(nlen/2))",
    }
}
