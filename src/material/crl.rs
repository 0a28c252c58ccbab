//! Certificate revocation lists (RFC 5280 section 5). A list may hold a million entries: every one of them is read and judged
//! once, here, and none is copied; who wants them later walks them in place. What a list means for a certificate is for `pki`
//! and `checks`.

use std::ops::Range;

use time::OffsetDateTime;

use super::Malformed;
use super::der::{self, DerError, Reader, tag};
use super::dn::{self, Name};
use super::ext;
use super::key::PublicKey;
use super::points::{DistributionPoint, Scope};
use super::revoked::{self, Entries, Entry};
use super::signature::{Algorithm, Signed};
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
    /// How many entries it has.
    pub entries: usize,
    /// cRLNumber (5.2.3), big-endian.
    pub number: Option<Vec<u8>>,
    /// The issuer's key identifier (5.2.1).
    pub authority_key_id: Option<Vec<u8>>,
    /// Is it a delta to another list (5.2.4)?
    pub is_delta: bool,
    /// The number of the list that a delta is made for, big-endian.
    pub base_number: Option<Vec<u8>>,
    /// What it covers (5.2.5); `None` is everything of its issuer.
    pub scope: Option<Scope>,
    /// Where deltas to it can be had (5.2.6).
    pub freshest: Vec<DistributionPoint>,
    /// Critical extensions, of the list or of an entry, that pkit does not process, as dotted object identifiers.
    pub unknown_critical: Vec<String>,
    revoked: Range<usize>,
    signed: Signed,
}

impl Crl {
    /// Reads one list, every entry included, with nothing behind it. The bytes are kept as they are.
    pub fn from_der(bytes: Vec<u8>) -> Result<Crl, Malformed> {
        let (mut fields, signed) = Signed::from_der(&bytes)?;
        let version = fields.optional(tag::INTEGER)?.map(|t| t.content);
        if version.is_some_and(|v| v != VERSION_2) {
            return Err(Malformed::new("a CRL of a version that is not defined"));
        }
        signed.must_name(fields.expect(tag::SEQUENCE)?.raw)?;
        let issuer = dn::read(&mut fields)?;
        let this_update = fields.time()?;
        let next_update = if fields.peek().is_some_and(is_time) { Some(fields.time()?) } else { None };
        let (revoked, walked) = match fields.optional(tag::SEQUENCE)? {
            Some(list) if list.content.is_empty() => {
                return Err(Malformed::new("a CRL with an empty list of entries, where it should have none"));
            }
            Some(list) => (list.place(), revoked::walk(list.reader())?),
            None => (0..0, revoked::Walked::default()),
        };
        let mut crl = Crl {
            der: Vec::new(),
            issuer,
            this_update,
            next_update,
            entries: walked.entries,
            number: None,
            authority_key_id: None,
            is_delta: false,
            base_number: None,
            scope: None,
            freshest: Vec::new(),
            unknown_critical: walked.unknown_critical.map(der::dotted).into_iter().collect(),
            revoked,
            signed,
        };
        let extensions = fields.optional(tag::context(0))?;
        if version.is_none() && (extensions.is_some() || walked.extended) {
            return Err(Malformed::new("a CRL of version 1 with extensions"));
        }
        if let Some(extensions) = extensions {
            crl.extensions(&mut extensions.reader())?;
        }
        fields.end()?;
        crl.der = bytes;
        Ok(crl)
    }

    fn extensions(&mut self, outer: &mut Reader<'_>) -> Result<(), DerError> {
        let mut list = outer.enter(tag::SEQUENCE)?;
        outer.end()?;
        let mut seen: Vec<&[u8]> = Vec::new();
        while !list.is_empty() {
            let offset = list.offset();
            let (oid, critical, value) = ext::one(&mut list)?;
            if seen.contains(&oid) || seen.len() == MAX_EXTENSIONS {
                return Err(DerError { what: "an extension that occurs twice, or more than 64 of them", offset });
            }
            seen.push(oid);
            self.extension(oid, critical, value)?;
        }
        Ok(())
    }

    fn extension(&mut self, oid: &[u8], critical: bool, value: &[u8]) -> Result<(), DerError> {
        match oid {
            [0x55, 0x1d, 20] => self.number = Some(number(value)?),
            [0x55, 0x1d, 27] => (self.is_delta, self.base_number) = (true, Some(number(value)?)),
            [0x55, 0x1d, 28] => self.scope = Some(Scope::read(value)?),
            [0x55, 0x1d, 35] => self.authority_key_id = ext::authority_key_id(value)?,
            [0x55, 0x1d, 46] => self.freshest = DistributionPoint::list(value)?,
            _ if critical => self.unknown_critical.push(der::dotted(oid)),
            _ => {}
        }
        Ok(())
    }

    /// The bytes as they were.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The bytes as they were, for good.
    pub fn into_der(self) -> Vec<u8> {
        self.der
    }

    /// Was it signed with this key?
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignatureFault> {
        self.signed.verify(&self.der, key)
    }

    /// Can it be taken as its issuer's own whole list, as servers do that know nothing of deltas, indirect lists or lists for some
    /// reasons, and nothing of its critical extensions?
    pub fn is_whole(&self) -> bool {
        let scope = |s: &Scope| !s.only_attributes && !s.indirect && s.reasons.is_none();
        !self.is_delta && self.unknown_critical.is_empty() && self.scope.as_ref().is_none_or(scope)
    }

    /// Does it speak of certificates of this kind (5.2.5)?
    pub fn covers(&self, authority: bool) -> bool {
        self.scope.as_ref().is_none_or(|s| if authority { !s.only_users } else { !s.only_authorities })
    }

    /// How it was signed.
    pub fn algorithm(&self) -> &Algorithm {
        &self.signed.algorithm
    }

    /// Every entry, in the order of the list.
    pub fn revoked(&self) -> Entries<'_> {
        Entries::new(&self.der[self.revoked.clone()])
    }

    /// The entry for a certificate of this issuer with this serial number (its bytes as encoded).
    pub fn find(&self, serial: &[u8], issuer: &Name) -> Option<Entry<'_>> {
        let indirect = self.scope.as_ref().is_some_and(|s| s.indirect);
        self.revoked().find(serial, indirect, |entry| entry.is_about(issuer, &self.issuer))
    }

    /// Is the certificate of the list's own issuer with this serial number on it?
    pub fn contains(&self, serial: &[u8]) -> bool {
        self.find(serial, &self.issuer).is_some()
    }
}

fn number(value: &[u8]) -> Result<Vec<u8>, DerError> {
    let mut reader = Reader::new(value);
    let magnitude = reader.unsigned()?.to_vec();
    reader.end()?;
    Ok(magnitude)
}

fn is_time(tag: u8) -> bool {
    matches!(tag, 0x17 | 0x18)
}

const VERSION_2: &[u8] = &[1];
/// Seven are defined; the bound keeps the search for repetitions short.
const MAX_EXTENSIONS: usize = 64;
