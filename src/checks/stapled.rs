//! Judges the OCSP response that a server staples to its handshake (RFC 6066 section 8): is it about this certificate, of today,
//! of somebody who may speak for the CA, and what does it say?

use time::OffsetDateTime;

use super::revocation::CERT_REVOKED;
use crate::crypto::SignatureFault;
use crate::finding::{Finding, Location, Rule, Severity, rules};
use crate::instant;
use crate::material::cert::Cert;
use crate::material::ocsp::{Basic, OcspResponse, Status};

/// What is wrong with the response to the certificate of this issuer. Without a word where it is good.
pub fn judge(response: &[u8], cert: &Cert, issuer: &Cert, now: OffsetDateTime, at: &Location) -> Vec<Finding> {
    let tell =
        |rule: &'static Rule, message: String| vec![rule.at(at.clone(), format!("the stapled response {message}"))];
    let basic = match OcspResponse::from_der(response) {
        Err(fault) => return tell(&MALFORMED, format!("cannot be read: {fault}")),
        Ok(OcspResponse::Refused(word)) => return tell(&REFUSED, format!("is the responder's refusal: {word}")),
        Ok(OcspResponse::Basic(basic)) => basic,
    };
    let Some(answer) = basic.answers.iter().find(|answer| answer.is_about(cert, issuer)) else {
        return tell(&OTHER, "is about another certificate".into());
    };
    match signed(&basic, issuer, now) {
        Ok(()) => {}
        Err(SignatureFault::Wrong) => {
            let message = format!("is signed neither by `{}` nor by whom it has appointed", issuer.short_name());
            return tell(&SIGNATURE, message);
        }
        Err(SignatureFault::Unsupported) => {
            let message = format!("is signed with {}, which is not checked here", basic.algorithm().word());
            return tell(&SIGNATURE, message).into_iter().map(|finding| finding.severity(Severity::Info)).collect();
        }
    }
    match answer.status {
        Status::Good => {}
        Status::Unknown => return tell(&UNKNOWN, "says that its CA does not know the certificate".into()),
        Status::Revoked(since) => {
            let message = format!("says that the certificate was revoked at {}", instant::show(since));
            return tell(&CERT_REVOKED, message);
        }
    }
    match answer.next_update {
        Some(until) if until < now => tell(&NOT_CURRENT, format!("was good until {}", instant::show(until))),
        _ if answer.this_update > now => {
            tell(&NOT_CURRENT, format!("is of {}, which is to come", instant::show(answer.this_update)))
        }
        _ => Vec::new(),
    }
}

/// By the CA itself, or by a responder to whom it gave a certificate for this (RFC 6960 section 4.2.2.2).
fn signed(basic: &Basic, issuer: &Cert, now: OffsetDateTime) -> Result<(), SignatureFault> {
    let appointed = |cert: &&Cert| {
        let usages = cert.extensions.extended_key_usage.as_deref().unwrap_or_default();
        usages.iter().any(|usage| usage == OCSP_SIGNING) && cert.is_valid_at(now) && cert.issued_by(issuer)
    };
    let by_ca = basic.verify(&issuer.public_key);
    let by_responder = basic.certs.iter().filter(appointed).map(|responder| basic.verify(&responder.public_key));
    by_responder.chain([by_ca]).find(|verdict| verdict.is_ok()).unwrap_or(by_ca)
}

/// A certificate that demands a response, and none came.
pub fn missing(cert: &Cert, at: &Location) -> Option<Finding> {
    let message = "the certificate demands a stapled OCSP response, and none came";
    cert.extensions.must_staple.then(|| MISSING.at(at.clone(), message.to_owned()))
}

const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";

rules! {
    /// Not a response.
    MALFORMED = Error "ocsp-malformed" {
        summary: "the OCSP response that a server staples cannot be read",
        help: "let the server get a new one: see what its responder answers with `openssl ocsp`",
        source: "RFC 6960 section 4.2.1",
    }
    /// tryLater and its kin.
    REFUSED = Warning "ocsp-refused" {
        summary: "the server staples its responder's refusal to answer, and some clients then refuse the server",
        help: "see whether the server reaches the responder, and let it keep refusals to itself (Apache: SSLStaplingReturnResponderErrors off)",
        source: "RFC 6960 section 4.2.2.3",
    }
    /// Another serial number, or another CA.
    OTHER = Error "ocsp-other-certificate" {
        summary: "the server staples a response about another certificate",
        help: "reload the server, so that it gets a response for the certificate that it has now",
        source: "RFC 6960 section 3.2 (1)",
    }
    /// Signed by whom?
    SIGNATURE = Error "ocsp-signature" {
        summary: "the server staples a response that nobody signed who may speak for the CA",
        help: "see which responder the server asks: it must be the one that the certificate names",
        source: "RFC 6960 sections 3.2 (2) to (4) and 4.2.2.2",
    }
    /// Not a serial number of its CA.
    UNKNOWN = Error "ocsp-unknown" {
        summary: "the CA's responder does not know the certificate",
        help: "ask the CA; a certificate made some minutes ago may not be known yet",
        source: "RFC 6960 section 2.2",
    }
    /// nextUpdate is over.
    NOT_CURRENT = Error "ocsp-not-current" {
        summary: "the server staples a response whose time is over, or has not come yet",
        help: "see whether the server reaches the responder, and whether its clock is right",
        source: "RFC 6960 section 3.2 (5) and (6)",
    }
    /// RFC 7633.
    MISSING = Error "ocsp-not-stapled" {
        summary: "a certificate demands a stapled OCSP response, and the server sends none, so clients refuse it",
        help: "turn stapling on (`pkit emit` prints the directives), or get a certificate without the demand",
        source: "RFC 7633 section 4.2.3.1",
    }
}
