//! What is kept under one name: its versions, which one is in use, and what the record says of them.

use std::path::PathBuf;

use super::services::ServicesArgs;
use super::{LINEAGE_MISSING, RECORD_BROKEN};
use crate::commands::Context;
use crate::commands::set::layout::CHAIN;
use crate::crypto;
use crate::error::{Error, Result};
use crate::files::read;
use crate::files::versions::{Base, STATE};
use crate::material::Material;
use crate::material::cert::Cert;
use crate::material::journal::{Begun, Journal};
use crate::name::HostName;
use crate::plan::deploy::{Deployment, Target};

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
        lineage.journal = journal(lineage.path.join(STATE))?;
        lineage.settled = lineage.current;
        if let Some(begun) = lineage.journal.unfinished() {
            // Where the link leads to neither, somebody has gone on without us.
            if lineage.current == Some(begun.version) || lineage.current == begun.previous {
                lineage.settled = begun.previous.filter(|previous| base.files(*previous).is_some());
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
        leaf: &Cert,
        services: &ServicesArgs,
        context: &Context,
    ) -> Deployment {
        let undone = if let Target::Undone(version) = &target { Some(self.leaf(*version)) } else { None };
        let looked_for = undone.unwrap_or_else(|| Some(leaf.clone()));
        Deployment {
            doors: services.doors(&asked_for(name, leaf)),
            fingerprint: looked_for.map(|cert| crypto::hex(cert.sha256())),
            proven: self.settled.and_then(|version| self.leaf(version)).map(|cert| crypto::hex(cert.sha256())),
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
        let input = read::file(&self.base.as_ref()?.path_of(version).join(CHAIN)).ok()?;
        Material::read(&input.path, &input.bytes).certs().next().map(|(_, cert)| cert.clone())
    }
}

/// The name that clients ask for: the one under which the set is kept, if it is one that the certificate presents.
fn asked_for(name: &HostName, leaf: &Cert) -> HostName {
    if leaf.alt_names().iter().any(|presented| name.matches(presented)) {
        return name.clone();
    }
    let presented = leaf.dns_names().find_map(|name| name.strip_prefix("*.").unwrap_or(name).parse().ok());
    presented.unwrap_or_else(|| name.clone())
}

/// What the user's commands are told, in certbot's words and ours.
fn environment(name: &HostName, leaf: &Cert) -> Vec<(String, String)> {
    let names: Vec<&str> = leaf.dns_names().collect();
    let own = [("RENEWED_DOMAINS", names.join(" ")), ("PKIT_NAME", name.to_string())];
    own.map(|(name, value)| (name.to_owned(), value)).into()
}

fn journal(path: PathBuf) -> Result<Journal> {
    match read::file(&path) {
        Ok(input) => Journal::read(&input.bytes).map_err(|bad| {
            let message = format!("{}, line {}: {}", path.display(), bad.line, bad.why);
            Error::input(&RECORD_BROKEN, message).path(&path)
        }),
        Err(error) if error.rule == &read::FILE_MISSING => Ok(Journal::default()),
        Err(error) => Err(error),
    }
}
