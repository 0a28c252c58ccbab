//! Judges the order of a chain as it stands in the file: what OpenSSL and GnuTLS let pass and pickier clients, or the next person
//! who edits the file, stumble over. Whether the chain is valid is for `pki::verify`.

use time::{Duration, OffsetDateTime};

use crate::finding::{Finding, Origin, Rule, rules};
use crate::material::cert::Cert;
use crate::pki::chain::Path;

/// A file in its own order against the path that was found, and against others that clients may prefer.
pub fn order(
    file: &[(&Origin, &Cert)],
    path: &Path<'_>,
    alternatives: &[Path<'_>],
    now: OffsetDateTime,
) -> Vec<Finding> {
    let (first, again) = repetitions(file);
    let mut findings: Vec<Finding> =
        again.iter().map(|at| tell(&CHAIN_DUPLICATE, at, "it stands in the file already")).collect();
    if let Some(finding) = leaf_first(&first) {
        // Everything else would be judged from the wrong end.
        findings.push(finding);
        return findings;
    }
    findings.extend(sequence(&first, path));
    findings.extend(gap(&first, path));
    let used = |cert: &Cert| std::iter::once(path).chain(alternatives).any(|p| p.certs.contains(&cert));
    for at @ (_, cert) in first.iter().filter(|(_, cert)| !used(cert)) {
        findings.push(if path.root().is_some_and(|root| root == *cert) || cert.is_self_issued() {
            tell(&CHAIN_ROOT_INCLUDED, at, "clients have their own copy of a root, or do not trust it")
        } else if cert.not_after < now {
            tell(&CHAIN_EXPIRED_EXTRA, at, "it belongs to no path and has expired")
        } else {
            tell(&CHAIN_EXTRA, at, "it belongs to no path of the certificate that comes first")
        });
    }
    findings
}

/// Does a server's certificate live longer than some clients accept?
pub fn lifetime(cert: &Cert, at: &Origin) -> Option<Finding> {
    let life = cert.not_after - cert.not_before;
    let message =
        format!("`{}` is valid for {} days; Apple's clients accept 825", cert.short_name(), life.whole_days());
    let counts =
        cert.not_before.year() > 2019 || (cert.not_before.year() == 2019 && cert.not_before.month() as u8 >= 7);
    (counts && life > Duration::days(825)).then(|| LIFETIME_LONG.at(at.clone().into(), message))
}

/// A certificate and where it stands.
type Place<'a> = (&'a Origin, &'a Cert);

fn tell(rule: &'static Rule, (origin, cert): &Place<'_>, why: &str) -> Finding {
    rule.at((*origin).clone().into(), format!("`{}`: {why}", cert.short_name()))
}

/// What stands there for the first time, and what is there once more.
fn repetitions<'a>(file: &[Place<'a>]) -> (Vec<Place<'a>>, Vec<Place<'a>>) {
    let mut seen = std::collections::HashSet::new();
    file.iter().partition(|(_, cert)| seen.insert(cert.sha256()))
}

/// A CA in front of the certificate that it issued.
fn leaf_first(file: &[Place<'_>]) -> Option<Finding> {
    let (head, rest) = file.split_first()?;
    let (_, leaf) = rest.iter().find(|(_, c)| head.1.is_ca() && !c.is_ca())?;
    Some(tell(&CHAIN_LEAF_NOT_FIRST, head, &format!("a CA comes first; `{}` should", leaf.short_name())))
}

/// The first certificate that stands in front of one that it was issued by way of.
fn sequence(file: &[Place<'_>], path: &Path<'_>) -> Option<Finding> {
    let depths: Vec<(&Place, usize)> = file
        .iter()
        .filter_map(|place| path.certs.iter().position(|c| *c == place.1).map(|depth| (place, depth)))
        .collect();
    let out_of_place = depths.windows(2).find(|pair| pair[0].1 > pair[1].1)?;
    let (before, after) = (out_of_place[0].0, out_of_place[1].0);
    Some(tell(
        &CHAIN_ORDER,
        after,
        &format!("it stands behind `{}`, which issued it or its issuer", before.1.short_name()),
    ))
}

/// Intermediates of the path that came from somewhere else.
fn gap(file: &[Place<'_>], path: &Path<'_>) -> Option<Finding> {
    let (origin, _) = file.first()?;
    let missing = path.certs.iter().skip(1).filter(|cert| !file.iter().any(|(_, c)| c == *cert));
    let names: Vec<String> = missing.map(|cert| format!("`{}`", cert.short_name())).collect();
    let message = || format!("the path needs {}, and the file does not hold it", names.join(", "));
    (!names.is_empty()).then(|| CHAIN_GAP.at((*origin).clone().into(), message()))
}

rules! {
    /// Twice the same.
    CHAIN_DUPLICATE = Warning "chain-duplicate" {
        summary: "the same certificate stands in the chain twice",
        help: "remove it, or make the file anew with `pkit chain build`",
        source: "RFC 8446 section 4.4.2; every handshake carries it",
    }
    /// A CA in front.
    CHAIN_LEAF_NOT_FIRST = Warning "chain-leaf-not-first" {
        summary: "the chain does not begin with the end-entity",
        help: "make the file anew with `pkit chain build`; servers take the first certificate as their own",
        source: "RFC 8446 section 4.4.2; SSL_CTX_use_certificate_chain_file(3)",
    }
    /// Shuffled.
    CHAIN_ORDER = Warning "chain-order" {
        summary: "the certificates are not in order: each should have been issued by the one behind it",
        help: "make the file anew with `pkit chain build`; TLS 1.2 clients may refuse another order",
        source: "RFC 5246 section 7.4.2; RFC 8446 section 4.4.2",
    }
    /// Not in the file.
    CHAIN_GAP = Warning "chain-gap" {
        summary: "an intermediate that the path needs is not in the chain itself",
        help: "add it: a server must send it, or clients that do not have it refuse the chain",
        source: "RFC 8446 section 4.4.2; tried: openssl s_client says `unable to verify the first certificate`",
    }
    /// A root.
    CHAIN_ROOT_INCLUDED = Warning "chain-root-included" {
        summary: "the chain holds a self-signed root",
        help: "leave it out, except in files for OpenLDAP or Courier that are CA files as well",
        source: "RFC 8446 section 4.4.2: a trust anchor may be omitted, since clients have it",
    }
    /// Not needed.
    CHAIN_EXTRA = Warning "chain-extra" {
        summary: "a certificate in the chain belongs to no path",
        help: "remove it, or make the file anew with `pkit chain build`",
        source: "RFC 8446 section 4.4.2",
    }
    /// Too long a life.
    LIFETIME_LONG = Warning "cert-lifetime-long" {
        summary: "a server's certificate is valid for longer than some clients accept",
        help: "issue it for 398 days or less; public CAs do anyway",
        source: "https://support.apple.com/en-us/HT210176: 825 days from July 2019 on, for private CAs as well",
    }
    /// Not needed, and old.
    CHAIN_EXPIRED_EXTRA = Warning "chain-expired-extra" {
        summary: "an expired certificate in the chain belongs to no path",
        help: "remove it: clients without backtracking may try it first and fail",
        source: "tried: GnuTLS 3.6 and OpenSSL 1.0 failed so in May 2020 (AddTrust External CA Root)",
    }
}
