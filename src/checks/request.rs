//! Judges requests: does the asker hold the key, is the key strong, and can a CA make a certificate of these names?

use super::key;
use crate::crypto::SignatureFault;
use crate::finding::{Finding, Origin, Severity, rules};
use crate::material::csr::Csr;
use crate::material::ext::{self, GeneralName};
use crate::name::SubjectName;
use crate::pki::verify::profile::{self, SAN_MALFORMED, SAN_MISSING};

/// RFC 2986 section 3: the signature shows that the asker holds the private key.
pub fn signature(csr: &Csr, at: &Origin) -> Vec<Finding> {
    let name = csr.short_name();
    match csr.verify() {
        Ok(()) => vec![],
        Err(SignatureFault::Wrong) => {
            vec![
                CSR_SIGNATURE.at(at.clone().into(), format!("`{name}`: the signature was not made with the key in it")),
            ]
        }
        Err(SignatureFault::Unsupported) => vec![CSR_UNVERIFIED.at(
            at.clone().into(),
            format!("`{name}`: a {} signature by {}", csr.algorithm().word(), csr.public_key.kind()),
        )],
    }
}

/// Names that no CA puts into a certificate, and a common name that is none of the alternative names.
pub fn names(csr: &Csr, at: &Origin) -> Vec<Finding> {
    let mut findings = Vec::new();
    let name = csr.short_name();
    if csr.alt_names().is_empty() {
        findings.push(SAN_MISSING.at(at.clone().into(), format!("`{name}` asks for no subjectAltName")));
    }
    for alt in csr.alt_names() {
        let fits = match alt {
            GeneralName::Dns(name) | GeneralName::Email(name) => name.parse::<SubjectName>().is_ok(),
            GeneralName::Ip(bytes) => ext::ip(bytes).is_some(),
            _ => true,
        };
        if !fits {
            findings.push(SAN_MALFORMED.at(at.clone().into(), format!("`{name}` asks for the name {alt}")));
        }
    }
    findings.extend(profile::misleading_common_names(&csr.subject, csr.alt_names()).map(|cn| {
        let message = format!("`{name}`: the common name is {cn}, which no alternative name is spelled like");
        profile::CN_MISLEADING.at(at.clone().into(), message).severity(Severity::Warning)
    }));
    findings
}

/// What a request for an end-entity should not ask for.
pub fn wishes(csr: &Csr, at: &Origin) -> Option<Finding> {
    let message = format!("`{}` asks to be a CA", csr.short_name());
    csr.extensions.basic_constraints.filter(|b| b.ca).map(|_| CSR_ASKS_CA.at(at.clone().into(), message))
}

/// Everything that can be said without its private key.
pub fn all(csr: &Csr, at: &Origin) -> Vec<Finding> {
    let mut findings = signature(csr, at);
    findings.extend(key::public(&csr.public_key, at));
    findings.extend(names(csr, at));
    findings.extend(wishes(csr, at));
    findings
}

rules! {
    /// Not the holder of the key.
    CSR_SIGNATURE = Error "csr-signature-invalid" {
        summary: "a request was not signed with the key in it, so nobody has shown to hold that key",
        help: "make the request anew with the right key: `pkit csr new --key KEY`",
        source: "RFC 2986 section 3",
    }
    /// A kind of signature that is not checked here.
    CSR_UNVERIFIED = Skipped "csr-signature-unchecked" {
        summary: "the signature of a request is of a kind that is not checked here",
        help: "let another program look: openssl req -verify -noout -in CSR",
        source: "RFC 2986 section 3; RFC 8032 section 5.2 (Ed448)",
    }
    /// CA:TRUE.
    CSR_ASKS_CA = Warning "csr-asks-ca" {
        summary: "a request asks for a CA's certificate",
        help: "for a server or client make the request without basicConstraints; no profile here grants it",
        source: "RFC 5280 section 4.2.1.9",
    }
}
