//! `crl inspect`: what a list says, without a judgement.

use std::path::PathBuf;

use super::{decimal, lists, noticed, value};
use crate::checks::revocation::because;
use crate::commands::{Context, Outcome};
use crate::crypto::hex;
use crate::error::Result;
use crate::instant;
use crate::material::crl::Crl;
use crate::material::revoked::Entry;
use crate::report::{Line, Report, Value, object};

/// Show what a CRL says
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit crl inspect class3-revoke.crl
  pkit crl inspect list.pem --entries 100
  pkit crl inspect list.pem --json")]
pub struct Args {
    /// A file with one CRL or several
    #[arg(value_name = "CRL")]
    file: PathBuf,
    /// How many entries to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    entries: usize,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let material = lists(&args.file, context)?;
    let all = material.crls().map(|(_, crl)| object(crl, args.entries)).collect::<Vec<_>>();
    let mut report = Report::of(object! { "crls" => all });
    report.body = material.crls().flat_map(|(_, crl)| lines(crl, args.entries, context)).collect();
    report.findings = noticed(&material, context);
    Ok(report.into())
}

fn lines(crl: &Crl, shown: usize, context: &Context) -> Vec<Line> {
    let row = |label: &str, value: String| Line::Row(vec![label.into(), value]);
    let next = crl.next_update.map_or("not said".into(), |at| {
        let left = at - context.now;
        let left = if left.is_positive() { format!("{} left", instant::length(left)) } else { "over".into() };
        format!("{} ({left})", instant::show(at))
    });
    let mut lines = vec![row("issuer", crl.issuer.to_string())];
    lines.extend(crl.number.as_deref().map(|n| row("number", decimal(n))));
    lines.extend(crl.base_number.as_deref().map(|n| row("delta to", decimal(n))));
    lines.extend([
        row("this update", instant::show(crl.this_update)),
        row("next update", next),
        row("signature", crl.algorithm().word()),
    ]);
    lines.extend(crl.authority_key_id.as_deref().map(|id| row("key identifier", hex(id))));
    lines.extend(crl.scope.as_ref().map(|s| row("scope", s.words().join(", "))));
    lines.extend(crl.freshest.iter().flat_map(|p| p.urls()).map(|url| row("delta at", url.into())));
    lines.extend(crl.unknown_critical.iter().map(|oid| row("critical", format!("{oid} (not processed)"))));
    lines.push(row("entries", crl.entries.to_string()));
    lines.extend(crl.revoked().take(shown).map(|entry| entry_line(&entry)));
    if crl.entries > shown {
        lines.push(Line::Indented(format!("and {} more (--entries {})", crl.entries - shown, crl.entries)));
    }
    lines
}

fn entry_line(entry: &Entry<'_>) -> Line {
    Line::Indented(format!("{} {}{}", hex(entry.serial), instant::show(entry.date), because(entry.reason)))
}

fn object(crl: &Crl, shown: usize) -> Value {
    let entries = crl.revoked().take(shown).map(|entry| {
        object! {
            "serial_number" => hex(entry.serial),
            "revocation_date" => instant::rfc3339(entry.date),
            "reason" => entry.reason.map(|r| r.word()),
        }
    });
    value(crl).with("revoked", entries.collect::<Vec<_>>())
}
