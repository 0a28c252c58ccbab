//! Judges certificates beyond the proof of their path: what clients or servers refuse although RFC 5280 lets it pass, and what
//! will soon be refused.

use time::macros::date;
use time::{Date, Duration, OffsetDateTime};

use super::{chain, key};
use crate::finding::{Finding, Origin, Severity, rules};
use crate::instant;
use crate::material::cert::Cert;
use crate::pki::verify::Purpose;
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
    let mut findings = key::quick(&cert.public_key, at);
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

/// Does it live longer than public CAs may let it, or, if it is of another CA, than some clients accept?
pub fn lifetime(cert: &Cert, at: &Origin, public: bool) -> Option<Finding> {
    if !public {
        return chain::lifetime(cert, at);
    }
    let (_, limit) = LIMITS.into_iter().find(|(since, _)| cert.not_before.date() >= *since)?;
    // The last second belongs to it.
    let life = cert.not_after - cert.not_before + Duration::SECOND;
    let message = format!(
        "`{}`, of {}, is valid for {} days; the limit was {limit} then",
        cert.short_name(),
        cert.not_before.date(),
        life.whole_days()
    );
    (life > Duration::days(limit)).then(|| LIFETIME_OVER_LIMIT.at(at.clone().into(), message))
}

/// Public CAs issue for servers only by now, so a client has to look elsewhere.
pub fn client_auth(cert: &Cert, at: &Origin, purpose: Purpose, public: bool) -> Option<Finding> {
    const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
    let has = cert.extensions.extended_key_usage.as_ref().is_none_or(|oids| oids.iter().any(|oid| oid == CLIENT_AUTH));
    let name = cert.short_name();
    let (severity, message) = match purpose {
        Purpose::Client if public && !has => (
            Severity::Error,
            format!("`{name}` is of a public CA and lacks clientAuth: servers refuse it from a client"),
        ),
        Purpose::Client if public => {
            (Severity::Warning, format!("`{name}` is of a public CA, and its renewal will lack clientAuth"))
        }
        Purpose::Server if public && has && cert.not_before.date() >= CLIENT_AUTH_END => (
            Severity::Warning,
            format!("`{name}` is of a public CA and says clientAuth, which Chrome's roots do not issue any more"),
        ),
        _ => return None,
    };
    Some(CLIENT_AUTH_GONE.at(at.clone().into(), message).severity(severity))
}

/// CA/Browser Forum Baseline Requirements 6.3.2, the newest first: days from these days of issuance on.
const LIMITS: [(Date, i64); 5] = [
    (date!(2029 - 03 - 15), 47),
    (date!(2027 - 03 - 15), 100),
    (date!(2026 - 03 - 15), 200),
    (date!(2020 - 09 - 01), 398),
    (date!(2018 - 03 - 01), 825),
];
const CLIENT_AUTH_END: Date = date!(2026 - 06 - 15);

rules! {
    /// Too long a life for a public CA.
    LIFETIME_OVER_LIMIT = Error "cert-lifetime-over-limit" {
        summary: "a certificate of a public CA is valid for longer than such a CA may let it",
        help: "get another certificate: clients may refuse this one",
        source: "CA/Browser Forum Baseline Requirements 6.3.2 (ballot SC-081v3): 398 days from 2020-09-01, 200 from 2026-03-15, 100 from 2027-03-15, 47 from 2029-03-15",
    }
    /// No clients any more.
    CLIENT_AUTH_GONE = Warning "client-auth-gone" {
        summary: "public CAs do not issue certificates for clients any more",
        help: "for client certificates make a CA of your own: `pkit ca init`",
        source: "Chrome Root Program Policy 1.6 section 3.2: hierarchies for serverAuth only, from 2026-06-15; Let's Encrypt dropped clientAuth in 2026",
    }
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
