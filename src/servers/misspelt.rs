//! Names that are one slip away from a setting's: two letters swapped, one left out, put in or changed, or capital letters where
//! the server wants small ones. What no server calls anything near is left alone, since the tables have TLS only.

use super::build::Build;
use super::table::blocks;
use super::{Placed, Server};
use crate::finding::{Finding, Severity, rules};
use crate::settings::TlsSettings;

impl Server {
    /// The setting that a name is most likely meant for, where it is none of `known` itself.
    pub(super) fn meant(&self, name: &str, known: &[&'static str]) -> Option<&'static str> {
        if known.iter().any(|known| self.is_name(known, name)) || (self.vocabulary.other_names)(name) {
            return None;
        }
        known.iter().copied().find(|known| slip(known, name))
    }

    /// A name that is meant for another.
    pub(super) fn misspelt(&self, placed: &Placed<'_>, meant: &'static str, build: Build) -> Finding {
        let statement = placed.statement;
        let stops = self.vocabulary.unknown_stops;
        let vital = stops || self.is_vital(meant, statement.known().unwrap_or_default(), build);
        let severity = if vital { Severity::Error } else { Severity::Warning };
        let what = if stops { "does not start with it" } else { "ignores it" };
        let message = format!("{} knows no {}, and {what}: {meant} may be meant", self.title, statement.name);
        NAME_UNKNOWN.at(placed.place(), message).severity(severity)
    }

    /// Every name that the tables have, without the blocks around it.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        let rows = self.directives.iter().flat_map(|row| row.names).map(|name| blocks(name).1);
        let rows = rows.map(|name| name.split('#').next().unwrap_or(name)).filter(|name| !name.contains(' '));
        rows.chain(self.vocabulary.domains.iter().flat_map(|domain| domain.names).copied())
    }

    /// Is there no proper TLS where this is not said?
    fn is_vital(&self, name: &str, value: &str, build: Build) -> bool {
        self.rows(build).any(|row| {
            let of_name = |known: &&str| if *known == name { value } else { "" };
            let values: Vec<&str> = row.names.iter().map(|known| of_name(&blocks(known).1)).collect();
            let said = row.names.contains(&name).then(|| row.binding.parse(&values)).flatten();
            said.is_some_and(|TlsSettings { certificate, key, level, .. }| {
                certificate.is_some() || key.is_some() || level.is_some()
            })
        })
    }
}

/// Is one of the two the other with one slip? Short names are told by swapped letters and by their case alone.
pub fn slip(known: &str, name: &str) -> bool {
    if known == name {
        return false;
    }
    if known.eq_ignore_ascii_case(name) {
        return true;
    }
    let (known, name) = (known.as_bytes(), name.as_bytes());
    let same = known.iter().zip(name).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
    let (known, name) = (&known[same..], &name[same..]);
    let tail = known.iter().rev().zip(name.iter().rev()).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
    match (&known[..known.len() - tail], &name[..name.len() - tail]) {
        ([a, b], [c, d]) => a.eq_ignore_ascii_case(d) && b.eq_ignore_ascii_case(c),
        ([_], [_]) | ([_], []) | ([], [_]) => same + tail >= LONG,
        _ => false,
    }
}

/// From this many equal letters on a letter too many, too few or another is a slip.
const LONG: usize = 6;

rules! {
    /// One letter away.
    NAME_UNKNOWN = Error "setting-misspelt" {
        summary: "a name is no setting of this server, and one letter away from a TLS setting that is",
        help: "correct the name",
        source: "tried on Dovecot 2.3.19 and 2.4.1 (`Unknown setting`), Apache 2.4.71 (`Invalid command`), nginx 1.22.1 (`unknown directive`), Exim 4.96 (`option unknown`) and slapd 2.5.13 (17), which do not go on; Postfix 3.7.11 and Courier 5.0.13 ignore the line",
    }
}

#[cfg(test)]
mod tests {
    use super::slip;

    #[test]
    fn one_slip_is_seen_and_two_are_another_name() {
        for near in ["SSLEnigne", "SSLEngin", "SSLEnginee", "SSLEngina", "sslengine", "SLSEngine"] {
            assert!(slip("SSLEngine", near), "{near}");
        }
        for far in ["SSLEngine", "SSLProxyEngine", "SSLEngnei", "SSLOptions", ""] {
            assert!(!slip("SSLEngine", far), "{far}");
        }
        assert!(slip("ssl", "sls") && slip("ssl", "SSL") && !slip("ssl", "ssh") && !slip("ssl", "s"));
    }
}
