//! A thousand TLS servers on the loopback, each with a key and a certificate of its own: `cargo bench --bench probe`. One
//! `pkit probe` of all of them beside `openssl s_client` in a loop, which judges the same of each (chain, trust, address); then
//! `pkit probe --deep` beside sslscan, for a few of them. The servers run in a process of their own on the same processors, so that
//! their half of each handshake is in the wall's time and in no processor time. `PKIT_BENCH_SERVERS` says how many (1,000).

#![allow(clippy::disallowed_methods, reason = "a benchmark starts programs and lays out files as a user does")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "the small PKI of the tests has more than is needed here")]

mod common;
#[path = "../tests/common/pki.rs"]
mod pki;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{PKIT, Spread, in_turn, run};
use pki::Authority;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("--serve") => serve(&args[1], args[2].parse().unwrap()),
        _ => common::main(bench),
    }
}

fn bench() {
    let count: usize = std::env::var("PKIT_BENCH_SERVERS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000);
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root.pem");
    let root = root.to_str().unwrap();
    let mut servers = Servers::start(root, count);
    let addresses: Vec<String> = servers.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let probe = |more: &[&str], of: &[String]| {
        let command = [PKIT, "probe", "--trust", root].into_iter().chain(more.iter().copied());
        measured(&command.chain(of.iter().map(String::as_str)).collect::<Vec<_>>())
    };
    let client = |address| {
        let words =
            ["openssl", "s_client", "-verify_return_error", "-verify_ip", "127.0.0.1", "-CAfile", root, "-connect"];
        [&words[..], &[address]].concat()
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        ours.extend((0..3).map(|_| probe(&[], &addresses)));
        theirs.push(one_by_one(&addresses, client));
    }
    println!("{count} servers     processor ms             wall ms                  peak MiB   servers/s");
    let ours = told("pkit probe", count, &ours);
    let theirs = told("openssl s_client", count, &theirs);
    println!("s_client / pkit: {:.1} by the wall (goal: 50), {:.1} processor\n", theirs.1 / ours.1, theirs.0 / ours.0);

    let few = &addresses[..count.min(10)];
    let scan = |address| vec!["sslscan", "--no-colour", address];
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        ours.push(probe(&["--deep"], few));
        theirs.push(one_by_one(few, scan));
    }
    let ours = told("pkit probe --deep", few.len(), &ours);
    let theirs = told("sslscan", few.len(), &theirs);
    println!("sslscan / pkit: {:.1} by the wall, {:.1} processor", theirs.1 / ours.1, theirs.0 / ours.0);
    servers.stop();
}

/// Processor time, peak, and the wall's time of one round.
type Round = (f64, f64, f64);

fn measured(command: &[&str]) -> Round {
    let start = Instant::now();
    let (cpu, peak) = run(command);
    (cpu, peak, start.elapsed().as_secs_f64() * 1e3)
}

/// One program after the other.
fn one_by_one<'a>(addresses: &'a [String], program: impl Fn(&'a str) -> Vec<&'a str>) -> Round {
    let commands: Vec<Vec<&str>> = addresses.iter().map(|address| program(address)).collect();
    let start = Instant::now();
    let (cpu, peak) = in_turn(&commands);
    (cpu, peak, start.elapsed().as_secs_f64() * 1e3)
}

fn told(what: &str, count: usize, rounds: &[Round]) -> (f64, f64) {
    let cpu = Spread::of(&rounds.iter().map(|(cpu, peak, _)| (*cpu, *peak)).collect::<Vec<_>>());
    let wall = Spread::of(&rounds.iter().map(|(_, peak, wall)| (*wall, *peak)).collect::<Vec<_>>());
    let rate = count as f64 * 1e3 / wall.median;
    println!("{what:<17} {cpu:<24} {wall:<24} {:<10.1} {rate:.0}", cpu.peak);
    (cpu.median, wall.median)
}

struct Servers {
    child: Child,
    ports: Vec<u16>,
}

impl Servers {
    fn start(root: &str, count: usize) -> Servers {
        let me = std::env::current_exe().unwrap();
        let mut child =
            Command::new(me).args(["--serve", root, &count.to_string()]).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ports: Vec<u16> = lines.take(count).map(|line| line.unwrap().parse().unwrap()).collect();
        assert_eq!(ports.len(), count);
        Servers { child, ports }
    }

    fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// So many servers, two threads each, and their ports line by line.
fn serve(root: &str, count: usize) {
    let authority = Authority::root("root");
    let issuer = authority.below("issuer");
    std::fs::write(root, authority.pem()).unwrap();
    for _ in 0..count {
        let leaf = issuer.leaf(&["127.0.0.1"]);
        let key = PrivateKeyDer::from_pem_slice(leaf.key_pem().as_bytes()).unwrap();
        let chain = [leaf.pem(), issuer.pem()].map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap());
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain.into(), key).unwrap();
        let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
        println!("{}", listener.local_addr().unwrap().port());
        // A scanner may hold one connection while it opens the next.
        for _ in 0..2 {
            let (config, listener) = (config.clone(), listener.try_clone().unwrap());
            std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(stream, &config)));
        }
    }
    std::io::stdout().flush().unwrap();
    loop {
        std::thread::park();
    }
}

/// Shakes hands and listens until the client hangs up, or says nothing for as long as no scanner should have to wait.
fn answer(mut stream: TcpStream, config: &Arc<ServerConfig>) {
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut tls = ServerConnection::new(config.clone()).unwrap();
    let mut buffer = [0; 512];
    while Stream::new(&mut tls, &mut stream).read(&mut buffer).is_ok_and(|read| read > 0) {}
}
