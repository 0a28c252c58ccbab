//! TLS clients that are not ours: `openssl s_client`, and curl where a user would get in or not.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::peer::Door;
use super::pki::Identity;
use crate::common::Ran;

/// How to connect, and what to insist on.
#[derive(Clone)]
pub struct Client {
    root: PathBuf,
    name: &'static str,
    args: Vec<OsString>,
    identity: Option<(PathBuf, PathBuf)>,
    patience: &'static str,
}

/// How a connection went.
pub struct Handshake {
    /// Was the presented chain good for the name, and did the handshake succeed?
    pub verified: bool,
    /// The certificates that the server sent, in its order: one PEM block each.
    pub chain: Vec<String>,
    /// Everything that openssl printed.
    pub output: String,
}

impl Client {
    /// Trusts the roots in this file and no others; asks for, and insists on, `mail.example.org`.
    pub fn trusting(root: &Path) -> Client {
        Client { root: root.to_owned(), name: "mail.example.org", args: Vec::new(), identity: None, patience: PATIENCE }
    }

    /// Asks for, and insists on, another name.
    pub fn name(self, name: &'static str) -> Client {
        Client { name, ..self }
    }

    /// Speaks this protocol (`imap`, `smtp`, `ldap`) in the clear first, and asks for TLS there.
    pub fn starttls(self, protocol: &'static str) -> Client {
        self.args(["-starttls", protocol])
    }

    /// Gives up sooner: after seconds, as a number in text.
    pub fn patience(self, patience: &'static str) -> Client {
        Client { patience, ..self }
    }

    /// Goes to TLS as this port has it.
    pub fn through(self, door: Door) -> Client {
        door.starttls.into_iter().fold(self, Client::starttls)
    }

    /// More options for `openssl s_client`.
    pub fn args<const N: usize>(mut self, args: [&'static str; N]) -> Client {
        self.args.extend(args.map(OsString::from));
        self
    }

    /// Shows the server this certificate.
    pub fn presenting(self, certificate: &Path, key: &Path) -> Client {
        Client { identity: Some((certificate.to_owned(), key.to_owned())), ..self }
    }

    /// Shows the server this client's certificate.
    pub fn identified(self, by: &Identity) -> Client {
        self.presenting(&by.certificate, &by.key)
    }

    /// Sends these certificates behind its own.
    pub fn sending(mut self, chain: &Path) -> Client {
        self.args.extend(["-cert_chain".into(), chain.into()]);
        self
    }

    /// Connects, shakes hands, and hangs up.
    pub fn handshake(&self, port: u16) -> Handshake {
        self.talk(port, &["-showcerts"], "")
    }

    /// Connects and tries to log in over IMAP: the answer to `a LOGIN` is in the output.
    pub fn imap_login(&self, port: u16, user: &str, password: &str) -> Handshake {
        self.talk(port, &["-quiet", "-crlf"], &format!("a LOGIN {user} {password}\nb LOGOUT\n"))
    }

    /// Does as a user does: curl fetches from this scheme's server (`https`, `imaps`; `imap` and `smtp` with STARTTLS), and
    /// fails where it does not get in.
    pub fn curl(&self, scheme: &str, port: u16, more: &[&str]) -> Ran {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", self.patience, "--ssl-reqd", "--cacert"]).arg(&self.root);
        curl.args([
            "--resolve",
            &format!("{}:{port}:127.0.0.1", self.name),
            &format!("{scheme}://{}:{port}/", self.name),
        ]);
        if let Some((certificate, key)) = &self.identity {
            curl.arg("--cert").arg(certificate).arg("--key").arg(key);
        }
        Ran::of(curl.args(more).stdin(Stdio::null()).output().unwrap())
    }

    /// Asks an LDAP server who it takes us for; without a look at its certificate, which the name of this machine is not in.
    pub fn ldap_whoami(&self, scheme: &str, port: u16) -> Ran {
        let mut ldap = Command::new("ldapwhoami");
        ldap.args(["-x", "-o", "nettimeout=30", "-H", &format!("{scheme}://127.0.0.1:{port}")]);
        ldap.env("LDAPTLS_REQCERT", "never").stdin(Stdio::null());
        if scheme == "ldap" {
            ldap.arg("-ZZ");
        }
        if let Some((certificate, key)) = &self.identity {
            ldap.env("LDAPTLS_CERT", certificate).env("LDAPTLS_KEY", key);
        }
        Ran::of(ldap.output().unwrap())
    }

    fn talk(&self, port: u16, mode: &[&str], input: &str) -> Handshake {
        let mut openssl = Command::new("timeout")
            .args([self.patience, "openssl", "s_client", "-connect", &format!("127.0.0.1:{port}")])
            .args(["-servername", self.name, "-verify_hostname", self.name, "-verify_return_error", "-CAfile"])
            .arg(&self.root)
            .args(self.identity.iter().flat_map(|(cert, key)| ["-cert".as_ref(), cert.as_path(), "-key".as_ref(), key]))
            .args(&self.args)
            .args(mode)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // openssl may have given up before it reads.
        let _ = openssl.stdin.take().unwrap().write_all(input.as_bytes());
        let ended = openssl.wait_with_output().unwrap();
        let stdout = String::from_utf8_lossy(&ended.stdout);
        Handshake {
            verified: ended.status.success() && !stdout.contains("no peer certificate available"),
            chain: pem_blocks(&stdout),
            output: format!("{stdout}{}", String::from_utf8_lossy(&ended.stderr)),
        }
    }
}

impl Handshake {
    #[track_caller]
    pub fn verifies(self) -> Handshake {
        assert!(self.verified, "{}", self.output);
        self
    }

    /// Has it been proven to whom the client talks?
    pub fn succeeded(&self) -> bool {
        self.verified
    }

    #[track_caller]
    pub fn fails(self) -> Handshake {
        assert!(!self.verified, "{}", self.output);
        self
    }

    #[track_caller]
    pub fn says(self, part: &str) -> Handshake {
        assert!(self.output.contains(part), "no {part:?} in:\n{}", self.output);
        self
    }

    /// The server must have sent exactly the certificates of this PEM text, in its order.
    #[track_caller]
    pub fn presents(self, pem: &str) -> Handshake {
        assert_eq!(self.chain, pem_blocks(pem), "{}", self.output);
        self
    }
}

/// The certificates of this PEM text, without its lines.
pub fn pem_blocks(text: &str) -> Vec<String> {
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    text.split(begin)
        .skip(1)
        .filter_map(|rest| rest.split_once(end))
        .map(|(base64, _)| base64.split_whitespace().collect())
        .collect()
}

/// Seconds. A server that does not answer must not hold up the run.
const PATIENCE: &str = "30";
