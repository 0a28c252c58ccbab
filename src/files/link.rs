//! One symbolic link to a file beside it, as directories of CAs consist of. A new link is made in one step and never takes the
//! place of anything; an old one is exchanged by one rename, so at every instant the name leads somewhere. Which links there
//! should be is for the commands.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use super::open::{self, Closed};
use super::temporary::{self, failed, owner_of_new};
use super::{interrupt, users};
use crate::change::{Action, Change, Mode};
use crate::content::{LinkWrite, Overwrite};
use crate::error::{Error, Result};
use crate::finding::rules;

/// Leaves one link behind, or says what doing so would change.
pub fn link(write: &LinkWrite, mode: Mode) -> Result<Change> {
    let (Some(dir_path), Some(name)) = (write.path.parent(), write.path.file_name()) else {
        return Err(Error::bug("a link without a name"));
    };
    let dir = open::directory(dir_path).map_err(|closed| closed.told(dir_path, "opening the directory"))?;
    let action = action(write, &dir, name)?;
    if mode == Mode::Apply && action != Action::Unchanged {
        let _held = interrupt::hold();
        put(write, &dir, name, action)?;
    }
    Ok(change(write, action))
}

/// A name in a directory of links.
#[derive(Debug)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// What it leads to; none for what is no link.
    pub target: Option<String>,
    /// Does the link lead nowhere?
    pub dangling: bool,
}

/// What stands in a directory of links. A directory that is not there has nothing in it.
pub fn entries(dir: &Path) -> Result<Vec<Entry>> {
    let opened = match open::directory(dir) {
        Err(Closed::System(Errno::NOENT)) => return Ok(Vec::new()),
        opened => opened.map_err(|closed| closed.told(dir, "opening the directory"))?,
    };
    let entry = |name: &OsStr| {
        let target = rustix::fs::readlinkat(&opened, name, Vec::new()).ok();
        let lost = matches!(rustix::fs::statat(&opened, name, AtFlags::empty()), Err(Errno::NOENT));
        Entry {
            name: name.to_string_lossy().into_owned(),
            dangling: target.is_some() && lost,
            target: target.map(|to| to.to_string_lossy().into_owned()),
        }
    };
    Ok(temporary::entries(&opened).iter().map(|name| entry(name)).collect())
}

fn action(write: &LinkWrite, dir: &OwnedFd, name: &OsStr) -> Result<Action> {
    let shown = write.path.display();
    let refuse = |rule, message: String| Err(Error::refused(rule, message).path(&write.path));
    let stat = match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(Action::Create),
        Err(e) => return Err(Error::io(&write.path, "looking at it", &e.into())),
    };
    if !FileType::from_raw_mode(stat.st_mode).is_symlink() {
        return refuse(&NOT_A_LINK, format!("{shown} exists and is not a symbolic link"));
    }
    let target = rustix::fs::readlinkat(dir, name, Vec::new());
    let target = target.map_err(|e| Error::io(&write.path, "reading the link", &e.into()))?;
    match write.overwrite {
        _ if target.to_bytes() == write.target.as_bytes() => Ok(Action::Unchanged),
        Overwrite::Replace => Ok(Action::Replace),
        Overwrite::Refuse => refuse(&LINK_EXISTS, format!("{shown} leads to {}", target.to_string_lossy())),
    }
}

fn put(write: &LinkWrite, dir: &OwnedFd, name: &OsStr, action: Action) -> Result<()> {
    let placed = if action == Action::Create {
        rustix::fs::symlinkat(&write.target, dir, name).map_err(failed("making the link"))
    } else {
        temporary::Link::new(dir.as_fd(), name, &write.target)
            .and_then(|made| made.replace(name).map_err(failed("exchanging the link")))
    };
    placed.map_err(|(doing, e)| Error::io(&write.path, doing, &e))?;
    rustix::fs::fsync(dir).map_err(|e| {
        Error::io(&write.path, "syncing the directory", &e.into())
            .state("the link is in place, but a power failure now could undo it")
    })
}

fn change(write: &LinkWrite, action: Action) -> Change {
    let (uid, gid) = owner_of_new();
    Change {
        path: write.path.clone(),
        action,
        what: format!("-> {}", write.target),
        mode: None,
        owner: users::user(uid),
        group: users::group(gid),
        before: None,
        after: None,
        backup: None,
    }
}

rules! {
    /// Another link.
    LINK_EXISTS = Error "link-exists" {
        summary: "a link that is to be made is there already and leads elsewhere",
        help: "use --force to make it lead to the new file, or choose another directory",
        source: "pkit never overwrites unasked",
    }
    /// Not a link at all.
    NOT_A_LINK = Error "not-a-link" {
        summary: "a file or directory stands where a link is to be made",
        help: "move it away, or choose another directory",
        source: "pkit never overwrites a file by a link",
    }
}
