//! OCSP responses (RFC 6960 section 4.2): what a responder says of certificates, as servers staple it. What an answer is worth is
//! for `checks`.

use time::OffsetDateTime;

use super::Malformed;
use super::cert::Cert;
use super::der::{self, DerError, Reader, Tlv, tag};
use super::key::PublicKey;
use super::signature::{Algorithm, Signed, digest_of};
use crate::crypto::{self, Digest, SignatureFault};

/// A response.
#[derive(Clone, Debug)]
pub enum OcspResponse {
    /// The responder has nothing to say, by the name of its status.
    Refused(&'static str),
    /// What it says.
    Basic(Basic),
}

/// A signed response of the one type that is in use, `id-pkix-ocsp-basic`.
#[derive(Clone, Debug)]
pub struct Basic {
    der: Vec<u8>,
    signed: Signed,
    /// What it says of each certificate.
    pub answers: Vec<Answer>,
    /// Certificates that come with it: that of the responder, where it is not the CA itself.
    pub certs: Vec<Cert>,
}

/// What is said of one certificate.
#[derive(Clone, Debug)]
pub struct Answer {
    digest: Option<Digest>,
    issuer_name: Vec<u8>,
    issuer_key: Vec<u8>,
    serial: Vec<u8>,
    /// Good, or not.
    pub status: Status,
    /// When this was known to be so.
    pub this_update: OffsetDateTime,
    /// When there will be newer news; none where there always is.
    pub next_update: Option<OffsetDateTime>,
}

/// Whether a certificate is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is not.
    Good,
    /// It is, since then.
    Revoked(OffsetDateTime),
    /// The responder does not know the certificate.
    Unknown,
}

impl OcspResponse {
    /// Reads one, with nothing behind it.
    pub fn from_der(bytes: &[u8]) -> Result<OcspResponse, Malformed> {
        der::nesting(bytes)?;
        let mut response = der::whole(bytes, tag::SEQUENCE)?;
        let status = response.expect(tag::ENUMERATED)?;
        let refused = match status.content {
            [0] => None,
            [1] => Some("malformedRequest"),
            [2] => Some("internalError"),
            [3] => Some("tryLater"),
            [5] => Some("sigRequired"),
            [6] => Some("unauthorized"),
            _ => return Err(Malformed::new("an OCSP response with a status that is not defined")),
        };
        if let Some(word) = refused {
            return Ok(OcspResponse::Refused(word));
        }
        let mut body = response.expect(tag::context(0))?.reader().enter(tag::SEQUENCE)?;
        response.end()?;
        if body.expect(tag::OID)?.content != BASIC {
            return Err(Malformed::new("an OCSP response of a type that is not defined"));
        }
        Ok(OcspResponse::Basic(Basic::from_der(body.expect(tag::OCTET_STRING)?.content)?))
    }
}

impl Basic {
    fn from_der(bytes: &[u8]) -> Result<Basic, Malformed> {
        let (mut data, signed, mut rest) = Signed::with_rest(bytes)?;
        data.optional(tag::context(0))?;
        // responderID: whose key it is, the signature tells.
        data.any()?;
        data.time()?;
        let mut list = data.enter(tag::SEQUENCE)?;
        data.optional(tag::context(1))?;
        data.end()?;
        let mut answers = Vec::new();
        while !list.is_empty() {
            answers.push(Answer::read(list.enter(tag::SEQUENCE)?)?);
        }
        let mut certs = Vec::new();
        if let Some(sent) = rest.optional(tag::context(0))? {
            let mut sent = sent.reader().enter(tag::SEQUENCE)?;
            while !sent.is_empty() && certs.len() < MAX_CERTS {
                certs.push(Cert::from_der(sent.expect(tag::SEQUENCE)?.raw)?);
            }
        }
        rest.end()?;
        Ok(Basic { der: bytes.to_vec(), signed, answers, certs })
    }

    /// Was it signed with this key?
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignatureFault> {
        self.signed.verify(&self.der, key)
    }

    /// How it was signed.
    pub fn algorithm(&self) -> &Algorithm {
        &self.signed.algorithm
    }
}

impl Answer {
    fn read(mut fields: Reader<'_>) -> Result<Answer, DerError> {
        let mut id = fields.enter(tag::SEQUENCE)?;
        let digest = digest_of(id.expect(tag::SEQUENCE)?.raw)?;
        let [issuer_name, issuer_key] =
            [id.expect(tag::OCTET_STRING)?, id.expect(tag::OCTET_STRING)?].map(|hash: Tlv<'_>| hash.content.to_vec());
        let serial = id.expect(tag::INTEGER)?.content.to_vec();
        id.end()?;
        let offset = fields.offset();
        let status = fields.any()?;
        let status = match status.tag {
            GOOD => Status::Good,
            REVOKED => Status::Revoked(status.reader().time()?),
            UNKNOWN => Status::Unknown,
            _ => return Err(DerError { what: "a status of a certificate that is not defined", offset }),
        };
        let this_update = fields.time()?;
        let next_update = fields.optional(tag::context(0))?.map(|next| next.reader().time()).transpose()?;
        fields.optional(tag::context(1))?;
        fields.end()?;
        Ok(Answer { digest, issuer_name, issuer_key, serial, status, this_update, next_update })
    }

    /// Is it about this certificate of this issuer?
    pub fn is_about(&self, cert: &Cert, issuer: &Cert) -> bool {
        let Some(digest) = self.digest else { return false };
        let hash = |bytes: &[u8]| crypto::digest(digest, bytes);
        self.serial == cert.serial
            && self.issuer_name == hash(cert.issuer.der())
            && issuer.public_key.bits().is_ok_and(|bits| self.issuer_key == hash(bits))
    }
}

/// 1.3.6.1.5.5.7.48.1.1.
const BASIC: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];
const GOOD: u8 = tag::context_primitive(0);
const REVOKED: u8 = tag::context(1);
const UNKNOWN: u8 = tag::context_primitive(2);
/// One is needed.
const MAX_CERTS: usize = 16;
