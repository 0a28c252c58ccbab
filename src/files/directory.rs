//! A directory that appears whole: filled under a temporary name beside its place, synced, and renamed. What a killed run leaves
//! behind holds keys, so the next one removes it.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, FlockOperation, Mode as Bits, RenameFlags};
use rustix::io::Errno;

use super::temporary::{self, Failed, failed, open_inner, owner_of_new, remove_tree};
use super::{interrupt, open, users, write};
use crate::change::{Action, Change, Digests, Mode, Owner};
use crate::content::DirectoryWrite;
use crate::error::{Error, Result};
use crate::finding::rules;

/// Leaves the directory behind, or says what doing so would change.
pub fn directory(write: &DirectoryWrite, mode: Mode, digests: Digests) -> Result<Vec<Change>> {
    let path = &write.path;
    let above = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = path.file_name() else {
        return Err(Error::usage(format!("{} cannot be the name of a directory", path.display())));
    };
    if write.files.iter().any(|f| f.content.is_secret()) {
        write::guard(above)?;
    }
    let told = |(doing, e): Failed| Error::io(path, doing, &e);
    let dir = open::directory(above).map_err(|closed| closed.told(path, "opening the directory above"))?;
    let there = match rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) if open_inner(&dir, name).is_ok_and(|inner| temporary::entries(&inner).is_empty()) => true,
        Ok(_) => return Err(exists(path)),
        Err(Errno::NOENT) => false,
        Err(e) => return Err(told(failed("looking at it")(e))),
    };
    if mode == Mode::Apply {
        let _signals_wait = interrupt::hold();
        sweep(&dir);
        let aside = temporary::name_for(name).map_err(told)?;
        if let Err(failure) = put(&dir, &aside, name, there, write) {
            remove_tree(&dir, OsStr::new(&aside));
            return Err(if matches!(failure.1.raw_os_error(), Some(EEXIST | ENOTEMPTY)) {
                exists(path)
            } else {
                told(failure)
            });
        }
        rustix::fs::fsync(&dir).map_err(|e| {
            Error::io(path, "syncing the directory above", &e.into())
                .state("the new directory is in place, but a power failure now could undo it")
        })?;
    }
    Ok(changes(write, digests))
}

fn put(
    dir: &OwnedFd,
    aside: &str,
    name: &OsStr,
    there: bool,
    write: &DirectoryWrite,
) -> std::result::Result<(), Failed> {
    rustix::fs::mkdirat(dir, aside, Bits::RWXU).map_err(failed("making the directory"))?;
    let inner = open_inner(dir, OsStr::new(aside)).map_err(failed("opening the new directory"))?;
    // Says to `sweep` of other runs that somebody is at work here; without locks they remove nothing.
    let _ = rustix::fs::flock(&inner, FlockOperation::LockExclusive);
    temporary::fill_directory(dir, aside, &write.files, DIR_MODE, Owner::default())?;
    // A rename replaces a directory only if it is empty (rename(2)).
    let flags = if there { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
    let renamed = match rustix::fs::renameat_with(dir, aside, dir, name, flags) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => rustix::fs::renameat(dir, aside, dir, name),
        done => done,
    };
    renamed.map_err(failed("renaming the new directory into place"))
}

/// Removes the directories that killed runs left here: those with such a name that are ours and that nobody is filling.
fn sweep(dir: &OwnedFd) {
    for name in temporary::names_in(dir) {
        let Ok(inner) = open_inner(dir, &name) else { continue };
        let ours = rustix::fs::fstat(&inner).is_ok_and(|stat| stat.st_uid == owner_of_new().0);
        if ours && rustix::fs::flock(&inner, FlockOperation::NonBlockingLockExclusive).is_ok() {
            remove_tree(dir, &name);
        }
    }
}

fn changes(write: &DirectoryWrite, digests: Digests) -> Vec<Change> {
    let (uid, gid) = owner_of_new();
    let files = write.files.iter().map(|file| Change {
        path: write.path.join(&*file.name),
        action: Action::Create,
        what: file.what.clone(),
        mode: Some(file.content.mode()),
        owner: users::user(uid),
        group: users::group(gid),
        before: None,
        after: write::digest(&file.content, digests),
        backup: None,
    });
    files.collect()
}

fn exists(path: &Path) -> Error {
    Error::refused(&DIRECTORY_EXISTS, format!("{} already exists and is not empty", path.display())).path(path)
}

const DIR_MODE: u32 = 0o700;
const EEXIST: i32 = Errno::EXIST.raw_os_error();
const ENOTEMPTY: i32 = Errno::NOTEMPTY.raw_os_error();

rules! {
    /// Something is in the way.
    DIRECTORY_EXISTS = Error "directory-exists" {
        summary: "a directory is to be made where something stands already",
        help: "name another place; what is there is never replaced",
        source: "pkit never overwrites a CA, not even with --force",
    }
}
