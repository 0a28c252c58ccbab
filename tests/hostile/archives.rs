//! Zip archives that attack: by size, by number, by names, by what is in them.

use std::io::Write;

use zip::write::SimpleFileOptions;

use super::Hostile;
use crate::common::have;
use crate::common::pki::Authority;

/// An archive of these members, in memory.
fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn bombs_are_refused() {
    let h = Hostile::new();
    h.test.file("large.zip", archive(&[("bomb.pem", &vec![b'\n'; 100 << 20])]));
    h.test.file("small.zip", archive(&[("bomb.pem", &vec![b'\n'; 1 << 20])]));
    // Many that are harmless one by one.
    let part = vec![b'\n'; 4 << 20];
    let noise: Vec<u8> = (0..4_000_000u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
    let names: Vec<String> = (0..30).map(|n| format!("{n}.pem")).collect();
    let mut members: Vec<(&str, &[u8])> = names.iter().map(|n| (n.as_str(), part.as_slice())).collect();
    members.insert(0, ("noise.bin", &noise));
    h.test.file("sum.zip", archive(&members));
    let names: Vec<String> = (0..10_000).map(|n| format!("{n}.pem")).collect();
    h.test.file("many.zip", archive(&names.iter().map(|n| (n.as_str(), &b""[..])).collect::<Vec<_>>()));
    h.test.file("cut.zip", &archive(&[("a.pem", b"x")])[..40]);
    for name in ["large.zip", "small.zip", "sum.zip", "many.zip", "cut.zip"] {
        println!("{name}");
        h.is_refused_everywhere(name, "archive-broken");
    }
    assert!(h.chain(&["many.zip"]).stderr.contains("10000 members"));
}

#[test]
fn members_that_could_only_be_an_attack_are_named_and_the_rest_is_read() {
    let h = Hostile::new();
    let root = Authority::root("Zip Root");
    let leaf = root.leaf(&["mail.example.org"]).pem();
    h.test.file("root.pem", root.pem());
    let nested = archive(&[("leaf.pem", leaf.as_bytes())]);
    let outside = ["../out.pem", "/out.pem", "a/../../out.pem", "..\\out.pem", "C:\\out.pem"];
    let mut members: Vec<(&str, &[u8])> = outside.iter().map(|name| (*name, leaf.as_bytes())).collect();
    members.extend([("inner.zip", nested.as_slice()), ("mail/leaf.pem", leaf.as_bytes())]);
    h.test.file("pile.zip", archive(&members));
    let before = h.test.snapshot();
    let ran = h.run(&["chain", "build", "pile.zip", "--trust", "root.pem"]).exits(0);
    assert_eq!((ran.stdout.as_str(), h.test.snapshot()), (leaf.as_str(), before));
    for name in outside {
        assert!(
            ran.stderr.contains(&format!("warning[archive-member-closed]: {name} was not opened")),
            "{name}: {}",
            ran.stderr
        );
    }
    ran.err_has("inner.zip was not opened: an archive within an archive");
}

/// Two members of one name: programs differ in which of them they see.
#[test]
fn of_two_members_of_one_name_none_is_dropped_in_silence() {
    let h = Hostile::new();
    let root = Authority::root("Zip Root");
    h.test.file("root.pem", root.pem());
    let [one, two] = ["one.example.org", "two.example.org"].map(|name| root.leaf(&[name]).pem());
    let bytes = archive(&[("same1.pem", one.as_bytes()), ("same2.pem", two.as_bytes())]);
    let text: String = bytes.iter().map(|b| char::from(*b)).collect();
    let bytes: Vec<u8> = text.replace("same2.pem", "same1.pem").chars().map(|c| c as u8).collect();
    h.test.file("twice.zip", bytes);
    h.is_refused_everywhere("twice.zip", "archive-broken");
}

#[test]
fn links_and_encrypted_members_are_named() {
    if !have("zip") {
        return;
    }
    let h = Hostile::new();
    let root = Authority::root("Zip Root");
    h.test.file("root.pem", root.pem());
    h.test.file("leaf.pem", root.leaf(&["mail.example.org"]).pem());
    h.test.file("secret.pem", root.pem());
    std::os::unix::fs::symlink("/etc/passwd", h.test.path("link.pem")).unwrap();
    h.test.peer("zip", ["-q", "--symlinks", "pile.zip", "leaf.pem", "link.pem"]).exits(0);
    h.test.peer("zip", ["-q", "-P", "x", "pile.zip", "secret.pem"]).exits(0);
    let ran = h.run(&["chain", "build", "pile.zip", "--trust", "root.pem"]).exits(0);
    assert_eq!(ran.stdout, h.test.text("leaf.pem"));
    ran.err_has("link.pem was not opened: a symbolic link").err_has("secret.pem was not opened: encrypted");
}
