//! Revocation lists made (RFC 5280 section 5): whole lists of one CA, with number and authority key identifier.

use time::OffsetDateTime;

use super::issue::issuer_key_id;
use super::sign::Signer;
use crate::error::{Error, Result};
use crate::material::cert::Cert;
use crate::material::crl::Crl;
use crate::material::der::{self, tag};
use crate::material::ext::write::{self, Extension};
use crate::material::revoked::Reason;

/// One certificate that counts no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Its serial number, positive.
    pub serial: Vec<u8>,
    /// Since when.
    pub date: OffsetDateTime,
    /// Why, where it is said.
    pub reason: Option<Reason>,
}

/// Everything that a list says.
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    /// The CA.
    pub issuer: &'a Cert,
    /// Larger than that of every list before.
    pub number: u64,
    /// When it is made.
    pub this_update: OffsetDateTime,
    /// When the next one is due at the latest.
    pub next_update: OffsetDateTime,
    /// Who is on it.
    pub revoked: &'a [Revoked],
}

impl List<'_> {
    /// The list, signed.
    pub fn signed(&self, signer: &Signer<'_>) -> Result<Crl> {
        const VERSION_2: u8 = 1;
        let entries: Vec<u8> = self.revoked.iter().flat_map(entry).collect();
        // Absent where it would be empty (5.1.2.6).
        let entries = if entries.is_empty() { entries } else { der::sequence(&[&entries]) };
        let extensions =
            [write::authority_key_id(&issuer_key_id(self.issuer)), write::crl_number(&self.number.to_be_bytes())];
        let made = signer.signed(&der::sequence(&[
            &der::unsigned(&[VERSION_2]),
            signer.identifier(),
            self.issuer.subject.der(),
            &der::time(self.this_update),
            &der::time(self.next_update),
            &entries,
            &der::tlv(tag::context(0), &write::extensions(&extensions)),
        ]))?;
        Crl::from_der(made).map_err(|fault| Error::bug(format!("a new CRL cannot be read: {fault}")))
    }
}

fn entry(revoked: &Revoked) -> Vec<u8> {
    // Unspecified is said by saying nothing (5.3.1).
    let reason: Vec<Extension> = revoked.reason.and_then(Reason::told).map(write::crl_reason).into_iter().collect();
    let extensions = if reason.is_empty() { Vec::new() } else { write::extensions(&reason) };
    der::sequence(&[&der::unsigned(&revoked.serial), &der::time(revoked.date), &extensions])
}
