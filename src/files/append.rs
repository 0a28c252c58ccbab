//! Files that only grow: whole lines are added with one write and synced before anything that depends on them is done. A run that
//! was killed within that write can leave a line without its end; nobody has seen it succeed, so the next addition takes it away.
//! The caller holds the `lock`.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{FileType, OFlags};

use super::{interrupt, open, users};
use crate::change::{Action, Change, Mode};
use crate::content::AppendWrite;
use crate::error::{Error, Result};

/// Adds the lines, or says that it would. All of them are on the disk afterwards, or none.
pub fn append(write: &AppendWrite, mode: Mode) -> Result<Change> {
    let path = &write.path;
    to(open::file(path, OFlags::RDWR).map_err(|closed| closed.told(path, "opening"))?, write, mode)
}

/// The same to a file that is open already.
pub(super) fn to(fd: OwnedFd, write: &AppendWrite, mode: Mode) -> Result<Change> {
    let path = &write.path;
    let failed = |doing: &str, e: std::io::Error| Error::io(path, doing, &e);
    let stat = rustix::fs::fstat(&fd).map_err(|e| failed("looking at it", e.into()))?;
    if !FileType::from_raw_mode(stat.st_mode).is_file() {
        return Err(failed("opening", std::io::Error::other("not a regular file")));
    }
    let file = File::from(fd);
    if mode == Mode::Apply {
        let _signals_wait = interrupt::hold();
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        let end = whole_lines(&file, size).map_err(|e| failed("reading", e))?;
        add(&file, end, &write.lines).map_err(|(doing, e)| {
            // What is there now may be half a line; what was there before is whole.
            let _ = file.set_len(end).and_then(|()| file.sync_all());
            failed(doing, e)
        })?;
    }
    Ok(Change {
        path: path.clone(),
        action: Action::Append,
        what: write.what.clone(),
        mode: Some(stat.st_mode & 0o7777),
        owner: users::user(stat.st_uid),
        group: users::group(stat.st_gid),
        before: None,
        after: None,
        backup: None,
    })
}

fn add(file: &File, end: u64, lines: &[u8]) -> std::result::Result<(), (&'static str, std::io::Error)> {
    if file.metadata().map_err(|e| ("looking at it", e))?.len() != end {
        file.set_len(end).map_err(|e| ("taking a torn line away", e))?;
    }
    file.write_all_at(lines, end).map_err(|e| ("appending", e))?;
    file.sync_all().map_err(|e| ("syncing", e))
}

/// The length up to the last line's end.
fn whole_lines(file: &File, size: u64) -> std::io::Result<u64> {
    const BLOCK: u64 = 4096;
    let mut end = size;
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        let mut block = vec![0; (end - start) as usize];
        file.read_exact_at(&mut block, start)?;
        if let Some(at) = block.iter().rposition(|b| *b == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
