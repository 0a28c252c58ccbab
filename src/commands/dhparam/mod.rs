//! `dhparam`: Diffie-Hellman parameters for servers that still want a file of them.

mod check;
mod convert;
mod new;

use crate::commands::{Context, Outcome};
use crate::error::Result;
use crate::material::dh::{DhParams, Group};
use crate::report::{Value, object};

/// What can be done with parameters.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Write the parameters of a named group, or of a group of your own
    New(new::Args),
    /// Check parameters: large enough, and a safe prime?
    Check(check::Args),
    /// Take the parameters out of Dovecot 2.2's ssl-parameters.dat
    Convert(convert::Args),
}

impl Verb {
    /// The words that name the command in JSON.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::New(_) => "dhparam new",
            Verb::Check(_) => "dhparam check",
            Verb::Convert(_) => "dhparam convert",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::New(args) => new::run(args, context),
            Verb::Check(args) => check::run(args, context),
            Verb::Convert(args) => convert::run(args, context),
        }
    }
}

/// Parameters as programs see them.
fn value(params: &DhParams, safe_prime: Option<bool>, seconds: Option<f64>) -> Value {
    let group = params.group().map(Group::name).or(params.known().map(|known| known.name));
    object! {
        "bits" => params.bits(), "group" => group, "generated" => seconds.is_some(),
        "seconds" => seconds.map(|seconds| seconds.round() as u64),
        "safe_prime" => safe_prime, "known_group" => group.is_some(),
    }
}

/// The name of the group and where it comes from.
fn name(params: &DhParams) -> Option<String> {
    let rfc = params.group().map(|group| format!("{}, RFC 7919", group.name()));
    rfc.or_else(|| params.known().map(|known| format!("{}, {}", known.name, known.source)))
}
