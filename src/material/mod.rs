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
pub mod revoked;
pub mod signature;
pub mod ssl_parameters;
pub mod subject_hash;
pub mod trust_settings;

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::crypto::Passphrase;
use crate::finding::{Finding, Origin, rules};
use cert::Cert;
use crl::Crl;
use csr::Csr;
use dh::DhParams;
use encryption::{Closed, ENCRYPTION_UNSUPPORTED, PASSPHRASE_WRONG};
use key::{EncryptedKey, KeyFault, PrivateKey, PublicKey};
use kind::Kind;
pub use kind::{Contents, contents};
use pkcs12::Bagged;

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
    Cert(Box<Cert>),
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
        let mut material = Material::default();
        let file = Origin::file(path);
        if archive::is_zip(bytes) {
            material.zip(&file, bytes);
        } else {
            material.flat(&file, bytes);
        }
        material
    }

    /// The same for bytes that nobody needs any more: a CRL stays where it stands instead of being copied. `unwrapped` says
    /// that the text was a CRL in PEM, which these are.
    pub fn take(path: &Path, mut bytes: Zeroizing<Vec<u8>>, unwrapped: bool) -> Material {
        let mut material = Material::default();
        if unwrapped || pem::unwrap(&mut bytes, CRL_LABEL) {
            let origin = Origin { line: 1, ..Origin::file(path) };
            material.crl(origin, Format::Pem, std::mem::take(&mut bytes));
        } else if Kind::of(&bytes) == Some(Kind::Crl) {
            material.crl(Origin::file(path), Format::Der, std::mem::take(&mut bytes));
        } else {
            return Material::read(path, &bytes);
        }
        material
    }

    /// Adds a certificate as it came in a handshake: DER, and nothing else.
    pub fn sent(&mut self, origin: Origin, der: &[u8]) {
        self.der(origin, der, Format::Der, Some(Kind::Cert));
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
            self.pkcs12(block.origin.clone(), bytes, std::slice::from_ref(passphrase));
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

    fn zip(&mut self, file: &Origin, bytes: &[u8]) {
        let members = match archive::open(bytes) {
            Ok(members) => members,
            Err(fault) => return self.findings.push(ARCHIVE_BROKEN.at(file.clone().into(), fault.to_string())),
        };
        for member in members {
            let origin = Origin { member: Some(member.name.clone()), ..file.clone() };
            match member.bytes {
                Ok(bytes) => self.flat(&origin, &bytes),
                Err(why) => {
                    self.findings.push(
                        MEMBER_CLOSED.at(origin.clone().into(), format!("{} was not opened: {why}", member.name)),
                    );
                    self.add(origin, Format::Unknown, Item::Other(format!("not opened: {why}")));
                }
            }
        }
    }

    /// A file or member that is no archive.
    fn flat(&mut self, file: &Origin, bytes: &[u8]) {
        if let Some(text) = pem::Text::of(bytes) {
            let (blocks, findings) = pem::blocks(&text, file);
            let nothing = blocks.is_empty() && findings.is_empty();
            self.findings.extend(findings);
            for (index, block) in blocks.into_iter().enumerate() {
                let origin = Origin { index, line: block.line, ..file.clone() };
                self.pem(origin, block);
            }
            if !nothing {
                return;
            }
        }
        match bytes.first() {
            Some(&der::tag::SEQUENCE) => self.der(file.clone(), bytes, Format::Der, None),
            Some(_) => self.add(file.clone(), Format::Unknown, Item::Other(NOTHING.into())),
            None => self.add(file.clone(), Format::Unknown, Item::Other("empty".into())),
        }
    }

    fn pem(&mut self, origin: Origin, mut block: pem::PemBlock) {
        let header =
            |wanted: &str| block.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        if header("Proc-Type").is_some_and(|value| value.contains("ENCRYPTED")) {
            let key = EncryptedKey::from_headers(&block.label, header("DEK-Info").unwrap_or_default(), &block.der);
            return self.encrypted(origin, Format::Pem, key);
        }
        let kind = match block.label.as_str() {
            "CERTIFICATE" | "X509 CERTIFICATE" => Kind::Cert,
            "TRUSTED CERTIFICATE" => {
                self.findings.push(
                    TRUST_STRIPPED
                        .at(origin.clone().into(), "OpenSSL's trust settings behind the certificate are left out"),
                );
                return match Cert::with_trust_settings(&block.der) {
                    Ok(cert) => self.add(origin, Format::Pem, Item::Cert(Box::new(cert))),
                    Err(fault) => self.broken(origin, Format::Pem, Kind::Cert, &fault),
                };
            }
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Kind::Csr,
            CRL_LABEL => return self.crl(origin, Format::Pem, std::mem::take(&mut block.der)),
            "PRIVATE KEY" => Kind::Pkcs8,
            "RSA PRIVATE KEY" => Kind::Pkcs1,
            "EC PRIVATE KEY" => Kind::Sec1,
            "ENCRYPTED PRIVATE KEY" => Kind::EncryptedKey,
            "DSA PRIVATE KEY" => Kind::Dsa,
            // Some programs mix up these two labels.
            label @ ("PUBLIC KEY" | "RSA PUBLIC KEY") => match Kind::of(&block.der) {
                Some(Kind::PublicKey) => Kind::PublicKey,
                Some(Kind::RsaPublicKey | Kind::Dh) => Kind::RsaPublicKey,
                _ if label == "PUBLIC KEY" => Kind::PublicKey,
                _ => Kind::RsaPublicKey,
            },
            "DH PARAMETERS" | "X9.42 DH PARAMETERS" => Kind::Dh,
            "PKCS7" | "CMS" | "PKCS #7 SIGNED DATA" => Kind::Pkcs7,
            other => {
                self.findings.push(LABEL_UNUSED.at(origin.clone().into(), format!("a block `{other}`")));
                return self.add(origin, Format::Pem, Item::Other(format!("a block `{other}`")));
            }
        };
        self.der(origin, &block.der, Format::Pem, Some(kind));
    }

    /// DER whose kind is known from its label, or is to be seen from its shape.
    fn der(&mut self, origin: Origin, bytes: &[u8], format: Format, kind: Option<Kind>) {
        let Some(kind) = kind.or_else(|| Kind::of(bytes)) else {
            // A text that begins with the digit 0 begins as DER does; only bytes can be DER that is cut off.
            if let (Err(fault), false) = (der::Reader::new(bytes).any(), bytes.is_ascii()) {
                self.findings.push(MALFORMED.at(origin.clone().into(), format!("DER that cannot be read: {fault}")));
            }
            return self.add(origin, Format::Unknown, Item::Other(NOTHING.into()));
        };
        let item = match kind {
            Kind::Cert => Cert::from_der(bytes).map(|c| Item::Cert(Box::new(c))),
            Kind::Csr => Csr::from_der(bytes).map(|c| Item::Csr(Box::new(c))),
            Kind::Crl => return self.crl(origin, format, bytes.to_vec()),
            // Some programs label an encrypted key as a plain one.
            Kind::Pkcs8 => match PrivateKey::from_pkcs8(bytes) {
                Err(KeyFault::Encrypted) => return self.encrypted(origin, format, EncryptedKey::from_pkcs8(bytes)),
                key => return self.key(origin, format, key),
            },
            Kind::Pkcs1 => return self.key(origin, format, PrivateKey::from_pkcs1(bytes)),
            Kind::Sec1 => return self.key(origin, format, PrivateKey::from_sec1(bytes)),
            Kind::Dsa => return self.key(origin, format, PrivateKey::from_dsa(bytes)),
            Kind::EncryptedKey => return self.encrypted(origin, format, EncryptedKey::from_pkcs8(bytes)),
            Kind::Pkcs7 => return self.pkcs7(&origin, bytes),
            Kind::PublicKey => PublicKey::alone(bytes).map(Item::PublicKey).map_err(Malformed::from),
            Kind::RsaPublicKey => PublicKey::from_pkcs1(bytes).map(Item::PublicKey).map_err(Malformed::from),
            Kind::Dh => DhParams::from_der(bytes).map(Item::Dh).map_err(Malformed::from),
            Kind::Pkcs12 => return self.pkcs12(origin, bytes, &Passphrase::none()),
        };
        match item {
            Ok(item) => self.add(origin, format, item),
            Err(fault) => self.broken(origin, format, kind, &fault),
        }
    }

    fn crl(&mut self, origin: Origin, format: Format, der: Vec<u8>) {
        match Crl::from_der(der) {
            Ok(crl) => self.add(origin, format, Item::Crl(Box::new(crl))),
            Err(fault) => self.broken(origin, format, Kind::Crl, &fault),
        }
    }

    /// What is wrong with a key is not told here: whoever needs it judges it by `checks::key::fault`.
    fn key(&mut self, origin: Origin, format: Format, key: Result<PrivateKey, KeyFault>) {
        self.add(origin, format, key.map_or_else(Item::UnusableKey, |key| Item::Key(Box::new(key))));
    }

    fn encrypted(&mut self, origin: Origin, format: Format, key: Result<EncryptedKey, KeyFault>) {
        self.add(origin, format, key.map_or_else(Item::UnusableKey, Item::EncryptedKey));
    }

    fn pkcs7(&mut self, origin: &Origin, bytes: &[u8]) {
        // Mail programs and some CAs write BER. What is DER stays as it is.
        let converted = if pkcs7::open(bytes).is_err() { ber::to_der(bytes).ok() } else { None };
        match pkcs7::open(converted.as_deref().map_or(bytes, |der| der)) {
            Ok(bag) => {
                let certs = bag.certificates.iter().map(|der| (der, Kind::Cert));
                let crls = bag.crls.iter().map(|der| (der, Kind::Crl));
                for (index, (der, kind)) in certs.chain(crls).enumerate() {
                    self.der(Origin { index, ..origin.clone() }, der, Format::Pkcs7, Some(kind));
                }
            }
            Err(fault) => self.broken(origin.clone(), Format::Pkcs7, Kind::Pkcs7, &fault),
        }
    }

    /// What is inside, where one of the passphrases opens it; else the whole, to be opened later.
    fn pkcs12(&mut self, origin: Origin, bytes: &[u8], passphrases: &[Passphrase]) {
        let mut opened = Err(Closed::WrongPassphrase);
        for passphrase in passphrases {
            opened = pkcs12::open(bytes, passphrase);
            if !matches!(opened, Err(Closed::WrongPassphrase)) {
                break;
            }
        }
        match opened {
            Ok(bags) => {
                for (index, bag) in bags.into_iter().enumerate() {
                    self.bagged(Origin { index, ..origin.clone() }, bag);
                }
            }
            Err(Closed::WrongPassphrase) => {
                self.add(origin, Format::Pkcs12, Item::Pkcs12(Zeroizing::new(bytes.to_vec())));
            }
            Err(closed @ Closed::Unsupported(_)) => {
                self.findings.push(ENCRYPTION_UNSUPPORTED.at(origin.clone().into(), closed.to_string()));
                self.add(origin, Format::Pkcs12, Item::Other("a PKCS#12 that cannot be opened here".into()));
            }
            Err(Closed::Malformed(fault)) => self.broken(origin, Format::Pkcs12, Kind::Pkcs12, &fault.into()),
        }
    }

    fn bagged(&mut self, origin: Origin, bag: Bagged) {
        match bag {
            Bagged::Key(key) => self.key(origin, Format::Pkcs12, key),
            Bagged::EncryptedKey(key) => self.add(origin, Format::Pkcs12, Item::EncryptedKey(key)),
            Bagged::Cert(der) => self.der(origin, &der, Format::Pkcs12, Some(Kind::Cert)),
            Bagged::Crl(der) => self.crl(origin, Format::Pkcs12, der),
            Bagged::Other(what) => self.add(origin, Format::Pkcs12, Item::Other(what.into())),
        }
    }

    fn broken(&mut self, origin: Origin, format: Format, kind: Kind, fault: &Malformed) {
        self.findings
            .push(MALFORMED.at(origin.clone().into(), format!("a {} that cannot be read: {fault}", kind.word())));
        self.add(origin, format, Item::Other(format!("a broken {}", kind.word())));
    }

    fn add(&mut self, origin: Origin, format: Format, item: Item) {
        self.blocks.push(Block { origin, format, item });
    }
}

/// RFC 7468 section 6.
pub const CRL_LABEL: &str = "X509 CRL";
const NOTHING: &str = "no certificate, key or CRL in it";

rules! {
    /// Right frame, wrong content.
    MALFORMED = Error "malformed" {
        summary: "a certificate, key, request, CRL or parameter set cannot be read",
        help: "get the file again from its source; `openssl asn1parse` shows how far it is sound",
        source: "X.690 (DER); RFC 5280, RFC 2986, RFC 5958, RFC 8017",
    }
    /// The archive cannot be opened.
    ARCHIVE_BROKEN = Error "archive-broken" {
        summary: "the zip archive is broken or holds more than a CA ever sends",
        help: "get the archive again, or unpack it yourself and name the files",
        source: "pkit's limits: 200 members, 64 MiB in all, 100 times the packed size",
    }
    /// A member that is left closed.
    MEMBER_CLOSED = Warning "archive-member-closed" {
        summary: "a member of the archive was not opened",
        help: "unpack it yourself and look at it, if it matters",
        source: "names that climb, links and nested archives are how archives attack (Zip Slip, zip bombs)",
    }
    /// A label that pkit does not use.
    LABEL_UNUSED = Info "pem-label-unused" {
        summary: "a PEM block of a kind that pkit has no use for",
        help: "nothing is needed",
        source: "RFC 7468 section 4 and following: the labels in use",
    }
    /// Trust settings.
    TRUST_STRIPPED = Info "pem-trusted-label" {
        summary: "the certificate carries OpenSSL's own trust settings (`TRUSTED CERTIFICATE`)",
        help: "nothing is needed if pkit writes the file anew; GnuTLS and rustls do not read this label",
        source: "openssl-x509(1), trust settings",
    }
}
