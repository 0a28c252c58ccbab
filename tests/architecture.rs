//! The arrows of the picture in `lib.rs`, kept by a table: each room and the rooms it may use. Also counted here: `unsafe`, and
//! crates that must stay in one room.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Room, and what it may name from `crate::`. The bottom row may use itself.
const MAY_USE: &[(&str, &[&str])] = &[
    ("finding", &[]),
    ("exit", &[]),
    ("crypto", &[]),
    ("instant", &[]),
    ("change", &[]),
    ("order", &[]),
    ("threads", &[]),
    ("content", BOTTOM),
    ("facts", BOTTOM),
    ("name", BOTTOM),
    ("settings", BOTTOM),
    ("error", BOTTOM),
    ("material", BOTTOM),
    ("primes", &["crypto", "threads"]),
    ("pki", &["primes", BOTTOM_ROW]),
    ("checks", &["pki", "primes", BOTTOM_ROW]),
    ("servers", &[BOTTOM_ROW]),
    ("files", &[BOTTOM_ROW]),
    ("system", &[BOTTOM_ROW]),
    ("process", &["files", BOTTOM_ROW]),
    ("probe", &[BOTTOM_ROW]),
    ("plan", &["files", "system", "probe", BOTTOM_ROW]),
    ("report", &[BOTTOM_ROW]),
    ("commands", &["files", "system", "probe", "pki", "primes", "checks", "servers", "plan", "report", BOTTOM_ROW]),
    ("cli", &["commands", BOTTOM_ROW]),
    ("lib", &[]),
    ("main", &[]),
];

const BOTTOM: &[&str] = &[
    "finding", "exit", "crypto", "instant", "change", "order", "content", "facts", "name", "settings", "error",
    "material", "threads",
];
const BOTTOM_ROW: &str = "(bottom)";

/// Crate, and the rooms that may name it.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("ring", &["crypto"]),
    ("p256", &["crypto"]),
    ("p384", &["crypto"]),
    ("p521", &["crypto"]),
    ("aes", &["crypto"]),
    ("cbc", &["crypto"]),
    ("des", &["crypto"]),
    ("rc2", &["crypto"]),
    ("hmac", &["crypto"]),
    ("md5", &["crypto"]),
    ("sha1", &["crypto"]),
    ("sha2", &["crypto"]),
    ("pbkdf2", &["crypto"]),
    ("scrypt", &["crypto"]),
    ("dashu_int", &["checks"]),
    ("rcgen", &[]),
    ("x509_parser", &["material"]),
    ("zip", &["material"]),
    ("base64_simd", &["material"]),
    ("memchr", &["material"]),
    ("crypto_bigint", &["primes"]),
    ("crypto_primes", &["primes"]),
    ("clap", &["cli", "commands", "main"]),
    ("serde", &["report", "material"]),
    ("serde_json", &["report", "material"]),
    ("anstyle", &["report"]),
    ("toml", &["checks"]),
    ("rustix", &["files", "system", "process"]),
    ("ureq", &["probe"]),
    ("rustls", &["probe"]),
    ("nix", &["files"]),
    ("signal_hook", &["process"]),
    ("rayon_core", &["threads"]),
];

#[test]
fn rooms_use_only_what_lies_below_them() {
    let mut wrong = Vec::new();
    for (path, room, code) in sources() {
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == room) else {
            wrong.push(format!("{}: the room `{room}` is not in the table", path.display()));
            continue;
        };
        for used in crate_paths(&code) {
            let bottom = allowed.contains(&BOTTOM_ROW) && BOTTOM.contains(&used.as_str());
            if used != room && !bottom && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{}: `{room}` uses `{used}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn crates_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    for (path, room, code) in sources() {
        for (name, rooms) in ONLY_IN {
            let named = code.lines().any(|line| mentions(line, &format!("{name}::")));
            if named && !rooms.contains(&room.as_str()) {
                wrong.push(format!("{}: `{room}` names the crate `{name}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Nothing but the kernels needs it: to call what is compiled for more than every processor has, and to move vectors between
/// registers and memory. Each block tells why it is sound.
#[test]
fn unsafe_code_is_in_the_kernels_only() {
    let mut places: Vec<(String, usize)> = Vec::new();
    for (path, _, code) in sources() {
        let blocks = code.lines().filter(|l| mentions(l, "unsafe ") && !l.contains("forbid")).count();
        if blocks > 0 {
            let reasons = fs::read_to_string(&path).unwrap().matches("// SAFETY: ").count();
            assert_eq!(reasons, blocks, "{}: a reason for each block", path.display());
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            assert!(path.parent().unwrap().ends_with("src/primes/fermat"), "{}", path.display());
            places.push((name, blocks));
        }
    }
    places.sort();
    let wanted = [("avx2.rs", 3), ("avx512ifma.rs", 4), ("columns.rs", 2)];
    assert_eq!(places, wanted.map(|(name, blocks)| (name.to_owned(), blocks)));
}

/// Path, room and code without comments of every source file.
fn sources() -> impl Iterator<Item = (PathBuf, String, String)> {
    fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.into_iter().map(move |path| {
        let relative = path.strip_prefix(&root).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let room = first.strip_suffix(".rs").unwrap_or(first).to_owned();
        let code = fs::read_to_string(&path).unwrap();
        let code = code.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        (path, room, code)
    })
}

/// The rooms named by `crate::room` and by grouped imports `crate::{a, b::c}`.
fn crate_paths(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut name = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => rooms.extend(first_segment(&std::mem::take(&mut name))),
                    _ => {}
                }
                if depth == 0 && c != ',' {
                    name.push(c);
                }
            }
            rooms.extend(first_segment(&name));
        } else {
            rooms.extend(first_segment(rest));
        }
    }
    rooms
}

fn first_segment(path: &str) -> Option<String> {
    let name: String = path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// Does the line name `what` as a word of its own (not the end of a longer name)?
fn mentions(line: &str, what: &str) -> bool {
    line.match_indices(what).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}
