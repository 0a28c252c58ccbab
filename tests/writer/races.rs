//! Several writers at once: nobody's file is replaced unasked, nobody's temporary file is taken for a leftover, and who reads
//! through `current` always finds a whole pair.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pkit::change::Mode;
use pkit::content::Overwrite;
use pkit::exit::Exit;

use super::{current_pair, names, public, secret, set};
use crate::common::{Test, scaled};

#[test]
fn of_two_writers_exactly_one_makes_the_key() {
    let t = Test::new();
    for round in 0..scaled(100) {
        let path = t.path(format!("key{round}"));
        let start = Barrier::new(2);
        let write = |text: &str| {
            start.wait();
            secret(&path, text, Overwrite::Refuse).apply(Mode::Apply).map(|_| text.to_owned())
        };
        let (one, two) = std::thread::scope(|scope| {
            let other = scope.spawn(|| write("two"));
            (write("one"), other.join().unwrap())
        });
        let (winner, loser) = if one.is_ok() { (one, two) } else { (two, one) };
        let error = loser.expect_err("both made it");
        assert_eq!((error.rule.code, error.exit), ("key-exists", Exit::Refused));
        assert_eq!(t.text(format!("key{round}")), winner.expect("none made it"));
    }
    assert!(names(&t.path(".")).iter().all(|n| n.starts_with("key")));
}

#[test]
fn writers_in_one_directory_leave_each_other_alone() {
    let t = Test::new();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = t.path(format!("file{writer}"));
            scope.spawn(move || {
                for round in 0..scaled(50) {
                    public(&path, format!("{writer} {round}"), Overwrite::Replace).apply(Mode::Apply).unwrap();
                }
            });
        }
    });
    assert_eq!(names(&t.path(".")), ["file0", "file1", "file2", "file3"]);
}

#[test]
fn a_reader_of_current_always_finds_a_whole_pair() {
    let t = Test::new();
    let base = t.path("pkit/mail");
    set(&base, "first", Overwrite::Refuse).apply(Mode::Apply).unwrap();
    let done = AtomicBool::new(false);
    let rounds = scaled(10);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert!(current_pair(&base).is_some());
            }
        });
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let base = &base;
                scope.spawn(move || {
                    for round in 0..rounds {
                        let pair = format!("{writer} {round}");
                        set(base, &pair, Overwrite::Replace).apply(Mode::Apply).unwrap();
                    }
                })
            })
            .collect();
        let ended: Vec<_> = writers.into_iter().map(|w| w.join()).collect();
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().is_ok() && ended.iter().all(Result::is_ok));
    });
    let versions = names(&base).into_iter().filter(|n| n.parse::<u32>().is_ok()).count();
    assert_eq!(versions, 1 + 3 * rounds, "each writer made its own versions");
}

/// Any user may lock a directory that he can read; root must not wait for him.
#[test]
fn a_stranger_cannot_make_a_writer_wait() {
    let t = Test::new();
    let base = t.path("mail");
    set(&base, "one", Overwrite::Refuse).apply(Mode::Apply).unwrap();
    let held: Vec<std::fs::File> =
        [".", "mail", "mail/0001"].iter().map(|d| std::fs::File::open(t.path(d)).unwrap()).collect();
    held.iter().for_each(|dir| dir.lock().unwrap());
    let plans = [set(&base, "two", Overwrite::Replace), public(t.path("file"), "x", Overwrite::Refuse)];
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(plans.map(|plan| plan.apply(Mode::Apply).is_ok())));
    assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok([true, true]));
    assert_eq!(super::mode(&base.join(".lock")), 0o600);
}
