//! `bundle dovecot-ca`: the file for Dovecot's `ssl_ca` (2.4: `ssl_server_ca_file`), each CA followed by its CRL.

use std::path::PathBuf;

use super::gather;
use super::{Context, Outcome};
use crate::checks;
use crate::crypto;
use crate::error::{Error, Result};
use crate::finding::rules;
use crate::instant;
use crate::pki::bundle::{Bundle, dovecot_ca};
use crate::report::describe::count;
use crate::report::{Line, Report, Value, object};

/// Join CA certificates and CRLs for Dovecot
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit bundle dovecot-ca *.crt *.crl -o /etc/ssl/dovecot-ca.pem

Out comes: issuing CA, its CRL, intermediate, its CRL, root, its CRL, all in
PEM. Every CA needs a current CRL, the root too, or Dovecot lets nobody in.")]
pub struct DovecotCaArgs {
    /// CA certificates and CRLs in any form and order
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where to write the bundle
    #[arg(short, long, value_name = "CA")]
    output: Option<PathBuf>,
}

/// The verbs of `bundle`.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Join CA certificates and CRLs for Dovecot
    DovecotCa(DovecotCaArgs),
}

impl Verb {
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::DovecotCa(_) => "bundle dovecot-ca",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::DovecotCa(args) => dovecot(args, context),
        }
    }
}

fn dovecot(args: &DovecotCaArgs, context: &Context) -> Result<Outcome> {
    let material = gather::material(&args.files, context)?;
    let bundle = dovecot_ca(&material);
    if bundle.entries.is_empty() {
        return Err(Error::input(&NO_AUTHORITIES, "there is no CA certificate in what was given"));
    }
    let mut findings = material.findings.clone();
    findings.extend(checks::crl::bundle(&bundle, context.now));
    let mut report = Report::of(object! {
        "entries" => entries(&bundle),
        "goes_stale" => goes_stale(&bundle).map(instant::rfc3339),
    });
    report.body = table(&bundle, context);
    report.findings = context.accepted(findings);
    if super::forbid(&report.findings) {
        report.body.push(Line::Text("nothing was written".into()));
        return Ok(report.into());
    }
    let what = format!("{}, {}", count(bundle.entries.len(), "CA"), count(bundle.lists(), "CRL"));
    Ok(gather::deliver(report, bundle.to_pem().into_bytes(), what, args.output.as_deref(), context))
}

/// The instant from which Dovecot would refuse somebody: the earliest nextUpdate of all.
fn goes_stale(bundle: &Bundle<'_>) -> Option<time::OffsetDateTime> {
    bundle.entries.iter().filter_map(|e| e.crl?.1.next_update).min()
}

fn table(bundle: &Bundle<'_>, context: &Context) -> Vec<Line> {
    let row = |entry: &crate::pki::bundle::Entry<'_>| {
        let crl = match entry.crl.map(|(_, crl)| crl.next_update) {
            Some(Some(next)) => format!("CRL until {}", instant::day(next, context.now)),
            Some(None) => "CRL without an end".into(),
            None => "no CRL".into(),
        };
        Line::Row(vec![entry.ca.subject.short(), crl])
    };
    let mut lines: Vec<Line> = bundle.entries.iter().map(row).collect();
    if let Some(stale) = goes_stale(bundle) {
        lines.push(Line::Text(format!(
            "renew it before {}: from then on Dovecot refuses clients",
            instant::show(stale)
        )));
    }
    lines
}

fn entries(bundle: &Bundle<'_>) -> Vec<Value> {
    let mut list = Vec::new();
    for entry in &bundle.entries {
        list.push(object! {
            "type" => "ca", "subject" => entry.ca.subject.to_string(), "sha256" => crypto::hex(entry.ca.sha256()),
            "next_update" => Value::Null,
        });
        if let Some((_, crl)) = entry.crl {
            list.push(object! {
                "type" => "crl", "subject" => crl.issuer.to_string(),
                "sha256" => crypto::hex(&crypto::digest(crypto::Digest::Sha256, crl.der())),
                "next_update" => crl.next_update.map(instant::rfc3339),
            });
        }
    }
    list
}

rules! {
    /// Nothing to bundle.
    NO_AUTHORITIES = Error "no-authorities" {
        summary: "none of the files holds a CA certificate",
        help: "name the certificates of the CAs that issue your clients' certificates, and their CRLs",
        source: "Dovecot: ssl_ca holds the CAs by which client certificates are verified",
    }
}
