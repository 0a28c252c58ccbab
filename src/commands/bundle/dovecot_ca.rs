//! `bundle dovecot-ca`: the file for Dovecot's `ssl_ca` (2.4: `ssl_server_ca_file`), each CA followed by its CRL.

use std::collections::HashSet;
use std::path::PathBuf;

use super::NO_AUTHORITIES;
use crate::checks;
use crate::commands::{Context, Outcome, any_error, gather};
use crate::content::Overwrite;
use crate::crypto;
use crate::error::{Error, Result};
use crate::instant;
use crate::material::{Item, Material};
use crate::pki::bundle::{Bundle, Entry, dovecot_ca};
use crate::report::describe::count;
use crate::report::{Line, Report, Value, object};

/// Join CA certificates and CRLs for Dovecot
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit bundle dovecot-ca *.crt *.crl -o /etc/ssl/dovecot-ca.pem

Out comes: issuing CA, its CRL, intermediate, its CRL, root, its CRL, all in
PEM. Every CA needs a current CRL, the root too, or Dovecot lets nobody in.
A bundle of the same CAs is replaced without --force: for cron, after the
CRLs were fetched; reload Dovecot afterwards.")]
pub struct Args {
    /// CA certificates and CRLs in any form and order
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where to write the bundle
    #[arg(short, long, value_name = "CA")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let material = gather::material(&args.files, context)?;
    let bundle = dovecot_ca(&material, context.now);
    if bundle.entries.is_empty() {
        return Err(Error::input(&NO_AUTHORITIES, "there is no CA certificate in what was given"));
    }
    let mut findings = material.findings.clone();
    findings.extend(checks::bundle::made(&bundle, &material, context.now));
    let mut report = Report::of(object! {
        "entries" => entries(&bundle),
        "order_ok" => true,
        "goes_stale" => bundle.goes_stale().map(instant::rfc3339),
    });
    report.body = table(&bundle, context);
    report.findings = context.accepted(findings);
    if any_error(&report.findings) {
        report.body.push(Line::Text("nothing was written".into()));
        return Ok(report.into());
    }
    let what = format!("{}, {}", count(bundle.entries.len(), "CA"), count(bundle.lists(), "CRL"));
    let output = args.output.as_deref();
    let overwrite = match output {
        Some(path) => gather::overwrite(path, context, |old| same_authorities(old, &material)),
        None => Overwrite::Refuse,
    };
    let context = Context { overwrite, ..context.clone() };
    Ok(gather::deliver(report, bundle.to_pem().into_bytes(), what, output, &context))
}

/// Is the old file nothing but a bundle, and of the same CAs? One whose certificate was renewed with its key is the same.
fn same_authorities(old: &Material, new: &Material) -> bool {
    let authorities = |material: &Material| -> HashSet<(Vec<u8>, String)> {
        let authorities = material.certs().filter(|(_, c)| c.is_ca() || c.is_self_issued());
        authorities.map(|(_, c)| (c.subject.comparable().to_vec(), c.public_key.sha256())).collect()
    };
    let bundle = old.blocks.iter().all(|b| matches!(b.item, Item::Cert(_) | Item::Crl(_)));
    bundle && authorities(old) == authorities(new)
}

fn table(bundle: &Bundle<'_>, context: &Context) -> Vec<Line> {
    let row = |entry: &Entry<'_>| {
        let crl = match entry.crl.map(|(_, crl)| crl.next_update) {
            Some(Some(next)) => format!("CRL until {}", instant::day(next, context.now)),
            Some(None) => "CRL without an end".into(),
            None => "no CRL".into(),
        };
        Line::Row(vec![entry.ca.subject.short(), crl])
    };
    let mut lines: Vec<Line> = bundle.entries.iter().map(row).collect();
    if let Some(stale) = bundle.goes_stale() {
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
