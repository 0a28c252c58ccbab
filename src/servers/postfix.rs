//! Postfix's smtpd, in main.cf, from 2.8 on. What belongs to single services in master.cf (submission, implicit TLS) is not
//! said here. A TLS setting that Postfix cannot use turns TLS off and lets mail go on in the clear, so nothing is guessed.

use std::path::PathBuf;

use super::build::{Build, Library, Version};
use super::syntax;
use super::table::{Directive, File, Never, Whole, Words};
use super::{Document, FileNeed, Part, Question, Reader, Role, Server, Style, parts};
use crate::settings::{CipherOrder, ClientCert, Protocol, TlsLevel, TlsSettings};

/// Postfix.
pub(super) static POSTFIX: Server = Server {
    name: "postfix",
    title: "Postfix",
    versions: &[V2_8, V3_4, V3_6],
    newest: V3_10,
    libraries: &[Library::OpenSsl],
    ask_version: Question { program: "postconf", args: &["-d", "-h", "mail_version"], env: &[] },
    ask_library: None,
    style: Style {
        word: "conf",
        documents: &[Document {
            file: Some("/etc/postfix/main.cf"),
            place: "put this into /etc/postfix/main.cf, in place of the same parameters there",
            grammar: &syntax::main_cf::GRAMMAR,
            takes: |line| line.block().is_none(),
        }],
        then: "check with `postconf -n`, which must not say \"unused parameter\", then `postfix reload`",
    },
    other_styles: &[],
    directives: DIRECTIVES,
    parts: &parts::NONE,
    // RFC 3207 section 4: a public mail server must not demand TLS.
    level: TlsLevel::Offered,
    files: &[
        FileNeed { role: Role::Certificate, parts: &[Part::Leaf, Part::Intermediates], reader: Reader::Root },
        FileNeed { role: Role::Key, parts: &[Part::Key], reader: Reader::Root },
        FileNeed { role: Role::ClientCa, parts: &[Part::Cas], reader: Reader::Root },
    ],
    look: "localhost:25 -starttls smtp",
    imply: |_| {},
    notes,
    dh: |_| "no DH file is needed: none of these ciphers uses one",
    untried: |build| build.version < Version::of(&[3, 5]),
};

static DIRECTIVES: &[Directive] = &[
    Directive::new(&["smtpd_tls_security_level"], &Words(|s| &mut s.level, LEVELS)),
    Directive::new(&["smtpd_tls_cert_file"], &File(|s| &mut s.certificate)).until(V3_4),
    Directive::new(&["smtpd_tls_key_file"], &File(|s| &mut s.key)).until(V3_4),
    Directive::new(&["smtpd_tls_chain_files"], &Whole { spell: key_then_chain, parse: chain_files }).since(V3_4),
    Directive::new(&["smtpd_tls_CAfile"], &File(|s| &mut s.client_ca)),
    Directive::new(&["smtpd_tls_ask_ccert", "smtpd_tls_req_ccert"], &Words(|s| &mut s.client_cert, CLIENT_CERTS)),
    Directive::new(&[], &Never { when: required_where_tls_is_not, why: NOT_REQUIRED }),
    Directive::new(PROTOCOLS, &Words(|s| &mut s.min_protocol, EXCLUDED)).until(V3_6),
    Directive::new(PROTOCOLS, &Words(|s| &mut s.min_protocol, AT_LEAST)).since(V3_6),
    Directive::new(CIPHERS, &Whole { spell: high_grade, parse: cipher_grade }),
    Directive::new(&["tls_preempt_cipherlist"], &Words(|s| &mut s.order, ORDERS)),
    Directive::new(&["smtpd_tls_dh1024_param_file"], &File(|s| &mut s.dh)),
    Directive::new(&["smtpd_tls_auth_only"], &Words(|s| &mut s.cleartext_auth, &[(false, &["yes"]), (true, &["no"])])),
];

/// The key comes first: `error loading chain: key not first` turns TLS off (tried on 3.7.11).
fn key_then_chain(settings: &TlsSettings) -> Option<Vec<String>> {
    let key = settings.key.as_ref()?.value.to_str()?;
    let chain = settings.certificate.as_ref()?.value.to_str()?;
    Some(vec![if key == chain { key.to_owned() } else { format!("{key}, {chain}") }])
}

fn chain_files(values: &[&str]) -> Option<TlsSettings> {
    let [list] = values else { return None };
    let files: Vec<&str> = list.split([',', ' ', '\t']).filter(|file| !file.is_empty()).collect();
    let (key, chain) = match files[..] {
        [both] => (both, both),
        [key, chain] => (key, chain),
        _ => return None,
    };
    let path = |file: &str| file.starts_with('/').then(|| PathBuf::from(file).into());
    Some(TlsSettings { key: Some(path(key)?), certificate: Some(path(chain)?), ..TlsSettings::default() })
}

/// A list counts only for the grade that is asked for. The high grade is used, so that outgoing mail, whose default is medium,
/// keeps its own.
fn high_grade(settings: &TlsSettings) -> Option<Vec<String>> {
    let list = &settings.ciphers.as_ref()?.value;
    Some(vec![list.clone(), "high".to_owned(), "high".to_owned()])
}

fn cipher_grade(values: &[&str]) -> Option<TlsSettings> {
    match values {
        [list, "high", "high"] if !list.is_empty() => {
            Some(TlsSettings { ciphers: Some((*list).to_owned().into()), ..TlsSettings::default() })
        }
        _ => None,
    }
}

fn required_where_tls_is_not(settings: &TlsSettings) -> bool {
    let requires = settings.client_cert.as_ref().is_some_and(|c| c.value == ClientCert::Require);
    requires && settings.level.as_ref().is_none_or(|l| l.value != TlsLevel::Required)
}

fn notes(settings: &TlsSettings, build: Build) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if build.version >= V3_4 {
        notes.push("smtpd_tls_chain_files takes the place of smtpd_tls_cert_file and smtpd_tls_key_file: remove those");
    }
    if settings.client_ca.is_some() {
        notes.push("Postfix looks at no CRL: a revoked client certificate is still taken; list fingerprints in check_ccert_access");
    }
    if settings.level.as_ref().is_some_and(|l| l.value == TlsLevel::Required) {
        notes.push("a public MX that requires TLS loses mail (RFC 3207); say it for the submission service in master.cf instead");
    }
    notes
}

const NOT_REQUIRED: &str =
    "Postfix requires client certificates only where it requires TLS (--require-tls); at level `may` it ignores that";

const LEVELS: &[(TlsLevel, &[&str])] =
    &[(TlsLevel::Off, &["none"]), (TlsLevel::Offered, &["may"]), (TlsLevel::Required, &["encrypt"])];

/// Both default to no.
const CLIENT_CERTS: &[(ClientCert, &[&str])] = &[
    (ClientCert::No, &["no", "no"]),
    (ClientCert::Request, &["yes", "no"]),
    (ClientCert::Require, &["yes", "yes"]),
    (ClientCert::No, &["no", ""]),
    (ClientCert::Request, &["yes", ""]),
    (ClientCert::No, &["", "no"]),
];

/// The first counts at level `may`, the second at `encrypt`: one without the other is half a setting.
const PROTOCOLS: &[&str] = &["smtpd_tls_protocols", "smtpd_tls_mandatory_protocols"];
const CIPHERS: &[&str] = &["tls_high_cipherlist", "smtpd_tls_ciphers", "smtpd_tls_mandatory_ciphers"];

/// Before 3.6 `>=TLSv1.2` turns TLS off (tried on 3.5.25).
const EXCLUDED: &[(Protocol, &[&str])] = &[
    (Protocol::Tls10, &["!SSLv2, !SSLv3"; 2]),
    (Protocol::Tls11, &["!SSLv2, !SSLv3, !TLSv1"; 2]),
    (Protocol::Tls12, &["!SSLv2, !SSLv3, !TLSv1, !TLSv1.1"; 2]),
    (Protocol::Tls13, &["!SSLv2, !SSLv3, !TLSv1, !TLSv1.1, !TLSv1.2"; 2]),
];

/// The older form is still understood.
const AT_LEAST: &[(Protocol, &[&str])] = &[
    (Protocol::Tls10, &[">=TLSv1"; 2]),
    (Protocol::Tls11, &[">=TLSv1.1"; 2]),
    (Protocol::Tls12, &[">=TLSv1.2"; 2]),
    (Protocol::Tls13, &[">=TLSv1.3"; 2]),
    (Protocol::Tls10, &["!SSLv2, !SSLv3"; 2]),
    (Protocol::Tls11, &["!SSLv2, !SSLv3, !TLSv1"; 2]),
    (Protocol::Tls12, &["!SSLv2, !SSLv3, !TLSv1, !TLSv1.1"; 2]),
    (Protocol::Tls13, &["!SSLv2, !SSLv3, !TLSv1, !TLSv1.1, !TLSv1.2"; 2]),
];

const ORDERS: &[(CipherOrder, &[&str])] = &[(CipherOrder::Client, &["no"]), (CipherOrder::Server, &["yes"])];

const V2_8: Version = Version::of(&[2, 8]);
const V3_4: Version = Version::of(&[3, 4]);
const V3_6: Version = Version::of(&[3, 6]);
const V3_10: Version = Version::of(&[3, 10]);
