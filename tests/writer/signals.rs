//! Ctrl-C and SIGTERM: the exit code tells, and nothing is left behind, whenever they come.

use std::os::unix::fs::MetadataExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::names;
use crate::common::{Test, have, root};

/// A run that takes long enough to be interrupted.
fn long_run(t: &Test) -> Child {
    let args = ["dhparam", "new", "--generate", "8192", "-o", "dir/dh.pem"];
    t.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn signal(t: &Test, child: &Child, name: &str) {
    t.peer("kill", ["-s", name, &child.id().to_string()]).exits(0);
}

/// Until the process waits for signals: its second thread is there.
fn wait_for_threads(child: &Child) {
    let begin = Instant::now();
    let tasks = format!("/proc/{}/task", child.id());
    while std::fs::read_dir(&tasks).map_or(0, Iterator::count) < 2 {
        assert!(begin.elapsed() < Duration::from_secs(20), "no second thread");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_long_search_ends_at_once_and_leaves_nothing() {
    let t = Test::new();
    std::fs::create_dir(t.path("dir")).unwrap();
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let mut child = long_run(&t);
        wait_for_threads(&child);
        let sent = Instant::now();
        signal(&t, &child, name);
        assert_eq!(child.wait().unwrap().code(), Some(code), "{name}");
        assert!(sent.elapsed() < Duration::from_secs(5));
        assert_eq!(names(&t.path("dir")), [""; 0]);
    }
}

/// No core file, and another process of the same user cannot look into the memory: what is not dumpable belongs to root
/// in /proc (proc(5)).
#[test]
fn a_process_with_secrets_shows_itself_to_nobody() {
    if !root() || !have("setpriv") {
        return;
    }
    let t = Test::new();
    let mut command = t.as_nobody(&["key", "inspect", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for_threads(&child);
    let of = |name: &str| std::path::PathBuf::from(format!("/proc/{}/{name}", child.id()));
    assert_eq!(std::fs::metadata(of("mem")).unwrap().uid(), 0);
    let limits = std::fs::read_to_string(of("limits")).unwrap();
    let core = limits.lines().find(|l| l.starts_with("Max core file size")).unwrap().to_owned();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
    drop(child.stdin.take());
    child.wait().unwrap();
}
