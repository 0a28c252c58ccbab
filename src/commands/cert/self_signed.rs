//! `cert self-signed`: a server's certificate without a CA, for tests and for peers that pin it.

use std::path::PathBuf;

use crate::commands::new_key::{self, NewKeyArgs};
use crate::commands::subject::{SubjectArgs, common_name};
use crate::commands::{Context, Outcome, any_error, gather};
use crate::error::{Error, Result};
use crate::finding::Origin;
use crate::material::ext::write::subject_alt_name;
use crate::material::pem;
use crate::name::SubjectName;
use crate::pki::chain::Pile;
use crate::pki::issue::{self, Body, Places, Profile};
use crate::pki::sign::{Signer, key_id};
use crate::pki::verify::{Purpose, Wanted, apart_from_signatures};
use crate::plan::Step;
use crate::report::{Report, in_full, object};

/// Make a certificate that signs itself, for a server that needs no CA
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit cert self-signed mail.example.org --key mail.key -o mail.pem
  pkit cert self-signed localhost 127.0.0.1 --key t.key --type ecdsa --days 7

A key that is not there is made. Clients trust such a certificate only where it
is named to them; for more than one server make a CA: pkit ca init.")]
pub struct Args {
    /// Host names, addresses, *.example.org
    #[arg(required = true, value_name = "NAME")]
    names: Vec<SubjectName>,
    /// The private key; made if it is not there
    #[arg(long)]
    key: PathBuf,
    /// How long it is valid
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    /// Where to write the certificate [default: standard output]
    #[arg(short, long, value_name = "CERT")]
    output: Option<PathBuf>,
    #[command(flatten)]
    subject: SubjectArgs,
    #[command(flatten)]
    new_key: NewKeyArgs,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    if let Some(mail) = args.names.iter().find(|name| matches!(name, SubjectName::Email(_))) {
        return Err(Error::usage(format!("{mail} is no server; for mailboxes make a CA and `pkit ca issue`")));
    }
    let (created, key) = new_key::there_or_new(&args.key, &args.new_key, context)?;
    let signer = Signer::of(&key)?;
    let subject = args.subject.name(common_name(&args.names).as_deref())?;
    let names: Vec<_> = args.names.iter().map(SubjectName::encoded).collect();
    let names = subject_alt_name(&names, subject.is_empty());
    let own_id = key_id(&signer.public);
    let extensions = issue::end_entity(Profile::Server, &signer.public, Some(names), &own_id, &Places::default());
    let body = Body {
        serial: &issue::serial()?,
        issuer: &subject,
        subject: &subject,
        not_before: context.now,
        not_after: issue::last_instant(context.now, args.days),
        key: &signer.public,
        extensions: &extensions,
    };
    let at = Origin::file(args.output.as_deref().unwrap_or(&args.key));
    let copy = body.copy()?;
    let pile = Pile::new([(&at, &copy)], &[]);
    let wanted = Wanted { purpose: Purpose::Server, profile: true, ..Wanted::at(context.now) };
    let faults = apart_from_signatures(&pile, &copy, &[], &wanted);
    let mut findings = crate::checks::key::public(&signer.public, &at);
    findings.extend(faults.into_iter().map(|fault| fault.finding));
    let findings = context.accepted(findings);
    if any_error(&findings) {
        let mut report = Report::judging(object! {});
        report.say(format!("{}: not signed", copy.short_name()));
        report.findings = findings;
        return Ok(report.into());
    }
    let cert = body.signed(&signer)?;
    let mut report = Report::of(object! {
        "certificate" => in_full::certificate(&cert, &at, context.now),
        "key" => args.key.as_path(),
        "key_created" => created,
    });
    report.findings = findings;
    let text = pem::encode("CERTIFICATE", cert.der()).into_bytes();
    let what = format!("certificate, {} d, key {}", args.days, args.key.display());
    let mut outcome = gather::deliver(report, text, what, args.output.as_deref(), context);
    if created {
        outcome.plan.steps.insert(0, Step::Write(new_key::file(&args.key, &key, context)));
    }
    Ok(outcome)
}
