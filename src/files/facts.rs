//! Gathers what the system says about files: kind, mode, owner, ACL, number of names, and every directory on the way there.
//! Nothing is opened, so that no FIFO or device is touched, and nothing is judged.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::read::{MAX_DEPTH, MAX_FILES};
use super::{acl, users};
use crate::error::io_words;
use crate::facts::{Access, DirFacts, FileFacts, FileKind};
use crate::finding::{Finding, Location, rules};

/// The facts about one path.
pub fn of(path: &Path) -> io::Result<FileFacts> {
    Gatherer::default().file(path)
}

/// When the content of what a path leads to was last changed; none where it is not there.
pub fn modified(path: &Path) -> Option<std::time::SystemTime> {
    std::fs::metadata(path).and_then(|meta| meta.modified()).ok()
}

/// A directory and every one in which a name is looked up on the way to it, the nearest first.
pub fn directories(path: &Path) -> io::Result<Vec<DirFacts>> {
    let way = Way::to(path)?;
    let mut gatherer = Gatherer::default();
    std::iter::once(&way.real).chain(way.directories.iter().rev()).map(|dir| gatherer.directory(dir)).collect()
}

/// The facts about the regular files that were named and those in the directories that were named, sorted by name. Links to files
/// are followed; links to directories are not, so that no loop can be built. What cannot be looked at is a finding, also
/// where it was named itself: the rest is worth knowing all the same.
pub fn tree(paths: &[PathBuf]) -> (Vec<FileFacts>, Vec<Finding>) {
    let roots = paths.iter().filter_map(|path| std::fs::canonicalize(path).ok()).collect();
    let mut walk = Walk { roots, ..Walk::default() };
    for path in paths {
        walk.visit(path, 0);
    }
    (walk.files, walk.findings)
}

#[derive(Default)]
struct Walk {
    roots: Vec<PathBuf>,
    gatherer: Gatherer,
    files: Vec<FileFacts>,
    full: bool,
    findings: Vec<Finding>,
}

impl Walk {
    fn visit(&mut self, path: &Path, depth: usize) {
        let facts = match self.gatherer.file(path) {
            Ok(facts) => facts,
            Err(e) => return self.skip(path, io_words(&e)),
        };
        match facts.kind {
            FileKind::Special => self.findings.push(
                SPECIAL_FILE.at(Location::File(path.to_owned()), "a FIFO, a socket or a device: not looked into"),
            ),
            FileKind::Directory if facts.is_link && depth > 0 => self.link(&facts),
            FileKind::Directory if depth > MAX_DEPTH => {
                self.skip(path, format!("more than {MAX_DEPTH} directories deep"));
            }
            FileKind::Directory => self.entries(path, depth),
            FileKind::File if self.files.len() >= MAX_FILES => {
                self.full = true;
                self.skip(path, format!("only the first {MAX_FILES} files are looked at"));
            }
            FileKind::File => self.files.push(facts),
        }
    }

    fn entries(&mut self, dir: &Path, depth: usize) {
        match std::fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(mut entries) => {
                entries.sort_by_key(std::fs::DirEntry::file_name);
                for entry in entries {
                    // Past the limit one finding is enough.
                    if self.full {
                        return;
                    }
                    self.visit(&entry.path(), depth + 1);
                }
            }
            Err(e) => self.skip(dir, io_words(&e)),
        }
    }

    /// What lies within the directories that were named is found there.
    fn link(&mut self, facts: &FileFacts) {
        if !self.roots.iter().any(|root| facts.real.starts_with(root)) {
            let message = format!("leads to the directory {}, which was not looked at", facts.real.display());
            self.findings.push(LINK_NOT_FOLLOWED.at(Location::File(facts.path.clone()), message));
        }
    }

    fn skip(&mut self, path: &Path, why: String) {
        self.findings.push(NOT_LOOKED_AT.at(Location::File(path.to_owned()), why));
    }
}

/// Remembers directories: many files have the same ones above them.
#[derive(Default)]
struct Gatherer {
    directories: BTreeMap<PathBuf, DirFacts>,
}

impl Gatherer {
    fn file(&mut self, path: &Path) -> io::Result<FileFacts> {
        let is_link = std::fs::symlink_metadata(path)?.is_symlink();
        let way = Way::to(path).map_err(|e| if is_link { leads_nowhere(path, &e) } else { e })?;
        let meta = std::fs::symlink_metadata(&way.real)?;
        Ok(FileFacts {
            path: path.to_owned(),
            kind: match meta.file_type() {
                kind if kind.is_file() => FileKind::File,
                kind if kind.is_dir() => FileKind::Directory,
                _ => FileKind::Special,
            },
            is_link,
            access: access(&way.real, &meta)?,
            links: meta.nlink(),
            parents: way.directories.iter().rev().map(|dir| self.directory(dir)).collect::<io::Result<_>>()?,
            real: way.real,
        })
    }

    fn directory(&mut self, path: &Path) -> io::Result<DirFacts> {
        if let Some(known) = self.directories.get(path) {
            return Ok(known.clone());
        }
        let facts = DirFacts { path: path.to_owned(), access: access(path, &std::fs::symlink_metadata(path)?)? };
        self.directories.insert(path.to_owned(), facts.clone());
        Ok(facts)
    }
}

fn access(path: &Path, meta: &Metadata) -> io::Result<Access> {
    Ok(Access {
        mode: meta.mode() & 0o7777,
        uid: meta.uid(),
        gid: meta.gid(),
        owner: users::user(meta.uid()),
        group: users::group(meta.gid()),
        acl: acl::of(path)?,
    })
}

fn leads_nowhere(path: &Path, why: &io::Error) -> io::Error {
    let to = std::fs::read_link(path).map_or_else(|_| "an unknown place".into(), |to| to.display().to_string());
    io::Error::new(why.kind(), format!("a link to {to}: {}", io_words(why)))
}

/// How the kernel gets to a file (path_resolution(7)), step by step, because a link on the way is as good as its directory is.
struct Way {
    /// Where the path ends.
    real: PathBuf,
    /// Every directory in which a name was looked up, in order.
    directories: Vec<PathBuf>,
}

impl Way {
    fn to(path: &Path) -> io::Result<Way> {
        let mut way = Way { real: PathBuf::from("/"), directories: Vec::new() };
        let mut left = names(&std::path::absolute(path)?);
        let mut links = 0;
        while let Some(name) = left.pop() {
            match name.as_encoded_bytes() {
                b"/" => way.real = PathBuf::from("/"),
                b"." => {}
                b".." => drop(way.real.pop()),
                _ => {
                    let next = way.look_up(&name);
                    if std::fs::symlink_metadata(&next)?.is_symlink() {
                        links += 1;
                        if links > MAX_LINKS {
                            return Err(rustix::io::Errno::LOOP.into());
                        }
                        left.extend(names(&std::fs::read_link(&next)?));
                    } else {
                        way.real = next;
                    }
                }
            }
        }
        Ok(way)
    }

    fn look_up(&mut self, name: &OsString) -> PathBuf {
        if !self.directories.contains(&self.real) {
            self.directories.push(self.real.clone());
        }
        self.real.join(name)
    }
}

/// The components of a path, the last first, so that the next one is popped.
fn names(path: &Path) -> Vec<OsString> {
    path.components().rev().map(|component| component.as_os_str().to_owned()).collect()
}

/// path_resolution(7): the kernel's own limit.
const MAX_LINKS: usize = 40;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_directory_that_a_link_passes_through_is_on_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(dir.path()).unwrap();
        for name in ["a", "b", "c"] {
            std::fs::create_dir(root.join(name)).unwrap();
        }
        std::os::unix::fs::symlink("../b/second", root.join("a/first")).unwrap();
        std::os::unix::fs::symlink(root.join("c"), root.join("b/second")).unwrap();
        let way = Way::to(&root.join("a/first/file/..")).map(|w| w.real);
        assert!(way.is_err(), "a name that is not there");
        let way = Way::to(&root.join("a/../a/first")).unwrap();
        assert_eq!(way.real, root.join("c"));
        let passed = |name: &str| way.directories.contains(&root.join(name));
        assert!(passed("a") && passed("b") && !passed("c"), "{:?}", way.directories);
        assert_eq!(way.directories.first(), Some(&PathBuf::from("/")));
    }

    #[test]
    fn loops_end() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("loop", dir.path().join("loop")).unwrap();
        assert!(of(&dir.path().join("loop")).is_err());
    }
}
