//! Reads what the user named: files, directories, standard input. Sizes and counts are bounded, special files are never opened
//! for reading, and what the bytes mean is left to `material`; only a large CRL in PEM is decoded while it comes in.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use rustix::buffer::spare_capacity;
use rustix::fs::{Mode, OFlags};
use rustix::io::retry_on_intr;
use zeroize::Zeroizing;

use super::versions;
use super::way::within;
use crate::error::{Error, Result, io_words};
use crate::finding::{Finding, Location, rules};
use crate::material::CRL_LABEL;
use crate::material::pem::Unwrapping;

/// One file's bytes; they may hold a key, so they are wiped when dropped.
#[derive(Debug)]
pub struct Input {
    /// As named or found; `-` for standard input.
    pub path: PathBuf,
    /// The content.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Was it a CRL in PEM, and nothing else, whose bytes these are (`pem::Unwrapping`)?
    pub unwrapped: bool,
}

/// Largest file that is read: the largest CRLs in public use are below 32 MiB; a file above twice that is a mistake or an attack.
pub const MAX_FILE: u64 = 64 << 20;
/// Most bytes of all files of one run: a directory of the largest ones must not fill the memory.
pub const MAX_TOTAL: u64 = 256 << 20;
/// Most files taken from the directories of one run: a CA's delivery has ten, a system's trust store some hundred.
pub const MAX_FILES: usize = 20_000;
/// Deepest directory below a named one: deliveries unpack into one or two.
pub const MAX_DEPTH: usize = 8;

/// One file that must be there, as it is; `-` is standard input.
pub fn file(path: &Path) -> Result<Input> {
    input(path, |_| None)
}

/// The same below `root`, where links lead to what is there.
pub fn file_within(root: &Path, path: &Path) -> Result<Input> {
    if root == Path::new("/") {
        return file(path);
    }
    let fd = within(root, path).and_then(|here| Ok(rustix::fs::open(here, FLAGS, Mode::empty())?));
    opened(path, fd.map_err(|e| unreadable(path, &e))?)
}

/// The same; a large CRL in PEM comes as DER.
fn unwrapped(path: &Path) -> Result<Input> {
    input(path, |size| (size >= LARGE).then(|| Unwrapping::new(CRL_LABEL)))
}

fn input(path: &Path, unwrapping: impl FnOnce(u64) -> Option<Unwrapping>) -> Result<Input> {
    if path.as_os_str() == "-" {
        return limited(path, io::stdin().lock(), 0, None);
    }
    let fd = rustix::fs::open(path, FLAGS, Mode::empty()).map_err(|e| unreadable(path, &e.into()))?;
    let file = File::from(fd);
    let meta = file.metadata().map_err(|e| unreadable(path, &e))?;
    let size = regular(path, &file, &meta)?;
    limited(path, file, size, unwrapping(size))
}

/// What a FIFO or a terminal does not notice.
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Opens what is no link and can be opened.
pub(super) fn no_link(path: &Path) -> Option<File> {
    rustix::fs::open(path, FLAGS | OFlags::NOFOLLOW, Mode::empty()).ok().map(File::from)
}

/// One that has been opened already, in a way of its own.
pub fn opened(path: &Path, fd: impl Into<OwnedFd>) -> Result<Input> {
    let file = File::from(fd.into());
    let meta = file.metadata().map_err(|e| unreadable(path, &e))?;
    looked_at(path, file, &meta)
}

/// The same, of which the system has told this already.
pub fn looked_at(path: &Path, file: File, meta: &Metadata) -> Result<Input> {
    let size = regular(path, &file, meta)?;
    limited(path, file, size, None)
}

/// From here on it is worth while to decode a text as it comes in: memory that is not needed is not asked of the system.
const LARGE: u64 = 4 << 20;
/// What is read of such a text at once.
const STEP: usize = 4 << 20;

/// Room for what does not tell its size: standard input, and files that the kernel makes up.
const UNKNOWN: usize = 64 << 10;
/// Room for the smallest files: below 32 bytes the standard library reads by way of a buffer of its own, which nobody wipes.
const SMALLEST: usize = 64;

/// Everything that was named: files as they are, directories with the files in them, sorted by name. What in a directory cannot
/// be read is a finding; what was named itself and cannot be read is an error.
pub fn pile(paths: &[PathBuf]) -> Result<(Vec<Input>, Vec<Finding>)> {
    let mut gathered = Gathered { inputs: Vec::new(), findings: Vec::new(), left: MAX_TOTAL };
    for path in paths {
        if path.as_os_str() != "-" && path.is_dir() {
            gathered.directory(path, 0)?;
        } else {
            gathered.file(path)?;
        }
    }
    Ok((gathered.inputs, gathered.findings))
}

/// What has been read so far.
struct Gathered {
    inputs: Vec<Input>,
    findings: Vec<Finding>,
    left: u64,
}

impl Gathered {
    fn file(&mut self, path: &Path) -> Result<()> {
        // Looked at first, so that what is beyond the limit is not even read.
        let size = std::fs::metadata(path).map_or(0, |meta| meta.len());
        if size > self.left && size <= MAX_FILE {
            return Err(too_much(path));
        }
        let input = unwrapped(path)?;
        self.left = self.left.checked_sub(input.bytes.len() as u64).ok_or_else(|| too_much(path))?;
        self.inputs.push(input);
        Ok(())
    }

    /// The files of one directory and of those below it. Links to files are followed, as hashed CA directories consist of them;
    /// links to directories are not, so that no loop can be built. Of the versions that pkit keeps the one in use is read, by
    /// its link, and no other.
    fn directory(&mut self, dir: &Path, depth: usize) -> Result<()> {
        let entries = std::fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = entries.map_err(|e| unreadable(dir, &e))?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        let versions = versions::in_use(dir);
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name());
            if versions && versions::is_kept(&name) {
                continue;
            }
            let is_dir = entry.file_type().is_ok_and(|t| t.is_dir()) || versions && name == versions::CURRENT;
            if is_dir && depth >= MAX_DEPTH {
                self.skip(path, format!("more than {MAX_DEPTH} directories deep"));
                continue;
            }
            if !is_dir && self.inputs.len() >= MAX_FILES {
                self.skip(path, format!("only the first {MAX_FILES} files are read"));
                return Ok(());
            }
            let read = if is_dir { self.directory(&path, depth + 1) } else { self.file(&path) };
            if let Err(error) = read {
                self.skip(path, error.message);
            }
        }
        Ok(())
    }

    fn skip(&mut self, path: PathBuf, why: String) {
        self.findings.push(NOT_READ.at(Location::File(path), why));
    }
}

/// What was opened without waiting (a FIFO would hang) and without becoming a terminal's reader, judged by descriptor; and how
/// large it is.
fn regular(path: &Path, file: &File, meta: &Metadata) -> Result<u64> {
    if meta.is_dir() {
        return Err(Error::input(&IS_DIRECTORY, format!("{} is a directory", path.display())).path(path));
    }
    // A pipe named on the command line is what `<(command)` makes: its other end is open, so waiting for it is right.
    if meta.file_type().is_fifo() && is_pipe(file) {
        rustix::fs::fcntl_setfl(file, OFlags::empty()).map_err(|e| unreadable(path, &e.into()))?;
        return Ok(0);
    }
    if !meta.is_file() {
        return Err(Error::input(&NOT_A_FILE, format!("{} is not a regular file", path.display())).path(path));
    }
    if meta.len() > MAX_FILE {
        return Err(too_large(path, Some(meta.len())));
    }
    Ok(meta.len())
}

/// Only an anonymous pipe (no name of its own in a file system) counts.
fn is_pipe(file: &File) -> bool {
    const PIPEFS_MAGIC: u64 = 0x5049_5045;
    rustix::fs::fstatfs(file).is_ok_and(|fs| fs.f_type as u64 == PIPEFS_MAGIC)
}

/// Reads to the end; `size` is what is expected.
fn limited(path: &Path, mut from: impl Read + AsFd, size: u64, mut unwrapping: Option<Unwrapping>) -> Result<Input> {
    // One byte more than expected shows the end. One growth step could leave a copy of a key behind, so no more is read than the
    // buffer takes, and a larger one is made by hand. All of it is wiped in the end, so a small file gets a small one.
    let capacity = if size == 0 { UNKNOWN } else { (size as usize + 1).max(SMALLEST) };
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    let mut total = 0;
    // A regular file that gives all that it has by its size, and less than there is room for, need not be asked for its end.
    if size > 0 && unwrapping.is_none() {
        let read = retry_on_intr(|| rustix::io::read(&from, spare_capacity(&mut bytes)));
        total = read.map_err(|e| unreadable(path, &e.into()))? as u64;
        if total == size {
            return Ok(Input { path: path.to_owned(), bytes, unwrapped: false });
        }
    }
    loop {
        // What is no CRL may be a key, and a file that has grown since leaves too little room for one.
        let least = if unwrapping.is_some() { 1 } else { SMALLEST };
        if bytes.capacity() - bytes.len() < least {
            let mut larger = Zeroizing::new(Vec::with_capacity(bytes.capacity() * 4));
            larger.extend_from_slice(&bytes);
            bytes = larger;
        }
        let room = bytes.capacity() - bytes.len();
        let room = if unwrapping.is_some() { room.min(STEP) } else { room };
        let n = from.by_ref().take(room as u64).read_to_end(&mut bytes).map_err(|e| unreadable(path, &e))?;
        total += n as u64;
        if total > MAX_FILE {
            return Err(too_large(path, None));
        }
        if n < room {
            let unwrapped = unwrapping.is_some_and(|unwrapping| unwrapping.finish(&mut bytes));
            return Ok(Input { path: path.to_owned(), bytes, unwrapped });
        }
        unwrapping = unwrapping.and_then(|mut u| u.go_on(&mut bytes).then_some(u));
    }
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Error {
    let rule = if error.kind() == io::ErrorKind::NotFound { &FILE_MISSING } else { &FILE_UNREADABLE };
    Error::input(rule, format!("{}: {}", path.display(), io_words(error))).path(path)
}

fn too_large(path: &Path, size: Option<u64>) -> Error {
    let size = size.map_or_else(|| "more than 64 MiB".into(), |n| format!("{} MiB", n >> 20));
    Error::input(&FILE_TOO_LARGE, format!("{} is too large ({size}; pkit reads files up to 64 MiB)", path.display()))
        .path(path)
}

fn too_much(path: &Path) -> Error {
    let message = format!("{} makes it more than {} MiB in all", path.display(), MAX_TOTAL >> 20);
    Error::input(&FILE_TOO_LARGE, message).path(path)
}

rules! {
    /// Nothing there.
    FILE_MISSING = Error "file-missing" {
        summary: "a file that was named is not there",
        help: "check the path; a relative one starts at the current directory",
        source: "open(2), ENOENT",
    }
    /// The system refuses to read it.
    FILE_UNREADABLE = Error "file-unreadable" {
        summary: "a file that was named cannot be read",
        help: "run as a user who may read it; keys of servers usually belong to root",
        source: "open(2), read(2)",
    }
    /// A directory where one file is wanted.
    IS_DIRECTORY = Error "is-directory" {
        summary: "a directory was named where one file is wanted",
        help: "name the file in it",
        source: "open(2), EISDIR",
    }
    /// A FIFO, socket or device.
    NOT_A_FILE = Error "not-a-file" {
        summary: "what was named is a FIFO, a socket or a device",
        help: "name a regular file, or use `-` for standard input",
        source: "reading a FIFO or a device can wait for ever",
    }
    /// Beyond the limit.
    FILE_TOO_LARGE = Error "file-too-large" {
        summary: "the file, or all files together, are larger than anything a CA sends",
        help: "name the certificate, key or CRL file itself",
        source: "the largest public CRLs are below 32 MiB; the limit is 64 MiB, 256 MiB in all, so that memory stays bounded",
    }
    /// A file of a directory that could not be read.
    NOT_READ = Skipped "not-read" {
        summary: "a file found in a directory could not be read",
        help: "make it readable, or name the files that matter one by one",
        source: "open(2); the limits on files and depth keep a run bounded",
    }
}
