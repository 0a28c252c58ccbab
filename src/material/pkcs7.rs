//! PKCS#7 / CMS SignedData (RFC 5652 section 5) as CAs hand it out (`.p7b`): only a bag of certificates and CRLs. Its own
//! signatures and content, if any, are not looked at.

use super::Malformed;
use super::der::{self, Reader, tag};

/// The DER of each certificate and of each CRL in the bag, in order.
#[derive(Debug, Default)]
pub struct Bag<'a> {
    /// Certificates.
    pub certificates: Vec<&'a [u8]>,
    /// Revocation lists.
    pub crls: Vec<&'a [u8]>,
}

/// Opens a ContentInfo that holds SignedData.
pub fn open(bytes: &[u8]) -> Result<Bag<'_>, Malformed> {
    let mut info = der::whole(bytes, tag::SEQUENCE)?;
    if info.expect(tag::OID)?.content != SIGNED_DATA {
        return Err(Malformed::new("a PKCS#7 of another kind than signed data: there are no certificates to take out"));
    }
    let mut outer = info.enter(tag::context(0))?;
    let mut data = outer.enter(tag::SEQUENCE)?;
    data.expect(tag::INTEGER)?;
    data.expect(tag::SET)?;
    data.expect(tag::SEQUENCE)?;
    Ok(Bag { certificates: elements(&mut data, 0)?, crls: elements(&mut data, 1)? })
}

/// The members of a `[n] IMPLICIT SET`; obsolete forms with a tag of their own are not X.509 and are left out.
fn elements<'a>(data: &mut Reader<'a>, n: u8) -> Result<Vec<&'a [u8]>, Malformed> {
    let mut found = Vec::new();
    if let Some(set) = data.optional(tag::context(n))? {
        let mut set = set.reader();
        while !set.is_empty() {
            let element = set.any()?;
            if element.tag == tag::SEQUENCE {
                found.push(element.raw);
            }
        }
    }
    Ok(found)
}

/// 1.2.840.113549.1.7.2
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
