//! `key`: private keys are made, shown and checked. One file per verb; here is what they share.

mod check;
mod inspect;
mod load;
mod new;

use std::path::Path;

use crate::commands::{Context, Outcome};
use crate::error::Result;
use crate::files::facts;
use crate::material::key::PrivateKey;
use crate::report::{Value, object};

/// What can be done with keys.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Make a private key: RSA 3072 unless told otherwise, PKCS#8, mode 0400
    New(new::Args),
    /// Show what kind of key a file holds
    Inspect(inspect::Args),
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
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::New(args) => new::run(args, context),
            Verb::Inspect(args) => inspect::run(args),
            Verb::Check(args) => check::run(args, context),
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

/// A key as programs see it; nothing of its secret.
fn value(path: &Path, key: &PrivateKey, access: Option<&Access>) -> Value {
    let kind = key.kind();
    object! {
        "path" => path,
        "type" => kind.algorithm(),
        "bits" => kind.bits(),
        "curve" => kind.curve_name(),
        "format" => key.form().word(),
        "encrypted" => false,
        "mode" => access.map(|a| format!("{:04o}", a.mode)),
        "owner" => access.map(|a| a.owner.as_str()),
        "group" => access.map(|a| a.group.as_str()),
        "spki_sha256" => key.public().map(|public| public.sha256()),
    }
}
