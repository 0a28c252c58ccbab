//! The files that a handshake needs, a key that does not belong, and clients with certificates.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::KeyPair;

use crate::common::pki::{Authority, Crl, Leaf, crl_pem};
use crate::common::{Test, keys};

/// Paths in the test's scratch directory.
pub struct Pki {
    /// The trust anchor, for clients.
    pub root: PathBuf,
    /// The leaf for `mail.example.org`, then its issuer.
    pub fullchain: PathBuf,
    /// The leaf's key.
    pub key: PathBuf,
    /// Another key.
    pub wrong_key: PathBuf,
    /// The leaf, and what signs it.
    pub leaf: Leaf,
    pub issuer: Authority,
}

impl Pki {
    /// root -> intermediate -> leaf.
    pub fn new(test: &Test) -> Pki {
        Pki::with(test, KeyPair::generate().unwrap())
    }

    /// The same for a leaf with an RSA key.
    pub fn rsa(test: &Test) -> Pki {
        Pki::with(test, KeyPair::try_from(pem::parse(&keys::rsa().rsa2048).unwrap().contents()).unwrap())
    }

    fn with(test: &Test, key: KeyPair) -> Pki {
        let root = Authority::root("root");
        let intermediate = root.below("intermediate");
        let leaf = intermediate.leaf_for(key, &["mail.example.org"]);
        Pki {
            root: test.file("root.pem", root.pem()),
            fullchain: test.file("fullchain.pem", leaf.pem() + &intermediate.pem()),
            key: test.file("leaf.key", leaf.key_pem()),
            wrong_key: test.file("wrong.key", intermediate.leaf(&["mail.example.org"]).key_pem()),
            issuer: intermediate,
            leaf,
        }
    }

    /// The chain that a server should present.
    pub fn chain(&self) -> String {
        fs::read_to_string(&self.fullchain).unwrap()
    }

    /// What pkit tells this server about the chain and a key, in its main file.
    pub fn emit(&self, test: &Test, server: &str, key: &Path, more: &[&str]) -> String {
        self.emit_files(test, server, key, more).swap_remove(0)
    }

    /// The same for each of its files.
    pub fn emit_files(&self, test: &Test, server: &str, key: &Path, more: &[&str]) -> Vec<String> {
        let mut pair = [self.fullchain.clone(), key.to_owned()];
        if server == "haproxy" {
            // It wants one file.
            let both = pair.each_ref().map(|file| fs::read_to_string(file).unwrap()).concat();
            pair = [test.file("both.pem", both), test.path("both.pem")];
            test.chmod("both.pem", 0o400);
        }
        let files = [Path::new("--cert"), &pair[0], Path::new("--key"), &pair[1]];
        let words = ["emit", server, "--json"].into_iter().chain(more.iter().copied()).map(Path::new);
        let json = test.run(words.chain(files)).exits(0).json();
        let files = json["result"]["files"].as_array().unwrap();
        files.iter().map(|file| file["content"].as_str().unwrap().to_owned()).collect()
    }
}

/// Clients with certificates, and what a server needs to tell them apart. Paths in the test's scratch directory.
pub struct Clients {
    /// The CA that issues them, and its root.
    pub cas: PathBuf,
    /// The CRLs of both.
    pub crls: PathBuf,
    /// Each CA, then its CRL.
    pub cas_with_crls: PathBuf,
    /// `alice`.
    pub good: Identity,
    /// `bob`, who is on a CRL.
    pub revoked: Identity,
    /// `mallory`, from another CA with the same name.
    pub foreign: Identity,
}

/// A certificate and its key.
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Clients {
    /// root -> issuing -> client.
    pub fn new(test: &Test) -> Clients {
        let root = Authority::root("Clients Root");
        let issuing = root.below("Clients CA");
        let [alice, bob] = [issuing.leaf(&["alice"]), issuing.leaf(&["bob"])];
        let mallory = Authority::root("Clients Root").below("Clients CA").leaf(&["mallory"]);
        let crls = [
            crl_pem(&issuing.crl(&Crl { revoked: vec![bob.serial], ..Crl::default() })),
            crl_pem(&root.crl(&Crl::default())),
        ];
        Clients {
            cas: test.file("clients.pem", issuing.pem() + &root.pem()),
            crls: test.file("clients.crl", crls.concat()),
            cas_with_crls: test.file("clients-and-crls.pem", issuing.pem() + &crls[0] + &root.pem() + &crls[1]),
            good: Identity::new(test, "alice", &alice),
            revoked: Identity::new(test, "bob", &bob),
            foreign: Identity::new(test, "mallory", &mallory),
        }
    }
}

impl Identity {
    fn new(test: &Test, name: &str, leaf: &Leaf) -> Identity {
        Identity {
            certificate: test.file(format!("{name}.pem"), leaf.pem()),
            key: test.file(format!("{name}.key"), leaf.key_pem()),
        }
    }
}
