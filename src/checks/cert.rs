//! Judges certificates beyond the proof of their path: what clients or servers refuse although RFC 5280 lets it pass, and what
//! will soon be refused.

use time::{Duration, OffsetDateTime};

use super::key;
use crate::finding::{Finding, Origin, rules};
use crate::instant;
use crate::material::cert::Cert;
use crate::pki::verify::profile::{SAN_MISSING, SHA1};

/// How long before its end a certificate is worth a warning: two weeks leave time for a CA that is slow.
pub const SOON: Duration = Duration::days(14);

/// A certificate that a server is to present.
pub fn end_entity(cert: &Cert, at: &Origin, now: OffsetDateTime) -> Vec<Finding> {
    let mut findings = authority(cert, at, now);
    let mut tell =
        |rule: &'static crate::finding::Rule, message: String| findings.push(rule.at(at.clone().into(), message));
    let name = cert.short_name();
    if cert.alt_names().is_empty() {
        tell(&SAN_MISSING, format!("`{name}` has no subjectAltName"));
    }
    if cert.extensions.must_staple && cert.extensions.ocsp.is_empty() {
        tell(&MUST_STAPLE, format!("`{name}` demands a stapled OCSP response and names no responder to get one from"));
    }
    findings
}

/// Any certificate that is sent: the end-entity or an intermediate.
pub fn authority(cert: &Cert, at: &Origin, now: OffsetDateTime) -> Vec<Finding> {
    let mut findings = key::strength(&cert.public_key, key::MIN_BITS, at);
    let name = cert.short_name();
    if cert.signed.algorithm.is_sha1() && !cert.is_self_issued() {
        findings.push(SHA1.at(at.clone().into(), format!("`{name}` is signed with {}", cert.signed.algorithm.word())));
    }
    if cert.is_valid_at(now) && cert.not_after - now < SOON {
        findings.push(
            EXPIRES_SOON
                .at(at.clone().into(), format!("`{name}` is valid until {}", instant::day(cert.not_after, now))),
        );
    }
    findings
}

rules! {
    /// RFC 7633.
    MUST_STAPLE = Warning "must-staple-without-ocsp" {
        summary: "the certificate demands OCSP stapling, and no response can be had",
        help: "ask the CA for a certificate without the TLS feature extension",
        source: "RFC 7633 section 4.2.3; neither Dovecot nor Postfix can staple",
    }
    /// Near its end.
    EXPIRES_SOON = Warning "cert-expires-soon" {
        summary: "a certificate expires within two weeks",
        help: "get a renewed certificate now",
        source: "RFC 5280 section 4.1.2.5",
    }
}
