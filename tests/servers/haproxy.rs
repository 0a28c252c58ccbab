//! HAProxy as Debian has it.

use std::net::TcpListener;

use super::daemon::{Daemon, NotUp};
use super::system::System;
use crate::common::Test;

/// A running HAProxy. Its only page says `welcome`.
pub struct Haproxy {
    pub daemon: Daemon,
    /// HTTP.
    pub http: u16,
    /// HTTP over TLS.
    pub https: u16,
}

impl Haproxy {
    /// Starts it in the test's scratch directory with these frontends, in which `:80,:::80` and `:443,:::443` stand for its
    /// ports; none where it cannot be started.
    pub fn start(system: System, test: &Test, frontends: &str) -> Option<Haproxy> {
        Some(Haproxy::attempt(system, test, frontends)?.unwrap())
    }

    /// The same with settings that it may not like.
    pub fn attempt(system: System, test: &Test, frontends: &str) -> Option<Result<Haproxy, NotUp>> {
        system.can_start("haproxy").then(|| Haproxy::run(system, test, frontends))
    }

    fn run(system: System, test: &Test, frontends: &str) -> Result<Haproxy, NotUp> {
        let conf = test.path("haproxy/haproxy.cfg");
        test.file("haproxy/haproxy.cfg", "");
        let (daemon, [http, https]) = Daemon::on_ports(&test.path("haproxy/log"), |[http, https]| {
            let frontends = at_port(at_port(frontends.to_owned(), 80, http), 443, https);
            // A port that the frontends leave out speaks HTTP.
            let silent = [http, https].into_iter().filter(|port| !frontends.contains(&format!("127.0.0.1:{port}")));
            let plain: String = silent.map(|port| format!("frontend plain{port}\n  bind 127.0.0.1:{port}\n")).collect();
            test.file("haproxy/haproxy.cfg", format!("{BASE}{plain}{frontends}"));
            let mut command = system.command(test, "haproxy");
            command.arg("-db").arg("-f").arg(&conf);
            command
        })?;
        Ok(Haproxy { daemon, http, https })
    }
}

/// Its frontends listen on this port of 127.0.0.1, and on that of ::1 where this machine has one.
fn at_port(frontends: String, port: u16, real: u16) -> String {
    let sixth = if TcpListener::bind(("::1", 0)).is_ok() { format!(",::1:{real}") } else { String::new() };
    frontends.replace(&format!(":{port},:::{port}"), &format!("127.0.0.1:{real}{sixth}"))
}

const BASE: &str = "\
global
  user haproxy
  group haproxy
  log stdout format raw local0 info
defaults
  mode http
  log global
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  default_backend pages
backend pages
  http-request return status 200 content-type text/plain string welcome
";

mod tests {
    use std::path::Path;

    use super::*;
    use crate::servers::pki::Clients;
    use crate::servers::{Client, Pki};

    #[test]
    fn haproxy_serves_a_page_over_tls() {
        for system in [System::Bookworm, System::Trixie] {
            let test = Test::new();
            let pki = Pki::new(&test);
            let Some(haproxy) = Haproxy::start(system, &test, &frontend(&test, &pki, &pki.key)) else { return };
            Client::trusting(&pki.root).handshake(haproxy.https).verifies().presents(&pki.chain());
            Client::trusting(&pki.root).curl("https", haproxy.https, &[]).exits(0).out_has("welcome");
            Client::trusting(&pki.fullchain).handshake(haproxy.https).fails();
        }
    }

    #[test]
    fn haproxy_with_another_key_does_not_start() {
        let test = Test::new();
        let pki = Pki::new(&test);
        let text = frontend(&test, &pki, &pki.wrong_key);
        let Some(haproxy) = Haproxy::attempt(System::Bookworm, &test, &text) else { return };
        assert!(haproxy.err().unwrap().said.contains("inconsistencies between private key and certificate"));
    }

    #[test]
    fn browsers_are_told_to_insist_and_sent_on_and_any_order_in_the_file_will_do() {
        for system in [System::Bookworm, System::Trixie] {
            let test = Test::new();
            let pki = Pki::new(&test);
            let words = ["--server-version", "2.6.12", "--hsts", "--redirect", "mail.example.org", "--log"];
            let said = pki.emit(&test, "haproxy", &pki.key, &words);
            test.file("both.pem", test.text("leaf.key") + &pki.chain());
            let Some(haproxy) = Haproxy::start(system, &test, &said) else { return };
            let client = || Client::trusting(&pki.root);
            client().handshake(haproxy.https).verifies().presents(&pki.chain());
            let page = client().curl("https", haproxy.https, &["-i"]).exits(0).out_has("welcome");
            assert!(
                page.stdout.to_lowercase().contains("strict-transport-security: max-age=63072000; includesubdomains")
            );
            haproxy.daemon.says("TLSv1.3");
            let sent_on = client().curl("http", haproxy.http, &["-i"]).exits(0).out_has("301");
            assert!(
                sent_on.stdout.to_lowercase().contains("location: https://mail.example.org/"),
                "{}",
                sent_on.stdout
            );
        }
    }

    /// A key beside its certificate, and paths that have to be quoted.
    #[test]
    fn a_key_may_lie_beside_its_certificate_and_a_path_is_opened_as_it_is() {
        let test = Test::new();
        let pki = Pki::new(&test);
        let text = frontend(&test, &pki, &pki.key);
        test.file("both.pem", pki.chain());
        test.file("both.pem.key", test.text("leaf.key"));
        let Some(haproxy) = Haproxy::start(System::Bookworm, &test, &text) else { return };
        Client::trusting(&pki.root).handshake(haproxy.https).verifies();
        drop(haproxy);
        let odd = test.file("a b#\"$x\\n/c.pem", pki.chain() + &test.text("leaf.key"));
        let odd = odd.to_str().unwrap();
        let words = ["emit", "haproxy", "--server-version", "2.6.12", "--cert", odd, "--key", odd];
        let said = test.run(words).exits(0).stdout;
        let haproxy = Haproxy::start(System::Bookworm, &test, &said).unwrap();
        Client::trusting(&pki.root).handshake(haproxy.https).verifies().presents(&pki.chain());
    }

    /// What the rules of lint say of the version that was tried.
    #[test]
    fn what_lint_says_of_haproxy_is_so() {
        let test = Test::new();
        let pki = Pki::new(&test);
        let clients = Clients::new(&test);
        let text = frontend(&test, &pki, &pki.key);
        let start = |text: &str| Haproxy::start(System::Bookworm, &test, text);
        let client = || Client::trusting(&pki.root);
        let Some(plain) = start(&text.replace(" ssl crt", " crt")) else { return };
        client().handshake(plain.https).fails();
        let unasked = start(&format!("{} ca-file {}\n", text.trim_end(), clients.cas.display())).unwrap();
        client().curl("https", unasked.https, &[]).exits(0).out_has("welcome");
        let suite = start(&format!("{} ciphers HIGH:TLS_AES_128_GCM_SHA256\n", text.trim_end())).unwrap();
        client().args(["-ciphersuites", "TLS_AES_256_GCM_SHA384"]).handshake(suite.https).verifies();
        // Its own chain is not completed from the CAs for clients.
        test.file("both.pem", pki.leaf.pem() + &test.text("leaf.key"));
        test.file("clients.pem", test.text("clients.pem") + &pki.issuer.pem());
        let asks = format!("{} ca-file {} verify optional\n", text.trim_end(), clients.cas.display());
        let short = start(&asks).unwrap();
        client().handshake(short.https).fails();
    }

    fn frontend(test: &Test, pki: &Pki, key: &Path) -> String {
        let both = test.file("both.pem", pki.chain() + &std::fs::read_to_string(key).unwrap());
        format!("frontend https\n  bind :443,:::443 ssl crt {}\n", both.display())
    }
}
