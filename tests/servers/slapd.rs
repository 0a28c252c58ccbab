//! slapd as Debian has it, configured through `cn=config`.

use std::path::Path;

use super::daemon::{Daemon, NotUp};
use super::system::System;
use crate::common::{self, Ran, Test};

/// A running slapd, without TLS until an LDIF says otherwise. It runs as the user `openldap`, as Debian's does.
pub struct Slapd {
    pub daemon: Daemon,
    /// Its local socket.
    pub ldapi: String,
    /// LDAP with STARTTLS.
    pub ldap: u16,
    /// LDAP over TLS.
    pub ldaps: u16,
}

impl Slapd {
    /// Starts it in the test's scratch directory, without TLS; none where it cannot be started.
    pub fn start(system: System, test: &Test) -> Option<Slapd> {
        Slapd::can_start(system).then(|| {
            let base = test.file("slapd/base.ldif", BASE);
            let config = test.path("slapd/config");
            std::fs::create_dir(&config).unwrap();
            system
                .run(test, "slapadd", ["-n0".as_ref(), "-F".as_ref(), config.as_path(), "-l".as_ref(), &base])
                .exits(0);
            Slapd::run(system, test, "-F", &config).unwrap()
        })
    }

    /// Starts it with a `slapd.conf` in which these settings stand; none where it cannot be started.
    pub fn attempt_conf(system: System, test: &Test, tls: &str) -> Option<Result<Slapd, NotUp>> {
        Slapd::can_start(system).then(|| {
            let conf = test.file("slapd/slapd.conf", format!("{tls}\n{BASE_CONF}"));
            Slapd::run(system, test, "-f", &conf)
        })
    }

    /// A file's new owner: slapd's user may have another number in a chroot.
    pub fn owns(system: System, test: &Test, path: &Path) {
        system.run(test, "chown", ["-R".as_ref(), "openldap:openldap".as_ref(), path]).exits(0);
    }

    /// Changes the configuration as root does: `ldapmodify` over the local socket.
    pub fn modify(&self, test: &Test, ldif: &str) -> Ran {
        let ldif = test.file("slapd/change.ldif", ldif);
        test.peer("ldapmodify", ["-Q", "-Y", "EXTERNAL", "-H", &self.ldapi, "-f", ldif.to_str().unwrap()])
    }

    fn can_start(system: System) -> bool {
        system.can_start("slapd") && common::have("ldapmodify")
    }

    fn run(system: System, test: &Test, form: &str, config: &Path) -> Result<Slapd, NotUp> {
        test.chmod("", 0o711);
        Slapd::owns(system, test, &test.path("slapd"));
        let ldapi = format!("ldapi://{}", test.path("slapd/ldapi").to_str().unwrap().replace('/', "%2F"));
        let (daemon, [ldap, ldaps]) = Daemon::on_ports(&test.path("slapd/log"), |[ldap, ldaps]| {
            let listen = format!("ldap://127.0.0.1:{ldap} ldaps://127.0.0.1:{ldaps} {ldapi}");
            let mut command = system.command(test, "slapd");
            command.args(["-d", "config,stats", "-u", "openldap", "-g", "openldap", "-h", &listen, form]).arg(config);
            command
        })?;
        Ok(Slapd { daemon, ldapi, ldap, ldaps })
    }
}

const BASE: &str = "\
dn: cn=config
objectClass: olcGlobal
cn: config

dn: olcDatabase={0}config,cn=config
objectClass: olcDatabaseConfig
olcDatabase: {0}config
olcAccess: to * by dn.exact=gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth manage by * none
";

/// Behind the global settings.
const BASE_CONF: &str = "\
database config
access to * by dn.exact=gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth manage by * none
";

mod tests {
    use super::*;
    use crate::common::purchase::Purchase;
    use crate::servers::{Client, Pki};

    /// slapd cannot use what `prepare` writes, so its user's copy of the key is made as `prepare` advises.
    #[test]
    fn slapd_serves_the_purchase_as_emit_said() {
        for purchase in [Purchase::rsa(), Purchase::ecdsa()] {
            let test = Test::new();
            let Some(slapd) = Slapd::start(System::Bookworm, &test) else { return };
            let [zip, key] = [&purchase.zip, &purchase.key].map(|path| path.to_str().unwrap());
            test.run(["chain", "build", zip, "--key", key, "-o", "chain.pem"]).exits(0);
            test.peer("install", ["-o", "openldap", "-m", "0400", key, "slapd.key"]).exits(0);
            let (chain, key) = (test.path("chain.pem"), test.path("slapd.key"));
            let emit = ["emit", "openldap", "--cert", chain.to_str().unwrap(), "--key", key.to_str().unwrap()];
            slapd.modify(&test, &test.run(emit).exits(0).stdout).exits(0);
            let client = || Client::trusting(&purchase.root);
            client().handshake(slapd.ldaps).verifies().presents(&test.text("chain.pem"));
            client().starttls("ldap").handshake(slapd.ldap).verifies().presents(&test.text("chain.pem"));
            let old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
            client().args(old).handshake(slapd.ldaps).fails();
            slapd.daemon.says("unsupported version was received");
        }
    }

    #[test]
    fn slapd_is_told_in_its_file() {
        for system in [System::Bookworm, System::Trixie] {
            let test = Test::new();
            let pki = Pki::new(&test);
            Slapd::owns(system, &test, &pki.key);
            let (chain, key) = (pki.fullchain.display(), pki.key.display());
            let conf = format!("TLSCertificateFile {chain}\nTLSCertificateKeyFile {key}\n");
            let Some(slapd) = Slapd::attempt_conf(system, &test, &conf) else { return };
            Client::trusting(&pki.root).handshake(slapd.unwrap().ldaps).verifies().presents(&pki.chain());
        }
    }
}
