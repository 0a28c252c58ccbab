//! `key new`: a private key where the user wants it, and nowhere else.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Access, Shown, load};
use crate::checks::perms::{Judge, Role};
use crate::commands::key_file::{self, KdfName};
use crate::commands::new_key::NewKeyArgs;
use crate::commands::{Context, Outcome};
use crate::content::{Content, FileWrite, Overwrite};
use crate::error::{Error, Result};
use crate::files::{facts, read, users, write};
use crate::finding::Severity;
use crate::material::Format;
use crate::material::key::{Form, KeyKind};
use crate::pki::keygen::{self, NewKey};
use crate::plan::Plan;
use crate::report::{Report, object};

/// Make a private key: RSA 3072 unless told otherwise, PKCS#8, mode 0400.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit key new -o mail.key
  pkit key new -o mail.key --type ecdsa
  pkit key new -o mail.key --bits 4096 --if-missing
  pkit key new -o ca.key --encrypt --passphrase-file ca.pass
  pkit key new -o - --type ed25519 | ssh host 'umask 077; cat > mail.key'")]
pub struct Args {
    /// Where to write the key; - is standard output
    #[arg(short, long, value_name = "KEY")]
    output: PathBuf,
    #[command(flatten)]
    kind: NewKeyArgs,
    /// Encrypt it with a passphrase: AES-256
    #[arg(long)]
    encrypt: bool,
    /// How the cipher's key follows from the passphrase [default: pbkdf2]
    #[arg(long, value_enum, requires = "encrypt")]
    kdf: Option<KdfName>,
    /// Leave an existing key of this type and size as it is
    #[arg(long)]
    if_missing: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let new = args.kind.meant()?;
    let to_stdout = args.output.as_os_str() == "-";
    if to_stdout && (context.json || args.if_missing) {
        return Err(Error::usage("a key on standard output goes with neither --json nor --if-missing")
            .hint("write it to a file with -o FILE"));
    }
    if args.if_missing
        && let Some(outcome) = existing(args, new, context)?
    {
        return Ok(outcome);
    }
    if context.dry_run {
        return Ok(promised(&args.output, new, context));
    }
    let passphrase = args.encrypt.then(|| context.secret.fresh("the new key")).transpose()?;
    let key = keygen::generate(new)?;
    let written = key_file::written(&key, Form::Pkcs8, Format::Pem, passphrase, args.kdf.unwrap_or_default())?;
    let content = Content::Secret(written.bytes);
    let (owner, group) = write::owner();
    let access = (!to_stdout).then(|| Access { mode: content.mode(), owner, group });
    let shown = Shown { encryption: written.encryption, ..Shown::plain(&key) };
    let mut report = Report::of(shown.value(&args.output, access.as_ref()));
    let what = words(&shown);
    if to_stdout {
        report.say(format!("made {what}"));
        report.artefact = Some(content);
        return Ok(report.into());
    }
    let plan = Plan::file(FileWrite { path: args.output.clone(), content, what, overwrite: context.overwrite });
    Ok(Outcome { report, plan })
}

/// A dry run makes no key: nobody would ever see it again, and its digest would only mislead.
fn promised(path: &Path, new: NewKey, context: &Context) -> Outcome {
    let kind = new.kind();
    let result =
        object! { "path" => path, "type" => kind.algorithm(), "bits" => kind.bits(), "curve" => kind.curve_name() };
    if path.as_os_str() == "-" {
        return Report::of(result).into();
    }
    let content = Content::Secret(Zeroizing::default());
    let write = FileWrite { path: path.to_owned(), content, what: kind.to_string(), overwrite: context.overwrite };
    Outcome { report: Report::of(result), plan: Plan::file(write) }
}

/// `--if-missing`: what stands there now is left alone if it is what was asked for; it is in the way if it is anything else.
fn existing(args: &Args, new: NewKey, context: &Context) -> Result<Option<Outcome>> {
    let path = &args.output;
    let material = match load::material(path) {
        Err(error) if error.rule == &read::FILE_MISSING => return Ok(None),
        other => other?,
    };
    let found = load::first_key(material, context)?;
    // Said only where it makes the difference.
    let lock = |locked: bool| match &found {
        Some((_, encryption)) if encryption.is_some() == args.encrypt => "",
        _ if locked => ", encrypted",
        _ => ", not encrypted",
    };
    let holds = match &found {
        Some((key, encryption)) if *key.kind() == new.kind() && encryption.is_some() == args.encrypt => {
            let shown = Shown { encryption: encryption.clone(), ..Shown::plain(key) };
            return unchanged(path, &shown).map(Some);
        }
        Some((key, encryption)) => format!("{}{}", key.kind(), lock(encryption.is_some())),
        None => "no key that can be read".into(),
    };
    if context.overwrite == Overwrite::Replace {
        return Ok(None);
    }
    let asked = format!("{}{}", new.kind(), lock(args.encrypt));
    let message = format!("{} already exists: it holds {holds}, and {asked} was asked for", path.display());
    Err(Error::refused(&write::KEY_EXISTS, message).path(path))
}

/// The key is as asked for; whether others can read it is worth a word all the same.
pub(super) fn unchanged(path: &Path, key: &Shown) -> Result<Outcome> {
    let access = Access::of(path);
    let mut report = Report::of(key.value(path, access.as_ref()));
    let mode = access.map_or(String::new(), |a| format!(", {:04o} {}:{}", a.mode, a.owner, a.group));
    report.say(format!("unchanged {} ({}{mode})", path.display(), words(key)));
    if let Ok(facts) = facts::of(path) {
        report.findings = Judge { caller: users::caller(), ..Judge::default() }.file(&facts, Role::Key, &[]);
        report.findings.iter_mut().for_each(|f| f.severity = f.severity.min(Severity::Warning));
    }
    Ok(report.into())
}

pub(super) fn words(key: &Shown) -> String {
    let spki = key.spki().unwrap_or("not known".into());
    let locked = if key.encryption.is_some() { ", encrypted" } else { "" };
    let kind = key.kind.as_ref().map_or("a private key".into(), KeyKind::to_string);
    format!("{kind}, {}{locked}, SPKI SHA-256 {spki}", key.form())
}
