//! What the revocation lists say of a chain, as findings: who is revoked, and why it cannot be told of others. Also judges one
//! list by its signer, for whoever checks lists alone. The weighing is `pki::revocation`'s.

use super::crl::{CRL_EXPIRED, CRL_FOREIGN, CRL_MISSING, CRL_NOT_YET_VALID};
use crate::finding::{Finding, Location, Rule, Severity, rules};
use crate::instant;
use crate::material::cert::Cert;
use crate::material::points::Reasons;
use crate::material::revoked::Reason;
use crate::pki::revocation::{Obstacle, Status, Why};

/// What is to be said of one certificate; nothing if it is good. `place` is where the certificate stands.
pub fn status(cert: &Cert, status: &Status<'_>, place: &Location) -> Vec<Finding> {
    let told = |rule: &'static Rule, message: String| vec![rule.at(place.clone(), message)];
    let name = cert.short_name();
    match status {
        Status::Good => Vec::new(),
        Status::Revoked { date, reason, .. } => {
            told(&CERT_REVOKED, format!("`{name}` was revoked at {}{}", instant::show(*date), because(*reason)))
        }
        Status::Missing => told(&CRL_MISSING, format!("no CRL of `{}`, which issued `{name}`", cert.issuer.short())),
        Status::Partial(covered) => told(&CRL_PARTIAL, partial(&name, *covered)),
        Status::Unusable(obstacles) => obstacles.iter().map(|o| obstacle(o, &name)).collect(),
    }
}

/// ` (keyCompromise)`.
pub fn because(reason: Option<Reason>) -> String {
    reason.map_or(String::new(), |r| format!(" ({})", r.word()))
}

fn partial(name: &str, covered: Reasons) -> String {
    format!("the CRLs that speak for `{name}` cover these reasons only: {}", covered.words().join(", "))
}

/// Without a usable list nobody can tell whether a certificate is revoked, so what is a warning for a list alone is an error.
fn obstacle(obstacle: &Obstacle<'_>, name: &str) -> Finding {
    let crl = obstacle.list.crl;
    let until = crl.next_update.map_or(String::new(), |at| format!(" (nextUpdate {})", instant::show(at)));
    let (rule, why) = match obstacle.why {
        Why::OutOfScope => (&CRL_OUT_OF_SCOPE, "does not cover it".into()),
        Why::CriticalUnknown => {
            (&CRL_CRITICAL_UNKNOWN, format!("has the critical extension {}", crl.unknown_critical.join(", ")))
        }
        Why::SignedByNobody => (&CRL_FOREIGN, "was signed by none of the CAs given".into()),
        Why::SignerMayNot => (&CRL_SIGNER_MAY_NOT, "was signed by a CA whose key usage lacks cRLSign".into()),
        Why::SignerNotProven => (&CRL_SIGNER_UNPROVEN, "was signed by a CA with no path to the same root".into()),
        Why::SignerRevoked => (&CRL_SIGNER_REVOKED, "was signed by a CA that has been revoked".into()),
        Why::SignerNotCleared => (&CRL_SIGNER_NOT_CLEARED, "was signed by a CA that no CRL given clears".into()),
        Why::SignatureUnsupported => (&CRL_SIGNATURE_UNSUPPORTED, format!("is signed with {}", crl.algorithm().word())),
        Why::NotYetValid => {
            (&CRL_NOT_YET_VALID, format!("is not valid yet (thisUpdate {})", instant::show(crl.this_update)))
        }
        Why::Expired => (&CRL_EXPIRED, format!("is out of date{until}")),
        Why::TooManySignatures => (&CRL_TOO_MANY, "was not looked at: too many lists and signers of one name".into()),
    };
    let message = format!("whether `{name}` is revoked cannot be told: the CRL of `{}` {why}", crl.issuer.short());
    rule.at(obstacle.list.origin.clone().into(), message).severity(Severity::Error)
}

rules! {
    /// On the list.
    CERT_REVOKED = Error "cert-revoked" {
        summary: "a certificate has been revoked by its CA",
        help: "use another certificate with a new key; if nobody asked for it, ask the CA why",
        source: "RFC 5280 sections 5.3.1 and 6.3",
    }
    /// onlySomeReasons.
    CRL_PARTIAL = Error "crl-partial-reasons" {
        summary: "the CRLs at hand cover some reasons for revocation only",
        help: "give the CA's other CRLs as well, those for the remaining reasons",
        source: "RFC 5280 sections 5.2.5 and 6.3.3 (d), (e), (l)",
    }
    /// issuingDistributionPoint.
    CRL_OUT_OF_SCOPE = Error "crl-out-of-scope" {
        summary: "a CRL does not speak for the certificate: it is for others (users, CAs, attributes) or another distribution point",
        help: "get the CRL that the certificate names in its distribution points",
        source: "RFC 5280 sections 5.2.5 and 6.3.3 (b)",
    }
    /// A must that cannot be met.
    CRL_CRITICAL_UNKNOWN = Error "crl-critical-extension-unknown" {
        summary: "a CRL or one of its entries has a critical extension that is not processed, so the CRL cannot be used",
        help: "ask the CA for a CRL without it",
        source: "RFC 5280 sections 5.2 and 5.3",
    }
    /// keyUsage.
    CRL_SIGNER_MAY_NOT = Error "crl-signer-no-crl-sign" {
        summary: "a CRL was signed by a CA whose key usage does not allow it to sign CRLs",
        help: "the CA must have its certificate issued anew with cRLSign",
        source: "RFC 5280 sections 4.2.1.3 and 6.3.3 (f)",
    }
    /// The signer's own path.
    CRL_SIGNER_UNPROVEN = Error "crl-signer-unproven" {
        summary: "a CRL was signed by a CA that is not proven by the same root as the certificate",
        help: "give the certificates between the CRL's signer and the root as well",
        source: "RFC 5280 section 6.3.3 (f)",
    }
    /// Revoked.
    CRL_SIGNER_REVOKED = Error "crl-signer-revoked" {
        summary: "a CRL was signed by a CA that has been revoked itself, or that stands below a revoked one",
        help: "get a new CRL from the CA, signed with a key that is in force",
        source: "RFC 5280 sections 6.1.3 (a) (3) and 6.3.3 (f)",
    }
    /// Nobody can tell.
    CRL_SIGNER_NOT_CLEARED = Error "crl-signer-not-cleared" {
        summary: "a CRL was signed with another key than the certificate's issuer has, and nobody can tell whether that is revoked",
        help: "give the CRL that speaks for the signer's certificate as well",
        source: "RFC 5280 sections 6.1.3 (a) (3) and 6.3.3 (f)",
    }
    /// Nobody can check it.
    CRL_SIGNATURE_UNSUPPORTED = Error "crl-signature-unsupported" {
        summary: "a CRL is signed in a way that pkit cannot check",
        help: "ask the CA for a CRL signed with RSA or ECDSA and SHA-256",
        source: "RFC 4055, RFC 5758 and RFC 8410 define what is in use",
    }
    /// Beyond the limit.
    CRL_TOO_MANY = Error "crl-too-many" {
        summary: "more CRLs and signers have the same name than any CA has",
        help: "give only the CRLs and CAs of this chain",
        source: "pkit's limit of 100 checked CRL signatures keeps a run bounded",
    }
}
