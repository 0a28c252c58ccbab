//! Courier IMAP as Debian has it, started as its own scripts do, without their logger: `couriertls` as root on the TLS port,
//! and as the user `courier` behind STARTTLS.

use std::path::Path;

use super::daemon::{Daemon, NotUp};
use super::system::System;
use crate::common::Test;

/// A running Courier. Nobody can log in.
pub struct Courier {
    pub daemon: Daemon,
    /// IMAP with STARTTLS.
    pub imap: u16,
    /// IMAP over TLS.
    pub imaps: u16,
}

impl Courier {
    /// Starts it in the test's scratch directory with these settings (what stands in `imapd-ssl`); none where it cannot be
    /// started.
    pub fn start(test: &Test, tls: &str) -> Option<Courier> {
        Some(Courier::attempt(test, tls)?.unwrap())
    }

    /// The same with settings that it may not like.
    pub fn attempt(test: &Test, tls: &str) -> Option<Result<Courier, NotUp>> {
        System::Courier.can_start("couriertcpd").then(|| Courier::run(test, tls))
    }

    /// A file's new owner: Courier's user has another number in its chroot.
    pub fn owns(test: &Test, path: &Path) {
        System::Courier.run(test, "chown", ["courier".as_ref(), path]).exits(0);
    }

    fn run(test: &Test, tls: &str) -> Result<Courier, NotUp> {
        // Courier's own user must get to its certificate.
        test.chmod("", 0o711);
        let conf = test.file("courier/imapd-ssl", tls);
        let (daemon, [imap, imaps]) = Daemon::on_ports(&test.path("courier/log"), |[imap, imaps]| {
            let mut command = System::Courier.command(test, "sh");
            command.args(["-c", START, "sh"]).arg(&conf).args([imap.to_string(), imaps.to_string()]);
            command
        })?;
        Ok(Courier { daemon, imap, imaps })
    }
}

/// Both of Courier's listeners, with the settings in their environment, over those that Debian has in that file. Where the
/// settings are no shell, its scripts end here too.
const START: &str = r#"
set -a
IMAP_CAPABILITY=IMAP4rev1 IMAP_CAPABILITY_TLS='IMAP4rev1 AUTH=PLAIN' IMAP_UMASK=022
MAILDIRPATH=Maildir COURIERTLS=/usr/bin/couriertls IMAPDSTARTTLS=YES TLS_VERIFYPEER=NONE
. "$1" || exit
serve() {
    exec couriertcpd -address=127.0.0.1 -maxprocs=40 -maxperip=40 -nodnslookup -noidentlookup "$@" \
        /usr/lib/courier/courier/imaplogin /usr/bin/imapd "$MAILDIRPATH"
}
(IMAP_TLS=1; serve "$3" "$COURIERTLS" -server -tcpd -user=courier) &
IMAP_STARTTLS=$IMAPDSTARTTLS
serve "$2"
"#;

mod tests {
    use super::*;
    use crate::servers::{Client, Pki};

    #[test]
    fn courier_serves_tls_as_root_and_starttls_as_its_user() {
        let test = Test::new();
        let pki = Pki::new(&test);
        let said = format!(
            "IMAPDSTARTTLS=YES\nTLS_CERTFILE={}\nTLS_PRIVATE_KEYFILE={}\nTLS_VERIFYPEER=NONE\n",
            pki.fullchain.display(),
            pki.key.display()
        );
        test.chmod("leaf.key", 0o400);
        let Some(courier) = Courier::start(&test, &said) else { return };
        let client = || Client::trusting(&pki.root);
        client().handshake(courier.imaps).verifies().presents(&pki.chain());
        client().starttls("imap").handshake(courier.imap).fails();
        Courier::owns(&test, &pki.key);
        client().starttls("imap").handshake(courier.imap).verifies().presents(&pki.chain());
        client().handshake(courier.imaps).verifies();
        // With GnuTLS, which is told nothing (`gnutls-protocol-default`).
        client().args(["-tls1", "-cipher", "ALL:@SECLEVEL=0"]).handshake(courier.imaps).verifies();
        Client::trusting(&pki.fullchain).handshake(courier.imaps).fails();
        courier.daemon.says("Decryption has failed");
    }
}
