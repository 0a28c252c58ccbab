//! `pkit perms fix`: what it changes, and what it leaves alone.

use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use super::{CERT, KEY, found, set};
use crate::common::{Test, have, root};

/// Mode, owner and ACL of everything, as stat(1) and getfacl(1) tell it: the whole state that `fix` may change.
fn state(t: &Test) -> Vec<String> {
    let mut names: Vec<_> = t.snapshot().into_iter().map(|(path, ..)| path).collect();
    names.sort();
    let told = |path: &Path| {
        let path = path.to_str().unwrap();
        let stat = t.peer("stat", ["-c", "%n %a %u:%g", path]).exits(0).stdout;
        if Path::new(path).is_symlink() { stat } else { stat + &t.peer("getfacl", ["-cpn", path]).exits(0).stdout }
    };
    names.iter().map(|path| told(path)).collect()
}

/// A tree with one of everything that can be mended, and some that must not be touched.
fn tree() -> Test {
    let t = Test::new();
    for (name, content, mode) in [
        ("tree/world.key", KEY, 0o644),
        ("tree/hidden.pem", &format!("{CERT}{KEY}"), 0o444),
        ("tree/group.key", KEY, 0o640),
        ("tree/it's.key", KEY, 0o606),
        ("tree/acl.key", KEY, 0o400),
        ("tree/group-acl.key", KEY, 0o400),
        ("tree/stranger.key", KEY, 0o4640),
        ("tree/writes.pem", CERT, 0o666),
        ("tree/stranger.pem", CERT, 0o644),
        ("tree/closed.pem", CERT, 0o400),
        ("tree/notes", "notes", 0o666),
        ("tree/open/mail.key", KEY, 0o400),
        ("tree/acl-dir/mail.key", KEY, 0o400),
        ("outside/victim.key", KEY, 0o644),
    ] {
        t.with_mode(name, content, mode);
    }
    t.chmod("tree", 0o755);
    t.chmod("tree/open", 0o777);
    t.peer("setfacl", ["-m", "u:nobody:rw", "tree/acl.key"]).exits(0);
    t.peer("setfacl", ["-m", "g:daemon:r,u:nobody:r,m::r", "tree/group-acl.key"]).exits(0);
    t.peer("setfacl", ["-m", "u:nobody:rwx", "tree/acl-dir"]).exits(0);
    t.chown("tree/stranger.key", "nobody:daemon");
    t.chown("tree/stranger.pem", "nobody");
    symlink("../outside/victim.key", t.path("tree/link.key")).unwrap();
    symlink("../outside", t.path("tree/link")).unwrap();
    t
}

#[test]
fn what_check_finds_is_mended_and_nothing_outside_is_touched() {
    if !root() || !have("setfacl") {
        return;
    }
    let t = tree();
    let before = state(&t);
    let dry = t.run(["perms", "fix", "--dry-run", "--diff", "--json", "--allow-incomplete", "tree"]).exits(1);
    assert_eq!(state(&t), before, "a dry run changes nothing");
    let real = t.run(["perms", "fix", "--diff", "--json", "--allow-incomplete", "tree"]).exits(1);
    let (dry, real) = (dry.json(), real.json());
    assert_eq!(dry["changes"], real["changes"], "a dry run tells the same");
    assert_eq!((&dry["changed"], &real["changed"]), (&false.into(), &true.into()));
    assert_eq!(real["result"]["diff"].as_array().unwrap().len(), real["changes"].as_array().unwrap().len());
    for (name, mode) in [
        ("tree/world.key", 0o400),
        ("tree/hidden.pem", 0o400),
        ("tree/group.key", 0o400),
        ("tree/it's.key", 0o400),
        ("tree/acl.key", 0o400),
        ("tree/group-acl.key", 0o400),
        ("tree/stranger.key", 0o400),
        ("tree/writes.pem", 0o444),
        ("tree/stranger.pem", 0o444),
        ("tree/closed.pem", 0o400),
        ("tree/notes", 0o644),
        ("tree/open", 0o755),
        ("tree/acl-dir", 0o755),
        ("outside/victim.key", 0o644),
    ] {
        assert_eq!(t.mode(name), mode, "{name}");
        let meta = std::fs::metadata(t.path(name)).unwrap();
        assert_eq!((meta.uid(), meta.gid()), (0, 0), "{name}");
    }
    assert!(!t.peer("getfacl", ["-cp", "tree/acl.key", "tree/group-acl.key"]).exits(0).stdout.contains("nobody"));
    // The link is what is left: it leads out of what was named.
    let check = t.run([Path::new("perms"), Path::new("check"), Path::new("--json"), &t.path("tree")]);
    let left = found(&t, &check);
    let expected =
        [("key-world-readable", "tree/link.key"), ("link-not-followed", "tree/link"), ("cert-mode", "tree/closed.pem")];
    assert_eq!(left, set(&expected));
    let after = state(&t);
    let again = t.run(["perms", "fix", "--json", "--allow-incomplete", "tree"]).exits(1).json();
    assert_eq!((&again["changed"], &again["changes"]), (&false.into(), &serde_json::json!([])));
    assert_eq!(state(&t), after);
    t.run(["perms", "fix", "tree/link.key"]).exits(0).out_has("restricted tree/link.key (0400 root:root, was 0644");
    assert_eq!(t.mode("outside/victim.key"), 0o400, "it was named");
}

/// The script is the same change in other words, and takes itself back.
#[test]
fn the_script_does_and_undoes_the_same() {
    if !root() || !have("setfacl") {
        return;
    }
    let t = tree();
    let before = state(&t);
    let script = t.run(["perms", "fix", "--format", "sh", "tree"]).exits(0).stdout;
    assert_eq!(state(&t), before);
    let path = t.file("fix.sh", &script);
    let path = path.to_str().unwrap().to_owned();
    let run = |args: &[&str]| t.peer("sh", [&[path.as_str()][..], args].concat());
    let without_script = |t: &Test| state(t).into_iter().filter(|line| !line.contains("fix.sh")).collect::<Vec<_>>();
    run(&[]).exits(0);
    let by_script = without_script(&t);
    run(&["undo"]).exits(0);
    assert_eq!(without_script(&t), before);
    run(&["nonsense"]).exits(2);
    t.run(["perms", "fix", "--allow-incomplete", "tree"]).exits(1);
    assert_eq!(without_script(&t), by_script);
}

#[test]
fn names_of_one_file_are_left_to_a_person() {
    if !root() {
        return;
    }
    let t = Test::new();
    t.with_mode("a/mail.key", KEY, 0o644);
    std::fs::create_dir(t.path("b")).unwrap();
    std::fs::hard_link(t.path("a/mail.key"), t.path("b/victim")).unwrap();
    let ran = t.run(["perms", "fix", "a"]).exits(1).out_has("FAIL  key-world-readable").out_has("key-links");
    assert!(!ran.stdout.contains("restricted"), "{}", ran.stdout);
    assert_eq!(t.mode("a/mail.key"), 0o644);
}

#[test]
fn a_plain_user_mends_what_is_his() {
    if !root() || !have("setpriv") {
        return;
    }
    let t = Test::new();
    t.with_mode("tree/own.key", KEY, 0o644);
    t.with_mode("tree/root.key", KEY, 0o644);
    t.chown("tree/own.key", "nobody:nogroup");
    t.run_as_nobody(&["perms", "fix", "tree"]).exits(1).out_has("restricted tree/own.key (0400 nobody:nogroup");
    assert_eq!((t.mode("tree/own.key"), t.mode("tree/root.key")), (0o400, 0o644));
}
