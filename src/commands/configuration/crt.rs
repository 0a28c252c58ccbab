//! HAProxy's other ways to name certificates: a directory, a list of files (`crt-list`), and more files on bind lines than the
//! table has rows for. Each file is a pair of its own, which HAProxy shows to whoever asks for a name in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{CONFIG_LIMIT, INCLUDE_UNKNOWN, MAX_FILES, below};
use crate::checks::deployment::FILE_NOT_THERE;
use crate::files::facts::{is_dir, there, within};
use crate::files::read;
use crate::finding::{Finding, Location, rules};
use crate::servers::haproxy::is_option;
use crate::servers::{NOT_UNDERSTOOD, Placed, Server};
use crate::settings::{Scope, Scoped, Setting, TlsSettings};

/// Adds a part for each of these files; a directory stands for no file any more.
pub(super) fn spread(server: &Server, placed: &[Placed<'_>], settings: &mut TlsSettings, root: &Path) -> Vec<Finding> {
    let names = |placed: &Placed<'_>| {
        is_option(placed.statement) && (placed.statement.is("crt") || placed.statement.is("crt-list"))
    };
    if !placed.iter().any(names) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let base =
        || placed.iter().rfind(|p| p.statement.is("crt-base") && *p.statement.scope == ["global"])?.statement.known();
    for (placed, scope) in placed.iter().zip(server.scopes(placed)).filter(|(placed, _)| names(placed)) {
        let statement = placed.statement;
        let Some(named) = statement.known().filter(|path| path.starts_with('/')).map(PathBuf::from) else { continue };
        let here = below(root, &named);
        let (files, faults) = if statement.is("crt-list") {
            entries(placed, &named, root, base())
        } else if is_dir(root, &here) {
            forget(settings, &named);
            of_directory(placed, &named, root)
        } else if is_known(settings, &named) {
            continue;
        } else {
            (vec![Setting::read(named, placed.place())], Vec::new())
        };
        add(settings, &scope, files);
        found.extend(faults);
    }
    found
}

/// Files, and what speaks against them.
type Files = (Vec<Setting<PathBuf>>, Vec<Finding>);

/// All that HAProxy takes: files by their names, without those that stand beside others.
fn of_directory(placed: &Placed<'_>, named: &Path, root: &Path) -> Files {
    let here = below(root, named);
    let entries = match within(root, &here).and_then(std::fs::read_dir) {
        Ok(entries) => entries,
        Err(error) => {
            return (Vec::new(), vec![read::NOT_READ.at(placed.place(), format!("{}: {error}", named.display()))]);
        }
    };
    let beside = |name: &Path| name.extension().is_some_and(|e| BESIDE.iter().any(|beside| e == *beside));
    let names = entries.flatten().map(|entry| PathBuf::from(entry.file_name()));
    let wanted = |name: &PathBuf| {
        let hidden = name.as_os_str().as_encoded_bytes().starts_with(b".");
        // A link that leads nowhere keeps HAProxy from starting.
        !hidden && !beside(name) && there(root, &here.join(name)).map_or(true, |meta| meta.is_file())
    };
    let names: BTreeSet<PathBuf> = names.filter(wanted).collect();
    let files = names.iter().map(|name| Setting::read(named.join(name), placed.place()));
    let nothing = format!("{} holds no certificate", named.display());
    let nothing = names.is_empty().then(|| EMPTY.at(placed.place(), nothing));
    limited(placed, named, files.collect(), nothing.into_iter().collect())
}

/// `FILE [OPTIONS] NAME…` on each line of a list.
fn entries(placed: &Placed<'_>, named: &Path, root: &Path, base: Option<&str>) -> Files {
    let here = below(root, named);
    let text = match read::file_within(root, &here) {
        Ok(input) => String::from_utf8_lossy(&input.bytes).into_owned(),
        Err(error) if error.rule == &read::FILE_MISSING => {
            let message = format!("{} is not there", named.display());
            return (Vec::new(), vec![FILE_NOT_THERE.at(placed.place(), message)]);
        }
        Err(error) => return (Vec::new(), vec![read::NOT_READ.at(placed.place(), error.message)]),
    };
    let (mut files, mut unknown) = (Vec::new(), Vec::new());
    for (line, number) in text.lines().zip(1..) {
        let Some(file) = line.split_whitespace().next().filter(|word| !word.starts_with('#')) else { continue };
        // The options may begin right behind the name.
        let file = file.split('[').next().unwrap_or(file);
        let at = Location::Line { path: here.clone(), line: number, column: 1 };
        let own = own_options(line);
        if !own.is_empty() {
            let message = format!("`{}`: what a line of a list says for itself is not judged", own.join(" "));
            unknown.push(NOT_UNDERSTOOD.at(at.clone(), message));
        }
        match base {
            _ if file.starts_with('/') => files.push(Setting::read(PathBuf::from(file), at)),
            Some(base) if base.starts_with('/') => {
                files.push(Setting::read(Path::new(base).join(file), at));
            }
            _ => {
                unknown.push(INCLUDE_UNKNOWN.at(at, format!("{file}: where it starts depends on where HAProxy does")));
            }
        }
    }
    limited(placed, named, files, unknown)
}

/// What stands in brackets on a line of a list, without the protocols that are spoken within TLS.
fn own_options(line: &str) -> Vec<&str> {
    let options = line.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("", |(options, _)| options);
    let (mut own, mut words) = (Vec::new(), options.split_whitespace());
    while let Some(word) = words.next() {
        match word {
            "alpn" | "npn" => drop(words.next()),
            "no-alpn" => {}
            word => own.push(word),
        }
    }
    own
}

fn limited(placed: &Placed<'_>, named: &Path, mut files: Vec<Setting<PathBuf>>, mut found: Vec<Finding>) -> Files {
    if files.len() > MAX_FILES {
        files.truncate(MAX_FILES);
        let message = format!("only the first {MAX_FILES} certificates of {} are looked at", named.display());
        found.push(CONFIG_LIMIT.at(placed.place(), message));
    }
    (files, found)
}

/// Pairs that are shown with all else that holds for their bind line.
fn add(settings: &mut TlsSettings, scope: &Scope, files: Vec<Setting<PathBuf>>) {
    let mut part = TlsSettings::default();
    if let Some(scoped) = settings.scopes.iter_mut().find(|scoped| scoped.scope == *scope) {
        // With a list alone the line has no certificate of its own, and not another line's.
        for slot in [&mut scoped.settings.certificate, &mut scoped.settings.key] {
            slot.get_or_insert_with(nothing);
        }
        part = scoped.settings.clone();
    }
    settings.scopes.extend(files.into_iter().map(|file| Scoped {
        scope: scope.clone(),
        settings: TlsSettings {
            certificate: Some(file.clone()),
            key: Some(file),
            alt_certificate: Some(nothing()),
            alt_key: Some(nothing()),
            ..part.clone()
        },
    }));
}

/// In a scope, what takes the outer one away.
fn nothing() -> Setting<PathBuf> {
    PathBuf::new().into()
}

/// Is it in a row of the table?
fn is_known(settings: &TlsSettings, file: &Path) -> bool {
    let all = std::iter::once(settings).chain(settings.scopes.iter().map(|scoped| &scoped.settings));
    let files = all.flat_map(|settings| [&settings.certificate, &settings.alt_certificate]).flatten();
    files.into_iter().any(|setting| setting.value == file)
}

fn forget(settings: &mut TlsSettings, directory: &Path) {
    let slots = |s: &mut TlsSettings, instead: Option<Setting<PathBuf>>| {
        for slot in [&mut s.certificate, &mut s.key, &mut s.alt_certificate, &mut s.alt_key] {
            if slot.as_ref().is_some_and(|file| file.value == directory) {
                slot.clone_from(&instead);
            }
        }
    };
    settings.scopes.iter_mut().for_each(|scoped| slots(&mut scoped.settings, Some(nothing())));
    slots(settings, None);
}

/// What stands beside a certificate, and is loaded with it (HAProxy's manual, `crt`).
const BESIDE: &[&str] = &["key", "issuer", "ocsp", "sctl"];

rules! {
    /// Nothing in it.
    EMPTY = Error "haproxy-directory-empty" {
        summary: "a directory that a bind line takes its certificates from holds none",
        help: "put files with certificate, chain and key into it",
        source: "tried on HAProxy 2.6.12: `no SSL certificate specified for bind`, and it does not start",
    }
}
