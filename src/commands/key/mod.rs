//! `key`: private keys are made, shown and checked. One file per verb; here is what they share.

mod check;
mod convert;
mod inspect;
mod load;
mod new;

use std::fmt;
use std::path::Path;

use crate::commands::{Context, Outcome};
use crate::error::Result;
use crate::files::facts;
use crate::material::key::{EncryptedKey, Form, KeyKind, PrivateKey, PublicKey};
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
struct Shown {
    /// None of one that stays closed.
    kind: Option<KeyKind>,
    public: Option<PublicKey>,
    /// None of a public key.
    form: Option<Form>,
    /// How it is encrypted in the file.
    encryption: Option<String>,
}

impl Shown {
    fn plain(key: &PrivateKey) -> Shown {
        Shown { kind: Some(key.kind().clone()), public: key.public(), form: Some(key.form()), encryption: None }
    }

    fn encrypted(sealed: &EncryptedKey, opened: Option<&PrivateKey>) -> Shown {
        Shown {
            kind: opened.map(|key| key.kind().clone()),
            public: opened.and_then(PrivateKey::public),
            form: Some(sealed.form()),
            encryption: Some(sealed.to_string()),
        }
    }

    fn public(key: PublicKey) -> Shown {
        Shown { kind: Some(key.kind().clone()), public: Some(key), form: None, encryption: None }
    }

    /// The digest that certificates are matched by.
    fn spki(&self) -> Option<String> {
        self.public.as_ref().map(PublicKey::sha256)
    }

    /// The name of its form.
    fn form(&self) -> &'static str {
        self.form.map_or("SubjectPublicKeyInfo", Form::word)
    }

    fn value(&self, path: &Path, access: Option<&Access>) -> Value {
        let kind = self.kind.as_ref();
        object! {
            "path" => path,
            "type" => kind.map(KeyKind::algorithm),
            "bits" => kind.and_then(KeyKind::bits),
            "curve" => kind.and_then(KeyKind::curve_name),
            "private" => self.form.is_some(),
            "format" => self.form(),
            "encrypted" => self.encryption.is_some(),
            "encryption" => self.encryption.as_deref(),
            "mode" => access.map(|a| format!("{:04o}", a.mode)),
            "owner" => access.map(|a| a.owner.as_str()),
            "group" => access.map(|a| a.group.as_str()),
            "spki_sha256" => self.spki(),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Some(kind) if self.form.is_none() => return write!(f, "{kind}, public key"),
            Some(kind) => write!(f, "{kind}, {}", self.form())?,
            None => write!(f, "a private key, {}", self.form())?,
        }
        match &self.encryption {
            Some(how) => write!(f, ", encrypted ({how})"),
            None => f.write_str(", not encrypted"),
        }
    }
}
