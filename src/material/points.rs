//! Distribution points (RFC 5280 sections 4.2.1.13 and 5.2.5): which certificates a CRL speaks for, and which CRLs a certificate
//! asks for. Both sides use the same names and reasons, so they are read here together; whether the two fit is for `pki`.

use super::der::{self, DerError, Reader, tag};
use super::dn::Name;
use super::ext::{GeneralName, general_names};

type Result<T> = std::result::Result<T, DerError>;

/// Where a certificate says that its revocation is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DistributionPoint {
    /// The list's names; a CRL with names of its own must share one of them.
    pub name: Option<PointName>,
    /// The reasons that the list covers; `None` is all of them.
    pub reasons: Option<Reasons>,
    /// Who issues the list where that is not the issuer of the certificate.
    pub crl_issuer: Vec<GeneralName>,
}

/// What a CRL says it covers (its issuingDistributionPoint). All of it absent is a list for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The names of the list.
    pub name: Option<PointName>,
    /// Only certificates of end-entities.
    pub only_users: bool,
    /// Only certificates of CAs.
    pub only_authorities: bool,
    /// Only attribute certificates.
    pub only_attributes: bool,
    /// Only these reasons; `None` is all of them.
    pub reasons: Option<Reasons>,
    /// It may list certificates of other issuers.
    pub indirect: bool,
}

/// The name of a distribution point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PointName {
    /// Names that stand for themselves: URLs, directory names.
    Full(Vec<GeneralName>),
    /// The content of one RelativeDistinguishedName, to be put below the CRL issuer's name.
    Relative(Vec<u8>),
}

/// A set of reasons for revocation, bit n for reason n of ReasonFlags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reasons(u16);

impl DistributionPoint {
    /// Every point of a cRLDistributionPoints or freshestCRL extension.
    pub(super) fn list(value: &[u8]) -> Result<Vec<DistributionPoint>> {
        let mut list = der::whole(value, tag::SEQUENCE)?;
        let mut points = Vec::new();
        while !list.is_empty() {
            let mut fields = list.enter(tag::SEQUENCE)?;
            let name = fields.optional(tag::context(0))?.map(|t| PointName::read(t.reader())).transpose()?;
            let reasons = fields.optional(tag::context_primitive(1))?.map(|t| Reasons::read(t.content)).transpose()?;
            let issuer = fields.optional(tag::context(2))?.map(|t| general_names(t.reader())).transpose()?;
            fields.end()?;
            points.push(DistributionPoint { name, reasons, crl_issuer: issuer.unwrap_or_default() });
        }
        Ok(points)
    }

    /// Where it can be fetched.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        let names = match &self.name {
            Some(PointName::Full(names)) => names.as_slice(),
            _ => &[],
        };
        names.iter().filter_map(|n| match n {
            GeneralName::Uri(url) => Some(url.as_str()),
            _ => None,
        })
    }
}

impl Scope {
    /// From the value of an issuingDistributionPoint extension.
    pub(super) fn read(value: &[u8]) -> Result<Scope> {
        let mut fields = der::whole(value, tag::SEQUENCE)?;
        let name = fields.optional(tag::context(0))?.map(|t| PointName::read(t.reader())).transpose()?;
        let only_users = flag(&mut fields, 1)?;
        let only_authorities = flag(&mut fields, 2)?;
        let reasons = fields.optional(tag::context_primitive(3))?.map(|t| Reasons::read(t.content)).transpose()?;
        let indirect = flag(&mut fields, 4)?;
        let only_attributes = flag(&mut fields, 5)?;
        fields.end()?;
        let empty = value == [tag::SEQUENCE, 0];
        if empty || [only_users, only_authorities, only_attributes].into_iter().filter(|only| *only).count() > 1 {
            return Err(DerError { what: "a scope that says nothing, or that nothing can be within", offset: 0 });
        }
        Ok(Scope { name, only_users, only_authorities, only_attributes, reasons, indirect })
    }

    /// What is left out, in the words of the RFC: `onlyContainsUserCerts`, `onlySomeReasons: keyCompromise`.
    pub fn words(&self) -> Vec<String> {
        let flags = [
            (self.only_users, "onlyContainsUserCerts"),
            (self.only_authorities, "onlyContainsCACerts"),
            (self.only_attributes, "onlyContainsAttributeCerts"),
            (self.indirect, "indirectCRL"),
        ];
        let mut words: Vec<String> = flags.iter().filter(|(set, _)| *set).map(|(_, word)| (*word).into()).collect();
        match &self.name {
            Some(PointName::Full(names)) => words.extend(names.iter().map(ToString::to_string)),
            Some(PointName::Relative(_)) => words.push("nameRelativeToCRLIssuer".into()),
            None => {}
        }
        words.extend(self.reasons.map(|r| format!("onlySomeReasons: {}", r.words().join(", "))));
        words
    }
}

impl PointName {
    fn read(mut choice: Reader<'_>) -> Result<PointName> {
        let offset = choice.offset();
        let tlv = choice.any()?;
        choice.end()?;
        match tlv.tag {
            0xa0 => general_names(tlv.reader()).map(PointName::Full),
            0xa1 => Ok(PointName::Relative(tlv.content.to_vec())),
            _ => Err(DerError { what: "a distribution point's name of no known kind", offset }),
        }
    }

    /// The names in full; a relative one stands below `issuer`. One that makes no name matches nothing.
    pub fn resolved(&self, issuer: &Name) -> Vec<GeneralName> {
        match self {
            PointName::Full(names) => names.clone(),
            PointName::Relative(rdn) => {
                issuer.with_rdn(rdn).map(|name| vec![GeneralName::Directory(name)]).unwrap_or_default()
            }
        }
    }
}

impl Reasons {
    /// Every reason that a list can be limited to (bits 1 to 8).
    pub const ALL: Reasons = Reasons(0b1_1111_1110);
    /// None of them.
    pub const NONE: Reasons = Reasons(0);

    fn read(bits: &[u8]) -> Result<Reasons> {
        match bits {
            [0..=7, octets @ ..] if octets.len() <= 2 => {
                let set = |n: &u16| octets.get(usize::from(n / 8)).is_some_and(|b| b & (0x80 >> (n % 8)) != 0);
                Ok(Reasons((0..9).filter(set).fold(0, |sum, n| sum | 1 << n) & Reasons::ALL.0))
            }
            _ => Err(DerError { what: "malformed reason flags", offset: 0 }),
        }
    }

    /// Those in both.
    pub fn and(self, other: Reasons) -> Reasons {
        Reasons(self.0 & other.0)
    }

    /// Those in either.
    pub fn or(self, other: Reasons) -> Reasons {
        Reasons(self.0 | other.0)
    }

    /// Are all of these among the other ones?
    pub fn within(self, other: Reasons) -> bool {
        self.0 & !other.0 == 0
    }

    /// Their names, as the RFC spells them.
    pub fn words(self) -> Vec<&'static str> {
        const NAMES: [&str; 9] = [
            "unused",
            "keyCompromise",
            "cACompromise",
            "affiliationChanged",
            "superseded",
            "cessationOfOperation",
            "certificateHold",
            "privilegeWithdrawn",
            "aACompromise",
        ];
        NAMES.iter().enumerate().filter(|(n, _)| self.0 & 1 << n != 0).map(|(_, name)| *name).collect()
    }
}

fn flag(fields: &mut Reader<'_>, n: u8) -> Result<bool> {
    let offset = fields.offset();
    match fields.optional(tag::context_primitive(n))?.map(|t| t.content) {
        None => Ok(false),
        Some([0xff]) => Ok(true),
        Some(_) => Err(DerError { what: "a flag that is neither absent nor FF", offset }),
    }
}
