//! Can the server read its key? What `pkit perms check --for SERVER` says, and what the real server does, in one situation of
//! modes, owners, ACLs and directories after the other.

use std::path::{Path, PathBuf};

use super::apache::Apache;
use super::courier::Courier;
use super::dovecot::Dovecot;
use super::exim::Exim;
use super::nginx::Nginx;
use super::postfix::Postfix;
use super::slapd::Slapd;
use super::system::System;
use super::{Client, Pki};
use crate::common::{Test, have};

/// The key in a directory of its own, and the user in question.
struct Scene {
    test: Test,
    pki: Pki,
    key: PathBuf,
    uid: String,
    gid: String,
}

/// What is done to the key (`K`), its directory (`D`) and a link to it (`L`); `U` and `G` are the user's numbers.
const SITUATIONS: &[(&str, &[&str])] = &[
    ("root's alone", &["chmod 0400 K"]),
    ("the user's alone", &["chmod 0400 K", "chown U:0 K"]),
    ("the user's, without the right to read", &["chmod 0044 K", "chown U:G K"]),
    ("readable by the user's group", &["chmod 0640 K", "chown 0:G K"]),
    ("readable by another group", &["chmod 0640 K", "chown 0:1 K"]),
    ("readable by all", &["chmod 0644 K"]),
    ("by all but the user's group", &["chmod 0604 K", "chown 0:G K"]),
    ("behind a closed directory", &["chmod 0644 K", "chmod 0700 D"]),
    ("behind a directory of the group", &["chmod 0640 K", "chown 0:G K D", "chmod 0710 D"]),
    ("behind a directory of another group", &["chmod 0644 K", "chown 0:1 D", "chmod 0710 D"]),
    ("by an ACL for the user", &["chmod 0400 K", "setfacl -m u:U:r K"]),
    ("by an ACL for the group", &["chmod 0400 K", "setfacl -m g:G:r K"]),
    ("by an ACL whose mask forbids it", &["chmod 0400 K", "setfacl -m u:U:r,m::- K"]),
    ("by all but the user, by ACL", &["chmod 0644 K", "setfacl -m u:U:- K"]),
    ("behind a directory that an ACL opens", &["chmod 0644 K", "chmod 0700 D", "setfacl -m u:U:x D"]),
];

impl Scene {
    /// None where the daemon cannot be started.
    fn new(system: System, user: &str) -> Option<Scene> {
        if !have("setfacl") {
            return None;
        }
        let test = Test::new();
        let pki = Pki::new(&test);
        test.chmod("", 0o711);
        std::fs::create_dir(test.path("keys")).unwrap();
        let key = test.path("keys/mail.key");
        let number = |flag: &str| system.run(&test, "id", [flag, user]).exits(0).stdout.trim().to_owned();
        let (uid, gid) = (number("-u"), number("-g"));
        // By another process, so that it is not busy when it is started.
        test.peer("cp", [Path::new(env!("CARGO_BIN_EXE_pkit")), &test.path("pkit")]).exits(0);
        let scene = Scene { test, pki, key, uid, gid };
        scene.set_up(&[]);
        Some(scene)
    }

    /// From a clean state to the situation.
    fn set_up(&self, commands: &[&str]) {
        let _ = std::fs::remove_file(&self.key);
        self.test.peer("setfacl", ["-b", "keys"]).exits(0);
        self.test.peer("chown", ["0:0", "keys"]).exits(0);
        self.test.chmod("keys", 0o755);
        std::fs::copy(&self.pki.key, &self.key).unwrap();
        for command in commands {
            let words: Vec<String> = command
                .split(' ')
                .map(|word| match word {
                    "K" => "keys/mail.key".into(),
                    "D" => "keys".into(),
                    // The numbers stand between others.
                    word => word.replace('U', &self.uid).replace('G', &self.gid),
                })
                .collect();
            self.test.peer(&words[0], &words[1..]).exits(0);
        }
    }

    /// pkit's answer.
    fn expected(&self, system: System, server: &str) -> bool {
        let key = self.key.to_str().unwrap();
        let ran = system.run(
            &self.test,
            self.test.path("pkit").to_str().unwrap(),
            ["perms", "check", "--json", "--for", server, key],
        );
        let found = ran.json()["findings"].as_array().unwrap().clone();
        assert!(ran.json()["incomplete"] == false && ran.exit < 2, "{ran:?}");
        !found.iter().any(|f| f["id"] == "server-cannot-read")
    }

    /// In every situation the server's answer must be pkit's.
    fn agree(&self, system: System, server: &str, serves: impl Fn(&Scene) -> bool) {
        let mut answers = Vec::new();
        for (what, commands) in SITUATIONS {
            self.set_up(commands);
            let expected = self.expected(system, server);
            assert_eq!(serves(self), expected, "{server}: the key is {what}");
            answers.push(expected);
        }
        eprintln!(
            "{server}: {} situations, {} readable, all as pkit says",
            answers.len(),
            answers.iter().filter(|a| **a).count()
        );
    }
}

#[test]
fn slapd_agrees() {
    let system = System::Bookworm;
    if !system.can_start("slapd") {
        return;
    }
    let Some(scene) = Scene::new(system, "openldap") else { return };
    let Some(slapd) = Slapd::start(system, &scene.test) else { return };
    let ldif = scene.pki.emit(&scene.test, "openldap", &scene.key, &[]);
    // It opens the files whenever it is told them, also when they are the same.
    scene.agree(system, "openldap", |scene| slapd.modify(&scene.test, &ldif).exit == 0);
}

#[test]
fn courier_agrees() {
    let system = System::Courier;
    if !system.can_start("couriertcpd") {
        return;
    }
    let Some(scene) = Scene::new(system, "courier") else { return };
    let said = format!(
        "IMAPDSTARTTLS=YES\nTLS_CERTFILE={}\nTLS_PRIVATE_KEYFILE={}\nTLS_VERIFYPEER=NONE\n",
        scene.pki.fullchain.display(),
        scene.key.display()
    );
    let Some(courier) = Courier::start(&scene.test, &said) else { return };
    scene.agree(system, "courier", |scene| {
        Client::trusting(&scene.pki.root).starttls("imap").handshake(courier.imap).succeeded()
    });
}

#[test]
fn exim_agrees() {
    let system = System::Courier;
    if !system.can_start("exim4") {
        return;
    }
    let Some(scene) = Scene::new(system, "Debian-exim") else { return };
    let said =
        scene.pki.emit(&scene.test, "exim", &scene.key, &["--server-version", "4.96", "--tls-library", "gnutls"]);
    // A running one may have read the key before.
    scene.agree(system, "exim", |scene| {
        let exim = Exim::attempt(&scene.test, &said).unwrap().unwrap();
        Client::trusting(&scene.pki.root).handshake(exim.submissions).succeeded()
    });
}

#[test]
fn dovecot_agrees() {
    let system = System::Bookworm;
    if !system.can_start("dovecot") {
        return;
    }
    let Some(scene) = Scene::new(system, "dovecot") else { return };
    let said = scene.pki.emit(&scene.test, "dovecot", &scene.key, &[]);
    scene.agree(system, "dovecot", |scene| {
        let started = Dovecot::attempt(system, &scene.test, &said).unwrap();
        started.is_ok_and(|d| Client::trusting(&scene.pki.root).handshake(d.imaps).succeeded())
    });
}

#[test]
fn postfix_agrees() {
    let system = System::Bookworm;
    if !system.can_start("postfix") {
        return;
    }
    let Some(scene) = Scene::new(system, "postfix") else { return };
    let said = scene.pki.emit(&scene.test, "postfix", &scene.key, &[]);
    scene.agree(system, "postfix", |scene| {
        let started = Postfix::attempt(system, &scene.test, &said).unwrap();
        started.is_ok_and(|p| Client::trusting(&scene.pki.root).handshake(p.submissions).succeeded())
    });
}

#[test]
fn apache_agrees() {
    let system = System::Bookworm;
    if !system.can_start("apache2") {
        return;
    }
    let Some(scene) = Scene::new(system, "www-data") else { return };
    let said = format!(
        "<VirtualHost *:443>\nServerName mail.example.org\nSSLEngine on\nSSLCertificateFile {}\nSSLCertificateKeyFile {}\n</VirtualHost>\n",
        scene.pki.fullchain.display(),
        scene.key.display()
    );
    scene.agree(system, "apache", |scene| {
        let started = Apache::attempt(system, &scene.test, &said).unwrap();
        started.is_ok_and(|a| Client::trusting(&scene.pki.root).handshake(a.https).succeeded())
    });
}

#[test]
fn nginx_agrees() {
    let system = System::Bookworm;
    if !system.can_start("nginx") {
        return;
    }
    let Some(scene) = Scene::new(system, "www-data") else { return };
    let said = scene.pki.emit(&scene.test, "nginx", &scene.key, &[]);
    scene.agree(system, "nginx", |scene| {
        let started = Nginx::attempt(system, &scene.test, &said).unwrap();
        started.is_ok_and(|n| Client::trusting(&scene.pki.root).handshake(n.https).succeeded())
    });
}
