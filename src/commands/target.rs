//! Which program is written for: the server that was named, in the version and with the TLS library that were named or that
//! the installed one tells. Every command that speaks a server's words takes these options.

use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::error::{Error, Result};
use crate::finding::rules;
use crate::servers::build::{Build, Library, Version};
use crate::servers::{self, Question, Server};
use crate::system;

/// Which build of a server is meant, where it is not the installed one.
#[derive(Debug, Default, clap::Args)]
pub struct BuildArgs {
    /// The server's version, in place of the installed one's
    #[arg(long, value_name = "[SERVER=]VERSION", value_delimiter = ',')]
    server_version: Vec<Of<Version>>,
    /// The TLS library that the server was built with: openssl or gnutls
    #[arg(long, value_name = "[SERVER=]LIBRARY", value_delimiter = ',')]
    tls_library: Vec<Of<LibraryWord>>,
}

/// A word about the one server, or about one of several: `2.4.1`, `dovecot=2.4.1`.
#[derive(Clone, Copy, Debug)]
struct Of<T> {
    server: Option<&'static Server>,
    word: T,
}

impl<T: FromStr<Err = String>> FromStr for Of<T> {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Of<T>, String> {
        match text.split_once('=') {
            None => Ok(Of { server: None, word: text.parse()? }),
            Some((name, word)) => {
                let server = Server::named(name).ok_or_else(|| format!("there is no server `{name}`"))?;
                Ok(Of { server: Some(server), word: word.parse()? })
            }
        }
    }
}

/// The word that is about this server, else the one that is about none in particular.
fn about<T: Copy>(words: &[Of<T>], server: &Server) -> Option<T> {
    let named = words.iter().find(|of| of.server.is_some_and(|named| named.name == server.name));
    named.or_else(|| words.iter().find(|of| of.server.is_none())).map(|of| of.word)
}

#[derive(Clone, Copy, Debug)]
struct LibraryWord(Library);

impl FromStr for LibraryWord {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<LibraryWord, String> {
        match text {
            "openssl" => Ok(LibraryWord(Library::OpenSsl)),
            "gnutls" => Ok(LibraryWord(Library::GnuTls)),
            _ => Err("a TLS library is openssl or gnutls".to_owned()),
        }
    }
}

impl BuildArgs {
    /// Of several servers each must be told apart.
    pub(crate) fn fits(&self, servers: &[&'static Server]) -> Result<()> {
        let unclear = self.server_version.iter().any(|of| of.server.is_none())
            || self.tls_library.iter().any(|of| of.server.is_none());
        if servers.len() < 2 || !unclear {
            return Ok(());
        }
        let message = "of several servers it is not clear which one is meant by --server-version or --tls-library";
        Err(Error::usage(message).hint("write it as --server-version dovecot=2.4.1,postfix=3.10"))
    }

    /// The build to write for: as named, else the installed one. An error (exit 3) where neither is there.
    pub(crate) fn decide(&self, server: &'static Server) -> Result<Build> {
        let version = match about(&self.server_version, server) {
            Some(version) => version,
            None => first_answer(server.ask_version)?
                .as_deref()
                .and_then(Version::find)
                .ok_or_else(|| unknown_version(server))?,
        };
        Ok(Build { version, library: self.library(server)? })
    }

    /// Was a version or a library named?
    pub(crate) fn is_named(&self) -> bool {
        !self.server_version.is_empty() || !self.tls_library.is_empty()
    }

    /// The version that was named for this server.
    pub(crate) fn version(&self, server: &Server) -> Option<Version> {
        about(&self.server_version, server)
    }

    /// The installed program's library says nothing about a version that was named.
    fn library(&self, server: &'static Server) -> Result<Library> {
        let named = about(&self.tls_library, server).map(|word| word.0);
        match (named, server.libraries, server.ask_library) {
            (Some(named), known, _) if known.contains(&named) => Ok(named),
            (Some(named), ..) => Err(Error::usage(format!("{} is not built with {named}", server.title))),
            (None, [only], _) => Ok(*only),
            (None, _, Some(question)) if about(&self.server_version, server).is_none() => {
                asked(question)?.as_deref().and_then(Library::find).ok_or_else(|| unknown_library(server))
            }
            _ => Err(unknown_library(server)),
        }
    }
}

/// The names of all servers, as words.
pub(crate) fn names() -> String {
    servers::ALL.iter().map(|server| server.name).collect::<Vec<_>>().join(", ")
}

/// `SERVER,SERVER…` on the command line.
#[derive(Clone, Debug)]
pub struct Servers(pub(crate) Vec<&'static Server>);

impl FromStr for Servers {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Servers, String> {
        let named =
            |name| Server::named(name).ok_or_else(|| format!("there is no server `{name}`; there are {}", names()));
        Ok(Servers(text.split(',').map(named).collect::<std::result::Result<_, String>>()?))
    }
}

/// `SERVER` on the command line.
pub(crate) fn server_parser() -> impl TypedValueParser<Value = &'static Server> {
    let names = PossibleValuesParser::new(servers::ALL.iter().map(|server| server.name));
    names.try_map(|name| Server::named(&name).ok_or("no such server"))
}

/// The answer of the first of these programs that is installed.
fn first_answer(questions: &[Question]) -> Result<Option<String>> {
    for question in questions {
        if let Some(answer) = asked(*question)? {
            return Ok(Some(answer));
        }
    }
    Ok(None)
}

fn asked(question: Question) -> Result<Option<String>> {
    let said = system::ask(question.program, question.args, question.env)?;
    Ok(said.and_then(|said| Some(said.split_once(question.behind)?.1.to_owned())))
}

fn unknown_version(server: &Server) -> Error {
    let programs: Vec<&str> = server.ask_version.iter().map(|question| question.program).collect();
    let places = system::DIRECTORIES.join(", ");
    let message = format!("{}: no `{}` in {places} tells its version", server.title, programs.join("` or `"));
    Error::input(&VERSION_UNKNOWN, message).hint(format!("name it: --server-version {}", server.newest))
}

fn unknown_library(server: &Server) -> Error {
    let message =
        format!("{} is built with OpenSSL or with GnuTLS, and which one it is here is not known", server.title);
    Error::input(&LIBRARY_UNKNOWN, message)
}

rules! {
    /// The server is not installed here, and its version was not named.
    VERSION_UNKNOWN = Error "server-version-unknown" {
        summary: "directives depend on the server's version, and it could not be found out",
        help: "name it with --server-version",
        source: "tried: Dovecot 2.4 does not start with 2.3's names, Postfix 3.5 turns TLS off with 3.6's",
    }
    /// The server's TLS library is not known.
    LIBRARY_UNKNOWN = Error "tls-library-unknown" {
        summary: "the directives depend on the TLS library that the server was built with, and it could not be found out",
        help: "name it with --tls-library: Debian's slapd has GnuTLS up to 12 (bookworm) and OpenSSL from 13 (trixie), Debian's Courier and Exim have GnuTLS",
        source: "slapd.conf(5): TLSProtocolMin is ignored with GnuTLS",
    }
}
