//! HAProxy's other ways to name certificates: a directory, a list of files (`crt-list`), and more files on one bind line than the
//! table has rows for. Each file is a pair of its own, which HAProxy shows to whoever asks for a name in it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{INCLUDE_UNKNOWN, MAX_FILES, below};
use crate::checks::deployment::FILE_NOT_THERE;
use crate::files::{glob, read};
use crate::finding::{Finding, Location, rules};
use crate::servers::Placed;
use crate::settings::{Scope, Scoped, Setting, TlsSettings};

/// Adds a part for each of these files; a directory stands for no file any more.
pub(super) fn spread(placed: &[Placed<'_>], settings: &mut TlsSettings, root: &Path) -> Vec<Finding> {
    let (mut found, mut on_line) = (Vec::new(), HashMap::<usize, usize>::new());
    for placed in placed.iter().filter(|placed| on_bind_line(placed)) {
        let statement = placed.statement;
        let Some(named) = statement.known().filter(|path| path.starts_with('/')).map(PathBuf::from) else { continue };
        let here = below(root, &named);
        if statement.is("crt-list") {
            match entries(placed, &named, &here) {
                Ok((files, unknown)) => {
                    found.extend(unknown);
                    add(settings, placed, files);
                }
                Err(fault) => found.push(fault),
            }
        }
        if statement.is("crt") {
            let before = on_line.entry(statement.block).or_default();
            *before += 1;
            if here.is_dir() {
                let at = Some(placed.place());
                let files = of_directory(&here).filter_map(|file| Some(named.join(file.file_name()?)));
                let files: Vec<_> = files.map(|value| Setting { value, at: at.clone() }).collect();
                if files.is_empty() {
                    found.push(EMPTY.at(placed.place(), format!("{} holds no certificate", named.display())));
                }
                add(settings, placed, files);
                forget(settings, &named);
            } else if *before > ROWS {
                add(settings, placed, vec![Setting { value: named, at: Some(placed.place()) }]);
            }
        }
    }
    found
}

fn on_bind_line(placed: &Placed<'_>) -> bool {
    matches!(&placed.statement.scope[..], [_, bind] if bind.starts_with("bind "))
}

/// All files but those that belong to others (HAProxy's manual, `crt`).
fn of_directory(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let files = glob::matches(&directory.join("*"), MAX_FILES).into_iter();
    let beside = |file: &Path| file.extension().is_some_and(|e| BESIDE.iter().any(|beside| e == *beside));
    files.filter(move |file| file.is_file() && !beside(file))
}

/// `FILE [OPTIONS] NAME…` on each line of a list, and what in it is not followed.
fn entries(placed: &Placed<'_>, named: &Path, here: &Path) -> Result<(Vec<Setting<PathBuf>>, Vec<Finding>), Finding> {
    let input = read::file(here).map_err(|error| {
        let missing = error.rule == &read::FILE_MISSING;
        let message = if missing { format!("{} is not there", named.display()) } else { error.message };
        if missing { &FILE_NOT_THERE } else { &read::NOT_READ }.at(placed.place(), message)
    })?;
    let (mut files, mut unknown) = (Vec::new(), Vec::new());
    for (n, line) in String::from_utf8_lossy(&input.bytes).lines().enumerate() {
        let Some(file) = line.split_whitespace().next().filter(|word| !word.starts_with('#')) else { continue };
        let at = Location::Line { path: here.to_owned(), line: n + 1, column: 1 };
        if file.starts_with('/') {
            files.push(Setting { value: PathBuf::from(file), at: Some(at) });
        } else {
            unknown.push(INCLUDE_UNKNOWN.at(at, format!("{file}: where it starts depends on where HAProxy does")));
        }
    }
    Ok((files, unknown))
}

/// Pairs that are shown with all else that holds for their bind line.
fn add(settings: &mut TlsSettings, placed: &Placed<'_>, files: Vec<Setting<PathBuf>>) {
    let line = placed.place().line();
    let there = |settings: &TlsSettings| {
        let slots = [&settings.certificate, &settings.alt_certificate];
        slots.into_iter().flatten().any(|file| file.at.as_ref().is_some_and(|at| at.line() == line))
    };
    let part = settings.scopes.iter().find(|scoped| there(&scoped.settings));
    let (scope, part) = part.map_or_else(Default::default, |scoped| (scoped.scope.clone(), scoped.settings.clone()));
    settings.scopes.extend(files.into_iter().map(|file| Scoped {
        scope: Scope::clone(&scope),
        settings: TlsSettings {
            certificate: Some(file.clone()),
            key: Some(file),
            alt_certificate: None,
            alt_key: None,
            ..part.clone()
        },
    }));
}

fn forget(settings: &mut TlsSettings, directory: &Path) {
    let scoped = settings.scopes.iter_mut().map(|scoped| &mut scoped.settings);
    let slots = |s: &mut TlsSettings| {
        for slot in [&mut s.certificate, &mut s.key, &mut s.alt_certificate, &mut s.alt_key] {
            slot.take_if(|file| file.value == directory);
        }
    };
    scoped.for_each(slots);
    slots(settings);
}

/// As many `crt` of a bind line are read by the table.
const ROWS: usize = 2;
/// What stands beside a certificate, and is loaded with it.
const BESIDE: &[&str] = &["key", "issuer", "ocsp", "sctl"];

rules! {
    /// Nothing in it.
    EMPTY = Error "haproxy-directory-empty" {
        summary: "a directory that a bind line takes its certificates from holds none",
        help: "put files with certificate, chain and key into it",
        source: "tried on HAProxy 2.6.12: `no SSL certificate specified for bind`, and it does not start",
    }
}
