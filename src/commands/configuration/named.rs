//! The files that a configuration names: which one is a key, which a certificate, and where that is said.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::below;
use crate::files::facts::there;
use crate::finding::Location;
use crate::settings::customs::Customs;
use crate::settings::{Scope, Setting, TlsSettings};

/// What a file is named for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NamedAs {
    /// The certificate with its chain.
    Certificate,
    /// The private key.
    Key,
    /// The key's password.
    KeyPassword,
    /// CAs, perhaps with their CRLs.
    Ca,
    /// A directory of CAs with hash links.
    CaDirectory,
    /// CRLs.
    Crl,
    /// Diffie-Hellman parameters.
    Dh,
    /// A table that maps names to keys and certificates.
    SniMap,
}

impl NamedAs {
    /// The word for JSON.
    pub(crate) fn word(self) -> &'static str {
        match self {
            NamedAs::Certificate => "certificate",
            NamedAs::Key => "key",
            NamedAs::KeyPassword => "key-password",
            NamedAs::Ca => "ca",
            NamedAs::CaDirectory => "ca-directory",
            NamedAs::Crl => "crl",
            NamedAs::Dh => "dh",
            NamedAs::SniMap => "sni-map",
        }
    }
}

/// One file that a configuration names.
#[derive(Clone, Debug)]
pub(crate) struct NamedFile {
    /// What for.
    pub(crate) named_as: NamedAs,
    /// Its path, as the configuration has it.
    pub(crate) path: PathBuf,
    /// Where it is named.
    pub(crate) at: Option<Arc<Location>>,
    /// The part of the server that it is for.
    pub(crate) scope: Scope,
}

/// Every file that the settings name, those of narrower scopes too, in the order of the settings.
pub(crate) fn files(settings: &TlsSettings) -> Vec<NamedFile> {
    let whole = of(settings, &Scope::default());
    let scoped = settings.scopes.iter().flat_map(|scoped| of(&scoped.settings, &scoped.scope));
    whole.into_iter().chain(scoped).collect()
}

/// The keys that lie beside their certificates without being named, where the server looks for them.
pub(crate) fn keys_beside(named: &[NamedFile], customs: Customs, root: &Path) -> Vec<NamedFile> {
    let keys = named.iter().filter(|file| file.named_as == NamedAs::Key);
    let beside = keys.filter_map(|file| Some(NamedFile { path: customs.beside(&file.path)?, ..file.clone() }));
    beside.filter(|file| there(root, &below(root, &file.path)).is_ok()).collect()
}

fn of(settings: &TlsSettings, scope: &Scope) -> Vec<NamedFile> {
    let slots: [(NamedAs, &Option<Setting<PathBuf>>); 12] = [
        (NamedAs::Certificate, &settings.certificate),
        (NamedAs::Key, &settings.key),
        (NamedAs::KeyPassword, &settings.key_password_file),
        (NamedAs::Certificate, &settings.alt_certificate),
        (NamedAs::Key, &settings.alt_key),
        (NamedAs::Ca, &settings.client_ca),
        (NamedAs::CaDirectory, &settings.client_ca_dir),
        (NamedAs::Crl, &settings.client_crl),
        (NamedAs::Dh, &settings.dh),
        (NamedAs::Ca, &settings.outgoing_ca),
        (NamedAs::CaDirectory, &settings.outgoing_ca_dir),
        (NamedAs::SniMap, &settings.sni_map),
    ];
    let named = slots.into_iter().filter_map(|(named_as, slot)| slot.as_ref().map(|setting| (named_as, setting)));
    let named = named.filter(|(_, setting)| !setting.value.as_os_str().is_empty());
    named
        .map(|(named_as, setting)| NamedFile {
            named_as,
            path: setting.value.clone(),
            at: setting.at.clone(),
            scope: scope.clone(),
        })
        .collect()
}
