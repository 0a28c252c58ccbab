//! Apache httpd 2.4 with mod_ssl: a virtual host on port 443 is what pkit writes and reads; further names have virtual hosts of
//! their own, which take nothing over from the first. What mod_ssl wants at server level stands before them.

use super::alike;
use super::build::{Build, Library, Version};
use super::parts::{Found, Parts, in_blocks};
use super::syntax::{self, Statement, apache::arguments};
use super::table::{Directive, File, Never, Number, Text, Whole, Words};
use super::{Document, FileNeed, Part, Question, Reader, Role, Server, Style, reload, vocabulary};
use crate::settings::{CipherOrder, ClientCert, CrlCheck, Protocol, Scope, Setting, TlsLevel, TlsSettings, UserField};

use std::path::PathBuf;

/// Apache httpd.
pub(super) static APACHE: Server = Server {
    name: "apache",
    title: "Apache",
    versions: &[V2_4, V2_4_8, V2_4_11, V2_4_36],
    newest: V2_4_36,
    libraries: &[Library::OpenSsl],
    ask_version: &[
        Question { program: "apache2", args: &["-v"], env: &[], behind: "Apache/" },
        Question { program: "httpd", args: &["-v"], env: &[], behind: "Apache/" },
    ],
    ask_library: None,
    style: Style {
        word: "conf",
        documents: &[Document {
            file: Some("/etc/apache2/sites-available/tls.conf"),
            place: "put this into /etc/apache2/sites-available/tls.conf, then `a2enmod ssl headers socache_shmcb` and `a2ensite tls`; port 443 needs its `Listen 443`",
            grammar: &syntax::apache::GRAMMAR,
            takes: |_| true,
        }],
        then: "check with `apache2ctl -t`, then `apache2ctl graceful`, and look into the error log",
    },
    other_styles: &[],
    directives: DIRECTIVES,
    vocabulary: &vocabulary::APACHE,
    parts: &PARTS,
    level: TlsLevel::Required,
    files: &[
        FileNeed { role: Role::Certificate, parts: &[Part::Leaf, Part::Intermediates], reader: Reader::Root },
        FileNeed { role: Role::Key, parts: &[Part::Key], reader: Reader::Root },
        FileNeed { role: Role::ClientCa, parts: &[Part::Cas], reader: Reader::Root },
    ],
    look: "localhost:443",
    reload: &reload::APACHE,
    imply: |_| {},
    notes,
    dh: |build| {
        if build.version < V2_4_7 {
            "no DH file is needed: none of these ciphers uses one (Apache's own parameters have 1024 bits before 2.4.7)"
        } else {
            "no DH file is needed: none of these ciphers uses one, and Apache has parameters as large as its key"
        }
    },
    untried: |build| build.version < V2_4_62,
};

static DIRECTIVES: &[Directive] = &[
    Directive::new(
        &["server { SSLStaplingCache", "SSLUseStapling", "SSLStaplingFakeTryLater"],
        &Whole { spell: stapling, parse: staples },
    )
    .scoped(),
    Directive::new(&["ServerName", "ServerAlias"], &Whole { spell: names, parse: name_and_aliases }).scoped(),
    Directive::new(
        &["SSLEngine"],
        &Words(|s| &mut s.level, &[(TlsLevel::Required, &["on"]), (TlsLevel::Off, &["off"])]),
    )
    .scoped(),
    Directive::new(&["SSLCertificateFile#1", "SSLCertificateChainFile"], &Whole { spell: twice, parse: certificate })
        .until(V2_4_8)
        .scoped(),
    Directive::new(&["SSLCertificateFile#1"], &File(|s| &mut s.certificate)).since(V2_4_8).scoped(),
    Directive::new(&["SSLCertificateKeyFile#1"], &File(|s| &mut s.key)).scoped(),
    Directive::new(&["SSLCertificateFile#2"], &File(|s| &mut s.alt_certificate)).since(V2_4_8).scoped(),
    Directive::new(&["SSLCertificateKeyFile#2"], &File(|s| &mut s.alt_key)).since(V2_4_8).scoped(),
    Directive::new(&[], &Never { when: alike::without_the_first, why: IN_ORDER }).scoped(),
    Directive::new(&[], &Never { when: |s| s.key_password_file.is_some(), why: PASSWORD }).scoped(),
    Directive::new(&["SSLCACertificateFile"], &File(|s| &mut s.client_ca)).scoped(),
    Directive::new(&["SSLCACertificatePath"], &File(|s| &mut s.client_ca_dir)).scoped(),
    Directive::new(&["SSLCARevocationFile"], &File(|s| &mut s.client_crl)).scoped(),
    Directive::new(&["SSLCARevocationCheck"], &Words(|s| &mut s.crl_check, CRL_CHECKS)).scoped(),
    Directive::new(&["SSLVerifyClient"], &Words(|s| &mut s.client_cert, CLIENT_CERTS)).scoped(),
    Directive::new(&["SSLVerifyDepth"], &Number(|s| &mut s.verify_depth, "")).scoped(),
    Directive::new(&["SSLUserName"], &Words(|s| &mut s.username_from_cert, USER_FIELDS)).scoped(),
    Directive::new(
        &["SSLProtocol"],
        &Whole { spell: |s| before_1_3(&s.min_protocol), parse: |v| protocol(v, |s| &mut s.min_protocol) },
    )
    .until(V2_4_36)
    .scoped(),
    Directive::new(
        &["SSLProtocol"],
        &Whole { spell: |s| with_1_3(&s.min_protocol), parse: |v| protocol(v, |s| &mut s.min_protocol) },
    )
    .since(V2_4_36)
    .scoped(),
    Directive::new(&["SSLCipherSuite"], &Text(|s| &mut s.ciphers)).scoped(),
    Directive::new(&[SUITES], &Whole { spell: suites, parse: tls_1_3_list }).since(V2_4_36).scoped(),
    Directive::new(&["SSLHonorCipherOrder"], &Words(|s| &mut s.order, ORDERS)).scoped(),
    Directive::new(&[], &Never { when: dh_elsewhere, why: DH_BEHIND }).since(V2_4_8),
    Directive::new(&[DH], &Whole { spell: dh_parameters, parse: dh_file }).since(V2_4_8).scoped(),
    Directive::new(&["SSLSessionCacheTimeout"], &Number(|s| &mut s.session_timeout, "")).scoped(),
    Directive::new(&["LogLevel"], &Whole { spell: log_level, parse: logs }).scoped(),
    Directive::new(&[HSTS], &Whole { spell: hsts, parse: max_age }).scoped(),
    Directive::new(
        &["SSLProxyEngine", "SSLProxyVerify", "SSLProxyCheckPeerName"],
        &Words(|s| &mut s.outgoing, OUTGOING),
    )
    .scoped(),
    Directive::new(
        &["SSLProxyProtocol"],
        &Whole {
            spell: |s| before_1_3(&s.outgoing_min_protocol),
            parse: |v| protocol(v, |s| &mut s.outgoing_min_protocol),
        },
    )
    .until(V2_4_36)
    .scoped(),
    Directive::new(
        &["SSLProxyProtocol"],
        &Whole {
            spell: |s| with_1_3(&s.outgoing_min_protocol),
            parse: |v| protocol(v, |s| &mut s.outgoing_min_protocol),
        },
    )
    .since(V2_4_36)
    .scoped(),
    Directive::new(&["SSLProxyCACertificateFile"], &File(|s| &mut s.outgoing_ca)).scoped(),
    Directive::new(&["SSLProxyCACertificatePath"], &File(|s| &mut s.outgoing_ca_dir)).scoped(),
    Directive::new(
        &["VirtualHost *:80 { ServerName", "VirtualHost *:80 { Redirect"],
        &Whole { spell: redirect, parse: redirected },
    ),
];

/// The whole is the first virtual host with TLS: it serves clients that ask for no name.
static PARTS: Parts = Parts {
    inherits: false,
    spell: |scope, name, _| {
        if let Some(name) = name.strip_prefix(SERVER) {
            return Some(name.to_owned());
        }
        if name.starts_with(HOST) {
            return (*scope == Scope::default()).then(|| name.to_owned());
        }
        let address = scope.address.map_or("*".to_owned(), |address| match address {
            std::net::IpAddr::V4(v4) => v4.to_string(),
            std::net::IpAddr::V6(v6) => format!("[{v6}]"),
        });
        scope.protocol.is_none().then(|| in_blocks(&[format!("{HOST} {address}:443")], name))
    },
    find,
};

/// What stands outside of all virtual hosts.
const SERVER: &str = "server { ";
const HOST: &str = "VirtualHost";

/// A virtual host: its first statement, one behind its last, and what it serves.
struct Host {
    range: std::ops::Range<usize>,
    address: Option<std::net::IpAddr>,
    name: Option<String>,
    tls: bool,
}

fn find<'a>(statements: &'a [&'a Statement]) -> Found<'a> {
    let hosts = hosts(statements);
    let first = hosts.iter().position(|host| host.tls);
    let mut of_host: Vec<Option<usize>> = vec![None; statements.len()];
    for (i, host) in hosts.iter().enumerate() {
        of_host[host.range.clone()].fill(Some(i));
    }
    let part = move |(statement, host): (&'a &Statement, Option<usize>)| match (host.map(|i| (i, &hosts[i])), first) {
        (Some((i, Host { tls: true, address, name, .. })), first) => {
            let own = Scope { address: *address, name: name.clone(), protocol: None };
            let scope = if first == Some(i) { Scope::default() } else { own };
            (scope, in_blocks(&statement.scope[1..], row_name(statement)))
        }
        (None, Some(_)) => (Scope::default(), format!("{SERVER}{}", in_blocks(&statement.scope, &statement.name))),
        _ => (Scope::default(), in_blocks(&statement.scope, row_name(statement))),
    };
    Box::new(statements.iter().zip(of_host).map(part))
}

/// A host ends where its block does; of two with the same head the lines of the second begin anew, in another file, or its
/// block is another.
fn hosts(statements: &[&Statement]) -> Vec<Host> {
    let mut hosts: Vec<Host> = Vec::new();
    for (i, statement) in statements.iter().enumerate() {
        let Some(head) = statement.scope.first().filter(|head| head.starts_with(HOST)) else { continue };
        let before = i.checked_sub(1).map(|before| statements[before]);
        let same = before.is_some_and(|before| {
            before.scope.first() == Some(head)
                && before.line < statement.line
                && (before.scope.len() != 1 || statement.scope.len() != 1 || before.block == statement.block)
        });
        if !same {
            let (address, port) = address(head);
            hosts.push(Host { range: i..i, address, name: None, tls: port == Some(443) });
        }
        let Some(host) = hosts.last_mut() else { continue };
        host.range.end = i + 1;
        if statement.scope.len() == 1 && statement.is("ServerName") {
            host.name = statement.known().map(str::to_owned);
        }
        host.tls |= statement.is("SSLEngine") && statement.known().is_some_and(|v| v.eq_ignore_ascii_case("on"));
    }
    hosts
}

/// `VirtualHost 192.0.2.10:443`; of several addresses the first.
pub(super) fn address(head: &str) -> (Option<std::net::IpAddr>, Option<u16>) {
    let first = head.split(' ').nth(1).unwrap_or_default();
    let (host, port) = first.rsplit_once(':').unwrap_or((first, ""));
    (host.trim_matches(['[', ']']).parse().ok(), port.parse().ok())
}

/// Directives that say different things by their first arguments are different rows.
fn row_name(statement: &Statement) -> &str {
    if !["SSLCipherSuite", "SSLOpenSSLConfCmd", "Header"].iter().any(|name| statement.is(name)) {
        return &statement.name;
    }
    // Quotes tell one argument with a blank in it from two.
    let raw = Some(statement.raw.as_str()).filter(|raw| !raw.contains("${")).or(statement.known());
    let words = raw.and_then(arguments).unwrap_or_default();
    let begins = |word: &str| words.first().is_some_and(|first| first.eq_ignore_ascii_case(word));
    if statement.is("SSLCipherSuite") && begins("TLSv1.3") {
        SUITES
    } else if statement.is("SSLOpenSSLConfCmd") && begins("DHParameters") {
        DH
    } else if statement.is("Header") && words.iter().any(|w| w.eq_ignore_ascii_case("Strict-Transport-Security")) {
        HSTS
    } else {
        &statement.name
    }
}

const SUITES: &str = "SSLCipherSuite#TLSv1.3";
const DH: &str = "SSLOpenSSLConfCmd#DHParameters";
const HSTS: &str = "Header#Strict-Transport-Security";

/// The cache is one for the whole server: `cannot occur within <VirtualHost> section`. Without the third a dead responder makes
/// Apache staple a made-up "try later" (tried on 2.4.71).
fn stapling(settings: &TlsSettings) -> Option<Vec<String>> {
    let words =
        if settings.stapling.as_ref()?.value { ["shmcb:ssl_stapling(32768)", "on", "off"] } else { ["", "off", ""] };
    Some(words.map(str::to_owned).to_vec())
}

fn staples(values: &[&str]) -> Option<TlsSettings> {
    let on = values.get(1).filter(|value| !value.is_empty()).map(|value| value.eq_ignore_ascii_case("on").into());
    Some(TlsSettings { stapling: on, ..TlsSettings::default() })
}

fn names(settings: &TlsSettings) -> Option<Vec<String>> {
    let names = &settings.names.as_ref()?.value;
    let (first, others) = names.split_first()?;
    let plain = |name: &String| !name.is_empty() && !name.contains(char::is_whitespace);
    names.iter().all(plain).then(|| vec![first.clone(), others.join(" ")])
}

fn name_and_aliases(values: &[&str]) -> Option<TlsSettings> {
    let names: Vec<String> = values.iter().flat_map(|v| v.split_whitespace()).map(str::to_owned).collect();
    Some(TlsSettings { names: Some(names.into()), ..TlsSettings::default() })
}

/// Before 2.4.8 the chain is read from a file of its own; of the very file that has the certificate the first one is skipped
/// (ssl_engine_init.c, ssl_init_ctx_cert_chain).
fn twice(settings: &TlsSettings) -> Option<Vec<String>> {
    let file = settings.certificate.as_ref()?.value.to_str()?;
    Some(vec![file.to_owned(); 2])
}

fn certificate(values: &[&str]) -> Option<TlsSettings> {
    let [file, _] = values else { return None };
    file.starts_with('/')
        .then(|| TlsSettings { certificate: Some(PathBuf::from(file).into()), ..TlsSettings::default() })
}

fn before_1_3(min: &Option<Setting<Protocol>>) -> Option<Vec<String>> {
    let words = match min.as_ref()?.value {
        Protocol::Tls10 => "-all +TLSv1 +TLSv1.1 +TLSv1.2",
        Protocol::Tls11 => "-all +TLSv1.1 +TLSv1.2",
        Protocol::Tls12 => "-all +TLSv1.2",
        Protocol::Tls13 => return None,
    };
    Some(vec![words.to_owned()])
}

fn with_1_3(min: &Option<Setting<Protocol>>) -> Option<Vec<String>> {
    let words = match min.as_ref()?.value {
        Protocol::Tls13 => "-all".to_owned(),
        _ => before_1_3(min)?.concat(),
    };
    Some(vec![format!("{words} +TLSv1.3")])
}

/// From the left: `+` adds, `-` takes away, a bare word replaces all that was said before it.
fn protocol(values: &[&str], slot: super::table::Slot<Protocol>) -> Option<TlsSettings> {
    let mut spoken: Vec<Protocol> = Vec::new();
    for word in values.concat().split_whitespace() {
        let (sign, name) = match word.split_at_checked(1) {
            Some((sign @ ("+" | "-"), name)) => (sign, name),
            _ => ("", word),
        };
        let meant = match name.to_ascii_lowercase().as_str() {
            "all" => Protocol::ALL.to_vec(),
            "tlsv1" => vec![Protocol::Tls10],
            "tlsv1.1" => vec![Protocol::Tls11],
            "tlsv1.2" => vec![Protocol::Tls12],
            "tlsv1.3" => vec![Protocol::Tls13],
            "sslv2" | "sslv3" => Vec::new(),
            _ => return None,
        };
        match sign {
            "+" => spoken.extend(meant),
            "-" => spoken.retain(|protocol| !meant.contains(protocol)),
            _ => spoken = meant,
        }
    }
    let mut settings = TlsSettings::default();
    *slot(&mut settings) = Some((*spoken.iter().min()?).into());
    Some(settings)
}

fn suites(settings: &TlsSettings) -> Option<Vec<String>> {
    let list = &settings.suites.as_ref()?.value;
    (!list.is_empty() && !list.contains(char::is_whitespace)).then(|| vec![format!("TLSv1.3 {list}")])
}

fn tls_1_3_list(values: &[&str]) -> Option<TlsSettings> {
    let words = arguments(&values.concat())?;
    let [_, list] = &words[..] else { return None };
    Some(TlsSettings { suites: Some(list.clone().into()), ..TlsSettings::default() })
}

/// With OpenSSL 3 the directive alone changes nothing; what stands behind the certificates counts with every OpenSSL (tried on
/// 2.4.71 with OpenSSL 3.0 and 3.5).
fn dh_elsewhere(settings: &TlsSettings) -> bool {
    settings.dh.is_some() && settings.dh != settings.certificate
}

fn dh_parameters(settings: &TlsSettings) -> Option<Vec<String>> {
    let file = settings.dh.as_ref()?.value.to_str()?;
    (!file.contains(['"', '\\'])).then(|| vec![format!("DHParameters \"{file}\"")])
}

fn dh_file(values: &[&str]) -> Option<TlsSettings> {
    let words = arguments(&values.concat())?;
    let [_, file] = &words[..] else { return None };
    file.starts_with('/').then(|| TlsSettings { dh: Some(PathBuf::from(file).into()), ..TlsSettings::default() })
}

fn log_level(settings: &TlsSettings) -> Option<Vec<String>> {
    settings.log.as_ref()?.value.then(|| vec!["warn ssl:info".to_owned()])
}

fn logs(values: &[&str]) -> Option<TlsSettings> {
    let all = values.concat();
    let ssl = all.split_whitespace().any(|w| w.starts_with("ssl:") || w.starts_with("ssl_module:"));
    Some(TlsSettings { log: ssl.then(|| true.into()), ..TlsSettings::default() })
}

fn hsts(settings: &TlsSettings) -> Option<Vec<String>> {
    Some(vec![format!("always set Strict-Transport-Security {}", alike::hsts(settings)?)])
}

fn max_age(values: &[&str]) -> Option<TlsSettings> {
    let words = arguments(&values.concat())?;
    alike::max_age(words.last()?)
}

fn redirect(settings: &TlsSettings) -> Option<Vec<String>> {
    let host = alike::redirect(settings)?;
    Some(vec![host.to_owned(), format!("permanent / https://{host}/")])
}

fn redirected(values: &[&str]) -> Option<TlsSettings> {
    let target = values.get(1)?.split_whitespace().find_map(|word| word.strip_prefix("https://"));
    let host = target.map(|target| target.trim_end_matches('/').to_owned().into());
    Some(TlsSettings { redirect: host, ..TlsSettings::default() })
}

fn notes(settings: &TlsSettings, _: Build) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if settings.crl_check.is_some() {
        notes.push("every CA of a client's chain, the root too, needs its current CRL in the file; one that has expired keeps all its clients out");
    }
    if settings.names.is_none() {
        notes.push("without --name the virtual host answers to any name that no other host has");
    }
    notes
}

const IN_ORDER: &str = "Apache knows certificates and keys by their order: the second needs a first";
const PASSWORD: &str =
    "Apache asks a program for the key's password: `SSLPassPhraseDialog exec:PROGRAM` at server level, set it by hand";

const DH_BEHIND: &str = "Apache takes DH parameters from behind the certificates: make one file with `pkit bundle keycert KEY CHAIN --dh DH --order cert-first -o FILE`, and name it as --cert, --key and --dh";

const CRL_CHECKS: &[(CrlCheck, &[&str])] =
    &[(CrlCheck::None, &["none"]), (CrlCheck::Leaf, &["leaf"]), (CrlCheck::Chain, &["chain"])];
const CLIENT_CERTS: &[(ClientCert, &[&str])] = &[
    (ClientCert::No, &["none"]),
    (ClientCert::Request, &["optional"]),
    (ClientCert::Require, &["require"]),
    (ClientCert::Request, &["optional_no_ca"]),
];
const USER_FIELDS: &[(UserField, &[&str])] = &[
    (UserField::CommonName, &["SSL_CLIENT_S_DN_CN"]),
    (UserField::Email, &["SSL_CLIENT_S_DN_Email"]),
    (UserField::UserId, &["SSL_CLIENT_S_DN_UID"]),
];
const ORDERS: &[(CipherOrder, &[&str])] = &[(CipherOrder::Client, &["off"]), (CipherOrder::Server, &["on"])];
const OUTGOING: &[(TlsLevel, &[&str])] =
    &[(TlsLevel::Offered, &["on", "require", "on"]), (TlsLevel::Off, &["off", "", ""])];

const V2_4: Version = Version::of(&[2, 4]);
const V2_4_7: Version = Version::of(&[2, 4, 7]);
const V2_4_8: Version = Version::of(&[2, 4, 8]);
const V2_4_11: Version = Version::of(&[2, 4, 11]);
const V2_4_36: Version = Version::of(&[2, 4, 36]);
const V2_4_62: Version = Version::of(&[2, 4, 62]);
