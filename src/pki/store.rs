//! What OpenSSL finds in a file of CAs and CRLs, as servers use it (Dovecot's `ssl_ca`, nginx, HAProxy): which chain it builds
//! from a client's certificate, and which CRL it takes for each certificate of the chain. It does not look for the best answer:
//! an issuer is chosen by name and key identifier before any signature is checked, and there is no second try. Whether the
//! result stands is for `checks::admission`.

use std::collections::HashMap;

use time::OffsetDateTime;

use crate::finding::Origin;
use crate::material::Material;
use crate::material::cert::Cert;
use crate::material::crl::Crl;
use crate::material::dn::Name;

/// A certificate and where it stands.
pub type PlacedCert<'a> = (&'a Origin, &'a Cert);
/// A list and where it stands.
pub type PlacedCrl<'a> = (&'a Origin, &'a Crl);

/// The content of the file. Things of one name stand in the order of the file, which is the order in which they are tried.
#[derive(Debug)]
pub struct Store<'a> {
    certs: HashMap<&'a [u8], Vec<PlacedCert<'a>>>,
    crls: HashMap<&'a [u8], Vec<PlacedCrl<'a>>>,
}

/// The chain that OpenSSL builds.
#[derive(Debug)]
pub struct Chain<'a> {
    /// The client's own certificate first; never empty.
    pub certs: Vec<PlacedCert<'a>>,
    /// Does it end in a self-signed certificate of the store? Anything less is refused: partial chains are not asked for.
    pub complete: bool,
}

impl<'a> Store<'a> {
    /// Everything in the file is trusted, whatever it is.
    pub fn new(material: &'a Material) -> Store<'a> {
        let mut store = Store { certs: HashMap::new(), crls: HashMap::new() };
        for (at, cert) in material.certs() {
            store.certs.entry(cert.subject.comparable()).or_default().push((at, cert));
        }
        for (at, crl) in material.crls() {
            store.crls.entry(crl.issuer.comparable()).or_default().push((at, crl));
        }
        store
    }

    /// The same without deltas, as an OpenSSL sees it that passes over them.
    pub fn without_deltas(mut self) -> Store<'a> {
        self.crls.values_mut().for_each(|crls| crls.retain(|(_, crl)| !crl.is_delta));
        self
    }

    /// Only what stands before this line, as a server sees it that stops there.
    pub fn before(mut self, line: usize) -> Store<'a> {
        self.certs.values_mut().for_each(|certs| certs.retain(|(at, _)| at.line < line));
        self.crls.values_mut().for_each(|crls| crls.retain(|(at, _)| at.line < line));
        self
    }

    /// The chain for a client's certificate and what it sends behind it. The store is asked before the client's certificates,
    /// and once it has answered, only the store is (X509_V_FLAG_TRUSTED_FIRST, the default).
    pub fn chain(&self, client: PlacedCert<'a>, sent: &[PlacedCert<'a>], now: OffsetDateTime) -> Chain<'a> {
        let mut certs = vec![client];
        let mut only_store = false;
        while certs.len() <= MAX_DEPTH {
            let top = certs[certs.len() - 1].1;
            if issued(top, top) {
                return Chain { complete: self.named(&top.subject).iter().any(|(_, c)| *c == top), certs };
            }
            let stored = issuer(self.named(&top.issuer), top, now);
            only_store |= stored.is_some();
            let from_client = || if only_store { None } else { issuer(sent, top, now) };
            let Some(next) = stored.or_else(from_client) else { break };
            certs.push(next);
        }
        Chain { certs, complete: false }
    }

    /// The list that is taken for a certificate of a CA, or, where none is meant, for most of them: of those in the CA's name and
    /// with its key identifier a whole one that speaks of such certificates before others, one in force before others, the
    /// newer before the older, and of equals the first in the file. The number does not count, and the signature is looked at
    /// only afterwards.
    pub fn crl_of(&self, ca: &Cert, about: Option<&Cert>, now: OffsetDateTime) -> Option<PlacedCrl<'a>> {
        // A delta counts as whole here: some builds take it for one, and `without_deltas` is for the others.
        let fits = |crl: &Crl| (crl.is_delta || crl.is_whole()) && about.is_none_or(|cert| crl.covers(cert.is_ca()));
        let rank = |crl: &Crl| (fits(crl), in_force(crl, now), crl.this_update);
        self.lists_of(ca).reduce(|best, next| if rank(next.1) > rank(best.1) { next } else { best })
    }

    /// All lists that could be taken for a CA's.
    pub fn lists_of(&self, ca: &Cert) -> impl Iterator<Item = PlacedCrl<'a>> {
        let same_name = self.crls.get(ca.subject.comparable()).into_iter().flatten();
        same_name.copied().filter(|(_, crl)| of(crl, ca))
    }

    /// Is there a certificate that may have issued this one?
    pub fn has_issuer_of(&self, cert: &Cert) -> bool {
        self.named(&cert.issuer).iter().any(|(_, by)| issued(cert, by))
    }

    /// The first certificate of the CA for which a list could be taken.
    pub fn authority_of(&self, crl: &Crl) -> Option<&'a Cert> {
        self.named(&crl.issuer).iter().map(|(_, ca)| *ca).find(|ca| of(crl, ca))
    }

    fn named(&self, name: &Name) -> &[PlacedCert<'a>] {
        self.certs.get(name.comparable()).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Is the list current? The last instant of nextUpdate does not belong to it (X509_cmp_time).
pub fn in_force(crl: &Crl, now: OffsetDateTime) -> bool {
    crl.this_update <= now && crl.next_update.is_none_or(|next| next > now)
}

/// May this certificate have been issued by that one, by everything but the signature? (X509_check_issued)
fn issued(cert: &Cert, by: &Cert) -> bool {
    cert.issuer == by.subject
        && agree(cert.extensions.authority_key_id.as_deref(), by)
        && by.extensions.key_usage.is_none_or(|usage| usage.key_cert_sign())
}

/// Of several a valid one, the first in order; else the one that was valid longest.
fn issuer<'a>(among: &[PlacedCert<'a>], cert: &Cert, now: OffsetDateTime) -> Option<PlacedCert<'a>> {
    let candidates = || among.iter().copied().filter(|(_, by)| issued(cert, by));
    candidates()
        .find(|(_, by)| by.is_valid_at(now))
        .or_else(|| candidates().reduce(|last, next| if next.1.not_after > last.1.not_after { next } else { last }))
}

/// Is the list in this CA's name, and does its key identifier not speak against it?
pub fn of(crl: &Crl, ca: &Cert) -> bool {
    crl.issuer == ca.subject && agree(crl.authority_key_id.as_deref(), ca)
}

/// Key identifiers agree unless both sides name one and they differ.
fn agree(authority_key_id: Option<&[u8]>, ca: &Cert) -> bool {
    match (authority_key_id, ca.extensions.subject_key_id.as_deref()) {
        (Some(wanted), Some(has)) => wanted == has,
        _ => true,
    }
}

/// X509_VERIFY_PARAM's default.
const MAX_DEPTH: usize = 100;
