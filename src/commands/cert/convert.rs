//! `cert convert`: the same certificates in another form, with their key where the form has room for one.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::checks::key::KEY_MISMATCH;
use crate::commands::chain::build::NO_CERTIFICATE;
use crate::commands::passphrase::OutPassphraseArgs;
use crate::commands::{Context, Outcome, gather};
use crate::content::Content;
use crate::error::{Error, Result};
use crate::material::cert::Cert;
use crate::material::pkcs12::{self, Style};
use crate::material::{Material, pem, pkcs7};
use crate::report::describe::count;
use crate::report::{Report, describe, object};

/// Convert certificates: PEM, DER, PKCS#7, PKCS#12
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit cert convert purchase.zip --to pem -o all.pem
  pkit cert convert mail.pem --to der -o mail.cer
  pkit cert convert fullchain.pem --to p7b -o fullchain.p7b
  pkit cert convert fullchain.pem mail.key --to p12 -o mail.p12

Into PKCS#12 goes the key as well, if one is given; its passphrase is asked for.
A key comes out of PKCS#12 with pkit key convert.")]
pub struct Args {
    /// PEM, DER, PKCS#7, PKCS#12, or a zip with them; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The form to make
    #[arg(long, value_enum, value_name = "FORM")]
    to: Form,
    /// PKCS#12 as old programs read it: 3DES and SHA-1
    #[arg(long)]
    legacy: bool,
    /// Where to write it
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    #[command(flatten)]
    out_passphrase: OutPassphraseArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Text, one block for each certificate
    Pem,
    /// Bytes, one certificate
    Der,
    /// PKCS#7 with certificates and CRLs, in DER
    P7b,
    /// PKCS#12 with certificates and a key
    P12,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    if args.legacy && args.to != Form::P12 {
        return Err(Error::usage("--legacy goes with --to p12 only"));
    }
    let material = match args.to {
        Form::P12 => gather::material(&args.files, context)?,
        _ => gather::public_material(&args.files, context)?,
    };
    let certs: Vec<&Cert> = material.certs().map(|(_, cert)| cert).collect();
    if certs.is_empty() {
        let message = format!("there is no certificate in {}", args.files[0].display());
        return Err(Error::input(&NO_CERTIFICATE, message).path(&args.files[0]));
    }
    let listed = material.certs().map(|(at, cert)| describe::certificate(cert, Some(at))).collect::<Vec<_>>();
    let mut report = Report::of(object! { "certificates" => listed });
    report.findings = material.findings.clone();
    let what = count(certs.len(), "certificate");
    if args.to == Form::P12 {
        return p12(args, material, report, what, context);
    }
    let ders: Vec<&[u8]> = certs.iter().map(|cert| cert.der()).collect();
    let bytes = match ders.as_slice() {
        all if args.to == Form::P7b => pkcs7::bag(all, &material.crls().map(|(_, crl)| crl.der()).collect::<Vec<_>>()),
        all if args.to == Form::Pem => all.iter().map(|der| pem::encode("CERTIFICATE", der)).collect::<String>().into(),
        [one] => one.to_vec(),
        more => {
            return Err(Error::usage(format!("DER holds one certificate, and there are {}", more.len()))
                .hint("--to p7b holds them all"));
        }
    };
    Ok(gather::deliver(report, bytes, what, Some(&args.output), context))
}

/// The key's own certificate first, as readers take the first for the one that the key belongs to.
fn p12(args: &Args, mut material: Material, report: Report, what: String, context: &Context) -> Result<Outcome> {
    if args.output.as_os_str() == "-" && context.json {
        return Err(Error::usage("a key on standard output does not go with --json").hint("write it to a file"));
    }
    gather::unlock(&mut material, context)?;
    let mut keys = material.keys();
    let (key, more) = (keys.next(), keys.next());
    if more.is_some() {
        return Err(Error::usage("PKCS#12 holds one key here; name the files of one identity"));
    }
    let mut certs: Vec<&Cert> = material.certs().map(|(_, cert)| cert).collect();
    if let Some((at, key)) = key {
        let public = gather::public(key, at)?;
        let Some(own) = certs.iter().position(|cert| cert.public_key == public) else {
            let message = format!("the key {at} belongs to none of the certificates given");
            return Err(Error::input(&KEY_MISMATCH, message).path(&at.path));
        };
        certs[..=own].rotate_right(1);
    }
    let secret = context.secret.or(args.out_passphrase.source());
    let passphrase = secret.fresh("the PKCS#12 file")?;
    let style = if args.legacy { Style::Legacy } else { Style::Modern };
    let ders: Vec<&[u8]> = certs.iter().map(|cert| cert.der()).collect();
    let name = certs[0].short_name();
    let made = pkcs12::write(key.map(|(_, key)| key), &ders, Some(&name), passphrase, style)
        .map_err(|closed| Error::bug(format!("the PKCS#12 file cannot be written: {closed}")))?;
    let what = if key.is_some() { format!("key, {what}") } else { what };
    Ok(gather::deliver_content(report, Content::Secret(made), what, Some(&args.output), context))
}
