//! Protocols and ciphers as a GnuTLS priority string, for servers that were built with GnuTLS: those have no other way to say
//! them. slapd accepts `olcTLSProtocolMin` there and ignores it (slapd.conf(5); tried on 2.4.57 and 2.5.13).

use super::profile::{self, INTERMEDIATE};
use crate::settings::{CipherOrder, Protocol, TlsSettings};

/// The priority string. None where the settings do not speak of protocols and ciphers, or where no string says just that.
pub(super) fn spell(settings: &TlsSettings) -> Option<Vec<String>> {
    let mut all = Protocol::ALL.into_iter().flat_map(wordings);
    all.find(|(meant, _)| same(meant, settings)).map(|(_, priority)| vec![priority])
}

/// The settings behind a priority string that `spell` could have made.
pub(super) fn parse(values: &[&str]) -> Option<TlsSettings> {
    let mut all = Protocol::ALL.into_iter().flat_map(wordings);
    all.find(|(_, priority)| values == [priority]).map(|(meant, _)| meant)
}

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
