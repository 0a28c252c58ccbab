//! A PKCS#12 file opened: the MAC first, then what is encrypted, then the bags, with bounds on depth, number and work.

use zeroize::Zeroizing;

use super::oid;
use crate::crypto::{self, Hash, Kdf, Passphrase, Purpose};
use crate::material::ber;
use crate::material::der::{self, DerError, Reader, tag};
use crate::material::encryption::{Closed, Scheme, pbkdf2_and_length, prf, small};
use crate::material::key::{EncryptedKey, KeyFault, PrivateKey};

/// One thing from a bag.
pub(in crate::material) enum Bagged {
    Key(Result<PrivateKey, KeyFault>),
    /// Under another passphrase than the file.
    EncryptedKey(EncryptedKey),
    Cert(Vec<u8>),
    Crl(Vec<u8>),
    /// Of no use here; the words say what.
    Other(&'static str),
}

/// Bags within bags: no program writes any.
const MAX_NESTING: usize = 4;
/// Most things in one file: a trust store of Java has some 150.
const MAX_BAGS: usize = 10_000;
/// Most rounds of key derivation for all of the file: each key may be encrypted for itself.
const MAX_ROUNDS: u64 = 20_000_000;

/// Everything in the file, in order.
pub(in crate::material) fn open(bytes: &[u8], passphrase: &Passphrase) -> Result<Vec<Bagged>, Closed> {
    let bytes = ber::to_der(bytes)?;
    let mut pfx = der::whole(&bytes, tag::SEQUENCE)?;
    if pfx.unsigned()? != [3] {
        return Err(DerError { what: "another version of PKCS#12 than 3", offset: 0 }.into());
    }
    let mut content = pfx.enter(tag::SEQUENCE)?;
    let kind = content.expect(tag::OID)?.content;
    if kind != oid::DATA {
        return Err(Closed::Unsupported("a PKCS#12 that is signed instead of under a passphrase".into()));
    }
    let safe = content.enter(tag::context(0))?.expect(tag::OCTET_STRING)?.content;
    let mut opener = Opener { passphrase, rounds: 0, bags: Vec::new() };
    if !pfx.is_empty() {
        opener.verify(pfx.enter(tag::SEQUENCE)?, safe)?;
    }
    pfx.end()?;
    opener.safe(safe)?;
    Ok(opener.bags)
}

struct Opener<'a> {
    passphrase: &'a Passphrase,
    rounds: u64,
    bags: Vec<Bagged>,
}

impl Opener<'_> {
    /// Is the MAC the passphrase's? Then nothing was damaged either.
    fn verify(&mut self, mut data: Reader<'_>, safe: &[u8]) -> Result<(), Closed> {
        let mut info = data.enter(tag::SEQUENCE)?;
        let mut algorithm = info.enter(tag::SEQUENCE)?;
        let kind = algorithm.expect(tag::OID)?.content;
        let mac = info.expect(tag::OCTET_STRING)?.content;
        let salt = data.expect(tag::OCTET_STRING)?.content.to_vec();
        let iterations = if data.is_empty() { 1 } else { small(data.unsigned()?)? };
        let (kdf, hash, length) = if kind == oid::PBMAC1 {
            pbmac1(&mut algorithm)?
        } else {
            let known = MAC_HASHES.iter().find(|(known, ..)| *known == kind);
            let (_, hash, length) = known.ok_or_else(|| Closed::Unsupported(format!("MAC {}", der::dotted(kind))))?;
            (Kdf::Pkcs12 { hash: *hash, salt, iterations, purpose: Purpose::Mac }, *hash, *length)
        };
        self.spend(kdf.rounds())?;
        let key = crypto::derive(&kdf, self.passphrase, length)?;
        if crypto::mac_is(hash, &key, safe, mac) { Ok(()) } else { Err(Closed::WrongPassphrase) }
    }

    fn spend(&mut self, rounds: u64) -> Result<(), Closed> {
        self.rounds = self.rounds.saturating_add(rounds);
        if self.rounds > MAX_ROUNDS {
            return Err(Closed::Unsupported("key derivation with more than 20 million rounds in all".into()));
        }
        Ok(())
    }

    fn decrypt(&mut self, scheme: &Scheme, octets: &[u8]) -> Result<Zeroizing<Vec<u8>>, Closed> {
        self.spend(scheme.rounds())?;
        scheme.decrypt(self.passphrase, octets)
    }

    /// AuthenticatedSafe (RFC 7292 section 4.1).
    fn safe(&mut self, octets: &[u8]) -> Result<(), Closed> {
        let octets = ber::to_der(octets)?;
        let mut contents = der::whole(&octets, tag::SEQUENCE)?;
        while !contents.is_empty() {
            let mut content = contents.enter(tag::SEQUENCE)?;
            match content.expect(tag::OID)?.content {
                oid::DATA => {
                    let plain = content.enter(tag::context(0))?.expect(tag::OCTET_STRING)?.content;
                    self.bags_of(&ber::to_der(plain)?, 0)?;
                }
                oid::ENCRYPTED_DATA => {
                    let mut data = content.enter(tag::context(0))?.enter(tag::SEQUENCE)?;
                    data.unsigned()?;
                    let mut info = data.enter(tag::SEQUENCE)?;
                    info.expect(tag::OID)?;
                    let scheme = Scheme::read(&mut info)?;
                    let plain = self.decrypt(&scheme, &implicit_octets(&mut info)?)?;
                    // Padding fits one wrong passphrase in 256; what comes out is no DER then.
                    let plain = ber::to_der(&plain).map_err(|_| Closed::WrongPassphrase)?;
                    self.bags_of(&plain, 0)?;
                }
                other => return Err(Closed::Unsupported(format!("content of type {}", der::dotted(other)))),
            }
        }
        Ok(())
    }

    /// SafeContents (section 4.2).
    fn bags_of(&mut self, der: &[u8], depth: usize) -> Result<(), Closed> {
        if depth > MAX_NESTING {
            return Err(DerError { what: "bags nested deeper than any program does", offset: 0 }.into());
        }
        let mut bags = der::whole(der, tag::SEQUENCE)?;
        while !bags.is_empty() {
            if self.bags.len() >= MAX_BAGS {
                return Err(Closed::Unsupported(format!("more than {MAX_BAGS} keys and certificates")));
            }
            let mut bag = bags.enter(tag::SEQUENCE)?;
            let kind = bag.expect(tag::OID)?.content;
            let mut value = bag.enter(tag::context(0))?;
            let whole = value.any()?;
            match kind {
                oid::SAFE_CONTENTS_BAG => self.bags_of(whole.raw, depth + 1)?,
                oid::KEY_BAG => self.bags.push(Bagged::Key(PrivateKey::from_pkcs8(whole.raw))),
                oid::SHROUDED_KEY_BAG => {
                    let key = self.shrouded(whole.raw)?;
                    self.bags.push(key);
                }
                oid::CERT_BAG | oid::CRL_BAG => self.bags.push(typed(kind, whole.reader())?),
                _ => self.bags.push(Bagged::Other("a secret or another thing that is no key, certificate or CRL")),
            }
        }
        Ok(())
    }

    fn shrouded(&mut self, der: &[u8]) -> Result<Bagged, Closed> {
        let key = match EncryptedKey::from_pkcs8(der) {
            Ok(key) => key,
            Err(fault) => return Ok(Bagged::Key(Err(fault))),
        };
        self.spend(key.rounds())?;
        Ok(match key.open(self.passphrase) {
            Err(KeyFault::WrongPassphrase) => Bagged::EncryptedKey(key),
            opened => Bagged::Key(opened),
        })
    }
}

/// CertBag and CRLBag: a type and the thing itself in an OCTET STRING.
fn typed(kind: &[u8], mut bag: Reader<'_>) -> Result<Bagged, Closed> {
    let inner = bag.expect(tag::OID)?.content;
    let value = bag.enter(tag::context(0))?.any()?;
    Ok(match (kind, inner) {
        (oid::CERT_BAG, oid::X509_CERT) => Bagged::Cert(value.content.to_vec()),
        (oid::CRL_BAG, oid::X509_CRL) => Bagged::Crl(value.content.to_vec()),
        _ => Bagged::Other("a certificate or CRL that is not of X.509"),
    })
}

/// `[0] IMPLICIT OCTET STRING`, which BER may have cut in pieces.
fn implicit_octets(from: &mut Reader<'_>) -> Result<Zeroizing<Vec<u8>>, Closed> {
    let whole = from.any()?;
    match whole.tag {
        0x80 => Ok(Zeroizing::new(whole.content.to_vec())),
        0xa0 => {
            let mut pieces = Vec::new();
            let mut reader = whole.reader();
            while !reader.is_empty() {
                pieces.push(Zeroizing::new(reader.any()?.raw.to_vec()));
            }
            let fault = DerError { what: "a string in pieces that are none", offset: 0 };
            ber::joined(&pieces).ok_or(fault.into())
        }
        _ => Err(DerError { what: "encrypted data without content", offset: 0 }.into()),
    }
}

/// PBMAC1-params (RFC 9579, RFC 8018 appendix A.5): key derivation, hash of the HMAC and the length of its key.
fn pbmac1(algorithm: &mut Reader<'_>) -> Result<(Kdf, Hash, usize), Closed> {
    let mut parameters = algorithm.enter(tag::SEQUENCE)?;
    let mut function = parameters.enter(tag::SEQUENCE)?;
    function.expect(tag::OID)?;
    let (kdf, length) = pbkdf2_and_length(function.enter(tag::SEQUENCE)?)?;
    let hash = prf(parameters.enter(tag::SEQUENCE)?.expect(tag::OID)?.content)?;
    let length = length.filter(|n| (1..=128).contains(n));
    Ok((kdf, hash, length.ok_or_else(|| Closed::Unsupported("PBMAC1 without a sensible length of its key".into()))?))
}

/// Hashes of the MAC with the length of its key (RFC 7292 appendix A).
const MAC_HASHES: &[(&[u8], Hash, usize)] = &[
    (oid::SHA1, Hash::Sha1, 20),
    (oid::SHA256, Hash::Sha256, 32),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 4], Hash::Sha224, 28),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2], Hash::Sha384, 48),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3], Hash::Sha512, 64),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 5], Hash::Md5, 16),
];
