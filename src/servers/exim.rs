//! Exim 4.80 and later: the options of the main section. Everything about protocols and ciphers depends on the TLS library, which
//! does not start with the other one's words. Debian builds with GnuTLS, upstream's default and Fedora's is OpenSSL.
//! What Exim does as a client stands in its transports, and a certificate by name in an expansion: both are not written.
//! Tried on 4.96 with GnuTLS (Debian 12) and, by hand, on the same built with OpenSSL 3.0.

use std::path::PathBuf;

use super::alike;
use super::build::{Build, Library, Version};
use super::syntax::exim::{GRAMMAR, WITH_TLS};
use super::table::{Directive, Never, Text, Whole};
use super::{Document, FileNeed, Part, Question, Reader, Role, Server, Style, gnutls, parts, reload, vocabulary};
use crate::settings::{CipherOrder, ClientCert, Protocol, Setting, TlsLevel, TlsSettings};

/// Exim.
pub(super) static EXIM: Server = Server {
    name: "exim",
    title: "Exim",
    versions: &[V4_80, V4_91],
    newest: V4_96,
    libraries: &[Library::OpenSsl, Library::GnuTls],
    ask_version: &[Question { program: "exim", args: &["-bV"], env: &[], behind: "Exim version " }],
    // It is setuid, and tells by itself.
    ask_library: Some(Question { program: "exim", args: &["-bV"], env: &[], behind: "Support for:" }),
    style: Style {
        word: "conf",
        documents: &[Document {
            file: Some("/etc/exim4/exim4.conf.localmacros"),
            place: "put this before the first `begin` of exim.conf, in place of the same options there; on Debian into /etc/exim4/exim4.conf.localmacros (with a split configuration /etc/exim4/conf.d/main/000_tls), without MAIN_TLS_ENABLE, which sets some of them a second time",
            grammar: &GRAMMAR,
            takes: |_| true,
        }],
        then: "check with `exim -bV` (Debian: after `update-exim4.conf`), which looks neither into files nor at ciphers, then `systemctl restart exim4`, and look into its log",
    },
    other_styles: &[],
    directives: DIRECTIVES,
    vocabulary: &vocabulary::EXIM,
    parts: &parts::NONE,
    // RFC 3207 section 4: a public mail server must not demand TLS.
    level: TlsLevel::Offered,
    files: &[
        FileNeed { role: Role::Certificate, parts: &[Part::Leaf, Part::Intermediates], reader: Reader::User(USER) },
        FileNeed { role: Role::Key, parts: &[Part::Key], reader: Reader::User(USER) },
        FileNeed { role: Role::ClientCa, parts: &[Part::Cas], reader: Reader::User(USER) },
    ],
    look: "localhost:25 -starttls smtp",
    reload: &reload::EXIM,
    imply,
    notes,
    dh: |_| "no DH file is needed: none of these ciphers uses one, and Exim has parameters of its own",
    untried: |build| build.version < V4_96,
};

static DIRECTIVES: &[Directive] = &[
    Directive::new(&["tls_advertise_hosts"], &Whole { spell: offered, parse: offers }),
    Directive::new(&[], &Never { when: |s| s.level.as_ref().is_some_and(|l| l.value == TlsLevel::Required), why: ACL }),
    Directive::new(PORTS, &Whole { spell: ports, parse: from_ports }),
    Directive::new(FILES, &Whole { spell: one_pair, parse: pairs }).until(V4_91),
    Directive::new(FILES, &Whole { spell: all_pairs, parse: pairs }).since(V4_91),
    Directive::new(&[], &Never { when: alike::half_a_pair, why: PAIR }),
    Directive::new(&[], &Never { when: |s| s.alt_certificate.is_some(), why: ONE_KEY }).until(V4_91),
    Directive::new(&["tls_dhparam"], &Whole { spell: dh_file, parse: dh_parameters }).built_with(Library::GnuTls),
    Directive::new(&["tls_dhparam", "tls_dh_max_bits"], &Whole { spell: any_dh_file, parse: dh_parameters })
        .built_with(Library::OpenSsl),
    Directive::new(&["tls_verify_certificates"], &Whole { spell: alike::cas, parse: trust }),
    Directive::new(&["tls_try_verify_hosts"], &Whole { spell: asked, parse: asks }),
    Directive::new(&["tls_verify_hosts"], &Whole { spell: required, parse: requires }),
    // The lists of all CAs of a chain are looked at as soon as a file is named.
    Directive::new(&["tls_crl"], &Whole { spell: alike::crls_of_chain, parse: alike::crl_file_of_chain }),
    Directive::new(&[], &Never { when: |s| s.crl_check.is_some() != s.client_crl.is_some(), why: CRLS_APART }),
    Directive::new(&["openssl_options"], &Whole { spell: options, parse: from_options }).built_with(Library::OpenSsl),
    Directive::new(&["tls_require_ciphers"], &Text(|s| &mut s.ciphers)).built_with(Library::OpenSsl),
    Directive::new(&["tls_require_ciphers"], &Whole { spell: gnutls::spell, parse: gnutls::parse })
        .built_with(Library::GnuTls),
    Directive::new(&[], &Never { when: gnutls::lacks_ciphers, why: gnutls::LACKS }).built_with(Library::GnuTls),
    Directive::new(&["auth_advertise_hosts"], &Whole { spell: logins, parse: takes_logins }),
    Directive::new(&[], &Never { when: |s| s.key_password_file.is_some(), why: NO_PASSWORD }),
    Directive::new(&[], &Never { when: |s| s.outgoing.is_some() || s.outgoing_ca.is_some(), why: OUTGOING }),
    Directive::new(&[], &Never { when: |s| s.stapling.is_some(), why: STAPLING }),
    Directive::new(&[], &Never { when: |s| !s.scopes.is_empty(), why: BY_NAME }),
];

const FILES: &[&str] = &["tls_certificate", "tls_privatekey"];
const PORTS: &[&str] = &["daemon_smtp_ports", "tls_on_connect_ports"];

fn offered(settings: &TlsSettings) -> Option<Vec<String>> {
    match settings.level.as_ref()?.value {
        TlsLevel::Off => Some(vec![String::new()]),
        TlsLevel::Offered => Some(vec!["*".to_owned()]),
        TlsLevel::Required => None,
    }
}

/// To some at least.
fn offers(values: &[&str]) -> Option<TlsSettings> {
    let level = if values.concat().is_empty() { TlsLevel::Off } else { TlsLevel::Offered };
    Some(TlsSettings { level: Some(level.into()), ..TlsSettings::default() })
}

/// Other servers send their mail to port 25, whatever port the clients have.
fn ports(settings: &TlsSettings) -> Option<Vec<String>> {
    let (starttls, implicit) = (settings.starttls.as_ref()?.value, settings.implicit.as_ref()?.value);
    let ports = [(true, "25"), (starttls, "587"), (implicit, "465")];
    let ports: Vec<&str> = ports.into_iter().filter(|(listens, _)| *listens).map(|(_, port)| port).collect();
    Some(vec![ports.join(" : "), if implicit { "465".to_owned() } else { String::new() }])
}

fn from_ports(values: &[&str]) -> Option<TlsSettings> {
    let [all, at_once] = values else { return None };
    let holds = |list: &str, known: &[&str]| items(list).iter().any(|port| known.contains(&port.as_str()));
    // Without a list it is port 25, and a daemon may be told others when it is started.
    let listens = |is: bool| (!all.is_empty()).then(|| is.into());
    Some(TlsSettings {
        starttls: listens(holds(all, SUBMISSION)),
        implicit: listens(holds(all, SUBMISSIONS) && holds(at_once, SUBMISSIONS)),
        ..TlsSettings::default()
    })
}

/// Names and numbers of the ports for mail clients.
const SUBMISSION: &[&str] = &["587", "submission"];
pub(super) const SUBMISSIONS: &[&str] = &["465", "smtps", "submissions", "ssmtp", "urd"];

/// A list of Exim's, with `:` between its items unless it begins with `<` and another.
/// Twice it stands for itself.
pub(super) fn items(list: &str) -> Vec<String> {
    let mut rest = list.strip_prefix('<').unwrap_or_default().chars();
    let (separator, list) = rest.next().map_or((':', list), |separator| (separator, rest.as_str()));
    let (mut items, mut chars) = (vec![String::new()], list.chars().peekable());
    while let Some(c) = chars.next() {
        match items.last_mut() {
            Some(item) if c != separator || chars.next_if_eq(&separator).is_some() => item.push(c),
            _ => items.push(String::new()),
        }
    }
    items.iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

fn one_pair(settings: &TlsSettings) -> Option<Vec<String>> {
    let path = |file: &Option<Setting<PathBuf>>| plain_path(&file.as_ref()?.value);
    let (certificate, key) = (path(&settings.certificate)?, path(&settings.key)?);
    // Where no key is named it is looked for in the certificate's file.
    let apart = if certificate == key { String::new() } else { key };
    Some(vec![certificate, apart])
}

fn all_pairs(settings: &TlsSettings) -> Option<Vec<String>> {
    let (Some(certificate), Some(key)) = (&settings.alt_certificate, &settings.alt_key) else {
        return one_pair(settings);
    };
    let list = |first: &Option<Setting<PathBuf>>, second: &Setting<PathBuf>| {
        Some(format!("{} : {}", plain_path(&first.as_ref()?.value)?, plain_path(&second.value)?))
    };
    Some(vec![list(&settings.certificate, certificate)?, list(&settings.key, key)?])
}

/// A colon is the end of a path in a list.
fn plain_path(path: &std::path::Path) -> Option<String> {
    path.to_str().filter(|path| path.starts_with('/') && !path.contains(':')).map(str::to_owned)
}

fn pairs(values: &[&str]) -> Option<TlsSettings> {
    let [certificates, keys] = values else { return None };
    let keys = if keys.is_empty() { certificates } else { keys };
    let file = |path: &String| path.starts_with('/').then(|| Setting::from(PathBuf::from(path)));
    let all = |list| items(list).iter().map(file).collect::<Option<Vec<_>>>();
    let (mut certificates, mut keys) = (all(certificates)?.into_iter(), all(keys)?.into_iter());
    let said = TlsSettings {
        certificate: certificates.next(),
        key: keys.next(),
        alt_certificate: certificates.next(),
        alt_key: keys.next(),
        ..TlsSettings::default()
    };
    (certificates.next().is_none() && keys.next().is_none()).then_some(said)
}

fn dh_file(settings: &TlsSettings) -> Option<Vec<String>> {
    Some(vec![settings.dh.as_ref()?.value.to_str()?.to_owned()])
}

/// Without the second word a prime of more than 2236 bits is left out in silence.
fn any_dh_file(settings: &TlsSettings) -> Option<Vec<String>> {
    Some(vec![dh_file(settings)?.concat(), "8192".to_owned()])
}

/// A word is a group that Exim has built in.
fn dh_parameters(values: &[&str]) -> Option<TlsSettings> {
    let file = values.first()?;
    let path = file.starts_with('/').then(|| PathBuf::from(file).into());
    Some(TlsSettings { dh: path, ..TlsSettings::default() })
}

fn trust(values: &[&str]) -> Option<TlsSettings> {
    let path = values.concat();
    if path.is_empty() || path == "system" {
        return Some(TlsSettings::default());
    }
    alike::cas_from(values)
}

fn asked(settings: &TlsSettings) -> Option<Vec<String>> {
    match settings.client_cert.as_ref()?.value {
        ClientCert::No => Some(vec![String::new()]),
        ClientCert::Request => Some(vec!["*".to_owned()]),
        ClientCert::Require => None,
    }
}

fn asks(values: &[&str]) -> Option<TlsSettings> {
    let asked = if values.concat().is_empty() { ClientCert::No } else { ClientCert::Request };
    Some(TlsSettings { client_cert: Some(asked.into()), ..TlsSettings::default() })
}

fn required(settings: &TlsSettings) -> Option<Vec<String>> {
    (settings.client_cert.as_ref()?.value == ClientCert::Require).then(|| vec!["*".to_owned()])
}

/// Of some only is asked for, taken together.
fn requires(values: &[&str]) -> Option<TlsSettings> {
    let required = match values.concat().as_str() {
        "" => None,
        "*" => Some(ClientCert::Require.into()),
        _ => Some(ClientCert::Request.into()),
    };
    Some(TlsSettings { client_cert: required, ..TlsSettings::default() })
}

/// Each protocol that is older is taken away, and the server's order put in.
fn options(settings: &TlsSettings) -> Option<Vec<String>> {
    let oldest = settings.min_protocol.as_ref().map(|min| min.value);
    let ordered = settings.order.as_ref().is_some_and(|order| order.value == CipherOrder::Server);
    let older = NO_PROTOCOL.iter().filter(|(protocol, _)| oldest.is_some_and(|oldest| *protocol < oldest));
    let ssl = oldest.map(|_| "+no_sslv2 +no_sslv3");
    let words: Vec<&str> =
        ssl.into_iter().chain(older.map(|(_, word)| *word)).chain(ordered.then_some(SERVER_ORDER)).collect();
    (!words.is_empty()).then(|| vec![words.join(" ")])
}

fn from_options(values: &[&str]) -> Option<TlsSettings> {
    let list = values.concat();
    let said = |wanted: &str| list.split_whitespace().any(|word| word == wanted);
    let oldest = Protocol::ALL
        .into_iter()
        .find(|protocol| !NO_PROTOCOL.iter().any(|(known, word)| known == protocol && said(word)));
    let speaks = said("+no_sslv3") || oldest != Some(Protocol::Tls10);
    let order = if said(SERVER_ORDER) { CipherOrder::Server } else { CipherOrder::Client };
    Some(TlsSettings {
        min_protocol: oldest.filter(|_| speaks).map(Into::into),
        order: Some(order.into()),
        ..TlsSettings::default()
    })
}

const SERVER_ORDER: &str = "+cipher_server_preference";
const NO_PROTOCOL: &[(Protocol, &str)] =
    &[(Protocol::Tls10, "+no_tlsv1"), (Protocol::Tls11, "+no_tlsv1_1"), (Protocol::Tls12, "+no_tlsv1_2")];

fn logins(settings: &TlsSettings) -> Option<Vec<String>> {
    let open = settings.cleartext_auth.as_ref()?.value;
    Some(vec![if open { "*" } else { WITH_TLS }.to_owned()])
}

/// What asks for TLS keeps passwords out of the clear; to nobody at all does, too.
fn takes_logins(values: &[&str]) -> Option<TlsSettings> {
    let hosts = values.concat();
    let open = !hosts.is_empty() && !asks_for_tls(&hosts);
    Some(TlsSettings { cleartext_auth: Some(open.into()), ..TlsSettings::default() })
}

/// Is it worked out from whether there is TLS?
pub(super) fn asks_for_tls(value: &str) -> bool {
    value.contains("tls_in_cipher") || value.contains("tls_cipher")
}

/// The client's order counts where nothing else is said.
fn imply(settings: &mut TlsSettings) {
    settings.order.get_or_insert(CipherOrder::Client.into());
}

fn notes(settings: &TlsSettings, build: Build) -> Vec<&'static str> {
    let mut notes = vec!["Exim opens the key as its own user (Debian: Debian-exim): 0400 root:root does not work here"];
    if settings.client_cert.as_ref().is_some_and(|asked| asked.value == ClientCert::Require) {
        notes.push("a client that speaks no TLS is not asked for a certificate: `require encrypted = *` in an ACL keeps it out");
    }
    if settings.client_cert.as_ref().is_some_and(|asked| asked.value != ClientCert::No) {
        match build.library {
            Library::GnuTls => notes.push(
                "CRLs are looked for in a file of their own (--crl); one that is missing or unreadable lets everybody in",
            ),
            Library::OpenSsl => {
                notes.push("with OpenSSL the system's own CAs are trusted too, besides tls_verify_certificates")
            }
        }
    }
    notes
}

/// Who opens the key (tried on 4.96).
const USER: &str = "Debian-exim";

const ACL: &str = "Exim demands TLS in its ACLs: put `require encrypted = *` into that of acl_smtp_mail, but not on port 25, where others deliver their mail";
const PAIR: &str = "a certificate and its key go together";
const ONE_KEY: &str = "before 4.91 Exim has one certificate";
const CRLS_APART: &str = "Exim looks for CRLs in a file of their own, not in the CA file";
const NO_PASSWORD: &str = "Exim cannot read a key with a password: take it off with `pkit key convert --decrypt`";
const OUTGOING: &str = "Exim's transports say how it connects to others: tls_verify_certificates and hosts_require_tls of the smtp transport (Debian: the macros REMOTE_SMTP_...); it uses TLS wherever it is offered";
const STAPLING: &str = "Exim staples what a file holds: name it in tls_ocsp_file, and keep it new";
const BY_NAME: &str = "Exim tells names and addresses apart by expansion: tls_certificate = ${if eq{$tls_in_sni}{imap.example.org}{/c2.pem}{/c.pem}}, and tls_privatekey alike";

const V4_80: Version = Version::of(&[4, 80]);
/// Two certificates are documented for GnuTLS and OpenSSL from here on.
const V4_91: Version = Version::of(&[4, 91]);
const V4_96: Version = Version::of(&[4, 96]);
