//! Signatures made. ring does RSA, Ed25519 and the usual pairs of curve and digest; P-521 is RustCrypto's.

use ring::rand::SystemRandom;
use ring::signature::{self as r, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};

use super::{Curve, Digest, Refused, Scheme, digest, public_point};

/// A private key as the back ends take it.
#[derive(Clone, Copy)]
pub enum SigningKey<'a> {
    /// PKCS#8.
    Rsa(&'a [u8]),
    /// The scalar, as long as the field.
    Ec(Curve, &'a [u8]),
    /// The seed.
    Ed25519(&'a [u8]),
}

/// Signs the message. Refused are keys that the back end does not take, such as RSA other than 2048, 3072 and 4096 bits.
pub fn sign(scheme: Scheme, key: SigningKey<'_>, message: &[u8]) -> Result<Vec<u8>, Refused> {
    let rejected = |_| Refused("the back end does not take this key");
    let unsigned = |_| Refused("the key does not sign");
    let random = SystemRandom::new();
    match (scheme, key) {
        (Scheme::RsaPkcs1(kind), SigningKey::Rsa(pkcs8)) => {
            let padding: &dyn r::RsaEncoding = match kind {
                Digest::Sha256 => &r::RSA_PKCS1_SHA256,
                Digest::Sha384 => &r::RSA_PKCS1_SHA384,
                Digest::Sha512 => &r::RSA_PKCS1_SHA512,
                Digest::Sha1 => return Err(Refused("nothing is signed with SHA-1")),
            };
            let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(rejected)?;
            let mut made = vec![0; pair.public().modulus_len()];
            pair.sign(padding, &random, message, &mut made).map_err(unsigned)?;
            Ok(made)
        }
        (Scheme::Ecdsa(Digest::Sha256), SigningKey::Ec(curve @ Curve::P256, scalar)) => {
            ecdsa(&r::ECDSA_P256_SHA256_ASN1_SIGNING, curve, scalar, message)
        }
        (Scheme::Ecdsa(Digest::Sha384), SigningKey::Ec(curve @ Curve::P384, scalar)) => {
            ecdsa(&r::ECDSA_P384_SHA384_ASN1_SIGNING, curve, scalar, message)
        }
        (Scheme::Ecdsa(Digest::Sha512), SigningKey::Ec(Curve::P521, scalar)) => p521(scalar, message),
        (Scheme::Ed25519, SigningKey::Ed25519(seed)) => {
            let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(rejected)?;
            Ok(pair.sign(message).as_ref().to_vec())
        }
        _ => Err(Refused("this kind of key does not make this kind of signature")),
    }
}

fn ecdsa(
    algorithm: &'static r::EcdsaSigningAlgorithm,
    curve: Curve,
    scalar: &[u8],
    message: &[u8],
) -> Result<Vec<u8>, Refused> {
    const BAD: Refused = Refused("the back end does not take this key");
    let point = public_point(curve, scalar).ok_or(BAD)?;
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, &point, &random).map_err(|_| BAD)?;
    let made = pair.sign(&random, message).map_err(|_| Refused("the key does not sign"))?;
    Ok(made.as_ref().to_vec())
}

fn p521(scalar: &[u8], message: &[u8]) -> Result<Vec<u8>, Refused> {
    use p521::ecdsa::signature::hazmat::PrehashSigner;
    let key = p521::ecdsa::SigningKey::from_slice(scalar).map_err(|_| Refused("the scalar is not below the order"))?;
    let hash = digest(Digest::Sha512, message);
    let made: p521::ecdsa::Signature = key.sign_prehash(&hash).map_err(|_| Refused("the key does not sign"))?;
    Ok(made.to_der().as_bytes().to_vec())
}
