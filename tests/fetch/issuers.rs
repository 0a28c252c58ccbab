//! `--fetch`: missing issuers.

use std::time::{Duration, Instant};

use super::{Page, Server, nobody};
use crate::common::pki::{Authority, Leaf, ca_issuers, ca_issuers_at, cert_pem};
use crate::common::{Ran, Test, have};

/// root -> middle -> leaf, where the leaf says that the middle is at `url`.
struct Gap {
    test: Test,
    root: Authority,
    middle: Authority,
    leaf: Leaf,
}

impl Gap {
    fn new(urls: &[&str]) -> Gap {
        let (test, root) = (Test::new(), Authority::root("Example Root"));
        let middle = root.below("Middle CA");
        let leaf = middle.leaf_with(&["mail.example.org"], |p| p.custom_extensions = vec![ca_issuers_at(urls)]);
        test.file("root.pem", root.pem());
        test.file("leaf.pem", leaf.pem());
        Gap { test, root, middle, leaf }
    }

    fn build(&self, args: &[&str]) -> Ran {
        self.test.run([&["chain", "build", "leaf.pem", "--trust", "root.pem"], args].concat())
    }

    #[track_caller]
    fn is_closed(&self) -> Ran {
        let ran = self.build(&["--fetch"]).exits(0);
        assert_eq!(ran.stdout, self.leaf.pem() + &self.middle.pem());
        ran
    }

    /// Nothing was used, and nothing written.
    #[track_caller]
    fn stays(&self, exit: i32, args: &[&str]) -> Ran {
        let ran = self.build(&[&["--fetch", "-o", "out.pem"], args].concat()).exits(exit).err_has("chain-incomplete");
        assert!(!self.test.exists("out.pem"));
        ran
    }
}

#[test]
fn der_pem_and_pkcs7_close_the_gap() {
    let server = Server::start();
    let gap = Gap::new(&[&server.url("/middle.crt")]);
    server.serves("/middle.crt", gap.middle.der.clone());
    let url = server.url("/middle.crt");
    gap.is_closed().err_has(&format!("fetched: CN=Middle CA from {url}"));
    server.serves("/middle.crt", gap.middle.pem());
    gap.is_closed();
    if have("openssl") {
        gap.test.file("both.pem", gap.root.pem() + &gap.middle.pem());
        for form in ["DER", "PEM"] {
            let args = ["crl2pkcs7", "-nocrl", "-certfile", "both.pem", "-outform", form, "-out", "both.p7c"];
            gap.test.peer("openssl", args).exits(0);
            server.serves("/middle.crt", gap.test.read("both.p7c"));
            gap.is_closed();
        }
    }
    let json = gap.build(&["--fetch", "--json"]).exits(0).json();
    assert_eq!(json["result"]["fetched"][0]["url"], url);
    assert_eq!(json["result"]["chain"][1]["source"]["path"], url);
}

#[test]
fn a_chain_is_climbed_step_by_step() {
    let server = Server::start();
    let root = Authority::root("Example Root");
    let upper = root.below("Upper CA");
    let own = Authority::root("Lower CA");
    let lower = upper.cross_sign(&own, |p| p.custom_extensions = vec![ca_issuers(&server.url("/upper.crt"))]);
    let leaf =
        own.leaf_with(&["mail.example.org"], |p| p.custom_extensions = vec![ca_issuers(&server.url("/lower.crt"))]);
    let t = Test::new();
    t.file("root.pem", root.pem());
    t.file("leaf.pem", leaf.pem());
    server.serves("/lower.crt", lower.clone());
    server.serves("/upper.crt", upper.der.clone());
    let ran = t.run(["chain", "build", "leaf.pem", "--fetch", "--trust", "root.pem"]).exits(0);
    assert_eq!(ran.stdout, leaf.pem() + &cert_pem(&lower) + &upper.pem());
    assert_eq!(server.asked(), ["/lower.crt", "/upper.crt"]);
}

#[test]
fn what_is_not_the_issuer_is_not_used() {
    let server = Server::start();
    let gap = Gap::new(&[&server.url("/ca")]);
    // The right name with another key, and the very leaf.
    let impostor = Authority::root("Middle CA");
    for body in [impostor.der.clone(), gap.leaf.der.clone(), gap.root.der.clone(), b"<html>".to_vec(), Vec::new()] {
        server.serves("/ca", body);
        gap.stays(1, &[]).err_has("warning[fetched-not-issuer]").err_has(&server.url("/ca"));
    }
    // One that answers for one that does not.
    let gap = Gap::new(&[&server.url("/ca"), &server.url("/gone"), &server.url("/middle")]);
    server.serves("/ca", impostor.der);
    server.serves("/middle", gap.middle.der.clone());
    gap.is_closed().err_has("warning[fetch-failed]: the server answered 404");
}

#[test]
fn a_network_that_fails_is_told_by_the_exit_code() {
    let server = Server::start();
    server.serve("/error", Page::Status(503));
    server.serve("/cut", Page::Cut(b"0123".to_vec()));
    for (url, words) in [
        (nobody(), "connection refused"),
        (server.url("/none"), "the server answered 404"),
        (server.url("/error"), "the server answered 503"),
        (server.url("/cut"), "fetch-failed"),
    ] {
        Gap::new(&[&url]).stays(6, &[]).err_has(words).err_has(&url);
    }
}

#[test]
fn other_urls_than_http_are_named_and_left_alone() {
    for url in ["https://ca.example/x", "ldap://ca.example/cn=x", "file:///etc/passwd"] {
        let gap = Gap::new(&[url]);
        gap.stays(1, &[]).err_has("note[url-not-http]").err_has(url);
    }
}

#[test]
fn three_redirects_are_followed_and_no_more() {
    let server = Server::start();
    let gap = Gap::new(&[&server.url("/4")]);
    server.serves("/1", gap.middle.der.clone());
    for n in 2..=5 {
        server.serve(&format!("/{n}"), Page::Redirect(format!("/{}", n - 1)));
    }
    gap.is_closed();
    Gap::new(&[&server.url("/5")]).stays(6, &[]).err_has("more than 3 redirects");
    server.serve("/loop", Page::Redirect(server.url("/loop")));
    Gap::new(&[&server.url("/loop")]).stays(6, &[]).err_has("more than 3 redirects");
    assert_eq!(server.asked().iter().filter(|path| *path == "/loop").count(), 4);
}

/// From this machine on to a cloud's metadata, the office network, or another protocol: before anything is connected.
#[test]
fn redirects_lead_nowhere_else() {
    let server = Server::start();
    for (to, words) in [
        ("http://169.254.169.254/latest/", "which is on the same link"),
        ("http://10.0.0.1/", "which is in a private network"),
        ("http://[fd00::1]/", "which is in a private network"),
        (&nobody().replace("http", "https"), "which is not http"),
        ("file:///etc/passwd", "fetch-failed"),
        ("gopher://127.0.0.1/", "unknown scheme: gopher"),
    ] {
        server.serve("/away", Page::Redirect(to.into()));
        Gap::new(&[&server.url("/away")]).stays(6, &[]).err_has(words);
    }
}

#[test]
fn a_server_that_drips_or_sleeps_is_left_in_time() {
    let server = Server::start();
    server.serve("/slow", Page::Slow);
    server.serve("/silent", Page::Silent);
    for path in ["/slow", "/silent"] {
        let start = Instant::now();
        Gap::new(&[&server.url(path)]).stays(6, &["--timeout", "1s"]).err_has("not finished within 1s");
        assert!(start.elapsed() < Duration::from_secs(5), "{path}: {:?}", start.elapsed());
    }
}

#[test]
fn an_endless_answer_is_cut_off() {
    let server = Server::start();
    server.serve("/endless", Page::Endless);
    Gap::new(&[&server.url("/endless")]).stays(6, &[]).err_has("more than 1 MiB");
    server.serves("/large", vec![0x30; (1 << 20) + 1]);
    Gap::new(&[&server.url("/large")]).stays(6, &[]).err_has("more than 1 MiB");
    server.serves("/largest", vec![0x30; 1 << 20]);
    Gap::new(&[&server.url("/largest")]).stays(1, &[]).err_has("fetched-not-issuer");
}

#[test]
fn one_run_fetches_so_often() {
    let server = Server::start();
    let urls: Vec<String> = (0..20).map(|n| server.url(&format!("/{n}"))).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    Gap::new(&urls).stays(6, &[]).err_has("warning[fetch-limit]");
    assert_eq!(server.asked().len(), 16);
}

/// Judged by the system calls: no socket without `--fetch`, and one with it.
#[test]
fn without_fetch_nothing_touches_the_network() {
    if !have("strace") {
        return;
    }
    let server = Server::start();
    let gap = Gap::new(&[&server.url("/ca")]);
    server.serves("/ca", gap.middle.der.clone());
    let sockets = |args: &[&str]| {
        let pkit = env!("CARGO_BIN_EXE_pkit");
        let strace = ["-f", "-qq", "-e", "trace=%network", "-o", "trace", pkit];
        gap.test.peer("strace", [&strace[..], &["chain", "build", "leaf.pem", "--trust", "root.pem"], args].concat());
        gap.test.text("trace").lines().filter(|line| line.contains("AF_INET")).count()
    };
    assert_eq!(sockets(&[]), 0);
    assert!(server.asked().is_empty());
    assert!(sockets(&["--fetch"]) > 0);
}

#[test]
fn prepare_fetches_too() {
    let server = Server::start();
    let gap = Gap::new(&[&server.url("/ca")]);
    server.serves("/ca", gap.middle.der.clone());
    gap.test.file("mail.key", gap.leaf.key_pem());
    let prepare =
        ["prepare", "dovecot", "leaf.pem", "--key", "mail.key", "--trust", "root.pem", "--server-version", "2.3.19"];
    let with = |more: &[&str]| gap.test.run([&prepare[..], &["--dir", "out"], more].concat());
    with(&["--apply"]).exits(1).err_has("chain-incomplete");
    with(&["--apply", "--fetch"]).exits(0).out_has(&format!("fetched: CN=Middle CA from {}", server.url("/ca")));
    let chain = gap.test.text("out/pkit/mail.example.org/current/fullchain.pem");
    assert_eq!(chain, gap.leaf.pem() + &gap.middle.pem());
}
