//! The part of `chain check` that asks revocation lists: its options, and what the lists say of a path.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;

use time::OffsetDateTime;

use crate::checks;
use crate::commands::{Context, gather};
use crate::error::Result;
use crate::finding::Origin;
use crate::material::Material;
use crate::material::cert::Cert;
use crate::pki::chain::{End, Path, Pile};
use crate::pki::revocation::{Depth, Lists, Question, Status};
use crate::pki::verify::{Fault, Test, Wanted, prove};
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

impl RevocationArgs {
    /// The lists, and certificates that stand among them.
    pub(super) fn lists(&self, context: &Context) -> Result<Material> {
        gather::material(&self.crl, context)
    }
}

/// What is asked about every path that ends in a trust anchor.
pub(in crate::commands) struct Revocation<'a> {
    lists: Lists<'a>,
    depth: Depth,
    /// Were lists given at all?
    given: bool,
    signers: Vec<&'a Cert>,
    /// Where the signers stand, which nobody asks.
    place: Origin,
    now: OffsetDateTime,
    anchors: &'a [Cert],
    proven: RefCell<Proven<'a>>,
}

/// The paths of the signers that have been looked for, by signer and anchor.
type Proven<'a> = HashMap<[[u8; 32]; 2], Option<Vec<&'a Cert>>>;

impl<'a> Revocation<'a> {
    /// By the lists that were given; signers of theirs may stand beside them, in the pile and among the anchors.
    pub(super) fn new(
        args: &RevocationArgs,
        lists: &'a Material,
        pile: &Pile<'a>,
        anchors: &'a [Cert],
        now: OffsetDateTime,
    ) -> Revocation<'a> {
        let beside = pile.found().iter().map(|f| f.cert).chain(lists.certs().map(|(_, cert)| cert));
        Revocation {
            lists: Lists::new(lists.crls()),
            depth: if args.crl_depth == DepthWord::Leaf { Depth::Leaf } else { Depth::Chain },
            given: !args.crl.is_empty(),
            signers: beside.chain(anchors).collect(),
            place: Origin::file(""),
            now,
            anchors,
            proven: RefCell::default(),
        }
    }

    /// What the lists have against a path.
    pub(super) fn faults(&self, pile: &Pile<'a>, path: &Path<'a>) -> Vec<Fault> {
        let statuses = self.statuses(path);
        let told = statuses.iter().zip(&path.certs).enumerate().flat_map(|(depth, (status, cert))| {
            let findings = checks::revocation::status(cert, status, &pile.place(cert));
            findings.into_iter().map(move |finding| Fault { test: Test::Revocation, depth, finding })
        });
        told.collect()
    }

    /// How many certificates of a path they clear, in words; `None` where nobody asked.
    pub(super) fn passed(&self, path: &Path<'a>) -> Option<String> {
        let cleared = self.statuses(path).len();
        (self.given && path.is_anchored()).then(|| format!("{} on no list", count(cleared, "certificate")))
    }

    fn statuses(&self, path: &Path<'a>) -> Vec<Status<'a>> {
        let End::Anchored(anchor) = path.end else { return Vec::new() };
        if !self.given {
            return Vec::new();
        }
        self.lists.judge(&Question {
            path: &path.certs,
            anchor,
            depth: self.depth,
            now: self.now,
            signers: &self.signers,
            proven: &|signer| self.proven(signer, anchor),
        })
    }

    /// The path from the signer of a list to the anchor of the path in question. Another key of that same CA will do as well if
    /// it is trusted by itself.
    fn proven(&self, signer: &Cert, anchor: &Cert) -> Option<Vec<&'a Cert>> {
        let key = [*signer.sha256(), *anchor.sha256()];
        if let Some(known) = self.proven.borrow().get(&key) {
            return known.clone();
        }
        let path = self.path(signer, anchor);
        self.proven.borrow_mut().insert(key, path.clone());
        path
    }

    fn path(&self, signer: &Cert, anchor: &Cert) -> Option<Vec<&'a Cert>> {
        if signer.subject == anchor.subject && self.anchors.contains(signer) {
            return Some(Vec::new());
        }
        let anchor = self.anchors.iter().position(|a| a == anchor).map(|n| &self.anchors[n..=n])?;
        let pile = Pile::new(self.signers.iter().map(|cert| (&self.place, *cert)), anchor);
        let signer = pile.found().iter().map(|f| f.cert).find(|cert| *cert == signer)?;
        let chain = prove(&pile, signer, &Wanted::at(self.now)).verdict.ok()?;
        let own = |cert: &&Cert| self.signers.iter().copied().find(|signer| signer == cert);
        chain.certs().iter().map(own).collect()
    }
}
