//! Judges a CRL by itself: its dates. What it means within a file of CAs is for `bundle`.

use time::{Duration, OffsetDateTime};

use super::revocation::{CRL_CRITICAL_UNKNOWN, CRL_SIGNATURE_UNSUPPORTED, CRL_SIGNER_MAY_NOT};
use crate::crypto::SignatureFault;
use crate::finding::{Finding, Origin, Severity, rules};
use crate::instant;
use crate::material::cert::Cert;
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

/// Who signed a list, as far as certificates at hand can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// No certificates were given to judge by.
    NotAsked,
    /// None of them has the issuer's name.
    NoIssuer,
    /// One that has it signed the list, and may.
    Good,
    /// One that has it signed the list, but its key usage lacks cRLSign.
    MayNot,
    /// None that has it signed the list.
    Wrong,
    /// The signature cannot be checked.
    Unsupported,
}

impl Signed {
    /// Is a certificate of the issuer's name there?
    pub fn issuer_found(self) -> Option<bool> {
        (self != Signed::NotAsked).then_some(self != Signed::NoIssuer)
    }

    /// Does the signature stand? `None` where nobody can tell.
    pub fn valid(self) -> Option<bool> {
        match self {
            Signed::NotAsked | Signed::NoIssuer | Signed::Unsupported => None,
            Signed::Good | Signed::MayNot => Some(true),
            Signed::Wrong => Some(false),
        }
    }
}

/// Looks for the signer of a list among these certificates, by name and key.
pub fn signed(crl: &Crl, signers: &[&Cert]) -> Signed {
    let mut found = if signers.is_empty() { Signed::NotAsked } else { Signed::NoIssuer };
    for ca in signers.iter().filter(|ca| ca.subject == crl.issuer) {
        match crl.verify(&ca.public_key) {
            Ok(()) if ca.extensions.key_usage.is_none_or(|u| u.crl_sign()) => return Signed::Good,
            Ok(()) => found = Signed::MayNot,
            Err(SignatureFault::Unsupported) => found = Signed::Unsupported,
            Err(SignatureFault::Wrong) if found == Signed::NoIssuer => found = Signed::Wrong,
            Err(SignatureFault::Wrong) => {}
        }
    }
    found
}

/// What is to be said of the signature. A list that its issuer did not sign is worth nothing.
pub fn signature(crl: &Crl, at: &Origin, signed: Signed) -> Vec<Finding> {
    let issuer = crl.issuer.short();
    let (rule, message) = match signed {
        Signed::Good => return Vec::new(),
        Signed::NotAsked => (&CRL_UNCHECKED, format!("the signature of the CRL of `{issuer}` was not checked")),
        Signed::NoIssuer => (&CRL_FOREIGN, format!("none of the CAs given is `{}`", crl.issuer)),
        Signed::Wrong => (&CRL_FOREIGN, format!("`{issuer}`, as given, did not sign this CRL")),
        Signed::MayNot => (&CRL_SIGNER_MAY_NOT, format!("the key usage of `{issuer}` lacks cRLSign")),
        Signed::Unsupported => (&CRL_SIGNATURE_UNSUPPORTED, format!("it is signed with {}", crl.algorithm().word())),
    };
    let severity = if signed == Signed::NotAsked { Severity::Info } else { Severity::Error };
    vec![rule.at(at.clone().into(), message).severity(severity)]
}

/// Is everything there that a CRL must have, and nothing that nobody can process?
pub fn form(crl: &Crl, at: &Origin) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !crl.unknown_critical.is_empty() {
        let message = format!("the critical extension {} is not processed", crl.unknown_critical.join(", "));
        findings.push(CRL_CRITICAL_UNKNOWN.at(at.clone().into(), message));
    }
    if crl.number.is_none() {
        findings.push(CRL_WITHOUT_NUMBER.at(at.clone().into(), "the CRL has no number"));
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
    /// Signed by somebody else.
    CRL_FOREIGN = Warning "crl-foreign" {
        summary: "a CRL was signed by none of the CAs given",
        help: "add the CA's certificate if clients of that CA are to log in; else leave the CRL away",
        source: "RFC 5280 section 6.3.3 (g)",
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
    /// Soon stale.
    CRL_EXPIRES_SOON = Warning "crl-expires-soon" {
        summary: "a CRL will soon be past its nextUpdate",
        help: "get the CA's next CRL as soon as it is published, and renew what was made with the old one",
        source: "RFC 5280 section 5.1.2.5",
    }
    /// No number.
    CRL_WITHOUT_NUMBER = Warning "crl-without-number" {
        summary: "a CRL has no number, so nobody can tell which of two lists is the newer one, and no delta goes with it",
        help: "ask the CA for CRLs with a number",
        source: "RFC 5280 section 5.2.3: conforming CAs must include it",
    }
    /// Nobody to ask.
    CRL_UNCHECKED = Info "crl-signature-unchecked" {
        summary: "the signature of a CRL was not checked, since no certificate of its issuer was given",
        help: "name the CA's certificate with --issuer FILE",
        source: "RFC 5280 section 6.3.3 (g)",
    }
    /// No nextUpdate.
    CRL_WITHOUT_END = Warning "crl-without-next-update" {
        summary: "a CRL does not say when the next one is due, so nobody notices when it is old",
        help: "ask the CA for CRLs with a nextUpdate",
        source: "RFC 5280 section 5.1.2.5: conforming CAs must include it",
    }
}
