//! The entries of a CRL (RFC 5280 sections 5.1.2.6 and 5.3), read one after the other where they stand. A list may hold a
//! million of them, so nothing is copied and nothing is kept but the place.

mod plain;

use memchr::memmem;
use time::OffsetDateTime;

use super::der::{self, DerError, Reader, Tlv, tag};
use super::dn::Name;
use super::ext::{self, GeneralName, general_names};

type Result<T> = std::result::Result<T, DerError>;

/// One revoked certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The serial number's bytes as encoded.
    pub serial: &'a [u8],
    /// When it was revoked.
    pub date: OffsetDateTime,
    /// Why, where it is said.
    pub reason: Option<Reason>,
    /// The certificateIssuer in force (5.3.3), its GeneralNames as encoded; `None` is the list's own issuer.
    issuer: Option<&'a [u8]>,
}

/// A CRLReason (5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(u8);

impl Reason {
    /// Only in deltas: what the base list revokes is revoked no more.
    pub const REMOVE_FROM_CRL: Reason = Reason(8);

    /// The reason of this name, if it is one that a CA gives for a certificate that is gone for good: not `certificateHold`,
    /// which can be taken back, nor `removeFromCRL`, which takes it back.
    pub fn for_good(word: &str) -> Option<Reason> {
        let code = REASONS.iter().position(|known| known.eq_ignore_ascii_case(word))?;
        u8::try_from(code).ok().filter(|code| !matches!(code, 6..=8)).map(Reason)
    }

    /// The code; none for `unspecified`, which is not written.
    pub fn told(self) -> Option<u8> {
        (self.0 != 0).then_some(self.0)
    }

    /// The name, as the RFC spells it.
    pub fn word(self) -> &'static str {
        REASONS[usize::from(self.0)]
    }
}

impl Entry<'_> {
    /// Is it about a certificate of this issuer? `own` is the issuer of the list.
    pub fn is_about(&self, issuer: &Name, own: &Name) -> bool {
        let Some(names) = self.issuer else { return issuer == own };
        let names = general_names(Reader::new(names)).unwrap_or_default();
        names.iter().any(|n| matches!(n, GeneralName::Directory(name) if name == issuer))
    }
}

/// The entries of a list that has been read before.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    list: Reader<'a>,
    issuer: Option<&'a [u8]>,
}

impl<'a> Entries<'a> {
    /// Over the content of revokedCertificates.
    pub(super) fn new(list: &'a [u8]) -> Entries<'a> {
        Entries { list: Reader::new(list), issuer: None }
    }

    /// The entry whose serial number is encoded so, for this issuer. A serial number whose bytes occur nowhere is not on the
    /// list; where they occur, the entries before are passed over by their lengths alone. In a list where entries inherit their
    /// issuer, each is read.
    pub(super) fn find(
        mut self,
        serial: &[u8],
        indirect: bool,
        about: impl Fn(&Entry<'a>) -> bool,
    ) -> Option<Entry<'a>> {
        if indirect {
            return Iterator::find(&mut self, |entry| entry.serial == serial && about(entry));
        }
        let number = der::tlv(tag::INTEGER, serial);
        while let Some(hit) = memmem::find(self.list.rest(), &number) {
            let place = self.list.offset() + hit;
            // The same bytes may stand within an entry; only at its start are they its serial number.
            while self.list.offset() <= place {
                let entry = self.list.enter(tag::SEQUENCE).ok()?;
                if entry.offset() == place {
                    return read(entry, &mut None, &mut Walked::default()).ok().filter(|entry| about(entry));
                }
            }
        }
        None
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        // The whole list was read once when the CRL was made, so a fault here only ends it.
        let entry = self.list.enter(tag::SEQUENCE).ok()?;
        read(entry, &mut self.issuer, &mut Walked::default()).ok()
    }
}

/// What reading the whole list has shown.
#[derive(Debug, Default)]
pub(super) struct Walked<'a> {
    /// How many entries there are.
    pub(super) entries: usize,
    /// Has any of them extensions?
    pub(super) extended: bool,
    /// The first critical extension that is not known.
    pub(super) unknown_critical: Option<&'a [u8]>,
}

/// Reads and judges every entry.
pub(super) fn walk(mut list: Reader<'_>) -> Result<Walked<'_>> {
    let mut walked = Walked::default();
    let mut issuer = None;
    while !list.is_empty() {
        match plain::entry(list.rest()) {
            Some(entry) => {
                list.skip(entry.length);
                walked.extended |= entry.reasoned;
            }
            None => {
                read(list.enter(tag::SEQUENCE)?, &mut issuer, &mut walked)?;
            }
        }
        walked.entries += 1;
    }
    Ok(walked)
}

/// One entry. `issuer` is the certificateIssuer that holds from the entry before, and then from this one.
fn read<'a>(mut fields: Reader<'a>, issuer: &mut Option<&'a [u8]>, walked: &mut Walked<'a>) -> Result<Entry<'a>> {
    let serial = fields.integer()?;
    let date = fields.time()?;
    let mut entry = Entry { serial, date, reason: None, issuer: *issuer };
    if let Some(list) = fields.optional(tag::SEQUENCE)? {
        walked.extended = true;
        extensions(&list, &mut entry, &mut walked.unknown_critical)?;
        *issuer = entry.issuer;
    }
    fields.end()?;
    Ok(entry)
}

fn extensions<'a>(list: &Tlv<'a>, entry: &mut Entry<'a>, unknown: &mut Option<&'a [u8]>) -> Result<()> {
    let mut list = list.reader();
    let (mut seen, mut count) = ([&[][..]; MAX_EXTENSIONS], 0);
    while !list.is_empty() {
        let offset = list.offset();
        let (oid, critical, value) = ext::one(&mut list)?;
        if count == MAX_EXTENSIONS || seen[..count].contains(&oid) {
            return Err(DerError { what: "an entry's extension that occurs twice, or more than 8 of them", offset });
        }
        (seen[count], count) = (oid, count + 1);
        match oid {
            REASON_CODE => entry.reason = Some(reason(value)?),
            INVALIDITY_DATE => invalidity_date(value)?,
            CERTIFICATE_ISSUER => entry.issuer = Some(issuer_names(value)?),
            _ if critical => *unknown = unknown.or(Some(oid)),
            _ => {}
        }
    }
    Ok(())
}

fn reason(value: &[u8]) -> Result<Reason> {
    match value {
        [tag::ENUMERATED, 1, code @ (0..=6 | 8..=10)] => Ok(Reason(*code)),
        _ => Err(DerError { what: "a reason for revocation that is not defined", offset: 0 }),
    }
}

fn invalidity_date(value: &[u8]) -> Result<()> {
    let mut value = Reader::new(value);
    value.time()?;
    value.end()
}

fn issuer_names(value: &[u8]) -> Result<&[u8]> {
    let names = der::whole(value, tag::SEQUENCE)?;
    general_names(names.clone())?;
    Ok(names.rest())
}

/// Three are defined; the bound keeps the search for repetitions short.
const MAX_EXTENSIONS: usize = 8;
const REASON_CODE: &[u8] = &[0x55, 0x1d, 21];
const INVALIDITY_DATE: &[u8] = &[0x55, 0x1d, 24];
const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1d, 29];

const REASONS: [&str; 11] = [
    "unspecified",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "certificateHold",
    "(7)",
    "removeFromCRL",
    "privilegeWithdrawn",
    "aACompromise",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Of few different bytes, so that numbers often stand within others.
        #[test]
        fn a_serial_number_is_found_at_the_start_of_an_entry_only(
            serials in prop::collection::vec(prop::collection::vec(1u8..4, 1..6), 1..6),
            wanted in prop::collection::vec(1u8..4, 1..3),
        ) {
            let entry = |serial: &Vec<u8>| {
                der::sequence(&[&der::tlv(tag::INTEGER, serial), &der::tlv(0x17, b"261123041500Z")])
            };
            let list = serials.iter().map(entry).collect::<Vec<_>>().concat();
            let find = |indirect| Entries::new(&list).find(&wanted, indirect, |_| true).map(|e| e.serial.as_ptr());
            // Of an indirect list every entry is read.
            prop_assert_eq!(find(false), find(true));
            prop_assert_eq!(find(false).is_some(), serials.contains(&wanted));
        }
    }
}
