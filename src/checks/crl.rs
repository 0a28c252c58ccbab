//! Judges CRLs by their dates, and bundles of CAs by what Dovecot makes of them: every CA of the chain, the root included, needs
//! a current CRL of its own, or nobody below it can log in.

use time::OffsetDateTime;

use crate::finding::{Finding, Origin, rules};
use crate::instant;
use crate::material::crl::Crl;
use crate::pki::bundle::Bundle;

/// Is the list current?
pub fn dates(crl: &Crl, at: &Origin, now: OffsetDateTime) -> Vec<Finding> {
    let issuer = crl.issuer.short();
    let told = |rule: &'static crate::finding::Rule, message: String| vec![rule.at(at.clone().into(), message)];
    match crl.next_update {
        _ if now < crl.this_update => told(
            &CRL_NOT_YET_VALID,
            format!("the CRL of `{issuer}` is valid from {} only", instant::show(crl.this_update)),
        ),
        Some(next) if next < now => {
            told(&CRL_EXPIRED, format!("the CRL of `{issuer}` was to be renewed by {}", instant::show(next)))
        }
        None => told(&CRL_WITHOUT_END, format!("the CRL of `{issuer}` does not say when the next one is due")),
        Some(_) => Vec::new(),
    }
}

/// What keeps clients out of a Dovecot that is given this bundle, and what of the pile is not in it.
pub fn bundle(bundle: &Bundle<'_>, now: OffsetDateTime) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in &bundle.entries {
        match entry.crl {
            Some((origin, crl)) => findings.extend(dates(crl, origin, now)),
            None => {
                let message = format!("`{}` has no CRL among the files given", entry.ca.subject);
                findings.push(CRL_MISSING.at(entry.origin.clone().into(), message));
            }
        }
    }
    for (origin, crl) in &bundle.foreign {
        let message = format!("no CA among the files given has signed the CRL of `{}`", crl.issuer);
        findings.push(CRL_FOREIGN.at((*origin).clone().into(), message));
    }
    for (origin, crl) in &bundle.superseded {
        let what = if crl.is_delta { "a delta CRL" } else { "an older CRL" };
        findings
            .push(CRL_LEFT_OUT.at((*origin).clone().into(), format!("{what} of `{}` is left out", crl.issuer.short())));
    }
    for (origin, cert) in &bundle.no_authorities {
        findings.push(NO_AUTHORITY.at((*origin).clone().into(), format!("`{}` is left out", cert.short_name())));
    }
    findings
}

rules! {
    /// A CA without its list.
    CRL_MISSING = Error "crl-missing" {
        summary: "a CA has no CRL among the files given",
        help: "get the CA's current CRL and give it as another file; the CA's certificates often name where it is",
        source: "RFC 5280 section 6.3.3; tried on Dovecot 2.3.19 and 2.4.1: no client below this CA can log in (`unable to get certificate CRL`)",
    }
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
    /// No nextUpdate.
    CRL_WITHOUT_END = Warning "crl-without-next-update" {
        summary: "a CRL does not say when the next one is due, so nobody notices when it is old",
        help: "ask the CA for CRLs with a nextUpdate",
        source: "RFC 5280 section 5.1.2.5: conforming CAs must include it",
    }
    /// Signed by somebody else.
    CRL_FOREIGN = Warning "crl-foreign" {
        summary: "a CRL was signed by none of the CAs given",
        help: "add the CA's certificate if clients of that CA are to log in; else leave the CRL away",
        source: "RFC 5280 section 6.3.3 (g)",
    }
    /// Not the one to use.
    CRL_LEFT_OUT = Info "crl-left-out" {
        summary: "a CRL is left out because a newer one of the same CA is there, or because it is a delta",
        help: "nothing is needed",
        source: "tried on Dovecot 2.3.19: of two CRLs of one CA the newer lastUpdate wins; with equal ones the first in the file",
    }
    /// An end-entity certificate.
    NO_AUTHORITY = Info "not-an-authority" {
        summary: "a certificate that is no CA has no place in a bundle of CAs",
        help: "nothing is needed",
        source: "RFC 5280 section 4.2.1.9",
    }
}
