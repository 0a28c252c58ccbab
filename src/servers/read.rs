//! Text to settings. Statements are sorted by the part of the server that they speak of, and each row looks up its own names
//! there. What no row knows is left alone; what a row knows and does not understand is told with its place.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::build::Build;
use super::syntax::{Grammar, Statement, Unknown};
use super::table::Directive;
use super::{MALFORMED, NOT_UNDERSTOOD, OTHER_VERSION, Placed, Server};
use crate::finding::{Finding, Location, Rule};
use crate::settings::{Scope, Scoped, TlsSettings};
use crate::threads;

/// What is said of one part, sorted by name; those of one name in their order. Names are in small letters.
type Said<'a> = Vec<(String, Placed<'a>)>;

impl Server {
    /// What one text tells this program, without what the text pulls in.
    pub fn read(&self, text: &str, path: &Path, grammar: &Grammar, build: Build) -> (TlsSettings, Vec<Finding>) {
        let parsed = grammar.parse(text);
        let statements: Vec<Placed<'_>> =
            parsed.statements.iter().map(|statement| Placed { path, statement }).collect();
        let unknown = parsed.unknown.iter().map(|unknown| {
            let at = Location::Line { path: path.to_owned(), line: unknown.line, column: 1 };
            unknown.rule().at(at, unknown.why)
        });
        let (settings, findings) = self.understand(&statements, build);
        (settings, unknown.chain(findings).collect())
    }

    /// What statements tell this program, wherever each of them stands. A directive that is said twice counts as said last, as
    /// all these programs do.
    pub fn understand(&self, statements: &[Placed<'_>], build: Build) -> (TlsSettings, Vec<Finding>) {
        let bare: Vec<&Statement> = statements.iter().map(|placed| placed.statement).collect();
        let rows: Vec<Row<'_>> = self.rows(build).map(Row::new).collect();
        let foreign = self.only_elsewhere(build);
        let mut parts: Vec<(Scope, Said<'_>)> = vec![(Scope::default(), Said::new())];
        let mut known = HashMap::from([(Scope::default(), 0)]);
        let mut findings = Vec::new();
        let mut part = 0;
        for (placed, (scope, mut name)) in statements.iter().zip((self.parts.find)(&bare)) {
            name.make_ascii_lowercase();
            if foreign.contains(&name) {
                let message = format!("{} is not for {} {}", placed.statement.name, self.title, build.version);
                findings.push(OTHER_VERSION.at(placed.place(), message));
            }
            // Mostly it is that of the statement before.
            if parts[part].0 != scope {
                part = *known.entry(scope).or_insert_with_key(|scope| {
                    parts.push((scope.clone(), Said::new()));
                    parts.len() - 1
                });
            }
            parts[part].1.push((name, *placed));
        }
        parts.iter_mut().for_each(|(_, said)| said.sort_by(|(a, _), (b, _)| a.cmp(b)));
        let outer = &parts[0].1;
        let (mut settings, unclear) = self.part(&rows, outer, None);
        findings.extend(unclear);
        // A thousand hosts are as many parts.
        let told = threads::among(&parts[1..], |(_, said)| self.part(&rows, said, Some(outer)));
        settings.scopes.reserve_exact(told.len());
        for ((scope, _), (told, unclear)) in parts[1..].iter().zip(told) {
            findings.extend(unclear);
            if *told != TlsSettings::default() {
                settings.scopes.push(Scoped { scope: scope.clone(), settings: *told });
            }
        }
        let mut settings = *settings;
        (self.imply)(&mut settings);
        (settings, findings)
    }

    /// The part of the server that each statement speaks of.
    pub fn scopes(&self, statements: &[Placed<'_>]) -> Vec<Scope> {
        let bare: Vec<&Statement> = statements.iter().map(|placed| placed.statement).collect();
        (self.parts.find)(&bare).map(|(scope, _)| scope).collect()
    }

    /// What is said of one part. A row of several names takes what this part leaves out from what is said of the whole.
    fn part(&self, rows: &[Row<'_>], said: &Said<'_>, outer: Option<&Said<'_>>) -> (Box<TlsSettings>, Vec<Finding>) {
        let (mut settings, mut findings) = (Box::<TlsSettings>::default(), Vec::new());
        for Row { row, names } in rows.iter().filter(|row| row.row.speaks_of(outer.is_none())) {
            let Some(first) = names.iter().find_map(|name| name.find(said)) else { continue };
            let at = Arc::new(first.place());
            let all = names
                .iter()
                .zip(row.names)
                .map(|(key, name)| key.find(said).or_else(|| key.find(outer.filter(|_| self.parts.share(name))?)));
            let values: Result<Vec<&str>, _> =
                all.map(|s| s.map_or(Ok(""), |s| s.statement.value.as_deref().map_err(|why| *why))).collect();
            match values.map(|values| row.binding.parse(&values).ok_or("pkit does not know what it means")) {
                Ok(Ok(part)) => settings.learn(part, &at),
                Ok(Err(why)) | Err(why) => {
                    findings.push(NOT_UNDERSTOOD.at(first.place(), format!("{}: {why}", row.names.join(", "))))
                }
            }
        }
        (settings, findings)
    }

    /// The names that only other versions know, in small letters.
    fn only_elsewhere(&self, build: Build) -> HashSet<String> {
        let names = |wanted: bool| {
            let rows = self.directives.iter().filter(move |row| (row.known_to(build) || row.stays) == wanted);
            rows.flat_map(|row| row.names).map(|name| name.to_ascii_lowercase())
        };
        let expected: HashSet<String> = names(true).collect();
        names(false).filter(|name| !expected.contains(name)).collect()
    }
}

/// A row of the table, with what its names are looked up by.
struct Row<'a> {
    row: &'a Directive,
    names: Vec<Key>,
}

impl<'a> Row<'a> {
    fn new(row: &'a Directive) -> Row<'a> {
        Row { row, names: row.names.iter().map(|name| Key::of(name)).collect() }
    }
}

/// A name in small letters, and which of several statements of that name is meant, if not the last: `crt#2`.
struct Key {
    name: String,
    which: Option<usize>,
}

impl Key {
    fn of(name: &str) -> Key {
        let numbered = name.rsplit_once('#').and_then(|(name, which)| Some((name, which.parse::<usize>().ok()?)));
        let (name, which) = numbered.map_or((name, None), |(name, which)| (name, Some(which)));
        Key { name: name.to_ascii_lowercase(), which }
    }

    /// The statement that counts.
    fn find<'a>(&self, said: &Said<'a>) -> Option<Placed<'a>> {
        let first = said.partition_point(|(name, _)| *name < self.name);
        let end = said.partition_point(|(name, _)| *name <= self.name);
        let all = &said[first..end];
        let found = self.which.map_or_else(|| all.last(), |which| all.get(which.checked_sub(1)?));
        found.map(|(_, placed)| *placed)
    }
}

impl Unknown {
    /// What is to be told of it.
    pub fn rule(&self) -> &'static Rule {
        if self.refused { &MALFORMED } else { &NOT_UNDERSTOOD }
    }
}

impl Placed<'_> {
    /// Where it stands.
    pub fn place(&self) -> Location {
        let (line, column) = (self.statement.line, self.statement.column);
        Location::Line { path: self.path.to_owned(), line, column }
    }
}
