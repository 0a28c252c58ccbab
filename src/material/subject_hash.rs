//! The number under which OpenSSL looks a name up in a directory of CAs (X509_NAME_hash since 1.0.0): the first four bytes of
//! the SHA-1 of the name in a form of its own. That form folds less than RFC 5280 section 7.1 asks: only ASCII letters and blanks.

use super::der::{self, DerError, tag};
use super::dn::{Name, decoded};
use crate::crypto::{self, Digest};

/// Eight hexadecimal digits, as in `0a1b2c3d.0`.
pub fn subject_hash(name: &Name) -> String {
    // The name has been read once, so its encoding is sound.
    let canonical = canonical(name.der()).unwrap_or_default();
    let digest = crypto::digest(Digest::Sha1, &canonical);
    digest[..4].iter().rev().map(|byte| format!("{byte:02x}")).collect()
}

/// x509_name_canon: the relative names one behind the other, without the SEQUENCE around them.
fn canonical(name: &[u8]) -> Result<Vec<u8>, DerError> {
    let mut rdns = der::whole(name, tag::SEQUENCE)?;
    let mut out = Vec::new();
    while !rdns.is_empty() {
        let mut set = rdns.enter(tag::SET)?;
        let mut attributes = Vec::new();
        while !set.is_empty() {
            let mut pair = set.enter(tag::SEQUENCE)?;
            let kind = pair.expect(tag::OID)?;
            let value = pair.any()?;
            attributes.push(der::sequence(&[kind.raw, &folded(value.tag, value.content)]));
        }
        attributes.sort();
        out.extend(der::tlv(tag::SET, &attributes.concat()));
    }
    Ok(out)
}

/// asn1_string_canon: a text becomes UTF-8 without blanks at its ends, with single blanks inside and ASCII letters small; what
/// OpenSSL does not count among the texts stays as it is.
fn folded(kind: u8, content: &[u8]) -> Vec<u8> {
    match text(kind, content) {
        Some(text) => {
            let words: Vec<String> =
                text.split(is_blank).filter(|w| !w.is_empty()).map(str::to_ascii_lowercase).collect();
            der::tlv(tag::UTF8_STRING, words.join(" ").as_bytes())
        }
        None => der::tlv(kind, content),
    }
}

/// The types of ASN1_MASK_CANON that a name can have. All strings of single bytes are taken for ISO 8859-1.
fn text(kind: u8, content: &[u8]) -> Option<String> {
    match kind {
        tag::PRINTABLE_STRING | tag::TELETEX_STRING | tag::IA5_STRING => {
            Some(content.iter().map(|b| char::from(*b)).collect())
        }
        tag::UTF8_STRING | tag::UNIVERSAL_STRING | tag::BMP_STRING => decoded(kind, content),
        _ => None,
    }
}

/// ossl_isspace.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}
