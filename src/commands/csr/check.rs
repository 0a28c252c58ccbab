//! `csr check`: will a CA take this request, and does it belong to this key?

use std::path::PathBuf;

use crate::checks::{self, request};
use crate::commands::{Context, Outcome, gather};
use crate::error::Result;
use crate::finding::{Finding, Severity};
use crate::material::ext;
use crate::report::describe::count;
use crate::report::{Line, Report, Verdict, object};

/// Check a request: was it signed with its key, are its names good, is its key strong, does it belong to this private key?
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit csr check mail.csr
  pkit csr check mail.csr --key mail.key")]
pub struct Args {
    /// The request, PEM or DER; - is standard input
    #[arg(value_name = "CSR")]
    file: PathBuf,
    /// The private key that it should have been made with
    #[arg(long)]
    key: Option<PathBuf>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let (at, csr) = super::request(&args.file, context)?;
    let mut findings = request::all(&csr, &at);
    let mut key_match = None;
    if let Some(path) = &args.key {
        let (key_at, key) = gather::key(path, context)?;
        let pair = checks::key::pair(&key, &key_at, &csr.public_key, "request", &at);
        key_match = Some(pair.is_empty());
        findings.extend(pair);
    }
    let findings = context.accepted(findings);
    let signed = match csr.verify() {
        Ok(()) => Some(true),
        Err(crate::crypto::SignatureFault::Wrong) => Some(false),
        Err(crate::crypto::SignatureFault::Unsupported) => None,
    };
    let asked: Vec<&str> = csr.extensions.present.iter().map(|(oid, _)| ext::word(oid)).collect();
    let mut report = Report::judging(object! {
        "signature_valid" => signed,
        "key_match" => key_match,
        "subject" => csr.subject.to_string(),
        "subject_alt_name" => csr.alt_names().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "requested_extensions" => asked,
        "spki_sha256" => csr.public_key.sha256(),
    });
    report.body = vec![line(&findings, key_match, csr.alt_names().len(), &csr.short_name())];
    report.findings = findings;
    Ok(report.into())
}

/// `OK signature valid, key matches, 2 names`.
fn line(findings: &[Finding], key_match: Option<bool>, names: usize, name: &str) -> Line {
    let worst = findings.iter().map(|f| f.severity).max().filter(|s| *s > Severity::Info);
    let told = |code: &str| findings.iter().any(|f| f.rule.code.starts_with(code));
    let signature = match (told("csr-signature-invalid"), told("csr-signature-unchecked")) {
        (true, _) => "signature wrong",
        (_, true) => "signature not checked",
        _ => "signature valid",
    };
    let key = key_match.map(|fits| if fits { "key matches" } else { "key does not match" });
    let words: Vec<String> =
        [Some(signature), key].into_iter().flatten().map(str::to_owned).chain([count(names, "name")]).collect();
    Line::Verdict(worst.map_or(Verdict::Ok, Verdict::from), vec![name.to_owned(), words.join(", ")])
}
