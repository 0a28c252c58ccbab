//! Has a certificate of a proven path been revoked (RFC 5280 section 6.3)? Complete and delta lists, direct and indirect ones,
//! with their scopes and reasons, are weighed for each certificate; what nobody can tell is told with its cause. The lists come
//! from the caller, who also says which signers can be trusted; the words about it are for `checks`.

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
use scope::{covered, covers, implied, rank, same_series};

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
    /// Does a path stand from such a certificate to the same anchor (6.3.3 (f))?
    pub stands: &'a dyn Fn(&Cert) -> bool,
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
    signatures: Cell<usize>,
}

/// Signatures that have been checked, by list and signer.
type Checked = HashMap<(*const Crl, [u8; 32]), Result<(), SignatureFault>>;

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
        let issuers = question.path.iter().skip(1).chain([&question.anchor]);
        let pairs = question.path.iter().zip(issuers).filter(|(cert, _)| **cert != question.anchor);
        let asked = if question.depth == Depth::Leaf { 1 } else { usize::MAX };
        pairs.take(asked).map(|(cert, issuer)| self.status(cert, issuer, question)).collect()
    }

    /// 6.3.3: each distribution point in turn, then the lists of the issuer that no point names.
    fn status(&self, cert: &Cert, issuer: &Cert, question: &Question<'_>) -> Status<'a> {
        let mut answers = Answers::default();
        for point in cert.extensions.crl_points.iter().chain([&implied(cert)]) {
            for list in self.of(point, cert) {
                if answers.superseded(list.crl) {
                    continue;
                }
                match self.consult(list, point, cert, issuer, question) {
                    Ok(Some(entry)) => return Status::Revoked { date: entry.date, reason: entry.reason, list },
                    Ok(None) => answers.add(list.crl, covered(point, list.crl)),
                    Err(why) => answers.obstacles.push(Obstacle { list, why }),
                }
            }
        }
        answers.status()
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

    /// The entry for the certificate on this list or its newest delta, or why the list is not to be used for it.
    fn consult(
        &self,
        list: Listed<'a>,
        point: &DistributionPoint,
        cert: &Cert,
        issuer: &Cert,
        question: &Question<'_>,
    ) -> Result<Option<Entry<'a>>, Why> {
        if !covers(list.crl, point, cert) {
            return Err(Why::OutOfScope);
        }
        self.sound(list.crl, issuer, question)?;
        let delta = self.delta(list.crl, issuer, question);
        let entry = delta.and_then(|d| d.find(&cert.serial, &cert.issuer));
        let entry = entry.or_else(|| list.crl.find(&cert.serial, &cert.issuer));
        let entry = entry.filter(|e| e.reason != Some(Reason::REMOVE_FROM_CRL));
        match dates(list.crl, question.now) {
            // The numbers say that nothing lies between the two, so the delta's dates speak for both (5.2.4); and who was
            // revoked when the list was new is still to be told of.
            Err(Why::Expired) if delta.is_some() || entry.is_some() => Ok(entry),
            Err(why) => Err(why),
            Ok(()) => Ok(entry),
        }
    }

    /// The newest usable delta that goes on from this list: the same scope and key, a base not beyond it (6.3.3 (c)).
    fn delta(&self, base: &Crl, issuer: &Cert, question: &Question<'_>) -> Option<&'a Crl> {
        let number = rank(base.number.as_deref());
        let fits = |delta: &Crl| {
            same_series(delta, base)
                && rank(delta.base_number.as_deref()) <= number
                && rank(delta.number.as_deref()) > number
                && dates(delta, question.now).is_ok()
        };
        let of_issuer = self.by_issuer.get(base.issuer.comparable())?.iter().map(|l| l.crl);
        let mut deltas: Vec<&Crl> = of_issuer.filter(|c| c.is_delta && fits(c)).collect();
        deltas.sort_by_key(|d| Reverse(rank(d.number.as_deref())));
        deltas.into_iter().find(|d| self.sound(d, issuer, question).is_ok())
    }

    /// Is everything about the list understood, and was it signed by somebody who may (6.3.3 (f) and (g))?
    fn sound(&self, crl: &Crl, issuer: &Cert, question: &Question<'_>) -> Result<(), Why> {
        if !crl.unknown_critical.is_empty() {
            return Err(Why::CriticalUnknown);
        }
        let on_path = [issuer, question.anchor].into_iter().chain(question.path.iter().copied());
        let on_path = on_path.map(|cert| (cert, true));
        let beside = question.signers.iter().map(|cert| (*cert, false));
        let mut candidates: Vec<(&Cert, bool)> =
            on_path.chain(beside).filter(|(cert, _)| cert.subject == crl.issuer).collect();
        candidates.sort_by_key(|(cert, on_path)| (!on_path, key_ids_differ(crl, cert)));
        let mut why = Why::SignedByNobody;
        for (cert, on_path) in candidates {
            match self.signed_by(crl, cert) {
                Ok(()) if cert.extensions.key_usage.is_some_and(|u| !u.crl_sign()) => why = Why::SignerMayNot,
                Ok(()) if on_path || (question.stands)(cert) => return Ok(()),
                Ok(()) => why = Why::SignerNotProven,
                Err(Why::SignedByNobody) => {}
                Err(other) => why = other,
            }
        }
        Err(why)
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
