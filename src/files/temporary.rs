//! Files that are not yet in place: made complete under a name of their own in the target's directory, so that one rename
//! finishes the work. What a killed run leaves behind is recognised here and removed by the next one. Where a file goes, and
//! whether it may, is for `write` and `versions`.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, FallocateFlags, FlockOperation, Gid, Mode as Bits, OFlags, RenameFlags, Uid};
use rustix::io::Errno;

use crate::change::Owner;
use crate::content::{Content, VersionFile};
use crate::crypto;

/// What was being done when it failed, and the system's reason.
pub(super) type Failed = (&'static str, io::Error);

/// A complete file under a name of its own, which is removed when this is dropped. While it is being written it is locked, so
/// that `sweep` can tell it from the remains of a run that was killed.
pub(super) struct Temporary<'a> {
    dir: BorrowedFd<'a>,
    name: String,
    file: File,
}

impl<'a> Temporary<'a> {
    pub(super) fn new(
        dir: BorrowedFd<'a>,
        target: &OsStr,
        content: &Content,
        owner: Owner,
    ) -> Result<Temporary<'a>, Failed> {
        let (file, name) = create_locked(dir, target)?;
        let temporary = Temporary { dir, name, file };
        fill(&temporary.file, content, Belonging::of(content, owner))?;
        Ok(temporary)
    }

    /// Takes the target's name, whatever file has it now.
    pub(super) fn replace(&self, target: &OsStr) -> Result<(), Errno> {
        rustix::fs::renameat(self.dir, &self.name, self.dir, target)
    }

    /// Takes the target's name if nobody has it. File systems without that kind of rename get a link, which never replaces
    /// either; the temporary name then goes with the temporary.
    pub(super) fn place_new(&self, target: &OsStr) -> Result<(), Errno> {
        match rustix::fs::renameat_with(self.dir, &self.name, self.dir, target, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                rustix::fs::linkat(self.dir, &self.name, self.dir, target, AtFlags::empty())
            }
            done => done,
        }
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // After a rename the name is gone and there is nothing to remove; after a failure that failure is the one to tell.
        let _ = rustix::fs::unlinkat(self.dir, &self.name, AtFlags::empty());
    }
}

/// A symbolic link under a name of its own, which is removed when this is dropped.
pub(super) struct Link<'a> {
    dir: BorrowedFd<'a>,
    name: String,
}

impl<'a> Link<'a> {
    pub(super) fn new(dir: BorrowedFd<'a>, target: &OsStr, leads_to: &str) -> Result<Link<'a>, Failed> {
        let name = name_for(target)?;
        rustix::fs::symlinkat(leads_to, dir, &name).map_err(failed("making the link"))?;
        Ok(Link { dir, name })
    }

    /// Takes the target's name, whatever has it now.
    pub(super) fn replace(&self, target: &OsStr) -> Result<(), Errno> {
        rustix::fs::renameat(self.dir, &self.name, self.dir, target)
    }
}

impl Drop for Link<'_> {
    fn drop(&mut self) {
        let _ = rustix::fs::unlinkat(self.dir, &self.name, AtFlags::empty());
    }
}

/// Makes a complete file under its own name, in a directory that nobody looks into yet.
fn create(dir: BorrowedFd, file: &VersionFile, owner: Owner) -> Result<(), Failed> {
    let made = File::from(create_private(dir, OsStr::new(&*file.name))?);
    fill(&made, &file.content, Belonging::of_version(file, owner))
}

/// Whose a file is to be, and with which mode.
#[derive(Clone, Copy)]
pub(super) struct Belonging {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Where a plain user asked for none, any group of the user's will do in a file that is there already.
    pub(super) any_group: bool,
    pub(super) mode: u32,
}

impl Belonging {
    /// As asked for, else as everything that is made.
    pub(super) fn of(content: &Content, owner: Owner) -> Belonging {
        let (uid, gid) = owner_for(owner);
        let any_group = owner.group.is_none() && owner_of_new().0 != 0;
        Belonging { uid, gid, any_group, mode: content.mode_for(owner) }
    }

    /// A file of a set may be one server's own copy, which nobody else needs to read, whoever is to have the rest.
    pub(super) fn of_version(file: &VersionFile, owner: Owner) -> Belonging {
        match file.owner {
            Some((uid, gid)) => Belonging { uid, gid, any_group: false, mode: file.content.mode() },
            None => Belonging::of(&file.content, owner),
        }
    }
}

/// root:root when run as root, the caller's own otherwise, whatever group the directory would hand down; or whoever is named.
pub(super) fn own(fd: impl AsFd, owner: Owner) -> Result<(), Failed> {
    give(fd, owner_for(owner))
}

fn give(fd: impl AsFd, (uid, gid): (u32, u32)) -> Result<(), Failed> {
    rustix::fs::fchown(fd, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).map_err(failed("setting the owner"))
}

/// Owner and group of files that are given to somebody.
pub(super) fn owner_for(owner: Owner) -> (u32, u32) {
    let (uid, gid) = owner_of_new();
    (owner.user.unwrap_or(uid), owner.group.unwrap_or(gid))
}

/// Owner and group of everything else that is made.
pub(super) fn owner_of_new() -> (u32, u32) {
    let user = rustix::process::geteuid();
    let group = if user.is_root() { Gid::ROOT } else { rustix::process::getegid() };
    (user.as_raw(), group.as_raw())
}

/// A name that no other run chooses, and that tells which target it was meant for.
pub(super) fn name_for(target: &OsStr) -> Result<String, Failed> {
    let mut random = [0u8; RANDOM];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
        .map_err(failed("choosing a temporary name"))?;
    let stem: String = target.to_string_lossy().chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    Ok(format!(".{stem}{MARK}{}", crypto::hex(&random)))
}

/// The entries of a directory that have such a name. A directory that cannot be listed shows none: leftovers do no harm, and
/// the next run looks again.
pub(super) fn names_in(dir: &OwnedFd) -> Vec<OsString> {
    entries(dir).into_iter().filter(|name| is_temporary(name.as_bytes())).collect()
}

/// Fills a new directory that nobody looks into yet, and gives it its mode last.
pub(super) fn fill_directory(
    above: &OwnedFd,
    name: &str,
    files: &[VersionFile],
    mode: u32,
    owner: Owner,
) -> Result<(), Failed> {
    let dir = open_inner(above, OsStr::new(name)).map_err(failed("opening the new directory"))?;
    own(&dir, Owner::default())?;
    for file in files {
        create(dir.as_fd(), file, owner)?;
    }
    rustix::fs::fchmod(&dir, Bits::from_raw_mode(mode)).map_err(failed("setting the mode of the directory"))?;
    rustix::fs::fsync(&dir).map_err(failed("syncing the new directory"))
}

/// Removes one temporary entry: a link, a file, or a directory with plain files in it. What cannot be removed does no harm: it
/// is never linked to, and the next run tries again.
pub(super) fn remove_tree(dir: &OwnedFd, name: &OsStr) {
    let is_dir = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir());
    if !is_dir {
        let _ = rustix::fs::unlinkat(dir, name, AtFlags::empty());
        return;
    }
    if let Ok(inner) = open_inner(dir, name) {
        for entry in entries(&inner) {
            let _ = rustix::fs::unlinkat(&inner, &entry, AtFlags::empty());
        }
    }
    let _ = rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR);
}

pub(super) fn open_inner(dir: &OwnedFd, name: &OsStr) -> std::result::Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Bits::empty())
}

/// Every name in a directory but `.` and `..`.
pub(super) fn entries(dir: &OwnedFd) -> Vec<OsString> {
    let entries = rustix::fs::Dir::read_from(dir).into_iter().flatten().flatten();
    let names = entries.map(|entry| OsStr::from_bytes(entry.file_name().to_bytes()).to_owned());
    names.filter(|name| !matches!(name.as_bytes(), b"." | b"..")).collect()
}

/// Removes the files that killed runs left in a directory: those with such a name that are ours and that nobody is writing.
pub(super) fn sweep(dir: &OwnedFd) {
    for name in names_in(dir) {
        if let Some(_lock) = abandoned(dir, &name) {
            let _ = rustix::fs::unlinkat(dir, &name, AtFlags::empty());
        }
    }
}

pub(super) fn failed(doing: &'static str) -> impl FnOnce(Errno) -> Failed {
    move |e| (doing, e.into())
}

/// Until the lock is there, another run's `sweep` could take the new file for a leftover; then its name is gone, and another
/// is made. Without locks (some network file systems) `sweep` gets none either and removes nothing, so that no lock is fine.
fn create_locked(dir: BorrowedFd, target: &OsStr) -> Result<(File, String), Failed> {
    loop {
        let name = name_for(target)?;
        let fd = create_private(dir, OsStr::new(&name))?;
        let _ = rustix::fs::flock(&fd, FlockOperation::LockExclusive);
        if !matches!(rustix::fs::statat(dir, &name, AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT)) {
            return Ok((File::from(fd), name));
        }
    }
}

/// Everything begins as 0400, also what everybody may read in the end: nobody else can open it, so nobody can lock it.
fn create_private(dir: BorrowedFd, name: &OsStr) -> Result<OwnedFd, Failed> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Bits::RUSR).map_err(failed("creating a file in the directory"))
}

/// Owner and mode are final before the first byte is in, and the owner before the mode: its group bit is for the new group only.
fn fill(mut file: &File, content: &Content, whose: Belonging) -> Result<(), Failed> {
    give(file, (whose.uid, whose.gid))?;
    rustix::fs::fchmod(file, Bits::from_raw_mode(whose.mode)).map_err(failed("setting the mode"))?;
    let length = content.length();
    if length >= LARGE {
        // Where the file system cannot keep room free, the writes themselves will show whether there is any.
        match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, length) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
            kept => kept.map_err(failed("making room"))?,
        }
    }
    for piece in content.pieces() {
        file.write_all(&piece).map_err(|e| ("writing", e))?;
    }
    file.sync_all().map_err(|e| ("syncing", e))
}

fn is_temporary(name: &[u8]) -> bool {
    let Some((head, random)) = name.split_last_chunk::<{ 2 * RANDOM }>() else { return false };
    head.starts_with(b".") && head.ends_with(MARK.as_bytes()) && random.iter().all(u8::is_ascii_hexdigit)
}

/// The lock on a regular file of ours, unless its writer still holds it.
fn abandoned(dir: &OwnedFd, name: &OsStr) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let regular = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file();
    // A file that was to be given to somebody may be his already.
    let (caller, _) = owner_of_new();
    let fd = (regular && (stat.st_uid == caller || caller == 0))
        .then(|| rustix::fs::openat(dir, name, flags, Bits::empty()).ok())
        .flatten()?;
    rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive).ok()?;
    Some(fd)
}

/// From here on room is asked for at once: a full disk is known before anything is written, and writing costs half as much.
const LARGE: u64 = 1 << 20;
const MARK: &str = ".pkit-";
const RANDOM: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_were_made_here_are_taken_for_leftovers() {
        let made = name_for(OsStr::new("mail.example.org.key")).unwrap();
        assert!(is_temporary(made.as_bytes()), "{made}");
        for other in
            [".pkit-0123", "mail.pkit-0123456789abcdef", ".mail.pkit-0123456789abcdeg", ".mail.pkit-notes", "0001"]
        {
            assert!(!is_temporary(other.as_bytes()), "{other}");
        }
    }
}
