//! The one seam to the crypto back ends: digests, signatures, random bytes. Nothing else names such a crate but
//! the big integers in `primes` and `checks::weak`, and rustls in `probe`. ring does what it can; the RustCrypto curves do what it lacks.

mod ciphers;
mod kdf;
mod keys;
mod passphrase;
mod sign;
mod signatures;

pub use ciphers::{Cipher, decrypt, encrypt};
pub use kdf::{Hash, Kdf, Purpose, derive, mac, mac_is};
pub use keys::{
    Curve, Refused, RsaNumbers, Signer, ed25519_public, multiples, new_ecdsa, new_scalar, public_point, random,
    sign_and_verify, uncompressed,
};
pub use passphrase::Passphrase;
pub use sign::{SigningKey, sign};
pub use signatures::{Scheme, SignatureFault, VerifyKey, rsa_sizes, verify};

/// Hash functions that certificates and their fingerprints use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// SHA-1: only to name things by old fingerprints, and to diagnose.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// The digest of some bytes.
pub fn digest(kind: Digest, bytes: &[u8]) -> Vec<u8> {
    digest_of(kind, [bytes])
}

/// The digest of bytes that come in parts.
pub fn digest_of(kind: Digest, parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<u8> {
    let algorithm = match kind {
        Digest::Sha1 => &ring::digest::SHA1_FOR_LEGACY_USE_ONLY,
        Digest::Sha256 => &ring::digest::SHA256,
        Digest::Sha384 => &ring::digest::SHA384,
        Digest::Sha512 => &ring::digest::SHA512,
    };
    let mut context = ring::digest::Context::new(algorithm);
    for part in parts {
        context.update(part.as_ref());
    }
    context.finish().as_ref().to_vec()
}

/// Lower-case hexadecimal, as fingerprints are shown.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
