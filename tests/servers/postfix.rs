//! Postfix as Debian has it: an instance of its own, with its own queue.

use std::path::Path;
use std::process::Command;

use super::daemon::{Daemon, can_start};
use crate::common::Test;

/// A running Postfix.
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
    pub fn start(test: &Test, tls: &str) -> Option<Postfix> {
        can_start("postfix").then(|| Postfix::run(test, tls))
    }

    fn run(test: &Test, tls: &str) -> Postfix {
        // Postfix's own users must get to its queue.
        test.chmod("", 0o711);
        let dir = test.path("postfix");
        for name in ["queue", "data"] {
            std::fs::create_dir_all(dir.join(name)).unwrap();
        }
        test.peer("chown", [Path::new("postfix"), &dir.join("data")]).exits(0);
        test.file("postfix/main.cf", MAIN.replace("DIR", dir.to_str().unwrap()) + tls);
        let (daemon, [smtp, submissions]) = Daemon::on_ports(&dir.join("log"), |[smtp, submissions]| {
            let services = MASTER.replace("SUBMISSIONS", &submissions.to_string()).replace("SMTP", &smtp.to_string());
            test.file("postfix/master.cf", services);
            let mut command = Command::new("postfix");
            command.arg("-c").arg(&dir).arg("start-fg");
            command
        });
        Postfix { daemon, smtp, submissions }
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
";

mod tests {
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
            let Some(postfix) = Postfix::start(&test, directives) else { return };
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
        let test = Test::new();
        let pki = Pki::new(&test);
        let Some(postfix) = Postfix::start(&test, &emitted(&test, &pki, &pki.key)) else { return };
        Client::trusting(&pki.root).handshake(postfix.submissions).verifies().presents(&pki.chain());
        Client::trusting(&pki.root).starttls("smtp").handshake(postfix.smtp).verifies().presents(&pki.chain());
    }

    #[test]
    fn postfix_with_another_key_serves_no_tls() {
        let test = Test::new();
        let pki = Pki::new(&test);
        let Some(postfix) = Postfix::start(&test, &emitted(&test, &pki, &pki.wrong_key)) else { return };
        Client::trusting(&pki.root).handshake(postfix.submissions).fails();
        Client::trusting(&pki.root).starttls("smtp").handshake(postfix.smtp).fails();
        postfix.daemon.says("disabling TLS support");
    }

    fn emitted(test: &Test, pki: &Pki, key: &Path) -> String {
        pki.emit(test, "postfix", key, &["--server-version", "3.7"])
    }
}
