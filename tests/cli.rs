//! What every command has in common: help, exit codes, one JSON document, colour and plain text, streams that fail, and an
//! environment that changes nothing.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use clap::CommandFactory;
use pkit::cli::Cli;

use crate::common::pki::Authority;
use crate::common::purchase::Purchase;
use crate::common::{Ran, Test, have};

/// Every command as it is typed, and whether it does something (`key new`) or only leads to others (`key`).
fn commands() -> Vec<(Vec<String>, bool)> {
    fn walk(command: &clap::Command, words: &[String], all: &mut Vec<(Vec<String>, bool)>) {
        all.push((words.to_vec(), !command.has_subcommands()));
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            walk(sub, &[words, &[sub.get_name().to_owned()]].concat(), all);
        }
    }
    let mut all = Vec::new();
    walk(&Cli::command(), &[], &mut all);
    all
}

#[test]
fn every_command_has_help_with_examples_in_80_columns() {
    let test = Test::new();
    for (words, acts) in commands() {
        for flag in ["-h", "--help"] {
            let help = test.run(words.iter().map(String::as_str).chain([flag])).exits(0).stdout;
            assert!(help.is_ascii(), "{words:?}: {help}");
            assert!(!acts || help.contains("Examples:\n  pkit "), "{words:?} has no examples: {help}");
            for line in help.lines() {
                assert!(line.len() <= 80, "{words:?}: {} columns: {line}", line.len());
            }
        }
    }
}

/// An example that stands in a help text and cannot be typed is worse than none.
#[test]
fn every_example_can_be_parsed() {
    use clap::Parser;
    for (words, _) in commands() {
        let help = Test::new().run(words.iter().map(String::as_str).chain(["--help"])).exits(0).stdout;
        let joined = help.replace("\\\n", " ");
        let (_, examples) = joined.split_once("Examples:\n").unwrap_or_default();
        for line in examples.lines().map_while(|l| l.strip_prefix("  pkit ")) {
            let typed = line.split(['>', '|', '(']).next().unwrap();
            let parsed = Cli::try_parse_from(["pkit"].into_iter().chain(typed.split_whitespace()));
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
    }
}

#[test]
fn wrong_words_are_a_usage_error_and_only_on_stderr() {
    let test = Test::new();
    for words in [
        "",
        "nonsense",
        "key",
        "key new --bits",
        "key new --no-such-flag -o k",
        "prepare dovecot",
        "prepare nosuchserver a.zip",
        "explain --color sometimes",
        "explain --at yesterday",
        "explain --fail-on never",
        "chain build a.pem --name -",
        "emit dovecot --cert relative.pem --key /k",
    ] {
        let ran = test.run(words.split_whitespace()).exits(2);
        assert_eq!(ran.stdout, "", "{words}");
        assert!(!ran.stderr.is_empty(), "{words}");
    }
}

#[test]
fn json_is_one_document_that_repeats_the_exit_code() {
    let test = Test::new();
    let leaf = Authority::root("Example Root").leaf(&["mail.example.org"]);
    test.file("mail.pem", leaf.pem());
    test.file("mail.key", leaf.key_pem());
    test.file("other.key", Authority::root("Other").leaf(&["mail.example.org"]).key_pem());
    for (exit, words) in [
        (0, "explain key-mismatch"),
        (0, "explain"),
        (0, "key inspect mail.key"),
        (0, "chain build mail.pem -o chain.pem --accept chain-incomplete"),
        (10, "dhparam new -o dh.pem --detailed-exitcode"),
        (0, "emit dovecot --cert /c --key /k --server-version 2.3.19"),
        (1, "key check other.key --cert mail.pem"),
        (1, "chain build mail.pem"),
        (1, "prepare dovecot mail.pem --key other.key --dir ssl"),
        (2, "emit dovecot --cert relative.pem --key /k --server-version 2.3.19"),
        (2, "key new --bits many"),
        (2, "no-such-command"),
        (3, "key inspect missing.key"),
        (3, "explain no-such-code"),
        (4, "emit dovecot --cert /c --key /k --server-version 0.99"),
        (4, "key new -o mail.key --type ecdsa"),
    ] {
        let ran = test.run(words.split(' ').chain(["--json"])).exits(exit);
        let json = ran.json();
        let noun_or_verb = json["command"].as_str().unwrap();
        assert!(words.starts_with(noun_or_verb), "{words}: {json}");
        assert_eq!((&json["schema"], &json["exit"]), (&"pkit/1".into(), &exit.into()), "{words}");
        assert_eq!(json["ok"], exit == 0 || exit == 10, "{words}");
        assert_eq!((ran.stdout.matches('\n').count(), ran.stderr.as_str()), (1, ""), "{words}");
    }
}

#[test]
fn verbose_tells_the_exit_code() {
    let test = Test::new();
    for (exit, words) in [(0, "explain usage"), (3, "explain no-such-code"), (2, "emit dovecot --cert c --key k")] {
        let ran = test.run(words.split(' ').chain(["-v"])).exits(exit);
        assert!(ran.stderr.ends_with(&format!("exit {exit}\n")), "{}", ran.stderr);
    }
}

/// What is asked for goes before what is guessed: https://no-color.org, https://bixense.com/clicolors.
#[test]
fn colour_off_a_terminal_only_where_it_is_asked_for() {
    let test = Test::new();
    for (colour, flag, variables) in [
        (false, "auto", &[][..]),
        (true, "always", &[]),
        (true, "always", &[("NO_COLOR", "1")]),
        (true, "always", &[("TERM", "dumb")]),
        (true, "auto", &[("CLICOLOR_FORCE", "1")]),
        (false, "auto", &[("CLICOLOR_FORCE", "0")]),
        (false, "auto", &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]),
        (true, "auto", &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "")]),
        (false, "never", &[("CLICOLOR_FORCE", "1")]),
    ] {
        let mut command = test.command(["explain", "no-such-code", "--color", flag]);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        assert_eq!(output.stderr.contains(&0x1b), colour, "{flag} {variables:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("error[code-unknown]"));
    }
}

#[test]
fn colour_on_a_terminal_unless_it_is_unwanted() {
    if !have("script") {
        return;
    }
    let test = Test::new();
    for (colour, variable, flag) in [
        (true, "TERM=xterm", "auto"),
        (false, "TERM=dumb", "auto"),
        (false, "NO_COLOR=1", "auto"),
        (false, "TERM=xterm", "never"),
    ] {
        let line = format!("{} explain no-such-code --color {flag}", env!("CARGO_BIN_EXE_pkit"));
        let env = ["-u", "NO_COLOR", "-u", "CLICOLOR_FORCE", variable, "script", "-qec", &line, "/dev/null"];
        let ran = test.peer("env", env).exits(3).out_has("code-unknown");
        assert_eq!(ran.stdout.contains('\x1b'), colour, "{variable} {flag}: {:?}", ran.stdout);
    }
}

#[test]
fn ascii_has_no_other_byte() {
    let test = Test::new();
    let root = Authority::root("Beispiel Würzelchen");
    test.file("root.pem", root.pem());
    test.file("müll.pem", root.below("Zwischenstück 東京").leaf(&["mail.example.org"]).pem());
    let words = ["chain", "build", "müll.pem", "root.pem", "-o", "kette→.pem"];
    let plain = test.run(words).exits(1);
    assert!(!plain.stdout.is_ascii() && !plain.stderr.is_ascii(), "{plain:?}");
    let by_flag = test.run([&words[..], &["--ascii"]].concat()).exits(1);
    let by_locale = Ran::of(test.command(words).env("LC_ALL", "C").output().unwrap()).exits(1);
    for ran in [by_flag, by_locale] {
        assert!(ran.stdout.is_ascii() && ran.stderr.is_ascii(), "{ran:?}");
        assert!(ran.stdout.contains("->"), "{ran:?}");
    }
}

/// `pkit explain | head -1`: the reader has gone before anything is written.
#[test]
fn a_reader_that_went_away_is_no_fault() {
    let test = Test::new();
    for words in ["explain", "explain --json", "--help", "dhparam new", "key new -h"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = test.command(words.split(' '));
        let ended = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        assert_eq!((ended.status.code(), ended.status.signal()), (Some(0), None), "{words}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{words}");
    }
}

#[test]
fn a_full_disk_behind_stdout_is_told() {
    let test = Test::new();
    for words in ["explain", "explain --json", "--help", "--version", "dhparam new"] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut command = test.command(words.split(' '));
        let ended = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(5), "{words}: {told}");
        assert!(
            told.contains("error[write-failed]: standard output: ") && told.contains("no space left"),
            "{words}: {told}"
        );
    }
}

#[test]
fn time_zone_and_locale_change_no_byte() {
    let test = Test::new();
    let purchase = Purchase::ecdsa();
    let run = |zone: &str, locale: &str, more: &[&str]| {
        let files = [&purchase.zip, &purchase.key, &purchase.root].map(|path| path.to_str().unwrap());
        let words = ["prepare", "dovecot", files[0], "--key", files[1], "--trust", files[2]];
        let fixed = ["--dir", "ssl", "--server-version", "2.3.19", "--at", "2026-07-01"];
        let mut command = test.command([&words, &fixed[..], more].concat());
        Ran::of(command.env("TZ", zone).env("LC_ALL", locale).env("LANG", locale).output().unwrap()).exits(0).bytes
    };
    let (json, words) = (run("UTC", "C.UTF-8", &["--json"]), run("UTC", "C.UTF-8", &[]));
    for zone in ["America/New_York", "Pacific/Kiritimati", "XXX-14:30", ""] {
        for locale in ["C", "de_DE.UTF-8", "tr_TR.UTF-8", "ja_JP.eucJP", ""] {
            assert_eq!(run(zone, locale, &["--json"]), json, "{zone} {locale}");
        }
        assert_eq!(run(zone, "tr_TR.UTF-8", &[]), words, "{zone}");
    }
}

/// No address is ever asked for or connected to; the system's own look-up of user names may ask a local socket, and what
/// registers a pipe for signals asks whether it is a socket.
#[test]
fn nothing_touches_the_network() {
    if !have("strace") {
        return;
    }
    let test = Test::new();
    let purchase = Purchase::rsa();
    let [zip, key, root] = [&purchase.zip, &purchase.key, &purchase.root].map(|path| path.to_str().unwrap());
    let prepare = ["prepare", "dovecot", zip, "--key", key, "--trust", root, "--dir", "ssl", "--apply"];
    let strace =
        ["-f", "-qq", "-e", "trace=%network", "-o", "trace", env!("CARGO_BIN_EXE_pkit"), "--server-version=2.3.19"];
    test.peer("strace", [&strace[..7], &prepare, &strace[7..]].concat()).exits(0);
    for call in fs::read_to_string(test.path("trace")).unwrap().lines() {
        assert!(call.contains("AF_UNIX") || call.contains("ENOTSOCK"), "{call}");
    }
}

/// A file name out of `*` is enough to type one.
#[test]
fn wrong_words_cannot_move_the_cursor() {
    let ran = Test::new().run(["key", "new", "\x1b[31mX"]).exits(2);
    assert!(!ran.stderr.contains('\x1b'), "{:?}", ran.stderr);
}

/// A write that is refused takes nothing back of what was noticed.
#[test]
fn findings_are_told_beside_an_error() {
    let t = Test::new();
    let root = crate::common::pki::Authority::root("Example Root");
    let leaf = root.leaf(&["mail.example.org"]);
    t.file("pile.pem", leaf.pem() + &leaf.pem());
    t.file("root.pem", root.pem());
    t.file("there.pem", "old");
    let ran = t.run(["chain", "build", "pile.pem", "--trust", "root.pem", "-o", "there.pem", "--json"]).exits(4);
    assert_eq!(ran.json()["findings"][0]["id"], "cert-repeated");
}
