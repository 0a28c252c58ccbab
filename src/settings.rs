//! What every server must be told about TLS, in nobody's spelling. `servers` turns a configuration into this and this into a
//! configuration; judges look at nothing else, so "TLS below 1.2" is said once for all servers. Nothing is read or written here.

use std::fmt;
use std::path::PathBuf;

use crate::finding::Location;

/// One value, and where it was said. Two settings are equal when they say the same, wherever that was.
#[derive(Clone, Debug)]
pub struct Setting<T> {
    /// What is said.
    pub value: T,
    /// Where it was read; none for what is only wished.
    pub at: Option<Location>,
}

impl<T> From<T> for Setting<T> {
    fn from(value: T) -> Setting<T> {
        Setting { value, at: None }
    }
}

impl<T: PartialEq> PartialEq for Setting<T> {
    fn eq(&self, other: &Setting<T>) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Setting<T> {}

/// Declares the settings: the struct's fields, and everything that has to go through all of them.
macro_rules! settings {
    ($($(#[$doc:meta])* $field:ident: $kind:ty = $words:literal,)*) => {
        /// What one server is told. None: not a word about it, so the server's own default holds.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct TlsSettings {
            $($(#[$doc])* pub $field: Option<Setting<$kind>>,)*
        }

        impl TlsSettings {
            /// The first setting, in words, that the two do not share.
            pub fn difference(&self, other: &TlsSettings) -> Option<&'static str> {
                $(if self.$field != other.$field {
                    return Some($words);
                })*
                None
            }

            /// Takes over what `part` says, as read at one place.
            pub fn learn(&mut self, part: TlsSettings, at: &Location) {
                $(if let Some(said) = part.$field {
                    self.$field = Some(Setting { value: said.value, at: Some(at.clone()) });
                })*
            }
        }
    };
}

settings! {
    /// Whether clients can or must use TLS.
    level: TlsLevel = "whether TLS is offered or required",
    /// The file with the certificate and the chain behind it, leaf first.
    certificate: PathBuf = "the certificate file",
    /// The file with the private key.
    key: PathBuf = "the key file",
    /// The file with the CAs whose clients are trusted; it may hold their CRLs.
    client_ca: PathBuf = "the CA file for clients",
    /// Whether clients are asked for a certificate.
    client_cert: ClientCert = "whether clients need a certificate",
    /// The oldest protocol that is spoken.
    min_protocol: Protocol = "the oldest protocol",
    /// The ciphers up to TLS 1.2, as an OpenSSL list.
    ciphers: String = "the ciphers up to TLS 1.2",
    /// The cipher suites of TLS 1.3, as an OpenSSL list.
    suites: String = "the TLS 1.3 suites",
    /// Whose order of ciphers decides.
    order: CipherOrder = "whose cipher order decides",
    /// The file with Diffie-Hellman parameters.
    dh: PathBuf = "the DH parameter file",
    /// Whether a password may come in over a connection without TLS.
    cleartext_auth: bool = "whether passwords may come without TLS",
}

/// Whether clients can or must use TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsLevel {
    /// No TLS.
    Off,
    /// Those who ask get it.
    Offered,
    /// Nothing goes without.
    Required,
}

/// Whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCert {
    /// Not asked.
    No,
    /// Asked; one who has none may come in otherwise.
    Request,
    /// One who has none does not come in.
    Require,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// RFC 2246; forbidden by RFC 8996.
    Tls10,
    /// RFC 4346; forbidden by RFC 8996.
    Tls11,
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl Protocol {
    /// All, oldest first.
    pub const ALL: [Protocol; 4] = [Protocol::Tls10, Protocol::Tls11, Protocol::Tls12, Protocol::Tls13];
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Tls10 => "TLS 1.0",
            Protocol::Tls11 => "TLS 1.1",
            Protocol::Tls12 => "TLS 1.2",
            Protocol::Tls13 => "TLS 1.3",
        })
    }
}

/// Whose order of ciphers decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CipherOrder {
    /// The client's: it knows what its processor is good at.
    Client,
    /// The server's.
    Server,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_do_not_make_a_difference_and_values_do() {
        let wished = TlsSettings { min_protocol: Some(Protocol::Tls12.into()), ..TlsSettings::default() };
        let mut read = TlsSettings::default();
        read.learn(wished.clone(), &Location::File("/etc/x".into()));
        assert_eq!((read.difference(&wished), &read), (None, &wished));
        assert!(read.min_protocol.as_ref().unwrap().at.is_some());
        read.min_protocol = Some(Protocol::Tls11.into());
        assert_eq!(read.difference(&wished), Some("the oldest protocol"));
    }
}
