//! `pkit dhparam`: the named groups are openssl's, weak parameters are told, and what is searched is a safe prime to openssl too.

mod convert;
mod data;
mod generate;

use crate::common::{Test, have, keys};

const GROUPS: [&str; 5] = ["ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192"];

#[test]
fn the_groups_are_those_that_openssl_knows() {
    if !have("openssl") {
        return;
    }
    for group in GROUPS {
        let t = Test::new();
        t.run(["dhparam", "new", "--group", group, "-o", "dh.pem"]).exits(0).out_has(group);
        assert_eq!(t.mode("dh.pem"), 0o444);
        t.file(
            "openssl.pem",
            keys::openssl(&["genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", &format!("group:{group}")]),
        );
        for file in ["dh.pem", "openssl.pem"] {
            t.peer("openssl", ["dhparam", "-in", file, "-noout", "-text"]).exits(0).out_has(&format!("GROUP: {group}"));
            let json = t.run(["dhparam", "check", file, "--json"]).exits(0).json();
            assert_eq!(json["result"]["group"], group);
            assert_eq!(json["result"]["safe_prime"], true);
        }
        t.peer("openssl", ["dhparam", "-in", "dh.pem", "-check", "-noout"]).exits(0);
    }
}

#[test]
fn without_a_name_the_parameters_go_to_stdout_and_an_existing_file_stays() {
    let t = Test::new();
    let shown = t.run(["dhparam", "new"]).exits(0);
    assert!(shown.stdout.starts_with("-----BEGIN DH PARAMETERS-----\n"));
    let json = t.run(["dhparam", "new", "--json"]).exits(0).json();
    assert_eq!(
        (&json["result"]["group"], &json["result"]["content"]),
        (&"ffdhe3072".into(), &shown.stdout.as_str().into())
    );
    t.run_with_input(["dhparam", "check", "-"], shown.stdout.as_bytes()).exits(0).out_has("ffdhe3072, RFC 7919");
    t.file("dh.pem", "something else");
    let before = t.snapshot();
    t.run(["dhparam", "new", "-o", "dh.pem"]).exits(4).err_has("error[file-exists]");
    assert_eq!(t.snapshot(), before);
    t.run(["dhparam", "new", "-o", "dh.pem", "--force"]).exits(0).out_has("replaced");
    t.run(["dhparam", "new", "-o", "dh.pem"]).exits(0).out_has("unchanged");
}

/// The DER of parameters with this prime and generator.
fn parameters(p: &[u8], g: &[u8]) -> Vec<u8> {
    use pkit::material::der::{sequence, unsigned};
    sequence(&[&unsigned(p), &unsigned(g)])
}

#[test]
fn weak_parameters_are_named() {
    if !have("openssl") {
        return;
    }
    let t = Test::new();
    // A safe prime of 512 bits is found at once; -dsaparam makes a prime that is not safe.
    t.file("512.pem", keys::openssl(&["dhparam", "512"]));
    t.file("dsa.pem", keys::openssl(&["dhparam", "-dsaparam", "1024"]));
    t.run(["dhparam", "check", "512.pem"]).exits(1).out_has("error[dh-too-small]").out_has("512 bits");
    t.run(["dhparam", "check", "dsa.pem"]).exits(1).out_has("error[dh-not-safe]");
    let good = pkit::material::dh::Group::Ffdhe2048.params().p;
    let mut composite = good.clone();
    composite[100] ^= 1;
    t.file("composite.der", parameters(&composite, &[2]));
    t.run(["dhparam", "check", "composite.der"]).exits(1).out_has("error[dh-not-prime]");
    for g in [&[][..], &[1], &good] {
        t.file("generator.der", parameters(&good, g));
        t.run(["dhparam", "check", "generator.der"]).exits(1).out_has("error[dh-generator]");
    }
    t.file("other.der", parameters(&good, &[3]));
    t.run(["dhparam", "check", "other.der"]).exits(0).out_has("no named group").out_has("safe prime");
    t.file("even.der", parameters(&[&[0xff; 255][..], &[0xfe]].concat(), &[2]));
    t.run(["dhparam", "check", "even.der"]).exits(1).out_has("divisible by 2");
}

/// Each prime may take seconds, so a file of thousands would hold a renewal up for hours.
#[test]
fn of_very_many_parameters_the_first_are_tested_and_it_is_told() {
    let t = Test::new();
    let one = t.run(["dhparam", "new", "--group", "ffdhe2048"]).exits(0).stdout;
    t.file("many.pem", one.repeat(2_000));
    let told = t.run(["dhparam", "check", "many.pem"]).exits(3).out_has("[dh-not-tested]");
    assert_eq!(told.stdout.matches("ffdhe2048").count(), 16);
    t.file("sixteen.pem", one.repeat(16));
    assert!(!t.run(["dhparam", "check", "sixteen.pem"]).exits(0).stdout.contains("dh-not-tested"));
}

/// PKCS#3 behind certificates, X9.42, and the groups that openssl has of other RFCs.
#[test]
fn other_forms_and_other_groups_are_recognised() {
    if !have("openssl") {
        return;
    }
    let t = Test::new();
    let named = |group: &str| format!("group:{group}");
    for (group, code, name) in [
        ("modp_1536", 1, "MODP 1536, RFC 3526"),
        ("modp_2048", 0, "MODP 2048, RFC 3526"),
        ("modp_8192", 0, "MODP 8192, RFC 3526"),
    ] {
        t.file("dh.pem", keys::openssl(&["genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", &named(group)]));
        let json = t.run(["dhparam", "check", "dh.pem", "--json"]).exits(code).json();
        assert_eq!(json["result"]["safe_prime"], true);
        assert_eq!(json["result"]["generator"]["order"], "q");
        t.run(["dhparam", "check", "dh.pem"]).exits(code).out_has(name);
    }
    t.run(["dhparam", "check", "dh.pem"]).out_has("generator 2, order q");
    // RFC 5114's groups come with a q, and their primes are not safe ones.
    for (number, exit, code) in [("1", 1, "dh-shared-prime"), ("2", 1, "dh-not-safe"), ("3", 1, "dh-not-safe")] {
        let option = format!("dh_rfc5114:{number}");
        t.file("x942.pem", keys::openssl(&["genpkey", "-genparam", "-algorithm", "DHX", "-pkeyopt", &option]));
        assert!(t.text("x942.pem").contains("X9.42 DH PARAMETERS"));
        t.run(["dhparam", "check", "x942.pem"]).exits(exit).out_has(code).out_has("RFC 5114").out_has("order q");
    }
    t.file("q.der", {
        use pkit::material::der::{sequence, unsigned};
        sequence(&[&unsigned(&pkit::material::dh::Group::Ffdhe2048.params().p), &unsigned(&[2]), &unsigned(&[7; 32])])
    });
    t.run(["dhparam", "check", "q.der"]).exits(1).out_has("error[dh-subgroup]");
}

#[test]
fn parameters_are_found_behind_a_certificate_and_a_key() {
    if !have("openssl") {
        return;
    }
    let t = Test::new();
    t.run(["key", "new", "--type", "ecdsa", "-o", "mail.key"]).exits(0);
    t.peer("openssl", ["req", "-x509", "-key", "mail.key", "-subj", "/CN=mail", "-out", "mail.pem"]).exits(0);
    let good = t.run(["dhparam", "new", "--group", "ffdhe2048"]).stdout;
    t.file("all.pem", t.text("mail.pem") + &t.text("mail.key") + &good);
    t.run(["dhparam", "check", "all.pem"]).exits(0).out_has("ffdhe2048, RFC 7919");
}

#[test]
fn hostile_sizes_end_soon_and_broken_files_are_input_errors() {
    let t = Test::new();
    t.file("huge.der", parameters(&vec![0xff; 1 << 20], &[2]));
    t.run(["dhparam", "check", "huge.der"]).exits(1).out_has("error[dh-too-large]").out_has("not tested");
    t.file("32768.der", parameters(&[&[0xff; 4095][..], &[0xfd]].concat(), &[2]));
    let before = std::time::Instant::now();
    t.run(["dhparam", "check", "32768.der"]).exits(1).out_has("error[dh-too-large]");
    assert!(before.elapsed().as_secs() < 10);
    t.file("empty", "");
    t.file("noise", [7; 300]);
    t.file("cut.pem", &t.run(["dhparam", "new"]).bytes[..200]);
    t.file("wrong.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for file in ["empty", "noise", "cut.pem", "wrong.pem"] {
        t.run(["dhparam", "check", file]).exits(3).err_has("error[dh-not-found]").err_has("hint:");
    }
}

/// Each of the numbers that no group has: a clear error, at once, whatever their size.
#[test]
fn numbers_that_make_no_sense_are_refused_at_once() {
    use pkit::material::der::{sequence, tlv, unsigned};
    let t = Test::new();
    let good = pkit::material::dh::Group::Ffdhe2048.params().p;
    let two = unsigned(&[2]);
    let raw = |p: &[u8]| sequence(&[&tlv(2, p), &two]);
    let negative = [&[0x80][..], &good[1..]].concat();
    let even = [&good[..255], &[0xfe]].concat();
    let odd_100_000 = [&[0xff; 12_499][..], &[0xfd]].concat();
    // Made long ago: 2^44497 - 1 is a prime, and one cannot say so at once.
    let mersenne = [&[0x01][..], &[0xff; 5_562]].concat();
    let cut = sequence(&[&unsigned(&good), &two]);
    for (name, der, exit, words) in [
        ("negative", raw(&negative), 3, "negative integer"),
        ("zero", raw(&[0]), 3, "error[dh-"),
        ("empty", raw(&[]), 3, "empty integer"),
        ("padded", raw(&[&[0, 0][..], &good].concat()), 3, "needless leading zero"),
        ("even", parameters(&even, &[2]), 1, "divisible by 2"),
        ("small", parameters(&[1, 0], &[2]), 1, "error[dh-not-prime]"),
        ("100000", parameters(&odd_100_000, &[2]), 1, "error[dh-too-large]"),
        ("100000-even", parameters(&[0xfe; 12_500], &[2]), 1, "error[dh-too-large]"),
        ("mersenne", parameters(&mersenne, &[2]), 1, "error[dh-too-large]"),
        ("generator-negative", sequence(&[&unsigned(&good), &tlv(2, &[0xfe])]), 3, "negative integer"),
        ("generator-huge", parameters(&good, &odd_100_000), 1, "error[dh-generator]"),
        ("trailing", [&cut[..], &[0]].concat(), 3, "more data"),
        ("cut", cut[..cut.len() - 1].to_vec(), 3, "longer than the data"),
        ("no-generator", sequence(&[&unsigned(&good)]), 3, "error["),
        ("strings", sequence(&[&tlv(4, &good), &two]), 3, "error["),
    ] {
        for pem in [false, true] {
            let text = format!(
                "-----BEGIN DH PARAMETERS-----\n{}\n-----END DH PARAMETERS-----\n",
                pkit::material::pem::base64(&der)
            );
            t.file("dh", if pem { text.as_bytes() } else { &der });
            let before = std::time::Instant::now();
            let ran = t.run(["dhparam", "check", "dh"]);
            // A release build takes some milliseconds; a busy machine and a build for tests take longer.
            assert!(before.elapsed().as_secs() < 10, "{name}");
            assert!(ran.exit == exit && format!("{}{}", ran.stdout, ran.stderr).contains(words), "{name}: {ran:?}");
        }
    }
}

/// A safe prime of 8192 bits that no list knows: OpenSSL takes half a minute for it.
#[test]
fn an_unknown_group_of_the_largest_size_gets_its_verdict() {
    let t = Test::new();
    t.file("dh.pem", include_str!("../testdata/dh/unnamed-8192.pem"));
    let before = std::time::Instant::now();
    let json = t.run(["dhparam", "check", "dh.pem", "--json"]).exits(0).json();
    // One to two seconds on two cores; a busy machine and a build for tests take longer.
    assert!(before.elapsed().as_secs() < 30);
    assert_eq!((&json["result"]["safe_prime"], &json["result"]["known_group"]), (&true.into(), &false.into()));
}

/// A server reads the first block, and stumbles over it.
#[test]
fn every_block_is_judged_and_damage_is_told() {
    let t = Test::new();
    let good = t.run(["dhparam", "new", "--group", "ffdhe2048"]).stdout;
    t.file("cut.pem", good[..100].to_owned() + "\n" + &good);
    t.run(["dhparam", "check", "cut.pem"]).exits(1).out_has("error[pem-truncated]").out_has("OK");
    t.file("two.pem", keys::openssl(&["dhparam", "512"]));
    t.file("two.pem", good.into_bytes().into_iter().chain(t.read("two.pem")).collect::<Vec<u8>>());
    t.run(["dhparam", "check", "two.pem"]).exits(1).out_has("ffdhe2048").out_has("error[dh-too-small]");
}
