//! What kind of key it is: the algorithm, and its size or curve.

use std::fmt;

use super::curves;
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
    /// A curve written out as numbers instead of named; its name, where the numbers are those of a registered curve.
    EcExplicit(Option<&'static str>),
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// Ed448 (RFC 8410).
    Ed448,
    /// X25519 (RFC 8410), which agrees on keys and signs nothing.
    X25519,
    /// X448 (RFC 8410), likewise.
    X448,
    /// DSA.
    Dsa,
    /// Diffie-Hellman, of PKCS#3 or X9.42.
    Dh,
    /// Anything else, as a dotted object identifier.
    Other(String),
}

impl KeyKind {
    /// One word for programs: `rsa`, `ecdsa`, `ed25519`; an unknown algorithm's object identifier.
    pub fn algorithm(&self) -> &str {
        match self {
            KeyKind::Rsa { .. } => "rsa",
            KeyKind::RsaPss { .. } => "rsa-pss",
            KeyKind::EcP256 | KeyKind::EcP384 | KeyKind::EcP521 | KeyKind::EcOther(_) | KeyKind::EcExplicit(_) => {
                "ecdsa"
            }
            KeyKind::Ed25519 => "ed25519",
            KeyKind::Ed448 => "ed448",
            KeyKind::X25519 => "x25519",
            KeyKind::X448 => "x448",
            KeyKind::Dsa => "dsa",
            KeyKind::Dh => "dh",
            KeyKind::Other(oid) => oid,
        }
    }

    /// Bits of the modulus or of the curve's field, where known.
    pub fn bits(&self) -> Option<usize> {
        match self {
            KeyKind::Rsa { bits } | KeyKind::RsaPss { bits } => Some(*bits),
            KeyKind::EcP256 | KeyKind::Ed25519 | KeyKind::X25519 => Some(256),
            KeyKind::EcP384 => Some(384),
            KeyKind::EcP521 => Some(521),
            KeyKind::Ed448 => Some(456),
            KeyKind::X448 => Some(448),
            KeyKind::EcOther(_) | KeyKind::EcExplicit(_) | KeyKind::Dsa | KeyKind::Dh | KeyKind::Other(_) => None,
        }
    }

    /// Can servers and clients in use sign with it in TLS (RFC 8446 section 4.2.3)?
    pub fn signs_in_tls(&self) -> bool {
        match self {
            KeyKind::Rsa { .. } | KeyKind::RsaPss { .. } | KeyKind::Ed25519 | KeyKind::Ed448 => true,
            KeyKind::EcP256 | KeyKind::EcP384 | KeyKind::EcP521 => true,
            KeyKind::EcOther(_) | KeyKind::EcExplicit(_) | KeyKind::X25519 | KeyKind::X448 => false,
            KeyKind::Dsa | KeyKind::Dh | KeyKind::Other(_) => false,
        }
    }

    /// Is it an algorithm, and a curve, that is known by name here?
    pub fn is_known(&self) -> bool {
        match self {
            KeyKind::EcOther(oid) => curves::name(oid).is_some(),
            KeyKind::EcExplicit(name) => name.is_some(),
            KeyKind::Other(_) => false,
            _ => true,
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
            KeyKind::EcOther(oid) => match curves::name(oid) {
                Some(name) => write!(f, "ECDSA {name}"),
                None => write!(f, "ECDSA on curve {oid}"),
            },
            KeyKind::EcExplicit(Some(name)) => write!(f, "ECDSA {name} with explicit parameters"),
            KeyKind::EcExplicit(None) => f.write_str("ECDSA with explicit parameters of no known curve"),
            KeyKind::Ed25519 => f.write_str("Ed25519"),
            KeyKind::Ed448 => f.write_str("Ed448"),
            KeyKind::X25519 => f.write_str("X25519"),
            KeyKind::X448 => f.write_str("X448"),
            KeyKind::Dsa => f.write_str("DSA"),
            KeyKind::Dh => f.write_str("Diffie-Hellman"),
            KeyKind::Other(oid) => write!(f, "algorithm {}", named(oid)),
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
            oid::X25519 => KeyKind::X25519,
            oid::X448 => KeyKind::X448,
            oid::DSA => KeyKind::Dsa,
            oid::DH | oid::DH_X942 => KeyKind::Dh,
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
        Err(_) => KeyKind::EcExplicit(curves::explicit(parameters)),
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
    pub(in super::super) const X25519: &[u8] = &[0x2b, 0x65, 110];
    pub(in super::super) const X448: &[u8] = &[0x2b, 0x65, 111];
    pub(in super::super) const DH: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 3, 1];
    pub(in super::super) const DH_X942: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3e, 2, 1];
    pub(in super::super) const DSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1];
}

/// An algorithm that is not supported, with its name where it has a common one.
pub(super) fn named(oid: &str) -> String {
    let name = ALGORITHMS.iter().find(|(known, _)| *known == oid).map(|(_, name)| name);
    name.map_or_else(|| oid.to_owned(), |name| format!("{name} ({oid})"))
}

/// Algorithms of keys that are met and known by name only (RFC 9881, RFC 9935, RFC 9215).
const ALGORITHMS: &[(&str, &str)] = &[
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
    ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
    ("2.16.840.1.101.3.4.4.1", "ML-KEM-512"),
    ("2.16.840.1.101.3.4.4.2", "ML-KEM-768"),
    ("2.16.840.1.101.3.4.4.3", "ML-KEM-1024"),
    ("1.2.643.7.1.1.1.1", "GOST R 34.10-2012, 256 bits"),
    ("1.2.643.7.1.1.1.2", "GOST R 34.10-2012, 512 bits"),
];
