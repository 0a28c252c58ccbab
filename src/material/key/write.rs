//! Private keys to DER and PEM. Every buffer that holds a part of the secret is wiped, also those made on the way.

use zeroize::Zeroizing;

use super::kind::oid;
use crate::crypto::{Curve, RsaNumbers};
use crate::material::der::{self, tag};

/// PrivateKeyInfo, version 1 (RFC 5208, section 5).
pub(super) fn pkcs8(algorithm: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    let key = Zeroizing::new(der::tlv(tag::OCTET_STRING, key));
    Zeroizing::new(der::sequence(&[&der::unsigned(&[]), algorithm, &key]))
}

/// RSAPrivateKey of two primes (RFC 8017, A.1.2).
pub(super) fn rsa(numbers: &RsaNumbers<Zeroizing<Vec<u8>>>) -> Zeroizing<Vec<u8>> {
    let integers = numbers.in_order().map(|n| Zeroizing::new(der::unsigned(n)));
    let version = der::unsigned(&[]);
    let elements: Vec<&[u8]> = std::iter::once(&version[..]).chain(integers.iter().map(|n| &n[..])).collect();
    Zeroizing::new(der::sequence(&elements))
}

/// ECPrivateKey that names its curve, as it stands alone (RFC 5915, section 3).
pub(super) fn sec1(scalar: &[u8], parameters: &[u8], point: Option<&[u8]>) -> Zeroizing<Vec<u8>> {
    let scalar = Zeroizing::new(der::tlv(tag::OCTET_STRING, scalar));
    let parameters = der::tlv(tag::context(0), parameters);
    let point = point.map(|p| der::tlv(tag::context(1), &der::bits(p))).unwrap_or_default();
    Zeroizing::new(der::sequence(&[&der::unsigned(&[1]), &scalar, &parameters, &point]))
}

/// ECPrivateKey without parameters, as it stands within PKCS#8 (RFC 5915, section 3).
pub(super) fn ec(scalar: &[u8], point: Option<&[u8]>) -> Zeroizing<Vec<u8>> {
    let scalar = Zeroizing::new(der::tlv(tag::OCTET_STRING, scalar));
    let point = point.map(|p| der::tlv(tag::context(1), &der::bits(p))).unwrap_or_default();
    Zeroizing::new(der::sequence(&[&der::unsigned(&[1]), &scalar, &point]))
}

/// CurvePrivateKey (RFC 8410, section 7).
pub(super) fn edwards(seed: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(der::tlv(tag::OCTET_STRING, seed))
}

/// rsaEncryption with NULL, as RFC 8017 (A.1) demands.
pub(super) fn rsa_algorithm() -> Vec<u8> {
    der::sequence(&[&der::tlv(tag::OID, oid::RSA), &der::tlv(tag::NULL, &[])])
}

/// id-ecPublicKey with these ECParameters.
pub(super) fn ec_algorithm(parameters: &[u8]) -> Vec<u8> {
    der::sequence(&[&der::tlv(tag::OID, oid::EC), parameters])
}

/// id-ecPublicKey with a curve by its name.
pub(super) fn curve_algorithm(curve: Curve) -> Vec<u8> {
    let name = match curve {
        Curve::P256 => oid::P256,
        Curve::P384 => oid::P384,
        Curve::P521 => oid::P521,
    };
    ec_algorithm(&der::tlv(tag::OID, name))
}

/// Ed25519, whose parameters are absent (RFC 8410, section 3).
pub(super) fn ed25519_algorithm() -> Vec<u8> {
    der::sequence(&[&der::tlv(tag::OID, oid::ED25519)])
}

/// A PEM block (RFC 7468, section 2). The `pem` crate would leave copies of the key behind.
pub fn pem(label: &str, bytes: &[u8]) -> Zeroizing<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const BYTES_PER_LINE: usize = 48;
    // Room for everything from the start, so that growing leaves no copy.
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 3 / 2 + 2 * label.len() + 64));
    text.extend(["-----BEGIN ", label, "-----\n"]);
    for line in bytes.chunks(BYTES_PER_LINE) {
        for three in line.chunks(3) {
            let word = three.iter().fold(0u32, |word, b| word << 8 | u32::from(*b)) << (8 * (3 - three.len()));
            let digit = |i: usize| char::from(ALPHABET[(word >> (18 - 6 * i)) as usize & 63]);
            text.extend((0..4).map(|i| if i <= three.len() { digit(i) } else { '=' }));
        }
        text.push('\n');
    }
    text.extend(["-----END ", label, "-----\n"]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_is_what_the_pem_crate_reads() {
        for length in [0usize, 1, 2, 3, 47, 48, 49, 500] {
            let bytes: Vec<u8> = (0..length).map(|i| (i * 37) as u8).collect();
            let text = pem("PRIVATE KEY", &bytes);
            assert!(text.capacity() >= text.len() && text.lines().all(|l| l.len() <= 64));
            assert_eq!(::pem::parse(text.as_bytes()).unwrap().contents(), bytes);
        }
    }
}
