//! `key inspect`: what kind of key a file holds, also one that no server takes, and who may read it.

use std::path::{Path, PathBuf};

use super::{Access, Shown, load};
use crate::checks;
use crate::checks::key::{KEY_NOT_FOUND, KEY_UNSUPPORTED};
use crate::commands::{Context, Outcome, gather};
use crate::error::{Error, Result};
use crate::finding::{Origin, Severity};
use crate::material::key::PrivateKey;
use crate::material::{Block, Item};
use crate::report::{Report, Value, object};

/// Show what kind of key a file holds: type, size, form, encrypted or not, mode and owner, and the SHA-256 of its public key. Where
/// there is no private key in it, a public one is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit key inspect /etc/ssl/private/mail.key
  pkit key inspect ca.key --passphrase-file ca.pass
  ssh host cat mail.key | pkit key inspect -")]
pub struct Args {
    /// The key, PEM or DER; - is standard input
    #[arg(value_name = "KEY")]
    key: PathBuf,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let access = Access::of(&args.key);
    let mut material = load::material(&args.key)?;
    gather::unlock_pkcs12(&mut material, &context.secret)?;
    let is_key = |b: &Block| matches!(b.item, Item::Key(_) | Item::EncryptedKey(_) | Item::UnusableKey(_));
    let is_public = |b: &Block| matches!(b.item, Item::PublicKey(_));
    let private = material.blocks.iter().any(is_key);
    let mut keys = material.blocks.into_iter().filter(|b| if private { is_key(b) } else { is_public(b) });
    let damage = material.findings.iter().find(|f| f.severity == Severity::Error).map(gather::error_of);
    let missing = || damage.unwrap_or_else(|| no_key(&args.key));
    let first = keys.next().ok_or_else(missing)?;
    let opened = opened(&first, context)?;
    let shown = match &first.item {
        Item::Key(key) => Shown::plain(key),
        Item::EncryptedKey(sealed) => Shown::encrypted(sealed, opened.as_ref()),
        Item::PublicKey(key) => Shown::public(key.clone()),
        Item::UnusableKey(fault) => return Err(gather::error_of(&checks::key::fault(fault, &first.origin))),
        _ => return Err(no_key(&args.key)),
    };
    if let Some(kind) = shown.kind.as_ref().filter(|kind| !kind.is_known()) {
        return Err(gather::error_of(&KEY_UNSUPPORTED.at(first.origin.into(), format!("{kind}: not known here"))));
    }
    let result = shown.value(&args.key, access.as_ref()).with("source", source(&first.origin));
    let mode = access.map(|a| format!("{:04o} {}:{}", a.mode, a.owner, a.group));
    let mut report = Report::of(result);
    report.say([shown.to_string()].into_iter().chain(mode).collect::<Vec<_>>().join(", "));
    if shown.kind.is_some() {
        report.say(format!("SPKI SHA-256 {}", shown.spki().unwrap_or("not known".into())));
    }
    if shown.kind.as_ref().is_some_and(|kind| !kind.signs_in_tls()) {
        report.say("no key for TLS: servers and clients in use do not take this type");
    }
    let more = keys.count();
    if more > 0 {
        report.say(format!(
            "the first of {} {} keys in the file",
            more + 1,
            if private { "private" } else { "public" }
        ));
    }
    Ok(report.into())
}

/// What is inside of an encrypted key, where a passphrase was named. Nobody is asked for one just to look.
fn opened(found: &Block, context: &Context) -> Result<Option<PrivateKey>> {
    match &found.item {
        Item::EncryptedKey(sealed) if context.secret.is_named() => {
            let passphrase = context.secret.existing(&found.origin.to_string())?;
            let opened = sealed.open(passphrase);
            opened.map(Some).map_err(|fault| gather::error_of(&checks::key::fault(&fault, &found.origin)))
        }
        _ => Ok(None),
    }
}

fn no_key(path: &Path) -> Error {
    Error::input(&KEY_NOT_FOUND, format!("{} holds no key", path.display())).path(path)
}

fn source(origin: &Origin) -> Value {
    object! { "path" => origin.path.as_path(), "index" => origin.index, "line" => origin.line }
}
