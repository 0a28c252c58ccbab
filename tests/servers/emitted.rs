//! What `emit` prints, given to every server: it starts, and serves what was asked for through all of its doors.

use std::path::Path;
use std::time::{Duration, Instant};

use super::peer::{Crls, Door, PEERS, Peer, Running};
use super::pki::Clients;
use super::{Client, Pki};
use crate::common::Test;
use crate::common::http::{self, Page};
use crate::common::pki::ocsp_at;

#[test]
fn every_server_serves_what_was_emitted_and_nothing_old() {
    each(|peer| {
        let test = Test::new();
        let pki = Pki::new(&test);
        let Some(running) = serve(peer, &test, &pki, &[]) else { return };
        for door in peer.doors(&running) {
            let client = || Client::trusting(&pki.root).through(door);
            client().args(["-tls1_3"]).handshake(door.port).verifies().presents(&pki.chain());
            client().args(["-tls1_2"]).handshake(door.port).verifies();
            client().name("www.example.org").handshake(door.port).fails();
            speaks_nothing_old(&client(), door);
            assert!(peer.lets_in(&Client::trusting(&pki.root), door), "{} {door:?}", peer.name());
        }
    });
}

#[test]
fn no_server_serves_tls_with_another_key() {
    each(|peer| {
        let test = Test::new();
        let pki = Pki::new(&test);
        peer.owns(&test, &pki.wrong_key);
        let emitted = emitted(peer, &test, &pki, &pki.wrong_key, &[]);
        match peer.attempt(&test, &emitted) {
            None => {}
            Some(Err(not_up)) => assert!(not_up.said.contains(peer.mismatch), "{}", not_up.said),
            Some(Ok(running)) => {
                for door in peer.doors(&running) {
                    Client::trusting(&pki.root).through(door).handshake(door.port).fails();
                }
                running.daemon.says(peer.mismatch);
            }
        }
    });
}

#[test]
fn the_modern_profile_is_tls_1_3_only() {
    each(|peer| {
        let test = Test::new();
        let pki = Pki::new(&test);
        let Some(running) = serve(peer, &test, &pki, &["--profile", "modern"]) else { return };
        for door in peer.doors(&running) {
            let client = || Client::trusting(&pki.root).through(door);
            client().args(["-tls1_3"]).handshake(door.port).verifies();
            client().args(["-tls1_2"]).handshake(door.port).fails();
        }
    });
}

#[test]
fn clients_come_in_with_a_good_certificate_only() {
    each(|peer| {
        let test = Test::new();
        let pki = Pki::new(&test);
        let clients = Clients::new(&test);
        let [cas, crls] = match peer.crls {
            Crls::WithCas => [&clients.cas_with_crls; 2],
            Crls::Apart | Crls::Nowhere => [&clients.cas, &clients.crls],
        };
        let mut asked = vec!["--client-cert", "require", "--client-ca", cas.to_str().unwrap()];
        if peer.crls != Crls::Nowhere {
            asked.extend(["--crl", crls.to_str().unwrap()]);
        }
        if peer.server == "postfix" {
            // Otherwise it does not insist on the certificate.
            asked.push("--require-tls");
        }
        let Some(running) = serve(peer, &test, &pki, &asked) else { return };
        for door in peer.doors(&running) {
            let comes_in = |client: Client| peer.lets_in(&client, door);
            let client = || Client::trusting(&pki.root);
            let at = format!("{} {door:?}", peer.name());
            assert!(comes_in(client().identified(&clients.good)), "{at}: a good client is kept out");
            assert!(!comes_in(client().identified(&clients.foreign)), "{at}: a foreign client comes in");
            assert!(!comes_in(client()), "{at}: a client without a certificate comes in");
            let revoked = comes_in(client().identified(&clients.revoked));
            assert_eq!(revoked, peer.crls == Crls::Nowhere, "{at}: does a revoked client come in?");
        }
    });
}

#[test]
fn clients_may_come_in_without_a_certificate_where_they_are_only_asked() {
    each(|peer| {
        let test = Test::new();
        let pki = Pki::new(&test);
        let clients = Clients::new(&test);
        let asked = ["--client-cert", "request", "--client-ca", clients.cas_with_crls.to_str().unwrap()];
        let Some(running) = serve(peer, &test, &pki, &asked) else { return };
        for door in peer.doors(&running) {
            let client = || Client::trusting(&pki.root);
            client().through(door).handshake(door.port).says("Acceptable client certificate CA names");
            assert!(peer.lets_in(&client(), door), "{} {door:?}", peer.name());
            assert!(peer.lets_in(&client().identified(&clients.good), door), "{} {door:?}", peer.name());
        }
    });
}

/// The others have no word for it. Both fetch the response themselves, nginx after the first connection only.
#[test]
fn responses_are_stapled_as_emitted() {
    each(|peer| {
        if !["apache", "nginx"].contains(&peer.server) {
            return;
        }
        let test = Test::new();
        let mut pki = Pki::new(&test);
        let responder = http::Server::start();
        let names_it = |params: &mut rcgen::CertificateParams| {
            params.custom_extensions.push(ocsp_at(&responder.url("/ocsp")));
        };
        let leaf = pki.issuer.leaf_with(&["mail.example.org"], names_it);
        pki.fullchain = test.file("fullchain.pem", leaf.pem() + &pki.issuer.pem());
        pki.key = test.file("leaf.key", leaf.key_pem());
        test.file("leaf.pem", leaf.pem());
        test.file("ca.pem", pki.issuer.pem());
        test.file("ca.key", pki.issuer.key_pem());
        test.file("index.txt", format!("V\t350101000000Z\t\t{:016X}\tunknown\t/CN=x\n", leaf.serial));
        let question = ["ocsp", "-issuer", "ca.pem", "-cert", "leaf.pem", "-no_nonce", "-reqout", "question.der"];
        test.peer("openssl", question).exits(0);
        let by = ["-index", "index.txt", "-CA", "ca.pem", "-rsigner", "ca.pem", "-rkey", "ca.key", "-ndays", "1"];
        let answer = ["ocsp", "-reqin", "question.der", "-respout", "answer.der"];
        test.peer("openssl", answer.into_iter().chain(by)).exits(0);
        responder.serve("/ocsp", Page::Ocsp(test.read("answer.der")));
        let Some(running) = serve(peer, &test, &pki, &["--stapling"]) else { return };
        for door in peer.doors(&running) {
            let address = format!("https://127.0.0.1:{}", door.port);
            let words = ["probe", &address, "--trust", "root.pem", "--name", "mail.example.org", "--json"];
            let begin = Instant::now();
            let json = loop {
                let json = test.run(words).json();
                if json["result"]["targets"][0]["ocsp_stapled"] == true {
                    break json;
                }
                assert!(begin.elapsed() < Duration::from_secs(20), "{}: {:?} {json:#}", peer.name(), responder.asked());
                std::thread::sleep(Duration::from_millis(100));
            };
            // It would be told what is wrong with it.
            assert_eq!((&json["ok"], &json["findings"]), (&true.into(), &serde_json::json!([])), "{}", peer.name());
        }
    });
}

/// A group of RFC 7919 and a prime of our own, of sizes that no server has built in.
#[test]
fn diffie_hellman_groups_are_taken_from_the_file() {
    let made = |words: &[&str]| Test::new().run(["dhparam", "new"].iter().chain(words)).exits(0).stdout;
    let (named, own) = (made(&["--group", "ffdhe3072"]), made(&["--generate", "2304"]));
    each(|peer| {
        // slapd with GnuTLS keeps to the groups of RFC 7919, whatever prime is in the file.
        let groups = [(&named, "3072"), (&own, "2304")];
        for (group, bits) in &groups[..if peer.library == Some("gnutls") { 1 } else { 2 }] {
            let test = Test::new();
            let mut pki = Pki::rsa(&test);
            let mut file = test.file("dh.pem", group);
            if peer.server == "apache" {
                // As the refusal of any other file says.
                let files = [&pki.key, &pki.fullchain].map(|file| file.to_str().unwrap());
                let words = ["bundle", "keycert", files[0], files[1], "--dh", "dh.pem", "--order", "cert-first"];
                test.run(words.into_iter().chain(["-o", "all.pem"])).exits(0);
                file = test.path("all.pem");
                (pki.key, pki.fullchain) = (file.clone(), file.clone());
            }
            let Some(running) = serve(peer, &test, &pki, &["--dh", file.to_str().unwrap()]) else { return };
            for door in peer.doors(&running) {
                let client = Client::trusting(&pki.root).through(door);
                let dhe = client.args(["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"]).handshake(door.port);
                dhe.verifies().says(&format!("Server Temp Key: DH, {bits} bits"));
            }
        }
    });
}

#[test]
fn clients_get_the_certificate_for_the_kind_of_key_that_they_want() {
    each(|peer| {
        let test = Test::new();
        let pki = Pki::rsa(&test);
        let other = pki.issuer.leaf(&["mail.example.org"]);
        let chain = test.file("ecdsa.pem", other.pem() + &pki.issuer.pem());
        let key = test.file("ecdsa.key", other.key_pem());
        let mut pair = [chain, key];
        if peer.server == "haproxy" {
            let both = test.text("ecdsa.pem") + &test.text("ecdsa.key");
            pair = [test.file("ecdsa-both.pem", both), test.path("ecdsa-both.pem")];
        }
        let asked = ["--alt-cert", pair[0].to_str().unwrap(), "--alt-key", pair[1].to_str().unwrap()];
        if ["openldap", "courier"].contains(&peer.server) {
            return refuses(peer, &test, &pki, &asked);
        }
        let Some(running) = serve(peer, &test, &pki, &asked) else { return };
        for door in peer.doors(&running) {
            let client = |signed| Client::trusting(&pki.root).through(door).args(["-sigalgs", signed]);
            client("ECDSA+SHA256").handshake(door.port).verifies().presents(&test.text("ecdsa.pem"));
            client("RSA-PSS+SHA256:RSA+SHA256").handshake(door.port).verifies().presents(&pki.chain());
        }
    });
}

/// Starts it with what `emit` prints for it; none where it cannot be started.
pub(super) fn serve(peer: &Peer, test: &Test, pki: &Pki, more: &[&str]) -> Option<Running> {
    peer.owns(test, &pki.key);
    peer.start(test, &emitted(peer, test, pki, &pki.key, more))
}

/// What `emit` prints for it.
pub(super) fn emitted(peer: &Peer, test: &Test, pki: &Pki, key: &Path, more: &[&str]) -> String {
    pki.emit(test, peer.server, key, &[&peer.build(), more].concat())
}

/// The server has no word for it, and so nothing is printed.
fn refuses(peer: &Peer, test: &Test, pki: &Pki, asked: &[&str]) {
    let files = ["--cert", pki.fullchain.to_str().unwrap(), "--key", pki.key.to_str().unwrap()];
    let words = [&["emit", peer.server], &files[..], &peer.build(), asked].concat();
    assert_eq!(test.run(words).exits(4).stdout, "", "{}", peer.name());
}

/// Without the lower level this openssl would not even offer the old ones.
fn speaks_nothing_old(client: &Client, door: Door) {
    for old in ["-tls1_1", "-tls1"] {
        client.clone().args([old, "-cipher", "ALL:@SECLEVEL=0"]).handshake(door.port).fails();
    }
}

/// Does it with all of them at the same time: they mostly wait.
pub(super) fn each(does: impl Fn(&Peer) + Sync) {
    std::thread::scope(|scope| {
        for peer in PEERS {
            std::thread::Builder::new().name(peer.name()).spawn_scoped(scope, || does(peer)).unwrap();
        }
    });
}
