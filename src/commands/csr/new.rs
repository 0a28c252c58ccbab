//! `csr new`: a request for these names, with a key that is there or is made beside it.

use std::path::{Path, PathBuf};

use crate::checks;
use crate::commands::chain::build::NO_CERTIFICATE;
use crate::commands::new_key::{self, NewKeyArgs};
use crate::commands::subject::{SubjectArgs, common_name};
use crate::commands::{Context, Outcome, any_error, gather};
use crate::error::{Error, Result};
use crate::files::read;
use crate::finding::Origin;
use crate::material::csr::Csr;
use crate::material::dn::Name;
use crate::material::ext::write::{Extension, subject_alt_name};
use crate::material::{Item, Material, pem};
use crate::name::SubjectName;
use crate::pki::request::request;
use crate::pki::sign::Signer;
use crate::plan::Step;
use crate::report::describe::count;
use crate::report::{Report, object};

/// Make a request to a CA for these names, with your key
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit csr new mail.example.org imap.example.org --key mail.key -o mail.csr
  pkit csr new *.example.org --key new.key --type ecdsa -o wild.csr
  pkit csr new --from-cert old.pem --key mail.key -o mail.csr

A key that is not there is made. The first name is the common name as well, and
all names stand in subjectAltName. Names beyond ASCII become A-labels.")]
pub struct Args {
    /// Host names, addresses, *.example.org, mailboxes
    #[arg(value_name = "NAME", required_unless_present = "from_cert")]
    names: Vec<SubjectName>,
    /// The private key; made if it is not there
    #[arg(long)]
    key: PathBuf,
    /// Where to write the request [default: standard output]
    #[arg(short, long, value_name = "CSR")]
    output: Option<PathBuf>,
    /// Take subject and names from this certificate, as they stand
    #[arg(long, value_name = "CERT", conflicts_with = "names")]
    from_cert: Option<PathBuf>,
    /// Leave a request that is there as it is, if it is for this key, subject and names
    #[arg(long, requires = "output")]
    if_missing: bool,
    #[command(flatten)]
    subject: SubjectArgs,
    #[command(flatten)]
    new_key: NewKeyArgs,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let (subject, wanted) = wishes(args, context)?;
    let (created, key) = new_key::there_or_new(&args.key, &args.new_key, context)?;
    let signer = Signer::of(&key)?;
    let made = request(&signer, &subject, &wanted)?;
    let csr = Csr::from_der(&made).map_err(|fault| Error::bug(format!("a new request cannot be read: {fault}")))?;
    // A key that a dry run makes is never seen again, so its digest would only mislead.
    let (mut report, what) = told(args, &csr, created, !(created && context.dry_run));
    // No CA may sign what the check of a request refuses.
    report.findings = context.accepted(checks::request::all(&csr, &Origin::file(&args.key)));
    if any_error(&report.findings) {
        report.say("no request was made");
        return Ok(report.into());
    }
    if let Some(path) = args.output.as_deref().filter(|path| args.if_missing && is_there(path, &csr)) {
        report.result = report.result.with("path", path);
        report.say(format!("unchanged {} ({what})", path.display()));
        return Ok(report.into());
    }
    let text = pem::encode("CERTIFICATE REQUEST", csr.der());
    let mut outcome = gather::deliver(report, text.into_bytes(), what, args.output.as_deref(), context);
    if created {
        outcome.plan.steps.insert(0, Step::Write(new_key::file(&args.key, &key, context)));
    }
    Ok(outcome)
}

/// The subject and the extensions to ask for.
fn wishes(args: &Args, context: &Context) -> Result<(Name, Vec<Extension>)> {
    if let Some(path) = &args.from_cert {
        if !args.subject.is_empty() {
            return Err(Error::usage(
                "--from-cert takes the subject as it is, so --org and its like do not go with it",
            ));
        }
        let old = gather::material(std::slice::from_ref(path), context)?;
        let Some((_, cert)) = old.certs().next() else {
            let message = format!("there is no certificate in {}", path.display());
            return Err(Error::input(&NO_CERTIFICATE, message).path(path));
        };
        let names = cert.raw_extensions().into_iter().filter(|e| e.name() == "2.5.29.17");
        return Ok((cert.subject.clone(), names.collect()));
    }
    let subject = args.subject.name(common_name(&args.names).as_deref())?;
    let encoded: Vec<_> = args.names.iter().map(SubjectName::encoded).collect();
    let critical = subject.is_empty();
    Ok((subject, vec![subject_alt_name(&encoded, critical)]))
}

fn told(args: &Args, csr: &Csr, created: bool, lasting: bool) -> (Report, String) {
    let mut report = Report::of(object! {
        "subject" => csr.subject.to_string(),
        "subject_alt_name" => csr.alt_names().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "spki_sha256" => lasting.then(|| csr.public_key.sha256()),
        "key" => args.key.as_path(),
        "key_created" => created,
    });
    for name in args.names.iter().filter(|name| name.readable() != name.to_string()) {
        report.say(format!("the request says {}", name.readable()));
    }
    (report, format!("{}, key {}", count(csr.alt_names().len(), "name"), args.key.display()))
}

/// `--if-missing`: is a request there for this key, subject and names?
fn is_there(path: &Path, wanted: &Csr) -> bool {
    let Ok(input) = read::file(path) else { return false };
    let old = Material::read(&input.path, &input.bytes);
    old.blocks.iter().any(|block| match &block.item {
        Item::Csr(csr) => {
            csr.public_key == wanted.public_key
                && csr.subject.der() == wanted.subject.der()
                && csr.requested == wanted.requested
        }
        _ => false,
    })
}
