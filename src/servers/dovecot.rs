//! Dovecot 1.x to 2.4. From 2.0 to 2.3 a file's content is put in by `<`; before and since, the settings have other names and take
//! the path. No version starts, or serves TLS, with another's spelling. 2.4 also wants `dovecot_config_version` as the very
//! first line: that stands in dovecot.conf, before it pulls in conf.d, so it is not said here.

use super::build::{Build, Library, Version};
use super::parts::{Parts, in_blocks};
use super::syntax::{self, Statement};
use super::table::{ContentOf, ContentOrNone, Directive, File, FileOrNone, Never, Text, Whole, Words};
use super::{Document, FileNeed, Part, Question, Reader, Role, Server, Style, reload, vocabulary};
use crate::settings::{CipherOrder, ClientCert, CrlCheck, Protocol, Scope, Setting, TlsLevel, TlsSettings, UserField};

/// Dovecot.
pub(super) static DOVECOT: Server = Server {
    name: "dovecot",
    title: "Dovecot",
    versions: &[V1_0, V1_2, V2_0, V2_1, V2_1_6, V2_2_6, V2_2_27, V2_2_31, V2_3, V2_3_3, V2_3_15, V2_4],
    newest: V2_4,
    libraries: &[Library::OpenSsl],
    ask_version: &[Question { program: "dovecot", args: &["--version"], env: &[], behind: "" }],
    ask_library: None,
    style: Style {
        word: "conf",
        documents: &[Document {
            file: Some("/etc/dovecot/conf.d/10-ssl.conf"),
            place: "put this into /etc/dovecot/conf.d/10-ssl.conf (before 2.0: dovecot.conf), in place of the same settings there",
            grammar: &syntax::dovecot::GRAMMAR,
            takes: |_| true,
        }],
        then: "check with `doveconf -n`, then `doveadm reload`",
    },
    other_styles: &[],
    directives: DIRECTIVES,
    vocabulary: &vocabulary::DOVECOT,
    parts: &PARTS,
    // Nobody reads mail without TLS.
    level: TlsLevel::Required,
    files: &[
        FileNeed { role: Role::Certificate, parts: &[Part::Leaf, Part::Intermediates], reader: Reader::Root },
        FileNeed { role: Role::Key, parts: &[Part::Key], reader: Reader::Root },
        FileNeed { role: Role::ClientCa, parts: &[Part::Cas, Part::Crls], reader: Reader::Root },
    ],
    look: "localhost:993",
    reload: &reload::DOVECOT,
    imply: |_| {},
    notes,
    dh,
    untried: |build| build.version < V2_3,
};

static DIRECTIVES: &[Directive] = &[
    Directive::new(
        &["ssl_disable"],
        &Words(|s| &mut s.level, &[(TlsLevel::Off, &["yes"]), (TlsLevel::Offered, &["no"])]),
    )
    .until(V1_2),
    Directive::new(&["ssl"], &Words(|s| &mut s.level, LEVELS)).since(V1_2).scoped(),
    Directive::new(&["ssl_cert_file"], &File(|s| &mut s.certificate)).until(V2_0).scoped(),
    // 2.0 to 2.3 take the names of 1.x, with a warning.
    Directive::new(&["ssl_cert_file"], &File(|s| &mut s.certificate)).since(V2_0).until(V2_4).scoped().only_read(),
    Directive::new(&["ssl_key_file"], &File(|s| &mut s.key)).since(V2_0).until(V2_4).scoped().only_read(),
    Directive::new(&["ssl_ca_file"], &File(|s| &mut s.client_ca)).since(V2_0).until(V2_4).scoped().only_read(),
    Directive::new(&["ssl_protocols"], &Words(|s| &mut s.min_protocol, PROTOCOL_LISTS))
        .since(V2_3)
        .until(V2_4)
        .only_read(),
    Directive::new(&["ssl_cert"], &ContentOf(|s| &mut s.certificate)).since(V2_0).until(V2_4).scoped(),
    Directive::new(&["ssl_server_cert_file"], &File(|s| &mut s.certificate)).since(V2_4).scoped(),
    Directive::new(&["ssl_key_file"], &File(|s| &mut s.key)).until(V2_0).scoped(),
    Directive::new(&["ssl_key"], &ContentOf(|s| &mut s.key)).since(V2_0).until(V2_4).scoped(),
    Directive::new(&["ssl_server_key_file"], &File(|s| &mut s.key)).since(V2_4).scoped(),
    Directive::new(&["ssl_key_password"], &ContentOf(|s| &mut s.key_password_file)).since(V2_0).until(V2_4).scoped(),
    Directive::new(&["ssl_server_key_password"], &ContentOf(|s| &mut s.key_password_file)).since(V2_4).scoped(),
    Directive::new(&["ssl_alt_cert"], &ContentOrNone(|s| &mut s.alt_certificate)).since(V2_2_31).until(V2_4).scoped(),
    Directive::new(&["ssl_server_alt_cert_file"], &FileOrNone(|s| &mut s.alt_certificate)).since(V2_4).scoped(),
    Directive::new(&["ssl_alt_key"], &ContentOrNone(|s| &mut s.alt_key)).since(V2_2_31).until(V2_4).scoped(),
    Directive::new(&["ssl_server_alt_key_file"], &FileOrNone(|s| &mut s.alt_key)).since(V2_4).scoped(),
    Directive::new(&[], &Never { when: half_an_alternative, why: BOTH }).scoped(),
    Directive::new(&["ssl_ca_file"], &File(|s| &mut s.client_ca)).until(V2_0).scoped(),
    Directive::new(&["ssl_ca"], &ContentOf(|s| &mut s.client_ca)).since(V2_0).until(V2_4).scoped(),
    Directive::new(&["ssl_server_ca_file"], &File(|s| &mut s.client_ca)).since(V2_4).scoped(),
    Directive::new(
        &["ssl_verify_client_cert", "auth default { ssl_require_client_cert"],
        &Words(|s| &mut s.client_cert, CLIENT_CERTS),
    )
    .until(V2_0),
    Directive::new(
        &["ssl_verify_client_cert", "auth_ssl_require_client_cert"],
        &Words(|s| &mut s.client_cert, CLIENT_CERTS),
    )
    .since(V2_0)
    .until(V2_4)
    .scoped(),
    Directive::new(
        &["ssl_server_request_client_cert", "auth_ssl_require_client_cert"],
        &Words(|s| &mut s.client_cert, CLIENT_CERTS),
    )
    .since(V2_4)
    .scoped(),
    Directive::new(&["ssl_require_crl"], &Words(|s| &mut s.crl_check, CRL_CHECKS)).since(V2_1_6).until(V2_4).scoped(),
    Directive::new(&["ssl_server_require_crl"], &Words(|s| &mut s.crl_check, CRL_CHECKS)).since(V2_4).scoped(),
    Directive::new(&["auth default { ssl_username_from_cert"], &Whole { spell: common_name, parse: user_field })
        .until(V2_0),
    Directive::new(
        &["auth_ssl_username_from_cert", "ssl_cert_username_field"],
        &Whole { spell: any_user_field, parse: user_field },
    )
    .since(V2_0)
    .until(V2_4),
    Directive::new(
        &["auth_ssl_username_from_cert", "ssl_server_cert_username_field"],
        &Whole { spell: any_user_field, parse: user_field },
    )
    .since(V2_4),
    Directive::new(&["ssl_dh"], &ContentOf(|s| &mut s.dh)).since(V2_3).until(V2_4),
    Directive::new(&["ssl_server_dh_file"], &File(|s| &mut s.dh)).since(V2_4),
    Directive::new(&["ssl_protocols"], &Words(|s| &mut s.min_protocol, PROTOCOL_LISTS)).since(V2_1).until(V2_3),
    Directive::new(&["ssl_min_protocol"], &Words(|s| &mut s.min_protocol, MIN_PROTOCOLS_BEFORE_2_3_15))
        .since(V2_3)
        .until(V2_3_15),
    Directive::new(&["ssl_min_protocol"], &Words(|s| &mut s.min_protocol, MIN_PROTOCOLS)).since(V2_3_15),
    Directive::new(&["ssl_cipher_list"], &Text(|s| &mut s.ciphers)),
    Directive::new(&["ssl_cipher_suites"], &Text(|s| &mut s.suites)).since(V2_3_15),
    Directive::new(&["ssl_prefer_server_ciphers"], &Words(|s| &mut s.order, ORDERS)).since(V2_2_6).until(V2_4),
    Directive::new(&["ssl_server_prefer_ciphers"], &Words(|s| &mut s.order, ORDERS_2_4)).since(V2_4),
    Directive::new(
        &["disable_plaintext_auth"],
        &Words(|s| &mut s.cleartext_auth, &[(false, &["yes"]), (true, &["no"])]),
    )
    .until(V2_4),
    Directive::new(&["auth_allow_cleartext"], &Words(|s| &mut s.cleartext_auth, &[(false, &["no"]), (true, &["yes"])]))
        .since(V2_4),
    Directive::new(&["verbose_ssl"], &Words(|s| &mut s.log, &[(true, &["yes"]), (false, &["no"])])).until(V2_4),
    Directive::new(&["log_debug"], &Words(|s| &mut s.log, &[(true, &["category=ssl"])])).since(V2_4),
    Directive::new(&["ssl_client_ca_dir"], &File(|s| &mut s.outgoing_ca_dir)).since(V2_0),
    Directive::new(&["ssl_client_ca_file"], &File(|s| &mut s.outgoing_ca)).since(V2_0),
    Directive::new(&["protocols"], &Whole { spell: protocols, parse: listening_protocols }).until(V2_0).stays(),
    Directive::new(
        &["service imap-login { inet_listener imap { port", "service pop3-login { inet_listener pop3 { port"],
        &Whole { spell: |s| ports(s.starttls.as_ref(), ["143", "110"]), parse: |v| listens(v, |s| &mut s.starttls) },
    )
    .since(V2_0),
    Directive::new(
        &["service imap-login { inet_listener imaps { port", "service pop3-login { inet_listener pop3s { port"],
        &Whole { spell: |s| ports(s.implicit.as_ref(), ["993", "995"]), parse: |v| listens(v, |s| &mut s.implicit) },
    )
    .since(V2_0),
];

/// `local` and `local_name` are blocks from 2.0 on; a pattern in a name is understood from 2.2.27 on.
static PARTS: Parts = Parts {
    inherits: true,
    spell: |scope, name, build| {
        let wildcard = scope.name.as_ref().is_some_and(|name| name.contains('*'));
        let known = (scope.address.is_none() && scope.name.is_none()) || build.version >= V2_0;
        let plain = |text: &String| text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_*!".contains(c));
        if !known
            || wildcard && build.version < V2_2_27
            || ![&scope.name, &scope.protocol].into_iter().flatten().all(plain)
        {
            return None;
        }
        let blocks = [
            scope.address.map(|address| format!("local {address}")),
            scope.name.as_ref().map(|name| format!("local_name {name}")),
            scope.protocol.as_ref().map(|protocol| format!("protocol {protocol}")),
        ];
        Some(in_blocks(&blocks.into_iter().flatten().collect::<Vec<_>>(), name))
    },
    find: |statements| Box::new(statements.iter().map(|statement| part(statement))),
};

/// Blocks that pkit has no scope for stay in the name, so no row knows it.
fn part(statement: &Statement) -> (Scope, String) {
    let (mut scope, mut others) = (Scope::default(), Vec::new());
    for block in statement.scope.iter() {
        match block.split_once(' ') {
            Some(("local", address)) if address.parse::<std::net::IpAddr>().is_ok() => {
                scope.address = address.parse().ok()
            }
            Some(("local_name", name)) => scope.name = Some(name.trim().to_owned()),
            Some(("protocol", name)) => scope.protocol = Some(name.trim().to_owned()),
            _ => others.push(block.as_str()),
        }
    }
    (scope, in_blocks(&others, &statement.name))
}

/// Not even the first certificate is served then (tried on 2.3.19).
fn half_an_alternative(settings: &TlsSettings) -> bool {
    settings.alt_certificate.is_some() != settings.alt_key.is_some()
}

const BOTH: &str = "the second certificate needs its key: with one of them alone Dovecot serves no TLS at all";

/// 1.x takes the common name and nothing else.
fn common_name(settings: &TlsSettings) -> Option<Vec<String>> {
    (settings.username_from_cert.as_ref()?.value == UserField::CommonName).then(|| vec!["yes".to_owned()])
}

fn any_user_field(settings: &TlsSettings) -> Option<Vec<String>> {
    let field = match settings.username_from_cert.as_ref()?.value {
        UserField::CommonName => "commonName",
        UserField::Email => "emailAddress",
        UserField::UserId => "UID",
    };
    Some(vec!["yes".to_owned(), field.to_owned()])
}

fn user_field(values: &[&str]) -> Option<TlsSettings> {
    let field = match values {
        ["" | "no", ..] => return Some(TlsSettings::default()),
        ["yes"] | ["yes", "" | "commonName"] => UserField::CommonName,
        ["yes", "emailAddress"] => UserField::Email,
        ["yes", "UID" | "userId"] => UserField::UserId,
        _ => return None,
    };
    Some(TlsSettings { username_from_cert: Some(field.into()), ..TlsSettings::default() })
}

/// 1.x has a protocol of its own for TLS from the start.
fn protocols(settings: &TlsSettings) -> Option<Vec<String>> {
    let listens = |said: &Option<Setting<bool>>| said.as_ref().map(|said| said.value);
    let list = match (listens(&settings.starttls)?, listens(&settings.implicit)?) {
        (true, true) => "imap pop3 imaps pop3s",
        (true, false) => "imap pop3",
        (false, true) => "imaps pop3s",
        (false, false) => return None,
    };
    Some(vec![list.to_owned()])
}

fn listening_protocols(values: &[&str]) -> Option<TlsSettings> {
    let any = |wanted: [&str; 2]| values.concat().split(' ').any(|name| wanted.contains(&name));
    let (starttls, implicit) = (any(["imap", "pop3"]), any(["imaps", "pop3s"]));
    Some(TlsSettings { starttls: Some(starttls.into()), implicit: Some(implicit.into()), ..TlsSettings::default() })
}

/// A listener is switched off by port 0.
fn ports(listens: Option<&Setting<bool>>, usual: [&str; 2]) -> Option<Vec<String>> {
    let listens = listens?.value;
    Some(usual.map(|port| if listens { port } else { "0" }.to_owned()).to_vec())
}

fn listens(values: &[&str], slot: super::table::Slot<bool>) -> Option<TlsSettings> {
    let ports: Option<Vec<u16>> = values.iter().filter(|v| !v.is_empty()).map(|v| v.parse().ok()).collect();
    let mut settings = TlsSettings::default();
    *slot(&mut settings) = Some(ports?.iter().any(|port| *port != 0).into());
    Some(settings)
}

fn notes(settings: &TlsSettings, build: Build) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if settings.client_ca.is_some() && settings.client_cert.is_some() {
        notes.push("every CA in the client CA file, the root too, needs its current CRL there: `pkit bundle dovecot-ca` makes it");
    }
    if settings.key_password_file.is_some() {
        notes.push("the password is the whole file: write it without an end of line (`printf %s`), 0400 root:root");
    }
    if settings.username_from_cert.is_some() {
        notes.push("for clients that log in by certificate alone, list `external` in auth_mechanisms");
    }
    if build.version >= V2_4 {
        notes.push("dovecot_config_version must stay the first line of dovecot.conf; it is not repeated here");
    }
    notes
}

fn dh(build: Build) -> &'static str {
    if build.version < V2_3 {
        "no DH file is needed: this version makes its own parameters"
    } else if build.version < V2_3_3 {
        "before 2.3.3 Dovecot wants ssl_dh in any case: make the file with `pkit dhparam new` and name it with --dh"
    } else {
        "no DH file is needed: none of these ciphers uses one"
    }
}

const LEVELS: &[(TlsLevel, &[&str])] =
    &[(TlsLevel::Off, &["no"]), (TlsLevel::Offered, &["yes"]), (TlsLevel::Required, &["required"])];

/// Both default to no.
const CLIENT_CERTS: &[(ClientCert, &[&str])] = &[
    (ClientCert::No, &["no", "no"]),
    (ClientCert::Request, &["yes", "no"]),
    (ClientCert::Require, &["yes", "yes"]),
    (ClientCert::No, &["no", ""]),
    (ClientCert::Request, &["yes", ""]),
    (ClientCert::No, &["", "no"]),
];

const CRL_CHECKS: &[(CrlCheck, &[&str])] = &[(CrlCheck::Chain, &["yes"]), (CrlCheck::None, &["no"])];

/// What 2.2 names is what it speaks; it has no name for TLS 1.3 and leaves it alone. `!SSLv2` would stop a build whose OpenSSL
/// no longer knows that name.
const PROTOCOL_LISTS: &[(Protocol, &[&str])] = &[
    (Protocol::Tls10, &["TLSv1 TLSv1.1 TLSv1.2"]),
    (Protocol::Tls11, &["TLSv1.1 TLSv1.2"]),
    (Protocol::Tls12, &["TLSv1.2"]),
    (Protocol::Tls10, &["!SSLv2 !SSLv3"]),
    (Protocol::Tls10, &["!SSLv3"]),
    (Protocol::Tls12, &["!SSLv2 !SSLv3 !TLSv1 !TLSv1.1"]),
    (Protocol::Tls12, &["!SSLv3 !TLSv1 !TLSv1.1"]),
];

/// With `TLSv1.3` these serve no TLS at all (tried on 2.3.13).
const MIN_PROTOCOLS_BEFORE_2_3_15: &[(Protocol, &[&str])] =
    &[(Protocol::Tls10, &["TLSv1"]), (Protocol::Tls11, &["TLSv1.1"]), (Protocol::Tls12, &["TLSv1.2"])];

const MIN_PROTOCOLS: &[(Protocol, &[&str])] = &[
    (Protocol::Tls10, &["TLSv1"]),
    (Protocol::Tls11, &["TLSv1.1"]),
    (Protocol::Tls12, &["TLSv1.2"]),
    (Protocol::Tls13, &["TLSv1.3"]),
];

const ORDERS: &[(CipherOrder, &[&str])] = &[(CipherOrder::Client, &["no"]), (CipherOrder::Server, &["yes"])];
const ORDERS_2_4: &[(CipherOrder, &[&str])] = &[(CipherOrder::Client, &["client"]), (CipherOrder::Server, &["server"])];

const V1_0: Version = Version::of(&[1, 0]);
const V1_2: Version = Version::of(&[1, 2]);
const V2_0: Version = Version::of(&[2, 0]);
const V2_1: Version = Version::of(&[2, 1]);
const V2_1_6: Version = Version::of(&[2, 1, 6]);
const V2_2_6: Version = Version::of(&[2, 2, 6]);
const V2_2_27: Version = Version::of(&[2, 2, 27]);
const V2_2_31: Version = Version::of(&[2, 2, 31]);
const V2_3: Version = Version::of(&[2, 3]);
const V2_3_3: Version = Version::of(&[2, 3, 3]);
const V2_3_15: Version = Version::of(&[2, 3, 15]);
const V2_4: Version = Version::of(&[2, 4]);
