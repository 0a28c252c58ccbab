//! Encryption by passphrase, as AlgorithmIdentifiers name it: PBES2 and PBES1 (RFC 8018), PKCS#12's own schemes (RFC 7292
//! appendix C). Encrypted keys and PKCS#12 files use the same. New ones are written with PBES2 and AES-256.

use std::fmt;

use zeroize::Zeroizing;

use super::der::{self, DerError, Reader, tag};
use crate::crypto::{self, Cipher, Hash, Kdf, Passphrase, Purpose, Refused};
use crate::finding::rules;

/// How the octets were encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// A cipher's key from a KDF, its initialization vector from the file.
    Pbes2 { cipher: Cipher, iv: Vec<u8>, kdf: Kdf },
    /// Key and initialization vector in one piece from PBKDF1.
    Pbes1 { cipher: Cipher, kdf: Kdf },
    /// Key and initialization vector from PKCS#12's KDF.
    Pkcs12 { cipher: Cipher, salt: Vec<u8>, iterations: u32 },
}

/// Why something encrypted stays closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The passphrase does not open it.
    WrongPassphrase,
    /// A way of encryption that is not known here, or that asks for too much work; in words.
    Unsupported(String),
    /// Damage outside of what is encrypted.
    Malformed(DerError),
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Closed::WrongPassphrase => f.write_str("the passphrase does not open it"),
            Closed::Unsupported(what) => write!(f, "encrypted in a way that is not supported: {what}"),
            Closed::Malformed(error) => error.fmt(f),
        }
    }
}

impl From<DerError> for Closed {
    fn from(error: DerError) -> Closed {
        Closed::Malformed(error)
    }
}

/// What derivation refuses is work without bounds or impossible numbers, not the passphrase.
impl From<Refused> for Closed {
    fn from(Refused(why): Refused) -> Closed {
        Closed::Unsupported(why.into())
    }
}

/// Which key derivation new encryption uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum NewKdf {
    /// PBKDF2 with HMAC-SHA-256: what every program reads.
    #[default]
    Pbkdf2,
    /// scrypt, which costs an attacker memory too; GnuTLS up to 3.7 does not read it.
    Scrypt,
}

/// OWASP's advice of 2023 for PBKDF2 with HMAC-SHA-256: a fifth of a second.
const NEW_ITERATIONS: u32 = 600_000;
/// N = 2^14 with r = 8 takes 16 MiB: OpenSSL refuses what takes more than 32 MiB.
const NEW_LOG_N: u8 = 14;
/// Five times in a row makes up for the smaller N (OWASP's table of equal settings).
const NEW_P: u32 = 5;

/// How something new is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NewScheme {
    /// PBES2 with AES-256.
    Pbes2(NewKdf),
    /// PKCS#12's 3DES with SHA-1: what Windows before 2019 and Java before 8u301 read.
    Legacy,
}

impl NewScheme {
    /// The AlgorithmIdentifier, with fresh salt and initialization vector.
    fn algorithm(self) -> Result<Vec<u8>, Refused> {
        let oid = |content: &[u8]| der::tlv(tag::OID, content);
        let octets = |content: &[u8]| der::tlv(tag::OCTET_STRING, content);
        let number = |n: u32| der::unsigned(&n.to_be_bytes());
        let function = match self {
            NewScheme::Legacy => {
                let parameters = der::sequence(&[&octets(&fresh(8)?), &number(LEGACY_ITERATIONS)]);
                return Ok(der::sequence(&[&oid(SHA1_3DES), &parameters]));
            }
            NewScheme::Pbes2(NewKdf::Pbkdf2) => {
                let prf = der::sequence(&[&oid(HMAC_SHA256), &der::tlv(tag::NULL, &[])]);
                let parameters = der::sequence(&[&octets(&fresh(16)?), &number(NEW_ITERATIONS), &prf]);
                der::sequence(&[&oid(PBKDF2), &parameters])
            }
            NewScheme::Pbes2(NewKdf::Scrypt) => {
                let parameters = [octets(&fresh(16)?), number(1 << NEW_LOG_N), number(8), number(NEW_P)];
                der::sequence(&[&oid(SCRYPT), &der::sequence(&parameters.each_ref().map(Vec::as_slice))])
            }
        };
        let iv = octets(&fresh(Cipher::Aes256.block_octets())?);
        let encryption = der::sequence(&[&oid(AES256_CBC), &iv]);
        Ok(der::sequence(&[&oid(PBES2), &der::sequence(&[&function, &encryption])]))
    }

    /// Rounds of its key derivation, for a MAC that goes with it.
    pub(super) fn iterations(self) -> u32 {
        match self {
            NewScheme::Pbes2(_) => NEW_ITERATIONS,
            NewScheme::Legacy => LEGACY_ITERATIONS,
        }
    }

    /// The AlgorithmIdentifier and the encrypted octets.
    pub(super) fn seal(self, passphrase: &Passphrase, octets: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Closed> {
        let algorithm = self.algorithm()?;
        // Read back, so that there is one place that knows what the numbers mean.
        let sealed = Scheme::read(&mut Reader::new(&algorithm))?.encrypt(passphrase, octets)?;
        Ok((algorithm, sealed))
    }
}

fn fresh(length: usize) -> Result<Vec<u8>, Refused> {
    let mut octets = vec![0; length];
    crypto::random(&mut octets).map(|()| octets)
}

impl Scheme {
    /// From an AlgorithmIdentifier.
    pub(super) fn read(from: &mut Reader<'_>) -> Result<Scheme, Closed> {
        let mut algorithm = from.enter(tag::SEQUENCE)?;
        let oid = algorithm.expect(tag::OID)?.content;
        if oid == PBES2 {
            return Scheme::read_pbes2(&mut algorithm);
        }
        let known = |table: &[(&[u8], Cipher, Hash)]| {
            table.iter().find(|(known, ..)| *known == oid).map(|(_, cipher, hash)| (*cipher, *hash))
        };
        let unsupported = || Closed::Unsupported(format!("algorithm {}", der::dotted(oid)));
        let pbes1 = known(PBES1_SCHEMES);
        let (cipher, hash) = pbes1.or_else(|| known(PKCS12_SCHEMES)).ok_or_else(unsupported)?;
        let mut parameters = algorithm.enter(tag::SEQUENCE)?;
        let salt = parameters.expect(tag::OCTET_STRING)?.content.to_vec();
        let iterations = small(parameters.unsigned()?)?;
        Ok(match pbes1 {
            Some(_) => Scheme::Pbes1 { cipher, kdf: Kdf::Pbkdf1 { hash, salt, iterations } },
            None => Scheme::Pkcs12 { cipher, salt, iterations },
        })
    }

    fn read_pbes2(algorithm: &mut Reader<'_>) -> Result<Scheme, Closed> {
        let mut parameters = algorithm.enter(tag::SEQUENCE)?;
        let mut function = parameters.enter(tag::SEQUENCE)?;
        let kdf = match function.expect(tag::OID)?.content {
            PBKDF2 => pbkdf2(function.enter(tag::SEQUENCE)?)?,
            SCRYPT => scrypt(function.enter(tag::SEQUENCE)?)?,
            other => return Err(Closed::Unsupported(format!("key derivation {}", der::dotted(other)))),
        };
        let mut encryption = parameters.enter(tag::SEQUENCE)?;
        let oid = encryption.expect(tag::OID)?.content;
        let cipher = PBES2_CIPHERS.iter().find(|(known, _)| *known == oid).map(|(_, cipher)| *cipher);
        let cipher = cipher.ok_or_else(|| Closed::Unsupported(format!("cipher {}", der::dotted(oid))))?;
        let iv = encryption.expect(tag::OCTET_STRING)?.content.to_vec();
        Ok(Scheme::Pbes2 { cipher, iv, kdf })
    }

    /// How many rounds of a hash it costs to try a passphrase.
    pub(super) fn rounds(&self) -> u64 {
        match self {
            Scheme::Pbes2 { kdf, .. } | Scheme::Pbes1 { kdf, .. } => kdf.rounds(),
            // The key takes two blocks of the hash, the initialization vector one.
            Scheme::Pkcs12 { iterations, .. } => 3 * u64::from(*iterations),
        }
    }

    /// The plain octets. Padding that does not fit means a wrong passphrase; that it fits does not yet mean a right one.
    pub(super) fn decrypt(&self, passphrase: &Passphrase, octets: &[u8]) -> Result<Zeroizing<Vec<u8>>, Closed> {
        let (cipher, key, iv) = self.key(passphrase)?;
        if iv.len() != cipher.block_octets() {
            return Err(Closed::Unsupported("an initialization vector that does not fit the cipher".into()));
        }
        crypto::decrypt(cipher, &key, &iv, octets).map_err(|_| Closed::WrongPassphrase)
    }

    fn encrypt(&self, passphrase: &Passphrase, octets: &[u8]) -> Result<Vec<u8>, Refused> {
        let (cipher, key, iv) = self.key(passphrase)?;
        crypto::encrypt(cipher, &key, &iv, octets)
    }

    /// The cipher with its key and its initialization vector.
    fn key(&self, passphrase: &Passphrase) -> Result<(Cipher, Octets, Octets), Refused> {
        Ok(match self {
            Scheme::Pbes2 { cipher, iv, kdf } => {
                let key = crypto::derive(kdf, passphrase, cipher.key_octets())?;
                (*cipher, key, Zeroizing::new(iv.clone()))
            }
            Scheme::Pbes1 { cipher, kdf } => {
                let both = crypto::derive(kdf, passphrase, 16)?;
                (*cipher, Zeroizing::new(both[..8].to_vec()), Zeroizing::new(both[8..].to_vec()))
            }
            Scheme::Pkcs12 { cipher, salt, iterations } => {
                let of = |purpose, length| {
                    let kdf = Kdf::Pkcs12 { hash: Hash::Sha1, salt: salt.clone(), iterations: *iterations, purpose };
                    crypto::derive(&kdf, passphrase, length)
                };
                (*cipher, of(Purpose::Key, cipher.key_octets())?, of(Purpose::Iv, cipher.block_octets())?)
            }
        })
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scheme::Pbes2 { cipher, kdf: Kdf::Scrypt { .. }, .. } => write!(f, "PBES2, {}, scrypt", cipher.word()),
            Scheme::Pbes2 { cipher, kdf: Kdf::Pbkdf2 { hash, iterations, .. }, .. } => {
                write!(f, "PBES2, {}, PBKDF2 with HMAC-{}, {iterations} rounds", cipher.word(), hash.word())
            }
            Scheme::Pbes2 { cipher, .. } => write!(f, "PBES2, {}", cipher.word()),
            Scheme::Pbes1 { cipher, .. } => write!(f, "PBES1, {}", cipher.word()),
            Scheme::Pkcs12 { cipher, .. } => write!(f, "PKCS#12's own, {} with SHA-1", cipher.word()),
        }
    }
}

type Octets = Zeroizing<Vec<u8>>;

/// PBKDF2-params (RFC 8018 appendix A.2). The key's length follows from the cipher; SHA-1 is the PRF that is not named.
fn pbkdf2(parameters: Reader<'_>) -> Result<Kdf, Closed> {
    pbkdf2_and_length(parameters).map(|(kdf, _)| kdf)
}

/// The same with the length of the key, where it is said.
pub(super) fn pbkdf2_and_length(mut parameters: Reader<'_>) -> Result<(Kdf, Option<usize>), Closed> {
    let salt = parameters.expect(tag::OCTET_STRING)?.content.to_vec();
    let iterations = small(parameters.unsigned()?)?;
    let length =
        if parameters.peek() == Some(tag::INTEGER) { Some(small(parameters.unsigned()?)? as usize) } else { None };
    let hash = match parameters.optional(tag::SEQUENCE)? {
        None => Hash::Sha1,
        Some(named) => prf(named.reader().expect(tag::OID)?.content)?,
    };
    Ok((Kdf::Pbkdf2 { hash, salt, iterations }, length))
}

/// The hash of an HMAC.
pub(super) fn prf(oid: &[u8]) -> Result<Hash, Closed> {
    let hash = PRFS.iter().find(|(known, _)| *known == oid).map(|(_, hash)| *hash);
    hash.ok_or_else(|| Closed::Unsupported(format!("a MAC of type {}", der::dotted(oid))))
}

/// scrypt-params (RFC 7914 section 7).
fn scrypt(mut parameters: Reader<'_>) -> Result<Kdf, Closed> {
    let salt = parameters.expect(tag::OCTET_STRING)?.content.to_vec();
    let n = small(parameters.unsigned()?)?;
    let (r, p) = (small(parameters.unsigned()?)?, small(parameters.unsigned()?)?);
    if n < 2 || !n.is_power_of_two() {
        return Err(Closed::Unsupported("scrypt with a cost that is no power of two".into()));
    }
    Ok(Kdf::Scrypt { salt, log_n: n.trailing_zeros() as u8, r, p })
}

/// A count. What does not fit in 32 bits is beyond every limit, and is refused as such later.
pub(super) fn small(magnitude: &[u8]) -> Result<u32, Closed> {
    let fits = magnitude.len() <= 4;
    let value = magnitude.iter().fold(0u32, |n, octet| n << 8 | u32::from(*octet));
    if fits { Ok(value) } else { Err(Closed::Unsupported("a count beyond all limits".into())) }
}

/// As many as OpenSSL's `-legacy` makes.
const LEGACY_ITERATIONS: u32 = 2048;

const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 12];
const HMAC_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 9];
const AES256_CBC: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 42];
const SHA1_3DES: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 3];
const SCRYPT: &[u8] = &[0x2b, 6, 1, 4, 1, 0xda, 0x47, 4, 11];

/// RFC 8018 appendix B.1.
const PRFS: &[(&[u8], Hash)] = &[
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 7], Hash::Sha1),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 8], Hash::Sha224),
    (HMAC_SHA256, Hash::Sha256),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 10], Hash::Sha384),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 11], Hash::Sha512),
];

/// RFC 8018 appendix B.2, NIST's AES.
const PBES2_CIPHERS: &[(&[u8], Cipher)] = &[
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 2], Cipher::Aes128),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 22], Cipher::Aes192),
    (AES256_CBC, Cipher::Aes256),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 3, 7], Cipher::TripleDes),
    (&[0x2b, 0x0e, 3, 2, 7], Cipher::Des),
];

/// RFC 8018 appendix A.3.
const PBES1_SCHEMES: &[(&[u8], Cipher, Hash)] = &[
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 3], Cipher::Des, Hash::Md5),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 6], Cipher::Rc2Of64, Hash::Md5),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 10], Cipher::Des, Hash::Sha1),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 11], Cipher::Rc2Of64, Hash::Sha1),
];

/// RFC 7292 appendix C.
const PKCS12_SCHEMES: &[(&[u8], Cipher, Hash)] = &[
    (SHA1_3DES, Cipher::TripleDes, Hash::Sha1),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 4], Cipher::TripleDesTwoKeys, Hash::Sha1),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 5], Cipher::Rc2, Hash::Sha1),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 6], Cipher::Rc2Of40, Hash::Sha1),
];

rules! {
    /// Another passphrase is needed.
    PASSPHRASE_WRONG = Error "passphrase-wrong" {
        summary: "the passphrase does not open the private key or the PKCS#12 file",
        help: "only the first line of a passphrase file counts, and blanks in it count too; try: openssl pkey -in KEY -noout",
        source: "RFC 8018 sections 6.1.2 and 6.2.2 (the padding tells), RFC 7292 section 5.1 (the MAC tells)",
    }
    /// Too old, too new, or too costly.
    ENCRYPTION_UNSUPPORTED = Error "encryption-unsupported" {
        summary: "a private key or PKCS#12 file is encrypted in a way that pkit does not know, or that asks for too much work",
        help: "write it anew with the program that made it, with AES-256 and PBKDF2: openssl pkcs8 -topk8 -v2 aes-256-cbc",
        source: "RFC 8018, RFC 7914, RFC 7292 appendix C; limits: 10 million rounds, 256 MiB for scrypt (OpenSSL: 32 MiB)",
    }
}
