//! The one writer, driven as hard as a machine can drive it: killed at every system call, refused by every one, out of space,
//! beside a second writer, with traps laid out for it. The old file or the new one is there at every instant, whole.

mod attacks;
mod commands;
mod faults;
mod races;
mod signals;
mod traps;
mod worker;

use std::fs;
use std::path::{Path, PathBuf};

use pkit::content::{AppendWrite, Content, FileWrite, Overwrite, Rights, RightsWrite, VersionFile, VersionWrite};
use pkit::plan::{Plan, Step};
use zeroize::Zeroizing;

/// A plan of one file that holds a key.
fn secret(path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>, overwrite: Overwrite) -> Plan {
    let content = Content::Secret(Zeroizing::new(bytes.into()));
    Plan::file(FileWrite { path: path.into(), content, what: "key".into(), overwrite })
}

/// A plan of one file that anybody may read.
fn public(path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>, overwrite: Overwrite) -> Plan {
    let content = Content::Public(bytes.into());
    Plan::file(FileWrite { path: path.into(), content, what: "certificate".into(), overwrite })
}

/// A plan of a key and a chain that belong together: both hold `pair`.
fn set(base: impl Into<PathBuf>, pair: &str, overwrite: Overwrite) -> Plan {
    let key = Content::Secret(Zeroizing::new(pair.into()));
    let file = |name: &'static str, content| VersionFile { name: name.into(), content, what: name.into(), owner: None };
    let files = vec![file("privkey.pem", key), file("fullchain.pem", Content::Public(pair.into()))];
    Plan { steps: vec![Step::Version(VersionWrite { base: base.into(), files, overwrite })], ..Plan::default() }
}

/// A plan of one more line in an index that is there.
fn line(path: impl Into<PathBuf>, text: &str) -> Plan {
    let step = AppendWrite { path: path.into(), lines: format!("{text}\n").into(), what: "a line".into() };
    Plan { steps: vec![Step::Append(step)], ..Plan::default() }
}

/// A plan that leaves the rights to a key to its owner.
fn restrict(path: &Path) -> Plan {
    let facts = pkit::files::facts::of(path).unwrap();
    let rights = Rights { mode: 0o400, owner: None, without_acl: true };
    let (real, id, before) = (facts.real, facts.id, facts.access);
    let step = RightsWrite { path: path.to_owned(), real, id, before, rights };
    Plan { steps: vec![Step::Rights(step)], ..Plan::default() }
}

/// The pair that `current` leads to, which must be whole; none before there is a `current`.
fn current_pair(base: &Path) -> Option<String> {
    let version = base.join(fs::read_link(base.join("current")).ok()?);
    let read = |name| fs::read_to_string(version.join(name)).unwrap();
    assert_eq!(read("privkey.pem"), read("fullchain.pem"), "a mixed pair");
    assert_eq!(mode(&version.join("privkey.pem")), 0o400);
    assert_eq!(mode(&version.join("fullchain.pem")), 0o444);
    assert_eq!(mode(&version), 0o755);
    Some(read("privkey.pem"))
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// The names in a directory, sorted.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
