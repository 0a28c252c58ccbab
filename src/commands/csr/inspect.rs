//! `csr inspect`: what a request asks for, without a judgement.

use std::path::PathBuf;

use crate::commands::{Context, Outcome};
use crate::error::Result;
use crate::report::{Report, in_full};

/// Show what a request asks for: names, key, extensions
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit csr inspect mail.csr
  pkit csr inspect mail.csr --json")]
pub struct Args {
    /// The request, PEM or DER; - is standard input
    #[arg(value_name = "CSR")]
    file: PathBuf,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let (at, csr) = super::request(&args.file, context)?;
    let mut report = Report::of(in_full::request(&csr, &at));
    report.body = in_full::request_lines(&csr, &at);
    Ok(report.into())
}
