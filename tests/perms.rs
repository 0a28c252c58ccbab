//! `pkit perms check`: on a tree with one seeded fault of each kind, exactly these are found; and what could not be looked at is
//! never called fine.

mod fix;
mod seeded;

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

/// Whatever does not fit in the memory is told as it comes: the document is one all the same.
#[test]
fn a_large_tree_is_one_document_in_the_order_of_names() {
    let t = Test::new();
    let count = 3_000;
    for n in 0..count {
        t.file(format!("tree/{:02}/{n:05}.pem", n % 7), CERT);
    }
    let ran = t.run(["perms", "check", "--json", "tree"]).exits(0);
    let json = ran.json();
    let paths = |list: &serde_json::Value| {
        list.as_array().unwrap().iter().map(|row| row["path"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let files = paths(&json["result"]["files"]);
    assert!(files.len() == count && files.is_sorted());
    assert_eq!(paths(&json["findings"]), files, "0644 is noted for each");
    assert_eq!(json["summary"]["info"], count);
    assert_eq!(
        (&json["ok"], &json["exit"], &json["result"]["by_role"]["public"]),
        (&true.into(), &0.into(), &count.into())
    );
    let again = t.run(["perms", "check", "--json", "tree"]).exits(0);
    assert_eq!(again.bytes, ran.bytes, "the same again");
    assert_eq!(t.run(["perms", "check", "tree"]).exits(0).stdout.lines().count(), count + 1);
    // A reader that goes away ends it without a word.
    let pipe = format!("{} perms check tree | head -n 1", env!("CARGO_BIN_EXE_pkit"));
    let ran = t.peer("bash", ["-o", "pipefail", "-c", &pipe]).exits(0);
    assert_eq!((ran.stdout.lines().count(), ran.stderr.as_str()), (1, ""));
}

/// The rows go into a pipe whose reader sleeps, so that the line is due before the last of them is written.
#[test]
fn on_a_terminal_a_line_says_how_far_it_has_come() {
    if !have("script") {
        return;
    }
    let t = Test::new();
    let count = 2_000;
    for n in 0..count {
        t.file(format!("tree/{n:05}-{}.pem", "x".repeat(100)), CERT);
    }
    let shown = |options: &str| {
        let words = format!("{} perms check {options} tree | (sleep 0.5; cat > rows)", env!("CARGO_BIN_EXE_pkit"));
        t.peer("script", ["-qec", &words, "terminal"]).exits(0);
        t.text("terminal")
    };
    for options in ["", "--json"] {
        let terminal = shown(options);
        let (_, told) = terminal.split_once('\r').unwrap_or_else(|| panic!("{options}: {terminal:?}"));
        let (rows, rest) = told.split_once(" looked at").unwrap();
        assert!((1..=count).contains(&rows.parse().unwrap()), "{options}: {told:?}");
        assert!(rest.contains("\r\x1b[K"), "it stays: {options}: {told:?}");
        assert!(t.text("rows").lines().count() >= if options.is_empty() { count } else { 1 });
    }
    assert!(!shown("-q").contains("looked at"));
    assert_eq!(t.run(["perms", "check", "tree"]).exits(0).stderr, "", "no terminal");
}

/// A key where the world can ask for it.
#[test]
fn a_key_in_a_directory_that_apache_hands_out_is_told() {
    if !root() {
        return;
    }
    let t = Test::new();
    t.with_mode("www/site/mail.key", KEY, 0o400);
    t.with_mode("keys/mail.key", KEY, 0o400);
    symlink("www/site", t.path("site")).unwrap();
    let host = format!("<VirtualHost *:443>\nDocumentRoot \"{}\"\n</VirtualHost>\n", t.path("site").display());
    t.file("apache.conf", host);
    let words = ["perms", "check", "--json", "--from-config", "apache=apache.conf", "www", "keys"];
    let ran = t.run(words).exits(0);
    assert_eq!(found(&t, &ran), set(&[("key-in-web-root", "www/site/mail.key")]));
}

#[test]
fn a_policy_is_named_or_a_file() {
    if !root() {
        return;
    }
    let t = Test::new();
    t.with_mode("mail.key", KEY, 0o640);
    t.chown("mail.key", "root:daemon");
    t.with_mode("mail.pem", CERT, 0o644);
    t.run(["perms", "check", "--fail-on", "warning", "mail.key"]).exits(1);
    t.file("site.toml", "[keys]\nmodes = [\"0640\"]\ngroups = [\"daemon\"]\n[certificates]\nmodes = [\"0644\"]\n");
    let ran = t.run(["perms", "check", "--fail-on", "warning", "--policy", "site.toml", "mail.key", "mail.pem"]);
    ran.exits(0).out_has("NOTE  key-group-readable").out_has("OK    cert-mode");
    t.run(["perms", "check", "--policy", "debian", "mail.pem"]).exits(0).out_has("OK    cert-mode");
    t.file("lax.toml", "[keys]\nmodes = [\"0644\"]\n");
    t.run(["perms", "check", "--policy", "lax.toml", "mail.key"])
        .exits(3)
        .err_has("error[policy-not-understood]: the policy lax.toml: line 2");
    t.run(["perms", "check", "--policy", "nowhere.toml", "mail.key"]).exits(3).err_has("file-missing");
}

/// An image has its own users, and its links lead within it.
#[test]
fn an_image_is_looked_at_with_its_own_users() {
    use std::os::unix::fs::chown;
    if !root() {
        return;
    }
    let t = Test::new();
    t.file("image/etc/passwd", "root:x:0:0:::\nldap:x:4711:4712:::\n");
    t.file("image/etc/group", "root:x:0:\nldap:x:4712:\nkeys:x:4713:ldap\n");
    t.with_mode("image/srv/mail.key", KEY, 0o640);
    t.chown("image/srv/mail.key", "4711:4713");
    symlink("/srv", t.path("image/etc/ssl")).unwrap();
    symlink("/etc/hostname", t.path("image/srv/hostname")).unwrap();
    chown(t.path("image/srv"), Some(4711), None).unwrap();
    let ran = t.run(["perms", "check", "--json", "--root", "image", "/etc/ssl/mail.key"]).exits(0);
    let file = &ran.json()["result"]["files"][0];
    assert_eq!((&file["path"], &file["target"]), (&"/etc/ssl/mail.key".into(), &serde_json::Value::Null));
    assert_eq!((&file["owner"], &file["group"]), (&"ldap".into(), &"keys".into()));
    t.run(["perms", "check", "--root", "image", "/srv"])
        .exits(3)
        .out_has("SKIP  not-looked-at")
        .out_has("a link to /etc/hostname");
    t.run(["perms", "fix", "--root", "image", "/srv/mail.key"]).exits(0);
    assert_eq!(t.mode("image/srv/mail.key"), 0o400);
    t.run(["perms", "check", "--root", "nowhere", "/srv"]).exits(3).err_has("file-missing");
}

/// The files are those that the configuration names, with what it pulls in, and each is judged for the server that opens it.
#[test]
fn a_configuration_says_which_files_there_are_and_who_opens_them() {
    if !root() || !have("slapd") {
        return;
    }
    let t = Test::new();
    t.with_mode("mail.key", KEY, 0o400);
    t.with_mode("mail.pem", CERT, 0o444);
    let path = |name: &str| t.path(name).to_str().unwrap().to_owned();
    t.file("dovecot.conf", "ssl = required\n!include tls.conf\n");
    t.file("tls.conf", format!("ssl_cert = <{}\nssl_key = <{}\n", path("mail.pem"), path("mail.key")));
    let ran = t.run(["perms", "check", "--json", "--from-config", "dovecot=dovecot.conf"]).exits(0);
    let files = ran.json()["result"]["files"].as_array().unwrap().clone();
    assert_eq!(
        files.iter().map(|f| f["path"].as_str().unwrap()).collect::<Vec<_>>(),
        [path("mail.key"), path("mail.pem")]
    );
    let slapd = format!("TLSCertificateFile {}\nTLSCertificateKeyFile {}\n", path("mail.pem"), path("mail.key"));
    t.file("slapd.conf", slapd);
    let both = ["perms", "check", "--from-config", "dovecot=dovecot.conf,openldap=slapd.conf"];
    t.run(both).exits(1).out_has("FAIL  server-cannot-read").out_has("OpenLDAP opens it as user openldap, who cannot");
    t.run(["perms", "check", "--from-config", "sendmail"]).exits(2).err_has("no such server; one of");
    t.run(["perms", "check", "--from-config", "dovecot=nowhere.conf"]).exits(3);
    t.run(["perms", "check"]).exits(2);
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

/// HAProxy finds a key beside its certificate without being told, and takes all files of a directory.
#[test]
fn keys_beside_certificates_and_directories_of_them_are_looked_at() {
    let t = Test::new();
    t.with_mode("certs/a.pem", CERT, 0o444);
    t.with_mode("certs/a.pem.key", KEY, 0o644);
    let certs = t.path("certs");
    t.file("haproxy.cfg", format!("frontend www\n  bind :443 ssl crt {}\n", certs.display()));
    let told = t.run(["perms", "check", "--from-config", "haproxy=haproxy.cfg"]).exits(1);
    assert!(told.stdout.contains("a.pem.key") && told.stdout.contains("key-world-readable"), "{}", told.stdout);
}
