//! `cert check`: is this a good certificate for a server, or for a client, whatever its chain is? What public CAs must keep to is
//! asked only of what they have issued.

use std::path::PathBuf;

use crate::checks;
use crate::commands::chain::build::NO_CERTIFICATE;
use crate::commands::{Context, Outcome, gather};
use crate::error::{Error, Result};
use crate::files::trust;
use crate::finding::{Finding, Origin, Severity};
use crate::material::cert::Cert;
use crate::name::HostName;
use crate::pki::chain::Pile;
use crate::pki::verify::{Purpose, Wanted, apart_from_signatures, profile};
use crate::report::{Line, Report, Verdict, in_full, object};

/// Check a certificate by the rules for servers (or clients)
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit cert check mail.pem --name mail.example.org
  pkit cert check alice.pem --purpose client

Lifetimes are held against the limits for public CAs only where the chain ends
in the system's trust store. Whether the chain stands: pkit chain check.")]
pub struct Args {
    /// The certificate; those behind it may help to find its root
    #[arg(value_name = "CERT")]
    file: PathBuf,
    /// A host name or address that it must present
    #[arg(long, value_name = "HOST|IP")]
    name: Vec<HostName>,
    /// What it is used for
    #[arg(long, value_enum, default_value_t = PurposeWord::Server)]
    purpose: PurposeWord,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PurposeWord {
    /// By a TLS server
    Server,
    /// By a TLS client
    Client,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let material = gather::public_material(std::slice::from_ref(&args.file), context)?;
    let Some((at, cert)) = material.certs().next() else {
        let message = format!("there is no certificate in {}", args.file.display());
        return Err(Error::input(&NO_CERTIFICATE, message).path(&args.file));
    };
    let store = trust::load(&trust::Source::System)?;
    let pile = Pile::new(material.certs(), &store.anchors);
    let public = pile.paths(cert).iter().any(|path| path.is_anchored());
    let purpose = match args.purpose {
        PurposeWord::Server => Purpose::Server,
        PurposeWord::Client => Purpose::Client,
    };
    let mut findings = if cert.is_ca() && cert.alt_names().is_empty() {
        authority(cert, at, &pile, context)
    } else {
        let wanted = Wanted { purpose, profile: true, names: &args.name, ..Wanted::at(context.now) };
        let faults = apart_from_signatures(&pile, cert, &[], &wanted);
        let mut found: Vec<Finding> = faults.into_iter().map(|fault| fault.finding).collect();
        let judge = if purpose == Purpose::Server { checks::cert::end_entity } else { checks::cert::authority };
        found.extend(judge(cert, at, context.now));
        found.extend(checks::cert::lifetime(cert, at, public));
        found.extend(checks::cert::client_auth(cert, at, purpose, public));
        found
    };
    findings.extend(checks::key::public(&cert.public_key, at));
    findings.extend(material.findings.clone());
    let findings = context.accepted(each_once(findings));
    let mut report = Report::judging(object! {
        "certificate" => in_full::certificate(cert, at, context.now),
        "public" => public,
    });
    let told = |f: &Finding| Line::Verdict(f.severity.into(), vec![f.rule.code.into(), f.message.clone()]);
    report.body = findings.iter().map(told).collect();
    if findings.iter().all(|f| f.severity == Severity::Info) {
        let of = if public { "a public CA" } else { "a CA that is not in the system's trust store" };
        let words = format!("nothing against it; from {of}");
        report.body.push(Line::Verdict(Verdict::Ok, vec![cert.short_name(), words]));
    }
    report.findings = findings;
    report.findings_in_body = true;
    Ok(report.into())
}

/// What is to be said of a CA's own certificate.
fn authority<'a>(cert: &'a Cert, at: &Origin, pile: &Pile<'a>, context: &Context) -> Vec<Finding> {
    let broken = profile::broken(cert, 1, cert.is_self_issued(), Purpose::Any);
    let mut findings: Vec<Finding> =
        broken.into_iter().map(|(rule, message)| rule.at(at.clone().into(), message)).collect();
    let dates = apart_from_signatures(pile, cert, &[], &Wanted::at(context.now));
    findings.extend(dates.into_iter().map(|fault| fault.finding));
    findings.extend(checks::cert::authority(cert, at, context.now));
    findings
}

/// One rule has one home, but two judges may have looked.
fn each_once(findings: Vec<Finding>) -> Vec<Finding> {
    let mut fresh: Vec<Finding> = Vec::new();
    for finding in findings {
        if !fresh.iter().any(|known| std::ptr::eq(known.rule, finding.rule) && known.at == finding.at) {
            fresh.push(finding);
        }
    }
    fresh
}
