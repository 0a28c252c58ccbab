//! Files that are damaged, empty, too large, not to be read, or no files.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;

use super::{Hostile, is_three_lines};
use crate::common::missing;
use crate::common::pki::{Authority, pem};

#[test]
fn damaged_files_are_refused_by_every_command() {
    let h = Hostile::new();
    let leaf = Authority::root("Example CA").leaf(&["mail.example.org"]);
    let text = leaf.pem();
    let cut_off = &text[..text.len() - 40];
    for (name, bytes, code) in [
        ("truncated.pem", cut_off.as_bytes().to_vec(), "pem-truncated"),
        ("truncated-second.pem", [text.as_bytes(), cut_off.as_bytes()].concat(), "pem-truncated"),
        ("four-dashes.pem", text.replacen('-', "", 1).into(), "pem-marker-damaged"),
        ("changed.pem", text.replacen("MII", "M!I", 1).into(), "pem-base64"),
        ("no-certificate.pem", pem("CERTIFICATE", b"\x30\x03\x02\x01\x00").into(), "malformed"),
        ("cut.der", leaf.der[..leaf.der.len() - 5].to_vec(), "malformed"),
        ("garbage.bin", (0..9999u32).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect(), "no-certificate"),
        ("empty.pem", Vec::new(), "no-certificate"),
        ("nul.pem", vec![0; 5000], "no-certificate"),
        ("page.html", b"<html><body>404 Not Found</body></html>".to_vec(), "no-certificate"),
    ] {
        println!("{name}");
        h.test.file(name, bytes);
        h.is_refused_everywhere(name, code);
    }
}

#[test]
fn a_directory_is_no_key() {
    let h = Hostile::new();
    h.test.file("keys/mail.key", "");
    let ran = h.chain(&["root.pem", "--key", "keys"]).exits(3).err_has("error[is-directory]: keys is a directory");
    is_three_lines(&ran);
    h.is_refused_everywhere("nowhere.pem", "file-missing");
    assert_eq!(h.test.text("out.pem"), "precious\n");
}

#[test]
fn a_file_that_may_not_be_read_is_told() {
    if !rustix::process::geteuid().is_root() {
        return missing("root (to become somebody else)");
    }
    let h = Hostile::new();
    h.test.file("secret.pem", h.test.text("root.pem"));
    h.test.file("mixed/secret.pem", h.test.text("root.pem"));
    h.test.file("mixed/leaf.pem", Authority::root("Example CA").leaf(&["mail.example.org"]).pem());
    for secret in ["secret.pem", "mixed/secret.pem"] {
        h.test.chmod(secret, 0o600);
    }
    for open in ["", "mixed"] {
        h.test.chmod(open, 0o755);
    }
    // The build's own folder need not be open to everybody.
    std::fs::copy(env!("CARGO_BIN_EXE_pkit"), h.test.path("pkit")).unwrap();
    std::fs::set_permissions(h.test.path("pkit"), PermissionsExt::from_mode(0o755)).unwrap();
    let as_nobody = |args: &str| {
        let become_nobody = "--reuid 65534 --regid 65534 --clear-groups ./pkit".split(' ');
        h.test.peer("setpriv", become_nobody.chain(args.split(' ')))
    };
    let ran = as_nobody("chain build secret.pem --trust root.pem").exits(3);
    is_three_lines(&ran.err_has("error[file-unreadable]: secret.pem: permission denied"));
    // Of a directory the rest is read, and the run is not called complete.
    let ran = as_nobody("chain build mixed --trust root.pem --accept chain-incomplete").exits(3);
    ran.err_has("skipped[not-read]").err_has("mixed/secret.pem").out_has("BEGIN CERTIFICATE");
}

#[test]
fn a_file_of_400_mb_is_not_read() {
    let h = Hostile::new();
    File::create(h.test.path("huge.pem")).unwrap().set_len(400 << 20).unwrap();
    h.is_refused_everywhere("huge.pem", "file-too-large");
    h.chain(&["huge.pem"]).exits(3).err_has("huge.pem is too large (400 MiB; pkit reads files up to 64 MiB)");
    // Its size is not known in advance.
    let ran =
        h.test.peer("sh", ["-c", r#"exec "$0" chain build - --trust root.pem <huge.pem"#, env!("CARGO_BIN_EXE_pkit")]);
    is_three_lines(&ran.exits(3).err_has("error[file-too-large]"));
}

#[test]
fn many_large_files_are_not_all_read() {
    let h = Hostile::new();
    let names: Vec<String> = (0..40).map(|n| format!("{n}.bin")).collect();
    for name in &names {
        File::create(h.test.path(name)).unwrap().set_len(60 << 20).unwrap();
    }
    let files: Vec<&str> = names.iter().map(String::as_str).collect();
    is_three_lines(&h.chain(&files).exits(3).err_has("error[file-too-large]: 4.bin makes it more than 256 MiB in all"));
    assert_eq!(h.test.text("out.pem"), "precious\n");
}

#[test]
fn a_fifo_or_a_device_does_not_hang() {
    let h = Hostile::new();
    std::fs::create_dir(h.test.path("dir")).unwrap();
    h.test.peer("mkfifo", ["pipe", "dir/pipe"]).exits(0);
    h.is_refused_everywhere("pipe", "not-a-file");
    h.is_refused_everywhere("/dev/zero", "not-a-file");
    is_three_lines(&h.chain(&["root.pem", "--key", "pipe"]).exits(3).err_has("error[not-a-file]"));
    h.test.file("dir/leaf.pem", Authority::root("Example CA").leaf(&["mail.example.org"]).pem());
    h.chain(&["dir", "--accept", "chain-incomplete"]).exits(3).err_has("skipped[not-read]").err_has("dir/pipe");
}

#[test]
fn directories_that_lead_in_circles_end() {
    let h = Hostile::new();
    let leaf = Authority::root("Example CA").leaf(&["mail.example.org"]).pem();
    h.test.file("a/b/leaf.pem", leaf);
    std::os::unix::fs::symlink("..", h.test.path("a/b/up")).unwrap();
    std::os::unix::fs::symlink("loop", h.test.path("a/loop")).unwrap();
    h.chain(&["a", "--accept", "chain-incomplete"]).exits(3).err_has("a/loop").err_has("skipped[not-read]");
    let deep = format!("deep{}/leaf.pem", "/x".repeat(12));
    h.test.file(deep, "");
    h.chain(&["deep"]).exits(3);
}
