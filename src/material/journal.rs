//! What has become of the versions of one name: when each was put into use, whether that was proven, and why one was taken back.
//! One JSON object a line, only ever added to. A deployment that was begun and has no end was interrupted; which version was
//! the last to be proven is then the one to fall back to.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::lines::{self, BadLine, stamp};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A version is about to be put into use; written before the switch.
    Begun(Begun),
    /// It is in use, and everything that was asked for has been done.
    Done {
        /// The version.
        version: u32,
        /// When.
        #[serde(with = "stamp")]
        at: OffsetDateTime,
    },
    /// It was taken back, and everything is as it was before.
    RolledBack {
        /// The version.
        version: u32,
        /// When.
        #[serde(with = "stamp")]
        at: OffsetDateTime,
        /// In a few words.
        why: String,
    },
    /// It could not be taken back whole.
    RollbackFailed {
        /// The version.
        version: u32,
        /// When.
        #[serde(with = "stamp")]
        at: OffsetDateTime,
        /// In a few words.
        why: String,
    },
}

/// What is to be done with a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The version.
    pub version: u32,
    /// The one that was in use, and proven, before.
    pub previous: Option<u32>,
    /// When.
    #[serde(with = "stamp")]
    pub at: OffsetDateTime,
    /// Which services are told, as typed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reload: Vec<String>,
    /// Which commands are run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub run: Vec<String>,
    /// Where it must be served then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verify: Vec<String>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// In the order in which it happened.
    pub events: Vec<Event>,
}

impl Event {
    /// The line, with its end.
    pub fn line(&self) -> Vec<u8> {
        lines::line(self)
    }

    /// Which version it is about.
    pub fn version(&self) -> u32 {
        match self {
            Event::Begun(begun) => begun.version,
            Event::Done { version, .. } | Event::RolledBack { version, .. } | Event::RollbackFailed { version, .. } => {
                *version
            }
        }
    }
}

impl Journal {
    /// Reads every whole line.
    pub fn read(bytes: &[u8]) -> Result<Journal, BadLine> {
        let (events, _) = lines::read(bytes)?;
        Ok(Journal { events })
    }

    /// What was begun last, if it has no end, or an end that a person should have looked at.
    pub fn unfinished(&self) -> Option<&Begun> {
        match self.events.last()? {
            Event::Done { .. } | Event::RolledBack { .. } => None,
            Event::Begun(_) | Event::RollbackFailed { .. } => self.last_begun(),
        }
    }

    /// What was begun last.
    pub fn last_begun(&self) -> Option<&Begun> {
        self.events.iter().rev().find_map(|event| match event {
            Event::Begun(begun) => Some(begun),
            _ => None,
        })
    }

    /// The last thing that happened to a version.
    pub fn of(&self, version: u32) -> Option<&Event> {
        self.events.iter().rev().find(|event| event.version() == version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_was_interrupted() {
        let at = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        let begun = |version, previous| {
            Event::Begun(Begun { version, previous, at, reload: vec!["dovecot".into()], run: vec![], verify: vec![] })
        };
        let mut journal = Journal::default();
        assert_eq!(journal.unfinished(), None);
        for (event, unfinished) in [
            (begun(1, None), Some(1)),
            (Event::Done { version: 1, at }, None),
            (begun(2, Some(1)), Some(2)),
            (Event::RollbackFailed { version: 2, at, why: "why".into() }, Some(2)),
            (Event::RolledBack { version: 2, at, why: "why".into() }, None),
        ] {
            journal.events.push(event);
            assert_eq!(journal.unfinished().map(|begun| begun.version), unfinished);
        }
        let mut bytes: Vec<u8> = journal.events.iter().flat_map(Event::line).collect();
        bytes.extend(b"{\"event\":\"done\"");
        assert_eq!(Journal::read(&bytes), Ok(journal));
        bytes.push(b'\n');
        assert_eq!(Journal::read(&bytes).unwrap_err().line, 6);
    }
}
