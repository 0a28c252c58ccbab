//! Which files a set has: the chain and the key, and what single servers want besides. All of them change in the same instant,
//! as they stand in one version of `DIR/pkit/NAME`. Who opens a file owns it, if that is not root.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::checks;
use crate::commands::Context;
use crate::commands::chain::build as chain;
use crate::content::{Content, VersionFile, VersionWrite};
use crate::error::{Error, Result, io_words};
use crate::facts::User;
use crate::files::facts;
use crate::files::users::Users;
use crate::finding::rules;
use crate::material::key::PrivateKey;
use crate::pki::select::Selection;
use crate::report::describe::count;
use crate::servers::{self, Part, Reader, Server};

/// The files of a set below their directory.
pub(in crate::commands) struct Layout {
    base: PathBuf,
    extra: Vec<Extra>,
}

/// A file for one server only.
struct Extra {
    server: &'static str,
    name: String,
    with_chain: bool,
    reader: Option<User>,
}

impl Layout {
    /// For these servers. Refused where a server's user is not known here, or could not get to his file.
    pub(in crate::commands) fn of(servers: &[&'static Server], base: &Path) -> Result<Layout> {
        let mut extra = Vec::new();
        for server in servers {
            let keys = server.files.iter().filter(|need| need.parts.contains(&Part::Key));
            for need in keys {
                let with_chain = need.parts.len() > 1;
                let reader = match need.reader {
                    Reader::Root => None,
                    Reader::User(name) => Some(reader(server, name, base)?),
                };
                if with_chain || reader.is_some() {
                    let name = if with_chain { combined_name(server) } else { key_name(server) };
                    extra.push(Extra { server: server.name, name, with_chain, reader });
                }
            }
        }
        extra.dedup_by(|a, b| a.name == b.name);
        Ok(Layout { base: base.to_owned(), extra })
    }

    /// Where the server finds its certificate with the chain, and its key.
    pub(in crate::commands) fn files_of(&self, server: &Server) -> (PathBuf, PathBuf) {
        let path = |name: &str| self.base.join("current").join(name);
        match self.extra.iter().find(|extra| extra.server == server.name) {
            Some(extra) if extra.with_chain => (path(&extra.name), path(&extra.name)),
            Some(extra) => (path(CHAIN), path(&extra.name)),
            None => (path(CHAIN), path(KEY)),
        }
    }

    /// The servers that have a file of their own among these.
    pub(in crate::commands) fn servers_of(files: &[String]) -> Vec<&'static Server> {
        let has_own = |server: &Server| files.contains(&combined_name(server)) || files.contains(&key_name(server));
        servers::ALL.iter().copied().filter(|server| has_own(server)).collect()
    }

    /// The passphrase of a key that stays encrypted.
    pub(in crate::commands) fn password(&self) -> PathBuf {
        self.base.join("current").join(PASSWORD)
    }

    /// The whole set, to be written.
    pub(in crate::commands) fn version(
        self,
        selection: &Selection<'_>,
        key: &PrivateKey,
        key_files: Vec<VersionFile>,
        context: &Context,
    ) -> VersionWrite {
        let certs = chain::sent(&selection.path, false);
        let (pem, certificates) = (chain::pem(&certs), count(certs.len(), "certificate"));
        let secret = key.to_pkcs8_pem();
        let mut files = vec![VersionFile {
            name: CHAIN.into(),
            content: Content::Public(pem.clone().into_bytes()),
            what: certificates.clone(),
            owner: None,
        }];
        files.extend(key_files);
        files.extend(self.extra.into_iter().map(|extra| VersionFile {
            name: Cow::Owned(extra.name),
            content: Content::Secret(if extra.with_chain { joined(&[&secret, &pem]) } else { joined(&[&secret]) }),
            what: if extra.with_chain { format!("{}, {certificates}", key.kind()) } else { key.kind().to_string() },
            owner: extra.reader.map(|user| (user.uid, user.groups.first().copied().unwrap_or(user.uid))),
        }));
        VersionWrite { base: self.base, files, overwrite: context.overwrite }
    }
}

/// Key and chain in one file.
fn combined_name(server: &Server) -> String {
    format!("{}.pem", server.name)
}

/// A copy of the key for the server's own user.
fn key_name(server: &Server) -> String {
    format!("privkey-{}.pem", server.name)
}

/// One buffer that is never grown, so that no copy of the key is left behind.
fn joined(parts: &[&str]) -> Zeroizing<Vec<u8>> {
    let mut file = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| file.extend_from_slice(part.as_bytes()));
    file
}

/// The user that opens the server's key.
fn reader(server: &Server, name: &str, base: &Path) -> Result<User> {
    let user = Users::here().named(name).ok_or_else(|| {
        let message = format!("{} opens its key as the user {name}, and there is no such user here", server.title);
        Error::input(&READER_UNKNOWN, message)
    })?;
    // What is missing will be made so that everybody can pass it.
    let there = base.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/"));
    let directories = facts::directories(there)
        .map_err(|e| Error::input(&READER_SHUT_OUT, format!("{}: {}", there.display(), io_words(&e))).path(there))?;
    match checks::perms::closed_to(&user, &directories) {
        None => Ok(user),
        Some(dir) => {
            let message =
                format!("{} opens its key as the user {name}, who cannot pass {}", server.title, dir.path.display());
            Err(Error::refused(&READER_SHUT_OUT, message).path(&dir.path))
        }
    }
}

/// The chain.
pub(in crate::commands) const CHAIN: &str = "fullchain.pem";
/// The key.
pub(in crate::commands) const KEY: &str = "privkey.pem";
/// Its passphrase, where it stays encrypted.
pub(in crate::commands) const PASSWORD: &str = "privkey.password";

rules! {
    /// Nobody to give the key to.
    READER_UNKNOWN = Error "key-reader-unknown" {
        summary: "the server opens its key as a user of its own, and this system has no such user",
        help: "install the server first, which makes the user; or prepare for the other servers alone",
        source: "tried: slapd 2.4 to 2.6, Exim 4.96 and Courier 5.0 behind STARTTLS open the key after they have given up root",
    }
    /// Its directory is closed to him.
    READER_SHUT_OUT = Error "key-reader-shut-out" {
        summary: "the server opens its key as a user of its own, who cannot get into the directory",
        help: "choose another directory with --dir, or let others pass this one (chmod o+x)",
        source: "path_resolution(7): every directory on the way must let the user pass",
    }
}
