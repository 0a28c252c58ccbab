//! Many at once: every line is there, and no number is given out twice.

use std::collections::HashSet;
use std::process::Stdio;

use super::{crl_numbers, index, init, issue_client};
use crate::common::terminal::Terminal;
use crate::common::{Ran, Test, have, scaled};

#[test]
fn twenty_at_once_lose_no_line_and_share_no_number() {
    for _ in 0..scaled(1).min(10) {
        let t = Test::new();
        init(&t, &[]);
        let clients: Vec<String> = (0..6).map(|n| format!("client{n}")).collect();
        clients.iter().for_each(|name| issue_client(&t, name));
        let mut runs = Vec::new();
        for n in 0..8 {
            runs.push(vec![
                "ca".into(),
                "issue".into(),
                format!("host{n}.example"),
                "--ca".into(),
                "ca".into(),
                "--type".into(),
                "ecdsa".into(),
            ]);
        }
        for name in &clients {
            runs.push(vec!["ca".into(), "revoke".into(), format!("{name}.pem"), "--ca".into(), "ca".into()]);
            runs.push(vec!["ca".into(), "crl".into(), "--ca".into(), "ca".into(), "--reissue".into()]);
        }
        assert_eq!(runs.len(), 20);
        let children: Vec<_> = runs
            .iter()
            .map(|words| t.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
            .collect();
        for child in children {
            Ran::of(child.wait_with_output().unwrap()).exits(0);
        }
        let lines = index(&t);
        let of = |event: &str| lines.iter().filter(|line| line["event"] == event).collect::<Vec<_>>();
        let serials: HashSet<&str> = of("issued").iter().map(|line| line["serial"].as_str().unwrap()).collect();
        assert_eq!((serials.len(), of("issued").len(), of("revoked").len()), (14, 14, 6));
        assert_eq!(crl_numbers(&t, "root"), (1..=13).collect::<Vec<u64>>());
        t.run(["crl", "inspect", "ca/root.crl"]).exits(0).out_has("number          13").out_has("entries         6");
        for name in &clients {
            t.run(["crl", "check", "ca/root.crl", "--issuer", "ca/root.pem", "--cert", &format!("{name}.pem")])
                .exits(1);
        }
    }
}

/// A plain `flock` on the index is another run as far as pkit is concerned.
#[test]
fn with_no_wait_a_lock_that_is_held_is_a_refusal() {
    let t = Test::new();
    init(&t, &[]);
    let file = std::fs::File::open(t.path("ca/index.ndjson")).unwrap();
    file.lock().unwrap();
    let before = t.snapshot();
    t.run(["ca", "crl", "--ca", "ca", "--no-wait"]).exits(4).err_has("error[lock-held]");
    t.run(["ca", "list", "--ca", "ca"]).exits(0);
    assert_eq!(t.snapshot(), before);
    drop(file);
    t.run(["ca", "crl", "--ca", "ca", "--no-wait"]).exits(0);
}

/// Whoever is asked for the passphrase may take a day to type it: nobody else waits meanwhile.
#[test]
fn nobody_waits_for_somebody_who_types_a_passphrase() {
    if !have("script") {
        return;
    }
    let t = Test::new();
    t.file("pass", "secret");
    t.chmod("pass", 0o600);
    let pass = ["--passphrase-file", "pass"];
    let make = ["ca", "init", "ca", "--cn", "Example Root", "--type", "ecdsa"];
    t.run(make.into_iter().chain(pass)).exits(0);
    for (n, line) in [
        "pkit ca crl --ca ca --reissue",
        "pkit ca issue typed.example --ca ca --type ecdsa",
        "pkit ca revoke typed.example.pem --ca ca",
    ]
    .into_iter()
    .enumerate()
    {
        let mut slow = Terminal::start(&t, line);
        slow.wait_for("Passphrase for");
        let quick = ["ca", "crl", "--ca", "ca", "--reissue", "--no-wait"];
        t.run(quick.into_iter().chain(pass)).exits(0);
        slow.types("secret\n");
        slow.ends().exits(0);
        // The number that it gives is the next one all the same.
        assert_eq!(crl_numbers(&t, "root").len(), [3, 4, 6][n], "{line}");
    }
    // Nobody is asked where nothing is to be signed.
    for line in ["pkit ca crl --ca ca", "pkit ca revoke typed.example.pem --ca ca"] {
        let ran = Terminal::start(&t, line).ends().exits(0);
        assert!(!ran.stdout.contains("Passphrase"), "{}", ran.stdout);
    }
}

#[test]
fn a_torn_line_counts_for_nothing_and_goes_with_the_next_change() {
    let t = Test::new();
    init(&t, &[]);
    issue_client(&t, "alice");
    let whole = t.text("ca/index.ndjson");
    let torn = whole.clone() + "{\"event\":\"revoked\",\"ca\":\"root\",\"serial\":\"01";
    std::fs::write(t.path("ca/index.ndjson"), &torn).unwrap();
    t.run(["ca", "list", "--ca", "ca"]).exits(0).err_has("ca-index-torn").out_has("alice");
    assert_eq!(t.text("ca/index.ndjson"), torn);
    issue_client(&t, "bob");
    let now = t.text("ca/index.ndjson");
    assert!(now.starts_with(&whole) && index(&t).len() == whole.lines().count() + 1, "{now}");
    // A broken line in the midst is another matter: nothing is done until somebody has looked.
    std::fs::write(t.path("ca/index.ndjson"), now.replace("\"issued\"", "\"isued\"")).unwrap();
    t.run(["ca", "issue", "carol", "--ca", "ca", "--profile", "client"]).exits(3).err_has("error[ca-index-broken]");
}
