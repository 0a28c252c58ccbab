//! What a key may be used for (RFC 5280 section 4.2.1.3).

use super::{DerError, Result};
use crate::material::der::{Reader, tag};

/// The bits of RFC 5280 section 4.2.1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage {
    bits: u16,
}

impl KeyUsage {
    pub(super) fn read(value: &[u8]) -> Result<KeyUsage> {
        let mut reader = Reader::new(value);
        let bits = reader.expect(tag::BIT_STRING)?;
        reader.end()?;
        match bits.content {
            [0..=7, first, rest @ ..] => {
                Ok(KeyUsage { bits: u16::from(*first) << 8 | u16::from(rest.first().copied().unwrap_or(0)) })
            }
            [0] => Ok(KeyUsage { bits: 0 }),
            _ => Err(DerError { what: "a malformed key usage", offset: 0 }),
        }
    }

    /// Bit 0.
    pub fn digital_signature(self) -> bool {
        self.bit(0)
    }
    /// Bit 2.
    pub fn key_encipherment(self) -> bool {
        self.bit(2)
    }
    /// Bit 4.
    pub fn key_agreement(self) -> bool {
        self.bit(4)
    }
    /// Bit 5.
    pub fn key_cert_sign(self) -> bool {
        self.bit(5)
    }
    /// Bit 6.
    pub fn crl_sign(self) -> bool {
        self.bit(6)
    }
    /// May the key take part in a TLS handshake: does it sign there, or decrypt or agree on a key?
    pub fn serves_tls(self) -> bool {
        self.digital_signature() || self.key_encipherment() || self.key_agreement()
    }
    /// The names of the bits that are set, as the RFC spells them.
    pub fn words(self) -> Vec<&'static str> {
        const NAMES: [&str; 9] = [
            "digitalSignature",
            "nonRepudiation",
            "keyEncipherment",
            "dataEncipherment",
            "keyAgreement",
            "keyCertSign",
            "cRLSign",
            "encipherOnly",
            "decipherOnly",
        ];
        (0..9).filter(|n| self.bit(*n)).map(|n| NAMES[usize::from(n)]).collect()
    }
    fn bit(self, n: u8) -> bool {
        self.bits & (0x8000 >> n) != 0
    }
}
