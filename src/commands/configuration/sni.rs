//! Postfix's table of certificates by name (`tls_server_sni_maps`): a text, and what `postmap -F` makes of it, which holds the
//! private keys themselves. Its entries become parts of the server, so that they are judged like everything else.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Configuration, below};
use crate::checks::perms::{KEY_GROUP_READABLE, KEY_WORLD_READABLE};
use crate::facts::READ;
use crate::files::{facts, read};
use crate::finding::{Finding, Location, rules};
use crate::servers::syntax::Statement;
use crate::settings::{Scope, Scoped, Setting, TlsSettings};

/// What the tables say, and what is wrong with how they are kept.
pub(super) fn tables(configuration: &Configuration, root: &Path) -> (Vec<Scoped>, Vec<Finding>) {
    let (mut scopes, mut findings) = (Vec::new(), Vec::new());
    for statement in configuration.statements.iter().filter(|s| s.is("tls_server_sni_maps")) {
        let at = configuration.place(statement);
        for table in statement.known().unwrap_or_default().split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
            let Some((kind, path)) = table.split_once(':').filter(|(_, path)| path.starts_with('/')) else { continue };
            let text = below(root, Path::new(path));
            findings.extend(kept(&text, &at));
            match read::file(&text) {
                Ok(input) => scopes.extend(entries(&text, &String::from_utf8_lossy(&input.bytes))),
                Err(error) => findings.push(read::NOT_READ.at(at.clone(), error.message)),
            }
            let suffix = match kind {
                "hash" | "btree" => ".db",
                "lmdb" => ".lmdb",
                _ => continue,
            };
            let mut built = text.clone().into_os_string();
            built.push(suffix);
            findings.extend(database(&text, Path::new(&built), &at, &scopes, root));
        }
    }
    (scopes, findings)
}

/// The names and files of a table (postmap(1)): a name, then the files, the key first.
fn entries(path: &Path, text: &str) -> Vec<Scoped> {
    let mut scopes = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with('#')) {
        let Some((name, value)) = line.split_once(char::is_whitespace) else { continue };
        let files: Vec<&str> = value.split([',', ' ', '\t']).filter(|file| !file.is_empty()).collect();
        let column = line.chars().count() - value.trim_start().chars().count() + 1;
        let place = Location::Line { path: path.to_owned(), line: number + 1, column };
        let file = |file: &str| Some(Setting { value: PathBuf::from(file), at: Some(place.clone()) });
        let (Some(first), Some(last)) = (files.first(), files.get(1).or(files.first())) else { continue };
        let settings = TlsSettings { key: file(first), certificate: file(last), ..TlsSettings::default() };
        let wild = name.strip_prefix('.').map(|rest| format!("*.{rest}"));
        scopes.push(Scoped {
            scope: Scope { name: Some(wild.unwrap_or_else(|| name.to_owned())), ..Scope::default() },
            settings,
        });
    }
    scopes
}

/// Who may read it? What is made of the text has the text's mode.
fn kept(path: &Path, at: &Location) -> Option<Finding> {
    let facts = facts::of(path).ok()?;
    let access = &facts.access;
    let message = |who: &str| {
        format!("{} is {:04o}: {who} the keys that postmap -F puts into the table", path.display(), access.mode)
    };
    if access.other_rights() & READ != 0 {
        return Some(KEY_WORLD_READABLE.at(at.clone(), message("everybody may read")));
    }
    let group = access.group_rights() & READ != 0 && access.gid != 0;
    group.then(|| KEY_GROUP_READABLE.at(at.clone(), message("its group may read")))
}

/// What postmap has made of the text.
fn database(text: &Path, built: &Path, at: &Location, scopes: &[Scoped], root: &Path) -> Vec<Finding> {
    let Some(made) = facts::modified(built) else {
        let message = format!("{} is not there: run postmap -F", built.display());
        return vec![SNI_NOT_BUILT.at(at.clone(), message)];
    };
    let mut found = Vec::from_iter(kept(built, at));
    let files = scopes.iter().flat_map(|s| [&s.settings.certificate, &s.settings.key]).flatten();
    let sources = std::iter::once(text.to_owned()).chain(files.map(|file| below(root, &file.value)));
    let newer = |path: &PathBuf| facts::modified(path).is_some_and(|changed: SystemTime| changed > made);
    if let Some(newer) = sources.into_iter().find(newer) {
        let message = format!("{} is newer than {}, which holds a copy of it", newer.display(), built.display());
        found.push(SNI_STALE.at(at.clone(), message));
    }
    // With -F the values are PEM in base64; without it they are the paths as they stand in the text.
    let paths: Vec<&[u8]> =
        scopes.iter().filter_map(|s| Some(s.settings.key.as_ref()?.value.as_os_str().as_encoded_bytes())).collect();
    let holds = |bytes: &[u8]| paths.iter().any(|path| bytes.windows(path.len()).any(|window| window == *path));
    if read::file(built).is_ok_and(|input| holds(&input.bytes)) {
        let message =
            format!("{} was made without -F: it holds the names of files in the place of keys", built.display());
        found.push(SNI_WITHOUT_F.at(at.clone(), message));
    }
    found
}

impl Configuration {
    /// Where a statement stands.
    fn place(&self, statement: &Statement) -> Location {
        let path = self.texts.get(statement.text).map(|text| text.path.clone()).unwrap_or_default();
        Location::Line { path, line: statement.line, column: statement.column }
    }
}

rules! {
    /// No table.
    SNI_NOT_BUILT = Error "postfix-sni-not-built" {
        summary: "the table of certificates by name has not been made from its text",
        help: "postmap -F hash:/etc/postfix/sni (with the table's own name), then postfix reload",
        source: "postconf(5): tls_server_sni_maps",
    }
    /// Made otherwise.
    SNI_WITHOUT_F = Error "postfix-sni-without-f" {
        summary: "the table of certificates by name was made without -F",
        help: "make it anew: postmap -F hash:/etc/postfix/sni (with the table's own name)",
        source: "tried on Postfix 3.7.11: `malformed BASE64 value`, and these names get no TLS",
    }
    /// An older copy.
    SNI_STALE = Warning "postfix-sni-stale" {
        summary: "a certificate or key is newer than the table that holds a copy of it",
        help: "make the table anew with postmap -F after each renewal, then postfix reload",
        source: "tried on Postfix 3.7.11: contents are copied when the table is made",
    }
}
