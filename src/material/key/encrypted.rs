//! Private keys under a passphrase: EncryptedPrivateKeyInfo (RFC 5958 section 3), which is read and written, and PEM with
//! `Proc-Type: 4,ENCRYPTED` (RFC 1421 section 4.6.1.1), which is only read.

use std::fmt;

use zeroize::Zeroizing;

use super::{Form, KeyFault, PrivateKey, write};
use crate::crypto::{self, Cipher, Kdf, Passphrase};
use crate::material::der::{self, tag};
use crate::material::encryption::{Closed, NewKdf, NewScheme, Scheme};

/// A private key that a passphrase opens.
#[derive(Debug)]
pub struct EncryptedKey {
    lock: Lock,
    octets: Vec<u8>,
}

#[derive(Debug)]
enum Lock {
    Pkcs8 {
        scheme: Scheme,
        /// The whole as it was read.
        der: Vec<u8>,
    },
    /// OpenSSL's old way: the headers name the cipher, the key is in its traditional form.
    Headers { cipher: Cipher, iv: Vec<u8>, form: Form },
}

impl EncryptedKey {
    /// From an EncryptedPrivateKeyInfo. How it was encrypted is read at once, so that what cannot be opened is known before
    /// anybody is asked for a passphrase.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<EncryptedKey, KeyFault> {
        let mut info = der::whole(bytes, tag::SEQUENCE)?;
        let scheme = Scheme::read(&mut info)?;
        let octets = info.expect(tag::OCTET_STRING)?.content.to_vec();
        info.end()?;
        Ok(EncryptedKey { lock: Lock::Pkcs8 { scheme, der: bytes.to_vec() }, octets })
    }

    /// From the parts of a PEM block: its label, the value of `DEK-Info`, and what the block holds.
    pub fn from_headers(label: &str, dek_info: &str, octets: &[u8]) -> Result<EncryptedKey, KeyFault> {
        let unsupported = |what: &str| KeyFault::Encryption(format!("{what} in the header DEK-Info"));
        let form = match label {
            "RSA PRIVATE KEY" => Form::Pkcs1,
            "EC PRIVATE KEY" => Form::Sec1,
            "DSA PRIVATE KEY" => Form::Dsa,
            "PRIVATE KEY" => Form::Pkcs8,
            other => return Err(KeyFault::Encryption(format!("a block `{other}` with encryption headers"))),
        };
        let (name, iv) = dek_info.split_once(',').ok_or_else(|| unsupported("no initialization vector"))?;
        let cipher = HEADER_CIPHERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.trim()));
        let cipher = cipher.map(|(_, cipher)| *cipher).ok_or_else(|| unsupported("an unknown cipher"))?;
        let iv = octets_of_hex(iv.trim()).filter(|iv| iv.len() == cipher.block_octets());
        let iv = iv.ok_or_else(|| unsupported("an initialization vector that does not fit the cipher"))?;
        Ok(EncryptedKey { lock: Lock::Headers { cipher, iv, form }, octets: octets.to_vec() })
    }

    /// The key inside.
    pub fn open(&self, passphrase: &Passphrase) -> Result<PrivateKey, KeyFault> {
        let plain = match &self.lock {
            Lock::Pkcs8 { scheme, .. } => scheme.decrypt(passphrase, &self.octets)?,
            Lock::Headers { cipher, iv, .. } => {
                let kdf = Kdf::OpenSsl { salt: iv[..8].to_vec() };
                let key = crypto::derive(&kdf, passphrase, cipher.key_octets()).map_err(Closed::from)?;
                crypto::decrypt(*cipher, &key, iv, &self.octets).map_err(|_| KeyFault::WrongPassphrase)?
            }
        };
        let key = match self.form() {
            Form::Pkcs8 => PrivateKey::from_pkcs8(&plain),
            Form::Pkcs1 => PrivateKey::from_pkcs1(&plain),
            Form::Sec1 => PrivateKey::from_sec1(&plain),
            Form::Dsa => PrivateKey::from_dsa(&plain),
        };
        // One wrong passphrase in 256 leaves padding that fits, but never a key.
        key.map_err(|fault| if der::whole(&plain, tag::SEQUENCE).is_ok() { fault } else { KeyFault::WrongPassphrase })
    }

    /// As it was read, as a PEM block; none of the old encryption, which is not written.
    pub fn pem(&self) -> Option<Zeroizing<String>> {
        match &self.lock {
            Lock::Pkcs8 { der, .. } => Some(write::pem(ENCRYPTED_LABEL, der)),
            Lock::Headers { .. } => None,
        }
    }

    /// How many rounds of a hash it costs to try a passphrase.
    pub(in crate::material) fn rounds(&self) -> u64 {
        match &self.lock {
            Lock::Pkcs8 { scheme, .. } => scheme.rounds(),
            Lock::Headers { .. } => 1,
        }
    }

    /// How the key inside is spelled.
    pub fn form(&self) -> Form {
        match &self.lock {
            Lock::Pkcs8 { .. } => Form::Pkcs8,
            Lock::Headers { form, .. } => *form,
        }
    }
}

/// How it is encrypted.
impl fmt::Display for EncryptedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.lock {
            Lock::Pkcs8 { scheme, .. } => scheme.fmt(f),
            Lock::Headers { cipher, .. } => write!(f, "OpenSSL's old PEM encryption, {} with MD5", cipher.word()),
        }
    }
}

impl PrivateKey {
    /// As an EncryptedPrivateKeyInfo: PBES2 with AES-256.
    pub fn to_encrypted_der(&self, passphrase: &Passphrase, kdf: NewKdf) -> Result<Vec<u8>, Closed> {
        let (algorithm, octets) = NewScheme::Pbes2(kdf).seal(passphrase, self.pkcs8_der())?;
        Ok(der::sequence(&[&algorithm, &der::tlv(tag::OCTET_STRING, &octets)]))
    }

    /// The same as a PEM block `ENCRYPTED PRIVATE KEY`.
    pub fn to_encrypted_pem(&self, passphrase: &Passphrase, kdf: NewKdf) -> Result<Zeroizing<String>, Closed> {
        Ok(write::pem(ENCRYPTED_LABEL, &self.to_encrypted_der(passphrase, kdf)?))
    }
}

/// RFC 7468 section 11.
pub const ENCRYPTED_LABEL: &str = "ENCRYPTED PRIVATE KEY";

impl From<Closed> for KeyFault {
    fn from(closed: Closed) -> KeyFault {
        match closed {
            Closed::WrongPassphrase => KeyFault::WrongPassphrase,
            Closed::Unsupported(what) => KeyFault::Encryption(what),
            Closed::Malformed(error) => KeyFault::Malformed(error),
        }
    }
}

fn octets_of_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok().filter(|p| p.len() == 2));
    digits.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

/// The names that OpenSSL writes.
const HEADER_CIPHERS: &[(&str, Cipher)] = &[
    ("AES-256-CBC", Cipher::Aes256),
    ("AES-192-CBC", Cipher::Aes192),
    ("AES-128-CBC", Cipher::Aes128),
    ("DES-EDE3-CBC", Cipher::TripleDes),
    ("DES-CBC", Cipher::Des),
    ("RC2-CBC", Cipher::Rc2),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Passphrase {
        Passphrase::new(Zeroizing::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn what_is_encrypted_opens_with_its_passphrase_only() {
        let key = PrivateKey::from_ed25519_seed(&[9; 32]).unwrap();
        for kdf in [NewKdf::Pbkdf2, NewKdf::Scrypt] {
            let der = key.to_encrypted_der(&secret("right"), kdf).unwrap();
            let sealed = EncryptedKey::from_pkcs8(&der).unwrap();
            assert_eq!(sealed.open(&secret("right")).unwrap().pkcs8_der(), key.pkcs8_der());
            assert_eq!(sealed.open(&secret("wrong")).unwrap_err(), KeyFault::WrongPassphrase);
            let again = key.to_encrypted_der(&secret("right"), kdf).unwrap();
            assert_ne!(der, again, "salt and initialization vector are fresh");
        }
    }

    #[test]
    fn headers_that_cannot_be_meant_are_told() {
        for (label, info) in [
            ("RSA PRIVATE KEY", "AES-256-CBC"),
            ("RSA PRIVATE KEY", "AES-256-CBC,00"),
            ("RSA PRIVATE KEY", "AES-256-CBC,zz"),
            ("RSA PRIVATE KEY", "CHACHA,00"),
            ("ANY PRIVATE KEY", "DES-CBC,0011223344556677"),
        ] {
            let fault = EncryptedKey::from_headers(label, info, &[]).unwrap_err();
            assert!(matches!(fault, KeyFault::Encryption(_)), "{label} {info}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..120), text in ".*") {
            let _ = EncryptedKey::from_pkcs8(&der::tlv(tag::SEQUENCE, &bytes));
            let _ = EncryptedKey::from_headers("EC PRIVATE KEY", &text, &bytes);
        }
    }
}
