//! Certification requests (PKCS#10, RFC 2986), also those of other people with any extensions: the key that is to be certified.

use x509_parser::prelude::FromDer;

use super::Malformed;
use super::der;
use super::key::PublicKey;

/// One request.
#[derive(Clone, Debug)]
pub struct Csr {
    /// The key to be certified.
    pub public_key: PublicKey,
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
        Ok(Csr { public_key: PublicKey::from_spki(request.certification_request_info.subject_pki.raw)? })
    }
}
