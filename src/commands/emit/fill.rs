//! What a profile, and good practice, add to what was asked. Protocol and ciphers are what a profile is about, so these are asked
//! for. The rest is left out, with a note, where the server has no word for it.

use std::path::PathBuf;

use crate::servers::build::Build;
use crate::servers::profile::{self, Profile};
use crate::servers::{Server, Style};
use crate::settings::{ClientCert, Protocol, Scoped, TlsLevel, TlsSettings};

/// The settings with what the profile adds, and what had to be left out.
pub(super) fn in_from(
    server: &Server,
    style: &'static Style,
    asked: &TlsSettings,
    profile: &Profile,
    build: Build,
) -> (TlsSettings, Vec<String>) {
    let whole =
        |settings: &TlsSettings| if server.parts.inherits { settings.clone() } else { parts_told_all(settings) };
    let says = |settings: &TlsSettings| server.write(&whole(settings), build, style).is_ok();
    let mut settings = asked.clone();
    if asked.min_protocol.as_ref().map_or(profile.min_protocol, |min| min.value) < Protocol::Tls13 {
        let mut ciphers = profile.ciphers.to_owned();
        if asked.dh.is_some() {
            ciphers = format!("{ciphers}:{}", profile::DHE);
        }
        settings.ciphers.get_or_insert(ciphers.into());
    }
    let mut notes = Vec::new();
    let bare = settings.clone();
    settings.min_protocol.get_or_insert(profile.min_protocol.into());
    if settings.level.is_none() {
        settings.level = Some(server.level.into());
    }
    // Where the oldest protocol cannot be told, ciphers that only newer ones have still keep it out.
    let by_ciphers = asked.min_protocol.is_none() && !profile.ciphers.is_empty() && asked.ciphers.is_none();
    if by_ciphers && !says(&settings) {
        let without = TlsSettings { min_protocol: None, ..settings.clone() };
        if says(&without) || says(&offered(&without)) {
            settings = without;
            notes.push(format!(
                "{} {} cannot be told the oldest protocol; these ciphers leave none older than {}",
                server.title, build.version, profile.min_protocol
            ));
        }
    }
    if bare.level.is_none() && !says(&settings) && says(&offered(&settings)) {
        settings = offered(&settings);
        notes.push(format!("{} {} cannot be told here to refuse what comes without TLS", server.title, build.version));
    }
    for (add, note) in EXTRAS {
        let mut more = settings.clone();
        add(&mut more, profile);
        if more == settings {
            continue;
        }
        if says(&more) {
            settings = more;
        } else {
            notes.extend(note.map(|what| format!("{} {} cannot be told {what}", server.title, build.version)));
        }
    }
    (whole(&settings), notes)
}

/// A part that takes nothing over is told what the whole is told, but for its names and its second certificate.
fn parts_told_all(settings: &TlsSettings) -> TlsSettings {
    let whole = TlsSettings { redirect: None, names: None, alt_certificate: None, alt_key: None, ..settings.clone() };
    let told = |scoped: &Scoped| {
        let names = scoped.scope.name.clone().map(|name| vec![name].into());
        let settings = TlsSettings { names, ..whole.overlaid(&scoped.settings) };
        Scoped { scope: scoped.scope.clone(), settings }
    };
    TlsSettings { scopes: settings.scopes.iter().map(told).collect(), ..settings.clone() }
}

fn offered(settings: &TlsSettings) -> TlsSettings {
    TlsSettings { level: Some(TlsLevel::Offered.into()), ..settings.clone() }
}

/// What a server may have no word for, and how the note goes. OpenSSL's own TLS 1.3 suites are the profile's, so nothing is lost
/// where they cannot be said; a server that knows no way to take a setting away in a scope does not hand it down either.
type Extra = (fn(&mut TlsSettings, &Profile), Option<&'static str>);
const EXTRAS: [Extra; 9] = [
    (|s, profile| _ = s.suites.get_or_insert_with(|| profile.suites.to_owned().into()), None),
    (
        |s, profile| _ = s.order.get_or_insert(profile.order.into()),
        Some("whose cipher order decides; the client's does"),
    ),
    (
        |s, _| {
            if s.level.as_ref().is_none_or(|level| level.value != TlsLevel::Required) {
                s.cleartext_auth.get_or_insert(false.into());
            }
        },
        Some("here to refuse passwords that come without TLS"),
    ),
    // Where TLS is required this only says it once more.
    (|s, _| _ = s.cleartext_auth.get_or_insert(false.into()), None),
    (|s, _| no_inherited_alternative(s), None),
    (
        |s, _| {
            if s.client_cert.as_ref().is_some_and(|asked| asked.value != ClientCert::No) {
                s.verify_depth.get_or_insert(CA_DEPTH.into());
            }
        },
        None,
    ),
    (
        |s, _| {
            if s.scopes.iter().any(|scoped| scoped.scope.name.is_some()) {
                s.sni_map.get_or_insert(PathBuf::from(SNI_MAP).into());
            }
        },
        None,
    ),
    (
        |s, _| {
            if s.outgoing_ca.is_some() || s.outgoing_ca_dir.is_some() {
                s.outgoing.get_or_insert(TlsLevel::Offered.into());
            }
        },
        Some("here to use TLS for outgoing connections; say it where each of them is set up"),
    ),
    (
        |s, profile| {
            if s.outgoing.is_some() {
                s.outgoing_min_protocol.get_or_insert(profile.min_protocol.into());
            }
        },
        Some("the oldest protocol of outgoing connections"),
    ),
];

/// A scope with a certificate of its own must not show the outer alternative: that is the wrong name for half of the clients
/// (tried on Dovecot 2.3.19 and 2.4.1).
fn no_inherited_alternative(settings: &mut TlsSettings) {
    if settings.alt_certificate.is_none() {
        return;
    }
    for scoped in settings.scopes.iter_mut().filter(|scoped| scoped.settings.certificate.is_some()) {
        scoped.settings.alt_certificate.get_or_insert(PathBuf::new().into());
        scoped.settings.alt_key.get_or_insert(PathBuf::new().into());
    }
}

/// Apache's own limit is one, too little for any intermediate (tried on 2.4.71); nginx's is one intermediate. Real chains have two or three.
const CA_DEPTH: u32 = 5;
/// Where Postfix's table of certificates by name goes.
const SNI_MAP: &str = "/etc/postfix/sni";
