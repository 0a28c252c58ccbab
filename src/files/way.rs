//! How the kernel gets to a file (path_resolution(7)), step by step: a link on the way is as good as its directory is, and in an
//! image or chroot every path begins at the image's own root. Nothing is opened.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::read;
use super::users::Users;
use crate::error::{self, io_words};

/// The tree of files that is looked at: this system's, or that of an image or chroot, with the users that it knows.
#[derive(Debug)]
pub struct Tree {
    /// Where its `/` is on this system.
    root: PathBuf,
    /// Who is known there.
    pub users: Users,
}

impl Tree {
    /// This system's.
    pub fn here() -> Tree {
        Tree { root: PathBuf::from("/"), users: Users::here() }
    }

    /// The one below this directory.
    pub fn at(root: &Path) -> error::Result<Tree> {
        let real = std::fs::canonicalize(root).map_err(|e| read::unreadable(root, &e))?;
        Ok(Tree { users: Users::of(&real)?, root: real })
    }

    /// Is it this system's?
    pub(super) fn is_here(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Where a path of the tree is on this system. Only what has no links in it may be asked for.
    pub fn on_disk(&self, real: &Path) -> PathBuf {
        on_disk(&self.root, real)
    }
}

/// Where a path of a tree ends, as the tree has it: an absolute path without links.
pub fn real(tree: &Tree, path: &Path) -> io::Result<PathBuf> {
    Way::to(tree, path).map(|way| way.real)
}

/// Where a path below `root` leads, as the tree has it whose `/` that is, seen from here: the kernel would follow a link of an
/// image from this system's own root. A path that is not below it, or of this system itself, stays as it is, and what is not
/// there is where it would be. An error where links lead to links without end.
pub fn within(root: &Path, path: &Path) -> io::Result<PathBuf> {
    if root == Path::new("/") {
        return Ok(path.to_owned());
    }
    let inner = match path.strip_prefix(root) {
        Ok(inner) => inner.to_owned(),
        // Either may have been typed in another way.
        Err(_) => match std::path::absolute(path)?.strip_prefix(std::path::absolute(root)?) {
            Ok(inner) => inner.to_owned(),
            Err(_) => return Ok(path.to_owned()),
        },
    };
    match Way::through(root, &Path::new("/").join(inner)) {
        Ok(way) => Ok(on_disk(root, &way.real)),
        Err(Stuck { at: Some(at), .. }) => Ok(on_disk(root, &at)),
        Err(stuck) => Err(stuck.why),
    }
}

/// What is where a path below `root` leads.
pub fn there(root: &Path, path: &Path) -> io::Result<std::fs::Metadata> {
    std::fs::metadata(within(root, path)?)
}

/// Does a path below `root` lead to a directory?
pub fn is_dir(root: &Path, path: &Path) -> bool {
    there(root, path).is_ok_and(|meta| meta.is_dir())
}

fn on_disk(root: &Path, real: &Path) -> PathBuf {
    root.join(real.strip_prefix("/").unwrap_or(real))
}

/// The way to a path of a tree.
pub(super) struct Way {
    /// Where the path ends, as the tree has it.
    pub(super) real: PathBuf,
    /// Every directory in which a name was looked up, in order.
    pub(super) directories: Vec<PathBuf>,
    /// What the path itself is a link to, if it is one.
    pub(super) link: Option<PathBuf>,
}

/// A way that goes no further.
struct Stuck {
    why: io::Error,
    /// The name that could not be looked up, and what would come behind it; none where it is one link too many.
    at: Option<PathBuf>,
}

impl Way {
    pub(super) fn to(tree: &Tree, path: &Path) -> io::Result<Way> {
        // In another tree there is no directory that one is in.
        let path = if tree.is_here() { std::path::absolute(path)? } else { Path::new("/").join(path) };
        Way::through(&tree.root, &path).map_err(|stuck| stuck.why)
    }

    /// The way to an absolute path of the tree whose `/` is `root` on this system.
    fn through(root: &Path, path: &Path) -> Result<Way, Stuck> {
        let mut way = Way { real: PathBuf::from("/"), directories: Vec::new(), link: None };
        let mut left = names(path);
        let mut links = 0;
        while let Some(name) = left.pop() {
            match name.as_encoded_bytes() {
                b"/" => way.real = PathBuf::from("/"),
                b"." => {}
                b".." => drop(way.real.pop()),
                _ => {
                    let next = way.look_up(&name);
                    match link(&on_disk(root, &next)) {
                        Ok(None) => way.real = next,
                        Ok(Some(target)) if links < MAX_LINKS => {
                            links += 1;
                            if left.is_empty() && way.link.is_none() {
                                way.link = Some(target.clone());
                            }
                            left.extend(names(&target));
                        }
                        Ok(Some(_)) => {
                            return Err(Stuck { why: way.failed(rustix::io::Errno::LOOP.into()), at: None });
                        }
                        Err(why) => {
                            let at = left.iter().rev().fold(next, |path, name| path.join(name));
                            return Err(Stuck { why: way.failed(why), at: Some(at) });
                        }
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

    /// Where the path itself is a link, the reason alone would puzzle.
    fn failed(&self, why: io::Error) -> io::Error {
        match &self.link {
            Some(to) => io::Error::new(why.kind(), format!("a link to {}: {}", to.display(), io_words(&why))),
            None => why,
        }
    }
}

/// What a path is a link to, if it is one.
fn link(path: &Path) -> io::Result<Option<PathBuf>> {
    match std::fs::symlink_metadata(path)?.is_symlink() {
        true => std::fs::read_link(path).map(Some),
        false => Ok(None),
    }
}

/// The components of a path, the last first, so that the next one is popped.
pub(super) fn names(path: &Path) -> Vec<OsString> {
    path.components().rev().map(|component| component.as_os_str().to_owned()).collect()
}

/// path_resolution(7): the kernel's own limit.
pub(super) const MAX_LINKS: usize = 40;

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
        let here = Tree::here();
        let way = Way::to(&here, &root.join("a/first/file/..")).map(|w| w.real);
        assert!(way.is_err(), "a name that is not there");
        let way = Way::to(&here, &root.join("a/../a/first")).unwrap();
        assert_eq!(way.real, root.join("c"));
        let passed = |name: &str| way.directories.contains(&root.join(name));
        assert!(passed("a") && passed("b") && !passed("c"), "{:?}", way.directories);
        assert_eq!(way.directories.first(), Some(&PathBuf::from("/")));
    }

    #[test]
    fn links_of_an_image_stay_in_the_image() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["etc", "srv"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        std::fs::File::create_new(dir.path().join("etc/passwd")).unwrap();
        std::fs::File::create_new(dir.path().join("etc/group")).unwrap();
        std::os::unix::fs::symlink("/srv", dir.path().join("etc/ssl")).unwrap();
        std::os::unix::fs::symlink("../../../../srv", dir.path().join("etc/up")).unwrap();
        let image = Tree::at(dir.path()).unwrap();
        for path in ["/etc/ssl", "etc/up", "/../srv/."] {
            let way = Way::to(&image, Path::new(path)).unwrap();
            assert_eq!((way.real.as_path(), image.on_disk(&way.real)), (Path::new("/srv"), dir.path().join("srv")));
        }
        std::os::unix::fs::symlink("/etc/turn", dir.path().join("etc/turn")).unwrap();
        let within = |path: &str| within(dir.path(), &dir.path().join(path)).ok();
        assert_eq!(within("etc/ssl"), Some(dir.path().join("srv")));
        assert_eq!(within("etc/ssl/../none/key.pem"), Some(dir.path().join("none/key.pem")));
        assert_eq!(within("etc/turn"), None);
        assert_eq!(super::within(Path::new("/"), Path::new("/etc/../srv")).unwrap(), Path::new("/etc/../srv"));
        let [root, path] = [dir.path().join("./etc/.."), dir.path().join("etc/ssl")];
        assert_eq!(super::within(&root, &path).unwrap(), path, "another root");
        let root = PathBuf::from(format!("{}//.", dir.path().display()));
        assert_eq!(super::within(&root, &path).unwrap(), dir.path().join("srv"));
    }
}
