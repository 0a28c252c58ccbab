//! Curves by name: the object identifiers of those that are registered and met, and the ones that a file writes out as numbers.
//! Which of them can be computed with is for `crypto`.

use crate::crypto::{self, Digest};
use crate::material::der::{self, DerError, tag};

/// The name of a curve that TLS does not use, by its object identifier; none for one that nobody knows.
pub(super) fn name(oid: &str) -> Option<&'static str> {
    CURVES.iter().find(|(known, _)| *known == oid).map(|(_, name)| *name)
}

/// The curve that explicit ECParameters (SEC 1, C.2) describe, if every number is that of a registered curve: anything else may
/// have a trapdoor (CVE-2020-0601).
pub(super) fn explicit(parameters: &[u8]) -> Option<&'static str> {
    let fingerprint = crypto::hex(&crypto::digest(Digest::Sha256, &numbers(parameters).ok()?));
    EXPLICIT.iter().find(|(known, _)| *known == fingerprint).map(|(_, name)| *name)
}

/// Prime, a, b, the base point's x and the order, each as an INTEGER. A seed, the cofactor and a hash say nothing more about the
/// curve; y follows from x but for its sign, which gives the same group.
fn numbers(parameters: &[u8]) -> Result<Vec<u8>, DerError> {
    let mut outer = der::whole(parameters, tag::SEQUENCE)?;
    outer.unsigned()?;
    let mut field = outer.enter(tag::SEQUENCE)?;
    if field.expect(tag::OID)?.content != PRIME_FIELD {
        return Err(DerError { what: "a curve over another field than a prime one", offset: field.offset() });
    }
    let prime = field.unsigned()?;
    let mut curve = outer.enter(tag::SEQUENCE)?;
    let (a, b) = (curve.expect(tag::OCTET_STRING)?.content, curve.expect(tag::OCTET_STRING)?.content);
    let point = outer.expect(tag::OCTET_STRING)?.content;
    let x = point.get(1..1 + prime.len()).ok_or(DerError { what: "a base point cut off", offset: outer.offset() })?;
    let order = outer.unsigned()?;
    Ok([prime, a, b, x, order].map(der::unsigned).concat())
}

/// X9.62, prime-field.
const PRIME_FIELD: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 1, 1];

/// SHA-256 of what `numbers` gives for them.
const EXPLICIT: &[(&str, &str)] = &[
    ("3ed675cccc1598153d3eae5ae98884f3c4de204cfecbb58c9bc0726afccf50bb", "P-224"),
    ("524d130e1cf1d05530d64f51bbccf58378f3be73d069257e2aea73859023a7cd", "P-256"),
    ("9656401700aa11b68e1efd9a2dae6854751d7df88c3c2170d8370c6a9fb36366", "P-384"),
    ("80daa58aa069c1399b3bf1606223c10380dd4a94a0f674643871d782a65154a2", "P-521"),
    ("66b7ebc591b99bf93de0ffc4aec6ba07b131c99050382f536019441f87a17894", "secp256k1"),
];

/// SEC 2, X9.62, WAP, Brainpool (RFC 5639) and GM/T 0003: those that OpenSSL knows, but for the three of TLS.
const CURVES: &[(&str, &str)] = &[
    ("1.3.132.0.6", "secp112r1"),
    ("1.3.132.0.7", "secp112r2"),
    ("1.3.132.0.28", "secp128r1"),
    ("1.3.132.0.29", "secp128r2"),
    ("1.3.132.0.9", "secp160k1"),
    ("1.3.132.0.8", "secp160r1"),
    ("1.3.132.0.30", "secp160r2"),
    ("1.3.132.0.31", "secp192k1"),
    ("1.3.132.0.32", "secp224k1"),
    ("1.3.132.0.33", "P-224"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.2.840.10045.3.1.1", "P-192"),
    ("1.2.840.10045.3.1.2", "prime192v2"),
    ("1.2.840.10045.3.1.3", "prime192v3"),
    ("1.2.840.10045.3.1.4", "prime239v1"),
    ("1.2.840.10045.3.1.5", "prime239v2"),
    ("1.2.840.10045.3.1.6", "prime239v3"),
    ("1.3.132.0.4", "sect113r1"),
    ("1.3.132.0.5", "sect113r2"),
    ("1.3.132.0.22", "sect131r1"),
    ("1.3.132.0.23", "sect131r2"),
    ("1.3.132.0.1", "sect163k1"),
    ("1.3.132.0.2", "sect163r1"),
    ("1.3.132.0.15", "sect163r2"),
    ("1.3.132.0.24", "sect193r1"),
    ("1.3.132.0.25", "sect193r2"),
    ("1.3.132.0.26", "sect233k1"),
    ("1.3.132.0.27", "sect233r1"),
    ("1.3.132.0.3", "sect239k1"),
    ("1.3.132.0.16", "sect283k1"),
    ("1.3.132.0.17", "sect283r1"),
    ("1.3.132.0.36", "sect409k1"),
    ("1.3.132.0.37", "sect409r1"),
    ("1.3.132.0.38", "sect571k1"),
    ("1.3.132.0.39", "sect571r1"),
    ("1.2.840.10045.3.0.1", "c2pnb163v1"),
    ("1.2.840.10045.3.0.2", "c2pnb163v2"),
    ("1.2.840.10045.3.0.3", "c2pnb163v3"),
    ("1.2.840.10045.3.0.4", "c2pnb176v1"),
    ("1.2.840.10045.3.0.5", "c2tnb191v1"),
    ("1.2.840.10045.3.0.6", "c2tnb191v2"),
    ("1.2.840.10045.3.0.7", "c2tnb191v3"),
    ("1.2.840.10045.3.0.10", "c2pnb208w1"),
    ("1.2.840.10045.3.0.11", "c2tnb239v1"),
    ("1.2.840.10045.3.0.12", "c2tnb239v2"),
    ("1.2.840.10045.3.0.13", "c2tnb239v3"),
    ("1.2.840.10045.3.0.16", "c2pnb272w1"),
    ("1.2.840.10045.3.0.17", "c2pnb304w1"),
    ("1.2.840.10045.3.0.18", "c2tnb359v1"),
    ("1.2.840.10045.3.0.19", "c2pnb368w1"),
    ("1.2.840.10045.3.0.20", "c2tnb431r1"),
    ("2.23.43.1.4.1", "wap-wsg-idm-ecid-wtls1"),
    ("2.23.43.1.4.3", "wap-wsg-idm-ecid-wtls3"),
    ("2.23.43.1.4.4", "wap-wsg-idm-ecid-wtls4"),
    ("2.23.43.1.4.5", "wap-wsg-idm-ecid-wtls5"),
    ("2.23.43.1.4.6", "wap-wsg-idm-ecid-wtls6"),
    ("2.23.43.1.4.7", "wap-wsg-idm-ecid-wtls7"),
    ("2.23.43.1.4.8", "wap-wsg-idm-ecid-wtls8"),
    ("2.23.43.1.4.9", "wap-wsg-idm-ecid-wtls9"),
    ("2.23.43.1.4.10", "wap-wsg-idm-ecid-wtls10"),
    ("2.23.43.1.4.11", "wap-wsg-idm-ecid-wtls11"),
    ("2.23.43.1.4.12", "wap-wsg-idm-ecid-wtls12"),
    ("1.3.36.3.3.2.8.1.1.1", "brainpoolP160r1"),
    ("1.3.36.3.3.2.8.1.1.2", "brainpoolP160t1"),
    ("1.3.36.3.3.2.8.1.1.3", "brainpoolP192r1"),
    ("1.3.36.3.3.2.8.1.1.4", "brainpoolP192t1"),
    ("1.3.36.3.3.2.8.1.1.5", "brainpoolP224r1"),
    ("1.3.36.3.3.2.8.1.1.6", "brainpoolP224t1"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.8", "brainpoolP256t1"),
    ("1.3.36.3.3.2.8.1.1.9", "brainpoolP320r1"),
    ("1.3.36.3.3.2.8.1.1.10", "brainpoolP320t1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
    ("1.3.36.3.3.2.8.1.1.12", "brainpoolP384t1"),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
    ("1.3.36.3.3.2.8.1.1.14", "brainpoolP512t1"),
    ("1.2.156.10197.1.301", "SM2"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_written_out_is_known_only_if_every_number_is_its_own() {
        let octets = |hex: &str| -> Vec<u8> {
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
        };
        // SEC 2, section 2.4.1.
        let k1 = [
            "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f",
            "00",
            "07",
            "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
            "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        ]
        .map(octets);
        let parameters = |numbers: &[Vec<u8>; 5]| {
            let [p, a, b, x, n] = numbers;
            let octets = |content: &[u8]| der::tlv(tag::OCTET_STRING, content);
            der::sequence(&[
                &der::unsigned(&[1]),
                &der::sequence(&[&der::tlv(tag::OID, PRIME_FIELD), &der::unsigned(p)]),
                &der::sequence(&[&octets(a), &octets(b)]),
                &octets(&[&[2], x.as_slice()].concat()),
                &der::unsigned(n),
            ])
        };
        assert_eq!(explicit(&parameters(&k1)), Some("secp256k1"));
        for at in 0..5 {
            let mut other = k1.clone();
            *other[at].last_mut().unwrap() ^= 1;
            assert_eq!(explicit(&parameters(&other)), None, "{at}");
        }
        assert_eq!((name("1.3.132.0.10"), name("1.2.3")), (Some("secp256k1"), None));
    }
}
