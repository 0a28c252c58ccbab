//! HAProxy: a frontend with TLS is what pkit writes; what it reads is every bind line, with what the global section says for all of
//! them. A certificate, its chain and its key are one file, and which one is for a name HAProxy finds by the names in them.

use std::collections::HashMap;
use std::path::PathBuf;

use super::alike;
use super::build::{Build, Library, Version};
use super::parts::{Found, Parts, in_blocks};
use super::syntax::haproxy::{DEFAULTS, arguments};
use super::syntax::{self, Statement};
use super::table::{Directive, File, Never, Slot, Whole, Words};
use super::{Document, FileNeed, Part, Question, Reader, Role, Server, Style, reload, vocabulary};
use crate::settings::{CipherOrder, ClientCert, Protocol, Scope, TlsLevel, TlsSettings};

/// HAProxy.
pub(super) static HAPROXY: Server = Server {
    name: "haproxy",
    title: "HAProxy",
    versions: &[V2_0, V2_2, V2_5],
    newest: V3_2,
    libraries: &[Library::OpenSsl],
    // `HA-Proxy` before 2.4.
    ask_version: &[Question { program: "haproxy", args: &["-v"], env: &[], behind: "roxy version " }],
    ask_library: None,
    style: Style {
        word: "conf",
        documents: &[Document {
            file: Some("/etc/haproxy/haproxy.cfg"),
            place: "put this into /etc/haproxy/haproxy.cfg, the lines of the frontend into yours, which has `mode http` and a default_backend",
            grammar: &syntax::haproxy::GRAMMAR,
            takes: |_| true,
        }],
        then: "check with `haproxy -c -f /etc/haproxy/haproxy.cfg`, then `systemctl reload haproxy`",
    },
    other_styles: &[],
    directives: DIRECTIVES,
    vocabulary: &vocabulary::HAPROXY,
    parts: &PARTS,
    level: TlsLevel::Required,
    files: &[
        FileNeed {
            role: Role::Certificate,
            parts: &[Part::Leaf, Part::Intermediates, Part::Key],
            reader: Reader::Root,
        },
        FileNeed { role: Role::ClientCa, parts: &[Part::Cas], reader: Reader::Root },
    ],
    look: "localhost:443",
    reload: &reload::HAPROXY,
    imply,
    notes,
    dh: |_| "no DH file is needed: none of these ciphers uses one",
    untried: |build| build.version < V2_6 || build.version >= V3_1,
};

/// Options of the bind line stand under their own names; what stands elsewhere has its section before it.
static DIRECTIVES: &[Directive] = &[
    Directive::new(&["global { ssl-dh-param-file"], &File(|s| &mut s.dh)),
    Directive::new(&["global { tune.ssl.lifetime"], &Whole { spell: lifetime, parse: lives }),
    Directive::new(&["ssl"], &Words(|s| &mut s.level, &[(TlsLevel::Required, &[""])])).scoped(),
    Directive::new(&["crt#1"], &Whole { spell: first, parse: first_of }).scoped(),
    Directive::new(&["crt#2"], &Whole { spell: second, parse: second_of }).scoped(),
    Directive::new(&[], &Never { when: apart, why: COMBINED }).scoped(),
    Directive::new(&[], &Never { when: |s| s.key_password_file.is_some(), why: NO_PASSWORD }).scoped(),
    Directive::new(&["ca-file"], &File(|s| &mut s.client_ca)).scoped(),
    Directive::new(&[], &Never { when: |s| s.client_ca_dir.is_some(), why: NO_DIRECTORY }).scoped(),
    Directive::new(&["verify"], &Words(|s| &mut s.client_cert, CLIENT_CERTS)).scoped(),
    // Every CA of the chain is looked up in it (tried on 2.6.12).
    Directive::new(&["crl-file"], &Whole { spell: alike::crls_of_chain, parse: alike::crl_file_of_chain }).scoped(),
    Directive::new(&[], &Never { when: |s| s.crl_check.is_some() && s.client_crl.is_none(), why: CRLS_APART }).scoped(),
    Directive::new(&["ssl-min-ver"], &Words(|s| &mut s.min_protocol, PROTOCOLS)).scoped(),
    Directive::new(&["ciphers"], &Whole { spell: |s| list(&s.ciphers), parse: |v| listed(v, |s| &mut s.ciphers) })
        .scoped(),
    Directive::new(&["ciphersuites"], &Whole { spell: |s| list(&s.suites), parse: |v| listed(v, |s| &mut s.suites) })
        .scoped(),
    Directive::new(&["prefer-client-ciphers"], &Words(|s| &mut s.order, &[(CipherOrder::Client, &[""])])).scoped(),
    Directive::new(&[LOG], &Words(|s| &mut s.log, &[(true, &["httpslog"])])).since(V2_5),
    // Only the second is sent with what HAProxy answers itself, such as errors (tried on 2.6.12 and 3.0.11).
    Directive::new(&[HSTS], &Whole { spell: hsts, parse: max_age }).until(V2_2),
    Directive::new(&[HSTS], &Whole { spell: hsts, parse: max_age }).since(V2_2).only_read(),
    Directive::new(&[HSTS_AFTER], &Whole { spell: hsts, parse: max_age }).since(V2_2),
    Directive::new(
        &["frontend http { bind", "frontend http { http-request"],
        &Whole { spell: redirect, parse: redirected },
    ),
    Directive::new(&[], &Never { when: |s| s.username_from_cert.is_some(), why: NO_USERS }).scoped(),
    Directive::new(&[], &Never { when: |s| s.stapling.is_some(), why: STAPLING }).scoped(),
    Directive::new(&[], &Never { when: |s| s.names.is_some(), why: NO_NAMES }),
    Directive::new(&[], &Never { when: |s| s.outgoing.is_some() || s.outgoing_ca.is_some(), why: OUTGOING }),
    Directive::new(&[], &Never { when: |s| !s.scopes.is_empty(), why: BY_CERTIFICATE }),
];

/// The whole is the first bind line with TLS, and the frontend that it stands in.
static PARTS: Parts = Parts {
    inherits: false,
    spell: |scope, name, _| {
        if *scope != Scope::default() {
            return None;
        }
        Some(match name {
            _ if name.contains(super::table::BLOCK) => name.to_owned(),
            LOG | HSTS | HSTS_AFTER => in_blocks(&[FRONTEND], name),
            _ => in_blocks(&[FRONTEND, BIND], name),
        })
    },
    find,
};

const FRONTEND: &str = "frontend https";
/// All addresses of both families.
const BIND: &str = "bind :443,:::443";
const PLAIN: &str = ":80,:::80";
const LOG: &str = "option#httpslog";
const HSTS: &str = "http-response#Strict-Transport-Security";
const HSTS_AFTER: &str = "http-after-response#Strict-Transport-Security";

/// A bind line: what it says, and whether that is TLS.
#[derive(Default)]
pub(super) struct Bind {
    pub(super) says: Vec<String>,
    pub(super) tls: bool,
    /// The section that it stands in.
    section: String,
    line: usize,
}

/// All bind lines, by their number.
pub(super) fn binds(statements: &[&Statement]) -> HashMap<usize, Bind> {
    let mut binds: HashMap<usize, Bind> = HashMap::new();
    for (at, statement) in statements.iter().enumerate().filter(|(_, s)| is_option(s)) {
        let bind = binds.entry(statement.block).or_insert_with(|| Bind {
            section: statement.scope.first().cloned().unwrap_or_default(),
            line: at,
            ..Bind::default()
        });
        bind.says.push(statement.name.clone());
        bind.tls |= statement.name == "ssl" || statement.name == "crt";
    }
    binds
}

/// Is it an option of a bind line?
pub(crate) fn is_option(statement: &Statement) -> bool {
    matches!(&statement.scope[..], [_, bind] if bind.starts_with("bind "))
}

/// The option of a bind line that is said for all of them, in the global section.
pub(super) fn shared(statement: &Statement) -> Option<&str> {
    match &statement.scope[..] {
        [_, options] if options == DEFAULTS => Some(&statement.name),
        [section] if section == "global" => {
            statement.name.strip_prefix("ssl-default-bind-").filter(|rest| *rest != "options")
        }
        _ => None,
    }
}

fn find<'a>(statements: &'a [&'a Statement]) -> Found<'a> {
    let binds = binds(statements);
    let mut order: Vec<(&usize, &Bind)> = binds.iter().filter(|(_, bind)| bind.tls).collect();
    order.sort_by_key(|(_, bind)| bind.line);
    let first = order.first().map(|(block, bind)| (**block, bind.section.as_str()));
    let scope_of = |block: usize, statement: Option<&Statement>| {
        let head = statement.and_then(|s| s.scope.get(1)).map_or("", String::as_str);
        match first {
            Some((own, _)) if own != block => Scope { address: address(head), ..Scope::default() },
            _ => Scope::default(),
        }
    };
    let name = |statement: &Statement| {
        let whole = |name: &str| (Scope::default(), name.to_owned());
        if is_option(statement) {
            return match binds.get(&statement.block) {
                Some(bind) if bind.tls || first.is_none() => {
                    (scope_of(statement.block, Some(statement)), statement.name.clone())
                }
                _ => (Scope::default(), in_blocks(&statement.scope, &statement.name)),
            };
        }
        if let Some(option) = shared(statement) {
            // Each bind line that is silent takes it over; the whole speaks for all of them.
            let silent = order.iter().any(|(block, bind)| {
                first.is_some_and(|(own, _)| own == **block) && !bind.says.iter().any(|said| said == option)
            });
            return if silent || binds.is_empty() {
                whole(option)
            } else {
                whole(&in_blocks(&statement.scope, &statement.name))
            };
        }
        let section = statement.scope.first().map_or("", String::as_str);
        match section {
            _ if first.is_none_or(|(_, own)| own == section) && section_row(statement).is_some() => {
                whole(section_row(statement).unwrap_or_default())
            }
            // Whatever its name, one without TLS.
            _ if is_frontend(section) && first.is_none_or(|(_, own)| own != section) => {
                whole(&format!("frontend http {{ {}", statement.name))
            }
            _ => whole(&in_blocks(&statement.scope, &statement.name)),
        }
    };
    let found: Vec<_> = statements.iter().map(|statement| name(statement)).collect();
    Box::new(found.into_iter())
}

fn is_frontend(section: &str) -> bool {
    section.starts_with("frontend ") || section.starts_with("listen ")
}

/// Statements of a frontend that say different things by their first words are different rows.
fn section_row(statement: &Statement) -> Option<&'static str> {
    let words = arguments(&statement.raw).unwrap_or_default();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (statement.name.as_str(), &words[..]) {
        ("option", ["httpslog", ..]) => Some(LOG),
        ("http-response", [_, header, ..]) if is_hsts(header) => Some(HSTS),
        ("http-after-response", [_, header, ..]) if is_hsts(header) => Some(HSTS_AFTER),
        _ => None,
    }
}

fn is_hsts(header: &str) -> bool {
    header.eq_ignore_ascii_case("Strict-Transport-Security")
}

/// `bind 192.0.2.10:443`; of several addresses the first.
fn address(head: &str) -> Option<std::net::IpAddr> {
    alike::ip(head.strip_prefix("bind ")?.split(',').next()?)
}

/// The certificate's file with the key in it.
fn first(settings: &TlsSettings) -> Option<Vec<String>> {
    together(settings.certificate.as_ref().map(|file| &file.value))
}

fn second(settings: &TlsSettings) -> Option<Vec<String>> {
    together(settings.alt_certificate.as_ref().map(|file| &file.value))
}

fn together(file: Option<&PathBuf>) -> Option<Vec<String>> {
    Some(vec![alike::absolute(file?)?])
}

fn first_of(values: &[&str]) -> Option<TlsSettings> {
    let file = path(values)?;
    Some(TlsSettings { certificate: Some(file.clone().into()), key: Some(file.into()), ..TlsSettings::default() })
}

fn second_of(values: &[&str]) -> Option<TlsSettings> {
    let file = path(values)?;
    Some(TlsSettings {
        alt_certificate: Some(file.clone().into()),
        alt_key: Some(file.into()),
        ..TlsSettings::default()
    })
}

fn path(values: &[&str]) -> Option<PathBuf> {
    let [file] = values else { return None };
    file.starts_with('/').then(|| PathBuf::from(file))
}

fn apart(settings: &TlsSettings) -> bool {
    settings.key != settings.certificate
        || settings.alt_key != settings.alt_certificate
        || settings.alt_certificate.is_some() && settings.certificate.is_none()
}

fn list(list: &Option<crate::settings::Setting<String>>) -> Option<Vec<String>> {
    let list = &list.as_ref()?.value;
    alike::is_list(list).then(|| vec![list.clone()])
}

fn listed(values: &[&str], slot: Slot<String>) -> Option<TlsSettings> {
    let [list] = values else { return None };
    let mut settings = TlsSettings::default();
    *slot(&mut settings) = alike::is_list(list).then(|| (*list).to_owned().into());
    Some(settings)
}

fn lifetime(settings: &TlsSettings) -> Option<Vec<String>> {
    Some(vec![format!("{}s", settings.session_timeout.as_ref()?.value)])
}

/// `300`, `5m`.
fn lives(values: &[&str]) -> Option<TlsSettings> {
    let [value] = values else { return None };
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &value[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let seconds = digits.parse::<u32>().ok()?.checked_mul(unit)?;
    Some(TlsSettings { session_timeout: Some(seconds.into()), ..TlsSettings::default() })
}

fn hsts(settings: &TlsSettings) -> Option<Vec<String>> {
    Some(vec![format!("set-header Strict-Transport-Security {}", alike::hsts(settings)?)])
}

fn max_age(values: &[&str]) -> Option<TlsSettings> {
    let words = arguments(&values.concat())?;
    alike::max_age(words.get(2)?)
}

fn redirect(settings: &TlsSettings) -> Option<Vec<String>> {
    let host = alike::redirect(settings)?;
    Some(vec![PLAIN.to_owned(), format!("redirect prefix https://{host} code 301")])
}

fn redirected(values: &[&str]) -> Option<TlsSettings> {
    let target = values.get(1)?.split_whitespace().skip_while(|word| *word != "prefix").nth(1);
    let host = target.and_then(|target| target.strip_prefix("https://"));
    Some(TlsSettings { redirect: host.map(|host| host.to_owned().into()), ..TlsSettings::default() })
}

/// The server's order counts where nothing else is said.
fn imply(settings: &mut TlsSettings) {
    settings.order.get_or_insert(CipherOrder::Server.into());
}

fn notes(settings: &TlsSettings, _: Build) -> Vec<&'static str> {
    let mut notes = vec!["make the one file with `pkit bundle keycert KEY CHAIN --order cert-first -o FILE`"];
    if settings.crl_check.is_some() {
        notes.push("every CA of a client's chain, the root too, needs its current CRL in the file; one that has expired keeps all its clients out");
    }
    if settings.dh.is_some() {
        notes.push("ssl-dh-param-file holds for every bind line");
    }
    notes
}

const COMBINED: &str = "HAProxy wants key and chain in one file: make it with `pkit bundle keycert KEY CHAIN -o FILE` and name it as --cert and as --key";
const NO_PASSWORD: &str =
    "HAProxy asks for a key's password on the terminal: take it off with `pkit key convert --decrypt`";
const NO_DIRECTORY: &str = "name the CAs as one file: join them with `cat`";
const CRLS_APART: &str = "HAProxy takes CRLs from a file of their own, which --crl names";
const NO_USERS: &str =
    "HAProxy has no users; hand the subject on to the application: http-request set-header NAME %{+Q}[ssl_c_s_dn(cn)]";
const STAPLING: &str = "HAProxy staples what it finds beside the certificate as FILE.ocsp, or since 2.8 what `ocsp-update on` in a crt-list fetches: set it by hand";
const NO_NAMES: &str = "HAProxy finds the certificate of a name by itself: leave --name away";
const OUTGOING: &str = "say it on each server line: ssl verify required ca-file FILE";
const BY_CERTIFICATE: &str = "HAProxy finds the certificate of a name by itself: put further files behind `crt` on the bind line; another address wants a bind line of its own";

const CLIENT_CERTS: &[(ClientCert, &[&str])] =
    &[(ClientCert::No, &["none"]), (ClientCert::Request, &["optional"]), (ClientCert::Require, &["required"])];
const PROTOCOLS: &[(Protocol, &[&str])] = &[
    (Protocol::Tls10, &["TLSv1.0"]),
    (Protocol::Tls11, &["TLSv1.1"]),
    (Protocol::Tls12, &["TLSv1.2"]),
    (Protocol::Tls13, &["TLSv1.3"]),
    (Protocol::Tls10, &["SSLv3"]),
];

const V2_0: Version = Version::of(&[2, 0]);
const V2_2: Version = Version::of(&[2, 2]);
const V2_5: Version = Version::of(&[2, 5]);
const V2_6: Version = Version::of(&[2, 6]);
const V3_1: Version = Version::of(&[3, 1]);
const V3_2: Version = Version::of(&[3, 2]);
