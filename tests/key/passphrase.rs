//! Where passphrases come from, and where they never go.

use std::process::Stdio;

use crate::common::{Ran, Test, have, root};

const CANARY: &str = "canary-7Q2xw9-passphrase";

/// A scratch directory with an encrypted key and its passphrase in a file.
fn locked() -> Test {
    let t = Test::new();
    t.file("pass", format!("{CANARY}\n"));
    t.chmod("pass", 0o600);
    let new = ["key", "new", "-o", "locked", "--type", "ecdsa", "--encrypt", "--passphrase-file", "pass"];
    t.run(new).exits(0);
    t
}

fn shell(t: &Test, line: &str) -> Ran {
    let pkit = env!("CARGO_BIN_EXE_pkit");
    t.peer("bash", ["-c", &line.replace("pkit", pkit)])
}

#[test]
fn every_source_gives_it() {
    let t = locked();
    t.file("credentials/mail", CANARY);
    for line in [
        "pkit key check locked --passphrase-file pass",
        "pkit key check locked --passphrase-fd 3 3<pass",
        "pkit key check locked --passphrase-fd 0 <pass",
        "cat pass | pkit key check locked --passphrase-fd 0",
        "pkit key check locked --passphrase-file <(cat pass)",
        "pkit key check locked --passphrase-file /dev/fd/7 7<pass",
        "mkfifo -m 644 pipe; cat pass > pipe & pkit key check locked --passphrase-file pipe",
        "CREDENTIALS_DIRECTORY=$PWD/credentials pkit key check locked --passphrase-credential mail",
        "SECRET=$(cat pass) pkit key check locked --passphrase-env SECRET",
        "printf '%s\\r\\nmore' $(cat pass) | pkit key check locked --passphrase-fd 0",
        // The order of the options, not that of the command line.
        "X=wrong pkit key check locked --passphrase-env X --passphrase-fd 3 3<pass",
    ] {
        let ran = shell(&t, line);
        assert_eq!(ran.exit, 0, "{line}\n{}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn a_source_that_fails_is_told_and_no_other_is_tried() {
    let t = locked();
    t.file("open", CANARY);
    t.chmod("open", 0o640);
    t.file("long", "x".repeat(2000));
    t.chmod("long", 0o600);
    for (line, exit, code) in [
        ("pkit key convert locked -o x --no-input", 3, "passphrase-needed"),
        ("pkit key convert locked -o x --passphrase-file open", 4, "passphrase-file-readable"),
        ("pkit key convert locked -o x --passphrase-file missing", 3, "file-missing"),
        ("pkit key convert locked -o x --passphrase-fd 9", 3, "file-missing"),
        ("pkit key convert locked -o x --passphrase-file long", 3, "passphrase-unreadable"),
        ("pkit key convert locked -o x --passphrase-env NOT_THERE", 3, "passphrase-needed"),
        ("pkit key convert locked -o x --passphrase-credential a", 3, "passphrase-needed"),
        ("CREDENTIALS_DIRECTORY=$PWD pkit key convert locked -o x --passphrase-credential ../pass", 2, "usage"),
        ("pkit key convert locked -o x --passphrase-fd 9 --passphrase-file pass", 3, "file-missing"),
        ("pkit key convert locked -o x --passphrase secret", 2, "unexpected argument"),
        ("setsid pkit key convert locked -o x", 3, "passphrase-needed"),
    ] {
        let ran = shell(&t, line);
        assert_eq!(ran.exit, exit, "{line}\n{}{}", ran.stdout, ran.stderr);
        ran.err_has(code);
    }
    assert!(!t.exists("x"));
}

/// Types into a terminal of its own, so that there is a /dev/tty.
fn typing(t: &Test, keys: &str, command: &str) -> Ran {
    use std::io::Write;
    let pkit = env!("CARGO_BIN_EXE_pkit");
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &command.replace("pkit", pkit), "/dev/null"]).current_dir(t.path("."));
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // The prompt throws away what was typed before it.
    for line in keys.split_inclusive('\n') {
        std::thread::sleep(std::time::Duration::from_millis(700));
        stdin.write_all(line.as_bytes()).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    Ran::of(output)
}

#[test]
fn the_terminal_is_asked_last_and_shows_nothing() {
    if !have("script") {
        return;
    }
    let t = locked();
    let ran =
        typing(&t, &format!("{CANARY}x\u{7f}\n"), "pkit key check locked").exits(0).out_has("Passphrase for locked");
    assert!(!ran.stdout.contains("canary"));
    let twice = "pkit key new -o new --type ecdsa --encrypt";
    typing(&t, "one\nanother\n", twice).exits(3).out_has("not the same");
    assert!(!t.exists("new"));
    typing(&t, "one\none\n", twice).exits(0).out_has("once more");
    t.file("one", "one");
    t.chmod("one", 0o600);
    t.run(["key", "check", "new", "--passphrase-file", "one"]).exits(0);
    // Control-C gives up and leaves the terminal with its echo.
    let ran = typing(&t, "can\u{3}", "pkit key convert locked -o x; stty -a").exits(0);
    assert!(ran.stdout.contains(" echo ") && ran.stdout.contains(" icanon "), "{}", ran.stdout);
    assert!(!t.exists("x"));
}

#[test]
fn it_goes_nowhere_else() {
    if !(have("strace") && root()) {
        return;
    }
    let t = locked();
    let secret = t.text("locked").lines().nth(1).unwrap().to_owned();
    let shown = |ran: &Ran| {
        let all = [&ran.stdout, &ran.stderr].map(String::as_str).concat();
        assert!(!all.contains(CANARY) && !all.contains(&secret), "{all}");
    };
    let command = |args: &str| format!("CANARY_SOURCE=$(cat pass) pkit {args} --passphrase-env CANARY_SOURCE");
    for args in [
        "key inspect locked",
        "key inspect locked --json",
        "key check locked -v",
        "key check locked --json",
        "key convert locked -o plain -v",
        "key convert locked -o relocked --encrypt --json",
        "key convert locked --decrypt -o opened --json",
        "key new -o new --encrypt --type ed25519 --json",
        "key check missing locked",
        "chain build locked --key locked",
        "key inspect locked -vv",
        "key check locked -vv --json",
        "ca init ca --cn Root --type ecdsa -vv",
        "ca init ca2 --cn Root --type ecdsa --json -vv",
        "ca issue mail.example --ca ca --type ecdsa -vv",
        "ca crl --ca ca --reissue --json -vv",
        "cert convert mail.example.pem locked --to p12 -o m.p12 -vv",
        "cert convert mail.example.pem mail.example.key --to p12 -o m.p12 -vv",
        "cert inspect m.p12 -vv",
        "csr new a.example --key locked -vv",
    ] {
        shown(&shell(&t, &command(args)));
    }
    assert!(t.exists("ca/index.ndjson") && t.exists("m.p12"), "the commands did their work");
    // Neither does one that breaks down in the midst of it: no memory, no descriptors, a pipe that is closed.
    let mut broken = 0;
    for limit in
        (1..60).map(|mib| format!("--as={}", mib * (512 << 10))).chain((3..12).map(|n| format!("--nofile={n}")))
    {
        let line =
            command("key convert locked -o limited -vv --force").replace("pkit", &format!("prlimit {limit} pkit"));
        let ran = shell(&t, &line);
        broken += usize::from(ran.exit != 0);
        shown(&ran);
    }
    assert!(broken > 3, "{broken}");
    shown(&shell(&t, &(command("key convert locked -vv --json") + " | true")));
    // What pkit starts is told nothing: neither by its arguments nor by its environment.
    t.run(["key", "convert", "locked", "--passphrase-file", "pass", "--decrypt", "-o", "mail.key"]).exits(0);
    if have("openssl") {
        let request = "req -x509 -key mail.key -subj /CN=mail.example.org -addext subjectAltName=DNS:mail.example.org \
                       -days 30 -out sent.pem";
        t.peer("openssl", request.split_whitespace()).exits(0);
        let prepare = "prepare dovecot sent.pem --key locked --trust sent.pem --dir out --apply";
        let trace = format!("strace -f -v -s 4096 -e trace=execve -o trace {}", env!("CARGO_BIN_EXE_pkit"));
        let line = format!("CANARY_SOURCE=$(cat pass) {trace} {prepare} --passphrase-env CANARY_SOURCE");
        shown(&t.peer("bash", ["-c", &line]));
        let trace = t.text("trace");
        let children: Vec<&str> = trace.lines().filter(|l| l.contains("execve(") && !l.contains("/pkit\"")).collect();
        assert!(!children.is_empty(), "a server was asked for its version:\n{trace}");
        assert!(children.iter().all(|line| !line.contains("CANARY_SOURCE") && !line.contains(CANARY)), "{children:?}");
    }
}
