//! A CA, and a client of it that leaves renewed certificates where certbot, lego and acme.sh do.

use std::fs;
use std::os::unix::fs::symlink;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::NAME;
use crate::common::Test;
use crate::common::pki::{Authority, cert_pem};

/// The CA and the key of the name, which stays the same unless a test wants another.
pub struct Acme {
    ca: Authority,
    key: KeyPair,
}

/// A certificate with its key and the chain above it, all PEM.
pub struct Renewed {
    pub cert: String,
    pub chain: String,
    pub key: String,
}

impl Renewed {
    pub fn fullchain(&self) -> String {
        self.cert.clone() + &self.chain
    }
}

impl Acme {
    /// Its root is `root.pem`.
    pub fn new(t: &Test) -> Acme {
        let root = Authority::root("Root");
        t.file("root.pem", root.pem());
        Acme { ca: root.below("Intermediate"), key: KeyPair::generate().unwrap() }
    }

    /// Valid from the beginning of a year on.
    pub fn issued(&self, year: i32) -> Renewed {
        self.issued_for(&self.key, &[NAME, "imap.example.org"], |params| params.not_before = date_time_ymd(year, 1, 1))
    }

    /// With something different about it.
    pub fn issued_for(&self, key: &KeyPair, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Renewed {
        let (_, der) = self.ca.issue(key, names, change);
        Renewed { cert: cert_pem(&der), chain: self.ca.pem(), key: key_pem(key) }
    }

    /// The same with another key.
    pub fn with_new_key(&self, year: i32) -> Renewed {
        let key = KeyPair::generate().unwrap();
        self.issued_for(&key, &[NAME, "imap.example.org"], |params| params.not_before = date_time_ymd(year, 1, 1))
    }

    pub fn certbot(&self, t: &Test, year: i32) -> Renewed {
        certbot(t, self.issued(year))
    }

    pub fn lego(&self, t: &Test, year: i32) -> Renewed {
        let renewed = self.issued(year);
        for (kind, text) in
            [("crt", renewed.fullchain()), ("issuer.crt", renewed.chain.clone()), ("key", renewed.key.clone())]
        {
            t.file(format!("lego/certificates/{NAME}.{kind}"), text);
        }
        t.file(format!("lego/certificates/{NAME}.json"), format!("{{\"domain\": \"{NAME}\"}}\n"));
        // Another name in the same directory, renewed later.
        let other = self.issued_for(&KeyPair::generate().unwrap(), &["other.example.org"], |params| {
            params.not_before = date_time_ymd(year + 1, 1, 1);
        });
        t.file("lego/certificates/other.example.org.crt", other.fullchain());
        t.file("lego/certificates/other.example.org.key", other.key);
        renewed
    }

    pub fn acme_sh(&self, t: &Test, year: i32) -> Renewed {
        let renewed = self.issued(year);
        let dir = format!("acme.sh/{NAME}_ecc");
        let files = [
            (format!("{NAME}.cer"), renewed.cert.clone()),
            (format!("{NAME}.key"), renewed.key.clone()),
            ("ca.cer".to_owned(), renewed.chain.clone()),
            ("fullchain.cer".to_owned(), renewed.fullchain()),
            (format!("{NAME}.conf"), format!("Le_Domain='{NAME}'\nLe_Keylength='ec-256'\n")),
        ];
        for (name, text) in files {
            t.file(format!("{dir}/{name}"), text);
        }
        renewed
    }
}

/// PKCS#8.
pub fn key_pem(key: &KeyPair) -> String {
    pem::encode(&pem::Pem::new("PRIVATE KEY", key.serialized_der()))
}

/// As certbot keeps a lineage: numbered files in archive/, links to the newest in live/.
pub fn certbot(t: &Test, renewed: Renewed) -> Renewed {
    let live = t.path("live").join(NAME);
    fs::create_dir_all(&live).unwrap();
    let archive = t.path("archive").join(NAME);
    let number = fs::read_dir(&archive).map_or(0, |entries| entries.count() / 4) + 1;
    let files = [
        ("cert", renewed.cert.clone()),
        ("chain", renewed.chain.clone()),
        ("fullchain", renewed.fullchain()),
        ("privkey", renewed.key.clone()),
    ];
    for (name, text) in files {
        t.file(format!("archive/{NAME}/{name}{number}.pem"), text);
        let link = live.join(format!("{name}.pem"));
        let _ = fs::remove_file(&link);
        symlink(format!("../../archive/{NAME}/{name}{number}.pem"), link).unwrap();
    }
    t.file(format!("live/{NAME}/README"), "This directory contains your keys and certificates.\n");
    renewed
}
