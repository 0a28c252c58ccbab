//! Name constraints (RFC 5280 section 4.2.1.10): does every name of a certificate lie within the permitted and outside the
//! excluded subtrees of a CA? A kind of name that cannot be compared counts as broken where the CA restricts that kind.

use std::mem::discriminant;

use crate::material::cert::Cert;
use crate::material::ext::{GeneralName, NameConstraints};

/// Most comparisons for one certificate and one CA: real ones need some hundred, a hostile pair would need billions. rustls-webpki
/// stops at the same number.
const MAX_COMPARISONS: usize = 250_000;

/// The first name of the certificate that breaks the constraints, with the reason. For the end-entity the mail address in the
/// subject counts where there is no alternative name of that kind.
pub(super) fn broken_by(limits: &NameConstraints, cert: &Cert, is_end_entity: bool) -> Option<String> {
    let mut names = cert.alt_names().to_vec();
    if !cert.subject.is_empty() {
        names.push(GeneralName::Directory(cert.subject.clone()));
    }
    if is_end_entity && !names.iter().any(|n| matches!(n, GeneralName::Email(_))) {
        let mails = cert.subject.attributes().iter().filter(|a| a.kind == "emailAddress");
        names.extend(mails.map(|a| GeneralName::Email(a.value.clone())));
    }
    let subtrees = limits.permitted.len() + limits.excluded.len();
    if names.len().saturating_mul(subtrees) > MAX_COMPARISONS {
        return Some(format!("{} names against {subtrees} constraints are more than pkit compares", names.len()));
    }
    names.iter().find_map(|name| broken(limits, name))
}

fn broken(limits: &NameConstraints, name: &GeneralName) -> Option<String> {
    let mut permitted = limits.permitted.iter().filter(|base| same_kind(base, name)).peekable();
    if permitted.peek().is_some() && !permitted.any(|base| within(base, name) == Some(true)) {
        return Some(format!("{name} is not among the permitted names"));
    }
    let mut excluded = limits.excluded.iter().filter(|base| same_kind(base, name));
    excluded
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
        (GeneralName::Dns(base), GeneralName::Dns(name)) => dns_within(base, name),
        (GeneralName::Ip(base), GeneralName::Ip(name)) => return ip_within(base, name),
        (GeneralName::Email(base), GeneralName::Email(name)) => email_within(base, name),
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

/// The name itself or anything with labels added on the left; `.example.org` means only the latter.
fn dns_within(base: &str, name: &str) -> bool {
    let (base, name) = (base.to_ascii_lowercase(), name.to_ascii_lowercase());
    let bare = base.strip_prefix('.').unwrap_or(&base);
    let below = name.strip_suffix(bare).is_some_and(|rest| rest.ends_with('.'));
    bare.is_empty() || below || (name == base)
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
    let (base, host) = (base.to_ascii_lowercase(), host.to_ascii_lowercase());
    if base.starts_with('.') { host.ends_with(&base) } else { host == base }
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
