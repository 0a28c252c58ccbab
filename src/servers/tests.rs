//! The promise that every server keeps by joining `ALL`: what is written is read back as it was meant, or it is refused.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::build::{Build, Library, Version};
use super::profile::{INTERMEDIATE, OLD};
use super::{ALL, Server};
use crate::settings::{CipherOrder, ClientCert, Protocol, TlsLevel, TlsSettings};

/// Every server, in every version at which its table changes and in the patch versions beside, with every library.
fn builds() -> impl Iterator<Item = (&'static Server, Build)> {
    ALL.iter().flat_map(|server| {
        let versions = server.versions.iter().copied().chain([server.newest, Version::of(&[99, 0])]);
        versions.flat_map(move |version| {
            server.libraries.iter().map(move |library| (*server, Build { version, library: *library }))
        })
    })
}

/// Every value of every setting that is no path, each with the rest unsaid.
fn single_settings() -> Vec<TlsSettings> {
    let mut all = vec![TlsSettings::default()];
    let mut add = |change: &dyn Fn(&mut TlsSettings)| {
        let mut settings = TlsSettings::default();
        change(&mut settings);
        all.push(settings);
    };
    for level in [TlsLevel::Off, TlsLevel::Offered, TlsLevel::Required] {
        add(&|s| s.level = Some(level.into()));
    }
    for asked in [ClientCert::No, ClientCert::Request, ClientCert::Require] {
        add(&|s| s.client_cert = Some(asked.into()));
    }
    for min in Protocol::ALL {
        add(&|s| s.min_protocol = Some(min.into()));
    }
    for order in [CipherOrder::Client, CipherOrder::Server] {
        add(&|s| s.order = Some(order.into()));
    }
    for cleartext in [false, true] {
        add(&|s| s.cleartext_auth = Some(cleartext.into()));
    }
    for ciphers in [INTERMEDIATE.ciphers, OLD.ciphers, "HIGH:!aNULL:@STRENGTH", ""] {
        add(&|s| s.ciphers = Some(ciphers.to_owned().into()));
        add(&|s| s.suites = Some(INTERMEDIATE.suites.to_owned().into()));
    }
    all
}

/// All pairs of single settings laid over each other, with and without the files.
fn combinations() -> Vec<TlsSettings> {
    let single = single_settings();
    let mut all = Vec::new();
    for (first, second) in single.iter().flat_map(|a| single.iter().map(move |b| (a, b))) {
        for files in [false, true] {
            let mut settings =
                if files { with_files("/etc/ssl/a.pem", "/etc/ssl/b.pem") } else { TlsSettings::default() };
            for part in [first, second] {
                settings.learn(part.clone(), &crate::finding::Location::File(PathBuf::new()));
            }
            all.push(settings);
        }
    }
    all
}

fn with_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> TlsSettings {
    TlsSettings {
        certificate: Some(certificate.into().into()),
        key: Some(key.into().into()),
        client_ca: Some(PathBuf::from("/etc/ssl/ca.pem").into()),
        dh: Some(PathBuf::from("/etc/ssl/dh.pem").into()),
        ..TlsSettings::default()
    }
}

/// None where it was refused.
fn round(server: &Server, build: Build, settings: &TlsSettings) -> Option<String> {
    let text = server.write(settings, build).ok()?;
    let (read, findings) = server.read(&text, Path::new("x"), build);
    assert!(findings.is_empty(), "{server:?} {build:?}\n{text}\n{findings:?}");
    let mut meant = settings.clone();
    (server.imply)(&mut meant);
    assert_eq!(meant.difference(&read), None, "{server:?} {build:?}\n{text}");
    assert_eq!(server.write(&read, build).as_ref(), Ok(&text), "what was read is written alike");
    Some(text)
}

#[test]
fn what_is_written_is_read_back_for_every_server_version_and_setting() {
    let settings = combinations();
    for (server, build) in builds() {
        let said = settings.iter().filter_map(|s| round(server, build, s)).count();
        assert!(said * 10 > settings.len(), "{server:?} {build:?} says only {said} of {}", settings.len());
    }
}

#[test]
fn every_setting_can_be_said_by_some_server_and_nothing_is_said_unasked() {
    for settings in single_settings().iter().filter(|s| s.ciphers.as_ref().is_none_or(|c| !c.value.is_empty())) {
        let mut files = with_files("/c", "/k");
        files.learn(settings.clone(), &crate::finding::Location::File(PathBuf::new()));
        assert!(builds().any(|(server, build)| round(server, build, &files).is_some()), "{settings:?}");
    }
    for (server, build) in builds() {
        assert_eq!(server.write(&TlsSettings::default(), build).as_deref(), Ok(server.grammar.head), "{server:?}");
    }
}

#[test]
fn what_a_version_does_not_know_is_refused_and_not_weakened() {
    let min = |min: Protocol| TlsSettings { min_protocol: Some(min.into()), ..TlsSettings::default() };
    let refused = |server: &str, version: &[u32], settings: &TlsSettings| {
        let build = Build { version: Version::of(version), library: Library::OpenSsl };
        Server::named(server).unwrap().write(settings, build).is_err()
    };
    assert!(refused("dovecot", &[2, 2, 36], &min(Protocol::Tls13)));
    assert!(refused("dovecot", &[2, 3, 14], &min(Protocol::Tls13)));
    assert!(!refused("dovecot", &[2, 3, 15], &min(Protocol::Tls13)));
    assert!(refused("dovecot", &[2, 1, 17], &min(Protocol::Tls12)), "older than the table");
    let require = TlsSettings { client_cert: Some(ClientCert::Require.into()), ..with_files("/c", "/k") };
    assert!(refused("postfix", &[3, 7], &require), "at level `may` Postfix ignores it");
    let encrypted = TlsSettings { level: Some(TlsLevel::Required.into()), ..require };
    assert!(!refused("postfix", &[3, 7], &encrypted));
    assert!(refused("openldap", &[2, 6], &encrypted), "slapd has no word for it in the TLS settings");
    let only_a_key = TlsSettings { key: Some(PathBuf::from("/k").into()), ..TlsSettings::default() };
    assert!(refused("postfix", &[3, 7], &only_a_key), "chain files need both");
}

#[test]
fn a_directive_of_another_version_is_told_with_its_place() {
    let read = |server: &str, version: &[u32], library, text: &str| {
        let build = Build { version: Version::of(version), library };
        Server::named(server).unwrap().read(text, Path::new("f"), build)
    };
    let (settings, findings) = read("dovecot", &[2, 4, 1], Library::OpenSsl, "ssl = yes\nssl_cert = </c\n");
    assert_eq!(settings.certificate, None);
    assert_eq!((findings[0].rule.code, findings[0].at.to_string()), ("setting-other-version", "f:2:12".to_owned()));
    let (_, findings) = read("openldap", &[2, 5], Library::GnuTls, "dn: cn=config\nolcTLSProtocolMin: 3.3\n");
    assert_eq!(findings[0].rule.code, "setting-other-version");
    let (settings, findings) =
        read("dovecot", &[2, 3, 19], Library::OpenSsl, "ssl_cert = /c\nlocal_name x {\nssl = no\n}\n");
    assert_eq!((settings, findings[0].rule.code), (TlsSettings::default(), "setting-not-understood"));
    let (settings, findings) =
        read("postfix", &[3, 7], Library::OpenSsl, "smtpd_tls_mandatory_protocols = >=TLSv1.2\n");
    assert_eq!((settings.min_protocol, findings.len()), (None, 1), "half of the setting is not the setting");
}

#[test]
fn the_gnutls_string_leaves_exactly_the_profile_s_ciphers_or_nothing_is_said() {
    let build = Build { version: Version::of(&[2, 5]), library: Library::GnuTls };
    let openldap = Server::named("openldap").unwrap();
    let asked = |ciphers: &str, suites: Option<&str>| TlsSettings {
        min_protocol: Some(Protocol::Tls12.into()),
        ciphers: Some(ciphers.to_owned().into()),
        suites: suites.map(|s| s.to_owned().into()),
        ..TlsSettings::default()
    };
    assert!(openldap.write(&asked(INTERMEDIATE.ciphers, Some(INTERMEDIATE.suites)), build).is_ok());
    assert!(openldap.write(&asked(INTERMEDIATE.ciphers, None), build).is_err());
    assert!(openldap.write(&asked(OLD.ciphers, Some(OLD.suites)), build).is_err());
}

/// Characters that mean something somewhere, among harmless ones.
fn hostile_path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        3 => "[a-z/._-]{1,6}".prop_map(|s| s),
        2 => prop::sample::select(vec![
            " ", "\t", "\n", "\r", "\0", "#", "\"", "'", "$", "$$", "%", "%{env:x}", "<", "\\", "=", ",", ":", ";", "{", "}", "-",
            "\u{85}", "\u{2028}", "\u{202e}", "ü", "\nssl = no\n", "\n-\nreplace: olcTLSCipherSuite\nolcTLSCipherSuite: NULL",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| format!("/{}", parts.concat()))
}

proptest! {
    #[test]
    fn a_path_is_read_back_as_it_was_or_refused(certificate in hostile_path(), key in hostile_path()) {
        for (server, build) in builds() {
            let settings = TlsSettings { dh: None, ..with_files(&certificate, &key) };
            let Some(text) = round(server, build, &settings) else { continue };
            let harmless = TlsSettings { dh: None, ..with_files("/c", "/k") };
            let usual = round(server, build, &harmless).unwrap();
            prop_assert_eq!(text.lines().count(), usual.lines().count(), "{}", text);
            prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}
