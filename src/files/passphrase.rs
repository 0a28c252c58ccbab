//! Reads a passphrase from where the user keeps it: a descriptor, a file, a systemd credential, a named variable or the terminal.
//! It is read octet by octet into a buffer of fixed size, so that no copy stays behind and nothing after the first line is taken
//! from whoever reads on.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::termios::{self, LocalModes, OptionalActions, SpecialCodeIndex};
use zeroize::Zeroizing;

use super::read::FILE_MISSING;
use crate::crypto::Passphrase;
use crate::error::{Error, Result, io_words};
use crate::finding::rules;

/// Where a passphrase is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An open descriptor: its first line.
    Descriptor(u32),
    /// A file: its first line.
    File(PathBuf),
    /// A file of `$CREDENTIALS_DIRECTORY`, where systemd puts what LoadCredential= names.
    Credential(String),
    /// A variable of the environment.
    Variable(String),
    /// The terminal of this process.
    Terminal,
    /// Nowhere: nobody is to be asked.
    Nowhere,
}

/// Longest passphrase: what OpenSSL takes (PEM_BUFSIZE).
pub const MAX_LENGTH: usize = 1024;

/// The passphrase for `what`. A person who thinks of a new one types it twice.
pub fn read(source: &Source, what: &str, new: bool) -> Result<Passphrase> {
    match source {
        Source::Descriptor(0) => first_line(io::stdin().as_fd(), Path::new("-")),
        Source::Descriptor(number) => {
            let path = PathBuf::from(format!("/proc/self/fd/{number}"));
            first_line(open(&path, &format!("descriptor {number}"))?.as_fd(), &path)
        }
        Source::File(path) => first_line(private_file(path)?.as_fd(), path),
        Source::Credential(name) => {
            let Some(dir) = std::env::var_os("CREDENTIALS_DIRECTORY") else {
                return Err(needed(what, "there is no $CREDENTIALS_DIRECTORY: systemd sets it for services"));
            };
            if name.contains('/') || name == ".." {
                return Err(Error::usage("a credential is named without a directory"));
            }
            let path = Path::new(&dir).join(name);
            first_line(open(&path, &path.display().to_string())?.as_fd(), &path)
        }
        Source::Variable(name) => match std::env::var_os(name) {
            Some(value) => limited(value.as_bytes()).map(Passphrase::new),
            None => Err(needed(what, &format!("the variable {name} is not set"))),
        },
        Source::Terminal => typed(what, new),
        Source::Nowhere => Err(needed(what, "and --no-input forbids to ask for it")),
    }
}

fn needed(what: &str, why: &str) -> Error {
    Error::input(&PASSPHRASE_NEEDED, format!("a passphrase is needed for {what}, {why}"))
}

fn open(path: &Path, name: &str) -> Result<std::os::fd::OwnedFd> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).map_err(|e| {
        let rule = if e == rustix::io::Errno::NOENT { &FILE_MISSING } else { &PASSPHRASE_UNREADABLE };
        Error::input(rule, format!("{name}: {}", io_words(&e.into()))).path(path)
    })
}

/// A file that only its owner reads. A pipe is as private as whoever made it, and so is what /dev/fd names.
fn private_file(path: &Path) -> Result<std::os::fd::OwnedFd> {
    let file = open(path, &path.display().to_string())?;
    let stat = rustix::fs::fstat(&file).map_err(|e| Error::io(path, "asking for its mode", &e.into()))?;
    let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    let of_descriptor = ["/dev/fd", "/proc/self/fd"].iter().any(|dir| path.starts_with(dir));
    if regular && !of_descriptor && stat.st_mode & 0o077 != 0 {
        let message =
            format!("{} has the mode {:04o}: others can read the passphrase", path.display(), stat.st_mode & 0o7777);
        return Err(Error::refused(&PASSPHRASE_READABLE, message).path(path));
    }
    Ok(file)
}

/// The first line without its end.
fn first_line(from: BorrowedFd<'_>, path: &Path) -> Result<Passphrase> {
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_LENGTH + 1));
    let mut octet = Zeroizing::new([0u8]);
    loop {
        match rustix::io::read(from, octet.as_mut_slice()) {
            Ok(0) => break,
            Ok(_) if octet[0] == b'\n' => break,
            Ok(_) if line.len() == MAX_LENGTH => return Err(too_long()),
            Ok(_) => line.push(octet[0]),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => {
                let message = format!("{}: {}", path.display(), io_words(&e.into()));
                return Err(Error::input(&PASSPHRASE_UNREADABLE, message).path(path));
            }
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Passphrase::new(line))
}

fn limited(octets: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    if octets.len() > MAX_LENGTH { Err(too_long()) } else { Ok(Zeroizing::new(octets.to_vec())) }
}

fn too_long() -> Error {
    Error::input(&PASSPHRASE_UNREADABLE, format!("the passphrase is longer than {MAX_LENGTH} octets"))
        .hint("the first line of the file is the passphrase; is it the right file?")
}

fn typed(what: &str, new: bool) -> Result<Passphrase> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let tty = rustix::fs::open("/dev/tty", flags, Mode::empty())
        .map_err(|_| needed(what, "and there is no terminal to ask for it"))?;
    let first = asked(tty.as_fd(), &format!("Passphrase for {what}: "))?;
    if new && !asked(tty.as_fd(), "The same once more: ")?.same_as(&first) {
        return Err(Error::input(&PASSPHRASE_UNREADABLE, "the two passphrases are not the same").hint("run it again"));
    }
    Ok(first)
}

/// One line from the terminal, unseen. Control-C is taken as a character and not as a signal, so that the terminal is never
/// left without its echo.
fn asked(tty: BorrowedFd<'_>, prompt: &str) -> Result<Passphrase> {
    let failed =
        |e: rustix::io::Errno| Error::input(&PASSPHRASE_UNREADABLE, format!("the terminal: {}", io_words(&e.into())));
    let usual = termios::tcgetattr(tty).map_err(failed)?;
    let mut silent = usual.clone();
    silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
    silent.special_codes[SpecialCodeIndex::VMIN] = 1;
    silent.special_codes[SpecialCodeIndex::VTIME] = 0;
    termios::tcsetattr(tty, OptionalActions::Flush, &silent).map_err(failed)?;
    let line = say(tty, prompt).and_then(|()| line_of_keys(tty));
    let restored = termios::tcsetattr(tty, OptionalActions::Flush, &usual).and_then(|()| say(tty, "\n"));
    let line = line.and_then(|line| restored.map(|()| line)).map_err(failed)?;
    line.map(Passphrase::new).ok_or_else(|| Error::input(&PASSPHRASE_NEEDED, "no passphrase was typed"))
}

fn say(tty: BorrowedFd<'_>, words: &str) -> rustix::io::Result<()> {
    rustix::io::write(tty, words.as_bytes()).map(|_| ())
}

/// What is typed up to Enter; none where it is given up.
fn line_of_keys(tty: BorrowedFd<'_>) -> rustix::io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_LENGTH));
    let mut octet = Zeroizing::new([0u8]);
    loop {
        match rustix::io::read(tty, octet.as_mut_slice()) {
            Ok(0) => return Ok(None),
            Err(rustix::io::Errno::INTR) => continue,
            Err(e) => return Err(e),
            Ok(_) => {}
        }
        match octet[0] {
            b'\n' | b'\r' => return Ok(Some(line)),
            CONTROL_C | CONTROL_D => return Ok(None),
            CONTROL_U => line.clear(),
            BACKSPACE | DELETE => drop_last_character(&mut line),
            key if line.len() < MAX_LENGTH => line.push(key),
            _ => {}
        }
    }
}

const CONTROL_C: u8 = 3;
const CONTROL_D: u8 = 4;
const CONTROL_U: u8 = 21;
const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;

/// A character of UTF-8 has one octet that does not go on another.
fn drop_last_character(line: &mut Vec<u8>) {
    while line.pop().is_some_and(|octet| octet & 0xc0 == 0x80) {}
}

rules! {
    /// No source gives it.
    PASSPHRASE_NEEDED = Error "passphrase-needed" {
        summary: "a key or PKCS#12 file needs a passphrase, and none is to be had",
        help: "give it with --passphrase-file FILE (mode 0600), --passphrase-fd N, --passphrase-credential NAME or --passphrase-env NAME",
        source: "a passphrase as an argument would be seen by every user (proc(5), cmdline), so there is no such option",
    }
    /// Not private.
    PASSPHRASE_READABLE = Error "passphrase-file-readable" {
        summary: "a passphrase file can be read by others than its owner",
        help: "chmod 600 FILE; if others may have read it, change the passphrase",
        source: "what others can read is no secret; ssh(1) refuses private keys in the same way",
    }
    /// It is there, but cannot be had.
    PASSPHRASE_UNREADABLE = Error "passphrase-unreadable" {
        summary: "a passphrase cannot be read from where it should be",
        help: "check that the descriptor is open for reading or that the file is yours",
        source: "open(2), read(2); 1024 octets are the most, as in OpenSSL (PEM_BUFSIZE)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_goes_whole() {
        let mut line = "a\u{20ac}".as_bytes().to_vec();
        drop_last_character(&mut line);
        assert_eq!(line, b"a");
        drop_last_character(&mut line);
        drop_last_character(&mut line);
        assert!(line.is_empty());
    }
}
