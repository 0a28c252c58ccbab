//! The four extensions that steer certificate policies (RFC 5280 sections 4.2.1.4, 4.2.1.5, 4.2.1.11 and 4.2.1.14), read
//! strictly. What follows from them for a path is for `pki::verify`.

use super::{DerError, Result, small};
use crate::material::der::{self, Reader, tag};

/// What a certificate says about policies. Policies are dotted object identifiers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// 4.2.1.4: the policies it was issued under; `None` where the extension is absent.
    pub issued_under: Option<Vec<String>>,
    /// 4.2.1.5: policies of the issuer and what the subject calls them.
    pub mappings: Vec<(String, String)>,
    /// 4.2.1.11: after so many more certificates a policy must be named.
    pub require_explicit: Option<u32>,
    /// 4.2.1.11: after so many more certificates nothing is mapped any more.
    pub inhibit_mapping: Option<u32>,
    /// 4.2.1.14: after so many more certificates anyPolicy means nothing.
    pub inhibit_any: Option<u32>,
}

/// anyPolicy.
pub const ANY_POLICY: &str = "2.5.29.32.0";

impl Policies {
    pub(super) fn issued_under(&mut self, value: &[u8]) -> Result<()> {
        let mut list = non_empty(value, "an empty list of certificate policies")?;
        let mut found: Vec<String> = Vec::new();
        while !list.is_empty() {
            let offset = list.offset();
            let mut information = list.enter(tag::SEQUENCE)?;
            let policy = der::dotted(information.expect(tag::OID)?.content);
            if let Some(qualifiers) = information.optional(tag::SEQUENCE)? {
                self::qualifiers(qualifiers.reader())?;
            }
            information.end()?;
            if found.contains(&policy) {
                return Err(DerError { what: "a certificate policy that occurs twice", offset });
            }
            found.push(policy);
            if found.len() > MOST {
                return Err(DerError { what: "more certificate policies than any CA has", offset });
            }
        }
        self.issued_under = Some(found);
        Ok(())
    }

    pub(super) fn mappings(&mut self, value: &[u8]) -> Result<()> {
        let mut list = non_empty(value, "an empty list of policy mappings")?;
        while !list.is_empty() {
            let mut pair = list.enter(tag::SEQUENCE)?;
            let issuer = der::dotted(pair.expect(tag::OID)?.content);
            let subject = der::dotted(pair.expect(tag::OID)?.content);
            pair.end()?;
            self.mappings.push((issuer, subject));
            if self.mappings.len() > MOST {
                return Err(DerError { what: "more policy mappings than any CA has", offset: list.offset() });
            }
        }
        Ok(())
    }

    pub(super) fn constraints(&mut self, value: &[u8]) -> Result<()> {
        let mut fields = non_empty(value, "policy constraints that constrain nothing")?;
        for (n, skip) in [(0, &mut self.require_explicit), (1, &mut self.inhibit_mapping)] {
            if let Some(tlv) = fields.optional(tag::context_primitive(n))? {
                *skip = Some(small(Reader::new(&der::tlv(tag::INTEGER, tlv.content)).unsigned()?));
            }
        }
        fields.end()
    }

    pub(super) fn inhibit_any(&mut self, value: &[u8]) -> Result<()> {
        let mut reader = Reader::new(value);
        self.inhibit_any = Some(small(reader.unsigned()?));
        reader.end()
    }
}

/// Texts for people; only their form is looked at.
fn qualifiers(mut list: Reader<'_>) -> Result<()> {
    while !list.is_empty() {
        list.enter(tag::SEQUENCE)?.expect(tag::OID)?;
    }
    Ok(())
}

fn non_empty<'a>(value: &'a [u8], what: &'static str) -> Result<Reader<'a>> {
    let list = der::whole(value, tag::SEQUENCE)?;
    if list.is_empty() { Err(DerError { what, offset: 0 }) } else { Ok(list) }
}

/// The work on policies grows with the square of their number; real CAs have about five, and the federal bridge about fifty.
const MOST: usize = 100;
