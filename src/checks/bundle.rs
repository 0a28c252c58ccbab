//! Judges files of CAs and CRLs by what a server makes of them that asks OpenSSL for every CRL, as Dovecot does with `ssl_ca`:
//! every CA of a chain, the root included, needs a list of its own that is in force, or nobody below it can log in. One judge is
//! for a bundle that is about to be made, the other for a file as it stands; whom it lets in is for `admission`.

use std::collections::HashSet;
use std::path::Path;

use time::{Duration, OffsetDateTime};

use super::crl::{CRL_FOREIGN, CRL_MISSING, dates, ends_soon};
use super::revocation::CRL_SIGNER_MAY_NOT;
use crate::finding::{Finding, Location, Origin, Rule, Severity, rules};
use crate::instant;
use crate::material::cert::Cert;
use crate::material::crl::Crl;
use crate::material::pem;
use crate::material::{Format, Item, Material};
use crate::pki::bundle::{Bundle, Superseded, dovecot_ca};
use crate::pki::store::{self, Store};
use crate::pki::verify::rules::{EXPIRED, NOT_YET_VALID};

/// What would keep clients out of a Dovecot that is given this bundle, and what of the pile is not in it.
pub fn made(bundle: &Bundle<'_>, material: &Material, now: OffsetDateTime) -> Vec<Finding> {
    let store = Store::new(material);
    let mut findings = Vec::new();
    for entry in &bundle.entries {
        findings.extend(authority(&store, entry.origin, entry.ca, now));
        match entry.crl {
            Some((origin, crl)) => findings.extend(dates(crl, origin, now)),
            None => findings.push(missing(entry.origin, entry.ca)),
        }
    }
    findings.extend(not_in(bundle));
    findings
}

/// What of a pile is not in the bundle, and why.
pub fn not_in(bundle: &Bundle<'_>) -> Vec<Finding> {
    let foreign = bundle.foreign.iter().map(|(origin, crl)| foreign(origin, crl));
    let superseded = bundle.superseded.iter().map(left_out);
    let repeated = bundle.repeated.iter().map(|(origin, crl)| {
        let message = format!("another copy of the CRL of `{}` is left out", crl.issuer.short());
        CRL_LEFT_OUT.at((*origin).clone().into(), message)
    });
    let useless = bundle.no_authorities.iter().map(|(origin, cert)| {
        NO_AUTHORITY.at((*origin).clone().into(), format!("`{}` is left out", cert.short_name()))
    });
    foreign.chain(superseded).chain(repeated).chain(useless).collect()
}

/// What is wrong with a file that stands: how it is written, then block by block, then as a whole. A list that ends within
/// `warn` is worth a warning.
pub fn standing(material: &Material, path: &Path, now: OffsetDateTime, warn: Duration) -> Vec<Finding> {
    let store = Store::new(material).without_deltas();
    let mut findings = unreadable(material);
    let told: Vec<Finding> = material.findings.iter().filter(|f| !stops_openssl(f)).cloned().collect();
    findings.extend(told);
    for block in &material.blocks {
        findings.extend(match &block.item {
            Item::Cert(cert) if cert.is_ca() || cert.is_self_issued() => in_place(&store, &block.origin, cert, now),
            Item::Cert(cert) => {
                vec![NO_AUTHORITY.at(block.origin.clone().into(), format!("`{}` is of no use here", cert.short_name()))]
            }
            Item::Crl(crl) => list(&store, &block.origin, crl, now, warn),
            Item::Key(_) | Item::EncryptedKey(_) | Item::UnusableKey(_) | Item::Pkcs12(_) => {
                vec![KEY_INSIDE.at(block.origin.clone().into(), "a private key stands among CAs and CRLs")]
            }
            Item::Csr(_) | Item::Dh(_) | Item::PublicKey(_) | Item::Other(_) => Vec::new(),
        });
    }
    if !material.blocks.iter().any(|b| matches!(b.item, Item::Cert(_))) {
        findings.push(NO_ROOT.at(Location::File(path.into()), "there is no CA certificate in it"));
    }
    findings.extend(order(material, path, now));
    findings
}

/// Why OpenSSL reads nothing of the file, where it does not: then every client is refused, or the server does not start.
pub fn unreadable(material: &Material) -> Vec<Finding> {
    let form = material.findings.iter().filter(|f| stops_openssl(f)).cloned().map(|f| f.severity(Severity::Error));
    let binary = material.blocks.iter().filter(|b| b.format != Format::Pem).map(|b| {
        BUNDLE_NOT_PEM.at(b.origin.clone().into(), format!("a {} in {} form", b.item.kind(), b.format.word()))
    });
    form.chain(binary).collect()
}

fn stops_openssl(finding: &Finding) -> bool {
    let fatal: [&Rule; 4] = [&pem::PEM_UTF16, &pem::PEM_GLUED, &pem::PEM_INDENTED, &pem::PEM_BINARY];
    finding.severity == Severity::Error || fatal.contains(&finding.rule)
}

/// A CA of a file that stands.
fn in_place(store: &Store<'_>, at: &Origin, ca: &Cert, now: OffsetDateTime) -> Vec<Finding> {
    let mut findings = authority(store, at, ca, now);
    match store.crl_of(ca, None, now) {
        None => findings.push(missing(at, ca)),
        Some((list_at, crl)) if crl.verify(&ca.public_key).is_err() => {
            findings.push(CRL_NOT_BY_CA.at(list_at.clone().into(), not_by(ca)));
        }
        Some(_) => {}
    }
    findings
}

/// What holds of a CA wherever it stands: its dates, its right to sign lists, and its own issuer.
fn authority(store: &Store<'_>, at: &Origin, ca: &Cert, now: OffsetDateTime) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut tell = |rule: &'static Rule, message: String| findings.push(rule.at(at.clone().into(), message));
    let name = ca.subject.short();
    if now < ca.not_before {
        tell(&NOT_YET_VALID, format!("`{name}` is valid from {} only", instant::show(ca.not_before)));
    } else if now > ca.not_after {
        tell(&EXPIRED, format!("`{name}` expired at {}", instant::show(ca.not_after)));
    }
    if ca.extensions.key_usage.is_some_and(|usage| !usage.crl_sign()) {
        tell(&CRL_SIGNER_MAY_NOT, format!("the key usage of `{}` does not allow it to sign CRLs", ca.subject));
    }
    if !store.has_issuer_of(ca) {
        tell(&NO_ROOT, format!("`{name}` was issued by `{}`, which is not there", ca.issuer));
    }
    findings
}

/// A list of a file that stands: is it the one that is taken, and is it good?
fn list(store: &Store<'_>, at: &Origin, crl: &Crl, now: OffsetDateTime, warn: Duration) -> Vec<Finding> {
    let Some(ca) = store.authority_of(crl) else { return vec![foreign(at, crl)] };
    if crl.is_delta {
        return vec![DELTA_INSIDE.at(at.clone().into(), format!("a delta CRL of `{}`", ca.subject.short()))];
    }
    if !crl.is_whole() {
        let message = format!("the CRL of `{}` is for some certificates or reasons only", ca.subject.short());
        return vec![NOT_WHOLE.at(at.clone().into(), message)];
    }
    if store.crl_of(ca, None, now).is_some_and(|(_, taken)| taken.der() != crl.der()) {
        let message = format!("another CRL of `{}` is used instead of this one", ca.subject.short());
        return vec![CRL_UNUSED.at(at.clone().into(), message)];
    }
    let mut findings = dates(crl, at, now);
    findings.extend(ends_soon(crl, at, now, warn));
    let rank = |crl: &Crl| (store::in_force(crl, now), crl.this_update);
    let mut others = store.lists_of(ca).filter(|(_, other)| other.der() != crl.der());
    if let Some((other, _)) = others.find(|(_, other)| rank(other) == rank(crl)) {
        let since = instant::show(crl.this_update);
        let message = format!("this CRL and the one at {other} are both of {since}; this one is used");
        findings.push(CRL_SAME_DATE.at(at.clone().into(), message));
    }
    findings
}

/// Does the file have the order that `bundle dovecot-ca` writes?
fn order(material: &Material, path: &Path, now: OffsetDateTime) -> Option<Finding> {
    (!in_order(material, now)).then(|| ORDER.at(Location::File(path.into()), "the blocks stand in another order"))
}

/// Each CA followed by its list, issuing CAs first, roots last?
pub fn in_order(material: &Material, now: OffsetDateTime) -> bool {
    let bundle = dovecot_ca(material, now);
    let wanted: Vec<&[u8]> = bundle.contents().collect();
    let stands = material.blocks.iter().filter_map(|b| match &b.item {
        Item::Cert(cert) => Some(cert.der()),
        Item::Crl(crl) => Some(crl.der()),
        _ => None,
    });
    let known: HashSet<&[u8]> = wanted.iter().copied().collect();
    stands.filter(|der| known.contains(der)).eq(wanted.iter().copied())
}

fn missing(at: &Origin, ca: &Cert) -> Finding {
    CRL_MISSING.at(at.clone().into(), format!("`{}` has no CRL among the files given", ca.subject))
}

fn foreign(at: &Origin, crl: &Crl) -> Finding {
    CRL_FOREIGN.at(at.clone().into(), format!("no CA among the files given has signed the CRL of `{}`", crl.issuer))
}

fn not_by(ca: &Cert) -> String {
    format!("the CRL in the name of `{}` was not signed by it", ca.subject)
}

fn left_out(list: &Superseded<'_>) -> Finding {
    let issuer = list.crl.issuer.short();
    let same_date = list.kept.filter(|kept| kept.this_update == list.crl.this_update && !list.crl.is_delta);
    let message = match (list.kept, same_date) {
        _ if list.crl.is_delta => format!("a delta CRL of `{issuer}` is left out"),
        _ if !list.crl.is_whole() => format!("a CRL of `{issuer}` for some certificates or reasons only is left out"),
        (_, Some(_)) => {
            format!("of two CRLs of `{issuer}` made in the same second the one with the lower number is left out")
        }
        (Some(kept), _) if kept.this_update < list.crl.this_update => {
            format!("a newer CRL of `{issuer}` that is not in force is left out")
        }
        _ => format!("an older CRL of `{issuer}` is left out"),
    };
    CRL_LEFT_OUT.at(list.origin.clone().into(), message)
}

rules! {
    /// Not the one to use.
    CRL_LEFT_OUT = Info "crl-left-out" {
        summary: "a CRL is left out: it is a copy, a newer one of the same CA is there, or it is a delta",
        help: "nothing is needed",
        source: "tried on Dovecot 2.3.19: of two CRLs of one CA the newer lastUpdate wins; with equal ones the first in the file",
    }
    /// An end-entity certificate.
    NO_AUTHORITY = Info "not-an-authority" {
        summary: "a certificate that is no CA has no place in a bundle of CAs",
        help: "nothing is needed",
        source: "RFC 5280 section 4.2.1.9",
    }
    /// The chain does not end.
    NO_ROOT = Error "ca-issuer-missing" {
        summary: "the CA that issued one of the bundle's is not in it, so that no chain reaches a root",
        help: "add the certificates up to the self-signed root, each with its CRL",
        source: "tried on Dovecot 2.3.19 and 2.4.1: `unable to get issuer certificate`; partial chains are not accepted",
    }
    /// The right name, the wrong signature.
    CRL_NOT_BY_CA = Error "crl-not-by-ca" {
        summary: "the CRL that a server takes for a CA's, by its name, was signed by somebody else",
        help: "take this CRL out, and put the CA's own in",
        source: "RFC 5280 section 6.3.3 (g); OpenSSL takes a list by name and key identifier, and then refuses: `CRL signature failure`",
    }
    /// Never looked at.
    CRL_UNUSED = Info "crl-unused" {
        summary: "a CRL is not used, because another one of the same CA is newer or in force",
        help: "nothing is needed; it can be taken out",
        source: "tried on Dovecot 2.3.19 and 2.4.1: one in force counts before others, and the newer lastUpdate before the older",
    }
    /// Which of the two?
    CRL_SAME_DATE = Warning "crl-same-date" {
        summary: "two CRLs of one CA were made in the same second: the first in the file is used, whatever their numbers",
        help: "keep only the one with the higher number; `pkit bundle dovecot-ca` does",
        source: "tried on Dovecot 2.3.19 and 2.4.1: crlNumber is not looked at, and a client revoked by the second CRL logs in",
    }
    /// Not a whole list.
    DELTA_INSIDE = Error "crl-delta-inside" {
        summary: "a delta CRL stands in the file: some builds of OpenSSL pass over it, others take it for a whole list and let in whom only the base CRL revokes",
        help: "take the delta out; the CA's current whole CRL must be in",
        source: "tried: Dovecot 2.3.19 with OpenSSL 3.0.22 passes over it, Dovecot 2.4.1 with OpenSSL 3.5.7 takes it for a whole list",
    }
    /// Not for everything.
    NOT_WHOLE = Error "crl-not-whole" {
        summary: "a CRL speaks of some certificates or reasons only, or has a critical extension that servers do not know",
        help: "put the CA's whole CRL in its place",
        source: "RFC 5280 section 5.2.5; OpenSSL without extended CRL support: `different CRL scope`",
    }
    /// DER and the like.
    BUNDLE_NOT_PEM = Error "bundle-not-pem" {
        summary: "the file is not PEM from end to end, and servers read nothing else",
        help: "make it anew: `pkit bundle dovecot-ca FILE -o NEW`",
        source: "tried: Dovecot 2.3.19 reads nothing behind the first zero byte and says nothing; 2.4.1 does not start (`contains NUL characters`)",
    }
    /// A secret in a public file.
    KEY_INSIDE = Error "key-in-bundle" {
        summary: "a private key stands in a file of CAs, which everybody may read",
        help: "take it out; if others could read the file, the key is no secret any more",
        source: "Dovecot: ssl_ca holds certificates and CRLs",
    }
    /// Another order.
    ORDER = Info "bundle-order" {
        summary: "the file does not have the order of Dovecot's manual: issuing CA, its CRL, and so on up to the root and its CRL",
        help: "nothing is needed: the order does not matter",
        source: "Dovecot's manual; tried on Dovecot 2.3.19 and 2.4.1: any order works",
    }
}
