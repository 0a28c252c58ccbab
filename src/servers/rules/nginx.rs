//! nginx: `nginx -t` opens the files and refuses most of what cannot work. Here is what it passes, and what keeps it from
//! starting and can be told from the text alone.

use std::collections::{HashMap, HashSet};

use super::{Placed, Said};
use crate::finding::{Finding, Severity, rules};
use crate::servers::build::Version;
use crate::servers::nginx::{Host, address, hosts, is_shared, speaks_tls};
use crate::servers::syntax::Statement;
use crate::servers::syntax::nginx::arguments;

/// What is wrong in nginx's own words.
pub(super) fn judge(said: &Said<'_>) -> Vec<Finding> {
    let statements: Vec<&Statement> = said.statements.iter().map(|placed| placed.statement).collect();
    let hosts = hosts(&statements);
    let mut found = listeners(said, &hosts);
    found.extend(said.all("ssl_protocols").filter_map(|placed| protocols(said, &placed)));
    found.extend(said.all("ssl_ciphers").filter_map(|placed| ciphers(&placed)));
    found.extend(clients(said));
    found.extend(hsts(said));
    found
}

/// What is said in the same server block, else for all of them.
fn near<'a>(said: &Said<'a>, placed: Placed<'a>, name: &str) -> Option<Placed<'a>> {
    let own = said.all(name).find(|other| other.block() == placed.block());
    own.or_else(|| said.all(name).find(|other| is_shared(other.statement)))
}

fn on(placed: &Placed<'_>) -> bool {
    placed.value().is_some_and(|value| value.eq_ignore_ascii_case("on"))
}

/// Ports with and without TLS, and the ways to say so.
fn listeners(said: &Said<'_>, hosts: &HashMap<usize, Host>) -> Vec<Finding> {
    let mut found = Vec::new();
    let listens: Vec<Placed<'_>> = said.all("listen").collect();
    let tls: Vec<Placed<'_>> = listens.iter().copied().filter(|placed| speaks_tls(placed.statement)).collect();
    let of = |placed: &Placed<'_>| address(placed.value().unwrap_or_default());
    let with_tls: HashSet<String> = tls.iter().map(of).collect();
    let mut told = HashSet::new();
    for placed in said.all("ssl_certificate").filter(|placed| hosts.contains_key(&placed.statement.block)) {
        let mut own = listens.iter().filter(|listen| listen.block() == placed.block()).peekable();
        let somewhere = own.peek().is_none() || near(said, placed, "ssl").is_some_and(|ssl| on(&ssl));
        if !somewhere && !own.any(|listen| with_tls.contains(&of(listen))) && told.insert(placed.block()) {
            let message = "a certificate is named, and no `listen` of this server block says `ssl`";
            found.push(placed.breaks(&LISTEN_WITHOUT_SSL, message).instead("listen 443 ssl;"));
        }
    }
    for placed in &tls {
        let rejects = near(said, *placed, "ssl_reject_handshake").is_some_and(|reject| on(&reject));
        if near(said, *placed, "ssl_certificate").is_none() && !rejects && told.insert(placed.block()) {
            let severity = if said.whole { Severity::Error } else { Severity::Warning };
            let message = "`ssl` is on here, and there is no ssl_certificate";
            found.push(placed.breaks(&NO_CERTIFICATE, message).severity(severity));
        }
        let http2 = placed.value().is_some_and(|value| value.split_whitespace().any(|word| word == "http2"));
        if http2 && said.build.version >= V1_25_1 {
            found.push(placed.breaks(&HTTP2, "`http2` is no longer a word of listen").instead("http2 on;"));
        }
        let silent = near(said, *placed, "ssl_protocols").is_none();
        if silent && said.whole && said.build.version < V1_23_4 && told.insert((&[], placed.statement.block)) {
            let message = "ssl_protocols is not set, and its default has no TLS 1.3";
            found.push(placed.breaks(&NO_TLS13, message).instead(PROTOCOLS));
        }
    }
    let early = said.all("http2").filter(|_| said.build.version < V1_25_1);
    found.extend(early.map(|placed| {
        placed
            .breaks(&HTTP2, "nginx knows no http2 before 1.25.1")
            .severity(Severity::Error)
            .instead("listen 443 ssl http2;")
    }));
    // What a version does not know at all is told by the table.
    let obsolete = said.all("ssl").filter(|placed| on(placed) && said.build.version < V1_25_1);
    found.extend(obsolete.map(|placed| {
        placed.breaks(&SSL_ON, "`ssl on` is obsolete, and 1.25.1 does not start with it").instead("listen 443 ssl;")
    }));
    found
}

fn protocols(said: &Said<'_>, placed: &Placed<'_>) -> Option<Finding> {
    let words = arguments(placed.value()?)?;
    let known = |word: &&String| KNOWN.iter().any(|known| known.eq_ignore_ascii_case(word));
    let newest = |word: &String| word.eq_ignore_ascii_case("TLSv1.3");
    let old = said.build.version < V1_13;
    let stranger = words.iter().find(|word| !known(word) || old && newest(word));
    if words.is_empty() || stranger.is_some() {
        let message = match stranger {
            Some(word) => format!("nginx {} does not know `{word}`", said.build.version),
            None => "no protocol is named".to_owned(),
        };
        return Some(placed.breaks(&PROTOCOL_UNKNOWN, message).instead(PROTOCOLS));
    }
    let message = || format!("served are {}", words.join(", "));
    (!old && !words.iter().any(newest)).then(|| placed.breaks(&NO_TLS13, message()).instead(PROTOCOLS))
}

/// TLS 1.3 has a list of its own. A list of nothing else is told of as one without a match.
fn ciphers(placed: &Placed<'_>) -> Option<Finding> {
    let names = || placed.value().unwrap_or_default().split(':');
    let suite = names().find(|name| name.starts_with("TLS_"))?;
    let message = format!("{suite} is a suite of TLS 1.3, and is ignored here");
    let mixed = names().any(|name| !name.starts_with("TLS_"));
    mixed.then(|| placed.breaks(&SUITE_IN_LIST, message).instead(format!("ssl_conf_command Ciphersuites {suite};")))
}

fn clients(said: &Said<'_>) -> Vec<Finding> {
    let asks = |placed: &Placed<'_>| placed.value().is_some_and(|value| !value.eq_ignore_ascii_case("off"));
    let named = |placed: &Placed<'_>| {
        ["ssl_client_certificate", "ssl_trusted_certificate"].iter().any(|name| near(said, *placed, name).is_some())
    };
    let mut found = Vec::new();
    if said.whole {
        let without = said.all("ssl_verify_client").filter(|placed| asks(placed) && !named(placed));
        found.extend(without.map(|placed| placed.breaks(&NO_CA, "no ssl_client_certificate is named")));
        let anywhere = said.all("ssl_verify_client").any(|placed| asks(&placed));
        for (name, rule, what) in
            [("ssl_client_certificate", &CA_UNUSED, "these CAs"), ("ssl_crl", &CRL_UNUSED, "these CRLs")]
        {
            let unused = said.all(name).filter(|_| !anywhere);
            found.extend(unused.map(|placed| {
                placed.breaks(rule, format!("no client is asked for a certificate, so {what} are of no use"))
            }));
        }
    }
    found
}

/// A block with an add_header of its own takes none over from the one around it.
fn hsts(said: &Said<'_>) -> Vec<Finding> {
    let is_hsts = |placed: &Placed<'_>| {
        let words = placed.value().and_then(arguments).unwrap_or_default();
        words.first().is_some_and(|word| word.eq_ignore_ascii_case("Strict-Transport-Security"))
    };
    let headers: Vec<Placed<'_>> = said.all("add_header").collect();
    let mut found = Vec::new();
    let mut told = HashSet::new();
    for outer in headers.iter().filter(|placed| is_hsts(placed)) {
        let depth = outer.statement.scope.len();
        // A block within the server block begins behind it, and what comes of another server block is behind that one's begin.
        let within = headers.iter().filter(|inner| {
            let scope = &inner.statement.scope;
            scope.len() > depth && scope[..depth] == outer.statement.scope[..] && depth > 0
        });
        for inner in within.filter(|inner| enclosing(said, inner) == Some(outer.statement.block)) {
            let again = headers.iter().any(|other| other.block() == inner.block() && is_hsts(other));
            if !again && told.insert(inner.block()) {
                let message = "with this add_header the block no longer sends Strict-Transport-Security";
                found.push(inner.breaks(&HSTS_LOST, message));
            }
        }
    }
    found
}

/// The number of the server block around a statement: the last that began before it in the same text.
fn enclosing(said: &Said<'_>, placed: &Placed<'_>) -> Option<usize> {
    let of_server = |other: &&Placed<'_>| other.statement.scope.last().is_some_and(|head| head == "server");
    let here = said.statements.iter().filter(|other| other.statement.text == placed.statement.text);
    here.filter(of_server).map(|other| other.statement.block).filter(|block| *block < placed.statement.block).max()
}

const PROTOCOLS: &str = "ssl_protocols TLSv1.2 TLSv1.3;";
const KNOWN: &[&str] = &["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
const V1_13: Version = Version::of(&[1, 13]);
const V1_23_4: Version = Version::of(&[1, 23, 4]);
const V1_25_1: Version = Version::of(&[1, 25, 1]);

rules! {
    /// A certificate without TLS.
    LISTEN_WITHOUT_SSL = Error "nginx-listen-without-ssl" {
        summary: "a server block has a certificate, and TLS is not switched on for any of its ports",
        help: "write listen 443 ssl;",
        source: "tried on nginx 1.22.1: nginx -t passes it, and the port speaks HTTP without TLS",
    }
    /// TLS without a certificate.
    NO_CERTIFICATE = Error "nginx-no-certificate" {
        summary: "a port has TLS, and its server block has no certificate",
        help: "set ssl_certificate and ssl_certificate_key; ssl_reject_handshake on where no name is to be served",
        source: "tried on nginx 1.22.1: `no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive`; in a further server block of the port nginx -t passes it, and handshakes for its names fail",
    }
    /// Where HTTP/2 is said.
    HTTP2 = Warning "nginx-http2-other-version" {
        summary: "HTTP/2 is switched on in the words of another version of nginx",
        help: "before 1.25.1 it is a word of listen, from then on the directive `http2 on`",
        source: "tried on nginx 1.22.1: `unknown directive \"http2\"`; CHANGES of 1.25.1: the parameter of listen is deprecated",
    }
    /// Before there were words of listen.
    SSL_ON = Warning "nginx-ssl-on" {
        summary: "`ssl on` is obsolete, and switches TLS on for every port of its server block",
        help: "take it out, and write listen 443 ssl;",
        source: "tried on nginx 1.22.1: `the \"ssl\" directive is deprecated`; CHANGES of 1.25.1: it is removed",
    }
    /// Not the newest.
    NO_TLS13 = Warning "nginx-no-tls13" {
        summary: "ssl_protocols, or its default before 1.23.4, leaves TLS 1.3 out",
        help: "write ssl_protocols TLSv1.2 TLSv1.3;",
        source: "tried on nginx 1.22.1; RFC 9325 section 3.1.1: servers should support TLS 1.3",
    }
    /// No such protocol.
    PROTOCOL_UNKNOWN = Error "nginx-protocol-unknown" {
        summary: "ssl_protocols has a word that nginx does not know",
        help: "write ssl_protocols TLSv1.2 TLSv1.3;",
        source: "tried on nginx 1.22.1: `invalid value`, and it does not start",
    }
    /// A TLS 1.3 name.
    SUITE_IN_LIST = Warning "nginx-suite-in-list" {
        summary: "ssl_ciphers names a suite of TLS 1.3, which is ignored there",
        help: "since 1.19.4 ssl_conf_command Ciphersuites LIST; says them",
        source: "tried on nginx 1.22.1: no message, and every suite of TLS 1.3 is served",
    }
    /// Nobody is trusted.
    NO_CA = Error "nginx-no-ca" {
        summary: "clients are asked for certificates, and no CA is named that issues them",
        help: "set ssl_client_certificate",
        source: "tried on nginx 1.22.1: `no ssl_client_certificate for ssl_verify_client`, and it does not start",
    }
    /// Nobody to ask.
    CA_UNUSED = Warning "nginx-ca-unused" {
        summary: "CAs for clients are named, and no client is asked for a certificate",
        help: "take the line out, or set ssl_verify_client; the chain of the server belongs into ssl_certificate",
        source: "ngx_http_ssl_module's manual: ssl_client_certificate is for verifying clients, if ssl_verify_client is on",
    }
    /// Nobody to look up.
    CRL_UNUSED = Warning "nginx-crl-unused" {
        summary: "CRLs are named, and no client is asked for a certificate",
        help: "take the line out, or set ssl_verify_client",
        source: "ngx_http_ssl_module's manual: ssl_crl is for verifying client certificates",
    }
    /// One header too many.
    HSTS_LOST = Warning "nginx-hsts-lost" {
        summary: "a block within a server block has an add_header of its own, and so leaves the server block's Strict-Transport-Security out",
        help: "say Strict-Transport-Security there once more",
        source: "tried on nginx 1.22.1; ngx_http_headers_module's manual: inherited if and only if there are no add_header directives on the current level",
    }
}
