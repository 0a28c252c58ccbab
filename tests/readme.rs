//! README.md equals the program: its commands parse, its main command works, its table of exit codes is complete.

use std::fs;
use std::path::Path;

use crate::common::Test;

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// The lines of its shell examples that call pkit, comments and pipes taken off.
fn commands() -> Vec<Vec<String>> {
    let text = readme();
    let lines = text.lines().filter_map(|line| line.strip_prefix("pkit "));
    let words = |line: &str| {
        line.split(" #").next().unwrap().split(" | ").next().unwrap().split_whitespace().map(str::to_owned).collect()
    };
    lines.map(words).collect()
}

#[test]
fn every_command_shown_can_be_typed() {
    let commands = commands();
    assert!(commands.len() > 15, "{commands:?}");
    for words in commands {
        let typed = std::iter::once("pkit".to_owned()).chain(words);
        if let Err(error) = pkit::cli::command().try_get_matches_from(typed) {
            panic!("{error}");
        }
    }
}

#[test]
fn the_main_command_does_the_main_job() {
    let text = readme();
    let line = text.lines().find(|l| l.starts_with("cargo run --release")).unwrap();
    let words = line.split_once(" -- ").unwrap().1.split_whitespace();
    let t = Test::new();
    std::os::unix::fs::symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"), t.path("testdata")).unwrap();
    let ran = t.run(words).exits(0);
    let shown = text.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let ageless = |text: &str| text.lines().map(|l| l.split(" (1").next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(ageless(&ran.stdout)[..ageless(shown).len()], ageless(shown));
    assert_eq!(t.mode("target/demo/pkit/mail.example.org/current/privkey.pem"), 0o400);
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    use pkit::exit::Exit;
    let text = readme();
    let listed: Vec<u8> = text.lines().filter_map(|l| l.strip_prefix("| ")?.split(" |").next()?.parse().ok()).collect();
    let all = [
        Exit::Ok,
        Exit::Findings,
        Exit::Usage,
        Exit::Input,
        Exit::Refused,
        Exit::Io,
        Exit::Network,
        Exit::RolledBack,
        Exit::RollbackFailed,
        Exit::Changed,
        Exit::Bug,
    ];
    assert_eq!(listed, all.map(Exit::code));
}
