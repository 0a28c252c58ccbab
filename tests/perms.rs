//! `pkit perms check`: on a tree with one seeded fault of each kind, exactly these are found; and what could not be looked at is
//! never called fine.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::common::{Ran, Test, have, root};

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\n";
const CERT: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

impl Test {
    fn with_mode(&self, name: &str, content: &str, mode: u32) {
        self.file(name, content);
        self.chmod(name, mode);
    }

    fn chown(&self, name: &str, owner: &str) {
        self.peer("chown", [owner, name]).exits(0);
    }
}

/// Every pair of code and path (from the scratch directory) that was reported.
fn found(t: &Test, ran: &Ran) -> BTreeSet<(String, String)> {
    let root = std::fs::canonicalize(t.path(".")).unwrap();
    let findings = ran.json()["findings"].as_array().unwrap().clone();
    findings
        .iter()
        .map(|f| {
            let path = Path::new(f["path"].as_str().unwrap());
            let path = path.strip_prefix(&root).unwrap_or(path).to_string_lossy();
            (f["id"].as_str().unwrap().to_owned(), path.into_owned())
        })
        .collect()
}

fn set(pairs: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    pairs.iter().map(|(id, path)| ((*id).to_owned(), (*path).to_owned())).collect()
}

#[test]
fn what_is_right_is_called_ok() {
    if !root() {
        return;
    }
    let t = Test::new();
    t.with_mode("mail.key", KEY, 0o400);
    t.with_mode("mail.pem", CERT, 0o444);
    let ran = t.run(["perms", "check", "mail.key", "mail.pem"]).exits(0);
    let ran =
        ran.out_has("OK    key-mode   mail.key  0400 root:root").out_has("OK    cert-mode  mail.pem  0444 root:root");
    assert!(ran.stderr.is_empty());
    assert_eq!(t.run(["perms", "check", "-q", "mail.key"]).exits(0).stdout, "");
    let json = t.run(["perms", "check", "--json", "."]).exits(0).json();
    assert_eq!(json["result"]["files"].as_array().unwrap().len(), 2);
    assert_eq!(json["result"]["by_role"]["key"], 1);
    assert_eq!(json["result"]["files"][0]["want"]["mode"], "0400");
    assert_eq!(json["incomplete"], false);
}

#[test]
fn each_seeded_fault_is_found_and_nothing_else() {
    if !root() || !have("setfacl") {
        return;
    }
    let t = Test::new();
    for (name, content, mode) in [
        ("good/mail.key", KEY, 0o400),
        ("good/mail.pem", CERT, 0o444),
        ("good/notes", "notes", 0o644),
        ("world.key", KEY, 0o644),
        ("hidden-in-cert.pem", &format!("{CERT}{KEY}"), 0o444),
        ("group.key", KEY, 0o440),
        ("group-writes.key", KEY, 0o620),
        ("others-execute.key", KEY, 0o401),
        ("noted.key", KEY, 0o600),
        ("acl.key", KEY, 0o400),
        ("masked.key", KEY, 0o400),
        ("stranger.key", KEY, 0o400),
        ("linked.key", KEY, 0o400),
        ("writes.pem", CERT, 0o664),
        ("noted.pem", CERT, 0o644),
        ("stranger.pem", CERT, 0o444),
        ("open-notes", "notes", 0o666),
        ("open/mail.key", KEY, 0o400),
        ("sticky/mail.key", KEY, 0o400),
        ("staff/mail.key", KEY, 0o400),
        ("acl-dir/mail.key", KEY, 0o400),
        ("home/mail.key", KEY, 0o400),
    ] {
        t.with_mode(name, content, mode);
    }
    t.peer("setfacl", ["-m", "u:nobody:r", "acl.key"]).exits(0);
    t.peer("setfacl", ["-m", "u:nobody:r,m::-", "masked.key"]).exits(0);
    t.peer("setfacl", ["-m", "u:nobody:rwx", "acl-dir"]).exits(0);
    t.chown("stranger.key", "nobody");
    t.chown("stranger.pem", "nobody");
    t.chown("staff", "root:daemon");
    t.chown("home", "nobody");
    for (dir, mode) in [("open", 0o777), ("sticky", 0o1777), ("staff", 0o775)] {
        t.chmod(dir, mode);
    }
    std::fs::hard_link(t.path("linked.key"), t.path("linked-too.key")).unwrap();
    symlink("loop", t.path("loop")).unwrap();
    symlink("nowhere", t.path("dangling")).unwrap();
    symlink("/etc", t.path("elsewhere")).unwrap();
    symlink("good", t.path("within")).unwrap();
    symlink("world.key", t.path("to-world.key")).unwrap();
    t.peer("mkfifo", ["fifo"]).exits(0);
    let _socket = std::os::unix::net::UnixListener::bind(t.path("socket")).unwrap();

    let ran = t.run([Path::new("perms"), Path::new("check"), Path::new("--json"), &t.path(".")]).exits(3);
    let expected = set(&[
        ("key-world-readable", "world.key"),
        ("key-world-readable", "to-world.key"),
        ("key-world-readable", "hidden-in-cert.pem"),
        ("key-group-readable", "group.key"),
        ("key-writable", "group-writes.key"),
        ("key-mode", "others-execute.key"),
        ("key-mode", "noted.key"),
        ("key-acl-readable", "acl.key"),
        ("key-owner", "stranger.key"),
        ("key-links", "linked.key"),
        ("key-links", "linked-too.key"),
        ("cert-writable", "writes.pem"),
        ("cert-mode", "noted.pem"),
        ("cert-owner", "stranger.pem"),
        ("file-writable", "open-notes"),
        ("dir-writable", "open"),
        ("dir-group-writable", "staff"),
        ("dir-acl-writable", "acl-dir"),
        ("dir-owner", "home"),
        ("not-looked-at", "loop"),
        ("not-looked-at", "dangling"),
        ("link-not-followed", "elsewhere"),
        ("special-file", "fifo"),
        ("special-file", "socket"),
    ]);
    assert_eq!(found(&t, &ran), expected);
    assert_eq!(ran.json()["incomplete"], true);
    t.run(["perms", "check", "--allow-incomplete", "."]).exits(1).out_has("anyone can replace mail.key");
}

#[test]
fn severities_decide_the_exit_code() {
    if !root() {
        return;
    }
    let t = Test::new();
    t.with_mode("note.key", KEY, 0o600);
    t.with_mode("warning.key", KEY, 0o440);
    t.with_mode("error.key", KEY, 0o604);
    t.run(["perms", "check", "note.key"]).exits(0).out_has("NOTE  key-mode");
    t.run(["perms", "check", "warning.key"]).exits(0).out_has("WARN  key-group-readable");
    t.run(["perms", "check", "--fail-on", "warning", "warning.key"]).exits(1);
    t.run(["perms", "check", "error.key"]).exits(1).out_has("FAIL  key-world-readable").out_has("want 0400 root:root");
    t.run(["perms", "check", "--accept", "key-world-readable", "error.key"]).exits(0);
    t.run(["perms", "check", "-v", "error.key"]).exits(1).out_has("= help: chmod 0400");
}

/// A directory that is only passed through by a link lets its owner exchange the link.
#[test]
fn the_directory_of_a_link_on_the_way_counts() {
    if !root() {
        return;
    }
    let t = Test::new();
    t.with_mode("real/mail.key", KEY, 0o400);
    std::fs::create_dir_all(t.path("lax")).unwrap();
    symlink("../real", t.path("lax/private")).unwrap();
    t.chmod("lax", 0o777);
    let ran = t.run(["perms", "check", "--json", "lax/private/mail.key"]).exits(1);
    assert_eq!(found(&t, &ran), set(&[("dir-writable", "lax")]));
}

#[test]
fn special_files_never_make_it_wait() {
    let t = Test::new();
    t.peer("mkfifo", ["fifo"]).exits(0);
    symlink("fifo", t.path("link")).unwrap();
    for path in ["fifo", "link", "/dev/tty", "/dev/zero", "missing"] {
        let mut command = Command::new("timeout");
        command.args(["5", env!("CARGO_BIN_EXE_pkit"), "perms", "check", path]).current_dir(t.path("."));
        assert_eq!(command.output().unwrap().status.code(), Some(3), "{path}");
    }
}

#[test]
fn what_a_user_may_not_see_is_skipped_and_never_fine() {
    if !root() || !have("setpriv") {
        return;
    }
    let t = Test::new();
    t.with_mode("tree/secret.key", KEY, 0o400);
    t.with_mode("tree/open.key", KEY, 0o644);
    t.with_mode("tree/closed/deep.key", KEY, 0o644);
    t.with_mode("tree/mail.pem", CERT, 0o444);
    t.chmod("tree/closed", 0o700);
    let ran = t.run_as_nobody(&["perms", "check", "--json", "tree"]).exits(3);
    let expected =
        [("not-read", "tree/secret.key"), ("key-world-readable", "tree/open.key"), ("not-looked-at", "tree/closed")];
    assert_eq!(found(&t, &ran), set(&expected));
    let files = ran.json()["result"]["files"].as_array().unwrap().clone();
    assert_eq!(files.len(), 2, "only what was read has a verdict: {files:?}");
    t.run_as_nobody(&["perms", "check", "tree/closed/deep.key"]).exits(3).out_has("SKIP  not-looked-at");
    t.run_as_nobody(&["perms", "check", "--allow-incomplete", "tree/mail.pem", "tree/secret.key"]).exits(0);
}

#[test]
fn names_from_outside_are_escaped_and_any_bytes_are_a_name() {
    use std::os::unix::ffi::OsStrExt;
    let t = Test::new();
    t.with_mode("a\x1b[2Jb.key", KEY, 0o644);
    t.file(std::ffi::OsStr::from_bytes(b"\xff.key"), KEY);
    let ran = t.run(["perms", "check", "."]);
    assert!(!ran.stdout.contains('\x1b') && ran.stdout.contains("\\x1b[2Jb.key"), "{}", ran.stdout);
}
