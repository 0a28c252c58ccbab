//! `ca`: a private CA in one directory. PEM files that other programs can use, and an index that only grows. One file per verb;
//! `directory` is what they all begin with, `grant` decides what is signed, `lists` which CRLs are due.

mod crl;
mod directory;
mod grant;
mod init;
mod issue;
mod list;
mod lists;
mod revoke;
mod sign;

use crate::commands::{Context, Outcome};
use crate::error::Result;
use crate::finding::rules;

/// What a CA does.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Make a CA: a directory with a root, perhaps CAs below it, and their first CRLs
    Init(init::Args),
    /// Sign a request
    Sign(sign::Args),
    /// Make a key and a certificate for it in one step
    Issue(issue::Args),
    /// Revoke a certificate, and renew the CRL
    Revoke(revoke::Args),
    /// Renew the CRLs that are due
    Crl(crl::Args),
    /// List what was issued, and what became of it
    List(list::Args),
}

impl Verb {
    /// The words that name the command in JSON.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::Init(_) => "ca init",
            Verb::Sign(_) => "ca sign",
            Verb::Issue(_) => "ca issue",
            Verb::Revoke(_) => "ca revoke",
            Verb::Crl(_) => "ca crl",
            Verb::List(_) => "ca list",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        // Certificates, lists and the index know whole seconds only.
        let now = context.now.replace_nanosecond(0).unwrap_or(context.now);
        let context = &Context { now, ..context.clone() };
        match self {
            Verb::Init(args) => init::run(args, context),
            Verb::Sign(args) => sign::run(args, context),
            Verb::Issue(args) => issue::run(args, context),
            Verb::Revoke(args) => revoke::run(args, context),
            Verb::Crl(args) => crl::run(args, context),
            Verb::List(args) => list::run(args, context),
        }
    }
}

rules! {
    /// No index there.
    CA_NOT_FOUND = Error "ca-index-missing" {
        summary: "the directory holds no CA that pkit made: there is no index in it",
        help: "name the directory of the CA, or make one: `pkit ca init`",
        source: "pkit's layout of a CA: index.ndjson and PEM files",
    }
    /// A line of the index that is none.
    CA_INDEX_BROKEN = Error "ca-index-broken" {
        summary: "a line of the CA's index cannot be read, so it is not known what was issued and revoked",
        help: "restore index.ndjson from a backup; lines are only ever added to it",
        source: "pkit's layout of a CA: one JSON object a line",
    }
    /// A line without its end.
    CA_INDEX_TORN = Info "ca-index-torn" {
        summary: "the last line of the CA's index was not written to its end: a run was killed",
        help: "nothing is needed; what it was about was never handed out, and the next change takes the line away",
        source: "pkit's layout of a CA: a line counts once its end is there",
    }
    /// A file of the CA is not what it should be.
    CA_FILE_ODD = Error "ca-file-odd" {
        summary: "a file of the CA does not hold what it should: a CA's certificate, or the key that belongs to it",
        help: "restore the file from a backup",
        source: "pkit's layout of a CA: NAME.pem, NAME.key and NAME.crl for each CA",
    }
    /// Not one of ours.
    CA_UNKNOWN_CERT = Error "ca-certificate-unknown" {
        summary: "the certificate or serial number is none that this CA has signed",
        help: "`pkit ca list --ca DIR` shows the serial numbers",
        source: "RFC 5280 section 5.3: a CRL of this kind lists the certificates of its own issuer",
    }
    /// The names do not fit what the certificate is for.
    NAME_NOT_FOR_PROFILE = Error "name-not-for-profile" {
        summary: "the names that are asked for do not go with what the certificate is for",
        help: "servers have host names and addresses, S/MIME has mailboxes; choose another --profile or other names",
        source: "CA/Browser Forum Baseline Requirements 7.1.2.7.12; RFC 8550 section 3; RFC 9525 section 6",
    }
    /// Ends earlier than asked for.
    ENDS_WITH_CA = Warning "ends-with-ca" {
        summary: "the certificate ends earlier than was asked for: no longer than its CA's own",
        help: "renew the CA before it is in the last days of its life",
        source: "RFC 5280 section 6.1.3: every certificate of a path must be valid",
    }
}
