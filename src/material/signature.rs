//! The signed frame that certificates, requests and CRLs share: `SEQUENCE { what is signed, algorithm, signature }`. Checking is
//! `crypto`'s; here the algorithm identifier becomes a `Scheme`.

use std::ops::Range;

use super::Malformed;
use super::der::{self, DerError, Reader, tag};
use super::key::{KeyKind, PublicKey};
use crate::crypto::{self, Digest, Scheme, SignatureFault};

/// A signature and what it covers, as places in the whole.
#[derive(Clone, Debug)]
pub struct Signed {
    covered: Range<usize>,
    identifier: Vec<u8>,
    /// How it was made.
    pub algorithm: Algorithm,
    bits: Vec<u8>,
    named_alike: bool,
}

/// A signature algorithm as it is named in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// One that can be checked.
    Known(Scheme),
    /// One that cannot: its dotted object identifier, or what is odd about its parameters.
    Other(String),
}

impl Signed {
    /// Takes the frame of `bytes` apart: the fields that are signed, and the signature.
    pub fn from_der(bytes: &[u8]) -> Result<(Reader<'_>, Signed), DerError> {
        let (fields, signed, rest) = Signed::with_rest(bytes)?;
        rest.end()?;
        Ok((fields, signed))
    }

    /// The same, and what stands behind the signature.
    pub(super) fn with_rest(bytes: &[u8]) -> Result<(Reader<'_>, Signed, Reader<'_>), DerError> {
        let mut frame = der::whole(bytes, tag::SEQUENCE)?;
        let start = frame.offset();
        let body = frame.expect(tag::SEQUENCE)?;
        let algorithm = frame.expect(tag::SEQUENCE)?;
        let bits = frame.octets_of_bits()?.to_vec();
        let signed = Signed {
            covered: start..start + body.raw.len(),
            identifier: algorithm.raw.to_vec(),
            algorithm: Algorithm::from_der(algorithm.raw)?,
            bits,
            named_alike: true,
        };
        Ok((body.reader(), signed, frame))
    }

    /// Takes note of the algorithm that stands inside the signed part. Where it is another one, no signature stands.
    pub(super) fn names(&mut self, inner: &[u8]) {
        self.named_alike = inner == self.identifier;
    }

    /// Does the algorithm stand identically inside and outside the signed part (RFC 5280 section 4.1.1.2)?
    pub fn is_named_alike(&self) -> bool {
        self.named_alike
    }

    /// The algorithm must stand identically inside and outside the signed part (RFC 5280 sections 4.1.1.2 and 5.1.1.2).
    pub fn must_name(&self, inner: &[u8]) -> Result<(), Malformed> {
        if inner == self.identifier {
            return Ok(());
        }
        Err(Malformed::new("the signature algorithm differs inside and outside the signed part"))
    }

    /// Was it made by this key? `whole` are the bytes that this frame was read from.
    pub fn verify(&self, whole: &[u8], key: &PublicKey) -> Result<(), SignatureFault> {
        if !self.named_alike {
            return Err(SignatureFault::Wrong);
        }
        let Algorithm::Known(scheme) = self.algorithm else { return Err(SignatureFault::Unsupported) };
        key.signed(scheme, &whole[self.covered.clone()], &self.bits)
    }
}

impl PublicKey {
    /// Was the signature made by this key over the message?
    pub fn signed(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> Result<(), SignatureFault> {
        if matches!((self.kind(), scheme), (KeyKind::RsaPss { .. }, Scheme::RsaPkcs1(_))) {
            // RFC 4055 section 1.2: such a key makes no other signatures.
            return Err(SignatureFault::Wrong);
        }
        if let KeyKind::Rsa { bits } | KeyKind::RsaPss { bits } = self.kind()
            && !crypto::rsa_sizes(scheme).contains(bits)
        {
            return Err(SignatureFault::Unsupported);
        }
        let key = self.verifier().ok_or(match (scheme, self.kind()) {
            (Scheme::Ecdsa(_), KeyKind::EcOther(_) | KeyKind::EcExplicit(_)) => SignatureFault::Unsupported,
            // Whatever the key is, it makes no signatures of this kind.
            _ => SignatureFault::Wrong,
        })?;
        crypto::verify(scheme, key, message, signature)
    }
}

impl Algorithm {
    /// From an AlgorithmIdentifier (RFC 4055, 5758, 8410).
    pub fn from_der(bytes: &[u8]) -> Result<Algorithm, DerError> {
        let mut fields = der::whole(bytes, tag::SEQUENCE)?;
        let oid = fields.expect(tag::OID)?.content;
        let scheme = match oid {
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, n] => match n {
                5 => Some(Scheme::RsaPkcs1(Digest::Sha1)),
                10 => return pss(fields),
                11 => Some(Scheme::RsaPkcs1(Digest::Sha256)),
                12 => Some(Scheme::RsaPkcs1(Digest::Sha384)),
                13 => Some(Scheme::RsaPkcs1(Digest::Sha512)),
                _ => None,
            },
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] => Some(Scheme::Ecdsa(Digest::Sha1)),
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, n] => match n {
                2 => Some(Scheme::Ecdsa(Digest::Sha256)),
                3 => Some(Scheme::Ecdsa(Digest::Sha384)),
                4 => Some(Scheme::Ecdsa(Digest::Sha512)),
                _ => None,
            },
            [0x2b, 0x65, 0x70] => Some(Scheme::Ed25519),
            _ => None,
        };
        Ok(scheme.map_or_else(|| Algorithm::Other(der::dotted(oid)), Algorithm::Known))
    }

    /// The usual name, else the object identifier.
    pub fn word(&self) -> String {
        let digest = |d: &Digest| match d {
            Digest::Sha1 => "SHA1",
            Digest::Sha256 => "SHA256",
            Digest::Sha384 => "SHA384",
            Digest::Sha512 => "SHA512",
        };
        match self {
            Algorithm::Known(Scheme::RsaPkcs1(d)) => format!("RSA-{}", digest(d)),
            Algorithm::Known(Scheme::RsaPss(d)) => format!("RSA-PSS-{}", digest(d)),
            Algorithm::Known(Scheme::Ecdsa(d)) => format!("ECDSA-{}", digest(d)),
            Algorithm::Known(Scheme::Ed25519) => "Ed25519".into(),
            Algorithm::Other(oid) => oid.clone(),
        }
    }

    /// Is the digest one that forgers can collide (SHA-1)?
    pub fn is_sha1(&self) -> bool {
        matches!(
            self,
            Algorithm::Known(
                Scheme::RsaPkcs1(Digest::Sha1) | Scheme::RsaPss(Digest::Sha1) | Scheme::Ecdsa(Digest::Sha1)
            )
        )
    }
}

/// The AlgorithmIdentifier of what is signed here: PKCS#1 with NULL (RFC 4055 section 5), ECDSA and Ed25519 without parameters
/// (RFC 5758 section 3.2, RFC 8410 section 3). None for schemes that are only checked.
pub fn identifier(scheme: Scheme) -> Option<Vec<u8>> {
    let last = |digest: Digest, first: u8| match digest {
        Digest::Sha1 => None,
        Digest::Sha256 => Some(first),
        Digest::Sha384 => Some(first + 1),
        Digest::Sha512 => Some(first + 2),
    };
    let named = |oid: &[u8], parameters: &[u8]| der::sequence(&[&der::tlv(tag::OID, oid), parameters]);
    Some(match scheme {
        Scheme::RsaPkcs1(d) => named(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, last(d, 11)?], &[tag::NULL, 0]),
        Scheme::Ecdsa(d) => named(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, last(d, 2)?], &[]),
        Scheme::Ed25519 => named(&[0x2b, 0x65, 0x70], &[]),
        Scheme::RsaPss(_) => return None,
    })
}

/// RSASSA-PSS parameters (RFC 4055 section 3.1): the digest, MGF1 with the same one, a salt of its length, trailer 1. Other
/// combinations do not occur in public certificates and are named rather than guessed at.
fn pss(mut fields: Reader<'_>) -> Result<Algorithm, DerError> {
    let odd = Algorithm::Other("RSA-PSS with unusual parameters".into());
    let mut parameters = fields.enter(tag::SEQUENCE)?;
    let mut parts: [Option<&[u8]>; 4] = [None; 4];
    for (n, part) in (0u8..).zip(&mut parts) {
        *part = parameters.optional(tag::context(n))?.map(|t| t.content);
    }
    parameters.end()?;
    let [Some(hash), Some(mask), salt, trailer] = parts else { return Ok(odd) };
    let mut mask = der::whole(mask, tag::SEQUENCE)?;
    let mgf1 = mask.expect(tag::OID)?.content == [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8];
    let same = digest_of(mask.expect(tag::SEQUENCE)?.raw)? == digest_of(hash)?;
    let (kind, length) = match digest_of(hash)? {
        Some(Digest::Sha256) => (Digest::Sha256, 32),
        Some(Digest::Sha384) => (Digest::Sha384, 48),
        Some(Digest::Sha512) => (Digest::Sha512, 64),
        _ => return Ok(odd),
    };
    let fits = salt == Some(&[tag::INTEGER, 1, length][..]) && trailer.is_none_or(|t| t == [tag::INTEGER, 1, 1]);
    Ok(if mgf1 && same && fits { Algorithm::Known(Scheme::RsaPss(kind)) } else { odd })
}

/// The digest of an AlgorithmIdentifier; none for one that is not known here.
pub(super) fn digest_of(identifier: &[u8]) -> Result<Option<Digest>, DerError> {
    Ok(match der::whole(identifier, tag::SEQUENCE)?.expect(tag::OID)?.content {
        [0x2b, 0x0e, 3, 2, 0x1a] => Some(Digest::Sha1),
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1] => Some(Digest::Sha256),
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2] => Some(Digest::Sha384),
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3] => Some(Digest::Sha512),
        _ => None,
    })
}
