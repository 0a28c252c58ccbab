//! Keys from passphrases: PBKDF2 and scrypt for what is written today, and the older ways for what is still read. The work that
//! a file can ask for is bounded, because the file, not the user, names it.

use std::num::NonZeroU32;

use hmac::digest::Digest as _;
use hmac::{Hmac, KeyInit, Mac};
use zeroize::Zeroizing;

use super::{Digest, Passphrase, Refused, digest_of};

/// The hash functions of key derivation and of PKCS#12's MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// MD5: PBES1 and OpenSSL's old PEM encryption only.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// What is to be done with the type of this hash function.
macro_rules! with_hash {
    ($hash:expr, $D:ident => $body:expr) => {
        match $hash {
            Hash::Md5 => {
                type $D = md5::Md5;
                $body
            }
            Hash::Sha1 => {
                type $D = sha1::Sha1;
                $body
            }
            Hash::Sha224 => {
                type $D = sha2::Sha224;
                $body
            }
            Hash::Sha256 => {
                type $D = sha2::Sha256;
                $body
            }
            Hash::Sha384 => {
                type $D = sha2::Sha384;
                $body
            }
            Hash::Sha512 => {
                type $D = sha2::Sha512;
                $body
            }
        }
    };
}

impl Hash {
    /// The usual name.
    pub fn word(self) -> &'static str {
        match self {
            Hash::Md5 => "MD5",
            Hash::Sha1 => "SHA-1",
            Hash::Sha224 => "SHA-224",
            Hash::Sha256 => "SHA-256",
            Hash::Sha384 => "SHA-384",
            Hash::Sha512 => "SHA-512",
        }
    }

    /// Octets that it takes in at a time (`v` of RFC 7292 appendix B.2).
    fn block(self) -> usize {
        if matches!(self, Hash::Sha384 | Hash::Sha512) { 128 } else { 64 }
    }

    /// The digest of parts. ring's where it has one: key derivation asks for hundreds of thousands of them.
    fn of(self, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        let ours = match self {
            Hash::Sha1 => Some(Digest::Sha1),
            Hash::Sha256 => Some(Digest::Sha256),
            Hash::Sha384 => Some(Digest::Sha384),
            Hash::Sha512 => Some(Digest::Sha512),
            Hash::Md5 | Hash::Sha224 => None,
        };
        if let Some(kind) = ours {
            return Zeroizing::new(digest_of(kind, parts));
        }
        with_hash!(self, D => {
            let mut digest = D::new();
            parts.iter().for_each(|part| digest.update(part));
            Zeroizing::new(digest.finalize().to_vec())
        })
    }
}

/// How a key follows from a passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kdf {
    /// RFC 8018 section 5.2.
    Pbkdf2 {
        /// The hash under the HMAC.
        hash: Hash,
        /// Random octets of the file.
        salt: Vec<u8>,
        /// Rounds.
        iterations: u32,
    },
    /// RFC 7914.
    Scrypt {
        /// Random octets of the file.
        salt: Vec<u8>,
        /// The cost N, a power of two.
        log_n: u8,
        /// Block size.
        r: u32,
        /// Parallelization.
        p: u32,
    },
    /// RFC 8018 section 5.1, as PBES1 uses it.
    Pbkdf1 {
        /// MD5 or SHA-1.
        hash: Hash,
        /// Random octets of the file.
        salt: Vec<u8>,
        /// Rounds.
        iterations: u32,
    },
    /// RFC 7292 appendix B.2.
    Pkcs12 {
        /// The hash.
        hash: Hash,
        /// Random octets of the file.
        salt: Vec<u8>,
        /// Rounds.
        iterations: u32,
        /// What the octets are for.
        purpose: Purpose,
    },
    /// `EVP_BytesToKey` with MD5 and one round: encrypted PEM of old (`Proc-Type: 4,ENCRYPTED`).
    OpenSsl {
        /// The first eight octets of the initialization vector.
        salt: Vec<u8>,
    },
}

impl Kdf {
    /// How many rounds of a hash it costs, about.
    pub fn rounds(&self) -> u64 {
        match self {
            Kdf::Pbkdf2 { iterations, .. } | Kdf::Pbkdf1 { iterations, .. } | Kdf::Pkcs12 { iterations, .. } => {
                (*iterations).into()
            }
            Kdf::Scrypt { log_n, r, p, .. } => {
                let n = 1u64.checked_shl(u32::from(*log_n)).unwrap_or(u64::MAX);
                n.saturating_mul((*r).into()).saturating_mul((*p).into())
            }
            Kdf::OpenSsl { .. } => 1,
        }
    }
}

/// The diversifier of RFC 7292 appendix B.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A cipher's key.
    Key = 1,
    /// An initialization vector.
    Iv = 2,
    /// A key for the MAC.
    Mac = 3,
}

/// Most rounds of a hash: seconds of work. The largest counts in use are some millions (macOS, LUKS); OpenSSL's default is 2,048.
const MAX_ITERATIONS: u32 = 10_000_000;
/// Most memory of scrypt: OpenSSL refuses above 32 MiB; twice the largest recommendation (N = 2^17, r = 8) is room enough.
const MAX_SCRYPT_BYTES: u64 = 256 << 20;
/// Most work of scrypt, as N r p: some seconds.
const MAX_SCRYPT_WORK: u64 = 1 << 23;

/// So many octets from the passphrase.
pub fn derive(kdf: &Kdf, passphrase: &Passphrase, length: usize) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let mut key = Zeroizing::new(vec![0; length]);
    match kdf {
        Kdf::Pbkdf2 { hash, salt, iterations } => {
            let rounds = bounded(*iterations)?;
            pbkdf2(*hash, passphrase.octets(), salt, rounds, &mut key)?;
        }
        Kdf::Scrypt { salt, log_n, r, p } => {
            let n = 1u64.checked_shl(u32::from(*log_n)).unwrap_or(u64::MAX);
            if n.saturating_mul(128 * u64::from(*r)) > MAX_SCRYPT_BYTES || kdf.rounds() > MAX_SCRYPT_WORK {
                return Err(Refused("scrypt asks for more memory or work than is allowed here (256 MiB)"));
            }
            let params = scrypt::Params::new(*log_n, *r, *p).map_err(|_| Refused("scrypt with impossible numbers"))?;
            scrypt::scrypt(passphrase.octets(), salt, &params, &mut key)
                .map_err(|_| Refused("scrypt with impossible numbers"))?;
        }
        Kdf::Pbkdf1 { hash, salt, iterations } => {
            let mut block = hash.of(&[passphrase.octets(), salt]);
            for _ in 1..bounded(*iterations)?.get() {
                block = hash.of(&[&block]);
            }
            key.copy_from_slice(block.get(..length).ok_or(Refused("a key longer than PBKDF1 gives"))?);
        }
        Kdf::Pkcs12 { hash, salt, iterations, purpose } => {
            pkcs12(*hash, &passphrase.bmp(), salt, bounded(*iterations)?.get(), *purpose, &mut key);
        }
        Kdf::OpenSsl { salt } => {
            let mut made = Zeroizing::new(Vec::with_capacity(length + 16));
            let mut last = Zeroizing::new(Vec::new());
            while made.len() < length {
                last = Hash::Md5.of(&[&last, passphrase.octets(), salt]);
                made.extend_from_slice(&last);
            }
            key.copy_from_slice(&made[..length]);
        }
    }
    Ok(key)
}

/// Is this the MAC of these octets (RFC 2104)? Compared in constant time.
pub fn mac_is(hash: Hash, key: &[u8], octets: &[u8], mac: &[u8]) -> bool {
    with_hash!(hash, D => Hmac::<D>::new_from_slice(key).is_ok_and(|mut m| { m.update(octets); m.verify_slice(mac).is_ok() }))
}

/// The MAC of some octets.
pub fn mac(hash: Hash, key: &[u8], octets: &[u8]) -> Result<Vec<u8>, Refused> {
    with_hash!(hash, D => {
        let mut mac = Hmac::<D>::new_from_slice(key).map_err(|_| Refused("a MAC without a key"))?;
        mac.update(octets);
        Ok(mac.finalize().into_bytes().to_vec())
    })
}

fn bounded(iterations: u32) -> Result<NonZeroU32, Refused> {
    let rounds = NonZeroU32::new(iterations).ok_or(Refused("key derivation with no rounds"))?;
    if iterations > MAX_ITERATIONS {
        return Err(Refused("key derivation with more rounds than are allowed here (10 million)"));
    }
    Ok(rounds)
}

/// ring has all of them but SHA-224; with MD5 nobody ever wrote it.
fn pbkdf2(hash: Hash, secret: &[u8], salt: &[u8], rounds: NonZeroU32, key: &mut [u8]) -> Result<(), Refused> {
    use ring::pbkdf2 as r;
    let algorithm = match hash {
        Hash::Sha1 => r::PBKDF2_HMAC_SHA1,
        Hash::Sha256 => r::PBKDF2_HMAC_SHA256,
        Hash::Sha384 => r::PBKDF2_HMAC_SHA384,
        Hash::Sha512 => r::PBKDF2_HMAC_SHA512,
        Hash::Sha224 => {
            pbkdf2::pbkdf2_hmac::<sha2::Sha224>(secret, salt, rounds.get(), key);
            return Ok(());
        }
        Hash::Md5 => return Err(Refused("PBKDF2 with MD5")),
    };
    r::derive(algorithm, rounds, salt, secret, key);
    Ok(())
}

/// RFC 7292 appendix B.2; the letters are the RFC's.
fn pkcs12(hash: Hash, password: &[u8], salt: &[u8], iterations: u32, purpose: Purpose, out: &mut [u8]) {
    let v = hash.block();
    let fill =
        |octets: &[u8]| -> Vec<u8> { octets.iter().copied().cycle().take(octets.len().div_ceil(v) * v).collect() };
    let d = vec![purpose as u8; v];
    let mut i = Zeroizing::new([fill(salt), fill(password)].concat());
    let length = out.len();
    let mut done = 0;
    while done < length {
        let mut a = hash.of(&[&d, &i]);
        for _ in 1..iterations {
            a = hash.of(&[&a]);
        }
        let n = a.len().min(length - done);
        out[done..done + n].copy_from_slice(&a[..n]);
        done += n;
        // Each block of I becomes (I + B + 1) mod 2^(8 v), where B is A repeated.
        for block in i.chunks_mut(v) {
            let mut carry = 1u16;
            for at in (0..v).rev() {
                let sum = u16::from(block[at]) + u16::from(a[at % a.len()]) + carry;
                block[at] = sum as u8;
                carry = sum >> 8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Passphrase {
        Passphrase::new(Zeroizing::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn published_vectors() {
        // RFC 6070, the third; RFC 7914 section 12, the second.
        let pbkdf2 = Kdf::Pbkdf2 { hash: Hash::Sha1, salt: b"salt".to_vec(), iterations: 4096 };
        let hex = |kdf, text, n| crate::crypto::hex(&derive(&kdf, &secret(text), n).unwrap());
        assert_eq!(hex(pbkdf2, "password", 20), "4b007901b765489abead49d926f721d065a429c1");
        let scrypt = Kdf::Scrypt { salt: b"NaCl".to_vec(), log_n: 10, r: 8, p: 16 };
        assert_eq!(hex(scrypt, "password", 8), "fdbabe1c9d347200");
    }

    #[test]
    fn work_is_bounded() {
        for kdf in [
            Kdf::Pbkdf2 { hash: Hash::Sha256, salt: vec![], iterations: u32::MAX },
            Kdf::Pbkdf2 { hash: Hash::Sha256, salt: vec![], iterations: 0 },
            Kdf::Pbkdf1 { hash: Hash::Md5, salt: vec![], iterations: MAX_ITERATIONS + 1 },
            Kdf::Pkcs12 { hash: Hash::Sha1, salt: vec![], iterations: u32::MAX, purpose: Purpose::Mac },
            Kdf::Scrypt { salt: vec![], log_n: 22, r: 8, p: 1 },
            Kdf::Scrypt { salt: vec![], log_n: 200, r: 8, p: 1 },
            Kdf::Scrypt { salt: vec![], log_n: 14, r: 8, p: u32::MAX },
            Kdf::Scrypt { salt: vec![], log_n: 14, r: u32::MAX, p: u32::MAX },
            Kdf::Scrypt { salt: vec![], log_n: 1, r: 0, p: 1 },
        ] {
            assert!(derive(&kdf, &secret("x"), 16).is_err(), "{kdf:?}");
        }
    }
}
