//! `cert`: certificates are shown, judged, sorted, converted, and made where no CA is needed. One file per verb.

mod check;
mod convert;
mod inspect;
pub mod match_up;
mod self_signed;
pub mod tlsa;

use crate::commands::{Context, Outcome};
use crate::error::Result;

/// What can be done with certificates.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Make a certificate that signs itself
    SelfSigned(self_signed::Args),
    /// Show every certificate in a file
    Inspect(inspect::Args),
    /// Check a certificate by the rules for servers
    Check(check::Args),
    /// Sort keys, requests, certificates and CRLs by what belongs together
    Match(match_up::Args),
    /// Convert certificates to another form
    Convert(convert::Args),
    /// Print the TLSA records (DANE) of a certificate or key
    Tlsa(tlsa::Args),
}

impl Verb {
    /// The words that name the command in JSON.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::SelfSigned(_) => "cert self-signed",
            Verb::Inspect(_) => "cert inspect",
            Verb::Check(_) => "cert check",
            Verb::Match(_) => "cert match",
            Verb::Convert(_) => "cert convert",
            Verb::Tlsa(_) => "cert tlsa",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::SelfSigned(args) => self_signed::run(args, context),
            Verb::Inspect(args) => inspect::run(args, context),
            Verb::Check(args) => check::run(args, context),
            Verb::Match(args) => match_up::run(args, context),
            Verb::Convert(args) => convert::run(args, context),
            Verb::Tlsa(args) => tlsa::run(args, context),
        }
    }
}
