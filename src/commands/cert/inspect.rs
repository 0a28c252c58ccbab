//! `cert inspect`: everything that the certificates of a file say, without a judgement.

use std::path::PathBuf;

use crate::commands::chain::build::NO_CERTIFICATE;
use crate::commands::{Context, Outcome, gather};
use crate::error::{Error, Result};
use crate::report::{Report, in_full, object};

/// Show every certificate in a file: names, validity, key, usage, where its issuer and CRLs are
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit cert inspect fullchain.pem
  pkit cert inspect purchase.zip --json
  openssl s_client -connect mail.example.org:993 -showcerts </dev/null | pkit cert inspect -")]
pub struct Args {
    /// PEM, DER, PKCS#7, or a zip with them; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let material = gather::public_material(std::slice::from_ref(&args.file), context)?;
    let certs: Vec<_> = material.certs().collect();
    if certs.is_empty() {
        let message = format!("there is no certificate in {}", args.file.display());
        return Err(Error::input(&NO_CERTIFICATE, message).path(&args.file));
    }
    let values = certs.iter().map(|(at, cert)| in_full::certificate(cert, at, context.now)).collect::<Vec<_>>();
    let mut report = Report::of(object! { "certificates" => values });
    report.body = certs.iter().flat_map(|(at, cert)| in_full::certificate_lines(cert, at, context.now)).collect();
    report.findings = material.findings;
    Ok(report.into())
}
