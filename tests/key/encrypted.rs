//! Encrypted keys, both ways: openssl and certtool open what pkit encrypts, and pkit opens what they encrypt, in all forms that
//! they still write.

use super::{P256, genpkey, openssl};
use crate::common::{Test, have, keys};

const PASS: &str = "correct horse";

/// A scratch directory with a passphrase file.
fn locked() -> Test {
    let t = Test::new();
    t.file("pass", format!("{PASS}\nnot this line\n"));
    t.chmod("pass", 0o600);
    t
}

fn spki(t: &Test, file: &str) -> String {
    let shown = t.run(["key", "inspect", file, "--passphrase-file", "pass", "--json"]).exits(0).json();
    shown["result"]["spki_sha256"].as_str().unwrap().to_owned()
}

#[test]
fn openssl_and_certtool_open_what_is_encrypted() {
    if !(have("openssl") && have("certtool")) {
        return;
    }
    let t = locked();
    t.file("rsa.key", &keys::rsa().rsa2048);
    for (name, curve) in [("p256", "p256"), ("p384", "p384"), ("p521", "p521")] {
        let made = ["key", "new", "-o", name, "--type", "ecdsa", "--curve", curve];
        t.run(made).exits(0);
    }
    t.run(["key", "new", "-o", "ed25519", "--type", "ed25519"]).exits(0);
    for plain in ["rsa.key", "p256", "p384", "p521", "ed25519"] {
        openssl(&t, &["pkey", "-in", plain, "-out", "want.pem"]);
        let forms = [("pbkdf2", false), ("pbkdf2", true), ("scrypt", false)];
        for (kdf, der) in if plain == "p256" { &forms[..] } else { &forms[..1] } {
            let convert = ["key", "convert", plain, "--encrypt", "--kdf", *kdf, "--passphrase-file", "pass"];
            let form: &[&str] = if *der { &["--der"] } else { &[] };
            t.run([&convert[..], form, &["-o", "locked", "--force"]].concat()).exits(0).out_has("encrypted");
            assert_eq!(t.mode("locked"), 0o400);
            let inform = if *der { "DER" } else { "PEM" };
            openssl(&t, &["pkey", "-inform", inform, "-in", "locked", "-passin", "file:pass", "-out", "opened.pem"]);
            assert_eq!(t.text("opened.pem"), t.text("want.pem"), "{plain} {kdf}");
            // GnuTLS 3.7 knows no scrypt.
            if *kdf == "pbkdf2" && !der {
                let shown = ["--pubkey-info", "--load-privkey", "locked", "--password", PASS];
                let public = t.peer("openssl", ["pkey", "-in", plain, "-pubout"]).exits(0).stdout;
                t.peer("certtool", shown).exits(0).out_has(&public);
            }
            let back = ["key", "convert", "locked", "--decrypt", "--passphrase-file", "pass", "-o", "back", "--force"];
            t.run(back).exits(0);
            assert_eq!(t.text("back"), t.text("want.pem"));
            t.run(["key", "check", "locked", "--passphrase-file", "pass"]).exits(0).out_has("strong enough");
        }
    }
}

#[test]
fn what_openssl_encrypts_is_opened() {
    if !have("openssl") {
        return;
    }
    let t = locked();
    genpkey(&t, "plain", P256);
    t.file("rsa", &keys::rsa().rsa2048);
    let (want_ec, want_rsa) = (spki(&t, "plain"), spki(&t, "rsa"));
    let opens = |want: &str, how: &str, args: &[&str]| {
        openssl(&t, &[args, &["-passout", "file:pass", "-out", "locked"]].concat());
        assert_eq!(spki(&t, "locked"), want, "{how}");
        t.file("wrong", "incorrect horse\n");
        t.chmod("wrong", 0o600);
        t.run(["key", "check", "locked", "--passphrase-file", "wrong"]).exits(1).out_has("error[passphrase-wrong]");
    };
    let pkcs8 = ["pkcs8", "-topk8", "-in", "plain"];
    for cipher in ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des3"] {
        opens(&want_ec, cipher, &[&pkcs8[..], &["-v2", cipher]].concat());
    }
    for prf in ["hmacWithSHA1", "hmacWithSHA224", "hmacWithSHA256", "hmacWithSHA384", "hmacWithSHA512"] {
        opens(&want_ec, prf, &[&pkcs8[..], &["-v2prf", prf]].concat());
    }
    opens(&want_ec, "scrypt", &[&pkcs8[..], &["-scrypt"]].concat());
    for scheme in [
        "PBE-SHA1-3DES",
        "PBE-SHA1-2DES",
        "PBE-SHA1-RC2-40",
        "PBE-SHA1-RC2-128",
        "PBE-MD5-DES",
        "PBE-SHA1-DES",
        "PBE-MD5-RC2-64",
        "PBE-SHA1-RC2-64",
    ] {
        let old = ["-v1", scheme, "-provider", "legacy", "-provider", "default"];
        opens(&want_ec, scheme, &[&pkcs8[..], &old].concat());
    }
    for cipher in ["-aes128", "-aes192", "-aes256", "-des3", "-des"] {
        let legacy = ["-provider", "legacy", "-provider", "default"];
        opens(&want_rsa, cipher, &[&["rsa", "-in", "rsa", "-traditional", cipher][..], &legacy].concat());
        opens(&want_ec, cipher, &[&["ec", "-in", "plain", cipher][..], &legacy].concat());
    }
}

#[test]
fn what_certtool_encrypts_is_opened() {
    if !(have("openssl") && have("certtool")) {
        return;
    }
    let t = locked();
    for cipher in ["aes-128", "aes-192", "aes-256", "3des", "3des-pkcs12", "rc2-40"] {
        let make = ["--generate-privkey", "--key-type", "ecdsa", "--pkcs8", "--password", PASS, "--outfile", "locked"];
        t.peer("certtool", [&make[..], &["--pkcs-cipher", cipher]].concat()).exits(0);
        assert!(t.text("locked").contains("BEGIN ENCRYPTED PRIVATE KEY"));
        openssl(
            &t,
            &[
                "pkey",
                "-in",
                "locked",
                "-passin",
                "file:pass",
                "-pubout",
                "-outform",
                "DER",
                "-out",
                "pub.der",
                "-provider",
                "legacy",
                "-provider",
                "default",
            ],
        );
        let digest = t.peer("sha256sum", ["pub.der"]).exits(0).stdout;
        assert_eq!(spki(&t, "locked"), digest[..64], "{cipher}");
    }
}

#[test]
fn the_traditional_forms_are_those_of_openssl() {
    if !have("openssl") {
        return;
    }
    let t = Test::new();
    t.file("rsa.key", &keys::rsa().rsa2048);
    genpkey(&t, "ec.key", P256);
    for curve in ["p384", "p521"] {
        t.run(["key", "new", "-o", curve, "--type", "ecdsa", "--curve", curve]).exits(0);
    }
    for key in ["rsa.key", "ec.key", "p384", "p521"] {
        for (der, form) in [(&[][..], "PEM"), (&["--der"][..], "DER")] {
            t.run([&["key", "convert", key, "--to", "traditional", "-o", "ours", "--force"], der].concat()).exits(0);
            openssl(&t, &["pkey", "-in", key, "-traditional", "-outform", form, "-out", "theirs"]);
            assert_eq!(t.read("ours"), t.read("theirs"), "{key} {form}");
            let back = format!("back{key}{form}");
            t.run(["key", "convert", "ours", "-o", &back]).exits(0).out_has("\u{2192} PKCS#8 PEM");
            openssl(&t, &["pkey", "-in", key, "-out", "theirs"]);
            assert_eq!(t.read(back), t.read("theirs"), "{key} {form}");
        }
    }
    t.run(["key", "new", "-o", "ed.key", "--type", "ed25519"]).exits(0);
    t.run(["key", "convert", "ed.key", "--to", "traditional", "-o", "x"]).exits(2).err_has("no traditional form");
    t.run(["key", "convert", "ec.key", "--to", "traditional", "--encrypt", "-o", "x"]).exits(2).err_has("PKCS#8 only");
    t.run(["key", "convert", "ec.key", "--kdf", "scrypt", "-o", "x"]).exits(2).err_has("--kdf");
    t.run(["key", "convert", "ec.key", "-o", "-", "--json"]).exits(2);
}

#[test]
fn converting_again_changes_nothing() {
    let t = locked();
    t.run(["key", "new", "-o", "plain", "--type", "ecdsa"]).exits(0);
    let lock = ["key", "convert", "plain", "--encrypt", "--passphrase-file", "pass", "-o", "locked", "--json"];
    assert_eq!(t.run(lock).exits(0).json()["changed"], true);
    t.file("other-pass", "another\n");
    t.chmod("other-pass", 0o600);
    let before = t.snapshot();
    assert_eq!(t.run(lock).exits(0).json()["changed"], false);
    assert_eq!(t.snapshot(), before, "the salt is not made anew");
    // Another form, another key or another passphrase is something else, and is in the way.
    t.run([&lock[..], &["--der"]].concat()).exits(4);
    let relock = ["key", "convert", "plain", "--encrypt", "--passphrase-file", "other-pass", "-o", "locked"];
    t.run(relock).exits(4).err_has("error[key-exists]");
    assert_eq!(t.snapshot(), before);
    // It stays encrypted unless told otherwise, and the two passphrases are told apart.
    let change = ["key", "convert", "locked", "--in-passphrase-file", "pass", "--out-passphrase-file", "other-pass"];
    t.run([&change[..], &["-o", "locked", "--force"]].concat()).exits(0).out_has("encrypted");
    t.run(["key", "check", "locked", "--passphrase-file", "other-pass"]).exits(0);
    t.run(["key", "check", "locked", "--passphrase-file", "pass"]).exits(1).out_has("passphrase-wrong");
    let open = ["key", "convert", "locked", "--decrypt", "--passphrase-file", "other-pass", "-o", "plain", "--json"];
    let same = t.run(open).exits(0).json();
    assert_eq!((&same["changed"], &same["ok"]), (&false.into(), &true.into()));
}

#[test]
fn a_new_key_can_be_encrypted_from_the_start() {
    let t = locked();
    let new = ["key", "new", "-o", "ca.key", "--type", "ecdsa", "--encrypt", "--passphrase-file", "pass"];
    let made = t.run([&new[..], &["--json"]].concat()).exits(0).json();
    assert_eq!(made["result"]["encrypted"], true);
    assert!(t.text("ca.key").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    assert_eq!(t.mode("ca.key"), 0o400);
    assert_eq!(spki(&t, "ca.key"), made["result"]["spki_sha256"].as_str().unwrap());
    let before = t.snapshot();
    t.run([&new[..], &["--if-missing"]].concat()).exits(0).out_has("unchanged");
    let plain = ["key", "new", "-o", "ca.key", "--type", "ecdsa", "--if-missing", "--passphrase-file", "pass"];
    t.run(plain).exits(4).err_has("it holds ECDSA P-256, encrypted").err_has("not encrypted was asked for");
    t.run(["key", "new", "-o", "x", "--encrypt", "--no-input"]).exits(3).err_has("error[passphrase-needed]");
    t.run(["key", "new", "-o", "x", "--kdf", "scrypt"]).exits(2);
    let shown = t.run(["key", "inspect", "ca.key", "--no-input"]).exits(0);
    shown.out_has("a private key, PKCS#8, encrypted (PBES2, AES-256, PBKDF2 with HMAC-SHA-256, 600000 rounds)");
    assert_eq!(t.snapshot(), before);
}

#[test]
fn work_without_bounds_is_refused_at_once() {
    if !have("openssl") {
        return;
    }
    let t = locked();
    genpkey(&t, "plain", P256);
    let pkcs8 = ["pkcs8", "-topk8", "-in", "plain", "-passout", "file:pass", "-outform", "DER"];
    openssl(&t, &[&pkcs8[..], &["-scrypt", "-out", "bomb.der"]].concat());
    // N = 16384, r = 8, p = 1; the latter becomes 127.
    let mut bytes = t.read("bomb.der");
    let at = bytes.windows(10).position(|w| w == [2, 2, 0x40, 0, 2, 1, 8, 2, 1, 1]).unwrap();
    bytes[at + 9] = 127;
    t.file("bomb.der", &bytes);
    let check = ["key", "check", "bomb.der", "--passphrase-file", "pass"];
    t.run(check).exits(1).out_has("error[encryption-unsupported]").out_has("256 MiB");
}
