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

    /// The same, if nothing at all is known of how it went on: whoever was to be told may have been, or not.
    pub fn interrupted(&self) -> Option<&Begun> {
        self.unfinished().filter(|_| matches!(self.events.last(), Some(Event::Begun(_))))
    }

    /// What was begun last.
    pub fn last_begun(&self) -> Option<&Begun> {
        self.begun().next()
    }

    /// The version that was in use before this one was put there.
    pub fn before(&self, version: u32) -> Option<u32> {
        self.begun().find(|begun| begun.version == version && begun.previous != Some(version))?.previous
    }

    /// Was it ever proven? A version of which nothing is recorded was put there by `prepare`.
    pub fn was_proven(&self, version: u32) -> bool {
        let proves = |event: &Event| match event {
            Event::Begun(begun) => begun.previous == Some(version),
            Event::Done { version: done, .. } => *done == version,
            Event::RolledBack { .. } | Event::RollbackFailed { .. } => false,
        };
        self.of(version).is_none() || self.events.iter().any(proves)
    }

    /// The newest first.
    fn begun(&self) -> impl Iterator<Item = &Begun> {
        self.events.iter().rev().filter_map(|event| if let Event::Begun(begun) = event { Some(begun) } else { None })
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
            let only_begun = matches!(event, Event::Begun(_));
            journal.events.push(event);
            assert_eq!(journal.unfinished().map(|begun| begun.version), unfinished);
            assert_eq!(journal.interrupted().is_some(), only_begun);
        }
        let mut bytes: Vec<u8> = journal.events.iter().flat_map(Event::line).collect();
        bytes.extend(b"{\"event\":\"done\"");
        assert_eq!(Journal::read(&bytes), Ok(journal));
        bytes.push(b'\n');
        assert_eq!(Journal::read(&bytes).unwrap_err().line, 6);
    }

    #[test]
    fn what_was_proven_or_in_use_before_can_be_gone_back_to() {
        let at = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        let begun = |version, previous| {
            Event::Begun(Begun { version, previous, at, reload: vec![], run: vec![], verify: vec![] })
        };
        let back = |version| Event::RolledBack { version, at, why: "why".into() };
        let done = |version| Event::Done { version, at };
        // 1 was prepared, 2 never worked, 4 was gone back from, 1 could not be gone back to once; 5 is under way, 6 not begun.
        let first = [begun(2, Some(1)), back(2), begun(3, Some(1)), done(3), begun(4, Some(3)), done(4)];
        let then =
            [begun(3, Some(4)), done(3), begun(3, Some(3)), done(3), begun(1, Some(3)), back(1), begun(5, Some(3))];
        let journal = Journal { events: [&first[..], &then[..]].concat() };
        let proven: Vec<u32> = (1..=6).filter(|version| journal.was_proven(*version)).collect();
        assert_eq!(proven, [1, 3, 4, 6]);
        let before: Vec<_> = (1..=6).map(|version| journal.before(version)).collect();
        assert_eq!(before, [Some(3), Some(1), Some(4), Some(3), Some(3), None]);
    }
}
