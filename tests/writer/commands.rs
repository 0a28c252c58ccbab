//! Every command that writes, killed, interrupted and refused at its system calls: each file that it changes is the old or the
//! new, whole, and they come in the order that the command tells.

mod cases;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::faults::{CHANGING, LOOKING, MUST_TELL, sweep};
use crate::common::{Ran, Test, have, scaled};
use cases::Case;

/// One case, with what it does where nothing disturbs it.
struct Known {
    case: Case,
    before: Files,
    after: Files,
    /// What it changes, in its own order.
    changed: Vec<PathBuf>,
    /// Name and number of each system call, from the first that names `dir`.
    calls: Vec<(String, usize)>,
}

/// Mode and content of everything but directories, by path in the scratch directory.
type Files = BTreeMap<PathBuf, (u32, Vec<u8>)>;

/// How far a disturbed run has come: the files that are new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Old,
    Part,
    New,
}

impl Known {
    fn of(case: Case) -> Known {
        let t = scene(&case);
        let told = run(&case, &t, &["--json", "--force"]).exits(0).json();
        let paths = told["changes"].as_array().unwrap().iter().map(|c| Path::new(c["path"].as_str().unwrap()));
        let mut changed: Vec<PathBuf> =
            paths.map(|path| path.strip_prefix(t.path("")).unwrap_or(path).to_owned()).collect();
        let t = scene(&case);
        strace(&case, &t, &[]).exits(0);
        let calls = calls(&t.text("log"));
        let (before, after) = (files(&case.before), files(&t));
        changed.retain(|path| before.get(path) != after.get(path));
        assert!(!changed.is_empty() && !calls.is_empty(), "{:?}: {told}", case.words);
        Known { case, before, after, changed, calls }
    }

    /// Old, new and whole, or the first of several.
    fn judge(&self, t: &Test, at: &str) -> State {
        let found = files(t);
        let news: Vec<bool> = self.changed.iter().map(|path| self.is_new(t, path, found.get(path), at)).collect();
        assert!(news.is_sorted_by(|a, b| a >= b), "{at}: not in order: {:?} {news:?}", self.changed);
        // What is in a directory that was not there before comes with it, all at once.
        for (path, new) in self.changed.iter().zip(&news) {
            let with = self.changed.iter().zip(&news).filter(|(other, _)| other.parent() == path.parent());
            let made = !self.case.before.path(path.parent().unwrap()).exists() && !path.ends_with("current");
            assert!(!made || with.filter(|(p, _)| !p.ends_with("current")).all(|(_, n)| n == new), "{at}: {path:?}");
        }
        let others = found.iter().filter(|(path, is)| {
            !self.changed.contains(path) && self.before.get(*path) != Some(is) && !is_leftover(path) && !is_ours(path)
        });
        let others: Vec<&PathBuf> = others.map(|(path, _)| path).collect();
        assert!(others.is_empty(), "{at}: {others:?}");
        match (news.first(), news.last()) {
            (Some(false), _) => State::Old,
            (_, Some(true)) => State::New,
            _ => State::Part,
        }
    }

    fn is_new(&self, t: &Test, path: &PathBuf, found: Option<&(u32, Vec<u8>)>, at: &str) -> bool {
        if found == self.before.get(path) {
            return false;
        }
        let (mode, content) = found.unwrap_or_else(|| panic!("{at}: {} is lost", path.display()));
        let (new_mode, new) = &self.after[path];
        assert_eq!(mode, new_mode, "{at}: {}", path.display());
        if self.case.random {
            self.taken(t, path, content, at);
        } else {
            assert!(content == new, "{at}: {} is neither the old nor the new", path.display());
        }
        true
    }

    /// A peer says that the file is whole.
    fn taken(&self, t: &Test, path: &Path, content: &[u8], at: &str) {
        let openssl = |words: &[&str]| {
            let name = path.to_str().unwrap();
            let ran = t.peer("openssl", [words, &["-noout", "-in", name]].concat());
            assert_eq!(ran.exit, 0, "{at}: {name}: {}", ran.stderr);
        };
        match path.extension().and_then(|e| e.to_str()) {
            Some("key") => openssl(&["pkey", "-check"]),
            Some("csr") => openssl(&["req", "-verify"]),
            Some("pem") => openssl(&["x509"]),
            Some("crl") => openssl(&["crl"]),
            Some("ndjson") => {
                let old = self.before.get(path).map_or(&[][..], |(_, old)| old);
                assert!(content.starts_with(old) && content.ends_with(b"\n"), "{at}: {}", path.display());
                for line in content.split_inclusive(|b| *b == b'\n') {
                    serde_json::from_slice::<serde_json::Value>(line).unwrap_or_else(|e| panic!("{at}: {e}"));
                }
            }
            _ => panic!("{}: nobody knows whether it is whole", path.display()),
        }
    }
}

/// A copy of what stood there before.
fn scene(case: &Case) -> Test {
    let t = Test::new();
    t.peer("cp", [Path::new("-aT"), &case.before.path("."), &t.path(".")]).exits(0);
    t
}

fn run(case: &Case, t: &Test, more: &[&str]) -> Ran {
    t.run(case.words.iter().map(String::as_str).chain(more.iter().copied()))
}

/// The command behind strace with these options.
fn strace(case: &Case, t: &Test, options: &[&str]) -> Ran {
    let mut line = vec!["-f", "-qq", "-o", "log"];
    line.extend(options);
    line.push(env!("CARGO_BIN_EXE_pkit"));
    line.extend(case.words.iter().map(String::as_str));
    line.push("--force");
    t.peer("strace", line)
}

/// Those of the main thread, from the first that names the directory that is written to.
fn calls(log: &str) -> Vec<(String, usize)> {
    let main = log.split_whitespace().next().unwrap();
    let mut counts = BTreeMap::new();
    let mut calls = Vec::new();
    let mut begun = false;
    for line in log.lines().filter_map(|line| line.strip_prefix(main)) {
        let Some((name, rest)) = line.trim_start().split_once('(') else { continue };
        // The second half of a call that another thread has interrupted.
        if name.starts_with('<') {
            continue;
        }
        let nth = counts.entry(name.to_owned()).or_insert(0);
        *nth += 1;
        let names_it = ["\"dir\"", "\"dir/", "/dir\"", "/dir/"].iter().any(|name| rest.contains(name));
        // Not the words on the command line.
        begun |= name != "execve" && names_it;
        // The last ones are how a process ends.
        if begun && !["exit_group", "munmap", "brk", "mmap", "sigaltstack", "futex"].contains(&name) {
            calls.push((name.to_owned(), *nth));
        }
    }
    calls
}

fn files(t: &Test) -> Files {
    let base = t.path("");
    let all = t.snapshot().into_iter().filter(|(path, ..)| path.is_symlink() || !path.is_dir());
    let below = |path: PathBuf| path.strip_prefix(&base).unwrap().to_owned();
    all.map(|(path, mode, content)| (below(path), (mode, content))).collect()
}

fn is_leftover(path: &Path) -> bool {
    path.to_string_lossy().contains(".pkit-")
}

/// The trace, and the lock of a set.
fn is_ours(path: &Path) -> bool {
    path == Path::new("log") || path.ends_with(".lock")
}

fn leftovers(t: &Test) -> bool {
    t.snapshot().iter().any(|(path, ..)| is_leftover(path))
}

/// One disturbance of one command.
struct Point<'a> {
    known: &'a Known,
    name: &'a str,
    nth: usize,
    how: &'static str,
}

impl Point<'_> {
    /// What became of the files, and whether something was left behind.
    fn try_it(&self) -> (State, bool) {
        let Point { known, name, nth, how } = self;
        let t = scene(&known.case);
        let ran = strace(&known.case, &t, &["-e", &format!("inject={name}:{how}:when={nth}")]);
        let at = format!("{how} at {name} {nth} of {:?}: {} {}", known.case.words, ran.exit, ran.stderr);
        let state = known.judge(&t, &at);
        match *how {
            "signal=KILL" => assert_eq!(ran.exit, 137, "{at}"),
            // Where the work was done before the signal came, it is done.
            "signal=INT" => assert!(ran.exit == 130 || ran.exit == 0 && state == State::New, "{at}"),
            "signal=TERM" => assert!(ran.exit == 143 || ran.exit == 0 && state == State::New, "{at}"),
            _ => self.failed(&ran, state, &at),
        }
        let left = leftovers(&t);
        let looked_for = ["unlinkat", "getdents64", "newfstatat", "statx"].contains(name);
        assert!(!left || *how == "signal=KILL" || looked_for, "left behind: {at}");
        let done = if state == State::New { known.case.again } else { 0 };
        let again = run(&known.case, &t, &["--force"]);
        assert_eq!(again.exit, done, "the next run: {at}: {}", again.stderr);
        assert_eq!(known.judge(&t, &at), State::New);
        assert!(!leftovers(&t), "the next run has not cleaned up: {at}");
        (state, left)
    }

    /// A call that failed: nothing has changed, or the words say what has.
    fn failed(&self, ran: &Ran, state: State, at: &str) {
        if ran.exit == 0 {
            let told_anyway = *self.how == *"error=EINTR" || !MUST_TELL.contains(&self.name);
            assert!(state == State::New && told_anyway, "passed over: {at}");
            return;
        }
        let says = ["in place", "in use", "in part", "standard output", "written before this"];
        assert!([1, 3, 4, 5, 6].contains(&ran.exit), "{at}");
        assert!(state == State::Old || says.iter().any(|words| ran.stderr.contains(words)), "{at}");
        assert!(ran.exit == 5 || !MUST_TELL.contains(&self.name), "{at}");
    }
}

/// Killed at each of the calls, and each of them disturbed in one more way; some of them in the gate, all in the full run.
fn points(known: &Known) -> Vec<Point<'_>> {
    let step = known.calls.len().div_ceil(scaled(4).min(known.calls.len()));
    let others =
        ["error=ENOSPC", "signal=INT", "error=EIO", "error=EACCES", "signal=TERM", "error=EINTR", "error=EMFILE"];
    let calls = known.calls.iter().enumerate().step_by(step);
    calls
        .flat_map(|(i, (name, nth))| {
            // The kernel's random numbers cannot fail once it is up (getrandom(2)).
            let files = [CHANGING, LOOKING].iter().any(|names| names.contains(&name.as_str())) && name != "getrandom";
            let other = if files { others[i % others.len()] } else { ["signal=INT", "signal=TERM"][i % 2] };
            ["signal=KILL", other].map(|how| Point { known, name, nth: *nth, how })
        })
        .collect()
}

#[test]
fn every_command_leaves_the_old_or_the_new_wherever_it_ends() {
    if !have("strace") || !have("openssl") {
        return;
    }
    let (cases, _server) = cases::all();
    let known: Vec<Known> = cases.into_iter().map(Known::of).collect();
    let points: Vec<Point> = known.iter().flat_map(points).collect();
    let seen = Mutex::new(BTreeMap::new());
    let failed = AtomicUsize::new(0);
    sweep(&points, |point| {
        // One that fails says so itself; the others are tried all the same.
        let Ok((state, left)) = std::panic::catch_unwind(|| point.try_it()) else {
            failed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let how = point.how.split('=').next_back().unwrap();
        let how = if ["KILL", "INT", "TERM"].contains(&how) { how } else { "error" };
        *seen.lock().unwrap().entry((how, state, left)).or_insert(0) += 1;
    });
    assert_eq!(failed.into_inner(), 0, "of {} runs", points.len());
    let calls: usize = known.iter().map(|known| known.calls.len()).sum();
    let seen = seen.into_inner().unwrap();
    let tried = points.len() / 2;
    eprintln!("{tried} of the {calls} calls of {} commands, each disturbed in two ways; nothing lost:", known.len());
    for ((how, state, left), count) in seen {
        eprintln!("  {how}: {count} {state:?}{}", if left { ", a leftover until the next run" } else { "" });
    }
}

/// What has `-o` writes, and must be among the cases; so must those that write without it, which nobody can tell by their words.
#[test]
fn no_command_that_writes_is_left_out() {
    fn writing(command: &clap::Command, words: &str, all: &mut Vec<String>) {
        if command.get_arguments().any(|arg| arg.get_short() == Some('o')) {
            all.push(words.trim().to_owned());
        }
        command.get_subcommands().for_each(|verb| writing(verb, &format!("{words} {}", verb.get_name()), all));
    }
    let mut all = ["prepare", "perms fix", "ca init", "ca revoke", "bundle cadir"].map(String::from).to_vec();
    writing(&pkit::cli::command(), "", &mut all);
    let (cases, _server) = cases::all();
    let tried = |words: &String| cases.iter().any(|case| case.words.join(" ").starts_with(&format!("{words} ")));
    let left_out: Vec<&String> = all.iter().filter(|words| !tried(words)).collect();
    assert!(left_out.is_empty() && all.len() > 15, "{left_out:?} of {all:?}");
}

/// Whatever the umask: each file begins as one that only its owner can open, and ends with the mode that it has to have.
#[test]
fn no_command_makes_a_file_that_another_user_could_open_meanwhile() {
    if !have("strace") {
        return;
    }
    let (cases, _server) = cases::all();
    let (mut made, mut private) = (0, 0);
    for case in &cases {
        let modes = ["000", "022", "077"].map(|umask| {
            let t = scene(case);
            let words = format!("umask {umask}; exec strace -f -qq -e trace=openat,open,creat -o log \"$@\"");
            let line = ["-c", &words, "sh", env!("CARGO_BIN_EXE_pkit")];
            let own = case.words.iter().map(String::as_str);
            t.peer("sh", line.into_iter().chain(own).chain(["--force"])).exits(0);
            for line in t.text("log").lines().filter(|line| line.contains("O_CREAT") || line.contains("creat(")) {
                assert!(line.contains(", 0400) = ") || line.contains(", 0600) = "), "{:?}: {line}", case.words);
                made += 1;
            }
            let files = files(&t).into_iter().filter(|(path, _)| path.starts_with("dir"));
            files.map(|(path, (mode, _))| (path, mode)).collect::<BTreeMap<_, _>>()
        });
        assert!(modes.iter().all(|with| *with == modes[0]), "{:?}: {modes:?}", case.words);
        let keys = modes[0].iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "key"));
        for (path, mode) in keys.chain(modes[0].iter().filter(|(path, _)| path.ends_with("privkey.pem"))) {
            assert_eq!(mode & 0o077, 0, "{}", path.display());
            private += 1;
        }
    }
    eprintln!("{} commands with three umasks: {made} files made, all private at first; {private} keys", cases.len());
}
