//! Weak keys: samples that others have found and published, the one peer that knows them, and no false alarm on sound keys.

use std::path::Path;

use super::openssl;
use crate::common::pki::pem;
use crate::common::{Test, data, have, missing, scaled};

/// What the sample's class is called here. Those with a dash need a list of leaked keys or of other people's primes, which is
/// not to be had, or are no weakness of a TLS key.
const CLASSES: &[(&str, &str)] = &[
    ("fermat", "weak-close-primes"),
    ("roca", "weak-roca"),
    ("pattern", "weak-pattern"),
    ("smalld;exponent_not_65537", "weak-small-private-exponent"),
    ("exponent_not_65537", "weak-exponent"),
    ("smallfactors(valid)", "weak-small-factor"),
    ("smallfactors(corrupt)", "weak-small-factor"),
    ("rsabias(vanity)", "weak-biased-modulus"),
    ("rsapoly", "weak-polynomial-primes"),
    ("unusable-rsa", "exponent"),
    ("n-is-prime", "weak-prime-modulus"),
];

#[test]
fn published_samples_get_the_right_name() {
    let Some(dir) = data("keys/weak").map(|dir| dir.ancestors().nth(2).unwrap().to_owned()) else { return };
    let t = Test::new();
    let manifest = std::fs::read_to_string(dir.join("keys/weak/manifest.csv")).unwrap();
    let mut judged = 0;
    for row in manifest.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        let (path, expected) = (dir.join(fields[0]), fields[2]);
        let ran = t.run(["key", "check", path.to_str().unwrap(), "--no-input"]);
        assert!(matches!(ran.exit, 0 | 1 | 3), "{row}: {ran:?}");
        match CLASSES.iter().find(|(class, _)| *class == expected) {
            // A bare number in a text is no key.
            Some(_) if fields[0].ends_with(".txt") => assert_eq!(ran.exit, 3, "{row}"),
            Some((_, code)) => {
                judged += 1;
                assert!(ran.exit == 1 && ran.stdout.contains(code), "{row}\n{}", ran.stdout);
            }
            // Diffie-Hellman and X448 are sound, and no TLS server can use them.
            None if expected == "ok" => assert!(ran.exit == 0 || ran.stdout.contains("key-not-for-tls"), "{row}"),
            // What is odd in form is for the tests of the parsers.
            None => {}
        }
    }
    assert!(judged >= 18, "{judged}");
}

/// badkeys without its list of leaked keys, asked key by key.
const PEER: &str = "
import sys
from badkeys.checks import detectandcheck, allchecks
checks = {name: how for name, how in allchecks.items() if name not in ('blocklist', 'sharedprimes', 'rsawarnings')}
for path in sys.argv[1:]:
    try:
        found = detectandcheck(open(path).read(), checks)
        print(','.join(sorted(found.get('results', {}))) or found.get('type', ''))
    except Exception as fault:
        print('error')
";

#[test]
fn badkeys_says_the_same() {
    let Some(dir) = data("keys/weak") else { return };
    let t = Test::new();
    // Its interpreter: `python3` where badkeys is installed, or the one of a virtual environment.
    let python = std::env::var("PKIT_BADKEYS_PYTHON").unwrap_or("python3".into());
    if t.peer(&python, ["-c", "import badkeys"]).exit != 0 {
        return missing_quietly();
    }
    let mut paths: Vec<_> = std::fs::read_dir(dir.join("badkeys")).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e != "txt"));
    paths.sort();
    let files: Vec<&str> = paths.iter().map(|p| p.to_str().unwrap()).collect();
    let theirs = t.peer(&python, [&["-c", PEER][..], &files].concat()).exits(0).stdout;
    let mut table = Vec::new();
    for (path, theirs) in files.iter().zip(theirs.lines()) {
        let weak = ["fermat", "roca", "pattern", "smalld", "smallfactors", "rsabias", "rsapoly", "rsainvalid"];
        let found = theirs.split(',').any(|word| weak.contains(&word));
        let ran = t.run(["key", "check", path, "--no-input"]);
        let ours = ran.stdout.contains("error[weak-") || ran.stdout.contains("error[key-exponent]");
        // What badkeys does not read, and what it only warns of or does not look for.
        let more =
            ["rsa-nprime.key", "rsa-large-e.key"].iter().any(|name| path.ends_with(name)) || theirs == "unparseable";
        table.push((Path::new(path).file_name().unwrap().to_owned(), theirs.to_owned(), ours));
        assert!(ours == found || more && ours, "{table:#?}");
    }
}

/// Nothing is made with a weak key, and no certificate of one is called good: the check of keys is that of everybody.
#[test]
fn nothing_is_made_with_a_weak_key() {
    let Some(dir) = data("keys/weak") else { return };
    let t = Test::new();
    let weak = |name: &str| std::fs::read(dir.join("badkeys").join(name)).unwrap();
    t.file("weak.key", pem("PRIVATE KEY", &seed(7)));
    t.chmod("weak.key", 0o400);
    t.file("weak.crt", weak("rsa-fermat.crt"));
    t.file("weak.csr", weak("rsa-fermat.csr"));
    t.run("ca init ca --cn Example --no-passphrase".split(' ')).exits(0);
    let before = t.snapshot();
    for (line, code) in [
        ("csr new mail.example.org --key weak.key -o new.csr", "weak-trivial-key"),
        ("cert self-signed mail.example.org --key weak.key -o new.pem", "weak-trivial-key"),
        ("csr check weak.csr", "weak-close-primes"),
        ("cert check weak.crt", "weak-close-primes"),
        ("ca sign weak.csr --ca ca -o new.pem", "weak-close-primes"),
    ] {
        t.run(line.split(' ')).exits(1).err_or_out(code);
    }
    assert_eq!(t.snapshot(), before);
}

fn missing_quietly() {
    // It is not a Debian package, so the gate cannot ask for it.
    eprintln!("skipped: badkeys is missing");
}

#[test]
fn a_prime_in_two_keys_is_found_and_the_same_key_twice_is_not() {
    if !have("openssl") {
        return;
    }
    let t = Test::new();
    // Two keys of three primes: openssl's own numbers, put together anew.
    let script = "
import subprocess, base64
def prime(): return int(subprocess.run(['openssl','prime','-generate','-bits','1024','-safe'][:5], capture_output=True, text=True).stdout)
def der(tag, body):
    n = len(body)
    head = bytes([n]) if n < 128 else bytes([0x80 | (n.bit_length() + 7) // 8]) + n.to_bytes((n.bit_length() + 7) // 8, 'big')
    return bytes([tag]) + head + body
def number(n): return der(2, n.to_bytes(n.bit_length() // 8 + 1, 'big'))
def key(path, n):
    body = base64.encodebytes(der(0x30, number(n) + number(65537))).decode()
    open(path, 'w').write('-----BEGIN RSA PUBLIC KEY-----\\n' + body + '-----END RSA PUBLIC KEY-----\\n')
p, q, r, s, u = (prime() for _ in range(5))
key('one.pub', p * q); key('two.pub', p * r); key('other.pub', s * u); key('again.pub', s * u)
";
    if !have("python3") {
        return missing("python3");
    }
    t.peer("python3", ["-c", script]).exits(0);
    for sound in [&["one.pub", "other.pub"][..], &["two.pub", "other.pub", "again.pub"]] {
        t.run([&["key", "check"], sound].concat()).exits(0).out_has("no known weakness");
    }
    let ran =
        t.run(["key", "check", "one.pub", "other.pub", "two.pub", "again.pub", "one.pub", "--json"]).exits(1).json();
    let weak = |key: &serde_json::Value| key["checks"].to_string().contains("shared-prime");
    let verdicts: Vec<bool> = ran["result"]["keys"].as_array().unwrap().iter().map(weak).collect();
    assert_eq!(verdicts, [true, false, true, false, true]);
}

/// An Ed25519 key whose secret is one octet over and over (RFC 8410, section 7).
fn seed(octet: u8) -> Vec<u8> {
    [&[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20][..], &[octet; 32]].concat()
}

#[test]
fn trivial_secrets_are_guessed() {
    if !have("openssl") {
        return;
    }
    let t = Test::new();
    let sec1 = |scalar: &str| format!("-----BEGIN EC PRIVATE KEY-----\n{scalar}-----END EC PRIVATE KEY-----\n");
    // ECPrivateKey of P-256 with the scalar 1, and with the octet 0x42 over and over.
    for (name, octets) in [("one", [&[0u8; 31][..], &[1]].concat()), ("same", vec![0x42; 32])] {
        let der =
            [&[0x30, 0x31, 2, 1, 1, 4, 32][..], &octets, &[0xa0, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]]
                .concat();
        t.file("raw", der);
        let text = t.peer("openssl", ["base64", "-in", "raw"]).exits(0).stdout;
        t.file(format!("{name}.key"), sec1(&text));
        openssl(&t, &["pkey", "-in", &format!("{name}.key"), "-pubout", "-out", &format!("{name}.pub")]);
    }
    t.file("seed.der", seed(7));
    openssl(&t, &["pkey", "-inform", "DER", "-in", "seed.der", "-pubout", "-out", "seed.pub"]);
    for file in ["one.key", "one.pub", "same.key", "same.pub", "seed.der", "seed.pub"] {
        t.run(["key", "check", file]).exits(1).out_has("error[weak-trivial-key]");
    }
}

#[test]
fn sound_keys_raise_no_alarm() {
    use pkit::checks::weak;
    use pkit::finding::Origin;
    use pkit::pki::keygen::{NewKey, RsaBits, generate};
    for (kind, count) in [
        (NewKey::EcP256, scaled(10)),
        (NewKey::Ed25519, scaled(10)),
        (NewKey::Rsa(RsaBits::B2048), scaled(10).min(1000)),
        (NewKey::Rsa(RsaBits::B3072), scaled(1).min(50)),
        (NewKey::Rsa(RsaBits::B4096), scaled(1).min(50)),
        (NewKey::EcP384, scaled(2).min(50)),
        (NewKey::EcP521, scaled(1).min(50)),
    ] {
        let at = Origin::file("new");
        let keys: Vec<_> = (0..count).map(|_| generate(kind).unwrap()).collect();
        for key in &keys {
            let mut found = weak::private(key, &at);
            found.extend(weak::public(&key.public().unwrap(), &at));
            assert!(found.is_empty(), "{found:?}");
        }
        let publics: Vec<_> = keys.iter().map(|key| key.public().unwrap()).collect();
        let moduli: Vec<&[u8]> = publics.iter().filter_map(|key| Some(key.rsa()?.0)).collect();
        assert!(weak::shared_primes(&moduli).is_empty());
    }
}

#[test]
fn the_trust_store_raises_no_alarm() {
    let store = Path::new("/etc/ssl/certs/ca-certificates.crt");
    if !store.is_file() {
        return missing("the system's trust store");
    }
    let ran = Test::new().run(["key", "check", store.to_str().unwrap(), "-q"]);
    assert!(!ran.stdout.contains("weak-") && !ran.stderr.contains("weak-"), "{}{}", ran.stdout, ran.stderr);
}
