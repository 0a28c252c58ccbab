//! Signatures checked: which scheme and key go to which back end. ring does RSA, Ed25519 and the usual pairs of curve and
//! digest; the RustCrypto curves do P-521 and the pairs that ring leaves out.

use super::{Curve, Digest, digest};

/// How a signature was made (RFC 4055, RFC 5758, RFC 8410).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5.
    RsaPkcs1(Digest),
    /// RSASSA-PSS with MGF1 of the same digest and a salt of its length.
    RsaPss(Digest),
    /// ECDSA.
    Ecdsa(Digest),
    /// Ed25519.
    Ed25519,
}

impl Scheme {
    /// By the number that TLS has for it (IANA's registry of SignatureSchemes, RFC 8446 section 4.2.3); none for what nobody
    /// here can check.
    pub fn of_tls(number: u16) -> Option<Scheme> {
        use Digest::{Sha1, Sha256, Sha384, Sha512};
        Some(match number {
            0x0201 => Scheme::RsaPkcs1(Sha1),
            0x0401 => Scheme::RsaPkcs1(Sha256),
            0x0501 => Scheme::RsaPkcs1(Sha384),
            0x0601 => Scheme::RsaPkcs1(Sha512),
            0x0203 => Scheme::Ecdsa(Sha1),
            0x0403 => Scheme::Ecdsa(Sha256),
            0x0503 => Scheme::Ecdsa(Sha384),
            0x0603 => Scheme::Ecdsa(Sha512),
            0x0804 | 0x0809 => Scheme::RsaPss(Sha256),
            0x0805 | 0x080a => Scheme::RsaPss(Sha384),
            0x0806 | 0x080b => Scheme::RsaPss(Sha512),
            0x0807 => Scheme::Ed25519,
            _ => return None,
        })
    }
}

/// A public key as the back ends take it.
#[derive(Clone, Copy, Debug)]
pub enum VerifyKey<'a> {
    /// DER of an `RSAPublicKey`.
    Rsa(&'a [u8]),
    /// An encoded point (SEC 1 section 2.3.3).
    Ec(Curve, &'a [u8]),
    /// 32 bytes.
    Ed25519(&'a [u8]),
}

/// Why a signature does not stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureFault {
    /// It was not made by this key over these bytes.
    Wrong,
    /// No back end can tell.
    Unsupported,
}

/// The bits of RSA keys whose signatures of this kind the back end can check; others cannot be told from wrong ones.
pub fn rsa_sizes(scheme: Scheme) -> std::ops::RangeInclusive<usize> {
    match scheme {
        Scheme::RsaPss(_) | Scheme::RsaPkcs1(Digest::Sha384) => 2048..=8192,
        _ => 1024..=8192,
    }
}

/// Was `signature` made over `message` by the holder of `key`?
pub fn verify(scheme: Scheme, key: VerifyKey<'_>, message: &[u8], signature: &[u8]) -> Result<(), SignatureFault> {
    use ring::signature as r;
    let (algorithm, bytes): (&dyn r::VerificationAlgorithm, &[u8]) = match (scheme, key) {
        (Scheme::RsaPkcs1(Digest::Sha1), VerifyKey::Rsa(k)) => (&r::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, k),
        (Scheme::RsaPkcs1(Digest::Sha256), VerifyKey::Rsa(k)) => {
            (&r::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, k)
        }
        (Scheme::RsaPkcs1(Digest::Sha384), VerifyKey::Rsa(k)) => (&r::RSA_PKCS1_2048_8192_SHA384, k),
        (Scheme::RsaPkcs1(Digest::Sha512), VerifyKey::Rsa(k)) => {
            (&r::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, k)
        }
        (Scheme::RsaPss(Digest::Sha256), VerifyKey::Rsa(k)) => (&r::RSA_PSS_2048_8192_SHA256, k),
        (Scheme::RsaPss(Digest::Sha384), VerifyKey::Rsa(k)) => (&r::RSA_PSS_2048_8192_SHA384, k),
        (Scheme::RsaPss(Digest::Sha512), VerifyKey::Rsa(k)) => (&r::RSA_PSS_2048_8192_SHA512, k),
        (Scheme::Ecdsa(Digest::Sha256), VerifyKey::Ec(Curve::P256, k)) => (&r::ECDSA_P256_SHA256_ASN1, k),
        (Scheme::Ecdsa(Digest::Sha384), VerifyKey::Ec(Curve::P256, k)) => (&r::ECDSA_P256_SHA384_ASN1, k),
        (Scheme::Ecdsa(Digest::Sha256), VerifyKey::Ec(Curve::P384, k)) => (&r::ECDSA_P384_SHA256_ASN1, k),
        (Scheme::Ecdsa(Digest::Sha384), VerifyKey::Ec(Curve::P384, k)) => (&r::ECDSA_P384_SHA384_ASN1, k),
        (Scheme::Ecdsa(digest), VerifyKey::Ec(curve, k)) => {
            return ecdsa_by_digest(curve, k, digest, message, signature);
        }
        (Scheme::Ed25519, VerifyKey::Ed25519(k)) => (&r::ED25519, k),
        // An RSA signature with an elliptic key, and the like: it cannot have been made by that key.
        (Scheme::RsaPss(Digest::Sha1), VerifyKey::Rsa(_)) => return Err(SignatureFault::Unsupported),
        _ => return Err(SignatureFault::Wrong),
    };
    r::UnparsedPublicKey::new(algorithm, bytes).verify(message, signature).map_err(|_| SignatureFault::Wrong)
}

/// The pairs of curve and digest that ring does not have.
fn ecdsa_by_digest(
    curve: Curve,
    point: &[u8],
    kind: Digest,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureFault> {
    use p256::ecdsa::signature::hazmat::PrehashVerifier;
    let hash = digest(kind, message);
    macro_rules! check {
        ($curve:ident, $field:literal) => {{
            let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| SignatureFault::Wrong)?;
            let signature = $curve::ecdsa::Signature::from_der(signature).map_err(|_| SignatureFault::Wrong)?;
            // A digest shorter than the field is the same number with zeros in front; the crate wants at least half of them.
            let padded = [vec![0; usize::saturating_sub($field, hash.len())], hash].concat();
            key.verify_prehash(&padded, &signature).map_err(|_| SignatureFault::Wrong)
        }};
    }
    match curve {
        Curve::P256 => check!(p256, 32),
        Curve::P384 => check!(p384, 48),
        Curve::P521 => check!(p521, 66),
    }
}
