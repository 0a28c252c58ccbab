//! Whom a server trusts: the CAs for clients, their CRLs, and what becomes of a revoked client.

use time::Duration;

use super::{Content, Deployment, place};
use crate::checks::bundle::{self, NO_AUTHORITY, ORDER};
use crate::checks::crl::{self, CRL_EXPIRED, CRL_MISSING};
use crate::checks::dh::{DH_TOO_SMALL, MIN_BITS};
use crate::finding::{Finding, rules};
use crate::material::cert::Cert;
use crate::material::subject_hash::subject_hash;
use crate::material::{Item, Material};
use crate::pki::store::Store;
use crate::settings::customs::Revocation;
use crate::settings::{ClientCert, CrlCheck, Setting, TlsSettings};

/// CAs, CRLs, CA directories and Diffie-Hellman parameters.
pub(super) fn judge(deployment: &Deployment<'_>, settings: &TlsSettings) -> Vec<Finding> {
    let mut found = Vec::new();
    let asks = settings.client_cert.as_ref().is_some_and(|asked| asked.value != ClientCert::No);
    if let (Some(setting), Some((path, ca))) = (&settings.client_ca, deployment.material(&settings.client_ca)) {
        match deployment.customs.revocation {
            Revocation::Every if asks => found.extend(every(deployment, ca, path)),
            Revocation::Never if ca.crls().next().is_some() => {
                found.push(
                    CRL_IGNORED.at(place(setting), format!("{} holds CRLs, which are not looked at", path.display())),
                );
            }
            _ => {}
        }
        if ca.certs().next().is_none() {
            found.push(NO_CA.at(place(setting), format!("{} holds no certificate", path.display())));
        }
        if asks {
            found.extend(lists(deployment, settings, ca));
            found.extend(depth(deployment, settings, ca));
        }
    }
    for (setting, opened) in [&settings.client_ca_dir, &settings.outgoing_ca_dir]
        .into_iter()
        .filter_map(|slot| Some((slot.as_ref()?, deployment.opened(slot)?)))
    {
        if let Content::Directory(entries) = &opened.content {
            found.extend(unlinked(entries).map(|(file, name)| {
                let message = format!("{}/{file} (`{name}`) has no link by its hash", setting.value.display());
                CA_UNLINKED.at(place(setting), message)
            }));
        }
    }
    if let (Some(setting), Some((path, file))) = (&settings.dh, deployment.material(&settings.dh)) {
        let params = file.blocks.iter().find_map(|b| if let Item::Dh(params) = &b.item { Some(params) } else { None });
        match params {
            None => {
                found.push(crate::checks::dh::DH_NOT_FOUND.at(place(setting), format!("{} holds none", path.display())))
            }
            Some(params) if params.bits() < MIN_BITS => {
                let message = format!("{}: the prime has {} bits", path.display(), params.bits());
                found.push(DH_TOO_SMALL.at(place(setting), message));
            }
            Some(_) => {}
        }
    }
    found
}

/// Dovecot and its like: all is judged by the bundle's own judge. What is of no use there hurts nobody.
fn every(deployment: &Deployment<'_>, ca: &Material, path: &std::path::Path) -> Vec<Finding> {
    let found = bundle::standing(ca, path, deployment.now, WARN);
    found.into_iter().filter(|f| f.rule != &ORDER && f.rule != &NO_AUTHORITY).collect()
}

/// How long before its end a list is worth a warning.
const WARN: Duration = Duration::days(3);

/// Servers that take CRLs from where they are told to.
fn lists(deployment: &Deployment<'_>, settings: &TlsSettings, ca: &Material) -> Vec<Finding> {
    let open = match deployment.customs.revocation {
        Revocation::Told => false,
        Revocation::Open => true,
        Revocation::Never | Revocation::Every => return Vec::new(),
    };
    let check = settings.crl_check.as_ref().map_or(CrlCheck::None, |check| check.value);
    let Some(setting) = &settings.client_crl else { return Vec::new() };
    if check == CrlCheck::None && !open {
        // That nobody looks at them is told by the server's own rules.
        return Vec::new();
    }
    let Some((path, crls)) = deployment.material(&settings.client_crl) else { return Vec::new() };
    let mut found = bundle::unreadable(crls);
    let listed = Store::new(crls);
    for (at, crl) in crls.crls() {
        found.extend(crl::dates(crl, at, deployment.now));
        found.extend(crl::ends_soon(crl, at, deployment.now, WARN));
    }
    for (_, authority) in ca.certs().filter(|(_, cert)| cert.is_ca()) {
        if listed.crl_of(authority, None, deployment.now).is_none() && (check == CrlCheck::Chain || open) {
            let message = format!("{} has no CRL of `{}`", path.display(), authority.subject);
            found.push(CRL_MISSING.at(place(setting), message));
        }
    }
    if open {
        let late = |f: Finding| {
            if f.rule == &CRL_EXPIRED || f.rule == &CRL_MISSING {
                CRL_OPEN.at(f.at, format!("{}: revoked clients come in", f.message))
            } else {
                f
            }
        };
        found = found.into_iter().map(late).collect();
    }
    found
}

/// Is the longest chain of the CA file allowed?
fn depth(deployment: &Deployment<'_>, settings: &TlsSettings, ca: &Material) -> Option<Finding> {
    let said = settings.verify_depth.as_ref();
    let allowed = said.map(|depth| depth.value).or(deployment.customs.verify_depth)?;
    let certs: Vec<&Cert> = ca.certs().map(|(_, cert)| cert).take(MAX_CAS).collect();
    let above = |cert: &Cert| certs.iter().copied().find(|by| !std::ptr::eq(*by, cert) && by.subject == cert.issuer);
    let length = |cert: &&Cert| {
        let (mut length, mut top) = (1, *cert);
        while let Some(next) = above(top).filter(|_| !top.is_self_issued() && length < MAX_CAS) {
            (length, top) = (length + 1, next);
        }
        length
    };
    let longest = certs.iter().map(length).max()?;
    let at = said.and_then(Setting::place).or_else(|| settings.client_cert.as_ref()?.place())?;
    let most = (allowed as usize).saturating_add(usize::from(deployment.customs.depth_without_root));
    let message = || format!("{longest} CAs stand above a client, the root included, and {most} may");
    (longest > most).then(|| VERIFY_DEPTH.at(at, message()))
}

/// As many as any chain of CAs that is looked at.
const MAX_CAS: usize = 100;

/// CAs of a directory that no link leads to by the hash of their name.
fn unlinked(entries: &[(String, Material)]) -> impl Iterator<Item = (&str, String)> {
    let linked = |cert: &Cert| {
        let hash = format!("{}.", subject_hash(&cert.subject));
        entries.iter().any(|(name, there)| {
            let numbered = name.strip_prefix(&hash).is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
            numbered && there.certs().any(|(_, other)| other == cert)
        })
    };
    entries.iter().flat_map(move |(name, material)| {
        let lost: Vec<_> = material.certs().filter(|(_, cert)| cert.is_ca() && !linked(cert)).collect();
        lost.into_iter().map(move |(_, cert)| (name.as_str(), cert.subject.short()))
    })
}

rules! {
    /// Nobody looks.
    CRL_IGNORED = Warning "crl-ignored" {
        summary: "CRLs stand in a CA file of a server that looks at none: revoked clients come in",
        help: "with Postfix, list fingerprints in check_ccert_access; with Dovecot, leave ssl_require_crl at yes; Courier has no way",
        source: "tried on Postfix 3.7.11, Courier 5.0.13, and Dovecot 2.3.19 with ssl_require_crl = no",
    }
    /// Fail open.
    CRL_OPEN = Warning "crl-fail-open" {
        summary: "a CRL is missing or old, and this server then lets everybody in",
        help: "keep the CRL file current: `pkit crl fetch`",
        source: "tried on slapd 2.5.13 with GnuTLS: with an expired CRL a revoked client comes in",
    }
    /// No CA in a CA file.
    NO_CA = Error "ca-not-found" {
        summary: "a CA file holds no certificate",
        help: "put the CAs that issue to clients into it, as PEM",
        source: "tried on Postfix 3.7.11: a bad CA file turns all TLS off",
    }
    /// Locked out.
    VERIFY_DEPTH = Error "verify-depth" {
        summary: "more CAs stand above a client than the server allows, so that client is refused",
        help: "set Apache's SSLVerifyDepth to the number of CAs above the client, the root included, nginx's ssl_verify_depth to one less, or more",
        source: "tried on Apache 2.4.71 (`Certificate Chain too long`, AH02040) and nginx 1.22.1 (`unable to get issuer certificate`), whose default is 1",
    }
    /// Not found by its hash.
    CA_UNLINKED = Warning "ca-without-link" {
        summary: "a certificate in a CA directory has no link by the hash of its name, so it is not found",
        help: "`pkit bundle cadir DIR FILE` makes the links, or run c_rehash",
        source: "SSL_CTX_load_verify_locations(3)",
    }
}
