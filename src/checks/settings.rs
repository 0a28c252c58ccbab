//! Judges what a server is told, whatever server it is: protocols and ciphers. What only one server does is for `servers`.

use crate::finding::{Finding, Location, rules};
use crate::settings::{Protocol, Setting, TlsSettings};

/// The settings of the whole server and of each part.
pub fn judge(settings: &TlsSettings) -> Vec<Finding> {
    let mut found = one(settings);
    found.extend(settings.scopes.iter().flat_map(|scoped| one(&scoped.settings)));
    found
}

fn one(settings: &TlsSettings) -> Vec<Finding> {
    let mut found = Vec::new();
    for min in [&settings.min_protocol, &settings.outgoing_min_protocol].into_iter().flatten() {
        if min.value < Protocol::Tls12 {
            found.extend(at(min).map(|at| PROTOCOL_OLD.at(at, format!("{} and newer is spoken", min.value))));
        }
    }
    if let Some(ciphers) = &settings.ciphers {
        found.extend(list(ciphers));
    }
    if let Some(suites) = &settings.suites
        && !suites.value.split(':').any(|suite| SUITES.contains(&suite))
    {
        let message = || format!("`{}` holds no suite of TLS 1.3", suites.value);
        found.extend(at(suites).map(|at| SUITES_NO_MATCH.at(at, message())));
    }
    found
}

fn at<T>(setting: &Setting<T>) -> Option<Location> {
    setting.place()
}

/// An OpenSSL list: something must be in it, and nothing that gives no protection.
fn list(ciphers: &Setting<String>) -> Option<Finding> {
    let at = at(ciphers)?;
    // `DEFAULT@SECLEVEL=0`: what follows an `@` is a command.
    let plain = |word: &'_ str| word.split('@').next().unwrap_or_default().to_owned();
    let words: Vec<String> = ciphers.value.split([':', ',', ' ', ';']).map(plain).filter(|w| !w.is_empty()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let positive: Vec<&str> = words.iter().copied().filter(|w| !w.starts_with(['!', '-', '+'])).collect();
    let head = words.first().copied().unwrap_or_default();
    // What a distribution or a later OpenSSL adds begins so.
    if head.starts_with("PROFILE=") || head.starts_with("SUITEB") {
        return None;
    }
    if !positive.iter().any(|word| is_known(word)) {
        let message = format!("OpenSSL knows nothing of `{}`: no cipher is left", positive.join(":"));
        return Some(CIPHERS_NO_MATCH.at(at, message));
    }
    let excluded = |word: &str| words.iter().any(|w| w.strip_prefix('!') == Some(word));
    let weak = positive.iter().find(|word| WEAK.iter().any(|weak| word.split(['-', '+']).any(|part| part == *weak)));
    let weak = weak.filter(|word| !excluded(word))?;
    Some(CIPHERS_WEAK.at(at, format!("`{weak}` is among the ciphers")))
}

/// Whose keys the ciphers of a list are for; none where it holds anything but full names of ciphers with a key.
pub fn signers(list: &str) -> Option<Vec<&'static str>> {
    let words = list.split([':', ',', ' ', ';']).filter(|word| !word.is_empty() && !word.starts_with(['!', '-', '@']));
    let mut signers: Vec<&'static str> = words
        .map(|word| match word {
            _ if !is_name(word) || ["PSK", "SRP", "ADH", "AECDH", "DSS"].iter().any(|part| word.contains(part)) => None,
            _ if word.contains("ECDSA") => Some("ECDSA"),
            _ => Some("RSA"),
        })
        .collect::<Option<_>>()?;
    signers.dedup();
    (!signers.is_empty()).then_some(signers)
}

/// A keyword, several with `+` between them, or a name that is made of known parts.
fn is_known(word: &str) -> bool {
    word.split('+').all(|word| KEYWORDS.contains(&word) || PARTS.contains(&word) || is_name(word))
}

fn is_name(word: &str) -> bool {
    word.contains('-') && word.split('-').all(|part| PARTS.contains(&part))
}

/// RFC 8446 appendix B.4, and what OpenSSL has besides (RFC 9150).
const SUITES: &[&str] = &[
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
    "TLS_SHA256_SHA256",
    "TLS_SHA384_SHA384",
];

/// Of no worth, or of little.
const WEAK: &[&str] =
    &["NULL", "eNULL", "aNULL", "ADH", "AECDH", "EXP", "EXPORT", "RC4", "RC2", "DES", "MD5", "LOW", "COMPLEMENTOFALL"];

/// openssl-ciphers(1).
const KEYWORDS: &[&str] = &[
    "ALL",
    "DEFAULT",
    "COMPLEMENTOFDEFAULT",
    "COMPLEMENTOFALL",
    "HIGH",
    "MEDIUM",
    "LOW",
    "EXPORT",
    "EXP",
    "FIPS",
    "eNULL",
    "NULL",
    "aNULL",
    "kRSA",
    "aRSA",
    "RSA",
    "kDHr",
    "kDHd",
    "kDH",
    "kDHE",
    "kEDH",
    "DH",
    "DHE",
    "EDH",
    "ADH",
    "kEECDH",
    "kECDHE",
    "ECDH",
    "ECDHE",
    "EECDH",
    "AECDH",
    "aDSS",
    "DSS",
    "aDH",
    "aECDSA",
    "ECDSA",
    "TLSv1.2",
    "TLSv1.0",
    "TLSv1",
    "SSLv3",
    "SSLv2",
    "AES128",
    "AES256",
    "AES",
    "AESGCM",
    "AESCCM",
    "AESCCM8",
    "ARIA128",
    "ARIA256",
    "ARIA",
    "CAMELLIA128",
    "CAMELLIA256",
    "CAMELLIA",
    "CHACHA20",
    "3DES",
    "DES",
    "RC4",
    "RC2",
    "IDEA",
    "SEED",
    "MD5",
    "SHA1",
    "SHA",
    "SHA256",
    "SHA384",
    "aGOST",
    "aGOST01",
    "kGOST",
    "GOST94",
    "GOST89MAC",
    "PSK",
    "kPSK",
    "kECDHEPSK",
    "kDHEPSK",
    "kRSAPSK",
    "aPSK",
    "SRP",
    "kSRP",
    "aSRP",
    "CBC",
];
/// What the names of suites up to TLS 1.2 are made of.
const PARTS: &[&str] = &[
    "ECDHE",
    "DHE",
    "EDH",
    "ECDH",
    "DH",
    "ADH",
    "AECDH",
    "RSA",
    "ECDSA",
    "DSS",
    "PSK",
    "SRP",
    "AES128",
    "AES256",
    "GCM",
    "CCM",
    "CCM8",
    "CBC",
    "CBC3",
    "SHA",
    "SHA256",
    "SHA384",
    "MD5",
    "CHACHA20",
    "POLY1305",
    "CAMELLIA128",
    "CAMELLIA256",
    "ARIA128",
    "ARIA256",
    "ARIA",
    "3DES",
    "DES",
    "EDE",
    "RC4",
    "RC2",
    "IDEA",
    "SEED",
    "NULL",
    "EXP",
    "GOST2012",
    "GOST2001",
    "KUZNYECHIK",
];

rules! {
    /// Below TLS 1.2.
    PROTOCOL_OLD = Warning "protocol-old" {
        summary: "a protocol below TLS 1.2 is spoken",
        help: "raise the oldest protocol to TLS 1.2",
        source: "RFC 8996: TLS 1.0 and 1.1 must not be used",
    }
    /// Nothing left.
    CIPHERS_NO_MATCH = Error "ciphers-no-match" {
        summary: "a cipher list holds nothing that OpenSSL knows, so no connection up to TLS 1.2 is possible, or the server does not start",
        help: "correct the names; `pkit emit` prints Mozilla's list",
        source: "openssl-ciphers(1); tried on Dovecot 2.3.19, Postfix 3.7.11 (`no cipher match`) and Apache 2.4.71 (AH01898)",
    }
    /// Nothing left of TLS 1.3.
    SUITES_NO_MATCH = Error "suites-no-match" {
        summary: "a list of TLS 1.3 suites holds nothing that OpenSSL knows",
        help: "name suites such as TLS_AES_128_GCM_SHA256, or leave the setting out",
        source: "SSL_CTX_set_ciphersuites(3); tried on Dovecot 2.3.19 and Apache 2.4.71",
    }
    /// Little protection.
    CIPHERS_WEAK = Warning "ciphers-weak" {
        summary: "a cipher list holds ciphers that protect little or nothing",
        help: "take them out; `pkit emit` prints Mozilla's list",
        source: "RFC 9325 section 4.1, RFC 7465 (RC4)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_judged_by_what_openssl_would_make_of_them() {
        let code = |list: &str| {
            let place = Location::File("x".into());
            let setting = Setting::read(list.to_owned(), place);
            super::list(&setting).map(|f| f.rule.code)
        };
        for good in [
            "HIGH:!aNULL:!MD5",
            "ECDHE-ECDSA-AES128-GCM-SHA256:DHE-RSA-CHACHA20-POLY1305",
            "EECDH+AESGCM:EDH+AESGCM",
            "DEFAULT@SECLEVEL=0",
            "ALL:!kRSA:!SRP:!kDHd:!DSS:!aNULL:!eNULL:!EXPORT:!DES:!3DES:!MD5:!PSK:!RC4:!ADH:!LOW@STRENGTH",
            "PROFILE=SYSTEM",
        ] {
            assert_eq!(code(good), None, "{good}");
        }
        for none in ["", "NONSENSE", "!aNULL", "TLS_AES_128_GCM_SHA256"] {
            assert_eq!(code(none), Some("ciphers-no-match"), "{none}");
        }
        for weak in ["HIGH:RC4", "NULL-SHA", "ALL:aNULL"] {
            assert_eq!(code(weak), Some("ciphers-weak"), "{weak}");
        }
    }
}
