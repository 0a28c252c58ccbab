//! What became, or would become, of a path on the disk: the vocabulary between the writer, which makes changes, and the report,
//! which tells them.

use std::path::PathBuf;
use std::time::Duration;

/// What became of one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It was not there.
    Create,
    /// It was there and has been replaced.
    Replace,
    /// It was there, and rights to it have been taken away.
    Restrict,
    /// It was there and has grown.
    Append,
    /// It was there with the same content, mode and owner.
    Unchanged,
}

impl Action {
    /// The word for JSON.
    pub fn word(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Replace => "replace",
            Action::Restrict => "restrict",
            Action::Append => "append",
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
    /// SHA-256 of the old content, for public files only and where it was asked for.
    pub before: Option<String>,
    /// The same of the new content.
    pub after: Option<String>,
    /// Where the old file is kept.
    pub backup: Option<PathBuf>,
}

/// Something that was done besides changing files, such as having a server read its certificate again.
#[derive(Clone, Debug)]
pub struct Deed {
    /// What kind of thing.
    pub act: Act,
    /// To whom or with what: `dovecot`, a command, a port, a version.
    pub what: String,
    /// Did it go well?
    pub ok: bool,
    /// How long it took.
    pub took: Duration,
    /// What was said to it.
    pub detail: String,
}

/// Kinds of deeds, in the order in which they are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The link was moved to the new version.
    Switch,
    /// A server looked at its configuration.
    Check,
    /// A server was made to read its files again.
    Reload,
    /// A command of the user's was run.
    Run,
    /// A port was asked what it serves.
    Verify,
    /// An old version was removed.
    Prune,
    /// The link was moved back.
    SwitchBack,
    /// A server was made to read the old files again.
    ReloadBack,
    /// A command was run again.
    RunBack,
    /// A port was asked whether it has gone back.
    VerifyBack,
}

impl Act {
    /// The word for JSON.
    pub fn word(self) -> &'static str {
        match self {
            Act::Switch => "switch",
            Act::Check => "check",
            Act::Reload => "reload",
            Act::Run => "run",
            Act::Verify => "verify",
            Act::Prune => "prune",
            Act::SwitchBack => "switch-back",
            Act::ReloadBack => "reload-back",
            Act::RunBack => "run-back",
            Act::VerifyBack => "verify-back",
        }
    }
}

/// How the steps of a plan are done.
#[derive(Clone, Debug)]
pub struct Manner {
    /// In earnest?
    pub mode: Mode,
    /// With digests?
    pub digests: Digests,
    /// To whom files belong.
    pub owner: Owner,
    /// What the name of an old file that is kept ends in, where they are kept: `.20270301T120000Z.bak`.
    pub backup: Option<String>,
    /// What to do while another run is at work on the same thing.
    pub wait: Wait,
}

impl Manner {
    /// With the usual owner, without copies, and waiting for others.
    pub fn of(mode: Mode, digests: Digests) -> Manner {
        Manner { mode, digests, owner: Owner::default(), backup: None, wait: Wait::default() }
    }
}

/// To whom files belong, by number, where that is not root (or the caller, where that is not root).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub user: Option<u32>,
    /// The group; it may read keys then.
    pub group: Option<u32>,
}

/// Whether to act or only to say what acting would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Do it.
    Apply,
    /// Look, and say what would be done.
    DryRun,
}

/// Whether contents are to be told by their SHA-256 as well. Of a list of a million revocations it costs more than making and
/// writing the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digests {
    /// They are told.
    Told,
    /// Nobody would look at them.
    Untold,
}

/// What to do while another run holds the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Wait {
    /// Wait for it.
    #[default]
    Until,
    /// `--no-wait`: refuse (exit 4).
    Never,
}
