//! Postfix as Debian has it: an instance of its own, with its own queue.

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
    /// Starts it in the test's scratch directory with these TLS settings at the end of `main.cf`; none where it cannot be
    /// started.
    pub fn start(system: System, test: &Test, tls: &str) -> Option<Postfix> {
        Some(Postfix::attempt(system, test, tls)?.unwrap())
    }

    /// The same with settings that it may not like.
    pub fn attempt(system: System, test: &Test, tls: &str) -> Option<Result<Postfix, NotUp>> {
        system.can_start("postfix").then(|| Postfix::run(system, test, tls))
    }

    fn run(system: System, test: &Test, tls: &str) -> Result<Postfix, NotUp> {
        // Postfix's own users must get to its queue.
        test.chmod("", 0o711);
        let dir = test.path("postfix");
        for name in ["queue", "data"] {
            std::fs::create_dir_all(dir.join(name)).unwrap();
        }
        system.run(test, "chown", ["postfix".as_ref(), dir.join("data").as_path()]).exits(0);
        test.file("postfix/main.cf", MAIN.replace("DIR", dir.to_str().unwrap()) + tls);
        let (daemon, [smtp, submissions]) = Daemon::on_ports(&dir.join("log"), |[smtp, submissions]| {
            let services = MASTER.replace("SUBMISSIONS", &submissions.to_string()).replace("SMTP", &smtp.to_string());
            test.file("postfix/master.cf", services);
            let mut command = system.command(test, "postfix");
            command.arg("-c").arg(&dir).arg("start-fg");
            command
        })?;
        Ok(Postfix { daemon, smtp, submissions })
    }
}

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

const MASTER: &str = "\
127.0.0.1:SMTP        inet  n - n - - smtpd
127.0.0.1:SUBMISSIONS inet  n - n - - smtpd -o smtpd_tls_wrappermode=yes
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
    use std::path::Path;

    use super::*;
    use crate::common::have;
    use crate::common::purchase::Purchase;
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
            let Some(postfix) = Postfix::start(System::Bookworm, &test, directives) else { return };
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
    fn postfix_serves_what_emit_said() {
        for system in [System::Bookworm, System::Trixie] {
            let test = Test::new();
            let pki = Pki::new(&test);
            let Some(postfix) = Postfix::start(system, &test, &emitted(&test, &pki, &pki.key)) else { return };
            let client = || Client::trusting(&pki.root);
            client().handshake(postfix.submissions).verifies().presents(&pki.chain());
            client().starttls("smtp").handshake(postfix.smtp).verifies().presents(&pki.chain());
            let mail = test.file("mail", "Subject: hello\n\nhello\n");
            let to = ["--mail-from", "a@example.org", "--mail-rcpt", "b@example.org", "-T", mail.to_str().unwrap()];
            client().curl("smtp", postfix.smtp, &to).exits(0);
            client().curl("smtps", postfix.submissions, &to).exits(0);
        }
    }

    #[test]
    fn postfix_with_another_key_serves_no_tls() {
        let test = Test::new();
        let pki = Pki::new(&test);
        let Some(postfix) = Postfix::start(System::Bookworm, &test, &emitted(&test, &pki, &pki.wrong_key)) else {
            return;
        };
        Client::trusting(&pki.root).handshake(postfix.submissions).fails();
        Client::trusting(&pki.root).starttls("smtp").handshake(postfix.smtp).fails();
        postfix.daemon.says("disabling TLS support");
    }

    fn emitted(test: &Test, pki: &Pki, key: &Path) -> String {
        pki.emit(test, "postfix", key, &["--server-version", "3.7"])
    }
}
