//! Apache httpd: `apache2 -t` opens no certificate. Some of this passes it and keeps the server from starting, some lets revoked
//! clients in with a warning in the log, some is served without a word.

use std::collections::HashSet;

use super::{Placed, Said};
use crate::finding::{Finding, Severity, rules};
use crate::servers::apache::address;
use crate::servers::build::Version;
use crate::servers::syntax::apache::{BAD_CLOSE, arguments};

/// What is wrong in Apache's own words.
pub(super) fn judge(said: &Said<'_>) -> Vec<Finding> {
    let mut found = lines(said);
    found.extend(said.any_of(SERVER_LEVEL).filter(in_host).map(|placed| {
        placed.breaks(&SERVER_LEVEL_ONLY, format!("{} cannot stand within <VirtualHost>", placed.statement.name))
    }));
    found.extend(said.all("SSLProtocol").flat_map(|placed| protocol(&placed)));
    found.extend(said.all("SSLCipherSuite").filter_map(|placed| ciphers(&placed)));
    found.extend(stapling(said));
    found.extend(revocation(said));
    found.extend(clients(said));
    found.extend(certificates(said));
    found
}

fn in_host(placed: &Placed<'_>) -> bool {
    placed.statement.scope.iter().any(|head| is_host(head))
}

fn is_host(head: &str) -> bool {
    head.to_ascii_lowercase().starts_with("virtualhost")
}

fn on(placed: &Placed<'_>) -> bool {
    placed.value().is_some_and(|value| value.eq_ignore_ascii_case("on"))
}

/// How lines are written.
fn lines(said: &Said<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for placed in said.statements {
        let name = &placed.statement.name;
        if name == BAD_CLOSE {
            let word = placed.statement.raw.split_whitespace().next().unwrap_or_default();
            let message = "a closing tag takes no arguments";
            found.push(placed.breaks(&CLOSE_ARGUMENTS, message).instead(format!("</{word}>")));
            continue;
        }
        if !is_tls(name) {
            continue;
        }
        let raw = placed.statement.raw.trim_end();
        if let Some(rest) = raw.strip_suffix('|').filter(|rest| rest.ends_with(char::is_whitespace)) {
            let message = format!("{name}: the `|` at the end is taken for another argument");
            found.push(placed.breaks(&TRAILING_BAR, message).instead(format!("{name} {}", rest.trim_end())));
        }
        if let Some(second) = raw.split_whitespace().find(|word| is_tls(word)) {
            let message = format!("{second} stands on the line of {name}, and is taken for its argument");
            found.push(placed.breaks(&TWO_DIRECTIVES, message));
        }
    }
    found
}

/// `SSL` and a capital letter, so that no file name is taken for a directive.
fn is_tls(name: &str) -> bool {
    let rest = name.strip_prefix("SSL");
    rest.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_uppercase()) && rest.chars().all(char::is_alphanumeric)
    })
}

/// Words without a sign start anew each time; what is left is served.
fn protocol(placed: &Placed<'_>) -> Vec<Finding> {
    let Some(words) = placed.value().and_then(arguments) else { return Vec::new() };
    let name = &placed.statement.name;
    let instead = format!("{name} -all +TLSv1.2 +TLSv1.3");
    let (mut served, mut bare) = (Vec::new(), 0);
    for word in &words {
        let (sign, protocol) = match word.strip_prefix(['+', '-']) {
            Some(rest) => (word.chars().next(), rest),
            None => (None, word.as_str()),
        };
        let all = protocol.eq_ignore_ascii_case("all");
        let Some(known) = PROTOCOLS.iter().find(|known| known.eq_ignore_ascii_case(protocol) || all) else {
            // Another directive on the same line has been told of.
            let message = format!("{name}: Apache does not know `{word}`");
            let told = is_tls(word) || word == "|";
            return Vec::from_iter((!told).then(|| placed.breaks(&PROTOCOL_UNKNOWN, message).instead(instead)));
        };
        let meant: Vec<&str> = if all { PROTOCOLS[1..].to_vec() } else { vec![*known] };
        match sign {
            Some('-') => served.retain(|protocol| !meant.contains(protocol)),
            Some(_) => served.extend(meant),
            None => {
                bare += 1;
                served = meant;
            }
        }
    }
    let mut found = Vec::new();
    if bare > 1 {
        let message = format!("the last word without a sign wins: only {} is served", served.join(", "));
        found.push(placed.breaks(&LAST_WINS, message).instead(instead.clone()));
    } else if !served.contains(&"TLSv1.3") && !served.is_empty() {
        found.push(placed.breaks(&NO_TLS13, format!("served are {}", served.join(", "))).instead(instead.clone()));
    }
    if served.is_empty() {
        found.push(placed.breaks(&PROTOCOL_UNKNOWN, "no protocol is left").instead(instead));
    }
    found
}

/// TLS 1.3 has a list of its own.
fn ciphers(placed: &Placed<'_>) -> Option<Finding> {
    let words = placed.value().and_then(arguments)?;
    let [list] = &words[..] else { return None };
    let suite = list.split(':').find(|name| name.starts_with("TLS_"))?;
    let message = format!("{suite} is a suite of TLS 1.3, which only `SSLCipherSuite TLSv1.3 LIST` takes");
    Some(placed.breaks(&SUITE_IN_LIST, message).instead(format!("{} TLSv1.3 {suite}", placed.statement.name)))
}

fn stapling(said: &Said<'_>) -> Option<Finding> {
    let stapled = said.all("SSLUseStapling").find(on)?;
    // One on the same line as another directive is no cache.
    let cached = said.all("SSLStaplingCache").any(|placed| !in_host(&placed));
    let severity = if said.whole { Severity::Error } else { Severity::Warning };
    let message = "there is no SSLStaplingCache outside of all virtual hosts";
    (!cached).then(|| {
        let cache = "SSLStaplingCache \"shmcb:${APACHE_RUN_DIR}/ssl_stapling(32768)\"";
        stapled.breaks(&NO_STAPLING_CACHE, message).severity(severity).instead(cache)
    })
}

fn revocation(said: &Said<'_>) -> Vec<Finding> {
    let checks = |placed: Placed<'_>| {
        let check = said.near(placed, "SSLCARevocationCheck").and_then(|check| check.value());
        check.is_some_and(|value| !value.to_ascii_lowercase().starts_with("none"))
    };
    let mut found: Vec<Finding> = said
        .any_of(CRLS)
        .filter(|placed| !checks(*placed))
        .map(|placed| {
            let message = "SSLCARevocationCheck is not set, and its default is none: revoked clients come in";
            placed.breaks(&CRL_UNCHECKED, message).instead("SSLCARevocationCheck chain")
        })
        .collect();
    for placed in said.all("SSLCARevocationCheck").filter(|_| said.whole) {
        let none = placed.value().is_some_and(|value| value.to_ascii_lowercase().starts_with("none"));
        if !none && CRLS.iter().all(|name| said.near(placed, name).is_none()) {
            found.push(placed.breaks(&CRL_NOWHERE, "no CRL is named to check with"));
        }
    }
    found
}

fn clients(said: &Said<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let asks = |placed: &Placed<'_>| placed.value().is_some_and(|value| !value.eq_ignore_ascii_case("none"));
    let anywhere = said.all("SSLVerifyClient").any(|placed| asks(&placed));
    for placed in said.any_of(CAS).filter(|_| !anywhere && said.whole) {
        let message = "no client is asked for a certificate, so these CAs are only in the way";
        found.push(placed.breaks(&CA_UNUSED, message));
    }
    for placed in said.all("SSLVerifyClient").filter(asks) {
        // Within a directory the CAs of the virtual host count.
        let named = CAS.iter().any(|name| {
            said.all(name)
                .any(|ca| ca.statement.scope.is_empty() || placed.statement.scope.starts_with(&ca.statement.scope))
        });
        if !named && said.whole && !placed.value().is_some_and(|v| v.eq_ignore_ascii_case("optional_no_ca")) {
            found.push(placed.breaks(&NO_CA, "no CA is named, so no client certificate is good"));
        }
    }
    for placed in said.all("SSLCertificateChainFile").filter(|_| said.build.version >= V2_4_8) {
        found.push(
            placed.breaks(&CHAIN_FILE, "since 2.4.8 the chain stands in SSLCertificateFile, behind the certificate"),
        );
    }
    found
}

/// Wherever TLS is on there must be a certificate.
fn certificates(said: &Said<'_>) -> Vec<Finding> {
    let without = said.all("SSLEngine").filter(on).filter(|engine| said.near(*engine, "SSLCertificateFile").is_none());
    let mut found: Vec<Finding> = without
        .map(|engine| engine.breaks(&NO_CERTIFICATE, "SSLEngine is on, and there is no SSLCertificateFile"))
        .collect();
    // Outside of all virtual hosts a certificate is only what they take over.
    let unsaid = |placed: &Placed<'_>| said.near(*placed, "SSLEngine").is_none() && !is_https(said, placed);
    let named = said.all("SSLCertificateFile").filter(in_host).filter(unsaid);
    let mut told = HashSet::new();
    let named = named.filter(|placed| told.insert(placed.block()));
    let message = "a certificate is named, and SSLEngine is not set: its default on this port is off";
    // In a part of a configuration it may stand elsewhere.
    let severity = if said.whole { Severity::Error } else { Severity::Warning };
    let unset = |placed: Placed<'_>| placed.breaks(&ENGINE_UNSET, message).severity(severity).instead("SSLEngine on");
    found.extend(named.map(unset));
    found
}

/// Where SSLEngine is not set, the protocol of the port decides, and of several ports that of the first.
fn is_https(said: &Said<'_>, placed: &Placed<'_>) -> bool {
    let host = placed.statement.scope.iter().find(|head| is_host(head));
    let Some(port) = host.and_then(|head| address(head).1) else { return false };
    let listens = said.all("Listen").filter_map(|listen| listen.value().and_then(arguments));
    let here = |words: &Vec<String>| {
        let named = words.first().map(|word| word.rsplit_once(':').map_or(word.as_str(), |(_, port)| port));
        named.is_some_and(|named| named.parse() == Ok(port))
    };
    let protocols: Vec<String> = listens.filter(here).filter_map(|words| words.get(1).cloned()).collect();
    let https = protocols.iter().any(|protocol| protocol.eq_ignore_ascii_case("https"));
    https || protocols.is_empty() && port == HTTPS
}

/// core's manual, Listen: https is the default of this port, http that of the others.
const HTTPS: u16 = 443;
const V2_4_8: Version = Version::of(&[2, 4, 8]);
const PROTOCOLS: &[&str] = &["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
const SERVER_LEVEL: &[&str] =
    &["SSLStaplingCache", "SSLPassPhraseDialog", "SSLSessionCache", "SSLRandomSeed", "SSLCryptoDevice"];
const CRLS: &[&str] = &["SSLCARevocationFile", "SSLCARevocationPath"];
const CAS: &[&str] = &["SSLCACertificateFile", "SSLCACertificatePath"];

rules! {
    /// `</VirtualHost *:80>`.
    CLOSE_ARGUMENTS = Error "apache-close-arguments" {
        summary: "a closing tag repeats the arguments of its section",
        help: "write the bare name: </VirtualHost>",
        source: "tried on Apache 2.4.71: `directive missing closing '>'`",
    }
    /// A table's border.
    TRAILING_BAR = Error "apache-trailing-bar" {
        summary: "a `|` at the end of a line is taken for an argument",
        help: "take it out; it is the border of the table that the line was copied from",
        source: "tried on Apache 2.4.71: `Unknown parameter: |`",
    }
    /// Run together.
    TWO_DIRECTIVES = Error "apache-two-directives" {
        summary: "two directives stand on one line, so the second is an argument of the first",
        help: "give each a line of its own",
        source: "tried on Apache 2.4.71: `SSLUseStapling On SSLStaplingCache ...` passes apache2 -t, and the start fails (AH01958)",
    }
    /// Not in a host.
    SERVER_LEVEL_ONLY = Error "apache-server-level-only" {
        summary: "a directive stands in a virtual host that may only stand outside of all",
        help: "move it in front of the virtual hosts",
        source: "tried on Apache 2.4.71: `cannot occur within <VirtualHost> section`",
    }
    /// No cache.
    NO_STAPLING_CACHE = Error "apache-no-stapling-cache" {
        summary: "OCSP stapling is on, and there is no cache for the responses",
        help: "set SSLStaplingCache outside of all virtual hosts",
        source: "tried on Apache 2.4.71: AH01958, and it does not start; apache2 -t passes it",
    }
    /// There, and not looked at.
    CRL_UNCHECKED = Warning "apache-crl-unchecked" {
        summary: "CRLs are named, and not checked",
        help: "set SSLCARevocationCheck chain (every CA needs its CRL then) or leaf",
        source: "tried on Apache 2.4.71: AH01902, a warning only, and revoked clients come in",
    }
    /// Asked for, and not there.
    CRL_NOWHERE = Error "apache-crl-nowhere" {
        summary: "CRLs are to be checked, and none are named",
        help: "set SSLCARevocationFile",
        source: "tried on Apache 2.4.71: AH01899, and it does not start",
    }
    /// Which one counts?
    LAST_WINS = Warning "apache-protocol-last-wins" {
        summary: "SSLProtocol names several protocols without signs, and only the last one counts",
        help: "write SSLProtocol -all +TLSv1.2 +TLSv1.3",
        source: "tried on Apache 2.4.71: `SSLProtocol TLSv1.2 TLSv1.3` serves TLS 1.3 only, without a message",
    }
    /// Not the newest.
    NO_TLS13 = Warning "apache-no-tls13" {
        summary: "SSLProtocol leaves TLS 1.3 out",
        help: "write SSLProtocol -all +TLSv1.2 +TLSv1.3",
        source: "tried on Apache 2.4.71; RFC 9325 section 3.1.1: servers should support TLS 1.3",
    }
    /// No such protocol.
    PROTOCOL_UNKNOWN = Error "apache-protocol-unknown" {
        summary: "SSLProtocol has a word that Apache does not know, or leaves no protocol",
        help: "write SSLProtocol -all +TLSv1.2 +TLSv1.3",
        source: "tried on Apache 2.4.71: `SSLProtocol: Illegal protocol`",
    }
    /// A TLS 1.3 name.
    SUITE_IN_LIST = Error "apache-suite-in-list" {
        summary: "SSLCipherSuite without `TLSv1.3` names a suite of TLS 1.3",
        help: "name it in a line of its own: SSLCipherSuite TLSv1.3 LIST",
        source: "tried on Apache 2.4.71: AH01898 `Unable to configure permitted SSL ciphers`, and it does not start",
    }
    /// Nobody to ask.
    CA_UNUSED = Warning "apache-ca-unused" {
        summary: "CAs for clients are named, and no client is asked for a certificate",
        help: "take the line out, or set SSLVerifyClient; the chain of the server belongs into SSLCertificateFile",
        source: "mod_ssl's manual: SSLCACertificateFile is for client authentication",
    }
    /// Nobody is trusted.
    NO_CA = Warning "apache-no-ca" {
        summary: "clients are asked for certificates, and no CA is named that issues them",
        help: "set SSLCACertificateFile",
        source: "tried on Apache 2.4.71: AH01897, and nobody gets in",
    }
    /// Of before.
    CHAIN_FILE = Warning "apache-chain-file" {
        summary: "SSLCertificateChainFile is obsolete",
        help: "put the chain behind the certificate in SSLCertificateFile: `pkit chain build`",
        source: "mod_ssl's manual: obsolete since 2.4.8; it still works",
    }
    /// A certificate without TLS.
    ENGINE_UNSET = Error "apache-engine-unset" {
        summary: "a virtual host has a certificate, and TLS is not switched on in it",
        help: "set SSLEngine on",
        source: "tried on Apache 2.4.71: the port speaks HTTP without TLS, unless it is 443 or its Listen says https",
    }
    /// TLS without a certificate.
    NO_CERTIFICATE = Error "apache-no-certificate" {
        summary: "TLS is on, and there is no certificate",
        help: "set SSLCertificateFile and SSLCertificateKeyFile",
        source: "tried on Apache 2.4.71: AH02572 `Failed to configure at least one certificate and key`, and it does not start",
    }
}
