//! Names by which clients reach a server (RFC 9525): parsed once, then compared with what a certificate presents; and names that
//! a certificate is to present. Names inside subjects are `material::dn`'s.

use std::fmt;
use std::net::IpAddr;

use crate::material::ext::write::EncodedName;
use crate::material::ext::{self, GeneralName};

/// A reference identity: what a client has been told to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostName {
    /// A fully qualified name in lower-case A-labels, without a final dot.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

/// Why a text is no host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAHostName(String);

impl fmt::Display for NotAHostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotAHostName {}

impl std::str::FromStr for HostName {
    type Err = NotAHostName;

    /// `mail.example.org`, `müller.example` (turned into A-labels), `192.0.2.1`, `2001:db8::1` or `[2001:db8::1]`.
    fn from_str(text: &str) -> Result<HostName, NotAHostName> {
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = bare.parse() {
            return Ok(HostName::Ip(ip));
        }
        let no = |why: &str| NotAHostName(format!("`{text}` is not a host name: {why}"));
        let text = text.strip_suffix('.').unwrap_or(text);
        let ascii = idna::domain_to_ascii(text).map_err(|_| no("it has no form in A-labels (IDNA)"))?;
        if ascii.is_empty() || ascii.len() > 253 {
            return Err(no("a name has 1 to 253 characters"));
        }
        if !ascii.split('.').all(is_label) {
            return Err(no("labels have 1 to 63 letters, digits and inner hyphens"));
        }
        Ok(HostName::Dns(ascii))
    }
}

/// RFC 1123 section 2.1, with the underscore that mail people use in practice.
fn is_label(label: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=63).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
}

impl HostName {
    /// Is this the name that the certificate presents here? Only the kinds of RFC 9525 section 6 count; a common name never does.
    pub fn matches(&self, presented: &GeneralName) -> bool {
        match (self, presented) {
            (HostName::Dns(host), GeneralName::Dns(pattern)) => dns_matches(pattern, host),
            (HostName::Ip(ip), GeneralName::Ip(bytes)) => ext::ip(bytes) == Some(*ip),
            _ => false,
        }
    }

    /// As a person writes it: A-labels, and the readable form behind them where it differs.
    pub fn readable(&self) -> String {
        match self {
            HostName::Dns(name) if name.split('.').any(|label| label.starts_with("xn--")) => {
                match idna::domain_to_unicode(name) {
                    (unicode, Ok(())) => format!("{name} ({unicode})"),
                    _ => name.clone(),
                }
            }
            other => other.to_string(),
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostName::Dns(name) => f.write_str(name),
            HostName::Ip(ip) => ip.fmt(f),
        }
    }
}

/// A name that a certificate is to present (RFC 5280 section 4.2.1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectName {
    /// A host or an address.
    Host(HostName),
    /// `*.` and this domain.
    Wildcard(String),
    /// A mailbox.
    Email(String),
}

impl std::str::FromStr for SubjectName {
    type Err = NotAHostName;

    /// A host name, an address, `*.example.org` or `user@example.org`; names beyond ASCII become A-labels. Stricter than what a
    /// client may ask for: the Baseline Requirements (7.1.4.2) have no underscores.
    fn from_str(text: &str) -> Result<SubjectName, NotAHostName> {
        let no = |why: &str| Err(NotAHostName(format!("`{text}` cannot stand in a certificate: {why}")));
        let dns = |name: &str| match name.parse()? {
            HostName::Dns(name) => Ok(name),
            HostName::Ip(_) => {
                Err(NotAHostName(format!("`{text}` cannot stand in a certificate: `{name}` is an address")))
            }
        };
        if let Some((local, host)) = text.rsplit_once('@') {
            // RFC 5321 section 4.1.2 without the quoted form, which nobody uses.
            let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
            if local.is_empty() || local.len() > 64 || !local.bytes().all(atom) {
                return no("the part before the @ has 1 to 64 ASCII letters, digits and signs");
            }
            return Ok(SubjectName::Email(format!("{local}@{}", dns(host)?)));
        }
        let (name, wildcard) = text.strip_prefix("*.").map_or((text, false), |parent| (parent, true));
        match name.parse()? {
            HostName::Dns(name) if name.contains('_') => no("host names have no underscores"),
            HostName::Dns(name)
                if name.rsplit('.').next().is_some_and(|top| top.bytes().all(|b| b.is_ascii_digit())) =>
            {
                no("it is neither an address nor a host name")
            }
            HostName::Dns(parent) if wildcard && !parent.contains('.') => {
                no("a wildcard stands before two labels at least (RFC 9525 section 6.3)")
            }
            HostName::Dns(parent) if wildcard => Ok(SubjectName::Wildcard(parent)),
            HostName::Ip(_) if wildcard => no("an address has no wildcard"),
            host => Ok(SubjectName::Host(host)),
        }
    }
}

impl SubjectName {
    /// As it stands in subjectAltName.
    pub fn encoded(&self) -> EncodedName {
        match self {
            SubjectName::Host(HostName::Dns(name)) => EncodedName::dns(name),
            SubjectName::Host(HostName::Ip(ip)) => EncodedName::ip(*ip),
            SubjectName::Wildcard(parent) => EncodedName::dns(&format!("*.{parent}")),
            SubjectName::Email(name) => EncodedName::email(name),
        }
    }

    /// As a certificate that presents it is read.
    pub fn presented(&self) -> GeneralName {
        match self {
            SubjectName::Host(HostName::Dns(name)) => GeneralName::Dns(name.clone()),
            SubjectName::Host(HostName::Ip(IpAddr::V4(ip))) => GeneralName::Ip(ip.octets().to_vec()),
            SubjectName::Host(HostName::Ip(IpAddr::V6(ip))) => GeneralName::Ip(ip.octets().to_vec()),
            SubjectName::Wildcard(parent) => GeneralName::Dns(format!("*.{parent}")),
            SubjectName::Email(name) => GeneralName::Email(name.clone()),
        }
    }

    /// As a person writes it, the readable form behind A-labels.
    pub fn readable(&self) -> String {
        match self {
            SubjectName::Host(host) => host.readable(),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SubjectName::Host(host) => host.fmt(f),
            SubjectName::Wildcard(parent) => write!(f, "*.{parent}"),
            SubjectName::Email(name) => f.write_str(name),
        }
    }
}

/// RFC 9525 section 6.3: a wildcard is the whole left-most label and stands for exactly one label; what remains must have two
/// labels at least, so `*.org` matches nothing.
fn dns_matches(pattern: &str, host: &str) -> bool {
    let pattern = pattern.strip_suffix('.').unwrap_or(pattern);
    match pattern.strip_prefix("*.") {
        Some(parent) => {
            let rest = host.split_once('.').map(|(_, rest)| rest);
            parent.contains('.') && !parent.contains('*') && rest.is_some_and(|rest| rest.eq_ignore_ascii_case(parent))
        }
        None => !pattern.is_empty() && pattern.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> HostName {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_parsed_into_one_form() {
        assert_eq!(host("Mail.Example.ORG.").to_string(), "mail.example.org");
        assert_eq!(host("müller.example").to_string(), "xn--mller-kva.example");
        assert_eq!(host("müller.example").readable(), "xn--mller-kva.example (müller.example)");
        assert_eq!(host("[2001:db8::1]"), HostName::Ip("2001:db8::1".parse().unwrap()));
        for bad in ["", ".", "a..b", "*.example.org", "-a.org", "a b.org", "a\nb.org", &"a".repeat(64), "x/y"] {
            assert!(bad.parse::<HostName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_for_certificates_are_strict() {
        let name = |text: &str| text.parse::<SubjectName>().map(|n| n.to_string());
        for (typed, written) in [
            ("Mail.Example.org", "mail.example.org"),
            ("*.example.org", "*.example.org"),
            ("*.müller.example", "*.xn--mller-kva.example"),
            ("alice@Müller.example", "alice@xn--mller-kva.example"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(name(typed).as_deref(), Ok(written), "{typed}");
        }
        for bad in [
            "*.org",
            "*",
            "a.*.org",
            "*.192.0.2.1",
            "_smtp.example.org",
            "1.2.3.4.5",
            "a b@x.org",
            "@x.org",
            "a@192.0.2.1",
            "x.org\n",
            "a@b\n.org",
            "",
        ] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn presented_names_match_as_rfc_9525_says() {
        let cases = [
            ("mail.example.org", "mail.example.org", true),
            ("MAIL.example.org", "mail.EXAMPLE.org", true),
            ("mail.example.org", "*.example.org", true),
            ("a.mail.example.org", "*.example.org", false),
            ("example.org", "*.example.org", false),
            ("example.org", "*.org", false),
            ("mail.example.org", "m*.example.org", false),
            ("mail.example.org", "*.*.org", false),
            ("mail.example.org", "", false),
        ];
        for (name, pattern, expected) in cases {
            assert_eq!(host(name).matches(&GeneralName::Dns(pattern.into())), expected, "{name} {pattern}");
        }
        assert!(host("192.0.2.1").matches(&GeneralName::Ip(vec![192, 0, 2, 1])));
        assert!(!host("192.0.2.1").matches(&GeneralName::Dns("192.0.2.1".into())));
    }
}
