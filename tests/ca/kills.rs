//! Killed at each system call: the CA goes on with the next command.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{crl_numbers, index, init, issue_client};
use crate::common::{Test, have, scaled};

const REVOKE: &[&str] = &["ca", "revoke", "alice.pem", "--ca", "ca"];
const ISSUE: &[&str] = &["ca", "issue", "b.example", "--ca", "ca", "--type", "ecdsa"];

/// A CA with one client.
fn scene() -> Test {
    let t = Test::new();
    init(&t, &[]);
    issue_client(&t, "alice");
    t
}

fn pkit() -> &'static str {
    env!("CARGO_BIN_EXE_pkit")
}

const INIT: &[&str] =
    &["ca", "init", "new", "--cn", "New Root", "--type", "ecdsa", "--no-passphrase", "--intermediate", "New CA"];

/// Name and count of each system call from the one on that has this word, of whichever thread makes it, as strace counts them.
fn points(words: &[&str], from: &str) -> Vec<(String, usize)> {
    let t = scene();
    let strace = ["-f", "-o", "log", pkit()];
    t.peer("strace", strace.iter().chain(words)).exits(0);
    let log = t.text("log");
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let (mut begun, mut points) = (false, Vec::new());
    for line in log.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let Some((name, rest)) = call.trim_start().split_once('(') else { continue };
        let nth = counts.entry((thread, name)).or_insert(0);
        *nth += 1;
        begun |= rest.contains(from);
        if begun && !points.contains(&(name.to_owned(), *nth)) {
            points.push((name.to_owned(), *nth));
        }
    }
    assert!(points.iter().any(|(name, _)| name == "fsync") && points.len() > 40, "{log}");
    points
}

fn killed_at_each(words: &[&str], from: &str, goes_on: impl Fn(&Test, &str) + Sync) {
    if !have("strace") {
        return;
    }
    let all = points(words, from);
    // Some of them in the gate, every one in the full run.
    let step = all.len().div_ceil(scaled(14).min(all.len()));
    let cases: Vec<&(String, usize)> = all.iter().step_by(step).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some((name, nth)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let t = scene();
                    let inject = format!("inject={name}:signal=KILL:when={nth}");
                    t.peer("strace", ["-f", "-o", "log", "-e", &inject, pkit()].iter().chain(words));
                    let told = format!("{name} {nth}");
                    t.run(["ca", "list", "--ca", "ca"]).exits(0);
                    goes_on(&t, &told);
                    t.run(["ca", "crl", "--ca", "ca"]).exits(0);
                    crl_numbers(&t, "root");
                    t.run(["crl", "check", "ca/root.crl", "--issuer", "ca/root.pem"]).exits(0);
                    let left: Vec<_> =
                        std::fs::read_dir(t.path("ca")).unwrap().map(|e| e.unwrap().file_name()).collect();
                    assert_eq!(left.len(), 4, "left behind at {told}: {left:?}");
                }
            });
        }
    });
    eprintln!("{} of {} points of {}", cases.len(), all.len(), words[1]);
}

#[test]
fn killed_while_revoking_the_next_run_finishes_it() {
    killed_at_each(REVOKE, "index.ndjson", |t, told| {
        t.run(REVOKE).exits(0);
        t.run(["crl", "check", "ca/root.crl", "--issuer", "ca/root.pem", "--cert", "alice.pem"])
            .exits(1)
            .out_has("revoked at");
        let revoked = index(t).iter().filter(|line| line["event"] == "revoked").count();
        assert_eq!(revoked, 1, "{told}");
    });
}

#[test]
fn killed_while_it_is_made_a_ca_is_there_whole_or_not_at_all() {
    // Its temporary directory has the name in it.
    killed_at_each(INIT, ".new.pkit", |t, told| {
        let whole = t.exists("new");
        if whole {
            t.run(["ca", "list", "--ca", "new"]).exits(0);
        }
        // A key that was half written is gone with the next run, and a CA that stands stays as it is.
        t.run(INIT).exits(if whole { 4 } else { 0 });
        t.run(["ca", "issue", "host.example", "--ca", "new", "--type", "ecdsa", "-o", "."]).exits(0);
        t.run(["ca", "crl", "--ca", "new"]).exits(0);
        let names = |dir: &str| {
            let names = std::fs::read_dir(t.path(dir)).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<String> = names.collect();
            names.sort();
            names
        };
        let three = |ca: &str| ["crl", "key", "pem"].map(|end| format!("{ca}.{end}"));
        let wanted = [&["index.ndjson".to_owned()], &three("intermediate")[..], &three("root")].concat();
        assert_eq!(names("new"), wanted, "{told}");
        let beside = ["alice.key", "alice.pem", "ca", "host.example.key", "host.example.pem", "log", "new"];
        assert_eq!(names("."), beside, "{told}");
    });
}

#[test]
fn killed_while_issuing_nothing_is_handed_out_that_the_index_does_not_know() {
    killed_at_each(ISSUE, "index.ndjson", |t, told| {
        if t.exists("b.example.pem") {
            let cert = t.run(["cert", "inspect", "b.example.pem", "--json"]).exits(0).json();
            let serial = cert["result"]["certificates"][0]["serial_number_hex"].clone();
            assert!(index(t).iter().any(|line| line["serial"] == serial), "{told}");
        }
        t.run(ISSUE.iter().chain(&["--force"])).exits(0);
        t.run(["key", "check", "b.example.key", "--cert", "b.example.pem"]).exits(0);
    });
}
