//! Takes rights away from a file or directory that is there: mode, ACL, owner, by a descriptor that was reached without a single
//! link and is the very file that was judged. The mode goes first, so that no moment lets in more than the one before.

use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use rustix::fs::{FileType, Gid, Mode as Bits, OFlags, ResolveFlags, Stat, Uid};
use rustix::io::Errno;

use super::temporary::{Failed, failed};
use super::{acl, interrupt, users};
use crate::change::{Action, Change, Mode};
use crate::content::RightsWrite;
use crate::error::{Error, Result};
use crate::facts::FileId;
use crate::finding::rules;

/// Takes the rights away, or says what doing so would change.
pub fn rights(write: &RightsWrite, mode: Mode) -> Result<Change> {
    let file = open(&write.real).map_err(|e| match e {
        Errno::LOOP | Errno::NOENT | Errno::NOTDIR | Errno::XDEV => changed(write),
        e => Error::io(&write.path, "opening it", &e.into()),
    })?;
    let stat = rustix::fs::fstat(&file).map_err(|e| Error::io(&write.path, "looking at it", &e.into()))?;
    if !is_the_same(write, &stat) {
        return Err(changed(write));
    }
    // Whoever has taken rights away meanwhile has done so for good.
    let bits = stat.st_mode & 0o7777 & write.rights.mode;
    let (uid, gid) = write.rights.owner.unwrap_or((stat.st_uid, stat.st_gid));
    if mode == Mode::Apply {
        let _held = interrupt::hold();
        take(&file, &stat, write, bits).map_err(|(doing, e)| {
            Error::io(&write.path, doing, &e).state("rights may have been taken away in part; run it again")
        })?;
    }
    Ok(Change {
        path: write.path.clone(),
        action: Action::Restrict,
        what: format!("was {}", write.before.words()),
        mode: Some(bits),
        owner: users::user(uid),
        group: users::group(gid),
        before: None,
        after: None,
        backup: None,
    })
}

fn take(file: &OwnedFd, stat: &Stat, write: &RightsWrite, bits: u32) -> std::result::Result<(), Failed> {
    let chmod = |bits| rustix::fs::fchmod(file, Bits::from_raw_mode(bits)).map_err(failed("setting the mode"));
    if bits != stat.st_mode & 0o7777 {
        chmod(bits)?;
    }
    if write.rights.without_acl {
        match rustix::fs::fremovexattr(file, acl::NAME) {
            Ok(()) | Err(Errno::NODATA | Errno::NOTSUP) => {}
            Err(e) => return Err(failed("removing the ACL")(e)),
        }
    }
    if let Some((uid, gid)) = write.rights.owner {
        let owner = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        rustix::fs::fchown(file, owner.0, owner.1).map_err(failed("setting the owner"))?;
    }
    rustix::fs::fsync(file).map_err(failed("syncing"))
}

/// The file that was judged, with its owner then; and no other name by which it might belong to somebody else's directory.
fn is_the_same(write: &RightsWrite, stat: &Stat) -> bool {
    let kind = FileType::from_raw_mode(stat.st_mode);
    FileId { device: stat.st_dev, inode: stat.st_ino } == write.id
        && (stat.st_uid, stat.st_gid) == (write.before.uid, write.before.gid)
        && (kind.is_dir() || kind.is_file() && stat.st_nlink == 1)
}

/// Opens what an absolute path leads to if there is no link anywhere on it (openat2(2)); step by step where the kernel is older
/// than 5.6 or a sandbox does not know the call.
fn open(real: &Path) -> std::result::Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let no_links = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(rustix::fs::CWD, real, flags, Bits::empty(), no_links) {
        Err(Errno::NOSYS | Errno::PERM) => open_by_steps(real, flags),
        opened => opened,
    }
}

fn open_by_steps(real: &Path, flags: OFlags) -> std::result::Result<OwnedFd, Errno> {
    let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut at = rustix::fs::open("/", step, Bits::empty())?;
    let mut names = real.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name),
        _ => None,
    });
    let last = names.next_back().ok_or(Errno::INVAL)?;
    for name in names {
        at = rustix::fs::openat(&at, name, step, Bits::empty())?;
    }
    rustix::fs::openat(&at, last, flags, Bits::empty())
}

fn changed(write: &RightsWrite) -> Error {
    let message = format!("{} is not the file any more that was judged", write.path.display());
    Error::refused(&CHANGED_MEANWHILE, message).path(&write.path)
}

rules! {
    /// Somebody put something else there.
    CHANGED_MEANWHILE = Error "changed-meanwhile" {
        summary: "a file was exchanged, linked or given away between the look at it and the change",
        help: "run it again; if it happens again, see who can write to the directory with `pkit perms check`",
        source: "symlink(7): who can write to a directory can put a link to somebody else's file into the place of his own",
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
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for (name, there) in [("dir/file", true), ("dir", true), ("link/file", false), ("dir/link", false)] {
            assert_eq!(open(&root.join(name)).is_ok(), there, "{name}");
            assert_eq!(open_by_steps(&root.join(name), flags).is_ok(), there, "{name}");
        }
    }
}
