//! Takes rights away from a file or directory that is there: mode, ACL, owner, by a descriptor that was reached without a single
//! link and is the very file that was judged. The mode goes first, so that no moment lets in more than the one before.

use std::os::fd::OwnedFd;

use rustix::fs::{FileType, Gid, Mode as Bits, Stat, Uid};
use rustix::io::Errno;

use super::open::{self, Closed};
use super::temporary::{Failed, failed};
use super::{acl, interrupt, users};
use crate::change::{Action, Change, Mode};
use crate::content::RightsWrite;
use crate::error::{Error, Result};
use crate::facts::FileId;
use crate::finding::rules;

/// Takes the rights away, or says what doing so would change.
pub fn rights(write: &RightsWrite, mode: Mode) -> Result<Change> {
    let file = open::without_links(&write.real).map_err(|closed| match closed {
        Closed::System(Errno::LOOP | Errno::NOENT | Errno::NOTDIR | Errno::XDEV) => changed(write),
        closed => closed.told(&write.path, "opening it"),
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
