//! Which files a pattern of a configuration names (glob(7)): `conf.d/*.conf`. Only directory entries are looked at; nothing is
//! opened, and what is found is bounded.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use super::read::MAX_DEPTH;
use super::way::{is_dir, there, within};

/// The paths that exist and fit, sorted. A pattern without a wildcard names itself. Links lead to what is below `root`.
pub fn matches(root: &Path, pattern: &Path, limit: usize) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        found = match part {
            Component::Normal(name) if is_pattern(name) => {
                found.iter().flat_map(|dir| entries(root, dir, |entry| fits(name, entry))).take(limit).collect()
            }
            other => found.into_iter().map(|path| path.join(other)).collect(),
        };
    }
    found.retain(|path| there(root, path).is_ok());
    found.sort();
    found
}

/// The files of a directory and of those below it, sorted. Links lead to what is below `root`.
pub fn below(root: &Path, dir: &Path, limit: usize) -> Vec<PathBuf> {
    fn walk(root: &Path, dir: &Path, depth: usize, limit: usize, found: &mut Vec<PathBuf>) {
        let mut all = entries(root, dir, |_| true);
        all.sort();
        for path in all {
            if found.len() == limit {
                return;
            }
            // A link to a directory could lead back here.
            if !is_dir(root, &path) {
                found.push(path);
            } else if depth < MAX_DEPTH && !path.is_symlink() {
                walk(root, &path, depth + 1, limit, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(root, dir, 0, limit, &mut found);
    found
}

fn entries(root: &Path, dir: &Path, wanted: impl Fn(&OsStr) -> bool) -> Vec<PathBuf> {
    let dir_or_here = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let Ok(entries) = within(root, dir_or_here).and_then(std::fs::read_dir) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name());
    names.filter(|name| wanted(name)).map(|name| dir.join(name)).collect()
}

fn is_pattern(name: &OsStr) -> bool {
    name.as_encoded_bytes().iter().any(|b| b"*?[".contains(b))
}

/// `*`, `?` and `[…]`; a `*` or `?` in front does not stand for a dot.
fn fits(pattern: &OsStr, name: &OsStr) -> bool {
    let (pattern, name) = (pattern.as_encoded_bytes(), name.as_encoded_bytes());
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    // Where the last `*` stood, and how much of the name it has taken: going back there is enough, so no pattern takes long.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match one(&pattern[p..], name[n]) {
            _ if pattern.get(p) == Some(&b'*') => {
                star = Some((p + 1, n));
                p += 1;
            }
            Some(taken) => (p, n) = (p + taken, n + 1),
            None => match star {
                Some((behind, taken)) => {
                    star = Some((behind, taken + 1));
                    (p, n) = (behind, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

/// How much of the pattern stands for this one byte of a name.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'[', set @ ..] => {
            let end = set.iter().skip(1).position(|b| *b == b']')? + 1;
            let (negated, set) = match &set[..end] {
                [b'!' | b'^', rest @ ..] => (true, rest),
                rest => (false, rest),
            };
            let mut inside = false;
            let mut i = 0;
            while i < set.len() {
                let range = set.get(i + 1) == Some(&b'-') && i + 2 < set.len();
                let last = if range { set[i + 2] } else { set[i] };
                inside |= (set[i]..=last).contains(&byte);
                i += if range { 3 } else { 1 };
            }
            (inside != negated).then_some(end + 2)
        }
        [literal, ..] => (*literal == byte).then_some(1),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_what_glob_7_says() {
        let cases = [
            ("*.conf", "a.conf", true),
            ("*.conf", ".a.conf", false),
            ("*.conf", "a.conf~", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("?", "a", true),
            ("?", "", false),
            ("[0-9]*", "10-ssl", true),
            ("[!0-9]*", "10-ssl", false),
            ("[ab]", "b", true),
            ("[", "[", false),
            ("*", "", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(fits(OsStr::new(pattern), OsStr::new(name)), expected, "{pattern} {name}");
        }
        assert!(!fits(OsStr::new(&"*a".repeat(200)), OsStr::new(&"b".repeat(10_000))));
    }
}
