//! What public TLS clients and the rules for public CAs ask of a certificate beyond the path validation of RFC 5280 section 6:
//! the MUSTs of its section 4 and of the CA/Browser Forum's Baseline Requirements. A private PKI may live without them, so they
//! count only where they are asked for.

use super::Purpose;
use super::common_name::is_misleading;
use super::constraints::{is_host, is_mail_base, is_strict_host};
use crate::finding::{Rule, rules};
use crate::material::cert::Cert;
use crate::material::dn::Name;
use crate::material::ext::{self, GeneralName, NameConstraints};
use crate::material::key::KeyKind;

/// What a rule is broken by.
pub type Broken = (&'static Rule, String);

/// Everything in a certificate that breaks the profile. Depth 0 is the end-entity; the root is the anchor at the other end.
pub fn broken(cert: &Cert, depth: usize, is_root: bool, purpose: Purpose) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut tell = |rule: &'static Rule, why| broken.push((rule, format!("`{}`: {why}", cert.short_name())));
    frame(cert, is_root, &mut tell);
    extensions(cert, &mut tell);
    key_identifiers(cert, is_root, &mut tell);
    if let Some(why) = key(cert.public_key.kind()) {
        tell(&KEY_NOT_IN_PROFILE, why);
    }
    if cert.signed.algorithm.is_sha1() && !(is_root && cert.is_self_issued()) {
        tell(&SHA1, format!("it is signed with {}", cert.signed.algorithm.word()));
    }
    if let Some(why) = cert.extensions.name_constraints.as_ref().and_then(constraints) {
        tell(&CONSTRAINTS_MALFORMED, why);
    }
    if depth == 0 {
        end_entity(cert, purpose, &mut tell);
        return broken;
    }
    if cert.subject.is_empty() {
        tell(&NAME_EMPTY, "it is a CA without a subject".into());
    }
    // Of any other CA RFC 5280 section 6 itself asks for them.
    if is_root && cert.version == 3 && cert.extensions.basic_constraints.is_none() {
        tell(&BASIC_CONSTRAINTS_MISSING, "it is a root without basicConstraints".into());
    }
    broken
}

fn frame(cert: &Cert, is_root: bool, tell: &mut dyn FnMut(&'static Rule, String)) {
    if cert.version < 3 && !is_root {
        tell(&VERSION_OLD, format!("it is of version {}", cert.version));
    }
    if !cert.signed.is_named_alike() {
        tell(&ALGORITHM_DIFFERS, "it names one signature algorithm inside and another one outside".into());
    }
    if let Some(why) = serial(&cert.serial) {
        tell(&SERIAL_ODD, format!("its serial number {why}"));
    }
    if cert.issuer.is_empty() {
        tell(&NAME_EMPTY, "its issuer is empty".into());
    }
}

fn serial(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [first, ..] if *first >= 0x80 => Some("is negative"),
        bytes if bytes.iter().all(|b| *b == 0) => Some("is zero"),
        [_, rest @ ..] if rest.len() >= 20 => Some("is longer than 20 bytes"),
        _ => None,
    }
}

/// Which extensions must be critical and which must not.
fn extensions(cert: &Cert, tell: &mut dyn FnMut(&'static Rule, String)) {
    let is = |oid| cert.extensions.criticality(oid);
    for (oid, word) in NEVER_CRITICAL {
        if is(oid) == Some(true) {
            tell(&CRITICALITY, format!("its extension {word} is critical and must not be"));
        }
    }
    for (oid, word) in ALWAYS_CRITICAL {
        if is(oid) == Some(false) && (*oid != BASIC_CONSTRAINTS || cert.is_ca()) {
            tell(&CRITICALITY, format!("its extension {word} is not critical and must be"));
        }
    }
    if is(SUBJECT_ALT_NAME).is_some_and(|critical| critical != cert.subject.is_empty()) {
        let why =
            if cert.subject.is_empty() { "must be critical: the subject is empty" } else { "must not be critical" };
        tell(&CRITICALITY, format!("its extension subjectAltName {why}"));
    }
}

fn key_identifiers(cert: &Cert, is_root: bool, tell: &mut dyn FnMut(&'static Rule, String)) {
    let (own, issuer) = (&cert.extensions.subject_key_id, &cert.extensions.authority_key_id);
    let has_authority = cert.extensions.criticality(AUTHORITY_KEY_ID).is_some();
    if issuer.is_none() && (!cert.is_self_issued() || has_authority) {
        tell(&KEY_ID, "it does not name its issuer's key (authorityKeyIdentifier)".into());
    }
    if own.is_none() && cert.is_ca() {
        tell(&KEY_ID, "it is a CA without a subjectKeyIdentifier".into());
    }
    if is_root && cert.is_self_issued() && has_authority {
        if cert.extensions.authority_is_named {
            tell(&KEY_ID, "it is a root that names itself by issuer and serial number".into());
        }
        if issuer.is_some() && issuer != own {
            tell(&KEY_ID, "it is a root whose two key identifiers differ".into());
        }
    }
}

fn key(kind: &KeyKind) -> Option<String> {
    match kind {
        KeyKind::Rsa { bits } | KeyKind::RsaPss { bits } if *bits < 2048 || bits % 8 != 0 => {
            Some(format!("its key is {kind}; at least 2048 bits and whole bytes are asked for"))
        }
        kind if !kind.signs_in_tls() => Some(format!("its key is {kind}, which TLS clients do not take")),
        _ => None,
    }
}

/// Subtrees that no name can be compared with.
fn constraints(limits: &NameConstraints) -> Option<String> {
    let mut all = limits.permitted.iter().chain(&limits.excluded).peekable();
    if all.peek().is_none() {
        return Some("its name constraints permit and exclude nothing".into());
    }
    let malformed = |base: &&GeneralName| match base {
        GeneralName::Dns(name) => !name.is_empty() && (!is_host(name) || name.starts_with('*')),
        GeneralName::Email(base) => !is_mail_base(base),
        GeneralName::Ip(bytes) => !is_subnet(bytes),
        _ => false,
    };
    all.find(malformed).map(|base| format!("its name constraint {base} is malformed"))
}

/// An address and a mask of ones followed by zeros (RFC 4632 section 3.1).
fn is_subnet(bytes: &[u8]) -> bool {
    let mask = bytes[bytes.len() / 2..].iter().fold(0u128, |mask, b| mask << 8 | u128::from(*b));
    let width = bytes.len() * 4;
    matches!(bytes.len(), 8 | 32) && mask.count_ones() + mask.trailing_zeros().min(width as u32) == width as u32
}

fn end_entity(cert: &Cert, purpose: Purpose, tell: &mut dyn FnMut(&'static Rule, String)) {
    let extensions = &cert.extensions;
    if cert.is_ca() {
        tell(&CA_AS_LEAF, "it is a CA and stands where the end-entity should".into());
    } else if extensions.key_usage.is_some_and(|usage| usage.key_cert_sign()) {
        tell(&CA_AS_LEAF, "its key usage allows it to sign certificates, and it is no CA".into());
    }
    if extensions.name_constraints.is_some() {
        tell(&CONSTRAINTS_MALFORMED, "it is an end-entity with name constraints".into());
    }
    match extensions.extended_key_usage.as_deref() {
        Some([]) => tell(&EKU_UNFIT, "its extended key usage is empty".into()),
        Some(usages) if usages.iter().any(|u| u == ANY_PURPOSE) => {
            tell(&EKU_UNFIT, "its extended key usage says anyExtendedKeyUsage".into());
        }
        _ => {}
    }
    if let Some(odd) = cert.alt_names().iter().find(|name| is_malformed(name)) {
        tell(&SAN_MALFORMED, format!("its alternative name {odd} is malformed"));
    }
    if purpose == Purpose::Server {
        server_names(cert, tell);
    }
}

fn is_malformed(name: &GeneralName) -> bool {
    match name {
        GeneralName::Dns(name) => !is_strict_host(name),
        GeneralName::Ip(bytes) => ext::ip(bytes).is_none(),
        _ => false,
    }
}

fn server_names(cert: &Cert, tell: &mut dyn FnMut(&'static Rule, String)) {
    if cert.alt_names().is_empty() {
        return tell(&SAN_MISSING, "it has no subjectAltName".into());
    }
    for cn in misleading_common_names(&cert.subject, cert.alt_names()) {
        tell(&CN_MISLEADING, format!("its common name is {cn}, which no alternative name is spelled like"));
    }
}

/// Common names that look like hosts and are spelled like none of the alternative names.
pub fn misleading_common_names<'a>(subject: &'a Name, names: &'a [GeneralName]) -> impl Iterator<Item = &'a str> {
    let common = subject.attributes().iter().filter(|a| a.kind == "CN").map(|a| a.value.as_str());
    common.filter(|cn| is_misleading(cn, names))
}

/// anyExtendedKeyUsage.
pub(super) const ANY_PURPOSE: &str = "2.5.29.37.0";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const AUTHORITY_KEY_ID: &str = "2.5.29.35";
const NEVER_CRITICAL: &[(&str, &str)] = &[
    (AUTHORITY_KEY_ID, "authorityKeyIdentifier"),
    ("2.5.29.14", "subjectKeyIdentifier"),
    ("1.3.6.1.5.5.7.1.1", "authorityInfoAccess"),
    ("2.5.29.37", "extendedKeyUsage"),
];
const ALWAYS_CRITICAL: &[(&str, &str)] = &[
    (BASIC_CONSTRAINTS, "basicConstraints"),
    ("2.5.29.30", "nameConstraints"),
    ("2.5.29.36", "policyConstraints"),
    ("2.5.29.54", "inhibitAnyPolicy"),
];

rules! {
    /// No subjectAltName.
    SAN_MISSING = Error "san-missing" {
        summary: "the certificate has no alternative names, so clients match it with no host name",
        help: "get a certificate with the host names in subjectAltName; a common name does not count",
        source: "RFC 9525 section 6.1; RFC 5280 section 4.2.1.6",
    }
    /// SHA-1.
    SHA1 = Error "signature-sha1" {
        summary: "a certificate is signed with SHA-1, which can be forged",
        help: "ask the CA for a certificate signed with SHA-256",
        source: "RFC 9155; tried on Dovecot 2.3.19 with OpenSSL 3.0: `ca md too weak`, no TLS at all",
    }
    /// Two algorithms.
    ALGORITHM_DIFFERS = Error "signature-algorithm-differs" {
        summary: "a certificate names two signature algorithms, so its signature counts for nothing",
        help: "get the certificate again from the CA",
        source: "RFC 5280 section 4.1.1.2: the two must be the same",
    }
    /// Version 1.
    VERSION_OLD = Error "cert-version-old" {
        summary: "a certificate is of version 1 or 2, which has no place for a purpose or names",
        help: "have it issued anew as version 3",
        source: "RFC 5280 section 4.1.2.1; CA/Browser Forum Baseline Requirements 7.1.1",
    }
    /// serialNumber.
    SERIAL_ODD = Error "serial-number-odd" {
        summary: "a serial number is zero, negative or longer than 20 bytes",
        help: "have the certificate issued anew; Go refuses negative numbers, others may follow",
        source: "RFC 5280 section 4.1.2.2",
    }
    /// No name.
    NAME_EMPTY = Error "ca-name-empty" {
        summary: "a CA has no name",
        help: "make the CA anew with a subject",
        source: "RFC 5280 sections 4.1.2.4 and 4.1.2.6",
    }
    /// Critical or not.
    CRITICALITY = Error "extension-criticality" {
        summary: "an extension is critical that must not be, or the other way round",
        help: "have the certificate issued anew; in openssl's configuration it is the word `critical`",
        source: "RFC 5280 sections 4.2.1.1, 4.2.1.2, 4.2.1.6, 4.2.1.9 to 4.2.1.11, 4.2.1.14, 4.2.2.1; Baseline Requirements 7.1.2",
    }
    /// A root by its key usage alone.
    BASIC_CONSTRAINTS_MISSING = Error "basic-constraints-missing" {
        summary: "a root does not say that it is a CA",
        help: "have the root issued anew with basicConstraints = critical, CA:TRUE; GnuTLS refuses some such roots",
        source: "RFC 5280 section 4.2.1.9; Baseline Requirements 7.1.2.1.2",
    }
    /// AKI and SKI.
    KEY_ID = Error "key-identifiers-wrong" {
        summary: "a certificate does not say by which key it was issued, or a CA which key it has",
        help: "have it issued anew with subjectKeyIdentifier = hash and authorityKeyIdentifier = keyid",
        source: "RFC 5280 sections 4.2.1.1 and 4.2.1.2; Baseline Requirements 7.1.2.1.3",
    }
    /// Key.
    KEY_NOT_IN_PROFILE = Error "key-not-in-profile" {
        summary: "a key of the chain is of a kind or size that public TLS does not take",
        help: "use RSA of 2048 bits or more, or ECDSA on P-256 or P-384",
        source: "Baseline Requirements 6.1.5; RFC 8446 section 4.2.3; openssl's security level 2",
    }
    /// nameConstraints.
    CONSTRAINTS_MALFORMED = Error "name-constraints-malformed" {
        summary: "name constraints that cannot be met by any name, or that stand where no CA is",
        help: "have the CA's certificate issued anew: host names without a leading dot or star, networks as address and mask",
        source: "RFC 5280 section 4.2.1.10; Baseline Requirements 7.1.2.5.2",
    }
    /// The wrong kind of certificate.
    CA_AS_LEAF = Error "ca-as-end-entity" {
        summary: "what a server or client is to present is a CA's certificate, or may act as one",
        help: "issue a certificate of its own for the server; Firefox and rustls refuse a CA in its place",
        source: "Baseline Requirements 7.1.2.7.8 and 7.1.2.7.11; RFC 5280 section 4.2.1.9",
    }
    /// extendedKeyUsage.
    EKU_UNFIT = Error "extended-key-usage-unfit" {
        summary: "the extended key usage is empty or says anyExtendedKeyUsage",
        help: "ask the CA for a certificate with serverAuth (or clientAuth) named",
        source: "RFC 5280 section 4.2.1.12; Baseline Requirements 7.1.2.7.10; openssl verify -purpose sslserver does not count it",
    }
    /// Names that are none.
    SAN_MALFORMED = Error "san-malformed" {
        summary: "an alternative name is not in the form of a host name or address",
        help: "have the certificate issued anew with host names of letters, digits and hyphens",
        source: "RFC 5280 section 4.2.1.6; Baseline Requirements 7.1.4.2 (no underscores)",
    }
    /// The common name.
    CN_MISLEADING = Error "cn-misleading" {
        summary: "the common name is another spelling of an alternative name, or an internationalised name that is none",
        help: "have the certificate issued anew with the common name spelled like the alternative name, or without one",
        source: "Baseline Requirements 7.1.4.3: a character-for-character copy of an alternative name",
    }
}
