//! Certificate extensions (RFC 5280 section 4.2): the values that path validation, matching and the servers depend on. An
//! extension that is critical and not known here is listed, since a verifier must then refuse the certificate.

mod key_usage;
mod policies;
pub mod write;

use std::net::IpAddr;

use super::der::{self, DerError, Reader, tag};
use super::dn::{self, Name};
use super::points::DistributionPoint;
pub use key_usage::KeyUsage;
pub use policies::{ANY_POLICY, Policies};

type Result<T> = std::result::Result<T, DerError>;

/// What a certificate's extensions say.
#[derive(Clone, Debug, Default)]
pub struct Extensions {
    /// 4.2.1.9.
    pub basic_constraints: Option<BasicConstraints>,
    /// 4.2.1.3.
    pub key_usage: Option<KeyUsage>,
    /// 4.2.1.12, as dotted object identifiers.
    pub extended_key_usage: Option<Vec<String>>,
    /// 4.2.1.6.
    pub subject_alt_name: Option<Vec<GeneralName>>,
    /// 4.2.1.2.
    pub subject_key_id: Option<Vec<u8>>,
    /// 4.2.1.1, the key identifier.
    pub authority_key_id: Option<Vec<u8>>,
    /// 4.2.1.1: does it point at the issuer by name and serial number as well?
    pub authority_is_named: bool,
    /// 4.2.1.4, 4.2.1.5, 4.2.1.11, 4.2.1.14.
    pub policies: Policies,
    /// 4.2.1.10.
    pub name_constraints: Option<NameConstraints>,
    /// 4.2.2.1: where the issuer's certificate can be had.
    pub ca_issuers: Vec<String>,
    /// 4.2.2.1: where an OCSP responder is.
    pub ocsp: Vec<String>,
    /// 4.2.1.13: which CRLs tell of it.
    pub crl_points: Vec<DistributionPoint>,
    /// Where these CRLs can be had.
    pub crl_urls: Vec<String>,
    /// RFC 7633: the server must staple an OCSP response.
    pub must_staple: bool,
    /// Every extension that is there, as dotted object identifier, and whether it is critical.
    pub present: Vec<(String, bool)>,
    /// Critical extensions that pkit does not process, as dotted object identifiers.
    pub unknown_critical: Vec<String>,
}

/// May this key issue certificates, and how many CAs may follow it?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// Is it a CA?
    pub ca: bool,
    /// How many intermediates may stand below it.
    pub path_len: Option<u32>,
}

/// One alternative name (RFC 5280 section 4.2.1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GeneralName {
    /// A host name or a pattern, as encoded.
    Dns(String),
    /// 4 or 16 bytes in a name; 8 or 32 (address and mask) in a constraint.
    Ip(Vec<u8>),
    /// A mailbox.
    Email(String),
    /// A URI.
    Uri(String),
    /// A distinguished name.
    Directory(Name),
    /// Another kind: its context tag.
    Other(u8),
}

impl std::fmt::Display for GeneralName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            GeneralName::Dns(name) => write!(f, "DNS:{name}"),
            GeneralName::Ip(bytes) => match ip(bytes) {
                Some(ip) => write!(f, "IP:{ip}"),
                None => write!(f, "IP:#{}", crate::crypto::hex(bytes)),
            },
            GeneralName::Email(name) => write!(f, "email:{name}"),
            GeneralName::Uri(name) => write!(f, "URI:{name}"),
            GeneralName::Directory(name) => write!(f, "dirName:{name}"),
            GeneralName::Other(tag) => write!(f, "other name [{}]", tag & 0x1f),
        }
    }
}

/// The address in 4 or 16 bytes.
pub fn ip(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(four.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(Into::into)
}

/// The subtrees within which, and outside of which, the names below a CA must lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameConstraints {
    /// At least one of these, for each kind that is named.
    pub permitted: Vec<GeneralName>,
    /// None of these.
    pub excluded: Vec<GeneralName>,
}

impl Extensions {
    /// Whether an extension is critical; `None` if it is not there.
    pub fn criticality(&self, oid: &str) -> Option<bool> {
        self.present.iter().find(|(known, _)| known == oid).map(|(_, critical)| *critical)
    }

    /// Reads one extension into its place. The caller has made sure that none occurs twice.
    pub(super) fn add(&mut self, oid: &[u8], critical: bool, value: &[u8]) -> Result<()> {
        self.present.push((der::dotted(oid), critical));
        match oid {
            [0x55, 0x1d, 19] => self.basic_constraints = Some(basic_constraints(value)?),
            [0x55, 0x1d, 15] => self.key_usage = Some(KeyUsage::read(value)?),
            [0x55, 0x1d, 37] => self.extended_key_usage = Some(oids(value)?),
            [0x55, 0x1d, 17] => self.subject_alt_name = Some(general_names(der::whole(value, tag::SEQUENCE)?)?),
            [0x55, 0x1d, 14] => self.subject_key_id = Some(octets(value)?),
            [0x55, 0x1d, 35] => {
                self.authority_key_id = authority_key_id(value)?;
                self.authority_is_named = authority_is_named(value)?;
            }
            [0x55, 0x1d, 30] => self.name_constraints = Some(name_constraints(value)?),
            [0x55, 0x1d, 31] => {
                self.crl_points = DistributionPoint::list(value)?;
                self.crl_urls = self.crl_points.iter().flat_map(|p| p.urls()).map(str::to_owned).collect();
            }
            AIA => self.access(value)?,
            // status_request (5) or status_request_v2 (17) among the TLS features.
            TLS_FEATURE => self.must_staple = value.windows(3).any(|w| matches!(w, [tag::INTEGER, 1, 5 | 17])),
            [0x55, 0x1d, 32] => self.policies.issued_under(value)?,
            [0x55, 0x1d, 33] => self.policies.mappings(value)?,
            [0x55, 0x1d, 36] => self.policies.constraints(value)?,
            [0x55, 0x1d, 54] => self.policies.inhibit_any(value)?,
            // It speaks to clients of an OCSP responder only (RFC 6960 section 4.2.2.2.1).
            OCSP_NO_CHECK => {}
            _ if critical => self.unknown_critical.push(der::dotted(oid)),
            _ => {}
        }
        Ok(())
    }

    fn access(&mut self, value: &[u8]) -> Result<()> {
        let mut list = der::whole(value, tag::SEQUENCE)?;
        while !list.is_empty() {
            let mut description = list.enter(tag::SEQUENCE)?;
            let method = description.expect(tag::OID)?;
            if let GeneralName::Uri(url) = general_name(&mut description)? {
                match method.content {
                    [0x2b, 6, 1, 5, 5, 7, 48, 1] => self.ocsp.push(url),
                    [0x2b, 6, 1, 5, 5, 7, 48, 2] => self.ca_issuers.push(url),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// The name of an extension or of a purpose in extKeyUsage, as the RFCs spell it; an unknown one stays a number.
pub fn word(oid: &str) -> &str {
    WORDS.iter().find(|(known, _)| *known == oid).map_or(oid, |(_, word)| word)
}

const WORDS: &[(&str, &str)] = &[
    ("2.5.29.14", "subjectKeyIdentifier"),
    ("2.5.29.15", "keyUsage"),
    ("2.5.29.16", "privateKeyUsagePeriod"),
    ("2.5.29.17", "subjectAltName"),
    ("2.5.29.18", "issuerAltName"),
    ("2.5.29.19", "basicConstraints"),
    ("2.5.29.30", "nameConstraints"),
    ("2.5.29.31", "cRLDistributionPoints"),
    ("2.5.29.32", "certificatePolicies"),
    ("2.5.29.33", "policyMappings"),
    ("2.5.29.35", "authorityKeyIdentifier"),
    ("2.5.29.36", "policyConstraints"),
    ("2.5.29.37", "extKeyUsage"),
    ("2.5.29.37.0", "anyExtendedKeyUsage"),
    ("2.5.29.46", "freshestCRL"),
    ("2.5.29.54", "inhibitAnyPolicy"),
    ("1.3.6.1.5.5.7.1.1", "authorityInfoAccess"),
    ("1.3.6.1.5.5.7.1.24", "tlsFeature"),
    ("1.3.6.1.5.5.7.3.1", "serverAuth"),
    ("1.3.6.1.5.5.7.3.2", "clientAuth"),
    ("1.3.6.1.5.5.7.3.3", "codeSigning"),
    ("1.3.6.1.5.5.7.3.4", "emailProtection"),
    ("1.3.6.1.5.5.7.3.8", "timeStamping"),
    ("1.3.6.1.5.5.7.3.9", "OCSPSigning"),
    ("1.3.6.1.4.1.11129.2.4.2", "signedCertificateTimestampList"),
    ("1.3.6.1.4.1.11129.2.4.3", "ctPoison"),
    ("2.16.840.1.113730.1.1", "netscapeCertType"),
    ("2.16.840.1.113730.1.13", "netscapeComment"),
    ("1.3.6.1.4.1.311.20.2", "microsoftCertificateTemplateName"),
    ("1.3.6.1.4.1.311.21.7", "microsoftCertificateTemplate"),
];

const AIA: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];
const OCSP_NO_CHECK: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 1, 5];
const TLS_FEATURE: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 24];

fn basic_constraints(value: &[u8]) -> Result<BasicConstraints> {
    let mut fields = der::whole(value, tag::SEQUENCE)?;
    let ca = fields.peek() == Some(tag::BOOLEAN) && fields.boolean()?;
    let path_len = match fields.peek() {
        Some(_) => Some(small(fields.unsigned()?)),
        None => None,
    };
    fields.end()?;
    Ok(BasicConstraints { ca, path_len })
}

/// Longer than four bytes is as good as unlimited.
fn small(magnitude: &[u8]) -> u32 {
    if magnitude.len() > 4 { u32::MAX } else { magnitude.iter().fold(0, |n, b| n << 8 | u32::from(*b)) }
}

fn oids(value: &[u8]) -> Result<Vec<String>> {
    let mut list = der::whole(value, tag::SEQUENCE)?;
    let mut found = Vec::new();
    while !list.is_empty() {
        found.push(der::dotted(list.expect(tag::OID)?.content));
    }
    Ok(found)
}

fn octets(value: &[u8]) -> Result<Vec<u8>> {
    let mut reader = Reader::new(value);
    let octets = reader.expect(tag::OCTET_STRING)?;
    reader.end()?;
    Ok(octets.content.to_vec())
}

/// The next extension of a list: its object identifier, whether it is critical, and its value.
pub(super) fn one<'a>(list: &mut Reader<'a>) -> Result<(&'a [u8], bool, &'a [u8])> {
    let mut fields = list.enter(tag::SEQUENCE)?;
    let oid = fields.expect(tag::OID)?.content;
    let critical = fields.peek() == Some(tag::BOOLEAN) && fields.boolean()?;
    let value = fields.expect(tag::OCTET_STRING)?.content;
    fields.end()?;
    Ok((oid, critical, value))
}

/// The key identifier of an authorityKeyIdentifier extension, in certificates and CRLs alike.
pub(super) fn authority_key_id(value: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut fields = der::whole(value, tag::SEQUENCE)?;
    Ok(fields.optional(tag::context_primitive(0))?.map(|id| id.content.to_vec()))
}

fn authority_is_named(value: &[u8]) -> Result<bool> {
    let mut fields = der::whole(value, tag::SEQUENCE)?;
    fields.optional(tag::context_primitive(0))?;
    Ok(!fields.is_empty())
}

pub(super) fn general_names(mut list: Reader<'_>) -> Result<Vec<GeneralName>> {
    let mut names = Vec::new();
    while !list.is_empty() {
        names.push(general_name(&mut list)?);
    }
    Ok(names)
}

fn general_name(reader: &mut Reader<'_>) -> Result<GeneralName> {
    let tlv = reader.any()?;
    let text = || String::from_utf8_lossy(tlv.content).into_owned();
    Ok(match tlv.tag {
        0x81 => GeneralName::Email(text()),
        0x82 => GeneralName::Dns(text()),
        0x86 => GeneralName::Uri(text()),
        0x87 => GeneralName::Ip(tlv.content.to_vec()),
        // A name is a choice, so its tag is explicit.
        0xa4 => GeneralName::Directory(dn::read(&mut tlv.reader())?),
        other => GeneralName::Other(other),
    })
}

fn name_constraints(value: &[u8]) -> Result<NameConstraints> {
    let mut fields = der::whole(value, tag::SEQUENCE)?;
    let mut constraints = NameConstraints::default();
    for (n, list) in [(0, &mut constraints.permitted), (1, &mut constraints.excluded)] {
        if let Some(subtrees) = fields.optional(tag::context(n))? {
            let mut subtrees = subtrees.reader();
            while !subtrees.is_empty() {
                // RFC 5280 section 4.2.1.10: minimum is 0 and maximum absent, so the base is all there is.
                let mut subtree = subtrees.enter(tag::SEQUENCE)?;
                list.push(general_name(&mut subtree)?);
                subtree.end()?;
            }
        }
    }
    fields.end()?;
    Ok(constraints)
}
