//! Protocols and ciphers as a GnuTLS priority string, for servers that were built with GnuTLS: those have no other way to say
//! them. slapd accepts `olcTLSProtocolMin` there and ignores it (slapd.conf(5); tried on 2.4.57 and 2.5.13).

use super::profile::{self, INTERMEDIATE};
use crate::settings::{CipherOrder, Protocol, TlsSettings};

/// The priority string. None where the settings do not speak of protocols and ciphers, or where no string says just that.
pub(super) fn spell(settings: &TlsSettings) -> Option<Vec<String>> {
    let mut all = Protocol::ALL.into_iter().flat_map(wordings);
    all.find(|(meant, _)| same(meant, settings)).map(|(_, priority)| vec![priority])
}

/// The settings behind a priority string that `spell` could have made; of any other one, its oldest protocol.
pub(super) fn parse(values: &[&str]) -> Option<TlsSettings> {
    let mut all = Protocol::ALL.into_iter().flat_map(wordings);
    let spelled = all.find(|(_, priority)| values == [priority]).map(|(meant, _)| meant);
    spelled.or_else(|| {
        let spoken = protocols(&values.concat()).ok()??;
        let oldest = Protocol::ALL.into_iter().find(|protocol| spoken.contains(protocol))?;
        Some(TlsSettings { min_protocol: Some(oldest.into()), ..TlsSettings::default() })
    })
}

/// Is it a priority string, and no list of OpenSSL's? Those that begin with Suite B may be either, and are not called one.
pub(super) fn is_priority(value: &str) -> bool {
    let first = value.split(':').next().unwrap_or(value).to_ascii_uppercase();
    let keyword = KEYWORDS.contains(&first.as_str()) && !is_suite_b(value);
    keyword || first == "SYSTEM" || first.starts_with('@') || value.to_ascii_uppercase().contains("VERS-")
}

/// Does it begin with a word for RFC 6460, which both libraries have?
pub(super) fn is_suite_b(value: &str) -> bool {
    value.get(..SUITE_B.len()).is_some_and(|first| first.eq_ignore_ascii_case(SUITE_B))
}

const SUITE_B: &str = "SUITEB";

/// The protocols that a priority string leaves (gnutls_priority_init(3)), or the word in it that GnuTLS does not know. None where
/// the system's own configuration decides. Small letters and capital ones are the same, but for `@` and `%`.
pub(super) fn protocols(priority: &str) -> Result<Option<Vec<Protocol>>, &str> {
    let mut words = priority.split(':');
    let first = words.next().unwrap_or_default();
    let begins = first.to_ascii_uppercase();
    let system = begins.starts_with('@') || begins == "SYSTEM";
    let mut spoken = match begins.as_str() {
        "NONE" => Vec::new(),
        keyword if is_suite_b(keyword) && KEYWORDS.contains(&keyword) => vec![Protocol::Tls12],
        keyword if system || KEYWORDS.contains(&keyword) => Protocol::ALL.to_vec(),
        _ => return Err(first),
    };
    for word in words {
        if word.starts_with('%') {
            continue;
        }
        let capital = word.to_ascii_uppercase();
        let added = capital.strip_prefix('+').unwrap_or(&capital);
        if added != "NONE" && KEYWORDS.contains(&added) {
            // Of the keywords that follow only Suite B's bring a protocol with them.
            spoken.extend(is_suite_b(added).then_some(Protocol::Tls12));
            continue;
        }
        let Some(name) = capital.strip_prefix(['+', '-', '!']) else { return Err(word) };
        let known = NAMES.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family));
        let Some(version) = name.strip_prefix("VERS-").filter(|_| known) else {
            if known { continue } else { return Err(word) }
        };
        let meant: Vec<Protocol> = match version {
            "ALL" | "TLS-ALL" => Protocol::ALL.to_vec(),
            _ => Protocol::ALL.into_iter().filter(|p| p.to_string().replace(' ', "") == version).collect(),
        };
        if word.starts_with('+') {
            spoken.extend(meant);
        } else {
            spoken.retain(|protocol| !meant.contains(protocol));
        }
    }
    Ok((!system).then_some(spoken))
}

/// Where a string begins; they can be added, too.
const KEYWORDS: &[&str] = &[
    "NORMAL",
    "PERFORMANCE",
    "LEGACY",
    "PFS",
    "SECURE",
    "SECURE128",
    "SECURE192",
    "SECURE256",
    "SUITEB128",
    "SUITEB192",
    "NONE",
];

/// What can be added and taken away: key exchanges, MACs and the like in full, families by their beginning.
const NAMES: &[&str] = &[
    "RSA",
    "DHE-RSA",
    "DHE-DSS",
    "ECDHE-RSA",
    "ECDHE-ECDSA",
    "ANON-DH",
    "ANON-ECDH",
    "PSK",
    "DHE-PSK",
    "ECDHE-PSK",
    "RSA-PSK",
    "SRP",
    "SRP-RSA",
    "SRP-DSS",
    "KX-ALL",
    "CIPHER-ALL",
    "MAC-ALL",
    "MD5",
    "SHA1",
    "SHA224",
    "SHA256",
    "SHA384",
    "SHA512",
    "AEAD",
    "NULL",
    "RSA-EXPORT",
];
const FAMILIES: &[&str] = &[
    "VERS-",
    "AES-",
    "CAMELLIA-",
    "CHACHA20-",
    "3DES-",
    "DES-",
    "RC2-",
    "ARCFOUR-",
    "GOST",
    "VKO-GOST",
    "KX-GOST",
    "CIPHER-GOST",
    "MAC-GOST",
    "STREEBOG-",
    "UMAC-",
    "COMP-",
    "SIGN-",
    "CURVE-",
    "GROUP-",
    "CTYPE-",
    "SALSA20-",
    "ESTREAM-",
    "MAGMA-",
    "KUZNYECHIK-",
    "OMAC-",
    "IMIT",
];

/// Why not.
pub(super) const LACKS: &str =
    "with GnuTLS only the ciphers of the intermediate and the modern profile can be said, and those that --dh adds";

/// Is a list of ciphers asked for that cannot be said here?
pub(super) fn lacks_ciphers(settings: &TlsSettings) -> bool {
    settings.ciphers.as_ref().is_some_and(|asked| !known().iter().any(|(list, _)| *list == asked.value))
}

/// The lists of ciphers that can be said, and how.
fn known() -> [(String, &'static str); 2] {
    let with_dhe = format!("{}:{}", INTERMEDIATE.ciphers, profile::DHE);
    [(INTERMEDIATE.ciphers.to_owned(), NARROW), (with_dhe, NARROW_WITH_DHE)]
}

/// What can be said about servers that speak this protocol and newer ones: with the library's own ciphers or with those of
/// the intermediate profile, in the client's order or in the server's.
fn wordings(min: Protocol) -> impl Iterator<Item = (TlsSettings, String)> {
    let narrow = known().into_iter().map(|(list, words)| (Some(list), words)).filter(move |_| min >= Protocol::Tls12);
    std::iter::once((None, "")).chain(narrow).flat_map(move |(list, words)| {
        [CipherOrder::Client, CipherOrder::Server].map(|order| {
            let settings = TlsSettings {
                min_protocol: Some(min.into()),
                ciphers: list.clone().filter(|_| min == Protocol::Tls12).map(Into::into),
                suites: list.is_some().then(|| INTERMEDIATE.suites.to_owned().into()),
                order: Some(order.into()),
                ..TlsSettings::default()
            };
            (settings, priority(min, words, order))
        })
    })
}

fn priority(min: Protocol, narrow: &str, order: CipherOrder) -> String {
    let mut text = "NORMAL:-VERS-ALL".to_owned();
    for protocol in Protocol::ALL.into_iter().rev().filter(|p| *p >= min) {
        text += &format!(":+VERS-{}", protocol.to_string().replace(' ', ""));
    }
    text += narrow;
    if order == CipherOrder::Server {
        text += ":%SERVER_PRECEDENCE";
    }
    text
}

/// The client's order is what GnuTLS follows where nothing is said.
fn same(meant: &TlsSettings, asked: &TlsSettings) -> bool {
    let order = |s: &TlsSettings| s.order.as_ref().map_or(CipherOrder::Client, |order| order.value);
    (&meant.min_protocol, &meant.ciphers, &meant.suites, order(meant))
        == (&asked.min_protocol, &asked.ciphers, &asked.suites, order(asked))
}

/// Leaves exactly the suites of Mozilla's intermediate profile (and with TLS 1.3 alone those of modern), as
/// `gnutls-cli --list --priority` shows.
const NARROW: &str =
    ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD";

/// The same with the suites that use Diffie-Hellman parameters.
const NARROW_WITH_DHE: &str = ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:+DHE-RSA:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:\
                               +CHACHA20-POLY1305:-MAC-ALL:+AEAD";
