//! How each server program spells TLS, as data, in both directions: `TlsSettings` to text and text to `TlsSettings`. A server is
//! one table of rows and a few words about itself; it differs from the others in data only, so it is a struct and not a trait.
//! Reading and writing are shared code, here. Nothing is judged, and no file or program is touched.
//!
//! What keeps it honest: `write` reads its own text again and compares.

mod alike;
mod apache;
pub mod build;
mod courier;
mod dovecot;
mod exim;
mod gnutls;
pub(crate) mod haproxy;
pub mod layout;
pub mod misspelt;
mod nginx;
mod openldap;
mod parts;
mod password;
mod postfix;
pub mod profile;
mod read;
pub mod reload;
pub mod rules;
pub mod syntax;
pub mod table;
mod vocabulary;
pub mod words;
mod write;

use std::fmt;
use std::path::Path;

use crate::error::Error;
use crate::finding::rules;
use crate::settings::{TlsLevel, TlsSettings};
use build::{Build, Library, Version};
use parts::Parts;
pub use password::holds_key_password;
use syntax::{Grammar, Statement};
use table::Directive;
use words::Vocabulary;
pub use write::Line;

/// Every server that pkit speaks.
pub static ALL: &[&Server] = &[
    &dovecot::DOVECOT,
    &postfix::POSTFIX,
    &openldap::OPENLDAP,
    &apache::APACHE,
    &courier::COURIER,
    &nginx::NGINX,
    &exim::EXIM,
    &haproxy::HAPROXY,
];

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
    /// How the installed program, under each name that it may have, is asked for its version; the answer goes to
    /// [`Version::find`].
    pub ask_version: &'static [Question],
    /// How the installed program is asked for its library, where there is a choice; the answer goes to [`Library::find`].
    pub ask_library: Option<Question>,
    /// The form in which its configuration is usually written.
    pub style: Style,
    /// Other forms of the same.
    pub other_styles: &'static [Style],
    /// The table.
    pub directives: &'static [Directive],
    /// The names and values that it knows, where it refuses others.
    pub vocabulary: &'static Vocabulary,
    /// How it tells apart protocols, addresses and names.
    pub parts: &'static Parts,
    /// What a server of this kind should ask of its clients.
    pub level: TlsLevel,
    /// The files that it wants.
    pub files: &'static [FileNeed],
    /// What `openssl s_client -connect` is told to see the outcome on the live port.
    pub look: &'static str,
    /// How it is made to read its certificate again.
    pub reload: &'static reload::Reload,
    /// Fills in what the server does without being told.
    pub imply: fn(&mut TlsSettings),
    /// What the reader of the text should know besides it.
    pub notes: fn(&TlsSettings, Build) -> Vec<&'static str>,
    /// Whether it needs a file of Diffie-Hellman parameters.
    pub dh: fn(Build) -> &'static str,
    /// The versions whose dialect no server was there to try, so that it is written from documents alone.
    pub untried: fn(Build) -> bool,
}

/// One form of a server's configuration.
pub struct Style {
    /// The word for it on the command line.
    pub word: &'static str,
    /// The texts that it takes.
    pub documents: &'static [Document],
    /// How they are checked and made to count.
    pub then: &'static str,
}

/// One text of a configuration.
pub struct Document {
    /// The configuration file that it belongs into, if it belongs into one.
    pub file: Option<&'static str>,
    /// Where it goes.
    pub place: &'static str,
    /// How it is written.
    pub grammar: &'static Grammar,
    /// Which statements it takes.
    pub takes: fn(&Line) -> bool,
}

/// A document that has been written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Which.
    pub document: &'static Document,
    /// What it says.
    pub text: String,
}

/// A statement, and the file that it stands in.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// The file.
    pub path: &'a Path,
    /// The statement.
    pub statement: &'a Statement,
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
    /// What stands before the answer in what it prints.
    pub behind: &'static str,
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
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.place)
    }
}

impl fmt::Debug for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word)
    }
}

impl PartialEq for Document {
    /// A document is one of a few that are there once.
    fn eq(&self, other: &Document) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Document {}

impl Unsayable {
    /// With the reason, or what to do instead.
    fn because(self, why: &'static str) -> Unsayable {
        Unsayable { hint: Some(why), ..self }
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

rules! {
    /// The server, in this version, has no safe words for what was asked.
    UNSAYABLE = Error "setting-unsayable" {
        summary: "the server, in this version, cannot be told this, and telling it something weaker instead is not an option",
        help: "ask for something that this version knows, or name another version with --server-version",
        source: "the server's own manual for that version; tried on Dovecot 2.3.13 to 2.4.1, Postfix 3.5 to 3.10, slapd 2.4 to 2.6, nginx 1.22, HAProxy 2.6, Exim 4.96",
    }
    /// A value or line of a configuration was not understood.
    NOT_UNDERSTOOD = Warning "setting-not-understood" {
        summary: "a TLS setting has a value that pkit does not know, so nothing is said about it",
        help: "compare the value with the server's manual",
        source: "the server's own manual",
    }
    /// A line outside of the grammar.
    MALFORMED = Error "config-malformed" {
        summary: "a line is not in the form that the server reads, so the server refuses the whole file",
        help: "correct the line; the server's own checker says the same",
        source: "tried on Dovecot 2.3.19 and 2.4.1, Postfix 3.7.11 (`missing '=' after attribute name`), Apache 2.4.71, nginx 1.22.1, Exim 4.96 and ldapmodify 2.5; none goes on",
    }
    /// A directive that the version at hand does not know.
    OTHER_VERSION = Error "setting-other-version" {
        summary: "a directive belongs to another version of the server, or to a build with another TLS library",
        help: "use the name that this version knows; `pkit emit` prints it",
        source: "tried on Dovecot 2.4.1, which does not start with the names of 2.3, and nginx 1.22.1 (`unknown directive`)",
    }
}

#[cfg(test)]
mod tests;
