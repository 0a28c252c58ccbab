//! Opens directories and files step by step (path_resolution(7)), so that whoever can put links on the way does not choose
//! where it ends: what is written to is reached without a single link of a stranger, what is only to lose rights without any
//! link. Reading follows links as every program does; that is `read`'s.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode as Bits, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::read;
use super::temporary::owner_of_new;
use super::users;
use super::way::{MAX_LINKS, names};
use super::write::TARGET_IS_LINK;
use crate::error::Error;
use crate::finding::rules;

/// Why something was not opened.
#[derive(Debug)]
pub(super) enum Closed {
    /// The system's reason.
    System(Errno),
    /// Here stands a link of this user, who is neither root nor the caller.
    Link(PathBuf, u32),
    /// The file itself is a link.
    Target,
}

/// A directory to write into. A link on the way is followed only where it belongs to root or to the caller, as the kernel has it
/// in sticky directories (proc_sys_fs(5), protected_symlinks): whoever else may put links there would choose where a key goes.
pub(super) fn directory(path: &Path) -> Result<OwnedFd, Closed> {
    let dir = walk(path, Links::Ours)?;
    Ok(rustix::fs::openat(&dir, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Bits::empty())?)
}

/// A file that is there, in a directory that is reached like one to write into. Special files are not waited for.
pub(super) fn file(path: &Path, access: OFlags) -> Result<OwnedFd, Closed> {
    let name = path.file_name().ok_or(Errno::ISDIR)?;
    inside(&walk(path.parent().unwrap_or(Path::new("")), Links::Ours)?, name, access)
}

/// The same in a directory that is open already.
pub(super) fn inside(dir: &OwnedFd, name: &OsStr, access: OFlags) -> Result<OwnedFd, Closed> {
    match rustix::fs::openat(dir, name, access | AS_IT_IS, Bits::empty()) {
        Err(Errno::LOOP) => Err(Closed::Target),
        opened => Ok(opened?),
    }
}

/// What an absolute path leads to if there is no link anywhere on it (openat2(2)); step by step where the kernel is older than
/// 5.6 or a sandbox does not know the call.
pub(super) fn without_links(real: &Path) -> Result<OwnedFd, Closed> {
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(CWD, real, OFlags::RDONLY | AS_IT_IS, Bits::empty(), resolve) {
        Err(Errno::NOSYS | Errno::PERM) => without_links_by_steps(real),
        opened => Ok(opened?),
    }
}

fn without_links_by_steps(real: &Path) -> Result<OwnedFd, Closed> {
    let (above, name) = real.parent().zip(real.file_name()).ok_or(Errno::INVAL)?;
    let dir = walk(above, Links::None)?;
    Ok(rustix::fs::openat(&dir, name, OFlags::RDONLY | AS_IT_IS, Bits::empty())?)
}

/// Which links on the way are followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    /// Root's and the caller's.
    Ours,
    None,
}

/// The directory at the end of a path, which may be one that can only be passed.
fn walk(path: &Path, links: Links) -> Result<OwnedFd, Closed> {
    let mut dir = rustix::fs::open(".", STEP, Bits::empty())?;
    let mut walked = PathBuf::new();
    let mut left = names(path);
    let mut followed = 0;
    while let Some(name) = left.pop() {
        // `/` leads to the root from everywhere.
        match rustix::fs::openat(&dir, &name, STEP, Bits::empty()) {
            // Both mean that it may be a link.
            Err(Errno::LOOP | Errno::NOTDIR) => {
                followed += 1;
                if links == Links::None || followed > MAX_LINKS {
                    return Err(Errno::LOOP.into());
                }
                let (target, owner) = link(&dir, &name)?;
                if owner != 0 && owner != owner_of_new().0 {
                    return Err(Closed::Link(walked.join(&name), owner));
                }
                left.extend(names(Path::new(&target)));
            }
            opened => {
                dir = opened?;
                walked.push(name);
            }
        }
    }
    Ok(dir)
}

/// Where a link leads, and whose it is.
fn link(dir: &OwnedFd, name: &OsStr) -> Result<(OsString, u32), Errno> {
    let link = rustix::fs::openat(dir, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Bits::empty())?;
    let stat = rustix::fs::fstat(&link)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
        return Err(Errno::NOTDIR);
    }
    let target = rustix::fs::readlinkat(&link, "", Vec::new())?;
    Ok((OsString::from_vec(target.into_bytes()), stat.st_uid))
}

impl Closed {
    /// In words, for who only wanted to read it.
    pub(super) fn unread(self, path: &Path) -> Error {
        match self {
            Closed::System(e) => read::unreadable(path, &e.into()),
            closed => closed.told(path, "opening"),
        }
    }

    /// In words, for who wanted to do this with the path.
    pub(super) fn told(self, path: &Path, doing: &str) -> Error {
        match self {
            Closed::System(e) => Error::io(path, doing, &e.into()),
            Closed::Target => {
                Error::refused(&TARGET_IS_LINK, format!("{} is a symbolic link", path.display())).path(path)
            }
            Closed::Link(at, owner) => {
                let message = format!(
                    "{} is a symbolic link of the user {}, who could make it lead anywhere",
                    at.display(),
                    users::user(owner)
                );
                Error::refused(&LINK_OF_STRANGER, message).path(at)
            }
        }
    }
}

impl From<Errno> for Closed {
    fn from(e: Errno) -> Closed {
        Closed::System(e)
    }
}

/// A directory that may only be passed can be opened so.
const STEP: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const AS_IT_IS: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

rules! {
    /// Somebody else chooses where the path ends.
    LINK_OF_STRANGER = Error "link-of-stranger" {
        summary: "a directory to be written into is reached by a symbolic link that belongs to another user",
        help: "name the directory that it leads to, or have the link made anew by root (chown -h root LINK)",
        source: "symlink(7); the kernel's own rule for sticky directories: proc_sys_fs(5), protected_symlinks",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_refuse_every_link() {
        let dir = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(dir.path()).unwrap();
        std::fs::create_dir(root.join("dir")).unwrap();
        std::fs::File::create_new(root.join("dir/file")).unwrap();
        std::os::unix::fs::symlink("dir", root.join("link")).unwrap();
        std::os::unix::fs::symlink("file", root.join("dir/link")).unwrap();
        for (name, there) in [("dir/file", true), ("dir", true), ("link/file", false), ("dir/link", false)] {
            assert_eq!(without_links(&root.join(name)).is_ok(), there, "{name}");
            assert_eq!(without_links_by_steps(&root.join(name)).is_ok(), there, "{name}");
        }
    }
}
