//! What files hold: keys, certificates, requests, CRLs and DH parameters, each with its origin. Whatever a CA or a colleague
//! sends is taken apart here: PEM in all its forms, DER, zip, PKCS#7. Parsing says what a thing is and what is odd about its
//! form; whether it is any good is for `checks`.

pub mod archive;
mod ber;
pub mod cert;
pub mod crl;
pub mod csr;
pub mod der;
pub mod dh;
pub mod dn;
pub mod encryption;
pub mod ext;
pub mod index;
pub mod journal;
pub mod key;
mod kind;
pub mod lines;
pub mod ocsp;
pub mod pem;
pub mod pkcs12;
pub mod pkcs7;
pub mod points;
mod reading;
pub mod revoked;
pub mod signature;
pub mod ssl_parameters;
pub mod subject_hash;
pub mod trust_settings;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::crypto::Passphrase;
use crate::finding::{Finding, Origin};
use cert::Cert;
use crl::Crl;
use csr::Csr;
use dh::DhParams;
use encryption::PASSPHRASE_WRONG;
use key::{EncryptedKey, KeyFault, PrivateKey, PublicKey};
use kind::Kind;
pub use kind::{Contents, contents};
use reading::Reading;
pub use reading::{ARCHIVE_BROKEN, KnownCas, LABEL_UNUSED, MALFORMED, MEMBER_CLOSED, RULES, TRUST_STRIPPED};

/// Everything that some bytes held, in order, and what was noticed on the way.
#[derive(Debug, Default)]
pub struct Material {
    /// The things found, also those that pkit has no use for.
    pub blocks: Vec<Block>,
    /// Oddities and damage.
    pub findings: Vec<Finding>,
}

/// One thing and where it stood.
#[derive(Debug)]
pub struct Block {
    /// File, member, index and line.
    pub origin: Origin,
    /// How it was encoded.
    pub format: Format,
    /// What it is.
    pub item: Item,
}

/// How a thing was encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text between markers.
    Pem,
    /// Bytes.
    Der,
    /// In a PKCS#7 bag.
    Pkcs7,
    /// In a PKCS#12 file.
    Pkcs12,
    /// Not known: nothing was found in it.
    Unknown,
}

impl Format {
    /// The usual word.
    pub fn word(self) -> &'static str {
        match self {
            Format::Pem => "PEM",
            Format::Der => "DER",
            Format::Pkcs7 => "PKCS#7",
            Format::Pkcs12 => "PKCS#12",
            Format::Unknown => "unknown",
        }
    }
}

/// What a thing is.
#[derive(Debug)]
pub enum Item {
    /// A private key.
    Key(Box<PrivateKey>),
    /// A private key that a passphrase opens.
    EncryptedKey(EncryptedKey),
    /// A private key that cannot be used: broken, of a kind that pkit does not know, or not opened by the passphrase given.
    UnusableKey(KeyFault),
    /// A public key by itself.
    PublicKey(PublicKey),
    /// A PKCS#12 file that a passphrase opens: its octets.
    Pkcs12(Zeroizing<Vec<u8>>),
    /// A certificate.
    Cert(Arc<Cert>),
    /// A certification request.
    Csr(Box<Csr>),
    /// A revocation list.
    Crl(Box<Crl>),
    /// Diffie-Hellman parameters.
    Dh(DhParams),
    /// Something else; the words say what.
    Other(String),
}

impl Item {
    /// The kind for JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Item::Key(_) => "key",
            Item::EncryptedKey(_) => "encrypted-key",
            Item::UnusableKey(_) => "unusable-key",
            Item::PublicKey(_) => "public-key",
            Item::Pkcs12(_) => "pkcs12",
            Item::Cert(_) => "certificate",
            Item::Csr(_) => "csr",
            Item::Crl(_) => "crl",
            Item::Dh(_) => "dh",
            Item::Other(_) => "other",
        }
    }
}

/// Why bytes are not the thing that they seem to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(String);

impl Malformed {
    pub(crate) fn new(what: impl Into<String>) -> Malformed {
        Malformed(what.into())
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<der::DerError> for Malformed {
    fn from(error: der::DerError) -> Malformed {
        Malformed(error.to_string())
    }
}

impl Material {
    /// Everything in one file's bytes.
    pub fn read(path: &Path, bytes: &[u8]) -> Material {
        Material::reading(None, path, bytes)
    }

    /// The same, where other files have been read that may hold the same CAs.
    pub fn read_beside(known: &KnownCas, path: &Path, bytes: &[u8]) -> Material {
        Material::reading(Some(known), path, bytes)
    }

    fn reading(known: Option<&KnownCas>, path: &Path, bytes: &[u8]) -> Material {
        let mut material = Material::default();
        Reading { into: &mut material, known }.file(&Origin::file(path), bytes);
        material
    }

    /// The same for bytes that nobody needs any more: a CRL stays where it stands instead of being copied. `unwrapped` says
    /// that the text was a CRL in PEM, which these are.
    pub fn take(path: &Path, mut bytes: Zeroizing<Vec<u8>>, unwrapped: bool) -> Material {
        let (origin, format) = if unwrapped || pem::unwrap(&mut bytes, CRL_LABEL) {
            (Origin { line: 1, ..Origin::file(path) }, Format::Pem)
        } else if Kind::of(&bytes) == Some(Kind::Crl) {
            (Origin::file(path), Format::Der)
        } else {
            return Material::read(path, &bytes);
        };
        let mut material = Material::default();
        Reading { into: &mut material, known: None }.crl(origin, format, std::mem::take(&mut bytes));
        material
    }

    /// Adds a certificate as it came in a handshake: DER, and nothing else. Other servers may have sent the same CAs.
    pub fn sent(&mut self, known: &KnownCas, origin: Origin, der: &[u8]) {
        Reading { into: self, known: Some(known) }.der(origin, der, Format::Der, Some(Kind::Cert));
    }

    /// Opens every key that is encrypted; one that the passphrase does not open becomes unusable.
    pub fn unlock_keys(&mut self, passphrase: &Passphrase) {
        for block in &mut self.blocks {
            if let Item::EncryptedKey(key) = &block.item {
                let opened = key.open(passphrase).map(Box::new);
                block.item = opened.map_or_else(Item::UnusableKey, Item::Key);
            }
        }
    }

    /// Opens every PKCS#12 file; what is in it takes its place. That the passphrase does not open one is a finding.
    pub fn unlock_pkcs12(&mut self, passphrase: &Passphrase) {
        for block in std::mem::take(&mut self.blocks) {
            let Item::Pkcs12(bytes) = &block.item else {
                self.blocks.push(block);
                continue;
            };
            let before = self.blocks.len();
            let mut reading = Reading { into: self, known: None };
            reading.pkcs12(block.origin.clone(), bytes, std::slice::from_ref(passphrase));
            if self.blocks[before..].iter().any(|b| matches!(b.item, Item::Pkcs12(_))) {
                let at = block.origin.into();
                self.findings.push(PASSPHRASE_WRONG.at(at, "the passphrase does not open the PKCS#12 file"));
            }
        }
    }

    /// Adds what another file held.
    pub fn extend(&mut self, other: Material) {
        self.blocks.extend(other.blocks);
        self.findings.extend(other.findings);
    }

    /// The certificates with their places, in order.
    pub fn certs(&self) -> impl Iterator<Item = (&Origin, &Cert)> {
        self.blocks.iter().filter_map(|b| match &b.item {
            Item::Cert(cert) => Some((&b.origin, cert.as_ref())),
            _ => None,
        })
    }

    /// The revocation lists with their places, in order.
    pub fn crls(&self) -> impl Iterator<Item = (&Origin, &Crl)> {
        self.blocks.iter().filter_map(|b| match &b.item {
            Item::Crl(crl) => Some((&b.origin, crl.as_ref())),
            _ => None,
        })
    }

    /// The private keys with their places, in order.
    pub fn keys(&self) -> impl Iterator<Item = (&Origin, &PrivateKey)> {
        self.blocks.iter().filter_map(|b| match &b.item {
            Item::Key(key) => Some((&b.origin, key.as_ref())),
            _ => None,
        })
    }

    /// Is there a private key in it, usable or not?
    pub fn holds_key(&self) -> bool {
        self.blocks.iter().any(|b| matches!(b.item, Item::Key(_) | Item::UnusableKey(_)))
    }

    /// Keeps what everybody may know; keys and what may hold them are wiped.
    pub fn drop_secrets(&mut self) {
        self.blocks.retain(|block| match &block.item {
            Item::PublicKey(_) | Item::Cert(_) | Item::Csr(_) | Item::Crl(_) | Item::Dh(_) => true,
            Item::Key(_) | Item::EncryptedKey(_) | Item::UnusableKey(_) | Item::Pkcs12(_) | Item::Other(_) => false,
        });
    }
}

/// RFC 7468 section 6.
pub const CRL_LABEL: &str = "X509 CRL";
