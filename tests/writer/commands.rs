//! Every command that writes, killed, interrupted and refused at its system calls: what it writes is the old or the new, whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use super::faults::sweep;
use crate::common::purchase::Purchase;
use crate::common::{Test, have, scaled};

/// A command, what stood at `dir/target` before, and what says that a new one is whole.
struct Case {
    words: Vec<String>,
    old: &'static str,
    whole: Whole,
}

/// How a new target is known.
enum Whole {
    /// It is always the same.
    Same,
    /// This program takes it.
    Taken(&'static [&'static str]),
    /// Only its mode changes, to this.
    Mode(u32),
}

/// What stands at the target: names and contents.
type Files = Vec<(PathBuf, Vec<u8>)>;

fn cases() -> Vec<Case> {
    let purchase = Purchase::ecdsa();
    let [zip, key, root] = [&purchase.zip, &purchase.key, &purchase.root].map(|path| path.to_str().unwrap());
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let case = |words, whole| Case { words, old: "old", whole };
    vec![
        case(
            words(&["key", "new", "--type", "ecdsa", "-o", "dir/target"]),
            Whole::Taken(&["openssl", "pkey", "-noout", "-check", "-in"]),
        ),
        case(
            words(&["csr", "new", "a.example.org", "--key", key, "-o", "dir/target"]),
            Whole::Taken(&["openssl", "req", "-noout", "-verify", "-in"]),
        ),
        case(words(&["chain", "build", zip, "--key", key, "--trust", root, "-o", "dir/target"]), Whole::Same),
        case(words(&["bundle", "keycert", key, zip, "-o", "dir/target"]), Whole::Same),
        case(words(&["dhparam", "new", "-o", "dir/target"]), Whole::Same),
        case(
            words(&[
                "prepare",
                "dovecot",
                zip,
                "--key",
                key,
                "--trust",
                root,
                "--server-version",
                "2.3.19",
                "--name",
                "mail.example.org",
                "--apply",
                "--dir",
                "dir",
            ]),
            Whole::Same,
        ),
        Case {
            words: words(&["perms", "fix", "dir"]),
            old: "-----BEGIN PRIVATE KEY-----\n",
            whole: Whole::Mode(0o400),
        },
    ]
}

impl Case {
    fn is_set(&self) -> bool {
        self.words[0] == "prepare"
    }

    /// The scene: the old file is there, or no set is.
    fn scene(&self) -> Test {
        let t = Test::new();
        fs::create_dir(t.path("dir")).unwrap();
        if !self.is_set() {
            t.file("dir/target", self.old);
            t.chmod("dir/target", 0o644);
        }
        t
    }

    /// The command behind strace with these options.
    fn strace(&self, t: &Test, options: &[&str]) -> crate::common::Ran {
        let mut line = vec!["-f", "-qq", "-o", "log"];
        line.extend(options);
        line.push(env!("CARGO_BIN_EXE_pkit"));
        line.extend(self.words.iter().map(String::as_str));
        line.push("--force");
        t.peer("strace", line)
    }

    /// Name and number of each call, from the first that names the directory of the target.
    fn calls(&self, t: &Test) -> Vec<(String, usize)> {
        self.strace(t, &[]).exits(0);
        let log = t.text("log");
        let main = log.split_whitespace().next().unwrap().to_owned();
        let mut counts = BTreeMap::new();
        let mut calls = Vec::new();
        let mut begun = false;
        for line in log.lines().filter_map(|line| line.strip_prefix(&main)) {
            let Some((name, rest)) = line.trim_start().split_once('(') else { continue };
            // The second half of a call that another thread has interrupted.
            if name.starts_with('<') {
                continue;
            }
            let nth = counts.entry(name.to_owned()).or_insert(0);
            *nth += 1;
            // Not the words on the command line.
            begun |= name != "execve"
                && (rest.contains("dir/target") || rest.contains("\"dir\"") || rest.contains("/dir\""));
            // The last ones are how a process ends.
            if begun && !matches!(name, "exit_group" | "munmap" | "brk" | "mmap" | "sigaltstack" | "futex") {
                calls.push((name.to_owned(), *nth));
            }
        }
        calls
    }

    fn target(&self, t: &Test) -> Files {
        let base = if self.is_set() { t.path("dir/pkit/mail.example.org/current") } else { t.path("dir/target") };
        let files =
            if self.is_set() { ["privkey.pem", "fullchain.pem"].map(|n| base.join(n)).to_vec() } else { vec![base] };
        files.into_iter().filter_map(|path| Some((path.file_name()?.into(), fs::read(&path).ok()?))).collect()
    }

    /// Old, or new and whole.
    fn judge(&self, t: &Test, new: &[(PathBuf, Vec<u8>)], at: &str) -> &'static str {
        let found = self.target(t);
        let old = if self.is_set() { found.is_empty() } else { found.len() == 1 && found[0].1 == self.old.as_bytes() };
        match self.whole {
            Whole::Mode(mode) => {
                assert!(old, "{at}: the content has changed");
                let is = t.mode("dir/target");
                assert!(is == mode || is == 0o644, "{at}: {is:04o}");
                if is == mode { "new" } else { "old" }
            }
            _ if old => "old",
            Whole::Same => {
                assert!(found == new, "{at}: neither the old nor the new: {:?}", self.words);
                "new"
            }
            Whole::Taken(peer) => {
                t.peer(peer[0], [&peer[1..], &["dir/target"]].concat()).exits(0);
                assert_eq!(t.mode("dir/target") & !0o444, 0);
                "new"
            }
        }
    }
}

/// Every so many of the calls: the whole of them in the full run.
fn points(case: &Case) -> (Vec<(String, usize)>, Files) {
    let t = case.scene();
    let calls = case.calls(&t);
    let step = 8 / scaled(1).min(8);
    (calls.into_iter().step_by(step).collect(), case.target(&t))
}

fn leftovers(t: &Test) -> bool {
    t.snapshot().iter().any(|(path, ..)| path.to_string_lossy().contains(".pkit-"))
}

#[test]
fn every_command_leaves_the_old_or_the_new_wherever_it_ends() {
    if !have("strace") {
        return;
    }
    let cases = cases();
    let mut tried = Vec::new();
    for (c, case) in cases.iter().enumerate() {
        let (calls, new) = points(case);
        assert!(!calls.is_empty(), "{:?}", case.words);
        for (i, (name, nth)) in calls.into_iter().enumerate() {
            let how = [
                "signal=KILL",
                "signal=INT",
                "signal=KILL",
                "signal=TERM",
                "signal=KILL",
                "error=ENOSPC",
                "signal=KILL",
                "error=EIO",
            ];
            // getuid(2), getgid(2): always successful.
            let how = if ["geteuid", "getegid"].contains(&&*name) { how[0] } else { how[i % how.len()] };
            tried.push((c, new.clone(), name, nth, how));
        }
    }
    let seen = Mutex::new(BTreeMap::new());
    sweep(&tried, |(c, new, name, nth, how)| {
        let case = &cases[*c];
        let t = case.scene();
        let ran = case.strace(&t, &["-e", &format!("inject={name}:{how}:when={nth}")]);
        let at = format!("{how} at {name} {nth} of {:?}: {} {}", case.words, ran.exit, ran.stderr);
        let state = case.judge(&t, new, &at);
        match *how {
            "signal=KILL" => assert_eq!(ran.exit, 137, "{at}"),
            // Where the work was done before the signal came, it is done.
            "signal=INT" => assert!(ran.exit == 130 || ran.exit == 0 && state == "new", "{at}"),
            "signal=TERM" => assert!(ran.exit == 143 || ran.exit == 0 && state == "new", "{at}"),
            _ if ran.exit == 0 => assert_eq!(state, "new", "{at}"),
            _ => assert!(
                (1..=5).contains(&ran.exit)
                    && (state == "old"
                        || ran.stderr.contains("in place")
                        || ran.stderr.contains("in use")
                        || ran.stderr.contains("in part")
                        || ran.stderr.contains("standard output")),
                "{at}"
            ),
        }
        if how.starts_with("signal") && *how != "signal=KILL" {
            assert!(!leftovers(&t), "{at}");
        }
        *seen.lock().unwrap().entry((*how, state, leftovers(&t))).or_insert(0) += 1;
        t.run(case.words.iter().map(String::as_str).chain(["--force"])).exits(0);
        assert!(!leftovers(&t), "the next run has not cleaned up: {at}");
    });
    eprintln!("{} points, (how, state, leftovers): {:?}", tried.len(), seen.into_inner().unwrap());
}
