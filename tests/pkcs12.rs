//! PKCS#12, both ways: what openssl, certtool and NSS make is opened, and they open what is made here.

use std::path::Path;

use pkit::crypto::Passphrase;
use pkit::material::pkcs12::{Style, write};
use pkit::material::{Item, Material};
use zeroize::Zeroizing;

use crate::common::{Test, data, have};

const PASS: &str = "pa\u{df}phrase 7";

/// A key, its certificate and a CA, made by openssl.
fn order() -> Test {
    let t = Test::new();
    t.file("pass", PASS);
    t.chmod("pass", 0o600);
    let openssl = |line: &str| _ = t.peer("openssl", line.split(' ')).exits(0);
    openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -subj /CN=Own -out root.pem");
    openssl(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout mail.key -subj /CN=a.test -out mail.csr",
    );
    openssl("x509 -req -in mail.csr -CA root.pem -CAkey ca.key -days 30 -out mail.pem");
    t
}

/// The digest of the public key in a file.
fn spki(t: &Test, file: &str) -> String {
    let shown = t.run(["key", "inspect", file, "--passphrase-file", "pass", "--json"]).exits(0).json();
    shown["result"]["spki_sha256"].as_str().unwrap().to_owned()
}

#[test]
fn what_openssl_makes_is_opened() {
    if !have("openssl") {
        return;
    }
    let t = order();
    let want = spki(&t, "mail.key");
    for how in [
        "",
        "-legacy",
        "-keypbe AES-128-CBC -certpbe NONE",
        "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-RC2-40 -macalg sha1 -legacy",
        "-macalg sha512",
        "-nomac",
        "-keypbe NONE -certpbe NONE",
        "-iter 100000",
    ] {
        let export = "pkcs12 -export -inkey mail.key -in mail.pem -certfile root.pem -out mail.p12 -passout file:pass";
        t.peer("openssl", export.split(' ').chain(how.split_whitespace())).exits(0);
        assert_eq!(spki(&t, "mail.p12"), want, "{how}");
        let check = ["key", "check", "mail.p12", "--passphrase-file", "pass", "--cert", "mail.pem"];
        t.run(check).exits(0).out_has("matches mail.pem");
        // A chain out of nothing but the file, the key in it included.
        let build = ["chain", "build", "mail.p12", "--passphrase-file", "pass", "--trust", "root.pem"];
        t.run([&build[..], &["--key", "mail.p12"]].concat()).exits(0).out_has("BEGIN CERTIFICATE");
        let convert =
            ["key", "convert", "mail.p12", "--passphrase-file", "pass", "--decrypt", "-o", "out.key", "--force"];
        t.run(convert).exits(0);
        assert_eq!(t.text("out.key"), t.peer("openssl", ["pkey", "-in", "mail.key"]).stdout);
    }
    t.file("wrong", "another");
    t.chmod("wrong", 0o600);
    let export = "pkcs12 -export -inkey mail.key -in mail.pem -out mail.p12 -passout file:pass";
    t.peer("openssl", export.split(' ')).exits(0);
    let before = t.snapshot();
    let chain = ["chain", "build", "mail.p12", "--trust", "root.pem", "-o", "x"];
    t.run([&chain[..], &["--passphrase-file", "wrong"]].concat()).exits(3).err_has("error[passphrase-wrong]");
    t.run([&chain[..], &["--no-input"]].concat()).exits(3).err_has("error[passphrase-needed]");
    t.run(["key", "check", "mail.p12", "--no-input"]).exits(3).out_has("skipped[key-encrypted]");
    assert_eq!(t.snapshot(), before);
}

#[test]
fn a_file_without_a_passphrase_needs_none() {
    if !have("openssl") {
        return;
    }
    let t = order();
    for how in ["", "-legacy", "-nomac -keypbe NONE -certpbe NONE"] {
        let export = "pkcs12 -export -inkey mail.key -in mail.pem -out mail.p12 -passout pass:";
        t.peer("openssl", export.split(' ').chain(how.split_whitespace())).exits(0);
        t.run(["key", "check", "mail.p12", "--cert", "mail.p12", "--no-input"]).exits(0).out_has("matches");
    }
}

#[test]
fn what_certtool_and_nss_make_is_opened() {
    if !(have("openssl") && have("certtool") && have("pk12util")) {
        return;
    }
    let t = order();
    let want = spki(&t, "mail.key");
    let made = ["--to-p12", "--load-privkey", "mail.key", "--load-certificate", "mail.pem", "--p12-name", "mail"];
    for cipher in ["aes-256", "3des", "3des-pkcs12"] {
        let rest = ["--password", PASS, "--outder", "--outfile", "mail.p12", "--pkcs-cipher", cipher];
        t.peer("certtool", [&made[..], &rest].concat()).exits(0);
        assert_eq!(spki(&t, "mail.p12"), want, "{cipher}");
    }
    let openssl = "pkcs12 -export -inkey mail.key -in mail.pem -name mail -out in.p12 -passout file:pass";
    t.peer("openssl", openssl.split(' ')).exits(0);
    t.file("db/empty", "");
    t.peer("certutil", ["-N", "-d", "sql:db", "--empty-password"]).exits(0);
    t.peer("pk12util", ["-i", "in.p12", "-d", "sql:db", "-w", "pass"]).exits(0);
    t.peer("pk12util", ["-o", "nss.p12", "-n", "mail", "-d", "sql:db", "-w", "pass"]).exits(0);
    assert_eq!(spki(&t, "nss.p12"), want);
}

#[test]
fn what_is_made_here_is_opened_by_openssl_certtool_and_nss() {
    if !(have("openssl") && have("certtool") && have("pk12util")) {
        return;
    }
    let t = order();
    let read = |name: &str| Material::read(Path::new(name), &t.read(name));
    let (key, leaf, root) = (read("mail.key"), read("mail.pem"), read("root.pem"));
    let certs: Vec<&[u8]> = [&leaf, &root].iter().flat_map(|m| m.certs()).map(|(_, cert)| cert.der()).collect();
    let key = key.keys().next().unwrap().1;
    let secret = Passphrase::new(Zeroizing::new(PASS.as_bytes().to_vec()));
    for style in [Style::Modern, Style::Legacy] {
        let made = write(Some(key), &certs, Some("mail \u{e9}"), &secret, style).unwrap();
        let file = format!("{style:?}.p12");
        t.file(&file, &*made);
        let again = Material::read(Path::new(&file), &made);
        assert!(matches!(again.blocks[0].item, Item::Pkcs12(_)));
        let legacy: &[&str] = if style == Style::Legacy { &["-legacy"] } else { &[] };
        let open = ["pkcs12", "-in", &file, "-passin", "file:pass", "-nodes"];
        let out = t.peer("openssl", [&open[..], legacy].concat()).exits(0).stdout;
        assert_eq!(out.matches("BEGIN CERTIFICATE").count(), 2);
        assert!(out.contains(t.text("mail.key").lines().nth(1).unwrap()), "{out}");
        t.peer("certtool", ["--p12-info", "--inder", "--infile", &file, "--password", PASS])
            .exits(0)
            .out_has("BEGIN CERTIFICATE");
        let db = format!("sql:db{style:?}");
        t.file(format!("db{style:?}/empty"), "");
        t.peer("certutil", ["-N", "-d", &db, "--empty-password"]).exits(0);
        t.peer("pk12util", ["-i", &file, "-d", &db, "-w", "pass"]).exits(0);
        t.peer("certutil", ["-K", "-d", &db]).exits(0).out_has("mail \u{e9}");
        assert_eq!(spki(&t, &file), spki(&t, "mail.key"));
    }
}

/// Files of pyca, asn1crypto, Java and others: where OpenSSL and pyca agree, so do we.
#[test]
fn files_of_many_makers_are_opened_as_others_open_them() {
    let Some(dir) = data("p12").map(|dir| dir.parent().unwrap().to_owned()) else { return };
    let rows = std::fs::read_to_string(dir.join("manifest-parse.csv")).unwrap();
    let (mut seen, mut wrong) = (0, Vec::new());
    for row in rows.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        let (path, kind, password, expected) = (fields[0], fields[1], fields[7], *fields.last().unwrap());
        if kind != "p12" || !matches!(expected, "accept" | "reject") {
            continue;
        }
        seen += 1;
        let t = Test::new();
        t.file("pass", password);
        t.chmod("pass", 0o600);
        let file = dir.join(path);
        let mut args = vec!["cert", "inspect", file.to_str().unwrap(), "--no-input"];
        if !password.is_empty() {
            args.extend(["--passphrase-file", "pass"]);
        }
        let ran = t.run(&args);
        assert!(matches!(ran.exit, 0 | 1 | 3), "{path}: {ran:?}");
        // One without a certificate is opened all the same.
        let opened = ran.exit == 0 || ran.stderr.contains("no certificate") || ran.stderr.contains("not-found");
        if opened != (expected == "accept") {
            wrong.push(format!("{path}: {expected}, {}", ran.stderr.lines().next().unwrap_or("opened")));
        }
    }
    assert!(seen > 20, "{seen}");
    assert!(wrong.is_empty(), "{} of {seen}:\n{}", wrong.len(), wrong.join("\n"));
}
