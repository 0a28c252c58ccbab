//! What is wrong with a chain on the wire, in pkit's words and by openssl's number.

use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rcgen::KeyPair;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::{Served, codes, probe, target};
use crate::common::pki::{Authority, Leaf, cert_pem, pem, self_signed};
use crate::common::{Test, have, root};

/// root -> intermediate -> leaf, the root in `root.pem`.
struct Pki {
    test: Test,
    root: Authority,
    intermediate: Authority,
}

impl Pki {
    fn new() -> Pki {
        let test = Test::new();
        let root = Authority::root("Example Root");
        test.file("root.pem", root.pem());
        Pki { intermediate: root.below("Example CA"), root, test }
    }

    fn serve(&self, key: &KeyPair, ders: &[&[u8]], more: &[&str]) -> Served {
        let chain = self.test.file("chain.pem", ders.iter().map(|der| cert_pem(der)).collect::<String>());
        let key = self.test.file("leaf.key", pem("PRIVATE KEY", &key.serialize_der()));
        Served::start(&self.test, &chain, &key, more)
    }

    fn leaf_until(&self, not_after: OffsetDateTime) -> Leaf {
        self.intermediate.leaf_with(&["mail.example.org"], |params| params.not_after = not_after)
    }
}

#[test]
fn a_good_server_is_shown_as_it_is() {
    if !have("openssl") {
        return;
    }
    let pki = Pki::new();
    let leaf = pki.intermediate.leaf(&["mail.example.org"]);
    for (more, version, suite, group) in [
        (&["-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"][..], "TLS 1.3", "TLS_AES_256_GCM_SHA384", "X25519"),
        (
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305", "-groups", "P-384"],
            "TLS 1.2",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            "secp384r1",
        ),
    ] {
        let served = pki.serve(&leaf.key, &[&leaf.der, &pki.intermediate.der], more);
        let json = probe(&pki.test, &served.address(), &[]).exits(0).json();
        let seen = target(&json);
        assert_eq!((&seen["version"], &seen["suite"]), (&version.into(), &suite.into()), "{json:#}");
        assert_eq!(seen["group"], group, "{json:#}");
        assert_eq!((&seen["valid"], &seen["name_match"]), (&true.into(), &true.into()));
        let shown: Vec<_> = seen["chain"].as_array().unwrap().iter().map(|c| c["sha256"].as_str().unwrap()).collect();
        let sent = [&leaf.der, &pki.intermediate.der].map(|der| sha256(&pki.test, der));
        assert_eq!(shown, sent);
        assert_eq!((&seen["starttls"], &seen["ocsp_stapled"]), (&serde_json::Value::Null, &false.into()));
        assert_eq!(seen["client_certificate_requested"], false);
    }
}

/// What it is, the key, the chain, openssl's number and our code.
type Case<'a> = (&'a str, &'a KeyPair, Vec<&'a [u8]>, u32, &'a str);

#[test]
fn every_fault_is_named_as_openssl_numbers_it() {
    if !have("openssl") {
        return;
    }
    let pki = Pki::new();
    let (root, ca) = (&pki.root.der, &pki.intermediate.der);
    let good = pki.intermediate.leaf(&["mail.example.org"]);
    let old = pki.leaf_until(datetime!(2024-01-01 0:00 UTC));
    let early =
        pki.intermediate.leaf_with(&["mail.example.org"], |params| params.not_before = datetime!(2999-01-01 0:00 UTC));
    let other = pki.intermediate.leaf(&["www.example.org"]);
    let own = Authority::root("Nobody").leaf(&["mail.example.org"]);
    let foreign = Authority::root("Foreign Root");
    let of_foreign = foreign.leaf(&["mail.example.org"]);
    let alone = self_signed(&["mail.example.org"]);
    let cases: [Case; 9] = [
        ("whole", &good.key, vec![&good.der, ca], 0, ""),
        ("with its root", &good.key, vec![&good.der, ca, root], 0, ""),
        ("a gap", &good.key, vec![&good.der], 21, "chain-incomplete"),
        ("expired", &old.key, vec![&old.der, ca], 10, "cert-expired"),
        ("not yet valid", &early.key, vec![&early.der, ca], 9, "cert-not-yet-valid"),
        ("another name", &other.key, vec![&other.der, ca], 62, "name-mismatch"),
        ("self-signed", &alone.key, vec![&alone.der], 18, "not-trusted"),
        ("another root", &of_foreign.key, vec![&of_foreign.der, &foreign.der], 19, "not-trusted"),
        ("nobody's", &own.key, vec![&own.der, ca], 20, "chain-incomplete"),
    ];
    for (what, key, chain, number, code) in cases {
        let served = pki.serve(key, &chain, &[]);
        // openssl says 20 first, and 21 where nothing came but the leaf.
        let theirs = verify_code(&pki.test, &served);
        let number = if what == "nobody's" { 21 } else { number };
        assert_eq!(theirs, number, "{what}");
        let ran = probe(&pki.test, &served.address(), &[]).exits(if number == 0 { 0 } else { 1 });
        let json = ran.json();
        if number != 0 {
            let finding = json["findings"].as_array().unwrap().iter().find(|f| f["id"] == code);
            let finding = finding.unwrap_or_else(|| panic!("{what}: {json:#}"));
            let message = finding["message"].as_str().unwrap();
            assert!(message.contains(&format!("openssl: verify error {number}, ")), "{what}: {message}");
        }
    }
}

#[test]
fn the_order_on_the_wire_is_told() {
    if !have("openssl") {
        return;
    }
    let pki = Pki::new();
    let lower = pki.intermediate.below("Lower CA");
    let leaf = lower.leaf(&["mail.example.org"]);
    let served = pki.serve(&leaf.key, &[&leaf.der, &pki.intermediate.der, &lower.der], &[]);
    let json = probe(&pki.test, &served.address(), &[]).exits(0).json();
    assert!(codes(&json).contains(&"chain-order"), "{json:#}");
    let warned = probe(&pki.test, &served.address(), &["--fail-on", "warning"]).exits(1).json();
    assert_eq!(target(&warned)["valid"], true);
}

#[test]
fn a_certificate_that_was_renewed_on_the_disk_only_is_found() {
    if !have("openssl") {
        return;
    }
    let pki = Pki::new();
    let old = pki.leaf_until(datetime!(3000-01-01 0:00 UTC));
    let new = pki.intermediate.leaf_with(&["mail.example.org"], |params| {
        params.not_before = datetime!(2025-01-01 0:00 UTC);
        params.not_after = datetime!(3001-01-01 0:00 UTC);
    });
    let ca = &pki.intermediate.der;
    pki.test.file("new.pem", cert_pem(&new.der) + &cert_pem(ca));
    pki.test.file("old.pem", cert_pem(&old.der) + &cert_pem(ca));
    let served = pki.serve(&old.key, &[&old.der, ca], &[]);
    let expect = |file: &str, exit| {
        let json = probe(&pki.test, &served.address(), &["--expect-cert", file]).exits(exit).json();
        (target(&json)["served_matches_file"].clone(), codes(&json).join(" "), json["findings"].to_string())
    };
    let (matches, _, _) = expect("old.pem", 0);
    assert_eq!(matches, true);
    let (matches, codes, words) = expect("new.pem", 1);
    assert_eq!((matches, codes.as_str()), (false.into(), "served-differs"));
    assert!(words.contains("serves an older certificate (until 3000-01-01 00:00:00 UTC) than new.pem"), "{words}");
    // A server with two keys has two certificates.
    let both = ["--expect-cert", "new.pem", "--expect-cert", "old.pem"];
    probe(&pki.test, &served.address(), &both).exits(0);
    probe(&pki.test, &served.address(), &["--expect-cert", "leaf.key"]).exits(3);
    let shown = pki.test.run(["probe", &served.address(), "--trust", "root.pem", "--expect-cert", "new.pem"]);
    shown.exits(1).out_has("FAIL").out_has("served-differs").out_has("reload the service");
}

#[test]
fn several_servers_are_looked_at_in_one_run() {
    if !have("openssl") {
        return;
    }
    let pki = Pki::new();
    let leaf = pki.intermediate.leaf(&["mail.example.org"]);
    let good = pki.serve(&leaf.key, &[&leaf.der, &pki.intermediate.der], &["-verify", "1"]);
    let gap = pki.serve(&leaf.key, &[&leaf.der], &[]);
    let [nobody] = crate::servers::free_ports();
    let (a, b, c) = (good.address(), gap.address(), format!("127.0.0.1:{nobody}"));
    let words = ["--trust", "root.pem", "--name", "mail.example.org"];
    let json = pki.test.run([&["probe", "--json", &a, &b, &c], &words[..]].concat()).exits(6).json();
    let seen: Vec<_> = json["result"]["targets"].as_array().unwrap().iter().map(|t| t["valid"].clone()).collect();
    assert_eq!(seen, [true.into(), false.into(), serde_json::Value::Null]);
    assert_eq!(json["result"]["targets"][0]["client_certificate_requested"], true);
    assert!(json["result"]["targets"][2]["error"].as_str().unwrap().contains("connection refused"), "{json:#}");
    let shown = pki.test.run([&["probe", &a, &b, &c], &words[..]].concat()).exits(6);
    for part in ["OK    127.0.0.1:", "chain valid", "chain not valid", "no connection: connection refused"] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    pki.test.run([&["probe", &a], &words[..]].concat()).exits(0);
    pki.test.run(["probe", "no-such-host.invalid:25", "--timeout", "5s"]).exits(6);
    pki.test.run(["probe", "mail.example.org:0"]).exits(2);
    if !root() {
        return;
    }
    // In a network of its own nothing listens.
    let alone = ["--net", env!("CARGO_BIN_EXE_pkit"), "probe", "127.0.0.1", "--timeout", "5s", "--json"];
    let none = pki.test.peer("unshare", alone).exits(6).json();
    assert!(target(&none)["error"].as_str().unwrap().contains("no port of mail, LDAP or the web"), "{none:#}");
}

#[test]
fn every_address_of_a_name_is_looked_at() {
    if !have("openssl") || !root() {
        return;
    }
    let pki = Pki::new();
    let ca = &pki.intermediate.der;
    let new = pki.intermediate.leaf_with(&["mail.example.org"], |params| {
        params.not_before = OffsetDateTime::now_utc() - Duration::days(1);
        params.not_after = params.not_before + Duration::days(90);
    });
    let old = pki.intermediate.leaf(&["mail.example.org"]);
    let [new_file, old_file] = [(&new, "new"), (&old, "old")].map(|(leaf, name)| {
        let chain = pki.test.file(format!("{name}.pem"), cert_pem(&leaf.der) + &cert_pem(ca));
        (chain, pki.test.file(format!("{name}.key"), leaf.key_pem()))
    });
    let [port] = crate::servers::free_ports();
    let serve = |ip, (chain, key): &(PathBuf, PathBuf)| Served::at(&pki.test, ip, port, chain, key, &[]);
    let (_one, other) = (serve("127.0.0.1", &new_file), serve("127.0.0.2", &old_file));
    // Nobody listens at the third.
    let names = [1, 2, 3].map(|n| format!("127.0.0.{n} mail.example.org\n")).concat();
    let names = pki.test.file("hosts", names).display().to_string();
    let address = format!("mail.example.org:{port}");
    let pkit = |words: &[&str], more: &[&str]| {
        let within = ["--mount", "sh", "-c", "mount --bind $0 /etc/hosts && exec \"$@\"", &names];
        pki.test.peer("unshare", [&within[..], &[env!("CARGO_BIN_EXE_pkit")], words, more].concat())
    };
    let probe = |more: &[&str]| pkit(&["probe", &address, "--trust", "root.pem", "--expect-cert", "new.pem"], more);
    let check = |more: &[&str]| pkit(&["renew", "check", "new.pem", &address], more);
    let json = probe(&["--json"]).exits(1).json();
    let targets = json["result"]["targets"].as_array().unwrap().iter();
    let mut seen: Vec<_> =
        targets.map(|t| (t["ip"].as_str().unwrap(), t["served_matches_file"].as_bool().unwrap())).collect();
    seen.sort();
    assert_eq!(seen, [("127.0.0.1", true), ("127.0.0.2", false)], "{json:#}");
    assert_eq!(codes(&json), ["served-differs"], "{json:#}");
    assert_eq!(json["findings"][0]["path"], format!("{address} (127.0.0.2)"), "{json:#}");
    probe(&[])
        .exits(1)
        .out_has(&format!("FAIL  {address} (127.0.0.2)"))
        .out_has(&format!("OK    {address} (127.0.0.1)"));
    check(&[]).exits(1).out_has(&format!("STALE  {address} (127.0.0.2)"));
    let sample = |ip: &str| format!("pkit_served_matches_file{{target=\"{address}\",ip=\"{ip}\"}}");
    let metrics = check(&["--format", "prometheus"]).exits(1);
    metrics.out_has(&format!("{} 1\n", sample("127.0.0.1"))).out_has(&format!("{} 0\n", sample("127.0.0.2")));
    // One that answers alone needs no address to be told.
    drop(other);
    let alone = probe(&[]).exits(0);
    alone.out_has(&format!("OK    {address}  "));
    check(&[]).exits(0);
}

#[test]
fn a_server_that_wants_a_certificate_is_told_from_one_that_asks_for_it() {
    if !have("openssl") {
        return;
    }
    let pki = Pki::new();
    let leaf = pki.intermediate.leaf(&["mail.example.org"]);
    for version in ["-tls1_2", "-tls1_3"] {
        for (asking, told) in [("-Verify", true), ("-verify", false)] {
            let served = pki.serve(&leaf.key, &[&leaf.der, &pki.intermediate.der], &[version, asking, "1"]);
            let json = probe(&pki.test, &served.address(), &[]).exits(0).json();
            assert_eq!(target(&json)["client_certificate_requested"], true, "{version} {asking}");
            assert_eq!(codes(&json).contains(&"client-certificate-wanted"), told, "{version} {asking}: {json:#}");
            assert_eq!(target(&json)["valid"], true);
        }
    }
}

#[test]
fn of_a_protocol_only_its_own_ports_are_asked() {
    if !root() {
        return;
    }
    let test = Test::new();
    for (starttls, words) in
        [("imap", "FAIL  127.0.0.1:143  imap  no connection: "), ("smtp", "no port where TLS begins so")]
    {
        let probe = ["probe", "127.0.0.1", "--starttls", starttls, "--timeout", "5s", "-v"];
        let alone = [&["--net", env!("CARGO_BIN_EXE_pkit")], &probe[..]].concat();
        test.peer("unshare", alone).exits(6).err_or_out(words);
    }
}

fn sha256(test: &Test, der: &[u8]) -> String {
    let path = test.file("one.der", der);
    let ran = test.peer("sha256sum", [Path::new("-b"), &path]).exits(0);
    ran.stdout.split_whitespace().next().unwrap().to_owned()
}

/// What `openssl s_client` makes of a server.
fn verify_code(test: &Test, served: &Served) -> u32 {
    let mut openssl = Command::new("timeout");
    openssl.args(["30", "openssl", "s_client", "-connect", &served.address(), "-servername", "mail.example.org"]);
    openssl.args(["-verify_hostname", "mail.example.org", "-CAfile", "root.pem", "-no-CApath", "-no-CAstore"]);
    let output = openssl.current_dir(test.path("")).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().rev().find_map(|line| line.trim().strip_prefix("Verify return code: "));
    line.unwrap_or_else(|| panic!("{text}")).split(' ').next().unwrap().parse().unwrap()
}

/// OpenSSL's servers refuse a pair that does not match; GnuTLS's do not all, and nor does this one.
#[test]
fn a_server_with_the_key_of_another_certificate_is_found() {
    if !have("openssl") {
        return;
    }
    let pki = Pki::new();
    let [leaf, other] = [(); 2].map(|()| pki.intermediate.leaf(&["mail.example.org"]));
    pki.test.file("leaf.pem", cert_pem(&leaf.der) + &cert_pem(&pki.intermediate.der));
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        for (key, exit) in [(&leaf.key, 0), (&other.key, 1)] {
            let port = serve_pair(&[&leaf.der, &pki.intermediate.der], key, None, version);
            let what = format!("{version:?}, exit {exit}");
            let openssl = ["s_client", "-CAfile", "root.pem", "-connect"].map(String::from).into_iter();
            let theirs = Command::new("openssl")
                .args(openssl.chain([format!("127.0.0.1:{port}")]))
                .current_dir(pki.test.path(""))
                .stdin(Stdio::null())
                .output()
                .unwrap();
            assert_eq!(theirs.status.success(), exit == 0, "{what}: {}", String::from_utf8_lossy(&theirs.stderr));
            let json =
                probe(&pki.test, &format!("127.0.0.1:{port}"), &["--expect-cert", "leaf.pem"]).exits(exit).json();
            assert_eq!(codes(&json).contains(&"served-key-mismatch"), exit != 0, "{what}: {json:#}");
            assert_eq!(target(&json)["served_matches_file"], true, "{what}: {json:#}");
        }
    }
}

/// A server that shows this chain with this response and signs with this key, until the test ends.
fn serve_pair(
    chain: &[&[u8]],
    key: &KeyPair,
    ocsp: Option<Vec<u8>>,
    version: &'static rustls::SupportedProtocolVersion,
) -> u16 {
    let key = rustls_pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
    let chain = chain.iter().map(|der| der.to_vec().into()).collect();
    let pair = rustls::sign::CertifiedKey { ocsp, ..rustls::sign::CertifiedKey::new(chain, key) };
    let config = rustls::ServerConfig::builder_with_protocol_versions(&[version])
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(pair)));
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut tls = rustls::ServerConnection::new(config.clone()).unwrap();
            // Until the client hangs up.
            let _ = rustls::Stream::new(&mut tls, &mut stream).read(&mut [0; 16]);
        }
    });
    port
}

/// What `openssl ocsp` makes of the CA's own list of certificates; the responder is the CA, or one that it has appointed.
#[test]
fn a_stapled_response_is_judged() {
    if !have("openssl") {
        return;
    }
    let pki = Pki::new();
    let leaf = |more: fn(&mut rcgen::CertificateParams)| pki.intermediate.leaf_with(&["mail.example.org"], more);
    let must_staple = |params: &mut rcgen::CertificateParams| {
        // status_request, RFC 7633.
        let feature = rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], vec![0x30, 3, 2, 1, 5]);
        params.custom_extensions.push(feature);
    };
    let (good, other, strict) = (leaf(|_| ()), leaf(|_| ()), leaf(must_staple));
    let appointed = pki.intermediate.leaf_with(&["ocsp.example.org"], |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::OcspSigning];
    });
    let test = &pki.test;
    test.file("ca.pem", pki.intermediate.pem());
    test.file("ca.key", pki.intermediate.key_pem());
    for (name, leaf) in [("good", &good), ("other", &other), ("strict", &strict), ("appointed", &appointed)] {
        test.file(format!("{name}.pem"), cert_pem(&leaf.der));
        test.file(format!("{name}.key"), leaf.key_pem());
    }
    let serial = |name: &str| {
        let said = openssl(test, &["x509", "-in", &format!("{name}.pem"), "-noout", "-serial"]);
        said.trim().strip_prefix("serial=").unwrap().to_owned()
    };
    // What the CA knows of the certificate, who signs, what the answer is about.
    let answer = |file: &str, status: &str, signer: &str, of: &str| {
        let line = match status {
            "V" => format!("V\t350101000000Z\t\t{}\tunknown\t/CN=x\n", serial(of)),
            "R" => format!("R\t350101000000Z\t250101000000Z\t{}\tunknown\t/CN=x\n", serial(of)),
            _ => String::new(),
        };
        test.file("index.txt", line);
        let of = format!("{of}.pem");
        openssl(test, &["ocsp", "-issuer", "ca.pem", "-cert", &of, "-no_nonce", "-reqout", "request.der"]);
        let (signer, key) = (format!("{signer}.pem"), format!("{signer}.key"));
        let by = ["-index", "index.txt", "-CA", "ca.pem", "-rsigner", &signer, "-rkey", &key, "-ndays", "1"];
        openssl(test, &[&["ocsp", "-reqin", "request.der", "-respout", file], &by[..]].concat());
    };
    answer("good.der", "V", "ca", "good");
    answer("appointed.der", "V", "appointed", "good");
    answer("revoked.der", "R", "ca", "good");
    answer("unknown.der", "", "ca", "good");
    answer("about-another.der", "V", "ca", "other");
    // Its own certificate does not make it a responder.
    answer("by-another.der", "V", "other", "good");
    test.file("later.der", [0x30, 3, 0x0a, 1, 3]);
    let chain = |leaf: &Leaf| [leaf.der.clone(), pki.intermediate.der.clone()];
    let seen = |leaf: &Leaf, version: &str, response: &str| {
        let chain = chain(leaf);
        let status = ["-status_file", response];
        let more: Vec<&str> =
            [version].into_iter().chain(status.into_iter().filter(|_| !response.is_empty())).collect();
        let served = pki.serve(&leaf.key, &[&chain[0], &chain[1]], &more);
        let json = probe(test, &served.address(), &["--fail-on", "warning"]).json();
        assert_eq!(target(&json)["ocsp_stapled"], !response.is_empty(), "{response}: {json:#}");
        codes(&json).iter().map(|code| code.to_string()).collect::<Vec<_>>()
    };
    for version in ["-tls1_3", "-tls1_2"] {
        for (response, code) in [
            ("good.der", None),
            ("appointed.der", None),
            ("revoked.der", Some("cert-revoked")),
            ("unknown.der", Some("ocsp-unknown")),
            ("about-another.der", Some("ocsp-other-certificate")),
            ("by-another.der", Some("ocsp-signature")),
            ("later.der", Some("ocsp-refused")),
        ] {
            let codes = seen(&good, version, response);
            assert_eq!(codes, code.into_iter().collect::<Vec<_>>(), "{version} {response}");
        }
        let served = pki.serve(&good.key, &[&good.der, &pki.intermediate.der], &[version, "-status_file", "good.der"]);
        let json = probe(test, &served.address(), &["--at", "3000-01-01"]).exits(1).json();
        assert!(codes(&json).contains(&"ocsp-not-current"), "{json:#}");
        let json = probe(test, &served.address(), &["--at", "2020-01-01"]).exits(1).json();
        assert!(codes(&json).contains(&"ocsp-not-current"), "{json:#}");
        answer("strict.der", "V", "ca", "strict");
        // Its certificate names no responder, which is said in any case.
        assert_eq!(seen(&strict, version, "strict.der"), ["must-staple-without-ocsp"]);
        let without = seen(&strict, version, "");
        assert!(without.contains(&"ocsp-not-stapled".to_owned()), "{without:?}");
    }
    // No response at all, which openssl does not send.
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let cut = test.read("good.der")[..100].to_vec();
        let port = serve_pair(&[&good.der, &pki.intermediate.der], &good.key, Some(cut), version);
        assert_eq!(codes(&probe(test, &format!("127.0.0.1:{port}"), &[]).exits(1).json()), ["ocsp-malformed"]);
    }
}

fn openssl(test: &Test, args: &[&str]) -> String {
    let ran = Command::new("openssl").args(args).current_dir(test.path("")).output().unwrap();
    assert!(ran.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&ran.stdout).into_owned()
}
