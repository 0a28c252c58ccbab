//! The common name of a server's certificate. Nobody verifies it any more, but people read it, so it must not say something else
//! than the names that are verified.

use std::net::{IpAddr, Ipv4Addr};

use crate::material::ext::{self, GeneralName};
use crate::name::HostName;

/// A common name that means one of the alternative names and is spelled differently, or an internationalised name that is none
/// of them: a person who reads it is shown another name than the one that was verified. Words are no such names.
pub(super) fn is_misleading(cn: &str, names: &[GeneralName]) -> bool {
    let spelled = |name: &GeneralName| match name {
        GeneralName::Dns(name) => name == cn,
        GeneralName::Ip(bytes) => ext::ip(bytes).is_some_and(|ip| ip.to_string() == cn),
        _ => false,
    };
    if names.iter().any(spelled) {
        return false;
    }
    // Digits and dots are a host name as well, so addresses come first.
    match loose_ipv4(cn).map(HostName::Ip).or_else(|| cn.parse().ok()) {
        Some(HostName::Dns(host)) if host.contains("xn--") => true,
        Some(host) => names.iter().any(|name| host.matches(name) && !is_wildcard(name)),
        None => false,
    }
}

fn is_wildcard(name: &GeneralName) -> bool {
    matches!(name, GeneralName::Dns(name) if name.starts_with('*'))
}

/// An address in the spellings of inet_aton(3) that some programs read: leading zeros and hexadecimal.
fn loose_ipv4(text: &str) -> Option<IpAddr> {
    let number = |part: &str| match part.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => part.parse().ok(),
    };
    let parts: Vec<u32> = text.split('.').map(number).collect::<Option<_>>()?;
    match parts[..] {
        [whole] if text.starts_with("0x") => Some(Ipv4Addr::from(whole).into()),
        [a, b, c, d] if parts.iter().all(|n| *n < 256) => Some(Ipv4Addr::from(a << 24 | b << 16 | c << 8 | d).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_spelling_misleads_and_another_word_does_not() {
        let names = [
            GeneralName::Dns("mail.example.org".into()),
            GeneralName::Dns("xn--mller-kva.example".into()),
            GeneralName::Dns("*.example.net".into()),
            GeneralName::Ip(vec![192, 0, 2, 1]),
        ];
        for fine in [
            "mail.example.org",
            "192.0.2.1",
            "*.example.net",
            "Example Mail Server",
            "www.example.org",
            "a.example.net",
        ] {
            assert!(!is_misleading(fine, &names), "{fine}");
        }
        for bad in ["Mail.example.org", "müller.example", "xn--n3h.com", "192.000.002.001", "0xc0000201"] {
            assert!(is_misleading(bad, &names), "{bad}");
        }
    }
}
