//! slapd as Debian has it, configured through `cn=config`.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::daemon::{Daemon, can_start};
use crate::common::{self, Ran, Test};

/// A running slapd, without TLS until an LDIF says otherwise. It runs as the user `openldap`, as Debian's does.
pub struct Slapd {
    pub daemon: Daemon,
    ldapi: String,
    /// LDAP with STARTTLS.
    pub ldap: u16,
    /// LDAP over TLS.
    pub ldaps: u16,
}

impl Slapd {
    /// Starts it in the test's scratch directory; none where it cannot be started.
    pub fn start(test: &Test) -> Option<Slapd> {
        (can_start("slapd") && common::have("ldapmodify")).then(|| Slapd::run(test))
    }

    /// Changes the configuration as root does: `ldapmodify` over the local socket.
    pub fn modify(&self, test: &Test, ldif: &str) -> Ran {
        let ldif = test.file("slapd/change.ldif", ldif);
        test.peer("ldapmodify", ["-Q", "-Y", "EXTERNAL", "-H", &self.ldapi, "-f", ldif.to_str().unwrap()])
    }

    fn run(test: &Test) -> Slapd {
        let config = Slapd::lay_out(test);
        let ldapi = format!("ldapi://{}", test.path("slapd/ldapi").to_str().unwrap().replace('/', "%2F"));
        let (daemon, [ldap, ldaps]) = Daemon::on_ports(&test.path("slapd/log"), |[ldap, ldaps]| {
            let listen = format!("ldap://127.0.0.1:{ldap} ldaps://127.0.0.1:{ldaps} {ldapi}");
            let mut command = Command::new("slapd");
            command.args(["-d", "config,stats", "-u", "openldap", "-g", "openldap", "-h", &listen, "-F"]).arg(&config);
            command
        });
        Slapd { daemon, ldapi, ldap, ldaps }
    }

    fn lay_out(test: &Test) -> PathBuf {
        test.chmod("", 0o711);
        let base = test.file("slapd/base.ldif", BASE);
        let config = test.path("slapd/config");
        std::fs::create_dir(&config).unwrap();
        test.peer("slapadd", [Path::new("-n0"), Path::new("-F"), &config, Path::new("-l"), &base]).exits(0);
        test.peer("chown", [Path::new("-R"), Path::new("openldap:openldap"), &test.path("slapd")]).exits(0);
        config
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

mod tests {
    use super::*;
    use crate::common::purchase::Purchase;
    use crate::servers::{Client, Pki};

    /// slapd cannot use what `prepare` writes, so its user's copy of the key is made as `prepare` advises.
    #[test]
    fn slapd_serves_the_purchase_as_emit_said() {
        for purchase in [Purchase::rsa(), Purchase::ecdsa()] {
            let test = Test::new();
            let Some(slapd) = Slapd::start(&test) else { return };
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
    fn slapd_refuses_another_key() {
        let test = Test::new();
        let pki = Pki::new(&test);
        let Some(slapd) = Slapd::start(&test) else { return };
        test.peer("chown", [Path::new("openldap"), &pki.wrong_key]).exits(0);
        slapd.modify(&test, &pki.emit(&test, "openldap", &pki.wrong_key, &[])).exits(80);
        slapd.daemon.says("do not match");
        Client::trusting(&pki.root).handshake(slapd.ldaps).fails();
    }
}
