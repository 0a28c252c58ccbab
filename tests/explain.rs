//! `pkit explain`: every code that can be printed is explained, once.

use std::collections::BTreeSet;

use crate::common::Test;

#[test]
fn every_declared_rule_is_listed_once() {
    let listed: Vec<&str> = pkit::commands::explain::all().map(|r| r.code).collect();
    let unique: BTreeSet<&str> = listed.iter().copied().collect();
    assert_eq!(listed.len(), unique.len(), "a code stands twice");
    let mut declared = BTreeSet::new();
    let pattern = [" = Error \"", " = Warning \"", " = Info \"", " = Skipped \""];
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            for line in std::fs::read_to_string(&path).unwrap().lines().filter(|l| l.ends_with("\" {")) {
                for word in pattern {
                    if let Some((_, rest)) = line.split_once(word) {
                        declared.insert(rest.trim_end_matches("\" {").to_owned());
                    }
                }
            }
        }
    }
    let unlisted: Vec<_> = declared.iter().filter(|c| !unique.contains(c.as_str())).collect();
    assert!(unlisted.is_empty(), "declared but not explained: {unlisted:?}");
    assert!(declared.len() >= unique.len(), "listed but not found in the sources");
}

#[test]
fn codes_are_words_and_every_rule_says_what_to_do_and_who_says_so() {
    for rule in pkit::commands::explain::all() {
        assert!(rule.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", rule.code);
        assert!(rule.summary.len() > 10 && rule.help.len() > 5 && rule.source.len() > 5, "{}", rule.code);
    }
}

#[test]
fn a_code_is_explained_and_an_unknown_one_is_an_input_error() {
    let t = Test::new();
    t.run(["explain", "key-exists"]).exits(0).out_has("--force").out_has("source:");
    t.run(["explain", "no-such-code"]).exits(3).err_has("error[code-unknown]").err_has("hint:");
    let listed = t.run(["explain", "--json"]).exits(0).json();
    assert_eq!(listed["schema"], "pkit/1");
    assert!(listed["result"]["codes"].as_array().unwrap().len() > 5);
}
