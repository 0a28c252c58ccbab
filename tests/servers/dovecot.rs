//! Dovecot: 2.3 as Debian 12 has it, 2.4 from a chroot of Debian 13.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::daemon::{Daemon, can_start};
use crate::common::{self, Test};

/// Which Dovecot.
#[derive(Clone, Copy)]
pub enum Release {
    V2_3,
    V2_4,
}

/// A running Dovecot. Anybody may log in with the password `secret`.
pub struct Dovecot {
    pub daemon: Daemon,
    /// IMAP with STARTTLS.
    pub imap: u16,
    /// IMAP over TLS.
    pub imaps: u16,
}

impl Dovecot {
    /// Starts it in the test's scratch directory with these TLS settings (what stands in `conf.d/10-ssl.conf`); none where it
    /// cannot be started.
    pub fn start(release: Release, test: &Test, tls: &str) -> Option<Dovecot> {
        match release {
            Release::V2_3 => can_start("dovecot").then(|| Dovecot::run(test, BASE_2_3, tls, foreground)),
            Release::V2_4 => {
                let root = chroot()?;
                Some(Dovecot::run(test, BASE_2_4, tls, |conf| inside(&root, &test.path(""), &foreground(conf))))
            }
        }
    }

    fn run(test: &Test, base: &str, tls: &str, command: impl Fn(&Path) -> Command) -> Dovecot {
        // Dovecot's own users must get to its sockets and mailboxes.
        test.chmod("", 0o711);
        test.file("dovecot/tls.conf", tls);
        std::fs::create_dir_all(test.path("dovecot/mail")).unwrap();
        test.chmod("dovecot/mail", 0o1777);
        let base = base.replace("DIR", test.path("dovecot").to_str().unwrap());
        let (daemon, [imap, imaps]) = Daemon::on_ports(&test.path("dovecot/log"), |[imap, imaps]| {
            let conf = base.replace("IMAPS", &imaps.to_string()).replace("IMAP", &imap.to_string());
            command(&test.file("dovecot/dovecot.conf", conf))
        });
        Dovecot { daemon, imap, imaps }
    }
}

fn foreground(conf: &Path) -> Command {
    let mut command = Command::new("dovecot");
    command.arg("-F").arg("-c").arg(conf);
    command
}

/// The chroot that `tests/run` has made.
fn chroot() -> Option<PathBuf> {
    let cache = std::env::var_os("PKIT_TEST_CACHE").unwrap_or("/var/cache/pkit-tests".into());
    let root = Path::new(&cache).join("trixie");
    if !root.join(".packages").exists() {
        common::missing("Dovecot 2.4 (tests/run makes a chroot for it)");
        return None;
    }
    can_start("unshare").then_some(root)
}

/// The command within the chroot, where the scratch directory has the same path as outside. The mounts vanish with the
/// daemon's mount namespace.
fn inside(root: &Path, scratch: &Path, command: &Command) -> Command {
    let mut enter = Command::new("sh");
    enter.args(["-euc", ENTER, "sh"]).arg(root).arg(scratch.parent().unwrap());
    enter.arg(command.get_program()).args(command.get_args());
    enter
}

const ENTER: &str = r#"
root=$1 shared=$2
shift 2
mkdir -p "$root$shared"
mount -t proc proc "$root/proc"
mount --bind "$shared" "$root$shared"
exec chroot "$root" "$@"
"#;

const BASE_2_3: &str = "\
base_dir = DIR/run
log_path = /dev/stderr
protocols = imap
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
log_path = /dev/stderr
protocols = imap
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
    use super::Release::{self, V2_3, V2_4};
    use super::*;
    use crate::common::purchase::Purchase;
    use crate::servers::{Client, Pki};

    #[test]
    fn dovecot_2_3_serves_what_prepare_wrote() {
        if common::have("dovecot") {
            serves_what_prepare_wrote(V2_3, &Purchase::rsa(), &[]);
            serves_what_prepare_wrote(V2_3, &Purchase::ecdsa(), &[]);
        }
    }

    #[test]
    fn dovecot_2_4_serves_what_prepare_wrote() {
        serves_what_prepare_wrote(V2_4, &Purchase::rsa(), &["--server-version", "2.4.1"]);
        serves_what_prepare_wrote(V2_4, &Purchase::ecdsa(), &["--server-version", "2.4.1"]);
    }

    #[test]
    fn dovecot_2_3_serves_a_login_and_speaks_only_what_emit_said() {
        serves_what_emit_said(V2_3);
    }

    #[test]
    fn dovecot_2_4_serves_a_login_and_speaks_only_what_emit_said() {
        serves_what_emit_said(V2_4);
    }

    #[test]
    fn dovecot_2_3_with_another_key_serves_no_tls() {
        another_key_serves_no_tls(V2_3, "Key is for a different cert than ssl_cert");
    }

    #[test]
    fn dovecot_2_4_with_another_key_serves_no_tls() {
        another_key_serves_no_tls(V2_4, "Key file is for a different certificate file");
    }

    #[test]
    fn nothing_of_dovecot_is_left_when_it_is_dropped() {
        let test = Test::new();
        let pki = Pki::new(&test);
        for release in [V2_3, V2_4] {
            let Some(dovecot) = Dovecot::start(release, &test, &emitted(&test, release, &pki, &pki.key, &[])) else {
                return;
            };
            let (imap, imaps) = (dovecot.imap, dovecot.imaps);
            drop(dovecot);
            // Its login processes hold the ports as long as one of them lives.
            for port in [imap, imaps] {
                assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "port {port} still answers");
            }
        }
    }

    fn serves_what_prepare_wrote(release: Release, purchase: &Purchase, which: &[&str]) {
        let test = Test::new();
        let prepared = purchase.apply(&test, "dovecot", which).exits(0).json();
        let directives = prepared["result"]["directives"].as_str().unwrap();
        let Some(dovecot) = Dovecot::start(release, &test, directives) else { return };
        let chain = std::fs::read_to_string(Purchase::prepared(&test, "fullchain.pem")).unwrap();
        let client = || Client::trusting(&purchase.root);
        client().handshake(dovecot.imaps).verifies().presents(&chain);
        client().starttls("imap").handshake(dovecot.imap).verifies().presents(&chain);
        client().name("imap.example.org").handshake(dovecot.imaps).verifies();
        client().name("www.example.org").handshake(dovecot.imaps).fails().says("hostname mismatch");
        client().imap_login(dovecot.imaps, "alice", "secret").says("a OK");
    }

    fn serves_what_emit_said(release: Release) {
        let test = Test::new();
        let pki = Pki::new(&test);
        let asked = ["--client-ca", pki.root.to_str().unwrap(), "--client-cert", "request", "--min-protocol", "1.3"];
        let Some(dovecot) = Dovecot::start(release, &test, &emitted(&test, release, &pki, &pki.key, &asked)) else {
            return;
        };
        let client = || Client::trusting(&pki.root);
        client()
            .handshake(dovecot.imaps)
            .verifies()
            .presents(&pki.chain())
            .says("Acceptable client certificate CA names");
        client().imap_login(dovecot.imaps, "alice", "secret").says("a OK");
        client().imap_login(dovecot.imaps, "alice", "guess").says("a NO");
        client().starttls("imap").handshake(dovecot.imap).verifies().presents(&pki.chain());
        client().args(["-tls1_2"]).handshake(dovecot.imaps).fails();
        dovecot.daemon.says("unsupported protocol");
    }

    fn another_key_serves_no_tls(release: Release, logged: &str) {
        let test = Test::new();
        let pki = Pki::new(&test);
        let directives = emitted(&test, release, &pki, &pki.wrong_key, &[]);
        let Some(dovecot) = Dovecot::start(release, &test, &directives) else { return };
        Client::trusting(&pki.root).handshake(dovecot.imaps).fails();
        dovecot.daemon.says(logged);
    }

    fn emitted(test: &Test, release: Release, pki: &Pki, key: &Path, more: &[&str]) -> String {
        let version = match release {
            V2_3 => "2.3.19",
            V2_4 => "2.4.1",
        };
        pki.emit(test, "dovecot", key, &[&["--require-tls", "--server-version", version], more].concat())
    }
}
