//! PKCS#7 / CMS SignedData (RFC 5652 section 5) as CAs hand it out (`.p7b`): only a bag of certificates and CRLs, read and
//! written. Its own signatures and content, if any, are not looked at.

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

/// A bag of certificates and CRLs with nothing signed: what `openssl crl2pkcs7 -nocrl` makes and Windows takes. Sets are sorted, as
/// DER asks.
pub fn bag(certificates: &[&[u8]], crls: &[&[u8]]) -> Vec<u8> {
    let set = |n: u8, members: &[&[u8]]| {
        let mut members = members.to_vec();
        members.sort_unstable();
        if members.is_empty() { Vec::new() } else { der::tlv(tag::context(n), &members.concat()) }
    };
    let nothing = der::tlv(tag::SET, &[]);
    let no_content = der::sequence(&[&der::tlv(tag::OID, DATA)]);
    let data =
        der::sequence(&[&der::unsigned(&[1]), &nothing, &no_content, &set(0, certificates), &set(1, crls), &nothing]);
    der::sequence(&[&der::tlv(tag::OID, SIGNED_DATA), &der::tlv(tag::context(0), &data)])
}

/// 1.2.840.113549.1.7.1
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
/// 1.2.840.113549.1.7.2
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
