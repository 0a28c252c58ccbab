//! What kind of key it is: the algorithm, and its size or curve.

use std::fmt;

use crate::crypto::Curve;
use crate::material::der::{self, Reader, tag};

/// The algorithm of a key with its size or curve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// rsaEncryption (RFC 8017).
    Rsa {
        /// Bits of the modulus.
        bits: usize,
    },
    /// An RSA key for RSASSA-PSS only (RFC 4055).
    RsaPss {
        /// Bits of the modulus.
        bits: usize,
    },
    /// ECDSA on secp256r1.
    EcP256,
    /// ECDSA on secp384r1.
    EcP384,
    /// ECDSA on secp521r1.
    EcP521,
    /// Another named curve, as a dotted object identifier.
    EcOther(String),
    /// A curve written out as numbers instead of named.
    EcExplicit,
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// Ed448 (RFC 8410).
    Ed448,
    /// DSA.
    Dsa,
    /// Anything else, as a dotted object identifier.
    Other(String),
}

impl KeyKind {
    /// One word for programs: `rsa`, `ecdsa`, `ed25519`; an unknown algorithm's object identifier.
    pub fn algorithm(&self) -> &str {
        match self {
            KeyKind::Rsa { .. } => "rsa",
            KeyKind::RsaPss { .. } => "rsa-pss",
            KeyKind::EcP256 | KeyKind::EcP384 | KeyKind::EcP521 | KeyKind::EcOther(_) | KeyKind::EcExplicit => "ecdsa",
            KeyKind::Ed25519 => "ed25519",
            KeyKind::Ed448 => "ed448",
            KeyKind::Dsa => "dsa",
            KeyKind::Other(oid) => oid,
        }
    }

    /// Bits of the modulus or of the curve's field, where known.
    pub fn bits(&self) -> Option<usize> {
        match self {
            KeyKind::Rsa { bits } | KeyKind::RsaPss { bits } => Some(*bits),
            KeyKind::EcP256 | KeyKind::Ed25519 => Some(256),
            KeyKind::EcP384 => Some(384),
            KeyKind::EcP521 => Some(521),
            KeyKind::Ed448 => Some(456),
            KeyKind::EcOther(_) | KeyKind::EcExplicit | KeyKind::Dsa | KeyKind::Other(_) => None,
        }
    }

    /// The curve's name as `--curve` takes it, or its object identifier.
    pub fn curve_name(&self) -> Option<&str> {
        match self {
            KeyKind::EcP256 => Some("p256"),
            KeyKind::EcP384 => Some("p384"),
            KeyKind::EcP521 => Some("p521"),
            KeyKind::EcOther(oid) => Some(oid),
            _ => None,
        }
    }

    /// The curve, where it is one that can be computed with here.
    pub fn curve(&self) -> Option<Curve> {
        match self {
            KeyKind::EcP256 => Some(Curve::P256),
            KeyKind::EcP384 => Some(Curve::P384),
            KeyKind::EcP521 => Some(Curve::P521),
            _ => None,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyKind::Rsa { bits } => write!(f, "RSA {bits}"),
            KeyKind::RsaPss { bits } => write!(f, "RSA-PSS {bits}"),
            KeyKind::EcP256 => f.write_str("ECDSA P-256"),
            KeyKind::EcP384 => f.write_str("ECDSA P-384"),
            KeyKind::EcP521 => f.write_str("ECDSA P-521"),
            KeyKind::EcOther(oid) => match CURVES.iter().find(|(known, _)| known == oid) {
                Some((_, name)) => write!(f, "ECDSA {name}"),
                None => write!(f, "ECDSA on curve {oid}"),
            },
            KeyKind::EcExplicit => f.write_str("ECDSA with explicit parameters"),
            KeyKind::Ed25519 => f.write_str("Ed25519"),
            KeyKind::Ed448 => f.write_str("Ed448"),
            KeyKind::Dsa => f.write_str("DSA"),
            KeyKind::Other(oid) => write!(f, "algorithm {oid}"),
        }
    }
}

/// An AlgorithmIdentifier (RFC 5280, 4.1.1.2) taken apart.
#[derive(Clone, Copy)]
pub(super) struct Algorithm<'a> {
    /// The object identifier's content octets.
    pub(super) oid: &'a [u8],
    /// The parameters' DER; empty where they are absent.
    pub(super) parameters: &'a [u8],
    /// All of it.
    pub(super) raw: &'a [u8],
}

impl<'a> Algorithm<'a> {
    pub(super) fn read(from: &mut Reader<'a>) -> Result<Algorithm<'a>, der::DerError> {
        let whole = from.expect(tag::SEQUENCE)?;
        let mut inner = whole.reader();
        let oid = inner.expect(tag::OID)?.content;
        let parameters = if inner.is_empty() { &[][..] } else { inner.any()?.raw };
        inner.end()?;
        Ok(Algorithm { oid, parameters, raw: whole.raw })
    }

    /// The kind of key; `modulus_bits` is asked only for RSA.
    pub(super) fn kind<E>(&self, modulus_bits: impl FnOnce() -> Result<usize, E>) -> Result<KeyKind, E> {
        Ok(match self.oid {
            oid::RSA => KeyKind::Rsa { bits: modulus_bits()? },
            oid::RSA_PSS => KeyKind::RsaPss { bits: modulus_bits()? },
            oid::EC => ec_kind(self.parameters),
            oid::ED25519 => KeyKind::Ed25519,
            oid::ED448 => KeyKind::Ed448,
            oid::DSA => KeyKind::Dsa,
            other => KeyKind::Other(der::dotted(other)),
        })
    }
}

/// The kind that ECParameters (RFC 5480, 2.1.1) name.
pub(super) fn ec_kind(parameters: &[u8]) -> KeyKind {
    match Reader::new(parameters).expect(tag::OID).map(|tlv| tlv.content) {
        Ok(oid::P256) => KeyKind::EcP256,
        Ok(oid::P384) => KeyKind::EcP384,
        Ok(oid::P521) => KeyKind::EcP521,
        Ok(other) => KeyKind::EcOther(der::dotted(other)),
        Err(_) => KeyKind::EcExplicit,
    }
}

/// Bits of a number given by its big-endian octets without leading zeros.
pub(super) fn bits(magnitude: &[u8]) -> usize {
    magnitude.first().map_or(0, |first| magnitude.len() * 8 - first.leading_zeros() as usize)
}

/// Object identifiers' content octets.
pub(super) mod oid {
    pub(in super::super) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    pub(in super::super) const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
    pub(in super::super) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    pub(in super::super) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    pub(in super::super) const P384: &[u8] = &[0x2b, 0x81, 0x04, 0, 34];
    pub(in super::super) const P521: &[u8] = &[0x2b, 0x81, 0x04, 0, 35];
    pub(in super::super) const ED25519: &[u8] = &[0x2b, 0x65, 112];
    pub(in super::super) const ED448: &[u8] = &[0x2b, 0x65, 113];
    pub(in super::super) const DSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1];
}

/// Curves that are met and known by name only.
const CURVES: &[(&str, &str)] = &[
    ("1.2.840.10045.3.1.1", "P-192"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.132.0.33", "P-224"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
];
