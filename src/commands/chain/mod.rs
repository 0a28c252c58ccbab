//! `chain`: certificates in the order that servers send. One file per verb.

pub mod build;

use crate::commands::{Context, Outcome};
use crate::error::Result;

/// The verbs of `chain`.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Put certificates into the order that servers send
    Build(build::Args),
}

impl Verb {
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::Build(_) => "chain build",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::Build(args) => build::run(args, context),
        }
    }
}
