//! The servers as data, for tests that do the same with all of them.

use std::path::Path;

use super::apache::Apache;
use super::courier::Courier;
use super::daemon::{Daemon, NotUp};
use super::dovecot::Dovecot;
use super::exim::Exim;
use super::nginx::Nginx;
use super::postfix::Postfix;
use super::slapd::Slapd;
use super::{Client, System};
use crate::common::Test;

/// A server program of one Debian.
pub struct Peer {
    /// pkit's word for it.
    pub server: &'static str,
    pub version: &'static str,
    /// The TLS library that it is built with, where there is a choice.
    pub library: Option<&'static str>,
    pub system: System,
    /// What is spoken before TLS on its other port; nothing where that port has no TLS.
    pub starttls: Option<&'static str>,
    /// The user that opens its key, where that is not root.
    pub user: Option<&'static str>,
    /// What it says of a key that does not belong to its certificate.
    pub mismatch: &'static str,
    /// Where it looks for CRLs.
    pub crls: Crls,
    start: fn(System, &Test, &str) -> Option<Result<Running, NotUp>>,
    lets_in: fn(&Client, Door) -> bool,
}

/// Where a server looks for the CRLs of the CAs whose clients it trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crls {
    /// In the file with these CAs.
    WithCas,
    /// In a file of their own.
    Apart,
    /// Nowhere.
    Nowhere,
}

/// A daemon that runs.
pub struct Running {
    pub daemon: Daemon,
    /// The port where TLS begins on demand, or never.
    pub plain: u16,
    /// The port where TLS begins at once.
    pub tls: u16,
    /// More ways to TLS, in another protocol.
    pub others: Vec<Door>,
}

/// A port, and how one gets to TLS there.
#[derive(Clone, Copy, Debug)]
pub struct Door {
    pub port: u16,
    pub starttls: Option<&'static str>,
}

/// All of them.
pub static PEERS: &[Peer] = &[
    Peer { version: "2.3.19", system: System::Bookworm, ..DOVECOT },
    Peer {
        version: "2.4.1",
        system: System::Trixie,
        mismatch: "Key file is for a different certificate file",
        ..DOVECOT
    },
    Peer { version: "3.7.11", system: System::Bookworm, ..POSTFIX },
    Peer { version: "3.10", system: System::Trixie, ..POSTFIX },
    Peer { version: "2.5.13", library: Some("gnutls"), crls: Crls::Apart, system: System::Bookworm, ..SLAPD },
    Peer {
        version: "2.6.10",
        library: Some("openssl"),
        mismatch: "could not use key file",
        system: System::Trixie,
        ..SLAPD
    },
    Peer { version: "2.4.71", system: System::Bookworm, ..APACHE },
    Peer { version: "2.4.71", system: System::Trixie, ..APACHE },
    Peer { version: "1.22.1", ..NGINX },
    Peer { version: "1.26.3", system: System::Trixie, ..NGINX },
    Peer { version: "5.0.13", library: Some("gnutls"), system: System::Courier, ..COURIER },
    Peer { version: "4.96", library: Some("gnutls"), system: System::Courier, ..EXIM },
];

const DOVECOT: Peer = Peer {
    server: "dovecot",
    version: "",
    library: None,
    system: System::Bookworm,
    starttls: Some("imap"),
    user: None,
    mismatch: "Key is for a different cert than ssl_cert",
    crls: Crls::WithCas,
    start: |system, test, tls| {
        let others =
            |d: &Dovecot| vec![Door { port: d.pop3s, starttls: None }, Door { port: d.pop3, starttls: Some("pop3") }];
        let running = |d: Dovecot| Running { others: others(&d), daemon: d.daemon, plain: d.imap, tls: d.imaps };
        Some(Dovecot::attempt(system, test, tls)?.map(running))
    },
    // It finishes the handshake with anybody and refuses at the login.
    lets_in: |client, door| {
        client.clone().through(door).imap_login(door.port, "alice", "secret").output.contains("a OK")
    },
};

const POSTFIX: Peer = Peer {
    server: "postfix",
    starttls: Some("smtp"),
    mismatch: "disabling TLS support",
    crls: Crls::Nowhere,
    start: |system, test, tls| {
        Some(Postfix::attempt(system, test, tls)?.map(|p| Running {
            daemon: p.daemon,
            plain: p.smtp,
            tls: p.submissions,
            others: Vec::new(),
        }))
    },
    lets_in: |client, door| {
        let scheme = if door.starttls.is_some() { "smtp" } else { "smtps" };
        let mail = ["--mail-from", "a@example.org", "--mail-rcpt", "b@example.org", "-T", "/dev/null"];
        client.curl(scheme, door.port, &mail).exit == 0
    },
    ..DOVECOT
};

const SLAPD: Peer = Peer {
    server: "openldap",
    starttls: Some("ldap"),
    mismatch: "do not match",
    user: Some("openldap"),
    start: |system, test, ldif| {
        let slapd = Slapd::start(system, test)?;
        let changed = slapd.modify(test, ldif);
        Some(match changed.exit {
            0 => Ok(Running { daemon: slapd.daemon, plain: slapd.ldap, tls: slapd.ldaps, others: Vec::new() }),
            _ => Err(NotUp { said: changed.stderr + &slapd.daemon.log() }),
        })
    },
    lets_in: |client, door| {
        let scheme = if door.starttls.is_some() { "ldap" } else { "ldaps" };
        client.ldap_whoami(scheme, door.port).exit == 0
    },
    ..DOVECOT
};

const APACHE: Peer = Peer {
    server: "apache",
    starttls: None,
    mismatch: "do not match",
    crls: Crls::Apart,
    start: |system, test, hosts| {
        Some(Apache::attempt(system, test, hosts)?.map(|a| Running {
            daemon: a.daemon,
            plain: a.http,
            tls: a.https,
            others: Vec::new(),
        }))
    },
    lets_in: |client, door| client.curl("https", door.port, &[]).stdout.contains("welcome"),
    ..DOVECOT
};

const NGINX: Peer = Peer {
    server: "nginx",
    mismatch: "key values mismatch",
    start: |system, test, hosts| {
        Some(Nginx::attempt(system, test, hosts)?.map(|n| Running {
            daemon: n.daemon,
            plain: n.http,
            tls: n.https,
            others: Vec::new(),
        }))
    },
    ..APACHE
};

const COURIER: Peer = Peer {
    server: "courier",
    user: Some("courier"),
    mismatch: "Decryption has failed",
    crls: Crls::Nowhere,
    start: |_, test, tls| {
        Some(Courier::attempt(test, tls)?.map(|c| Running {
            daemon: c.daemon,
            plain: c.imap,
            tls: c.imaps,
            others: Vec::new(),
        }))
    },
    lets_in: |client, door| {
        let scheme = if door.starttls.is_some() { "imap" } else { "imaps" };
        client.curl(scheme, door.port, &["-X", "NOOP"]).exit == 0
    },
    ..DOVECOT
};

const EXIM: Peer = Peer {
    server: "exim",
    user: Some("Debian-exim"),
    mismatch: "The certificate and the given key do not match",
    crls: Crls::Apart,
    start: |_, test, tls| {
        Some(Exim::attempt(test, tls)?.map(|e| Running {
            daemon: e.daemon,
            plain: e.smtp,
            tls: e.submissions,
            others: Vec::new(),
        }))
    },
    ..POSTFIX
};

impl Peer {
    /// Starts it with these settings; none where it cannot be started, an error where it does not like them.
    pub fn attempt(&self, test: &Test, tls: &str) -> Option<Result<Running, NotUp>> {
        (self.start)(self.system, test, tls)
    }

    /// The same with settings that it must like.
    pub fn start(&self, test: &Test, tls: &str) -> Option<Running> {
        Some(self.attempt(test, tls)?.unwrap_or_else(|not_up| panic!("{}: {}\n{tls}", self.name(), not_up.said)))
    }

    /// Its name and version, to be told apart by.
    pub fn name(&self) -> String {
        format!("{} {} in {:?}", self.server, self.version, self.system)
    }

    /// The options that tell pkit about it.
    pub fn build(&self) -> Vec<&'static str> {
        let library = self.library.iter().flat_map(|library| ["--tls-library", library]);
        ["--server-version", self.version].into_iter().chain(library).collect()
    }

    /// Gives it a file that nobody else may read.
    pub fn owns(&self, test: &Test, file: &Path) {
        if let Some(user) = self.user {
            self.system.run(test, "chown", [user.as_ref(), file]).exits(0);
        }
        self.system.run(test, "chmod", ["0400".as_ref(), file]).exits(0);
    }

    /// The ways to TLS that it has.
    pub fn doors(&self, running: &Running) -> Vec<Door> {
        let plain = self.starttls.map(|starttls| Door { port: running.plain, starttls: Some(starttls) });
        [Some(Door { port: running.tls, starttls: None }), plain].into_iter().flatten().collect()
    }

    /// Does the client get what it came for, behind the handshake?
    pub fn lets_in(&self, client: &Client, door: Door) -> bool {
        (self.lets_in)(client, door)
    }
}
