//! Certificates (RFC 5280 section 4.1): the bytes as they are and the fields that the other rooms need. The frame is read by
//! x509-parser; what it lets pass and DER does not (lengths, trailing bytes, repeated extensions) is refused here. Whether a
//! certificate is any good is not asked.

use std::collections::HashSet;

use time::OffsetDateTime;
use x509_parser::certificate::X509CertificateParser;
use x509_parser::nom::Parser;

use super::Malformed;
use super::der::{self, tag};
use super::dn::Name;
use super::ext::write::Extension;
use super::ext::{self, Extensions, GeneralName};
use super::key::PublicKey;
use super::signature::Signed;
use super::trust_settings::TrustSettings;
use crate::crypto::{self, Digest};

/// One certificate.
#[derive(Clone, Debug)]
pub struct Cert {
    der: Vec<u8>,
    /// 1, 2 or 3.
    pub version: u32,
    /// The serial number's bytes as encoded.
    pub serial: Vec<u8>,
    /// Who it is about.
    pub subject: Name,
    /// Who signed it.
    pub issuer: Name,
    /// First instant of validity.
    pub not_before: OffsetDateTime,
    /// Last instant of validity.
    pub not_after: OffsetDateTime,
    /// The key that it certifies.
    pub public_key: PublicKey,
    /// The issuer's signature and what it covers.
    pub signed: Signed,
    /// What the extensions say.
    pub extensions: Extensions,
    /// What the keeper of a trust store says of it; not a part of the certificate.
    pub trust_settings: Option<TrustSettings>,
    sha256: [u8; 32],
}

impl Cert {
    /// Reads one certificate, with nothing behind it.
    pub fn from_der(bytes: &[u8]) -> Result<Cert, Malformed> {
        der::nesting(bytes)?;
        // What the extensions say is read below.
        let mut frame = X509CertificateParser::new().with_deep_parse_extensions(false);
        let (rest, x509) = frame.parse(bytes).map_err(|e| Malformed::new(e.to_string()))?;
        if !rest.is_empty() {
            return Err(Malformed::new(format!("{} bytes follow the certificate", rest.len())));
        }
        let tbs = &x509.tbs_certificate;
        if tbs.version.0 > V3 {
            return Err(Malformed::new("a certificate of a version that is not defined"));
        }
        let (mut fields, mut signed) = Signed::from_der(bytes)?;
        fields.optional(tag::context(0))?;
        fields.integer()?;
        signed.names(fields.expect(tag::SEQUENCE)?.raw);
        let mut extensions = Extensions::default();
        let mut seen = HashSet::new();
        for extension in tbs.extensions() {
            if !seen.insert(extension.oid.as_bytes()) {
                return Err(Malformed::new(format!("the extension {} occurs twice", extension.oid)));
            }
            extensions.add(extension.oid.as_bytes(), extension.critical, extension.value)?;
        }
        Ok(Cert {
            version: tbs.version.0 + 1,
            serial: tbs.raw_serial().to_vec(),
            subject: Name::from_der(tbs.subject.as_raw())?,
            issuer: Name::from_der(tbs.issuer.as_raw())?,
            not_before: instant(tbs.validity.not_before.timestamp())?,
            not_after: instant(tbs.validity.not_after.timestamp())?,
            public_key: PublicKey::from_spki(tbs.subject_pki.raw)?,
            signed,
            extensions,
            trust_settings: None,
            sha256: sha256(bytes),
            der: bytes.to_vec(),
        })
    }

    /// Reads a certificate with OpenSSL's trust settings behind it (`TRUSTED CERTIFICATE`).
    pub fn with_trust_settings(bytes: &[u8]) -> Result<Cert, Malformed> {
        let (der, settings) = TrustSettings::split(bytes)?;
        Ok(Cert { trust_settings: Some(settings), ..Cert::from_der(der)? })
    }

    /// The bytes as they were.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The extensions as they stand, in order.
    pub fn raw_extensions(&self) -> Vec<Extension> {
        // The whole was read when it was made, so a fault here only ends the list.
        fn read(bytes: &[u8]) -> Result<Vec<Extension>, der::DerError> {
            let (mut fields, _) = Signed::from_der(bytes)?;
            let mut list = loop {
                match fields.any()? {
                    found if found.tag == tag::context(3) => break found.reader().enter(tag::SEQUENCE)?,
                    _ => {}
                }
            };
            let mut found = Vec::new();
            while !list.is_empty() {
                let (oid, critical, value) = ext::one(&mut list)?;
                found.push(Extension::copied(oid, critical, value));
            }
            Ok(found)
        }
        read(&self.der).unwrap_or_default()
    }

    /// SHA-256 of the whole certificate: what a fingerprint is.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// May it issue certificates? Version 1 certificates say nothing of it and may not.
    pub fn is_ca(&self) -> bool {
        self.extensions.basic_constraints.is_some_and(|b| b.ca)
    }

    /// Does it name itself as its issuer? (Whether it also signed itself is for `pki` to find out.)
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// Did this other certificate's subject issue it: by name, and proven by signature?
    pub fn issued_by(&self, issuer: &Cert) -> bool {
        self.issuer == issuer.subject && self.signed.verify(&self.der, &issuer.public_key).is_ok()
    }

    /// Valid at this instant? Validity is in whole seconds, and both ends belong to it.
    pub fn is_valid_at(&self, now: OffsetDateTime) -> bool {
        (self.not_before.unix_timestamp()..=self.not_after.unix_timestamp()).contains(&now.unix_timestamp())
    }

    /// DNS names of the subjectAltName extension.
    pub fn dns_names(&self) -> impl Iterator<Item = &str> {
        self.alt_names().iter().filter_map(|n| match n {
            GeneralName::Dns(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// All alternative names.
    pub fn alt_names(&self) -> &[GeneralName] {
        self.extensions.subject_alt_name.as_deref().unwrap_or_default()
    }

    /// What a person would call it: its first host name, else the short form of its subject.
    pub fn short_name(&self) -> String {
        match self.dns_names().next() {
            Some(name) if !self.is_ca() => name.to_owned(),
            _ => self.subject.short(),
        }
    }
}

impl PartialEq for Cert {
    fn eq(&self, other: &Cert) -> bool {
        self.der == other.der
    }
}

impl Eq for Cert {}

fn instant(timestamp: i64) -> Result<OffsetDateTime, Malformed> {
    OffsetDateTime::from_unix_timestamp(timestamp).map_err(|_| Malformed::new("a date that no calendar has"))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(&crypto::digest(Digest::Sha256, bytes));
    out
}

/// Version 3 as it is written (RFC 5280 section 4.1.2.1).
const V3: u32 = 2;
