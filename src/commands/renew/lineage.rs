//! What is kept under one name: its versions, which one is in use, and what the record says of them.

use std::path::PathBuf;

use super::services::ServicesArgs;
use super::{DEPLOY_INTERRUPTED, LINEAGE_MISSING, RECORD_BROKEN, told};
use crate::commands::set::layout::CHAIN;
use crate::commands::{Context, Outcome};
use crate::crypto;
use crate::error::{Error, Result};
use crate::files::read::Input;
use crate::files::versions::{Base, name_of};
use crate::finding::{Finding, Location};
use crate::material::Material;
use crate::material::cert::Cert;
use crate::material::journal::{Begun, Journal};
use crate::name::HostName;
use crate::plan::deploy::{Deployment, Target};
use crate::plan::{Plan, Step};
use crate::report::{Report, object};

/// One name, as it is on the disk.
pub(super) struct Lineage {
    /// `DIR/pkit/NAME`.
    pub(super) path: PathBuf,
    /// Locked unless this is only a look; none where there is nothing yet.
    pub(super) base: Option<Base>,
    pub(super) journal: Journal,
    /// Where the link leads.
    pub(super) current: Option<u32>,
    /// The version that was proven last.
    pub(super) settled: Option<u32>,
    /// What an earlier run has begun and not brought to its end.
    pub(super) unfinished: Option<Begun>,
}

impl Lineage {
    /// For a change: nobody else changes anything until the plan has been carried out.
    pub(super) fn locked(path: PathBuf, context: &Context) -> Result<Lineage> {
        let base = if context.dry_run { Base::as_it_is(&path)? } else { Base::existing(&path, context.wait)? };
        Lineage::of(path, base)
    }

    /// Only to look.
    pub(super) fn read(path: PathBuf) -> Result<Lineage> {
        let base = Base::as_it_is(&path)?;
        Lineage::of(path, base)
    }

    fn of(path: PathBuf, base: Option<Base>) -> Result<Lineage> {
        let mut lineage =
            Lineage { path, base, journal: Journal::default(), current: None, settled: None, unfinished: None };
        let Some(base) = &lineage.base else { return Ok(lineage) };
        lineage.current = base.current()?;
        lineage.journal = journal(base)?;
        lineage.settled = lineage.current;
        if let Some(begun) = lineage.journal.unfinished() {
            // Where the link leads to neither, somebody has gone on without us.
            if lineage.current == Some(begun.version) || lineage.current == begun.previous {
                lineage.settled = begun.previous;
                lineage.unfinished = Some(begun.clone());
            }
        }
        Ok(lineage)
    }

    /// What is to be done with it; it is locked until that has been done.
    pub(super) fn deployment(
        self,
        name: &HostName,
        target: Target,
        leaf: Option<&Cert>,
        services: &ServicesArgs,
        context: &Context,
    ) -> Deployment {
        let proven = self.settled.and_then(|version| self.leaf(version));
        // What comes back is what the commands are told of; what is looked for is what goes.
        let (leaf, looked_for) = match &target {
            Target::Undone { version, .. } => (proven.as_ref(), self.leaf(*version)),
            Target::Set(_) | Target::Version(_) => (leaf, leaf.cloned()),
        };
        let sha256 = |cert: &Cert| crypto::hex(cert.sha256());
        Deployment {
            doors: services.doors(&asked_for(name, leaf)),
            fingerprint: looked_for.as_ref().map(sha256),
            proven: proven.as_ref().map(sha256),
            base: self.base,
            target,
            settled: self.settled,
            unfinished: self.unfinished.is_some(),
            services: services.services(),
            commands: services.run.clone(),
            environment: environment(name, leaf),
            patience: services.timeout.unsigned_abs(),
            keep: None,
            at: context.now,
        }
    }

    /// What an interrupted deployment is owed also by a run that cannot do its own work: it is undone, and then this told.
    pub(super) fn undone_first(
        self,
        error: Error,
        name: &HostName,
        services: &ServicesArgs,
        context: &Context,
    ) -> Result<Outcome> {
        let Some(version) = self.unfinished.as_ref().map(|begun| begun.version).filter(|_| !context.dry_run) else {
            return Err(error);
        };
        let result = object! {
            "name" => name.to_string(), "version" => self.settled, "previous" => self.current, "path" => self.path.as_path(),
        };
        let findings = context.accepted(self.interrupted().into_iter().collect());
        let report = Report { findings, afterwards: Some(told::afterwards), ..Report::of(result) };
        let target = Target::Undone { version, because: Some(error) };
        let deployment = self.deployment(name, target, None, services, context);
        Ok(Outcome { report, plan: Plan { steps: vec![Step::Deploy(Box::new(deployment))], ..Plan::default() } })
    }

    /// Who is told: those that are named, and those of a run that was interrupted, since nobody knows whom it has told.
    /// Where going back has failed somebody was asked to see to it, and names now whom it takes.
    pub(super) fn told(&self, named: &ServicesArgs) -> Result<ServicesArgs> {
        match self.journal.interrupted().filter(|_| self.unfinished.is_some()) {
            Some(begun) => Ok(named.recorded(begun)?.and(named)),
            None => Ok(named.clone()),
        }
    }

    /// What there is to say of an earlier run that did not come to its end.
    pub(super) fn interrupted(&self) -> Option<Finding> {
        let begun = self.unfinished.as_ref()?;
        let message = format!("the deployment of version {} did not come to its end", name_of(begun.version));
        Some(DEPLOY_INTERRUPTED.at(Location::File(self.path.clone()), message))
    }

    /// The directory, which must be there.
    pub(super) fn base(&self) -> Result<&Base> {
        self.base.as_ref().ok_or_else(|| {
            Error::input(&LINEAGE_MISSING, format!("{}: there is no such directory", self.path.display()))
                .path(&self.path)
        })
    }

    /// The names of a version's files; none where it is not as pkit made it.
    pub(super) fn files(&self, version: u32) -> Option<Vec<String>> {
        self.base.as_ref()?.files(version)
    }

    /// The certificate that a version serves; none where its file cannot be read.
    pub(super) fn leaf(&self, version: u32) -> Option<Cert> {
        let input = self.base.as_ref()?.read(version, CHAIN).ok()?;
        Material::read(&input.path, &input.bytes).certs().next().map(|(_, cert)| cert.clone())
    }
}

/// The name that clients ask for: the one under which the set is kept, if it is one that the certificate presents.
fn asked_for(name: &HostName, leaf: Option<&Cert>) -> HostName {
    let Some(leaf) = leaf else { return name.clone() };
    if leaf.alt_names().iter().any(|presented| name.matches(presented)) {
        return name.clone();
    }
    let presented = leaf.dns_names().find_map(|name| name.strip_prefix("*.").unwrap_or(name).parse().ok());
    presented.unwrap_or_else(|| name.clone())
}

/// What the user's commands are told, in certbot's words and ours.
fn environment(name: &HostName, leaf: Option<&Cert>) -> Vec<(String, String)> {
    let names: Vec<&str> = leaf.into_iter().flat_map(Cert::dns_names).collect();
    let own = [("RENEWED_DOMAINS", names.join(" ")), ("PKIT_NAME", name.to_string())];
    own.map(|(name, value)| (name.to_owned(), value)).into()
}

fn journal(base: &Base) -> Result<Journal> {
    let Some(Input { path, bytes, .. }) = base.record()? else { return Ok(Journal::default()) };
    Journal::read(&bytes).map_err(|bad| {
        let message = format!("{}, line {}: {}", path.display(), bad.line, bad.why);
        Error::input(&RECORD_BROKEN, message).path(&path)
    })
}
