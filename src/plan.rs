//! What is to happen, as a value: commands return a `Plan`, and only `main` applies it. So a dry run is the same plan, not
//! applied, and nothing is written before everything has been judged.

use std::path::PathBuf;

use crate::content::{Content, FileWrite, Overwrite};
use crate::error::{Error, Result};
use crate::files::{versions, write};

/// Steps in the order in which they are done.
#[derive(Debug, Default)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// Only to be shown: the command wants a word from the user (`--apply`) before it acts.
    pub preview: bool,
}

/// One thing to be done.
#[derive(Debug)]
pub enum Step {
    /// Leave one file behind.
    Write(FileWrite),
    /// Leave one directory of files behind as the next version of a set, and make it the current one.
    Version(VersionWrite),
}

/// A set of files that belong together (key and chain) under `base/NNNN`, with `base/current` naming the one in use.
/// Servers are told the path through `current`, so key and chain change in the same instant.
#[derive(Debug)]
pub struct VersionWrite {
    /// `DIR/pkit/NAME`.
    pub base: PathBuf,
    /// File names and what they hold.
    pub files: Vec<VersionFile>,
    /// May a set that differs from the current one follow it?
    pub overwrite: Overwrite,
}

/// One file of a version.
#[derive(Debug)]
pub struct VersionFile {
    /// The name within the version directory.
    pub name: &'static str,
    /// What it holds.
    pub content: Content,
    /// In a few words.
    pub what: String,
}

/// What became of one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It was not there.
    Create,
    /// It was there and has been replaced.
    Replace,
    /// It was there with the same content, mode and owner.
    Unchanged,
}

impl Action {
    /// The word for JSON.
    pub fn word(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Replace => "replace",
            Action::Unchanged => "unchanged",
        }
    }
}

/// What happened, or in a dry run would happen, to one path.
#[derive(Clone, Debug)]
pub struct Change {
    /// The file, directory or link.
    pub path: PathBuf,
    /// What became of it.
    pub action: Action,
    /// In a few words: `3 certificates`, `-> 0001`.
    pub what: String,
    /// Permission bits; none for a link.
    pub mode: Option<u32>,
    /// The owner's name.
    pub owner: String,
    /// The group's name.
    pub group: String,
    /// SHA-256 of the old content, for public files only.
    pub before: Option<String>,
    /// SHA-256 of the new content, for public files only.
    pub after: Option<String>,
}

/// Whether to act or only to say what acting would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Do it.
    Apply,
    /// Look, and say what would be done.
    DryRun,
}

impl Plan {
    /// A plan of one file.
    pub fn file(write: FileWrite) -> Plan {
        Plan { steps: vec![Step::Write(write)], preview: false }
    }

    /// Does the steps in order and tells what became of each path. A step that fails leaves its target as it was; the error
    /// says which files had been written by then.
    pub fn apply(&self, mode: Mode) -> Result<Vec<Change>> {
        let mut changes: Vec<Change> = Vec::new();
        for step in &self.steps {
            let done = match step {
                Step::Write(file) => write::file(file, mode).map(|change| vec![change]),
                Step::Version(version) => versions::version(version, mode),
            };
            match done {
                Ok(done) => changes.extend(done),
                Err(error) => return Err(with_state(error, &changes)),
            }
        }
        Ok(changes)
    }
}

fn with_state(error: Error, done: &[Change]) -> Error {
    let written: Vec<String> =
        done.iter().filter(|c| c.action != Action::Unchanged).map(|c| c.path.display().to_string()).collect();
    if written.is_empty() {
        return error;
    }
    let rest = if error.changed_nothing() { "everything else is as it was" } else { error.state.as_str() };
    let state = format!("written before this: {}; {rest}", written.join(", "));
    error.state(state)
}
