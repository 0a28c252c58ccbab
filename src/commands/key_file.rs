//! A private key as the octets of a file: in any of its forms, encrypted or not.

use zeroize::Zeroizing;

use crate::crypto::Passphrase;
use crate::error::{Error, Result};
use crate::material::Format;
use crate::material::encryption::NewKdf;
use crate::material::key::{self, ENCRYPTED_LABEL, EncryptedKey, Form, PrivateKey};

/// `--kdf`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum KdfName {
    /// PBKDF2 with HMAC-SHA-256: every program reads it
    #[default]
    Pbkdf2,
    /// scrypt: harder to try out; GnuTLS 3.7 does not read it
    Scrypt,
}

/// A key as octets of a file.
pub(crate) struct Written {
    /// PEM or DER.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// How it is encrypted.
    pub(crate) encryption: Option<String>,
}

/// The key in this form. What is encrypted has been opened again before it is handed out: a key that nobody can open is lost.
pub(crate) fn written(
    key: &PrivateKey,
    form: Form,
    encoding: Format,
    lock: Option<&Passphrase>,
    kdf: KdfName,
) -> Result<Written> {
    let faulty = |why: String| Error::bug(format!("the key cannot be written: {why}"));
    let Some(passphrase) = lock else {
        let plain = key.der(form).ok_or_else(|| faulty(format!("{} as {}", key.kind(), form.word())))?;
        let bytes = if encoding == Format::Der { plain } else { write_pem(form.label(), &plain) };
        return Ok(Written { bytes, encryption: None });
    };
    let kdf = match kdf {
        KdfName::Pbkdf2 => NewKdf::Pbkdf2,
        KdfName::Scrypt => NewKdf::Scrypt,
    };
    let der = key.to_encrypted_der(passphrase, kdf).map_err(|closed| faulty(closed.to_string()))?;
    let sealed = EncryptedKey::from_pkcs8(&der).map_err(|fault| faulty(fault.to_string()))?;
    let again = sealed.open(passphrase).map_err(|fault| faulty(fault.to_string()))?;
    if again.pkcs8_der() != key.pkcs8_der() {
        return Err(faulty("another key comes out than went in".into()));
    }
    let bytes = if encoding == Format::Der { Zeroizing::new(der) } else { write_pem(ENCRYPTED_LABEL, &der) };
    Ok(Written { bytes, encryption: Some(sealed.to_string()) })
}

fn write_pem(label: &str, der: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(key::to_pem(label, der).as_bytes().to_vec())
}
