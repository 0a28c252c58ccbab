//! Trust anchors: the system's own store, or the file or directory that the user names. It always says which store it was and
//! whether SSL_CERT_FILE or SSL_CERT_DIR chose it, since a chain that is fine here may fail where another store is used.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::read;
use crate::error::{Error, Result};
use crate::finding::{Finding, Location, Severity, rules};
use crate::material::cert::Cert;
use crate::material::{Item, Material};

/// Where anchors come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// What this system trusts.
    System,
    /// A file or directory of certificates.
    Path(PathBuf),
}

impl std::str::FromStr for Source {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> std::result::Result<Source, Self::Err> {
        Ok(if text == "system" { Source::System } else { Source::Path(text.into()) })
    }
}

/// A trust store that has been read.
#[derive(Debug)]
pub struct Store {
    /// `the system trust store (/etc/ssl/certs/ca-certificates.crt)`.
    pub name: String,
    /// `system`, or the path as the user gave it.
    pub short_name: String,
    /// Where it was read; of SSL_CERT_DIR, the whole value.
    pub path: PathBuf,
    /// The anchors.
    pub anchors: Vec<Cert>,
    /// What to tell if not all of it could be read: a chain may then fail for an anchor that is there.
    pub incomplete: Option<Finding>,
}

/// Reads the anchors. A store without a single certificate is an error: nothing could be proven with it.
pub fn load(source: &Source) -> Result<Store> {
    let (path, places, name, short_name) = match source {
        Source::Path(path) => {
            let name = path.display().to_string();
            (path.clone(), vec![path.clone()], name.clone(), name)
        }
        Source::System => {
            let (path, chosen_by) = system()?;
            let chosen = chosen_by.map_or(String::new(), |name| format!(", chosen by {name}"));
            let name = format!("the system trust store ({}{chosen})", path.display());
            let places = if chosen_by == Some(DIRECTORIES) { directories(&path) } else { vec![path.clone()] };
            (path, places, name, "system".to_owned())
        }
    };
    let (inputs, mut damage) = read::pile(&places)?;
    let mut anchors: Vec<Cert> = Vec::new();
    for input in inputs {
        let material = Material::take(&input.path, input.bytes, input.unwrapped);
        damage.extend(material.findings.into_iter().filter(|f| f.severity == Severity::Error));
        anchors.extend(material.blocks.into_iter().filter_map(|b| match b.item {
            Item::Cert(cert) => Some(Arc::unwrap_or_clone(cert)),
            _ => None,
        }));
    }
    // A hashed directory names each certificate twice. One that has trust settings is the one that counts.
    anchors.sort_by_key(|c| (*c.sha256(), c.trust_settings.is_none()));
    anchors.dedup();
    if anchors.is_empty() {
        return Err(Error::input(&TRUST_EMPTY, format!("no certificate in {name}")).path(path));
    }
    let incomplete = damage.first().map(|first| {
        let message = format!(
            "{} parts of {name} cannot be read; the first: {} [{}] {}",
            damage.len(),
            first.at,
            first.rule.code,
            first.message
        );
        TRUST_DAMAGED.at(Location::File(path.clone()), message)
    });
    Ok(Store { name, short_name, path, anchors, incomplete })
}

/// The file or directory of this system, and the variable that chose it.
fn system() -> Result<(PathBuf, Option<&'static str>)> {
    for name in ["SSL_CERT_FILE", DIRECTORIES] {
        if let Some(path) = std::env::var_os(name).filter(|v| !v.is_empty()) {
            return Ok((PathBuf::from(path), Some(name)));
        }
    }
    let found = openssl_probe::probe();
    let path = found.cert_file.or_else(|| found.cert_dir.into_iter().find(|d| Path::is_dir(d)));
    path.map(|path| (path, None))
        .ok_or_else(|| Error::input(&TRUST_MISSING, "this system has no trust store where OpenSSL would look for one"))
}

/// SSL_CERT_DIR may name several, with colons between them, and OpenSSL passes over those that are not there. If none is, the
/// whole is named as what is missing.
fn directories(value: &Path) -> Vec<PathBuf> {
    let there: Vec<PathBuf> = std::env::split_paths(value).filter(|dir| dir.is_dir()).collect();
    if there.is_empty() { vec![value.to_owned()] } else { there }
}

const DIRECTORIES: &str = "SSL_CERT_DIR";

rules! {
    /// No anchors in it.
    TRUST_EMPTY = Error "trust-empty" {
        summary: "the trust store holds no certificate",
        help: "name a file or directory with root certificates with --trust",
        source: "RFC 5280 section 6.1.1 (d): a path is proven from a trust anchor",
    }
    /// Not all of it.
    TRUST_DAMAGED = Warning "trust-damaged" {
        summary: "a part of the trust store cannot be read, so an anchor may be missing",
        help: "restore the store (`update-ca-certificates` on Debian), or name another with --trust",
        source: "RFC 5280 section 6.1.1 (d)",
    }
    /// No store.
    TRUST_MISSING = Error "trust-missing" {
        summary: "this system has no trust store",
        help: "install the package ca-certificates, or name a file with --trust",
        source: "the places where OpenSSL of each distribution looks",
    }
}
