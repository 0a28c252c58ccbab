//! Postfix from 2.3 to 3.10: main.cf for the whole, master.cf for the services that mail clients use, and a table of
//! certificates by name. A TLS setting that Postfix cannot use turns TLS off and lets mail go on in the clear, so nothing is
//! guessed. Its names are as postconf(5) has them, with the versions that it gives.

use std::path::PathBuf;

use super::alike;
use super::build::{Build, Library, Version};
use super::parts::{Parts, in_blocks};
use super::syntax::{self, Statement, postfix_map};
use super::table::{Directive, File, Never, Number, Whole, Words};
use super::{Document, FileNeed, Part, Question, Reader, Role, Server, Style, reload, vocabulary};
use crate::settings::{CipherOrder, ClientCert, Protocol, Scope, Setting, TlsLevel, TlsSettings};

/// Postfix.
pub(super) static POSTFIX: Server = Server {
    name: "postfix",
    title: "Postfix",
    versions: &[V2_3, V2_5, V2_6, V2_8, V2_10, V3_4, V3_6],
    newest: V3_10,
    libraries: &[Library::OpenSsl],
    ask_version: &[Question { program: "postconf", args: &["-d", "-h", "mail_version"], env: &[], behind: "" }],
    ask_library: None,
    style: Style {
        word: "conf",
        documents: &[
            Document {
                file: Some("/etc/postfix/main.cf"),
                place: "put this into /etc/postfix/main.cf, in place of the same parameters there",
                grammar: &syntax::main_cf::GRAMMAR,
                takes: |line| line.block().is_none(),
            },
            Document {
                file: Some("/etc/postfix/master.cf"),
                place: "put this into /etc/postfix/master.cf, in place of the same services there",
                grammar: &syntax::master_cf::GRAMMAR,
                takes: |line| line.block().is_some_and(|block| block != postfix_map::TABLE),
            },
            SNI_TABLE,
        ],
        then: "check with `postconf -n`, which must not say \"unused parameter\", then `postfix reload`",
    },
    other_styles: &[Style {
        word: "postconf",
        documents: &[
            Document {
                file: None,
                place: "run this as root: it edits main.cf",
                grammar: &syntax::postconf::MAIN,
                takes: |line| line.block().is_none(),
            },
            Document {
                file: None,
                place: "run this as root: it edits master.cf (from Postfix 2.11 on)",
                grammar: &syntax::postconf::MASTER,
                takes: |line| line.block().is_some_and(|block| block != postfix_map::TABLE),
            },
            SNI_TABLE,
        ],
        then: "check with `postconf -n`, which must not say \"unused parameter\", then `postfix reload`",
    }],
    directives: DIRECTIVES,
    vocabulary: &vocabulary::POSTFIX,
    parts: &PARTS,
    // RFC 3207 section 4: a public mail server must not demand TLS.
    level: TlsLevel::Offered,
    files: &[
        FileNeed {
            role: Role::Certificate,
            parts: &[Part::Key, Part::Leaf, Part::Intermediates],
            reader: Reader::Root,
        },
        FileNeed { role: Role::ClientCa, parts: &[Part::Cas], reader: Reader::Root },
    ],
    look: "localhost:25 -starttls smtp",
    reload: &reload::POSTFIX,
    imply,
    notes,
    dh: |build| {
        if build.version < V3_1 {
            "no DH file is needed: none of these ciphers uses one (Postfix's own parameters have 1024 bits before 3.1)"
        } else {
            "no DH file is needed: none of these ciphers uses one, and Postfix has parameters of its own"
        }
    },
    untried: |build| build.version < V3_5,
};

/// The values are file names, which `postmap -F` puts in the place of what they name.
const SNI_TABLE: Document = Document {
    file: Some("/etc/postfix/sni"),
    place: "put this into /etc/postfix/sni (0600 root:root, and so is sni.db: keys are copied into it), then `postmap -F hash:/etc/postfix/sni`, and again whenever a certificate is renewed",
    grammar: &syntax::postfix_map::GRAMMAR,
    takes: |line| line.block() == Some(postfix_map::TABLE),
};

static DIRECTIVES: &[Directive] = &[
    Directive::new(&["smtpd_tls_security_level"], &Words(|s| &mut s.level, LEVELS)),
    Directive::new(&["smtpd_tls_cert_file"], &File(|s| &mut s.certificate)).until(V3_4),
    Directive::new(&["smtpd_tls_key_file"], &File(|s| &mut s.key)).until(V3_4),
    Directive::new(&["smtpd_tls_eccert_file"], &File(|s| &mut s.alt_certificate)).since(V2_6).until(V3_4),
    Directive::new(&["smtpd_tls_eckey_file"], &File(|s| &mut s.alt_key)).since(V2_6).until(V3_4),
    // Still read where smtpd_tls_chain_files is not set.
    Directive::new(&["smtpd_tls_cert_file"], &File(|s| &mut s.certificate)).since(V3_4).only_read(),
    Directive::new(&["smtpd_tls_key_file"], &File(|s| &mut s.key)).since(V3_4).only_read(),
    Directive::new(&["smtpd_tls_eccert_file"], &File(|s| &mut s.alt_certificate)).since(V3_4).only_read(),
    Directive::new(&["smtpd_tls_eckey_file"], &File(|s| &mut s.alt_key)).since(V3_4).only_read(),
    Directive::new(&["smtpd_tls_chain_files"], &Whole { spell: keys_and_chains, parse: chain_files }).since(V3_4),
    Directive::new(&["tls_server_sni_maps"], &Whole { spell: sni_map, parse: hash_map }).since(V3_4),
    Directive::new(&[CERTIFICATE], &Whole { spell: keys_and_chains, parse: chain_files }).since(V3_4).only_scoped(),
    Directive::new(&[], &Never { when: alike::half_a_pair, why: PAIRS }),
    Directive::new(&[], &Never { when: |s| s.key_password_file.is_some(), why: NO_PASSWORD }),
    Directive::new(&[], &Never { when: |s| s.client_crl.is_some() || s.crl_check.is_some(), why: NO_CRLS }),
    Directive::new(&["smtpd_tls_CAfile"], &File(|s| &mut s.client_ca)),
    Directive::new(&["smtpd_tls_CApath"], &File(|s| &mut s.client_ca_dir)),
    Directive::new(&["smtpd_tls_ask_ccert", "smtpd_tls_req_ccert"], &Words(|s| &mut s.client_cert, CLIENT_CERTS)),
    Directive::new(&[], &Never { when: required_where_tls_is_not, why: NOT_REQUIRED }),
    Directive::new(&["smtpd_tls_mandatory_protocols"], &Words(|s| &mut s.min_protocol, OLD_ALONE))
        .since(V2_5)
        .until(V2_6),
    Directive::new(&[], &Never { when: protocol_at_level_may, why: MANDATORY_ONLY }).since(V2_5).until(V2_6),
    Directive::new(PROTOCOLS, &Words(|s| &mut s.min_protocol, OLD)).since(V2_6).until(V2_10),
    Directive::new(PROTOCOLS, &Words(|s| &mut s.min_protocol, EXCLUDED_BEFORE_3_4)).since(V2_10).until(V3_4),
    Directive::new(PROTOCOLS, &Words(|s| &mut s.min_protocol, EXCLUDED)).since(V3_4).until(V3_6),
    Directive::new(PROTOCOLS, &Words(|s| &mut s.min_protocol, AT_LEAST)).since(V3_6),
    Directive::new(CIPHERS_BEFORE_2_6, &Whole { spell: high_grade_before_2_6, parse: cipher_grade_before_2_6 })
        .until(V2_6),
    Directive::new(CIPHERS, &Whole { spell: high_grade, parse: cipher_grade }).since(V2_6),
    Directive::new(&["tls_preempt_cipherlist"], &Words(|s| &mut s.order, ORDERS)).since(V2_8),
    Directive::new(&["smtpd_tls_dh1024_param_file"], &File(|s| &mut s.dh)),
    Directive::new(&["smtpd_tls_auth_only"], &Words(|s| &mut s.cleartext_auth, &[(false, &["yes"]), (true, &["no"])])),
    Directive::new(&["smtpd_tls_session_cache_timeout"], &Number(|s| &mut s.session_timeout, "s")),
    Directive::new(
        &["smtpd_tls_received_header"],
        &Words(|s| &mut s.received_header, &[(true, &["yes"]), (false, &["no"])]),
    ),
    Directive::new(&["smtpd_tls_loglevel"], &Words(|s| &mut s.log, &[(true, &["1"]), (false, &["0"]), (true, &["2"])])),
    Directive::new(&["smtp_tls_security_level"], &Words(|s| &mut s.outgoing, LEVELS)),
    Directive::new(OUTGOING, &Words(|s| &mut s.outgoing_min_protocol, OLD)).since(V2_6).until(V2_10),
    Directive::new(OUTGOING, &Words(|s| &mut s.outgoing_min_protocol, EXCLUDED_BEFORE_3_4)).since(V2_10).until(V3_4),
    Directive::new(OUTGOING, &Words(|s| &mut s.outgoing_min_protocol, EXCLUDED)).since(V3_4).until(V3_6),
    Directive::new(OUTGOING, &Words(|s| &mut s.outgoing_min_protocol, AT_LEAST)).since(V3_6),
    Directive::new(&["smtp_tls_CAfile"], &File(|s| &mut s.outgoing_ca)),
    Directive::new(&["smtp_tls_CApath"], &File(|s| &mut s.outgoing_ca_dir)),
    Directive::new(SUBMISSION, &Whole { spell: submission, parse: is_submission }),
    Directive::new(SMTPS, &Whole { spell: smtps, parse: is_smtps }),
];

/// Postfix can tell names apart, in a table of their own; a name with a dot before it is every name below.
static PARTS: Parts = Parts {
    inherits: true,
    spell: |scope, name, _| match scope {
        Scope { address: None, protocol: None, name: None } => Some(name.to_owned()),
        Scope { address: None, protocol: None, name: Some(host) } => {
            let key = host.strip_prefix('*').unwrap_or(host);
            let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
            (plain && !key.is_empty() && name == CERTIFICATE).then(|| in_blocks(&[postfix_map::TABLE], key))
        }
        _ => None,
    },
    find: |statements| Box::new(statements.iter().map(|statement| part(statement))),
};

fn part(statement: &Statement) -> (Scope, String) {
    match statement.scope.first().map(String::as_str) {
        Some(postfix_map::TABLE) => {
            let stars = if statement.name.starts_with('.') { "*" } else { "" };
            let name = Some(format!("{stars}{}", statement.name));
            (Scope { name, ..Scope::default() }, CERTIFICATE.to_owned())
        }
        // Other names for the same ports.
        Some("submissions/inet" | "465/inet") => (Scope::default(), in_blocks(&["smtps/inet"], &statement.name)),
        Some("587/inet") => (Scope::default(), in_blocks(&["submission/inet"], &statement.name)),
        _ => (Scope::default(), in_blocks(&statement.scope, &statement.name)),
    }
}

/// The row of the table of certificates: its name there is the host's.
const CERTIFICATE: &str = "certificate by name";

/// The key comes first: `error loading chain: key not first` turns TLS off (tried on 3.7.11).
fn keys_and_chains(settings: &TlsSettings) -> Option<Vec<String>> {
    let pair = |key: &Option<Setting<PathBuf>>, chain: &Option<Setting<PathBuf>>| {
        let (key, chain) = (key.as_ref()?.value.to_str()?, chain.as_ref()?.value.to_str()?);
        Some(if key == chain { key.to_owned() } else { format!("{key}, {chain}") })
    };
    let first = pair(&settings.key, &settings.certificate)?;
    let second = pair(&settings.alt_key, &settings.alt_certificate);
    Some(vec![std::iter::once(first).chain(second).collect::<Vec<_>>().join(", ")])
}

/// Two files are a key and its chain, as `keys_and_chains` writes them.
fn chain_files(values: &[&str]) -> Option<TlsSettings> {
    let [list] = values else { return None };
    let files: Vec<&str> = list.split([',', ' ', '\t']).filter(|file| !file.is_empty()).collect();
    let (key, chain, alt) = match files[..] {
        [both] => (both, both, None),
        [key, chain] => (key, chain, None),
        [key, chain, alt_key, alt_chain] => (key, chain, Some((alt_key, alt_chain))),
        _ => return None,
    };
    let path = |file: &str| file.starts_with('/').then(|| Setting::from(PathBuf::from(file)));
    let (alt_key, alt_certificate) = match alt {
        Some((key, chain)) => (Some(path(key)?), Some(path(chain)?)),
        None => (None, None),
    };
    Some(TlsSettings {
        key: Some(path(key)?),
        certificate: Some(path(chain)?),
        alt_key,
        alt_certificate,
        ..TlsSettings::default()
    })
}

fn sni_map(settings: &TlsSettings) -> Option<Vec<String>> {
    Some(vec![format!("hash:{}", settings.sni_map.as_ref()?.value.to_str()?)])
}

/// Whatever kind of table it is: its source has the same name.
fn hash_map(values: &[&str]) -> Option<TlsSettings> {
    let [value] = values else { return None };
    let (_, path) = value.split_once(':')?;
    path.starts_with('/').then(|| TlsSettings { sni_map: Some(PathBuf::from(path).into()), ..TlsSettings::default() })
}

/// The services as the manuals have them. `-` stands for what this Postfix does by itself: chroot or not.
fn submission(settings: &TlsSettings) -> Option<Vec<String>> {
    settings.starttls.as_ref()?.value.then(|| SUBMISSION_WORDS.map(str::to_owned).to_vec())
}

fn smtps(settings: &TlsSettings) -> Option<Vec<String>> {
    settings.implicit.as_ref()?.value.then(|| SMTPS_WORDS.map(str::to_owned).to_vec())
}

fn is_submission(values: &[&str]) -> Option<TlsSettings> {
    let is = matches!(values, [_, "encrypt", ..]);
    Some(TlsSettings { starttls: is.then(|| true.into()), ..TlsSettings::default() })
}

fn is_smtps(values: &[&str]) -> Option<TlsSettings> {
    let is = matches!(values, [_, "yes", ..]);
    Some(TlsSettings { implicit: is.then(|| true.into()), ..TlsSettings::default() })
}

/// A service that is not there does not listen.
fn imply(settings: &mut TlsSettings) {
    let listens = |said: &Option<Setting<bool>>| said.as_ref().is_some_and(|said| said.value);
    if listens(&settings.starttls) {
        settings.implicit.get_or_insert(false.into());
    }
    if listens(&settings.implicit) {
        settings.starttls.get_or_insert(false.into());
    }
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

/// Before 2.6 the list of the export grade is what counts where TLS is not demanded.
fn high_grade_before_2_6(settings: &TlsSettings) -> Option<Vec<String>> {
    let list = &settings.ciphers.as_ref()?.value;
    Some(vec![list.clone(), list.clone(), "high".to_owned()])
}

fn cipher_grade_before_2_6(values: &[&str]) -> Option<TlsSettings> {
    match values {
        [open, list, "high"] if open == list => cipher_grade(&[list, "high", "high"]),
        _ => None,
    }
}

fn protocol_at_level_may(settings: &TlsSettings) -> bool {
    settings.min_protocol.is_some() && settings.level.as_ref().is_none_or(|l| l.value != TlsLevel::Required)
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
    if !settings.scopes.is_empty() || settings.key == settings.certificate {
        notes.push("a file that holds key and chain has the key first: `pkit bundle keycert KEY CHAIN --order key-first -o FILE`");
    }
    if settings.starttls.as_ref().is_some_and(|s| s.value) || settings.implicit.as_ref().is_some_and(|s| s.value) {
        notes.push("reject_sender_login_mismatch needs smtpd_sender_login_maps, which says who may send as whom");
        notes.push("SASL needs smtpd_sasl_type and smtpd_sasl_path in main.cf (Dovecot: dovecot, private/auth)");
    }
    if settings.client_ca.is_some() || settings.client_ca_dir.is_some() {
        notes.push("Postfix looks at no CRL: a revoked client certificate is still taken; list fingerprints in check_ccert_access");
    }
    if settings.level.as_ref().is_some_and(|l| l.value == TlsLevel::Required) {
        notes.push("a public MX that requires TLS loses mail (RFC 3207); say it for the submission service in master.cf instead");
    }
    notes
}

const PAIRS: &str = "a certificate and its key go together";
const NO_PASSWORD: &str = "Postfix cannot read a key with a password: take it off with `pkit key convert --decrypt`";
const NO_CRLS: &str = "Postfix looks at no CRL; list the fingerprints of clients in check_ccert_access instead";
const MANDATORY_ONLY: &str = "before 2.6 Postfix has protocols only for where it requires TLS (--require-tls)";
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

const CIPHERS_BEFORE_2_6: &[&str] = &["tls_export_cipherlist", "tls_high_cipherlist", "smtpd_tls_mandatory_ciphers"];
const OUTGOING: &[&str] = &["smtp_tls_protocols", "smtp_tls_mandatory_protocols"];

const SUBMISSION: &[&str] = &[
    "submission/inet { service",
    "submission/inet { smtpd_tls_security_level",
    "submission/inet { smtpd_sasl_auth_enable",
    "submission/inet { smtpd_sasl_security_options",
    "submission/inet { smtpd_client_restrictions",
    "submission/inet { smtpd_sender_restrictions",
];
const SUBMISSION_WORDS: [&str; 6] = [
    "submission inet n - - - - smtpd",
    "encrypt",
    "yes",
    "noanonymous",
    "permit_sasl_authenticated,reject",
    "reject_sender_login_mismatch",
];
/// The name that every /etc/services has for port 465.
const SMTPS: &[&str] = &[
    "smtps/inet { service",
    "smtps/inet { smtpd_tls_wrappermode",
    "smtps/inet { smtpd_sasl_auth_enable",
    "smtps/inet { smtpd_sasl_security_options",
    "smtps/inet { smtpd_client_restrictions",
    "smtps/inet { smtpd_sender_restrictions",
];
const SMTPS_WORDS: [&str; 6] = [
    "smtps inet n - - - - smtpd",
    "yes",
    "yes",
    "noanonymous",
    "permit_sasl_authenticated,reject",
    "reject_sender_login_mismatch",
];

/// Before 2.10 the names of TLS 1.1 and later are not known, and what OpenSSL has of them is spoken (postconf(5)).
const OLD: &[(Protocol, &[&str])] = &[(Protocol::Tls10, &["!SSLv2, !SSLv3"; 2])];
const OLD_ALONE: &[(Protocol, &[&str])] = &[(Protocol::Tls10, &["!SSLv2, !SSLv3"])];

const EXCLUDED_BEFORE_3_4: &[(Protocol, &[&str])] = &[
    (Protocol::Tls10, &["!SSLv2, !SSLv3"; 2]),
    (Protocol::Tls11, &["!SSLv2, !SSLv3, !TLSv1"; 2]),
    (Protocol::Tls12, &["!SSLv2, !SSLv3, !TLSv1, !TLSv1.1"; 2]),
];

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

const V2_3: Version = Version::of(&[2, 3]);
const V2_5: Version = Version::of(&[2, 5]);
const V2_6: Version = Version::of(&[2, 6]);
const V2_8: Version = Version::of(&[2, 8]);
const V2_10: Version = Version::of(&[2, 10]);
const V3_1: Version = Version::of(&[3, 1]);
const V3_4: Version = Version::of(&[3, 4]);
const V3_5: Version = Version::of(&[3, 5]);
const V3_6: Version = Version::of(&[3, 6]);
const V3_10: Version = Version::of(&[3, 10]);
