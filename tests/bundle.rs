//! `pkit bundle dovecot-ca`: each CA followed by its CRL, judged by openssl and by a real Dovecot.

use crate::common::pki::{Authority, Crl, Leaf, cert_pem, crl_pem};
use crate::common::{Ran, Test, have};
use crate::servers::Client;
use crate::servers::dovecot::{Dovecot, Release};

/// root -> intermediate -> issuing, each with a list, and two clients of the last one: bob is revoked.
struct Clients {
    test: Test,
    root: Authority,
    intermediate: Authority,
    issuing: Authority,
    alice: Leaf,
    bob: Leaf,
}

impl Clients {
    fn new() -> Clients {
        let root = Authority::root("Clients Root");
        let intermediate = root.below("Clients Intermediate");
        let issuing = intermediate.below("Clients Issuing");
        let (alice, bob) = (issuing.leaf(&["alice"]), issuing.leaf(&["bob"]));
        let test = Test::new();
        for (name, ca) in [("root", &root), ("intermediate", &intermediate), ("issuing", &issuing)] {
            test.file(format!("{name}.pem"), ca.pem());
            test.file(format!("{name}.crl"), ca.crl(&Crl { revoked: vec![bob.serial], ..Crl::default() }));
        }
        Clients { test, root, intermediate, issuing, alice, bob }
    }

    /// As Dovecot's manual has it.
    fn expected(&self) -> String {
        [&self.issuing, &self.intermediate, &self.root].map(|ca| self.entry(ca)).concat()
    }

    fn entry(&self, ca: &Authority) -> String {
        ca.pem() + &crl_pem(&self.list(ca))
    }

    fn list(&self, ca: &Authority) -> Vec<u8> {
        ca.crl(&self.revoking())
    }

    fn revoking(&self) -> Crl {
        Crl { revoked: vec![self.bob.serial], ..Crl::default() }
    }

    fn bundle(&self, args: &[&str]) -> Ran {
        self.test.run([&["bundle", "dovecot-ca"], args].concat())
    }

    /// Refused, with nothing on the disk.
    #[track_caller]
    fn refuses(&self, files: &[&str], code: &str) -> Ran {
        let before = self.test.snapshot();
        let ran = self.bundle(&[&["-o", "ca.pem"], files].concat()).exits(1).err_has(&format!("error[{code}]"));
        assert_eq!(self.test.snapshot(), before);
        ran.out_has("nothing was written")
    }
}

const ALL: [&str; 6] = ["root.pem", "issuing.crl", "intermediate.pem", "root.crl", "issuing.pem", "intermediate.crl"];

#[test]
fn any_order_becomes_the_manual_s_order() {
    let c = Clients::new();
    let mut files = ALL;
    for turn in 0..files.len() {
        files.rotate_left(1);
        files.swap(0, turn);
        let names = |ran: &str| names(ran);
        let out = c.bundle(&files).exits(0).stdout;
        assert_eq!(names(&out), names(&c.expected()), "{files:?}");
    }
}

/// The kind and the issuer or subject of each block of a bundle.
fn names(bundle: &str) -> Vec<String> {
    let material = pkit::material::Material::read(std::path::Path::new("ca.pem"), bundle.as_bytes());
    let name = |block: &pkit::material::Block| match &block.item {
        pkit::material::Item::Cert(cert) => format!("CA {}", cert.subject),
        pkit::material::Item::Crl(crl) => format!("CRL {}", crl.issuer),
        _ => "something else".to_owned(),
    };
    material.blocks.iter().map(name).collect()
}
