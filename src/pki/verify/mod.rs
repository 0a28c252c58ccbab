//! The proof that a path stands: RFC 5280 section 6.1 from the trust anchor down to the end-entity, at a given instant, for a
//! purpose, names and policies. Only this module makes a `VerifiedChain`. All paths are tried, and every fault is told, not only
//! the first, since a person wants to mend them in one go. `judge` holds the steps, `policy` and `constraints` the two that are
//! long, `profile` what TLS clients ask beyond section 6. Whether the chain could be better is for `checks`.

mod common_name;
mod constraints;
mod judge;
mod policy;
pub mod profile;
pub mod rules;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use time::OffsetDateTime;

use super::chain::{End, MAX_PATHS, Path, Pile};
use crate::finding::Finding;
use crate::material::cert::Cert;
use crate::name::HostName;
pub use policy::PolicyWishes;

/// A chain that has been proven for what was asked. Made by `prove` only.
#[derive(Debug)]
pub struct VerifiedChain<'a> {
    certs: Vec<&'a Cert>,
    anchor: &'a Cert,
}

impl<'a> VerifiedChain<'a> {
    /// End-entity first, without the trust anchor (unless it is the end-entity itself).
    pub fn certs(&self) -> &[&'a Cert] {
        &self.certs
    }

    /// What it ends in.
    pub fn anchor(&self) -> &'a Cert {
        self.anchor
    }
}

/// What a chain is to be proven for.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The instant to judge by.
    pub now: OffsetDateTime,
    /// What the end-entity is to be used for.
    pub purpose: Purpose,
    /// Is the profile of public TLS certificates asked for as well?
    pub profile: bool,
    /// Names that it must present.
    pub names: &'a [HostName],
    /// Most intermediates between end-entity and anchor, self-issued ones aside.
    pub max_depth: Option<usize>,
    /// What is asked of certificate policies.
    pub policies: PolicyWishes,
}

impl Wanted<'_> {
    /// A path that is valid at this instant, for whatever purpose.
    pub fn at(now: OffsetDateTime) -> Self {
        Wanted {
            now,
            purpose: Purpose::Any,
            profile: false,
            names: &[],
            max_depth: None,
            policies: PolicyWishes::default(),
        }
    }
}

/// Extended key usage that is asked for (RFC 5280 section 4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// TLS servers: id-kp-serverAuth.
    Server,
    /// TLS clients: id-kp-clientAuth.
    Client,
    /// No restriction.
    Any,
}

/// What is looked at, in the order in which it is told: what explains other faults comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Test {
    /// The path ends in the trust store.
    Trust,
    /// Each certificate was signed by the next.
    Signature,
    /// The instant lies within all validities.
    Validity,
    /// The end-entity presents the names.
    Name,
    /// Extended key usage.
    Purpose,
    /// What issues is a CA.
    Authority,
    /// pathLenConstraint, and the user's own limit.
    PathLength,
    /// keyUsage.
    KeyUsage,
    /// nameConstraints.
    NameConstraints,
    /// Critical extensions that are not known.
    Extensions,
    /// Certificate policies.
    Policy,
    /// Keys that nobody should trust.
    Key,
    /// Nobody of the path is revoked, as far as lists were given (RFC 5280 section 6.3).
    Revocation,
    /// What TLS clients ask beyond RFC 5280 section 6.
    Profile,
}

impl Test {
    /// All of them, in order.
    pub const ALL: [Test; 14] = [
        Test::Trust,
        Test::Signature,
        Test::Validity,
        Test::Name,
        Test::Purpose,
        Test::Authority,
        Test::PathLength,
        Test::KeyUsage,
        Test::NameConstraints,
        Test::Extensions,
        Test::Policy,
        Test::Key,
        Test::Revocation,
        Test::Profile,
    ];

    /// The word for programs.
    pub fn id(self) -> &'static str {
        match self {
            Test::Trust => "trust",
            Test::Signature => "signature",
            Test::Validity => "validity",
            Test::Name => "name",
            Test::Purpose => "purpose",
            Test::Authority => "basic-constraints",
            Test::PathLength => "path-length",
            Test::KeyUsage => "key-usage",
            Test::NameConstraints => "name-constraints",
            Test::Extensions => "critical-extensions",
            Test::Policy => "policy",
            Test::Key => "key",
            Test::Revocation => "revocation",
            Test::Profile => "profile",
        }
    }
}

/// Something that speaks against a path.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Which test it fails.
    pub test: Test,
    /// Which certificate: 0 is the end-entity, the anchor comes last.
    pub depth: usize,
    /// The fact.
    pub finding: Finding,
}

/// The best path that was found, and what becomes of it.
#[derive(Debug)]
pub struct Proof<'a> {
    /// The first that stands; if none does, the one with the most telling faults.
    pub path: Path<'a>,
    /// The proof, or everything that speaks against this path, the most telling first.
    pub verdict: Result<VerifiedChain<'a>, Vec<Fault>>,
    /// The other paths.
    pub alternatives: Vec<Path<'a>>,
}

/// Tries all paths from a certificate; one that fails is not the end. Of those that fail, one into the trust store with few
/// faults says most: a path over an expired cross-signature next to one that leads nowhere.
pub fn prove<'a>(pile: &Pile<'a>, leaf: &'a Cert, wanted: &Wanted<'_>) -> Proof<'a> {
    prove_with(pile, leaf, wanted, &|_| Vec::new())
}

/// The same where something more is asked of a path that ends in the trust store: whether anybody on it is revoked. That can be
/// costly, so paths that fail without it are not asked about, but for the one that is told of in the end. A path that only this
/// speaks against says more than others.
pub fn prove_with<'a>(
    pile: &Pile<'a>,
    leaf: &'a Cert,
    wanted: &Wanted<'_>,
    more: &dyn Fn(&Path<'a>) -> Vec<Fault>,
) -> Proof<'a> {
    let mut trial = Trial { pile, wanted, more, work: Cell::new(MAX_NAME_COMPARISONS), asked: 0 };
    let mut paths = pile.paths(leaf);
    let best = match trial.first_that_stands(&paths) {
        Ok((n, chain)) => return Proof { path: paths.remove(n), verdict: Ok(chain), alternatives: paths },
        Err(best) => best,
    };
    // Among hundreds of ways the one that stands may come too late, so those are left out that a single CA rules out.
    if paths.len() == MAX_PATHS || pile.stopped() {
        let known = RefCell::new(HashMap::new());
        let usable = |ca: &'a Cert| {
            let judged = || judge::may_stand_above(pile, leaf, ca, wanted, &trial.work);
            *known.borrow_mut().entry(*ca.sha256()).or_insert_with(judged)
        };
        let mut rest = pile.paths_through(leaf, &usable);
        if let Ok((n, chain)) = trial.first_that_stands(&rest) {
            return Proof { path: rest.swap_remove(n), verdict: Ok(chain), alternatives: paths };
        }
    }
    let Refused { path, mut faults, stands_itself } = best.unwrap_or_default();
    let path = paths.remove(path);
    if !stands_itself && path.is_anchored() {
        faults.extend(more(&path));
        faults.sort_by_key(|f| (f.test, f.depth));
    }
    Proof { path, verdict: Err(faults), alternatives: paths }
}

/// Paths are tried one after the other.
struct Trial<'p, 'a> {
    pile: &'p Pile<'a>,
    wanted: &'p Wanted<'p>,
    more: &'p dyn Fn(&Path<'a>) -> Vec<Fault>,
    work: Cell<usize>,
    asked: usize,
}

impl<'a> Trial<'_, 'a> {
    /// Which one it is, with its proof; else the most telling of those that fail.
    fn first_that_stands(&mut self, paths: &[Path<'a>]) -> Result<(usize, VerifiedChain<'a>), Option<Refused>> {
        let mut best: Option<Refused> = None;
        for (n, path) in paths.iter().enumerate() {
            let refused = match verify(self.pile, path, self.wanted, &self.work) {
                Err(faults) => Refused { path: n, faults, stands_itself: false },
                Ok(_) if self.asked == MAX_ASKED => {
                    self.pile.stop();
                    break;
                }
                Ok(chain) => {
                    let faults = (self.more)(path);
                    if faults.is_empty() {
                        return Ok((n, chain));
                    }
                    self.asked += 1;
                    Refused { path: n, faults, stands_itself: true }
                }
            };
            if best.as_ref().is_none_or(|known| refused.rank(path) < known.rank(&paths[known.path])) {
                best = Some(refused);
            }
        }
        Err(best)
    }
}

/// A path that fails.
#[derive(Default)]
struct Refused {
    path: usize,
    faults: Vec<Fault>,
    /// It would stand but for what is asked beyond.
    stands_itself: bool,
}

impl Refused {
    /// Smaller is more telling.
    fn rank(&self, path: &Path<'_>) -> (u8, usize, usize) {
        let end = match path.end {
            End::Anchored(_) => 0,
            End::Root(_) => 1,
            End::Missing => 2,
        };
        (end, if self.stands_itself { 0 } else { self.faults.len() }, self.faults.len())
    }
}

/// Proves the one path that somebody else has chosen, as a server does that does not look for another.
pub fn prove_path<'a>(pile: &Pile<'a>, path: &Path<'a>, wanted: &Wanted<'_>) -> Result<VerifiedChain<'a>, Vec<Fault>> {
    verify(pile, path, wanted, &Cell::new(MAX_NAME_COMPARISONS))
}

/// What speaks against a certificate below these issuers but for signatures and trust: one that is about to be signed, as a copy
/// whose signature means nothing, or one whose chain nobody asks for. The profile, if asked for, is held against it alone, as
/// private CAs need not be as public ones are.
pub fn apart_from_signatures<'a>(
    pile: &Pile<'a>,
    copy: &'a Cert,
    issuers: &[&'a Cert],
    wanted: &Wanted<'_>,
) -> Vec<Fault> {
    let certs: Vec<&Cert> = std::iter::once(copy).chain(issuers.iter().copied()).collect();
    let path = Path { certs, end: End::Missing };
    let mut faults = judge::faults_of_contents(pile, &path, wanted, &Cell::new(MAX_NAME_COMPARISONS));
    faults.retain(|f| f.test != Test::Profile || f.depth == 0);
    // Below a CA there will be more, so that it counts, although it is the last one now.
    let limit = |ca: &Cert| ca.extensions.basic_constraints.and_then(|b| b.path_len);
    for (n, ca) in issuers.iter().enumerate().filter(|_| copy.is_ca()) {
        let below = issuers[..n].iter().filter(|ca| !ca.is_self_issued()).count();
        if let Some(limit) = limit(ca).filter(|limit| below as u64 >= u64::from(*limit)) {
            let message = format!("`{}` allows {limit} CAs below it", ca.short_name());
            let finding = rules::PATH_TOO_LONG.at(pile.place(ca), message);
            faults.push(Fault { test: Test::PathLength, depth: n + 1, finding });
        }
    }
    faults.sort_by_key(|f| (f.test, f.depth));
    faults
}

/// Proves one path, or tells everything that speaks against it.
fn verify<'a>(
    pile: &Pile<'a>,
    path: &Path<'a>,
    wanted: &Wanted<'_>,
    work: &Cell<usize>,
) -> Result<VerifiedChain<'a>, Vec<Fault>> {
    let mut faults = judge::faults(pile, path, wanted, work);
    faults.sort_by_key(|f| (f.test, f.depth));
    match path.end {
        End::Anchored(anchor) if faults.is_empty() => Ok(VerifiedChain { certs: path.certs.clone(), anchor }),
        _ => Err(faults),
    }
}

/// Paths that stand but for what is asked beyond: real PKIs have two or three.
const MAX_ASKED: usize = 16;
/// Names times constraints that are compared in one search: OpenSSL's own limit (NAME_CHECK_MAX). It takes some 20 ms.
const MAX_NAME_COMPARISONS: usize = 1 << 20;
