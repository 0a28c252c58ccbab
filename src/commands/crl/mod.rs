//! `crl`: revocation lists as CAs publish them and as servers want them. One file per verb; here is what they share.

pub mod convert;
pub mod fetch;

use crate::commands::{Context, Outcome};
use crate::error::Result;
use crate::instant;
use crate::material::crl::Crl;
use crate::report::describe::count;
use crate::report::{Value, object};

/// The verbs of `crl`.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Convert CRLs between DER and PEM
    Convert(convert::Args),
    /// Fetch the CRLs that certificates point at
    Fetch(fetch::Args),
}

impl Verb {
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::Convert(_) => "crl convert",
            Verb::Fetch(_) => "crl fetch",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::Convert(args) => convert::run(args, context),
            Verb::Fetch(args) => fetch::run(args, context),
        }
    }
}

/// What a file of lists holds, in a few words.
fn described(crls: &[&Crl]) -> String {
    let entries: usize = crls.iter().map(|c| c.entries).sum();
    let until = crls.iter().filter_map(|c| c.next_update).min();
    let until = until.map_or(String::new(), |at| format!(", until {}", instant::show(at)));
    format!("{}, {} entries{until}", count(crls.len(), "CRL"), entries)
}

/// A list as programs see it.
fn value(crl: &Crl) -> Value {
    object! {
        "issuer" => crl.issuer.to_string(),
        "number" => crl.number.as_deref().map(crate::crypto::hex),
        "this_update" => instant::rfc3339(crl.this_update),
        "next_update" => crl.next_update.map(instant::rfc3339),
        "entries" => crl.entries,
    }
}
