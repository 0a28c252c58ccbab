//! `key`: private keys are made, shown and checked. One file per verb; here is what they share.

mod check;
mod convert;
mod inspect;
mod load;
mod new;

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::commands::{Context, Outcome};
use crate::crypto::Passphrase;
use crate::error::{Error, Result};
use crate::files::facts;
use crate::material::Format;
use crate::material::encryption::NewKdf;
use crate::material::key::{self, ENCRYPTED_LABEL, EncryptedKey, Form, KeyKind, PrivateKey};
use crate::report::{Value, object};

/// What can be done with keys.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Make a private key: RSA 3072 unless told otherwise, PKCS#8, mode 0400
    New(new::Args),
    /// Show what kind of key a file holds
    Inspect(inspect::Args),
    /// Write a key in another form, encrypted or not
    Convert(convert::Args),
    /// Check keys: whole, strong, and the ones that belong to a certificate?
    Check(check::Args),
}

impl Verb {
    /// The words that name the command in JSON.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::New(_) => "key new",
            Verb::Inspect(_) => "key inspect",
            Verb::Check(_) => "key check",
            Verb::Convert(_) => "key convert",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::New(args) => new::run(args, context),
            Verb::Inspect(args) => inspect::run(args, context),
            Verb::Check(args) => check::run(args, context),
            Verb::Convert(args) => convert::run(args, context),
        }
    }
}

/// `--kdf`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum KdfName {
    /// PBKDF2 with HMAC-SHA-256: every program reads it
    #[default]
    Pbkdf2,
    /// scrypt: harder to try out; GnuTLS 3.7 does not read it
    Scrypt,
}

/// A key as octets of a file.
struct Written {
    bytes: Zeroizing<Vec<u8>>,
    /// How it is encrypted.
    encryption: Option<String>,
}

/// The key in this form. What is encrypted has been opened again before it is handed out: a key that nobody can open is lost.
fn written(key: &PrivateKey, form: Form, encoding: Format, lock: Option<&Passphrase>, kdf: KdfName) -> Result<Written> {
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

/// Mode and owner of a key's file, as they are or as they will be.
struct Access {
    mode: u32,
    owner: String,
    group: String,
}

impl Access {
    /// None for standard input, and where the file went away meanwhile.
    fn of(path: &Path) -> Option<Access> {
        let access = facts::of(path).ok()?.access;
        Some(Access { mode: access.mode, owner: access.owner, group: access.group })
    }
}

/// A key as it is shown: what is plain to see and what a passphrase opened; nothing of its secret.
struct Shown<'a> {
    key: Option<&'a PrivateKey>,
    form: Form,
    /// How it is encrypted in the file.
    encryption: Option<String>,
}

impl<'a> Shown<'a> {
    fn plain(key: &'a PrivateKey) -> Shown<'a> {
        Shown { key: Some(key), form: key.form(), encryption: None }
    }

    /// The digest that certificates are matched by.
    fn spki(&self) -> Option<String> {
        self.key.and_then(PrivateKey::public).map(|public| public.sha256())
    }

    fn value(&self, path: &Path, access: Option<&Access>) -> Value {
        let kind = self.key.map(PrivateKey::kind);
        object! {
            "path" => path,
            "type" => kind.map(KeyKind::algorithm),
            "bits" => kind.and_then(KeyKind::bits),
            "curve" => kind.and_then(KeyKind::curve_name),
            "format" => self.form.word(),
            "encrypted" => self.encryption.is_some(),
            "encryption" => self.encryption.as_deref(),
            "mode" => access.map(|a| format!("{:04o}", a.mode)),
            "owner" => access.map(|a| a.owner.as_str()),
            "group" => access.map(|a| a.group.as_str()),
            "spki_sha256" => self.spki(),
        }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key {
            Some(key) => write!(f, "{}, {}", key.kind(), self.form.word())?,
            None => write!(f, "a private key, {}", self.form.word())?,
        }
        match &self.encryption {
            Some(how) => write!(f, ", encrypted ({how})"),
            None => f.write_str(", not encrypted"),
        }
    }
}
