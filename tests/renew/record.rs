//! The record names commands that a rollback runs, so only one that nobody else can have written is believed; the same holds
//! for the files of a version.

use std::fs;
use std::os::unix::fs::symlink;

use super::{NAME, base, current, deploy, deployed};
use crate::common::{Ran, Test, root};

const LIVE: &[&str] = &["live/mail.example.org"];

fn rollback(t: &Test) -> Ran {
    t.run(["renew", "rollback", "--name", NAME, "--to", "ssl"])
}

/// Version 2 is in use, and its command leaves a trace.
fn scene() -> Test {
    let (t, acme) = deployed();
    acme.certbot(&t, 2016);
    deploy(&t, LIVE, &["--run", &format!("echo >> {}", t.path("trace").display())]).exits(0);
    fs::remove_file(t.path("trace")).unwrap();
    t
}

#[track_caller]
fn refused(t: &Test, code: &str) {
    let before = t.snapshot();
    rollback(t).exits(4).err_has(&format!("error[{code}]"));
    deploy(t, LIVE, &[]).exits(4).err_has(&format!("error[{code}]"));
    assert_eq!(t.snapshot(), before);
}

#[test]
fn a_record_that_others_may_write_to_is_not_believed() {
    let t = scene();
    let record = base(&t).join(".state");
    for mode in [0o620, 0o602, 0o666] {
        t.chmod(&record, mode);
        refused(&t, "deploy-record-exposed");
        t.run(["renew", "history", "--name", NAME, "--to", "ssl"]).exits(4).err_has("error[deploy-record-exposed]");
    }
    t.chmod(&record, 0o600);
    if root() {
        t.peer("chown", ["65534".as_ref(), record.as_os_str()]).exits(0);
        refused(&t, "deploy-record-exposed");
        t.peer("chown", ["0".as_ref(), record.as_os_str()]).exits(0);
    }
    rollback(&t).exits(0);
    assert!(t.exists("trace"));
}

#[test]
fn a_record_that_is_a_link_is_not_followed() {
    let t = scene();
    let record = base(&t).join(".state");
    fs::rename(&record, t.path("elsewhere")).unwrap();
    symlink(t.path("elsewhere"), &record).unwrap();
    refused(&t, "target-is-link");
    assert_eq!(current(&t), Some(2));
}

/// A record that is not there is begun anew, for nobody else to read.
#[test]
fn a_record_that_is_begun_is_for_its_owner_alone() {
    let t = scene();
    let record = base(&t).join(".state");
    fs::remove_file(&record).unwrap();
    rollback(&t).exits(0).out_has("version 0001 is in use");
    assert_eq!((t.mode(&record), fs::read_to_string(&record).unwrap().lines().count()), (0o600, 2));
    assert!(!t.exists("trace"));
}

#[test]
fn a_version_that_others_may_exchange_is_not_put_into_use() {
    let t = scene();
    t.chmod("ssl/pkit", 0o777);
    refused(&t, "dir-lax");
    t.chmod("ssl/pkit", 0o755);
    for file in ["fullchain.pem", "privkey.pem"] {
        let file = base(&t).join("0001").join(file);
        fs::rename(&file, t.path("elsewhere")).unwrap();
        symlink(t.path("elsewhere"), &file).unwrap();
        rollback(&t).exits(3).err_has("error[version-missing]");
        fs::remove_file(&file).unwrap();
        fs::rename(t.path("elsewhere"), &file).unwrap();
    }
    assert_eq!((current(&t), t.exists("trace")), (Some(2), false));
    rollback(&t).exits(0);
}
