//! What strace can do to a writer: kill it at each system call, and let each one fail.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use pkit::change::Mode;
use pkit::content::Overwrite;

use super::worker::{Job, RUN_UP, START, Worker};
use super::{current_pair, mode, names};
use crate::common::{Test, have, root, scaled};

/// One system call of the worker, from its trace.
#[derive(Clone, Debug)]
struct Call {
    name: String,
    /// Which one of its name it is, from 1, as strace counts them.
    nth: usize,
    /// Arguments and result.
    rest: String,
}

/// A scratch directory with the old state in place.
struct Scene {
    test: Test,
    job: Job,
    target: PathBuf,
}

const OLD: &str = "old";
const NEW: &str = "new";

impl Scene {
    fn new(job: Job, there: bool) -> Scene {
        let test = Test::new();
        let target = test.path("dir/target");
        fs::create_dir(test.path("dir")).unwrap();
        let scene = Scene { test, job, target };
        match job {
            Job::Append => {
                let content = pkit::content::Content::State(format!("{}\n", OLD.repeat(100)).into());
                let write = pkit::content::FileWrite {
                    path: scene.target.clone(),
                    content,
                    what: "index".into(),
                    overwrite: Overwrite::Refuse,
                };
                pkit::plan::Plan::file(write).apply(Mode::Apply).unwrap();
            }
            Job::Rights => {
                scene.test.file("dir/target", OLD.repeat(100));
                scene.test.chmod("dir/target", 0o644);
            }
            _ if there => scene.job.act(&scene.target, &OLD.repeat(100), Overwrite::Refuse).unwrap(),
            _ => {}
        }
        scene
    }

    fn worker(&self) -> Worker<'_> {
        Worker { job: self.job, path: &self.target, text: NEW, repeat: 100 }
    }

    fn log(&self) -> PathBuf {
        self.test.path("log")
    }

    /// The calls of a run that nothing disturbs, from where the plan is carried out.
    fn calls(&self, umask: &str) -> Vec<Call> {
        let strace =
            ["sh", "-c", &format!("umask {umask}; exec \"$@\""), "sh", "strace", "-f", "-o"].map(OsString::from);
        let wrapper: Vec<OsString> = strace.into_iter().chain([self.log().into()]).collect();
        let output = self.worker().run(&wrapper);
        assert!(output.status.success(), "{output:?}");
        ours(&fs::read_to_string(self.log()).unwrap())
    }

    fn injected(&self, call: &Call, what: &str) -> std::process::Output {
        let inject = format!("inject={}:{what}:when={}", call.name, call.nth);
        let strace = ["strace", "-f", "-e", &inject, "-o"].map(OsString::from);
        let wrapper: Vec<OsString> = strace.into_iter().chain([self.log().into()]).collect();
        let output = self.worker().run(&wrapper);
        assert!(fs::read_to_string(self.log()).unwrap().contains(START), "disturbed before it began: {call:?}");
        output
    }

    /// `old`, `new` or nothing is at the target; anything else fails.
    fn state(&self) -> Option<&'static str> {
        let found = match self.job {
            Job::Set => current_pair(&self.target),
            // The content never changes, and the mode says how far it has come.
            Job::Rights => {
                assert_eq!(fs::read_to_string(&self.target).unwrap(), OLD.repeat(100));
                let mode = mode(&self.target);
                assert!(mode == 0o644 || mode == 0o400, "{mode:04o}");
                Some(if mode == 0o644 { OLD } else { NEW }.repeat(100))
            }
            // Whole lines: the old one, and behind it new ones.
            Job::Append => {
                let text = fs::read_to_string(&self.target).unwrap();
                let old = format!("{}\n", OLD.repeat(100));
                let added = text.strip_prefix(&old).unwrap_or_else(|| panic!("destroyed: {text:?}"));
                let new = format!("{}\n", NEW.repeat(100));
                assert_eq!(added.replace(&new, ""), "", "half a line");
                Some(if added.is_empty() { OLD } else { NEW }.repeat(100))
            }
            _ => fs::read_to_string(&self.target).ok(),
        };
        found.map(|text| {
            [OLD, NEW]
                .into_iter()
                .find(|word| text == word.repeat(100))
                .unwrap_or_else(|| panic!("destroyed: {text:?}"))
        })
    }

    /// Nothing that may hold the key can be read by anybody else.
    fn nothing_exposed(&self) {
        fn walk(dir: &Path) {
            for name in names(dir) {
                let path = dir.join(name);
                if path.is_dir() && !path.is_symlink() {
                    walk(&path);
                } else if !path.is_symlink() && !path.ends_with("fullchain.pem") {
                    // A group that was asked for may read what is its own.
                    let group = std::os::unix::fs::MetadataExt::gid(&fs::metadata(&path).unwrap());
                    let given = if group == super::worker::given_group() { 0o040 } else { 0 };
                    assert_eq!(mode(&path) & 0o077 & !given, 0, "{}", path.display());
                }
            }
        }
        if !matches!(self.job, Job::Public | Job::Rights) {
            walk(&self.test.path("dir"));
        }
    }

    /// Is nothing there but what belongs there?
    fn is_clean(&self) -> bool {
        let dir = names(&self.test.path("dir"));
        let in_set = if self.target.is_dir() { names(&self.target) } else { Vec::new() };
        let kept = matches!(self.job, Job::Given) && fs::read_to_string(&self.target).is_ok_and(|t| t.starts_with(NEW));
        dir.iter().all(|n| n == "target" || n == "target.bak" && kept) && in_set.iter().all(|n| !n.contains(".pkit-"))
    }

    /// The next run finishes the work and removes what was left.
    fn next_run_mends(&self) {
        // The name tells the second, and this is one that is long past.
        let _ = fs::remove_file(self.test.path("dir/target.bak"));
        self.job.act(&self.target, &NEW.repeat(100), Overwrite::Replace).unwrap();
        assert_eq!(self.state(), Some(NEW));
        assert!(self.is_clean(), "{:?} {:?}", names(&self.test.path("dir")), self.target);
    }
}

/// The calls of the thread that carried out the plan, from where the plan begins until everything is synced.
fn ours(log: &str) -> Vec<Call> {
    let marked = log.lines().find(|l| l.contains(START)).unwrap_or_else(|| panic!("no start in the trace:\n{log}"));
    let (mut ours, mut counts) = (Vec::new(), BTreeMap::new());
    for line in log.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let Some((name, rest)) = call.trim_start().split_once('(') else { continue };
        let nth = counts.entry((thread, name)).or_insert(0);
        *nth += 1;
        if marked.starts_with(thread) {
            ours.push(Call { name: name.to_owned(), nth: *nth, rest: rest.to_owned() });
        } else {
            assert!(*nth < RUN_UP, "the harness itself does so many: {line}");
        }
    }
    let start = ours.iter().position(|c| c.rest.contains(START)).unwrap();
    let end = ours.iter().rposition(|c| c.name == "fsync").unwrap();
    ours[start + 1..end + 2].to_vec()
}

/// Runs the cases on all cores; each has a scene of its own.
pub(super) fn sweep<T: Sync>(cases: &[T], case: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(one) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    case(one)
                }
            });
        }
    });
}

/// Calls that change something, or would.
pub(super) const CHANGING: &[&str] = &[
    "open",
    "openat",
    "flock",
    "fchown",
    "fchmod",
    "write",
    "fsync",
    "renameat",
    "renameat2",
    "linkat",
    "pwrite64",
    "ftruncate",
    "fremovexattr",
    "unlinkat",
    "mkdirat",
    "symlinkat",
    "close",
];
/// Those that cannot fail without being told of, unless they were only interrupted and done again.
pub(super) const MUST_TELL: &[&str] = &[
    "fchown",
    "fchmod",
    "write",
    "pwrite64",
    "ftruncate",
    "fsync",
    "renameat",
    "renameat2",
    "linkat",
    "mkdirat",
    "symlinkat",
];
/// Calls that only look, but can fail.
pub(super) const LOOKING: &[&str] =
    &["openat2", "pread64", "statx", "newfstatat", "fstat", "read", "getdents64", "readlinkat", "getrandom"];

fn among(names: &[&[&str]], calls: Vec<Call>) -> Vec<Call> {
    calls.into_iter().filter(|c| names.iter().any(|names| names.contains(&c.name.as_str()))).collect()
}

/// Kills and failures at each call, for each kind of target, new and replaced.
fn scenes() -> Vec<(Job, bool)> {
    let jobs = [Job::Secret, Job::Public, Job::Set, Job::Given];
    let both = jobs.into_iter().flat_map(|job| [(job, false), (job, true)]);
    both.chain([(Job::Append, true), (Job::Rights, true)]).collect()
}

#[test]
fn killed_at_any_system_call_it_leaves_the_old_or_the_new_and_the_next_run_mends() {
    if !have("strace") {
        return;
    }
    let mut cases = Vec::new();
    for (job, there) in scenes() {
        let calls = among(&[CHANGING], Scene::new(job, there).calls("000"));
        cases.extend(calls.into_iter().map(|call| (job, there, call)));
    }
    let seen = Mutex::new(BTreeMap::new());
    sweep(&cases, |(job, there, call)| {
        let scene = Scene::new(*job, *there);
        let output = scene.injected(call, "signal=KILL");
        assert!(!output.status.success(), "not killed at {call:?}");
        let state = scene.state();
        assert!(state.is_some() || !there, "lost at {call:?}");
        let clean = scene.is_clean();
        *seen.lock().unwrap().entry((format!("{job:?}"), state, clean)).or_insert(0) += 1;
        scene.nothing_exposed();
        scene.next_run_mends();
    });
    let seen: BTreeMap<(String, Option<&str>, bool), usize> = seen.into_inner().unwrap();
    let every = [(None, true), (Some(OLD), true), (Some(NEW), true), (Some(OLD), false)];
    assert!(every.iter().all(|wanted| seen.keys().any(|(_, state, clean)| (*state, *clean) == *wanted)), "{seen:?}");
    eprintln!("{} kill points, (plan, state, nothing left behind): {seen:?}", cases.len());
}

#[test]
fn whatever_call_fails_the_target_is_as_it_was_or_the_words_say_what_it_is() {
    if !have("strace") {
        return;
    }
    let errors = ["ENOSPC", "EIO", "EACCES", "EINTR", "EMFILE"];
    let mut cases = Vec::new();
    for (job, there) in scenes() {
        for (i, call) in among(&[CHANGING, LOOKING], Scene::new(job, there).calls("022")).into_iter().enumerate() {
            let take = scaled(1).min(errors.len());
            cases.extend((0..take).map(|k| (job, there, call.clone(), errors[(i + k) % errors.len()])));
        }
    }
    sweep(&cases, |(job, there, call, error)| {
        let scene = Scene::new(*job, *there);
        let output = scene.injected(call, &format!("error={error}"));
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        let context = format!("{error} at {call:?}: {:?} {words}", output.status);
        let state = scene.state();
        match output.status.code() {
            Some(0) => {
                assert_eq!(state, Some(NEW), "silent success: {context}");
                assert!(*error == "EINTR" || !MUST_TELL.contains(&call.name.as_str()), "passed over: {context}");
            }
            Some(4 | 5) if state == Some(NEW) => {
                assert!(
                    words.contains("in place") || words.contains("in use") || words.contains("in part"),
                    "changed and does not say so: {context}"
                );
            }
            Some(4 | 5) => assert_eq!(state, there.then_some(OLD), "{context}"),
            _ => panic!("{context}"),
        }
        scene.nothing_exposed();
        // A file that may not be removed or looked at stays; the next run sees to it.
        if !matches!(call.name.as_str(), "unlinkat" | "newfstatat" | "statx" | "getdents64") {
            assert!(scene.is_clean(), "left behind: {context} {:?}", names(&scene.test.path("dir")));
        }
        scene.next_run_mends();
    });
    eprintln!("{} faults", cases.len());
}

/// From creation on nobody else can open it, and each step is on the disk before the next one relies on it.
#[test]
fn a_key_is_private_from_its_creation_and_synced_before_it_is_named() {
    if !have("strace") {
        return;
    }
    for umask in ["000", "022", "077"] {
        for (job, there) in [(Job::Secret, false), (Job::Secret, true), (Job::Given, false)] {
            let scene = Scene::new(job, there);
            let calls = scene.calls(umask);
            for call in calls.iter().filter(|c| c.rest.contains("O_CREAT")) {
                assert!(call.rest.contains("0400)") && call.rest.contains("O_EXCL|"), "{call:?}");
            }
            let made = calls.iter().position(|c| c.rest.contains("O_CREAT")).unwrap();
            let steps = ["fchown", "fchmod", "write", "fsync", "renameat", "renameat2", "linkat"];
            let order: Vec<&Call> = calls[made + 1..].iter().filter(|c| steps.contains(&c.name.as_str())).collect();
            let rename = if there { "renameat" } else { "renameat2" };
            let named: Vec<&str> = order.iter().map(|c| c.name.as_str()).collect();
            assert_eq!(named, ["fchown", "fchmod", "write", "fsync", rename, "fsync"], "umask {umask}");
            let bits = if let Job::Given = job { 0o440 } else { 0o400 };
            assert!(order[1].rest.contains(&format!("{bits:04o}")), "{:?}", order[1]);
            assert_eq!(mode(&scene.target), bits);
        }
        let scene = Scene::new(Job::Public, false);
        scene.calls(umask);
        assert_eq!(mode(&scene.target), 0o444, "umask {umask}");
    }
}

/// A version and everything in it is on the disk before it has its name, and that before the link leads to it.
#[test]
fn a_set_is_synced_before_it_is_switched_to() {
    if !have("strace") {
        return;
    }
    let calls = Scene::new(Job::Set, true).calls("077");
    let making = calls.iter().skip_while(|c| c.name != "mkdirat");
    let named: Vec<&str> = making.map(|c| c.name.as_str()).filter(|n| CHANGING.contains(n)).collect();
    let file = ["openat", "fchown", "fchmod", "write", "fsync", "close"];
    let version =
        [&["mkdirat", "openat", "fchown"][..], &file, &file, &["fchmod", "fsync", "close", "renameat", "fsync"]];
    let switch = ["symlinkat", "renameat", "fsync"];
    let expected = [&version.concat()[..], &switch].concat();
    assert_eq!(named[..expected.len().min(named.len())], expected);
}

#[test]
fn a_full_disk_is_told_and_nothing_is_lost() {
    if !have("unshare") || !have("mount") || !root() {
        return;
    }
    let scene = Scene::new(Job::Secret, false);
    let dir = scene.test.path("dir");
    let worker = Worker { job: Job::Secret, path: &scene.target, text: NEW, repeat: 100_000 };
    let script = "mount -t tmpfs -o size=64k none \"$0\" || exit 77
        printf old > \"$0/target\"; \"$@\"; echo \"exit $?\"; cat \"$0/target\"; ls -A \"$0\"";
    let wrapper: Vec<OsString> =
        ["unshare", "-m", "sh", "-c", script].into_iter().map(OsString::from).chain([dir.into()]).collect();
    let output = worker.run(&wrapper);
    if output.status.code() == Some(77) {
        return crate::common::missing("the right to mount");
    }
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(words.contains("no space left on device: nothing was changed\nexit 5\noldtarget\n"), "{words}");
}

/// In a directory with the set-group-id bit a plain user's file still gets the user's own group, and the report says so.
#[test]
fn a_plain_user_owns_what_is_written() {
    use std::os::unix::fs::MetadataExt;
    if !have("setpriv") || !root() {
        return;
    }
    let scene = Scene::new(Job::Secret, false);
    // Where the tests are built a plain user may have no way.
    let program = scene.test.path("worker");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    scene.test.chmod(".", 0o755);
    scene.test.peer("chown", ["nobody:daemon", "dir"]).exits(0);
    scene.test.chmod("dir", 0o2755);
    let as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"].map(OsString::from);
    let output = scene.worker().command(&as_nobody, &program).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let meta = fs::metadata(&scene.target).unwrap();
    assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o7777), (65534, 65534, 0o400));
}
