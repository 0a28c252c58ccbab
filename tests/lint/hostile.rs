//! Hostile configurations: bounded, told, and never a panic.

use std::time::{Duration, Instant};

use super::{Bench, codes};
use crate::common::scaled;

const V23: &str = "--server-version 2.3.19";

#[test]
fn loops_depth_and_numbers_are_bounded_and_told() {
    let b = Bench::new();
    b.t.file("dovecot.conf", "ssl = yes\n!include b.conf\n");
    b.t.file("b.conf", "!include dovecot.conf\n");
    let ran = b.lint("dovecot.conf", V23).exits(1);
    let told = super::findings(&ran, b.t.path("b.conf").to_str().unwrap());
    assert_eq!(told.into_iter().collect::<Vec<_>>(), [(1, "include-loop".to_owned())]);
    for n in 0..30 {
        b.t.file(format!("deep{n}.conf"), format!("!include deep{}.conf\n", n + 1));
    }
    b.t.file("dovecot.conf", "!include deep0.conf\n");
    assert!(codes(&b.lint("dovecot.conf", V23).exits(3)).contains("config-limit"));
    b.t.file("dovecot.conf", "!include many/*.conf\n!include many/*.conf\n");
    for n in 0..600 {
        b.t.file(format!("many/{n}.conf"), "ssl = yes\n");
    }
    assert!(codes(&b.lint("dovecot.conf", V23).exits(3)).contains("config-limit"));
    // Each pulls in both of the next: a tree of 2^15 files.
    for n in 0..15 {
        b.t.file(format!("tree{n}.conf"), format!("!include tree{0}.conf\n!include tree{0}.conf\n", n + 1));
    }
    b.t.file("dovecot.conf", "!include tree0.conf\n");
    let started = Instant::now();
    b.lint("dovecot.conf", V23).exits(3);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn huge_binary_and_broken_texts_end_in_words() {
    let b = Bench::new();
    let texts: Vec<(&str, Vec<u8>)> = vec![
        ("dovecot.conf", vec![0; 1 << 20]),
        ("dovecot.conf", vec![0xff; 1 << 20]),
        ("dovecot.conf", b"ssl_cert = <".repeat(100_000)),
        ("dovecot.conf", b"a {\n".repeat(200_000)),
        ("main.cf", b"a = $a $b\nb = $a $a\n".repeat(20_000)),
        ("main.cf", [b"smtpd_tls_chain_files = ".to_vec(), b"/x,".repeat(400_000)].concat()),
        ("master.cf", b"smtp inet n - y - - smtpd -o ".repeat(50_000)),
        ("cn=config.ldif", b"dn:: \nolcTLSCertificateFile:: ====\n".repeat(20_000)),
        ("slapd.conf", b"TLSCertificateFile \"\n \n".repeat(20_000)),
    ];
    for (name, bytes) in texts {
        let size = bytes.len();
        b.t.file(name, bytes);
        let started = Instant::now();
        let ran = b.lint(name, "--server-version 3.7 --tls-library openssl --server auto");
        assert!([0, 1, 2, 3].contains(&ran.exit), "{name} {size}: {} {}", ran.exit, ran.stderr);
        assert!(started.elapsed() < Duration::from_secs(30), "{name} {size}: {:?}", started.elapsed());
        b.t.file(name, "");
    }
}

/// A sound configuration of each grammar.
const SOUND: [(&str, &str); 8] = [
    (
        "dovecot.conf",
        "ssl = required\nssl_cert = <D/fullchain.pem\nlocal_name \"a b\" {\n  ssl_key = <D/leaf.key\n}\n!include_try x\n",
    ),
    (
        "main.cf",
        "dir = D\nsmtpd_tls_security_level = may\nsmtpd_tls_cert_file = ${dir}/fullchain.pem\nsmtpd_tls_key_file =\n  $dir/leaf.key\n",
    ),
    (
        "master.cf",
        "smtps inet n - y - - smtpd\n  -o smtpd_tls_wrappermode=yes\n  -o { smtpd_tls_cert_file = D/fullchain.pem }\n",
    ),
    (
        "httpd.conf",
        "<VirtualHost *:443>\n  ServerName \"a.example.org\"\n  SSLEngine on\n  SSLCertificateFile D/fullchain.pem\n  SSLCertificateKeyFile \\\nD/leaf.key\n</VirtualHost>\n",
    ),
    ("slapd.conf", "# a\nTLSCertificateFile \"D/fullchain.pem\"\nTLSCertificateKeyFile\n  D/leaf.key\ndatabase mdb\n"),
    (
        "cn=config.ldif",
        "dn: cn=config\nobjectClass: olcGlobal\nolcTLSCertificateFile:: L2E=\nolcTLSCertificateKeyFile: D/leaf\n .key\n",
    ),
    (
        "imapd-ssl",
        "TLS_CERTFILE=D/fullchain.pem\nTLS_PRIVATE_KEYFILE=\"D/leaf\".key\nTLS_PROTOCOL='TLSv1.2+' # a\nCOURIERTLS=/usr/bin/couriertls\n",
    ),
    (
        "exim.conf",
        "F = D/fullchain.pem\n.ifdef F\ntls_certificate = F\n.endif\ntls_privatekey = \"D/leaf.key\"\ntls_crl = \\\n  D/crls.pem\nbegin transports\nx:\n  driver = smtp\n",
    ),
];

/// Prefixes and changed bytes of good configurations are read without a panic.
#[test]
fn mutations_never_end_in_a_panic() {
    let b = Bench::new();
    let mut seed = 7u32;
    for (name, text) in SOUND {
        let text = b.filled(text);
        for _ in 0..scaled(25) {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let mut bytes = text.clone().into_bytes();
            let at = (seed >> 4) as usize % bytes.len();
            match seed >> 30 {
                0 => bytes.truncate(at),
                1 => bytes[at] = (seed >> 16) as u8,
                2 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"{}\"'\\$%#<=\n"[seed as usize % 11]),
            }
            b.t.file(name, &bytes);
            let ran = b.lint(name, "--server-version 2.3.19 --tls-library openssl --server auto");
            assert!(
                [0, 1, 3].contains(&ran.exit),
                "{:?}: {} {}",
                String::from_utf8_lossy(&bytes),
                ran.exit,
                ran.stderr
            );
        }
    }
}
