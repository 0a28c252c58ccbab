//! Old protocols and suites are seen and named, as sslscan sees them.

use std::collections::{BTreeSet, HashMap};

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
    assert_eq!(codes(&json), ["peer-handshake-refused", "tls-suite-broken", "dh-too-small"], "{json:#}");
}

#[test]
fn all_that_a_server_has_is_what_sslscan_sees() {
    if !have("openssl") || !have("sslscan") {
        return;
    }
    let old = Old::new();
    // `0xC0,0x30 - TLS_… - ECDHE-… `: openssl's own table of names and numbers.
    let table = old
        .test
        .peer("openssl", ["ciphers", "-stdname", "-V", "-ciphersuites", ALL_1_3, "ALL:COMPLEMENTOFALL:@SECLEVEL=0"])
        .exits(0);
    let ids = table.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let ids: HashMap<String, String> = ids.map(|w| (w[2].to_owned(), w[0].replacen(",0x", "", 1))).collect();
    for more in [
        &["-cipher", "ALL:aNULL:@SECLEVEL=0"][..],
        &["-tls1_2", "-cipher", "ECDHE+AESGCM:DHE+AESGCM:AES128-SHA"],
        &["-no_tls1_3", "-cipher", "DEFAULT:@SECLEVEL=0"],
        &["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_SHA256"],
    ] {
        let served = old.serve(more);
        let json = probe(&old.test, &served.address(), &["--deep", "--fail-on", "error"]).json();
        let offers = target(&json)["offers"].as_array().unwrap_or_else(|| panic!("{json:#}"));
        let ours: BTreeSet<(String, String)> = offers
            .iter()
            .flat_map(|offer| {
                let version = offer["version"].as_str().unwrap().replace("TLS ", "TLSv");
                let suites = offer["suites"].as_array().unwrap().iter();
                suites.map(|suite| (version.clone(), ids[suite.as_str().unwrap()].clone())).collect::<Vec<_>>()
            })
            .collect();
        let scanned = old.test.peer("sslscan", ["--no-colour", "--show-cipher-ids", &served.address()]);
        // `Accepted  TLSv1.2  256 bits  0xC030 TLS_…`
        let words = scanned.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let theirs: BTreeSet<(String, String)> = words
            .filter(|words| matches!(words.first(), Some(&("Accepted" | "Preferred"))) && words.len() > 4)
            .map(|words| (words[1].to_owned(), words[4].to_owned()))
            .collect();
        assert!(!theirs.is_empty(), "{}", scanned.stdout);
        assert_eq!(ours, theirs, "{more:?}");
    }
}

const ALL_1_3: &str = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256";
