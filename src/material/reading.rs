//! Takes files apart: archives, texts and bytes, down to the things in them, each of which becomes a block with its origin. What a
//! thing says is read by its own module; what was found where is told by `Material`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::cert::Cert;
use super::crl::Crl;
use super::csr::Csr;
use super::dh::DhParams;
use super::encryption::{Closed, ENCRYPTION_UNSUPPORTED};
use super::key::{EncryptedKey, KeyFault, PrivateKey, PublicKey};
use super::kind::Kind;
use super::pkcs12::{self, Bagged};
use super::{Block, CRL_LABEL, Format, Item, Malformed, Material, archive, ber, der, pem, pkcs7};
use crate::crypto::Passphrase;
use crate::finding::{Origin, rules};

/// CAs that have been read, for files that hold the same ones: the chains of a thousand hosts end in one.
#[derive(Debug, Default)]
pub struct KnownCas(Mutex<BTreeMap<Vec<u8>, Arc<Cert>>>);

impl KnownCas {
    fn cert(&self, bytes: &[u8]) -> Result<Arc<Cert>, Malformed> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cert) = known().get(bytes) {
            return Ok(cert.clone());
        }
        let cert = Arc::new(Cert::from_der(bytes)?);
        if cert.is_ca() {
            known().insert(bytes.to_vec(), cert.clone());
        }
        Ok(cert)
    }
}

/// One file that is taken apart.
pub(super) struct Reading<'a> {
    /// Where the things go.
    pub(super) into: &'a mut Material,
    /// What has been read before.
    pub(super) known: Option<&'a KnownCas>,
}

impl Reading<'_> {
    /// Everything in one file's bytes.
    pub(super) fn file(&mut self, file: &Origin, bytes: &[u8]) {
        if archive::is_zip(bytes) { self.zip(file, bytes) } else { self.flat(file, bytes) }
    }

    fn cert(&self, bytes: &[u8]) -> Result<Arc<Cert>, Malformed> {
        self.known.map_or_else(|| Cert::from_der(bytes).map(Arc::new), |known| known.cert(bytes))
    }

    fn zip(&mut self, file: &Origin, bytes: &[u8]) {
        let members = match archive::open(bytes) {
            Ok(members) => members,
            Err(fault) => return self.into.findings.push(ARCHIVE_BROKEN.at(file.clone().into(), fault.to_string())),
        };
        for member in members {
            let origin = Origin { member: Some(member.name.clone()), ..file.clone() };
            match member.bytes {
                Ok(bytes) => self.flat(&origin, &bytes),
                Err(why) => {
                    self.into.findings.push(
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
            self.into.findings.extend(findings);
            self.into.blocks.reserve_exact(blocks.len());
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
                self.into.findings.push(
                    TRUST_STRIPPED
                        .at(origin.clone().into(), "OpenSSL's trust settings behind the certificate are left out"),
                );
                return match Cert::with_trust_settings(&block.der) {
                    Ok(cert) => self.add(origin, Format::Pem, Item::Cert(Arc::new(cert))),
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
                self.into.findings.push(LABEL_UNUSED.at(origin.clone().into(), format!("a block `{other}`")));
                return self.add(origin, Format::Pem, Item::Other(format!("a block `{other}`")));
            }
        };
        self.der(origin, &block.der, Format::Pem, Some(kind));
    }

    /// DER whose kind is known from its label, or is to be seen from its shape.
    pub(super) fn der(&mut self, origin: Origin, bytes: &[u8], format: Format, kind: Option<Kind>) {
        let Some(kind) = kind.or_else(|| Kind::of(bytes)) else {
            // A text that begins with the digit 0 begins as DER does; only bytes can be DER that is cut off.
            if let (Err(fault), false) = (der::Reader::new(bytes).any(), bytes.is_ascii()) {
                self.into
                    .findings
                    .push(MALFORMED.at(origin.clone().into(), format!("DER that cannot be read: {fault}")));
            }
            return self.add(origin, Format::Unknown, Item::Other(NOTHING.into()));
        };
        let item = match kind {
            Kind::Cert => self.cert(bytes).map(Item::Cert),
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

    pub(super) fn crl(&mut self, origin: Origin, format: Format, der: Vec<u8>) {
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
    pub(super) fn pkcs12(&mut self, origin: Origin, bytes: &[u8], passphrases: &[Passphrase]) {
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
                self.into.findings.push(ENCRYPTION_UNSUPPORTED.at(origin.clone().into(), closed.to_string()));
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
        self.into
            .findings
            .push(MALFORMED.at(origin.clone().into(), format!("a {} that cannot be read: {fault}", kind.word())));
        self.add(origin, format, Item::Other(format!("a broken {}", kind.word())));
    }

    fn add(&mut self, origin: Origin, format: Format, item: Item) {
        self.into.blocks.push(Block { origin, format, item });
    }
}

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
