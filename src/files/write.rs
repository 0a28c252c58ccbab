//! The one writer. Each file is made complete under a temporary name in its own directory, with its final mode and owner before
//! the first byte, synced, and put in place by one rename, so at every instant the old file or the new one is there, whole. A
//! key is thus never readable by others, not for an instant, and never lost. It leaves to others what the bytes mean.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FlockOperation, Gid, Mode as Bits, OFlags, RenameFlags, Stat, Uid};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::content::{Content, FileWrite, Overwrite};
use crate::crypto::{self, Digest};
use crate::error::{Error, Result};
use crate::files::users;
use crate::finding::rules;
use crate::plan::{Action, Change, Mode, VersionWrite};

/// Leaves one file behind, or says what doing so would change.
pub fn file(write: &FileWrite, mode: Mode) -> Result<Change> {
    let place = Place::of(&write.path)?;
    place.guard(&write.content)?;
    let old = place.existing()?;
    let change = |action, before| place.change(action, &write.content, &write.what, before);
    if old.as_ref().is_some_and(|old| old.is(&write.content)) {
        return Ok(change(Action::Unchanged, digest(&write.content)));
    }
    let before = old.as_ref().and_then(|old| old.digest(&write.content));
    let action = match (&old, write.overwrite) {
        (None, _) => Action::Create,
        (Some(_), Overwrite::Replace) => Action::Replace,
        (Some(_), Overwrite::Refuse) => return Err(exists(&write.path, &write.content)),
    };
    if mode == Mode::Apply {
        place.put(&write.content, action)?;
    }
    Ok(change(action, before))
}

/// Leaves a set of files behind as the next version under `base`, and makes it the current one by one rename of a link.
/// The same set again changes nothing.
pub fn version(write: &VersionWrite, mode: Mode) -> Result<Vec<Change>> {
    let base = &write.base;
    let link = base.join(CURRENT);
    let base_dir = match (open_dir(base), mode) {
        (Ok(dir), _) => Some(dir),
        (Err(Errno::NOENT), Mode::DryRun) => None,
        (Err(Errno::NOENT), Mode::Apply) => Some(make_dirs(base)?),
        (Err(e), _) => return Err(Error::io(base, "opening the directory", &e.into())),
    };
    let mut versions = Vec::new();
    let mut current = None;
    if let Some(dir) = &base_dir {
        if mode == Mode::Apply {
            rustix::fs::flock(dir, FlockOperation::LockExclusive).map_err(|e| Error::io(base, "locking", &e.into()))?;
            sweep(base, dir)?;
        }
        versions = numbered(base)?;
        current = current_link(base, dir)?;
    }
    // A version that was complete before an interrupted switch of the link is taken up again rather than made twice.
    let candidate = current.clone().or_else(|| versions.last().map(|n| format!("{n:04}")));
    let same = candidate.filter(|name| holds(&base.join(name), write));
    let (number, linked) = match (&same, &current) {
        (Some(name), Some(_)) => (name.clone(), true),
        (Some(name), None) => (name.clone(), false),
        (None, Some(_)) if write.overwrite == Overwrite::Refuse => {
            return Err(Error::refused(&SET_EXISTS, format!("{} already holds another key or chain", base.display()))
                .path(base));
        }
        (None, _) => (format!("{:04}", versions.last().map_or(1, |n| n + 1)), false),
    };
    let action = if same.is_some() { Action::Unchanged } else { Action::Create };
    if let (Mode::Apply, Some(dir)) = (mode, &base_dir) {
        if same.is_none() {
            put_version(base, dir, &number, write)?;
        }
        if !linked {
            switch(base, dir, &number)?;
        }
    }
    let (owner, group) = owner_of_new();
    let mut changes: Vec<Change> = write
        .files
        .iter()
        .map(|f| Change {
            path: base.join(&number).join(f.name),
            action,
            what: f.what.clone(),
            mode: Some(f.content.mode()),
            owner: users::user(owner),
            group: users::group(group),
            before: None,
            after: digest(&f.content),
        })
        .collect();
    changes.push(Change {
        path: link,
        action: match (linked, &current) {
            (true, _) => Action::Unchanged,
            (false, Some(_)) => Action::Replace,
            (false, None) => Action::Create,
        },
        what: format!("-> {number}"),
        mode: None,
        owner: users::user(owner),
        group: users::group(group),
        before: None,
        after: None,
    });
    Ok(changes)
}

/// The names of the user and group to whom everything belongs that is written here.
pub fn owner() -> (String, String) {
    let (uid, gid) = owner_of_new();
    (users::user(uid), users::group(gid))
}

/// A target: its directory, opened once, and its name there. Everything goes by this descriptor, so a directory that is
/// exchanged meanwhile cannot redirect a write.
struct Place {
    path: PathBuf,
    dir: OwnedFd,
    dir_path: PathBuf,
    name: std::ffi::OsString,
}

/// What stands at the target now.
struct Existing {
    stat: Stat,
    bytes: Option<Zeroizing<Vec<u8>>>,
}

impl Place {
    fn of(path: &Path) -> Result<Place> {
        let name = path.file_name().filter(|_| !path.as_os_str().as_encoded_bytes().ends_with(b"/"));
        let Some(name) = name else {
            return Err(
                Error::refused(&TARGET_NOT_FILE, format!("{} cannot be the name of a file", path.display())).path(path)
            );
        };
        let dir_path = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let dir = open_dir(&dir_path).map_err(|e| {
            Error::io(&dir_path, "opening the directory", &e.into())
                .hint("make the directory first, or write elsewhere")
        })?;
        Ok(Place { path: path.to_owned(), dir, dir_path, name: name.to_owned() })
    }

    /// A key is not put where anybody may exchange it.
    fn guard(&self, content: &Content) -> Result<()> {
        let stat = rustix::fs::fstat(&self.dir)
            .map_err(|e| Error::io(&self.dir_path, "looking at the directory", &e.into()))?;
        let mode = stat.st_mode & 0o7777;
        if content.is_secret() && mode & 0o002 != 0 && mode & 0o1000 == 0 {
            return Err(Error::refused(
                &DIR_LAX,
                format!(
                    "{} is writable by everybody (mode {mode:04o}): anyone could replace the key",
                    self.dir_path.display()
                ),
            )
            .path(&self.path));
        }
        Ok(())
    }

    fn existing(&self) -> Result<Option<Existing>> {
        let stat = match rustix::fs::statat(&self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(e) => return Err(Error::io(&self.path, "looking at it", &e.into())),
        };
        let kind = rustix::fs::FileType::from_raw_mode(stat.st_mode);
        if kind.is_symlink() {
            let to =
                rustix::fs::readlinkat(&self.dir, &self.name, Vec::new()).map(|t| t.to_string_lossy().into_owned());
            return Err(Error::refused(
                &TARGET_IS_LINK,
                format!(
                    "{} is a symbolic link to {}",
                    self.path.display(),
                    to.unwrap_or_else(|_| "an unknown place".into())
                ),
            )
            .path(&self.path));
        }
        if !kind.is_file() {
            return Err(Error::refused(
                &TARGET_NOT_FILE,
                format!("{} exists and is not a regular file", self.path.display()),
            )
            .path(&self.path));
        }
        Ok(Some(Existing { stat, bytes: self.old_bytes() }))
    }

    /// The old content, for the comparison "same already"; what cannot be read is simply not the same.
    fn old_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.dir, &self.name, flags, Bits::empty()).ok()?;
        let mut bytes = Zeroizing::new(Vec::new());
        File::from(fd).take(super::read::MAX_FILE).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    fn put(&self, content: &Content, action: Action) -> Result<()> {
        let failed = |doing: &str, e: Errno| Error::io(&self.path, doing, &e.into());
        let temporary = Temporary::new(self.dir.as_fd(), &self.name, content)
            .map_err(|(doing, e)| Error::io(&self.path, doing, &e))?;
        let placed = match action {
            Action::Replace => rustix::fs::renameat(&self.dir, &temporary.name, &self.dir, &self.name),
            _ => rename_new(self.dir.as_fd(), &temporary.name, &self.name),
        };
        match placed {
            Ok(()) => temporary.keep(),
            Err(Errno::EXIST) => return Err(exists(&self.path, content)),
            Err(e) => return Err(failed("renaming the new file into place", e)),
        }
        rustix::fs::fsync(&self.dir).map_err(|e| {
            failed("syncing the directory", e).state("the new file is in place, but a power failure now could undo it")
        })
    }

    fn change(&self, action: Action, content: &Content, what: &str, before: Option<String>) -> Change {
        let (uid, gid) = owner_of_new();
        Change {
            path: self.path.clone(),
            action,
            what: what.to_owned(),
            mode: Some(content.mode()),
            owner: users::user(uid),
            group: users::group(gid),
            before,
            after: digest(content),
        }
    }
}

impl Existing {
    fn is(&self, content: &Content) -> bool {
        let (uid, gid) = owner_of_new();
        let owned = self.stat.st_uid == uid && (uid != 0 || self.stat.st_gid == gid);
        owned
            && self.stat.st_mode & 0o7777 == content.mode()
            && self.bytes.as_deref().is_some_and(|b| b == content.bytes())
    }

    /// Digests of keys are not told: they would let a log reader recognise a key.
    fn digest(&self, new: &Content) -> Option<String> {
        if new.is_secret() {
            None
        } else {
            self.bytes.as_deref().map(|b| crypto::hex(&crypto::digest(Digest::Sha256, b)))
        }
    }
}

/// A complete file under a name of its own; removed again unless it is kept.
struct Temporary<'a> {
    dir: BorrowedFd<'a>,
    name: String,
    kept: bool,
}

impl<'a> Temporary<'a> {
    /// Made new with its final mode, so it is never readable by more people than the finished file; owner before content.
    fn new(
        dir: BorrowedFd<'a>,
        target: &OsStr,
        content: &Content,
    ) -> std::result::Result<Temporary<'a>, (&'static str, io::Error)> {
        let bits = Bits::from_raw_mode(content.mode());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let name = temporary_name(target).map_err(|e| ("choosing a temporary name", e.into()))?;
        let fd = rustix::fs::openat(dir, &name, flags, bits)
            .map_err(|e| ("creating a temporary file beside it", e.into()))?;
        let temporary = Temporary { dir, name, kept: false };
        own(&fd).map_err(|e| ("setting the owner", e.into()))?;
        rustix::fs::fchmod(&fd, bits).map_err(|e| ("setting the mode", e.into()))?;
        let mut file = File::from(fd);
        file.write_all(content.bytes()).map_err(|e| ("writing", e))?;
        file.sync_all().map_err(|e| ("syncing", e))?;
        Ok(temporary)
    }

    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing better can be done if even this fails; the error that led here is the one to tell.
            let _ = rustix::fs::unlinkat(self.dir, &self.name, AtFlags::empty());
        }
    }
}

/// Puts a whole directory in place: filled under a temporary name that only the owner can enter, then renamed.
fn put_version(base: &Path, dir: &OwnedFd, number: &str, write: &VersionWrite) -> Result<()> {
    let failed = |doing: &str, e: Errno| Error::io(&base.join(number), doing, &e.into());
    let name = temporary_name(OsStr::new("version")).map_err(|e| failed("choosing a temporary name", e))?;
    rustix::fs::mkdirat(dir, &name, Bits::from_raw_mode(0o700)).map_err(|e| failed("making the directory", e))?;
    let filled = fill(base, dir, &name, write).and_then(|()| {
        rename_new(dir.as_fd(), &name, OsStr::new(number)).map_err(|e| failed("renaming the new version into place", e))
    });
    if let Err(error) = filled {
        remove_tree(dir, &name);
        return Err(error);
    }
    rustix::fs::fsync(dir).map_err(|e| failed("syncing the directory", e))
}

fn fill(base: &Path, dir: &OwnedFd, name: &str, write: &VersionWrite) -> Result<()> {
    let path = base.join(name);
    let failed = |doing: &str, e: Errno| Error::io(&path, doing, &e.into());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let inner = rustix::fs::openat(dir, name, flags, Bits::empty()).map_err(|e| failed("opening the directory", e))?;
    own(&inner).map_err(|e| failed("setting the owner", e))?;
    for file in &write.files {
        let target = path.join(file.name);
        let made = Temporary::new(inner.as_fd(), OsStr::new(file.name), &file.content)
            .map_err(|(doing, e)| Error::io(&target, doing, &e))?;
        rename_new(inner.as_fd(), &made.name, OsStr::new(file.name))
            .map_err(|e| Error::io(&target, "renaming", &e.into()))?;
        made.keep();
    }
    rustix::fs::fchmod(&inner, Bits::from_raw_mode(DIR_MODE)).map_err(|e| failed("setting the mode", e))?;
    rustix::fs::fsync(&inner).map_err(|e| failed("syncing the directory", e))
}

/// The one atomic switch: a new link is made aside and renamed over the old one.
fn switch(base: &Path, dir: &OwnedFd, number: &str) -> Result<()> {
    let failed = |doing: &str, e: Errno| Error::io(&base.join(CURRENT), doing, &e.into());
    let name = temporary_name(OsStr::new(CURRENT)).map_err(|e| failed("choosing a temporary name", e))?;
    rustix::fs::symlinkat(number, dir, &name).map_err(|e| failed("making the link", e))?;
    if let Err(e) = rustix::fs::renameat(dir, &name, dir, CURRENT) {
        let _ = rustix::fs::unlinkat(dir, &name, AtFlags::empty());
        return Err(failed("switching the link", e));
    }
    rustix::fs::fsync(dir).map_err(|e| failed("syncing the directory", e))
}

/// Does the directory hold exactly this set, with the right modes?
fn holds(dir: &Path, write: &VersionWrite) -> bool {
    let names = std::fs::read_dir(dir).map_or(0, Iterator::count);
    names == write.files.len()
        && write.files.iter().all(|f| {
            Place::of(&dir.join(f.name))
                .and_then(|place| place.existing())
                .is_ok_and(|old| old.is_some_and(|old| old.is(&f.content)))
        })
}

/// The numbers of the versions that are there, ascending.
fn numbered(base: &Path) -> Result<Vec<u32>> {
    let entries = std::fs::read_dir(base).map_err(|e| Error::io(base, "listing", &e))?;
    let mut numbers: Vec<u32> = entries
        .flatten()
        .filter_map(|e| e.file_name().to_str().filter(|n| n.len() == 4).and_then(|n| n.parse().ok()))
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Where `current` leads; none where it is missing. Anything but a link to a version is left for a person to look at.
fn current_link(base: &Path, dir: &OwnedFd) -> Result<Option<String>> {
    let odd = |what: String| {
        Error::refused(&LAYOUT_ODD, format!("{} {what}", base.join(CURRENT).display())).path(base.join(CURRENT))
    };
    match rustix::fs::readlinkat(dir, CURRENT, Vec::new()) {
        Ok(target) => match target.to_str() {
            Ok(name) if name.len() == 4 && name.bytes().all(|b| b.is_ascii_digit()) => Ok(Some(name.to_owned())),
            _ => Err(odd(format!("leads to {}", target.to_string_lossy()))),
        },
        Err(Errno::NOENT) => Ok(None),
        Err(Errno::INVAL) => Err(odd("is not a symbolic link".into())),
        Err(e) => Err(Error::io(&base.join(CURRENT), "reading the link", &e.into())),
    }
}

/// Removes what an interrupted run left; the lock says that nobody else is at work.
fn sweep(base: &Path, dir: &OwnedFd) -> Result<()> {
    let entries = std::fs::read_dir(base).map_err(|e| Error::io(base, "listing", &e))?;
    for name in entries.flatten().filter_map(|e| e.file_name().into_string().ok()) {
        if name.starts_with('.') && name.contains(TEMPORARY) {
            remove_tree(dir, &name);
        }
    }
    Ok(())
}

/// Removes one temporary entry: a link, a file, or a directory with plain files in it.
fn remove_tree(dir: &OwnedFd, name: &str) {
    if rustix::fs::unlinkat(dir, name, AtFlags::empty()).is_ok() {
        return;
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(inner) = rustix::fs::openat(dir, name, flags, Bits::empty()) else { return };
    if let Ok(entries) = rustix::fs::Dir::read_from(&inner) {
        for entry in entries.flatten().filter(|e| !matches!(e.file_name().to_bytes(), b"." | b"..")) {
            let _ = rustix::fs::unlinkat(&inner, entry.file_name(), AtFlags::empty());
        }
    }
    // A leftover that cannot be removed does no harm: it is never linked to, and the next run tries again.
    let _ = rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR);
}

/// Makes the missing directories, 0755, and opens the last one. Existing ones keep their mode.
fn make_dirs(path: &Path) -> Result<OwnedFd> {
    let failed = |doing: &str, e: Errno| Error::io(path, doing, &e.into());
    if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        match open_dir(parent) {
            Ok(_) => {}
            Err(Errno::NOENT) => drop(make_dirs(parent)?),
            Err(e) => return Err(failed("opening the directory above", e)),
        }
    }
    match rustix::fs::mkdir(path, Bits::from_raw_mode(DIR_MODE)) {
        Ok(()) => {
            let dir = open_dir(path).map_err(|e| failed("opening the directory", e))?;
            own(&dir).map_err(|e| failed("setting the owner", e))?;
            rustix::fs::fchmod(&dir, Bits::from_raw_mode(DIR_MODE)).map_err(|e| failed("setting the mode", e))?;
            Ok(dir)
        }
        Err(Errno::EXIST) => open_dir(path).map_err(|e| failed("opening the directory", e)),
        Err(e) => Err(failed("making the directory", e)),
    }
}

fn open_dir(path: &Path) -> std::result::Result<OwnedFd, Errno> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Bits::empty())
}

/// A rename that never replaces. File systems without that kind of rename get a link and an unlink, which never replace either
/// (a directory has no such second way: there the name has just been seen to be free, under the lock).
fn rename_new(dir: BorrowedFd, from: &str, to: &OsStr) -> std::result::Result<(), Errno> {
    match rustix::fs::renameat_with(dir, from, dir, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        done => return done,
    }
    match rustix::fs::linkat(dir, from, dir, to, AtFlags::empty()) {
        Ok(()) => rustix::fs::unlinkat(dir, from, AtFlags::empty()),
        Err(Errno::PERM | Errno::ISDIR) => rustix::fs::renameat(dir, from, dir, to),
        Err(e) => Err(e),
    }
}

/// root:root when run as root, whatever group the directory would hand down; the caller's own otherwise.
fn own(fd: impl AsFd) -> std::result::Result<(), Errno> {
    if rustix::process::geteuid().is_root() { rustix::fs::fchown(fd, Some(Uid::ROOT), Some(Gid::ROOT)) } else { Ok(()) }
}

fn owner_of_new() -> (u32, u32) {
    (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

fn temporary_name(target: &OsStr) -> std::result::Result<String, Errno> {
    let mut random = [0u8; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    let stem: String = target.to_string_lossy().chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    Ok(format!(".{stem}{TEMPORARY}{}", crypto::hex(&random)))
}

fn digest(content: &Content) -> Option<String> {
    (!content.is_secret()).then(|| crypto::hex(&crypto::digest(Digest::Sha256, content.bytes())))
}

fn exists(path: &Path, content: &Content) -> Error {
    let rule = if content.is_secret() { &KEY_EXISTS } else { &FILE_EXISTS };
    Error::refused(rule, format!("{} already exists", path.display())).path(path)
}

const CURRENT: &str = "current";
const TEMPORARY: &str = ".pkit-";
const DIR_MODE: u32 = 0o755;

rules! {
    /// A file is in the way.
    FILE_EXISTS = Error "file-exists" {
        summary: "the file to be written already exists with other content, mode or owner",
        help: "use --force to replace it, or -o for another path",
        source: "pkit never overwrites unasked",
    }
    /// A file is where a key is to be written.
    KEY_EXISTS = Error "key-exists" {
        summary: "a file already stands where a private key is to be written",
        help: "use --force to replace it, or -o for another path; a lost key cannot be made again",
        source: "pkit never overwrites unasked",
    }
    /// Another set is current.
    SET_EXISTS = Error "set-exists" {
        summary: "another key or chain is in use under this name",
        help: "use --force to put the new set beside it as the next version and switch to it in one step",
        source: "pkit never overwrites unasked",
    }
    /// `current` is not what pkit makes.
    LAYOUT_ODD = Error "layout-odd" {
        summary: "the directory does not have the layout that pkit makes: numbered versions and a link `current` to one of them",
        help: "look at the directory; move what is there away, or choose another with --dir",
        source: "pkit's layout of key and chain on disk",
    }
    /// A link stands at the target.
    TARGET_IS_LINK = Error "target-is-link" {
        summary: "the file to be written is a symbolic link",
        help: "name the file that it leads to, or remove the link",
        source: "symlink(7): writing through a link that somebody else made overwrites a file of their choice",
    }
    /// A directory or device stands at the target.
    TARGET_NOT_FILE = Error "target-not-file" {
        summary: "what stands at the target is not a regular file",
        help: "give the name of a file",
        source: "open(2)",
    }
    /// Everybody may write into the directory.
    DIR_LAX = Error "dir-lax" {
        summary: "a key would be written into a directory that everybody may write to",
        help: "chmod o-w the directory, or write elsewhere",
        source: "unlink(2), rename(2): who may write to a directory without the sticky bit may replace the files in it",
    }
}
