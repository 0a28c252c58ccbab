//! The proof that a path stands: RFC 5280 section 6.1 without policies, from the trust anchor down to the end-entity, at a given
//! instant, for a purpose and a name. Only this module makes a `VerifiedChain`. Every fault is told, not only the first, since
//! a person wants to mend them in one go. Whether the chain could be better is for `checks`.

use time::OffsetDateTime;

use super::chain::{End, Path};
use super::constraints;
use crate::crypto::SignatureFault;
use crate::finding::{Finding, Location, rules};
use crate::instant;
use crate::material::cert::Cert;
use crate::name::HostName;

/// A chain that has been proven for what was asked. Made by `verify` only.
#[derive(Debug)]
pub struct VerifiedChain<'a> {
    certs: Vec<&'a Cert>,
    anchor: &'a Cert,
}

impl<'a> VerifiedChain<'a> {
    /// End-entity first, without the trust anchor (unless it is the end-entity itself).
    pub fn certs(&self) -> &[&'a Cert] {
        &self.certs
    }

    /// What it ends in.
    pub fn anchor(&self) -> &'a Cert {
        self.anchor
    }
}

/// What a chain is to be proven for.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The instant to judge by.
    pub now: OffsetDateTime,
    /// What the end-entity is to be used for.
    pub purpose: Purpose,
    /// Names that it must present.
    pub names: &'a [HostName],
}

/// Extended key usage that is asked for (RFC 5280 section 4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// TLS servers: id-kp-serverAuth.
    Server,
    /// TLS clients: id-kp-clientAuth.
    Client,
    /// No restriction.
    Any,
}

impl Purpose {
    fn oid(self) -> Option<(&'static str, &'static str)> {
        match self {
            Purpose::Server => Some(("1.3.6.1.5.5.7.3.1", "serverAuth")),
            Purpose::Client => Some(("1.3.6.1.5.5.7.3.2", "clientAuth")),
            Purpose::Any => None,
        }
    }
}

/// Proves a path, or tells everything that speaks against it. `place` says where a certificate stands.
pub fn verify<'a>(
    path: &Path<'a>,
    wanted: &Wanted<'_>,
    place: &dyn Fn(&Cert) -> Location,
) -> Result<VerifiedChain<'a>, Vec<Finding>> {
    let mut judge = Judge { wanted, place, faults: Vec::new() };
    for (depth, cert) in path.certs.iter().enumerate() {
        judge.dates(cert);
        judge.critical_extensions(cert);
        if depth > 0 {
            judge.authority(cert, depth);
        }
    }
    if let Some(leaf) = path.certs.first() {
        judge.end_entity(leaf);
    }
    for pair in path.certs.windows(2) {
        judge.signature(pair[0], pair[1]);
    }
    judge.names_within_constraints(path);
    let anchor = judge.end(path);
    match (anchor, judge.faults.is_empty()) {
        (Some(anchor), true) => Ok(VerifiedChain { certs: path.certs.clone(), anchor }),
        _ => Err(judge.faults),
    }
}

struct Judge<'a> {
    wanted: &'a Wanted<'a>,
    place: &'a dyn Fn(&Cert) -> Location,
    faults: Vec<Finding>,
}

impl Judge<'_> {
    fn fault(&mut self, rule: &'static crate::finding::Rule, cert: &Cert, message: String) {
        self.faults.push(rule.at((self.place)(cert), message));
    }

    /// 6.1.3 (a) (2).
    fn dates(&mut self, cert: &Cert) {
        let (now, name) = (self.wanted.now, cert.short_name());
        if now < cert.not_before {
            self.fault(&NOT_YET_VALID, cert, format!("`{name}` is valid from {} only", instant::show(cert.not_before)));
        } else if now > cert.not_after {
            self.fault(&EXPIRED, cert, format!("`{name}` expired at {}", instant::show(cert.not_after)));
        }
    }

    /// 6.1.4 (o), 6.1.5 (f).
    fn critical_extensions(&mut self, cert: &Cert) {
        for oid in &cert.extensions.unknown_critical {
            let message =
                format!("`{}` has the critical extension {oid}, which pkit does not process", cert.short_name());
            self.fault(&CRITICAL_UNKNOWN, cert, message);
        }
    }

    /// 6.1.4 (k) to (n): a CA must be allowed to issue what stands below it.
    fn authority(&mut self, cert: &Cert, depth: usize) {
        let name = cert.short_name();
        if !cert.is_ca() {
            self.fault(&NOT_A_CA, cert, format!("`{name}` has issued a certificate but is not marked as a CA"));
        }
        if cert.extensions.key_usage.is_some_and(|usage| !usage.key_cert_sign()) {
            self.fault(
                &NO_CERT_SIGN,
                cert,
                format!("the key usage of `{name}` does not allow it to sign certificates"),
            );
        }
        // depth - 1 intermediates stand between this CA and the end-entity; none of those counted here is self-issued in practice.
        let below = depth as u64 - 1;
        if let Some(limit) = cert.extensions.basic_constraints.and_then(|b| b.path_len)
            && below > u64::from(limit)
        {
            self.fault(&PATH_TOO_LONG, cert, format!("`{name}` allows {limit} CAs below it, and {below} are there"));
        }
        self.purpose(cert);
    }

    /// The end-entity's own: purpose and names.
    fn end_entity(&mut self, leaf: &Cert) {
        self.purpose(leaf);
        for name in self.wanted.names {
            if !leaf.alt_names().iter().any(|n| name.matches(n)) {
                let message = format!("the certificate is not for {}; it has {}", name.readable(), presented(leaf));
                self.fault(&NAME_MISMATCH, leaf, message);
            }
        }
    }

    /// CAs restrict the purpose of what they issue by their own extended key usage, as all TLS libraries have it.
    fn purpose(&mut self, cert: &Cert) {
        let Some((oid, word)) = self.wanted.purpose.oid() else { return };
        if let Some(usages) = &cert.extensions.extended_key_usage
            && !usages.iter().any(|u| u == oid || u == ANY_PURPOSE)
        {
            self.fault(&WRONG_PURPOSE, cert, format!("the extended key usage of `{}` lacks {word}", cert.short_name()));
        }
    }

    /// 6.1.3 (a) (1).
    fn signature(&mut self, cert: &Cert, issuer: &Cert) {
        match cert.signed.verify(cert.der(), &issuer.public_key) {
            Ok(()) => {}
            Err(SignatureFault::Wrong) => {
                let message =
                    format!("the signature of `{}` was not made by `{}`", cert.short_name(), issuer.short_name());
                self.fault(&BAD_SIGNATURE, cert, message);
            }
            Err(SignatureFault::Unsupported) => {
                let how = cert.signed.algorithm.word();
                let message = format!("the signature of `{}` ({how}) cannot be checked by pkit", cert.short_name());
                self.fault(&SIGNATURE_UNSUPPORTED, cert, message);
            }
        }
    }

    /// 6.1.3 (b) and (c): the constraints of each CA hold for everything below it, self-issued CAs aside.
    fn names_within_constraints(&mut self, path: &Path<'_>) {
        let anchor = match path.end {
            End::Anchored(anchor) if !path.certs.contains(&anchor) => Some(anchor),
            _ => None,
        };
        let all: Vec<&Cert> = path.certs.iter().copied().chain(anchor).collect();
        for (depth, ca) in all.iter().enumerate().skip(1) {
            let Some(limits) = &ca.extensions.name_constraints else { continue };
            for (n, cert) in all[..depth].iter().enumerate().filter(|(n, cert)| *n == 0 || !cert.is_self_issued()) {
                if let Some(why) = constraints::broken_by(limits, cert, n == 0) {
                    let message =
                        format!("`{}` is outside what `{}` may issue: {why}", cert.short_name(), ca.short_name());
                    self.fault(&OUTSIDE_CONSTRAINTS, cert, message);
                }
            }
        }
    }

    /// The last step up, to the trust anchor.
    fn end<'a>(&mut self, path: &Path<'a>) -> Option<&'a Cert> {
        let last = path.certs.last().copied()?;
        match path.end {
            End::Anchored(anchor) => {
                if last != anchor {
                    self.signature(last, anchor);
                }
                Some(anchor)
            }
            End::Root(root) => {
                let message = format!("the chain ends in `{}`, which is not in the trust store", root.subject.short());
                self.fault(&NOT_TRUSTED, root, message);
                None
            }
            End::Missing => {
                self.fault(
                    &CHAIN_INCOMPLETE,
                    last,
                    format!("no issuer for `{}`: wanted is {}", last.short_name(), missing(last)),
                );
                None
            }
        }
    }
}

/// The names of a certificate as a sentence ends with them: the first ones, and how many more.
fn presented(leaf: &Cert) -> String {
    const SHOWN: usize = 20;
    let names = leaf.alt_names();
    let shown: Vec<String> = names.iter().take(SHOWN).map(ToString::to_string).collect();
    match names.len() {
        0 => "no alternative names at all".into(),
        n if n > SHOWN => format!("{} and {} more", shown.join(", "), n - SHOWN),
        _ => shown.join(", "),
    }
}

/// How to find the certificate that issued this one.
pub fn missing(cert: &Cert) -> String {
    let mut words = format!("`{}`", cert.issuer);
    if let Some(id) = &cert.extensions.authority_key_id {
        words.push_str(&format!(", key identifier {}", crate::crypto::hex(id)));
    }
    if let Some(url) = cert.extensions.ca_issuers.first() {
        words.push_str(&format!(", to be had at {url}"));
    }
    words
}

/// anyExtendedKeyUsage.
const ANY_PURPOSE: &str = "2.5.29.37.0";

rules! {
    /// Too late.
    EXPIRED = Error "cert-expired" {
        summary: "a certificate of the chain has expired",
        help: "get a renewed certificate; for an intermediate, get the current one from the CA",
        source: "RFC 5280 section 4.1.2.5 and 6.1.3 (a) (2)",
    }
    /// Too early.
    NOT_YET_VALID = Error "cert-not-yet-valid" {
        summary: "a certificate of the chain is not valid yet",
        help: "check this machine's clock; otherwise wait, or ask the CA",
        source: "RFC 5280 section 4.1.2.5 and 6.1.3 (a) (2)",
    }
    /// A must that cannot be met.
    CRITICAL_UNKNOWN = Error "critical-extension-unknown" {
        summary: "a certificate has a critical extension that is not processed",
        help: "clients will refuse it as well; ask the CA for a certificate without it",
        source: "RFC 5280 section 4.2: a critical extension that is not recognised means rejection",
    }
    /// basicConstraints.
    NOT_A_CA = Error "issuer-not-ca" {
        summary: "a certificate was issued by something that is not a CA",
        help: "the pile holds the wrong certificate, or the issuer was made without `CA:TRUE`; get the right intermediate",
        source: "RFC 5280 section 4.2.1.9 and 6.1.4 (k)",
    }
    /// keyUsage.
    NO_CERT_SIGN = Error "issuer-no-cert-sign" {
        summary: "a CA's key usage does not allow it to sign certificates",
        help: "the CA must issue its own certificate anew with keyCertSign",
        source: "RFC 5280 section 4.2.1.3 and 6.1.4 (n)",
    }
    /// pathLenConstraint.
    PATH_TOO_LONG = Error "path-too-long" {
        summary: "more CAs stand below a CA than it allows",
        help: "use a certificate issued higher up, or ask the CA for another intermediate",
        source: "RFC 5280 section 4.2.1.9 and 6.1.4 (l)",
    }
    /// extendedKeyUsage.
    WRONG_PURPOSE = Error "wrong-purpose" {
        summary: "a certificate's extended key usage does not cover what it is to be used for",
        help: "ask the CA for a certificate of the right kind (TLS server)",
        source: "RFC 5280 section 4.2.1.12",
    }
    /// The signature does not check.
    BAD_SIGNATURE = Error "bad-signature" {
        summary: "a certificate was not signed by the issuer in front of it",
        help: "one of the two files is damaged or not the right one; get them again from the CA",
        source: "RFC 5280 section 6.1.3 (a) (1)",
    }
    /// Nobody can check it.
    SIGNATURE_UNSUPPORTED = Error "signature-unsupported" {
        summary: "the signature algorithm is not one that pkit can check",
        help: "common clients will refuse it as well; ask the CA for RSA or ECDSA with SHA-256",
        source: "RFC 8446 section 4.2.3 lists what TLS clients take",
    }
    /// nameConstraints.
    OUTSIDE_CONSTRAINTS = Error "outside-name-constraints" {
        summary: "a name lies outside what a CA above it may issue",
        help: "leave the name out, or have the certificate issued by a CA that may",
        source: "RFC 5280 section 4.2.1.10 and 6.1.3 (b), (c)",
    }
    /// The wrong host.
    NAME_MISMATCH = Error "name-mismatch" {
        summary: "the certificate does not present the name that clients will ask for",
        help: "name one that it has with --name, or get a certificate with this name among its alternative names",
        source: "RFC 9525 section 6: only subjectAltName counts",
    }
    /// A root, but not a trusted one.
    NOT_TRUSTED = Error "not-trusted" {
        summary: "the chain ends in a root that is not in the trust store",
        help: "if the root is your own CA's, name it with --trust FILE; clients need it as well",
        source: "RFC 5280 section 6.1.1 (d)",
    }
    /// A gap.
    CHAIN_INCOMPLETE = Error "chain-incomplete" {
        summary: "the certificate that issued one of the chain is not there",
        help: "get the CA's intermediate certificate and give it as another input",
        source: "RFC 5246 section 7.4.2: the server sends every certificate below the root; tried: clients say `unable to verify the first certificate`",
    }
}
