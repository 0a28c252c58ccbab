//! The public exponent: 1 or even it protects nothing or cannot be inverted, and beyond the modulus it is nobody's honest choice.

use dashu_int::UBig;

use dashu_int::ops::BitTest;

use super::Rsa;
use crate::finding::rules;

pub(super) fn look(key: &Rsa) -> Option<String> {
    (key.e >= key.n).then(|| "the public exponent is not below the modulus".into())
}

/// What works, but was chosen by nobody who knew: no generator in use makes it.
pub(super) fn unusual(key: &Rsa) -> Option<String> {
    if key.e < UBig::from(65_537u32) {
        Some(format!("the public exponent is {}; 65537 is the smallest that is advised", key.e))
    } else if key.e.bit_len() > 256 {
        Some(format!(
            "the public exponent has {} bits; OpenSSL refuses more than 64 with a modulus above 3072 bits",
            key.e.bit_len()
        ))
    } else {
        None
    }
}

rules! {
    /// Not an RSA key at all.
    WEAK_EXPONENT = Error "weak-exponent" {
        summary: "an RSA key's exponent or modulus is not one that RSA works with",
        help: "make a new key; every common program uses 65537",
        source: "RFC 8017 section 3.1, FIPS 186-5 appendix A.1.1",
    }
    /// Small or very long.
    EXPONENT_UNUSUAL = Warning "key-exponent-unusual" {
        summary: "the public exponent of an RSA key is smaller than 65537 or longer than 256 bits",
        help: "make a new key; every common program uses 65537",
        source: "CA/Browser Forum baseline requirements 6.1.6 (2^16+1 to 2^256-1), FIPS 186-5 appendix A.1.1",
    }
}
