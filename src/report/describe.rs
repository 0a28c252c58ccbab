//! Things of the field as values for programs and as words for people, so that every command shows a certificate alike. Field
//! names follow community.crypto's `x509_certificate_info` where it has one.

use super::{Value, object};
use crate::crypto;
use crate::finding::Origin;
use crate::instant;
use crate::material::cert::Cert;

/// A certificate of a chain.
pub fn certificate(cert: &Cert, origin: Option<&Origin>) -> Value {
    object! {
        "subject" => cert.subject.to_string(),
        "issuer" => cert.issuer.to_string(),
        "serial_number" => decimal(&cert.serial),
        "serial_number_hex" => crypto::hex(&cert.serial),
        "subject_alt_name" => cert.alt_names().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "not_before" => instant::rfc3339(cert.not_before),
        "not_after" => instant::rfc3339(cert.not_after),
        "sha256" => crypto::hex(cert.sha256()),
        "public_key" => cert.public_key.kind().to_string(),
        "spki_sha256" => cert.public_key.sha256(),
        "source" => origin.map(source),
    }
}

/// A big-endian number in decimal digits: serial numbers are longer than any number that JSON readers keep whole.
pub fn decimal(bytes: &[u8]) -> String {
    let mut digits = vec![0u8];
    for byte in bytes {
        let mut carry = u16::from(*byte);
        for digit in &mut digits {
            let value = u16::from(*digit) * 256 + carry;
            (*digit, carry) = ((value % 10) as u8, value / 10);
        }
        while carry > 0 {
            digits.push((carry % 10) as u8);
            carry /= 10;
        }
    }
    digits.iter().rev().map(|d| char::from(b'0' + d)).collect()
}

/// Where a thing stood.
pub fn source(origin: &Origin) -> Value {
    object! {
        "path" => origin.path.as_path(),
        "member" => origin.member.clone(),
        "index" => origin.index,
        "line" => (origin.line > 0).then_some(origin.line),
    }
}

/// `leaf → Example DV CA G3 → Example Root R2`.
pub fn arrows(names: &[String]) -> String {
    names.join(" → ")
}

/// `1 certificate`, `3 certificates`.
pub fn count(n: usize, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn serial_numbers_are_decimal_at_any_length() {
        assert_eq!(decimal(&[]), "0");
        assert_eq!(decimal(&[0, 1, 0]), "256");
        assert_eq!(decimal(&[0xff; 20]), "1461501637330902918203684832716283019655932542975");
    }
}
