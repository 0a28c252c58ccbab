//! `ca`: a private CA, judged by openssl, certtool and rustls-webpki; run by many at once, and killed at every step.

mod constraints;
mod kills;
mod limbo;
mod pkilint;
mod races;

use crate::common::{Ran, Test, have};

/// A CA in `ca`, with what a test wants of it.
fn init(t: &Test, more: &[&str]) -> Ran {
    let words = ["ca", "init", "ca", "--cn", "Example Root", "--type", "ecdsa", "--no-passphrase"];
    t.run(words.iter().chain(more)).exits(0)
}

/// Key and certificate for a client, in the scratch directory.
fn issue_client(t: &Test, name: &str) {
    t.run(["ca", "issue", name, "--ca", "ca", "--profile", "client", "--type", "ecdsa"]).exits(0);
}

/// Every line of the index, as JSON.
fn index(t: &Test) -> Vec<serde_json::Value> {
    t.text("ca/index.ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The numbers of the CRLs of one CA, in the order in which they were given out: they must grow.
fn crl_numbers(t: &Test, ca: &str) -> Vec<u64> {
    let crls = index(t).into_iter().filter(|line| line["event"] == "crl" && line["ca"] == ca);
    let numbers: Vec<u64> = crls.map(|line| line["number"].as_u64().unwrap()).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{ca}: {numbers:?}");
    numbers
}

/// Root, everything between, and every CRL, each in a file of its own for openssl.
fn lay_out(t: &Test, between: &[&str]) {
    t.file("between.pem", between.iter().map(|name| t.text(format!("ca/{name}.pem"))).collect::<String>());
    let crls: String = between.iter().chain(&["root"]).map(|name| t.text(format!("ca/{name}.crl"))).collect();
    t.file("crls.pem", crls);
}

fn openssl_verify(t: &Test, cert: &str, purpose: &str) -> Ran {
    let words = ["verify", "-x509_strict", "-CAfile", "ca/root.pem", "-untrusted", "between.pem", "-crl_check_all"];
    t.peer("openssl", words.into_iter().chain(["-CRLfile", "crls.pem", "-purpose", purpose, cert]))
}

#[test]
fn three_levels_and_every_profile_are_what_openssl_and_certtool_take() {
    let t = Test::new();
    let urls = ["--crl-url", "http://pki.example.org/{ca}.crl", "--aia-url", "http://pki.example.org/{ca}.crt"];
    let below = ["--intermediate", "Middle CA", "--intermediate", "Issuing CA"];
    init(&t, &[&urls[..], &below].concat()).out_has("created CA \"Issuing CA\" in ca (intermediate-2 valid until");
    for (file, mode) in
        [("root.pem", 0o444), ("root.key", 0o400), ("intermediate-2.crl", 0o444), ("index.ndjson", 0o600)]
    {
        assert_eq!(t.mode(format!("ca/{file}")), mode, "{file}");
    }
    assert_eq!(t.mode("ca"), 0o700);
    t.run(["csr", "new", "mail.example.org", "--key", "mail.key", "--type", "ecdsa", "-o", "mail.csr"]).exits(0);
    t.run(["ca", "sign", "mail.csr", "--ca", "ca", "-o", "mail.pem"]).exits(0).out_has("signed #01");
    t.run(["ca", "issue", "www.example.org", "192.0.2.1", "--ca", "ca", "--bits", "2048", "-o", "."]).exits(0);
    issue_client(&t, "alice");
    t.run(["ca", "issue", "alice@example.org", "--ca", "ca", "--profile", "email", "--type", "ed25519"]).exits(0);
    let all = [
        ("mail.pem", "sslserver"),
        ("www.example.org.pem", "sslserver"),
        ("alice.pem", "sslclient"),
        ("alice@example.org.pem", "smimesign"),
    ];
    lay_out(&t, &["intermediate", "intermediate-2"]);
    for (cert, purpose) in all {
        if have("openssl") {
            openssl_verify(&t, cert, purpose).exits(0);
            let told = t.peer("openssl", ["x509", "-in", cert, "-noout", "-text"]).stdout;
            for part in
                ["URI:http://pki.example.org/intermediate-2.crl", "URI:http://pki.example.org/intermediate-2.crt"]
            {
                assert!(told.contains(part), "{part} {told}");
            }
        }
        if have("certtool") {
            t.file(
                "chain.pem",
                t.text(cert).split_inclusive("-----END CERTIFICATE-----\n").next().unwrap().to_owned()
                    + &t.text("ca/intermediate-2.pem")
                    + &t.text("ca/intermediate.pem"),
            );
            let words = ["--verify", "--load-ca-certificate", "ca/root.pem", "--load-crl", "crls.pem"];
            t.peer("certtool", words.into_iter().chain(["--infile", "chain.pem"])).exits(0).out_has("Verified");
        }
        t.run([
            "chain",
            "check",
            cert,
            "--untrusted",
            "between.pem",
            "--trust",
            "ca/root.pem",
            "--crl",
            "crls.pem",
            "--crl-depth",
            "chain",
        ])
        .exits(0);
    }
    t.run([
        "chain",
        "check",
        "www.example.org.pem",
        "--trust",
        "ca/root.pem",
        "--name",
        "192.0.2.1",
        "--purpose",
        "server",
    ])
    .exits(0);
}

#[test]
fn every_kind_of_key_signs_and_is_signed() {
    if !have("openssl") {
        return;
    }
    for kind in [&["rsa", "--bits", "2048"][..], &["ecdsa"], &["ecdsa", "--curve", "p384"], &["ed25519"]] {
        let t = Test::new();
        t.run(["ca", "init", "ca", "--cn", "R", "--intermediate", "I", "--no-passphrase", "--type"].iter().chain(kind))
            .exits(0);
        lay_out(&t, &["intermediate"]);
        for leaf in [&["rsa", "--bits", "2048"][..], &["ecdsa"], &["ed25519"]] {
            let words = ["ca", "issue", "a.example", "--ca", "ca", "--force", "--type"];
            t.run(words.iter().chain(leaf)).exits(0);
            openssl_verify(&t, "a.example.pem", "sslserver").exits(0);
            t.run(["key", "check", "a.example.key", "--cert", "a.example.pem"]).exits(0);
        }
        t.peer("openssl", ["crl", "-in", "ca/root.crl", "-CAfile", "ca/root.pem", "-noout"]).exits(0);
    }
}

#[test]
fn a_ca_of_openssl_signs_names_and_keys_as_they_came() {
    if !have("openssl") {
        return;
    }
    let t = Test::new();
    let subject = "/DC=org/DC=example/O=Old/OU=One/OU=Two/CN=Old CA";
    let words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521", "-nodes", "-days", "3650"];
    let to =
        ["-keyout", "old.key", "-out", "old.pem", "-subj", subject, "-addext", "keyUsage=critical,keyCertSign,cRLSign"];
    t.peer("openssl", words.into_iter().chain(to)).exits(0);
    t.run(["ca", "init", "ca", "--from-cert", "old.pem", "--from-key", "old.key", "--no-passphrase"]).exits(0);
    let names = "/DC=org/DC=example/OU=Mail/OU=TLS+CN=mail.example.org/emailAddress=post@example.org";
    for (kind, option) in
        [("ec", "ec_paramgen_curve:P-256"), ("ec", "ec_paramgen_curve:P-521"), ("rsa", "rsa_keygen_bits:2048")]
    {
        let words = ["req", "-new", "-newkey", kind, "-pkeyopt", option, "-nodes", "-keyout", "k", "-out", "r.csr"];
        let more =
            ["-subj", names, "-multivalue-rdn", "-addext", "subjectAltName=DNS:mail.example.org,DNS:IMAP.example.org"];
        let wishes = ["-addext", "1.2.3.4=ASN1:UTF8String:hello", "-addext", "extendedKeyUsage=clientAuth"];
        t.peer("openssl", words.into_iter().chain(more).chain(wishes)).exits(0);
        let signed = t.run(["ca", "sign", "r.csr", "--ca", "ca", "-o", "r.pem", "--force", "--json"]).exits(0).json();
        assert_eq!(signed["result"]["dropped"], serde_json::json!(["1.2.3.4"]));
        assert_eq!(signed["result"]["requested"]["extended_key_usage"][0], "clientAuth");
        assert_eq!(signed["result"]["granted"]["extended_key_usage"][0], "serverAuth");
        t.peer("openssl", ["verify", "-CAfile", "old.pem", "-purpose", "sslserver", "r.pem"]).exits(0);
        let of = |kind: &str, file: &str, what: &[&str]| {
            let words = [kind, "-in", file, "-noout", "-nameopt", "RFC2253,show_type,sep_multiline"];
            t.peer("openssl", words.iter().chain(what)).exits(0).stdout
        };
        for what in ["-subject", "-pubkey"] {
            assert_eq!(of("req", "r.csr", &[what]), of("x509", "r.pem", &[what]));
        }
        assert_eq!(
            of("x509", "r.pem", &["-issuer"]).replace("issuer", "subject"),
            of("x509", "old.pem", &["-subject"])
        );
        t.peer("openssl", ["x509", "-in", "r.pem", "-noout", "-ext", "subjectAltName"]).out_has("DNS:IMAP.example.org");
    }
}

#[test]
fn what_was_revoked_before_a_takeover_stays_revoked_and_numbers_go_on() {
    let t = Test::new();
    init(&t, &[]);
    issue_client(&t, "alice");
    issue_client(&t, "bob");
    t.run(["ca", "revoke", "alice.pem", "--ca", "ca", "--reason", "superseded"]).exits(0);
    let words =
        ["ca", "init", "new", "--from-cert", "ca/root.pem", "--from-key", "ca/root.key", "--from-crl", "ca/root.crl"];
    t.run(words.into_iter().chain(["--no-passphrase"])).exits(0).out_has("took over CA").out_has("CRL 3 until");
    t.run(["crl", "check", "new/root.crl", "--issuer", "ca/root.pem", "--cert", "alice.pem"])
        .exits(1)
        .out_has("superseded");
    t.run(["ca", "revoke", "bob.pem", "--ca", "new"]).exits(0).out_has("CRL 4").out_has("2 revoked");
    t.run(["ca", "init", "other", "--from-cert", "alice.pem", "--from-key", "alice.key", "--no-passphrase"]).exits(3);
}

#[test]
fn revoking_tells_the_crl_at_once_and_twice_is_once() {
    let t = Test::new();
    init(&t, &["--intermediate", "Issuing CA"]);
    issue_client(&t, "alice");
    issue_client(&t, "bob");
    let ran = t.run(["ca", "revoke", "alice.pem", "--ca", "ca", "--reason", "keyCompromise", "--json"]).exits(0).json();
    assert_eq!((&ran["changed"], &ran["result"]["reason"]), (&true.into(), &"keyCompromise".into()));
    assert_eq!((&ran["result"]["crl"]["number"], &ran["result"]["crl"]["revoked"]), (&2.into(), &1.into()));
    lay_out(&t, &["intermediate"]);
    if have("openssl") {
        openssl_verify(&t, "alice.pem", "sslclient").exits(2).err_has("certificate revoked");
        openssl_verify(&t, "bob.pem", "sslclient").exits(0);
        t.peer("openssl", ["crl", "-in", "ca/intermediate.crl", "-noout", "-text"]).out_has("Key Compromise");
    }
    let before = t.snapshot();
    let again = t.run(["ca", "revoke", "alice.pem", "--ca", "ca", "--json"]).exits(0).json();
    assert_eq!((&again["changed"], &again["result"]["reason"]), (&false.into(), &"keyCompromise".into()));
    assert_eq!(t.snapshot(), before);
    let serial = again["result"]["serial_number"].as_str().unwrap().to_uppercase();
    t.run(["ca", "revoke", &serial, "--ca", "ca"]).exits(0).out_has("revoked already");
    // An intermediate is its root's to revoke.
    t.run(["ca", "revoke", "ca/intermediate.pem", "--ca", "ca", "--reason", "cACompromise"]).exits(0);
    lay_out(&t, &["intermediate"]);
    if have("openssl") {
        openssl_verify(&t, "bob.pem", "sslclient").exits(2).err_has("certificate revoked");
    }
    t.run(["ca", "revoke", "ffff", "--ca", "ca"]).exits(3).err_has("error[ca-certificate-unknown]");
    t.run(["cert", "self-signed", "x.example", "--key", "x.key", "--type", "ecdsa", "-o", "x.pem"]).exits(0);
    t.run(["ca", "revoke", "x.pem", "--ca", "ca"]).exits(3).err_has("error[ca-certificate-unknown]");
    t.run(["ca", "revoke", "bob.pem", "--ca", "ca", "--reason", "certificateHold"]).exits(2);
    let listed = t.run(["ca", "list", "--ca", "ca", "--json"]).exits(0).json();
    let states: Vec<&str> =
        listed["result"]["issued"].as_array().unwrap().iter().map(|i| i["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["revoked", "revoked", "valid"]);
    assert_eq!(t.run(["ca", "list", "--ca", "ca", "--expiring", "30d"]).exits(0).stdout.matches("bob").count(), 0);
    assert_eq!(t.run(["ca", "list", "--ca", "ca", "--expiring", "13w"]).exits(0).stdout.matches("bob").count(), 1);
}

#[test]
fn a_crl_is_renewed_when_it_is_due_and_not_before() {
    let t = Test::new();
    init(&t, &["--intermediate", "Issuing CA"]);
    let before = t.snapshot();
    let ran = t.run(["ca", "crl", "--ca", "ca", "--detailed-exitcode"]).exits(0);
    assert_eq!((ran.stdout.matches("(unchanged)").count(), t.snapshot()), (2, before));
    let later = (time::OffsetDateTime::from(std::time::SystemTime::now()) + time::Duration::days(16)).unix_timestamp();
    t.run(["ca", "crl", "--ca", "ca", "--at", &format!("@{later}"), "--detailed-exitcode", "-o", "all.crl"]).exits(10);
    assert_eq!((crl_numbers(&t, "root"), crl_numbers(&t, "intermediate")), (vec![1, 2], vec![1, 2]));
    assert_eq!(t.text("all.crl").matches("BEGIN X509 CRL").count(), 2);
    // The same file is renewed without --force, as cron wants it.
    t.run(["ca", "crl", "--ca", "ca", "--at", &format!("@{later}"), "--reissue", "-q", "-o", "all.crl"]).exits(0);
    t.file("mine.txt", "mine");
    t.run(["ca", "crl", "--ca", "ca", "-o", "mine.txt"]).exits(4);
    // A list that is lost is made anew, with the next number.
    std::fs::remove_file(t.path("ca/root.crl")).unwrap();
    t.run(["ca", "crl", "--ca", "ca", "--at", &format!("@{later}")]).exits(0);
    assert_eq!(crl_numbers(&t, "root").last(), Some(&4));
}

#[test]
fn what_breaks_a_rule_is_not_signed() {
    let t = Test::new();
    init(&t, &["--permit-dns", "example.org", "--days", "100"]);
    let refused = |words: &[&str], code: &str| {
        let before = t.snapshot();
        t.run(["ca", "issue", "--ca", "ca", "--type", "ecdsa"].iter().chain(words)).exits(1).err_or_out(code);
        assert_eq!(t.snapshot(), before, "{words:?}");
    };
    refused(&["www.example.net"], "outside-name-constraints");
    refused(&["www.example.org", "a@example.org"], "name-not-for-profile");
    refused(&["www.example.org", "--profile", "email"], "name-not-for-profile");
    t.run(["ca", "issue", "a.example.org", "--ca", "ca", "--type", "ecdsa", "--days", "365"])
        .exits(0)
        .err_has("ends-with-ca");
    let late = time::OffsetDateTime::from(std::time::SystemTime::now()) + time::Duration::days(101);
    refused(&["b.example.org", "--at", &format!("@{}", late.unix_timestamp())], "cert-expired");
    if have("openssl") {
        let new = [
            "req",
            "-new",
            "-newkey",
            "rsa:1024",
            "-nodes",
            "-keyout",
            "k",
            "-out",
            "s.csr",
            "-subj",
            "/CN=s.example.org",
        ];
        t.peer("openssl", new).exits(0);
        t.run(["ca", "sign", "s.csr", "--ca", "ca"]).exits(1).err_or_out("key-too-small");
    }
    t.run(["csr", "new", "a.example.org", "--key", "a.key", "--type", "ecdsa", "-o", "a.csr"]).exits(0);
    let mut der = pem::parse(t.read("a.csr")).unwrap().into_contents();
    *der.last_mut().unwrap() ^= 1;
    t.file("forged.csr", der);
    t.run(["ca", "sign", "forged.csr", "--ca", "ca"]).exits(1).err_or_out("csr-signature-invalid");
    // A file in the way is seen before anything is signed.
    t.file("there.pem", "mine");
    let before = t.snapshot();
    t.run(["ca", "sign", "a.csr", "--ca", "ca", "-o", "there.pem"]).exits(4).err_has("error[file-exists]");
    assert_eq!(t.snapshot(), before);
}

#[test]
fn a_ca_appears_whole_and_is_never_replaced() {
    let t = Test::new();
    let words = ["ca", "init", "ca", "--cn", "Example Root", "--type", "ecdsa", "--no-passphrase"];
    t.run(words.into_iter().chain(["--dry-run"])).exits(0).out_has("would write");
    assert!(t.snapshot().is_empty());
    std::fs::create_dir(t.path("ca")).unwrap();
    t.run(words).exits(0);
    let before = t.snapshot();
    t.run(words.into_iter().chain(["--force"])).exits(4).err_has("error[directory-exists]");
    t.run(words.into_iter().chain(["--if-missing"])).exits(0).out_has("unchanged");
    t.run(["ca", "init", "ca", "--cn", "Other", "--if-missing", "--no-passphrase"]).exits(4);
    t.run(["ca", "init", "x", "--cn", "R", "--path-len", "0", "--intermediate", "I", "--no-passphrase"]).exits(2);
    t.run(["ca", "list", "--ca", "nowhere"]).exits(3).err_has("error[ca-index-missing]");
    assert_eq!(t.snapshot(), before);
}

#[test]
fn the_keys_are_openssls_too() {
    if !have("openssl") {
        return;
    }
    let t = Test::new();
    init(&t, &[]);
    t.run(["csr", "new", "a.example", "--key", "k", "--type", "ecdsa", "-o", "a.csr"]).exits(0);
    let words =
        ["x509", "-req", "-in", "a.csr", "-CA", "ca/root.pem", "-CAkey", "ca/root.key", "-days", "9", "-out", "a.pem"];
    t.peer("openssl", words.into_iter().chain(["-copy_extensions", "copy"])).exits(0);
    // What it signed with the CA's key is the CA's to revoke.
    t.run(["ca", "revoke", "a.pem", "--ca", "ca"]).exits(0);
    lay_out(&t, &[]);
    let words = ["verify", "-CAfile", "ca/root.pem", "-crl_check", "-CRLfile", "crls.pem", "a.pem"];
    t.peer("openssl", words).exits(2).err_has("certificate revoked");
}

#[test]
fn the_keys_are_encrypted_unless_told_otherwise() {
    let t = Test::new();
    let words = ["ca", "init", "ca", "--cn", "Example Root", "--type", "ecdsa", "--intermediate", "Issuing CA"];
    t.run(words.into_iter().chain(["--no-input"])).exits(3).err_has("error[passphrase-needed]");
    assert!(t.snapshot().is_empty());
    t.file("pass", "correct horse\n");
    t.chmod("pass", 0o600);
    let pass = ["--passphrase-file", "pass"];
    t.run(words.into_iter().chain(pass)).exits(0);
    for key in ["ca/root.key", "ca/intermediate.key"] {
        assert!(t.text(key).starts_with("-----BEGIN ENCRYPTED PRIVATE KEY"), "{key}");
        if have("openssl") {
            t.peer("openssl", ["pkey", "-in", key, "-passin", "file:pass", "-noout"]).exits(0);
        }
    }
    let issue = ["ca", "issue", "a.example", "--ca", "ca", "--type", "ecdsa"];
    let before = t.snapshot();
    t.run(issue.into_iter().chain(["--no-input"])).exits(3).err_has("error[passphrase-needed]");
    t.file("wrong", "incorrect horse\n");
    t.chmod("wrong", 0o600);
    t.run(issue.into_iter().chain(["--passphrase-file", "wrong"])).exits(3);
    std::fs::remove_file(t.path("wrong")).unwrap();
    assert_eq!(t.snapshot(), before);
    t.run(issue.into_iter().chain(pass)).exits(0);
    // The passphrase is the CA's: servers must start without one.
    assert!(t.text("a.example.key").starts_with("-----BEGIN PRIVATE KEY"));
    // What is not due needs no key.
    t.run(["ca", "crl", "--ca", "ca", "--no-input"]).exits(0);
    t.run(["ca", "revoke", "a.example.pem", "--ca", "ca"].into_iter().chain(pass)).exits(0);
}
