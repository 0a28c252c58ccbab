//! Sets of files that must change in the same instant: `base/0001`, `base/0002` … and `base/current`, a relative link to the one in
//! use. A version is filled under a temporary name, synced and renamed; then one rename switches the link. Servers read
//! through `current`, so they see the old pair or the new one, never a mixture. One file alone is `write`'s business, and what
//! has to be done with servers before and after a switch is `plan`'s.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode as Bits, OFlags};
use rustix::io::Errno;

use super::lock::{self, Lock};
use super::open::{self, Closed};
use super::read::{self, Input};
use super::temporary::{self, Belonging, Failed, failed, open_inner, own, owner_of_new, remove_tree};
use super::{append, interrupt, users, write};
use crate::change::{Action, Change, Manner, Mode, Owner, Wait};
use crate::content::{AppendWrite, Overwrite, VersionWrite};
use crate::error::{Error, Result};
use crate::finding::rules;

/// Leaves a set of files behind as the next version under `base`, and makes it the current one. The same set again changes
/// nothing; a version that is complete but was never switched to, as after a crash, is taken up instead of made twice.
pub fn version(write: &VersionWrite, manner: &Manner) -> Result<Vec<Change>> {
    let Manner { mode, owner, wait, .. } = *manner;
    guard(write)?;
    let base = match mode {
        Mode::Apply => Some(Base::locked(&write.base, wait)?),
        Mode::DryRun => Base::as_it_is(&write.base)?,
    };
    let next = match &base {
        Some(base) => base.next(write, owner)?,
        None => Next::first(),
    };
    if let (Mode::Apply, Some(base)) = (mode, &base) {
        let _held = interrupt::hold();
        base.put(&next, write, owner)?;
        if next.link != Action::Unchanged {
            base.switch(next.number)?;
        }
    }
    Ok(changes(write, &next, manner))
}

/// Keys are not put where anybody may exchange them.
pub fn guard(write: &VersionWrite) -> Result<()> {
    if write.files.iter().any(|f| f.content.is_secret()) {
        write::guard(nearest_existing(&write.base))?;
    }
    Ok(())
}

/// What is to become of a set.
#[derive(Clone, Copy, Debug)]
pub struct Next {
    /// Under which number.
    pub number: u32,
    /// Whether the files are to be made.
    pub files: Action,
    /// Whether the link is to be moved.
    pub link: Action,
}

impl Next {
    /// Where there is nothing yet.
    pub fn first() -> Next {
        Next { number: 1, files: Action::Create, link: Action::Create }
    }
}

/// The directory of the versions, opened once. Locked while it is worked on: by a file of its own that only its owner can open,
/// as any user who can read a directory could lock the directory itself and make root wait for ever.
#[derive(Debug)]
pub struct Base {
    path: PathBuf,
    dir: OwnedFd,
    lock: Option<Lock>,
}

impl Base {
    /// For a change; missing directories are made.
    pub fn locked(path: &Path, wait: Wait) -> Result<Base> {
        Base::lock(path, make_dirs(path)?, wait)
    }

    /// For a change of what is there; none where nothing is.
    pub fn existing(path: &Path, wait: Wait) -> Result<Option<Base>> {
        let base = Base::as_it_is(path)?;
        base.map(|base| Base::lock(path, base.dir, wait)).transpose()
    }

    fn lock(path: &Path, dir: OwnedFd, wait: Wait) -> Result<Base> {
        let locking = |e: Errno| Error::io(&path.join(LOCK), "locking", &e.into());
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&dir, LOCK, flags, Bits::RUSR | Bits::WUSR).map_err(locking)?;
        let lock = lock::hold(file, &path.join(LOCK), wait)?;
        let base = Base { path: path.to_owned(), dir, lock: Some(lock) };
        // The lock says that nobody else is at work here, so every temporary thing is a leftover.
        temporary::names_in(&base.dir).iter().for_each(|name| remove_tree(&base.dir, name));
        Ok(base)
    }

    /// Only to look; none where nothing is.
    pub fn as_it_is(path: &Path) -> Result<Option<Base>> {
        match open::directory(path) {
            Ok(dir) => Ok(Some(Base { path: path.to_owned(), dir, lock: None })),
            Err(Closed::System(Errno::NOENT)) => Ok(None),
            Err(closed) => Err(closed.told(path, "opening the directory")),
        }
    }

    /// May it be changed, since nobody else does meanwhile?
    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }

    /// `DIR/pkit/NAME`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a version is.
    pub fn path_of(&self, number: u32) -> PathBuf {
        self.path.join(name_of(number))
    }

    /// Which number the set would get, and what would have to be done for it.
    pub fn next(&self, write: &VersionWrite, owner: Owner) -> Result<Next> {
        let current = self.current()?;
        let last = self.last()?;
        let same = [current, last].into_iter().flatten().find(|n| self.holds(*n, write, owner));
        let replaces = current.is_some_and(|n| same != current && !self.grows(n, write, owner));
        if replaces && write.overwrite == Overwrite::Refuse {
            let message = format!("{} already holds another key or chain", self.path.display());
            return Err(Error::refused(&SET_EXISTS, message).path(&self.path));
        }
        let number = same.unwrap_or(last.unwrap_or(0).saturating_add(1));
        Ok(Next {
            number,
            files: if same.is_some() { Action::Unchanged } else { Action::Create },
            link: match current {
                Some(n) if n == number => Action::Unchanged,
                Some(_) => Action::Replace,
                None => Action::Create,
            },
        })
    }

    /// Where `current` leads; none where it is missing. Anything but a link to a version is left for a person to look at.
    pub fn current(&self) -> Result<Option<u32>> {
        let link = self.path.join(CURRENT);
        let odd = |what: String| Error::refused(&LAYOUT_ODD, format!("{} {what}", link.display())).path(&link);
        match rustix::fs::readlinkat(&self.dir, CURRENT, Vec::new()) {
            Ok(target) => match number_of(target.to_bytes()) {
                Some(number) => Ok(Some(number)),
                None => Err(odd(format!("leads to {}", target.to_string_lossy()))),
            },
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::INVAL) => Err(odd("is not a symbolic link".into())),
            Err(e) => Err(Error::io(&link, "reading the link", &e.into())),
        }
    }

    /// The numbers of the versions that are there, in order.
    pub fn versions(&self) -> Result<Vec<u32>> {
        let listing = |e: Errno| Error::io(&self.path, "listing", &e.into());
        let mut numbers = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.dir).map_err(listing)? {
            numbers.extend(number_of(entry.map_err(listing)?.file_name().to_bytes()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The highest number that is taken.
    fn last(&self) -> Result<Option<u32>> {
        Ok(self.versions()?.last().copied())
    }

    /// The names of a version's files; none where it is not as it was made.
    pub fn files(&self, number: u32) -> Option<Vec<String>> {
        let names = temporary::entries(&self.ours(number)?);
        Some(names.into_iter().map(|name| name.to_string_lossy().into_owned()).collect())
    }

    /// Does the version hold this set, with the right modes and owners? It may hold files for other servers too.
    fn holds(&self, number: u32, write: &VersionWrite, owner: Owner) -> bool {
        self.ours(number).is_some_and(|dir| write.files.iter().all(|f| write::holds(&dir, f, owner)))
    }

    /// Is everything that the version holds in this set too, so that the set only adds to it?
    fn grows(&self, number: u32, write: &VersionWrite, owner: Owner) -> bool {
        let wanted =
            |dir: &OwnedFd, name: &OsStr| write.files.iter().any(|f| *name == *f.name && write::holds(dir, f, owner));
        self.ours(number).is_some_and(|dir| temporary::entries(&dir).iter().all(|name| wanted(&dir, name)))
    }

    /// The version's directory, where it is as it was made.
    fn ours(&self, number: u32) -> Option<OwnedFd> {
        let dir = open_inner(&self.dir, OsStr::new(&name_of(number))).ok()?;
        let (uid, gid) = owner_of_new();
        let stat = rustix::fs::fstat(&dir).ok()?;
        let right = stat.st_mode & 0o7777 == DIR_MODE && stat.st_uid == uid && (uid != 0 || stat.st_gid == gid);
        right.then_some(dir)
    }

    /// Puts a whole version in place: filled under a temporary name that only the owner can enter, then renamed. A rename never
    /// replaces a directory that has something in it (rename(2)).
    pub fn put(&self, next: &Next, write: &VersionWrite, owner: Owner) -> Result<()> {
        if next.files == Action::Unchanged {
            return Ok(());
        }
        let path = self.path_of(next.number);
        let told = |(doing, e): Failed| Error::io(&path, doing, &e);
        let aside = temporary::name_for(OsStr::new("version")).map_err(told)?;
        let made = rustix::fs::mkdirat(&self.dir, &aside, Bits::RWXU)
            .map_err(failed("making the directory"))
            .and_then(|()| temporary::fill_directory(&self.dir, &aside, &write.files, DIR_MODE, owner))
            .and_then(|()| {
                rustix::fs::renameat(&self.dir, &aside, &self.dir, name_of(next.number))
                    .map_err(failed("renaming the new version into place"))
            });
        if let Err(failure) = made {
            remove_tree(&self.dir, OsStr::new(&aside));
            return Err(told(failure));
        }
        rustix::fs::fsync(&self.dir).map_err(|e| {
            Error::io(&path, "syncing the directory", &e.into()).state("the new version is there, but not in use")
        })
    }

    /// The one atomic switch: a new link is made aside and renamed over the old one. It never leads to what is not there.
    pub fn switch(&self, number: u32) -> Result<()> {
        let link = self.path.join(CURRENT);
        let name = name_of(number);
        rustix::fs::statat(&self.dir, &name, AtFlags::SYMLINK_NOFOLLOW).map_err(|e| {
            Error::io(&self.path_of(number), "looking for the version", &e.into())
                .state(format!("version {name} is not in use"))
        })?;
        let unused = format!("version {name} is there, but not in use");
        let told = |(doing, e): Failed| Error::io(&link, doing, &e).state(unused.as_str());
        let made = temporary::Link::new(self.dir.as_fd(), OsStr::new(CURRENT), &name).map_err(told)?;
        made.replace(OsStr::new(CURRENT)).map_err(failed("switching the link")).map_err(told)?;
        rustix::fs::fsync(&self.dir).map_err(|e| {
            Error::io(&link, "syncing the directory", &e.into())
                .state("the new version is in use, but a power failure now could undo it")
        })
    }

    /// A file of a version, as it is, and not what a link leads to.
    pub fn read(&self, number: u32, name: &str) -> Result<Input> {
        let path = self.path_of(number).join(name);
        let file = open_inner(&self.dir, OsStr::new(&name_of(number)))
            .map_err(Closed::System)
            .and_then(|dir| open::inside(&dir, OsStr::new(name), OFlags::RDONLY));
        read::opened(&path, file.map_err(|closed| closed.unread(&path))?)
    }

    /// The record of what became of the versions; none where there is none yet.
    pub fn record(&self) -> Result<Option<Input>> {
        let path = self.path.join(STATE);
        match open::inside(&self.dir, OsStr::new(STATE), OFlags::RDONLY) {
            Err(Closed::System(Errno::NOENT)) => Ok(None),
            Err(closed) => Err(closed.unread(&path)),
            Ok(file) => {
                unexposed(&file, &path)?;
                read::opened(&path, file).map(Some)
            }
        }
    }

    /// Adds to the record, and syncs it.
    pub fn note(&self, lines: Vec<u8>) -> Result<()> {
        let path = self.path.join(STATE);
        let file = match open::inside(&self.dir, OsStr::new(STATE), OFlags::RDWR) {
            Err(Closed::System(Errno::NOENT)) => {
                self.begin_record().map_err(|(doing, e): Failed| Error::io(&path, doing, &e))?
            }
            opened => opened.map_err(|closed| closed.told(&path, "opening"))?,
        };
        unexposed(&file, &path)?;
        append::to(file, &AppendWrite { path, lines, what: "what was done".into() }, Mode::Apply).map(|_| ())
    }

    /// An empty record. A run that is killed before its first line is in leaves one that says nothing, as none does.
    fn begin_record(&self) -> std::result::Result<OwnedFd, Failed> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Bits::RUSR | Bits::WUSR;
        let file = rustix::fs::openat(&self.dir, STATE, flags, mode).map_err(failed("creating the record"))?;
        own(&file, Owner::default())?;
        rustix::fs::fchmod(&file, mode).map_err(failed("setting the mode"))?;
        rustix::fs::fsync(&self.dir).map_err(failed("syncing the directory"))?;
        Ok(file)
    }

    /// What is kept here is not put into use where anybody may exchange it.
    pub fn guard(&self) -> Result<()> {
        write::guard(&self.path)
    }

    /// Takes the link away, as before there was a version in use.
    pub fn release(&self) -> Result<()> {
        let link = self.path.join(CURRENT);
        let told = |(doing, e): Failed| Error::io(&link, doing, &e);
        match rustix::fs::unlinkat(&self.dir, CURRENT, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(e) => return Err(told(failed("removing the link")(e))),
        }
        rustix::fs::fsync(&self.dir).map_err(failed("syncing the directory")).map_err(told)
    }

    /// Removes a version that is not in use: first from its name, in one step, so that half a version is never found.
    pub fn remove(&self, number: u32) -> Result<()> {
        let path = self.path_of(number);
        let told = |(doing, e): Failed| Error::io(&path, doing, &e);
        let aside = temporary::name_for(OsStr::new("old")).map_err(told)?;
        rustix::fs::renameat(&self.dir, name_of(number), &self.dir, &aside)
            .map_err(failed("setting the old version aside"))
            .map_err(told)?;
        remove_tree(&self.dir, OsStr::new(&aside));
        rustix::fs::fsync(&self.dir).map_err(failed("syncing the directory")).map_err(told)
    }
}

/// What becomes of the link where this version is put into use.
pub fn link_change(base: &Base, number: u32) -> Result<Change> {
    let action = match base.current()? {
        Some(current) if current == number => Action::Unchanged,
        Some(_) => Action::Replace,
        None => Action::Create,
    };
    let (uid, gid) = owner_of_new();
    Ok(Change {
        path: base.path.join(CURRENT),
        action,
        what: format!("-> {}", name_of(number)),
        mode: None,
        owner: users::user(uid),
        group: users::group(gid),
        before: None,
        after: None,
        backup: None,
    })
}

/// What becomes of each path.
pub fn changes(write: &VersionWrite, next: &Next, manner: &Manner) -> Vec<Change> {
    let made = |path: PathBuf, action, what: String, (uid, gid): (u32, u32)| {
        let (owner, group) = (users::user(uid), users::group(gid));
        Change { path, action, what, mode: None, owner, group, before: None, after: None, backup: None }
    };
    let files = write.files.iter().map(|f| {
        let whose = Belonging::of_version(f, manner.owner);
        Change {
            mode: Some(whose.mode),
            after: write::digest(&f.content, manner.digests),
            ..made(
                write.base.join(name_of(next.number)).join(&*f.name),
                next.files,
                f.what.clone(),
                (whose.uid, whose.gid),
            )
        }
    });
    let link = made(
        write.base.join(CURRENT),
        next.link,
        format!("-> {}", name_of(next.number)),
        temporary::owner_for(manner.owner),
    );
    files.chain([link]).collect()
}

/// Does this directory have the layout, with a version in use? Asked by whoever reads it, for whom the others are only kept.
pub fn in_use(dir: &Path) -> bool {
    let target = rustix::fs::readlink(dir.join(CURRENT), Vec::new());
    target.is_ok_and(|target| number_of(target.to_bytes()).is_some())
}

/// Is a thing of this name kept for pkit itself: a version, the record, the lock?
pub fn is_kept(name: &OsStr) -> bool {
    name == STATE || name == LOCK || number_of(name.as_bytes()).is_some()
}

/// What the directory of a version is called.
pub fn name_of(number: u32) -> String {
    format!("{number:04}")
}

/// Only what `name_of` makes: not `1`, not `+001`.
fn number_of(name: &[u8]) -> Option<u32> {
    let name = std::str::from_utf8(name).ok()?;
    name.parse().ok().filter(|number| name_of(*number) == name)
}

/// The record names commands that a later run starts: it counts only where nobody else can have written to it.
fn unexposed(file: &OwnedFd, path: &Path) -> Result<()> {
    let stat = rustix::fs::fstat(file).map_err(|e| Error::io(path, "looking at it", &e.into()))?;
    let (caller, _) = owner_of_new();
    let why = if stat.st_uid != 0 && stat.st_uid != caller {
        format!("belongs to the user {}", users::user(stat.st_uid))
    } else if stat.st_mode & 0o022 != 0 {
        format!("is writable by others (mode {:04o})", stat.st_mode & 0o7777)
    } else {
        return Ok(());
    };
    Err(Error::refused(&RECORD_EXPOSED, format!("{} {why}", path.display())).path(path))
}

/// Makes the missing directories, 0755 and synced, and opens the last one. Existing ones keep their mode.
fn make_dirs(path: &Path) -> Result<OwnedFd> {
    match (open::directory(path), path.file_name()) {
        (Err(Closed::System(Errno::NOENT)), Some(name)) => {
            let parent = make_dirs(path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
            make_dir(&parent, name).map_err(|(doing, e): Failed| Error::io(path, doing, &e))
        }
        (opened, _) => opened.map_err(|closed| closed.told(path, "opening the directory")),
    }
}

fn make_dir(parent: &OwnedFd, name: &OsStr) -> std::result::Result<OwnedFd, Failed> {
    let opening = failed("opening the new directory");
    match rustix::fs::mkdirat(parent, name, Bits::from_raw_mode(DIR_MODE)) {
        Ok(()) => {}
        // Another run was faster.
        Err(Errno::EXIST) => return open_inner(parent, name).map_err(opening),
        Err(e) => return Err(failed("making the directory")(e)),
    }
    let dir = open_inner(parent, name).map_err(opening)?;
    own(&dir, Owner::default())?;
    rustix::fs::fchmod(&dir, Bits::from_raw_mode(DIR_MODE)).map_err(failed("setting the mode of the directory"))?;
    rustix::fs::fsync(parent).map_err(failed("syncing the directory above"))?;
    Ok(dir)
}

/// The directory itself, or the first one above it that is there.
fn nearest_existing(path: &Path) -> &Path {
    let above = path.ancestors().filter(|p| !p.as_os_str().is_empty());
    above.into_iter().find(|p| p.exists()).unwrap_or(Path::new("."))
}

/// The link to the version in use.
pub const CURRENT: &str = "current";
const LOCK: &str = ".lock";
/// Where it is recorded what became of the versions.
const STATE: &str = ".state";
const DIR_MODE: u32 = 0o755;

rules! {
    /// Another set is current.
    SET_EXISTS = Error "set-exists" {
        summary: "another key or chain is in use under this name",
        help: "use --force to put the new set beside it as the next version and switch to it in one step",
        source: "pkit never overwrites unasked",
    }
    /// Somebody else could have written it.
    RECORD_EXPOSED = Error "deploy-record-exposed" {
        summary: "the record of what was deployed, which names commands to be run, is another user's, or others may write to it",
        help: "look at the commands in the file; if they are yours, chown it to root and chmod it to 0600, else move it away",
        source: "the record of deployments, DIR/pkit/NAME/.state, which pkit makes 0600",
    }
    /// `current` is not what pkit makes.
    LAYOUT_ODD = Error "layout-odd" {
        summary: "the directory does not have the layout that pkit makes: numbered versions and a link `current` to one of them",
        help: "look at the directory; move what is there away, or choose another with --dir",
        source: "pkit's layout of key and chain on disk",
    }
}
