//! `crl check`: is a list signed by its CA, current and usable, and is a certificate on it?

use std::path::PathBuf;

use time::Duration;

use super::{label, lists, value};
use crate::checks::crl as judge;
use crate::checks::revocation::{CERT_REVOKED, because};
use crate::commands::{Context, Outcome, gather};
use crate::crypto::hex;
use crate::error::Result;
use crate::finding::{Finding, Origin, Severity};
use crate::instant;
use crate::material::Material;
use crate::material::cert::Cert;
use crate::material::crl::Crl;
use crate::pki::revocation::speaks_for;
use crate::report::{Line, Report, Value, Verdict, object};

/// Check CRLs: signature, dates, scope, and who is on them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit crl check class3-revoke.crl --issuer class3.crt
  pkit crl check *.crl --issuer ca.pem --warn 7d --fail-on warning -q
  pkit crl check list.pem --issuer ca.pem --cert client.pem

Exit code 1 says that a list is not to be used, or that a certificate is on it.")]
pub struct Args {
    /// Files with CRLs
    #[arg(required = true, value_name = "CRL")]
    files: Vec<PathBuf>,
    /// The CAs' certificates: who may have signed the lists
    #[arg(long, value_name = "FILE", num_args = 1..)]
    issuer: Vec<PathBuf>,
    /// Certificates to look for on the lists
    #[arg(long, value_name = "FILE", num_args = 1..)]
    cert: Vec<PathBuf>,
    /// Warn if a list ends within this time
    #[arg(long, value_name = "TIME", default_value = "3d", value_parser = instant::span)]
    warn: Duration,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let mut material = Material::default();
    for path in &args.files {
        material.extend(lists(path, context)?);
    }
    let issuers = gather::material(&args.issuer, context)?;
    let certs = gather::material(&args.cert, context)?;
    let signers: Vec<&Cert> = issuers.certs().map(|(_, cert)| cert).collect();

    let mut report = Report::judging(Value::Null);
    report.findings = [&material, &issuers, &certs].into_iter().flat_map(|m| m.findings.clone()).collect();
    report.findings_in_body = true;
    let mut listed = Vec::new();
    for (origin, crl) in material.crls() {
        let signed = judge::signed(crl, &signers);
        let mut findings = judge::signature(crl, origin, signed);
        findings.extend(judge::form(crl, origin));
        findings.extend(judge::dates(crl, origin, context.now));
        findings.extend(judge::ends_soon(crl, origin, context.now, args.warn));
        let findings = context.accepted(findings);
        report.body.extend(lines(crl, &findings, context));
        report.findings.extend(findings);
        listed.push(object(crl, signed, context));
    }
    let mut found = Vec::new();
    for (origin, cert) in certs.certs() {
        let (line, value, finding) = looked_up(cert, origin, &material);
        report.body.push(line);
        report.findings.extend(context.accepted(finding.into_iter().collect()));
        found.push(value);
    }
    report.result = object! { "crls" => listed, "certificates" => found };
    Ok(report.into())
}

/// `OK CRL 7 of "Example Mail CA", 20 d left`, and below it what is wrong.
fn lines(crl: &Crl, findings: &[Finding], context: &Context) -> Vec<Line> {
    let worst = findings.iter().map(|f| f.severity).max();
    let verdict = worst.filter(|s| *s > Severity::Info).map_or(Verdict::Ok, Verdict::from);
    let left = crl.next_update.map(|next| next - context.now).filter(|left| left.is_positive());
    let left = left.map_or(String::new(), |left| format!(", {} left", instant::length(left)));
    let scope = crl.scope.as_ref().map_or(String::new(), |s| format!(", {}", s.words().join(", ")));
    let head = format!("{}{left}, {} entries{scope}", label(crl), crl.entries);
    let told = findings.iter().map(|f| Line::Indented(format!("{}: {}", f.rule.code, f.message)));
    std::iter::once(Line::Verdict(verdict, vec![head])).chain(told).collect()
}

fn object(crl: &Crl, signed: judge::Signed, context: &Context) -> Value {
    value(crl)
        .with("seconds_left", crl.next_update.map(|next| (next - context.now).whole_seconds()))
        .with("issuer_found", signed.issuer_found())
        .with("signature_valid", signed.valid())
}

/// The certificate on the lists that speak for it.
fn looked_up(cert: &Cert, origin: &Origin, material: &Material) -> (Line, Value, Option<Finding>) {
    let speaking: Vec<&Crl> = material.crls().map(|(_, crl)| crl).filter(|crl| speaks_for(crl, cert)).collect();
    let entry = speaking.iter().find_map(|crl| Some((*crl, crl.find(&cert.serial, &cert.issuer)?)));
    let name = cert.short_name();
    let (verdict, words, finding) = match entry {
        Some((crl, entry)) => {
            let since = format!("revoked at {}{}", instant::show(entry.date), because(entry.reason));
            let words = format!("{since}, {}", label(crl));
            (Verdict::Fail, words.clone(), Some(CERT_REVOKED.at(origin.clone().into(), format!("`{name}`: {words}"))))
        }
        None if speaking.is_empty() => {
            let words = format!("no list speaks for what `{}` issued", cert.issuer.short());
            let finding = judge::CRL_MISSING.at(origin.clone().into(), format!("`{name}`: {words}"));
            (Verdict::Fail, words, Some(finding))
        }
        None => (Verdict::Ok, format!("not on {}", label(speaking[0])), None),
    };
    let value = object! {
        "subject" => cert.subject.to_string(),
        "serial_number" => hex(&cert.serial),
        "revoked" => (!speaking.is_empty()).then_some(entry.is_some()),
        "revocation_date" => entry.map(|(_, e)| instant::rfc3339(e.date)),
        "reason" => entry.and_then(|(_, e)| e.reason).map(|r| r.word()),
    };
    (Line::Verdict(verdict, vec![name, words]), value, finding)
}
