//! HAProxy.

use std::os::unix::fs::symlink;

use super::Bench;

const NOW: &str = "--server haproxy --server-version 2.6.12";

/// A frontend with this behind `ssl crt FILE` on its bind line.
fn bind(options: &str) -> String {
    format!("frontend www\n  bind :443 ssl crt D/key-last.pem {options}\n  default_backend web\n")
}

#[test]
fn each_fault_is_found_in_its_line() {
    let b = Bench::new();
    let case = |text: &str| b.case("haproxy.cfg", NOW, text);
    case(&bind(""));
    let open = b.filled("frontend www\n  bind :443 ssl crt D/key-last.pem\n  mode http");
    b.t.file("haproxy.cfg", open);
    assert!(b.lint("haproxy.cfg", NOW).exits(1).stdout.contains("config-malformed"));
    case(&bind("alpn h2,http/1.1 strict-sni crt D/key-first.pem no-tls-tickets"));
    case("frontend www\n  bind :443 crt D/key-last.pem §haproxy-bind-without-ssl");
    case("frontend www\n  bind :443 ssl §haproxy-no-certificate\n  bind :80");
    case(&bind("verify required §haproxy-no-ca"));
    case(&bind("ca-file D/cas.pem §haproxy-ca-unused"));
    case(&bind("ca-file D/cas.pem crl-file D/crls.pem §haproxy-ca-unused haproxy-crl-unused"));
    case(&bind("ca-file D/cas.pem verify required"));
    case(&bind("ca-file D/cas.pem verify optional crl-file D/crls.pem"));
    case(&bind("ca-file D/cas.pem verify required crl-file D/crl-of-two.pem §crl-missing"));
    case(&bind("ssl-min-ver TLSv1.0 §protocol-old"));
    case(&bind("ssl-min-ver TLSv1.2"));
    case(&bind("ssl-max-ver TLSv1.2 §haproxy-no-tls13"));
    case(&bind("force-tlsv12 §haproxy-no-tls13"));
    case(&bind("ciphers HIGH:TLS_AES_128_GCM_SHA256 §haproxy-suite-in-list"));
    case(&bind("ciphers NOPE §ciphers-no-match"));
    case(&bind("ciphersuites NOPE §suites-no-match"));
    case("frontend www\n  bind :443 ssl crt D/nowhere.pem §named-file-missing");
    case("frontend www\n  bind :443 ssl crt D/fullchain.pem §key-not-found");
    case("frontend www\n  bind :443 ssl crt D/other-first.pem crt D/leaf-only.pem §key-not-found");
    case(
        "backend web\n  server a 192.0.2.1:443 ssl verify none §haproxy-server-unverified\n  server b 192.0.2.2:443 ssl verify required ca-file D/cas.pem",
    );
}

/// What is said in the global section holds for the bind lines that do not say it themselves.
#[test]
fn the_global_section_holds_for_every_bind_line() {
    let b = Bench::new();
    let case = |text: &str| b.case("haproxy.cfg", NOW, text);
    let old = "global\n  ssl-default-bind-options ssl-min-ver TLSv1.0";
    case(&format!("{old} §protocol-old\n{}", bind("")));
    case(&format!("{old}\n{}", bind("ssl-min-ver TLSv1.2")));
    case(&format!("global\n  ssl-default-bind-ciphers NOPE §ciphers-no-match\n{}", bind("")));
    case(&format!("global\n  ssl-default-bind-options no-tlsv13 §haproxy-no-tls13\n{}", bind("")));
    case(
        "global\n  crt-base D/.\n  ca-base D/.\nfrontend www\n  bind :443 ssl crt key-last.pem ca-file cas.pem verify required",
    );
    case("global\n  crt-base D/.\nfrontend www\n  bind :443 ssl crt nowhere.pem §named-file-missing");
}

/// What `haproxy -c` refuses.
#[test]
fn words_names_and_lines_that_haproxy_does_not_know_are_found() {
    let b = Bench::new();
    let case = |text: &str| b.case("haproxy.cfg", NOW, text);
    case(&bind("ssl-min-ver tlsv1.2 §setting-value-refused"));
    case(&bind("verify on §setting-value-refused"));
    case(&bind("ca-flie D/cas.pem §setting-misspelt"));
    case(&format!("global\n  ssl-default-bind-ciphrs HIGH §setting-misspelt\n{}", bind("")));
    case(&format!("global\n  ssl-default-bind-ciphers HIGH !aNULL §setting-value-refused\n{}", bind("")));
    case(&format!("bind :443 §config-malformed\n{}", bind("")));
    case(&bind("ciphers \"HIGH §config-malformed"));
    case(&bind("# a comment \""));
}

/// A directory of certificates, and a key beside its certificate.
#[test]
fn certificates_may_be_in_a_directory_and_keys_beside_them() {
    let b = Bench::new();
    let case = |text: &str| b.case("haproxy.cfg", NOW, text);
    b.t.file("certs/a.pem", b.t.read("key-last.pem"));
    case("frontend www\n  bind :443 ssl crt D/certs");
    case("frontend www\n  bind :443 ssl crt D/certs/");
    b.t.file("beside.pem", b.t.read("fullchain.pem"));
    b.t.file("beside.pem.key", b.t.read("leaf.key"));
    b.t.chmod("beside.pem.key", 0o400);
    case("frontend www\n  bind :443 ssl crt D/beside.pem");
    b.t.file("wrong.pem", b.t.read("fullchain.pem"));
    b.t.file("wrong.pem.key", b.t.read("other.key"));
    b.t.chmod("wrong.pem.key", 0o400);
    case("frontend www\n  bind :443 ssl crt D/wrong.pem §key-mismatch");
}

/// However many there are, and wherever they are named, each is opened.
#[test]
fn every_certificate_of_a_directory_a_list_and_a_long_line_is_judged() {
    let b = Bench::new();
    let case = |text: &str| b.case("haproxy.cfg", NOW, text);
    b.t.file("certs/a.pem", b.t.read("key-last.pem"));
    b.t.file("certs/b.pem", b.t.read("fullchain.pem"));
    case("frontend www\n  bind :443 ssl crt D/certs §key-not-found");
    case(
        "frontend www\n  bind :80\n  bind :8443 ssl crt D/key-last.pem\n  bind 127.0.0.1:443 ssl crt D/certs §key-not-found",
    );
    b.t.file("certs/b.pem.key", b.t.read("leaf.key"));
    b.t.file("certs/b.pem.ocsp", "no certificate");
    b.t.chmod("certs/b.pem.key", 0o400);
    b.t.chmod("certs/a.pem", 0o400);
    case("frontend www\n  bind :443 ssl crt D/certs");
    let three = "crt D/key-last.pem crt D/key-first.pem crt";
    case(&format!("frontend www\n  bind :443 ssl {three} D/nowhere.pem §named-file-missing"));
    case(&format!("frontend www\n  bind :443 ssl {three} D/key-last.pem"));
    std::fs::create_dir(b.t.path("empty")).unwrap();
    case("frontend www\n  bind :443 ssl crt D/empty §haproxy-directory-empty");
    symlink("nowhere", b.t.path("certs/c.pem")).unwrap();
    case("frontend www\n  bind :443 ssl crt D/certs §named-file-missing");
    let good = "D/key-last.pem";
    case(&format!(
        "frontend www\n  bind :443 ssl crt {good} crt D/key-first.pem crt D/nowhere.pem §named-file-missing"
    ));
    case(&format!("frontend www\n  bind :443 ssl crt a.pem crt {good} crt D/nowhere.pem §named-file-missing"));
    case(&format!(
        "frontend www\n  bind :1 ssl crt {good}\n  bind :2 ssl crt D/key-first.pem\n  bind :3 ssl crt D/nowhere.pem §named-file-missing"
    ));
}

/// What one line says of itself is nothing to the certificates of another.
#[test]
fn a_directory_and_a_list_are_judged_by_their_own_bind_line() {
    let b = Bench::new();
    let rsa = b.t.file("rsa.key", b.t.run(["key", "new", "--bits", "2048", "-o", "-"]).exits(0).stdout);
    b.t.chmod("rsa.key", 0o400);
    let made = b.t.run(["cert", "self-signed", "a.example.org", "--key", rsa.to_str().unwrap(), "-o", "-"]).exits(0);
    b.t.file("rsa.pem", made.stdout + &b.t.text("rsa.key"));
    b.t.chmod("rsa.pem", 0o400);
    b.t.file("ec/a.pem", b.t.read("key-last.pem"));
    b.t.chmod("ec/a.pem", 0o400);
    b.t.file("list.txt", b.filled("D/key-last.pem\n"));
    for named in ["crt D/ec", "crt-list D/list.txt"] {
        let first = "bind 127.0.0.1:443 ssl crt D/rsa.pem ciphers ECDHE-RSA-AES128-GCM-SHA256";
        let second = format!("bind 127.0.0.2:443 ssl {named} ciphers ECDHE-ECDSA-AES128-GCM-SHA256");
        b.t.file("haproxy.cfg", b.filled(&format!("frontend www\n  {first}\n  {second}\n")));
        let told = super::codes(&b.lint("haproxy.cfg", NOW));
        assert!(!told.contains("ciphers-for-other-key"), "{named}: {told:?}");
        let wrong = format!("bind 127.0.0.2:443 ssl {named} ciphers ECDHE-RSA-AES128-GCM-SHA256");
        b.t.file("haproxy.cfg", b.filled(&format!("frontend www\n  {first}\n  {wrong}\n")));
        assert!(super::codes(&b.lint("haproxy.cfg", NOW)).contains("ciphers-for-other-key"), "{named}");
    }
}

#[test]
fn each_line_of_a_list_is_followed() {
    let b = Bench::new();
    b.case("haproxy.cfg", NOW, "frontend www\n  bind :443 ssl crt-list D/none.txt §named-file-missing");
    let list = |head: &str, text: &str| {
        let list = b.t.file("list.txt", b.filled(text));
        b.t.file("haproxy.cfg", b.filled(&format!("{head}frontend www\n  bind :443 ssl crt-list D/list.txt\n")));
        let json = b.lint("haproxy.cfg", NOW).json();
        let all = json["findings"].as_array().unwrap().iter().filter(|f| f["path"] == list.to_str().unwrap());
        all.map(|f| format!("{} {}", f["line"], f["id"].as_str().unwrap())).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(
        list("", "# ours\nD/key-last.pem [alpn h2] *.example.org !x.example.org\n\nD/key-last.pem[alpn h2]\n"),
        ""
    );
    assert_eq!(
        list("", "D/key-last.pem\nD/nowhere.pem\nD/leaf-only.pem a.example.org\n"),
        "2 named-file-missing, 3 key-not-found"
    );
    assert_eq!(list("", "\nD/key-last.pem [alpn h2 ssl-min-ver TLSv1.0] a.example.org\n"), "2 setting-not-understood");
    assert_eq!(list("", "key-last.pem\n"), "1 include-not-followed");
    assert_eq!(list("global\n  crt-base D/.\n", "key-last.pem\nnowhere.pem\n"), "2 named-file-missing");
}
