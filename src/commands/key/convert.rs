//! `key convert`: the same key in another form, encrypted or not. An encrypted key stays encrypted unless `--decrypt` is said.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::{Access, Shown, load, new};
use crate::commands::key_file::{self, KdfName};
use crate::commands::passphrase::{InPassphraseArgs, OutPassphraseArgs, Secret};
use crate::commands::{Context, Outcome, gather};
use crate::content::{Content, FileWrite};
use crate::error::{Error, Result};
use crate::files::write;
use crate::material::key::{Form, PrivateKey};
use crate::material::{Format, Item};
use crate::plan::Plan;
use crate::report::Report;

/// Write a key in another form: PKCS#8 or the traditional one, PEM or DER, encrypted or not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit key convert old.key -o mail.key
  pkit key convert mail.key --to traditional --der -o mail.der
  pkit key convert mail.key --encrypt --passphrase-file new.pass -o safe.key
  pkit key convert safe.key --decrypt --passphrase-file new.pass -o mail.key
  pkit key convert ca.key -o ca.key --force --in-passphrase-file old.pass \
    --out-passphrase-file new.pass

Without --encrypt and --decrypt the key stays as it is in this respect. An
encrypted key is always written as PKCS#8, with AES-256.")]
pub struct Args {
    /// The key, PEM or DER; - is standard input
    #[arg(value_name = "KEY")]
    key: PathBuf,
    /// The form: traditional is PKCS#1 for RSA and SEC1 for ECDSA
    #[arg(long, value_enum, default_value_t = FormName::Pkcs8)]
    to: FormName,
    /// DER instead of PEM
    #[arg(long)]
    der: bool,
    /// Encrypt it with a passphrase
    #[arg(long, conflicts_with = "decrypt")]
    encrypt: bool,
    /// Leave it unencrypted
    #[arg(long)]
    decrypt: bool,
    /// How the cipher's key follows from the passphrase [default: pbkdf2]
    #[arg(long, value_enum)]
    kdf: Option<KdfName>,
    /// Where to write the key; - is standard output
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// What opens the input.
    #[command(flatten)]
    in_passphrase: InPassphraseArgs,
    /// What locks the output.
    #[command(flatten)]
    out_passphrase: OutPassphraseArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormName {
    Pkcs8,
    Traditional,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let to_stdout = args.output.as_os_str() == "-";
    if to_stdout && context.json {
        return Err(Error::usage("a key on standard output does not go with --json").hint("write it to a file"));
    }
    let opens = context.secret.or(args.in_passphrase.source());
    let (key, was) = read(args, &opens)?;
    let lock = args.encrypt || was.encryption.is_some() && !args.decrypt;
    if lock && args.to == FormName::Traditional {
        return Err(Error::usage(
            "an encrypted key is written as PKCS#8 only: the traditional encryption is a single MD5",
        )
        .hint("leave out --to traditional, or add --decrypt"));
    }
    if args.kdf.is_some() && !lock {
        return Err(Error::usage("--kdf goes with a key that is encrypted").hint("add --encrypt"));
    }
    let locks = passphrase_for_output(args, context, opens, was.encryption.is_some());
    let passphrase = if lock { Some(locks.fresh("the key that is written")?) } else { None };
    let form = form(&key, args.to)?;
    let encoding = if args.der { Format::Der } else { Format::Pem };
    let there = Target { key: &key, form, encoding, secret: passphrase.map(|_| &locks) };
    if !to_stdout && there.stands(&args.output) {
        let shown = Shown { form: Some(form), encryption: passphrase.map(|_| String::new()), ..Shown::plain(&key) };
        return new::unchanged(&args.output, &shown);
    }
    let written = key_file::written(&key, form, encoding, passphrase, args.kdf.unwrap_or_default())?;
    let content = Content::Secret(written.bytes);
    let (owner, group) = write::owner();
    let access = (!to_stdout).then(|| Access { mode: content.mode(), owner, group });
    let shown = Shown { form: Some(form), encryption: written.encryption, ..Shown::plain(&key) };
    let (from, to) = (was.words(), described(form, encoding, lock));
    let what = format!("{from} \u{2192} {to}; {}", new::words(&shown));
    let result = shown.value(&args.output, access.as_ref()).with("from", from).with("to", to);
    let mut report = Report::of(result);
    if to_stdout {
        report.say(format!("converted {what}"));
        report.artefact = Some(content);
        return Ok(report.into());
    }
    let plan = Plan::file(FileWrite { path: args.output.clone(), content, what, overwrite: context.overwrite });
    Ok(Outcome { report, plan })
}

/// How the key stood in its file.
struct Was {
    form: Form,
    encoding: Format,
    encryption: Option<String>,
}

impl Was {
    fn words(&self) -> String {
        described(self.form, self.encoding, self.encryption.is_some())
    }
}

fn described(form: Form, encoding: Format, locked: bool) -> String {
    format!("{} {}{}", form.word(), encoding.word(), if locked { " encrypted" } else { "" })
}

/// The one key, opened, and how it stood.
fn read(args: &Args, opens: &Secret) -> Result<(PrivateKey, Was)> {
    let material = load::material(&args.key)?;
    let stands = material.blocks.iter().find_map(|block| match &block.item {
        Item::Key(_) => Some((block.format, None)),
        Item::EncryptedKey(sealed) => Some((block.format, Some(sealed.to_string()))),
        Item::Pkcs12(_) => Some((block.format, Some("PKCS#12".into()))),
        _ => None,
    });
    let (encoding, encryption) = stands.unwrap_or((Format::Unknown, None));
    let (_, key) = gather::key_of(material, &args.key, opens)?;
    let was = Was { form: key.form(), encoding, encryption };
    Ok((key, was))
}

/// A passphrase for the output that was named, else the one that opened the input; of a plain input, the one of the run.
fn passphrase_for_output(args: &Args, context: &Context, opens: Secret, was_locked: bool) -> Secret {
    match args.out_passphrase.source() {
        Some(source) => context.secret.or(Some(source)),
        None if was_locked => opens,
        None => context.secret.or(None),
    }
}

fn form(key: &PrivateKey, to: FormName) -> Result<Form> {
    match to {
        FormName::Pkcs8 => Ok(Form::Pkcs8),
        FormName::Traditional => key.traditional().ok_or_else(|| {
            Error::usage(format!("there is no traditional form for {}", key.kind())).hint("leave out --to traditional")
        }),
    }
}

/// What is to stand in the file.
struct Target<'a> {
    key: &'a PrivateKey,
    form: Form,
    encoding: Format,
    /// What opens it, where it is to be encrypted.
    secret: Option<&'a Secret>,
}

impl Target<'_> {
    /// Does the file hold this already? Then it is left alone: encrypting anew would only change the salt.
    fn stands(&self, path: &Path) -> bool {
        let Ok(mut material) = load::material(path) else { return false };
        let [block] = material.blocks.as_slice() else { return false };
        let same_lock = matches!(block.item, Item::EncryptedKey(_)) == self.secret.is_some();
        if block.format != self.encoding || !same_lock {
            return false;
        }
        if let Some(secret) = self.secret
            && gather::unlock_with(&mut material, secret).is_err()
        {
            return false;
        }
        material.keys().next().is_some_and(|(_, there)| {
            there.form() == self.form && there.kind() == self.key.kind() && there.pkcs8_der() == self.key.pkcs8_der()
        })
    }
}
