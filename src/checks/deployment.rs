//! Whether a server can serve what it is told: its settings, the files that they name, and who may open these, judged together.
//! `lint` looks at what stands, and whoever plans a change can ask the same of what will stand.

pub mod authorities;
pub mod identity;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use time::OffsetDateTime;

use super::{perms, settings};
use crate::facts::FileFacts;
use crate::finding::{Finding, Location, Origin, Severity, rules};
use crate::material::Material;
use crate::material::cert::Cert;
use crate::settings::customs::Customs;
use crate::settings::{Scope, Scoped, Setting, TlsSettings};
use crate::threads;

/// A server as it is told, with what its files hold.
pub struct Deployment<'a> {
    /// What it is told.
    pub settings: &'a TlsSettings,
    /// What it makes of its files.
    pub customs: Customs,
    /// The files that the settings name.
    pub files: &'a Files,
    /// The roots that its clients are expected to trust.
    pub anchors: &'a [Cert],
    /// Did the user say whom the clients trust? Then a chain that leads elsewhere is of no use to them.
    pub anchors_named: bool,
    /// The instant to judge by.
    pub now: OffsetDateTime,
    /// By what rights are judged.
    pub rights: perms::Judge,
    /// Who opens the keys.
    pub readers: Vec<perms::Reader>,
}

/// Files by the path that the settings have.
pub type Files = HashMap<PathBuf, Box<Opened>>;

/// A file that was looked at.
#[derive(Debug)]
pub struct Opened {
    /// Where it is, seen from here.
    pub path: PathBuf,
    /// Who may do what with it; none where that could not be told.
    pub facts: Option<FileFacts>,
    /// What is in it.
    pub content: Content,
}

/// What is in a file.
#[derive(Debug)]
pub enum Content {
    /// Keys, certificates and the like.
    Material(Material),
    /// A password; whether an end of line stands behind it.
    Password {
        /// Does it end with one?
        newline: bool,
    },
    /// A directory: its entries' names, and what is in them.
    Directory(Vec<(String, Material)>),
    /// Nothing of that name.
    Missing,
    /// It is there and could not be read: why.
    Unread(String),
}

impl Content {
    /// Keeps what everybody may know; the rest is wiped. Of a password only its end was kept.
    pub fn drop_secrets(&mut self) {
        match self {
            Content::Material(material) => material.drop_secrets(),
            Content::Directory(entries) => entries.iter_mut().for_each(|(_, material)| material.drop_secrets()),
            Content::Password { .. } | Content::Missing | Content::Unread(_) => {}
        }
    }
}

/// Everything that speaks against the deployment, each finding once.
pub fn judge(deployment: &Deployment<'_>) -> Vec<Finding> {
    let (rights, mut found) = threads::both(&|| deployment.permissions(), || {
        let mut found = settings::judge(deployment.settings);
        found.extend(deployment.presence());
        found
    });
    let whole = deployment.settings;
    let outer = Scope::default();
    let parts: Vec<Option<&Scoped>> = std::iter::once(None).chain(whole.scopes.iter().map(Some)).collect();
    let known = Arc::default();
    // A thousand hosts are as many signatures and more.
    let judged = threads::among(&parts, |part| {
        let (scope, settings) = match part {
            None => (&outer, Cow::Borrowed(whole)),
            Some(part) => (&part.scope, Cow::Owned(whole.overlaid(&part.settings))),
        };
        let (mut found, shown) = identity::judge(deployment, &known, scope, &settings);
        found.extend(authorities::judge(deployment, &settings));
        (found, shown)
    });
    let mut files = BTreeMap::new();
    for (of_part, shown) in judged {
        found.extend(of_part);
        files.extend(shown);
    }
    found.extend(shown(files.into_values(), deployment.now));
    found.extend(rights);
    // The same file serves several parts.
    let mut told = HashSet::new();
    found.retain(|f| told.insert((f.rule.code, f.at.to_string(), f.message.clone())));
    found
}

/// The certificates of these files by themselves. The same CA stands in a thousand files, and is looked at once.
fn shown<'a>(files: impl Iterator<Item = &'a Material>, now: OffsetDateTime) -> Vec<Finding> {
    type Places<'a> = Vec<(&'a Origin, &'a Cert)>;
    let mut places: BTreeMap<(&[u8; 32], bool), Places<'_>> = BTreeMap::new();
    for (n, place) in files.flat_map(|file| file.certs().enumerate()) {
        places.entry((place.1.sha256(), n == 0)).or_default().push(place);
    }
    let places: Vec<(bool, Places<'_>)> = places.into_iter().map(|((_, first), places)| (first, places)).collect();
    let found = threads::among(&places, |(first, places)| {
        let found = places.first().map_or_else(Vec::new, |(at, cert)| identity::alone(cert, *first, at, now));
        let everywhere = places
            .iter()
            .flat_map(|(at, _)| found.iter().map(|f| Finding { at: Location::from((*at).clone()), ..f.clone() }));
        everywhere.collect::<Vec<_>>()
    });
    found.into_iter().flatten().collect()
}

impl<'a> Deployment<'a> {
    fn at(&self, path: &Path) -> Option<&'a Opened> {
        self.files.get(path).map(AsRef::as_ref)
    }

    fn opened(&self, setting: &Option<Setting<PathBuf>>) -> Option<&'a Opened> {
        self.at(&setting.as_ref()?.value)
    }

    fn material(&self, setting: &Option<Setting<PathBuf>>) -> Option<(&'a Path, &'a Material)> {
        match self.opened(setting)? {
            Opened { path, content: Content::Material(material), .. } => Some((path, material)),
            _ => None,
        }
    }

    /// Is what is named there?
    fn presence(&self) -> Vec<Finding> {
        let whole = self.settings;
        let all = std::iter::once(whole).chain(whole.scopes.iter().map(|scoped| &scoped.settings));
        let mut found = Vec::new();
        for settings in all {
            for (setting, is_dh) in named(settings) {
                let (Some(at), Some(opened)) = (setting.at.as_deref(), self.at(&setting.value)) else { continue };
                let path = setting.value.display();
                match &opened.content {
                    Content::Missing => {
                        let mild = is_dh && self.customs.dh_may_be_missing;
                        let severity = if mild { Severity::Warning } else { FILE_NOT_THERE.severity };
                        found.push(FILE_NOT_THERE.at(at.clone(), format!("{path} is not there")).severity(severity));
                    }
                    Content::Directory(_) if !is_directory(settings, setting) => {
                        found.push(NOT_A_FILE.at(at.clone(), format!("{path} is a directory, and a file is wanted")));
                    }
                    Content::Unread(why) => found.push(FILE_NOT_OPENED.at(at.clone(), why.clone())),
                    Content::Password { newline: true } if !self.customs.password_by_line => {
                        let message =
                            format!("{path} ends with an end of line, which is taken for a part of the password");
                        found.push(PASSWORD_NEWLINE.at(at.clone(), message));
                    }
                    _ => {}
                }
            }
        }
        found
    }

    /// Who may read the keys, whether the server can, and who could change what is served.
    fn permissions(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for opened in self.files.values() {
            let Some(facts) = &opened.facts else { continue };
            let role = match &opened.content {
                Content::Material(material) if material.holds_key() => perms::Role::Key,
                Content::Material(_) => perms::Role::Public,
                Content::Password { .. } => perms::Role::Password,
                _ => continue,
            };
            // What is only a note elsewhere would be noise here.
            let told = self.rights.file(facts, role, &self.readers);
            found.extend(told.into_iter().filter(|f| f.severity > Severity::Info));
        }
        // The files come in no order, and what is told of a directory above several of them has one place.
        found.sort_by(|a, b| (&a.at, &a.message).cmp(&(&b.at, &b.message)));
        found
    }
}

/// The files that settings name, and whether each holds Diffie-Hellman parameters. CA directories are looked at elsewhere.
fn named(settings: &TlsSettings) -> impl Iterator<Item = (&Setting<PathBuf>, bool)> {
    let slots = [
        (&settings.certificate, false),
        (&settings.key, false),
        (&settings.key_password_file, false),
        (&settings.alt_certificate, false),
        (&settings.alt_key, false),
        (&settings.client_ca, false),
        (&settings.client_ca_dir, false),
        (&settings.client_crl, false),
        (&settings.outgoing_ca, false),
        (&settings.outgoing_ca_dir, false),
        (&settings.sni_map, false),
        (&settings.dh, true),
    ];
    slots.into_iter().filter_map(|(slot, is_dh)| slot.as_ref().map(|setting| (setting, is_dh)))
}

/// Is a directory what this setting names?
fn is_directory(settings: &TlsSettings, setting: &Setting<PathBuf>) -> bool {
    let directories = [&settings.client_ca_dir, &settings.outgoing_ca_dir];
    directories.into_iter().flatten().any(|directory| std::ptr::eq(directory, setting))
}

/// The place of a setting, else the file that it names.
fn place(setting: &Setting<PathBuf>) -> Location {
    setting.place().unwrap_or_else(|| Location::File(setting.value.clone()))
}

rules! {
    /// Named, and missing.
    FILE_NOT_THERE = Error "named-file-missing" {
        summary: "a configuration names a file that is not there",
        help: "correct the path, or make the file",
        source: "tried on all servers: Dovecot, Apache, nginx and HAProxy do not start, Postfix turns TLS off, slapd says error (80), Courier and Exim drop connections",
    }
    /// Another kind of thing.
    NOT_A_FILE = Error "named-file-directory" {
        summary: "a configuration names a directory where a file is wanted",
        help: "name the file in it",
        source: "tried on all servers: none serves TLS",
    }
    /// Named, and not to be opened here.
    FILE_NOT_OPENED = Skipped "named-file-unread" {
        summary: "a file that a configuration names could not be read, so nothing is known about it",
        help: "run as root, or accept the gap with --allow-incomplete",
        source: "open(2)",
    }
    /// `echo secret > file`.
    PASSWORD_NEWLINE = Error "key-password-newline" {
        summary: "a file with a key's password has an end of line behind it, which counts",
        help: "write it without one: printf %s PASSWORD > FILE",
        source: "tried on Dovecot 2.3.19 and 2.4.1: `maybe wrong password`, no TLS",
    }
}
