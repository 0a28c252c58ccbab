//! Who can read a key, whether the server can, and who could put another file in the place of a key or a certificate. Judged
//! from facts alone, by a policy; what a file holds and who opens it is told by the caller.

mod directories;
mod file;
pub mod policy;
mod reach;
pub mod rules;
mod tighten;
mod want;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::facts::User;
pub use directories::Directories;
use policy::Policy;
pub use reach::closed_to;
pub use tighten::{after, tighter_directory};
pub use want::Want;

/// What a file holds, as far as its mode depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A private key, perhaps among other things.
    Key,
    /// The password of a private key, in a configuration.
    Password,
    /// Certificates, requests, CRLs, DH parameters: what anybody may read.
    Public,
    /// Nothing of the kind.
    Other,
    /// Nobody knows: it could not be read.
    Unread,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 5] = [Role::Key, Role::Password, Role::Public, Role::Other, Role::Unread];

    /// The word for JSON.
    pub fn word(self) -> &'static str {
        match self {
            Role::Key => "key",
            Role::Password => "password",
            Role::Public => "public",
            Role::Other => "other",
            Role::Unread => "unread",
        }
    }

    /// The code under which a file of this role is fine or nearly so.
    pub fn code(self) -> &'static str {
        match self {
            Role::Key => rules::KEY_MODE.code,
            Role::Public => rules::CERT_MODE.code,
            Role::Password | Role::Other | Role::Unread => "file-mode",
        }
    }
}

/// A server that opens the file, and the user as whom it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Its name in sentences.
    pub server: &'static str,
    /// As whom.
    pub user: User,
}

/// By what is judged.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    /// The policy.
    pub policy: Policy,
    /// The number of the user who asks: that one's own files belong to no stranger.
    pub caller: u32,
    /// Servers that open keys as users of their own, and these users' names: to be told apart from strangers where it is not
    /// known who opens a file.
    pub own_users: Vec<(&'static str, String)>,
    /// Directories that a web server hands out, where they really are.
    pub web_roots: BTreeSet<PathBuf>,
}
