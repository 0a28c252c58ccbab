//! Trivial secrets of ECDSA and EdDSA: a scalar or seed that is a small number or one octet over and over. Their public keys are
//! computed and compared; a random key is one of these with a chance below 2^-240.

// Five numbers on a line, and not one.
#[rustfmt::skip]
mod low_bits;

use std::collections::HashSet;
use std::sync::OnceLock;

use crate::crypto::{self, Curve};
use crate::finding::rules;
use crate::material::key::{KeyKind, PublicKey};

/// Small scalars whose points are known here.
const SMALL: usize = 64;

pub(super) fn public(key: &PublicKey) -> Option<&'static str> {
    match key.kind() {
        KeyKind::Ed25519 => ed25519(key.octets()),
        kind => {
            let curve = kind.curve()?;
            // The negative of a point has the same x, and the negative of a trivial scalar is no better. Compressed or not, x is
            // what stands behind the first octet (SEC 1 section 2.3.3).
            let x = key.octets().get(1..=curve.octets())?;
            let trivial = low_bits(curve).binary_search(&low(x)?).is_ok() && points(curve).contains(x);
            trivial.then_some("the private key behind it is a small number or one octet repeated")
        }
    }
}

/// The same for the secret itself.
pub(super) fn secret(octets: &[u8]) -> Option<&'static str> {
    let leading = octets.iter().take_while(|octet| **octet == 0).count();
    if octets.len() - leading <= 8 {
        Some("is a small number")
    } else if octets.windows(2).skip(1).all(|pair| pair[0] == pair[1]) {
        Some("is one octet repeated")
    } else {
        None
    }
}

/// The lowest 64 bits of a number.
fn low(number: &[u8]) -> Option<u64> {
    number.last_chunk().copied().map(u64::from_be_bytes)
}

/// Those of the trivial points, in order: to compute the points takes a millisecond, and they are needed in the rarest case only.
fn low_bits(curve: Curve) -> &'static [u64] {
    match curve {
        Curve::P256 => &low_bits::P256,
        Curve::P384 => &low_bits::P384,
        Curve::P521 => &low_bits::P521,
    }
}

/// The x coordinates of the points of trivial scalars.
fn points(curve: Curve) -> &'static HashSet<Vec<u8>> {
    static POINTS: [OnceLock<HashSet<Vec<u8>>>; 3] = [const { OnceLock::new() }; 3];
    let place = match curve {
        Curve::P256 => &POINTS[0],
        Curve::P384 => &POINTS[1],
        Curve::P521 => &POINTS[2],
    };
    place.get_or_init(|| {
        // An octet over and over is so many times a number of ones; what is above the order is no key, and does no harm here.
        let (small, repeated) = ((None, SMALL), (Some(vec![1; curve.octets()]), usize::from(u8::MAX)));
        let of = |(scalar, many): (Option<Vec<u8>>, usize)| crypto::multiples(curve, scalar.as_deref(), many);
        [small, repeated].into_iter().filter_map(of).flatten().collect()
    })
}

/// Points of small order verify more than they should; seeds of one octet are guessed at once.
fn ed25519(point: &[u8]) -> Option<&'static str> {
    static SEEDS: OnceLock<HashSet<Vec<u8>>> = OnceLock::new();
    let seeds = SEEDS.get_or_init(|| (0..=u8::MAX).filter_map(|octet| crypto::ed25519_public(&[octet; 32])).collect());
    // The sign bit of x does not matter here.
    let mut y = point.to_vec();
    if let Some(last) = y.last_mut() {
        *last &= 0x7f;
    }
    if SMALL_ORDER.contains(&y.as_slice()) {
        Some("the public key is a point of small order")
    } else {
        seeds.contains(point).then_some("the seed behind it is one octet repeated")
    }
}

/// The y coordinates of the points whose order divides 8, little-endian (Chalkias and others, Taming the many EdDSAs, table 1).
const SMALL_ORDER: [&[u8]; 5] = [
    &[0; 32],
    &{
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    &{
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        minus_one
    },
    b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
];

rules! {
    /// Anybody can guess it.
    WEAK_TRIVIAL = Error "weak-trivial-key" {
        summary: "the private key of an ECDSA or Ed25519 key is a trivial number that anybody guesses",
        help: "make a new key, and have the certificate issued anew",
        source: "FIPS 186-5 appendix A.2 (random scalars), RFC 8032 section 5.1.5 (32 random octets)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_low_bits_are_those_of_the_points() {
        for curve in [Curve::P256, Curve::P384, Curve::P521] {
            let mut computed: Vec<u64> = points(curve).iter().filter_map(|x| low(x)).collect();
            computed.sort_unstable();
            assert_eq!(low_bits(curve), computed);
        }
    }
}
