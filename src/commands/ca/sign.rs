//! `ca sign`: a request becomes a certificate, if nothing speaks against it.

use std::path::PathBuf;

use super::directory::Directory;
use super::grant::{Granted, TermArgs, Wish, grant};
use crate::checks::request;
use crate::commands::{Context, Outcome, any_error, csr, gather};
use crate::content::{Content, FileWrite};
use crate::error::Result;
use crate::material::cert::Cert;
use crate::material::csr::Csr;
use crate::material::dn::Name;
use crate::material::ext::write::{Extension, subject_alt_name};
use crate::material::ext::{self, Extensions};
use crate::material::pem;
use crate::name::SubjectName;
use crate::pki::issue::Profile;
use crate::report::{Line, Report, Value, in_full, object};

/// Sign a request with the CA at the bottom of the directory
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit ca sign mail.csr --ca /root/ca -o mail.pem
  pkit ca sign alice.csr --ca /root/ca --profile client --days 365 -o alice.pem

Subject, key and names are carried over as the request has them; usage and the
rest are the profile's. What would break a rule is not signed (exit 1).")]
pub struct Args {
    /// The request, PEM or DER; - is standard input
    #[arg(value_name = "CSR")]
    file: PathBuf,
    /// The CA's directory
    #[arg(long, value_name = "DIR")]
    ca: PathBuf,
    /// Where to write the certificate [default: standard output]
    #[arg(short, long, value_name = "CERT")]
    output: Option<PathBuf>,
    #[command(flatten)]
    terms: TermArgs,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let (at, csr) = csr::request(&args.file, context)?;
    let dir = Directory::locked(&args.ca, context, |_| Ok(true))?;
    let mut findings = dir.findings.clone();
    findings.extend(context.accepted(request::signature(&csr, &at)));
    let granted = if any_error(&findings) {
        Granted { signed: None, findings: Vec::new() }
    } else {
        let names = names(&csr, args.terms.profile());
        grant(&dir, &Wish { at: &at, subject: &csr.subject, key: &csr.public_key, names }, &args.terms, context)?
    };
    findings.extend(granted.findings);
    let Some((cert, event)) = granted.signed else {
        return Ok(refused(&csr.short_name(), findings).into());
    };
    let mut report = told(&cert, &dir, context);
    report.result = report.result.with("requested", wishes(&csr.subject, &csr.extensions));
    report.result = report.result.with("granted", wishes(&cert.subject, &cert.extensions));
    let dropped: Vec<&str> = dropped(&csr, &cert);
    report.body.extend(differences(&csr, &cert, &dropped));
    report.result = report.result.with("dropped", dropped);
    report.findings = findings;
    let text = pem::encode("CERTIFICATE", cert.der()).into_bytes();
    match args.output.as_deref().filter(|path| path.as_os_str() != "-") {
        Some(path) => {
            report.result = report.result.with("path", path);
            let file = FileWrite {
                path: path.to_owned(),
                content: Content::Public(text),
                what: "certificate".into(),
                overwrite: context.overwrite,
            };
            dir.change(report, &[event], vec![file])
        }
        None => {
            let shown = gather::deliver(report, text, String::new(), None, context);
            dir.change(shown.report, &[event], Vec::new())
        }
    }
}

/// What is said of a certificate that was signed.
pub(super) fn told(cert: &Cert, dir: &Directory, context: &Context) -> Report {
    let at = crate::finding::Origin::file(&dir.path);
    let mut report = Report::of(object! {
        "certificate" => in_full::certificate(cert, &at, context.now),
        "serial_number" => crate::crypto::hex(&cert.serial),
    });
    let days = (cert.not_after - cert.not_before).whole_days() + 1;
    report.say(format!("signed #{} {}, {days} d", crate::crypto::hex(&cert.serial), cert.short_name()));
    report
}

/// Nothing was signed, and the findings say why.
pub(super) fn refused(name: &str, findings: Vec<crate::finding::Finding>) -> Report {
    let mut report = Report::judging(object! { "certificate" => Value::Null, "serial_number" => Value::Null });
    report.say(format!("{name}: not signed"));
    report.findings = findings;
    report
}

/// The alternative names as they were asked for, byte for byte. A request without any gets the one that its subject names.
fn names(csr: &Csr, profile: Profile) -> Option<Extension> {
    let critical = csr.subject.is_empty();
    if let Some(asked) = csr.requested.iter().find(|e| e.name() == SUBJECT_ALT_NAME) {
        return Some(asked.with_criticality(critical));
    }
    let wanted = |name: &SubjectName| match profile {
        Profile::Server => !matches!(name, SubjectName::Email(_)),
        Profile::Client => false,
        Profile::Email => matches!(name, SubjectName::Email(_)),
    };
    let attributes = csr.subject.attributes().iter().rev();
    let mut named = attributes.filter(|a| matches!(a.kind.as_str(), "CN" | "emailAddress"));
    let found = named.find_map(|a| a.value.parse::<SubjectName>().ok().filter(wanted))?;
    Some(subject_alt_name(&[found.encoded()], critical))
}

fn wishes(subject: &Name, ext: &Extensions) -> Value {
    object! {
        "subject" => subject.to_string(),
        "subject_alt_name" => ext.subject_alt_name.iter().flatten().map(ToString::to_string).collect::<Vec<_>>(),
        "key_usage" => ext.key_usage.map(|usage| usage.words()),
        "extended_key_usage" => purposes(ext),
        "basic_constraints_ca" => ext.basic_constraints.map(|b| b.ca),
    }
}

fn purposes(ext: &Extensions) -> Option<Vec<&str>> {
    ext.extended_key_usage.as_ref().map(|oids| oids.iter().map(|oid| ext::word(oid)).collect())
}

/// The extensions that were asked for and are not in the certificate.
fn dropped<'a>(csr: &'a Csr, cert: &Cert) -> Vec<&'a str> {
    let asked = csr.extensions.present.iter().map(|(oid, _)| oid.as_str());
    asked.filter(|oid| cert.extensions.criticality(oid).is_none()).map(ext::word).collect()
}

/// `asked … granted …`, where the two are not the same.
fn differences(csr: &Csr, cert: &Cert, dropped: &[&str]) -> Vec<Line> {
    let row = |what: &str, asked: String, granted: String| {
        (asked != granted)
            .then(|| Line::Row(vec![format!("  {what}"), format!("asked {asked}"), format!("granted {granted}")]))
    };
    let none = || "none".to_owned();
    let names = |ext: &Extensions| {
        let names: Vec<String> = ext.subject_alt_name.iter().flatten().map(ToString::to_string).collect();
        if names.is_empty() { none() } else { names.join(", ") }
    };
    let usage = |ext: &Extensions| ext.key_usage.map_or_else(none, |usage| usage.words().join(", "));
    let purpose = |ext: &Extensions| purposes(ext).map_or_else(none, |words| words.join(", "));
    let (asked, granted) = (&csr.extensions, &cert.extensions);
    let rows = [
        row("names", names(asked), names(granted)),
        row("key usage", usage(asked), usage(granted)),
        row("purpose", purpose(asked), purpose(granted)),
    ];
    let left_out =
        dropped.iter().map(|word| Line::Row(vec![format!("  {word}"), "asked".into(), "not granted".into()]));
    rows.into_iter().flatten().chain(left_out).collect()
}

const SUBJECT_ALT_NAME: &str = "2.5.29.17";
