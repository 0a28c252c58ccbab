//! `renew`: a new certificate in the place of the old one, without an outage and with a way back. One file per verb; the
//! `lineage` is what all of them look at.

pub mod check;
pub mod deploy;
pub mod history;
mod lineage;
pub mod rollback;
pub mod services;
mod told;

use crate::commands::{Context, Outcome};
use crate::error::Result;
use crate::finding::rules;

/// The verbs of `renew`.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Tell what is due, on the disk and on the wire
    Check(Box<check::Args>),
    /// Put a renewed certificate into use, and back if it does not work
    Deploy(Box<deploy::Args>),
    /// Go back to an earlier version
    Rollback(Box<rollback::Args>),
    /// Show the versions and what became of them
    History(history::Args),
}

impl Verb {
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::Check(_) => "renew check",
            Verb::Deploy(_) => "renew deploy",
            Verb::Rollback(_) => "renew rollback",
            Verb::History(_) => "renew history",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::Check(args) => check::run(args, context),
            Verb::Deploy(args) => deploy::run(args, context),
            Verb::Rollback(args) => rollback::run(args, context),
            Verb::History(args) => history::run(args, context),
        }
    }
}

rules! {
    /// The record is not pkit's.
    RECORD_BROKEN = Error "deploy-record-broken" {
        summary: "the record of what was deployed has a line that pkit did not write",
        help: "look at the file; moved away, it is begun anew, and what is in use counts as proven",
        source: "the record of deployments, DIR/pkit/NAME/.state",
    }
    /// Nothing under this name.
    LINEAGE_MISSING = Error "lineage-missing" {
        summary: "nothing has been deployed under this name",
        help: "see the directory that --to names; `pkit prepare --apply` or `pkit renew deploy` makes the first version",
        source: "the layout DIR/pkit/NAME/0001",
    }
    /// No such version, or nothing before it.
    VERSION_MISSING = Error "version-missing" {
        summary: "the version to go back to is not there, or not as pkit made it",
        help: "`pkit renew history` lists the versions that there are",
        source: "the layout DIR/pkit/NAME/0001",
    }
    /// Neither --reload nor --run nor --verify.
    NOBODY_TOLD = Info "deploy-nobody-told" {
        summary: "a new version is put into use, and neither --reload nor --run nor --verify names anybody who serves it",
        help: "name the servers with --reload, what else tells one with --run, and where it must be served with --verify",
        source: "most servers read their certificate when they start or reload, and not again (tried)",
    }
    /// A run before this one was killed.
    DEPLOY_INTERRUPTED = Info "deploy-interrupted" {
        summary: "an earlier deployment did not come to its end; this run finishes or undoes it",
        help: "nothing is needed",
        source: "the record of deployments, DIR/pkit/NAME/.state",
    }
}
