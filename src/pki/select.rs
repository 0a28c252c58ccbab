//! Which certificate of a pile is to be served, and by which of its paths: the answer to "what did the CA send me?". Faults of
//! the chosen path are handed on; a choice that cannot be made is told with what there was to choose from.

use super::chain::{Found, Path, Pile};
use super::verify::{Proof, VerifiedChain, Wanted, prove};
use crate::finding::Finding;
use crate::material::key::PublicKey;

/// The certificate to serve, its path, and what else there was.
#[derive(Debug)]
pub struct Selection<'a> {
    /// The end-entity.
    pub leaf: Found<'a>,
    /// The path to use: the shortest valid one that ends in the trust store.
    pub path: Path<'a>,
    /// The proof of it, or all that speaks against it.
    pub proof: Result<VerifiedChain<'a>, Vec<Finding>>,
    /// The other paths.
    pub alternatives: Vec<Path<'a>>,
    /// Certificates that belong to none of the paths.
    pub unused: Vec<Found<'a>>,
}

/// Why no certificate could be chosen.
#[derive(Debug)]
pub enum Undecided<'a> {
    /// There is none at all.
    NoCertificate,
    /// There is no end-entity, only CAs.
    OnlyAuthorities,
    /// None belongs to the key; these are there.
    NotForKey(Vec<Found<'a>>),
    /// Several could be meant.
    Several(Vec<Found<'a>>),
}

/// Chooses by key, else by name, else because there is only one.
pub fn select<'a>(
    pile: &Pile<'a>,
    key: Option<&PublicKey>,
    wanted: &Wanted<'_>,
) -> Result<Selection<'a>, Undecided<'a>> {
    Ok(chosen(pile, leaf(pile, key, wanted)?, wanted))
}

/// The same for a certificate that has been chosen already.
pub fn chosen<'a>(pile: &Pile<'a>, leaf: Found<'a>, wanted: &Wanted<'_>) -> Selection<'a> {
    let Proof { path, verdict, alternatives } = prove(pile, leaf.cert, wanted);
    let used: Vec<Path> = alternatives.iter().chain([&path]).cloned().collect();
    let unused = pile.unused(&used);
    let proof = verdict.map_err(|faults| faults.into_iter().map(|f| f.finding).collect());
    Selection { leaf, path, proof, alternatives, unused }
}

fn leaf<'a>(pile: &Pile<'a>, key: Option<&PublicKey>, wanted: &Wanted<'_>) -> Result<Found<'a>, Undecided<'a>> {
    if pile.found().is_empty() {
        return Err(Undecided::NoCertificate);
    }
    let leaves = pile.end_entities();
    if let Some(key) = key {
        let matching = pile.for_key(key, wanted.now);
        return matching.first().copied().ok_or(Undecided::NotForKey(if leaves.is_empty() {
            pile.found().to_vec()
        } else {
            leaves
        }));
    }
    let mut named: Vec<Found> = leaves.clone();
    for name in wanted.names {
        named.retain(|f| f.cert.alt_names().iter().any(|n| name.matches(n)));
    }
    // A name that nothing presents is a fault of the certificate that is there, if there is only one.
    let candidates = if named.is_empty() { leaves } else { named };
    match candidates[..] {
        [] => Err(Undecided::OnlyAuthorities),
        [only] => Ok(only),
        _ => Err(Undecided::Several(candidates)),
    }
}
