//! `pkit probe` at the real daemons: through each of their doors it sees what they were given.

use super::emitted::{each, serve};
use super::peer::Door;
use super::pki::Clients;
use super::postfix::Postfix;
use super::{Pki, System};
use crate::common::{Ran, Test};

fn probe(test: &Test, door: Door, more: &[&str]) -> Ran {
    let address = format!("127.0.0.1:{}", door.port);
    let words = ["probe", &address, "--starttls", door.starttls.unwrap_or("none"), "--trust", "root.pem", "--json"];
    test.run([&words[..], &["--name", "mail.example.org"], more].concat())
}

fn codes(json: &serde_json::Value) -> Vec<&str> {
    json["findings"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect()
}

#[test]
fn every_server_shows_what_it_was_given() {
    each(|peer| {
        let test = Test::new();
        let pki = Pki::new(&test);
        test.file("other.pem", pki.issuer.leaf(&["mail.example.org"]).pem());
        let Some(running) = serve(peer, &test, &pki, &[]) else { return };
        for door in peer.doors(&running) {
            let at = format!("{} {door:?}", peer.name());
            let json = probe(&test, door, &["--expect-cert", "fullchain.pem"]).exits(0).json();
            let seen = &json["result"]["targets"][0];
            assert_eq!(seen["version"], "TLS 1.3", "{at}: {json:#}");
            assert_eq!((&seen["valid"], &seen["name_match"]), (&true.into(), &true.into()), "{at}: {json:#}");
            assert_eq!(seen["served_matches_file"], true, "{at}: {json:#}");
            assert_eq!(seen["chain"].as_array().unwrap().len(), 2, "{at}: {json:#}");
            assert_eq!(seen["client_certificate_requested"], false, "{at}: {json:#}");
            assert_eq!(seen["starttls"].as_str(), door.starttls, "{at}");
            let other = probe(&test, door, &["--expect-cert", "other.pem"]).exits(1).json();
            assert!(codes(&other).contains(&"served-differs"), "{at}: {other:#}");
            let named = test.run(["probe", &format!("localhost:{}", door.port), "--trust", "root.pem", "--json"]);
            if door.starttls.is_none() {
                assert!(codes(&named.exits(1).json()).contains(&"name-mismatch"), "{at}");
            }
        }
    });
}

#[test]
fn a_server_that_asks_for_a_certificate_is_seen_all_the_same() {
    each(|peer| {
        let test = Test::new();
        let pki = Pki::new(&test);
        let clients = Clients::new(&test);
        let asked = ["--client-cert", "request", "--client-ca", clients.cas_with_crls.to_str().unwrap()];
        let Some(running) = serve(peer, &test, &pki, &asked) else { return };
        for door in peer.doors(&running) {
            let json = probe(&test, door, &[]).exits(0).json();
            let seen = &json["result"]["targets"][0];
            assert_eq!(seen["client_certificate_requested"], true, "{} {door:?}: {json:#}", peer.name());
        }
    });
}

/// Between mail servers nobody looks at the certificate, so Postfix as it comes offers to do without.
#[test]
fn a_mail_server_as_it_comes_has_nothing_broken() {
    let test = Test::new();
    Pki::new(&test);
    let pair = "smtpd_tls_cert_file = DIR/fullchain.pem\nsmtpd_tls_key_file = DIR/leaf.key\n";
    let pair = pair.replace("DIR", test.path("").to_str().unwrap().trim_end_matches('/'));
    // Names of protocols are taken in whatever letters.
    let tls = format!("smtpd_tls_security_level = may\nsmtpd_tls_protocols = >=TLSV1.2, <=tlsv1.2\n{pair}");
    let Some(postfix) = Postfix::start(System::Bookworm, &test, &tls) else { return };
    let json = probe(&test, Door { port: postfix.smtp, starttls: Some("smtp") }, &["--deep"]).exits(0).json();
    let anonymous = json["findings"].as_array().unwrap().iter().find(|f| f["id"] == "tls-suite-anonymous");
    assert_eq!(anonymous.unwrap_or_else(|| panic!("{json:#}"))["severity"], "info", "{json:#}");
    let offers = json["result"]["targets"][0]["offers"].as_array().unwrap();
    assert_eq!(offers.iter().map(|o| o["version"].as_str().unwrap()).collect::<Vec<_>>(), ["TLS 1.2"], "{json:#}");
}

#[test]
fn a_server_without_tls_is_told_from_one_that_is_down() {
    let test = Test::new();
    Pki::new(&test);
    let Some(postfix) = Postfix::start(System::Bookworm, &test, "smtpd_tls_security_level = none\n") else { return };
    let json = probe(&test, Door { port: postfix.smtp, starttls: Some("smtp") }, &[]).exits(1).json();
    assert_eq!(codes(&json), ["starttls-not-offered"], "{json:#}");
}
