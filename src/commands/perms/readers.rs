//! Which servers open the files, and as whom: root before it gives up its rights, or the server's own user.

use crate::checks::perms::Reader;
use crate::error::{Error, Result};
use crate::facts::User;
use crate::files::users::Users;
use crate::finding::rules;
use crate::servers::{self, Part, Server};

/// As whom this server opens keys, by the users of the tree that is looked at.
pub(super) fn of(server: &'static Server, users: &Users) -> Result<Reader> {
    let key = server.files.iter().find(|file| file.parts.contains(&Part::Key));
    let user = match key.map(|file| file.reader) {
        Some(servers::Reader::User(name)) => users.named(name).ok_or_else(|| {
            let message = format!("{} opens its key as user {name}, and there is no such user", server.title);
            Error::input(&READER_UNKNOWN, message)
        })?,
        Some(servers::Reader::Root) | None => User { name: "root".into(), uid: 0, groups: vec![0] },
    };
    Ok(Reader { server: server.title, user })
}

rules! {
    /// Nobody knows who it is.
    READER_UNKNOWN = Error "reader-unknown" {
        summary: "a server runs as a user who is not known here",
        help: "install the server first, or look at its image with --root",
        source: "Debian's packages make these users: openldap, courier, Debian-exim",
    }
}
