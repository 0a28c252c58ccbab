//! Locks between runs that change the same thing, such as the index of a CA. The lock is on the open file, so it goes when the
//! process goes, however that ends. The file is one that only its owner can open: whoever can open a file can lock it, and so
//! make others wait.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;

use super::open;
use crate::change::Wait;
use crate::error::{Error, Result};
use crate::finding::rules;

/// Held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: OwnedFd,
}

/// Locks a file that is there.
pub fn exclusive(path: &Path, wait: Wait) -> Result<Lock> {
    hold(open::file(path, OFlags::RDONLY).map_err(|closed| closed.told(path, "locking"))?, path, wait)
}

/// Locks a file that is open.
pub(super) fn hold(file: OwnedFd, path: &Path, wait: Wait) -> Result<Lock> {
    let how = match wait {
        Wait::Until => FlockOperation::LockExclusive,
        Wait::Never => FlockOperation::NonBlockingLockExclusive,
    };
    match rustix::io::retry_on_intr(|| rustix::fs::flock(&file, how)) {
        Ok(()) => Ok(Lock { _file: file }),
        Err(Errno::WOULDBLOCK) => {
            Err(Error::refused(&LOCK_HELD, format!("another run is at work on {}", path.display())).path(path))
        }
        Err(e) => Err(Error::io(path, "locking", &e.into())),
    }
}

rules! {
    /// Somebody else is at work.
    LOCK_HELD = Error "lock-held" {
        summary: "another run of pkit is changing the same thing",
        help: "try again later, or leave out --no-wait to wait for it",
        source: "flock(2); pkit changes the index of a CA under a lock only",
    }
}
