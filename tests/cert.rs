//! `cert`: certificates shown, judged, sorted, converted and made.

use rcgen::{CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, KeyUsagePurpose, date_time_ymd};

use crate::common::pki::{Authority, Crl, ca_issuers, cert_pem, crl_at, crl_pem};
use crate::common::{Ran, Test, have, scaled};

#[test]
fn every_certificate_of_a_file_is_shown() {
    let t = Test::new();
    let ca = Authority::root("Example CA");
    let leaf = ca.leaf_with(&["mail.example.org", "xn--mller-kva.example"], |p| {
        p.custom_extensions = vec![ca_issuers("http://a.example/ca.crt"), crl_at(&["http://a.example/ca.crl"])];
    });
    t.file("chain.pem", leaf.pem() + &ca.pem());
    t.file("leaf.der", &leaf.der);
    let shown = t.run(["cert", "inspect", "chain.pem"]).exits(0);
    for part in
        ["mail.example.org   end-entity, chain.pem:1", "Example CA   root", "müller.example", "http://a.example/ca.crl"]
    {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    let json = t.run(["cert", "inspect", "leaf.der", "--json"]).exits(0).json();
    let cert = &json["result"]["certificates"][0];
    assert_eq!(cert["subject_alt_name"][0], "DNS:mail.example.org");
    assert_eq!(cert["issuer_ordered"], serde_json::json!([["CN", "Example CA"]]));
    assert_eq!(cert["issuer_uri"], "http://a.example/ca.crt");
    assert_eq!((&cert["expired"], &cert["public_key_type"]), (&false.into(), &"ECC".into()));
    assert_eq!(cert["key_usage"][0], "digitalSignature");
    if have("openssl") {
        t.file("leaf.pem", cert_pem(&leaf.der));
        let told =
            t.peer("openssl", ["x509", "-in", "leaf.pem", "-noout", "-fingerprint", "-sha256", "-serial"]).stdout;
        let fingerprint = cert["fingerprints"]["sha256"].as_str().unwrap().to_uppercase();
        let serial = cert["serial_number_hex"].as_str().unwrap().to_uppercase();
        assert!(told.contains(&fingerprint) && told.contains(&serial), "{told} {cert}");
    }
    t.file("none.pem", "nothing\n");
    t.run(["cert", "inspect", "none.pem"]).exits(3).err_has("error[no-certificate]");
}

#[test]
fn a_self_signed_certificate_serves_those_who_are_told_of_it() {
    let t = Test::new();
    let words =
        ["cert", "self-signed", "mail.example.org", "192.0.2.1", "--key", "k", "--type", "ecdsa", "-o", "c.pem"];
    t.run(words).exits(0).out_has("wrote k (0400").out_has("wrote c.pem (0444");
    t.run(["chain", "check", "c.pem", "--trust", "c.pem", "--name", "192.0.2.1"]).exits(0);
    t.run(["key", "check", "k", "--cert", "c.pem"]).exits(0);
    if have("openssl") {
        let words = ["verify", "-x509_strict", "-CAfile", "c.pem", "-purpose", "sslserver", "-verify_hostname"];
        t.peer("openssl", words.into_iter().chain(["mail.example.org", "c.pem"])).exits(0);
        t.peer("openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521", "-out", "k521"])
            .exits(0);
        t.run(["cert", "self-signed", "a.example", "--key", "k521", "-o", "c521.pem"]).exits(0);
        t.peer("openssl", ["verify", "-CAfile", "c521.pem", "c521.pem"]).exits(0);
    }
    // certtool takes only CAs for anchors, so it is asked to read it.
    if have("certtool") {
        t.peer("certtool", ["--certificate-info", "--infile", "c.pem"]).exits(0).out_has("TLS WWW Server");
    }
    t.run(["cert", "self-signed", "a@example.org", "--key", "k"]).exits(2);
    t.run(words).exits(4).err_has("error[file-exists]");
}

#[test]
fn what_servers_and_clients_would_refuse_is_told_with_its_rule() {
    let t = Test::new();
    let ca = Authority::root("Example CA");
    let year = |p: &mut CertificateParams| {
        (p.not_before, p.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2026, 12, 31));
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    let check = |change: &dyn Fn(&mut CertificateParams), more: &[&str]| {
        let leaf = ca.leaf_with(&["mail.example.org"], |p| {
            year(p);
            change(p);
        });
        t.file("c.pem", leaf.pem());
        t.run(["cert", "check", "c.pem", "--at", "2026-06-01"].iter().chain(more))
    };
    check(&|_| (), &["--name", "mail.example.org"]).exits(0).out_has("nothing against it");
    check(&|_| (), &["--name", "www.example.org"]).exits(1).out_has("name-mismatch");
    check(&|_| (), &["--purpose", "client"]).exits(1).out_has("wrong-purpose");
    check(&|p| p.not_after = date_time_ymd(2026, 5, 1), &[]).exits(1).out_has("cert-expired");
    check(&|p| p.subject_alt_names.clear(), &[]).exits(1).out_has("san-missing");
    check(&|p| p.use_authority_key_identifier_extension = false, &[]).exits(1).out_has("key-identifiers-wrong");
    check(&|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any], &[])
        .exits(1)
        .out_has("extended-key-usage-unfit");
    check(&|p| p.key_usages = vec![KeyUsagePurpose::CrlSign], &[]).exits(1).out_has("key-usage-not-tls");
    let staple = || CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], vec![0x30, 3, 2, 1, 5]);
    check(&|p| p.custom_extensions.push(staple()), &[]).exits(0).out_has("must-staple-without-ocsp");
    check(&|p| p.not_after = date_time_ymd(2030, 1, 1), &[]).exits(0).out_has("cert-lifetime-long");
    t.file("ca.pem", ca.pem());
    t.run(["cert", "check", "ca.pem"]).exits(0);
}

/// What public CAs must keep to is asked of what ends in the system's trust store, at the date of issuance.
#[test]
fn lifetimes_are_held_against_the_limit_of_their_day_for_public_cas_only() {
    let t = Test::new();
    let ca = Authority::root("Public CA");
    t.file("store.pem", ca.pem());
    for (year, month, day, days, fine) in [
        (2026, 3, 14, 398, true),
        (2026, 3, 14, 399, false),
        (2026, 3, 15, 200, true),
        (2026, 3, 15, 201, false),
        (2027, 3, 15, 100, true),
        (2027, 3, 15, 101, false),
        (2029, 3, 15, 47, true),
        (2029, 3, 15, 48, false),
    ] {
        let leaf = ca.leaf_with(&["mail.example.org"], |p| {
            p.not_before = date_time_ymd(year, month, day);
            p.not_after = p.not_before + time::Duration::days(days) - time::Duration::SECOND;
            p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        });
        t.file("c.pem", leaf.pem());
        let at = format!("@{}", (date_time_ymd(year, month, day) + time::Duration::DAY).unix_timestamp());
        let ran = |public: bool| {
            let mut command = t.command(["cert", "check", "c.pem", "--at", &at]);
            if public {
                command.env("SSL_CERT_FILE", t.path("store.pem"));
            }
            Ran::of(command.output().unwrap())
        };
        ran(false).exits(0);
        let told = ran(true).exits(if fine { 0 } else { 1 });
        assert_eq!(told.stdout.contains("cert-lifetime-over-limit"), !fine, "{}", told.stdout);
    }
    let client = ca.leaf_with(&["a.example"], |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    t.file("client.pem", client.pem());
    let mut command = t.command(["cert", "check", "client.pem", "--purpose", "client", "--at", "2026-11-01"]);
    Ran::of(command.env("SSL_CERT_FILE", t.path("store.pem")).output().unwrap()).out_has("client-auth-gone");
}

#[test]
fn a_pile_is_sorted_into_identities() {
    let t = Test::new();
    let ca = Authority::root("Example CA");
    let (mail, www, lost) =
        (ca.leaf(&["mail.example.org"]), ca.leaf(&["www.example.org"]), ca.leaf(&["lost.example.org"]));
    t.file("pile/mail.key", mail.key_pem());
    t.file("pile/a.pem", mail.pem());
    t.file("pile/www.pem", www.pem() + &www.key_pem());
    t.file("pile/ca.pem", ca.pem());
    t.file("pile/ca.crl", crl_pem(&ca.crl(&Crl::default())));
    t.run(["csr", "new", "mail.example.org", "--key", "pile/mail.key", "-o", "pile/m.csr"]).exits(0);
    let json = t.run(["cert", "match", "pile", "--json"]).exits(0).json();
    let groups = json["result"]["groups"].as_array().unwrap();
    assert_eq!((groups.len(), json["result"]["unmatched"].as_array().unwrap().len()), (3, 0));
    let group = |name: &str| groups.iter().find(|g| g["name"] == name).unwrap_or_else(|| panic!("{json}"));
    let of = |name: &str, what: &str| group(name)[what].as_array().unwrap().len();
    assert_eq!(["keys", "csrs", "certificates"].map(|what| of("mail.example.org", what)), [1, 1, 1]);
    assert_eq!(["keys", "csrs", "certificates"].map(|what| of("www.example.org", what)), [1, 0, 1]);
    assert_eq!((of("Example CA", "crls"), &group("mail.example.org")["chain_complete"]), (1, &true.into()));
    t.file("pile/lost.pem", lost.pem());
    t.run(["key", "new", "-o", "pile/stray.key", "--type", "ed25519"]).exits(0);
    let ran = t.run(["cert", "match", "pile"]).exits(1);
    ran.out_has("certificate-unmatched").out_has("key-unmatched");
}

#[test]
fn certificates_change_their_form_and_stay_the_same() {
    let t = Test::new();
    let ca = Authority::root("Example CA");
    let leaf = ca.leaf(&["mail.example.org"]);
    t.file("chain.pem", leaf.pem() + &ca.pem() + &crl_pem(&ca.crl(&Crl::default())));
    t.file("leaf.pem", leaf.pem());
    t.run(["cert", "convert", "leaf.pem", "--to", "der", "-o", "leaf.der"]).exits(0);
    assert_eq!(t.read("leaf.der"), leaf.der);
    t.run(["cert", "convert", "chain.pem", "--to", "der", "-o", "x.der"]).exits(2);
    t.run(["cert", "convert", "chain.pem", "--to", "p7b", "-o", "chain.p7b"]).exits(0);
    t.run(["cert", "convert", "chain.p7b", "--to", "pem", "-o", "again.pem"]).exits(0);
    let mut blocks = [t.text("again.pem"), leaf.pem() + &ca.pem()].map(|text| {
        let mut blocks: Vec<_> = pem::parse_many(text).unwrap().into_iter().map(pem::Pem::into_contents).collect();
        blocks.sort();
        blocks
    });
    assert_eq!(blocks[0], blocks[1]);
    blocks[0].clear();
    if have("openssl") {
        let told = t.peer("openssl", ["pkcs7", "-inform", "der", "-in", "chain.p7b", "-print_certs"]).exits(0).stdout;
        assert_eq!(told.matches("BEGIN CERTIFICATE").count(), 2);
        t.peer("openssl", ["pkcs7", "-inform", "der", "-in", "chain.p7b"]).out_has("BEGIN PKCS7");
    }
    if have("certtool") {
        t.peer("certtool", ["--p7-info", "--inder", "--infile", "chain.p7b"])
            .exits(0)
            .out_has("Number of certificates: 2");
    }
}

#[test]
fn tlsa_records_pin_what_openssl_computes() {
    let t = Test::new();
    let ca = Authority::root("Example CA");
    let leaf = ca.leaf(&["mail.example.org"]);
    t.file("chain.pem", leaf.pem() + &ca.pem());
    t.file("k", leaf.key_pem());
    let sha256 = |bytes: &[u8]| pkit::crypto::hex(&pkit::crypto::digest(pkit::crypto::Digest::Sha256, bytes));
    let spki = |der: &[u8]| pkit::material::cert::Cert::from_der(der).unwrap().public_key.spki().to_vec();
    let line = |fields: &str, data: &str| format!("_25._tcp.mail.example.org. IN TLSA {fields} {data}\n");
    let expected = line("3 1 1", &sha256(&spki(&leaf.der)));
    assert_eq!(t.run(["cert", "tlsa", "chain.pem"]).exits(0).stdout, expected);
    assert_eq!(t.run(["cert", "tlsa", "k", "--host", "mail.example.org"]).exits(0).stdout, expected);
    t.run(["cert", "tlsa", "k"]).exits(2);
    let of = |words: &[&str]| t.run(["cert", "tlsa", "chain.pem"].iter().chain(words)).exits(0);
    assert_eq!(of(&["--usage", "2"]).stdout, line("2 1 1", &sha256(&spki(&ca.der))));
    assert_eq!(of(&["--selector", "0"]).err_has("tlsa-unfit").stdout, line("3 0 1", &sha256(&leaf.der)));
    assert_eq!(of(&["--matching", "0", "--selector", "0"]).stdout, line("3 0 0", &pkit::crypto::hex(&leaf.der)));
    t.run(["key", "new", "-o", "next.key", "--type", "ecdsa"]).exits(0);
    let both = of(&["--next", "next.key", "--port", "25", "--port", "465"]).stdout;
    assert_eq!((both.lines().count(), both.matches("_465._tcp").count()), (4, 2));
    if have("openssl") && have("sh") {
        let script = "openssl x509 -in chain.pem -pubkey -noout | openssl pkey -pubin -outform der | openssl sha256";
        let told = t.peer("sh", ["-c", script]).exits(0).stdout;
        assert!(told.trim_end().ends_with(expected.trim_end().rsplit(' ').next().unwrap()), "{told}");
    }
}

/// Into PKCS#12 and out of it, modern and legacy, with openssl, certtool and NSS.
#[test]
fn pkcs12_goes_both_ways_with_openssl_certtool_and_nss() {
    let t = Test::new();
    let ca = Authority::root("Example CA");
    let leaf = ca.leaf(&["mail.example.org"]);
    t.file("chain.pem", ca.pem() + &leaf.pem());
    t.file("mail.key", leaf.key_pem());
    t.file("pass", "correct horse\n");
    t.chmod("pass", 0o600);
    let pass = ["--passphrase-file", "pass"];
    for more in [&[][..], &["--legacy"]] {
        let words = ["cert", "convert", "chain.pem", "mail.key", "--to", "p12", "-o", "m.p12", "--force"];
        t.run(words.iter().chain(more).chain(&pass)).exits(0);
        assert_eq!(t.mode("m.p12"), 0o400);
        let shown = t.run(["cert", "inspect", "m.p12"].into_iter().chain(pass)).exits(0).stdout;
        assert!(shown.starts_with("mail.example.org") && shown.contains("Example CA"), "{shown}");
        if have("openssl") {
            let legacy = if more.is_empty() { &[][..] } else { &["-legacy"] };
            let words = ["pkcs12", "-in", "m.p12", "-passin", "file:pass", "-nodes", "-out", "o.pem"];
            t.peer("openssl", words.iter().chain(legacy)).exits(0);
            t.run(["key", "check", "o.pem", "--cert", "chain.pem"]).exits(1);
            t.file("leaf.pem", leaf.pem());
            t.run(["key", "check", "o.pem", "--cert", "leaf.pem"]).exits(0);
            let words = ["pkcs12", "-export", "-in", "leaf.pem", "-inkey", "mail.key", "-certfile", "chain.pem"];
            t.peer("openssl", words.iter().chain(&["-passout", "file:pass", "-out", "o.p12"]).chain(legacy)).exits(0);
            t.run(["cert", "match", "o.p12"].into_iter().chain(pass)).exits(0).out_has("chain complete");
        }
        if have("certtool") {
            let words = ["--p12-info", "--inder", "--infile", "m.p12", "--password", "correct horse"];
            let told = t.peer("certtool", words).exits(0).stdout;
            assert_eq!(told.matches("BEGIN CERTIFICATE").count(), 2, "{told}");
        }
        if have("pk12util") {
            // A database for each round. Without this variable NSS measures the file system for a long while first.
            let db = format!("sql:nss{}", more.len());
            std::fs::create_dir(t.path(&db[4..])).unwrap();
            let nss = |words: &[&str]| t.peer("env", ["NSS_SDB_USE_CACHE=yes"].iter().chain(words)).exits(0);
            nss(&["certutil", "-N", "-d", &db, "--empty-password"]);
            nss(&["pk12util", "-i", "m.p12", "-d", &db, "-w", "pass"]);
            nss(&["certutil", "-K", "-d", &db]).out_has("mail.example.org");
            nss(&["pk12util", "-o", "nss.p12", "-n", "mail.example.org", "-d", &db, "-w", "pass"]);
            t.run(["cert", "match", "nss.p12"].into_iter().chain(pass)).exits(0).out_has("mail.example.org");
        }
        // Java is large: in the full run only.
        if scaled(1) == 100 && have("keytool") {
            let keytool = |words: &str| {
                let words = words.split(' ').chain(["-storepass", "correct horse", "-storetype", "PKCS12"]);
                t.peer("keytool", words).exits(0)
            };
            keytool("-list -keystore m.p12").out_has("PrivateKeyEntry");
            let key = "-genkeypair -alias mail -keyalg EC -groupname secp256r1 -dname CN=java.example.org";
            keytool(&format!("{key} -keystore java{}.p12", more.len()));
            let java = format!("java{}.p12", more.len());
            t.run(["key", "check", &java].into_iter().chain(pass)).exits(0).out_has("ECDSA P-256");
        }
    }
    t.run(["key", "new", "-o", "other.key", "--type", "ecdsa"]).exits(0);
    let words = ["cert", "convert", "chain.pem", "other.key", "--to", "p12", "-o", "x.p12"];
    t.run(words.into_iter().chain(pass)).exits(3).err_has("error[key-mismatch]");
    t.run(["cert", "convert", "chain.pem", "--to", "p12", "-o", "x.p12", "--no-input"]).exits(3);
}
