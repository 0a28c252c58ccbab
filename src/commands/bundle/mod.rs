//! `bundle`: certificates, lists and keys are joined into the file or directory that a server wants. One file per verb; here is
//! what they share.

mod cadir;
mod check;
mod dovecot_ca;
mod keycert;

use crate::commands::{Context, Outcome};
use crate::error::Result;
use crate::finding::rules;

/// What can be joined.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Join CA certificates and CRLs for Dovecot
    DovecotCa(dovecot_ca::Args),
    /// Judge such a file, and say which client gets in
    Check(check::Args),
    /// Join a key and its chain for Courier, Postfix or HAProxy
    Keycert(keycert::Args),
    /// Fill a CA directory and link it as OpenSSL looks things up
    Cadir(cadir::Args),
}

impl Verb {
    /// The words that name the command in JSON.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::DovecotCa(_) => "bundle dovecot-ca",
            Verb::Check(_) => "bundle check",
            Verb::Keycert(_) => "bundle keycert",
            Verb::Cadir(_) => "bundle cadir",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::DovecotCa(args) => dovecot_ca::run(args, context),
            Verb::Check(args) => check::run(args, context),
            Verb::Keycert(args) => keycert::run(args, context),
            Verb::Cadir(args) => cadir::run(args, context),
        }
    }
}

rules! {
    /// Nothing to bundle.
    NO_AUTHORITIES = Error "no-authorities" {
        summary: "none of the files holds a CA certificate",
        help: "name the certificates of the CAs that issue your clients' certificates, and their CRLs",
        source: "Dovecot: ssl_ca holds the CAs by which client certificates are verified",
    }
}
