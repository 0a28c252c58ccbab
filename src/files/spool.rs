//! A file without a name for what has to wait until the rest is known. It is gone with the process, however that ends.

use std::fs::File;
use std::io;

use rustix::fs::{MemfdFlags, Mode, OFlags};

/// A new one in the directory for temporary files; in memory where there is no such directory or it has no such files.
pub fn new() -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
    let made = rustix::fs::open(std::env::temp_dir(), flags, Mode::RUSR | Mode::WUSR);
    let made = made.or_else(|_| rustix::fs::memfd_create("pkit", MemfdFlags::CLOEXEC))?;
    Ok(File::from(made))
}
