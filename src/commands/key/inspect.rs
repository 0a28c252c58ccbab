//! `key inspect`: what kind of key a file holds, and who may read it.

use std::path::{Path, PathBuf};

use super::{Access, load, value};
use crate::checks::key::KEY_NOT_FOUND;
use crate::commands::{Outcome, gather};
use crate::error::{Error, Result};
use crate::finding::{Origin, Severity};
use crate::material::key::KeyFault;
use crate::material::{Block, Item};
use crate::report::{Report, Value, object};

/// Show what kind of key a file holds: type, size, form, encrypted or not, mode and owner, and the SHA-256 of its public key.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit key inspect /etc/ssl/private/mail.key
  ssh host cat mail.key | pkit key inspect -")]
pub struct Args {
    /// The key, PEM or DER; - is standard input
    #[arg(value_name = "KEY")]
    key: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let access = Access::of(&args.key);
    let material = load::material(&args.key)?;
    let mut keys = material.blocks.into_iter().filter(|b| matches!(b.item, Item::Key(_) | Item::UnusableKey(_)));
    let damage = material.findings.iter().find(|f| f.severity == Severity::Error).map(gather::error_of);
    let missing = || damage.unwrap_or_else(|| no_key(&args.key));
    let first = keys.next().ok_or_else(missing)?;
    let (words, result) = shown(&first, access.as_ref())?;
    let mode = access.map(|a| format!("{:04o} {}:{}", a.mode, a.owner, a.group));
    let mut report = Report::of(result.with("source", source(&first.origin)));
    report.say([words].into_iter().chain(mode).collect::<Vec<_>>().join(", "));
    if let Item::Key(key) = &first.item {
        report.say(format!("SPKI SHA-256 {}", key.public().map_or("not known".into(), |public| public.sha256())));
    }
    let more = keys.count();
    if more > 0 {
        report.say(format!("the first of {} private keys in the file", more + 1));
    }
    Ok(report.into())
}

/// The key in words and for programs; of an encrypted one only what is plain to see.
fn shown(found: &Block, access: Option<&Access>) -> Result<(String, Value)> {
    let path = &found.origin.path;
    match &found.item {
        Item::UnusableKey(KeyFault::Encrypted) => {
            let result = object! {
                "path" => path.as_path(), "type" => Value::Null, "bits" => Value::Null, "curve" => Value::Null,
                "format" => Value::Null, "encrypted" => true, "mode" => access.map(|a| format!("{:04o}", a.mode)),
                "owner" => access.map(|a| a.owner.as_str()), "group" => access.map(|a| a.group.as_str()),
                "spki_sha256" => Value::Null,
            };
            Ok(("a private key, encrypted".into(), result))
        }
        Item::UnusableKey(fault) => {
            let finding = crate::checks::key::fault(fault, &found.origin);
            Err(Error::input(finding.rule, format!("{}: {fault}", found.origin)).path(path))
        }
        Item::Key(key) => {
            Ok((format!("{}, {}, not encrypted", key.kind(), key.form().word()), value(path, key, access)))
        }
        _ => Err(no_key(path)),
    }
}

fn no_key(path: &Path) -> Error {
    Error::input(&KEY_NOT_FOUND, format!("{} holds no private key", path.display())).path(path)
}

fn source(origin: &Origin) -> Value {
    object! { "path" => origin.path.as_path(), "index" => origin.index, "line" => origin.line }
}
