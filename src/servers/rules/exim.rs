//! Exim: `exim -bV` looks neither into files nor at ciphers nor at what the daemon would do on a port. An option that is said
//! twice, and the other library's words, keep the daemon from starting.

use std::collections::HashMap;

use super::{Placed, Said, priority};
use crate::finding::{Finding, rules};
use crate::servers::build::Library;
use crate::servers::exim::{SUBMISSIONS, asks_for_tls, items};
use crate::servers::gnutls;
use crate::servers::syntax::exim::{AUTHENTICATORS, CONDITION};

/// What is wrong in Exim's own words.
pub(super) fn judge(said: &Said<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = said.statements.iter().filter_map(comment).collect();
    found.extend(twice(said));
    found.extend(ciphers(said));
    found.extend(certificate(said));
    found.extend(at_once(said));
    found.extend(logins(said));
    found
}

/// A comment is part of a value.
fn comment(placed: &Placed<'_>) -> Option<Finding> {
    let (name, raw) = (&placed.statement.name, &placed.statement.raw);
    let at = raw.find(" #").filter(|_| name.starts_with("tls_"))?;
    let message = format!("{name}: `{}` is part of the value: a comment needs a line of its own", raw[at..].trim());
    Some(placed.breaks(&COMMENT, message).instead(format!("{name} = {}", raw[..at].trim())))
}

/// The same option in the same block. Macros, and lists with names of their own, may come again.
fn twice(said: &Said<'_>) -> Vec<Finding> {
    let mut first: HashMap<(&[String], &str), &Placed<'_>> = HashMap::new();
    let mut found = Vec::new();
    let certain = |placed: &&Placed<'_>| {
        let lower = placed.statement.name.starts_with(|c: char| c.is_ascii_lowercase());
        lower && placed.statement.value != Err(CONDITION)
    };
    for placed in said.statements.iter().filter(certain) {
        let name = placed.statement.name.as_str();
        if let Some(first) = first.insert((&placed.statement.scope, name), placed) {
            let (path, line) = (first.path.display(), first.statement.line);
            let message = format!("{name} is set a second time, after {path} line {line}: Exim does not start");
            found.push(placed.breaks(&TWICE, message));
        }
    }
    found
}

/// The daemon tries the ciphers when it starts.
fn ciphers(said: &Said<'_>) -> Vec<Finding> {
    let list = said.last("tls_require_ciphers");
    if said.build.library == Library::GnuTls {
        let options = said.last("openssl_options").map(|placed| {
            placed.breaks(&OTHER_LIBRARY, "openssl_options is for OpenSSL, and this Exim has GnuTLS: it does not start")
        });
        let line = format!("tls_require_ciphers = {}", priority::MODERN);
        let by_default = priority::by_default(said, "tls_certificate", "tls_require_ciphers", line);
        let by_default = by_default.filter(|_| !is_off(said));
        return list.and_then(|placed| priority::judge(&placed)).into_iter().chain(options).chain(by_default).collect();
    }
    let message = "tls_require_ciphers is a priority string of GnuTLS, and this Exim has OpenSSL";
    let strange = list.filter(|placed| placed.value().is_some_and(gnutls::is_priority));
    strange.map(|placed| placed.breaks(&OTHER_LIBRARY, message)).into_iter().collect()
}

fn says(said: &Said<'_>, name: &str) -> bool {
    said.last(name).is_some_and(|placed| placed.value() != Some(""))
}

/// Is TLS offered to nobody?
fn is_off(said: &Said<'_>) -> bool {
    let none = said.last("tls_advertise_hosts").is_some_and(|placed| placed.value() == Some(""));
    none && !says(said, "tls_on_connect_ports")
}

/// STARTTLS is offered all the same, with a certificate that Exim makes for itself.
fn certificate(said: &Said<'_>) -> Option<Finding> {
    if says(said, "tls_certificate") || is_off(said) {
        return None;
    }
    if let Some(key) = said.last("tls_privatekey").filter(|_| said.whole) {
        return Some(
            key.breaks(&NO_CERTIFICATE, "a key without tls_certificate: the certificate is one that Exim makes"),
        );
    }
    // An ACL in a file of its own names none, either.
    let main = ["tls_advertise_hosts", "acl_smtp_rcpt", "tls_on_connect_ports"].iter().find_map(|name| said.last(name));
    let message =
        "no certificate is named (tls_certificate): Exim offers TLS with one that it has made and signed itself";
    main.filter(|_| said.whole).map(|placed| placed.breaks(&SELF_MADE, message))
}

/// What listens there waits for STARTTLS, and the client for TLS.
fn at_once(said: &Said<'_>) -> Option<Finding> {
    let ports = said.last("daemon_smtp_ports")?;
    let all = items(ports.value()?);
    let port = all.iter().find(|port| SUBMISSIONS.contains(&port.as_str()))?;
    let told = said.last("tls_on_connect_ports");
    let at_once = match told {
        Some(placed) => items(placed.value()?),
        None => Vec::new(),
    };
    let message = format!("port {port} is not in tls_on_connect_ports: clients that begin with TLS get no answer");
    let there = at_once.iter().any(|port| SUBMISSIONS.contains(&port.as_str()));
    (!there).then(|| ports.breaks(&NOT_AT_ONCE, message).instead("tls_on_connect_ports = 465"))
}

/// Authenticators that take a password as it is, and no word anywhere that it must come by TLS.
fn logins(said: &Said<'_>) -> Vec<Finding> {
    let closed = |placed: &Placed<'_>| {
        let raw = &placed.statement.raw;
        raw.is_empty() || asks_for_tls(raw)
    };
    if said.last("auth_advertise_hosts").is_some_and(|placed| closed(&placed)) {
        return Vec::new();
    }
    let plain = said.all("driver").filter(|placed| {
        let here = placed.statement.scope.first().is_some_and(|section| section == AUTHENTICATORS);
        let of_block = |name: &str| said.within(placed.block(), name);
        let serves = of_block("server_condition").is_some();
        let open = of_block("server_advertise_condition").is_none_or(|placed| !closed(&placed));
        here && serves && open && placed.value() == Some("plaintext")
    });
    let told = |placed: Placed<'_>| {
        let name = placed.statement.scope.last().map_or("", String::as_str);
        let message = format!("the authenticator {name} takes passwords over connections without TLS");
        placed.breaks(&CLEARTEXT, message).instead("server_advertise_condition = ${if eq{$tls_in_cipher}{}{}{*}}")
    };
    plain.map(told).collect()
}

rules! {
    /// Not a comment.
    COMMENT = Error "exim-comment" {
        summary: "a comment stands behind a value, and is part of it",
        help: "put the comment on a line of its own",
        source: "tried on Exim 4.96: the file with that name is not found, and every handshake fails",
    }
    /// Once is enough.
    TWICE = Error "exim-set-twice" {
        summary: "an option is set twice in one section, so Exim does not start",
        help: "take one of them out; on Debian MAIN_TLS_ENABLE sets tls_advertise_hosts, tls_certificate, tls_privatekey and tls_verify_certificates",
        source: "tried on Exim 4.96: `option set for the second time`",
    }
    /// The other library's words.
    OTHER_LIBRARY = Error "exim-other-library" {
        summary: "protocols or ciphers are in the words of another TLS library than the one that this Exim was built with",
        help: "with GnuTLS (Debian) one priority string in tls_require_ciphers says both; with OpenSSL its list stands there, and the protocols in openssl_options",
        source: "tried on Exim 4.96 with GnuTLS and with OpenSSL 3.0: neither starts",
    }
    /// A key for nothing.
    NO_CERTIFICATE = Error "exim-key-alone" {
        summary: "a key is named and no certificate, so clients see one that Exim has made itself",
        help: "set tls_certificate",
        source: "tried on Exim 4.96",
    }
    /// Nobody can verify it.
    SELF_MADE = Warning "exim-certificate-self-made" {
        summary: "TLS is offered and no certificate is named, so clients see one that Exim has made and signed itself",
        help: "set tls_certificate and tls_privatekey, or tls_advertise_hosts to nothing",
        source: "tried on Exim 4.96: `No server certificate defined; will use a selfsigned one`",
    }
    /// Two that wait for each other.
    NOT_AT_ONCE = Error "exim-port-without-tls" {
        summary: "the daemon listens on the port for TLS from the start, and waits for STARTTLS there",
        help: "set tls_on_connect_ports = 465",
        source: "RFC 8314 section 3.3; Exim specification, section 13.4",
    }
    /// Passwords in the clear.
    CLEARTEXT = Error "exim-cleartext-passwords" {
        summary: "an authenticator takes passwords over connections without TLS",
        help: "set auth_advertise_hosts, or server_advertise_condition of the authenticator, to `${if eq{$tls_in_cipher}{}{}{*}}`",
        source: "RFC 4954 section 4; Exim specification, chapter 33",
    }
}
