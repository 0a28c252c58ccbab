//! Targets that are not what they seem, and promises about what is left alone.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use pkit::change::{Action, Mode};
use pkit::content::Overwrite;
use pkit::exit::Exit;
use pkit::plan::Plan;

use super::{current_pair, mode, names, public, secret, set};
use crate::common::Test;

const BOTH: [Overwrite; 2] = [Overwrite::Refuse, Overwrite::Replace];

/// The plan is refused with this code, dry and in earnest, and nothing changes.
#[track_caller]
fn refused(t: &Test, plan: &Plan, code: &str) {
    let before = t.snapshot();
    for mode in [Mode::DryRun, Mode::Apply] {
        let error = plan.apply(mode).expect_err("not refused");
        assert_eq!((error.rule.code, error.exit), (code, Exit::Refused), "{error}");
        assert_eq!(error.state, "nothing was changed");
    }
    assert_eq!(t.snapshot(), before);
}

#[test]
fn the_same_again_changes_nothing_and_anything_else_needs_force() {
    let t = Test::new();
    let path = t.path("mail.pem");
    let action = |plan: Plan| plan.apply(Mode::Apply).unwrap()[0].action;
    assert_eq!(action(public(&path, "one", Overwrite::Refuse)), Action::Create);
    assert_eq!(action(public(&path, "one", Overwrite::Refuse)), Action::Unchanged);
    refused(&t, &public(&path, "two", Overwrite::Refuse), "file-exists");
    refused(&t, &secret(&path, "one", Overwrite::Refuse), "key-exists");
    t.chmod("mail.pem", 0o644);
    refused(&t, &public(&path, "one", Overwrite::Refuse), "file-exists");
    assert_eq!(action(public(&path, "one", Overwrite::Replace)), Action::Replace);
    assert_eq!((t.mode("mail.pem"), t.text("mail.pem").as_str()), (0o444, "one"));
}

#[test]
fn a_key_over_a_readable_file_is_private_and_other_names_keep_the_old() {
    let t = Test::new();
    t.file("mail.key", "old");
    t.chmod("mail.key", 0o644);
    fs::hard_link(t.path("mail.key"), t.path("other")).unwrap();
    secret(t.path("mail.key"), "new", Overwrite::Replace).apply(Mode::Apply).unwrap();
    assert_eq!((t.mode("mail.key"), t.text("mail.key").as_str(), t.text("other").as_str()), (0o400, "new", "old"));
}

#[test]
fn links_directories_and_pipes_are_never_written_to() {
    let t = Test::new();
    t.file("victim", "victim");
    symlink("victim", t.path("link")).unwrap();
    symlink("nowhere", t.path("dangling")).unwrap();
    fs::create_dir(t.path("dir")).unwrap();
    t.peer("mkfifo", ["fifo"]).exits(0);
    for overwrite in BOTH {
        for (name, code) in [
            ("link", "target-is-link"),
            ("dangling", "target-is-link"),
            ("dir", "target-not-file"),
            ("fifo", "target-not-file"),
            ("dir/", "target-not-file"),
            ("dir/.", "target-not-file"),
            ("dir/..", "target-not-file"),
            ("new/.", "target-not-file"),
            ("new/", "target-not-file"),
        ] {
            refused(&t, &secret(t.path(name), "key", overwrite), code);
            refused(&t, &public(t.path(name), "certificate", overwrite), code);
        }
    }
}

#[test]
fn a_key_is_not_put_where_anybody_could_exchange_it() {
    let t = Test::new();
    fs::create_dir_all(t.path("lax/below")).unwrap();
    t.chmod("lax", 0o777);
    for path in ["lax/key", "lax/below/key"] {
        refused(&t, &secret(t.path(path), "key", Overwrite::Refuse), "dir-lax");
        public(t.path(path), "certificate", Overwrite::Refuse).apply(Mode::Apply).unwrap();
    }
    refused(&t, &set(t.path("lax/new/mail"), "pair", Overwrite::Refuse), "dir-lax");
    t.chmod("lax", 0o1777);
    secret(t.path("lax/key"), "key", Overwrite::Replace).apply(Mode::Apply).unwrap();
}

#[test]
fn a_dry_run_says_the_same_and_leaves_no_trace() {
    let t = Test::new();
    t.file("old", "old");
    t.file(".old.pkit-0123456789abcdef", "a leftover");
    let plans = || {
        [
            public(t.path("new"), "new", Overwrite::Refuse),
            secret(t.path("old"), "new", Overwrite::Replace),
            set(t.path("a/b/mail"), "pair", Overwrite::Refuse),
        ]
    };
    let before = t.snapshot();
    let dry: Vec<_> = plans().iter().flat_map(|p| p.apply(Mode::DryRun).unwrap()).map(|c| (c.path, c.action)).collect();
    assert_eq!(t.snapshot(), before);
    let wet: Vec<_> = plans().iter().flat_map(|p| p.apply(Mode::Apply).unwrap()).map(|c| (c.path, c.action)).collect();
    assert_eq!(dry, wet);
}

#[test]
fn any_bytes_are_a_name() {
    let t = Test::new();
    for name in [&b"\xff\xfe.key"[..], b"a b\n.key", b"-", b".hidden", &[b'x'; 255]] {
        let path = t.path(std::ffi::OsStr::from_bytes(name));
        secret(&path, "key", Overwrite::Refuse).apply(Mode::Apply).unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"key".to_vec(), 0o400));
    }
    let error = secret(t.path("x".repeat(256)), "key", Overwrite::Refuse).apply(Mode::Apply).unwrap_err();
    assert_eq!(error.exit, Exit::Io);
}

/// A file that begins like the new one and goes on beyond the limit of what is read is not the same.
#[test]
fn a_longer_file_is_another_file() {
    let t = Test::new();
    let limit = usize::try_from(pkit::files::read::MAX_FILE).unwrap();
    public(t.path("crl"), vec![0; limit], Overwrite::Refuse).apply(Mode::Apply).unwrap();
    assert_eq!(
        public(t.path("crl"), vec![0; limit], Overwrite::Refuse).apply(Mode::Apply).unwrap()[0].action,
        Action::Unchanged
    );
    t.chmod("crl", 0o644);
    fs::OpenOptions::new().append(true).open(t.path("crl")).unwrap().set_len(limit as u64 + 1).unwrap();
    t.chmod("crl", 0o444);
    refused(&t, &public(t.path("crl"), vec![0; limit], Overwrite::Refuse), "file-exists");
}

#[test]
fn the_report_never_tells_the_digest_of_a_key() {
    let t = Test::new();
    secret(t.path("old"), "key", Overwrite::Refuse).apply(Mode::Apply).unwrap();
    let over_a_key = public(t.path("old"), "certificate", Overwrite::Replace).apply(Mode::Apply).unwrap();
    assert_eq!((&over_a_key[0].before, over_a_key[0].after.is_some()), (&None, true));
    let over_a_certificate = public(t.path("old"), "renewed", Overwrite::Replace).apply(Mode::Apply).unwrap();
    assert!(over_a_certificate[0].before.is_some());
    let key = secret(t.path("old"), "key", Overwrite::Replace).apply(Mode::Apply).unwrap();
    assert_eq!((&key[0].before, &key[0].after), (&None, &None));
}

#[test]
fn only_leftovers_are_swept() {
    let t = Test::new();
    let name = |n: usize| format!(".mail.pkit-{n:016x}");
    t.file(name(1), "left by a killed run");
    let live = fs::File::open(t.file(name(2), "being written")).unwrap();
    live.lock().unwrap();
    t.file("victim", "victim");
    symlink("victim", t.path(name(3))).unwrap();
    t.peer("mkfifo", [name(4)]).exits(0);
    fs::create_dir(t.path(name(5))).unwrap();
    t.file(".mail.pkit-notes", "somebody's own");
    public(t.path("mail"), "x", Overwrite::Refuse).apply(Mode::Apply).unwrap();
    assert!(!t.exists(name(1)));
    assert_eq!(names(&t.path(".")), [&name(2)[..], &name(3), &name(4), &name(5), ".mail.pkit-notes", "mail", "victim"]);
}

#[test]
fn a_set_goes_from_version_to_version() {
    let t = Test::new();
    let base = t.path("ssl/pkit/mail");
    let actions = |pair: &str, overwrite| {
        let changes = set(&base, pair, overwrite).apply(Mode::Apply).unwrap();
        (changes[0].action, changes[2].action, changes[2].what.clone())
    };
    assert_eq!(actions("one", Overwrite::Refuse), (Action::Create, Action::Create, "-> 0001".into()));
    assert_eq!(actions("one", Overwrite::Refuse), (Action::Unchanged, Action::Unchanged, "-> 0001".into()));
    refused(&t, &set(&base, "two", Overwrite::Refuse), "set-exists");
    assert_eq!(actions("two", Overwrite::Replace), (Action::Create, Action::Replace, "-> 0002".into()));
    assert_eq!(current_pair(&base).as_deref(), Some("two"));
    assert_eq!(names(&base), [".lock", "0001", "0002", "current"]);
    assert_eq!((t.mode("ssl"), t.mode("ssl/pkit"), t.mode("ssl/pkit/mail")), (0o755, 0o755, 0o755));
    // Complete, but the run was killed before the switch: taken up, not made a third time.
    fs::remove_file(base.join("current")).unwrap();
    symlink("0001", base.join("current")).unwrap();
    refused(&t, &set(&base, "two", Overwrite::Refuse), "set-exists");
    assert_eq!(actions("two", Overwrite::Replace), (Action::Unchanged, Action::Replace, "-> 0002".into()));
    // Somebody opened the version: it is not the same any more.
    t.chmod("ssl/pkit/mail/0002", 0o777);
    assert_eq!(actions("two", Overwrite::Replace), (Action::Create, Action::Replace, "-> 0003".into()));
}

#[test]
fn a_layout_that_pkit_did_not_make_is_left_alone() {
    let t = Test::new();
    for (name, target) in [("up", "../elsewhere"), ("plus", "+001"), ("short", "1")] {
        fs::create_dir(t.path(name)).unwrap();
        symlink(target, t.path(name).join("current")).unwrap();
        fs::create_dir(t.path(name).join("+007")).unwrap();
        t.file(format!("{name}/.lock"), "");
        t.chmod(format!("{name}/.lock"), 0o600);
        refused(&t, &set(t.path(name), "pair", Overwrite::Replace), "layout-odd");
    }
    fs::create_dir_all(t.path("dir/current")).unwrap();
    t.file("dir/.lock", "");
    refused(&t, &set(t.path("dir"), "pair", Overwrite::Replace), "layout-odd");
}

#[test]
fn a_file_where_a_directory_should_be_is_told() {
    let t = Test::new();
    t.file("file", "x");
    for plan in [
        secret(t.path("file/key"), "key", Overwrite::Refuse),
        set(t.path("file"), "pair", Overwrite::Refuse),
        set(t.path("file/pkit/mail"), "pair", Overwrite::Refuse),
        secret(t.path("missing/key"), "key", Overwrite::Refuse),
    ] {
        let before = t.snapshot();
        let error = plan.apply(Mode::Apply).unwrap_err();
        assert_eq!(error.exit, Exit::Io);
        assert!(error.path.as_deref().is_some_and(|p| p.starts_with(t.path("."))), "{error:?}");
        assert_eq!(t.snapshot(), before);
    }
    let hint = public(Path::new("/nonexistent-dir/x"), "x", Overwrite::Refuse).apply(Mode::Apply).unwrap_err().hint;
    assert!(hint.contains("make the directory first"), "{hint}");
}

/// A step that fails says what the steps before it have done, and what it left itself.
#[test]
fn a_plan_that_stops_says_where_things_stand() {
    let t = Test::new();
    t.file("there", "old");
    let mut plan = public(t.path("first"), "1", Overwrite::Refuse);
    plan.steps.extend(public(t.path("there"), "2", Overwrite::Refuse).steps);
    let error = plan.apply(Mode::Apply).unwrap_err();
    assert!(
        error.state.starts_with("written before this: ") && error.state.ends_with("; everything else is as it was")
    );
}
