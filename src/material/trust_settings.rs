//! OpenSSL's trust settings, which stand behind a certificate under the label `TRUSTED CERTIFICATE`: for which purposes its
//! keeper trusts it, and for which not. `update-ca-trust` writes whole stores of them. They mean something in a trust store only;
//! a certificate that somebody sends cannot bring its own.

use super::Malformed;
use super::der::{self, Reader, tag};

/// What the keeper of a store says of a certificate (openssl-x509(1), section "Trust Options").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustSettings {
    /// Purposes as dotted object identifiers; none means whatever the certificate itself says.
    trusted: Vec<String>,
    /// Purposes for which it is not to be trusted.
    rejected: Vec<String>,
}

impl TrustSettings {
    /// Splits a `TRUSTED CERTIFICATE` into the certificate and the settings (OpenSSL's `X509_CERT_AUX`).
    pub(super) fn split(bytes: &[u8]) -> Result<(&[u8], TrustSettings), Malformed> {
        let mut all = Reader::new(bytes);
        let cert = all.expect(tag::SEQUENCE)?.raw;
        let mut settings = TrustSettings::default();
        if !all.is_empty() {
            let mut fields = all.enter(tag::SEQUENCE)?;
            for (tag, list) in [(tag::SEQUENCE, &mut settings.trusted), (tag::context(0), &mut settings.rejected)] {
                let mut purposes = fields.optional(tag)?.map(|found| found.reader());
                while let Some(purposes) = purposes.as_mut().filter(|left| !left.is_empty()) {
                    list.push(der::dotted(purposes.expect(tag::OID)?.content));
                }
            }
            all.end()?;
        }
        Ok((cert, settings))
    }

    /// Is it trusted for this purpose in so many words, whatever its own extensions say?
    pub fn trust(&self, purpose: &str) -> bool {
        names(&self.trusted, purpose) && !self.refuse(Some(purpose))
    }

    /// Is it not to be trusted for this purpose, or for any? Where it is trusted for some, it is not for the others.
    pub fn refuse(&self, purpose: Option<&str>) -> bool {
        let left_out = |purpose| !self.trusted.is_empty() && !names(&self.trusted, purpose);
        match purpose {
            Some(purpose) => names(&self.rejected, purpose) || left_out(purpose),
            None => self.rejected.iter().any(|p| p == ANY),
        }
    }
}

fn names(list: &[String], purpose: &str) -> bool {
    list.iter().any(|p| p == purpose || p == ANY)
}

/// anyExtendedKeyUsage.
const ANY: &str = "2.5.29.37.0";
