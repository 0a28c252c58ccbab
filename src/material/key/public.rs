//! A public key as certificates, requests and keys carry it: SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).

use super::kind::{Algorithm, KeyKind, bits, oid};
use super::read::group;
use crate::crypto::{self, Digest, VerifyKey};
use crate::material::der::{self, DerError, Reader, tag};

/// A public key. Two are equal if they are the same key, however their DER spells the algorithm or the point.
#[derive(Clone, Debug)]
pub struct PublicKey {
    spki: Vec<u8>,
    kind: KeyKind,
    octets: Vec<u8>,
    identity: Vec<u8>,
}

impl PublicKey {
    /// From the DER of a SubjectPublicKeyInfo. An algorithm that is not known is a kind, not an error.
    pub fn from_spki(spki: &[u8]) -> Result<PublicKey, DerError> {
        let mut reader = der::whole(spki, tag::SEQUENCE)?;
        let algorithm = Algorithm::read(&mut reader)?;
        let octets = reader.octets_of_bits()?;
        reader.end()?;
        let kind = algorithm.kind(|| modulus_bits(octets))?;
        let identity = identity(&algorithm, &kind, octets);
        Ok(PublicKey { spki: spki.to_vec(), kind, octets: octets.to_vec(), identity })
    }

    /// The same for a key by itself: besides, it must be whole, with nothing left to an issuer, and a point on its curve.
    pub fn alone(spki: &[u8]) -> Result<PublicKey, DerError> {
        let key = PublicKey::from_spki(spki)?;
        let algorithm = Algorithm::read(&mut der::whole(spki, tag::SEQUENCE)?)?;
        let fault = |what| Err(DerError { what, offset: 0 });
        let fixed = match &key.kind {
            KeyKind::Ed25519 | KeyKind::X25519 => Some(32),
            KeyKind::Ed448 => Some(57),
            KeyKind::X448 => Some(56),
            KeyKind::Dsa | KeyKind::Dh => {
                group(&algorithm)?;
                let mut number = Reader::new(&key.octets);
                number.unsigned()?;
                number.end()?;
                None
            }
            _ => None,
        };
        if fixed.is_some_and(|length| key.octets.len() != length) {
            return fault("a public key of another length than the algorithm's");
        }
        if key.kind.curve().is_some_and(|curve| crypto::uncompressed(curve, &key.octets).is_none()) {
            return fault("a public point that is not on its curve");
        }
        Ok(key)
    }

    /// From the DER of an RSAPublicKey (RFC 8017, A.1.1).
    pub fn from_pkcs1(der: &[u8]) -> Result<PublicKey, DerError> {
        modulus_and_exponent(der)?;
        PublicKey::from_spki(&der::sequence(&[&super::write::rsa_algorithm(), &der::bits(der)]))
    }

    /// The DER of the SubjectPublicKeyInfo, as it was read.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Algorithm and size or curve.
    pub fn kind(&self) -> &KeyKind {
        &self.kind
    }

    /// The key itself: the octets of subjectPublicKey. An EC key's point, an RSA key's RSAPublicKey.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// What makes it this key; two that are equal have the same.
    pub fn identity(&self) -> &[u8] {
        &self.identity
    }

    /// Modulus and exponent of an RSA key.
    pub fn rsa(&self) -> Option<(&[u8], &[u8])> {
        matches!(self.kind, KeyKind::Rsa { .. } | KeyKind::RsaPss { .. })
            .then(|| modulus_and_exponent(&self.octets).ok())?
    }

    /// The content of the subjectPublicKey's BIT STRING, which key identifiers are digests of (RFC 5280 section 4.2.1.2).
    pub fn bits(&self) -> Result<&[u8], DerError> {
        let mut fields = der::whole(&self.spki, tag::SEQUENCE)?;
        fields.expect(tag::SEQUENCE)?;
        fields.octets_of_bits()
    }

    /// The key as signatures are checked with; `None` for kinds that no back end takes.
    pub fn verifier(&self) -> Option<VerifyKey<'_>> {
        match &self.kind {
            KeyKind::Rsa { .. } | KeyKind::RsaPss { .. } => Some(VerifyKey::Rsa(&self.octets)),
            KeyKind::Ed25519 => Some(VerifyKey::Ed25519(&self.octets)),
            kind => kind.curve().map(|curve| VerifyKey::Ec(curve, &self.octets)),
        }
    }

    /// The SHA-256 of the SubjectPublicKeyInfo in lower-case hexadecimal: what keys are compared by, and what HPKP and DANE pin.
    pub fn sha256(&self) -> String {
        crypto::hex(&crypto::digest(Digest::Sha256, &self.spki))
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &PublicKey) -> bool {
        self.identity == other.identity
    }
}

impl Eq for PublicKey {}

/// What makes it this key: the algorithm, its parameters where they matter (RSA's NULL is left out by some), and the key,
/// points uncompressed.
fn identity(algorithm: &Algorithm<'_>, kind: &KeyKind, octets: &[u8]) -> Vec<u8> {
    let parameters = if algorithm.oid == oid::RSA { &[][..] } else { algorithm.parameters };
    let point = kind.curve().filter(|_| matches!(octets, [2 | 3, ..])).and_then(|c| crypto::uncompressed(c, octets));
    der::sequence(&[algorithm.oid, parameters, point.as_deref().unwrap_or(octets)])
}

fn modulus_bits(rsa: &[u8]) -> Result<usize, DerError> {
    modulus_and_exponent(rsa).map(|(n, _)| bits(n))
}

/// RSAPublicKey (RFC 8017, A.1.1).
fn modulus_and_exponent(rsa: &[u8]) -> Result<(&[u8], &[u8]), DerError> {
    let mut reader = der::whole(rsa, tag::SEQUENCE)?;
    let pair = (reader.unsigned()?, reader.unsigned()?);
    reader.end()?;
    Ok(pair)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Curve;

    fn spki(algorithm: &[&[u8]], key: &[u8]) -> PublicKey {
        PublicKey::from_spki(&der::sequence(&[&der::sequence(algorithm), &der::bits(key)])).unwrap()
    }

    #[test]
    fn rsa_parameters_may_be_null_or_absent() {
        let oid = der::tlv(tag::OID, oid::RSA);
        let key = der::sequence(&[&der::unsigned(&[0xc1; 256]), &der::unsigned(&[1, 0, 1])]);
        let (null, absent) = (spki(&[&oid, &[5, 0]], &key), spki(&[&oid], &key));
        assert_eq!(null, absent);
        assert_ne!(null.sha256(), absent.sha256());
        assert_eq!(null.kind(), &KeyKind::Rsa { bits: 2048 });
    }

    #[test]
    fn a_compressed_point_is_the_same_key() {
        let (ec, curve) = (der::tlv(tag::OID, oid::EC), der::tlv(tag::OID, oid::P256));
        let point = crypto::public_point(Curve::P256, &[7; 32]).unwrap();
        let mut compressed = vec![2 + (point[64] & 1)];
        compressed.extend_from_slice(&point[1..33]);
        assert_eq!(spki(&[&ec, &curve], &point), spki(&[&ec, &curve], &compressed));
        compressed[0] ^= 1;
        assert_ne!(spki(&[&ec, &curve], &point), spki(&[&ec, &curve], &compressed));
    }
}
