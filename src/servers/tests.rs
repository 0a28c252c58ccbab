//! The promise that every server keeps by joining `ALL`: what is written is read back as it was meant, or it is refused.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;

use super::build::{Build, Library, Version};
use super::profile::{INTERMEDIATE, OLD};
use super::{ALL, Placed, Server, Style, Text};
use crate::finding::Location;
use crate::settings::{CipherOrder, ClientCert, CrlCheck, Protocol, Scope, Scoped, TlsLevel, TlsSettings, UserField};

/// Every server, in every version at which its table changes and in the patch versions beside, with every library.
fn builds() -> impl Iterator<Item = (&'static Server, Build)> {
    ALL.iter().flat_map(|server| {
        let versions = server.versions.iter().copied().chain([server.newest, Version::of(&[99, 0])]);
        versions.flat_map(move |version| {
            server.libraries.iter().map(move |library| (*server, Build { version, library: *library }))
        })
    })
}

fn styles(server: &'static Server) -> impl Iterator<Item = &'static Style> {
    std::iter::once(&server.style).chain(server.other_styles)
}

/// Every value of every setting, each with the rest unsaid.
fn single_settings() -> Vec<TlsSettings> {
    let mut all = vec![TlsSettings::default()];
    let mut add = |change: &dyn Fn(&mut TlsSettings)| {
        let mut settings = TlsSettings::default();
        change(&mut settings);
        all.push(settings);
    };
    for level in [TlsLevel::Off, TlsLevel::Offered, TlsLevel::Required] {
        add(&|s| s.level = Some(level.into()));
        add(&|s| s.outgoing = Some(level.into()));
    }
    for asked in [ClientCert::No, ClientCert::Request, ClientCert::Require] {
        add(&|s| s.client_cert = Some(asked.into()));
    }
    for check in [CrlCheck::None, CrlCheck::Leaf, CrlCheck::Chain] {
        add(&|s| s.crl_check = Some(check.into()));
    }
    for field in [UserField::CommonName, UserField::Email, UserField::UserId] {
        add(&|s| s.username_from_cert = Some(field.into()));
    }
    for min in Protocol::ALL {
        add(&|s| s.min_protocol = Some(min.into()));
        add(&|s| s.outgoing_min_protocol = Some(min.into()));
    }
    for order in [CipherOrder::Client, CipherOrder::Server] {
        add(&|s| s.order = Some(order.into()));
    }
    for said in [false, true] {
        add(&|s| s.cleartext_auth = Some(said.into()));
        add(&|s| s.log = Some(said.into()));
        add(&|s| s.received_header = Some(said.into()));
        add(&|s| s.stapling = Some(said.into()));
        for other in [false, true] {
            add(&|s| (s.starttls, s.implicit) = (Some(said.into()), Some(other.into())));
        }
    }
    for number in [0, 1, 3_600] {
        add(&|s| s.verify_depth = Some(number.into()));
        add(&|s| s.session_timeout = Some(number.into()));
        add(&|s| s.hsts = Some(number.into()));
    }
    for ciphers in [INTERMEDIATE.ciphers, OLD.ciphers, "HIGH:!aNULL:@STRENGTH", ""] {
        add(&|s| s.ciphers = Some(ciphers.to_owned().into()));
        add(&|s| s.suites = Some(INTERMEDIATE.suites.to_owned().into()));
    }
    for host in ["mail.example.org", "x\nssl = no", "a b"] {
        add(&|s| s.names = Some(vec![host.to_owned(), "www.example.org".to_owned()].into()));
        add(&|s| s.redirect = Some(host.to_owned().into()));
    }
    for slot in FILES {
        add(&|s| *slot(s) = Some(PathBuf::from("/etc/ssl/x.pem").into()));
    }
    add(&|s| {
        s.alt_certificate = Some(PathBuf::from("/etc/ssl/x.pem").into());
        s.alt_key = Some(PathBuf::from("/etc/ssl/y.pem").into());
    });
    all
}

/// The settings that name a file or directory.
const FILES: [super::table::Slot<PathBuf>; 9] = [
    |s| &mut s.key_password_file,
    |s| &mut s.alt_certificate,
    |s| &mut s.client_ca,
    |s| &mut s.client_ca_dir,
    |s| &mut s.client_crl,
    |s| &mut s.dh,
    |s| &mut s.outgoing_ca,
    |s| &mut s.outgoing_ca_dir,
    |s| &mut s.sni_map,
];

fn scopes() -> Vec<Scope> {
    let scope = |address: Option<&str>, protocol: Option<&str>, name: Option<&str>| Scope {
        address: address.map(|a| a.parse().unwrap()),
        protocol: protocol.map(str::to_owned),
        name: name.map(str::to_owned),
    };
    vec![
        scope(Some("192.0.2.10"), None, None),
        scope(Some("2001:db8::1"), Some("imap"), None),
        scope(None, Some("pop3"), None),
        scope(None, Some("!smtp"), None),
        scope(None, None, Some("imap.example.org")),
        scope(None, None, Some("*.example.org")),
        scope(None, None, Some("x { ssl = no")),
        scope(None, Some("imap\n}\nssl = no"), Some("b.example.org")),
    ]
}

fn with_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> TlsSettings {
    TlsSettings { certificate: Some(certificate.into().into()), key: Some(key.into().into()), ..TlsSettings::default() }
}

fn together(parts: &[TlsSettings]) -> TlsSettings {
    let mut settings = TlsSettings::default();
    parts.iter().for_each(|part| settings.learn(part.clone(), &Arc::new(Location::File(PathBuf::new()))));
    settings
}

/// None where it was refused.
fn round(server: &Server, build: Build, style: &Style, settings: &TlsSettings) -> Option<String> {
    let texts = server.write(settings, build, style).ok()?;
    let all: String = texts.iter().map(|text| text.text.as_str()).collect();
    let (read, findings) = read(server, build, &texts);
    assert!(findings.is_empty(), "{server:?} {build:?}\n{all}\n{findings:?}");
    let mut meant = settings.clone();
    (server.imply)(&mut meant);
    assert_eq!(meant.difference(&read), None, "{server:?} {build:?}\n{all}");
    assert_eq!(server.write(&read, build, style).as_ref(), Ok(&texts), "what was read is written alike");
    Some(all)
}

fn read(server: &Server, build: Build, texts: &[Text]) -> (TlsSettings, Vec<crate::finding::Finding>) {
    let parsed: Vec<_> = texts.iter().map(|text| text.document.grammar.parse(&text.text)).collect();
    let statements = parsed.iter().flat_map(|parsed| &parsed.statements);
    let statements: Vec<_> = statements.map(|statement| Placed { path: Path::new("x"), statement }).collect();
    server.understand(&statements, build)
}

fn said(server: &'static Server, build: Build, settings: &TlsSettings) -> bool {
    styles(server).filter(|style| round(server, build, style, settings).is_some()).count() > 0
}

#[test]
fn every_setting_is_said_by_some_server_and_read_back_by_every_one_that_says_it() {
    for settings in single_settings() {
        let hostile = [&settings.redirect.clone().map(|r| r.value), &settings.names.clone().map(|n| n.value.concat())]
            .into_iter()
            .flatten()
            .any(|text| text.contains(' '));
        let empty = settings.ciphers.as_ref().is_some_and(|c| c.value.is_empty());
        let with = together(&[with_files("/c", "/k"), settings.clone()]);
        let all = builds().filter(|(server, build)| said(server, *build, &with) | said(server, *build, &settings));
        assert_eq!(all.count() == 0, hostile || empty, "{settings:?}");
    }
    for (server, build) in builds() {
        for style in styles(server) {
            assert_eq!(server.write(&TlsSettings::default(), build, style), Ok(Vec::new()), "nothing is said unasked");
        }
    }
}

#[test]
fn what_a_version_does_not_know_is_refused_and_not_weakened() {
    let min = |min: Protocol| TlsSettings { min_protocol: Some(min.into()), ..TlsSettings::default() };
    let refused = |server: &str, version: &[u32], settings: &TlsSettings| {
        let build = Build { version: Version::of(version), library: Library::OpenSsl };
        let server = Server::named(server).unwrap();
        server.write(settings, build, &server.style).is_err()
    };
    assert!(refused("dovecot", &[2, 2, 36], &min(Protocol::Tls13)));
    assert!(refused("dovecot", &[2, 3, 14], &min(Protocol::Tls13)));
    assert!(!refused("dovecot", &[2, 3, 15], &min(Protocol::Tls13)));
    assert!(refused("dovecot", &[0, 99], &TlsSettings::default()), "older than the table");
    assert!(refused("dovecot", &[2, 0, 21], &min(Protocol::Tls12)), "it has no word for protocols");
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
        let server = Server::named(server).unwrap();
        server.read(text, Path::new("f"), server.style.documents[0].grammar, build)
    };
    let (settings, findings) = read("dovecot", &[2, 4, 1], Library::OpenSsl, "ssl = yes\nssl_cert = </c\n");
    assert_eq!(settings.certificate, None);
    assert_eq!((findings[0].rule.code, findings[0].at.to_string()), ("setting-other-version", "f:2:12".to_owned()));
    let (_, findings) = read("openldap", &[2, 5], Library::GnuTls, "dn: cn=config\nolcTLSProtocolMin: 3.3\n");
    assert_eq!(findings[0].rule.code, "setting-other-version");
    let (settings, findings) =
        read("dovecot", &[2, 3, 19], Library::OpenSsl, "ssl_cert = /c\nlocal_name x {\nssl = no\n}\n");
    assert_eq!((settings.certificate, settings.level), (None, None), "what a block says is not said of the whole");
    let said_of_x = &settings.scopes[0];
    assert_eq!(
        (&said_of_x.scope.to_string(), &said_of_x.settings.level),
        (&"name x".to_owned(), &Some(TlsLevel::Off.into()))
    );
    assert_eq!(findings[0].rule.code, "setting-not-understood");
    let (settings, findings) =
        read("postfix", &[3, 7], Library::OpenSsl, "smtpd_tls_mandatory_protocols = >=TLSv1.2\n");
    assert_eq!((settings.min_protocol, findings.len()), (None, 1), "half of the setting is not the setting");
}

#[test]
fn the_gnutls_string_leaves_exactly_the_profile_s_ciphers_or_nothing_is_said() {
    let build = Build { version: Version::of(&[2, 5]), library: Library::GnuTls };
    let openldap = Server::named("openldap").unwrap();
    let write = |settings: &TlsSettings| openldap.write(settings, build, &openldap.style);
    let asked = |ciphers: &str, suites: Option<&str>| TlsSettings {
        min_protocol: Some(Protocol::Tls12.into()),
        ciphers: Some(ciphers.to_owned().into()),
        suites: suites.map(|s| s.to_owned().into()),
        ..TlsSettings::default()
    };
    assert!(write(&asked(INTERMEDIATE.ciphers, Some(INTERMEDIATE.suites))).is_ok());
    assert!(write(&asked(INTERMEDIATE.ciphers, None)).is_err());
    assert!(write(&asked(OLD.ciphers, Some(OLD.suites))).is_err());
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

/// Any settings together, with and without files and scopes.
fn any_settings() -> impl Strategy<Value = TlsSettings> {
    let single = prop::sample::select(single_settings());
    let scoped = (prop::sample::select(scopes()), prop::sample::select(single_settings()), any::<bool>()).prop_map(
        |(scope, settings, files)| {
            let files = if files { with_files("/s.pem", "/s.key") } else { TlsSettings::default() };
            Scoped { scope, settings: together(&[files, settings]) }
        },
    );
    let scopes = prop_oneof![4 => Just(Vec::new()), 1 => prop::collection::vec(scoped, 1..3)];
    (prop::collection::vec(single, 0..5), any::<bool>(), scopes).prop_map(|(parts, files, scopes)| {
        let files = if files { with_files("/etc/ssl/a.pem", "/etc/ssl/b.pem") } else { TlsSettings::default() };
        TlsSettings { scopes, ..together(&[&[files], &parts[..]].concat()) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_back_for_every_server_version_and_settings(settings in any_settings()) {
        for (server, build) in builds() {
            said(server, build, &settings);
        }
    }

    #[test]
    fn a_path_is_read_back_as_it_was_or_refused(certificate in hostile_path(), key in hostile_path()) {
        for (server, build) in builds() {
            for style in styles(server) {
                let Some(text) = round(server, build, style, &with_files(&certificate, &key)) else { continue };
                let usual = round(server, build, style, &with_files("/c", if Path::new(&certificate) == Path::new(&key) { "/c" } else { "/k" })).unwrap();
                prop_assert_eq!(text.lines().count(), usual.lines().count(), "{}", text);
                prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
            }
        }
    }
}
