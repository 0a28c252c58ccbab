//! The inside of private keys: the structures that PKCS#8 wraps and that PKCS#1 and SEC 1 files hold bare.

use zeroize::Zeroizing;

use super::kind::{Algorithm, bits, ec_kind, oid};
use super::{KeyFault, KeyKind, Parts};
use crate::crypto::{self, RsaNumbers};
use crate::material::der::{self, DerError, Reader, tag};

/// What PKCS#8 wraps, by algorithm. `outside` is the public key of version 2.
pub(super) fn parts(
    algorithm: &Algorithm<'_>,
    mut key: Reader<'_>,
    outside: Option<&[u8]>,
) -> Result<(KeyKind, Parts), KeyFault> {
    let found = match algorithm.oid {
        oid::RSA if !matches!(algorithm.parameters, [] | [tag::NULL, 0]) => {
            return Err(DerError { what: "RSA with parameters that are not NULL", offset: 0 }.into());
        }
        oid::RSA | oid::RSA_PSS => {
            let (bits, parts) = rsa(&mut key)?;
            (algorithm.kind(|| Ok::<_, KeyFault>(bits))?, parts)
        }
        oid::EC => {
            let kind = ec_kind(algorithm.parameters);
            let ec = EcPrivateKey::read(&mut key)?;
            if ec.parameters.is_some_and(|inside| inside != algorithm.parameters) {
                return Err(DerError { what: "one curve outside and another inside", offset: 0 }.into());
            }
            let point = one_public(ec.point, outside)?;
            let scalar = scalar(&kind, ec.scalar)?;
            (kind, Parts::Ec { scalar, point })
        }
        oid::ED25519 | oid::ED448 => {
            let (kind, length) =
                if algorithm.oid == oid::ED25519 { (KeyKind::Ed25519, 32) } else { (KeyKind::Ed448, 57) };
            let seed = key.expect(tag::OCTET_STRING)?.content;
            if seed.len() != length {
                return Err(DerError { what: "a seed of another length than the algorithm's", offset: 0 }.into());
            }
            (kind, Parts::Edwards { seed: Zeroizing::new(seed.to_vec()), public: outside.map(<[u8]>::to_vec) })
        }
        oid::X25519 | oid::X448 => {
            let length = if algorithm.oid == oid::X25519 { 32 } else { 56 };
            if key.expect(tag::OCTET_STRING)?.content.len() != length {
                return Err(DerError { what: "a private key of another length than the algorithm's", offset: 0 }.into());
            }
            let kind = if algorithm.oid == oid::X25519 { KeyKind::X25519 } else { KeyKind::X448 };
            (kind, Parts::Opaque { public: outside.map(<[u8]>::to_vec) })
        }
        oid::DSA | oid::DH | oid::DH_X942 => {
            group(algorithm)?;
            key.unsigned()?;
            let kind = if algorithm.oid == oid::DSA { KeyKind::Dsa } else { KeyKind::Dh };
            (kind, Parts::Opaque { public: outside.map(<[u8]>::to_vec) })
        }
        other => return Err(KeyFault::Unsupported(der::dotted(other))),
    };
    key.end()?;
    Ok(found)
}

/// RSAPrivateKey with the bits of its modulus (RFC 8017, A.1.2): version 1 means more than two primes.
pub(super) fn rsa(from: &mut Reader<'_>) -> Result<(usize, Parts), DerError> {
    let mut key = from.enter(tag::SEQUENCE)?;
    let version = version(&mut key)?;
    let mut next = || key.unsigned().map(|magnitude| Zeroizing::new(magnitude.to_vec()));
    let numbers = RsaNumbers {
        n: next()?,
        e: next()?,
        d: next()?,
        p: next()?,
        q: next()?,
        dp: next()?,
        dq: next()?,
        qinv: next()?,
    };
    let more_primes = version == 1;
    if more_primes {
        key.expect(tag::SEQUENCE)?;
    }
    key.end()?;
    Ok((bits(&numbers.n), Parts::Rsa { numbers, more_primes }))
}

/// The numbers that a DSA or Diffie-Hellman key needs beside its own (RFC 3279, 2.3.2 and 2.3.3; PKCS#3, section 9). Only within
/// a certificate may DSA leave them to the issuer's.
pub(super) fn group(algorithm: &Algorithm<'_>) -> Result<(), DerError> {
    let mut numbers = der::whole(algorithm.parameters, tag::SEQUENCE)?;
    let at_least = if algorithm.oid == oid::DH { 2 } else { 3 };
    (0..at_least).try_for_each(|_| numbers.unsigned().map(drop))
}

/// OpenSSL's own form of a DSA key: six numbers in a row.
pub(super) struct DsaPrivateKey<'a> {
    /// p, q and g, each as an INTEGER.
    pub(super) group: [&'a [u8]; 3],
    pub(super) public: &'a [u8],
    pub(super) private: &'a [u8],
}

impl<'a> DsaPrivateKey<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<DsaPrivateKey<'a>, DerError> {
        let mut key = der::whole(bytes, tag::SEQUENCE)?;
        let offset = key.offset();
        if version(&mut key)? != 0 {
            return Err(DerError { what: "an unknown version of DSA private key", offset });
        }
        let mut next = || {
            let mut own = key.clone();
            own.unsigned()?;
            Ok::<_, DerError>(key.any()?.raw)
        };
        let found = DsaPrivateKey { group: [next()?, next()?, next()?], public: next()?, private: next()? };
        key.end()?;
        Ok(found)
    }
}

/// ECPrivateKey (RFC 5915, section 3).
pub(super) struct EcPrivateKey<'a> {
    pub(super) scalar: &'a [u8],
    pub(super) parameters: Option<&'a [u8]>,
    pub(super) point: Option<&'a [u8]>,
}

impl<'a> EcPrivateKey<'a> {
    pub(super) fn read(from: &mut Reader<'a>) -> Result<EcPrivateKey<'a>, DerError> {
        let mut key = from.enter(tag::SEQUENCE)?;
        if version(&mut key)? != 1 {
            return Err(DerError { what: "an unknown version of ECPrivateKey", offset: from.offset() });
        }
        let scalar = key.expect(tag::OCTET_STRING)?.content;
        let parameters = match key.optional(tag::context(0))? {
            Some(tlv) => Some(only(tlv.reader())?),
            None => None,
        };
        let point = match key.optional(tag::context(1))? {
            Some(tlv) => Some(tlv.reader().octets_of_bits()?),
            None => None,
        };
        key.end()?;
        Ok(EcPrivateKey { scalar, parameters, point })
    }
}

/// A scalar of exactly the curve's size. Some writers drop leading zeros, others add some; both keep the number.
pub(super) fn scalar(kind: &KeyKind, octets: &[u8]) -> Result<Zeroizing<Vec<u8>>, DerError> {
    let Some(size) = kind.curve().map(crypto::Curve::octets) else { return Ok(Zeroizing::new(octets.to_vec())) };
    let start = octets.iter().position(|b| *b != 0).unwrap_or(octets.len());
    let digits = &octets[start..];
    if digits.len() > size {
        return Err(DerError { what: "a private scalar longer than its curve", offset: 0 });
    }
    let mut padded = Zeroizing::new(vec![0; size]);
    padded[size - digits.len()..].copy_from_slice(digits);
    Ok(padded)
}

fn one_public<'a>(inside: Option<&'a [u8]>, outside: Option<&'a [u8]>) -> Result<Option<Vec<u8>>, DerError> {
    match (inside, outside) {
        (Some(a), Some(b)) if a != b => Err(DerError { what: "two different public keys in one file", offset: 0 }),
        (a, b) => Ok(a.or(b).map(<[u8]>::to_vec)),
    }
}

/// The DER of the one element there.
fn only<'a>(mut reader: Reader<'a>) -> Result<&'a [u8], DerError> {
    let raw = reader.any()?.raw;
    reader.end()?;
    Ok(raw)
}

/// A version number, 0 or 1 in every form of key.
pub(super) fn version(from: &mut Reader<'_>) -> Result<u8, DerError> {
    let offset = from.offset();
    match from.unsigned()? {
        [] => Ok(0),
        [1] => Ok(1),
        _ => Err(DerError { what: "an unknown version of private key", offset }),
    }
}

/// The octets of an implicitly tagged BIT STRING.
pub(super) fn whole_octets(content: &[u8]) -> Result<&[u8], DerError> {
    match content {
        [0, octets @ ..] => Ok(octets),
        _ => Err(DerError { what: "a bit string that does not end on a byte", offset: 0 }),
    }
}
