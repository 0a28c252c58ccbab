//! A tree with one fault of each kind, labelled by hand: every one is found, and nothing else is reported.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{CERT, KEY, found, set};
use crate::common::{Test, have, root};

/// The labels: code, and where.
const FAULTS: &[(&str, &str)] = &[
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
    ("key-world-readable", "mail.key.bak"),
    ("key-copy", "mail.key.bak"),
    ("key-copy", "mail.key~"),
    ("key-world-readable", ".mail.key.swp"),
    ("key-copy", ".mail.key.swp"),
    ("key-world-readable", "sni.db"),
    ("key-world-readable", "combined.pem"),
    ("key-world-readable", "delivery.zip"),
    ("key-world-readable", "utf16.txt"),
    ("key-world-readable", "key.der"),
    ("key-password-readable", "10-ssl.conf"),
    ("server-cannot-read", "ldap.key"),
    ("key-in-web-root", "www/mail.key"),
    ("not-read", "broken.zip"),
];

/// What nobody cannot read: whose content is not known to him.
const CLOSED: &[&str] = &[
    "acl-dir/mail.key",
    "good/mail.key",
    "group-writes.key",
    "group.key",
    "home/mail.key",
    "ldap.key",
    "linked-too.key",
    "linked.key",
    "mail.key~",
    "masked.key",
    "noted.key",
    "open/mail.key",
    "others-execute.key",
    "staff/mail.key",
    "sticky/mail.key",
    "www/mail.key",
];

/// What belongs to nobody is no stranger's for him.
const OWN: &[(&str, &str)] = &[("dir-owner", "home"), ("cert-owner", "stranger.pem")];

/// A file whose content he does not know is judged as any file; whether a server can read it he knows all the same.
const AS_ANY: &[(&str, &str)] = &[("file-writable", "group-writes.key"), ("server-cannot-read", "ldap.key")];

/// The tree; the socket in it is there as long as it is open.
fn seeded() -> (Test, std::os::unix::net::UnixListener) {
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
        ("mail.key.bak", KEY, 0o644),
        ("mail.key~", KEY, 0o400),
        ("combined.pem", &format!("{KEY}{CERT}{CERT}"), 0o444),
        ("10-ssl.conf", "ssl = yes\nssl_key_password = hunter2\n", 0o644),
        ("good/ssl.conf", "ssl_key_password = </etc/dovecot/password\n#ssl_key_password = x\n", 0o644),
        ("ldap.key", KEY, 0o400),
        ("www/mail.key", KEY, 0o400),
        ("open/mail.key", KEY, 0o400),
        ("sticky/mail.key", KEY, 0o400),
        ("staff/mail.key", KEY, 0o400),
        ("acl-dir/mail.key", KEY, 0o400),
        ("home/mail.key", KEY, 0o400),
    ] {
        t.with_mode(name, content, mode);
    }
    let swap = [b"b0VIM 9.0\0\0\xff\xfe".as_slice(), KEY.as_bytes(), &[0; 64]].concat();
    t.file(".mail.key.swp", swap);
    t.file("sni", format!("mail.example.org {}\n", t.path("combined.pem").display()));
    t.peer("postmap", ["-F", "hash:sni"]).exits(0);
    t.file("key.der", [0x30, 0x0c, 2, 1, 0, 0x30, 3, 6, 1, 0x2a, 4, 2, 1, 2]);
    t.file("utf16.txt", KEY.bytes().flat_map(|b| [b, 0]).collect::<Vec<u8>>());
    t.peer("zip", ["-q", "delivery.zip", "world.key", "writes.pem"]).exits(0);
    t.file("broken.zip", b"PK\x03\x04 and no more");
    for name in [".mail.key.swp", "sni.db", "key.der", "utf16.txt", "delivery.zip", "broken.zip"] {
        t.chmod(name, 0o644);
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
    let socket = std::os::unix::net::UnixListener::bind(t.path("socket")).unwrap();
    (t, socket)
}

/// slapd opens one of the keys, and Apache hands out a directory with another one in it. For `--from-config`.
fn configured(t: &Test, tree: &Path) -> String {
    let tree = std::fs::canonicalize(tree).unwrap();
    let slapd = format!("TLSCertificateKeyFile {}\n", tree.join("ldap.key").display());
    let slapd = t.file("conf/slapd.conf", slapd);
    let apache = t.file("conf/apache.conf", format!("DocumentRoot {}\n", tree.join("www").display()));
    t.chmod("conf", 0o755);
    format!("openldap={},apache={}", slapd.display(), apache.display())
}

#[test]
fn every_rule_has_a_fault() {
    let rules: BTreeSet<&str> = pkit::checks::perms::rules::RULES.iter().map(|rule| rule.code).collect();
    let faults: BTreeSet<&str> = FAULTS.iter().map(|(code, _)| *code).collect();
    assert_eq!(rules.difference(&faults).collect::<Vec<_>>(), [&""; 0]);
}

#[test]
fn each_fault_is_found_and_nothing_else() {
    if !root() || !have("setfacl") || !have("zip") || !have("postmap") || !have("slapd") {
        return;
    }
    let (t, _socket) = seeded();
    let (servers, tree) = (configured(&t, &t.path(".")), t.path("."));
    let ran = t.run(["perms", "check", "--json", "--from-config", &servers, tree.to_str().unwrap()]).exits(3);
    assert_eq!(found(&t, &ran), set(FAULTS));
    assert_eq!(ran.json()["incomplete"], true);
    t.run(["perms", "check", "--allow-incomplete", "."]).exits(1).out_has("anyone can replace mail.key");
}

#[test]
fn nobody_is_told_what_he_can_see_and_what_he_cannot() {
    if !root() || !have("setfacl") || !have("zip") || !have("postmap") || !have("setpriv") || !have("slapd") {
        return;
    }
    let (t, _socket) = seeded();
    // `.` for nobody: the program that he runs stands outside.
    let tree = t.path("tree");
    std::fs::create_dir(&tree).unwrap();
    for entry in std::fs::read_dir(t.path(".")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "tree" {
            std::fs::rename(entry.path(), tree.join(entry.file_name())).unwrap();
        }
    }
    let servers = configured(&t, &tree);
    let ran = t.run_as_nobody(&["perms", "check", "--json", "--from-config", &servers, "tree"]).exits(3);
    let seen = |(code, path): &&(&str, &str)| !CLOSED.contains(path) && !OWN.contains(&(code, path));
    let expected = FAULTS.iter().filter(seen).copied();
    let expected = expected.chain(CLOSED.iter().map(|path| ("not-read", *path))).chain(AS_ANY.iter().copied());
    let expected: BTreeSet<_> = expected.map(|(code, path)| (code.to_owned(), format!("tree/{path}"))).collect();
    let found = found(&t, &ran);
    assert_eq!(found, expected);
}
