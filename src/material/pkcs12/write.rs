//! A PKCS#12 file made: the certificates in one encrypted safe, the key shrouded in another, a MAC over both; as openssl does,
//! so that every reader has seen it before.

use zeroize::Zeroizing;

use super::oid;
use crate::crypto::{self, Digest, Hash, Kdf, Passphrase, Purpose};
use crate::material::der::{self, tag};
use crate::material::encryption::{Closed, NewKdf, NewScheme};
use crate::material::key::PrivateKey;

/// What the file's readers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// AES-256, PBKDF2 and SHA-256.
    Modern,
    /// 3DES and SHA-1: Windows before 2019, Java before 8u301, macOS.
    Legacy,
}

/// The key with its certificate first and the others behind it, or certificates alone.
pub fn write(
    key: Option<&PrivateKey>,
    certs: &[&[u8]],
    name: Option<&str>,
    passphrase: &Passphrase,
    style: Style,
) -> Result<Zeroizing<Vec<u8>>, Closed> {
    let (scheme, hash, hash_oid, mac_length) = match style {
        Style::Modern => (NewScheme::Pbes2(NewKdf::Pbkdf2), Hash::Sha256, oid::SHA256, 32),
        Style::Legacy => (NewScheme::Legacy, Hash::Sha1, oid::SHA1, 20),
    };
    // What ties the key to its certificate; NSS and Java go by it.
    let id = certs.first().filter(|_| key.is_some()).map(|cert| crypto::digest(Digest::Sha1, cert));
    let mut contents = Vec::new();
    if !certs.is_empty() {
        let bags: Vec<Vec<u8>> = certs
            .iter()
            .enumerate()
            .map(|(at, cert)| {
                let own = id.as_deref().filter(|_| at == 0);
                let value = der::sequence(&[
                    &oid_der(oid::X509_CERT),
                    &der::tlv(tag::context(0), &der::tlv(tag::OCTET_STRING, cert)),
                ]);
                bag(oid::CERT_BAG, &value, name.filter(|_| at == 0), own)
            })
            .collect();
        let plain = der::sequence(&bags.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let (algorithm, octets) = scheme.seal(passphrase, &plain)?;
        let info = der::sequence(&[&oid_der(oid::DATA), &algorithm, &der::tlv(tag::context_primitive(0), &octets)]);
        contents.push(content(oid::ENCRYPTED_DATA, &der::sequence(&[&der::unsigned(&[]), &info])));
    }
    if let Some(key) = key {
        let (algorithm, octets) = scheme.seal(passphrase, key.pkcs8_der())?;
        let shrouded = der::sequence(&[&algorithm, &der::tlv(tag::OCTET_STRING, &octets)]);
        let bags = der::sequence(&[&bag(oid::SHROUDED_KEY_BAG, &shrouded, name, id.as_deref())]);
        contents.push(content(oid::DATA, &der::tlv(tag::OCTET_STRING, &bags)));
    }
    let safe = der::sequence(&contents.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let mut salt = vec![0; 16];
    crypto::random(&mut salt)?;
    let iterations = scheme.iterations();
    let kdf = Kdf::Pkcs12 { hash, salt: salt.clone(), iterations, purpose: Purpose::Mac };
    let mac = crypto::mac(hash, &crypto::derive(&kdf, passphrase, mac_length)?, &safe)?;
    let digest = der::sequence(&[
        &der::sequence(&[&oid_der(hash_oid), &der::tlv(tag::NULL, &[])]),
        &der::tlv(tag::OCTET_STRING, &mac),
    ]);
    let mac_data =
        der::sequence(&[&digest, &der::tlv(tag::OCTET_STRING, &salt), &der::unsigned(&iterations.to_be_bytes())]);
    let auth_safe = content(oid::DATA, &der::tlv(tag::OCTET_STRING, &safe));
    Ok(Zeroizing::new(der::sequence(&[&der::unsigned(&[3]), &auth_safe, &mac_data])))
}

fn oid_der(content: &[u8]) -> Vec<u8> {
    der::tlv(tag::OID, content)
}

/// ContentInfo.
fn content(kind: &[u8], value: &[u8]) -> Vec<u8> {
    der::sequence(&[&oid_der(kind), &der::tlv(tag::context(0), value)])
}

/// SafeBag with its attributes.
fn bag(kind: &[u8], value: &[u8], name: Option<&str>, id: Option<&[u8]>) -> Vec<u8> {
    let attribute = |kind: &[u8], value: Vec<u8>| der::sequence(&[&oid_der(kind), &der::tlv(tag::SET, &value)]);
    let name = name.map(|name| {
        let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
        attribute(oid::FRIENDLY_NAME, der::tlv(tag::BMP_STRING, &wide))
    });
    let id = id.map(|id| attribute(oid::LOCAL_KEY_ID, der::tlv(tag::OCTET_STRING, id)));
    // DER sorts the members of a SET by their octets.
    let mut attributes: Vec<Vec<u8>> = name.into_iter().chain(id).collect();
    attributes.sort();
    let set = if attributes.is_empty() { Vec::new() } else { der::tlv(tag::SET, &attributes.concat()) };
    der::sequence(&[&oid_der(kind), &der::tlv(tag::context(0), value), &set])
}
