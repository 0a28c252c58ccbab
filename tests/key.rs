//! `pkit key`: openssl and certtool take every key that pkit makes, and pkit tells a sound key of theirs from a damaged one.

mod encrypted;
mod passphrase;
mod weak;

use crate::common::{Test, have, keys, scaled};

const EVERY_KIND: [(&str, &[&str]); 7] = [
    ("RSA 2048", &["--bits", "2048"]),
    ("RSA 3072", &[]),
    ("RSA 4096", &["--bits", "4096"]),
    ("ECDSA P-256", &["--type", "ecdsa"]),
    ("ECDSA P-384", &["--type", "ecdsa", "--curve", "p384"]),
    ("ECDSA P-521", &["--type", "ecdsa", "--curve", "p521"]),
    ("Ed25519", &["--type", "ed25519"]),
];

/// Makes a key with openssl in the scratch directory.
fn openssl(t: &Test, args: &[&str]) {
    t.peer("openssl", args).exits(0);
}

fn genpkey(t: &Test, name: &str, args: &[&str]) {
    openssl(t, &[&["genpkey", "-out", name], args].concat());
}

const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

#[test]
fn openssl_and_certtool_accept_every_key_that_is_made() {
    if !(have("openssl") && have("certtool")) {
        return;
    }
    for (kind, options) in EVERY_KIND {
        let t = Test::new();
        t.run([&["key", "new", "-o", "new.key"], options].concat()).exits(0).out_has("wrote new.key").out_has(kind);
        assert_eq!(t.mode("new.key"), 0o400);
        assert!(t.text("new.key").starts_with("-----BEGIN PRIVATE KEY-----\n"));
        t.peer("openssl", ["pkey", "-check", "-noout", "-in", "new.key"]).exits(0).out_has("Key is valid");
        t.peer("certtool", ["--key-info", "--infile", "new.key"]).exits(0).out_has("Public Key");
        t.run(["key", "check", "new.key"]).exits(0).out_has("OK").out_has(kind);
    }
}

#[test]
fn the_public_key_digest_is_the_one_that_openssl_computes() {
    if !have("openssl") {
        return;
    }
    for options in [&["--bits", "2048"][..], &["--type", "ecdsa"], &["--type", "ed25519"]] {
        let t = Test::new();
        let made = t.run([&["key", "new", "-o", "new.key", "--json"], options].concat()).exits(0).json();
        openssl(&t, &["pkey", "-in", "new.key", "-pubout", "-outform", "DER", "-out", "pub.der"]);
        let digest = t.peer("sha256sum", ["pub.der"]).exits(0).stdout;
        assert_eq!(made["result"]["spki_sha256"], digest[..64]);
        let shown = t.run(["key", "inspect", "new.key", "--json"]).exits(0).json();
        assert_eq!(shown["result"]["spki_sha256"], digest[..64]);
        assert_eq!(shown["result"]["mode"], "0400");
        assert_eq!(shown["result"]["source"]["line"], 1);
    }
}

#[test]
fn a_key_that_is_there_is_never_lost() {
    let t = Test::new();
    t.run(["key", "new", "-o", "mail.key", "--type", "ecdsa"]).exits(0);
    let before = t.snapshot();
    t.run(["key", "new", "-o", "mail.key"]).exits(4).err_has("error[key-exists]").err_has("nothing was changed");
    t.run(["key", "new", "-o", "mail.key", "--type", "ecdsa"]).exits(4);
    t.run(["key", "new", "-o", "mail.key", "--force", "--dry-run", "--type", "ed25519"])
        .exits(0)
        .out_has("would replace");
    t.run(["key", "new", "-o", "mail.key", "--if-missing", "--type", "ecdsa"]).exits(0).out_has("unchanged");
    t.run(["key", "new", "-o", "mail.key", "--if-missing", "--type", "ecdsa", "--curve", "p384"])
        .exits(4)
        .err_has("it holds ECDSA P-256, and ECDSA P-384 was asked for");
    assert_eq!(t.snapshot(), before);
    t.run(["key", "new", "-o", "mail.key", "--force", "--type", "ed25519"]).exits(0).out_has("replaced");
    assert_ne!(t.snapshot(), before);
}

#[test]
fn if_missing_makes_the_key_once_and_tells_other_files_apart() {
    let t = Test::new();
    let once = ["key", "new", "-o", "mail.key", "--if-missing", "--type", "ed25519", "--json"];
    assert_eq!(t.run(once).exits(0).json()["changed"], true);
    let before = t.snapshot();
    assert_eq!(t.run(once).exits(0).json()["changed"], false);
    assert_eq!(t.snapshot(), before);
    t.file("notes.txt", "no key at all");
    t.run(["key", "new", "-o", "notes.txt", "--if-missing"]).exits(4).err_has("error[key-exists]").err_has("no key");
}

#[test]
fn words_that_do_not_go_together_are_refused_before_anything_is_made() {
    let t = Test::new();
    for bits in ["0", "512", "1024", "2047"] {
        t.run(["key", "new", "-o", "k", "--bits", bits]).exits(4).err_has("error[key-too-small]");
    }
    for args in [
        &["key", "new"][..],
        &["key", "new", "-o", "k", "--bits", "2560"],
        &["key", "new", "-o", "k", "--bits", "8192"],
        &["key", "new", "-o", "k", "--type", "ecdsa", "--bits", "2048"],
        &["key", "new", "-o", "k", "--curve", "p384"],
        &["key", "new", "-o", "k", "--type", "ed25519", "--curve", "p256"],
        &["key", "new", "-o", "k", "--type", "dsa"],
        &["key", "new", "-o", "-", "--json"],
        &["key", "check"],
        &["key", "check", "k", "--min-bits", "1024"],
    ] {
        t.run(args).exits(2);
    }
    assert!(t.snapshot().is_empty());
}

#[test]
fn a_key_leaves_by_the_file_or_by_an_explicit_dash_only() {
    let t = Test::new();
    let made = t.run(["key", "new", "-o", "-", "--type", "ecdsa"]).exits(0).err_has("SPKI SHA-256");
    assert!(
        made.stdout.starts_with("-----BEGIN PRIVATE KEY-----\n")
            && made.stdout.ends_with("-----END PRIVATE KEY-----\n")
    );
    assert!(t.snapshot().is_empty());
    t.run_with_input(["key", "inspect", "-"], made.stdout.as_bytes()).exits(0).out_has("ECDSA P-256, PKCS#8");
    t.file("mail.key", &made.stdout);
    let secret = made.stdout.lines().nth(1).unwrap();
    for args in [&["key", "inspect", "mail.key"][..], &["key", "check", "mail.key", "-v"]] {
        for ran in [t.run(args), t.run([args, &["--json"]].concat())] {
            assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret));
        }
    }
}

#[test]
fn keys_of_openssl_get_the_right_verdict() {
    if !have("openssl") {
        return;
    }
    let t = Test::new();
    t.file("rsa.key", &keys::rsa().rsa2048);
    t.file("small.key", &keys::rsa().rsa1024);
    openssl(&t, &["pkey", "-in", "rsa.key", "-traditional", "-out", "pkcs1.key"]);
    openssl(&t, &["pkey", "-in", "rsa.key", "-outform", "DER", "-out", "rsa.der"]);
    openssl(&t, &["pkey", "-in", "rsa.key", "-traditional", "-outform", "DER", "-out", "pkcs1.der"]);
    openssl(&t, &["genrsa", "-primes", "3", "-out", "three.key", "2048"]);
    genpkey(&t, "pss.key", &["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"]);
    genpkey(
        &t,
        "e3.key",
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3"],
    );
    genpkey(&t, "odd.key", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2056"]);
    openssl(&t, &["ecparam", "-name", "prime256v1", "-genkey", "-out", "with-parameters.key"]);
    openssl(
        &t,
        &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-param_enc", "explicit", "-out", "explicit.key"],
    );
    openssl(&t, &["ecparam", "-name", "secp256k1", "-genkey", "-noout", "-out", "k1.key"]);
    openssl(&t, &["ecparam", "-name", "secp521r1", "-genkey", "-noout", "-outform", "DER", "-out", "p521.der"]);
    openssl(&t, &["ec", "-in", "with-parameters.key", "-no_public", "-out", "bare.key"]);
    openssl(&t, &["ec", "-in", "with-parameters.key", "-conv_form", "compressed", "-out", "compressed.key"]);
    for name in ["ed25519", "ed448", "x25519"] {
        genpkey(&t, &format!("{name}.key"), &["-algorithm", name]);
    }
    genpkey(&t, "encrypted.key", &[P256, &["-aes256", "-pass", "pass:secret"]].concat());
    openssl(
        &t,
        &["rsa", "-in", "rsa.key", "-aes128", "-traditional", "-passout", "pass:secret", "-out", "proc-type.key"],
    );
    for (file, exit, words) in [
        ("rsa.key", 0, "RSA 2048"),
        ("pkcs1.key", 0, "RSA 2048"),
        ("rsa.der", 0, "RSA 2048"),
        ("pkcs1.der", 0, "consistent"),
        ("small.key", 1, "error[key-too-small]"),
        ("three.key", 3, "skipped[key-not-judged]"),
        ("pss.key", 0, "RSA-PSS 2048"),
        ("e3.key", 0, "consistent"),
        ("odd.key", 0, "RSA 2056"),
        ("with-parameters.key", 0, "ECDSA P-256"),
        ("explicit.key", 1, "error[key-not-for-tls]"),
        ("k1.key", 1, "ECDSA secp256k1"),
        ("p521.der", 0, "ECDSA P-521"),
        ("bare.key", 0, "note[key-public-missing]"),
        ("compressed.key", 0, "consistent"),
        ("ed25519.key", 0, "note[key-public-missing]"),
        ("ed448.key", 0, "Ed448"),
        ("x25519.key", 1, "error[key-not-for-tls]"),
        ("encrypted.key", 3, "skipped[key-encrypted]"),
        ("proc-type.key", 3, "skipped[key-encrypted]"),
    ] {
        t.run(["key", "check", file, "--no-input"]).exits(exit).out_has(words);
    }
    t.run(["key", "check", "rsa.key", "--min-bits", "3072"]).exits(1).out_has("at least 3072 bits");
    t.run(["key", "inspect", "pkcs1.key"]).exits(0).out_has("RSA 2048, PKCS#1, not encrypted");
    t.run(["key", "inspect", "bare.key"]).exits(0).out_has("ECDSA P-256, SEC1, not encrypted");
    assert_eq!(t.run(["key", "inspect", "encrypted.key", "--json"]).exits(0).json()["result"]["encrypted"], true);
    t.run(["key", "inspect", "x25519.key"]).exits(0).out_has("X25519, PKCS#8").out_has("no key for TLS");
}

#[test]
fn the_key_of_a_certificate_or_request_is_told_from_another_one() {
    if !have("openssl") {
        return;
    }
    let t = Test::new();
    t.file("rsa.key", &keys::rsa().rsa2048);
    t.file("other.key", &keys::rsa().other2048);
    genpkey(&t, "ec.key", P256);
    genpkey(&t, "ed.key", &["-algorithm", "ED25519"]);
    for name in ["rsa", "ec", "ed"] {
        let (key, crt, csr) = (format!("{name}.key"), format!("{name}.crt"), format!("{name}.csr"));
        openssl(&t, &["req", "-new", "-x509", "-key", &key, "-subj", "/CN=a.test", "-days", "30", "-out", &crt]);
        openssl(&t, &["req", "-new", "-key", &key, "-subj", "/CN=a.test", "-outform", "DER", "-out", &csr]);
        t.run(["key", "check", &key, "--cert", &crt, "--csr", &csr]).exits(0).out_has("matches");
        t.run(["key", "check", &crt, &csr]).exits(0).out_has("certificate,").out_has("request,");
        let shown =
            t.run(["key", "inspect", &key, "--json"]).json()["result"]["spki_sha256"].as_str().unwrap().to_owned();
        t.run(["key", "check", "other.key", "--cert", &crt]).exits(1).out_has("error[key-mismatch]").out_has(&shown);
        t.run(["key", "check", "other.key", "--csr", &csr]).exits(1).out_has("error[key-mismatch]");
    }
    t.run(["key", "check", "rsa.key", "--cert", "other.key"]).exits(3).err_has("error[public-key-not-found]");
    // A damaged seed is a good key of its own; only the certificate can tell.
    openssl(&t, &["pkey", "-in", "ed.key", "-outform", "DER", "-out", "ed.der"]);
    let mut damaged = t.read("ed.der");
    *damaged.last_mut().unwrap() ^= 4;
    t.file("ed.der", damaged);
    t.run(["key", "check", "ed.der"]).exits(0).out_has("only --cert or --csr can tell");
    t.run(["key", "check", "ed.der", "--cert", "ed.crt"]).exits(1).out_has("error[key-mismatch]");
}

/// Every file must be told to be bad; the names of those that were not are shown.
fn all_are_rejected(t: &Test, files: &[String]) {
    assert!(!files.is_empty());
    let ran = t.run(["key", "check", "--json"].into_iter().chain(files.iter().map(String::as_str)));
    assert!([1, 3].contains(&ran.exit), "{}", ran.stderr);
    let json = ran.json();
    let judged = json["result"]["keys"].as_array().unwrap();
    assert_eq!(judged.len(), files.len());
    let accepted: Vec<_> = judged.iter().filter(|key| key["ok"] != false).map(|key| &key["path"]).collect();
    assert!(accepted.is_empty(), "accepted: {accepted:?}");
}

/// Writes the bytes with one bit flipped, once for each of these bits.
fn flipped(t: &Test, der: &[u8], bits: impl Iterator<Item = usize>) -> Vec<String> {
    bits.map(|bit| {
        let mut damaged = der.to_vec();
        damaged[bit / 8] ^= 0x80 >> (bit % 8);
        let name = format!("bit{bit}.der");
        t.file(&name, damaged);
        name
    })
    .collect()
}

#[test]
fn no_ec_key_with_a_flipped_bit_passes() {
    if !have("openssl") {
        return;
    }
    let t = Test::new();
    genpkey(&t, "ec.key", P256);
    for form in [&["pkcs8", "-topk8", "-nocrypt", "-in", "ec.key"][..], &["ec", "-in", "ec.key"]] {
        openssl(&t, &[form, &["-outform", "DER", "-out", "ec.der"]].concat());
        t.run(["key", "check", "ec.der"]).exits(0);
        let der = t.read("ec.der");
        all_are_rejected(&t, &flipped(&t, &der, 0..der.len() * 8));
    }
}

#[test]
fn no_rsa_key_with_a_flipped_bit_passes() {
    if !have("openssl") {
        return;
    }
    let t = Test::new();
    t.file("rsa.key", &keys::rsa().rsa2048);
    openssl(&t, &["rsa", "-in", "rsa.key", "-traditional", "-outform", "DER", "-out", "rsa.der"]);
    let der = t.read("rsa.der");
    let mut numbers = pkit::material::der::whole(&der, 0x30).unwrap();
    let mut files = Vec::new();
    while !numbers.is_empty() {
        let number = numbers.any().unwrap();
        let start = (number.content.as_ptr() as usize - der.as_ptr() as usize) * 8;
        let length = number.content.len() * 8;
        // The first and last bits always, and some between, others in each run of another scale.
        let step = (length / scaled(8)).max(1);
        files.extend(flipped(&t, &der, (start..start + length).step_by(step).chain([start + length - 1])));
    }
    files.sort();
    files.dedup();
    all_are_rejected(&t, &files);
}

#[test]
fn damaged_files_are_told_and_never_a_crash() {
    if !have("openssl") {
        return;
    }
    let t = Test::new();
    genpkey(&t, "ec.key", P256);
    openssl(&t, &["pkcs8", "-topk8", "-nocrypt", "-in", "ec.key", "-outform", "DER", "-out", "ec.der"]);
    let mut files = Vec::new();
    for (name, step) in [("ec.key", 7), ("ec.der", 3)] {
        let whole = t.read(name);
        // Without its last line break a PEM file is still whole.
        for length in (0..whole.len() - 1).step_by(step) {
            files.push(format!("{name}.{length}"));
            t.file(format!("{name}.{length}"), &whole[..length]);
        }
    }
    t.file("noise", (0..5000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>());
    t.file("deep", [0x30, 0x82].repeat(4000));
    files.extend(["noise".into(), "deep".into()]);
    let before = t.snapshot();
    all_are_rejected(&t, &files);
    t.file("empty", "");
    t.run(["key", "check", "empty"]).exits(3).out_has("skipped[key-not-found]");
    t.run(["key", "check", "noise", "ec.key"]).exits(3).out_has("SKIP").out_has("OK");
    t.run(["key", "inspect", "empty"]).exits(3).err_has("error[key-not-found]");
    t.run(["key", "inspect", "ec.der.60"]).exits(3).err_has("error[malformed]");
    t.run(["key", "check", "no-such-file"]).exits(3).err_has("error[file-missing]");
    t.run(["key", "check", "."]).exits(3).err_has("error[is-directory]");
    assert_eq!(t.snapshot().len(), before.len() + 1);
}

#[test]
fn an_exponent_that_protects_nothing_is_named() {
    let t = Test::new();
    let integer = pkit::material::der::unsigned;
    for exponent in [&[][..], &[1], &[1, 0, 0]] {
        let algorithm = pkit::material::der::sequence(&[
            &pkit::material::der::tlv(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]),
            &[5, 0],
        ]);
        let key = pkit::material::der::sequence(&[&integer(&[0xc1; 256]), &integer(exponent)]);
        let spki = pkit::material::der::sequence(&[&algorithm, &pkit::material::der::bits(&key)]);
        let info = pkit::material::der::sequence(&[&integer(&[]), &[0x30, 0], &spki, &[0xa0, 0]]);
        t.file("a.csr", pkit::material::der::sequence(&[&info, &algorithm, &pkit::material::der::bits(&[1])]));
        t.run(["key", "check", "a.csr"]).exits(1).out_has("error[key-exponent]");
    }
}

/// Its digest would be that of a key which nobody ever sees again.
#[test]
fn a_dry_run_makes_no_key() {
    let t = Test::new();
    let ran = t.run(["key", "new", "-o", "mail.key", "--type", "ecdsa", "--dry-run", "--json"]).exits(0);
    assert_eq!(ran.json()["changes"][0]["what"], "ECDSA P-256");
    assert!(!ran.stdout.contains("spki_sha256\":\""), "{}", ran.stdout);
    assert!(!t.exists("mail.key"));
}

#[test]
fn an_existing_key_that_others_can_read_is_told() {
    let t = Test::new();
    t.run(["key", "new", "-o", "mail.key", "--type", "ecdsa"]).exits(0);
    t.chmod("mail.key", 0o644);
    let again = t.run(["key", "new", "-o", "mail.key", "--type", "ecdsa", "--if-missing"]).exits(0);
    again.out_has("0644").err_has("warning[key-world-readable]");
}
