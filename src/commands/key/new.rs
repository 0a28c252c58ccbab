//! `key new`: a private key where the user wants it, and nowhere else.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Access, load, value};
use crate::checks::perms::{Judge, Role};
use crate::commands::new_key::{self, NewKeyArgs};
use crate::commands::{Context, Outcome};
use crate::content::{Content, FileWrite, Overwrite};
use crate::error::{Error, Result};
use crate::files::{facts, read, users, write};
use crate::finding::Severity;
use crate::material::Item;
use crate::material::key::PrivateKey;
use crate::pki::keygen::{self, NewKey};
use crate::plan::Plan;
use crate::report::{Report, object};

/// Make a private key: RSA 3072 unless told otherwise, PKCS#8, mode 0400.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit key new -o mail.key
  pkit key new -o mail.key --type ecdsa
  pkit key new -o mail.key --bits 4096 --if-missing
  pkit key new -o - --type ed25519 | ssh host 'umask 077; cat > mail.key'")]
pub struct Args {
    /// Where to write the key; - is standard output
    #[arg(short, long, value_name = "KEY")]
    output: PathBuf,
    #[command(flatten)]
    kind: NewKeyArgs,
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
        && let Some(outcome) = existing(&args.output, new, context.overwrite)?
    {
        return Ok(outcome);
    }
    if context.dry_run {
        return Ok(promised(&args.output, new, context));
    }
    let key = keygen::generate(new)?;
    let content = new_key::content(&key);
    let (owner, group) = write::owner();
    let access = (!to_stdout).then(|| Access { mode: content.mode(), owner, group });
    let mut report = Report::of(value(&args.output, &key, access.as_ref()));
    let what = words(&key);
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
fn existing(path: &Path, new: NewKey, overwrite: Overwrite) -> Result<Option<Outcome>> {
    let material = match load::material(path) {
        Err(error) if error.rule == &read::FILE_MISSING => return Ok(None),
        other => other?,
    };
    let found = material.blocks.into_iter().find_map(|block| match block.item {
        Item::Key(key) => Some(key),
        _ => None,
    });
    match found {
        Some(key) if *key.kind() == new.kind() => unchanged(path, &key).map(Some),
        _ if overwrite == Overwrite::Replace => Ok(None),
        other => {
            let holds = other.map_or("no key that can be read".into(), |key| key.kind().to_string());
            let message =
                format!("{} already exists: it holds {holds}, and {} was asked for", path.display(), new.kind());
            Err(Error::refused(&write::KEY_EXISTS, message).path(path))
        }
    }
}

/// The key is as asked for; whether others can read it is worth a word all the same.
fn unchanged(path: &Path, key: &PrivateKey) -> Result<Outcome> {
    let access = Access::of(path);
    let mut report = Report::of(value(path, key, access.as_ref()));
    let mode = access.map_or(String::new(), |a| format!(", {:04o} {}:{}", a.mode, a.owner, a.group));
    report.say(format!("unchanged {} ({}{mode})", path.display(), words(key)));
    if let Ok(facts) = facts::of(path) {
        report.findings = Judge { caller: users::caller(), ..Judge::default() }.file(&facts, Role::Key, &[]);
        report.findings.iter_mut().for_each(|f| f.severity = f.severity.min(Severity::Warning));
    }
    Ok(report.into())
}

fn words(key: &PrivateKey) -> String {
    let public = key.public().map_or("not known".into(), |public| public.sha256());
    format!("{}, {}, SPKI SHA-256 {public}", key.kind(), key.form().word())
}
