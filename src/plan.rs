//! What is to happen, as a value: commands return a `Plan`, and only `main` carries it out. So a dry run is the same plan,
//! looked at and not done, and nothing is written before everything has been judged.

pub mod deploy;

use crate::change::{Action, Change, Deed, Digests, Manner, Mode, Owner};
use crate::content::{AppendWrite, DirectoryWrite, FileWrite, LinkWrite, RightsWrite, VersionWrite};
use crate::error::{Error, Result};
use crate::files::lock::Lock;
use crate::files::{append, directory, link, rights, versions, write};
use deploy::Deployment;

/// Steps in the order in which they are done.
#[derive(Debug, Default)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// Only to be shown: the command wants a word from the user (`--apply`) before it acts.
    pub only_shown: bool,
    /// Held from before what the steps follow from was read until they are done, so that no other run comes between.
    pub lock: Option<Lock>,
}

/// One thing to be done.
#[derive(Debug)]
pub enum Step {
    /// Leave one file behind.
    Write(FileWrite),
    /// Leave one link behind.
    Link(LinkWrite),
    /// Leave one directory of files behind as the next version of a set, and make it the current one.
    Version(VersionWrite),
    /// Take rights to one file or directory away.
    Rights(RightsWrite),
    /// Leave a whole new directory behind.
    Directory(DirectoryWrite),
    /// Add lines to a file that only grows.
    Append(AppendWrite),
    /// Put a version of a set into use, with all that servers have to do for it, or back.
    Deploy(Box<Deployment>),
}

impl Plan {
    /// A plan of one file.
    pub fn file(write: FileWrite) -> Plan {
        Plan { steps: vec![Step::Write(write)], ..Plan::default() }
    }

    /// What doing the steps would change, as the disk is now.
    pub fn preview(&self, owner: Owner) -> Result<Vec<Change>> {
        self.carry_out(&Manner { owner, ..Manner::of(Mode::DryRun, Digests::Untold) })
    }

    /// Does the steps in order and tells what became of each path, digests included. A step that fails leaves its target as it
    /// was; the error says which files had been written by then.
    pub fn apply(&self, mode: Mode) -> Result<Vec<Change>> {
        self.carry_out(&Manner::of(mode, Digests::Told))
    }

    /// The same in another manner: not every reader of the changes wants digests, and files may belong to others.
    pub fn carry_out(&self, manner: &Manner) -> Result<Vec<Change>> {
        self.perform(manner, &mut Vec::new())
    }

    /// The same, telling also what was done besides, as far as it came.
    pub fn perform(&self, manner: &Manner, deeds: &mut Vec<Deed>) -> Result<Vec<Change>> {
        let Manner { mode, digests, .. } = *manner;
        let mut changes: Vec<Change> = Vec::new();
        for step in &self.steps {
            let done = match step {
                Step::Write(file) => write::file(file, manner).map(|change| vec![change]),
                Step::Rights(rights) => rights::rights(rights, mode).map(|change| vec![change]),
                Step::Link(link) => link::link(link, mode).map(|change| vec![change]),
                Step::Version(version) => versions::version(version, manner),
                Step::Directory(directory) => directory::directory(directory, mode, digests),
                Step::Append(lines) => append::append(lines, mode).map(|change| vec![change]),
                Step::Deploy(deployment) => deployment.carry_out(manner, deeds),
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
