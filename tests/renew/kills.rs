//! Killed at each system call of a deployment: what is in use is a whole pair at every instant, and the next run finishes or
//! undoes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::acme::Acme;
use super::{NAME, base, chain, current, deploy, deployed};
use crate::common::{Test, have, scaled};

/// Version 1 in use, and the next one waits; the first may go.
fn scene() -> (Test, Acme) {
    let (t, acme) = deployed();
    acme.certbot(&t, 2016);
    (t, acme)
}

const WORDS: &[&str] = &[
    "renew",
    "deploy",
    "--name",
    NAME,
    "--to",
    "ssl",
    "--trust",
    "root.pem",
    "--run",
    "true",
    "--keep",
    "1",
    "--from",
    "live/mail.example.org",
];

fn pkit() -> &'static str {
    env!("CARGO_BIN_EXE_pkit")
}

/// Name and number of each system call from where the lock is taken on, of whichever thread or child makes it.
fn points() -> Vec<(String, usize)> {
    let (t, _) = scene();
    t.peer("strace", ["-f", "-o", "log", pkit()].iter().chain(WORDS)).exits(0);
    let log = t.text("log");
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let (mut begun, mut points) = (false, Vec::new());
    for line in log.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let Some((name, rest)) = call.trim_start().split_once('(') else { continue };
        let nth = counts.entry((thread, name)).or_insert(0);
        *nth += 1;
        begun |= rest.contains("\".lock\"");
        if begun && !points.contains(&(name.to_owned(), *nth)) {
            points.push((name.to_owned(), *nth));
        }
    }
    assert!(points.iter().any(|(name, _)| name == "fsync") && points.len() > 100, "{log}");
    points
}

#[test]
fn killed_anywhere_a_whole_pair_is_in_use_and_the_next_run_finishes_or_undoes() {
    if !have("strace") {
        return;
    }
    let all = points();
    // Some of them in the gate, every one in the full run.
    let step = all.len().div_ceil(scaled(40).min(all.len()));
    let cases: Vec<&(String, usize)> = all.iter().step_by(step).collect();
    let (next, interrupted) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some((name, nth)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (t, acme) = scene();
                    let old = chain(&t);
                    let inject = format!("inject={name}:signal=KILL:when={nth}");
                    t.peer("strace", ["-f", "-o", "log", "-e", &inject, pkit()].iter().chain(WORDS));
                    let told = format!("{name} {nth}");
                    let there = current(&t).unwrap_or_else(|| panic!("nothing is in use after {told}"));
                    assert!(there <= 2, "{told}");
                    let history = t.run(["renew", "history", "--name", NAME, "--to", "ssl"]).exits(0);
                    if history.stderr.contains("deploy-interrupted") {
                        interrupted.fetch_add(1, Ordering::Relaxed);
                    }
                    if nth % 3 == 0 {
                        // Something that may not follow has come meanwhile: the old one is back.
                        super::acme::certbot(&t, acme.issued(2014));
                        let undone = deploy(&t, &["live/mail.example.org"], &[]).exits(1);
                        if history.stderr.contains("deploy-interrupted") {
                            assert_eq!((current(&t), chain(&t)), (Some(1), old), "{told}: {undone:?}");
                        }
                    } else {
                        t.run(WORDS).exits(0);
                        assert_eq!(current(&t), Some(2), "{told}");
                        let mut left: Vec<_> =
                            std::fs::read_dir(base(&t)).unwrap().map(|e| e.unwrap().file_name()).collect();
                        left.sort();
                        let kept = [".lock", ".state", "0002", "current"];
                        // A run that was killed while it removed the old version had done everything else.
                        let not_removed = [".lock", ".state", "0001", "0002", "current"];
                        assert!(left == kept || left == not_removed, "left behind at {told}: {left:?}");
                    }
                }
            });
        }
    });
    let interrupted = interrupted.into_inner();
    eprintln!("{} of {} points, {interrupted} between the switch and the proof", cases.len(), all.len());
    assert!(interrupted > 0, "no run was interrupted between the switch and the proof");
}
