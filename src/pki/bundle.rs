//! Joins CA certificates and their CRLs into the one file that Dovecot's `ssl_ca` wants: each CA followed by its CRL, the
//! issuing CA first and the root last. A CRL belongs to a CA by name, key identifier and signature; of several the newest that
//! is in force is kept.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use time::OffsetDateTime;

use super::chain::{MAX_DEPTH, MAX_SIGNATURES};
use super::store;
use crate::finding::Origin;
use crate::material::Material;
use crate::material::cert::Cert;
use crate::material::crl::Crl;
use crate::material::pem;

/// A CA and its list.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Where the certificate stood.
    pub origin: &'a Origin,
    /// The CA.
    pub ca: &'a Cert,
    /// Its newest list, where it stood; none if there is none.
    pub crl: Option<(&'a Origin, &'a Crl)>,
}

/// A bundle, and what of the pile is not in it.
#[derive(Debug, Default)]
pub struct Bundle<'a> {
    /// In the order of the file.
    pub entries: Vec<Entry<'a>>,
    /// Certificates that are no CAs.
    pub no_authorities: Vec<(&'a Origin, &'a Cert)>,
    /// Lists that belong to no CA of the pile.
    pub foreign: Vec<(&'a Origin, &'a Crl)>,
    /// Lists that stood there once more.
    pub repeated: Vec<(&'a Origin, &'a Crl)>,
    /// Lists that the one that was kept makes useless, and those that are no whole list: deltas and the like.
    pub superseded: Vec<Superseded<'a>>,
}

/// A list that is left out for another one of the same CA.
#[derive(Debug)]
pub struct Superseded<'a> {
    /// Where it stood.
    pub origin: &'a Origin,
    /// The list.
    pub crl: &'a Crl,
    /// The one that is in the bundle instead; none where there is no whole list.
    pub kept: Option<&'a Crl>,
}

/// Sorts a pile into a bundle.
pub fn dovecot_ca(material: &Material, now: OffsetDateTime) -> Bundle<'_> {
    let mut bundle = Bundle::default();
    let mut authorities: Vec<(&Origin, &Cert)> = Vec::new();
    let mut seen = HashSet::new();
    for (origin, cert) in material.certs() {
        if !(cert.is_ca() || cert.is_self_issued()) {
            bundle.no_authorities.push((origin, cert));
        } else if seen.insert(cert.sha256()) {
            authorities.push((origin, cert));
        }
    }
    let mut lists = Lists::new(material, &mut bundle.repeated);
    for (origin, ca) in lowest_first(authorities) {
        // Another certificate of the same CA has its list already.
        let shared = bundle.entries.iter().find(|e| e.ca.subject == ca.subject && e.ca.public_key == ca.public_key);
        let crl = match shared {
            Some(entry) => entry.crl,
            None => {
                let mut own = lists.of(ca);
                own.sort_by_key(|(_, crl)| {
                    let narrow = !(crl.covers(true) && crl.covers(false));
                    (!crl.is_whole(), narrow, Reverse((store::in_force(crl, now), crl.this_update, number(crl))))
                });
                let whole = own.first().is_some_and(|(_, crl)| crl.is_whole());
                let newest = whole.then(|| own.remove(0));
                let kept = newest.map(|(_, crl)| crl);
                bundle.superseded.extend(own.into_iter().map(|(origin, crl)| Superseded { origin, crl, kept }));
                newest
            }
        };
        bundle.entries.push(Entry { origin, ca, crl });
    }
    bundle.foreign = lists.left();
    bundle
}

impl Bundle<'_> {
    /// The file: PEM, each list once, directly behind its CA.
    pub fn to_pem(&self) -> String {
        let mut text = String::new();
        for (n, entry) in self.entries.iter().enumerate() {
            text.push_str(&pem::encode("CERTIFICATE", entry.ca.der()));
            if let Some(crl) = self.first_of(n) {
                text.push_str(&pem::encode("X509 CRL", crl.der()));
            }
        }
        text
    }

    /// The DER of everything in the file, in its order.
    pub fn contents<'a>(&'a self) -> impl Iterator<Item = &'a [u8]> {
        let both = |(n, entry): (usize, &'a Entry<'_>)| [Some(entry.ca.der()), self.first_of(n).map(Crl::der)];
        self.entries.iter().enumerate().flat_map(both).flatten()
    }

    /// When the first list ends: from then on Dovecot refuses clients.
    pub fn goes_stale(&self) -> Option<OffsetDateTime> {
        self.entries.iter().filter_map(|e| e.crl?.1.next_update).min()
    }

    /// How many lists the file holds.
    pub fn lists(&self) -> usize {
        (0..self.entries.len()).filter_map(|n| self.first_of(n)).count()
    }

    /// The list of an entry, unless another certificate of the same CA has brought it already.
    fn first_of(&self, n: usize) -> Option<&Crl> {
        let (_, crl) = self.entries[n].crl?;
        let before = self.entries[..n].iter().filter_map(|e| e.crl).any(|(_, known)| std::ptr::eq(known, crl));
        (!before).then_some(crl)
    }
}

/// The lists of a pile, each once, that no CA has claimed yet.
struct Lists<'a> {
    by_issuer: HashMap<&'a [u8], Vec<(&'a Origin, &'a Crl)>>,
    misses_left: usize,
}

impl<'a> Lists<'a> {
    fn new(material: &'a Material, repeated: &mut Vec<(&'a Origin, &'a Crl)>) -> Lists<'a> {
        let mut lists = Lists { by_issuer: HashMap::new(), misses_left: MAX_SIGNATURES };
        let mut seen = HashSet::new();
        for (origin, crl) in material.crls() {
            let fresh = seen.insert(crl.der());
            let place =
                if fresh { lists.by_issuer.entry(crl.issuer.comparable()).or_default() } else { &mut *repeated };
            place.push((origin, crl));
        }
        lists
    }

    /// Takes out the lists of a CA: many CAs have lists of the same name after a key change. OpenSSL does not take a list by
    /// another key identifier for the CA's, whoever signed it. A hostile pile has thousands of CAs and lists of one name, so signatures of others are not checked without end.
    fn of(&mut self, ca: &Cert) -> Vec<(&'a Origin, &'a Crl)> {
        let Some(same_name) = self.by_issuer.get_mut(ca.subject.comparable()) else { return Vec::new() };
        let misses_left = &mut self.misses_left;
        let mut signed = |crl: &Crl| {
            let good = *misses_left > 0 && store::of(crl, ca) && crl.verify(&ca.public_key).is_ok();
            *misses_left -= usize::from(!good && *misses_left > 0);
            good
        };
        same_name.extract_if(.., |(_, crl)| signed(crl)).collect()
    }

    fn left(self) -> Vec<(&'a Origin, &'a Crl)> {
        let mut left: Vec<_> = self.by_issuer.into_values().flatten().collect();
        left.sort_by_key(|(origin, _)| *origin);
        left
    }
}

/// CRL numbers by size: without leading zeros the longer one is the larger.
fn number(crl: &Crl) -> (usize, &[u8]) {
    let digits = crl.number.as_deref().unwrap_or_default();
    (digits.len(), digits)
}

/// Issuing CAs before what issued them, roots last; the order of the pile otherwise.
fn lowest_first<'a>(mut authorities: Vec<(&'a Origin, &'a Cert)>) -> Vec<(&'a Origin, &'a Cert)> {
    // How many CAs of the pile stand below each name, at most; the bound ends loops of cross-signed CAs.
    let mut heights: HashMap<&[u8], usize> = HashMap::new();
    for _ in 0..MAX_DEPTH {
        for (_, ca) in authorities.iter().filter(|(_, ca)| !ca.is_self_issued()) {
            let own = heights.get(ca.subject.comparable()).copied().unwrap_or(0);
            let above = heights.entry(ca.issuer.comparable()).or_default();
            *above = (*above).max(own + 1).min(MAX_DEPTH);
        }
    }
    authorities.sort_by_key(|(_, ca)| (ca.is_self_issued(), heights.get(ca.subject.comparable()).copied()));
    authorities
}
