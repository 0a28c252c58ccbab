//! Dovecot: 2.3 as Debian 12 has it, 2.4 from a chroot of Debian 13.

use super::daemon::{Daemon, NotUp};
use super::system::System;
use crate::common::Test;

/// A running Dovecot. Anybody may log in with the password `secret`.
pub struct Dovecot {
    pub daemon: Daemon,
    /// IMAP with STARTTLS.
    pub imap: u16,
    /// IMAP over TLS.
    pub imaps: u16,
    /// POP3 with STARTTLS.
    pub pop3: u16,
    /// POP3 over TLS.
    pub pop3s: u16,
}

impl Dovecot {
    /// Starts it in the test's scratch directory with these TLS settings (what stands in `conf.d/10-ssl.conf`); none where it
    /// cannot be started.
    pub fn start(system: System, test: &Test, tls: &str) -> Option<Dovecot> {
        Some(Dovecot::attempt(system, test, tls)?.unwrap())
    }

    /// The same with settings that it may not like.
    pub fn attempt(system: System, test: &Test, tls: &str) -> Option<Result<Dovecot, NotUp>> {
        system.can_start("dovecot").then(|| Dovecot::run(system, test, tls))
    }

    fn run(system: System, test: &Test, tls: &str) -> Result<Dovecot, NotUp> {
        // Dovecot's own users must get to its sockets and mailboxes.
        test.chmod("", 0o711);
        test.file("dovecot/tls.conf", tls);
        std::fs::create_dir_all(test.path("dovecot/mail")).unwrap();
        test.chmod("dovecot/mail", 0o1777);
        let base = if system == System::Trixie { BASE_2_4 } else { BASE_2_3 };
        let base = base.replace("DIR", test.path("dovecot").to_str().unwrap());
        let log = test.path("dovecot/log");
        let (daemon, [imap, imaps, pop3, pop3s]) = Daemon::on_ports(&log, |[imap, imaps, pop3, pop3s]| {
            let ports = [("IMAPS", imaps), ("IMAP", imap), ("POP3S", pop3s), ("POP3", pop3)];
            let conf = ports.iter().fold(base.clone(), |conf, (name, port)| conf.replace(name, &port.to_string()));
            let mut command = system.command(test, "dovecot");
            command.arg("-F").arg("-c").arg(test.file("dovecot/dovecot.conf", conf));
            command
        })?;
        // It makes the sockets of other services after its ports answer, that of `auth` among them.
        let daemon = daemon.once_it_says("starting up for")?;
        Ok(Dovecot { daemon, imap, imaps, pop3, pop3s })
    }
}

/// With a state directory of its own: each that starts waits for the lock on the list of instances there.
const BASE_2_3: &str = "\
base_dir = DIR/run
state_dir = DIR/state
log_path = /dev/stderr
protocols = imap pop3
auth_failure_delay = 0
listen = 127.0.0.1
service imap-login {
  inet_listener imap {
    port = IMAP
  }
  inet_listener imaps {
    port = IMAPS
    ssl = yes
  }
}
service pop3-login {
  inet_listener pop3 {
    port = POP3
  }
  inet_listener pop3s {
    port = POP3S
    ssl = yes
  }
}
mail_location = maildir:~/Maildir
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=DIR/mail/%u
}
!include tls.conf
";

const BASE_2_4: &str = "\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
base_dir = DIR/run
state_dir = DIR/state
log_path = /dev/stderr
protocols = imap pop3
auth_failure_delay = 0
listen = 127.0.0.1
service imap-login {
  inet_listener imap {
    port = IMAP
  }
  inet_listener imaps {
    port = IMAPS
    ssl = yes
  }
}
service pop3-login {
  inet_listener pop3 {
    port = POP3
  }
  inet_listener pop3s {
    port = POP3S
    ssl = yes
  }
}
mail_driver = maildir
mail_path = ~/Maildir
passdb static {
  password = secret
}
userdb static {
  fields {
    uid = nobody
    gid = nogroup
    home = DIR/mail/%{user}
  }
}
!include tls.conf
";

mod tests {
    use super::System::{Bookworm, Trixie};
    use super::*;
    use crate::common;
    use crate::common::keys::openssl;
    use crate::common::purchase::Purchase;
    use crate::servers::pki::Clients;
    use crate::servers::{Client, Pki};

    #[test]
    fn dovecot_2_3_serves_what_prepare_wrote() {
        if common::have("dovecot") {
            serves_what_prepare_wrote(Bookworm, &Purchase::rsa(), &[]);
            serves_what_prepare_wrote(Bookworm, &Purchase::ecdsa(), &[]);
        }
    }

    #[test]
    fn dovecot_2_4_serves_what_prepare_wrote() {
        serves_what_prepare_wrote(Trixie, &Purchase::rsa(), &["--server-version", "2.4.1"]);
        serves_what_prepare_wrote(Trixie, &Purchase::ecdsa(), &["--server-version", "2.4.1"]);
    }

    #[test]
    fn nothing_of_dovecot_is_left_when_it_is_dropped() {
        let test = Test::new();
        let pki = Pki::new(&test);
        for system in [Bookworm, Trixie] {
            let Some(dovecot) = Dovecot::start(system, &test, &emitted(&test, system, &pki, &[])) else {
                return;
            };
            let ports = [dovecot.imap, dovecot.imaps, dovecot.pop3, dovecot.pop3s];
            drop(dovecot);
            // Its login processes hold the ports as long as one of them lives.
            for port in ports {
                assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "port {port} still answers");
            }
        }
    }

    #[test]
    fn protocols_addresses_and_names_have_the_certificates_that_were_emitted_for_them() {
        for system in [Bookworm, Trixie] {
            let test = Test::new();
            let pki = Pki::rsa(&test);
            let [alt, pop3, name] = ["alt", "pop3", "name"].map(|part| identity(&test, &pki, part));
            let for_pop3 = format!("pop3:{}:{}", pop3.0, pop3.1);
            let for_name = format!("name=imap.example.org:{}:{}", name.0, name.1);
            let asked = ["--alt-cert", &alt.0, "--alt-key", &alt.1, "--for", &for_pop3, "--for", &for_name];
            let Some(dovecot) = Dovecot::start(system, &test, &emitted(&test, system, &pki, &asked)) else { return };
            let chain = |of: &(String, String)| std::fs::read_to_string(&of.0).unwrap();
            let ecdsa = || Client::trusting(&pki.root).args(["-sigalgs", "ECDSA+SHA256"]);
            ecdsa().handshake(dovecot.imaps).verifies().presents(&chain(&alt));
            ecdsa().name("imap.example.org").handshake(dovecot.imaps).verifies().presents(&chain(&name));
            ecdsa().handshake(dovecot.pop3s).verifies().presents(&chain(&pop3));
            ecdsa().starttls("pop3").handshake(dovecot.pop3).verifies().presents(&chain(&pop3));
            let rsa = Client::trusting(&pki.root).args(["-sigalgs", "RSA-PSS+SHA256:RSA+SHA256"]);
            rsa.handshake(dovecot.imaps).verifies().presents(&pki.chain());
        }
    }

    #[test]
    fn an_encrypted_key_is_read_with_the_password_file_that_was_emitted() {
        for system in [Bookworm, Trixie] {
            let test = Test::new();
            let mut pki = Pki::new(&test);
            let encrypt = ["pkcs8", "-topk8", "-passout", "pass:secret", "-in", pki.key.to_str().unwrap()];
            pki.key = test.file("encrypted.key", openssl(&encrypt));
            let password = test.file("password", "secret");
            let asked = ["--key-password-file", password.to_str().unwrap()];
            let Some(dovecot) = Dovecot::start(system, &test, &emitted(&test, system, &pki, &asked)) else { return };
            Client::trusting(&pki.root).handshake(dovecot.imaps).verifies();
        }
    }

    #[test]
    fn the_user_is_whom_the_certificate_names_where_that_was_emitted() {
        for system in [Bookworm, Trixie] {
            let test = Test::new();
            let pki = Pki::new(&test);
            let clients = Clients::new(&test);
            let ca = clients.cas_with_crls.to_str().unwrap();
            let asked = ["--client-ca", ca, "--client-cert", "require", "--username-from-cert", "commonName"];
            let Some(dovecot) = Dovecot::start(system, &test, &emitted(&test, system, &pki, &asked)) else { return };
            let client = Client::trusting(&pki.root).identified(&clients.good);
            client.imap_login(dovecot.imaps, "somebody", "secret").says("a OK");
            dovecot.daemon.says("user=<alice>");
        }
    }

    fn serves_what_prepare_wrote(system: System, purchase: &Purchase, which: &[&str]) {
        let test = Test::new();
        let prepared = purchase.apply(&test, "dovecot", which).exits(0).json();
        let directives = prepared["result"]["directives"].as_str().unwrap();
        let Some(dovecot) = Dovecot::start(system, &test, directives) else { return };
        let chain = std::fs::read_to_string(Purchase::prepared(&test, "fullchain.pem")).unwrap();
        let client = || Client::trusting(&purchase.root);
        client().handshake(dovecot.imaps).verifies().presents(&chain);
        client().starttls("imap").handshake(dovecot.imap).verifies().presents(&chain);
        client().handshake(dovecot.pop3s).verifies().presents(&chain);
        client().starttls("pop3").handshake(dovecot.pop3).verifies().presents(&chain);
        client().name("imap.example.org").handshake(dovecot.imaps).verifies();
        client().name("www.example.org").handshake(dovecot.imaps).fails().says("hostname mismatch");
        client().imap_login(dovecot.imaps, "alice", "secret").says("a OK");
    }

    /// A chain and its key for both names that clients ask for.
    fn identity(test: &Test, pki: &Pki, part: &str) -> (String, String) {
        let leaf = pki.issuer.leaf(&["mail.example.org", "imap.example.org"]);
        let chain = test.file(format!("{part}.pem"), leaf.pem() + &pki.issuer.pem());
        let key = test.file(format!("{part}.key"), leaf.key_pem());
        (chain.to_str().unwrap().to_owned(), key.to_str().unwrap().to_owned())
    }

    fn emitted(test: &Test, system: System, pki: &Pki, more: &[&str]) -> String {
        let version = if system == Trixie { "2.4.1" } else { "2.3.19" };
        pki.emit(test, "dovecot", &pki.key, &[&["--require-tls", "--server-version", version], more].concat())
    }

    #[test]
    fn dovecot_2_3_lets_in_whom_our_ca_certified_and_keeps_the_revoked_out() {
        if common::have("dovecot") {
            our_ca_decides(Bookworm, |[cert, key, ca]| {
                format!("ssl_cert = <{cert}\nssl_key = <{key}\nssl_ca = <{ca}\nssl_verify_client_cert = yes\n")
            });
        }
    }

    #[test]
    fn dovecot_2_4_lets_in_whom_our_ca_certified_and_keeps_the_revoked_out() {
        our_ca_decides(Trixie, |[cert, key, ca]| {
            format!(
                "ssl_server_cert_file = {cert}\nssl_server_key_file = {key}\nssl_server_ca_file = {ca}\n\
                 ssl_server_request_client_cert = yes\n"
            )
        });
    }

    /// Everything from pkit: three levels of CAs, the server's certificate, two clients, and the file of CAs and CRLs.
    fn our_ca_decides(system: System, settings: impl Fn([&str; 3]) -> String) {
        let test = Test::new();
        let below = ["--intermediate", "Middle CA", "--intermediate", "Issuing CA"];
        let init = ["ca", "init", "ca", "--cn", "Root CA", "--type", "ecdsa", "--no-passphrase"];
        test.run(init.into_iter().chain(below)).exits(0);
        let issue = |name: &str, profile: &str| {
            let words = ["ca", "issue", name, "--ca", "ca", "--type", "ecdsa", "--profile", profile];
            test.run(words).exits(0);
        };
        issue("mail.example.org", "server");
        issue("alice", "client");
        issue("bob", "client");
        let cas = ["ca/root", "ca/intermediate", "ca/intermediate-2"];
        let files: Vec<String> = cas.iter().flat_map(|ca| [format!("{ca}.pem"), format!("{ca}.crl")]).collect();
        let bundle = || {
            let words = ["bundle", "dovecot-ca", "-o", "ca.pem"].into_iter().chain(files.iter().map(String::as_str));
            test.run(words).exits(0);
        };
        bundle();
        let path = |name: &str| test.path(name).to_str().unwrap().to_owned();
        let (cert, key, ca) = (path("mail.example.org.pem"), path("mail.example.org.key"), path("ca.pem"));
        let tls = format!("ssl = required\nauth_ssl_require_client_cert = yes\n{}", settings([&cert, &key, &ca]));
        let logs_in = |port: u16, name: &str| {
            let client = Client::trusting(&test.path("ca/root.pem"));
            let client = client.presenting(&test.path(format!("{name}.pem")), &test.path(format!("{name}.key")));
            client.imap_login(port, name, "secret").output.contains("a OK")
        };
        let Some(dovecot) = Dovecot::start(system, &test, &tls) else { return };
        assert!(logs_in(dovecot.imaps, "alice") && logs_in(dovecot.imaps, "bob"), "{:?}", dovecot.daemon.log());
        drop(dovecot);
        test.run(["ca", "revoke", "alice.pem", "--ca", "ca", "--reason", "keyCompromise"]).exits(0);
        bundle();
        let Some(dovecot) = Dovecot::start(system, &test, &tls) else { return };
        assert!(!logs_in(dovecot.imaps, "alice"), "the revoked client got in");
        assert!(logs_in(dovecot.imaps, "bob"), "{:?}", dovecot.daemon.log());
    }
}
