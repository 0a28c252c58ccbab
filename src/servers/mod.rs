//! How each server program spells TLS, as data, in both directions: `TlsSettings` to text and text to `TlsSettings`. A server is
//! one table of rows and a few words about itself; it differs from the others in data only, so it is a struct and not a trait.
//! Reading and writing are shared code, here. Nothing is judged, and no file or program is touched.
//!
//! What keeps it honest: `write` reads its own text again and compares. What it cannot say, or what would be read as
//! something else, is `Unsayable`, never a weaker configuration and never a line more than was meant.

pub mod build;
mod dovecot;
mod gnutls;
pub mod layout;
mod openldap;
mod postfix;
pub mod profile;
pub mod rules;
pub mod syntax;
pub mod table;

use std::fmt;
use std::path::Path;

use crate::error::Error;
use crate::finding::{Finding, Location, rules};
use crate::settings::{TlsLevel, TlsSettings};
use build::{Build, Library, Version};
use syntax::{Grammar, Parsed, Statement};
use table::Directive;

/// Every server that pkit speaks.
pub static ALL: &[&Server] = &[&dovecot::DOVECOT, &postfix::POSTFIX, &openldap::OPENLDAP];

/// One server program.
pub struct Server {
    /// The word for it on the command line.
    pub name: &'static str,
    /// Its name in sentences.
    pub title: &'static str,
    /// First version of each dialect, oldest first; versions before the first are not spoken.
    pub versions: &'static [Version],
    /// The newest version whose dialect is known.
    pub newest: Version,
    /// The TLS libraries that it is built with.
    pub libraries: &'static [Library],
    /// How the installed program is asked for its version; the answer goes to [`Version::find`].
    pub ask_version: Question,
    /// How the installed program is asked for its library, where there is a choice; the answer goes to [`Library::find`].
    pub ask_library: Option<Question>,
    /// How its configuration is written.
    pub grammar: &'static Grammar,
    /// The table.
    pub directives: &'static [Directive],
    /// What a server of this kind should ask of its clients.
    pub level: TlsLevel,
    /// The files that it wants.
    pub files: &'static [FileNeed],
    /// What to do with the text.
    pub handling: Handling,
    /// Fills in what the server does without being told.
    pub imply: fn(&mut TlsSettings),
    /// What the reader of the text should know besides it.
    pub notes: fn(&TlsSettings, Build) -> Vec<&'static str>,
}

/// A statement, and the file that it stands in.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// The file.
    pub path: &'a Path,
    /// The statement.
    pub statement: &'a Statement,
}

impl Placed<'_> {
    /// Where it stands.
    pub fn place(&self) -> Location {
        let (line, column) = (self.statement.line, self.statement.column);
        Location::Line { path: self.path.to_owned(), line, column }
    }
}

/// A program to run, with arguments and environment.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// The program's name, without a directory.
    pub program: &'static str,
    /// Its arguments.
    pub args: &'static [&'static str],
    /// Its whole environment.
    pub env: &'static [(&'static str, &'static str)],
}

/// One file that a server wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileNeed {
    /// What it is for.
    pub role: Role,
    /// What is in it, in this order.
    pub parts: &'static [Part],
    /// Who opens it.
    pub reader: Reader,
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What the server shows of itself.
    Certificate,
    /// What it proves it with.
    Key,
    /// Whose clients it trusts.
    ClientCa,
}

/// What can be in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The private key.
    Key,
    /// The server's certificate.
    Leaf,
    /// The CAs between it and the root, nearest first.
    Intermediates,
    /// CAs that are trusted.
    Cas,
    /// CRLs of these CAs, which the server looks at.
    Crls,
}

/// Who opens a file, and so must be able to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// root, before the server gives up its rights: 0400 root:root does.
    Root,
    /// The server's own user, by its name in Debian: it needs a key of its own.
    User(&'static str),
}

/// What to do with the text.
#[derive(Clone, Copy, Debug)]
pub struct Handling {
    /// The configuration file that it belongs into, if it belongs into one.
    pub file: Option<&'static str>,
    /// Where it goes.
    pub place: &'static str,
    /// How it is checked and made to count.
    pub then: &'static str,
    /// What `openssl s_client -connect` is told to see the outcome on the live port.
    pub look: &'static str,
}

/// What a server, in this version, cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsayable {
    message: String,
    hint: Option<&'static str>,
}

impl Server {
    /// The server with this name.
    pub fn named(name: &str) -> Option<&'static Server> {
        ALL.iter().find(|server| server.name == name).copied()
    }

    /// The settings as this program wants them told. What it has no word for is an error, not left out.
    pub fn write(&self, settings: &TlsSettings, build: Build) -> Result<String, Unsayable> {
        if self.versions.first().is_some_and(|oldest| build.version < *oldest) {
            return Err(self.unsayable(build, "is older than any version that pkit can write for"));
        }
        let mut text = self.grammar.head.to_owned();
        for row in self.rows(build) {
            let spelled = row.binding.spell(settings);
            let values =
                spelled.map_err(|why| Unsayable { hint: Some(why), ..self.unsayable(build, "cannot be told this") })?;
            for (name, value) in row.names.iter().zip(values.unwrap_or_default()) {
                text += &(self.grammar.print)(name, &value).ok_or_else(|| self.unfit(build, name, &value))?;
            }
        }
        self.reread(settings, build, &text)?;
        Ok(text)
    }

    /// What a text tells this program. What is said inside a block holds for less than the whole server and is left out.
    /// A directive that is said twice counts as said last, as all these programs do.
    pub fn read(&self, text: &str, path: &Path, build: Build) -> (TlsSettings, Vec<Finding>) {
        let parsed = self.grammar.parse(text);
        let (mut settings, mut findings) = (TlsSettings::default(), self.strangers(&parsed, path, build));
        for row in self.rows(build) {
            let said: Vec<_> = row.names.iter().map(|name| last(&parsed, name)).collect();
            let Some(first) = said.iter().flatten().next() else { continue };
            let at = place(path, first);
            match values(&said).map(|values| row.binding.parse(&values).ok_or("pkit does not know what it means")) {
                Ok(Ok(part)) => settings.learn(part, &at),
                Ok(Err(why)) | Err(why) => {
                    findings.push(NOT_UNDERSTOOD.at(at, format!("{}: {why}", row.names.join(", "))))
                }
            }
        }
        (self.imply)(&mut settings);
        (settings, findings)
    }

    /// What statements tell this program, wherever each of them stands.
    pub fn understand(&self, statements: &[Placed<'_>], build: Build) -> (TlsSettings, Vec<Finding>) {
        let (mut settings, mut findings) = (TlsSettings::default(), Vec::new());
        for row in self.rows(build) {
            let last = |name: &&str| statements.iter().rfind(|p| p.statement.is(name) && p.statement.scope.is_empty());
            let said: Vec<_> = row.names.iter().map(last).collect();
            let Some(first) = said.iter().flatten().next() else { continue };
            let bare: Vec<_> = said.iter().map(|p| p.map(|p| p.statement)).collect();
            match values(&bare).map(|values| row.binding.parse(&values).ok_or("pkit does not know what it means")) {
                Ok(Ok(part)) => settings.learn(part, &first.place()),
                Ok(Err(why)) | Err(why) => {
                    findings.push(NOT_UNDERSTOOD.at(first.place(), format!("{}: {why}", row.names.join(", "))))
                }
            }
        }
        (self.imply)(&mut settings);
        (settings, findings)
    }

    fn rows(&self, build: Build) -> impl Iterator<Item = &Directive> {
        self.directives.iter().filter(move |row| row.known_to(build))
    }

    /// The text must say what was meant, all of it and nothing else.
    fn reread(&self, meant: &TlsSettings, build: Build, text: &str) -> Result<(), Unsayable> {
        let mut meant = meant.clone();
        (self.imply)(&mut meant);
        let (said, findings) = self.read(text, Path::new("-"), build);
        if let Some(what) = meant.difference(&said) {
            return Err(self.unsayable(build, &format!("has no word for {what} as asked")));
        }
        findings.first().map_or(Ok(()), |f| Err(self.unsayable(build, &format!("would misread {}", f.message))))
    }

    /// Lines that are no statement, and directives of other versions.
    fn strangers(&self, parsed: &Parsed, path: &Path, build: Build) -> Vec<Finding> {
        let unknown = parsed.unknown.iter().map(|unknown| {
            let at = Location::Line { path: path.to_owned(), line: unknown.line, column: 1 };
            NOT_UNDERSTOOD.at(at, unknown.why)
        });
        let known = |name: &str, row: &Directive| row.names.contains(&name);
        let foreign = parsed.statements.iter().filter(|statement| {
            statement.scope.is_empty()
                && self.directives.iter().any(|row| known(&statement.name, row))
                && !self.rows(build).any(|row| known(&statement.name, row))
        });
        let foreign = foreign.map(|statement| {
            let message = format!("{} is not for {} {}", statement.name, self.title, build.version);
            OTHER_VERSION.at(place(path, statement), message)
        });
        unknown.chain(foreign).collect()
    }

    fn unfit(&self, build: Build, name: &str, value: &str) -> Unsayable {
        let hint =
            "its configuration cannot hold this value safely; choose a path of plain letters, digits and - _ . /";
        Unsayable { hint: Some(hint), ..self.unsayable(build, &format!("cannot be given `{value}` as {name}")) }
    }

    fn unsayable(&self, build: Build, what: &str) -> Unsayable {
        let library = if self.libraries.len() > 1 { format!(" with {}", build.library) } else { String::new() };
        Unsayable { message: format!("{} {}{library} {what}", self.title, build.version), hint: None }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl From<Unsayable> for Error {
    fn from(unsayable: Unsayable) -> Error {
        let error = Error::refused(&UNSAYABLE, unsayable.message);
        match unsayable.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// The statement that counts: the last one for the whole server.
fn last<'a>(parsed: &'a Parsed, name: &str) -> Option<&'a Statement> {
    parsed.statements.iter().rfind(|s| s.name == name && s.scope.is_empty())
}

fn values<'a>(said: &[Option<&'a Statement>]) -> Result<Vec<&'a str>, &'static str> {
    said.iter().map(|s| s.map_or(Ok(""), |s| s.value.as_deref().map_err(|why| *why))).collect()
}

fn place(path: &Path, statement: &Statement) -> Location {
    Location::Line { path: path.to_owned(), line: statement.line, column: statement.column }
}

rules! {
    /// The server, in this version, has no safe words for what was asked.
    UNSAYABLE = Error "setting-unsayable" {
        summary: "the server, in this version, cannot be told this, and telling it something weaker instead is not an option",
        help: "ask for something that this version knows, or name another version with --server-version",
        source: "the server's own manual for that version; tried on Dovecot 2.3.13 to 2.4.1, Postfix 3.5 to 3.10, slapd 2.4 to 2.6",
    }
    /// A value or line of a configuration was not understood.
    NOT_UNDERSTOOD = Warning "setting-not-understood" {
        summary: "a TLS setting has a value that pkit does not know, so nothing is said about it",
        help: "compare the value with the server's manual",
        source: "the server's own manual",
    }
    /// A directive that the version at hand does not know.
    OTHER_VERSION = Error "setting-other-version" {
        summary: "a directive belongs to another version of the server, or to a build with another TLS library",
        help: "use the name that this version knows; `pkit emit` prints it",
        source: "tried on Dovecot 2.4.1, which does not start with the names of 2.3",
    }
}

#[cfg(test)]
mod tests;
