//! A small PKI made by openssl: what a handshake needs, and a key that does not belong.

use std::fs;
use std::path::PathBuf;

use crate::common::Test;

/// Paths in the test's scratch directory. All keys are P-256.
pub struct Pki {
    /// The trust anchor, for clients.
    pub root: PathBuf,
    /// The leaf for `mail.example.org`, then its issuer.
    pub fullchain: PathBuf,
    /// The leaf's key.
    pub key: PathBuf,
    /// Another key.
    pub wrong_key: PathBuf,
}

impl Pki {
    /// root -> intermediate -> leaf.
    pub fn new(test: &Test) -> Pki {
        test.file("ca.ext", "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign\n");
        test.file("leaf.ext", "subjectAltName = DNS:mail.example.org\nextendedKeyUsage = serverAuth\n");
        certificate(test, "root", "ca.ext", "root");
        certificate(test, "intermediate", "ca.ext", "root");
        certificate(test, "leaf", "leaf.ext", "intermediate");
        key(test, "wrong");
        Pki {
            root: test.path("root.pem"),
            fullchain: test.file("fullchain.pem", test.text("leaf.pem") + &test.text("intermediate.pem")),
            key: test.path("leaf.key"),
            wrong_key: test.path("wrong.key"),
        }
    }

    /// The chain that a server should present.
    pub fn chain(&self) -> String {
        fs::read_to_string(&self.fullchain).unwrap()
    }
}

fn key(test: &Test, name: &str) {
    let args = format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {name}.key");
    test.peer("openssl", args.split(' ')).exits(0);
}

/// A root signs itself.
fn certificate(test: &Test, name: &str, extensions: &str, issuer: &str) {
    key(test, name);
    let request = format!("req -new -key {name}.key -subj /CN={name} -out {name}.csr");
    test.peer("openssl", request.split(' ')).exits(0);
    let signer =
        if name == issuer { format!("-signkey {name}.key") } else { format!("-CA {issuer}.pem -CAkey {issuer}.key") };
    let sign = format!("x509 -req -in {name}.csr -extfile {extensions} -days 30 {signer} -out {name}.pem");
    test.peer("openssl", sign.split(' ')).exits(0);
}
