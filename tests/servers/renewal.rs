//! A renewal while real servers run: the new certificate is served afterwards, nobody who connects meanwhile is turned away,
//! and whatever fails brings the old one back.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::apache::Apache;
use super::client::pem_blocks;
use super::daemon::Shared;
use super::dovecot::Dovecot;
use super::nginx::Nginx;
use super::postfix::Postfix;
use super::slapd::Slapd;
use super::{Client, System};
use crate::common::{Ran, Test, have, root};
use crate::packaging::packaged;
use crate::renew::acme::Acme;
use crate::renew::{NAME, base, chain, current};

/// A name that several servers on this machine serve.
struct Machine {
    // The daemons end before the namespaces that they are in.
    shared: Shared,
    acme: Acme,
    test: Test,
}

impl Machine {
    /// The first version has been prepared for these servers.
    fn prepared(servers: &str) -> Option<Machine> {
        if !root() || !have("nsenter") {
            return None;
        }
        let test = Test::new();
        // slapd's user must get to his key.
        test.chmod("", 0o711);
        let acme = Acme::new(&test);
        acme.certbot(&test, 2015);
        let versions = "dovecot=2.3.19,postfix=3.7.11,openldap=2.5.13,apache=2.4.62,nginx=1.22.1";
        let words =
            ["prepare", servers, "live/mail.example.org", "--name", NAME, "--dir", "ssl", "--trust", "root.pem"];
        let build = ["--server-version", versions, "--tls-library", "openldap=gnutls", "--apply"];
        test.run(words.iter().chain(&build)).exits(0);
        Some(Machine { shared: Shared::new(), acme, test })
    }

    fn file(&self, name: &str) -> PathBuf {
        base(&self.test).join("current").join(name)
    }

    fn dovecot(&self) -> Option<Dovecot> {
        let (chain, key) = (self.file("fullchain.pem"), self.file("privkey.pem"));
        let tls = format!("ssl = required\nssl_cert = <{}\nssl_key = <{}\n", chain.display(), key.display());
        Dovecot::start(System::Bookworm, &self.test, &tls)
    }

    fn postfix(&self) -> Option<Postfix> {
        let combined = self.file("postfix.pem");
        let tls = format!("smtpd_tls_security_level = may\nsmtpd_tls_chain_files = {}\n", combined.display());
        Postfix::start(System::Bookworm, &self.test, &tls)
    }

    fn apache(&self) -> Option<Apache> {
        let (chain, key) = (self.file("fullchain.pem"), self.file("privkey.pem"));
        let host = format!(
            "<VirtualHost *:443>\nSSLEngine on\nSSLCertificateFile {}\nSSLCertificateKeyFile {}\n</VirtualHost>\n\
             <VirtualHost *:80>\n</VirtualHost>\n",
            chain.display(),
            key.display()
        );
        Apache::start(System::Bookworm, &self.test, &host)
    }

    fn nginx(&self) -> Option<Nginx> {
        let (chain, key) = (self.file("fullchain.pem"), self.file("privkey.pem"));
        let host = format!(
            "server {{\n  listen 443 ssl;\n  ssl_certificate {};\n  ssl_certificate_key {};\n}}\n",
            chain.display(),
            key.display()
        );
        Nginx::start(System::Bookworm, &self.test, &host)
    }

    fn slapd(&self) -> Option<Slapd> {
        let slapd = Slapd::start(System::Bookworm, &self.test)?;
        let (chain, key) = (self.file("fullchain.pem"), self.file("privkey-openldap.pem"));
        let ldif = format!(
            "dn: cn=config\nchangetype: modify\nreplace: olcTLSCertificateFile\nolcTLSCertificateFile: {}\n-\n\
             replace: olcTLSCertificateKeyFile\nolcTLSCertificateKeyFile: {}\n-\n",
            chain.display(),
            key.display()
        );
        slapd.modify(&self.test, &ldif).exits(0);
        Some(slapd)
    }

    fn at(&self, path: &str) -> String {
        self.test.path(path).display().to_string()
    }

    /// pkit where the daemons are.
    fn run(&self, words: &[&str]) -> Ran {
        Ran::of(self.shared.command(&self.test.command(words)).output().unwrap())
    }

    fn deploy(&self, more: &[&str]) -> Ran {
        let words = ["renew", "deploy", "--name", NAME, "--to", "ssl", "--trust", "root.pem"];
        self.run(&[&words, more, &["--from", "live/mail.example.org"]].concat())
    }

    /// The same as root with the capabilities that the unit leaves it.
    fn deploy_as_the_unit(&self, more: &[&str]) -> Ran {
        let unit = fs::read_to_string(packaged("systemd/pkit-renew@.service")).unwrap();
        let left = unit.lines().find_map(|line| line.strip_prefix("CapabilityBoundingSet=")).unwrap();
        let left: String = left.split_whitespace().map(|capability| capability.replacen("CAP_", ",+", 1)).collect();
        let words = ["renew", "deploy", "--name", NAME, "--to", "ssl", "--trust", "root.pem"];
        let pkit = self.test.command([&words, more, &["--from", "live/mail.example.org"]].concat());
        let mut bounded = Command::new("setpriv");
        bounded.args(["--no-new-privs", "--inh-caps=-all", &format!("--bounding-set=-all{}", left.to_lowercase())]);
        bounded.arg(pkit.get_program()).args(pkit.get_args()).current_dir(pkit.get_current_dir().unwrap());
        bounded.envs(pkit.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Ran::of(self.shared.command(&bounded).output().unwrap())
    }

    fn client(&self) -> Client {
        Client::trusting(&self.test.path("root.pem"))
    }

    /// Waits until this is what is served there.
    #[track_caller]
    fn comes_to_serve(&self, port: u16, starttls: Option<&'static str>, wanted: &str) {
        let begin = Instant::now();
        let wanted: Vec<String> = pem_blocks(wanted);
        loop {
            let client = starttls.into_iter().fold(self.client(), Client::starttls);
            let handshake = client.handshake(port);
            if handshake.chain == wanted {
                handshake.verifies();
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "port {port}: {}", handshake.output);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The load ends also where what was done under it panics: a scope waits for its threads.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A port, by the name of what listens there, and what is spoken there before TLS.
type Port = (&'static str, u16, Option<&'static str>);

/// What came of the connections to one port.
#[derive(Default)]
struct Load {
    good: usize,
    failed: Vec<String>,
    /// The longest time from one good handshake to the next, and what a whole connection takes in the middle.
    longest: Duration,
    times: Vec<Duration>,
}

/// Connects to each of these ports again and again while something is done. Nobody may be turned away, and nobody may see
/// anything but the old chain or the new one, whole. Prints how many connections there were, and the longest time without one.
fn under_load<T>(machine: &Machine, ports: &[Port], chains: &[String], act: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    let chains: Vec<Vec<String>> = chains.iter().map(|chain| pem_blocks(chain)).collect();
    let (outcome, loads) = std::thread::scope(|scope| {
        let clients: Vec<_> = ports
            .iter()
            .map(|(_, port, starttls)| {
                let client = starttls.iter().fold(machine.client(), |client, protocol| client.starttls(protocol));
                let (done, chains) = (&done, &chains);
                scope.spawn(move || {
                    let (mut load, mut last) = (Load::default(), Instant::now());
                    while !done.load(Ordering::Relaxed) {
                        let begin = Instant::now();
                        let seen = client.handshake(*port);
                        if !seen.verified || !chains.contains(&seen.chain) {
                            load.failed.push(seen.output);
                            continue;
                        }
                        load.good += 1;
                        load.times.push(begin.elapsed());
                        load.longest = load.longest.max(last.elapsed());
                        last = Instant::now();
                    }
                    load.longest = load.longest.max(last.elapsed());
                    load
                })
            })
            .collect();
        let settle = Duration::from_millis(500);
        std::thread::sleep(settle);
        let outcome = {
            let _end = End(&done);
            let outcome = act();
            std::thread::sleep(settle);
            outcome
        };
        (outcome, clients.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>())
    });
    eprintln!("| port | connections | failed | longest between two good ones | a usual one |\n|---|---|---|---|---|");
    for ((name, ..), load) in ports.iter().zip(&loads) {
        let mut times = load.times.clone();
        times.sort();
        let usual = times.get(times.len() / 2).copied().unwrap_or_default();
        let [longest, usual] = [load.longest, usual].map(|time| time.as_millis());
        eprintln!("| {name} | {} | {} | {longest} ms | {usual} ms |", load.good, load.failed.len());
    }
    for ((name, ..), load) in ports.iter().zip(&loads) {
        assert!(load.failed.is_empty(), "{name}: {}", load.failed[0]);
        assert!(load.good > 1, "{name}: there was no load");
    }
    outcome
}

#[test]
fn four_servers_serve_the_renewed_certificate_and_turn_nobody_away() {
    let Some(machine) = Machine::prepared("dovecot,postfix,openldap,apache") else { return };
    let (Some(dovecot), Some(postfix)) = (machine.dovecot(), machine.postfix()) else { return };
    let (Some(slapd), Some(apache)) = (machine.slapd(), machine.apache()) else { return };
    let old = chain(&machine.test);
    let ports = [
        ("dovecot, imaps", dovecot.imaps, None),
        ("dovecot, imap", dovecot.imap, Some("imap")),
        ("dovecot, pop3s", dovecot.pop3s, None),
        ("dovecot, pop3", dovecot.pop3, Some("pop3")),
        ("postfix, smtps", postfix.submissions, None),
        ("postfix, smtp", postfix.smtp, Some("smtp")),
        ("slapd, ldaps", slapd.ldaps, None),
        ("slapd, ldap", slapd.ldap, Some("ldap")),
        ("apache, https", apache.https, None),
    ];
    for (_, port, starttls) in ports {
        machine.comes_to_serve(port, starttls, &old);
    }
    let renewed = machine.acme.certbot(&machine.test, 2016).fullchain();
    let mail = format!("dovecot={},postfix={}", machine.at("dovecot/dovecot.conf"), machine.at("postfix"));
    let reload = format!("{mail},openldap={},apache={}", slapd.ldapi, machine.at("apache/apache2.conf"));
    let doors = [
        ("imaps", dovecot.imaps),
        ("imap", dovecot.imap),
        ("smtps", postfix.submissions),
        ("smtp", postfix.smtp),
        ("ldaps", slapd.ldaps),
        ("https", apache.https),
    ];
    let doors = doors.map(|(scheme, port)| format!("{scheme}://127.0.0.1:{port}"));
    let words: Vec<&str> =
        ["--reload", &reload].into_iter().chain(doors.iter().flat_map(|d| ["--verify", d])).collect();
    under_load(&machine, &ports, &[old, renewed.clone()], || {
        let told = machine.deploy(&words).exits(0).out_has("version 0002 is in use; reloaded dovecot=");
        told.out_has(&format!("served by {}", doors.join(", ")));
        for (_, port, starttls) in ports {
            machine.comes_to_serve(port, starttls, &renewed);
        }
    });
    machine.deploy(&["--reload", &reload]).exits(0).out_has("unchanged");
    // And back, with the same servers told.
    machine
        .run(&["renew", "rollback", "--name", NAME, "--to", "ssl"])
        .exits(0)
        .out_has("version 0001 is in use; reloaded");
    for (_, port, starttls) in ports {
        machine.comes_to_serve(port, starttls, &chain(&machine.test));
    }
}

#[test]
fn a_configuration_that_does_not_pass_leaves_the_old_certificate_in_use() {
    let Some(machine) = Machine::prepared("dovecot") else { return };
    let Some(dovecot) = machine.dovecot() else { return };
    let old = chain(&machine.test);
    machine.acme.certbot(&machine.test, 2016);
    let conf = machine.test.text("dovecot/dovecot.conf");
    // Dovecot's processes read their configuration when they are first needed; from now on they have it.
    machine.comes_to_serve(dovecot.imaps, None, &old);
    machine.test.file("dovecot/dovecot.conf", format!("{conf}no_such_setting = yes\n"));
    let reload = format!("dovecot={}", machine.at("dovecot/dovecot.conf"));
    let ran = machine.deploy(&["--reload", &reload]).exits(7).err_has("error[deploy-check-failed]");
    ran.err_has("no_such_setting").err_has("version 0001 is in use again");
    assert_eq!(current(&machine.test), Some(1));
    machine.comes_to_serve(dovecot.imaps, None, &old);
    // Mended: the same command goes on with the version that is there.
    machine.test.file("dovecot/dovecot.conf", conf);
    machine.deploy(&["--reload", &reload]).exits(0).out_has("version 0002 is in use");
    machine.comes_to_serve(dovecot.imaps, None, &chain(&machine.test));
}

/// nginx's own check opens the files: what it does not like is not even tried.
#[test]
fn nginx_serves_the_new_certificate_and_keeps_the_old_one_where_its_configuration_does_not_pass() {
    let Some(machine) = Machine::prepared("nginx") else { return };
    let Some(nginx) = machine.nginx() else { return };
    let old = chain(&machine.test);
    machine.comes_to_serve(nginx.https, None, &old);
    let renewed = machine.acme.certbot(&machine.test, 2016).fullchain();
    let conf = machine.test.text("nginx/nginx.conf");
    machine.test.file("nginx/nginx.conf", format!("{conf}no_such_setting yes;\n"));
    let reload = format!("nginx={}", machine.at("nginx/nginx.conf"));
    let verify = format!("https://127.0.0.1:{}", nginx.https);
    let words = ["--reload", &reload, "--verify", &verify];
    let ran = machine.deploy(&words).exits(7).err_has("error[deploy-check-failed]");
    ran.err_has("no_such_setting").err_has("version 0001 is in use again");
    machine.comes_to_serve(nginx.https, None, &old);
    machine.test.file("nginx/nginx.conf", conf);
    under_load(&machine, &[("nginx, https", nginx.https, None)], &[old, renewed.clone()], || {
        machine.deploy(&words).exits(0).out_has("version 0002 is in use; reloaded nginx=");
        machine.comes_to_serve(nginx.https, None, &renewed);
    });
}

/// The server that is to be seen is not the one that was reloaded: its old certificate shows that something is wrong.
#[test]
fn a_port_that_goes_on_serving_the_old_certificate_brings_it_back_everywhere() {
    let Some(machine) = Machine::prepared("dovecot,postfix") else { return };
    let (Some(dovecot), Some(postfix)) = (machine.dovecot(), machine.postfix()) else { return };
    let old = chain(&machine.test);
    machine.acme.certbot(&machine.test, 2016);
    let reload = format!("postfix={}", machine.at("postfix"));
    let [smtps, imaps] = [("smtps", postfix.submissions), ("imaps", dovecot.imaps)]
        .map(|(scheme, port)| format!("{scheme}://127.0.0.1:{port}"));
    let words = ["--reload", &reload, "--timeout", "6s", "--verify", &smtps, "--verify", &imaps];
    let ran = machine.deploy(&words).exits(7).err_has("error[deploy-not-served]").err_has(&imaps);
    let steps: Vec<&str> = ran.stdout.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(
        steps,
        ["switch", "check", "reload", "verify", "verify", "switch-back", "reload-back", "verify-back", "verify-back"]
    );
    assert_eq!(current(&machine.test), Some(1));
    for port in [postfix.submissions, dovecot.imaps] {
        machine.comes_to_serve(port, None, &old);
    }
    let nobody = format!("127.0.0.1:{}", super::ports::free::<1>()[0]);
    let words = ["--reload", &reload, "--timeout", "6s", "--verify", &nobody];
    machine.deploy(&words).exits(7).err_has("error[deploy-not-served]").err_has("no connection");
}

/// The one that was reloaded before the other failed serves the old certificate again.
#[test]
fn a_dead_server_brings_the_old_certificate_back_on_the_living_one() {
    let Some(machine) = Machine::prepared("dovecot,postfix") else { return };
    let Some(dovecot) = machine.dovecot() else { return };
    let old = chain(&machine.test);
    let Some(postfix) = machine.postfix() else { return };
    drop(postfix);
    machine.acme.certbot(&machine.test, 2016);
    let reload = format!("dovecot={},postfix={}", machine.at("dovecot/dovecot.conf"), machine.at("postfix"));
    let ran = machine.deploy(&["--reload", &reload]).exits(7).err_has("error[deploy-reload-failed]");
    ran.err_has("version 0001 is in use again; reloaded: dovecot=");
    assert_eq!((current(&machine.test), chain(&machine.test)), (Some(1), old.clone()));
    machine.comes_to_serve(dovecot.imaps, None, &old);
}

/// What the unit in packaging/ takes from root is nothing that the servers' own programs need for a check and a reload.
#[test]
fn the_capabilities_that_the_unit_leaves_are_enough_for_every_server() {
    if !have("setpriv") {
        return;
    }
    let Some(machine) = Machine::prepared("dovecot,postfix") else { return };
    let (Some(_dovecot), Some(_postfix)) = (machine.dovecot(), machine.postfix()) else { return };
    machine.acme.certbot(&machine.test, 2016);
    let reload = format!("dovecot={},postfix={}", machine.at("dovecot/dovecot.conf"), machine.at("postfix"));
    machine.deploy_as_the_unit(&["--reload", &reload]).exits(0).out_has("version 0002 is in use; reloaded dovecot=");

    let Some(machine) = Machine::prepared("openldap,apache") else { return };
    let (Some(slapd), Some(_apache)) = (machine.slapd(), machine.apache()) else { return };
    machine.acme.certbot(&machine.test, 2016);
    let reload = format!("openldap={},apache={}", slapd.ldapi, machine.at("apache/apache2.conf"));
    machine.deploy_as_the_unit(&["--reload", &reload]).exits(0).out_has("version 0002 is in use; reloaded openldap=");
}

/// A server is added that does not run: the certificate is the same before and after, so it does not tell who has gone back.
#[test]
fn the_same_certificate_in_another_set_is_taken_back_like_any_other() {
    let Some(machine) = Machine::prepared("dovecot") else { return };
    let Some(dovecot) = machine.dovecot() else { return };
    let old = chain(&machine.test);
    machine.comes_to_serve(dovecot.imaps, None, &old);
    let reload = format!("dovecot={},openldap=ldapi://%2Fnowhere", machine.at("dovecot/dovecot.conf"));
    let imaps = format!("imaps://127.0.0.1:{}", dovecot.imaps);
    let ran = machine.deploy(&["--reload", &reload, "--timeout", "6s", "--verify", &imaps]).exits(7);
    ran.err_has("error[deploy-reload-failed]: openldap").err_has("version 0001 is in use again").out_has("verify-back");
    assert_eq!(current(&machine.test), Some(1));
    machine.comes_to_serve(dovecot.imaps, None, &old);
}
