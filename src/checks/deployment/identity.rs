//! What a server shows of itself: certificate, chain and key, and whether they belong together and to its names.

use std::path::Path;
use std::sync::Arc;

use time::OffsetDateTime;

use super::{Content, Deployment, Opened, place};
use crate::checks::chain::{CHAIN_GAP, CHAIN_LEAF_NOT_FIRST, CHAIN_ROOT_INCLUDED};
use crate::checks::key::{KEY_ENCRYPTED, KEY_NOT_FOUND};
use crate::checks::settings::signers;
use crate::checks::{cert, chain, key};
use crate::finding::{Finding, Location, Origin, Severity, rules};
use crate::instant;
use crate::material::cert::Cert;
use crate::material::key::{KeyFault, PrivateKey};
use crate::material::{Format, Item, Material};
use crate::name::HostName;
use crate::pki::chain::{Pile, Signatures};
use crate::pki::verify::rules::{EXPIRED, NAME_MISMATCH, NOT_YET_VALID};
use crate::settings::{Protocol, Scope, Setting, TlsSettings};

/// The first pair, and the one with the other kind of key; and the files that the certificates are taken from, which a thousand
/// virtual hosts may share: what is to be said of these by themselves is for `alone`.
pub(super) fn judge<'a>(
    deployment: &Deployment<'a>,
    known: &Arc<Signatures>,
    scope: &Scope,
    settings: &TlsSettings,
) -> (Vec<Finding>, Vec<(&'a Path, &'a Material)>) {
    let names: Vec<&str> =
        settings.names.iter().flat_map(|s| &s.value).chain(&scope.name).map(String::as_str).collect();
    let pairs = [(&settings.certificate, &settings.key), (&settings.alt_certificate, &settings.alt_key)];
    // Two files that begin with a key each are two pairs, and not a key and its chain.
    let combined = |setting: &Option<Setting<_>>| {
        let (_, file) = deployment.material(setting).filter(|_| deployment.customs.key_first)?;
        file.blocks.first().map(|block| is_key(&block.item) && file.certs().next().is_some())
    };
    let both = [&settings.key, &settings.certificate];
    let two = settings.key != settings.certificate && both.iter().all(|file| combined(file) == Some(true));
    let pairs = if two { both.map(|file| (file, file)) } else { pairs };
    let (mut found, mut shown) = (ciphers(deployment, settings), Vec::new());
    for (certificate, key) in pairs {
        let Some(setting) = certificate else { continue };
        let Some((path, file)) = deployment.material(certificate) else { continue };
        shown.push((path, file));
        let certs: Vec<(&Origin, &Cert)> = file.certs().collect();
        found.extend(form(setting, file));
        if let Some((at, leaf)) = certs.first() {
            found.extend(name(leaf, at, &names));
            found.extend(chained(deployment, known, settings, &certs));
        }
        found.extend(paired(deployment, setting, key.as_ref(), &certs));
    }
    (found, shown)
}

/// A list of nothing but ciphers for another kind of key than those that are there. Suites of TLS 1.3 fit every key.
fn ciphers(deployment: &Deployment<'_>, settings: &TlsSettings) -> Vec<Finding> {
    let modern = settings.min_protocol.as_ref().is_some_and(|min| min.value == Protocol::Tls13);
    let Some(list) = settings.ciphers.as_ref().filter(|_| !modern) else { return Vec::new() };
    let files = [&settings.certificate, &settings.alt_certificate].into_iter();
    let files = files.filter_map(|setting| deployment.material(setting));
    let leaves: Vec<&Cert> = files.filter_map(|(_, file)| file.certs().next().map(|(_, cert)| cert)).collect();
    let kinds: Vec<&str> = leaves.iter().map(|leaf| leaf.public_key.kind().algorithm()).collect();
    let (Some(wanted), Some(at)) = (signers(&list.value), list.place()) else { return Vec::new() };
    // Ed25519 and Ed448 count as ECDSA (RFC 8422 section 5.10).
    let fits = |kind: &&str| match *kind {
        "rsa" | "rsa-pss" => wanted.contains(&"RSA"),
        "ecdsa" | "ed25519" | "ed448" => wanted.contains(&"ECDSA"),
        _ => true,
    };
    if kinds.is_empty() || kinds.iter().any(fits) {
        return Vec::new();
    }
    let message =
        format!("every cipher of the list is for a key of {}, and the key is {}", wanted.join(", "), kinds.join(", "));
    vec![CIPHERS_OTHER_KEY.at(at, message)]
}

/// Is there a certificate, in the one form that servers read?
fn form(setting: &Setting<std::path::PathBuf>, file: &Material) -> Vec<Finding> {
    let damage = file.findings.iter().filter(|f| f.severity >= Severity::Warning).cloned();
    let mut found: Vec<Finding> = damage.collect();
    let foreign = file.blocks.iter().find(|b| matches!(b.item, Item::Cert(_)) && b.format != Format::Pem);
    let path = setting.value.display();
    if let Some(block) = foreign {
        let message = format!("{path} is {}, and servers read PEM", block.format.word());
        found.push(NOT_PEM.at(place(setting), message));
    } else if file.certs().next().is_none() {
        let what = match file.keys().next() {
            Some(_) => "a private key and no certificate: the two files may be swapped",
            None => "no certificate",
        };
        found.push(NO_CERTIFICATE.at(place(setting), format!("{path} holds {what}")));
    }
    found
}

/// A certificate that is shown, wherever it stands: first in its file, or behind another one.
pub(super) fn alone(cert: &Cert, first: bool, at: &Origin, now: OffsetDateTime) -> Vec<Finding> {
    let place = || Location::from(at.clone());
    let name = cert.short_name();
    let mut found = Vec::new();
    if now > cert.not_after {
        found.push(EXPIRED.at(place(), format!("`{name}` expired at {}", instant::show(cert.not_after))));
    } else if now < cert.not_before {
        found
            .push(NOT_YET_VALID.at(place(), format!("`{name}` is valid from {} only", instant::show(cert.not_before))));
    }
    found.extend(if first && !cert.is_ca() { cert::end_entity(cert, at, now) } else { cert::authority(cert, at, now) });
    found
}

/// Each name that clients ask for here should be one of the certificate's. A pattern is compared as it is written.
fn name(leaf: &Cert, at: &Origin, names: &[&str]) -> Vec<Finding> {
    let presented = |wanted: &str| match wanted.strip_prefix("*.") {
        Some(_) => leaf.dns_names().any(|name| name.eq_ignore_ascii_case(wanted)),
        // What is no host name can be no one's.
        None => wanted.parse::<HostName>().map_or(true, |host| leaf.alt_names().iter().any(|alt| host.matches(alt))),
    };
    let missing = names.iter().filter(|name| !presented(name));
    let tell = |name: &&str| {
        let message = format!("`{}` does not present {name}", leaf.short_name());
        NAME_MISMATCH.at(at.clone().into(), message).severity(Severity::Warning)
    };
    missing.map(tell).collect()
}

/// The chain behind the certificate.
fn chained(
    deployment: &Deployment<'_>,
    known: &Arc<Signatures>,
    settings: &TlsSettings,
    certs: &[(&Origin, &Cert)],
) -> Vec<Finding> {
    let (at, leaf) = certs[0];
    let pile = Pile::beside(known, certs.iter().copied(), deployment.anchors);
    let mut paths = pile.paths(leaf).into_iter();
    let Some(path) = paths.next() else { return Vec::new() };
    let others: Vec<_> = paths.collect();
    let mut found: Vec<Finding> = chain::order(certs, &path, &others, deployment.now)
        .into_iter()
        .map(|f| if f.rule == &CHAIN_ROOT_INCLUDED { f.severity(Severity::Info) } else { f })
        .collect();
    // Told by the pairing with its key, which knows better which certificate should be first.
    found.retain(|f| f.rule != &CHAIN_LEAF_NOT_FIRST);
    let Some(top) = path.gap() else { return found };
    let issuer = deployment
        .material(&settings.client_ca)
        .and_then(|(_, ca)| ca.certs().map(|(_, by)| by).find(|by| top.issued_by(by)).map(|by| by.is_self_issued()));
    let message = format!("`{}` was issued by `{}`, which is not in the file", top.short_name(), top.issuer);
    match issuer {
        // The root itself, which clients have.
        Some(true) => {}
        Some(false) if deployment.customs.completes_chain => found.push(
            CHAIN_GAP
                .at(at.clone().into(), format!("{message}; it is found among the CAs for clients"))
                .severity(Severity::Info),
        ),
        Some(false) => found.push(
            CHAIN_GAP
                .at(at.clone().into(), format!("{message}; the CA file for clients has it, and is not used for this"))
                .severity(Severity::Error),
        ),
        None => {
            let severity = if deployment.anchors_named { Severity::Error } else { CHAIN_GAP.severity };
            let message = format!("{message} and no root that clients are known to have");
            found.push(CHAIN_GAP.at(at.clone().into(), message).severity(severity));
        }
    }
    found
}

/// The key, and whether it is the one of the certificate that is shown.
fn paired(
    deployment: &Deployment<'_>,
    certificate: &Setting<std::path::PathBuf>,
    key: Option<&Setting<std::path::PathBuf>>,
    certs: &[(&Origin, &Cert)],
) -> Vec<Finding> {
    let customs = deployment.customs;
    let setting = match key {
        Some(key) => key,
        None if customs.key_in_certificate => certificate,
        None => return vec![NO_KEY.at(place(certificate), "no key is named for this certificate")],
    };
    let Some(Opened { content: Content::Material(file), .. }) = deployment.at(&setting.value) else {
        return Vec::new();
    };
    let path = setting.value.display();
    let mut found = Vec::new();
    if customs.key_first
        && !file.blocks.first().is_some_and(|block| is_key(&block.item))
        && file.blocks.iter().any(|b| is_key(&b.item))
    {
        found.push(KEY_NOT_FIRST.at(place(setting), format!("{path} does not begin with the private key")));
    }
    let beside = customs.beside(&setting.value).and_then(|path| {
        let Content::Material(file) = &deployment.at(&path)?.content else { return None };
        file.keys().next()
    });
    if let Some((at, key)) = file.keys().next().or(beside) {
        found.extend(matched(key, at, certs, setting));
        return found;
    }
    let encrypted = || {
        let message = format!("{path} is encrypted, and the server has no password for it");
        KEY_ENCRYPTED.at(place(setting), message).severity(Severity::Error)
    };
    let unusable = file.blocks.iter().find(|block| is_key(&block.item));
    match unusable.map(|block| (&block.item, &block.origin)) {
        Some((Item::EncryptedKey(_) | Item::UnusableKey(KeyFault::Encrypted), _)) => {
            found.extend((!customs.key_password).then(encrypted));
        }
        Some((Item::UnusableKey(fault), at)) => found.push(key::fault(fault, at)),
        // The other way round: what stands in the key's place is the certificate.
        _ if customs.key_first
            && deployment.material(&Some(certificate.clone())).is_some_and(|(_, m)| m.holds_key()) =>
        {
            found.push(KEY_NOT_FIRST.at(place(setting), format!("{path} comes first and holds no private key")));
        }
        _ => {
            let what = if file.certs().next().is_some() { "certificates and no private key" } else { "no private key" };
            found.push(KEY_NOT_FOUND.at(place(setting), format!("{path} holds {what}")));
        }
    }
    found
}

fn is_key(item: &Item) -> bool {
    matches!(item, Item::Key(_) | Item::EncryptedKey(_) | Item::UnusableKey(_))
}

fn matched(
    key: &PrivateKey,
    at: &Origin,
    certs: &[(&Origin, &Cert)],
    setting: &Setting<std::path::PathBuf>,
) -> Vec<Finding> {
    let Some((leaf_at, leaf)) = certs.first() else { return Vec::new() };
    let public = key.public();
    let belongs = |cert: &Cert| public.as_ref().is_some_and(|public| *public == cert.public_key);
    if belongs(leaf) {
        return Vec::new();
    }
    if let Some((_, own)) = certs.iter().find(|(_, cert)| belongs(cert)) {
        let message = format!("`{}` comes first, and the key is that of `{}`", leaf.short_name(), own.short_name());
        return vec![CHAIN_LEAF_NOT_FIRST.at((*leaf_at).clone().into(), message).severity(Severity::Error)];
    }
    let mismatch = key::pair(key, at, &leaf.public_key, "certificate", leaf_at);
    // Where the pair is told to the server is where it is mended.
    mismatch.into_iter().map(|f| Finding { at: place(setting), ..f }).collect()
}

rules! {
    /// Nothing to show.
    NO_CERTIFICATE = Error "certificate-not-found" {
        summary: "the file that a server is to take its certificate from holds none",
        help: "name the file with the CERTIFICATE block; certificate and key may be swapped",
        source: "tried on Dovecot 2.3.19 (`There is no valid PEM certificate`), Apache 2.4.71 and slapd 2.5.13 (error (80))",
    }
    /// DER and the like.
    NOT_PEM = Error "certificate-not-pem" {
        summary: "a certificate is not in PEM form, which is the only one that servers read",
        help: "`pkit chain build FILE -o NEW.pem` makes it PEM",
        source: "tried with DER, PKCS#7 and PKCS#12 on Dovecot 2.3.19 and Postfix 3.7.11 (`PEM routines::no start line`)",
    }
    /// RSA ciphers for an ECDSA key.
    CIPHERS_OTHER_KEY = Error "ciphers-for-other-key" {
        summary: "a cipher list has nothing for the kind of key that the server has, so no connection up to TLS 1.2 is possible",
        help: "list ciphers for both kinds; `pkit emit` prints Mozilla's list",
        source: "RFC 5246 section 7.4.2; tried on Dovecot 2.3.19, Postfix 3.7.11, Apache 2.4.71 (`no shared cipher`)",
    }
    /// Certificate alone.
    NO_KEY = Error "certificate-without-key" {
        summary: "a certificate is named, and no key",
        help: "name the key beside the certificate",
        source: "tried on Dovecot 2.3.19 and slapd 2.5.13: no TLS",
    }
    /// Postfix wants it first.
    KEY_NOT_FIRST = Error "postfix-key-not-first" {
        summary: "a file for smtpd_tls_chain_files or an SNI table does not begin with the private key",
        help: "make it anew: `pkit bundle keycert KEY CHAIN --order key-first -o FILE`, or name the key's own file first",
        source: "tried on Postfix 3.7.11: `key not first`, and TLS is off for all, or for that name",
    }
}
