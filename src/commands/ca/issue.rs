//! `ca issue`: key and certificate in one step, for a server or a person who has no request.

use std::path::PathBuf;

use super::directory::Directory;
use super::grant::{TermArgs, Wish, grant};
use super::sign::{refused, told};
use crate::commands::new_key::{self, NewKeyArgs};
use crate::commands::subject::{SubjectArgs, common_name};
use crate::commands::{Context, Outcome, gather};
use crate::content::{Content, FileWrite};
use crate::error::{Error, Result};
use crate::finding::Origin;
use crate::material::ext::write::{Extension, subject_alt_name};
use crate::material::pem;
use crate::name::SubjectName;
use crate::pki::issue::Profile;
use crate::pki::keygen;
use crate::report::describe::count;

/// Make a key and a certificate for these names
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit ca issue mail.example.org imap.example.org --ca /root/ca -o out
  pkit ca issue alice --ca /root/ca --profile client --days 365 -o out
  pkit ca issue alice@example.org --ca /root/ca --profile email -o out

Written are NAME.key and NAME.pem, the certificate with the CAs below the root,
as a server sends it. A client's first name may be any word: a login name.")]
pub struct Args {
    /// Host names, addresses, mailboxes; a client's first may be any word
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// The CA's directory
    #[arg(long, value_name = "DIR")]
    ca: PathBuf,
    /// The directory for key and certificate
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    #[command(flatten)]
    terms: TermArgs,
    #[command(flatten)]
    subject: SubjectArgs,
    #[command(flatten)]
    new_key: NewKeyArgs,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let (common, names) = meant(args)?;
    let subject = args.subject.name(common.as_deref())?;
    let file_name = common.as_deref().or(args.names.first().map(String::as_str)).unwrap_or_default();
    let stem = file_name.replace(['/', '\0'], "_").replace("*.", "wildcard.");
    if stem.starts_with('.') {
        return Err(Error::usage(format!("{file_name:?} cannot be the name of a file")));
    }
    let key = keygen::generate(args.new_key.meant()?)?;
    let (key_path, cert_path) = (args.output.join(format!("{stem}.key")), args.output.join(format!("{stem}.pem")));
    let at = Origin::file(&key_path);
    let public = gather::public(&key, &at)?;
    let encoded: Vec<_> = names.iter().map(SubjectName::encoded).collect();
    let names: Option<Extension> = (!encoded.is_empty()).then(|| subject_alt_name(&encoded, subject.is_empty()));

    let dir = Directory::locked(&args.ca, context, |_| Ok(true))?;
    let granted = grant(&dir, &Wish { at: &at, subject: &subject, key: &public, names }, &args.terms, context)?;
    let findings = [dir.findings.clone(), granted.findings].concat();
    let Some((cert, event)) = granted.signed else {
        return Ok(refused(file_name, findings).into());
    };
    let mut report = told(&cert, &dir, context);
    report.result = report.result.with("path", cert_path.as_path()).with("key", key_path.as_path());
    report.findings = findings;
    let below_root = dir.chain().into_iter().map(|(_, cert)| cert).filter(|cert| !cert.is_self_issued());
    let sent: Vec<&[u8]> = std::iter::once(cert.der()).chain(below_root.map(|ca| ca.der())).collect();
    let file = FileWrite {
        path: cert_path,
        content: Content::Public(
            sent.iter().map(|der| pem::encode("CERTIFICATE", der)).collect::<String>().into_bytes(),
        ),
        what: count(sent.len(), "certificate"),
        overwrite: context.overwrite,
    };
    let key_file = new_key::file(&key_path, &key, context);
    dir.change(report, &[event], vec![key_file, file])
}

/// The common name and the alternative names. What a client is called need not be a host: a word without a dot is a login name.
fn meant(args: &Args) -> Result<(Option<String>, Vec<SubjectName>)> {
    let wrong = |e: crate::name::NotAHostName| Error::usage(e.to_string());
    let parse =
        |names: &[String]| names.iter().map(|n| n.parse::<SubjectName>().map_err(wrong)).collect::<Result<Vec<_>>>();
    match args.names.split_first() {
        Some((first, rest)) if args.terms.profile() == Profile::Client && !first.contains(['.', '@', ':']) => {
            Ok((Some(first.clone()), parse(rest)?))
        }
        _ => {
            let names = parse(&args.names)?;
            Ok((common_name(&names), names))
        }
    }
}
