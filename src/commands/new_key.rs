//! The words for a key that is to be made, the same wherever one can be.

use std::path::Path;

use clap::ValueEnum;
use zeroize::Zeroizing;

use super::{Context, gather};
use crate::checks::key::{KEY_TOO_SMALL, MIN_BITS};
use crate::content::{Content, FileWrite};
use crate::error::{Error, Result};
use crate::files::read;
use crate::material::key::PrivateKey;
use crate::pki::keygen::{self, NewKey, RsaBits};

/// What kind of key.
#[derive(Debug, clap::Args)]
pub struct NewKeyArgs {
    /// The algorithm
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value_t = Type::Rsa)]
    kind: Type,
    /// Size of an RSA key: 2048, 3072 or 4096 [default: 3072]
    #[arg(long)]
    bits: Option<u32>,
    /// Curve of an ECDSA key [default: p256]
    #[arg(long, value_enum)]
    curve: Option<CurveName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Type {
    Rsa,
    Ecdsa,
    Ed25519,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CurveName {
    P256,
    P384,
    P521,
}

impl NewKeyArgs {
    /// The key that the words ask for.
    pub(crate) fn meant(&self) -> Result<NewKey> {
        let stray = |option, kind| Err(Error::usage(format!("{option} goes with --type {kind} only")));
        match self.kind {
            Type::Rsa if self.curve.is_some() => stray("--curve", "ecdsa"),
            Type::Ecdsa | Type::Ed25519 if self.bits.is_some() => stray("--bits", "rsa"),
            Type::Ed25519 if self.curve.is_some() => stray("--curve", "ecdsa"),
            Type::Rsa => rsa(self.bits.unwrap_or(RsaBits::B3072.count())).map(NewKey::Rsa),
            Type::Ecdsa if self.curve == Some(CurveName::P384) => Ok(NewKey::EcP384),
            Type::Ecdsa if self.curve == Some(CurveName::P521) => Ok(NewKey::EcP521),
            Type::Ecdsa => Ok(NewKey::EcP256),
            Type::Ed25519 => Ok(NewKey::Ed25519),
        }
    }
}

fn rsa(bits: u32) -> Result<RsaBits> {
    if (bits as usize) < MIN_BITS {
        return Err(Error::refused(&KEY_TOO_SMALL, format!("an RSA key of {bits} bits is too small"))
            .hint("--bits 2048 is the smallest; the default is 3072"));
    }
    RsaBits::of(bits).ok_or_else(|| {
        Error::usage(format!("RSA keys are made with 2048, 3072 or 4096 bits, not {bits}"))
            .hint("larger keys are slower in every handshake and no TLS server gains from them; try --type ecdsa")
    })
}

/// The key in this file, or a new one where there is no file; and whether it is new.
pub(crate) fn there_or_new(path: &Path, new: &NewKeyArgs, context: &Context) -> Result<(bool, PrivateKey)> {
    let kind = new.meant()?;
    match gather::key(path, context) {
        Ok((_, key)) => Ok((false, key)),
        Err(error) if error.rule == &read::FILE_MISSING => Ok((true, keygen::generate(kind)?)),
        Err(error) => Err(error),
    }
}

/// A new key to be written.
pub(crate) fn file(path: &Path, key: &PrivateKey, context: &Context) -> FileWrite {
    let what = format!("{}, new", key.kind());
    FileWrite { path: path.to_owned(), content: content(key), what, overwrite: context.overwrite }
}

/// A key as the file that holds it, unencrypted as servers need it.
pub(crate) fn content(key: &PrivateKey) -> Content {
    Content::Secret(Zeroizing::new(key.to_pkcs8_pem().as_bytes().to_vec()))
}
