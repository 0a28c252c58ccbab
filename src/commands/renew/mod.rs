//! `renew`: a new certificate in the place of the old one, without an outage and with a way back. One file per verb.

pub mod check;

use crate::commands::{Context, Outcome};
use crate::error::Result;

/// The verbs of `renew`.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Tell what is due, on the disk and on the wire
    Check(Box<check::Args>),
}

impl Verb {
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::Check(_) => "renew check",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::Check(args) => check::run(args, context),
        }
    }
}
