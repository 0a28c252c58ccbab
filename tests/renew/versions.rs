//! Versions that come, go back and are removed.

use std::fs;
use std::time::{Duration, Instant};

use super::acme::Acme;
use super::{NAME, base, chain, current, deploy, deployed};
use crate::common::{Ran, Test, root};

const LIVE: &[&str] = &["live/mail.example.org"];

#[test]
fn what_each_client_keeps_becomes_the_next_version_once() {
    let t = Test::new();
    let acme = Acme::new(&t);
    type Client = (&'static str, fn(&Acme, &Test, i32) -> super::acme::Renewed);
    let clients: [Client; 3] = [
        ("live/mail.example.org", Acme::certbot),
        ("lego/certificates", Acme::lego),
        ("acme.sh/mail.example.org_ecc", Acme::acme_sh),
    ];
    for (number, (dir, renew)) in clients.into_iter().enumerate() {
        let version = u32::try_from(number).unwrap() + 1;
        let renewed = renew(&acme, &t, 2015 + version.cast_signed());
        let told = deploy(&t, &[dir], &["--json", "--detailed-exitcode"]).exits(10).json();
        assert_eq!((&told["result"]["version"], &told["changed"]), (&version.into(), &true.into()), "{told}");
        assert_eq!(current(&t), Some(version));
        assert_eq!(chain(&t), renewed.fullchain());
        assert_eq!(t.mode(base(&t).join("current/privkey.pem")), 0o400);
        let before = t.snapshot();
        let again = deploy(&t, &[dir], &["-q", "--detailed-exitcode"]).exits(0);
        assert_eq!((again.stdout.as_str(), again.stderr.as_str()), ("", ""));
        deploy(&t, &[dir], &[]).exits(0).out_has("unchanged");
        assert_eq!(t.snapshot(), before);
    }
    let files = ["key.pem", "cert.pem", "issuer.pem"];
    let renewed = acme.issued(2021);
    for (name, text) in files.into_iter().zip([&renewed.key, &renewed.cert, &renewed.chain]) {
        t.file(name, text);
    }
    deploy(&t, &files, &[]).exits(0).out_has("version 0004 is in use");
    assert_eq!(chain(&t), renewed.fullchain());
}

#[test]
fn a_dry_run_tells_what_would_come_and_leaves_no_trace() {
    let (t, acme) = deployed();
    acme.certbot(&t, 2016);
    let before = t.snapshot();
    let dry = deploy(&t, LIVE, &["-n", "--diff", "--reload", "dovecot", "--run", "true"]).exits(0);
    let dry = dry.out_has("0002").out_has("would reload dovecot").out_has("would run true");
    dry.out_has("2015-01-01 00:00:00 UTC").out_has("2016-01-01 00:00:00 UTC");
    let json = deploy(&t, LIVE, &["-n", "--diff", "--json"]).exits(0).json();
    assert_eq!(json["result"]["diff"][1]["after"], "(private key)");
    assert!(!json.to_string().contains("PRIVATE KEY---"));
    assert_eq!(t.snapshot(), before);
}

#[test]
fn commands_are_told_what_was_renewed_and_one_that_fails_brings_the_old_back() {
    let (t, acme) = deployed();
    acme.certbot(&t, 2016);
    let note = |name: &str| format!("env | sort > {}", t.path(name).display());
    deploy(&t, LIVE, &["--run", &note("env")]).exits(0).out_has("version 0002 is in use");
    let env = t.text("env");
    for line in [
        format!("RENEWED_LINEAGE={}", base(&t).join("current").display()),
        format!("RENEWED_DOMAINS={NAME} imap.example.org"),
        format!("PKIT_NAME={NAME}"),
        "PKIT_ACTION=deploy".to_owned(),
        "PKIT_VERSION=0002".to_owned(),
        "PKIT_PREVIOUS=0001".to_owned(),
    ] {
        assert!(env.lines().any(|l| l == line), "no {line} in {env}");
    }
    let old = chain(&t);
    acme.certbot(&t, 2017);
    let ran = deploy(&t, LIVE, &["--run", &note("env"), "--run", "echo it broke >&2; exit 3"]).exits(7);
    ran.err_has("error[deploy-command-failed]").err_has("it broke").err_has("version 0002 is in use again");
    assert!(t.text("env").contains("PKIT_ACTION=rollback"));
    assert_eq!((current(&t), chain(&t)), (Some(2), old));
    let json = deploy(&t, LIVE, &["--run", "exit 3", "--json"]).exits(7).json();
    assert_eq!((&json["result"]["rolled_back"], &json["error"]["id"]), (&true.into(), &"deploy-command-failed".into()));
    let steps: Vec<&str> =
        json["result"]["steps"].as_array().unwrap().iter().map(|s| s["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["switch", "run", "switch-back", "run-back"]);
    // Mended: the version that is there is taken up, not made a second time.
    deploy(&t, LIVE, &["--run", "true"]).exits(0).out_has("version 0003 is in use");
}

/// The first deployment that fails leaves nothing in use, as there was nothing.
#[test]
fn the_first_one_that_fails_leaves_nothing_in_use() {
    let t = Test::new();
    Acme::new(&t).certbot(&t, 2015);
    deploy(&t, LIVE, &["--run", "false"]).exits(7).err_has("no version is in use, as before");
    assert_eq!(current(&t), None);
    deploy(&t, LIVE, &["--run", "true"]).exits(0);
    assert_eq!(current(&t), Some(1));
}

/// Where going back fails as well somebody has to look, and is told at what.
#[test]
fn a_way_back_that_fails_is_told_with_everything_that_is_where() {
    let (t, acme) = deployed();
    acme.certbot(&t, 2016);
    let only_forward = "test $PKIT_ACTION = deploy";
    let ran = deploy(&t, LIVE, &["--run", only_forward, "--run", "false"]).exits(8);
    let ran = ran.err_has("error[deploy-rollback-failed]").err_has(&base(&t).join("0001").display().to_string());
    ran.err_has("leads to 0001");
    t.run(["renew", "history", "--name", NAME, "--to", "ssl"]).exits(0).out_has("rollback failed");
    deploy(&t, LIVE, &[]).exits(0).err_has("deploy-interrupted");
    assert_eq!(current(&t), Some(2));
}

#[test]
fn old_versions_go_when_only_so_many_are_kept() {
    let (t, acme) = deployed();
    for year in 2016..2020 {
        acme.certbot(&t, year);
        deploy(&t, LIVE, &[]).exits(0);
    }
    acme.certbot(&t, 2020);
    deploy(&t, LIVE, &["--keep", "2"]).exits(0).out_has("removed 0004, 0003, 0002, 0001");
    let mut names: Vec<_> = fs::read_dir(base(&t)).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".lock", ".state", "0005", "0006", "current"]);
    assert_eq!(t.mode(base(&t).join(".state")), 0o600);
}

/// Versions that never proved themselves do not push the one out that did, and nobody is led back to them.
#[test]
fn what_was_proven_is_kept_and_gone_back_to_before_what_was_not() {
    let (t, acme) = deployed();
    let first = chain(&t);
    for year in [2016, 2017] {
        acme.certbot(&t, year);
        deploy(&t, LIVE, &["--run", "false"]).exits(7);
    }
    acme.certbot(&t, 2018);
    deploy(&t, LIVE, &["--keep", "2"]).exits(0).out_has("removed 0003, 0002");
    let rollback = || t.run(["renew", "rollback", "--name", NAME, "--to", "ssl"]);
    rollback().exits(0).out_has("version 0001 is in use");
    assert_eq!((current(&t), chain(&t)), (Some(1), first.clone()));
    acme.certbot(&t, 2019);
    deploy(&t, LIVE, &[]).exits(0);
    acme.certbot(&t, 2020);
    deploy(&t, LIVE, &["--run", "false"]).exits(7);
    acme.certbot(&t, 2021);
    deploy(&t, LIVE, &[]).exits(0);
    // Removed by hand: 0006 was taken back and 0004 gone back from, but that had been in use.
    fs::remove_dir_all(base(&t).join("0005")).unwrap();
    rollback().exits(0).out_has("version 0004 is in use");
}

#[test]
fn a_deployment_that_tells_nobody_says_so() {
    let (t, acme) = deployed();
    acme.certbot(&t, 2016);
    deploy(&t, LIVE, &[]).exits(0).err_has("note[deploy-nobody-told]");
    let unchanged = deploy(&t, LIVE, &[]).exits(0);
    acme.certbot(&t, 2017);
    let told = deploy(&t, LIVE, &["--run", "true"]).exits(0);
    for ran in [unchanged, told] {
        assert!(!ran.stderr.contains("deploy-nobody-told"), "{}", ran.stderr);
    }
}

/// What a command says is listened to so far and no longer, and so is what it leaves running.
#[test]
fn a_command_that_says_very_much_or_never_stops_takes_neither_memory_nor_time() {
    let (t, acme) = deployed();
    acme.certbot(&t, 2016);
    let pkit = t.command(["renew", "deploy", "--name", NAME, "--to", "ssl", "--trust", "root.pem"]);
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -v 1000000; exec \"$@\"", "sh"]).arg(pkit.get_program()).args(pkit.get_args());
    limited.args(["--run", "head -c 2000000000 /dev/zero", "--from", LIVE[0]]).current_dir(t.path(""));
    Ran::of(limited.output().unwrap()).exits(0).out_has("version 0002 is in use");

    acme.certbot(&t, 2017);
    let begin = Instant::now();
    deploy(&t, LIVE, &["--run", "(for i in $(seq 300); do sleep 0.05; echo $i; done) & true"]).exits(0);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[test]
fn a_version_is_gone_back_to_with_the_same_commands() {
    let (t, acme) = deployed();
    let first = chain(&t);
    let mark = format!("echo $PKIT_VERSION >> {}", t.path("runs").display());
    for year in [2016, 2017] {
        acme.certbot(&t, year);
        deploy(&t, LIVE, &["--run", &mark]).exits(0);
    }
    let rollback = |more: &[&str]| t.run(["renew", "rollback", "--name", NAME, "--to", "ssl"].iter().chain(more));
    rollback(&[]).exits(0).out_has("version 0002 is in use");
    assert_eq!((current(&t), t.text("runs").as_str()), (Some(2), "0002\n0003\n0002\n"));
    rollback(&["--to-version", "2"]).exits(0).out_has("unchanged");
    rollback(&["--to-version", "1", "--run", "false"]).exits(7);
    assert_eq!(current(&t), Some(2));
    rollback(&["--to-version", "1"]).exits(7);
    rollback(&["--to-version", "1", "--run", "true"]).exits(0);
    assert_eq!((current(&t), chain(&t)), (Some(1), first));
    rollback(&["--to-version", "9"]).exits(3).err_has("error[version-missing]");
    let history = t.run(["renew", "history", "--name", NAME, "--to", "ssl", "--json"]).exits(0).json();
    let versions = history["result"]["versions"].as_array().unwrap();
    let states: Vec<_> =
        versions.iter().map(|v| (v["in_use"].as_bool().unwrap(), v["state"].as_str().unwrap())).collect();
    assert_eq!(states, [(true, "deployed"), (false, "deployed"), (false, "deployed")]);
}

/// A timer, a hook and a person at the same time: one of them deploys, the others find nothing left to do.
#[test]
fn runs_at_the_same_time_make_one_version() {
    let t = Test::new();
    let acme = Acme::new(&t);
    for version in 1..4u32 {
        let renewed = acme.certbot(&t, 2014 + version.cast_signed());
        let words = ["renew", "deploy", "--name", NAME, "--to", "ssl", "--trust", "root.pem", "-q", "--from", LIVE[0]];
        let runs: Vec<_> = (0..6).map(|_| t.command(words).spawn().unwrap()).collect();
        for mut run in runs {
            assert!(run.wait().unwrap().success());
        }
        assert_eq!((current(&t), chain(&t)), (Some(version), renewed.fullchain()));
        assert!(!base(&t).join(format!("{:04}", version + 1)).exists());
    }
}

/// What servers have of their own in the version in use they have in the next one: the key first for Postfix, and slapd's copy.
#[test]
fn the_copies_of_single_servers_come_with_each_version() {
    use std::os::unix::fs::MetadataExt;
    if !root() {
        return;
    }
    let t = Test::new();
    t.chmod("", 0o755);
    let acme = Acme::new(&t);
    acme.certbot(&t, 2015);
    let versions = "dovecot=2.3.19,postfix=3.7.11,openldap=2.5.13";
    t.run([
        "prepare",
        "dovecot,postfix,openldap",
        "live/mail.example.org",
        "--name",
        NAME,
        "--dir",
        "ssl",
        "--trust",
        "root.pem",
        "--server-version",
        versions,
        "--tls-library",
        "openldap=gnutls",
        "--apply",
    ])
    .exits(0);
    let renewed = acme.certbot(&t, 2016);
    deploy(&t, LIVE, &[]).exits(0);
    assert_eq!(current(&t), Some(2));
    let file = |name: &str| base(&t).join("current").join(name);
    let combined = fs::read_to_string(file("postfix.pem")).unwrap();
    assert!(combined.starts_with("-----BEGIN PRIVATE KEY-----") && combined.ends_with(&renewed.fullchain()));
    let [ours, theirs] = ["privkey.pem", "privkey-openldap.pem"].map(|name| fs::metadata(file(name)).unwrap());
    let user = t.peer("id", ["-u", "openldap"]).exits(0).stdout;
    assert_eq!((ours.uid(), theirs.uid().to_string().as_str()), (0, user.trim()));
    assert_eq!(theirs.mode() & 0o7777, 0o400);
}
