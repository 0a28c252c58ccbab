//! Postfix as Debian has it: an instance of its own, with its own queue.

use std::fs::File;
use std::time::UNIX_EPOCH;

use super::daemon::{Daemon, NotUp};
use super::system::System;
use crate::common::Test;

/// A running Postfix. It takes mail for anybody and throws it away.
pub struct Postfix {
    pub daemon: Daemon,
    /// SMTP with STARTTLS.
    pub smtp: u16,
    /// SMTP over TLS, as on port 465.
    pub submissions: u16,
}

impl Postfix {
    /// Starts it in the test's scratch directory with these TLS settings at the end of `main.cf`; none
    /// where it cannot be started.
    pub fn start(system: System, test: &Test, tls: &str) -> Option<Postfix> {
        Some(Postfix::attempt(system, test, tls)?.unwrap())
    }

    /// The same with settings that it may not like.
    pub fn attempt(system: System, test: &Test, tls: &str) -> Option<Result<Postfix, NotUp>> {
        system.can_start("postfix").then(|| Postfix::run(system, test, tls, SERVICES))
    }

    /// The same with services of `master.cf` in place of the usual two: that on port 25 or 587 stands for the first, that on
    /// port 465 for the second.
    pub fn with_services(system: System, test: &Test, tls: &str, services: &str) -> Option<Postfix> {
        system.can_start("postfix").then(|| Postfix::run(system, test, tls, services).unwrap())
    }

    fn run(system: System, test: &Test, tls: &str, services: &str) -> Result<Postfix, NotUp> {
        // Postfix's own users must get to its queue.
        test.chmod("", 0o711);
        let dir = test.path("postfix");
        for name in DIRECTORIES {
            std::fs::create_dir_all(dir.join(name)).unwrap();
        }
        let owned = DIRECTORIES.map(|name| dir.join(name));
        system.run(test, "chown", ["postfix".into()].into_iter().chain(owned)).exits(0);
        let main = test.file("postfix/main.cf", MAIN.replace("DIR", dir.to_str().unwrap()) + tls);
        // It waits for seconds where a file seems to be still edited.
        File::options().append(true).open(main).unwrap().set_modified(UNIX_EPOCH).unwrap();
        let (daemon, [smtp, submissions]) = Daemon::on_ports(&dir.join("log"), |[smtp, submissions]| {
            let on = |line: &str| match line.split_whitespace().next() {
                Some(name @ ("smtp" | "submission")) => line.replacen(name, &format!("127.0.0.1:{smtp}"), 1),
                Some(name @ ("smtps" | "submissions")) => line.replacen(name, &format!("127.0.0.1:{submissions}"), 1),
                _ => line.to_owned(),
            };
            let services: String = services.lines().map(|line| on(line) + "\n").collect();
            test.file("postfix/master.cf", MASTER.to_owned() + &services);
            // What `postfix start-fg` ends in, after seconds of looks at the installation.
            let mut command = system.command(test, "/usr/lib/postfix/sbin/master");
            command.arg("-c").arg(&dir).arg("-s");
            command
        })?;
        Ok(Postfix { daemon, smtp, submissions })
    }
}

/// Those of its queue that are used, and that for its data: all of them its own user's.
const DIRECTORIES: [&str; 11] = [
    "data",
    "queue/active",
    "queue/bounce",
    "queue/defer",
    "queue/deferred",
    "queue/incoming",
    "queue/maildrop",
    "queue/pid",
    "queue/private",
    "queue/public",
    "queue/saved",
];

const MAIN: &str = "\
compatibility_level = 3.6
queue_directory = DIR/queue
data_directory = DIR/data
maillog_file = /dev/stdout
inet_protocols = ipv4
myhostname = mail.example.org
mydestination =
alias_maps =
default_transport = discard
notify_classes =
";

const SERVICES: &str = "\
smtp        inet  n - n - - smtpd
submissions inet  n - n - - smtpd -o smtpd_tls_wrappermode=yes
";

const MASTER: &str = "\
postlog   unix-dgram  n - n - 1 postlogd
tlsmgr    unix        - - n 1000? 1 tlsmgr
anvil     unix        - - n - 1 anvil
proxymap  unix        - - n - - proxymap
rewrite   unix        - - n - - trivial-rewrite
cleanup   unix        n - n - 0 cleanup
qmgr      unix        n - n 300 1 qmgr
discard   unix        - - n - - discard
";

mod tests {
    use super::System::{Bookworm, Trixie};
    use super::*;
    use crate::common::have;
    use crate::common::purchase::Purchase;
    use crate::servers::dovecot::Dovecot;
    use crate::servers::{Client, Pki};

    #[test]
    fn postfix_serves_what_prepare_wrote_and_nothing_older_than_tls_1_2() {
        if !have("postfix") {
            return;
        }
        for purchase in [Purchase::rsa(), Purchase::ecdsa()] {
            let test = Test::new();
            let prepared = purchase.apply(&test, "postfix", &[]).exits(0).json();
            let directives = prepared["result"]["directives"].as_str().unwrap();
            let Some(postfix) = Postfix::start(Bookworm, &test, directives) else { return };
            let chain = std::fs::read_to_string(Purchase::prepared(&test, "fullchain.pem")).unwrap();
            let client = || Client::trusting(&purchase.root);
            client().handshake(postfix.submissions).verifies().presents(&chain);
            client().starttls("smtp").handshake(postfix.smtp).verifies().presents(&chain);
            client().starttls("smtp").args(["-tls1_2"]).handshake(postfix.smtp).verifies();
            // Without the lower level this openssl would not even offer it.
            let old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
            client().starttls("smtp").args(old).handshake(postfix.smtp).fails().says("alert protocol version");
        }
    }

    #[test]
    fn mail_is_submitted_with_a_password_through_the_services_that_were_emitted() {
        for (system, version) in [(Bookworm, "3.7.11"), (Trixie, "3.10")] {
            let test = Test::new();
            let pki = Pki::new(&test);
            let asked = ["--server-version", version, "--listen", "starttls", "--listen", "implicit"];
            let [main, services] = texts(&test, &pki, &asked);
            // Who may log in, and as whom they send.
            let socket = test.path("postfix/queue/private/auth");
            let auth = format!("service auth {{\n  unix_listener {} {{\n    mode = 0666\n  }}\n}}\n", socket.display());
            let sasl =
                "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth\nsmtpd_sender_login_maps = static:alice\n";
            let Some(postfix) = Postfix::with_services(system, &test, &(main + sasl), &services) else { return };
            let tls = pki.emit(&test, "dovecot", &pki.key, &["--server-version", "2.3.19"]);
            let Some(_dovecot) = Dovecot::start(Bookworm, &test, &(tls + &auth)) else { return };
            let client = || Client::trusting(&pki.root);
            for (scheme, port) in [("smtp", postfix.smtp), ("smtps", postfix.submissions)] {
                client().curl(scheme, port, &[&MAIL[..], &["--user", "alice:secret"]].concat()).exits(0);
                assert_ne!(client().curl(scheme, port, &[&MAIL[..], &["--user", "alice:guess"]].concat()).exit, 0);
                assert_ne!(client().curl(scheme, port, &MAIL).exit, 0);
            }
        }
    }

    #[test]
    fn clients_get_the_certificate_for_the_name_that_they_ask_for() {
        for (system, version) in [(Bookworm, "3.7.11"), (Trixie, "3.10")] {
            let test = Test::new();
            let pki = Pki::new(&test);
            let other = pki.issuer.leaf(&["imap.example.org"]);
            let chain = test.file("other.pem", other.pem() + &pki.issuer.pem());
            let key = test.file("other.key", other.key_pem());
            let part = format!("name=imap.example.org:{}:{}", chain.display(), key.display());
            let [main, map] = texts(&test, &pki, &["--server-version", version, "--for", &part]);
            test.file("postfix/sni", map);
            // postmap asks it for the kind of table.
            test.file("postfix/main.cf", "");
            let dir = test.path("postfix").to_str().unwrap().to_owned();
            system.run(&test, "postmap", ["-c", &dir, "-F", &format!("hash:{dir}/sni")]).exits(0);
            let Some(postfix) = Postfix::start(system, &test, &main.replace("/etc/postfix", &dir)) else { return };
            let client = || Client::trusting(&pki.root);
            client().handshake(postfix.submissions).verifies().presents(&pki.chain());
            let named = || client().name("imap.example.org");
            named().handshake(postfix.submissions).verifies().presents(&test.text("other.pem"));
            named().starttls("smtp").handshake(postfix.smtp).verifies().presents(&test.text("other.pem"));
        }
    }

    /// What pkit prints, for as many files as that is for.
    fn texts<const N: usize>(test: &Test, pki: &Pki, more: &[&str]) -> [String; N] {
        pki.emit_files(test, "postfix", &pki.key, more).try_into().unwrap()
    }

    const MAIL: [&str; 6] = ["--mail-from", "a@example.org", "--mail-rcpt", "b@example.org", "-T", "/dev/null"];
}
