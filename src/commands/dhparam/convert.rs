//! `dhparam convert`: the parameters that Dovecot 2.2 had made for itself, as the PEM file that 2.3 wants.

use std::path::PathBuf;

use super::value;
use crate::checks::dh;
use crate::checks::ssl_parameters;
use crate::commands::{Context, Outcome, gather};
use crate::error::{Error, Result};
use crate::files::read;
use crate::finding::{Origin, Severity};
use crate::material::ssl_parameters as format;
use crate::report::{Report, object};

/// Take the largest parameters out of Dovecot 2.2's ssl-parameters.dat and write them as PEM. Below 2048 bits they are refused:
/// new ones cost nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit dhparam convert /var/lib/dovecot/ssl-parameters.dat -o dh.pem")]
pub struct Args {
    /// Dovecot 2.2's file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where to write it; standard output without this
    #[arg(short, long, value_name = "DH")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let input = read::file(&args.file)?;
    let fault = |fault| ssl_parameters::error(fault, &input.path);
    let records = format::read(&input.bytes).map_err(fault)?;
    let sizes: Vec<u32> = records.iter().map(|record| record.bits).collect();
    let largest = records.into_iter().max_by_key(|record| record.bits).ok_or_else(|| fault(format::Fault::Foreign))?;
    let inside = sizes.iter().map(|bits| format!("{bits} bits")).collect::<Vec<_>>().join(", ");
    let judgement = dh::judge(&largest.params, &Origin::file(&args.file));
    let findings = context.accepted(judgement.findings);
    if let Some(wrong) = findings.iter().find(|f| f.severity == Severity::Error) {
        let refused = Error::refused(wrong.rule, format!("{}: {}", args.file.display(), wrong.message));
        let new = "make new ones, at once and better: `pkit dhparam new -o dh.pem`";
        let hint = if (largest.bits as usize) < dh::MIN_BITS { new } else { wrong.rule.help };
        return Err(refused.fact("inside", inside).hint(hint).path(&args.file));
    }
    let records = sizes.iter().map(|bits| object! { "bits" => *bits }).collect::<Vec<_>>();
    let mut report = Report::of(value(&largest.params, judgement.safe_prime, None).with("records", records));
    report.say(format!("{} holds parameters of {inside}", args.file.display()));
    report.findings = findings;
    let what = format!("the parameters of {} bits", largest.bits);
    let pem = largest.params.to_pem().into_bytes();
    Ok(gather::deliver(report, pem, what, args.output.as_deref(), context))
}
