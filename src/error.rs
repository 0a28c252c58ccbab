//! What could not be done. A finding is news about the user's files; an `Error` means that the work itself stopped. Its words
//! always come in the same order: what, the facts, what state things are in now, and one thing to do next. The code is a
//! `Rule`'s, so `pkit explain` knows it; one struct serves all rooms, because every error must carry exactly these parts.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::exit::Exit;
use crate::finding::{Rule, rules};

/// The result of most functions here.
pub type Result<T> = std::result::Result<T, Error>;

/// What could not be done, and what to do next.
#[derive(Debug, Clone)]
pub struct Error {
    /// The documented fact behind it.
    pub rule: &'static Rule,
    /// The exit code that goes with it.
    pub exit: Exit,
    /// What happened, with names and values.
    pub message: String,
    /// Lines of `label, value` that help to compare.
    pub facts: Vec<(String, String)>,
    /// What state things are in now.
    pub state: String,
    /// One thing to do next.
    pub hint: String,
    /// The file it is about.
    pub path: Option<PathBuf>,
}

impl Error {
    fn new(exit: Exit, rule: &'static Rule, message: impl Into<String>) -> Error {
        Error {
            rule,
            exit,
            message: message.into(),
            facts: Vec::new(),
            state: UNCHANGED.into(),
            hint: rule.help.into(),
            path: None,
        }
    }

    /// An input is missing, unreadable or not what it should be (exit 3).
    pub fn input(rule: &'static Rule, message: impl Into<String>) -> Error {
        Error::new(Exit::Input, rule, message)
    }

    /// The answer is no, and without another answer there is nothing to do (exit 1).
    pub fn answer(rule: &'static Rule, message: impl Into<String>) -> Error {
        Error::new(Exit::Findings, rule, message)
    }

    /// pkit will not do this (exit 4).
    pub fn refused(rule: &'static Rule, message: impl Into<String>) -> Error {
        Error::new(Exit::Refused, rule, message)
    }

    /// It was done, did not prove itself, and was taken back (exit 7).
    pub fn rolled_back(rule: &'static Rule, message: impl Into<String>) -> Error {
        Error::new(Exit::RolledBack, rule, message)
    }

    /// The words typed do not go together (exit 2).
    pub fn usage(message: impl Into<String>) -> Error {
        Error::new(Exit::Usage, &USAGE, message)
    }

    /// The system refused to write (exit 5).
    pub fn io(path: &Path, doing: &str, source: &io::Error) -> Error {
        Error::new(Exit::Io, &WRITE_FAILED, format!("{}: {doing}: {}", path.display(), io_words(source))).path(path)
    }

    /// A fault of pkit's own that was noticed in time (exit 70).
    pub fn bug(message: impl Into<String>) -> Error {
        Error::new(Exit::Bug, &BUG, message)
    }

    /// With the file it is about.
    pub fn path(mut self, path: impl Into<PathBuf>) -> Error {
        self.path = Some(path.into());
        self
    }

    /// With one more line to compare.
    pub fn fact(mut self, label: impl Into<String>, value: impl Into<String>) -> Error {
        self.facts.push((label.into(), value.into()));
        self
    }

    /// With advice for this very case.
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = hint.into();
        self
    }

    /// Is everything as it was before?
    pub fn changed_nothing(&self) -> bool {
        self.state == UNCHANGED
    }

    /// With another state than "nothing was changed".
    pub fn state(mut self, state: impl Into<String>) -> Error {
        self.state = state.into();
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}", self.rule.code, self.message)
    }
}

impl std::error::Error for Error {}

/// The system's own words for an error, without the number that Rust adds.
pub fn io_words(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = words.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => text,
    }
}

const UNCHANGED: &str = "nothing was changed";

rules! {
    /// The command line asks for something that cannot be meant.
    USAGE = Error "usage" {
        summary: "the command line asks for something that does not go together",
        help: "see the command's --help",
        source: "the command's own help",
    }
    /// A write did not succeed.
    WRITE_FAILED = Error "write-failed" {
        summary: "the system refused to write, rename or sync a file",
        help: "check free space, permissions and mount options of the directory, then run it again",
        source: "open(2), write(2), fsync(2), rename(2)",
    }
    /// A panic or a broken invariant.
    BUG = Error "bug" {
        summary: "a fault in pkit itself",
        help: "please report it with the command line and the version; leave private keys out",
        source: "pkit's own checks",
    }
}
