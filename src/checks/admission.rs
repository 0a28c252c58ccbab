//! Whether a server that asks OpenSSL for every CRL (X509_V_FLAG_CRL_CHECK and X509_V_FLAG_CRL_CHECK_ALL, as Dovecot does unless
//! told otherwise) lets a client's certificate in: the prediction of `bundle check --client`. Every certificate of the chain, the
//! root included, must stand, and must not be on the list of its issuer, which must be there and in force.

use time::OffsetDateTime;

use super::bundle::{CRL_NOT_BY_CA, NOT_WHOLE, unreadable};
use super::crl::{CRL_MISSING, dates};
use super::revocation::CRL_SIGNER_MAY_NOT;
use crate::finding::{Finding, Severity, rules};
use crate::material::Material;
use crate::material::cert::Cert;
use crate::material::pem::PEM_BINARY;
use crate::pki::chain::{End, Path, Pile};
use crate::pki::store::{Chain, PlacedCert, Store};
use crate::pki::verify::{Purpose, Wanted, prove_path};

/// Whether a client gets in.
#[derive(Debug)]
pub enum Admission {
    /// Nothing keeps it out.
    Admitted,
    /// All of this keeps it out.
    Refused(Vec<Finding>),
    /// Some versions let it in; this keeps it out at others.
    Depends(Vec<Finding>),
}

impl Admission {
    /// What keeps the client out, here or there.
    pub fn reasons(&self) -> &[Finding] {
        match self {
            Admission::Admitted => &[],
            Admission::Refused(reasons) | Admission::Depends(reasons) => reasons,
        }
    }
}

/// Does a server that has this file let in a client that sends its certificate and these behind it?
pub fn predict<'a>(
    file: &'a Material,
    client: PlacedCert<'a>,
    sent: &[PlacedCert<'a>],
    now: OffsetDateTime,
) -> Admission {
    let (binary, broken): (Vec<Finding>, Vec<Finding>) =
        unreadable(file).into_iter().partition(|f| f.rule == &PEM_BINARY && f.at.line().is_some());
    if !broken.is_empty() {
        return Admission::Refused(broken);
    }
    let store = || match binary.first().and_then(|f| f.at.line()) {
        Some(line) => Store::new(file).before(line),
        None => Store::new(file),
    };
    // Dovecot 2.3 reads up to the bytes that are no text, and 2.4 nothing; some builds of OpenSSL take deltas for whole lists.
    let readings = [store(), store().without_deltas()].map(|store| reasons(&store, client, sent, now));
    let everywhere = readings.iter().all(|reasons| !reasons.is_empty());
    let nowhere = readings.iter().all(Vec::is_empty) && binary.is_empty();
    let [taken, passed_over] = readings;
    match if passed_over.is_empty() { taken } else { passed_over } {
        _ if nowhere => Admission::Admitted,
        reasons if everywhere => Admission::Refused(reasons),
        reasons => Admission::Depends([binary, reasons].concat()),
    }
}

/// Everything that keeps the client out, by one reading of the file.
fn reasons<'a>(
    store: &Store<'a>,
    client: PlacedCert<'a>,
    sent: &[PlacedCert<'a>],
    now: OffsetDateTime,
) -> Vec<Finding> {
    let chain = store.chain(client, sent, now);
    let (top_at, top) = chain.certs[chain.certs.len() - 1];
    if !chain.complete {
        let message = format!("nothing in the bundle has issued `{}`: wanted is `{}`", top.short_name(), top.issuer);
        return vec![CLIENT_UNKNOWN.at(top_at.clone().into(), message)];
    }
    let mut reasons = path(&chain, top, now);
    for (depth, placed) in chain.certs.iter().enumerate() {
        let (_, issuer) = chain.certs[(depth + 1).min(chain.certs.len() - 1)];
        reasons.extend(revocation(store, *placed, issuer, now));
    }
    reasons
}

/// What RFC 5280 has against the path itself, as a client's.
fn path(chain: &Chain<'_>, root: &Cert, now: OffsetDateTime) -> Vec<Finding> {
    let pile = Pile::new(chain.certs.iter().copied(), std::slice::from_ref(root));
    let path = Path { certs: chain.certs.iter().map(|(_, cert)| *cert).collect(), end: End::Anchored(root) };
    let wanted = Wanted { purpose: Purpose::Client, ..Wanted::at(now) };
    let faults = prove_path(&pile, &path, &wanted).err().unwrap_or_default();
    faults.into_iter().map(|fault| fault.finding).collect()
}

/// What the list that is taken for a certificate says of it, or why it cannot be used.
fn revocation(store: &Store<'_>, (at, cert): PlacedCert<'_>, issuer: &Cert, now: OffsetDateTime) -> Vec<Finding> {
    let Some((list_at, crl)) = store.crl_of(issuer, Some(cert), now) else {
        let message = format!("the bundle has no CRL of `{}`, which issued `{}`", issuer.subject, cert.short_name());
        return vec![CRL_MISSING.at(at.clone().into(), message)];
    };
    if !(crl.is_delta || crl.is_whole()) || !crl.covers(cert.is_ca()) {
        let message = format!("the CRL of `{}` does not speak of `{}`", issuer.subject.short(), cert.short_name());
        return vec![NOT_WHOLE.at(list_at.clone().into(), message)];
    }
    let mut reasons = dates(crl, list_at, now);
    reasons.retain(|f| f.severity == Severity::Error);
    if crl.verify(&issuer.public_key).is_err() {
        let message = format!("the CRL in the name of `{}` was not signed by it", issuer.subject);
        reasons.push(CRL_NOT_BY_CA.at(list_at.clone().into(), message));
    }
    if issuer.extensions.key_usage.is_some_and(|usage| !usage.crl_sign()) {
        let message = format!("the key usage of `{}` does not allow it to sign CRLs", issuer.subject);
        reasons.push(CRL_SIGNER_MAY_NOT.at(list_at.clone().into(), message));
    }
    if crl.contains(&cert.serial) {
        let message = format!("`{}` is on the CRL of `{}` ({list_at})", cert.short_name(), issuer.subject.short());
        reasons.push(CLIENT_REVOKED.at(at.clone().into(), message));
    }
    reasons
}

rules! {
    /// Nobody there issued it.
    CLIENT_UNKNOWN = Error "client-unknown" {
        summary: "the chain of a client's certificate does not reach a root of the bundle",
        help: "add the CA that issued it, every CA above that up to the root, and their CRLs; what the client sends itself counts too",
        source: "tried on Dovecot 2.3.19 and 2.4.1: `unable to get issuer certificate`; partial chains are not accepted",
    }
    /// On the list.
    CLIENT_REVOKED = Error "client-revoked" {
        summary: "a client's certificate, or a CA above it, is revoked",
        help: "the client needs a new certificate, from a CA that is not revoked",
        source: "RFC 5280 section 6.3; tried on Dovecot 2.3.19 and 2.4.1: `certificate revoked`, refused at login",
    }
}
