//! Certificate revocation lists (RFC 5280 section 5), walked in place: a list may hold a million entries, so none of them is
//! copied. What a list means for a certificate is for `pki` and `checks`.

use time::OffsetDateTime;

use super::Malformed;
use super::der::{self, DerError, Reader, tag};
use super::dn::{self, Name};
use super::ext;
use super::key::PublicKey;
use super::signature::Signed;
use crate::crypto::SignatureFault;

/// One revocation list.
#[derive(Clone, Debug)]
pub struct Crl {
    der: Vec<u8>,
    /// Who signed it.
    pub issuer: Name,
    /// When it was made.
    pub this_update: OffsetDateTime,
    /// When the next one is due at the latest; absent in lists that break RFC 5280 section 5.1.2.5.
    pub next_update: Option<OffsetDateTime>,
    /// How many certificates it revokes.
    pub entries: usize,
    /// cRLNumber (5.2.3), big-endian.
    pub number: Option<Vec<u8>>,
    /// The issuer's key identifier (5.2.1).
    pub authority_key_id: Option<Vec<u8>>,
    /// Is it a delta to another list (5.2.4)?
    pub is_delta: bool,
    signed: Signed,
}

impl Crl {
    /// Reads one list, every entry included, with nothing behind it.
    pub fn from_der(bytes: &[u8]) -> Result<Crl, Malformed> {
        let (mut fields, signed) = Signed::from_der(bytes)?;
        fields.optional(tag::INTEGER)?;
        signed.must_name(fields.expect(tag::SEQUENCE)?.raw)?;
        let issuer = dn::read(&mut fields)?;
        let this_update = fields.time()?;
        let next_update = if fields.peek().is_some_and(is_time) { Some(fields.time()?) } else { None };
        let entries = match fields.optional(tag::SEQUENCE)? {
            Some(list) => count(list.reader())?,
            None => 0,
        };
        let mut crl = Crl {
            der: Vec::new(),
            issuer,
            this_update,
            next_update,
            entries,
            number: None,
            authority_key_id: None,
            is_delta: false,
            signed,
        };
        if let Some(extensions) = fields.optional(tag::context(0))? {
            crl.extensions(&mut extensions.reader())?;
        }
        fields.end()?;
        crl.der = bytes.to_vec();
        Ok(crl)
    }

    fn extensions(&mut self, outer: &mut Reader<'_>) -> Result<(), DerError> {
        let mut list = outer.enter(tag::SEQUENCE)?;
        outer.end()?;
        while !list.is_empty() {
            let mut extension = list.enter(tag::SEQUENCE)?;
            let oid = extension.expect(tag::OID)?.content;
            extension.optional(tag::BOOLEAN)?;
            let value = extension.expect(tag::OCTET_STRING)?.content;
            match oid {
                [0x55, 0x1d, 20] => self.number = Some(Reader::new(value).unsigned()?.to_vec()),
                [0x55, 0x1d, 27] => self.is_delta = true,
                [0x55, 0x1d, 35] => self.authority_key_id = ext::authority_key_id(value)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The bytes as they were.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Was it signed with this key?
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignatureFault> {
        self.signed.verify(&self.der, key)
    }

    /// Is the certificate of the list's own issuer with this serial number (its bytes as encoded) on it?
    pub fn contains(&self, serial: &[u8]) -> bool {
        self.find(serial).unwrap_or(false)
    }

    fn find(&self, serial: &[u8]) -> Result<bool, DerError> {
        let mut fields = Signed::from_der(&self.der).map_err(|_| DerError { what: "no CRL", offset: 0 })?.0;
        fields.optional(tag::INTEGER)?;
        fields.expect(tag::SEQUENCE)?;
        dn::read(&mut fields)?;
        while fields.peek().is_some_and(is_time) {
            fields.time()?;
        }
        let Some(list) = fields.optional(tag::SEQUENCE)? else { return Ok(false) };
        let mut list = list.reader();
        while !list.is_empty() {
            if list.enter(tag::SEQUENCE)?.expect(tag::INTEGER)?.content == serial {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Every entry must be whole: serial number, date, perhaps extensions.
fn count(mut list: Reader<'_>) -> Result<usize, DerError> {
    let mut entries = 0;
    while !list.is_empty() {
        let mut entry = list.enter(tag::SEQUENCE)?;
        entry.expect(tag::INTEGER)?;
        entry.time()?;
        if let Some(extensions) = entry.optional(tag::SEQUENCE)? {
            der::nesting(extensions.raw)?;
        }
        entry.end()?;
        entries += 1;
    }
    Ok(entries)
}

fn is_time(tag: u8) -> bool {
    matches!(tag, 0x17 | 0x18)
}
