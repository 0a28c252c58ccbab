//! HAProxy: `haproxy -c` opens the files and refuses most of what cannot work. Here is what it passes, and what keeps it from
//! starting and can be told from the text alone.

use super::{Placed, Said};
use crate::finding::{Finding, rules};
use crate::servers::haproxy::{is_option, shared};
use crate::servers::syntax::haproxy::arguments;

/// What is wrong in HAProxy's own words.
pub(super) fn judge(said: &Said<'_>) -> Vec<Finding> {
    let mut found = binds(said);
    found.extend(said.any_of(LISTS).filter_map(|placed| ciphers(&placed)));
    found.extend(said.any_of(NO_NEWEST).filter_map(|placed| newest(&placed)));
    found.extend(said.all("server").filter_map(|placed| unverified(&placed)));
    found
}

/// One of these options on the same bind line.
fn beside<'a>(said: &Said<'a>, placed: &Placed<'a>, names: &'a [&'a str]) -> Option<Placed<'a>> {
    names.iter().find_map(|name| said.near(*placed, name).filter(|other| other.block() == placed.block()))
}

fn binds(said: &Said<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let options = |name| said.all(name).filter(|placed| is_option(placed.statement));
    for placed in options("crt").chain(options("crt-list")) {
        if beside(said, &placed, &["ssl"]).is_none() {
            let message = "a certificate is named, and the bind line does not say `ssl`";
            found.push(placed.breaks(&WITHOUT_SSL, message));
        }
    }
    for placed in options("ssl").filter(|placed| beside(said, placed, CERTIFICATES).is_none()) {
        found.push(placed.breaks(&NO_CERTIFICATE, "`ssl` stands on a bind line without `crt`"));
    }
    let asks = |placed: &Placed<'_>| placed.value().is_some_and(|value| value == "optional" || value == "required");
    for placed in options("verify").filter(|placed| asks(placed) && beside(said, placed, &["ca-file"]).is_none()) {
        found.push(placed.breaks(&NO_CA, "clients are asked for certificates, and there is no ca-file"));
    }
    for (name, rule, what) in [("ca-file", &CA_UNUSED, "these CAs"), ("crl-file", &CRL_UNUSED, "these CRLs")] {
        let silent = options(name).filter(|placed| !beside(said, placed, &["verify"]).is_some_and(|v| asks(&v)));
        found.extend(silent.map(|placed| {
            placed.breaks(rule, format!("no client is asked for a certificate, so {what} are of no use"))
        }));
    }
    found
}

/// TLS 1.3 has a list of its own. A list of nothing else is told of as one without a match.
fn ciphers(placed: &Placed<'_>) -> Option<Finding> {
    let names = || placed.value().unwrap_or_default().split(':');
    let suite = names().find(|name| name.starts_with("TLS_"))?;
    let message = format!("{suite} is a suite of TLS 1.3, and is ignored here");
    let mixed = names().any(|name| !name.starts_with("TLS_"));
    mixed.then(|| {
        placed
            .breaks(&SUITE_IN_LIST, message)
            .instead(format!("{}suites {suite}", placed.statement.name.trim_end_matches('s')))
    })
}

/// For all bind lines, or on one.
fn newest(placed: &Placed<'_>) -> Option<Finding> {
    let statement = placed.statement;
    if !is_option(statement) && shared(statement).is_none() {
        return None;
    }
    let out = statement.name != "ssl-max-ver" || placed.value().is_some_and(|value| value != "TLSv1.3");
    out.then(|| placed.breaks(&NO_TLS13, format!("{} {} leaves TLS 1.3 out", statement.name, statement.raw)))
}

/// `server NAME ADDRESS ssl verify none`
fn unverified(placed: &Placed<'_>) -> Option<Finding> {
    let words = arguments(&placed.statement.raw)?;
    let ssl = words.iter().skip(2).any(|word| word == "ssl");
    let none = words.windows(2).any(|pair| pair == ["verify", "none"]);
    let message = "whoever is in between can pass for this server";
    (ssl && none).then(|| placed.breaks(&UNVERIFIED, message))
}

const CERTIFICATES: &[&str] = &["crt", "crt-list", "default-crt", "generate-certificates"];
const LISTS: &[&str] = &["ciphers", "ssl-default-bind-ciphers"];
const NO_NEWEST: &[&str] = &["ssl-max-ver", "no-tlsv13", "force-tlsv10", "force-tlsv11", "force-tlsv12"];

rules! {
    /// A certificate without TLS.
    WITHOUT_SSL = Error "haproxy-bind-without-ssl" {
        summary: "a bind line has a certificate, and TLS is not switched on",
        help: "put `ssl` before crt",
        source: "tried on HAProxy 2.6.12: haproxy -c passes it, and the port speaks HTTP without TLS",
    }
    /// TLS without a certificate.
    NO_CERTIFICATE = Error "haproxy-no-certificate" {
        summary: "a bind line has TLS, and no certificate",
        help: "put crt FILE behind `ssl`",
        source: "tried on HAProxy 2.6.12: `no SSL certificate specified for bind`, and it does not start",
    }
    /// Nobody is trusted.
    NO_CA = Error "haproxy-no-ca" {
        summary: "clients are asked for certificates, and no CA is named that issues them",
        help: "put ca-file FILE on the bind line",
        source: "tried on HAProxy 2.6.12: `verify is enabled but no CA file specified`, and it does not start",
    }
    /// Nobody to ask.
    CA_UNUSED = Warning "haproxy-ca-unused" {
        summary: "CAs for clients are named on a bind line, and no client is asked for a certificate",
        help: "put `verify required` or `verify optional` on the line, or take ca-file out",
        source: "tried on HAProxy 2.6.12: no client is asked",
    }
    /// Nobody to look up.
    CRL_UNUSED = Warning "haproxy-crl-unused" {
        summary: "CRLs are named on a bind line, and no client is asked for a certificate",
        help: "put `verify required` or `verify optional` on the line, or take crl-file out",
        source: "tried on HAProxy 2.6.12: no client is asked",
    }
    /// A TLS 1.3 name.
    SUITE_IN_LIST = Warning "haproxy-suite-in-list" {
        summary: "a list of ciphers names a suite of TLS 1.3, which is ignored there",
        help: "name it in ciphersuites, or ssl-default-bind-ciphersuites",
        source: "tried on HAProxy 2.6.12: no message, and every suite of TLS 1.3 is served",
    }
    /// Not the newest.
    NO_TLS13 = Warning "haproxy-no-tls13" {
        summary: "an option of a bind line leaves TLS 1.3 out",
        help: "take it out; ssl-min-ver TLSv1.2 keeps the old ones away",
        source: "HAProxy's manual, ssl-max-ver; RFC 9325 section 3.1.1: servers should support TLS 1.3",
    }
    /// Anybody is believed.
    UNVERIFIED = Warning "haproxy-server-unverified" {
        summary: "a server is reached by TLS, and its certificate is not looked at",
        help: "write verify required ca-file FILE verifyhost NAME in place of verify none",
        source: "HAProxy's manual, verify: with none the certificate is ignored; RFC 9325 section 7.1",
    }
}
