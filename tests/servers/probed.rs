//! `pkit probe` at the real daemons: through each of their doors it sees what they were given.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

use time::macros::datetime;

use super::client::pem_blocks;
use super::dovecot::Dovecot;
use super::emitted::{each, emitted, serve};
use super::peer::{Door, Peer, Running};
use super::pki::Clients;
use super::postfix::Postfix;
use super::slapd::Slapd;
use super::{Client, Pki, System};
use crate::common::pki::{Leaf, cert_pem, self_signed};
use crate::common::{Ran, Test, missing};

fn probe(test: &Test, door: Door, more: &[&str]) -> Ran {
    let address = format!("127.0.0.1:{}", door.port);
    let words = ["probe", &address, "--starttls", door.starttls.unwrap_or("none"), "--trust", "root.pem", "--json"];
    test.run([&words[..], &["--name", "mail.example.org"], more].concat())
}

/// All of a server's ways to TLS.
fn doors(peer: &Peer, running: &Running) -> Vec<Door> {
    [peer.doors(running), running.others.clone()].concat()
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
        for door in doors(peer, &running) {
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
        for door in doors(peer, &running) {
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
    each(|peer| {
        let test = Test::new();
        let pki = Pki::new(&test);
        let without = match peer.server {
            // With `ssl = no` for everything it opens no other port.
            "dovecot" => {
                emitted(peer, &test, &pki, &pki.key, &[])
                    + "protocol imap {\n ssl = no\n}\nprotocol pop3 {\n ssl = no\n}\n"
            }
            "postfix" => "smtpd_tls_security_level = none\n".into(),
            "courier" => "IMAPDSTARTTLS=NO\n".into(),
            "exim" => "tls_advertise_hosts =\n".into(),
            "apache" => "<VirtualHost *:80>\n</VirtualHost>\n".into(),
            "haproxy" => "frontend http\n  bind :80,:::80\n".into(),
            "nginx" => "server {\n  listen 80;\n}\n".into(),
            // It has none until it is told.
            _ => String::new(),
        };
        let Some(running) = peer.start(&test, &without) else { return };
        let plain = Door { port: running.plain, starttls: peer.starttls };
        let others = running.others.iter().copied().filter(|door| door.starttls.is_some());
        for door in [plain].into_iter().chain(others) {
            let (code, exit) =
                if door.starttls.is_some() { ("starttls-not-offered", 1) } else { ("peer-no-handshake", 6) };
            let json = probe(&test, door, &[]).exits(exit).json();
            assert!(codes(&json).contains(&code), "{} {door:?}: {json:#}", peer.name());
        }
    });
}

/// What a server is given, and the code of what is wrong with it.
type Fault = (&'static str, fn(&Pki) -> (Leaf, String));

const FAULTS: [Fault; 5] = [
    ("chain-incomplete", |pki| signed(pki.issuer.leaf(&["mail.example.org"]), "")),
    ("cert-expired", |pki| {
        let old = |params: &mut rcgen::CertificateParams| params.not_after = datetime!(2024-01-01 0:00 UTC);
        signed(pki.issuer.leaf_with(&["mail.example.org"], old), &pki.issuer.pem())
    }),
    ("name-mismatch", |pki| signed(pki.issuer.leaf(&["www.example.org"]), &pki.issuer.pem())),
    ("not-trusted", |_| signed(self_signed(&["mail.example.org"]), "")),
    ("chain-order", |pki| {
        let lower = pki.issuer.below("lower");
        signed(lower.leaf(&["mail.example.org"]), &(pki.issuer.pem() + &lower.pem()))
    }),
];

/// A certificate, and a file with it and what stands behind it.
fn signed(leaf: Leaf, above: &str) -> (Leaf, String) {
    let file = leaf.pem() + above;
    (leaf, file)
}

#[test]
fn what_is_wrong_with_a_chain_is_found_at_every_server() {
    each(|peer| {
        for (code, make) in FAULTS {
            let test = Test::new();
            let pki = Pki::new(&test);
            let (leaf, file) = make(&pki);
            test.file("fullchain.pem", &file);
            test.file("leaf.key", leaf.key_pem());
            let Some(running) = serve(peer, &test, &pki, &[]) else { return };
            for door in doors(peer, &running) {
                let at = format!("{} {door:?} {code}", peer.name());
                let theirs = Client::trusting(&pki.root).through(door).handshake(door.port);
                if code == "chain-order" {
                    // A client puts it in order; and so do slapd and Exim with GnuTLS.
                    let as_it_lies = theirs.verifies().chain == pem_blocks(&file);
                    let sorts = ["openldap", "exim"].contains(&peer.server) && peer.library == Some("gnutls");
                    assert_eq!(as_it_lies, !sorts, "{at}");
                    let json = probe(&test, door, &[]).exits(0).json();
                    assert_eq!(codes(&json).contains(&code), as_it_lies, "{at}: {json:#}");
                } else {
                    theirs.fails();
                    let json = probe(&test, door, &[]).exits(1).json();
                    assert!(codes(&json).contains(&code), "{at}: {json:#}");
                }
            }
        }
    });
}

/// The others do not start with such a pair, or have no TLS then.
#[test]
fn a_server_that_takes_the_key_of_another_certificate_is_found() {
    each(|peer| {
        let test = Test::new();
        let pki = Pki::new(&test);
        let other = pki.issuer.leaf(&["mail.example.org"]);
        test.file("fullchain.pem", other.pem() + &pki.issuer.pem());
        let text = emitted(peer, &test, &pki, &pki.key, &[]);
        let Some(Ok(running)) = peer.attempt(&test, &text) else { return };
        for door in doors(peer, &running) {
            let at = format!("{} {door:?}", peer.name());
            Client::trusting(&pki.root).through(door).handshake(door.port).fails();
            let ran = probe(&test, door, &[]);
            let json = ran.json();
            assert!(matches!(ran.exit, 1 | 6), "{at}: {json:#}");
            assert_eq!(codes(&json).contains(&"served-key-mismatch"), peer.server == "courier", "{at}: {json:#}");
        }
    });
}

#[test]
fn a_server_that_still_has_the_old_certificate_is_found() {
    each(|peer| {
        let test = Test::new();
        let pki = Pki::new(&test);
        let Some(running) = serve(peer, &test, &pki, &[]) else { return };
        let client = |door: Door| Client::trusting(&pki.root).through(door).handshake(door.port).verifies();
        let doors = doors(peer, &running);
        for door in &doors {
            client(*door).presents(&pki.chain());
        }
        let (_, new) = pki.issuer.issue(&pki.leaf.key, &["mail.example.org"], |params| {
            params.not_before = datetime!(2025-01-01 0:00 UTC);
        });
        let old = pki.chain();
        test.file("fullchain.pem", cert_pem(&new) + &pki.issuer.pem());
        for door in doors {
            let at = format!("{} {door:?}", peer.name());
            let ran = probe(&test, door, &["--expect-cert", "fullchain.pem"]);
            let json = ran.json();
            let target = &json["result"]["targets"][0];
            let still = target["chain"][0]["not_before"] != "2025-01-01T00:00:00Z";
            // These two have processes that read the file when they begin, so each connection can have another answer.
            let alike = !["postfix", "courier"].contains(&peer.server);
            assert!(!alike || still && client(door).chain == pem_blocks(&old), "{at}");
            assert_eq!(ran.exit, i32::from(still), "{at}: {json:#}");
            assert_eq!(target["served_matches_file"], !still, "{at}: {json:#}");
            let told = json["findings"].to_string().contains("serves an older certificate (until ");
            assert_eq!(told, still, "{at}: {json:#}");
        }
    });
}

#[test]
fn who_puts_something_behind_the_go_ahead_is_found() {
    each(|peer| {
        let test = Test::new();
        let pki = Pki::new(&test);
        let Some(running) = serve(peer, &test, &pki, &[]) else { return };
        for door in doors(peer, &running).into_iter().filter(|door| door.starttls.is_some()) {
            let at = format!("{} {door:?}", peer.name());
            let disturbed = Door { port: between(door.port), ..door };
            let json = probe(&test, disturbed, &[]).json();
            assert!(codes(&json).contains(&"starttls-injection"), "{at}: {json:#}");
            assert!(json["findings"].to_string().contains("* BYE injected"), "{at}: {json:#}");
            assert!(!codes(&probe(&test, door, &[]).json()).contains(&"starttls-injection"), "{at}");
        }
    });
}

/// Somebody on the way who lets everything through, and says something of his own when the server lets TLS begin.
fn between(server: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
            std::thread::spawn(move || {
                let asked = AtomicBool::new(false);
                std::thread::scope(|scope| {
                    scope.spawn(|| {
                        pass(&client, &server, |said| {
                            // RFC 4511 section 4.14.1 names it by a number.
                            let words: [&[u8]; 3] = [b"STARTTLS", b"STLS", b"1.3.6.1.4.1.1466.20037"];
                            let has = |word: &&[u8]| said.windows(word.len()).any(|part| part == *word);
                            asked.fetch_or(words.iter().any(has), Ordering::SeqCst);
                        });
                    });
                    pass(&server, &client, |said| {
                        if asked.swap(false, Ordering::SeqCst) {
                            said.extend_from_slice(b"* BYE injected\r\n");
                        }
                    });
                });
            });
        }
    });
    port
}

/// Hands on what comes, until somebody hangs up.
fn pass(mut from: &TcpStream, mut to: &TcpStream, each: impl Fn(&mut Vec<u8>)) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let mut said = buffer[..read].to_vec();
        each(&mut said);
        if to.write_all(&said).is_err() {
            break;
        }
    }
    // The other one may have hung up already.
    let _ = to.shutdown(std::net::Shutdown::Both);
}

/// Dovecot trusts whoever comes from the address that he comes to, so that must be another one.
#[test]
fn logins_that_show_the_password_are_told_where_dovecot_offers_them() {
    for (settings, shown) in [("ssl = required\n", false), ("ssl = yes\ndisable_plaintext_auth = no\n", true)] {
        let test = Test::new();
        let pki = Pki::new(&test);
        let pair = format!("ssl_cert = <{}\nssl_key = <{}\n", pki.fullchain.display(), pki.key.display());
        let tls = format!("{settings}{pair}listen = 127.0.0.1, 127.0.0.2\n");
        let Some(dovecot) = Dovecot::start(System::Bookworm, &test, &tls) else { return };
        for (scheme, port) in [("imap", dovecot.imap), ("pop3", dovecot.pop3)] {
            let address = format!("{scheme}://127.0.0.2:{port}");
            let words = ["probe", &address, "--trust", "root.pem", "--name", "mail.example.org", "--json"];
            let json = test.run(words).exits(0).json();
            let told = codes(&json).contains(&"plaintext-login-before-tls");
            assert_eq!(told, shown, "{scheme} {settings}: {json:#}");
        }
    }
}

/// By default slapd hides the mechanism until there is TLS; and it may let nothing be looked up before.
#[test]
fn logins_that_show_the_password_are_told_where_slapd_offers_them() {
    for (settings, shown) in [("", false), ("sasl-secprops none\n", true), ("security tls=1\n", false)] {
        let test = Test::new();
        let pki = Pki::new(&test);
        Slapd::owns(System::Bookworm, &test, &pki.key);
        let (chain, key) = (pki.fullchain.display(), pki.key.display());
        let conf = format!("TLSCertificateFile {chain}\nTLSCertificateKeyFile {key}\n{settings}");
        let Some(slapd) = Slapd::attempt_conf(System::Bookworm, &test, &conf) else { return };
        let slapd = slapd.unwrap();
        let address = format!("ldap://127.0.0.1:{}", slapd.ldap);
        let words = ["probe", &address, "--trust", "root.pem", "--name", "mail.example.org", "--json"];
        let json = test.run(words).exits(0).json();
        let told = codes(&json).contains(&"plaintext-login-before-tls");
        let ask = ["-x", "-LLL", "-H", &address, "-b", "", "-s", "base", "supportedSASLMechanisms"];
        let listed = test.peer("ldapsearch", ask).stdout.contains(": PLAIN\n");
        if shown && !listed {
            return missing("libsasl2-modules");
        }
        assert_eq!((told, listed), (shown, shown), "{settings}: {json:#}");
    }
}

/// Port 587 as Debian has it, where nothing goes on before TLS.
#[test]
fn submission_is_seen_as_what_it_is() {
    let test = Test::new();
    let pki = Pki::new(&test);
    let tls =
        format!("smtpd_tls_cert_file = {}\nsmtpd_tls_key_file = {}\n", pki.fullchain.display(), pki.key.display());
    let services = "submission inet n - n - - smtpd -o smtpd_tls_security_level=encrypt -o smtpd_tls_auth_only=yes\n\
                    submissions inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n";
    let Some(postfix) = Postfix::with_services(System::Bookworm, &test, &tls, services) else { return };
    let address = format!("submission://127.0.0.1:{}", postfix.smtp);
    let words = ["probe", &address, "--trust", "root.pem", "--name", "mail.example.org", "--json"];
    let json = test.run(words).exits(0).json();
    let seen = &json["result"]["targets"][0];
    assert_eq!((&seen["starttls"], &seen["valid"]), (&"smtp".into(), &true.into()), "{json:#}");
    assert_eq!(codes(&json), Vec::<&str>::new(), "{json:#}");
}
