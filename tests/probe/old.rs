//! Old protocols and suites are seen and named, as sslscan and testssl see them.

use std::collections::{BTreeSet, HashMap};
use std::io::{Read, Write};
use std::net::TcpListener;

use super::{Served, codes, probe, target};
use crate::common::pki::Authority;
use crate::common::{Test, have};

struct Old {
    test: Test,
}

impl Old {
    fn new() -> Old {
        let test = Test::new();
        let root = Authority::root("root");
        let key =
            rcgen::KeyPair::try_from(pem::parse(&crate::common::keys::rsa().rsa2048).unwrap().contents()).unwrap();
        let leaf = root.leaf_for(key, &["mail.example.org"]);
        test.file("root.pem", root.pem());
        test.file("chain.pem", leaf.pem());
        test.file("leaf.key", leaf.key_pem());
        Old { test }
    }

    fn serve(&self, more: &[&str]) -> Served {
        Served::start(&self.test, &self.test.path("chain.pem"), &self.test.path("leaf.key"), more)
    }
}

#[test]
fn servers_that_clients_of_today_refuse_are_seen_all_the_same() {
    if !have("openssl") {
        return;
    }
    let old = Old::new();
    for (more, version, suite, code) in [
        (
            &["-tls1", "-cipher", "AES128-SHA:@SECLEVEL=0"][..],
            "TLS 1.0",
            "TLS_RSA_WITH_AES_128_CBC_SHA",
            "tls-protocol-old",
        ),
        (
            &["-tls1_1", "-cipher", "ECDHE-RSA-AES256-SHA:@SECLEVEL=0"],
            "TLS 1.1",
            "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
            "tls-protocol-old",
        ),
        (
            &["-tls1_2", "-cipher", "AES256-GCM-SHA384"],
            "TLS 1.2",
            "TLS_RSA_WITH_AES_256_GCM_SHA384",
            "tls-suite-without-forward-secrecy",
        ),
        (
            &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256"],
            "TLS 1.2",
            "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
            "peer-handshake-refused",
        ),
    ] {
        let served = old.serve(more);
        let json = probe(&old.test, &served.address(), &[]).exits(1).json();
        let seen = target(&json);
        assert_eq!((&seen["version"], &seen["suite"]), (&version.into(), &suite.into()), "{json:#}");
        assert_eq!((&seen["valid"], &seen["name_match"]), (&true.into(), &true.into()), "{json:#}");
        assert!(codes(&json).contains(&code) && codes(&json).contains(&"peer-handshake-refused"), "{json:#}");
    }
    // openssl's own prime for suites without a certificate has 1024 bits.
    let served = old.serve(&["-tls1_2", "-cipher", "ADH-AES128-SHA256:@SECLEVEL=0"]);
    let json = probe(&old.test, &served.address(), &[]).exits(1).json();
    assert_eq!((&target(&json)["dh_bits"], &target(&json)["valid"]), (&1024.into(), &serde_json::Value::Null));
    assert_eq!(codes(&json), ["peer-handshake-refused", "tls-suite-anonymous", "dh-too-small"], "{json:#}");
}

#[test]
fn of_several_groups_the_smallest_is_told() {
    let old = Old::new();
    const DHE_AES256: u16 = 0x9f;
    const DHE_AES128: u16 = 0x9e;
    const ANONYMOUS: u16 = 0xa6;
    for groups in [&[(DHE_AES256, 3072), (DHE_AES128, 1536)][..], &[(DHE_AES128, 1536), (DHE_AES256, 3072)]] {
        let json = probe(&old.test, &choosing(groups), &["--deep"]).exits(1).json();
        assert_eq!(target(&json)["offers"][0]["dh_bits"], 1536, "{json:#}");
        assert!(codes(&json).contains(&"dh-too-small"), "{json:#}");
    }
    // Whoever can be spoken to without a certificate needs no group to be broken.
    let json = probe(&old.test, &choosing(&[(ANONYMOUS, 1024), (DHE_AES256, 3072)]), &["--deep"]).exits(1).json();
    assert_eq!(target(&json)["offers"][0]["dh_bits"], 3072, "{json:#}");
    assert!(codes(&json).contains(&"tls-suite-anonymous") && !codes(&json).contains(&"dh-too-small"), "{json:#}");
}

/// A server of TLS 1.2 that has these suites, the first one that it is offered going before the others, each with a prime of so
/// many bits. It goes no further than its first turn.
fn choosing(groups: &'static [(u16, usize)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 5];
            stream.read_exact(&mut head).unwrap();
            let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
            stream.read_exact(&mut hello).unwrap();
            // Behind the head, the version and what is random: the session, and the suites.
            let suites = &hello[4 + 2 + 32 + 1 + usize::from(hello[38])..];
            let offered: Vec<u16> = suites[2..][..usize::from(u16::from_be_bytes([suites[0], suites[1]]))]
                .chunks(2)
                .map(|suite| u16::from_be_bytes([suite[0], suite[1]]))
                .collect();
            let chosen = groups.iter().find(|(suite, _)| offered.contains(suite));
            let turn = chosen.map_or(vec![21, 3, 3, 0, 2, 2, 40], |(suite, bits)| {
                let mut prime = vec![0xff; bits / 8];
                let mut exchange = (prime.len() as u16).to_be_bytes().to_vec();
                exchange.append(&mut prime);
                let hello = [&[3, 3][..], &[7; 32], &[0], &suite.to_be_bytes(), &[0]].concat();
                [(2, hello), (12, exchange), (14, Vec::new())].map(|(kind, body)| message(kind, &body)).concat()
            });
            // The client may be gone.
            let _ = stream.write_all(&turn);
        }
    });
    address
}

/// A handshake message in a record of its own.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16).to_be_bytes();
    let message = [&[kind, 0][..], &length, body].concat();
    [&[22, 3, 3][..], &(message.len() as u16).to_be_bytes(), &message].concat()
}

#[test]
fn all_that_a_server_has_is_what_scanners_see() {
    if !have("openssl") {
        return;
    }
    let scanners: [(&str, Scan); 2] = [("sslscan", sslscan), ("testssl", testssl)];
    let scanners = scanners.iter().filter(|(program, _)| have(program)).collect::<Vec<_>>();
    let old = Old::new();
    // `0xC0,0x30 - TLS_… - ECDHE-… `: openssl's own table of names and numbers.
    let table = old
        .test
        .peer("openssl", ["ciphers", "-stdname", "-V", "-ciphersuites", ALL_1_3, "ALL:COMPLEMENTOFALL:@SECLEVEL=0"])
        .exits(0);
    let ids = table.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let ids: HashMap<String, String> = ids.map(|w| (w[2].to_owned(), w[0].replacen(",0x", "", 1))).collect();
    let same = |more: &[&str]| {
        let served = old.serve(more);
        let json = probe(&old.test, &served.address(), &["--deep", "--fail-on", "error"]).json();
        let offers = target(&json)["offers"].as_array().unwrap_or_else(|| panic!("{json:#}"));
        let ours: Offered = offers
            .iter()
            .flat_map(|offer| {
                let version = offer["version"].as_str().unwrap().replace("TLS ", "TLSv");
                let suites = offer["suites"].as_array().unwrap().iter();
                suites.map(|suite| (version.clone(), ids[suite.as_str().unwrap()].clone())).collect::<Vec<_>>()
            })
            .collect();
        for (program, scan) in &scanners {
            assert_eq!(ours, scan(&old.test, &served.address()), "{program} {more:?}");
        }
    };
    // testssl takes half a minute where much is offered.
    std::thread::scope(|scope| {
        for more in [
            &["-cipher", "ALL:aNULL:@SECLEVEL=0"][..],
            &["-tls1_2", "-cipher", "ECDHE+AESGCM:DHE+AESGCM:AES128-SHA"],
            &["-no_tls1_3", "-cipher", "DEFAULT:@SECLEVEL=0"],
            &["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_SHA256"],
        ] {
            scope.spawn(|| same(more));
        }
    });
}

/// Versions and suites: `TLSv1.2`, `0xC030`.
type Offered = BTreeSet<(String, String)>;

/// What another program sees at this address.
type Scan = fn(&Test, &str) -> Offered;

fn sslscan(test: &Test, address: &str) -> Offered {
    let scanned = test.peer("sslscan", ["--no-colour", "--show-cipher-ids", address]);
    // `Accepted  TLSv1.2  256 bits  0xC030 TLS_…`
    let words = scanned.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let seen: Offered = words
        .filter(|words| matches!(words.first(), Some(&("Accepted" | "Preferred"))) && words.len() > 4)
        .map(|words| (words[1].to_owned(), words[4].to_owned()))
        .collect();
    assert!(!seen.is_empty(), "{}", scanned.stdout);
    seen
}

/// Every suite of its own list, version by version. It makes the hellos itself: what openssl still has does not matter.
fn testssl(test: &Test, address: &str) -> Offered {
    let file = format!("{}.csv", address.replace(':', "."));
    let words = ["300", "testssl", "--cipher-per-proto", "--csvfile", &file, "--quiet", "--color", "0"];
    let scanned = test.peer("timeout", words.into_iter().chain(["--warnings", "batch", "--nodns", "none", address]));
    // `"cipher-tls1_2_xc030",…`
    let table = test.text(&file);
    let names = table.lines().filter_map(|line| line.strip_prefix("\"cipher-tls1")?.split_once('"'));
    let seen: Offered = names
        .map(|(name, _)| {
            let (minor, id) = name.split_once('x').unwrap();
            let minor = minor.trim_matches('_');
            let minor = if minor.is_empty() { "0" } else { minor };
            (format!("TLSv1.{minor}"), format!("0x{:0>4}", id.to_ascii_uppercase()))
        })
        .collect();
    assert!(!seen.is_empty(), "{}{}", scanned.stdout, scanned.stderr);
    seen
}

const ALL_1_3: &str = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256";
