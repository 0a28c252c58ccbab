//! Another user's hands in the directory: while root works there, he puts links to somebody else's file into the place of his own,
//! again and again, as fast as he can.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::common::purchase::Purchase;
use crate::common::{Test, have, root, scaled};

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\n";

/// The attacker's process: this program, started as nobody. Ends when the file `stop` is there, and says how often it tried.
struct Attacker {
    child: Child,
    stop: PathBuf,
}

impl Attacker {
    /// `hands/file` and `hands/dir/file` are exchanged for links to `victim/file` and back.
    fn flips(t: &Test) -> Attacker {
        t.file("victim/file", KEY);
        t.chmod("victim/file", 0o644);
        t.file("hands/file", KEY);
        t.file("hands/dir/file", KEY);
        t.peer("chown", ["-R", "nobody", "hands"]).exits(0);
        Attacker::start(t, "writer::attacks::flip")
    }

    fn start(t: &Test, what: &str) -> Attacker {
        t.chmod("", 0o755);
        std::fs::create_dir(t.path("ready")).unwrap();
        t.peer("chown", ["nobody", "ready"]).exits(0);
        // Where the tests are built a plain user may have no way; copied by another process, so that it is not busy.
        let program = t.path("attacker");
        t.peer("cp", [&std::env::current_exe().unwrap(), &program]).exits(0);
        let mut command = Command::new("setpriv");
        // He ends with the thread that started him, however that ends.
        command.args(["--pdeathsig=KILL", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&program);
        command.args(["--exact", what, "--nocapture", "--test-threads=1", "-q"]);
        command.env(HANDS, t.path("")).stdout(Stdio::piped());
        let attacker = Attacker { child: command.spawn().unwrap(), stop: t.path("stop") };
        while !t.exists("ready/yes") {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        attacker
    }

    /// How many exchanges there were; at least so many.
    fn stop(self, at_least: usize) -> usize {
        fs::write(&self.stop, at_least.to_string()).unwrap();
        let output = self.child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!told.contains("exposed"), "{told}");
        let count = told.lines().find_map(|line| line.split_once("times: ")?.1.trim().parse().ok());
        let count = count.unwrap_or_else(|| panic!("{told}"));
        assert!(count >= at_least, "{count}");
        count
    }
}

/// Not a test by itself: it is the attacker, and does nothing unless it is told where.
#[test]
fn flip() {
    let Some(base) = std::env::var_os(HANDS).map(PathBuf::from) else { return };
    let (hands, victim) = (base.join("hands"), base.join("victim"));
    let mut count = 0usize;
    // Where a rename fails because root was faster, the next one follows at once.
    let exchange = |made: &Path, name: &Path| {
        let _ = fs::rename(made, name);
    };
    fs::write(base.join("ready/yes"), "").unwrap();
    loop {
        let wanted = fs::read_to_string(base.join("stop")).ok().and_then(|text| text.parse::<usize>().ok());
        if wanted.is_some_and(|wanted| count >= wanted) {
            break;
        }
        for _ in 0..10 {
            let (aside, file, dir) = (hands.join("aside"), hands.join("file"), hands.join("dir"));
            let _ = fs::remove_file(&aside);
            let _ = symlink(victim.join("file"), &aside);
            exchange(&aside, &file);
            // Only where the system lets him (fs.protected_hardlinks).
            if fs::hard_link(victim.join("file"), &aside).is_ok() {
                exchange(&aside, &file);
            }
            let _ = fs::write(&aside, KEY);
            exchange(&aside, &file);
            exchange(&dir, &hands.join("dir-aside"));
            let _ = symlink(&victim, &dir);
            let _ = fs::remove_file(&dir);
            exchange(&hands.join("dir-aside"), &dir);
            count += 5;
        }
    }
    println!("times: {count}");
}

/// Runs these words again and again beside the attacker; the victim must stay as it is.
fn beside_an_attacker(what: &str, words: impl Fn(&Test, usize) -> Vec<String>) {
    if !root() || !have("setpriv") {
        return;
    }
    let t = Test::new();
    let attacker = Attacker::flips(&t);
    let state = |t: &Test| {
        let meta = fs::metadata(t.path("victim/file")).unwrap();
        let names = super::names(&t.path("victim"));
        (meta.mode(), meta.uid(), meta.gid(), meta.ino(), t.text("victim/file"), names)
    };
    let before = state(&t);
    let mut exits = std::collections::BTreeMap::new();
    let runs = scaled(5);
    for run in 0..runs {
        let ran = t.run(words(&t, run));
        assert!([0, 1, 3, 4, 5].contains(&ran.exit), "{ran:?}");
        *exits.entry(ran.exit).or_insert(0) += 1;
        assert_eq!(state(&t), before, "the attacker has won: {ran:?}");
    }
    let flips = attacker.stop(scaled(1_000));
    assert_eq!(state(&t), before, "the attacker has won");
    eprintln!("{what}: {runs} runs beside {flips} exchanges, none won; exit codes {exits:?}");
}

#[test]
fn rights_are_never_taken_from_somebody_elses_file() {
    let words = |_: &Test, _| ["perms", "fix", "--allow-incomplete", "hands"].map(String::from).to_vec();
    beside_an_attacker("perms fix", words);
}

#[test]
fn a_key_is_never_written_through_a_link() {
    beside_an_attacker("key new", |_, run| {
        let path = ["hands/file", "hands/dir/new"][run % 2];
        ["key", "new", "--type", "ecdsa", "--force", "-o", path].map(String::from).to_vec()
    });
}

#[test]
fn a_set_is_never_written_through_a_link() {
    let purchase = Purchase::ecdsa();
    let [zip, key, root] = [&purchase.zip, &purchase.key, &purchase.root].map(|path| path.to_str().unwrap().to_owned());
    beside_an_attacker("prepare --apply", move |_, _| {
        let words = ["prepare", "dovecot", &zip, "--key", &key, "--trust", &root, "--server-version", "2.3.19"];
        let place = ["--name", "mail.example.org", "--force", "--apply", "--dir", "hands/dir"];
        words.into_iter().chain(place).map(String::from).collect()
    });
}

/// The same without a race: a link of somebody else on the way to what is to be written, or to be added to, is refused; root's
/// own is followed.
#[test]
fn a_link_of_a_stranger_is_no_way_to_a_file() {
    if !root() {
        return;
    }
    let t = Test::new();
    let ca = ["ca", "init", "real/ca", "--cn", "Root", "--type", "ecdsa", "--no-passphrase"];
    fs::create_dir(t.path("real")).unwrap();
    t.run(ca).exits(0);
    symlink("real", t.path("link")).unwrap();
    t.file("root.pem", t.text("real/ca/root.pem"));
    let commands = [
        &["key", "new", "--type", "ecdsa", "-o", "link/key"][..],
        &["bundle", "cadir", "link", "root.pem"],
        &["ca", "init", "link/new", "--cn", "Root", "--type", "ecdsa", "--no-passphrase"],
        &["ca", "crl", "--ca", "link/ca", "--reissue"],
    ];
    t.peer("chown", ["-h", "nobody", "link"]).exits(0);
    let before = t.snapshot();
    for words in commands {
        let ran = t.run(words).exits(4).err_has("error[link-of-stranger]: link is a symbolic link of the user nobody");
        ran.err_has("nothing was changed").err_has("hint: name the directory that it leads to");
        assert_eq!(t.snapshot(), before, "{words:?}");
    }
    t.peer("chown", ["-h", "root", "link"]).exits(0);
    for words in commands {
        t.run(words).exits(0);
    }
    // Nor is the index itself a link, whoever made it.
    fs::rename(t.path("real/ca/index.ndjson"), t.path("index")).unwrap();
    symlink("../../index", t.path("real/ca/index.ndjson")).unwrap();
    t.run(["ca", "crl", "--ca", "real/ca", "--reissue"]).exits(4).err_has("error[target-is-link]");
}

/// Not a test by itself: it is the watcher, who reads whatever he can in `keys`.
#[test]
fn watch() {
    let Some(base) = std::env::var_os(HANDS).map(PathBuf::from) else { return };
    let mut count = 0usize;
    fs::write(base.join("ready/yes"), "").unwrap();
    while !base.join("stop").exists() {
        for name in super::names(&base.join("keys")) {
            if fs::read_to_string(base.join("keys").join(&name)).is_ok_and(|text| text.contains("PRIVATE KEY")) {
                println!("exposed: {name}");
            }
            count += 1;
        }
    }
    println!("times: {count}");
}

/// Whatever the umask, and where a file that all could read stood before.
#[test]
fn a_key_is_never_read_by_who_waits_for_it() {
    if !root() || !have("setpriv") {
        return;
    }
    let t = Test::new();
    t.file("keys/mail.key", "public");
    t.chmod("keys/mail.key", 0o644);
    t.chmod("keys", 0o755);
    let watcher = Attacker::start(&t, "writer::attacks::watch");
    let runs = scaled(20);
    for run in 0..runs {
        let (umask, group) = [("000", ""), ("077", ""), ("000", "--group daemon")][run % 3];
        let words = format!(
            "umask {umask}; exec {} key new --type ecdsa -f {group} -o keys/mail.key",
            env!("CARGO_BIN_EXE_pkit")
        );
        t.peer("sh", ["-c", &words]).exits(0);
        assert_eq!(t.mode("keys/mail.key"), if group.is_empty() { 0o400 } else { 0o440 });
    }
    let looks = watcher.stop(1);
    eprintln!("{runs} keys written beside {looks} looks of another user, none read");
}

const HANDS: &str = "PKIT_TEST_HANDS";
