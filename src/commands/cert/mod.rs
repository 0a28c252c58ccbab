//! `cert`: certificates are shown, judged, sorted, converted, and made where no CA is needed. One file per verb.

mod inspect;

use crate::commands::{Context, Outcome};
use crate::error::Result;

/// What can be done with certificates.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Show every certificate in a file
    Inspect(inspect::Args),
}

impl Verb {
    /// The words that name the command in JSON.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::Inspect(_) => "cert inspect",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::Inspect(args) => inspect::run(args, context),
        }
    }
}
