//! GnuTLS priority strings, for all servers that are built with GnuTLS.

use super::Placed;
use crate::finding::{Finding, rules};
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

rules! {
    /// Not a priority string.
    PRIORITY = Error "gnutls-priority" {
        summary: "a priority string holds a word that GnuTLS does not know, or leaves no protocol",
        help: "`gnutls-cli --list --priority STRING` tells what a string allows; `pkit emit` prints one",
        source: "gnutls_priority_init(3); tried on slapd 2.5.13 (error (80)), Courier 5.0.13 (connections die) and Exim 4.96 (does not start)",
    }
}
