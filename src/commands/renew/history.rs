//! `renew history`: the versions of one name, what each serves, and what became of it. Changes nothing.

use std::path::PathBuf;

use super::lineage::Lineage;
use crate::commands::{Context, Outcome, set};
use crate::crypto::hex;
use crate::error::Result;
use crate::files::versions::name_of;
use crate::instant;
use crate::material::cert::Cert;
use crate::material::journal::Event;
use crate::name::HostName;
use crate::report::{Line, Report, object};

/// Show the versions and what became of them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit renew history --name mail.example.org
  pkit renew history --name mail.example.org --json")]
pub struct Args {
    /// The name under which the versions are kept
    #[arg(long, value_name = "NAME")]
    name: HostName,
    /// The directory below which the versions are kept
    #[arg(long, default_value = "/etc/ssl", value_name = "DIR")]
    to: PathBuf,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let lineage = Lineage::read(set::base(&args.to, &args.name)?)?;
    let versions = lineage.base()?.versions()?;
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    for version in versions {
        let in_use = lineage.current == Some(version);
        let leaf = lineage.leaf(version);
        let event = lineage.journal.of(version);
        rows.push(Line::Row(vec![
            if in_use { "->" } else { "" }.into(),
            name_of(version),
            leaf.as_ref().map_or_else(|| "cannot be read".into(), |cert| names(cert).join(", ")),
            leaf.as_ref()
                .map_or_else(String::new, |cert| format!("until {}", instant::day(cert.not_after, context.now))),
            event.map_or_else(String::new, words),
        ]));
        values.push(object! {
            "version" => version,
            "path" => lineage.path.join(name_of(version)).as_path(),
            "in_use" => in_use,
            "subject_alt_name" => leaf.as_ref().map(names),
            "not_before" => leaf.as_ref().map(|cert| instant::rfc3339(cert.not_before)),
            "not_after" => leaf.as_ref().map(|cert| instant::rfc3339(cert.not_after)),
            "sha256" => leaf.as_ref().map(|cert| hex(cert.sha256())),
            "state" => event.map(|event| state(event).0),
            "at" => event.map(|event| instant::rfc3339(state(event).1)),
            "why" => event.and_then(why),
        });
    }
    let mut report = Report::of(object! {
        "name" => args.name.to_string(),
        "path" => lineage.path.as_path(),
        "current" => lineage.current,
        "versions" => values,
    });
    report.body = rows;
    report.findings = context.accepted(lineage.interrupted().into_iter().collect());
    Ok(report.into())
}

fn names(cert: &Cert) -> Vec<String> {
    cert.alt_names().iter().map(ToString::to_string).collect()
}

fn state(event: &Event) -> (&'static str, time::OffsetDateTime) {
    match event {
        Event::Begun(begun) => ("begun", begun.at),
        Event::Done { at, .. } => ("deployed", *at),
        Event::RolledBack { at, .. } => ("rolled-back", *at),
        Event::RollbackFailed { at, .. } => ("rollback-failed", *at),
    }
}

fn why(event: &Event) -> Option<&str> {
    match event {
        Event::RolledBack { why, .. } | Event::RollbackFailed { why, .. } => Some(why),
        Event::Begun(_) | Event::Done { .. } => None,
    }
}

fn words(event: &Event) -> String {
    let (state, at) = state(event);
    let why = why(event).map_or_else(String::new, |why| format!(": {why}"));
    format!("{} {}{why}", state.replace('-', " "), instant::show(at))
}
