//! Courier IMAP 4 and 5: imapd-ssl and pop3d-ssl, which a shell reads. Everything depends on the TLS library: with GnuTLS (Debian)
//! the variables for protocols and ciphers are ignored and one priority string says both; with OpenSSL it is the other way
//! round. The words for OpenSSL are from the source text of courier-libs (tcpd/libcouriertls.c and its history).

use super::alike;
use super::build::{Build, Library, Version};
use super::syntax;
use super::table::{Directive, File, Never, Text, Whole, Words};
use super::{Document, FileNeed, Part, Question, Reader, Role, Server, Style, gnutls, parts, reload, vocabulary};
use crate::settings::{CipherOrder, ClientCert, Protocol, TlsLevel, TlsSettings, UserField};

/// Courier's IMAP and POP3 servers.
pub(super) static COURIER: Server = Server {
    name: "courier",
    title: "Courier IMAP",
    versions: &[V4_0, V4_15, V4_16, V5_0, V5_0_12],
    newest: Version::of(&[5, 2]),
    libraries: &[Library::OpenSsl, Library::GnuTls],
    ask_version: &[Question { program: "imapd", args: &["--version"], env: &[], behind: "Courier-IMAP " }],
    // As with slapd: the dynamic loader tells, and the program is not started.
    ask_library: Some(Question {
        program: "couriertls",
        args: &[],
        env: &[("LD_TRACE_LOADED_OBJECTS", "1")],
        behind: "",
    }),
    style: Style {
        word: "conf",
        documents: &[
            Document {
                file: Some("/etc/courier/imapd-ssl"),
                place: "put this into /etc/courier/imapd-ssl, in place of the same variables there",
                grammar: &syntax::shell::GRAMMAR,
                takes: |line| !line.name().starts_with("POP3"),
            },
            Document {
                file: Some("/etc/courier/pop3d-ssl"),
                place: "put this into /etc/courier/pop3d-ssl, in place of the same variables there",
                grammar: &syntax::shell::GRAMMAR,
                takes: |line| !line.name().starts_with("IMAP"),
            },
        ],
        then: "there is no checker; certificates are read again with each connection, the rest after `systemctl restart courier-imap-ssl courier-imap courier-pop-ssl courier-pop`",
    },
    other_styles: &[],
    directives: DIRECTIVES,
    vocabulary: &vocabulary::COURIER,
    parts: &parts::NONE,
    level: TlsLevel::Required,
    files: &[
        FileNeed {
            role: Role::Certificate,
            parts: &[Part::Key, Part::Leaf, Part::Intermediates],
            reader: Reader::User(USER),
        },
        FileNeed { role: Role::ClientCa, parts: &[Part::Cas], reader: Reader::User(USER) },
    ],
    look: "localhost:993",
    reload: &reload::COURIER,
    imply,
    notes,
    dh: |_| "no DH file is needed: none of these ciphers uses one, and Courier has groups of its own",
    untried: |build| build.library == Library::OpenSsl || build.version < V5_0,
};

static DIRECTIVES: &[Directive] = &[
    Directive::new(&["IMAPDSSLSTART"], &Words(|s| &mut s.implicit, YES_NO)),
    Directive::new(&["POP3DSSLSTART"], &Words(|s| &mut s.implicit, YES_NO)),
    Directive::new(&["IMAPDSTARTTLS"], &Words(|s| &mut s.starttls, YES_NO)),
    Directive::new(&["POP3_STARTTLS"], &Words(|s| &mut s.starttls, YES_NO)),
    Directive::new(&["IMAP_TLS_REQUIRED"], &Words(|s| &mut s.level, LEVELS)),
    Directive::new(&["POP3_TLS_REQUIRED"], &Words(|s| &mut s.level, LEVELS)),
    Directive::new(&["TLS_CERTFILE"], &Whole { spell: combined, parse: both }).until(V5_0),
    Directive::new(&[], &Never { when: |s| s.key != s.certificate, why: COMBINED }).until(V5_0),
    Directive::new(&["TLS_CERTFILE", "TLS_PRIVATE_KEYFILE"], &Whole { spell: separate, parse: both }).since(V5_0),
    Directive::new(&[], &Never { when: |s| s.key.is_some() != s.certificate.is_some(), why: PAIR }),
    Directive::new(&["TLS_DHCERTFILE"], &File(|s| &mut s.dh)).until(V4_15),
    Directive::new(&["TLS_DHPARAMS"], &File(|s| &mut s.dh)).since(V4_15),
    Directive::new(&["TLS_TRUSTCERTS"], &Whole { spell: alike::cas, parse: alike::cas_from }),
    Directive::new(&["TLS_VERIFYPEER"], &Words(|s| &mut s.client_cert, CLIENT_CERTS)),
    Directive::new(&["TLS_EXTERNAL"], &Words(|s| &mut s.username_from_cert, USER_FIELDS)),
    Directive::new(PROTOCOLS, &Words(|s| &mut s.min_protocol, OR_HIGHER))
        .since(V4_16)
        .until(V5_0_12)
        .built_with(Library::OpenSsl),
    Directive::new(PROTOCOLS, &Whole { spell: protocol_and_order, parse: from_protocol })
        .since(V5_0_12)
        .built_with(Library::OpenSsl),
    Directive::new(&["TLS_CIPHER_LIST"], &Text(|s| &mut s.ciphers)).built_with(Library::OpenSsl),
    Directive::new(&["TLS_PRIORITY"], &Whole { spell: gnutls::spell, parse: gnutls::parse })
        .built_with(Library::GnuTls),
    Directive::new(&[], &Never { when: gnutls::lacks_ciphers, why: gnutls::LACKS }).built_with(Library::GnuTls),
    Directive::new(&[], &Never { when: |s| s.key_password_file.is_some(), why: NO_PASSWORD }),
    Directive::new(&[], &Never { when: |s| s.client_crl.is_some() || s.crl_check.is_some(), why: NO_CRLS }),
    Directive::new(&[], &Never { when: |s| !s.scopes.is_empty(), why: BY_FILE_NAME }),
];

/// The certificate's file with the key in it.
fn combined(settings: &TlsSettings) -> Option<Vec<String>> {
    let file = settings.certificate.as_ref()?.value.to_str()?;
    Some(vec![file.to_owned()])
}

/// The key's file is named where it is another one.
fn separate(settings: &TlsSettings) -> Option<Vec<String>> {
    let [certificate, key] = [&settings.certificate, &settings.key].map(|file| file.as_ref()?.value.to_str());
    let (certificate, key) = (certificate?, key?);
    let together = settings.key == settings.certificate;
    Some(vec![certificate.to_owned(), if together { String::new() } else { key.to_owned() }])
}

fn both(values: &[&str]) -> Option<TlsSettings> {
    let (certificate, key) = match values {
        [file] | [file, ""] => (file, file),
        [file, key] => (file, key),
        _ => return None,
    };
    let path = |file: &str| file.starts_with('/').then(|| std::path::PathBuf::from(file).into());
    Some(TlsSettings { certificate: Some(path(certificate)?), key: Some(path(key)?), ..TlsSettings::default() })
}

/// `+` is "or higher"; `++` also makes the server's order count.
fn protocol_and_order(settings: &TlsSettings) -> Option<Vec<String>> {
    let word = match settings.min_protocol.as_ref()?.value {
        Protocol::Tls10 => "TLSv1",
        Protocol::Tls11 => "TLSv1.1",
        Protocol::Tls12 => "TLSv1.2",
        Protocol::Tls13 => return None,
    };
    let ordered = settings.order.as_ref().is_some_and(|order| order.value == CipherOrder::Server);
    let plus = match (word, ordered) {
        ("TLSv1", true) => return None,
        ("TLSv1", false) => "",
        (_, true) => "++",
        (_, false) => "+",
    };
    Some(vec![format!("{word}{plus}"); 2])
}

fn from_protocol(values: &[&str]) -> Option<TlsSettings> {
    let word = match values {
        [one, ""] => one,
        [one, other] if one == other => one,
        _ => return None,
    };
    let (min, order) = match *word {
        "TLSv1" | "TLS1" => (Protocol::Tls10, CipherOrder::Client),
        "TLSv1.1" | "TLSv1.1+" => (Protocol::Tls11, CipherOrder::Client),
        "TLSv1.1++" => (Protocol::Tls11, CipherOrder::Server),
        "TLSv1.2" | "TLSv1.2+" => (Protocol::Tls12, CipherOrder::Client),
        "TLSv1.2++" => (Protocol::Tls12, CipherOrder::Server),
        _ => return None,
    };
    Some(TlsSettings { min_protocol: Some(min.into()), order: Some(order.into()), ..TlsSettings::default() })
}

/// The client's order counts where nothing else is said.
fn imply(settings: &mut TlsSettings) {
    settings.order.get_or_insert(CipherOrder::Client.into());
}

fn notes(settings: &TlsSettings, build: Build) -> Vec<&'static str> {
    let mut notes =
        vec!["behind STARTTLS Courier opens the key as the user courier: 0400 root:root works on port 993 only"];
    if settings.certificate == settings.key {
        notes.push("make the one file with `pkit bundle keycert KEY CHAIN -o FILE`, then `chown courier FILE`");
    }
    if settings.client_ca.is_some() || settings.client_ca_dir.is_some() {
        notes.push("Courier looks at no CRL: a revoked client certificate is still taken");
    }
    if build.library == Library::OpenSsl && settings.client_cert.is_some() {
        notes.push("with OpenSSL the system's own CAs are trusted too, besides TLS_TRUSTCERTS");
    }
    notes
}

/// Who opens the key behind STARTTLS (tried on 5.0.13).
const USER: &str = "courier";

const COMBINED: &str = "before 5.0 Courier wants key and chain in one file: make it with `pkit bundle keycert KEY CHAIN -o FILE` and name it as --cert and as --key";
const PAIR: &str = "a certificate and its key go together";
const NO_PASSWORD: &str = "Courier cannot read a key with a password: take it off with `pkit key convert --decrypt`";
const NO_CRLS: &str = "Courier looks at no CRL";
const BY_FILE_NAME: &str = "Courier finds the certificate of a name or an address by its file name: put it beside the first one as CERT.imap.example.org or CERT.192.0.2.10";

const YES_NO: &[(bool, &[&str])] = &[(true, &["YES"]), (false, &["NO"])];
const LEVELS: &[(TlsLevel, &[&str])] = &[(TlsLevel::Required, &["1"]), (TlsLevel::Offered, &["0"])];
const CLIENT_CERTS: &[(ClientCert, &[&str])] =
    &[(ClientCert::No, &["NONE"]), (ClientCert::Request, &["PEER"]), (ClientCert::Require, &["REQUIREPEER"])];
const USER_FIELDS: &[(UserField, &[&str])] =
    &[(UserField::Email, &["emailaddress"]), (UserField::CommonName, &["commonname"]), (UserField::UserId, &["uid"])];

/// For TLS from the start, and behind STARTTLS.
const PROTOCOLS: &[&str] = &["TLS_PROTOCOL", "TLS_STARTTLS_PROTOCOL"];

/// Until 5.0.12 a name without `+` is that version and no other, and there is none for "TLS 1.2 or higher" but its own name.
const OR_HIGHER: &[(Protocol, &[&str])] = &[
    (Protocol::Tls10, &["TLSv1+"; 2]),
    (Protocol::Tls11, &["TLSv1.1+"; 2]),
    (Protocol::Tls12, &["TLSv1.2+"; 2]),
    (Protocol::Tls10, &["TLSv1+", ""]),
    (Protocol::Tls11, &["TLSv1.1+", ""]),
    (Protocol::Tls12, &["TLSv1.2+", ""]),
];

const V4_0: Version = Version::of(&[4, 0]);
const V4_15: Version = Version::of(&[4, 15]);
const V4_16: Version = Version::of(&[4, 16]);
const V5_0: Version = Version::of(&[5, 0]);
const V5_0_12: Version = Version::of(&[5, 0, 12]);
