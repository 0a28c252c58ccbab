//! What `prepare` and `renew deploy` have in common: a key and a chain out of a pile, everything that speaks for or against
//! serving them together, and the `layout` in which they are kept.

pub mod layout;

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::chain::build as chain;
use super::gather;
use crate::checks;
use crate::checks::key::KEY_NOT_FOUND;
use crate::commands::Context;
use crate::content::{Content, VersionFile};
use crate::error::{Error, Result};
use crate::finding::{Finding, Origin};
use crate::material::key::PrivateKey;
use crate::material::{Item, Material};
use crate::name::HostName;
use crate::pki::chain::Pile;
use crate::pki::select::Selection;

/// Everything that speaks for or against serving this chain with this key.
pub(super) fn judge(
    pile: &Pile<'_>,
    selection: &Selection<'_>,
    key: &PrivateKey,
    key_at: &Origin,
    context: &Context,
) -> Vec<Finding> {
    let mut findings = chain::leftovers(pile, selection);
    findings.extend(checks::key::consistency(key, key_at).unwrap_or_default());
    if let Err(faults) = &selection.proof {
        findings.extend(faults.iter().cloned());
    }
    for (depth, cert) in selection.path.certs.iter().enumerate() {
        let Some(found) = pile.found().iter().find(|f| f.cert == *cert) else { continue };
        let judge = if depth == 0 { checks::cert::end_entity } else { checks::cert::authority };
        findings.extend(judge(cert, found.origin, context.now));
    }
    findings
}

/// The one key of the pile; of several the one that a certificate of the pile was made for.
pub(super) fn key_of<'a>(material: &'a Material, pile: &Pile<'_>) -> Result<(&'a Origin, &'a PrivateKey)> {
    let keys: Vec<_> = material.keys().collect();
    let certified =
        |key: &PrivateKey| key.public().is_some_and(|public| pile.found().iter().any(|f| f.cert.public_key == public));
    if let Some(found) = keys.iter().copied().find(|(_, key)| certified(key)).or(keys.first().copied()) {
        return Ok(found);
    }
    let unusable = material.blocks.iter().find_map(|block| match &block.item {
        Item::UnusableKey(fault) => Some(gather::error_of(&checks::key::fault(fault, &block.origin))),
        _ => None,
    });
    Err(unusable.unwrap_or_else(|| Error::input(&KEY_NOT_FOUND, "no private key among the inputs")))
}

/// `DIR/pkit/NAME`, absolute, since a server does not know the directory that the user is in.
pub(super) fn base(dir: &Path, name: &HostName) -> Result<PathBuf> {
    let dir = std::path::absolute(dir).map_err(|e| Error::io(dir, "finding the directory", &e))?;
    Ok(dir.join("pkit").join(name.to_string()))
}

/// A file of the set that nobody but its reader may see.
pub(super) fn secret_file(name: &'static str, bytes: &[u8], what: String) -> VersionFile {
    VersionFile { name: name.into(), content: Content::Secret(Zeroizing::new(bytes.to_vec())), what, owner: None }
}
