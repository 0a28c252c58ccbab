//! Servers that mean harm, or are broken: each ends within its time and in little memory, with a word about it and exit 6.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection};

use super::{codes, probe};
use crate::common::Test;
use crate::common::pki::Authority;

/// A server that does this with each connection.
fn serving(act: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || act(stream));
        }
    });
    address
}

fn hello_of_client(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    let _ = stream.read(&mut buffer);
}

fn for_ever(stream: &mut TcpStream, bytes: &[u8], pause: Duration) {
    while stream.write_all(bytes).is_ok() {
        std::thread::sleep(pause);
    }
}

const NO_PAUSE: Duration = Duration::ZERO;
const TENTH: Duration = Duration::from_millis(100);

/// A ServerHello of TLS 1.2 with TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, in its record.
fn server_hello() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0xc0, 0x2b, 0, 0, 0]);
    let mut message = vec![2, 0, 0, body.len() as u8];
    message.extend(body);
    let mut record = vec![22, 3, 3, 0, message.len() as u8];
    record.extend(message);
    record
}

/// A handshake record with this beginning and zeros behind it.
fn record(start: &[u8], length: u16) -> Vec<u8> {
    let mut record = vec![22, 3, 3];
    record.extend(length.to_be_bytes());
    record.extend(start);
    record.resize(5 + usize::from(length), 0);
    record
}

/// What a server does, whether it is asked in SMTP first, and what is said of it.
type Case = (&'static str, &'static str, fn(TcpStream));

const CASES: &[Case] = &[
    ("an endless banner", "smtp", |mut s| for_ever(&mut s, b"220-welcome\r\n", NO_PAUSE)),
    ("a line without an end", "smtp", |mut s| for_ever(&mut s, &[b'2'; 1000], NO_PAUSE)),
    ("a byte at a time", "smtp", |mut s| for_ever(&mut s, b"2", TENTH)),
    ("silence", "smtp", |mut s| hello_of_client(&mut s)),
    ("garbage", "imap", |mut s| for_ever(&mut s, &[0xff, 0, 10, 13], NO_PAUSE)),
    ("ldap of four gigabytes", "ldap", |mut s| for_ever(&mut s, &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], NO_PAUSE)),
    ("hangs up at once", "imap", drop),
    ("hangs up after the go-ahead", "pop3", |mut s| {
        let _ = s.write_all(b"+OK\r\n");
        hello_of_client(&mut s);
        let _ = s.write_all(b"+OK\r\nSTLS\r\n.\r\n");
        hello_of_client(&mut s);
        let _ = s.write_all(b"+OK\r\n");
        hello_of_client(&mut s);
    }),
    ("plain text in the place of TLS", "none", |mut s| for_ever(&mut s, b"HTTP/1.0 400 Bad Request\r\n", NO_PAUSE)),
    ("garbage in the place of TLS", "none", |mut s| for_ever(&mut s, &[0x5a; 100], NO_PAUSE)),
    ("a byte at a time of TLS", "none", |mut s| for_ever(&mut s, &[22], TENTH)),
    ("silence in the place of TLS", "none", |mut s| {
        hello_of_client(&mut s);
        std::thread::sleep(Duration::from_secs(30));
    }),
    ("hangs up on the hello", "none", |mut s| hello_of_client(&mut s)),
    ("hangs up behind its hello", "none", |mut s| {
        hello_of_client(&mut s);
        let _ = s.write_all(&server_hello());
    }),
    ("a certificate of 100 MB, announced", "none", |mut s| {
        hello_of_client(&mut s);
        let _ = s.write_all(&server_hello());
        // Certificate, 24 bits of length: as much as there can be, 16 MiB.
        let _ = s.write_all(&record(&[11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc], 16_384));
        for_ever(&mut s, &record(&[], 16_384), NO_PAUSE);
    }),
    ("certificates without an end", "none", |mut s| {
        hello_of_client(&mut s);
        let _ = s.write_all(&server_hello());
        for_ever(&mut s, &record(&[11, 0, 3, 0xe8, 0, 3, 0xe5], 1004), NO_PAUSE);
    }),
    ("hello after hello", "none", |mut s| {
        hello_of_client(&mut s);
        for_ever(&mut s, &server_hello(), NO_PAUSE);
    }),
    ("empty records for ever", "none", |mut s| {
        hello_of_client(&mut s);
        for_ever(&mut s, &[22, 3, 3, 0, 0], NO_PAUSE);
    }),
    ("warnings for ever", "none", |mut s| {
        hello_of_client(&mut s);
        for_ever(&mut s, &[21, 3, 3, 0, 2, 1, 90], NO_PAUSE);
    }),
];

#[test]
fn no_server_costs_more_than_its_time() {
    let test = Test::new();
    test.file("root.pem", Authority::root("root").pem());
    std::thread::scope(|scope| {
        for (what, starttls, act) in CASES {
            let test = &test;
            scope.spawn(move || {
                let begin = Instant::now();
                let ran =
                    probe(test, &serving(*act), &["--starttls", starttls, "--timeout", "2s", "--fail-on", "warning"]);
                let took = begin.elapsed();
                // A machine under load starts a process late; without a deadline it would be minutes, or for ever.
                assert!(took < Duration::from_secs(25), "{what}: {took:?}");
                let json = ran.json();
                assert_eq!(ran.exit, 6, "{what}: {json:#}");
                assert_eq!(codes(&json), ["peer-no-handshake"], "{what}: {json:#}");
            });
        }
    });
}

/// What stands in the first place is the server's own certificate, or nothing is; what is in another form is none.
#[test]
fn what_is_no_certificate_is_not_taken_for_one() {
    let test = Test::new();
    let root = Authority::root("root");
    test.file("root.pem", root.pem());
    let leaf = root.leaf(&["mail.example.org"]);
    let presenting =
        |chain: &[&[u8]]| presenting(leaf.key.serialize_der(), chain.iter().map(|der| der.to_vec()).collect());
    for first in [b"junk", leaf.pem().as_bytes(), &[&leaf.der[..], b"0"].concat(), &leaf.der[..100]] {
        let address = presenting(&[first, &leaf.der]);
        let json = probe(&test, &address, &[]).exits(1).json();
        let seen = super::target(&json);
        assert!(codes(&json).contains(&"malformed"), "{json:#}");
        assert_eq!((&seen["valid"], &seen["name_match"]), (&serde_json::Value::Null, &serde_json::Value::Null));
        let shown = test.run(["probe", &address, "--trust", "root.pem", "--name", "mail.example.org"]).exits(1);
        shown.out_has("FAIL").out_has("no certificate that can be read");
    }
    let json = probe(&test, &presenting(&[&leaf.der, b"junk"]), &[]).exits(1).json();
    assert_eq!((&super::target(&json)["valid"], codes(&json)), (&true.into(), vec!["malformed"]));
}

/// A server that sends this as its chain, whatever it is.
fn presenting(key: Vec<u8>, chain: Vec<Vec<u8>>) -> String {
    let key = rustls::crypto::ring::sign::any_supported_type(&PrivatePkcs8KeyDer::from(key).into()).unwrap();
    let chain = chain.into_iter().map(CertificateDer::from).collect();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key))));
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut connection = ServerConnection::new(config.clone()).unwrap();
            // Until the client hangs up.
            while connection.complete_io(&mut stream).is_ok_and(|moved| moved != (0, 0)) {}
        }
    });
    address
}

#[test]
fn a_flood_is_not_kept_in_memory() {
    let test = Test::new();
    test.file("root.pem", Authority::root("root").pem());
    for (what, starttls, act) in CASES.iter().filter(|(what, ..)| what.contains("end") || what.contains("100 MB")) {
        // 300 MiB of address space: pkit itself needs about a tenth.
        let address = serving(*act);
        let limited = format!(
            "ulimit -v 300000; exec {} probe {address} --trust root.pem --starttls {starttls} --timeout 2s --json",
            env!("CARGO_BIN_EXE_pkit")
        );
        let ran = test.peer("sh", ["-c", &limited]);
        assert_eq!(codes(&ran.exits(6).json()), ["peer-no-handshake"], "{what}");
    }
}
