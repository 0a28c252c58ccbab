//! What the outside said, as plain structs: gathered once by `files`, judged by `checks` without another look at the disk. What
//! servers said is in `peer`.

pub mod peer;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A FIFO, socket or device: never opened, so that nothing hangs.
    Special,
}

/// One file, links resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// The path as named or found.
    pub path: PathBuf,
    /// What it leads to.
    pub kind: FileKind,
    /// Where it really is: an absolute path without links.
    pub real: PathBuf,
    /// Is the path itself a symbolic link?
    pub is_link: bool,
    /// Who may do what with it.
    pub access: Access,
    /// How many names the file has.
    pub links: u64,
    /// Which file it is, whatever name it has.
    pub id: FileId,
    /// Every directory in which a name is looked up on the way to it.
    pub parents: Parents,
}

/// The directories above a file, the nearest first, and those above each link that leads there. Files of one directory share
/// them.
pub type Parents = Arc<[Arc<DirFacts>]>;

/// Device and inode: the same for all names of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId {
    /// The file system.
    pub device: u64,
    /// The file in it.
    pub inode: u64,
}

/// One directory on the way to a file: who may write to it may put another file in that one's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirFacts {
    /// The directory, without links.
    pub path: PathBuf,
    /// Who may do what with it.
    pub access: Access,
    /// Which directory it is, whatever name it has.
    pub id: FileId,
}

/// Who may do what: mode, owner, and the ACL where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Permission bits, with set-id and sticky bits (0o7777). With an ACL the group's bits are its mask (acl(5)).
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The owner's name, or the number where the system knows no name.
    pub owner: String,
    /// The group's name, or the number where the system knows no name.
    pub group: String,
    /// What goes beyond the mode.
    pub acl: Option<Acl>,
}

/// A POSIX access ACL as it takes effect, its mask applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// Rights of the owning group (0..=7).
    pub group: u32,
    /// Rights of other users and groups that are named.
    pub named: Vec<Grant>,
}

/// One named entry of an ACL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// To whom.
    pub to: Grantee,
    /// The name, or the number where the system knows no name.
    pub name: String,
    /// The rights that take effect (0..=7).
    pub rights: u32,
}

/// Whom an entry of an ACL names, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grantee {
    /// A user.
    User(u32),
    /// A group.
    Group(u32),
}

/// A user as the system knows him, with every group that he is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The number; root's is 0.
    pub uid: u32,
    /// The groups, the first one his own.
    pub groups: Vec<u32>,
}

/// The right to read, among three bits.
pub const READ: u32 = 4;
/// The right to write, among three bits.
pub const WRITE: u32 = 2;
/// The right to look a name up in a directory, among three bits.
pub const SEARCH: u32 = 1;

impl Access {
    /// What the owning group may do.
    pub fn group_rights(&self) -> u32 {
        self.acl.as_ref().map_or(self.mode >> 3 & 7, |acl| acl.group)
    }

    /// What everybody may do.
    pub fn other_rights(&self) -> u32 {
        self.mode & 7
    }

    /// The named entries that give this right to somebody who has not got it anyway, as root and the owner have.
    pub fn granted(&self, right: u32) -> impl Iterator<Item = &Grant> {
        let named = self.acl.iter().flat_map(|acl| &acl.named);
        named.filter(move |grant| {
            grant.rights & right != 0 && grant.to != Grantee::User(0) && grant.to != Grantee::User(self.uid)
        })
    }

    /// `0640 root:ssl-cert`, with a `+` behind the mode where an ACL says more, as ls(1) has it.
    pub fn words(&self) -> String {
        let plus = if self.acl.is_some() { "+" } else { "" };
        format!("{:04o}{plus} {}:{}", self.mode, self.owner, self.group)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if matches!(self.to, Grantee::User(_)) { "user" } else { "group" };
        write!(f, "{kind} {}", self.name)
    }
}

impl DirFacts {
    /// Without the sticky bit whoever may write to a directory may rename and remove what others have in it (unlink(2)).
    pub fn is_sticky(&self) -> bool {
        self.access.mode & 0o1000 != 0
    }

    /// May every user put another file in the place of one that is in here?
    pub fn lets_anybody_replace(&self) -> bool {
        self.access.other_rights() & WRITE != 0 && !self.is_sticky()
    }
}
