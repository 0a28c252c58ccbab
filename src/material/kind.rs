//! What bytes seem to be, before anything is parsed: the structure behind a PEM label or a DER shape, and whether a file holds a
//! private key at all. The latter must see a key even in a file that no parser takes, since it decides who may read it.

use zeroize::Zeroizing;

use super::{archive, der};

/// What a file is as far as its permissions go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// A private key is in it somewhere, encrypted or not.
    Key,
    /// Certificates, CRLs, requests, parameters.
    Public,
    /// Nothing of ours.
    Other,
    /// An archive that cannot be looked into as a whole, so a key may be in it.
    Sealed,
}

/// Looks for a private key first, anywhere in the bytes, then for anything else of ours.
pub fn contents(bytes: &[u8]) -> Contents {
    // UTF-16 texts, as some tools of Windows write them, are ASCII but for the zero bytes.
    let wide = memchr::memchr(0, bytes).is_some();
    let text = wide.then(|| Zeroizing::new(bytes.iter().copied().filter(|b| *b != 0).collect::<Vec<u8>>()));
    let text = text.as_ref().map_or(bytes, |text| text.as_slice());
    let has = |what: &[u8]| memchr::memmem::find(text, what).is_some();
    let shape = Kind::of(bytes);
    if archive::is_zip(bytes) {
        archived(bytes)
    } else if has(b"PRIVATE KEY") && (has(b"BEGIN") || has(b"END"))
        || shape.is_some_and(Kind::holds_key)
        || IN_BASE64.iter().any(|what| has(what))
    {
        Contents::Key
    } else if has(b"-----BEGIN ") || shape.is_some() {
        Contents::Public
    } else {
        Contents::Other
    }
}

/// The worst of the members.
fn archived(bytes: &[u8]) -> Contents {
    let Ok(members) = archive::open(bytes) else { return Contents::Sealed };
    let of = |member: &archive::Member| member.bytes.as_ref().map_or(Contents::Sealed, |inner| contents(inner));
    let found: Vec<Contents> = members.iter().map(of).collect();
    [Contents::Key, Contents::Sealed].into_iter().find(|c| found.contains(c)).unwrap_or(Contents::Public)
}

/// `PRIVATE KEY` within base64, at each of the three places where it can begin: `postmap -F` keeps whole PEM files in this form
/// in its databases (postmap(1)).
const IN_BASE64: [&[u8]; 3] = [b"UFJJVkFURSBLRV", b"BSSVZBVEUgS0VZ", b"QUklWQVRFIEtFW"];

/// A PFX of version 3 (RFC 7292 section 4) with an indefinite length, as some tools write it and OpenSSL reads it.
fn is_ber_pkcs12(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x30, 0x80, 2, 1, 3])
}

/// ContentInfo with SignedData (RFC 5652 section 5) with an indefinite length.
fn is_ber_pkcs7(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x30, 0x80, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2])
}

/// The structures that are told apart by label or shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Cert,
    Csr,
    Crl,
    Pkcs8,
    Pkcs1,
    Sec1,
    Dsa,
    EncryptedKey,
    PublicKey,
    RsaPublicKey,
    Dh,
    Pkcs7,
    Pkcs12,
}

impl Kind {
    /// May a private key be inside? A PKCS#12 is made to carry one.
    fn holds_key(self) -> bool {
        matches!(self, Kind::Pkcs8 | Kind::Pkcs1 | Kind::Sec1 | Kind::Dsa | Kind::EncryptedKey | Kind::Pkcs12)
    }

    /// From the tags of the first elements; `None` for what is nothing of ours.
    pub(super) fn of(bytes: &[u8]) -> Option<Kind> {
        use der::tag::{BIT_STRING, INTEGER, OCTET_STRING, OID, SEQUENCE};
        // Trailing bytes are the parsers' to refuse, with the right name for what they follow.
        if is_ber_pkcs12(bytes) {
            return Some(Kind::Pkcs12);
        }
        if is_ber_pkcs7(bytes) {
            return Some(Kind::Pkcs7);
        }
        let mut outer = der::Reader::new(bytes).expect(SEQUENCE).ok()?.reader();
        let first = outer.any().ok()?;
        let second = outer.any().ok();
        match (first.tag, second.map(|t| t.tag)) {
            (OID, _) => Some(Kind::Pkcs7),
            (INTEGER, Some(OCTET_STRING)) => Some(Kind::Sec1),
            (INTEGER, Some(SEQUENCE)) if first.content == [3] => Some(Kind::Pkcs12),
            (INTEGER, Some(SEQUENCE)) => Some(Kind::Pkcs8),
            (INTEGER, Some(INTEGER)) if first.content.len() == 1 => {
                // Six numbers are DSA's; RSA has nine or more.
                Some(if outer.count() == Some(4) { Kind::Dsa } else { Kind::Pkcs1 })
            }
            // Two numbers are an RSA public key or DH parameters; no generator is this number.
            (INTEGER, Some(INTEGER)) if outer.is_empty() && second.is_some_and(|e| e.content == [1, 0, 1]) => {
                Some(Kind::RsaPublicKey)
            }
            (INTEGER, Some(INTEGER)) => Some(Kind::Dh),
            (SEQUENCE, Some(OCTET_STRING)) => Some(Kind::EncryptedKey),
            (SEQUENCE, Some(BIT_STRING)) if outer.is_empty() => Some(Kind::PublicKey),
            (SEQUENCE, Some(SEQUENCE)) => Kind::of_signed(first.reader()),
            _ => None,
        }
    }

    /// Certificates, requests and CRLs share their frame; the signed part tells them apart.
    fn of_signed(mut body: der::Reader<'_>) -> Option<Kind> {
        use der::tag::{INTEGER, SEQUENCE, context};
        if body.optional(context(0)).ok()?.is_some() {
            return Some(Kind::Cert);
        }
        let number = body.optional(INTEGER).ok()?;
        body.expect(SEQUENCE).ok()?;
        let fourth = {
            body.any().ok()?;
            body.peek()
        };
        match (number, fourth) {
            (None, _) | (_, Some(0x17 | 0x18)) => Some(Kind::Crl),
            (Some(n), Some(tag)) if n.content == [0] && tag == context(0) => Some(Kind::Csr),
            (Some(n), None) if n.content == [0] => Some(Kind::Csr),
            _ => Some(Kind::Cert),
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Cert => "certificate",
            Kind::Csr => "certification request",
            Kind::Crl => "CRL",
            Kind::Pkcs8 | Kind::Pkcs1 | Kind::Sec1 | Kind::Dsa | Kind::EncryptedKey => "private key",
            Kind::PublicKey | Kind::RsaPublicKey => "public key",
            Kind::Dh => "set of DH parameters",
            Kind::Pkcs7 => "PKCS#7",
            Kind::Pkcs12 => "PKCS#12",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use der::tag;

    #[test]
    fn keys_are_known_by_their_content() {
        let version = der::unsigned(&[1]);
        let algorithm = der::sequence(&[&der::tlv(tag::OID, &[0x2a])]);
        let octets = der::tlv(tag::OCTET_STRING, &[1, 2]);
        for key in [
            b"x\n-----BEGIN EC PRIVATE KEY-----\n".to_vec(),
            b"-\0-\0-\0-\0-\0B\0E\0G\0I\0N\0 \0P\0R\0I\0V\0A\0T\0E\0 \0K\0E\0Y\0-\0-\0-\0-\0-\0".to_vec(),
            der::sequence(&[&version, &octets]),
            der::sequence(&[&algorithm, &octets]),
        ] {
            assert_eq!(contents(&key), Contents::Key);
        }
        assert_eq!(contents(&der::sequence(&[&der::unsigned(&[9; 32]), &version])), Contents::Public, "DH parameters");
        assert_eq!(contents(b"-----BEGIN CERTIFICATE-----\n"), Contents::Public);
        assert_eq!(contents(b"# notes"), Contents::Other);
        assert_eq!(contents("\u{2014}BEGIN PRIVATE KEY\u{2014}\nMIIB".as_bytes()), Contents::Key);
        assert_eq!(contents(&[0x30, 0x80, 2, 1, 3, 0x30, 0x80]), Contents::Key);
        for before in ["", "-", "--"] {
            let text = format!("{before}-----BEGIN EC PRIVATE KEY-----\nMIIB\n");
            let map = [b"\0mail.example.org\0", crate::material::pem::base64(text.as_bytes()).as_bytes()].concat();
            assert_eq!(contents(&map), Contents::Key, "{before}");
        }
        assert_eq!(contents(b"PK\x03\x04 broken"), Contents::Sealed);
    }
}
