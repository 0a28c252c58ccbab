//! Has a certificate of a proven path been revoked (RFC 5280 section 6.3)? Complete and delta lists, direct and indirect ones,
//! with their scopes and reasons, are weighed for each certificate; what nobody can tell is told with its cause. The lists come
//! from the caller, who also says which signers can be trusted; the words about it are for `checks`.

mod inquiry;
mod scope;

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::HashMap;

use time::OffsetDateTime;

use crate::crypto::SignatureFault;
use crate::finding::Origin;
use crate::material::cert::Cert;
use crate::material::crl::Crl;
use crate::material::ext::GeneralName;
use crate::material::points::{DistributionPoint, Reasons};
use crate::material::revoked::{Entry, Reason};
use inquiry::Inquiry;
use scope::{covers, implied, rank, same_series};

/// How far up a path is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Only the end-entity.
    Leaf,
    /// Every certificate below the trust anchor.
    Chain,
}

/// A proven path, and what is needed to judge it.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// End-entity first, each issued by the next, the last one by the anchor.
    pub path: &'a [&'a Cert],
    /// What the path ends in.
    pub anchor: &'a Cert,
    /// How far up.
    pub depth: Depth,
    /// The instant to judge by.
    pub now: OffsetDateTime,
    /// Certificates beside the path that may have signed lists: other keys of a CA, issuers of indirect lists.
    pub signers: &'a [&'a Cert],
    /// The path that stands from such a certificate to the same anchor (6.3.3 (f)): itself first, the anchor left out.
    pub proven: &'a dyn Fn(&Cert) -> Option<Vec<&'a Cert>>,
}

/// A list and where it stood.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// The place.
    pub origin: &'a Origin,
    /// The list.
    pub crl: &'a Crl,
}

/// What the lists say of one certificate.
#[derive(Clone, Debug)]
pub enum Status<'a> {
    /// For every reason there is a list, and it is on none.
    Good,
    /// It is on a list.
    Revoked {
        /// Since when.
        date: OffsetDateTime,
        /// Why, where that is said.
        reason: Option<Reason>,
        /// The list.
        list: Listed<'a>,
    },
    /// No list of the certificate's issuer, or of whom the certificate names for it, is there.
    Missing,
    /// Lists are there, but none that tells.
    Unusable(Vec<Obstacle<'a>>),
    /// It is on none, but the lists cover these reasons only.
    Partial(Reasons),
}

/// Why a list says nothing about a certificate.
#[derive(Clone, Debug)]
pub struct Obstacle<'a> {
    /// The list.
    pub list: Listed<'a>,
    /// The cause.
    pub why: Why,
}

/// A cause for which a list is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its issuingDistributionPoint leaves the certificate out, or has none of the names that the certificate asks for.
    OutOfScope,
    /// It has a critical extension that pkit does not process.
    CriticalUnknown,
    /// No certificate at hand has its issuer's name and a key that signed it.
    SignedByNobody,
    /// Its signer's key usage lacks cRLSign.
    SignerMayNot,
    /// Its signer's own path to the same anchor does not stand.
    SignerNotProven,
    /// Its signer, or a CA above that, has been revoked.
    SignerRevoked,
    /// Whether its signer has been revoked, no list at hand can tell.
    SignerNotCleared,
    /// Its signature is of a kind that pkit cannot check.
    SignatureUnsupported,
    /// Before thisUpdate.
    NotYetValid,
    /// After nextUpdate.
    Expired,
    /// More signatures would have to be checked than any real delivery needs.
    TooManySignatures,
}

/// Revocation lists by issuer, newest first.
#[derive(Debug, Default)]
pub struct Lists<'a> {
    by_issuer: HashMap<&'a [u8], Vec<Listed<'a>>>,
    checked: RefCell<Checked>,
    found: RefCell<Searched<'a>>,
    signatures: Cell<usize>,
}

/// Signatures that have been checked, by list and signer.
type Checked = HashMap<(*const Crl, [u8; 32]), Result<(), SignatureFault>>;

/// What has been looked for, by list and certificate.
type Searched<'a> = HashMap<(*const Crl, [u8; 32]), Option<Entry<'a>>>;

/// Most signatures checked with one set of lists: a list of a million entries takes 20 ms, a real path needs three or four.
pub const MAX_SIGNATURES: usize = 100;

impl<'a> Lists<'a> {
    /// Sorts lists, in any order, by issuer.
    pub fn new(crls: impl IntoIterator<Item = (&'a Origin, &'a Crl)>) -> Lists<'a> {
        let mut lists = Lists::default();
        for (origin, crl) in crls {
            lists.by_issuer.entry(crl.issuer.comparable()).or_default().push(Listed { origin, crl });
        }
        for of_one in lists.by_issuer.values_mut() {
            of_one.sort_by_key(|l| Reverse((l.crl.this_update, rank(l.crl.number.as_deref()))));
        }
        lists
    }

    /// What the lists say of each certificate that the question is about, end-entity first. A trust anchor is never asked for.
    pub fn judge(&self, question: &Question<'_>) -> Vec<Status<'a>> {
        let inquiry = Inquiry { lists: self, question, standing: RefCell::default() };
        let asked = if question.depth == Depth::Leaf { 1 } else { question.path.len() };
        let below = (0..asked).filter(|n| question.path[*n] != question.anchor);
        below.map(|n| inquiry.status(&question.path[n..])).collect()
    }

    /// Complete lists of those who may issue them for this point.
    fn of(&self, point: &DistributionPoint, cert: &Cert) -> Vec<Listed<'a>> {
        let own = [GeneralName::Directory(cert.issuer.clone())];
        let names = if point.crl_issuer.is_empty() { &own[..] } else { &point.crl_issuer };
        let directory = names.iter().filter_map(|n| match n {
            GeneralName::Directory(name) => Some(name),
            _ => None,
        });
        let found = directory.filter_map(|name| self.by_issuer.get(name.comparable())).flatten();
        found.copied().filter(|l| !l.crl.is_delta).collect()
    }

    /// Deltas of the same issuer.
    fn deltas(&self, base: &Crl) -> impl Iterator<Item = &'a Crl> {
        self.by_issuer.get(base.issuer.comparable()).into_iter().flatten().map(|l| l.crl).filter(|crl| crl.is_delta)
    }

    /// The entry for a certificate; each list is searched once for each, however many paths lead over it.
    fn find(&self, crl: &'a Crl, cert: &Cert) -> Option<Entry<'a>> {
        let pair = (std::ptr::from_ref(crl), *cert.sha256());
        *self.found.borrow_mut().entry(pair).or_insert_with(|| crl.find(&cert.serial, &cert.issuer))
    }

    fn signed_by(&self, crl: &Crl, cert: &Cert) -> Result<(), Why> {
        let pair = (std::ptr::from_ref(crl), *cert.sha256());
        let known = self.checked.borrow().get(&pair).copied();
        let checked = match known {
            Some(checked) => checked,
            None if self.signatures.get() >= MAX_SIGNATURES => return Err(Why::TooManySignatures),
            None => crl.verify(&cert.public_key),
        };
        if known.is_none() {
            self.signatures.set(self.signatures.get() + 1);
            self.checked.borrow_mut().insert(pair, checked);
        }
        checked.map_err(|fault| match fault {
            SignatureFault::Wrong => Why::SignedByNobody,
            SignatureFault::Unsupported => Why::SignatureUnsupported,
        })
    }
}

/// What has come out for one certificate so far.
struct Answers<'a> {
    used: Vec<&'a Crl>,
    told: Reasons,
    obstacles: Vec<Obstacle<'a>>,
}

impl Default for Answers<'_> {
    fn default() -> Self {
        Answers { used: Vec::new(), told: Reasons::NONE, obstacles: Vec::new() }
    }
}

impl<'a> Answers<'a> {
    fn add(&mut self, crl: &'a Crl, reasons: Reasons) {
        self.used.push(crl);
        self.told = self.told.or(reasons);
    }

    /// Has a newer list of the same series answered?
    fn superseded(&self, crl: &Crl) -> bool {
        self.used.iter().any(|newer| !std::ptr::eq(*newer, crl) && same_series(newer, crl))
    }

    fn status(mut self) -> Status<'a> {
        if Reasons::ALL.within(self.told) {
            return Status::Good;
        }
        if self.told != Reasons::NONE {
            return Status::Partial(self.told);
        }
        // The same list, asked for by several points, is told of once, and not as out of scope where a point fits.
        self.obstacles.sort_by_key(|o| o.why == Why::OutOfScope);
        let mut told: Vec<Obstacle> = Vec::new();
        for obstacle in self.obstacles {
            if !told.iter().any(|o| std::ptr::eq(o.list.crl, obstacle.list.crl)) {
                told.push(obstacle);
            }
        }
        if told.is_empty() { Status::Missing } else { Status::Unusable(told) }
    }
}

/// Would this list say something about this certificate, if it is sound and current?
pub fn speaks_for(crl: &Crl, cert: &Cert) -> bool {
    let points = cert.extensions.crl_points.iter().cloned().chain([implied(cert)]);
    points.into_iter().any(|point| issues_for(crl, &point, cert) && covers(crl, &point, cert))
}

/// Is the list's issuer the one that the point asks for?
fn issues_for(crl: &Crl, point: &DistributionPoint, cert: &Cert) -> bool {
    if point.crl_issuer.is_empty() {
        return crl.issuer == cert.issuer;
    }
    point.crl_issuer.iter().any(|n| matches!(n, GeneralName::Directory(name) if *name == crl.issuer))
}

/// Is the list current? Both ends belong to its time; without an end it goes on.
pub fn dates(crl: &Crl, now: OffsetDateTime) -> Result<(), Why> {
    match crl.next_update {
        _ if now < crl.this_update => Err(Why::NotYetValid),
        Some(next) if next < now => Err(Why::Expired),
        _ => Ok(()),
    }
}

/// Key identifiers help to find the signer; they prove nothing.
fn key_ids_differ(crl: &Crl, cert: &Cert) -> bool {
    match (&crl.authority_key_id, &cert.extensions.subject_key_id) {
        (Some(wanted), Some(has)) => wanted != has,
        _ => false,
    }
}
