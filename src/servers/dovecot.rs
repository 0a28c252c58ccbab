//! Dovecot 2.2, 2.3 and 2.4. Until 2.3 a file's content is put in by `<`, from 2.4 on the settings have other names and take the
//! path; neither version starts, or serves TLS, with the other's spelling. 2.4 also wants `dovecot_config_version` as the very
//! first line: that stands in dovecot.conf, before it pulls in conf.d, so it is not said here.

use super::build::{Build, Library, Version};
use super::syntax;
use super::table::{ContentOf, Directive, File, Text, Words};
use super::{FileNeed, Handling, Part, Question, Reader, Role, Server};
use crate::settings::{CipherOrder, ClientCert, Protocol, TlsLevel, TlsSettings};

/// Dovecot.
pub(super) static DOVECOT: Server = Server {
    name: "dovecot",
    title: "Dovecot",
    versions: &[V2_2, V2_2_6, V2_3, V2_3_15, V2_4],
    newest: V2_4,
    libraries: &[Library::OpenSsl],
    ask_version: Question { program: "dovecot", args: &["--version"], env: &[] },
    ask_library: None,
    grammar: &syntax::dovecot::GRAMMAR,
    directives: DIRECTIVES,
    // Nobody reads mail without TLS.
    level: TlsLevel::Required,
    files: &[
        FileNeed { role: Role::Certificate, parts: &[Part::Leaf, Part::Intermediates], reader: Reader::Root },
        FileNeed { role: Role::Key, parts: &[Part::Key], reader: Reader::Root },
        FileNeed { role: Role::ClientCa, parts: &[Part::Cas, Part::Crls], reader: Reader::Root },
    ],
    handling: Handling {
        file: Some("/etc/dovecot/conf.d/10-ssl.conf"),
        place: "put this into /etc/dovecot/conf.d/10-ssl.conf, in place of the same settings there",
        then: "check with `doveconf -n`, then `doveadm reload`",
        look: "localhost:993",
    },
    imply: |_| {},
    notes,
};

static DIRECTIVES: &[Directive] = &[
    Directive::new(&["ssl"], &Words(|s| &mut s.level, LEVELS)),
    Directive::new(&["ssl_cert"], &ContentOf(|s| &mut s.certificate)).until(V2_4),
    Directive::new(&["ssl_server_cert_file"], &File(|s| &mut s.certificate)).since(V2_4),
    Directive::new(&["ssl_key"], &ContentOf(|s| &mut s.key)).until(V2_4),
    Directive::new(&["ssl_server_key_file"], &File(|s| &mut s.key)).since(V2_4),
    Directive::new(&["ssl_ca"], &ContentOf(|s| &mut s.client_ca)).until(V2_4),
    Directive::new(&["ssl_server_ca_file"], &File(|s| &mut s.client_ca)).since(V2_4),
    Directive::new(
        &["ssl_verify_client_cert", "auth_ssl_require_client_cert"],
        &Words(|s| &mut s.client_cert, CLIENT_CERTS),
    )
    .until(V2_4),
    Directive::new(
        &["ssl_server_request_client_cert", "auth_ssl_require_client_cert"],
        &Words(|s| &mut s.client_cert, CLIENT_CERTS),
    )
    .since(V2_4),
    Directive::new(&["ssl_dh"], &ContentOf(|s| &mut s.dh)).since(V2_3).until(V2_4),
    Directive::new(&["ssl_server_dh_file"], &File(|s| &mut s.dh)).since(V2_4),
    Directive::new(&["ssl_protocols"], &Words(|s| &mut s.min_protocol, PROTOCOL_LISTS)).until(V2_3),
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
];

fn notes(settings: &TlsSettings, build: Build) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if settings.client_ca.is_some() && settings.client_cert.is_some() {
        notes.push("every CA in the client CA file, the root too, needs its current CRL there: `pkit bundle dovecot-ca` makes it");
    }
    if build.version >= V2_4 {
        notes.push("dovecot_config_version must stay the first line of dovecot.conf; it is not repeated here");
    }
    if (V2_3..V2_3_3).contains(&build.version) && settings.dh.is_none() {
        notes.push(
            "before 2.3.3 Dovecot wants ssl_dh as well: make the file with `pkit dhparam new` and name it with --dh",
        );
    }
    notes
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

/// What 2.2 names is what it speaks; it has no name for TLS 1.3 and leaves it alone. `!SSLv2` would stop a build whose OpenSSL
/// no longer knows that name.
const PROTOCOL_LISTS: &[(Protocol, &[&str])] = &[
    (Protocol::Tls10, &["TLSv1 TLSv1.1 TLSv1.2"]),
    (Protocol::Tls11, &["TLSv1.1 TLSv1.2"]),
    (Protocol::Tls12, &["TLSv1.2"]),
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

const V2_2: Version = Version::of(&[2, 2]);
const V2_2_6: Version = Version::of(&[2, 2, 6]);
const V2_3: Version = Version::of(&[2, 3]);
const V2_3_3: Version = Version::of(&[2, 3, 3]);
const V2_3_15: Version = Version::of(&[2, 3, 15]);
const V2_4: Version = Version::of(&[2, 4]);
