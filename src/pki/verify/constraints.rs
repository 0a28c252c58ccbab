//! Name constraints (RFC 5280 section 4.2.1.10): does every name of a certificate lie within the permitted and outside the
//! excluded subtrees of a CA? A kind of name that cannot be compared counts as broken where the CA restricts that kind.

use std::borrow::Cow;
use std::cell::Cell;
use std::mem::discriminant;

use crate::material::cert::Cert;
use crate::material::ext::{GeneralName, NameConstraints};

/// The first name of the certificate that breaks the constraints, with the reason. For the end-entity its subject counts as well:
/// mail addresses (RFC 5280 section 4.2.1.10, and as OpenSSL has it also beside an alternative name), and where it has no DNS
/// name a common name that is a host name, since old clients match it. `work` is how many comparisons may still be made.
pub(super) fn broken_by(
    limits: &NameConstraints,
    cert: &Cert,
    is_end_entity: bool,
    work: &Cell<usize>,
) -> Result<Option<String>, TooMuch> {
    let mut names: Vec<Cow<GeneralName>> = cert.alt_names().iter().map(Cow::Borrowed).collect();
    if is_end_entity {
        names.extend(from_subject(cert).into_iter().map(Cow::Owned));
    }
    if !cert.subject.is_empty() {
        names.push(Cow::Owned(GeneralName::Directory(cert.subject.clone())));
    }
    let comparisons = names.len().saturating_mul(limits.permitted.len() + limits.excluded.len());
    work.set(work.get().checked_sub(comparisons).ok_or(TooMuch)?);
    Ok(names.iter().find_map(|name| broken(limits, name)))
}

/// More names and constraints than can be compared in a moment.
#[derive(Debug)]
pub(super) struct TooMuch;

fn from_subject(cert: &Cert) -> Vec<GeneralName> {
    let values =
        |kind: &'static str| cert.subject.attributes().iter().filter(move |a| a.kind == kind).map(|a| a.value.clone());
    let mut names: Vec<GeneralName> = values("emailAddress").map(GeneralName::Email).collect();
    if !cert.alt_names().iter().any(|n| matches!(n, GeneralName::Dns(_))) {
        names.extend(values("CN").filter(|cn| cn.contains('.') && is_plain_host(cn)).map(GeneralName::Dns));
    }
    names
}

fn broken(limits: &NameConstraints, name: &GeneralName) -> Option<String> {
    let mut permitted = limits.permitted.iter().filter(|base| same_kind(base, name)).peekable();
    if permitted.peek().is_some() && !permitted.any(|base| within(base, name) == Some(true)) {
        return Some(format!("{name} is not among the permitted names"));
    }
    limits
        .excluded
        .iter()
        .filter(|base| same_kind(base, name))
        .find(|base| within(base, name) != Some(false) || may_stand_for(name, base))
        .map(|base| format!("{name} is excluded by {base}"))
}

fn same_kind(a: &GeneralName, b: &GeneralName) -> bool {
    match (a, b) {
        (GeneralName::Other(a), GeneralName::Other(b)) => a == b,
        _ => discriminant(a) == discriminant(b),
    }
}

/// Is the name in the subtree? `None` where nobody can tell.
fn within(base: &GeneralName, name: &GeneralName) -> Option<bool> {
    Some(match (base, name) {
        (GeneralName::Dns(base), GeneralName::Dns(name)) => return is_host(name).then(|| dns_within(base, name)),
        (GeneralName::Ip(base), GeneralName::Ip(name)) => return ip_within(base, name),
        (GeneralName::Email(base), GeneralName::Email(name)) => {
            return is_mail_base(base).then(|| email_within(base, name));
        }
        (GeneralName::Uri(base), GeneralName::Uri(name)) => host_within(base, uri_host(name)?),
        (GeneralName::Directory(base), GeneralName::Directory(name)) => {
            name.comparable().starts_with(base.comparable())
        }
        _ => return None,
    })
}

/// `*.example.org` stands for `mail.example.org`, so it is not outside an excluded `mail.example.org`.
fn may_stand_for(name: &GeneralName, base: &GeneralName) -> bool {
    match (name, base) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => name
            .strip_prefix("*.")
            .is_some_and(|parent| base.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent))),
        _ => false,
    }
}

/// Labels that are not empty and hold no blanks, the first perhaps a wildcard.
pub(super) fn is_host(name: &str) -> bool {
    let label = |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let name = name.strip_prefix("*.").unwrap_or(name);
    name.strip_suffix('.').unwrap_or(name).split('.').all(label)
}

/// RFC 1034 section 3.5 in the form of RFC 1123 section 2.1, the first label perhaps a wildcard: no underscore, no hyphen at
/// the edge of a label, no dot at the end.
pub(super) fn is_strict_host(name: &str) -> bool {
    is_plain_host(name) && !name.contains('_')
}

/// The same with underscores, which OpenSSL and GnuTLS count as a host's where a common name has them.
fn is_plain_host(name: &str) -> bool {
    let edge = |label: &str| label.starts_with('-') || label.ends_with('-');
    is_host(name) && !name.ends_with('.') && !name.split('.').any(edge)
}

/// A mailbox, a host, or a dot and a domain.
pub(super) fn is_mail_base(base: &str) -> bool {
    let host = base.rsplit_once('@').map_or(base, |(_, host)| host);
    base.matches('@').count() <= 1 && is_host(host.strip_prefix('.').unwrap_or(host))
}

/// The name itself or anything with labels added on the left; `.example.org` means only the latter.
fn dns_within(base: &str, name: &str) -> bool {
    let bare = base.strip_prefix('.').unwrap_or(base);
    bare.is_empty()
        || base.eq_ignore_ascii_case(name)
        || ends_with(name, bare) && { name.as_bytes().get(name.len().wrapping_sub(bare.len() + 1)) == Some(&b'.') }
}

fn ends_with(name: &str, end: &str) -> bool {
    let (name, end) = (name.as_bytes(), end.as_bytes());
    name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end)
}

fn ip_within(base: &[u8], name: &[u8]) -> Option<bool> {
    if base.len() != 2 * name.len() {
        return (matches!(base.len(), 8 | 32) && matches!(name.len(), 4 | 16)).then_some(false);
    }
    let (net, mask) = base.split_at(name.len());
    Some(name.iter().zip(net).zip(mask).all(|((a, n), m)| a & m == n & m))
}

/// A mailbox, a host, or (with a leading dot) a domain.
fn email_within(base: &str, name: &str) -> bool {
    let Some((local, host)) = name.rsplit_once('@') else { return false };
    match base.rsplit_once('@') {
        Some((base_local, base_host)) => base_local == local && base_host.eq_ignore_ascii_case(host),
        None => host_within(base, host),
    }
}

fn host_within(base: &str, host: &str) -> bool {
    if base.starts_with('.') { ends_with(host, base) } else { host.eq_ignore_ascii_case(base) }
}

fn uri_host(uri: &str) -> Option<&str> {
    let authority = uri.split_once("://")?.1.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = if host.starts_with('[') { return None } else { host.split(':').next()? };
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dns(name: &str) -> GeneralName {
        GeneralName::Dns(name.into())
    }

    #[test]
    fn subtrees_hold_what_rfc_5280_says() {
        for (base, name, expected) in [
            ("example.org", "example.org", true),
            ("example.org", "mail.example.org", true),
            ("Example.org", "MAIL.example.ORG", true),
            (".example.org", "mail.example.org", true),
            (".example.org", "example.org", false),
            ("example.org", "badexample.org", false),
            ("", "anything.test", true),
            ("example.org", "a.example.org.x", false),
        ] {
            assert_eq!(within(&dns(base), &dns(name)), Some(expected), "{base} {name}");
        }
        let net = GeneralName::Ip(vec![192, 0, 2, 0, 255, 255, 255, 0]);
        assert_eq!(within(&net, &GeneralName::Ip(vec![192, 0, 2, 9])), Some(true));
        assert_eq!(within(&net, &GeneralName::Ip(vec![192, 0, 3, 9])), Some(false));
        assert!(email_within("example.org", "a@example.org") && !email_within("example.org", "a@b.example.org"));
        assert!(email_within(".example.org", "a@b.example.org") && !email_within("a@x.org", "b@x.org"));
        assert_eq!(uri_host("https://u@h.example:8/p"), Some("h.example"));
    }

    #[test]
    fn a_restricted_kind_must_be_permitted_and_not_excluded() {
        let limits = NameConstraints { permitted: vec![dns("example.org")], excluded: vec![dns("secret.example.org")] };
        assert_eq!(broken(&limits, &dns("mail.example.org")), None);
        assert!(broken(&limits, &dns("mail.example.net")).is_some());
        assert!(broken(&limits, &dns("*.example.org")).is_some());
        assert!(broken(&limits, &dns("a.secret.example.org")).is_some());
        assert_eq!(broken(&limits, &GeneralName::Email("a@b.c".into())), None);
    }
}
