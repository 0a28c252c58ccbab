//! nginx: a server block with TLS is what pkit writes and reads; further names have server blocks of their own, which take
//! nothing over from the first. What stands outside of them, in the http block, holds for those that do not say it themselves.

use std::collections::HashMap;

use super::alike;
use super::build::{Build, Library, Version};
use super::parts::{Found, Parts, in_blocks};
use super::syntax::nginx::arguments;
use super::syntax::{self, Statement};
use super::table::{Directive, File, Never, Number, Slot, Whole, Words};
use super::{Document, FileNeed, Part, Question, Reader, Role, Server, Style, reload, vocabulary};
use crate::settings::{CipherOrder, ClientCert, Protocol, Scope, Setting, TlsLevel, TlsSettings};

/// nginx, and what keeps to its words (OpenResty, Angie).
pub(super) static NGINX: Server = Server {
    name: "nginx",
    title: "nginx",
    versions: &[V1_8, V1_11, V1_13, V1_19_4, V1_25_1],
    newest: V1_29,
    libraries: &[Library::OpenSsl],
    ask_version: &[Question { program: "nginx", args: &["-v"], env: &[], behind: "nginx/" }],
    ask_library: None,
    style: Style {
        word: "conf",
        documents: &[Document {
            file: Some("/etc/nginx/conf.d/tls.conf"),
            place: "put this into /etc/nginx/conf.d/tls.conf, which nginx.conf pulls into its http block; one server block for a name and port",
            grammar: &syntax::nginx::GRAMMAR,
            takes: |_| true,
        }],
        then: "check with `nginx -t`, then `nginx -s reload`, and look into the error log",
    },
    other_styles: &[],
    directives: DIRECTIVES,
    vocabulary: &vocabulary::NGINX,
    parts: &PARTS,
    level: TlsLevel::Required,
    files: &[
        FileNeed { role: Role::Certificate, parts: &[Part::Leaf, Part::Intermediates], reader: Reader::Root },
        FileNeed { role: Role::Key, parts: &[Part::Key], reader: Reader::Root },
        FileNeed { role: Role::ClientCa, parts: &[Part::Cas], reader: Reader::Root },
    ],
    look: "localhost:443",
    reload: &reload::NGINX,
    imply: |_| {},
    notes,
    dh: |build| {
        if build.version < V1_11 {
            "no DH file is needed: none of these ciphers uses one (nginx's own parameters have 1024 bits before 1.11)"
        } else {
            "no DH file is needed: none of these ciphers uses one, and without a file nginx offers none that does"
        }
    },
    untried: |build| build.version < V1_22 || build.version >= V1_27,
};

static DIRECTIVES: &[Directive] = &[
    Directive::new(&["listen#1", "listen#2"], &Whole { spell: listens, parse: listened }).scoped(),
    Directive::new(&["ssl"], &Words(|s| &mut s.level, &[(TlsLevel::Required, &["on"]), (TlsLevel::Off, &["off"])]))
        .until(V1_25_1)
        .only_read()
        .scoped(),
    Directive::new(&["server_name"], &Whole { spell: names, parse: named }).scoped(),
    Directive::new(&["ssl_certificate#1"], &File(|s| &mut s.certificate)).scoped(),
    Directive::new(&["ssl_certificate_key#1"], &File(|s| &mut s.key)).scoped(),
    Directive::new(&["ssl_certificate#2"], &File(|s| &mut s.alt_certificate)).since(V1_11).scoped(),
    Directive::new(&["ssl_certificate_key#2"], &File(|s| &mut s.alt_key)).since(V1_11).scoped(),
    Directive::new(&[], &Never { when: alike::without_the_first, why: IN_ORDER }).scoped(),
    Directive::new(&["ssl_password_file"], &File(|s| &mut s.key_password_file)).scoped(),
    Directive::new(&["ssl_client_certificate"], &File(|s| &mut s.client_ca)).scoped(),
    Directive::new(&[], &Never { when: |s| s.client_ca_dir.is_some(), why: NO_DIRECTORY }).scoped(),
    // Every CA of the chain is looked up in it (tried on 1.22.1).
    Directive::new(&["ssl_crl"], &Whole { spell: alike::crls_of_chain, parse: alike::crl_file_of_chain }).scoped(),
    Directive::new(&[], &Never { when: |s| s.crl_check.is_some() && s.client_crl.is_none(), why: CRLS_APART }).scoped(),
    Directive::new(&["ssl_verify_client"], &Words(|s| &mut s.client_cert, CLIENT_CERTS)).scoped(),
    Directive::new(&["ssl_verify_depth"], &Number(|s| &mut s.verify_depth, "")).scoped(),
    Directive::new(&[], &Never { when: |s| s.username_from_cert.is_some(), why: NO_USERS }).scoped(),
    Directive::new(&["ssl_protocols"], &Whole { spell: |s| before_1_3(&s.min_protocol), parse: served })
        .until(V1_13)
        .scoped(),
    Directive::new(&["ssl_protocols"], &Whole { spell: |s| with_1_3(&s.min_protocol), parse: served })
        .since(V1_13)
        .scoped(),
    Directive::new(&["ssl_ciphers"], &Whole { spell: ciphers, parse: list }).scoped(),
    Directive::new(&[SUITES], &Whole { spell: suites, parse: suite_list }).since(V1_19_4).scoped(),
    Directive::new(&["ssl_prefer_server_ciphers"], &Words(|s| &mut s.order, ORDERS)).scoped(),
    Directive::new(&["ssl_dhparam"], &File(|s| &mut s.dh)).scoped(),
    Directive::new(&["ssl_session_timeout"], &Whole { spell: lifetime, parse: lives }).scoped(),
    Directive::new(&["ssl_stapling"], &Words(|s| &mut s.stapling, ON_OFF)).scoped(),
    Directive::new(&["error_log"], &Whole { spell: log, parse: logs }).scoped(),
    Directive::new(&[HSTS], &Whole { spell: hsts, parse: max_age }).scoped(),
    Directive::new(&["proxy_ssl_verify", "proxy_ssl_server_name"], &Whole { spell: outgoing, parse: verified })
        .scoped(),
    Directive::new(
        &["proxy_ssl_protocols"],
        &Whole {
            spell: |s| before_1_3(&s.outgoing_min_protocol),
            parse: |v| oldest(v, |s| &mut s.outgoing_min_protocol),
        },
    )
    .until(V1_13)
    .scoped(),
    Directive::new(
        &["proxy_ssl_protocols"],
        &Whole {
            spell: |s| with_1_3(&s.outgoing_min_protocol),
            parse: |v| oldest(v, |s| &mut s.outgoing_min_protocol),
        },
    )
    .since(V1_13)
    .scoped(),
    Directive::new(&["proxy_ssl_trusted_certificate"], &File(|s| &mut s.outgoing_ca)).scoped(),
    Directive::new(
        &["server#80 { listen#1", "server#80 { listen#2", "server#80 { server_name", "server#80 { return"],
        &Whole { spell: redirect, parse: redirected },
    ),
];

/// The whole is the first server block with TLS: it serves clients that ask for no name.
static PARTS: Parts = Parts {
    inherits: false,
    spell: |scope, name, _| {
        if name.starts_with(PLAIN) {
            return (*scope == Scope::default()).then(|| name.to_owned());
        }
        // The address would stand in `listen`, which says more than it.
        (scope.address.is_none() && scope.protocol.is_none()).then(|| in_blocks(&["server"], name))
    },
    find,
};

/// A server block without TLS.
const PLAIN: &str = "server#80 { ";

/// A server block, and what it serves.
#[derive(Default)]
pub(super) struct Host {
    pub(super) scope: Scope,
    listens: Vec<String>,
    says: Vec<String>,
    pub(super) tls: bool,
}

fn find<'a>(statements: &'a [&'a Statement]) -> Found<'a> {
    let hosts = hosts(statements);
    let mut order: Vec<(&usize, &Host)> = hosts.iter().filter(|(_, host)| host.tls).collect();
    order.sort_by_key(|(block, _)| statements.iter().position(|s| s.block == **block));
    let first = order.first().map(|(block, _)| **block);
    let scope_of = |block: usize| match hosts.get(&block) {
        Some(host) if first != Some(block) => host.scope.clone(),
        _ => Scope::default(),
    };
    let name = |statement: &Statement| match host_of(statement) {
        Some(block) if hosts.get(&block).is_some_and(|host| host.tls) => (scope_of(block), row_name(statement)),
        Some(_) => (Scope::default(), format!("{PLAIN}{}", statement.name)),
        // A part of a configuration, to be pulled in somewhere.
        None if hosts.is_empty() && statement.scope.is_empty() => (Scope::default(), row_name(statement)),
        None if is_shared(statement) => {
            let silent = order.iter().find(|(_, host)| !host.says.contains(&statement.name));
            match silent {
                Some((block, _)) => (scope_of(**block), row_name(statement)),
                None => (Scope::default(), in_blocks(&["http"], &statement.name)),
            }
        }
        None => (Scope::default(), in_blocks(&statement.scope, &statement.name)),
    };
    let found: Vec<_> = statements.iter().map(|statement| name(statement)).collect();
    Box::new(found.into_iter())
}

/// The blocks around a statement, but for the one that holds all sites. Mail and streams have server blocks of the same kind.
fn inner(statement: &Statement) -> &[String] {
    match statement.scope.split_first() {
        Some((first, rest)) if ["http", "mail", "stream"].contains(&first.as_str()) => rest,
        _ => &statement.scope,
    }
}

/// The number of the server block that a statement stands in, and not deeper.
fn host_of(statement: &Statement) -> Option<usize> {
    (inner(statement) == ["server"]).then_some(statement.block)
}

/// Does it stand where all server blocks of the web take it over?
pub(super) fn is_shared(statement: &Statement) -> bool {
    inner(statement).is_empty() && statement.scope.first().is_none_or(|block| block == "http")
}

/// All server blocks, by their number. A port speaks TLS for all of its names if it does for one.
pub(super) fn hosts(statements: &[&Statement]) -> HashMap<usize, Host> {
    let mut hosts: HashMap<usize, Host> = HashMap::new();
    let mut with_tls: Vec<String> = Vec::new();
    for (block, statement) in statements.iter().filter_map(|s| Some((host_of(s)?, s))) {
        let host = hosts.entry(block).or_default();
        host.says.push(statement.name.clone());
        let value = statement.known().unwrap_or_default();
        host.scope.protocol = statement.scope.first().filter(|b| ["mail", "stream"].contains(&b.as_str())).cloned();
        match statement.name.as_str() {
            "listen" => {
                let address = address(value);
                host.scope.address = host.scope.address.or(alike::ip(&address));
                if speaks_tls(statement) {
                    with_tls.push(address.clone());
                }
                host.listens.push(address);
            }
            "server_name" => host.scope.name = value.split_whitespace().next().map(str::to_owned),
            "ssl" => host.tls |= value.eq_ignore_ascii_case("on"),
            name => host.tls |= name.starts_with("ssl_"),
        }
    }
    for host in hosts.values_mut() {
        host.tls |= host.listens.is_empty() || host.listens.iter().any(|address| with_tls.contains(address));
    }
    hosts
}

/// `listen 443 ssl`
pub(super) fn speaks_tls(statement: &Statement) -> bool {
    let known = statement.known().unwrap_or_default();
    known.split_whitespace().skip(1).any(|word| word == "ssl" || word == "quic")
}

/// What is listened on; a port alone is one on every address.
pub(super) fn address(listen: &str) -> String {
    let first = listen.split_whitespace().next().unwrap_or_default();
    first.strip_prefix("*:").or(first.strip_prefix("0.0.0.0:")).unwrap_or(first).to_owned()
}

/// Directives that say different things by their first arguments are different rows.
fn row_name(statement: &Statement) -> String {
    let words = arguments(&statement.raw).unwrap_or_default();
    let begins = |word: &str| words.first().is_some_and(|first| first.eq_ignore_ascii_case(word));
    match statement.name.as_str() {
        "ssl_conf_command" if begins("Ciphersuites") => SUITES,
        "ssl_conf_command" => "ssl_conf_command#",
        "add_header" if begins("Strict-Transport-Security") => HSTS,
        "listen" if !speaks_tls(statement) => "listen#plain",
        name => name,
    }
    .to_owned()
}

const SUITES: &str = "ssl_conf_command#Ciphersuites";
const HSTS: &str = "add_header#Strict-Transport-Security";

/// Each family of addresses is named by itself.
fn listens(settings: &TlsSettings) -> Option<Vec<String>> {
    let required = settings.level.as_ref()?.value == TlsLevel::Required;
    required.then(|| vec!["443 ssl".to_owned(), "[::]:443 ssl".to_owned()])
}

fn listened(values: &[&str]) -> Option<TlsSettings> {
    let tls = values.iter().any(|value| !value.is_empty());
    Some(TlsSettings { level: tls.then(|| TlsLevel::Required.into()), ..TlsSettings::default() })
}

fn names(settings: &TlsSettings) -> Option<Vec<String>> {
    let names = &settings.names.as_ref()?.value;
    let plain =
        |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_*:".contains(c));
    (!names.is_empty() && names.iter().all(plain)).then(|| vec![names.join(" ")])
}

/// What is a pattern (`~...`), or stands for no name (`_`, `""`), is nobody's name.
fn named(values: &[&str]) -> Option<TlsSettings> {
    let words = arguments(&values.concat())?;
    let name = |word: &String| !word.is_empty() && word != "_" && !word.starts_with(['~', '$']);
    let names: Vec<String> = words.into_iter().filter(name).collect();
    Some(TlsSettings { names: (!names.is_empty()).then(|| names.into()), ..TlsSettings::default() })
}

fn before_1_3(min: &Option<Setting<Protocol>>) -> Option<Vec<String>> {
    let words = match min.as_ref()?.value {
        Protocol::Tls10 => "TLSv1 TLSv1.1 TLSv1.2",
        Protocol::Tls11 => "TLSv1.1 TLSv1.2",
        Protocol::Tls12 => "TLSv1.2",
        Protocol::Tls13 => return None,
    };
    Some(vec![words.to_owned()])
}

fn with_1_3(min: &Option<Setting<Protocol>>) -> Option<Vec<String>> {
    let newest = "TLSv1.3".to_owned();
    match min.as_ref()?.value {
        Protocol::Tls13 => Some(vec![newest]),
        _ => Some(vec![format!("{} {newest}", before_1_3(min)?.concat())]),
    }
}

fn served(values: &[&str]) -> Option<TlsSettings> {
    oldest(values, |s| &mut s.min_protocol)
}

/// nginx does not tell small letters from capital ones here.
fn oldest(values: &[&str], slot: Slot<Protocol>) -> Option<TlsSettings> {
    let meant = |word: &str| match word.to_ascii_lowercase().as_str() {
        "tlsv1" => Some(Some(Protocol::Tls10)),
        "tlsv1.1" => Some(Some(Protocol::Tls11)),
        "tlsv1.2" => Some(Some(Protocol::Tls12)),
        "tlsv1.3" => Some(Some(Protocol::Tls13)),
        "sslv2" | "sslv3" => Some(None),
        _ => None,
    };
    let words = arguments(&values.concat())?;
    let spoken: Vec<Option<Protocol>> = words.iter().map(|word| meant(word)).collect::<Option<_>>()?;
    let mut settings = TlsSettings::default();
    *slot(&mut settings) = Some(spoken.into_iter().flatten().min()?.into());
    Some(settings)
}

/// One word.
fn ciphers(settings: &TlsSettings) -> Option<Vec<String>> {
    let list = &settings.ciphers.as_ref()?.value;
    alike::is_list(list).then(|| vec![list.clone()])
}

fn list(values: &[&str]) -> Option<TlsSettings> {
    let [list] = values else { return None };
    alike::is_list(list).then(|| TlsSettings { ciphers: Some((*list).to_owned().into()), ..TlsSettings::default() })
}

fn suites(settings: &TlsSettings) -> Option<Vec<String>> {
    let list = &settings.suites.as_ref()?.value;
    alike::is_list(list).then(|| vec![format!("Ciphersuites {list}")])
}

fn suite_list(values: &[&str]) -> Option<TlsSettings> {
    let words = arguments(&values.concat())?;
    let [_, list] = &words[..] else { return None };
    Some(TlsSettings { suites: Some(list.clone().into()), ..TlsSettings::default() })
}

fn lifetime(settings: &TlsSettings) -> Option<Vec<String>> {
    Some(vec![format!("{}s", settings.session_timeout.as_ref()?.value)])
}

/// `1d`, `1h 30m`, `300`.
fn lives(values: &[&str]) -> Option<TlsSettings> {
    let mut seconds: u32 = 0;
    for word in arguments(&values.concat())? {
        let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &word[digits.len()..] {
            "" | "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "w" => 604_800,
            _ => return None,
        };
        seconds = seconds.checked_add(digits.parse::<u32>().ok()?.checked_mul(unit)?)?;
    }
    Some(TlsSettings { session_timeout: Some(seconds.into()), ..TlsSettings::default() })
}

/// Refused handshakes and certificates are told from this level on (tried on 1.22.1).
fn log(settings: &TlsSettings) -> Option<Vec<String>> {
    settings.log.as_ref()?.value.then(|| vec!["\"/var/log/nginx/error.log\" info".to_owned()])
}

fn logs(values: &[&str]) -> Option<TlsSettings> {
    let words = arguments(&values.concat())?;
    let told = words.iter().skip(1).any(|word| word == "info" || word == "debug");
    Some(TlsSettings { log: told.then(|| true.into()), ..TlsSettings::default() })
}

fn hsts(settings: &TlsSettings) -> Option<Vec<String>> {
    Some(vec![format!("Strict-Transport-Security {} always", alike::hsts(settings)?)])
}

fn max_age(values: &[&str]) -> Option<TlsSettings> {
    let words = arguments(&values.concat())?;
    alike::max_age(words.get(1)?)
}

/// Without the CAs nginx does not start, and without the name the other side shows whatever certificate comes first.
fn outgoing(settings: &TlsSettings) -> Option<Vec<String>> {
    let offered = settings.outgoing.as_ref()?.value == TlsLevel::Offered;
    (offered && settings.outgoing_ca.is_some()).then(|| vec!["on".to_owned(); 2])
}

fn verified(values: &[&str]) -> Option<TlsSettings> {
    let on = values.first().is_some_and(|value| value.eq_ignore_ascii_case("on"));
    Some(TlsSettings { outgoing: on.then(|| TlsLevel::Offered.into()), ..TlsSettings::default() })
}

fn redirect(settings: &TlsSettings) -> Option<Vec<String>> {
    let host = alike::redirect(settings)?;
    let words = ["80".to_owned(), "[::]:80".to_owned(), host.to_owned(), format!("301 https://{host}$request_uri")];
    Some(words.to_vec())
}

/// To the name that was asked for (`https://$host`) is to no host in particular.
fn redirected(values: &[&str]) -> Option<TlsSettings> {
    let target = values.get(3)?.split_whitespace().find_map(|word| word.strip_prefix("https://"));
    let host = target.and_then(|target| target.strip_suffix("$request_uri")).filter(|host| !host.contains('$'));
    Some(TlsSettings { redirect: host.map(|host| host.to_owned().into()), ..TlsSettings::default() })
}

fn notes(settings: &TlsSettings, _: Build) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if settings.crl_check.is_some() {
        notes.push("every CA of a client's chain, the root too, needs its current CRL in the file; one that has expired keeps all its clients out");
    }
    if settings.client_cert.as_ref().is_some_and(|asked| asked.value != ClientCert::No) {
        notes.push("a client without a good certificate gets through the handshake, and the answer 400");
    }
    if settings.names.is_none() {
        notes.push(
            "without --name the server block answers to any name that no other has, if it is the first of its port",
        );
    }
    if settings.stapling.as_ref().is_some_and(|on| on.value) {
        notes.push("without a `resolver` nginx keeps to the address that the OCSP responder had when it started");
    }
    if settings.hsts.is_some() {
        notes.push(
            "a location with an add_header of its own takes none over: say Strict-Transport-Security there once more",
        );
    }
    notes
}

const IN_ORDER: &str = "nginx knows certificates and keys by their order: the second needs a first";
const NO_DIRECTORY: &str = "nginx takes CAs from one file: join them with `cat`, and name that as --client-ca";
const CRLS_APART: &str = "nginx takes CRLs from a file of their own, which --crl names";
const NO_USERS: &str =
    "nginx has no users; hand the subject on to the application: proxy_set_header NAME $ssl_client_s_dn";

const ON_OFF: &[(bool, &[&str])] = &[(true, &["on"]), (false, &["off"])];
const CLIENT_CERTS: &[(ClientCert, &[&str])] = &[
    (ClientCert::No, &["off"]),
    (ClientCert::Request, &["optional"]),
    (ClientCert::Require, &["on"]),
    (ClientCert::Request, &["optional_no_ca"]),
];
const ORDERS: &[(CipherOrder, &[&str])] = &[(CipherOrder::Client, &["off"]), (CipherOrder::Server, &["on"])];

/// CHANGES of nginx: several certificates in 1.11.0, TLS 1.3 in 1.13.0, ssl_conf_command in 1.19.4, without `ssl` in 1.25.1.
const V1_8: Version = Version::of(&[1, 8]);
const V1_11: Version = Version::of(&[1, 11]);
const V1_13: Version = Version::of(&[1, 13]);
const V1_19_4: Version = Version::of(&[1, 19, 4]);
const V1_22: Version = Version::of(&[1, 22]);
const V1_25_1: Version = Version::of(&[1, 25, 1]);
const V1_27: Version = Version::of(&[1, 27]);
const V1_29: Version = Version::of(&[1, 29]);
