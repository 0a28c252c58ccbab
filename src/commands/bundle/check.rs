//! `bundle check`: an existing file of CAs and CRLs, judged block by block, and whether Dovecot lets a client in by it.

use std::path::PathBuf;

use time::{Duration, OffsetDateTime};

use crate::checks::admission::{self, Admission};
use crate::checks::bundle;
use crate::commands::chain::build::NO_CERTIFICATE;
use crate::commands::{Context, Outcome, gather};
use crate::error::{Error, Result};
use crate::files::read;
use crate::finding::{Finding, Location, Severity};
use crate::instant;
use crate::material::{Block, Item, Material};
use crate::pki::store::{PlacedCert, Store};
use crate::report::describe;
use crate::report::{Line, Report, Value, Verdict, object};

/// Judge a file of CAs and CRLs, and say which client gets in
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit bundle check /etc/ssl/dovecot-ca.pem
  pkit bundle check /etc/ssl/dovecot-ca.pem --client alice.pem
  pkit bundle check /etc/ssl/dovecot-ca.pem --warn 7d --fail-on warning -q

The client's file holds its certificate and, behind it, the CAs that the
client sends. Judged is a Dovecot with ssl_require_crl on, its default: every
certificate of the chain, the root too, needs a current CRL of its issuer.")]
pub struct Args {
    /// The file that `ssl_ca` or `ssl_server_ca_file` names
    #[arg(value_name = "CA")]
    file: PathBuf,
    /// A client's certificate, with the CAs that it sends
    #[arg(long, value_name = "CERT")]
    client: Option<PathBuf>,
    /// Warn of CRLs that end within this time
    #[arg(long, value_name = "TIME", default_value = "3d", value_parser = instant::span)]
    warn: Duration,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let input = read::file(&args.file)?;
    let material = Material::read(&input.path, &input.bytes);
    let mut findings = bundle::standing(&material, &args.file, context.now, args.warn);
    let stale = goes_stale(&material, context.now);
    let mut body: Vec<Line> = material.blocks.iter().map(|block| row(block, &findings, context.now)).collect();
    body.extend(
        stale.map(|at| {
            Line::Text(format!("renew it before {}: from then on Dovecot refuses clients", instant::show(at)))
        }),
    );
    let mut result = object! {
        "path" => args.file.as_path(),
        "entries" => material.blocks.iter().map(entry).collect::<Vec<_>>(),
        "order_ok" => bundle::in_order(&material, context.now),
        "goes_stale" => stale.map(instant::rfc3339),
    };
    if let Some(path) = &args.client {
        let sent = gather::material(std::slice::from_ref(path), context)?;
        let (client, admission) = predict(&material, &sent, context.now)?;
        body.push(verdict(client, &admission));
        result = result.with("client", prediction(client, &admission));
        // What the file itself was found guilty of is not told twice.
        let known = |reason: &&Finding| findings.iter().any(|f| f.rule == reason.rule && f.at == reason.at);
        let fresh: Vec<Finding> = admission.reasons().iter().filter(|reason| !known(reason)).cloned().collect();
        findings.extend(fresh);
    }
    let mut report = Report::judging(result);
    report.body = body;
    report.findings = context.accepted(findings);
    Ok(report.into())
}

/// The client's own certificate, and whether it gets in.
fn predict<'a>(file: &'a Material, sent: &'a Material, now: OffsetDateTime) -> Result<(PlacedCert<'a>, Admission)> {
    let certs: Vec<PlacedCert> = sent.certs().collect();
    let Some((client, rest)) = certs.split_first() else {
        return Err(Error::input(&NO_CERTIFICATE, "the client's file holds no certificate"));
    };
    Ok((*client, admission::predict(file, *client, rest, now)))
}

/// The first end of all lists that are in use.
fn goes_stale(material: &Material, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let store = Store::new(material).without_deltas();
    material.certs().filter_map(|(_, ca)| store.crl_of(ca, None, now)?.1.next_update).min()
}

/// One block in one line: where, what, until when, and the worst that was found there.
fn row(block: &Block, findings: &[Finding], now: OffsetDateTime) -> Line {
    let here = Location::Block(block.origin.clone());
    let told: Vec<&Finding> = findings.iter().filter(|f| f.at == here).collect();
    let verdict = told.iter().map(|f| f.severity).max().map_or(Verdict::Ok, Verdict::from);
    let codes: Vec<&str> = told.iter().filter(|f| f.severity > Severity::Info).map(|f| f.rule.code).collect();
    let (what, until) = match &block.item {
        Item::Cert(cert) if cert.is_ca() => (format!("CA {}", cert.subject.short()), Some(cert.not_after)),
        Item::Cert(cert) => (format!("certificate {}", cert.short_name()), Some(cert.not_after)),
        Item::Crl(crl) => (format!("CRL {}", crl.issuer.short()), crl.next_update),
        other => (other.kind().into(), None),
    };
    let until = until.map_or(String::new(), |at| format!("until {}", instant::day(at, now)));
    Line::Verdict(verdict, vec![block.origin.to_string(), what, until, codes.join(", ")])
}

fn verdict(client: PlacedCert<'_>, admission: &Admission) -> Line {
    let name = client.1.short_name();
    let why = admission.reasons().first().map(|f| f.message.as_str()).unwrap_or_default();
    match admission {
        Admission::Admitted => Line::Verdict(Verdict::Ok, vec![format!("Dovecot lets `{name}` in")]),
        Admission::Refused(_) => Line::Verdict(Verdict::Fail, vec![format!("Dovecot refuses `{name}`: {why}")]),
        Admission::Depends(_) => {
            Line::Verdict(Verdict::Fail, vec![format!("Some Dovecots let `{name}` in, others do not: {why}")])
        }
    }
}

/// `admitted` is null where versions differ.
fn prediction(client: PlacedCert<'_>, admission: &Admission) -> Value {
    let reason = |f: &Finding| object! { "id" => f.rule.code, "message" => f.message.as_str() };
    let admitted = match admission {
        Admission::Admitted => Some(true),
        Admission::Refused(_) => Some(false),
        Admission::Depends(_) => None,
    };
    object! {
        "admitted" => admitted,
        "certificate" => describe::certificate(client.1, Some(client.0)),
        "reasons" => admission.reasons().iter().map(reason).collect::<Vec<_>>(),
    }
}

fn entry(block: &Block) -> Value {
    let (kind, subject, next_update) = match &block.item {
        Item::Cert(cert) => (if cert.is_ca() { "ca" } else { "certificate" }, Some(cert.subject.to_string()), None),
        Item::Crl(crl) => ("crl", Some(crl.issuer.to_string()), crl.next_update.map(instant::rfc3339)),
        other => (other.kind(), None, None),
    };
    object! {
        "type" => kind, "subject" => subject, "next_update" => next_update,
        "line" => (block.origin.line > 0).then_some(block.origin.line),
    }
}
