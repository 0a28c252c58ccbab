//! Certification requests (PKCS#10, RFC 2986), also those of other people with any extensions: the bytes, the name, the key and
//! the proof of possession.

use x509_parser::prelude::FromDer;

use super::Malformed;
use super::der;
use super::dn::Name;
use super::key::PublicKey;
use super::signature::Signed;
use crate::crypto::SignatureFault;

/// One request.
#[derive(Clone, Debug)]
pub struct Csr {
    der: Vec<u8>,
    /// Who asks.
    pub subject: Name,
    /// The key to be certified.
    pub public_key: PublicKey,
    signed: Signed,
}

impl Csr {
    /// Reads one request, with nothing behind it.
    pub fn from_der(bytes: &[u8]) -> Result<Csr, Malformed> {
        der::nesting(bytes)?;
        let (rest, request) = x509_parser::certification_request::X509CertificationRequest::from_der(bytes)
            .map_err(|e| Malformed::new(e.to_string()))?;
        if !rest.is_empty() {
            return Err(Malformed::new(format!("{} bytes follow the request", rest.len())));
        }
        let info = &request.certification_request_info;
        Ok(Csr {
            subject: Name::from_der(info.subject.as_raw())?,
            public_key: PublicKey::from_spki(info.subject_pki.raw)?,
            signed: Signed::from_der(bytes)?.1,
            der: bytes.to_vec(),
        })
    }

    /// The bytes as they were.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Was it signed with the key that it carries?
    pub fn verify(&self) -> Result<(), SignatureFault> {
        self.signed.verify(&self.der, &self.public_key)
    }
}
