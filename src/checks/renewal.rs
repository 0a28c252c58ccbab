//! A new certificate beside the one that it follows: is it a renewal, or would clients miss something that they have now?

use crate::finding::{Finding, Location, Origin, Severity, rules};
use crate::instant;
use crate::material::cert::Cert;
use crate::name::HostName;

/// May the new one take the old one's place? A key that changes is only named where the user has said that it may.
pub fn follows(new: &Cert, at: &Origin, old: &Cert, key_may_change: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let at = || Location::Block(at.clone());
    let missing = names_missing(new, old);
    if !missing.is_empty() {
        findings.push(RENEWAL_NAMES_FEWER.at(at(), format!("not in it any more: {}", missing.join(", "))));
    }
    let shown = |new, old| format!("{} where the one in use has {}", instant::show(new), instant::show(old));
    if new.not_before < old.not_before {
        findings.push(RENEWAL_OLDER.at(at(), format!("it begins {}", shown(new.not_before, old.not_before))));
    } else if new.not_after < old.not_after {
        findings.push(RENEWAL_SHORTER.at(at(), format!("it ends {}", shown(new.not_after, old.not_after))));
    }
    if new.public_key != old.public_key {
        let (new, old) = (new.public_key.sha256(), old.public_key.sha256());
        let finding = RENEWAL_TLSA_CHANGED.at(at(), format!("3 1 1 {new} where the one in use has 3 1 1 {old}"));
        findings.push(if key_may_change { finding.severity(Severity::Info) } else { finding });
    }
    findings
}

/// The names of the old one that the new one does not cover, with a wildcard or as they are.
fn names_missing(new: &Cert, old: &Cert) -> Vec<String> {
    let spelled: Vec<String> = new.alt_names().iter().map(|name| name.to_string().to_ascii_lowercase()).collect();
    let there = |name: &str| spelled.contains(&name.to_ascii_lowercase());
    let covered =
        |host: &str| host.parse::<HostName>().is_ok_and(|host| new.alt_names().iter().any(|name| host.matches(name)));
    let names = old.alt_names().iter().map(ToString::to_string);
    names.filter(|name| !there(name) && !covered(name.split_once(':').map_or(name, |(_, host)| host))).collect()
}

/// Files that servers are told of and that the new set would not have.
pub fn files_lost<'a>(old: &'a [String], new: &[&str]) -> impl Iterator<Item = &'a str> {
    let lost: Vec<&str> = old.iter().map(String::as_str).filter(|name| !new.contains(name)).collect();
    lost.into_iter()
}

rules! {
    /// Clients ask for a name that would be gone.
    RENEWAL_NAMES_FEWER = Error "renewal-names-fewer" {
        summary: "the new certificate lacks names that the one in use presents",
        help: "ask the CA for all names again; if they are really gone, go on with --accept renewal-names-fewer",
        source: "RFC 9525 section 6: clients accept no certificate without the name that they asked for",
    }
    /// An old one again.
    RENEWAL_OLDER = Error "renewal-older" {
        summary: "the new certificate is older than the one in use",
        help: "see whether --from names what the last renewal wrote; `pkit renew rollback` goes back on purpose",
        source: "notBefore of both, RFC 5280 section 4.1.2.5",
    }
    /// It ends earlier.
    RENEWAL_SHORTER = Warning "renewal-shorter" {
        summary: "the new certificate was issued later and ends earlier than the one in use",
        help: "nothing is needed if the CA has shortened its certificates; renew as often as they ask for",
        source: "notAfter of both, RFC 5280 section 4.1.2.5",
    }
    /// Pinned keys.
    RENEWAL_TLSA_CHANGED = Error "renewal-tlsa-changed" {
        summary: "the new certificate has another key, so TLSA records and pins of the key in use do not fit it",
        help: "publish the record of the new key first (`pkit cert tlsa`) or have the key reused; with no TLSA records, use --allow-tlsa-change",
        source: "RFC 7671 section 8.1: the records of the new key come before the key",
    }
    /// A file that somebody may read.
    RENEWAL_FILE_LOST = Error "renewal-file-lost" {
        summary: "the version in use has a file that the new one would lack, and a server may be told of it",
        help: "prepare the new version by hand (`pkit prepare --force`), or go on with --accept renewal-file-lost",
        source: "the layout DIR/pkit/NAME/current",
    }
}
