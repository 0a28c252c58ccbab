//! Settings to text. Each row says its part; what is said of one block is gathered and printed in it. The text is then read again:
//! what it does not say as meant is `Unsayable`, never a weaker configuration and never a line more than was meant.

use std::path::Path;

use super::build::Build;
use super::syntax::Grammar;
use super::table::{self, Directive};
use super::{Document, Placed, Server, Style, Text, Unsayable};
use crate::settings::{Scope, TlsSettings};

/// One statement that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// For which part of the server: 0 for the whole, then the scopes in their order. Parts do not share blocks.
    part: usize,
    /// The blocks around it, outermost first.
    blocks: Vec<String>,
    name: String,
    value: String,
}

impl Line {
    /// What is said.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The outermost block around it.
    pub fn block(&self) -> Option<&str> {
        self.blocks.first().map(String::as_str)
    }
}

impl Server {
    /// The settings as this program wants them told, a text for each file that they belong into. What it has no word for is an
    /// error, not left out.
    pub fn write(&self, settings: &TlsSettings, build: Build, style: &Style) -> Result<Vec<Text>, Unsayable> {
        if self.versions.first().is_some_and(|oldest| build.version < *oldest) {
            return Err(self.unsayable(build, "is older than any version that pkit can write for"));
        }
        let mut lines = self.lines(settings, None, (0, &Scope::default()), build)?;
        for (i, scoped) in settings.scopes.iter().enumerate() {
            if scoped.scope == Scope::default() {
                return Err(self.unsayable(build, "cannot be told of a part that is no part"));
            }
            lines.extend(self.lines(&scoped.settings, Some(settings), (i + 1, &scoped.scope), build)?);
        }
        let texts = style.documents.iter().map(|document| self.text(document, &lines, build)).collect::<Result<_, _>>();
        let texts: Vec<Text> = texts?;
        let texts: Vec<Text> = texts.into_iter().filter(|text| !text.text.is_empty()).collect();
        self.reread(settings, build, &texts)?;
        Ok(texts)
    }

    /// What is said of one part. Of several names a part says only those that are different further out.
    fn lines(
        &self,
        settings: &TlsSettings,
        outer: Option<&TlsSettings>,
        (part, scope): (usize, &Scope),
        build: Build,
    ) -> Result<Vec<Line>, Unsayable> {
        let mut lines = Vec::new();
        for row in self.rows(build).filter(|row| row.speaks_of(part == 0) && !row.only_read) {
            let spelled = row.binding.spell(settings);
            let values = spelled.map_err(|why| self.unsayable(build, "cannot be told this").because(why))?;
            let outer = outer.and_then(|outer| row.binding.spell(outer).ok()?);
            let said = row.names.iter().zip(values.unwrap_or_default()).enumerate();
            for (i, (name, value)) in said {
                let shared = outer.as_ref().filter(|_| self.parts.share(name));
                let repeats = shared.is_some_and(|outer| outer.get(i) == Some(&value));
                if row.names.len() > 1 && (value.is_empty() || repeats) {
                    continue;
                }
                let placed = (self.parts.spell)(scope, name, build)
                    .ok_or_else(|| self.unsayable(build, &format!("cannot be told apart for {scope}")))?;
                let (blocks, name) = table::blocks(&placed);
                let blocks = blocks.into_iter().map(str::to_owned).collect();
                lines.push(Line { part, blocks, name: without_occurrence(name).to_owned(), value });
            }
        }
        Ok(lines)
    }

    fn text(&self, document: &'static Document, lines: &[Line], build: Build) -> Result<Text, Unsayable> {
        let mut lines: Vec<&Line> = lines.iter().filter(|line| (document.takes)(line)).collect();
        lines.sort_by_key(|line| (line.part, !line.blocks.is_empty()));
        let text = if lines.is_empty() { String::new() } else { self.print(document.grammar, &lines, 0, build)? };
        Ok(Text { document, text: if text.is_empty() { text } else { document.grammar.head.to_owned() + &text } })
    }

    /// The lines, those of one block together where the first of them stands.
    fn print(&self, grammar: &Grammar, lines: &[&Line], depth: usize, build: Build) -> Result<String, Unsayable> {
        let mut text = String::new();
        let mut printed: Vec<(usize, &str)> = Vec::new();
        for line in lines {
            let Some(block) = line.blocks.get(depth) else {
                text += &(grammar.print)(&line.name, &line.value).ok_or_else(|| self.unfit(build, line))?;
                continue;
            };
            let this = (line.part, block.as_str());
            if printed.contains(&this) {
                continue;
            }
            printed.push(this);
            let inside: Vec<&Line> =
                lines.iter().copied().filter(|l| (Some(block), line.part) == (l.blocks.get(depth), l.part)).collect();
            let inside = self.print(grammar, &inside, depth + 1, build)?;
            text += &(grammar.block)(without_occurrence(block), &inside).ok_or_else(|| self.unfit(build, line))?;
        }
        Ok(text)
    }

    /// The text must say what was meant, all of it and nothing else.
    fn reread(&self, meant: &TlsSettings, build: Build, texts: &[Text]) -> Result<(), Unsayable> {
        let mut meant = meant.clone();
        (self.imply)(&mut meant);
        let parsed: Vec<_> = texts.iter().map(|text| text.document.grammar.parse(&text.text)).collect();
        if parsed.iter().any(|parsed| !parsed.unknown.is_empty()) {
            return Err(self.unsayable(build, "would find lines in it that are no settings"));
        }
        let path = Path::new("-");
        let statements: Vec<Placed<'_>> = parsed
            .iter()
            .flat_map(|parsed| parsed.statements.iter().map(|statement| Placed { path, statement }))
            .collect();
        let (said, findings) = self.understand(&statements, build);
        if let Some(what) = meant.difference(&said) {
            return Err(self.unsayable(build, &format!("has no word for {what} as asked")));
        }
        findings.first().map_or(Ok(()), |f| Err(self.unsayable(build, &format!("would misread {}", f.message))))
    }

    pub(super) fn rows(&self, build: Build) -> impl Iterator<Item = &Directive> {
        self.directives.iter().filter(move |row| row.known_to(build))
    }

    fn unfit(&self, build: Build, line: &Line) -> Unsayable {
        let hint =
            "its configuration cannot hold this value safely; choose a path of plain letters, digits and - _ . /";
        let what = format!("cannot be given `{}` as {}", line.value.escape_debug(), line.name.escape_debug());
        self.unsayable(build, &what).because(hint)
    }

    fn unsayable(&self, build: Build, what: &str) -> Unsayable {
        let library = if self.libraries.len() > 1 { format!(" with {}", build.library) } else { String::new() };
        Unsayable { message: format!("{} {}{library} {what}", self.title, build.version), hint: None }
    }
}

/// `SSLCertificateFile#2` is printed as `SSLCertificateFile`; the same with blocks, of which a second one has the same head.
fn without_occurrence(name: &str) -> &str {
    name.split_once('#').map_or(name, |(name, _)| name)
}
