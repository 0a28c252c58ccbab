//! What the outside said, as plain structs: gathered once by `files`, judged by `checks` without another look at the disk.

use std::path::PathBuf;

/// What a path is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link that leads nowhere.
    Dangling,
    /// A FIFO, socket or device: never opened, so that nothing hangs.
    Special,
}

/// Mode, owner and place of one file, links resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// The path as named or found.
    pub path: PathBuf,
    /// What stands there.
    pub kind: FileKind,
    /// Permission bits, with set-id and sticky bits (0o7777).
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The owner's and group's names, or their numbers where the system knows no name.
    pub owner: String,
    /// See `owner`.
    pub group: String,
    /// How many names the file has.
    pub links: u64,
    /// Where the path leads if it is a symbolic link.
    pub target: Option<PathBuf>,
    /// Every directory above the file itself, nearest first.
    pub parents: Vec<DirFacts>,
}

/// What decides who may put another file in a directory's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirFacts {
    /// The directory.
    pub path: PathBuf,
    /// Permission bits with the sticky bit (0o7777).
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The owner's name or number.
    pub owner: String,
    /// The group's name or number.
    pub group: String,
}
