//! Whatever is signed here, certificates, requests and lists alike: `SEQUENCE { what is signed, algorithm, signature }`.
//!
//! All three are put together with one writer, `material::der` and `material::ext::write`, and not by rcgen: it keeps one value
//! of each attribute of a name and drops the others, knows no P-521 key, and has no place for authority information access.
//! Names and keys of other people must go through byte for byte, and a second way of building for names of our own would only
//! be a second place for faults. rcgen makes the PKIs of the tests, so each judges the other.

use crate::crypto::{self, Curve, Digest, Refused, Scheme, SigningKey};
use crate::error::{Error, Result};
use crate::finding::rules;
use crate::material::der;
use crate::material::key::{KeyKind, Parts, PrivateKey, PublicKey};
use crate::material::signature;

/// A private key that signs, with what goes with it.
pub struct Signer<'a> {
    key: &'a PrivateKey,
    scheme: Scheme,
    identifier: Vec<u8>,
    /// Its public half.
    pub public: PublicKey,
}

impl<'a> Signer<'a> {
    /// The usual digest for each kind of key. A key that no back end signs with is refused (exit 3).
    pub fn of(key: &'a PrivateKey) -> Result<Signer<'a>> {
        let scheme = match key.kind() {
            KeyKind::Rsa { .. } => Some(Scheme::RsaPkcs1(Digest::Sha256)),
            KeyKind::EcP256 => Some(Scheme::Ecdsa(Digest::Sha256)),
            KeyKind::EcP384 => Some(Scheme::Ecdsa(Digest::Sha384)),
            KeyKind::EcP521 => Some(Scheme::Ecdsa(Digest::Sha512)),
            KeyKind::Ed25519 => Some(Scheme::Ed25519),
            _ => None,
        };
        let parts = scheme.and_then(|scheme| Some((scheme, signature::identifier(scheme)?, key.public()?)));
        let (scheme, identifier, public) = parts.ok_or_else(|| unfit(key, "nothing here signs with such a key"))?;
        Ok(Signer { key, scheme, identifier, public })
    }

    /// The AlgorithmIdentifier, which the signed part of certificates and lists repeats.
    pub(super) fn identifier(&self) -> &[u8] {
        &self.identifier
    }

    /// The frame around what is signed.
    pub(super) fn signed(&self, body: &[u8]) -> Result<Vec<u8>> {
        let key = match (self.key.parts(), self.key.kind().curve()) {
            (Parts::Rsa { more_primes: false, .. }, _) => SigningKey::Rsa(self.key.pkcs8_der()),
            (Parts::Ec { scalar, .. }, Some(curve)) => SigningKey::Ec(curve, scalar),
            (Parts::Edwards { seed, .. }, _) => SigningKey::Ed25519(seed),
            _ => return Err(unfit(self.key, "nothing here signs with such a key")),
        };
        let bits = crypto::sign(self.scheme, key, body).map_err(|Refused(why)| unfit(self.key, why))?;
        Ok(der::sequence(&[body, &self.identifier, &der::bits(&bits)]))
    }
}

/// The key identifier of RFC 5280 section 4.2.1.2, method 1 with SHA-256 cut to 160 bits (RFC 7093 section 2, method 1).
pub fn key_id(key: &PublicKey) -> Vec<u8> {
    let mut id = crypto::digest(Digest::Sha256, key.octets());
    id.truncate(20);
    id
}

/// A throw-away key on P-256, for the copies that are judged before anything is signed in earnest.
pub(super) fn throw_away() -> Result<PrivateKey> {
    let faulty = |why: String| Error::bug(format!("no throw-away key could be made: {why}"));
    let der = crypto::new_ecdsa(Curve::P256).map_err(|Refused(why)| faulty(why.into()))?;
    PrivateKey::from_pkcs8(&der).map_err(|fault| faulty(fault.to_string()))
}

fn unfit(key: &PrivateKey, why: &str) -> Error {
    Error::input(&KEY_CANNOT_SIGN, format!("{}: {why}", key.kind()))
}

rules! {
    /// A sound key of an unusual kind.
    KEY_CANNOT_SIGN = Error "key-cannot-sign" {
        summary: "the key is of a kind or size that pkit signs nothing with",
        help: "use an RSA key of 2048, 3072 or 4096 bits with exponent 65537 or more, ECDSA on P-256, P-384 or P-521, or Ed25519",
        source: "tried: ring signs with these; others are judged and deployed as they are",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::material::signature::Signed;
    use crate::pki::keygen::{self, NewKey, RsaBits};

    #[test]
    fn every_kind_of_key_signs_what_its_public_half_verifies() {
        for new in [NewKey::Rsa(RsaBits::B2048), NewKey::EcP256, NewKey::EcP384, NewKey::Ed25519] {
            let key = keygen::generate(new).unwrap();
            let signer = Signer::of(&key).unwrap();
            let whole = signer.signed(&der::sequence(&[signer.identifier()])).unwrap();
            let (_, signed) = Signed::from_der(&whole).unwrap();
            assert_eq!(signed.verify(&whole, &signer.public), Ok(()), "{}", key.kind());
            assert!(signed.verify(&whole, &throw_away().unwrap().public().unwrap()).is_err());
        }
    }
}
