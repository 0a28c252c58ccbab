//! Postfix's table of certificates by name (`tls_server_sni_maps`): a text, and what `postmap -F` makes of it, which holds the
//! private keys themselves. The text is read with the rest; here is what is wrong with how the two are kept.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::below;
use crate::checks::perms::rules::{KEY_GROUP_READABLE, KEY_WORLD_READABLE};
use crate::facts::READ;
use crate::files::{facts, read};
use crate::finding::{Finding, Location, rules};
use crate::servers::syntax::Statement;
use crate::settings::TlsSettings;

/// A table that a statement names.
pub(super) struct Table<'a> {
    /// `hash`, `lmdb` and the like.
    kind: &'a str,
    /// Its text.
    pub(super) path: &'a Path,
}

/// The tables that a statement names.
pub(super) fn named(statement: &Statement) -> impl Iterator<Item = Table<'_>> {
    let value = if statement.is("tls_server_sni_maps") { statement.known() } else { None };
    value.unwrap_or_default().split([',', ' ', '\t']).filter_map(|word| {
        let (kind, path) = word.split_once(':').filter(|(_, path)| path.starts_with('/'))?;
        Some(Table { kind, path: Path::new(path) })
    })
}

/// What is wrong with how a table is kept. `settings` say what is in it.
pub(super) fn judge(table: &Table<'_>, settings: &TlsSettings, at: &Location, root: &Path) -> Vec<Finding> {
    let text = below(root, table.path);
    let mut found = Vec::from_iter(kept(&text, at, root));
    let suffix = match table.kind {
        "hash" | "btree" => ".db",
        "lmdb" => ".lmdb",
        _ => return found,
    };
    let mut built = text.clone().into_os_string();
    built.push(suffix);
    found.extend(database(&text, Path::new(&built), at, settings, root));
    found
}

/// Who may read it? What is made of the text has the text's mode.
fn kept(path: &Path, at: &Location, root: &Path) -> Option<Finding> {
    let facts = facts::of(&facts::within(root, path).ok()?).ok()?;
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
fn database(text: &Path, built: &Path, at: &Location, settings: &TlsSettings, root: &Path) -> Vec<Finding> {
    let Some(made) = facts::modified(root, built) else {
        let message = format!("{} is not there: run postmap -F", built.display());
        return vec![SNI_NOT_BUILT.at(at.clone(), message)];
    };
    let mut found = Vec::from_iter(kept(built, at, root));
    let scopes = &settings.scopes;
    let files = scopes.iter().flat_map(|s| [&s.settings.certificate, &s.settings.key]).flatten();
    let sources = std::iter::once(text.to_owned()).chain(files.map(|file| below(root, &file.value)));
    let newer = |path: &PathBuf| facts::modified(root, path).is_some_and(|changed: SystemTime| changed > made);
    if let Some(newer) = sources.into_iter().find(newer) {
        let message = format!("{} is newer than {}, which holds a copy of it", newer.display(), built.display());
        found.push(SNI_STALE.at(at.clone(), message));
    }
    // With -F the values are PEM in base64; without it they are the paths as they stand in the text.
    let paths: Vec<&[u8]> =
        scopes.iter().filter_map(|s| Some(s.settings.key.as_ref()?.value.as_os_str().as_encoded_bytes())).collect();
    let holds = |bytes: &[u8]| paths.iter().any(|path| bytes.windows(path.len()).any(|window| window == *path));
    if read::file_within(root, built).is_ok_and(|input| holds(&input.bytes)) {
        let message =
            format!("{} was made without -F: it holds the names of files in the place of keys", built.display());
        found.push(SNI_WITHOUT_F.at(at.clone(), message));
    }
    found
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
