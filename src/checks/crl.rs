//! Judges a CRL by itself: its dates. What it means within a file of CAs is for `bundle`.

use time::{Duration, OffsetDateTime};

use crate::finding::{Finding, Origin, rules};
use crate::instant;
use crate::material::crl::Crl;

/// Is the list current?
pub fn dates(crl: &Crl, at: &Origin, now: OffsetDateTime) -> Vec<Finding> {
    let issuer = crl.issuer.short();
    let told = |rule: &'static crate::finding::Rule, message: String| vec![rule.at(at.clone().into(), message)];
    match crl.next_update {
        _ if now < crl.this_update => told(
            &CRL_NOT_YET_VALID,
            format!("the CRL of `{issuer}` is valid from {} only", instant::show(crl.this_update)),
        ),
        Some(next) if next <= now => {
            told(&CRL_EXPIRED, format!("the CRL of `{issuer}` was to be renewed by {}", instant::show(next)))
        }
        None => told(&CRL_WITHOUT_END, format!("the CRL of `{issuer}` does not say when the next one is due")),
        Some(_) => Vec::new(),
    }
}

/// Will the list, now in force, end within this time?
pub fn ends_soon(crl: &Crl, at: &Origin, now: OffsetDateTime, warn: Duration) -> Option<Finding> {
    let next = crl.next_update.filter(|next| now < *next && *next - now <= warn)?;
    let message = format!("the CRL of `{}` ends {}", crl.issuer.short(), instant::day(next, now));
    Some(CRL_EXPIRES_SOON.at(at.clone().into(), message))
}

rules! {
    /// Stale.
    CRL_EXPIRED = Error "crl-expired" {
        summary: "a CRL is past its nextUpdate",
        help: "get the CA's current CRL",
        source: "RFC 5280 section 5.1.2.5; tried on Dovecot 2.3.19 and 2.4.1: no client below this CA can log in (`CRL has expired`)",
    }
    /// From the future.
    CRL_NOT_YET_VALID = Error "crl-not-yet-valid" {
        summary: "a CRL is not valid yet",
        help: "check this machine's clock; otherwise use the CA's current CRL",
        source: "RFC 5280 section 5.1.2.4; tried on Dovecot 2.3.19: `CRL is not yet valid`",
    }
    /// Soon stale.
    CRL_EXPIRES_SOON = Warning "crl-expires-soon" {
        summary: "a CRL will soon be past its nextUpdate",
        help: "get the CA's next CRL as soon as it is published, and renew what was made with the old one",
        source: "RFC 5280 section 5.1.2.5",
    }
    /// No nextUpdate.
    CRL_WITHOUT_END = Warning "crl-without-next-update" {
        summary: "a CRL does not say when the next one is due, so nobody notices when it is old",
        help: "ask the CA for CRLs with a nextUpdate",
        source: "RFC 5280 section 5.1.2.5: conforming CAs must include it",
    }
}
