//! What servers say before TLS.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use super::{Served, codes, probe, target};
use crate::common::pki::Authority;
use crate::common::{Test, have};

/// A server that says these lines: the first as its greeting, each other one when a line has come in. Then it hangs up.
pub fn scripted(answers: &'static [&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || say(stream, answers));
        }
    });
    address
}

fn say(mut stream: TcpStream, answers: &[&str]) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    for (n, answer) in answers.iter().enumerate() {
        if n > 0 && !matches!(lines.next(), Some(Ok(_))) {
            return;
        }
        // The client may be gone.
        let _ = stream.write_all(answer.as_bytes());
    }
}

fn ready() -> Test {
    let test = Test::new();
    test.file("root.pem", Authority::root("root").pem());
    test
}

#[test]
fn a_server_without_starttls_is_told_from_one_that_is_not_there() {
    let test = ready();
    let cases: [(&str, &[&str], &str); 5] = [
        ("smtp", &["220 mx\r\n", "250-mx\r\n250 SIZE\r\n"], "STARTTLS is not offered"),
        ("smtp", &["220 mx\r\n", "250 STARTTLS\r\n", "454 4.7.0 TLS not available\r\n"], "454 4.7.0 TLS not available"),
        ("imap", &["* OK\r\n", "* CAPABILITY IMAP4rev1\r\np1 OK\r\n"], "STARTTLS is not offered"),
        ("pop3", &["+OK\r\n", "+OK\r\nUSER\r\n.\r\n"], "STARTTLS is not offered"),
        ("sieve", &["\"SASL\" \"PLAIN\"\r\nOK\r\n"], "STARTTLS is not offered"),
    ];
    for (protocol, answers, words) in cases {
        let json = probe(&test, &scripted(answers), &["--starttls", protocol]).exits(1).json();
        assert!(codes(&json).contains(&"starttls-not-offered"), "{json:#}");
        assert!(target(&json)["error"].as_str().unwrap().contains(words), "{protocol}: {json:#}");
    }
}

#[test]
fn passwords_in_the_clear_and_injected_bytes_are_found() {
    let test = ready();
    let plain = scripted(&["220 mx\r\n", "250-mx\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n", "454 later\r\n"]);
    let json = probe(&test, &plain, &["--starttls", "smtp"]).exits(1).json();
    assert_eq!(target(&json)["plaintext_logins"], serde_json::json!(["PLAIN", "LOGIN"]));
    assert!(codes(&json).contains(&"plaintext-login-before-tls"), "{json:#}");
    let disabled = scripted(&["* OK\r\n", "* CAPABILITY STARTTLS LOGINDISABLED AUTH=GSSAPI\r\np1 OK\r\n", "p2 NO\r\n"]);
    let json = probe(&test, &disabled, &["--starttls", "imap"]).exits(1).json();
    assert_eq!(codes(&json), ["starttls-not-offered"]);
    let known = scripted(&["* PREAUTH hello\r\n", "* CAPABILITY IMAP4rev1 STARTTLS\r\np1 OK\r\n", "p2 OK\r\n"]);
    let json = probe(&test, &known, &["--starttls", "imap"]).exits(1).json();
    assert_eq!(codes(&json), ["starttls-not-offered"]);
    assert!(target(&json)["error"].as_str().unwrap().contains("logged in: * PREAUTH hello"), "{json:#}");
    let injected = scripted(&["* OK\r\n", "* CAPABILITY STARTTLS LOGINDISABLED\r\np1 OK\r\n", "p2 OK\r\n* BYE x\r\n"]);
    let json = probe(&test, &injected, &["--starttls", "imap"]).json();
    assert!(codes(&json).contains(&"starttls-injection"), "{json:#}");
    assert!(json["findings"].to_string().contains("* BYE x"), "{json:#}");
}

#[test]
fn what_is_injected_late_is_found_too() {
    let test = ready();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                say(stream.try_clone().unwrap(), &["220 mx\r\n", "250 STARTTLS\r\n", "220 go\r\n"]);
                std::thread::sleep(std::time::Duration::from_millis(300));
                // And the beginning of a record, as TLS would go on.
                let _ = stream.write_all(b"250 injected\r\n\x16\x03\x03\0\x7a");
                std::thread::sleep(std::time::Duration::from_secs(1));
            });
        }
    });
    let json = probe(&test, &address, &["--starttls", "smtp"]).json();
    assert_eq!(codes(&json), ["starttls-injection", "peer-no-handshake"]);
    let said = json["findings"][0]["message"].as_str().unwrap();
    assert!(said.ends_with("in the clear: 250 injected"), "{said}");
}

/// An LDAP server that hangs up where anything but TLS is asked for, in front of one that speaks TLS.
fn terse(behind: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut asked = [0; 31];
            // An ExtendedRequest (RFC 4511 section 4.14.1), or a search.
            if stream.read_exact(&mut asked).is_err() || asked[5] != 0x77 {
                continue;
            }
            stream.write_all(b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00").unwrap();
            let tls = TcpStream::connect(&behind).unwrap();
            for (mut from, mut to) in [(stream.try_clone(), tls.try_clone()), (Ok(tls), Ok(stream))]
                .map(|(from, to)| (from.unwrap(), to.unwrap()))
            {
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        }
    });
    address
}

#[test]
fn an_ldap_server_need_answer_no_question_before_tls() {
    if !have("openssl") {
        return;
    }
    let test = Test::new();
    let root = Authority::root("root");
    test.file("root.pem", root.pem());
    let leaf = root.leaf(&["mail.example.org"]);
    let (chain, key) = (test.file("leaf.pem", leaf.pem()), test.file("leaf.key", leaf.key_pem()));
    let served = Served::start(&test, &chain, &key, &[]);
    let json = probe(&test, &terse(served.address()), &["--starttls", "ldap"]).exits(0).json();
    assert_eq!((&target(&json)["valid"], codes(&json)), (&true.into(), Vec::new()), "{json:#}");
}
