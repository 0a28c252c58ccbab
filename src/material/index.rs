//! The index of a private CA: what was issued and revoked, and which CRLs were made. One JSON object a line, only ever added to;
//! what is true now follows from reading all of it in order. A last line without its end was never finished and counts for
//! nothing. The fields are described in `pkit ca init --help`.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::cert::Cert;
use super::lines::{self, stamp};
use crate::crypto;

pub use super::lines::BadLine;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// A CA of the directory began.
    Ca {
        /// Its files' name: `root`, `intermediate`.
        ca: String,
        /// Its subject.
        subject: String,
        /// The certificate's SHA-256.
        sha256: String,
        /// Where its CRLs can be had.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        crl_url: Option<String>,
        /// Where its certificate can be had.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        aia_url: Option<String>,
        /// When.
        #[serde(with = "stamp")]
        at: OffsetDateTime,
    },
    /// A certificate was signed; written before the certificate leaves.
    Issued(Issued),
    /// A certificate counts no longer.
    Revoked {
        /// Which CA had signed it.
        ca: String,
        /// The serial number, hexadecimal.
        serial: String,
        /// A CRLReason (RFC 5280 section 5.3.1).
        reason: String,
        /// Since when.
        #[serde(with = "stamp")]
        at: OffsetDateTime,
    },
    /// The number of a CRL was given out; written before the CRL.
    Crl {
        /// Which CA's.
        ca: String,
        /// The number, larger than those before.
        number: u64,
        /// When.
        #[serde(with = "stamp")]
        at: OffsetDateTime,
        /// When the next one is due.
        #[serde(with = "stamp")]
        next_update: OffsetDateTime,
        /// How many are on it.
        revoked: usize,
    },
}

/// A certificate that was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// Which CA signed it.
    pub ca: String,
    /// The serial number, hexadecimal.
    pub serial: String,
    /// Its subject.
    pub subject: String,
    /// Its alternative names.
    pub names: Vec<String>,
    /// `server`, `client`, `email` or `ca`.
    pub profile: String,
    /// First instant of validity.
    #[serde(with = "stamp")]
    pub not_before: OffsetDateTime,
    /// Last instant of validity.
    #[serde(with = "stamp")]
    pub not_after: OffsetDateTime,
    /// The SHA-256 of its public key.
    pub spki_sha256: String,
    /// Its own SHA-256.
    pub sha256: String,
    /// When it was signed.
    #[serde(with = "stamp")]
    pub at: OffsetDateTime,
}

impl Issued {
    /// What the index keeps of a certificate that this CA has signed.
    pub fn of(cert: &Cert, ca: &str, profile: &str, at: OffsetDateTime) -> Issued {
        Issued {
            ca: ca.to_owned(),
            serial: crypto::hex(&cert.serial),
            subject: cert.subject.to_string(),
            names: cert.alt_names().iter().map(ToString::to_string).collect(),
            profile: profile.to_owned(),
            not_before: cert.not_before,
            not_after: cert.not_after,
            spki_sha256: cert.public_key.sha256(),
            sha256: crypto::hex(cert.sha256()),
            at,
        }
    }
}

impl Event {
    /// The line, with its end.
    pub fn line(&self) -> Vec<u8> {
        lines::line(self)
    }
}

/// What a whole index says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// In the order in which it happened.
    pub events: Vec<Event>,
    /// Was there a last line without its end?
    pub torn: bool,
}

impl Index {
    /// Reads every whole line.
    pub fn read(bytes: &[u8]) -> Result<Index, BadLine> {
        let (events, torn) = lines::read(bytes)?;
        Ok(Index { events, torn })
    }

    /// The certificates that were signed, in order.
    pub fn issued(&self) -> impl Iterator<Item = &Issued> {
        self.events.iter().filter_map(|event| match event {
            Event::Issued(issued) => Some(issued),
            _ => None,
        })
    }

    /// Serial number, reason and date of what one CA has revoked, each once.
    pub fn revoked(&self, wanted: &str) -> Vec<(&str, &str, OffsetDateTime)> {
        let mut found: Vec<(&str, &str, OffsetDateTime)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for event in &self.events {
            if let Event::Revoked { ca, serial, reason, at } = event
                && ca == wanted
                && seen.insert(serial)
            {
                found.push((serial, reason, *at));
            }
        }
        found
    }

    /// The highest CRL number that one CA has given out.
    pub fn last_crl(&self, wanted: &str) -> u64 {
        let numbers = self.events.iter().filter_map(|event| match event {
            Event::Crl { ca, number, .. } if ca == wanted => Some(*number),
            _ => None,
        });
        numbers.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written_and_a_torn_one_is_none() {
        let at = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        let revoked =
            |serial: &str| Event::Revoked { ca: "root".into(), serial: serial.into(), reason: "superseded".into(), at };
        let crl = Event::Crl { ca: "root".into(), number: 7, at, next_update: at, revoked: 1 };
        let events = vec![revoked("01"), revoked("02"), revoked("01"), crl];
        let mut bytes: Vec<u8> = events.iter().flat_map(Event::line).collect();
        assert_eq!(Index::read(&bytes), Ok(Index { events: events.clone(), torn: false }));
        bytes.extend(&events[0].line()[..9]);
        let index = Index::read(&bytes).unwrap();
        assert_eq!((index.events.len(), index.torn, index.last_crl("root"), index.last_crl("x")), (4, true, 7, 0));
        assert_eq!(index.revoked("root").iter().map(|(serial, ..)| *serial).collect::<Vec<_>>(), ["01", "02"]);
        bytes.push(b'\n');
        assert_eq!(Index::read(&bytes).unwrap_err().line, 5);
        assert_eq!(Index::read(b""), Ok(Index::default()));
    }
}
