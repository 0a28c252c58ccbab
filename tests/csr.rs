//! `csr new`, `csr inspect`, `csr check`: requests that openssl and certtool take, and requests of theirs.

use crate::common::{Test, have};

#[test]
fn a_request_says_what_was_asked_and_openssl_and_certtool_agree() {
    let t = Test::new();
    let names = ["mail.example.org", "*.example.org", "müller.example", "192.0.2.1", "2001:db8::1", "post@example.org"];
    let words = ["--key", "mail.key", "--type", "ecdsa", "-o", "mail.csr", "--org", "Example", "--country", "de"];
    let line = ["csr", "new"].into_iter().chain(names).chain(words).chain(["--unit", "Mail", "--unit", "TLS"]);
    t.run(line).exits(0).out_has("wrote mail.key (0400").out_has("xn--mller-kva.example (müller.example)");
    t.run(["csr", "check", "mail.csr", "--key", "mail.key"]).exits(0).out_has("signature valid, key matches, 6 names");
    if have("openssl") {
        let told = t.peer("openssl", ["req", "-in", "mail.csr", "-noout", "-verify", "-text"]).exits(0);
        assert!(told.stderr.contains("verify OK"), "{}", told.stderr);
        told.out_has("C = DE, O = Example, OU = Mail, OU = TLS, CN = mail.example.org").out_has(
            "DNS:mail.example.org, DNS:*.example.org, DNS:xn--mller-kva.example, IP Address:192.0.2.1, \
             IP Address:2001:DB8:0:0:0:0:0:1, email:post@example.org",
        );
    }
    if have("certtool") {
        t.peer("certtool", ["--crq-info", "--infile", "mail.csr"]).exits(0).out_has("Self signature: verified");
    }
}

/// Every kind of key that signs, made by openssl, P-521 included.
#[test]
fn keys_of_openssl_make_requests_that_openssl_and_certtool_take() {
    if !have("openssl") {
        return;
    }
    let t = Test::new();
    for (kind, options) in [
        ("RSA", &["rsa_keygen_bits:2048"][..]),
        ("EC", &["ec_paramgen_curve:P-256"]),
        ("EC", &["ec_paramgen_curve:P-384"]),
        ("EC", &["ec_paramgen_curve:P-521"]),
        ("ED25519", &[]),
    ] {
        let options = options.iter().flat_map(|o| ["-pkeyopt", o]);
        t.peer("openssl", ["genpkey", "-algorithm", kind, "-out", "k"].into_iter().chain(options)).exits(0);
        t.run(["csr", "new", "a.example", "--key", "k", "-o", "k.csr", "--force"]).exits(0);
        let verified = t.peer("openssl", ["req", "-in", "k.csr", "-noout", "-verify"]).exits(0);
        assert!(verified.stderr.contains("verify OK"), "{kind} {}", verified.stderr);
        t.run(["csr", "check", "k.csr", "--key", "k"]).exits(0);
        if have("certtool") {
            let told = t.peer("certtool", ["--crq-info", "--infile", "k.csr"]).exits(0);
            told.out_has("Self signature: verified").out_has("DNSname: a.example");
        }
    }
    t.peer("openssl", ["genpkey", "-algorithm", "ED448", "-out", "k448"]).exits(0);
    t.run(["csr", "new", "a.example", "--key", "k448"]).exits(3).err_has("error[key-cannot-sign]");
}

#[test]
fn a_renewal_takes_subject_and_names_as_they_stand() {
    if !have("openssl") {
        return;
    }
    let t = Test::new();
    let subject = "/DC=org/DC=example/OU=One/OU=Two/CN=mail.example.org";
    let san = "subjectAltName=DNS:mail.example.org,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@example.org";
    let made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k"];
    t.peer("openssl", made.into_iter().chain(["-out", "old.pem", "-subj", subject, "-addext", san])).exits(0);
    t.run(["csr", "new", "--from-cert", "old.pem", "--key", "k", "-o", "new.csr"]).exits(0);
    let of = |kind: &str, file: &str| {
        t.peer("openssl", [kind, "-in", file, "-noout", "-subject", "-nameopt", "RFC2253,show_type"]).exits(0).stdout
    };
    assert_eq!(of("req", "new.csr"), of("x509", "old.pem"));
    t.peer("openssl", ["req", "-in", "new.csr", "-noout", "-text"]).out_has("othername: UPN::alice@example.org");
    t.run(["csr", "new", "--from-cert", "old.pem", "--key", "k", "--org", "X"]).exits(2);
}

#[test]
fn a_request_that_is_there_stays_with_if_missing_and_is_never_replaced_unasked() {
    let t = Test::new();
    let line = ["csr", "new", "a.example", "--key", "k", "--type", "ecdsa", "-o", "a.csr"];
    t.run(line).exits(0);
    let before = t.snapshot();
    t.run(line).exits(4).err_has("error[file-exists]");
    t.run(line.into_iter().chain(["--if-missing"])).exits(0).out_has("unchanged");
    let other = ["csr", "new", "b.example", "--key", "k", "-o", "a.csr", "--if-missing"];
    t.run(other).exits(4);
    assert_eq!(t.snapshot(), before);
    t.run(["csr", "new", "a.example", "--key", "new.key", "-o", "a.csr"]).exits(4);
    t.run(["csr", "new", "a.example", "--key", "other.key", "-o", "other.csr", "--dry-run", "--json"]).exits(0);
    assert!(!t.exists("other.key") && !t.exists("other.csr"));
}

#[test]
fn names_that_no_ca_takes_are_refused() {
    let t = Test::new();
    for bad in ["*.org", "a.*.example", "_smtp.example.org", "a\nb.example", "a\u{202e}b", "1.2.3.999", "x@y@", ""] {
        t.run(["csr", "new", bad, "--key", "k"]).exits(2);
    }
    t.run(["csr", "new", "a.example", "--key", "k", "--org", "a\u{7}b"]).exits(2);
    let long = "a".repeat(65);
    t.run(["csr", "new", "a.example", "--key", "k", "--org", &long]).exits(2);
    assert!(t.snapshot().is_empty());
    // Longer than a common name may be: in subjectAltName only, which is then critical.
    let name = format!("{}.{}.example", "a".repeat(40), "b".repeat(40));
    let made = t.run(["csr", "new", &name, "--key", "k", "--type", "ecdsa", "-o", "l.csr"]).exits(0);
    assert_eq!(made.stderr, "");
    t.run(["csr", "inspect", "l.csr"]).exits(0).out_has("(empty name)").out_has(&name);
}

#[test]
fn what_is_wrong_with_a_request_is_told() {
    let t = Test::new();
    t.run(["csr", "new", "a.example", "--key", "k", "--type", "ecdsa", "-o", "a.csr"]).exits(0);
    t.run(["key", "new", "-o", "other", "--type", "ecdsa"]).exits(0);
    t.run(["csr", "check", "a.csr", "--key", "other"]).exits(1).out_has("key does not match").out_has("key-mismatch");
    // One bit of the signature.
    let mut der = pem::parse(t.read("a.csr")).unwrap().into_contents();
    *der.last_mut().unwrap() ^= 1;
    t.file("bad.csr", &der);
    t.run(["csr", "check", "bad.csr"]).exits(1).out_has("csr-signature-invalid");
    t.file("none.csr", "nothing\n");
    t.run(["csr", "check", "none.csr"]).exits(3).err_has("csr-not-found");
    let json = t.run(["csr", "inspect", "bad.csr", "--json"]).exits(0).json();
    assert_eq!(json["result"]["signature_valid"], false);
    if have("openssl") {
        let small =
            ["req", "-new", "-newkey", "rsa:1024", "-nodes", "-keyout", "s", "-out", "s.csr", "-subj", "/CN=a.example"];
        t.peer("openssl", small.into_iter().chain(["-addext", "basicConstraints=critical,CA:TRUE"])).exits(0);
        t.run(["csr", "check", "s.csr"])
            .exits(1)
            .out_has("key-too-small")
            .out_has("san-missing")
            .out_has("csr-asks-ca");
    }
}
