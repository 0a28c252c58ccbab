//! `ca list`: what was issued, until when, and what was revoked.

use std::collections::HashMap;
use std::path::PathBuf;

use time::{Duration, OffsetDateTime};

use super::directory::Directory;
use super::lists;
use crate::commands::{Context, Outcome};
use crate::error::Result;
use crate::instant;
use crate::material::index::Issued;
use crate::report::{Line, Report, Value, Verdict, object};

/// List what was issued, and what became of it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit ca list --ca /root/ca
  pkit ca list --ca /root/ca --expiring 30d
  pkit ca list --ca /root/ca --json | jq -r '.result.issued[] | select(.state == \"valid\").names[]'")]
pub struct Args {
    /// The CA's directory
    #[arg(long, value_name = "DIR")]
    ca: PathBuf,
    /// Only those that are valid and end within this time
    #[arg(long, value_name = "TIME", value_parser = instant::span)]
    expiring: Option<Duration>,
}

/// What became of a certificate.
enum State {
    Valid,
    Expired,
    Revoked(String, OffsetDateTime),
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let dir = Directory::read(&args.ca)?;
    let mut revoked = HashMap::new();
    for authority in &dir.authorities {
        for (serial, reason, at) in dir.index.revoked(&authority.name) {
            revoked.insert((authority.name.as_str(), serial), (reason, at));
        }
    }
    let state = |issued: &Issued| match revoked.get(&(issued.ca.as_str(), issued.serial.as_str())) {
        Some((reason, at)) => State::Revoked((*reason).to_owned(), *at),
        None if issued.not_after < context.now => State::Expired,
        None => State::Valid,
    };
    let soon = |issued: &Issued, state: &State| {
        args.expiring.is_none_or(|within| matches!(state, State::Valid) && issued.not_after - context.now <= within)
    };
    let shown: Vec<(&Issued, State)> = dir
        .index
        .issued()
        .map(|issued| (issued, state(issued)))
        .filter(|(issued, state)| soon(issued, state))
        .collect();

    let authorities = dir.authorities.iter().map(|a| {
        object! {
            "ca" => a.name.as_str(),
            "subject" => a.cert.subject.to_string(),
            "not_after" => instant::rfc3339(a.cert.not_after),
            "crl" => a.crl.as_ref().map(|crl| lists::value(&dir, a, crl)),
        }
    });
    let mut report = Report::of(object! {
        "authorities" => authorities.collect::<Vec<_>>(),
        "issued" => shown.iter().map(|(issued, state)| value(issued, state)).collect::<Vec<_>>(),
    });
    report.body = shown.iter().map(|(issued, state)| line(issued, state, context)).collect();
    report.body.extend(dir.authorities.iter().filter_map(|a| a.crl.as_ref()).map(|crl| Line::Text(lists::words(crl))));
    report.findings = dir.findings;
    Ok(report.into())
}

fn line(issued: &Issued, state: &State, context: &Context) -> Line {
    let name = issued.names.first().map_or(issued.subject.as_str(), |name| name.trim_start_matches("DNS:"));
    let (verdict, words) = match state {
        State::Valid => (Verdict::Ok, instant::day(issued.not_after, context.now)),
        State::Expired => (Verdict::Note, instant::day(issued.not_after, context.now)),
        State::Revoked(reason, at) => (Verdict::Fail, format!("revoked {} ({reason})", at.date())),
    };
    Line::Verdict(verdict, vec![format!("#{}", issued.serial), name.to_owned(), issued.profile.clone(), words])
}

fn value(issued: &Issued, state: &State) -> Value {
    let (word, reason, at) = match state {
        State::Valid => ("valid", None, None),
        State::Expired => ("expired", None, None),
        State::Revoked(reason, at) => ("revoked", Some(reason.as_str()), Some(instant::rfc3339(*at))),
    };
    object! {
        "serial_number" => issued.serial.as_str(),
        "ca" => issued.ca.as_str(),
        "subject" => issued.subject.as_str(),
        "names" => issued.names.clone(),
        "profile" => issued.profile.as_str(),
        "not_before" => instant::rfc3339(issued.not_before),
        "not_after" => instant::rfc3339(issued.not_after),
        "sha256" => issued.sha256.as_str(),
        "spki_sha256" => issued.spki_sha256.as_str(),
        "state" => word,
        "reason" => reason,
        "revocation_date" => at,
    }
}
