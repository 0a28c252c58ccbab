//! Order in a pile of certificates: which one is the end-entity, who issued whom, which paths lead to a trust anchor, what is
//! missing and what is left over. An issuer is found by name, key identifier and signature. Whether the path is valid is for
//! `verify`; where the pile came from does not matter here.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use crate::crypto::{Digest, SignatureFault, digest};
use crate::finding::{Location, Origin};
use crate::material::cert::Cert;
use crate::material::key::PublicKey;
use crate::material::trust_settings::TrustSettings;

/// A certificate of the pile and where it stood.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The first place where it stood.
    pub origin: &'a Origin,
    /// The certificate.
    pub cert: &'a Cert,
}

/// A pile without repetitions, with its anchors, ready to be searched.
#[derive(Debug)]
pub struct Pile<'a> {
    found: Vec<Found<'a>>,
    repeated: Vec<Found<'a>>,
    anchors: &'a [Cert],
    by_subject: HashMap<&'a [u8], Vec<Issuer<'a>>>,
    /// Names that have issued a certificate other than their own.
    issuing: HashSet<&'a [u8]>,
    checked: Arc<Signatures>,
    signatures_left: Cell<usize>,
    candidates_left: Cell<usize>,
    stopped: Cell<bool>,
}

/// Signatures that were checked, for all piles that the same CAs are in.
#[derive(Debug, Default)]
pub struct Signatures(Mutex<HashMap<Pair, Result<(), SignatureFault>>>);

/// Fingerprints of the key of a possible issuer, which many certificates may share, and of what it may have signed.
type Pair = (Vec<u8>, [u8; 32]);

/// A possible issuer.
#[derive(Clone, Copy, Debug)]
struct Issuer<'a> {
    cert: &'a Cert,
    is_anchor: bool,
}

/// A way from the end-entity upward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path<'a> {
    /// End-entity and intermediates, each signed by the next; the root is not among them unless it is all there is.
    pub certs: Vec<&'a Cert>,
    /// How it ends.
    pub end: End<'a>,
}

/// How a path ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End<'a> {
    /// The last certificate was issued by, or is, this trust anchor.
    Anchored(&'a Cert),
    /// It leads to this self-signed certificate, which is not among the trust anchors.
    Root(&'a Cert),
    /// Nobody in the pile or among the anchors issued the last certificate.
    Missing,
}

impl Signatures {
    fn known(&self) -> MutexGuard<'_, HashMap<Pair, Result<(), SignatureFault>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Path<'a> {
    /// Does it end in the trust store?
    pub fn is_anchored(&self) -> bool {
        matches!(self.end, End::Anchored(_))
    }

    /// The certificate whose issuer is missing.
    pub fn gap(&self) -> Option<&'a Cert> {
        self.certs.last().copied().filter(|_| self.end == End::Missing)
    }

    /// The certificate at its end, if there is one.
    pub fn root(&self) -> Option<&'a Cert> {
        match self.end {
            End::Anchored(root) | End::Root(root) => Some(root),
            End::Missing => None,
        }
    }
}

/// Most signature checks in one search: a mesh of cross-signed CAs once cost other builders exponential time, and rustls-webpki
/// now stops at the same number. A path of a real PKI needs three or four.
pub const MAX_SIGNATURES: usize = 100;
/// Longest path below the root; public ones have two or three certificates.
pub const MAX_DEPTH: usize = 10;
/// Partial paths looked at in one search: several for each signature that may be checked.
const MAX_STEPS: usize = 2_000;
/// Possible issuers looked at in one search: a pile can hold thousands of one name and key, all of which "signed" the same.
const MAX_CANDIDATES: usize = 20_000;
/// Complete paths that are of interest.
pub(super) const MAX_PATHS: usize = 128;

impl<'a> Pile<'a> {
    /// Sorts a pile by subject. Of identical certificates the first counts.
    pub fn new(certs: impl IntoIterator<Item = (&'a Origin, &'a Cert)>, anchors: &'a [Cert]) -> Pile<'a> {
        Pile::beside(&Arc::default(), certs, anchors)
    }

    /// The same, where other piles have been searched: what they have checked is not checked again.
    pub fn beside(
        known: &Arc<Signatures>,
        certs: impl IntoIterator<Item = (&'a Origin, &'a Cert)>,
        anchors: &'a [Cert],
    ) -> Pile<'a> {
        let mut pile = Pile {
            found: Vec::new(),
            repeated: Vec::new(),
            anchors,
            by_subject: HashMap::new(),
            issuing: HashSet::new(),
            checked: known.clone(),
            signatures_left: Cell::new(MAX_SIGNATURES),
            candidates_left: Cell::new(MAX_CANDIDATES),
            stopped: Cell::new(false),
        };
        let mut seen = HashSet::new();
        for (origin, cert) in certs {
            let fresh = seen.insert(cert.sha256());
            (if fresh { &mut pile.found } else { &mut pile.repeated }).push(Found { origin, cert });
        }
        for cert in anchors {
            pile.by_subject.entry(cert.subject.comparable()).or_default().push(Issuer { cert, is_anchor: true });
        }
        let trusted: HashSet<&[u8; 32]> = anchors.iter().map(Cert::sha256).collect();
        for Found { cert, .. } in &pile.found {
            if !trusted.contains(cert.sha256()) {
                pile.by_subject.entry(cert.subject.comparable()).or_default().push(Issuer { cert, is_anchor: false });
            }
            if !cert.is_self_issued() {
                pile.issuing.insert(cert.issuer.comparable());
            }
        }
        pile
    }

    /// The certificates, each once, in the order of the pile.
    pub fn found(&self) -> &[Found<'a>] {
        &self.found
    }

    /// The certificates that stood there once more.
    pub fn repeated(&self) -> &[Found<'a>] {
        &self.repeated
    }

    /// The certificates for this key, the one to use first: end-entities before CAs, valid ones before others, new before old.
    pub fn for_key(&self, key: &PublicKey, now: OffsetDateTime) -> Vec<Found<'a>> {
        let mut matching: Vec<Found> = self.found.iter().copied().filter(|f| f.cert.public_key == *key).collect();
        matching.sort_by_key(|f| (f.cert.is_ca(), !f.cert.is_valid_at(now), Reverse(f.cert.not_before)));
        matching
    }

    /// What could be meant to be served: certificates that have issued nothing here. Those that are no CA come before those
    /// that name a host (self-signed certificates are often marked as CAs), and these before what is merely not a root; a key
    /// that may do nothing but sign certificates and lists can be served last of all (RFC 5280 section 4.2.1.3).
    pub fn end_entities(&self) -> Vec<Found<'a>> {
        let idle = |cert: &Cert| !self.issuing.contains(cert.subject.comparable()) || cert.subject.is_empty();
        let wanted: [fn(&Cert) -> bool; 4] = [
            |c| !c.is_ca(),
            |c| !c.alt_names().is_empty(),
            |c| !c.is_self_issued() && c.extensions.key_usage.is_none_or(|usage| usage.serves_tls()),
            |c| !c.is_self_issued(),
        ];
        let of = |kind: &fn(&Cert) -> bool| -> Vec<Found<'a>> {
            self.found.iter().copied().filter(|f| idle(f.cert) && kind(f.cert)).collect()
        };
        wanted.iter().map(of).find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// All ways up from a certificate, best first: those that end in the trust store before others, shorter before longer.
    /// Never empty; the work is bounded, so a hostile mesh yields the paths found until then.
    pub fn paths(&self, leaf: &'a Cert) -> Vec<Path<'a>> {
        self.paths_through(leaf, &|_| true)
    }

    /// The same by way of usable CAs only; anchors are not asked about.
    pub(super) fn paths_through(&self, leaf: &'a Cert, usable: &dyn Fn(&'a Cert) -> bool) -> Vec<Path<'a>> {
        let mut complete: Vec<Path> = Vec::new();
        let mut longest = Path { certs: vec![leaf], end: End::Missing };
        let mut queue = VecDeque::from([vec![leaf]]);
        for step in 0.. {
            let anchored = complete.iter().filter(|p| p.is_anchored()).count();
            let Some(certs) = queue.pop_front().filter(|_| anchored < MAX_PATHS) else { break };
            if step == MAX_STEPS {
                self.stopped.set(true);
                break;
            }
            let top = certs[certs.len() - 1];
            if let Some(end) = self.end_of(top) {
                let below = if certs.len() > 1 { certs[..certs.len() - 1].to_vec() } else { certs };
                complete.push(Path { certs: below, end });
                continue;
            }
            let issuers = self.issuers(top);
            if issuers.is_empty() && certs.len() > longest.certs.len() {
                longest.certs = certs.clone();
            }
            for issuer in issuers {
                if issuer.is_anchor {
                    complete.push(Path { certs: certs.clone(), end: End::Anchored(issuer.cert) });
                } else if certs.len() < MAX_DEPTH
                    && !certs.iter().any(|c| same_entity(c, issuer.cert))
                    && usable(issuer.cert)
                {
                    queue.push_back([&certs[..], &[issuer.cert]].concat());
                }
            }
        }
        if complete.is_empty() {
            return vec![longest];
        }
        complete.sort_by_key(|p| (!p.is_anchored(), p.certs.len()));
        complete.truncate(MAX_PATHS);
        complete
    }

    /// Was a search given up at its limits, so that there may be more paths than were found?
    pub fn stopped(&self) -> bool {
        self.stopped.get()
    }

    /// The search is given up at a limit of the caller's.
    pub(super) fn stop(&self) {
        self.stopped.set(true);
    }

    /// The certificates of the pile that are in none of the paths.
    pub fn unused(&self, paths: &[Path<'_>]) -> Vec<Found<'a>> {
        let used = |cert: &Cert| paths.iter().any(|p| p.certs.contains(&cert) || p.root() == Some(cert));
        self.found.iter().copied().filter(|f| !used(f.cert)).collect()
    }

    /// Does a path end at this certificate: is it a trust anchor, or self-signed?
    fn end_of(&self, top: &'a Cert) -> Option<End<'a>> {
        if let Some(anchor) = self.anchors.iter().find(|a| same_entity(a, top) && (a.is_self_issued() || *a == top)) {
            // The same CA under a cross-signature is an intermediate: what signed it is looked for as usual.
            return (anchor == top || top.is_self_issued()).then_some(End::Anchored(anchor));
        }
        (top.is_self_issued() && self.signed_by(top, top)).then_some(End::Root(top))
    }

    /// Who issued it: by name, then signature. Key identifiers only say whom to try first (RFC 5280 section 4.2.1.1: they help
    /// to find, they prove nothing).
    fn issuers(&self, cert: &'a Cert) -> Vec<Issuer<'a>> {
        if self.candidates_left.get() == 0 {
            self.stopped.set(true);
            return Vec::new();
        }
        let mut candidates = self.by_subject.get(cert.issuer.comparable()).cloned().unwrap_or_default();
        // What is not marked as a CA may have issued it all the same: then `verify` can say so.
        candidates.sort_by_key(|c| (!c.is_anchor, !may_issue(c.cert), key_ids_differ(cert, c.cert)));
        let left = self.candidates_left.get();
        if candidates.len() > left {
            self.stopped.set(true);
            candidates.truncate(left);
        }
        self.candidates_left.set(left - candidates.len());
        candidates.retain(|c| self.signed_by(cert, c.cert));
        candidates
    }

    /// A signature that nobody here can check is not held against an issuer; `verify` will name it.
    fn signed_by(&self, cert: &'a Cert, issuer: &'a Cert) -> bool {
        !matches!(self.signature(cert, issuer), None | Some(Err(SignatureFault::Wrong)))
    }

    /// Did this issuer sign that certificate? Each pair is checked once; `None` when the search has used up its checks.
    pub(super) fn signature(&self, cert: &'a Cert, issuer: &'a Cert) -> Option<Result<(), SignatureFault>> {
        let pair = (digest(Digest::Sha256, issuer.public_key.spki()), *cert.sha256());
        if let Some(known) = self.checked.known().get(&pair) {
            return Some(*known);
        }
        let Some(left) = self.signatures_left.get().checked_sub(1) else {
            self.stopped.set(true);
            return None;
        };
        self.signatures_left.set(left);
        let verdict = cert.signed.verify(cert.der(), &issuer.public_key);
        self.checked.known().insert(pair, verdict);
        Some(verdict)
    }

    /// What the trust store says of a CA, in whichever of its certificates it says so.
    pub(super) fn trust_settings(&self, cert: &Cert) -> impl Iterator<Item = (&'a Cert, &'a TrustSettings)> {
        let namesakes = self.by_subject.get(cert.subject.comparable()).into_iter().flatten();
        let stored = namesakes.filter(move |known| known.is_anchor && same_entity(known.cert, cert));
        stored.filter_map(|known| Some((known.cert, known.cert.trust_settings.as_ref()?)))
    }

    /// A certificate that should be this one's issuer by its name and key identifier, whether it signed it or not.
    pub(super) fn supposed_issuer(&self, cert: &Cert) -> Option<&'a Cert> {
        let namesakes = self.by_subject.get(cert.issuer.comparable())?;
        namesakes.iter().map(|i| i.cert).find(|c| *c != cert && !key_ids_differ(cert, c))
    }

    /// Where a certificate stands: in the pile, else in the trust store, which is named by the certificate's own name.
    pub fn place(&self, cert: &Cert) -> Location {
        match self.found.iter().find(|f| f.cert == cert) {
            Some(found) => found.origin.clone().into(),
            None => Location::File(format!("trust store: {}", cert.subject).into()),
        }
    }
}

/// Version 1 certificates cannot say that they are CAs.
fn may_issue(cert: &Cert) -> bool {
    cert.is_ca() || (cert.version < 3 && cert.is_self_issued())
}

/// The same name and key, perhaps in another certificate (cross-signed, renewed): it must not come twice in one path.
fn same_entity(a: &Cert, b: &Cert) -> bool {
    a.subject == b.subject && a.public_key == b.public_key
}

fn key_ids_differ(cert: &Cert, issuer: &Cert) -> bool {
    match (&cert.extensions.authority_key_id, &issuer.extensions.subject_key_id) {
        (Some(wanted), Some(has)) => wanted != has,
        _ => false,
    }
}
