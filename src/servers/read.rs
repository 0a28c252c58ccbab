//! Text to settings. Statements are sorted by the part of the server that they speak of, and each row looks up its own names
//! there. What no row knows is left alone; what a row knows and does not understand is told with its place.

use std::collections::HashMap;
use std::path::Path;

use super::build::Build;
use super::syntax::{Grammar, Statement, Unknown};
use super::table::Directive;
use super::{MALFORMED, NOT_UNDERSTOOD, OTHER_VERSION, Placed, Server};
use crate::finding::{Finding, Location, Rule};
use crate::settings::{Scope, Scoped, TlsSettings};

/// What is said of one part: the statements of each name, in their order. Names are in small letters.
type Said<'a> = HashMap<String, Vec<Placed<'a>>>;

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
        let mut parts: Vec<(Scope, Said<'_>)> = vec![(Scope::default(), Said::new())];
        let mut known = HashMap::from([(Scope::default(), 0)]);
        let mut findings = Vec::new();
        for (placed, (scope, name)) in statements.iter().zip((self.parts.find)(&bare)) {
            findings.extend(self.stranger(placed, &name, build));
            let part = *known.entry(scope).or_insert_with_key(|scope| {
                parts.push((scope.clone(), Said::new()));
                parts.len() - 1
            });
            parts[part].1.entry(name.to_ascii_lowercase()).or_default().push(*placed);
        }
        let mut settings = TlsSettings::default();
        for (i, (scope, said)) in parts.iter().enumerate() {
            let outer = (i > 0).then_some(&parts[0].1);
            let told = self.part(said, outer, build, &mut findings);
            match outer {
                None => settings = told,
                Some(_) if told == TlsSettings::default() => {}
                Some(_) => settings.scopes.push(Scoped { scope: scope.clone(), settings: told }),
            }
        }
        (self.imply)(&mut settings);
        (settings, findings)
    }

    /// What is said of one part. A row of several names takes what this part leaves out from what is said of the whole.
    fn part(
        &self,
        said: &Said<'_>,
        outer: Option<&Said<'_>>,
        build: Build,
        findings: &mut Vec<Finding>,
    ) -> TlsSettings {
        let mut settings = TlsSettings::default();
        for row in self.rows(build).filter(|row| row.speaks_of(outer.is_none())) {
            let own: Vec<_> = row.names.iter().map(|name| find(said, name)).collect();
            let Some(first) = own.iter().flatten().next() else { continue };
            let at = first.place();
            let all = own
                .iter()
                .zip(row.names)
                .map(|(own, name)| own.or_else(|| find(outer.filter(|_| self.parts.share(name))?, name)));
            let values: Result<Vec<&str>, _> =
                all.map(|s| s.map_or(Ok(""), |s| s.statement.value.as_deref().map_err(|why| *why))).collect();
            match values.map(|values| row.binding.parse(&values).ok_or("pkit does not know what it means")) {
                Ok(Ok(part)) => settings.learn(part, &at),
                Ok(Err(why)) | Err(why) => {
                    findings.push(NOT_UNDERSTOOD.at(at, format!("{}: {why}", row.names.join(", "))))
                }
            }
        }
        settings
    }

    /// A directive of other versions.
    fn stranger(&self, placed: &Placed<'_>, name: &str, build: Build) -> Option<Finding> {
        let mut known = self.directives.iter().filter(|row| row.names.iter().any(|n| n.eq_ignore_ascii_case(name)));
        let (first, mut rest) = (known.next()?, known);
        let expected = |row: &Directive| row.known_to(build) || row.stays;
        if expected(first) || rest.any(expected) {
            return None;
        }
        let message = format!("{} is not for {} {}", placed.statement.name, self.title, build.version);
        Some(OTHER_VERSION.at(placed.place(), message))
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

/// The statement that counts: the last one of the name, unless the name says which.
fn find<'a>(said: &Said<'a>, name: &str) -> Option<Placed<'a>> {
    let numbered = name.rsplit_once('#').and_then(|(name, which)| Some((name, which.parse::<usize>().ok()?)));
    let all = |name: &str| said.get(&name.to_ascii_lowercase());
    match numbered {
        Some((name, which)) => all(name)?.get(which.checked_sub(1)?).copied(),
        None => all(name)?.last().copied(),
    }
}
