//! What a server takes as the value of a directive, where it refuses everything else: data for each server, and one judge for all.
//! What a value means is for the rows of the table; a value that no server could mean anything by is told here.

use super::rules::Said;
use super::syntax::Statement;
use super::syntax::apache::arguments;
use super::{Placed, Server};
use crate::finding::{Finding, rules};

use std::collections::{HashMap, HashSet};
use std::path::Path;

/// The words that a server knows.
pub struct Vocabulary {
    /// What its directives take.
    pub domains: &'static [Domain],
    /// Is it the same to it whether a name is in small letters or capital ones?
    pub any_case: bool,
    /// Does a line hold several arguments, of which these directives want one?
    pub arguments: bool,
    /// Does a name that it does not know keep it from starting? Otherwise the line is ignored.
    pub unknown_stops: bool,
    /// Directives whose relative paths start in a directory that the configuration tells.
    pub relative: &'static [&'static str],
    /// Directives that take a file's content by `<`, with paths that start there, too.
    pub contents: &'static [&'static str],
    /// Names that the tables do not have and that are right all the same, near as they may be to one of them.
    pub other_names: fn(&str) -> bool,
}

/// Directives that take the same values.
pub struct Domain {
    /// Their names.
    pub names: &'static [&'static str],
    /// What they take.
    pub takes: Takes,
}

/// What a directive takes.
pub enum Takes {
    /// One of these words, in small letters or capital ones.
    Words(&'static [&'static str]),
    /// One of these words, just so.
    Exactly(&'static [&'static str]),
    /// The path of a file. A relative one starts in the directory that the server happens to be in.
    Path,
    /// Several paths, with commas or blanks between them.
    Paths,
    /// Several paths, which this takes apart.
    List(fn(&str) -> Vec<String>),
    /// The path of a file, which may be relative.
    OneWord,
    /// A list of OpenSSL's: without a list, or with a character that no name has, the library takes nothing.
    Ciphers,
    /// A number.
    Number,
}

impl Server {
    /// Names and values that this server does not know. A value that has been told exactly is not told once more.
    pub(super) fn foreign(&self, said: &Said<'_>, told: &[Finding]) -> Vec<Finding> {
        let exact: HashSet<(&Path, Option<usize>)> = told.iter().map(|f| (f.at.path(), f.at.line())).collect();
        let names: Vec<&'static str> = self.names().collect();
        let mut meant: HashMap<&str, Option<&'static str>> = HashMap::new();
        let mut found = Vec::new();
        for placed in said.statements {
            let name = placed.statement.name.as_str();
            let refused =
                || self.refused(placed).filter(|_| !exact.contains(&(placed.path, Some(placed.statement.line))));
            let meant = *meant.entry(name).or_insert_with(|| self.meant(name, &names));
            found.extend(meant.map(|meant| self.misspelt(placed, meant, said.build)).or_else(refused));
        }
        found
    }

    /// Values that this server refuses, or that it cannot use.
    fn refused(&self, placed: &Placed<'_>) -> Option<Finding> {
        // A listener's `ssl` is not the server's.
        if placed.statement.scope.iter().any(|block| block.starts_with("service ")) {
            return None;
        }
        let of_name = |domain: &&Domain| domain.names.iter().any(|name| self.is_name(name, &placed.statement.name));
        let domain = self.vocabulary.domains.iter().find(of_name)?;
        let value = placed.statement.known()?;
        let name = &placed.statement.name;
        if let Some(words) =
            arguments(&placed.statement.raw).filter(|words| self.vocabulary.arguments && words.len() != 1)
        {
            let said = if words.is_empty() { "no value".to_owned() } else { format!("`{}`", placed.statement.raw) };
            return Some(VALUE_REFUSED.at(placed.place(), format!("{name} takes one value, and here is {said}")));
        }
        let either = |known: &[&str]| format!("`{}` is none of {}", placed.statement.raw, known.join(", "));
        let why = match domain.takes {
            Takes::Words(known) => (!known.iter().any(|word| word.eq_ignore_ascii_case(value))).then(|| either(known)),
            Takes::Exactly(known) => (!known.contains(&value)).then(|| either(known)),
            Takes::Number => (!value.bytes().all(|b| b.is_ascii_digit()) || value.is_empty())
                .then(|| format!("`{}` is no number", placed.statement.raw)),
            // slapd takes quotes off.
            Takes::Path => relative(value.trim_matches('"')).map(unrooted),
            Takes::Paths => value.split([',', ' ', '\t']).find_map(relative).map(unrooted),
            Takes::List(items) => items(value).iter().find_map(|path| relative(path)).map(unrooted),
            Takes::Ciphers => (value.is_empty() || value.contains('\\'))
                .then(|| format!("`{}` is no cipher list, and Postfix turns TLS off", placed.statement.raw)),
            Takes::OneWord => None,
        }?;
        Some(VALUE_REFUSED.at(placed.place(), format!("{name}: {why}")))
    }

    /// A value that is a relative path, and what stands before it (`<`). Only where it is known from where such paths start.
    pub fn relative_path<'a>(&self, statement: &'a Statement) -> Option<(&'static str, &'a str)> {
        let named = |names: &[&str]| names.iter().any(|name| self.is_name(name, &statement.name));
        let (start, path) = match statement.known()? {
            value if value.starts_with('<') => ("<", value[1..].trim_start()),
            value => ("", value),
        };
        let contents = start == "<" && named(self.vocabulary.contents);
        let relative =
            !path.is_empty() && !path.starts_with(['/', '"']) && (contents || named(self.vocabulary.relative));
        relative.then_some((if contents { start } else { "" }, if contents { path } else { statement.known()? }))
    }

    /// Is a name of the table meant? Apache and slapd do not tell small letters from capital ones.
    pub(super) fn is_name(&self, known: &str, name: &str) -> bool {
        if self.vocabulary.any_case { known.eq_ignore_ascii_case(name) } else { known == name }
    }
}

/// A path that does not begin at the root; Postfix has `none` for "no file".
fn relative(path: &str) -> Option<&str> {
    (!path.is_empty() && !path.starts_with('/') && path != "none").then_some(path)
}

fn unrooted(path: &str) -> String {
    format!("`{path}` does not begin with `/`, so it is looked for wherever the server happens to be")
}

rules! {
    /// No such word.
    VALUE_REFUSED = Error "setting-value-refused" {
        summary: "a setting has a value that the server refuses or cannot use: it does not start, or serves no TLS",
        help: "use one of the values that it knows; `pkit emit` prints them",
        source: "tried on Dovecot 2.3.19 and 2.4.1 (`Invalid boolean value`), Postfix 3.7.11 (`bad boolean configuration`), slapd 2.5.13 (error (80)), Exim 4.96 (relative paths: every handshake fails), Apache 2.4.71 (`must be On or Off`, `takes one argument`) and nginx 1.22.1 (`invalid value`, `invalid number of arguments`)",
    }
}
