//! Exim as Debian has it, with a configuration that takes every mail and drops it.

use std::path::Path;

use super::daemon::{Daemon, NotUp};
use super::system::System;
use crate::common::Test;

/// A running Exim.
pub struct Exim {
    pub daemon: Daemon,
    /// SMTP with STARTTLS.
    pub smtp: u16,
    /// SMTP over TLS.
    pub submissions: u16,
}

impl Exim {
    /// Starts it in the test's scratch directory with these settings (what stands in the main section); none where it cannot be
    /// started.
    pub fn start(test: &Test, tls: &str) -> Option<Exim> {
        Some(Exim::attempt(test, tls)?.unwrap_or_else(|not_up| panic!("{}\n{tls}", not_up.said)))
    }

    /// The same with settings that it may not like.
    pub fn attempt(test: &Test, tls: &str) -> Option<Result<Exim, NotUp>> {
        System::Courier.can_start("exim4").then(|| Exim::run(test, tls))
    }

    /// A file's new owner: Exim's user has another number in its chroot.
    pub fn owns(test: &Test, path: &Path) {
        System::Courier.run(test, "chown", ["Debian-exim".as_ref(), path]).exits(0);
    }

    fn run(test: &Test, tls: &str) -> Result<Exim, NotUp> {
        // Exim's own user must get to its certificate, and writes the log. In directories that it may list, as those in /etc are,
        // it watches the files and reads them when it starts, else with each connection.
        test.chmod("", 0o755);
        let log = test.file("exim/mainlog", "");
        let dir = log.parent().unwrap();
        Exim::owns(test, dir);
        Exim::owns(test, &log);
        let (daemon, [smtp, submissions]) = Daemon::on_ports(&log, |[smtp, submissions]| {
            // The ports that it listens on are those of the command line, whatever else is said.
            let at_once = format!("tls_on_connect_ports = {submissions}\n");
            let said = match tls.contains("tls_on_connect_ports = 465\n") {
                true => tls.replace("tls_on_connect_ports = 465\n", &at_once),
                false => at_once + tls,
            };
            let conf = test.file("exim/exim.conf", HEAD.replace("DIR", dir.to_str().unwrap()) + &said + TAIL);
            let mut command = System::Courier.command(test, "exim4");
            let ports = format!("127.0.0.1.{smtp} : 127.0.0.1.{submissions}");
            command.arg("-C").arg(conf).args(["-bdf", "-oX", &ports, "-oP"]).arg(dir.join("exim.pid"));
            command
        })?;
        Ok(Exim { daemon, smtp, submissions })
    }
}

const HEAD: &str = "keep_environment =\nspool_directory = DIR/spool\nlog_file_path = DIR/%slog\npid_file_path = DIR/exim.pid\n\
                    primary_hostname = mail.example.org\nacl_smtp_rcpt = accept\n";
const TAIL: &str = "begin routers\ndrop:\n  driver = redirect\n  data = :blackhole:\n";

mod tests {
    use super::*;
    use crate::common::Ran;
    use crate::common::pki::cert_pem;
    use crate::servers::daemon::Shared;
    use crate::servers::pki::{Clients, Identity};
    use crate::servers::{Client, Pki};

    /// The certificate, whose key Exim's user has.
    fn files(test: &Test, pki: &Pki) -> String {
        Exim::owns(test, &pki.key);
        format!("tls_certificate = {}\ntls_privatekey = {}\n", pki.fullchain.display(), pki.key.display())
    }

    #[test]
    fn exim_opens_its_key_as_its_own_user_for_each_connection() {
        if !System::Courier.can_start("exim4") {
            return;
        }
        let test = Test::new();
        let pki = Pki::new(&test);
        let said = files(&test, &pki);
        test.peer("chown", [Path::new("0:0"), &pki.key]).exits(0);
        test.chmod("leaf.key", 0o400);
        let Some(exim) = Exim::start(&test, &said) else { return };
        let client = || Client::trusting(&pki.root);
        client().handshake(exim.submissions).fails();
        client().starttls("smtp").handshake(exim.smtp).fails();
        exim.daemon.says("Error while reading file");
        Exim::owns(&test, &pki.key);
        client().handshake(exim.submissions).verifies().presents(&pki.chain());
        client().starttls("smtp").handshake(exim.smtp).verifies();
        // With GnuTLS, which is told nothing (`gnutls-protocol-default`).
        client().args(["-tls1", "-cipher", "ALL:@SECLEVEL=0"]).handshake(exim.submissions).verifies();
    }

    /// What keeps the daemon from starting, and what `exim -bV` says of it.
    #[test]
    fn exim_does_not_start_with_an_option_said_twice_or_with_the_other_library_s_words() {
        let test = Test::new();
        let pki = Pki::new(&test);
        if !System::Courier.can_start("exim4") {
            return;
        }
        let said = files(&test, &pki);
        let faults = [
            ("tls_certificate = /c.pem\n", "set for the second time", false),
            ("tls_require_ciphers = HIGH:!aNULL\n", "tls_require_ciphers invalid", true),
            ("openssl_options = +no_tlsv1\n", "openssl_options is set but we're using GnuTLS", false),
            ("tls_certifcate = /c.pem\n", "unknown", false),
            ("tls_crl /c.pem\n", "missing \"=\"", false),
            (".ifdef X\n", "", false),
        ];
        for (fault, why, passes) in faults {
            let Err(not_up) = Exim::attempt(&test, &format!("{said}{fault}")).unwrap() else { panic!("{fault}") };
            assert!(not_up.said.contains(why), "{fault}{}", not_up.said);
            let conf = test.path("exim/exim.conf");
            let checked = System::Courier.run(&test, "exim4", ["-C", conf.to_str().unwrap(), "-bV"]);
            assert_eq!(checked.exit == 0, passes, "{fault}{checked:?}");
        }
    }

    /// Where it may list the directory of the files and so has read them when it started; else it turns everybody away.
    #[test]
    fn with_gnutls_a_crl_file_that_is_not_there_lets_everybody_in() {
        let test = Test::new();
        let pki = Pki::new(&test);
        let clients = Clients::new(&test);
        if !System::Courier.can_start("exim4") {
            return;
        }
        let said = files(&test, &pki);
        let none = test.path("none.crl");
        for (crls, lets_in) in [(&clients.crls, false), (&none, true), (&clients.cas, true)] {
            let cas = clients.cas.display();
            let more = format!("tls_verify_certificates = {cas}\ntls_verify_hosts = *\ntls_crl = {}\n", crls.display());
            let Some(exim) = Exim::start(&test, &format!("{said}{more}")) else { return };
            let comes_in = |identity: &Identity| {
                let client = Client::trusting(&pki.root).identified(identity);
                client.curl("smtps", exim.submissions, &["-X", "NOOP"]).exit == 0
            };
            assert!(comes_in(&clients.good));
            assert_eq!(comes_in(&clients.revoked), lets_in, "{}", crls.display());
        }
    }

    /// pkit where Exim is: what it prepares is served, and the next version after SIGHUP; with a link that moves, nothing less
    /// would do.
    #[test]
    fn exim_serves_what_was_prepared_and_then_what_was_deployed() {
        if !System::Courier.can_start("exim4") {
            return;
        }
        let test = Test::new();
        let pki = Pki::new(&test);
        test.chmod("", 0o755);
        // By another process, so that it is not busy when it is started.
        test.peer("cp", [Path::new(env!("CARGO_BIN_EXE_pkit")), &test.path("pkit")]).exits(0);
        let shared = Shared::new();
        let at = |name: &str| test.path(name).display().to_string();
        let run = |words: &str| {
            let mut command = System::Courier.command(&test, &at("pkit"));
            command.args(words.split(' ').map(|word| word.replace("D/", &at(""))));
            Ran::of(shared.command(&command).output().unwrap())
        };
        let set = "--name mail.example.org --trust D/root.pem";
        let words = format!(
            "prepare exim D/fullchain.pem --key D/leaf.key {set} --dir D/ssl --server-version 4.96 --tls-library gnutls --apply --json"
        );
        let told = run(&words).exits(0).json();
        let told = told["result"]["servers"][0]["files"][0]["content"].as_str().unwrap().to_owned();
        let Some(exim) = Exim::start(&test, &told) else { return };
        let client = || Client::trusting(&pki.root);
        client().handshake(exim.submissions).verifies().presents(&pki.chain());
        let (_, der) = pki.issuer.issue(&pki.leaf.key, &["mail.example.org"], |params| {
            params.not_before = rcgen::date_time_ymd(2016, 1, 1);
        });
        let renewed = cert_pem(&der) + &pki.issuer.pem();
        test.file("live/fullchain.pem", &renewed);
        test.file("live/privkey.pem", test.read("leaf.key"));
        test.chmod("live/privkey.pem", 0o400);
        let doors = format!("--verify smtps://127.0.0.1:{}", exim.submissions);
        let words = format!("renew deploy {set} --to D/ssl --from D/live --reload exim=D/exim/exim.conf {doors}");
        run(&words).exits(0).out_has("version 0002 is in use; reloaded exim=");
        client().handshake(exim.submissions).verifies().presents(&renewed);
        client().starttls("smtp").handshake(exim.smtp).verifies().presents(&renewed);
    }
}
