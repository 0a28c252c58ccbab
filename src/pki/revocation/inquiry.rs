//! One path asked about (RFC 5280 section 6.3.3): for each certificate the lists that may tell, each list's signer, and, where
//! the signer is not on the path, whether the signer stands itself. Nobody vouches for a signer through the signer's own lists
//! while others can be asked, and a circle of signers proves nothing.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::HashMap;

use super::scope::{covered, covers, implied, rank, same_series};
use super::{Answers, Depth, Listed, Lists, Obstacle, Question, Status, Why, dates, key_ids_differ};
use crate::material::cert::Cert;
use crate::material::crl::Crl;
use crate::material::points::DistributionPoint;
use crate::material::revoked::{Entry, Reason};

pub(super) struct Inquiry<'i, 'q, 'a> {
    pub(super) lists: &'i Lists<'a>,
    pub(super) question: &'i Question<'q>,
    /// Signers beside the path, by fingerprint. One that is being asked about does not stand yet.
    pub(super) standing: RefCell<HashMap<[u8; 32], Result<(), Why>>>,
}

/// How the signer of a list stands to the certificate that is asked about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// On the path above it.
    Above,
    /// Somewhere else.
    Beside,
    /// It is the certificate itself.
    Own,
}

impl<'a> Inquiry<'_, '_, 'a> {
    /// 6.3.3 for the first certificate of a path: each distribution point in turn, then the lists of the issuer that no point
    /// names. Lists that the certificate itself has signed come last, since with a stolen key anybody clears himself; but some
    /// CAs leave nothing else (a key for CRLs alone, NIST PKITS 4.14.30).
    pub(super) fn status(&self, path: &[&Cert]) -> Status<'a> {
        let Some(cert) = path.first() else { return Status::Missing };
        let mut answers = Answers::default();
        for own in [false, true] {
            for point in cert.extensions.crl_points.iter().chain([&implied(cert)]) {
                for list in self.lists.of(point, cert) {
                    if answers.superseded(list.crl) {
                        continue;
                    }
                    match self.consult(list, point, path, own) {
                        Ok(Some(entry)) => return Status::Revoked { date: entry.date, reason: entry.reason, list },
                        Ok(None) => answers.add(list.crl, covered(point, list.crl)),
                        Err(why) => answers.obstacles.push(Obstacle { list, why }),
                    }
                }
            }
        }
        answers.status()
    }

    /// The entry for the certificate on this list or its newest delta, or why the list is not to be used for it.
    fn consult(
        &self,
        list: Listed<'a>,
        point: &DistributionPoint,
        path: &[&Cert],
        own: bool,
    ) -> Result<Option<Entry<'a>>, Why> {
        let cert = path[0];
        if !covers(list.crl, point, cert) {
            return Err(Why::OutOfScope);
        }
        self.sound(list.crl, path, own)?;
        let (newest, delta) = self.deltas(list.crl, path, own);
        let names = |entry: &Entry| entry.reason != Some(Reason::REMOVE_FROM_CRL);
        let entry = delta.and_then(|d| self.lists.find(d, cert)).or_else(|| self.lists.find(list.crl, cert));
        // What a newer one said before it went stale is still to be told of; only that it frees somebody is not believed then.
        let said = newest.and_then(|d| self.lists.find(d, cert)).filter(names);
        let entry = said.or(entry.filter(names));
        match dates(list.crl, self.question.now) {
            // The numbers say that nothing lies between the two, so the delta's dates speak for both (5.2.4); and who was
            // revoked when the list was new is still to be told of.
            Err(Why::Expired) if delta.is_some() || entry.is_some() => Ok(entry),
            Err(why) => Err(why),
            Ok(()) => Ok(entry),
        }
    }

    /// Of the deltas that go on from this list, with the same scope and key and a base not beyond it (6.3.3 (c)): the newest, and
    /// the newest that is not stale. No more of them are looked at than it takes: each costs a signature.
    fn deltas(&self, base: &Crl, path: &[&Cert], own: bool) -> (Option<&'a Crl>, Option<&'a Crl>) {
        let number = rank(base.number.as_deref());
        let fits = |delta: &Crl| {
            same_series(delta, base)
                && rank(delta.base_number.as_deref()) <= number
                && rank(delta.number.as_deref()) > number
                && matches!(dates(delta, self.question.now), Ok(()) | Err(Why::Expired))
        };
        let mut deltas: Vec<&Crl> = self.lists.deltas(base).filter(|delta| fits(delta)).collect();
        deltas.sort_by_key(|d| Reverse(rank(d.number.as_deref())));
        let in_force = |delta: &&Crl| dates(delta, self.question.now).is_ok();
        let mut sound = deltas.into_iter().filter(|d| self.sound(d, path, own).is_ok());
        let newest = sound.next();
        (newest, newest.filter(in_force).or_else(|| sound.find(in_force)))
    }

    /// Is everything about the list understood, and was it signed by somebody who may (6.3.3 (f) and (g))?
    fn sound(&self, crl: &Crl, path: &[&Cert], own: bool) -> Result<(), Why> {
        if !crl.unknown_critical.is_empty() {
            return Err(Why::CriticalUnknown);
        }
        let mut why = Why::SignedByNobody;
        for (role, signer) in self.candidates(crl, path, own) {
            match self.lists.signed_by(crl, signer) {
                Ok(()) => match self.may(role, signer) {
                    Ok(()) => return Ok(()),
                    Err(other) => why = other,
                },
                Err(Why::SignedByNobody) => {}
                Err(other) => why = other,
            }
        }
        Err(why)
    }

    /// Who has the name of the list's issuer, the likeliest first.
    fn candidates(&self, crl: &Crl, path: &[&'_ Cert], own: bool) -> Vec<(Role, &Cert)> {
        let (cert, above) = (path[0], &path[1..]);
        let role = |signer: &Cert| match signer {
            s if s == self.question.anchor || above.contains(&s) => Role::Above,
            s if s == cert => Role::Own,
            _ => Role::Beside,
        };
        let all = self.question.path.iter().chain(self.question.signers).chain([&self.question.anchor]);
        let named = all.filter(|signer| signer.subject == crl.issuer).map(|signer| (role(signer), *signer));
        let mut candidates: Vec<(Role, &Cert)> = named.filter(|(role, _)| own || *role != Role::Own).collect();
        candidates.sort_by_key(|(role, signer)| (*role, key_ids_differ(crl, signer), *signer.sha256()));
        candidates.dedup_by_key(|(_, signer)| *signer.sha256());
        candidates
    }

    /// May this certificate sign a list? Who signs for itself must have been given that right in so many words.
    fn may(&self, role: Role, signer: &Cert) -> Result<(), Why> {
        match (signer.extensions.key_usage, role) {
            (Some(usage), _) if !usage.crl_sign() => Err(Why::SignerMayNot),
            (None, Role::Own) => Err(Why::SignerMayNot),
            (_, Role::Beside) => self.stands(signer),
            _ => Ok(()),
        }
    }

    /// Does the signer's own path stand, with nobody on it revoked?
    fn stands(&self, signer: &Cert) -> Result<(), Why> {
        let known = self.standing.borrow().get(signer.sha256()).copied();
        if let Some(known) = known {
            return known;
        }
        self.standing.borrow_mut().insert(*signer.sha256(), Err(Why::SignerNotCleared));
        let stands = self.cleared(signer);
        self.standing.borrow_mut().insert(*signer.sha256(), stands);
        stands
    }

    /// The certificates of the path in question are asked about by themselves.
    fn cleared(&self, signer: &Cert) -> Result<(), Why> {
        let path = (self.question.proven)(signer).ok_or(Why::SignerNotProven)?;
        let asked = if self.question.depth == Depth::Leaf { 0 } else { path.len() };
        for n in (0..asked).filter(|n| !self.question.path.contains(&path[*n]) && path[*n] != self.question.anchor) {
            match self.status(&path[n..]) {
                Status::Good => {}
                Status::Revoked { .. } => return Err(Why::SignerRevoked),
                Status::Missing | Status::Unusable(_) | Status::Partial(_) => return Err(Why::SignerNotCleared),
            }
        }
        Ok(())
    }
}
