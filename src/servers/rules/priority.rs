//! GnuTLS priority strings, for all servers that are built with GnuTLS.

use super::{Placed, Said};
use crate::finding::{Finding, rules};
use crate::servers::build::Library;
use crate::servers::gnutls;

/// A string that GnuTLS refuses, or that leaves nothing to speak.
pub(super) fn judge(placed: &Placed<'_>) -> Option<Finding> {
    // slapd takes quotes off.
    let value = placed.value()?.trim_matches('"');
    if value.is_empty() {
        return None;
    }
    let why = match gnutls::protocols(value) {
        Err(word) => format!("GnuTLS knows no `{word}`"),
        Ok(Some(spoken)) if spoken.is_empty() => "no protocol is left".to_owned(),
        Ok(_) => return None,
    };
    Some(placed.breaks(&PRIORITY, format!("{}: {why}", placed.statement.name)))
}

/// TLS 1.2 and 1.3, with the library's own ciphers.
pub(super) const MODERN: &str = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

/// A certificate, and no word about protocols: with GnuTLS only a priority string says any. `line` is one that sets it.
pub(super) fn by_default(said: &Said<'_>, certificate: &str, priority: &str, line: String) -> Option<Finding> {
    let named = said.last(certificate).filter(|placed| placed.value() != Some(""))?;
    let set = said.last(priority).is_some_and(|placed| placed.value() != Some(""));
    let message = format!("{priority} is not set, so TLS 1.0 and 1.1 are spoken too");
    let told = said.whole && said.build.library == Library::GnuTls && !set;
    told.then(|| named.breaks(&BY_DEFAULT, message).instead(line))
}

rules! {
    /// The library's own choice.
    BY_DEFAULT = Warning "gnutls-protocol-default" {
        summary: "a server that is built with GnuTLS has no priority string, so it speaks TLS 1.0 and 1.1 as well",
        help: "set the priority string: TLS_PRIORITY (Courier), tls_require_ciphers (Exim), olcTLSCipherSuite (slapd); `pkit emit` prints one",
        source: "RFC 8996; tried on slapd 2.5.13, Courier 5.0.13 and Exim 4.96 with GnuTLS 3.7.9",
    }
    /// Not a priority string.
    PRIORITY = Error "gnutls-priority" {
        summary: "a priority string holds a word that GnuTLS does not know, or leaves no protocol",
        help: "`gnutls-cli --list --priority STRING` tells what a string allows; `pkit emit` prints one",
        source: "gnutls_priority_init(3); tried on slapd 2.5.13 (error (80)), Courier 5.0.13 (connections die) and Exim 4.96 (does not start)",
    }
}
