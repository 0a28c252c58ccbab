//! The made-up purchase in `testdata`: what a CA sent, the customer's key, and the root that clients trust. pkit made none of it.

use std::path::{Path, PathBuf};

use super::{Ran, Test};

/// One order: paths of its files.
pub struct Purchase {
    /// What the CA sent.
    pub zip: PathBuf,
    pub key: PathBuf,
    pub root: PathBuf,
}

impl Purchase {
    pub fn rsa() -> Purchase {
        Purchase::at("testdata/purchase")
    }

    pub fn ecdsa() -> Purchase {
        Purchase::at("testdata/purchase/ecdsa")
    }

    /// Prepared for this server and written below the scratch directory.
    pub fn apply(&self, test: &Test, server: &str, more: &[&str]) -> Ran {
        let words =
            ["prepare", server, "--dir", "ssl", "--name", "mail.example.org", "--apply", "--json"].map(Path::new);
        let files = [Path::new("--key"), &self.key, Path::new("--trust"), &self.root, &self.zip];
        test.run(words.into_iter().chain(files).chain(more.iter().map(Path::new)))
    }

    /// A file of the set that `apply` has written.
    pub fn prepared(test: &Test, name: &str) -> PathBuf {
        test.path("ssl/pkit/mail.example.org/current").join(name)
    }

    fn at(dir: &str) -> Purchase {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
        Purchase {
            zip: dir.join("mail_example_org.zip"),
            key: dir.join("mail.key"),
            root: dir.join("example-root-r2.pem"),
        }
    }
}
