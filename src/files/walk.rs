//! Goes through directories and gathers the facts about every file there, with a look at its bytes. By descriptors from the named
//! directories on, so nothing that is exchanged meanwhile leads elsewhere; on all cores, with a bounded number of files on the
//! way, in the order of their names. What the bytes mean is the caller's to say.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};

use rustix::fs::{Dir, FileType, Mode as Bits, OFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::acl;
use super::facts::{self, Gatherer, Tree};
use super::read::MAX_FILE;
use crate::error::io_words;
use crate::facts::{DirFacts, FileFacts, FileKind, Parents};
use crate::finding::{Finding, Location, rules};
use crate::threads::processors;

/// What became of one path.
#[derive(Debug)]
pub enum Found<T> {
    /// A regular file, and what the caller made of it.
    File(T),
    /// It could not be looked at.
    Skipped(Finding),
}

/// Gathers what was named, and everything in the directories that were named. `look` is called on all cores with the facts and
/// the bytes of each file, or with the reason why they could not be read; `each` with what it returned, in order, until it
/// breaks off. Links to files are followed; links to directories are not, so that no loop can be built.
pub fn tree<T: Send>(
    tree: &Tree,
    paths: &[PathBuf],
    look: &(impl Fn(FileFacts, Result<&[u8], String>) -> T + Sync),
    each: &mut dyn FnMut(Found<T>) -> ControlFlow<()>,
) {
    let belt = Belt::default();
    let (give, take) = mpsc::sync_channel(2);
    let tasks = Mutex::new(take);
    let (done, results) = mpsc::channel();
    let roots: Vec<PathBuf> = paths.iter().filter_map(|path| facts::real(tree, path).ok()).collect();
    std::thread::scope(|scope| {
        for _ in 0..processors() {
            let (done, roots, belt, tasks) = (done.clone(), &roots, &belt, &tasks);
            scope.spawn(move || {
                let _freed = Freed(belt);
                let mut worker = Worker { tree, roots, gatherer: Gatherer::new(tree), buffer: Zeroizing::default() };
                loop {
                    let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((number, task)) = next else { break };
                    if done.send((number, worker.work(task, look))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(done);
        let belt = &belt;
        scope.spawn(move || {
            let _freed = Freed(belt);
            let mut walker = Walker { tree, belt, give, number: 0, gatherer: Gatherer::new(tree) };
            let _ = paths.iter().try_for_each(|path| walker.named(path));
        });
        let _freed = Freed(belt);
        let mut early = BTreeMap::new();
        let mut next = 0u64;
        for (number, found) in results {
            early.insert(number, found);
            while let Some(found) = early.remove(&next) {
                next += 1;
                belt.advance(next);
                if !belt.stopped() && found.into_iter().try_for_each(&mut *each).is_break() {
                    belt.stop();
                }
            }
        }
    });
}

/// Some work, small enough that all cores get some.
enum Task {
    /// Names in one directory, with their kinds as the directory tells them.
    Names(Arc<Open>, Vec<(OsString, FileType)>),
    /// One path, links followed.
    Path(PathBuf),
    /// Nothing more to do about it.
    Skip(Finding),
}

/// A directory that is open.
struct Open {
    fd: OwnedFd,
    /// As named or found.
    path: PathBuf,
    /// Without links.
    real: PathBuf,
    /// The way to what is in it.
    parents: Parents,
}

/// How far the work has come: the first is not let get far ahead of the last.
#[derive(Default)]
struct Belt {
    done: Mutex<u64>,
    moved: Condvar,
    stopped: AtomicBool,
}

impl Belt {
    fn advance(&self, to: u64) {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) = to;
        self.moved.notify_all();
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.moved.notify_all();
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Waits until there is room for this piece of work.
    fn room_for(&self, number: u64) -> ControlFlow<()> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        while number >= *done + WINDOW && !self.stopped() {
            done = self.moved.wait_timeout(done, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
        }
        if self.stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Where one thread panics the others must not wait for it.
struct Freed<'a>(&'a Belt);

impl Drop for Freed<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

/// Finds the work: lists directories.
struct Walker<'a> {
    tree: &'a Tree,
    belt: &'a Belt,
    give: mpsc::SyncSender<(u64, Task)>,
    number: u64,
    gatherer: Gatherer<'a>,
}

impl Walker<'_> {
    fn named(&mut self, path: &Path) -> ControlFlow<()> {
        let facts = match self.gatherer.file(path) {
            Ok(facts) if facts.kind == FileKind::Directory => facts,
            _ => return self.task(Task::Path(path.to_owned())),
        };
        let opened = rustix::fs::open(self.tree.on_disk(&facts.real), DIRECTORY, Bits::empty());
        match opened.map_err(io::Error::from).and_then(|fd| self.open(fd, path, &facts.real, &facts.parents)) {
            Ok(open) => self.directory(&Arc::new(open), 0),
            Err(e) => self.task(Task::Skip(not_looked_at(path, io_words(&e)))),
        }
    }

    fn open(&self, fd: OwnedFd, path: &Path, real: &Path, above: &Parents) -> io::Result<Open> {
        let file = File::from(fd);
        let meta = file.metadata()?;
        let access = facts::access(self.tree, &meta, acl::of_open(&file, &self.tree.users)?);
        let own = Arc::new(DirFacts { path: real.to_owned(), access, id: facts::id(&meta) });
        let parents = std::iter::once(own).chain(above.iter().cloned()).collect();
        Ok(Open { fd: file.into(), path: path.to_owned(), real: real.to_owned(), parents })
    }

    fn directory(&mut self, dir: &Arc<Open>, depth: usize) -> ControlFlow<()> {
        let entries = match entries(&dir.fd) {
            Ok(entries) => entries,
            Err(e) => return self.task(Task::Skip(not_looked_at(&dir.path, io_words(&e)))),
        };
        let mut files = Vec::new();
        for (name, kind) in entries {
            if kind != FileType::Directory {
                files.push((name, kind));
                if files.len() >= BATCH {
                    self.task(Task::Names(dir.clone(), std::mem::take(&mut files)))?;
                }
                continue;
            }
            if !files.is_empty() {
                self.task(Task::Names(dir.clone(), std::mem::take(&mut files)))?;
            }
            let path = dir.path.join(&name);
            if depth >= MAX_DEPTH {
                self.task(Task::Skip(not_looked_at(&path, format!("more than {MAX_DEPTH} directories deep"))))?;
                continue;
            }
            let opened = rustix::fs::openat(&dir.fd, &name, DIRECTORY, Bits::empty()).map_err(io::Error::from);
            match opened.and_then(|fd| self.open(fd, &path, &dir.real.join(&name), &dir.parents)) {
                Ok(open) => self.directory(&Arc::new(open), depth + 1)?,
                Err(e) => self.task(Task::Skip(not_looked_at(&path, io_words(&e))))?,
            }
        }
        if files.is_empty() { ControlFlow::Continue(()) } else { self.task(Task::Names(dir.clone(), files)) }
    }

    fn task(&mut self, task: Task) -> ControlFlow<()> {
        self.belt.room_for(self.number)?;
        let given = self.give.send((self.number, task));
        self.number += 1;
        if given.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

/// The names in a directory, sorted. A file system that does not tell kinds is asked for each.
fn entries(dir: &OwnedFd) -> io::Result<Vec<(OsString, FileType)>> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if matches!(name.as_bytes(), b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => rustix::fs::statat(dir, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
                .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
            kind => kind,
        };
        entries.push((name.to_owned(), kind));
    }
    entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(entries)
}

/// Does the work: facts and bytes.
struct Worker<'a> {
    tree: &'a Tree,
    roots: &'a [PathBuf],
    gatherer: Gatherer<'a>,
    /// The bytes of the file at hand. They may be a key, so it is wiped in the end, and never grows in place.
    buffer: Zeroizing<Vec<u8>>,
}

impl Worker<'_> {
    fn work<T>(&mut self, task: Task, look: &impl Fn(FileFacts, Result<&[u8], String>) -> T) -> Vec<Found<T>> {
        match task {
            Task::Names(dir, names) => {
                names.iter().filter_map(|(name, kind)| self.entry(&dir, name, *kind, look)).collect()
            }
            Task::Path(path) => Vec::from_iter(self.path(&path, true, look)),
            Task::Skip(finding) => vec![Found::Skipped(finding)],
        }
    }

    fn entry<T>(
        &mut self,
        dir: &Open,
        name: &OsStr,
        kind: FileType,
        look: &impl Fn(FileFacts, Result<&[u8], String>) -> T,
    ) -> Option<Found<T>> {
        match kind {
            FileType::RegularFile => Some(self.regular(dir, name, look)),
            FileType::Symlink => self.path(&dir.path.join(name), false, look),
            _ => Some(special(&dir.path.join(name))),
        }
    }

    /// Everything by one descriptor, so that facts and bytes are of the same file.
    fn regular<T>(
        &mut self,
        dir: &Open,
        name: &OsStr,
        look: &impl Fn(FileFacts, Result<&[u8], String>) -> T,
    ) -> Found<T> {
        let path = dir.path.join(name);
        let opened = rustix::fs::openat(&dir.fd, name, REGULAR, Bits::empty());
        let (file, unread) = match opened {
            Ok(fd) => (File::from(fd), None),
            // Its facts are to be had all the same.
            Err(Errno::ACCESS | Errno::PERM) => {
                match rustix::fs::openat(
                    &dir.fd,
                    name,
                    OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                    Bits::empty(),
                ) {
                    Ok(fd) => (File::from(fd), opened.err()),
                    Err(e) => return Found::Skipped(not_looked_at(&path, io_words(&e.into()))),
                }
            }
            Err(e) => return Found::Skipped(not_looked_at(&path, io_words(&e.into()))),
        };
        let facts = self.facts_of(&file, unread.is_some(), path.clone(), dir.real.join(name), dir.parents.clone());
        match (facts, unread) {
            (Ok((facts, _)), _) if facts.kind != FileKind::File => special(&path),
            (Ok((facts, _)), Some(why)) => Found::File(look(facts, Err(io_words(&why.into())))),
            (Ok((facts, size)), None) => Found::File(self.look_into(&file, size, facts, look)),
            (Err(e), _) => Found::Skipped(not_looked_at(&path, io_words(&e))),
        }
    }

    fn facts_of(
        &self,
        file: &File,
        by_path: bool,
        path: PathBuf,
        real: PathBuf,
        parents: Parents,
    ) -> io::Result<(FileFacts, u64)> {
        let meta = file.metadata()?;
        // What is open only as a path is not asked itself.
        let acl =
            if by_path { acl::of(&descriptor(file), &self.tree.users)? } else { acl::of_open(file, &self.tree.users)? };
        let facts = FileFacts {
            path,
            kind: if meta.is_file() { FileKind::File } else { FileKind::Special },
            real,
            is_link: false,
            access: facts::access(self.tree, &meta, acl),
            links: std::os::unix::fs::MetadataExt::nlink(&meta),
            id: facts::id(&meta),
            parents,
        };
        Ok((facts, meta.len()))
    }

    /// One path, links followed. What was named itself may lead anywhere; a link that was found must not lead to a directory.
    fn path<T>(
        &mut self,
        path: &Path,
        named: bool,
        look: &impl Fn(FileFacts, Result<&[u8], String>) -> T,
    ) -> Option<Found<T>> {
        let facts = match self.gatherer.file(path) {
            Ok(facts) => facts,
            Err(e) => return Some(Found::Skipped(not_looked_at(path, io_words(&e)))),
        };
        match facts.kind {
            FileKind::Special => Some(special(path)),
            FileKind::Directory if named => {
                Some(Found::Skipped(not_looked_at(path, "changed while being looked at".into())))
            }
            // What lies within the directories that were named is found there.
            FileKind::Directory if self.roots.iter().any(|root| facts.real.starts_with(root)) => None,
            FileKind::Directory => {
                let message = format!("leads to the directory {}, which was not looked at", facts.real.display());
                Some(Found::Skipped(LINK_NOT_FOLLOWED.at(Location::File(path.to_owned()), message)))
            }
            FileKind::File => Some(match self.open_again(&facts) {
                Ok((file, size)) => Found::File(self.look_into(&file, size, facts, look)),
                Err(e) => Found::File(look(facts, Err(io_words(&e)))),
            }),
        }
    }

    /// The facts came by the path, so the file behind it may be another one by now.
    fn open_again(&self, facts: &FileFacts) -> io::Result<(File, u64)> {
        let file = File::from(rustix::fs::open(self.tree.on_disk(&facts.real), REGULAR, Bits::empty())?);
        let meta = file.metadata()?;
        if facts::id(&meta) != facts.id || !meta.is_file() {
            return Err(io::Error::other("changed while being looked at"));
        }
        Ok((file, meta.len()))
    }

    fn look_into<T>(
        &mut self,
        file: &File,
        size: u64,
        facts: FileFacts,
        look: &impl Fn(FileFacts, Result<&[u8], String>) -> T,
    ) -> T {
        let read = self.read(file, size).map_err(|e| io_words(&e));
        let looked = look(facts, read.map(|()| self.buffer.as_slice()));
        if self.buffer.capacity() > KEEP {
            self.buffer = Zeroizing::default();
        }
        looked
    }

    fn read(&mut self, file: &File, size: u64) -> io::Result<()> {
        self.buffer.clear();
        let mut wanted = size.saturating_add(1);
        loop {
            if wanted > MAX_FILE + 1 {
                return Err(io::Error::other(format!("more than {} MiB", MAX_FILE >> 20)));
            }
            let room = usize::try_from(wanted).unwrap_or(usize::MAX).max(SMALL);
            if self.buffer.capacity() < room {
                let mut larger = Zeroizing::new(Vec::with_capacity(room));
                larger.extend_from_slice(&self.buffer);
                self.buffer = larger;
            }
            while self.buffer.len() < self.buffer.capacity() {
                let n = rustix::io::retry_on_intr(|| {
                    rustix::io::read(file.as_fd(), rustix::buffer::spare_capacity(&mut self.buffer))
                })?;
                // A regular file that ends where it was said to end does not go on.
                if n == 0 || self.buffer.len() as u64 == size {
                    return Ok(());
                }
            }
            // It has grown meanwhile.
            wanted = (self.buffer.capacity() as u64).saturating_mul(4);
        }
    }
}

/// The name of an open file that follows it wherever it is moved (proc(5)).
fn descriptor(file: &File) -> PathBuf {
    use std::os::fd::AsRawFd;
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn special<T>(path: &Path) -> Found<T> {
    let message = "a FIFO, a socket or a device: not looked into";
    Found::Skipped(SPECIAL_FILE.at(Location::File(path.to_owned()), message))
}

fn not_looked_at(path: &Path, why: String) -> Finding {
    NOT_LOOKED_AT.at(Location::File(path.to_owned()), why)
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// Opened without waiting, as a FIFO would make us, and without becoming a terminal's reader.
const REGULAR: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
/// Names that one piece of work has.
const BATCH: usize = 64;
/// Pieces of work that may wait for one that takes longer: some thousand files.
const WINDOW: u64 = 64;
/// Each level keeps a descriptor; a process has 1,024 as a rule.
const MAX_DEPTH: usize = 64;
/// What most files fit in, and a buffer that is not worth giving back.
const SMALL: usize = 16 << 10;
const KEEP: usize = 1 << 20;
/// A wake-up that was missed costs no more than this.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(100);

rules! {
    /// A path that the system does not let us see.
    NOT_LOOKED_AT = Skipped "not-looked-at" {
        summary: "a file or directory could not be looked at, so nothing is known about it",
        help: "check the path; run as root to see everything, or accept the gap with --allow-incomplete",
        source: "stat(2), readdir(3), path_resolution(7)",
    }
    /// A FIFO, socket or device.
    SPECIAL_FILE = Skipped "special-file" {
        summary: "a FIFO, a socket or a device stands among the files",
        help: "name the regular files that matter, or accept the gap with --allow-incomplete",
        source: "reading a FIFO or a device can wait for ever",
    }
    /// A link to a directory elsewhere.
    LINK_NOT_FOLLOWED = Skipped "link-not-followed" {
        summary: "a symbolic link leads to a directory outside of those that were named",
        help: "name that directory as well",
        source: "following links to directories could go round in circles or anywhere",
    }
}
