//! Certification requests (PKCS#10, RFC 2986), also those of other people with any attributes and extensions: who asks, for which
//! key, and what else is wished for. Names and extensions are kept as they stand, since a CA carries them over unchanged. What is
//! granted is for `pki`.

use super::Malformed;
use super::der::{self, Reader, tag};
use super::dn::{self, Name};
use super::ext::write::Extension;
use super::ext::{self, Extensions, GeneralName};
use super::key::PublicKey;
use super::signature::{Algorithm, Signed};
use crate::crypto::SignatureFault;

/// One request.
#[derive(Clone, Debug)]
pub struct Csr {
    der: Vec<u8>,
    /// Who asks.
    pub subject: Name,
    /// The key to be certified.
    pub public_key: PublicKey,
    /// What the requested extensions say.
    pub extensions: Extensions,
    /// The requested extensions as they stand.
    pub requested: Vec<Extension>,
    /// Every attribute, as dotted object identifier.
    pub attributes: Vec<String>,
    signed: Signed,
}

impl Csr {
    /// Reads one request, with nothing behind it.
    pub fn from_der(bytes: &[u8]) -> Result<Csr, Malformed> {
        let (mut fields, signed) = Signed::from_der(bytes)?;
        if fields.integer()? != VERSION_1 {
            return Err(Malformed::new("a request of a version that is not defined"));
        }
        let mut csr = Csr {
            der: bytes.to_vec(),
            subject: dn::read(&mut fields)?,
            public_key: PublicKey::from_spki(fields.expect(tag::SEQUENCE)?.raw)?,
            extensions: Extensions::default(),
            requested: Vec::new(),
            attributes: Vec::new(),
            signed,
        };
        // Mandatory in RFC 2986, but left out by some programs where it would be empty.
        if let Some(attributes) = fields.optional(tag::context(0))? {
            csr.attributes(attributes.reader())?;
        }
        fields.end()?;
        Ok(csr)
    }

    fn attributes(&mut self, mut list: Reader<'_>) -> Result<(), Malformed> {
        while !list.is_empty() {
            let mut attribute = list.enter(tag::SEQUENCE)?;
            let kind = attribute.expect(tag::OID)?.content;
            let mut values = attribute.enter(tag::SET)?;
            attribute.end()?;
            self.attributes.push(der::dotted(kind));
            if matches!(kind, EXTENSION_REQUEST | MICROSOFT_EXTENSIONS) {
                let mut wanted = values.enter(tag::SEQUENCE)?;
                values.end()?;
                while !wanted.is_empty() {
                    let (oid, critical, value) = ext::one(&mut wanted)?;
                    let extension = Extension::copied(oid, critical, value);
                    if self.requested.iter().any(|known| known.name() == extension.name()) {
                        return Err(Malformed::new(format!("the extension {} is asked for twice", extension.name())));
                    }
                    self.extensions.add(oid, critical, value)?;
                    self.requested.push(extension);
                }
            }
        }
        Ok(())
    }

    /// The bytes as they were.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Was it signed with the key that it names: does the asker hold that key?
    pub fn verify(&self) -> Result<(), SignatureFault> {
        self.signed.verify(&self.der, &self.public_key)
    }

    /// How it was signed.
    pub fn algorithm(&self) -> &Algorithm {
        &self.signed.algorithm
    }

    /// The alternative names that are asked for.
    pub fn alt_names(&self) -> &[GeneralName] {
        self.extensions.subject_alt_name.as_deref().unwrap_or_default()
    }

    /// What a person would call it: its first host name, else the short form of its subject.
    pub fn short_name(&self) -> String {
        let host = self.alt_names().iter().find_map(|name| match name {
            GeneralName::Dns(name) => Some(name.clone()),
            _ => None,
        });
        host.unwrap_or_else(|| self.subject.short())
    }
}

/// Version 1 is written as 0.
const VERSION_1: &[u8] = &[0];
/// RFC 2985 section 5.4.2.
pub(crate) const EXTENSION_REQUEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14];
/// szOID_CERT_EXTENSIONS, which older Windows programs write in its place.
const MICROSOFT_EXTENSIONS: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, 14];
