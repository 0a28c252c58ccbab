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
use crate::material::key::{Form, KeyKind, PrivateKey};
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
