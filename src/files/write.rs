//! The one writer. A file is made complete under a temporary name in its own directory, with its final mode and owner before
//! the first byte, synced, and put in place by one rename, so at every instant the old file or the new one is there, whole. A
//! key is thus never readable by others, not for an instant, and never lost. It leaves to others what the bytes mean.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode as Bits, OFlags, Stat};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::open::{self, Closed};
use super::temporary::{self, Belonging, Temporary, owner_for, owner_of_new};
use super::{facts, interrupt, read, users};
use crate::change::{Action, Change, Digests, Manner, Mode, Owner};
use crate::content::{Content, FileWrite, Overwrite, VersionFile};
use crate::crypto::{self, Digest};
use crate::error::{Error, Result};
use crate::finding::rules;

/// Leaves one file behind, or says what doing so would change.
pub fn file(write: &FileWrite, manner: &Manner) -> Result<Change> {
    let mode = manner.mode;
    let place = Place::of(&write.path)?;
    if write.content.is_secret() {
        guard(&place.dir_path)?;
    }
    if mode == Mode::Apply {
        temporary::sweep(&place.dir);
    }
    let old = place.existing()?;
    let action = match &old {
        None => Action::Create,
        Some(old) if old.is(&write.content, Belonging::of(&write.content, manner.owner)) => Action::Unchanged,
        Some(_) if write.overwrite == Overwrite::Replace => Action::Replace,
        Some(_) => return Err(exists(&write.path, &write.content)),
    };
    let kept = manner.backup.as_ref().filter(|_| action == Action::Replace);
    let backup = kept.map(|suffix| place.beside(suffix));
    if mode == Mode::Apply && action != Action::Unchanged {
        let _held = interrupt::hold();
        place.put(&write.content, action, manner.owner, backup.as_deref())?;
    }
    let change = change(write, action, old.as_ref(), manner);
    Ok(Change { backup: backup.map(|name| place.dir_path.join(name)), ..change })
}

/// A key is not put where anybody may exchange it or a directory above it.
pub(super) fn guard(dir: &Path) -> Result<()> {
    let above = facts::directories(dir).map_err(|e| Error::io(dir, "looking at the directory", &e))?;
    match above.iter().find(|dir| dir.lets_anybody_replace()) {
        None => Ok(()),
        Some(lax) => Err(Error::refused(
            &DIR_LAX,
            format!(
                "{} is writable by everybody (mode {:04o}): anyone could replace the key",
                lax.path.display(),
                lax.access.mode
            ),
        )
        .path(&lax.path)),
    }
}

/// SHA-256 for the report; digests of keys are never told: they would let a log reader recognise a key.
pub(super) fn digest(content: &Content, digests: Digests) -> Option<String> {
    (digests == Digests::Told && !content.is_secret())
        .then(|| crypto::hex(&crypto::digest_of(Digest::Sha256, content.pieces())))
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
    name: OsString,
}

impl Place {
    fn of(path: &Path) -> Result<Place> {
        let Some(name) = file_name(path) else {
            let message = format!("{} cannot be the name of a file", path.display());
            return Err(Error::refused(&TARGET_NOT_FILE, message).path(path));
        };
        let dir_path = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let dir = open::directory(&dir_path).map_err(|closed| {
            let missing = matches!(closed, Closed::System(Errno::NOENT));
            let error = closed.told(&dir_path, "opening the directory");
            if missing { error.hint("make the directory first, or write elsewhere") } else { error }
        })?;
        Ok(Place { path: path.to_owned(), dir, dir_path, name })
    }

    /// The regular file that stands here now. Links are never followed and special files never opened.
    fn existing(&self) -> Result<Option<Existing>> {
        let stat = match rustix::fs::statat(&self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(e) => return Err(Error::io(&self.path, "looking at it", &e.into())),
        };
        let shown = self.path.display();
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {
                Ok(Some(Existing::read(&self.dir, &self.name).unwrap_or(Existing { stat, bytes: None })))
            }
            FileType::Symlink => {
                let to = rustix::fs::readlinkat(&self.dir, &self.name, Vec::new());
                let to = to.map_or_else(|_| "an unknown place".into(), |to| to.to_string_lossy().into_owned());
                let message = format!("{shown} is a symbolic link to {to}");
                Err(Error::refused(&TARGET_IS_LINK, message).path(&self.path))
            }
            _ => {
                let message = format!("{shown} exists and is not a regular file");
                Err(Error::refused(&TARGET_NOT_FILE, message).path(&self.path))
            }
        }
    }

    /// The name under which the old file is kept.
    fn beside(&self, suffix: &str) -> OsString {
        let mut name = self.name.clone();
        name.push(suffix);
        name
    }

    /// A second name for the old file, so that it is kept as it is, mode, owner and all, whatever happens next.
    fn keep(&self, backup: &OsStr) -> Result<()> {
        rustix::fs::linkat(&self.dir, &self.name, &self.dir, backup, AtFlags::empty())
            .map_err(|e| Error::io(&self.dir_path.join(backup), "keeping the old file", &e.into()))
    }

    fn put(&self, content: &Content, action: Action, owner: Owner, backup: Option<&OsStr>) -> Result<()> {
        let temporary = Temporary::new(self.dir.as_fd(), &self.name, content, owner)
            .map_err(|(doing, e)| Error::io(&self.path, doing, &e))?;
        if let Some(backup) = backup {
            self.keep(backup)?;
        }
        let placed =
            if action == Action::Replace { temporary.replace(&self.name) } else { temporary.place_new(&self.name) };
        if placed.is_err()
            && let Some(backup) = backup
        {
            // The old file still has its own name.
            let _ = rustix::fs::unlinkat(&self.dir, backup, AtFlags::empty());
        }
        placed.map_err(|e| match e {
            Errno::EXIST => exists(&self.path, content),
            e => Error::io(&self.path, "renaming the new file into place", &e.into()),
        })?;
        drop(temporary);
        rustix::fs::fsync(&self.dir).map_err(|e| {
            Error::io(&self.path, "syncing the directory", &e.into())
                .state("the new file is in place, but a power failure now could undo it")
        })
    }
}

/// What stands at the target now.
struct Existing {
    stat: Stat,
    /// None where it cannot be read, or is larger than anything that is written here.
    bytes: Option<Zeroizing<Vec<u8>>>,
}

impl Existing {
    /// State and content of one and the same file, by its descriptor.
    fn read(dir: &OwnedFd, name: &OsString) -> Option<Existing> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(dir, name, flags, Bits::empty()).ok()?);
        let stat = rustix::fs::fstat(&file).ok()?;
        let size = u64::try_from(stat.st_size).ok().filter(|size| *size <= read::MAX_FILE)?;
        // One byte more than expected, so that the buffer of what may be a key never grows and leaves a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(size).ok()? + 1));
        file.take(size + 1).read_to_end(&mut bytes).ok()?;
        let whole = FileType::from_raw_mode(stat.st_mode).is_file() && bytes.len() as u64 == size;
        whole.then_some(Existing { stat, bytes: Some(bytes) })
    }

    /// Is it already what is to be written?
    fn is(&self, content: &Content, whose: Belonging) -> bool {
        self.stat.st_uid == whose.uid
            && (whose.any_group || self.stat.st_gid == whose.gid)
            && self.stat.st_mode & 0o7777 == whose.mode
            && self.bytes.as_deref().is_some_and(|bytes| equal(bytes, content))
    }

    /// Told only of what everybody could read anyway: the old file may have held a key.
    fn digest(&self) -> Option<String> {
        let public = self.stat.st_mode & 0o004 != 0;
        self.bytes.as_deref().filter(|_| public).map(|b| crypto::hex(&crypto::digest(Digest::Sha256, b)))
    }
}

fn equal(mut bytes: &[u8], content: &Content) -> bool {
    let same = content.pieces().all(|piece| match bytes.strip_prefix(&*piece) {
        Some(rest) => {
            bytes = rest;
            true
        }
        None => false,
    });
    same && bytes.is_empty()
}

/// Does the file in a directory that was opened before hold exactly this, with its mode and owner?
pub(super) fn holds(dir: &OwnedFd, file: &VersionFile, owner: Owner) -> bool {
    let whose = Belonging::of_version(file, owner);
    Existing::read(dir, &OsString::from(&*file.name)).is_some_and(|old| old.is(&file.content, whose))
}

fn change(write: &FileWrite, action: Action, old: Option<&Existing>, manner: &Manner) -> Change {
    let digests = manner.digests;
    let (uid, gid) = match old {
        Some(old) if action == Action::Unchanged => (old.stat.st_uid, old.stat.st_gid),
        _ => owner_for(manner.owner),
    };
    let public = |_: &&Existing| digests == Digests::Told && !write.content.is_secret();
    Change {
        path: write.path.clone(),
        action,
        what: write.what.clone(),
        mode: Some(write.content.mode_for(manner.owner)),
        owner: users::user(uid),
        group: users::group(gid),
        before: old.filter(public).and_then(Existing::digest),
        after: digest(&write.content, digests),
        backup: None,
    }
}

/// The last component as it was typed: `Path::file_name` would make `new` of `new/` and of `new/.`.
fn file_name(path: &Path) -> Option<OsString> {
    let name = path.file_name()?;
    path.as_os_str().as_encoded_bytes().ends_with(name.as_encoded_bytes()).then(|| name.to_owned())
}

fn exists(path: &Path, content: &Content) -> Error {
    let rule = if content.is_secret() { &KEY_EXISTS } else { &FILE_EXISTS };
    Error::refused(rule, format!("{} already exists", path.display())).path(path)
}

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
