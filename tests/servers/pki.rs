//! The files that a handshake needs, and a key that does not belong.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::Test;
use crate::common::pki::Authority;

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
}

impl Pki {
    /// root -> intermediate -> leaf.
    pub fn new(test: &Test) -> Pki {
        let root = Authority::root("root");
        let intermediate = root.below("intermediate");
        let leaf = intermediate.leaf(&["mail.example.org"]);
        Pki {
            root: test.file("root.pem", root.pem()),
            fullchain: test.file("fullchain.pem", leaf.pem() + &intermediate.pem()),
            key: test.file("leaf.key", leaf.key_pem()),
            wrong_key: test.file("wrong.key", intermediate.leaf(&["mail.example.org"]).key_pem()),
        }
    }

    /// The chain that a server should present.
    pub fn chain(&self) -> String {
        fs::read_to_string(&self.fullchain).unwrap()
    }

    /// What pkit tells this server about the chain and a key.
    pub fn emit(&self, test: &Test, server: &str, key: &Path, more: &[&str]) -> String {
        let files = [Path::new("--cert"), &self.fullchain, Path::new("--key"), key];
        let words = ["emit", server].into_iter().chain(more.iter().copied()).map(Path::new);
        test.run(words.chain(files)).exits(0).stdout
    }
}
