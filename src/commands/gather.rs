//! What several verbs read in the same way: piles of material, one private key, output paths. Damage in what a command needs is
//! an error here; commands that judge damage read through `files` and `material` themselves.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::passphrase::Secret;
use super::{Context, Outcome};
use crate::checks;
use crate::checks::key::{KEY_NOT_FOUND, KEY_NOT_JUDGED};
use crate::content::{Content, FileWrite, Overwrite};
use crate::error::{Error, Result};
use crate::files::read;
use crate::finding::{Finding, Origin, Severity};
use crate::material::key::{PrivateKey, PublicKey};
use crate::material::pem::{self, MAX_BLOCKS, PEM_TOO_MANY};
use crate::material::{Contents, Item, Material, contents};
use crate::plan::Plan;
use crate::report::{Report, Value};

/// Everything in the files that were named. Damage stops the work, unless the user accepts it by its code.
pub(super) fn material(paths: &[PathBuf], context: &Context) -> Result<Material> {
    let mut material = pile(paths, context)?;
    // Unless a passphrase was named, an encrypted key among certificates is no damage; it is only of no use here.
    if context.secret.is_named() {
        unlock(&mut material, context)?;
    }
    let broken = material.blocks.iter().filter_map(|block| match &block.item {
        Item::UnusableKey(fault) => Some(checks::key::fault(fault, &block.origin)),
        _ => None,
    });
    let broken: Vec<Finding> = broken.collect();
    material.findings.extend(broken);
    whole(material, context)
}

/// The same where keys do not matter, not even broken ones.
pub(super) fn public_material(paths: &[PathBuf], context: &Context) -> Result<Material> {
    whole(pile(paths, context)?, context)
}

fn pile(paths: &[PathBuf], context: &Context) -> Result<Material> {
    let (inputs, findings) = read::pile(paths)?;
    let mut material = Material { blocks: Vec::new(), findings };
    for input in inputs {
        material.extend(Material::take(&input.path, input.bytes, input.unwrapped));
        if material.blocks.len() > MAX_BLOCKS {
            let many = format!("more than {MAX_BLOCKS} certificates, keys and CRLs in what was given");
            return Err(Error::input(&PEM_TOO_MANY, many).path(input.path));
        }
    }
    unlock_pkcs12(&mut material, &context.secret)?;
    Ok(material)
}

fn whole(mut material: Material, context: &Context) -> Result<Material> {
    material.findings = context.accepted(std::mem::take(&mut material.findings));
    match material.findings.iter().find(|f| f.severity == Severity::Error) {
        Some(damage) => Err(error_of(damage)),
        None => Ok(material),
    }
}

/// Opens every PKCS#12 file and every encrypted key, with the one passphrase of the run.
pub(crate) fn unlock(material: &mut Material, context: &Context) -> Result<()> {
    unlock_with(material, &context.secret)
}

/// The same with another passphrase, in a command that has two.
pub(super) fn unlock_with(material: &mut Material, secret: &Secret) -> Result<()> {
    unlock_pkcs12(material, secret)?;
    let locked = material.blocks.iter().find(|b| matches!(b.item, Item::EncryptedKey(_)));
    if let Some(block) = locked {
        let passphrase = secret.existing(&block.origin.to_string())?;
        material.unlock_keys(passphrase);
    }
    Ok(())
}

/// The encrypted form of this key as the file holds it, in PEM; none where it is not encrypted as PKCS#8.
pub(super) fn sealed_pem(path: &Path, key: &PrivateKey, secret: &Secret) -> Result<Option<Zeroizing<String>>> {
    let input = read::file(path)?;
    for block in Material::read(&input.path, &input.bytes).blocks {
        let Item::EncryptedKey(sealed) = &block.item else { continue };
        let opened = sealed.open(secret.existing(&block.origin.to_string())?);
        if opened.is_ok_and(|opened| opened.pkcs8_der() == key.pkcs8_der()) {
            return Ok(sealed.pem());
        }
    }
    Ok(None)
}

/// Opens the PKCS#12 files only.
pub(super) fn unlock_pkcs12(material: &mut Material, secret: &Secret) -> Result<()> {
    if let Some(block) = material.blocks.iter().find(|b| matches!(b.item, Item::Pkcs12(_))) {
        let passphrase = secret.existing(&block.origin.to_string())?;
        material.unlock_pkcs12(passphrase);
    }
    Ok(())
}

/// The one private key in a file. If it is encrypted, its passphrase is asked for.
pub(super) fn key(path: &Path, context: &Context) -> Result<(Origin, PrivateKey)> {
    let input = read::file(path)?;
    key_of(Material::read(&input.path, &input.bytes), path, &context.secret)
}

/// The one private key in what a file held.
pub(super) fn key_of(mut material: Material, path: &Path, secret: &Secret) -> Result<(Origin, PrivateKey)> {
    unlock_with(&mut material, secret)?;
    let damage = material.findings.into_iter().find(|f| f.severity == Severity::Error);
    let mut keys = Vec::new();
    let mut fault = None;
    for block in material.blocks {
        match block.item {
            Item::Key(key) => keys.push((block.origin, *key)),
            Item::UnusableKey(why) => fault = fault.or(Some(checks::key::fault(&why, &block.origin))),
            _ => {}
        }
    }
    let count = keys.len();
    match (keys.pop(), fault.or(damage)) {
        (Some(key), _) if count == 1 => Ok(key),
        (None, Some(fault)) => Err(error_of(&fault)),
        _ => {
            let message = format!("{}: {count} private keys in it; name a file with one", path.display());
            Err(Error::input(&KEY_NOT_FOUND, message).path(path))
        }
    }
}

/// The public half of a private key. Without it nobody can say which certificate the key belongs to.
pub(super) fn public(key: &PrivateKey, at: &Origin) -> Result<PublicKey> {
    key.public().ok_or_else(|| {
        let message = format!("{at}: the public key of {} cannot be computed here and is not in the file", key.kind());
        Error::input(&KEY_NOT_JUDGED, message).path(&at.path)
    })
}

/// Public bytes to a file, or to stdout where no file is named.
pub(super) fn deliver(
    report: Report,
    bytes: Vec<u8>,
    what: String,
    output: Option<&Path>,
    context: &Context,
) -> Outcome {
    deliver_content(report, Content::Public(bytes), what, output, context)
}

/// The same for content of another public kind. A program that gets JSON finds the text in the result instead of on stdout.
pub(super) fn deliver_content(
    mut report: Report,
    content: Content,
    what: String,
    output: Option<&Path>,
    context: &Context,
) -> Outcome {
    match output.filter(|path| path.as_os_str() != "-") {
        Some(path) => {
            report.result = report.result.with("path", path);
            let write = FileWrite { path: path.to_owned(), content, what, overwrite: context.overwrite };
            Outcome { report, plan: Plan::file(write) }
        }
        None if context.json => {
            let bytes: Vec<u8> = content.pieces().flat_map(Cow::into_owned).collect();
            let result = report.result.with("path", Value::Null);
            // Bytes that are no text have no place in JSON as they are.
            report.result = match String::from_utf8(bytes) {
                Ok(text) => result.with("content", text),
                Err(binary) => result.with("content_base64", pem::base64(binary.as_bytes())),
            };
            report.into()
        }
        None => {
            report.artefact = Some(content);
            report.into()
        }
    }
}

/// May this be put where a file stands? What pkit itself rewrites as its job (a bundle of the same CAs, the next CRL of the
/// same issuer) goes without `--force`, so that a cron line never needs it. `successor` says whether the new file follows on
/// what the old one holds; a file with a key in it, or that cannot be read whole, is never taken for one.
pub(super) fn overwrite(path: &Path, context: &Context, successor: impl FnOnce(&Material) -> bool) -> Overwrite {
    if path.as_os_str() == "-" {
        return context.overwrite;
    }
    let Ok(input) = read::file(path) else { return context.overwrite };
    let old = Material::read(&input.path, &input.bytes);
    let whole = old.findings.iter().all(|f| f.severity != Severity::Error);
    let keyless = contents(&input.bytes) == Contents::Public;
    if whole && keyless && successor(&old) { Overwrite::Replace } else { context.overwrite }
}

/// Damage as the reason why the work stops.
pub(super) fn error_of(damage: &Finding) -> Error {
    Error::input(damage.rule, format!("{}: {}", damage.at, damage.message)).hint(damage.advice()).path(damage.at.path())
}
