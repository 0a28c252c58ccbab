//! `pkit chain build`: whatever a CA sends, in whatever form and order, becomes the one file that a server sends. openssl and
//! certtool judge it.

mod choice;
mod corpus;
mod forms;
mod output;
mod paths;

use crate::common::pki::{Authority, Leaf, cert_pem};
use crate::common::{Ran, Test, have};

/// root -> upper -> lower -> leaf for `mail.example.org`, and a scratch directory with the root in it.
struct Purchase {
    test: Test,
    root: Authority,
    upper: Authority,
    lower: Authority,
    leaf: Leaf,
}

impl Purchase {
    fn new() -> Purchase {
        let root = Authority::root("Example Root");
        let upper = root.below("Upper CA");
        let lower = upper.below("Lower CA");
        let leaf = lower.leaf(&["mail.example.org", "imap.example.org"]);
        let test = Test::new();
        test.file("root.pem", root.pem());
        test.file("mail.key", leaf.key_pem());
        Purchase { test, root, upper, lower, leaf }
    }

    /// What a server should send.
    fn chain(&self) -> String {
        self.leaf.pem() + &self.lower.pem() + &self.upper.pem()
    }

    /// The same, the root first.
    fn reversed(&self) -> String {
        self.upper.pem() + &self.lower.pem() + &self.leaf.pem()
    }

    /// `chain build` with the root as the only anchor.
    fn build(&self, args: &[&str]) -> Ran {
        self.test.run([&["chain", "build", "--trust", "root.pem"], args].concat())
    }

    /// The very same chain must come out of these files, and the peers must agree with it.
    #[track_caller]
    fn builds(&self, args: &[&str]) -> Ran {
        let ran = self.build(args).exits(0);
        assert_eq!(ran.stdout, self.chain(), "{}", ran.stderr);
        self.verifies(&ran.stdout);
        ran
    }

    /// openssl and certtool must find the first certificate good by means of the others.
    #[track_caller]
    fn verifies(&self, chain: &str) {
        self.test.file("judged.pem", chain);
        if have("openssl") {
            let verify = ["verify", "-CAfile", "root.pem", "-untrusted", "judged.pem", "judged.pem"];
            self.test.peer("openssl", verify).exits(0).out_has("judged.pem: OK");
        }
        if have("certtool") {
            let verify = ["--verify", "--load-ca-certificate", "root.pem", "--infile", "judged.pem"];
            self.test.peer("certtool", verify).exits(0).out_has("Chain verification output: Verified");
        }
    }
}

/// The codes of a JSON report's findings.
fn codes(ran: &Ran) -> Vec<String> {
    ran.json()["findings"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap().to_owned()).collect()
}

fn pems(ders: &[&[u8]]) -> String {
    ders.iter().map(|der| cert_pem(der)).collect()
}
