//! The part of `chain check` that asks revocation lists: its options, and what the lists say of a path.

use std::path::PathBuf;

use crate::checks;
use crate::commands::{Context, gather};
use crate::error::Result;
use crate::files::trust::Store;
use crate::material::Material;
use crate::material::cert::Cert;
use crate::pki::chain::{End, Pile};
use crate::pki::revocation::{Depth, Lists, Question, Status};
use crate::pki::verify::{Fault, Proof, Test, Wanted, prove};
use crate::report::describe::count;

/// Options about revocation.
#[derive(Debug, clap::Args)]
pub(super) struct RevocationArgs {
    /// Revocation lists; a certificate that none of them clears fails
    #[arg(long, value_name = "FILE", num_args = 1..)]
    crl: Vec<PathBuf>,
    /// Which certificates must be cleared
    #[arg(long, value_enum, default_value_t = DepthWord::Chain, requires = "crl")]
    crl_depth: DepthWord,
}

/// Which certificates are looked for on the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum DepthWord {
    /// Only the first one
    Leaf,
    /// Every one below the trust anchor
    Chain,
}

/// What the lists said.
pub(super) enum Judged {
    /// There were none, or there was no path to ask about.
    NotAsked,
    /// What speaks against the chain.
    Faults(Vec<Fault>),
    /// Nothing does: the words.
    Passed(String),
}

impl RevocationArgs {
    /// The lists, and certificates that stand among them.
    pub(super) fn lists(&self, context: &Context) -> Result<Material> {
        gather::material(&self.crl, context)
    }

    /// Asks the lists about a path that ends in a trust anchor, whatever else speaks against it: that may have been accepted.
    pub(super) fn judge<'a>(
        &self,
        lists: &'a Material,
        pile: &Pile<'a>,
        store: &'a Store,
        proof: &Proof<'a>,
        wanted: &Wanted<'_>,
    ) -> Judged {
        let (certs, anchor) = match proof.path.end {
            End::Anchored(anchor) if !self.crl.is_empty() => (&proof.path.certs, anchor),
            _ => return Judged::NotAsked,
        };
        let signers: Vec<&Cert> =
            pile.found().iter().map(|f| f.cert).chain(lists.certs().map(|(_, c)| c)).chain(&store.anchors).collect();
        let statuses = Lists::new(lists.crls()).judge(&Question {
            path: certs,
            anchor,
            depth: if self.crl_depth == DepthWord::Leaf { Depth::Leaf } else { Depth::Chain },
            now: wanted.now,
            signers: &signers,
            stands: &|signer| stands(signer, anchor, &signers, store, wanted),
        });
        told(&statuses, certs, pile)
    }
}

/// Does a path stand from the signer of a list to the anchor of the path in question? Another key of that same CA will do as
/// well if it is trusted by itself.
fn stands(signer: &Cert, anchor: &Cert, signers: &[&Cert], store: &Store, wanted: &Wanted<'_>) -> bool {
    let place = crate::finding::Origin::file("");
    let pile = Pile::new(signers.iter().map(|cert| (&place, *cert)), &store.anchors);
    let found = pile.found().iter().find(|f| f.cert == signer);
    found.is_some_and(|signer| {
        let proof = prove(&pile, signer.cert, &Wanted::at(wanted.now));
        let same_ca = |top: &Cert| top == signer.cert && top.subject == anchor.subject;
        proof.verdict.is_ok_and(|chain| chain.anchor() == anchor || same_ca(chain.anchor()))
    })
}

fn told(statuses: &[Status<'_>], path: &[&Cert], pile: &Pile<'_>) -> Judged {
    let mut faults = Vec::new();
    for (depth, (status, cert)) in statuses.iter().zip(path).enumerate() {
        let findings = checks::revocation::status(cert, status, &pile.place(cert));
        faults.extend(findings.into_iter().map(|finding| Fault { test: Test::Revocation, depth, finding }));
    }
    match faults.is_empty() {
        true => Judged::Passed(format!("{} on no list", count(statuses.len(), "certificate"))),
        false => Judged::Faults(faults),
    }
}
