//! A run that was killed between the switch and the proof, and what the next one makes of it: whatever that one meets itself.

use std::fs;
use std::os::unix::fs::symlink;

use super::acme::{Acme, certbot};
use super::{NAME, base, chain, current, deploy, deployed};
use crate::common::{Ran, Test};

const LIVE: &[&str] = &["live/mail.example.org"];

/// Version 2 is in use, and the run that put it there was killed before it could say that it had been proven.
fn interrupted(run: &str) -> (Test, Acme) {
    let (t, acme) = deployed();
    acme.certbot(&t, 2016);
    deploy(&t, LIVE, &["--run", run]).exits(0);
    forget_the_end(&t);
    (t, acme)
}

/// Takes the last line of the record away.
fn forget_the_end(t: &Test) {
    let record = fs::read_to_string(base(t).join(".state")).unwrap();
    let mut lines: Vec<&str> = record.lines().collect();
    assert!(lines.pop().unwrap().contains("\"done\""), "{record}");
    fs::write(base(t).join(".state"), lines.join("\n") + "\n").unwrap();
}

/// A command that leaves its action and version in this file.
fn mark(t: &Test, file: &str) -> String {
    format!("echo $PKIT_ACTION $PKIT_VERSION >> {}", t.path(file).display())
}

fn history(t: &Test) -> Ran {
    t.run(["renew", "history", "--name", NAME, "--to", "ssl"]).exits(0)
}

/// Nobody knows whom the interrupted run has told of the new files, so all are told again, whoever finishes or undoes it.
#[test]
fn whom_the_interrupted_run_was_to_tell_is_told_by_the_next_one() {
    let (t, acme) = interrupted("true");
    let record = fs::read_to_string(base(&t).join(".state")).unwrap();
    let theirs = serde_json::Value::from(vec![mark(&t, "theirs")]).to_string();
    fs::write(base(&t).join(".state"), record.replace("[\"true\"]", &format!("{theirs},\"reload\":[\"dovecot\"]")))
        .unwrap();
    let both = ["-n", "--reload", "systemd:ours.service", "--run", "true"];
    let dry = deploy(&t, LIVE, &both).exits(0).out_has("would reload dovecot");
    dry.out_has("would reload systemd:ours.service").out_has("would run true").out_has("theirs");

    fs::write(base(&t).join(".state"), record.replace("[\"true\"]", &theirs)).unwrap();
    deploy(&t, LIVE, &["--run", &mark(&t, "ours")]).exits(0).err_has("deploy-interrupted");
    assert_eq!((t.text("theirs").as_str(), t.text("ours").as_str()), ("deploy 0002\n", "deploy 0002\n"));

    forget_the_end(&t);
    certbot(&t, acme.issued(2014));
    deploy(&t, LIVE, &["--run", &mark(&t, "new")]).exits(1).err_has("renewal-older");
    assert_eq!(current(&t), Some(1));
    for file in ["theirs", "ours"] {
        assert!(t.text(file).ends_with("rollback 0002\n"), "{}", t.text(file));
    }
    // It was taken back, so its commands are nobody's business any more.
    acme.certbot(&t, 2017);
    let before = t.text("theirs");
    deploy(&t, LIVE, &[]).exits(0);
    assert_eq!((current(&t), t.text("theirs")), (Some(3), before));
}

/// Also a run that cannot even read what it was given brings the proven version back before it says so.
#[test]
fn an_error_of_the_next_run_is_told_once_the_interrupted_one_is_undone() {
    for (from, exit, code) in
        [("nowhere", 3, "file-missing"), ("root.pem", 3, "key-not-found"), ("broken.pem", 3, "malformed")]
    {
        let (t, _) = interrupted("true");
        t.file("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        let dry = deploy(&t, &[from], &["-n"]);
        assert_eq!((dry.exit, current(&t)), (exit, Some(2)));
        let ran = deploy(&t, &[from], &["--run", &mark(&t, "ran")]).exits(exit);
        ran.err_has(&format!("error[{code}")).err_has("version 0001 is in use again").out_has("switch-back");
        assert_eq!((current(&t), t.text("ran").as_str()), (Some(1), "rollback 0002\n"), "{from}");
        history(&t).out_has("rolled back");
        let again = deploy(&t, &[from], &[]).exits(exit).err_has("nothing was changed");
        assert!(!again.stdout.contains("switch-back"));
    }
    let (t, _) = interrupted("true");
    t.run(["renew", "rollback", "--name", NAME, "--to", "ssl", "--to-version", "9"])
        .exits(3)
        .err_has("version-missing");
    assert_eq!(current(&t), Some(1));
}

/// The client has its old certificate again, and putting that into use fails: it was in use before, so it is afterwards.
#[test]
fn the_proven_version_stays_in_use_also_where_deploying_it_once_more_fails() {
    let (t, acme) = deployed();
    let old = chain(&t);
    acme.certbot(&t, 2016);
    deploy(&t, LIVE, &[]).exits(0);
    // Killed before the switch.
    forget_the_end(&t);
    fs::remove_file(base(&t).join("current")).unwrap();
    symlink("0001", base(&t).join("current")).unwrap();
    for file in ["cert.pem", "fullchain.pem"] {
        fs::write(t.path(LIVE[0]).join(file), &old).unwrap();
    }
    let ran = deploy(&t, LIVE, &["--run", "test $PKIT_ACTION = rollback"]).exits(7);
    ran.err_has("deploy-interrupted").err_has("version 0001 is in use again");
    assert_eq!((current(&t), chain(&t)), (Some(1), old));
    acme.certbot(&t, 2017);
    deploy(&t, LIVE, &["--run", "true"]).exits(0).out_has("version 0003");
    t.run(["renew", "rollback", "--name", NAME, "--to", "ssl"]).exits(0).out_has("version 0001 is in use");
}

/// Somebody has taken rights to its directory away: it is the one that was in use all the same.
#[test]
fn the_proven_version_comes_back_also_where_its_directory_has_another_mode() {
    let (t, acme) = interrupted("true");
    certbot(&t, acme.issued(2014));
    t.chmod(base(&t).join("0001"), 0o700);
    deploy(&t, LIVE, &[]).exits(1).err_has("renewal-older");
    assert_eq!(current(&t), Some(1));
}

/// Where somebody has removed it there is no way back, and the link is left where it leads to something.
#[test]
fn nothing_is_taken_out_of_use_where_the_proven_version_is_gone() {
    let (t, acme) = interrupted("true");
    fs::remove_dir_all(base(&t).join("0001")).unwrap();
    let ran = deploy(&t, &["nowhere"], &[]).exits(8).err_has("error[deploy-rollback-failed]");
    ran.err_has("0001").err_has("leads to 0002");
    assert_eq!(current(&t), Some(2));
    acme.certbot(&t, 2017);
    deploy(&t, LIVE, &["--run", "false"]).exits(8);
    deploy(&t, LIVE, &["--run", "true"]).exits(0);
    assert_eq!(current(&t), Some(3));
}
