//! `cert convert`: the same certificates in another form.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::commands::chain::build::NO_CERTIFICATE;
use crate::commands::{Context, Outcome, gather};
use crate::error::{Error, Result};
use crate::material::{pem, pkcs7};
use crate::report::describe::count;
use crate::report::{Report, describe, object};

/// Convert certificates: PEM, DER, PKCS#7
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit cert convert purchase.zip --to pem -o all.pem
  pkit cert convert mail.pem --to der -o mail.cer
  pkit cert convert fullchain.pem --to p7b -o fullchain.p7b")]
pub struct Args {
    /// PEM, DER, PKCS#7, or a zip with them; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The form to make
    #[arg(long, value_enum, value_name = "FORM")]
    to: Form,
    /// Where to write it
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Text, one block for each certificate
    Pem,
    /// Bytes, one certificate
    Der,
    /// PKCS#7 with certificates and CRLs, in DER
    P7b,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let material = gather::public_material(&args.files, context)?;
    let certs: Vec<_> = material.certs().collect();
    if certs.is_empty() {
        let message = format!("there is no certificate in {}", args.files[0].display());
        return Err(Error::input(&NO_CERTIFICATE, message).path(&args.files[0]));
    }
    let bytes = match args.to {
        Form::Pem => {
            certs.iter().map(|(_, cert)| pem::encode("CERTIFICATE", cert.der())).collect::<String>().into_bytes()
        }
        Form::Der if certs.len() > 1 => {
            return Err(Error::usage(format!("DER holds one certificate, and there are {}", certs.len()))
                .hint("--to p7b holds them all"));
        }
        Form::Der => certs[0].1.der().to_vec(),
        Form::P7b => {
            let ders: Vec<&[u8]> = certs.iter().map(|(_, cert)| cert.der()).collect();
            let crls: Vec<&[u8]> = material.crls().map(|(_, crl)| crl.der()).collect();
            pkcs7::bag(&ders, &crls)
        }
    };
    let listed = certs.iter().map(|(at, cert)| describe::certificate(cert, Some(at))).collect::<Vec<_>>();
    let mut report = Report::of(object! { "certificates" => listed });
    let what = count(certs.len(), "certificate");
    report.findings = material.findings.clone();
    Ok(gather::deliver(report, bytes, what, Some(&args.output), context))
}
