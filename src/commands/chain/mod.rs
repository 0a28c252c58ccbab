//! `chain`: certificates in the order that servers send. One file per verb.

pub mod build;
pub mod check;
pub(in crate::commands) mod judged;
mod revocation;
pub mod show;

use crate::commands::{Context, Outcome};
use crate::error::Result;

/// The verbs of `chain`.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Put certificates into the order that servers send
    Build(build::Args),
    /// Check whether clients would accept a certificate chain
    Check(check::Args),
    /// Show a chain as a picture
    Show(show::Args),
}

impl Verb {
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::Build(_) => "chain build",
            Verb::Check(_) => "chain check",
            Verb::Show(_) => "chain show",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::Build(args) => build::run(args, context),
            Verb::Check(args) => check::run(args, context),
            Verb::Show(args) => show::run(args, context),
        }
    }
}
