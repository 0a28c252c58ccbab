//! Certification requests made (PKCS#10, RFC 2986): a subject, a key, and the extensions that are wished for.

use super::sign::Signer;
use crate::error::Result;
use crate::material::csr::EXTENSION_REQUEST;
use crate::material::der::{self, tag};
use crate::material::dn::Name;
use crate::material::ext::write::{Extension, extensions};

/// A request in DER, signed with the key that is to be certified.
pub fn request(signer: &Signer<'_>, subject: &Name, wanted: &[Extension]) -> Result<Vec<u8>> {
    let attribute = der::sequence(&[&der::tlv(tag::OID, EXTENSION_REQUEST), &der::tlv(tag::SET, &extensions(wanted))]);
    let attributes = if wanted.is_empty() { Vec::new() } else { attribute };
    signer.signed(&der::sequence(&[
        &der::unsigned(&[]),
        subject.der(),
        signer.public.spki(),
        &der::tlv(tag::context(0), &attributes),
    ]))
}
