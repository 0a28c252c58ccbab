//! Bytes to leave behind. The mode follows from the content, so no caller can give a private key the mode of a certificate:
//! there is no mode to pass. Writing is left to `files::write`.

use std::borrow::Cow;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::change::Owner;
use crate::facts::{Access, FileId};
use crate::material::pem;

/// What a file will hold.
#[derive(Debug)]
pub enum Content {
    /// Certificates, chains, CRLs, DH parameters: 0444, as Dovecot's manual asks. Replacing is by rename, so nobody needs the
    /// write bit.
    Public(Vec<u8>),
    /// CRLs, given as DER and left behind as PEM. One may be larger than everything else of a run together, so its text is made
    /// piece by piece while it is written.
    CrlPem(Vec<Vec<u8>>),
    /// Anything that holds a private key: 0400.
    Secret(Zeroizing<Vec<u8>>),
    /// What pkit keeps for itself and goes on writing to, such as the index of a CA: 0600.
    State(Vec<u8>),
}

impl Content {
    /// The permission bits of the file, from its creation on.
    pub fn mode(&self) -> u32 {
        match self {
            Content::Public(_) | Content::CrlPem(_) => 0o444,
            Content::Secret(_) => 0o400,
            Content::State(_) => 0o600,
        }
    }

    /// The same where the file is given to somebody: a group that is named may read a key.
    pub fn mode_for(&self, owner: Owner) -> u32 {
        self.mode() | if self.is_secret() && owner.group.is_some() { 0o040 } else { 0 }
    }

    /// The bytes themselves, one part after the other.
    pub fn pieces(&self) -> Box<dyn Iterator<Item = Cow<'_, [u8]>> + '_> {
        match self {
            Content::Public(bytes) | Content::State(bytes) => {
                Box::new(std::iter::once(Cow::Borrowed(bytes.as_slice())))
            }
            Content::CrlPem(lists) => Box::new(lists.iter().flat_map(|der| pem::pieces("X509 CRL", der))),
            Content::Secret(bytes) => Box::new(std::iter::once(Cow::Borrowed(bytes.as_slice()))),
        }
    }

    /// How many bytes that is.
    pub fn length(&self) -> u64 {
        let length = match self {
            Content::Public(bytes) | Content::State(bytes) => bytes.len(),
            Content::CrlPem(lists) => lists.iter().map(|der| pem::length("X509 CRL", der)).sum(),
            Content::Secret(bytes) => bytes.len(),
        };
        length as u64
    }

    /// Is a private key inside?
    pub fn is_secret(&self) -> bool {
        matches!(self, Content::Secret(_))
    }
}

/// May an existing file be replaced?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Overwrite {
    /// An existing file that differs is a refusal (exit 4).
    #[default]
    Refuse,
    /// `--force`: the old file is replaced in one step.
    Replace,
}

/// One file to be written.
#[derive(Debug)]
pub struct FileWrite {
    /// Where to.
    pub path: PathBuf,
    /// What.
    pub content: Content,
    /// What it holds, in a few words: `3 certificates`.
    pub what: String,
    /// Whether an existing file may go.
    pub overwrite: Overwrite,
}

/// One symbolic link within a directory, such as `0a1b2c3d.0 -> root.pem` in a directory of CAs.
#[derive(Debug)]
pub struct LinkWrite {
    /// Where it stands.
    pub path: PathBuf,
    /// What it leads to: a name in the same directory.
    pub target: String,
    /// Whether a link to something else may go. What is no link never goes.
    pub overwrite: Overwrite,
}

/// What is to become of who may do what with a file: only ever less than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Permission bits.
    pub mode: u32,
    /// Owner and group by number, where they change.
    pub owner: Option<(u32, u32)>,
    /// Whether the ACL goes.
    pub without_acl: bool,
}

/// A file or directory that is there and is to get other rights.
#[derive(Clone, Debug)]
pub struct RightsWrite {
    /// As shown.
    pub path: PathBuf,
    /// Where it is: an absolute path without a link.
    pub real: PathBuf,
    /// Which file it was when it was judged: another one that has taken its name is left alone.
    pub id: FileId,
    /// Who might do what with it then, for the report and for the way back.
    pub before: Access,
    /// What it gets.
    pub rights: Rights,
}

/// Lines to be added to a file that only grows, such as the index of a CA.
#[derive(Debug)]
pub struct AppendWrite {
    /// The file, which must be there.
    pub path: PathBuf,
    /// Whole lines; all of them are there afterwards, or none.
    pub lines: Vec<u8>,
    /// In a few words.
    pub what: String,
}

/// A directory that appears with everything in it, or not at all. Only its owner can enter it.
#[derive(Debug)]
pub struct DirectoryWrite {
    /// Where to: nothing stands there, or an empty directory.
    pub path: PathBuf,
    /// File names and what they hold.
    pub files: Vec<VersionFile>,
}

/// A set of files that belong together (key and chain) under `base/NNNN`, with `base/current` naming the one in use.
/// Servers are told the path through `current`, so key and chain change in the same instant.
#[derive(Debug)]
pub struct VersionWrite {
    /// `DIR/pkit/NAME`.
    pub base: PathBuf,
    /// File names and what they hold.
    pub files: Vec<VersionFile>,
    /// May a set that differs from the current one follow it?
    pub overwrite: Overwrite,
}

/// One file of a directory that is made whole.
#[derive(Debug)]
pub struct VersionFile {
    /// The name within the directory.
    pub name: Cow<'static, str>,
    /// What it holds.
    pub content: Content,
    /// In a few words.
    pub what: String,
    /// Numbers of the user and group that it is for, where these are not the ones who make it.
    pub owner: Option<(u32, u32)>,
}
