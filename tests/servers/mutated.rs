//! Wrong configurations, started for real: where `lint` finds an error the daemon does not serve TLS properly, and where it
//! finds none the daemon does. What the two disagree about stands in `disagreements.txt`, with the reason. The server's own
//! checker sees the same files; the table that is printed has both.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::mutants::{Mutant, Style, mutants, wrong_files};
use super::peer::{PEERS, Peer, Running};
use super::{Client, Pki};
use crate::common::{Test, scaled};

/// How one configuration did.
struct Case {
    mutant: String,
    /// Why the daemon does not serve TLS properly.
    broken: Option<String>,
    /// The ids of what lint found that are errors, and that are warnings.
    errors: BTreeSet<String>,
    warnings: BTreeSet<String>,
    /// Is the server's own checker content?
    checked: bool,
}

#[test]
fn lint_finds_an_error_where_the_daemon_does_not_serve_tls_properly() {
    let mut table =
        vec![format!("{:<32}{:>8}{:>8}{:>22}{:>22}", "", "started", "broken", "lint missed/false", "own missed/false")];
    let (mut unexplained, mut explained) = (Vec::new(), BTreeSet::new());
    for peer in PEERS {
        let Some(cases) = cases(peer) else { return };
        let broken = cases.iter().filter(|case| case.broken.is_some()).count();
        let wrong = |finds: fn(&Case) -> bool| {
            let missed = cases.iter().filter(|case| case.broken.is_some() && !finds(case)).count();
            format!("{missed}/{}", cases.iter().filter(|case| case.broken.is_none() && finds(case)).count())
        };
        let (lint, own) = (wrong(|case| !case.errors.is_empty()), wrong(|case| !case.checked));
        table.push(format!("{:<32}{:>8}{broken:>8}{lint:>22}{own:>22}", peer.name(), cases.len()));
        unexplained.extend(disagreements(peer, &cases, &mut explained));
    }
    if scaled(1) >= FULL {
        let idle = patterns().filter(|pattern| !explained.contains(pattern));
        unexplained.extend(idle.map(|pattern| format!("explains nothing: {pattern}")));
    }
    println!("{}", table.join("\n"));
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
}

/// Some of the mutants of what `emit` prints, each started; none where the daemon cannot be started.
fn cases(peer: &Peer) -> Option<Vec<Case>> {
    let shared = Test::new();
    let pki = Pki::new(&shared);
    let wrong = wrong_files(&shared, &pki);
    shared.chmod("", 0o711);
    let files = wrong.iter().map(|(_, file)| file).chain([&pki.key]).filter(|file| file.is_file());
    // Modes are another matter: no file with a key in it is open to all.
    files.filter(|file| !file.ends_with("fullchain.pem")).for_each(|key| peer.owns(&shared, key));
    let base = emitted(peer, &peer.build(), &shared, &pki);
    let others =
        PEERS.iter().filter(|other| other.server == peer.server && other.version != peer.version).map(|other| {
            (format!("everything: in the words of {}", other.version), emitted(other, &other.build(), &shared, &pki))
        });
    let mutants = mutants(&base, Style::of(peer.server), &others.collect::<Vec<_>>(), &wrong);
    let good = Mutant { name: "nothing".to_owned(), text: base };
    assert!(case(peer, &pki, &good)?.broken.is_none(), "{} is not even served as emitted", peer.name());
    // Those of a short run are among those of a long one.
    let most = MUTANTS_OF_A_SERVER / PEERS.iter().filter(|other| other.server == peer.server).count();
    let all: Vec<&Mutant> = mutants.iter().step_by((mutants.len() / most).max(1)).collect();
    let taken = scaled(MUTANTS).min(most);
    let chosen: Vec<&Mutant> = all.iter().step_by(all.len() / taken).copied().collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let next = || chosen.get(next.fetch_add(1, Ordering::Relaxed));
        std::iter::from_fn(|| case(peer, &pki, next()?)).collect::<Vec<_>>()
    };
    Some(std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    }))
}

fn emitted(peer: &Peer, build: &[&str], test: &Test, pki: &Pki) -> String {
    pki.emit(test, peer.server, &pki.key, build)
}

fn case(peer: &Peer, pki: &Pki, mutant: &Mutant) -> Option<Case> {
    let test = Test::new();
    let broken = match peer.attempt(&test, &mutant.text)? {
        Ok(running) => does_not_serve(peer, &running, pki),
        Err(not_up) => Some(format!("does not start: {}", not_up.said.lines().last().unwrap_or_default())),
    };
    let checker: Vec<String> = Style::of(peer.server)
        .checker
        .iter()
        .map(|word| word.replace("DIR", test.path("").to_str().unwrap()))
        .collect();
    let own = peer.system.run(&test, &checker[0], &checker[1..]);
    let found = lint(peer, &test, pki);
    Some(Case {
        mutant: mutant.name.replace(pki.root.parent().unwrap().to_str().unwrap(), ""),
        broken,
        errors: of_severity(&found, "error"),
        warnings: of_severity(&found, "warning"),
        // postconf warns and says that all is well.
        checked: own.exit == 0 && !own.stderr.contains("warning"),
    })
}

/// What a client misses: TLS 1.3 and 1.2 that it can verify, and nothing older.
fn does_not_serve(peer: &Peer, running: &Running, pki: &Pki) -> Option<String> {
    peer.doors(running).into_iter().find_map(|door| {
        let client = |version| Client::trusting(&pki.root).patience(PATIENCE).through(door).args([version]);
        let old = || client("-tls1_1").args(["-cipher", "ALL:@SECLEVEL=0"]).handshake(door.port).verified;
        let missing = ["-tls1_3", "-tls1_2"].into_iter().find(|version| !client(version).handshake(door.port).verified);
        let fault = missing.map(|version| format!("no {version}")).or_else(|| old().then(|| "-tls1_1".to_owned()));
        fault.map(|fault| format!("{} port: {fault}", door.starttls.unwrap_or("TLS")))
    })
}

/// How many mutants of each version are started, and of all versions of a server at most.
const MUTANTS: usize = 2;
const MUTANTS_OF_A_SERVER: usize = 100;
/// The scale at which every mutant that is in the list is started.
const FULL: usize = 100;
/// Daemons mostly wait.
const WORKERS: usize = 8;
/// Seconds for a client: a Postfix that cannot serve takes the connection and says nothing.
const PATIENCE: &str = "8";

/// What pkit says of the same files.
fn lint(peer: &Peer, test: &Test, pki: &Pki) -> Value {
    let config = Style::of(peer.server).config;
    let words = ["lint", config, "--server", peer.server, "--json", "--trust", pki.root.to_str().unwrap()];
    test.run(words.into_iter().chain(peer.build())).json()
}

fn of_severity(found: &Value, severity: &str) -> BTreeSet<String> {
    let findings = found["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == severity);
    findings.map(|finding| finding["id"].as_str().unwrap().to_owned()).collect()
}

/// Where lint and the daemon disagree, and the list has no reason for it. What it has a reason for is added to `explained`.
fn disagreements(peer: &Peer, cases: &[Case], explained: &mut BTreeSet<&'static str>) -> Vec<String> {
    let mut unexplained = Vec::new();
    for case in cases.iter().filter(|case| case.broken.is_some() == case.errors.is_empty()) {
        let what = if case.broken.is_some() { "missed" } else { "false alarm" };
        let told = format!("{what}: {}: {} {:?}", peer.name(), case.mutant, [&case.errors, &case.warnings]);
        println!(
            "{told}\n    own checker: {}; the daemon: {:?}",
            if case.checked { "content" } else { "not" },
            case.broken
        );
        let matching = patterns().filter(|pattern| pattern.split(" & ").all(|part| told.contains(part)));
        let known = matching.map(|pattern| explained.insert(pattern)).count() > 0;
        if !known {
            unexplained.push(format!("{told}\n    the daemon: {:?}", case.broken));
        }
    }
    unexplained
}

/// What stands in the list before each reason.
fn patterns() -> impl Iterator<Item = &'static str> {
    let lines = include_str!("disagreements.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(" -- ").expect("a pattern and a reason").0)
}
