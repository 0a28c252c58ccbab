//! Gathers what the system says about one path: kind, mode, owner, ACL, number of names, and every directory on the way there.
//! Nothing is opened, so that no FIFO or device is touched, unless it is to be read as well. Nothing is judged. Whole trees are
//! for `walk`.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::way::Way;
pub use super::way::{Tree, is_dir, real, there, within};
use super::{acl, read};
use crate::facts::{Access, Acl, DirFacts, FileFacts, FileId, FileKind, Parents};

/// The facts about one path.
pub fn of(path: &Path) -> io::Result<FileFacts> {
    Gatherer::new(&Tree::here()).file(path)
}

/// When the content of what a path below `root` leads to was last changed; none where it is not there.
pub fn modified(root: &Path, path: &Path) -> Option<std::time::SystemTime> {
    there(root, path).and_then(|meta| meta.modified()).ok()
}

/// A directory and every one in which a name is looked up on the way to it, the nearest first.
pub fn directories(path: &Path) -> io::Result<Parents> {
    let tree = Tree::here();
    let way = Way::to(&tree, path)?;
    let mut gatherer = Gatherer::new(&tree);
    std::iter::once(&way.real).chain(way.directories.iter().rev()).map(|dir| gatherer.directory(dir)).collect()
}

/// Remembers directories: many files have the same ones above them.
pub struct Gatherer<'a> {
    tree: &'a Tree,
    directories: BTreeMap<PathBuf, Arc<DirFacts>>,
    /// Where a directory really is, and itself with all that are above it, by the path that was asked for. No hash map: the writer
    /// looks here too, and where the system has no random numbers to give, to make one is to panic.
    above: BTreeMap<PathBuf, (PathBuf, Parents)>,
}

/// A path that was followed to its end.
struct End {
    real: PathBuf,
    is_link: bool,
    parents: Parents,
}

impl<'a> Gatherer<'a> {
    /// For paths of this tree.
    pub fn new(tree: &'a Tree) -> Gatherer<'a> {
        Gatherer { tree, directories: BTreeMap::new(), above: BTreeMap::new() }
    }

    /// The facts about one path.
    pub fn file(&mut self, path: &Path) -> io::Result<FileFacts> {
        let (end, meta) = self.end(path)?;
        let acl = acl::of(&self.tree.on_disk(&end.real), &self.tree.users)?;
        Ok(self.facts(path, end, &meta, acl))
    }

    /// A file of this system to be read, what the system says of just what was opened, and the facts about it; none where it is a
    /// link or cannot be opened.
    pub fn open(&mut self, path: &Path) -> Option<((File, Metadata), FileFacts)> {
        let (real, parents) = self.beside(path).filter(|_| self.tree.is_here())?;
        let file = read::no_link(path)?;
        let (meta, acl) = (file.metadata().ok()?, acl::of_open(&file, &self.tree.users).ok()?);
        let facts = self.facts(path, End { real, is_link: false, parents }, &meta, acl);
        Some(((file, meta), facts))
    }

    fn facts(&self, path: &Path, End { real, is_link, parents }: End, meta: &Metadata, acl: Option<Acl>) -> FileFacts {
        FileFacts {
            path: path.to_owned(),
            kind: match meta.file_type() {
                kind if kind.is_file() => FileKind::File,
                kind if kind.is_dir() => FileKind::Directory,
                _ => FileKind::Special,
            },
            is_link,
            access: access(self.tree, meta, acl),
            links: meta.nlink(),
            id: id(meta),
            parents,
            real,
        }
    }

    fn end(&mut self, path: &Path) -> io::Result<(End, Metadata)> {
        // Of a file that is no link only its own name is new, where its directory is known.
        if let Some((real, parents)) = self.beside(path) {
            let meta = std::fs::symlink_metadata(self.tree.on_disk(&real))?;
            if !meta.is_symlink() {
                return Ok((End { real, is_link: false, parents }, meta));
            }
        }
        let way = Way::to(self.tree, path)?;
        let meta = std::fs::symlink_metadata(self.tree.on_disk(&way.real))?;
        let parents = way.directories.iter().rev().map(|dir| self.directory(dir)).collect::<io::Result<_>>()?;
        Ok((End { real: way.real, is_link: way.link.is_some(), parents }, meta))
    }

    /// What an absolute path comes to, if it is no link, with the directories above it; none where these cannot be followed.
    fn beside(&mut self, path: &Path) -> Option<(PathBuf, Parents)> {
        let (above, name) = (path.parent().filter(|above| above.is_absolute())?, path.file_name()?);
        if !self.above.contains_key(above) {
            let way = Way::to(self.tree, above).ok()?;
            let others = way.directories.iter().rev().filter(|dir| **dir != way.real);
            let all = std::iter::once(&way.real).chain(others);
            let parents = all.map(|dir| self.directory(dir)).collect::<io::Result<_>>().ok()?;
            self.above.insert(above.to_owned(), (way.real, parents));
        }
        self.above.get(above).map(|(real, parents)| (real.join(name), parents.clone()))
    }

    fn directory(&mut self, path: &Path) -> io::Result<Arc<DirFacts>> {
        if let Some(known) = self.directories.get(path) {
            return Ok(known.clone());
        }
        let disk = self.tree.on_disk(path);
        let meta = std::fs::symlink_metadata(&disk)?;
        let access = access(self.tree, &meta, acl::of(&disk, &self.tree.users)?);
        let facts = Arc::new(DirFacts { path: path.to_owned(), access, id: id(&meta) });
        self.directories.insert(path.to_owned(), facts.clone());
        Ok(facts)
    }
}

pub(super) fn access(tree: &Tree, meta: &Metadata, acl: Option<Acl>) -> Access {
    Access {
        mode: meta.mode() & 0o7777,
        uid: meta.uid(),
        gid: meta.gid(),
        owner: tree.users.user(meta.uid()),
        group: tree.users.group(meta.gid()),
        acl,
    }
}

pub(super) fn id(meta: &Metadata) -> FileId {
    FileId { device: meta.dev(), inode: meta.ino() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_end() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("loop", dir.path().join("loop")).unwrap();
        assert!(of(&dir.path().join("loop")).is_err());
    }
}
