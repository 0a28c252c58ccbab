//! `chain check`: would clients accept this chain, and if not, which certificate breaks which rule? What should merely be better
//! (the order of the file, weak spots) is told apart from that and never makes a chain invalid.

use std::path::PathBuf;

use super::build::{NO_CERTIFICATE, search_stopped};
use super::judged::Judged;
use super::revocation::{Revocation, RevocationArgs};
use crate::commands::{Context, Outcome, gather};
use crate::error::{Error, Result};
use crate::files::trust;
use crate::finding::Finding;
use crate::material::Material;
use crate::name::HostName;
use crate::pki::chain::Pile;
use crate::pki::verify::{PolicyWishes, Purpose, Wanted, prove_with};
use crate::report::Report;

/// Check whether clients would accept a certificate chain
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit chain check fullchain.pem --name mail.example.org
  pkit chain check client.pem --purpose client --trust ca.pem
  pkit chain check leaf.pem --untrusted intermediates.pem --at 2027-03-01
  pkit chain check client.pem --trust ca.pem --crl ca.crl

The first certificate of CHAIN is judged; the others, and those of
--untrusted, may be used to reach a trust anchor. --purpose server and client
also hold the chain to the rules for public CAs, as --trust system does with
--name. Go on despite a single one of them with --accept CODE.")]
pub struct Args {
    /// The chain as a server sends it, its own certificate first
    #[arg(value_name = "CHAIN")]
    chain: PathBuf,
    /// More certificates that a path may use
    #[arg(long, value_name = "FILE", num_args = 1..)]
    untrusted: Vec<PathBuf>,
    /// Trust anchors: `system`, a file or a directory
    #[arg(long, value_name = "STORE", default_value = "system")]
    trust: trust::Source,
    /// A host name or address that the certificate must present
    #[arg(long, value_name = "HOST|IP")]
    name: Vec<HostName>,
    /// What it is used for [default: server with --name, else any]
    #[arg(long, value_enum)]
    purpose: Option<PurposeWord>,
    /// Most intermediates between the certificate and the anchor
    #[arg(long, value_name = "N")]
    max_depth: Option<usize>,
    /// Certificate policies that are acceptable, one of them at least
    #[arg(long, value_name = "OID", value_delimiter = ',', value_parser = policy)]
    policy: Vec<String>,
    /// A policy must be valid for the whole path
    #[arg(long)]
    require_explicit_policy: bool,
    /// Policies must not be mapped to others
    #[arg(long)]
    inhibit_policy_mapping: bool,
    /// `anyPolicy` means nothing
    #[arg(long)]
    inhibit_any_policy: bool,
    #[command(flatten)]
    revocation: RevocationArgs,
}

/// What a certificate can be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PurposeWord {
    /// By a TLS server
    Server,
    /// By a TLS client
    Client,
    /// Whatever it says
    Any,
}

impl Args {
    fn wanted(&self, context: &Context) -> Wanted<'_> {
        let purpose = match self.purpose {
            Some(PurposeWord::Server) => Purpose::Server,
            Some(PurposeWord::Client) => Purpose::Client,
            None if !self.name.is_empty() => Purpose::Server,
            Some(PurposeWord::Any) | None => Purpose::Any,
        };
        let public = self.purpose.is_some() || self.trust == trust::Source::System;
        Wanted {
            now: context.now,
            purpose,
            profile: purpose != Purpose::Any && public,
            names: &self.name,
            max_depth: self.max_depth,
            policies: PolicyWishes {
                acceptable: self.policy.iter().filter(|p| *p != "anyPolicy").cloned().collect(),
                require_explicit: self.require_explicit_policy,
                inhibit_mapping: self.inhibit_policy_mapping,
                inhibit_any: self.inhibit_any_policy,
            },
        }
    }
}

/// A dotted object identifier, or `anyPolicy`.
fn policy(text: &str) -> std::result::Result<String, String> {
    let arc = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match text.contains('.') && text.split('.').all(arc) || text == "anyPolicy" {
        true => Ok(text.to_owned()),
        false => Err("write a policy as a dotted object identifier: 2.23.140.1.2.1".into()),
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let chain = gather::material(std::slice::from_ref(&args.chain), context)?;
    let untrusted =
        if args.untrusted.is_empty() { Material::default() } else { gather::material(&args.untrusted, context)? };
    let lists = args.revocation.lists(context)?;
    let store = trust::load(&args.trust)?;
    let Some((_, leaf)) = chain.certs().next() else {
        let message = format!("there is no certificate in {}", args.chain.display());
        return Err(Error::input(&NO_CERTIFICATE, message).path(&args.chain));
    };
    let pile = Pile::new(chain.certs().chain(untrusted.certs()), &store.anchors);
    let wanted = args.wanted(context);
    let revocation = Revocation::new(&args.revocation, &lists, &pile, &store.anchors, wanted.now);
    let proof = prove_with(&pile, leaf, &wanted, &|path| revocation.faults(&pile, path));

    let judged = Judged {
        revocation: Some(&revocation),
        chain: &chain,
        pile: &pile,
        wanted: &wanted,
        proof: &proof,
        store: &store,
    };
    let faults = judged.faults(context);
    let mut findings: Vec<Finding> =
        [&chain, &untrusted, &lists].into_iter().flat_map(|m| m.findings.clone()).collect();
    findings.extend(store.incomplete.clone());
    findings.extend(pile.stopped().then(|| search_stopped(leaf, &pile)));
    findings.extend(faults.iter().map(|f| f.finding.clone()));
    let opinions = judged.opinions(&findings);
    findings.extend(opinions);
    let mut report = Report::judging(judged.result(&faults));
    report.body = judged.lines(&faults);
    report.findings = findings;
    Ok(report.into())
}
