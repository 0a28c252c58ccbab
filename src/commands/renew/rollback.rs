//! `renew rollback`: an earlier version is put into use again, in the same way and with the same way back. Unless told otherwise
//! the same servers and commands are told as by the last deployment.

use std::path::PathBuf;

use super::lineage::Lineage;
use super::services::ServicesArgs;
use super::{VERSION_MISSING, told};
use crate::commands::set::layout::{CHAIN, KEY};
use crate::commands::{Context, Outcome, set};
use crate::error::{Error, Result};
use crate::files::versions::name_of;
use crate::material::Material;
use crate::material::cert::Cert;
use crate::name::HostName;
use crate::plan::deploy::Target;
use crate::plan::{Plan, Step};
use crate::report::{Report, object};

/// Go back to an earlier version
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit renew rollback --name mail.example.org
  pkit renew rollback --name mail.example.org --to-version 3
  pkit renew rollback --name mail.example.org --reload dovecot

Unless --reload, --run or --verify says otherwise, the same servers and
commands are told, and the same ports looked at, as by the last deployment. A
timer that deploys puts the newer version back into use: stop it first.")]
pub struct Args {
    /// The name under which the versions are kept
    #[arg(long, value_name = "NAME")]
    name: HostName,
    /// The directory below which the versions are kept
    #[arg(long, default_value = "/etc/ssl", value_name = "DIR")]
    to: PathBuf,
    /// Which version [default: the one in use before]
    #[arg(long, value_name = "N")]
    to_version: Option<u32>,
    /// Whom to tell.
    #[command(flatten)]
    services: ServicesArgs,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let lineage = Lineage::locked(set::base(&args.to, &args.name)?, context)?;
    // Those that are named, else those of the last deployment.
    let named = match lineage.journal.last_begun().filter(|_| args.services.is_empty()) {
        Some(last) => args.services.recorded(last)?,
        None => args.services.clone(),
    };
    let services = lineage.told(&named)?;
    let (version, leaf) = match wanted(args, &lineage).and_then(|version| Ok((version, whole(&lineage, version)?))) {
        Ok(decided) => decided,
        Err(error) => return lineage.undone_first(error, &args.name, &services, context),
    };
    let target = match &lineage.unfinished {
        Some(begun) if lineage.settled == Some(version) => Target::Undone { version: begun.version, because: None },
        _ => Target::Version(version),
    };
    let mut report = Report::of(object! {
        "name" => args.name.to_string(),
        "version" => version,
        "previous" => lineage.current,
        "path" => lineage.path.as_path(),
    });
    report.findings = context.accepted(lineage.interrupted().into_iter().collect());
    report.afterwards = Some(told::afterwards);
    let deployment = lineage.deployment(&args.name, target, Some(&leaf), &services, context);
    Ok(Outcome { report, plan: Plan { steps: vec![Step::Deploy(Box::new(deployment))], ..Plan::default() } })
}

/// The version that is named, else the one that was in use before: as the record says, else the next lower one that was proven.
fn wanted(args: &Args, lineage: &Lineage) -> Result<u32> {
    let base = lineage.base()?;
    let recorded = || lineage.journal.before(lineage.current?);
    let there = base.versions()?;
    let lower = || {
        let mut lower = there.iter().rev().copied().filter(|number| Some(*number) < lineage.current);
        lower.find(|number| lineage.journal.was_proven(*number))
    };
    let before = || match &lineage.unfinished {
        Some(_) => lineage.settled,
        None => recorded().filter(|number| there.contains(number)).or_else(lower),
    };
    let version = args.to_version.or_else(before);
    version.filter(|number| there.contains(number)).ok_or_else(|| {
        let listed: Vec<String> = there.iter().map(|number| name_of(*number)).collect();
        let message = match args.to_version {
            Some(number) => format!("{}: there is no version {}", lineage.path.display(), name_of(number)),
            None => format!("{}: there is no version before the one in use", lineage.path.display()),
        };
        Error::input(&VERSION_MISSING, message).path(&lineage.path).fact("there", listed.join(", "))
    })
}

/// Its certificate, if the version is as pkit made it and key and certificate belong together.
fn whole(lineage: &Lineage, version: u32) -> Result<Cert> {
    let path = lineage.path.join(name_of(version));
    let damaged = |what: &str| Error::input(&VERSION_MISSING, format!("{}: {what}", path.display())).path(&path);
    let files = lineage.files(version).ok_or_else(|| damaged("its owner or mode is not what pkit gave it"))?;
    if ![CHAIN, KEY].iter().all(|name| files.iter().any(|file| file == name)) {
        return Err(damaged("key or chain is missing"));
    }
    let leaf = lineage.leaf(version).ok_or_else(|| damaged("there is no certificate in its chain"))?;
    // A key that is kept encrypted belongs to whoever prepared it.
    let input = lineage.base()?.read(version, KEY).map_err(|error| damaged(&error.message))?;
    let keys = Material::read(&input.path, &input.bytes);
    match keys.keys().next().and_then(|(_, key)| key.public()) {
        Some(public) if public != leaf.public_key => Err(damaged("its key does not belong to its certificate")),
        _ => Ok(leaf),
    }
}
