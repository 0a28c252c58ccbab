//! `csr`: requests to a CA are made, shown and checked. One file per verb; here is what they share.

mod check;
mod inspect;
mod new;

use std::path::Path;

use crate::commands::{Context, Outcome, gather};
use crate::error::{Error, Result};
use crate::finding::{Origin, rules};
use crate::material::Item;
use crate::material::csr::Csr;

/// What can be done with requests.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Make a request for these names
    New(new::Args),
    /// Show what a request asks for
    Inspect(inspect::Args),
    /// Check a request: signature, names, key
    Check(check::Args),
}

impl Verb {
    /// The words that name the command in JSON.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::New(_) => "csr new",
            Verb::Inspect(_) => "csr inspect",
            Verb::Check(_) => "csr check",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::New(args) => new::run(args, context),
            Verb::Inspect(args) => inspect::run(args, context),
            Verb::Check(args) => check::run(args, context),
        }
    }
}

/// The one request in a file.
pub(crate) fn request(path: &Path, context: &Context) -> Result<(Origin, Csr)> {
    let material = gather::material(&[path.to_owned()], context)?;
    let mut found = material.blocks.into_iter().filter_map(|block| match block.item {
        Item::Csr(csr) => Some((block.origin, *csr)),
        _ => None,
    });
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (one, _) => {
            let count = if one.is_some() { "several requests" } else { "no request" };
            let message = format!("{}: {count} in it; name a file with one", path.display());
            Err(Error::input(&CSR_NOT_FOUND, message).path(path))
        }
    }
}

rules! {
    /// Not one request.
    CSR_NOT_FOUND = Error "csr-not-found" {
        summary: "a file that should hold one certification request holds none, or several",
        help: "name the file with the CERTIFICATE REQUEST block; `pkit csr new` makes one",
        source: "RFC 7468 section 7; RFC 2986",
    }
}
