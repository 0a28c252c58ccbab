//! `crl`: revocation lists as CAs publish them and as servers want them. One file per verb; here is what they share.

pub mod check;
pub mod convert;
pub mod fetch;
pub mod inspect;

use std::path::Path;

use crate::checks;
use crate::commands::{Context, Outcome, gather};
use crate::error::{Error, Result};
use crate::finding::{Finding, Severity, rules};
use crate::instant;
use crate::material::crl::Crl;
use crate::material::{Item, Material};
use crate::report::describe::count;
use crate::report::{Value, object};

/// The verbs of `crl`.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Convert CRLs between DER and PEM
    Convert(convert::Args),
    /// Fetch the CRLs that certificates point at
    Fetch(fetch::Args),
    /// Show what a CRL says
    Inspect(inspect::Args),
    /// Check CRLs: signature, dates, scope, and who is on them
    Check(check::Args),
}

impl Verb {
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::Convert(_) => "crl convert",
            Verb::Fetch(_) => "crl fetch",
            Verb::Inspect(_) => "crl inspect",
            Verb::Check(_) => "crl check",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::Convert(args) => convert::run(args, context),
            Verb::Fetch(args) => fetch::run(args, context),
            Verb::Inspect(args) => inspect::run(args, context),
            Verb::Check(args) => check::run(args, context),
        }
    }
}

/// What one file holds, which must be CRLs and nothing else.
fn lists(path: &Path, context: &Context) -> Result<Material> {
    let material = gather::material(&[path.to_owned()], context)?;
    if material.blocks.is_empty() || material.crls().count() != material.blocks.len() {
        return Err(Error::input(&NOT_A_CRL, format!("{} holds something else than CRLs", path.display())).path(path));
    }
    Ok(material)
}

/// What was odd about the file, and about the dates: an old list converted is still what the user asked for.
fn noticed(material: &Material, context: &Context) -> Vec<Finding> {
    let dates = material.crls().flat_map(|(origin, crl)| checks::crl::dates(crl, origin, context.now));
    material.findings.iter().cloned().chain(dates.map(|f| f.severity(Severity::Warning))).collect()
}

/// The lists themselves; a large one must not be in memory twice.
fn taken(material: Material) -> impl Iterator<Item = Crl> {
    material.blocks.into_iter().filter_map(|b| match b.item {
        Item::Crl(crl) => Some(*crl),
        _ => None,
    })
}

/// What a file of lists holds, in a few words.
fn described(crls: &[Crl]) -> String {
    let entries: usize = crls.iter().map(|c| c.entries).sum();
    let until = crls.iter().filter_map(|c| c.next_update).min();
    let until = until.map_or(String::new(), |at| format!(", until {}", instant::show(at)));
    format!("{}, {} entries{until}", count(crls.len(), "CRL"), entries)
}

/// `CRL 7 of "Example Mail CA"`.
fn label(crl: &Crl) -> String {
    let number = crl.number.as_deref().map_or(String::new(), |n| format!(" {}", decimal(n)));
    let kind = if crl.is_delta { "delta CRL" } else { "CRL" };
    format!("{kind}{number} of \"{}\"", crl.issuer.short())
}

/// A CRL number as CAs print it; one of more than 16 bytes stays hexadecimal.
fn decimal(number: &[u8]) -> String {
    if number.len() > 16 {
        return format!("0x{}", crate::crypto::hex(number));
    }
    number.iter().fold(0u128, |n, b| n << 8 | u128::from(*b)).to_string()
}

/// A list as programs see it.
fn value(crl: &Crl) -> Value {
    object! {
        "issuer" => crl.issuer.to_string(),
        "number" => crl.number.as_deref().map(crate::crypto::hex),
        "this_update" => instant::rfc3339(crl.this_update),
        "next_update" => crl.next_update.map(instant::rfc3339),
        "entries" => crl.entries,
        "signature_algorithm" => crl.algorithm().word(),
        "delta_to" => crl.base_number.as_deref().map(crate::crypto::hex),
        "scope" => crl.scope.as_ref().map(|s| s.words()),
    }
}

rules! {
    /// Not a list.
    NOT_A_CRL = Error "not-a-crl" {
        summary: "a file that should hold CRLs holds something else, or nothing that can be read",
        help: "name a CRL in DER or PEM, as the CA publishes it",
        source: "RFC 5280 section 5.1",
    }
}
