//! Joins CA certificates and their CRLs into the one file that Dovecot's `ssl_ca` wants: each CA followed by its CRL, the
//! issuing CA first and the root last. A CRL belongs to a CA if the CA signed it; of several the newest is kept.

use std::cmp::Reverse;

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
    /// Lists that no CA of the pile has signed.
    pub foreign: Vec<(&'a Origin, &'a Crl)>,
    /// Lists that a newer one of the same CA makes useless, and deltas, which Dovecot does not read.
    pub superseded: Vec<(&'a Origin, &'a Crl)>,
}

/// Sorts a pile into a bundle.
pub fn dovecot_ca(material: &Material) -> Bundle<'_> {
    let mut bundle = Bundle::default();
    let mut authorities: Vec<(&Origin, &Cert)> = Vec::new();
    for (origin, cert) in material.certs() {
        if !(cert.is_ca() || cert.is_self_issued()) {
            bundle.no_authorities.push((origin, cert));
        } else if !authorities.iter().any(|(_, known)| *known == cert) {
            authorities.push((origin, cert));
        }
    }
    let mut unsigned: Vec<(&Origin, &Crl)> = material.crls().collect();
    for (origin, ca) in lowest_first(authorities) {
        let (mut own, rest): (Vec<_>, Vec<_>) = unsigned.into_iter().partition(|(_, crl)| is_of(crl, ca));
        unsigned = rest;
        own.sort_by_key(|(_, crl)| (crl.is_delta, Reverse(crl.this_update)));
        // Another certificate of the same CA has its list already.
        let shared = bundle.entries.iter().find(|e| e.ca.subject == ca.subject && e.ca.public_key == ca.public_key);
        let crl = match shared {
            Some(entry) => entry.crl,
            None if own.first().is_some_and(|(_, crl)| !crl.is_delta) => Some(own.remove(0)),
            None => None,
        };
        bundle.superseded.extend(own);
        bundle.entries.push(Entry { origin, ca, crl });
    }
    bundle.foreign = unsigned;
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

/// By name and signature: many CAs have lists of the same name after a key change.
fn is_of(crl: &Crl, ca: &Cert) -> bool {
    crl.issuer == ca.subject && crl.verify(&ca.public_key).is_ok()
}

/// Issuing CAs before what issued them, roots last; the order of the pile otherwise.
fn lowest_first<'a>(authorities: Vec<(&'a Origin, &'a Cert)>) -> Vec<(&'a Origin, &'a Cert)> {
    let height = |cert: &Cert| {
        // How many CAs of the pile stand below it, at most; the bound ends loops of cross-signed CAs.
        let mut level: Vec<&Cert> = vec![cert];
        let mut height = 0;
        while height < super::chain::MAX_DEPTH {
            let below: Vec<&Cert> = authorities
                .iter()
                .map(|(_, c)| *c)
                .filter(|c| !c.is_self_issued() && level.iter().any(|above| c.issuer == above.subject))
                .collect();
            if below.is_empty() {
                break;
            }
            (level, height) = (below, height + 1);
        }
        (cert.is_self_issued(), height)
    };
    let mut ranked: Vec<_> = authorities.iter().map(|(origin, cert)| (height(cert), *origin, *cert)).collect();
    ranked.sort_by_key(|(rank, ..)| *rank);
    ranked.into_iter().map(|(_, origin, cert)| (origin, cert)).collect()
}
