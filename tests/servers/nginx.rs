//! nginx as Debian has it.

use std::net::TcpListener;

use super::daemon::{Daemon, NotUp};
use super::system::System;
use crate::common::Test;

/// A running nginx. Its only page says `welcome`.
pub struct Nginx {
    pub daemon: Daemon,
    /// HTTP.
    pub http: u16,
    /// HTTP over TLS.
    pub https: u16,
}

impl Nginx {
    /// Starts it in the test's scratch directory with these server blocks, in which `listen 80` and `listen 443` stand for its
    /// ports; none where it cannot be started.
    pub fn start(system: System, test: &Test, hosts: &str) -> Option<Nginx> {
        Some(Nginx::attempt(system, test, hosts)?.unwrap())
    }

    /// The same with settings that it may not like.
    pub fn attempt(system: System, test: &Test, hosts: &str) -> Option<Result<Nginx, NotUp>> {
        system.can_start("nginx").then(|| Nginx::run(system, test, hosts))
    }

    fn run(system: System, test: &Test, hosts: &str) -> Result<Nginx, NotUp> {
        // nginx's own user must get to the page.
        test.chmod("", 0o711);
        test.file("nginx/www/index.html", "welcome\n");
        std::fs::create_dir_all(test.path("nginx/run")).unwrap();
        let dir = test.path("nginx");
        let conf = test.file("nginx/nginx.conf", BASE.replace("DIR", dir.to_str().unwrap()));
        let (daemon, [http, https]) = Daemon::on_ports(&dir.join("log"), |[http, https]| {
            let mut hosts = at_port(at_port(hosts.to_owned(), 80, http), 443, https);
            // A port that the hosts leave out speaks HTTP.
            let silent = [http, https].map(|port| (port, hosts.contains(&format!("127.0.0.1:{port}"))));
            for (port, _) in silent.iter().filter(|(_, said)| !said) {
                hosts += &format!("\nserver {{\n  listen 127.0.0.1:{port};\n}}\n");
            }
            test.file("nginx/hosts.conf", hosts);
            let mut command = system.command(test, "nginx");
            command.args(["-e", "stderr", "-c"]).arg(&conf);
            command
        })?;
        let daemon = daemon.once_it_says("start worker process ")?;
        Ok(Nginx { daemon, http, https })
    }
}

/// Its hosts listen on this port of 127.0.0.1, and on that of ::1 where this machine has one.
fn at_port(hosts: String, port: u16, real: u16) -> String {
    let hosts = hosts.replace(&format!("listen {port}"), &format!("listen 127.0.0.1:{real}"));
    let sixth = TcpListener::bind(("::1", 0)).is_ok();
    let lines = hosts.split_inclusive('\n').filter(|line| sixth || !line.contains("listen [::]:"));
    lines.collect::<String>().replace(&format!("listen [::]:{port}"), &format!("listen [::1]:{real}"))
}

const BASE: &str = "\
daemon off;
user www-data;
worker_processes 1;
pid DIR/run/pid;
error_log stderr info;
events {
  worker_connections 64;
}
http {
  access_log off;
  client_body_temp_path DIR/run/body;
  proxy_temp_path DIR/run/proxy;
  fastcgi_temp_path DIR/run/fastcgi;
  uwsgi_temp_path DIR/run/uwsgi;
  scgi_temp_path DIR/run/scgi;
  root DIR/www;
  include hosts.conf;
}
";

mod tests {
    use std::path::Path;

    use super::*;
    use crate::servers::pki::Clients;
    use crate::servers::{Client, Pki};

    #[test]
    fn nginx_serves_a_page_over_tls() {
        for system in [System::Bookworm, System::Trixie] {
            let test = Test::new();
            let pki = Pki::new(&test);
            let Some(nginx) = Nginx::start(system, &test, &host(&pki, &pki.key)) else { return };
            Client::trusting(&pki.root).handshake(nginx.https).verifies().presents(&pki.chain());
            Client::trusting(&pki.root).curl("https", nginx.https, &[]).exits(0).out_has("welcome");
            Client::trusting(&pki.fullchain).handshake(nginx.https).fails();
            nginx.daemon.says("alert unknown ca");
        }
    }

    /// What 1.25.1 changed.
    #[test]
    fn nginx_1_26_has_other_words_than_1_22() {
        let test = Test::new();
        let pki = Pki::new(&test);
        let hosts = host(&pki, &pki.key);
        let with = |system, what: &str| {
            let hosts = hosts.replace("ssl_protocols TLSv1.2 TLSv1.3;", what);
            Nginx::attempt(system, &test, &hosts).map(|started| started.map_err(|not_up| not_up.said))
        };
        for (what, old, new) in [("http2 on;", false, true), ("ssl on;", true, false)] {
            let Some(started) = with(System::Bookworm, what) else { return };
            assert_eq!(started.is_ok(), old, "{what}");
            let Some(started) = with(System::Trixie, what) else { return };
            assert_eq!(started.is_ok(), new, "{what}");
        }
        let silent = with(System::Trixie, "").unwrap().unwrap();
        Client::trusting(&pki.root).args(["-tls1_3"]).handshake(silent.https).verifies();
    }

    #[test]
    fn nginx_with_another_key_does_not_start() {
        let test = Test::new();
        let pki = Pki::new(&test);
        let Some(nginx) = Nginx::attempt(System::Bookworm, &test, &host(&pki, &pki.wrong_key)) else { return };
        assert!(nginx.err().unwrap().said.contains("key values mismatch"));
    }

    #[test]
    fn each_name_has_its_certificate_and_browsers_are_told_to_insist() {
        let test = Test::new();
        let pki = Pki::new(&test);
        let other = pki.issuer.leaf(&["www.example.org"]);
        let chain = test.file("www.pem", other.pem() + &pki.issuer.pem());
        let key = test.file("www.key", other.key_pem());
        let part = format!("name=www.example.org:{}:{}", chain.display(), key.display());
        let of_host = ["--name", "mail.example.org", "--hsts", "--redirect", "mail.example.org", "--for", &part];
        let hosts = pki.emit(&test, "nginx", &pki.key, &[&["--server-version", "1.22.1"], &of_host[..]].concat());
        let Some(nginx) = Nginx::start(System::Bookworm, &test, &hosts) else { return };
        let client = || Client::trusting(&pki.root);
        client().handshake(nginx.https).verifies().presents(&pki.chain());
        client().name("www.example.org").handshake(nginx.https).verifies().presents(&test.text("www.pem"));
        for error in [&["-i"][..], &["-i", "-X", "DELETE"]] {
            let page = client().curl("https", nginx.https, error).exits(0);
            page.out_has("Strict-Transport-Security: max-age=63072000; includeSubDomains");
        }
        let sent_on = client().curl("http", nginx.http, &["-i"]).exits(0);
        sent_on.out_has("301").out_has("Location: https://mail.example.org/");
    }

    /// In a path the grammar has no meaning for what stands in quotes.
    #[test]
    fn a_path_with_blanks_and_braces_is_opened_as_it_is_and_a_password_is_a_line() {
        let test = Test::new();
        let pki = Pki::new(&test);
        let plain = pki.key.to_str().unwrap().to_owned();
        let key = crate::common::keys::openssl(&[
            "pkcs8",
            "-topk8",
            "-in",
            &plain,
            "-passout",
            "pass:secret",
            "-v2",
            "aes-256-cbc",
        ]);
        let key = test.file("a b;{}#'/the key.pem", key);
        let password = test.file("pass word", "secret\n");
        let words = ["--server-version", "1.22.1", "--key-password-file", password.to_str().unwrap()];
        let hosts = pki.emit(&test, "nginx", &key, &words);
        let Some(nginx) = Nginx::start(System::Bookworm, &test, &hosts) else { return };
        Client::trusting(&pki.root).handshake(nginx.https).verifies().presents(&pki.chain());
    }

    /// What `emit` writes into a second server block, and what a CA file for clients is not used for.
    #[test]
    fn clients_are_asked_for_certificates_in_every_server_block_and_no_chain_is_completed() {
        let test = Test::new();
        let pki = Pki::new(&test);
        let clients = Clients::new(&test);
        let leaf = test.file("leaf.pem", pki.leaf.pem());
        let part = format!("name=www.example.org:{}:{}", leaf.display(), pki.key.display());
        let [cas, crls] = [&clients.cas, &clients.crls].map(|path| path.to_str().unwrap());
        let asked = ["--client-cert", "require", "--client-ca", cas, "--crl", crls, "--for", &part];
        let hosts = pki.emit(&test, "nginx", &pki.key, &[&["--server-version", "1.22.1"], &asked[..]].concat());
        // The issuer is among the CAs that are trusted.
        test.file("clients.pem", test.text("clients.pem") + &pki.issuer.pem());
        let Some(nginx) = Nginx::start(System::Bookworm, &test, &hosts) else { return };
        let client = |name| Client::trusting(&pki.root).name(name);
        client("www.example.org").handshake(nginx.https).fails().says("unable to");
        let page = |client: Client| client.curl("https", nginx.https, &["-k", "-i"]).exits(0);
        for name in ["mail.example.org", "www.example.org"] {
            page(client(name)).out_has("400").out_has("No required SSL certificate was sent");
            page(client(name).identified(&clients.revoked)).out_has("The SSL certificate error");
            page(client(name).identified(&clients.good)).out_has("welcome");
        }
    }

    /// What the rules of lint say of the version that was tried.
    #[test]
    fn what_lint_says_of_nginx_is_so() {
        let test = Test::new();
        let pki = Pki::new(&test);
        let hosts = host(&pki, &pki.key);
        let start = |hosts: &str| Nginx::start(System::Bookworm, &test, hosts);
        let client = || Client::trusting(&pki.root);
        let Some(silent) = start(&hosts.replace("ssl_protocols TLSv1.2 TLSv1.3;", "")) else { return };
        client().args(["-tls1_3"]).handshake(silent.https).fails();
        let plain = start(&hosts.replace("listen 443 ssl", "listen 443")).unwrap();
        client().handshake(plain.https).fails();
        let add = |what: &str| hosts.replace("ssl_protocols", &format!("{what}\n  ssl_protocols"));
        let suite = start(&add("ssl_ciphers HIGH:TLS_AES_128_GCM_SHA256;\n")).unwrap();
        client().args(["-ciphersuites", "TLS_AES_256_GCM_SHA384"]).handshake(suite.https).verifies();
        let inner =
            "add_header Strict-Transport-Security max-age=9 always;\n  location /x {\n    add_header X-Y z;\n  }\n";
        let lost = start(&add(inner)).unwrap();
        let sent = |path| {
            let page = client().curl("https", lost.https, &["-i", "--request-target", path]);
            page.stdout.contains("Strict-Transport-Security")
        };
        assert_eq!((sent("/"), sent("/x")), (true, false));
        let nobody =
            start(&format!("{hosts}server {{\n  listen 443 ssl;\n  server_name www.example.org;\n}}\n")).unwrap();
        client().name("www.example.org").handshake(nobody.https).fails();
    }

    fn host(pki: &Pki, key: &Path) -> String {
        let (chain, key) = (pki.fullchain.display(), key.display());
        format!(
            "server {{\n  listen 443 ssl;\n  ssl_certificate {chain};\n  ssl_certificate_key {key};\n  \
             ssl_protocols TLSv1.2 TLSv1.3;\n}}\n"
        )
    }
}
