//! The directory of a CA as it is on the disk: its index, and for each CA of it a certificate, a key and a CRL. Opened under the
//! index's lock by whoever changes something.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::{CA_FILE_ODD, CA_INDEX_BROKEN, CA_INDEX_TORN, CA_NOT_FOUND};
use crate::change::Mode;
use crate::commands::{Context, Outcome, gather};
use crate::content::{AppendWrite, Content, FileWrite, Overwrite};
use crate::error::{Error, Result};
use crate::files::lock::{self, Lock};
use crate::files::read;
use crate::finding::{Finding, Location, Origin};
use crate::material::cert::Cert;
use crate::material::crl::Crl;
use crate::material::index::{Event, Index};
use crate::material::key::PrivateKey;
use crate::material::{Material, pem};
use crate::pki::issue::Places;
use crate::plan::{Plan, Step};
use crate::report::Report;
use crate::report::describe::count;

/// The file that only grows.
pub(super) const INDEX: &str = "index.ndjson";

/// A CA's directory.
pub(super) struct Directory {
    pub(super) path: PathBuf,
    pub(super) index: Index,
    /// The root first, each below the one before.
    pub(super) authorities: Vec<Authority>,
    pub(super) findings: Vec<Finding>,
    lock: Option<Lock>,
}

/// One CA of it.
pub(super) struct Authority {
    /// What its files are called.
    pub(super) name: String,
    pub(super) cert: Cert,
    pub(super) origin: Origin,
    /// Who issued it, as far as its file tells.
    pub(super) above: Vec<Cert>,
    /// The list that stands there now; none where it cannot be read.
    pub(super) crl: Option<Crl>,
    /// Where its CRL and certificate can be had.
    pub(super) places: Places,
}

impl Directory {
    /// For a change: nobody else changes anything until the plan has been carried out. Nobody has to wait either while somebody
    /// types a passphrase: where it will be needed, which `signs` tells from the directory as it stands now, it is asked for first.
    pub(super) fn locked(
        path: &Path,
        context: &Context,
        signs: impl FnOnce(&Directory) -> Result<bool>,
    ) -> Result<Directory> {
        let index = path.join(INDEX);
        if !index.exists() {
            return Err(not_found(path));
        }
        if context.secret.is_asked_for() {
            let dir = Directory::read(path)?;
            if signs(&dir)? {
                dir.key(dir.issuing()?, context)?;
            }
        }
        let lock = lock::exclusive(&index, context.wait)?;
        Ok(Directory { lock: Some(lock), ..Directory::read(path)? })
    }

    /// Only to look.
    pub(super) fn read(path: &Path) -> Result<Directory> {
        let file = path.join(INDEX);
        let input = read::file(&file)
            .map_err(|error| if error.rule == &read::FILE_MISSING { not_found(path) } else { error })?;
        let index = Index::read(&input.bytes).map_err(|bad| {
            let message = format!("{}, line {}: {}", file.display(), bad.line, bad.why);
            Error::input(&CA_INDEX_BROKEN, message).path(&file)
        })?;
        let mut findings = Vec::new();
        if index.torn {
            let message = "the last line has no end; it counts for nothing";
            findings.push(CA_INDEX_TORN.at(Location::File(file.clone()), message));
        }
        let mut authorities: Vec<Authority> = Vec::new();
        for event in &index.events {
            if let Event::Ca { ca, crl_url, aia_url, .. } = event {
                let places = Places { crl: crl_url.clone(), issuer: aia_url.clone() };
                authorities.push(Authority::read(path, ca, places)?);
            }
        }
        if authorities.is_empty() {
            return Err(not_found(path));
        }
        Ok(Directory { path: path.to_owned(), index, authorities, findings, lock: None })
    }

    /// The CA that signs for servers, clients and mailboxes: the one at the bottom.
    pub(super) fn issuing(&self) -> Result<&Authority> {
        self.authorities.last().ok_or_else(|| not_found(&self.path))
    }

    /// The way up from the CA at the bottom.
    pub(super) fn chain(&self) -> Vec<(&Origin, &Cert)> {
        let own = self.authorities.iter().rev().map(|a| (&a.origin, &a.cert));
        own.chain(self.authorities.iter().flat_map(|a| a.above.iter().map(|cert| (&a.origin, cert)))).collect()
    }

    /// The private key of one of its CAs.
    pub(super) fn key(&self, authority: &Authority, context: &Context) -> Result<PrivateKey> {
        let path = self.path.join(format!("{}.key", authority.name));
        let (_, key) = gather::key(&path, context)?;
        if key.public().is_none_or(|public| public != authority.cert.public_key) {
            let message = format!("{} does not belong to {}", path.display(), authority.origin);
            return Err(Error::input(&CA_FILE_ODD, message).path(path));
        }
        Ok(key)
    }

    /// The lines first, as nothing may be handed out that is not in the index; then everything else. Refusals that can be
    /// foreseen come before anything is done.
    pub(super) fn change(self, report: Report, events: &[Event], writes: Vec<FileWrite>) -> Result<Outcome> {
        let append = AppendWrite {
            path: self.path.join(INDEX),
            lines: events.iter().flat_map(Event::line).collect(),
            what: count(events.len(), "line"),
        };
        let lines = (!events.is_empty()).then_some(Step::Append(append));
        let steps = lines.into_iter().chain(writes.into_iter().map(Step::Write)).collect();
        let plan = Plan { steps, lock: self.lock, ..Plan::default() };
        plan.apply(Mode::DryRun)?;
        Ok(Outcome { report, plan })
    }

    /// The list of one of its CAs, put in place of the one before.
    pub(super) fn crl_file(&self, authority: &Authority, crl: &Crl) -> FileWrite {
        FileWrite {
            path: self.path.join(format!("{}.crl", authority.name)),
            content: Content::Public(pem::encode("X509 CRL", crl.der()).into_bytes()),
            what: format!("CRL, {} revoked", crl.entries),
            overwrite: Overwrite::Replace,
        }
    }
}

impl Authority {
    fn read(dir: &Path, name: &str, places: Places) -> Result<Authority> {
        let path = dir.join(format!("{name}.pem"));
        let input = read::file(&path)?;
        let material = Material::read(&input.path, &input.bytes);
        let mut certs = material.certs();
        let Some((origin, cert)) = certs.next() else {
            return Err(Error::input(&CA_FILE_ODD, format!("{} holds no certificate", path.display())).path(path));
        };
        let crl = dir.join(format!("{name}.crl"));
        let crl = read::file(&crl).ok().and_then(|input| {
            let material = Material::read(&input.path, &input.bytes);
            material.crls().next().map(|(_, crl)| crl.clone())
        });
        Ok(Authority {
            name: name.to_owned(),
            cert: cert.clone(),
            origin: origin.clone(),
            above: certs.map(|(_, cert)| cert.clone()).collect(),
            crl,
            places,
        })
    }

    /// How its beginning is told in the index.
    pub(super) fn event(name: &str, cert: &Cert, places: &Places, at: OffsetDateTime) -> Event {
        Event::Ca {
            ca: name.to_owned(),
            subject: cert.subject.to_string(),
            sha256: crate::crypto::hex(cert.sha256()),
            crl_url: places.crl.clone(),
            aia_url: places.issuer.clone(),
            at,
        }
    }
}

fn not_found(path: &Path) -> Error {
    Error::input(&CA_NOT_FOUND, format!("there is no CA in {}", path.display())).path(path)
}
