//! Apache httpd 2.4 as Debian has it, with the modules that TLS needs.

use super::daemon::{Daemon, NotUp};
use super::system::System;
use crate::common::Test;

/// A running Apache. Its only page says `welcome`.
pub struct Apache {
    pub daemon: Daemon,
    /// HTTP.
    pub http: u16,
    /// HTTP over TLS.
    pub https: u16,
}

impl Apache {
    /// Starts it in the test's scratch directory with these virtual hosts, in which `*:80` and `*:443` stand for its ports;
    /// none where it cannot be started.
    pub fn start(system: System, test: &Test, hosts: &str) -> Option<Apache> {
        Some(Apache::attempt(system, test, hosts)?.unwrap())
    }

    /// The same with settings that it may not like.
    pub fn attempt(system: System, test: &Test, hosts: &str) -> Option<Result<Apache, NotUp>> {
        system.can_start("apache2").then(|| Apache::run(system, test, hosts))
    }

    fn run(system: System, test: &Test, hosts: &str) -> Result<Apache, NotUp> {
        // Apache's own user must get to the page.
        test.chmod("", 0o711);
        test.file("apache/www/index.html", "welcome\n");
        std::fs::create_dir_all(test.path("apache/run")).unwrap();
        let dir = test.path("apache");
        let conf = test.file("apache/apache2.conf", BASE.replace("DIR", dir.to_str().unwrap()));
        let (daemon, [http, https]) = Daemon::on_ports(&dir.join("log"), |[http, https]| {
            test.file("apache/ports.conf", format!("Listen 127.0.0.1:{http}\nListen 127.0.0.1:{https}\n"));
            let hosts = hosts.replace("*:80", &format!("*:{http}")).replace("*:443", &format!("*:{https}"));
            test.file("apache/hosts.conf", hosts);
            let mut command = system.command(test, "apache2");
            command.arg("-DFOREGROUND").arg("-f").arg(&conf);
            command
        })?;
        let daemon = daemon.once_it_says("resuming normal operations")?;
        Ok(Apache { daemon, http, https })
    }
}

const BASE: &str = "\
ServerRoot /usr/lib/apache2
DefaultRuntimeDir DIR/run
PidFile DIR/run/pid
ServerName mail.example.org
ErrorLog /dev/stderr
LogLevel warn core:notice mpm_event:notice ssl:info
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule alias_module modules/mod_alias.so
LoadModule dir_module modules/mod_dir.so
LoadModule headers_module modules/mod_headers.so
LoadModule rewrite_module modules/mod_rewrite.so
LoadModule socache_shmcb_module modules/mod_socache_shmcb.so
LoadModule ssl_module modules/mod_ssl.so
StartServers 1
User www-data
Group www-data
DocumentRoot DIR/www
Include DIR/ports.conf
Include DIR/hosts.conf
";

mod tests {
    use std::path::Path;

    use super::*;
    use crate::servers::{Client, Pki};

    #[test]
    fn apache_serves_a_page_over_tls() {
        for system in [System::Bookworm, System::Trixie] {
            let test = Test::new();
            let pki = Pki::new(&test);
            let Some(apache) = Apache::start(system, &test, &host(&pki, &pki.key)) else { return };
            Client::trusting(&pki.root).handshake(apache.https).verifies().presents(&pki.chain());
            Client::trusting(&pki.root).curl("https", apache.https, &[]).exits(0).out_has("welcome");
            let redirected = Client::trusting(&pki.root).curl("http", apache.http, &["-i"]);
            redirected.exits(0).out_has("Location: https://mail.example.org/");
            Client::trusting(&pki.fullchain).handshake(apache.https).fails();
            apache.daemon.says("alert unknown ca");
        }
    }

    #[test]
    fn apache_with_another_key_does_not_start() {
        let test = Test::new();
        let pki = Pki::new(&test);
        let Some(apache) = Apache::attempt(System::Bookworm, &test, &host(&pki, &pki.wrong_key)) else { return };
        assert!(apache.err().unwrap().said.contains("do not match"));
    }

    #[test]
    fn each_name_has_its_certificate_and_browsers_are_told_to_insist() {
        for system in [System::Bookworm, System::Trixie] {
            let test = Test::new();
            let pki = Pki::new(&test);
            let other = pki.issuer.leaf(&["www.example.org"]);
            let chain = test.file("www.pem", other.pem() + &pki.issuer.pem());
            let key = test.file("www.key", other.key_pem());
            let part = format!("name=www.example.org:{}:{}", chain.display(), key.display());
            let of_host = ["--name", "mail.example.org", "--hsts", "--redirect", "mail.example.org", "--for", &part];
            let hosts = pki.emit(&test, "apache", &pki.key, &[&["--server-version", "2.4.71"], &of_host[..]].concat());
            let Some(apache) = Apache::start(system, &test, &hosts) else { return };
            let client = || Client::trusting(&pki.root);
            client().handshake(apache.https).verifies().presents(&pki.chain());
            client().name("www.example.org").handshake(apache.https).verifies().presents(&test.text("www.pem"));
            let page = client().curl("https", apache.https, &["-i"]).exits(0);
            page.out_has("Strict-Transport-Security: max-age=63072000; includeSubDomains");
            let sent_on = client().curl("http", apache.http, &["-i"]).exits(0);
            sent_on.out_has("301").out_has("Location: https://mail.example.org/");
        }
    }

    fn host(pki: &Pki, key: &Path) -> String {
        let (chain, key) = (pki.fullchain.display(), key.display());
        format!(
            "<VirtualHost *:80>\nServerName mail.example.org\nRedirect permanent / https://mail.example.org/\n</VirtualHost>\n\
             <VirtualHost *:443>\nSSLEngine on\nSSLCertificateFile {chain}\nSSLCertificateKeyFile {key}\n</VirtualHost>\n"
        )
    }
}
