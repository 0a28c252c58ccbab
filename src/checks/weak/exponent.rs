//! The public exponent: 1 or even it protects nothing or cannot be inverted, and beyond the modulus it is nobody's honest choice.

use dashu_int::UBig;

use dashu_int::ops::BitTest;

use super::Rsa;
use crate::finding::rules;

pub(super) fn look(key: &Rsa) -> Option<String> {
    let bits = key.e.bit_len();
    if key.e >= key.n {
        Some("the public exponent is not below the modulus".into())
    } else if bits > 256 {
        Some(format!(
            "the public exponent has {bits} bits; 256 are the most, and OpenSSL takes 64 with a modulus above 3072"
        ))
    } else {
        None
    }
}

/// What works, but was chosen by nobody who knew: no generator in use makes it.
pub(super) fn small(key: &Rsa) -> Option<String> {
    let advised = UBig::from(65_537u32);
    (key.e < advised).then(|| format!("the public exponent is {}; 65537 is the smallest that is advised", key.e))
}

rules! {
    /// Not an RSA key at all.
    WEAK_EXPONENT = Error "weak-exponent" {
        summary: "an RSA key's exponent or modulus is not one that RSA works with",
        help: "make a new key; every common program uses 65537",
        source: "RFC 8017 section 3.1, FIPS 186-5 appendix A.1.1",
    }
    /// It works, and there is no reason for it.
    EXPONENT_SMALL = Warning "key-exponent-small" {
        summary: "the public exponent of an RSA key is smaller than 65537",
        help: "make a new key; every common program uses 65537",
        source: "CA/Browser Forum baseline requirements 6.1.6 (2^16+1 to 2^256-1), FIPS 186-5 appendix A.1.1",
    }
}
