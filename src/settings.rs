//! What every server must be told about TLS, in nobody's spelling. `servers` turns a configuration into this and this into a
//! configuration; judges look at nothing else, so "TLS below 1.2" is said once for all servers. Nothing is read or written here.

pub mod customs;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::finding::Location;

/// One value, and where it was said. Two settings are equal when they say the same, wherever that was.
#[derive(Clone, Debug)]
pub struct Setting<T> {
    /// What is said.
    pub value: T,
    /// Where it was read, which all have in common that were read there; none for what is only wished.
    pub at: Option<Arc<Location>>,
}

impl<T> Setting<T> {
    /// What was read at this place.
    pub fn read(value: T, at: Location) -> Setting<T> {
        Setting { value, at: Some(Arc::new(at)) }
    }

    /// Where it was read.
    pub fn place(&self) -> Option<Location> {
        self.at.as_deref().cloned()
    }
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
            /// What holds for a part of the server only, in place of what holds for the whole.
            pub scopes: Vec<Scoped>,
        }

        impl TlsSettings {
            /// The first setting, in words, that the two do not share.
            pub fn difference(&self, other: &TlsSettings) -> Option<&'static str> {
                $(if self.$field != other.$field {
                    return Some($words);
                })*
                (self.scopes != other.scopes).then_some("what holds for one protocol, address or name only")
            }

            /// Takes over what `part` says, as read at one place. What it says of scopes is taken over as it is.
            pub fn learn(&mut self, part: TlsSettings, at: &Arc<Location>) {
                $(if let Some(said) = part.$field {
                    self.$field = Some(Setting { value: said.value, at: Some(at.clone()) });
                })*
                self.scopes.extend(part.scopes);
            }

            /// What holds where both speak: these settings, with what `narrower` says in their place.
            pub fn overlaid(&self, narrower: &TlsSettings) -> TlsSettings {
                TlsSettings {
                    $($field: narrower.$field.clone().or_else(|| self.$field.clone()),)*
                    scopes: Vec::new(),
                }
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
    /// The file with the key's password, without an end of line.
    key_password_file: PathBuf = "the file with the key's password",
    /// A second certificate with a key of another kind (ECDSA beside RSA). In a scope, an empty path takes the outer one away.
    alt_certificate: PathBuf = "the certificate file of the other kind of key",
    /// The key of the second certificate.
    alt_key: PathBuf = "the other key file",
    /// The file with the CAs whose clients are trusted; it may hold their CRLs.
    client_ca: PathBuf = "the CA file for clients",
    /// A directory of such CAs, with its hash links.
    client_ca_dir: PathBuf = "the CA directory for clients",
    /// A file with the CRLs of these CAs, where they are not among the CAs.
    client_crl: PathBuf = "the CRL file for clients",
    /// Whose CRL is looked at.
    crl_check: CrlCheck = "whose CRLs are looked at",
    /// Whether clients are asked for a certificate.
    client_cert: ClientCert = "whether clients need a certificate",
    /// How many CAs may stand between a client and its root.
    verify_depth: u32 = "how long a client's chain may be",
    /// What in the client's certificate is the user's name.
    username_from_cert: UserField = "which field of the client's certificate is the user name",
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
    /// Whether there is a port where TLS begins on demand (STARTTLS). For Postfix: the submission service.
    starttls: bool = "whether the STARTTLS port listens",
    /// Whether there is a port where TLS begins at once. For Postfix: the submissions service.
    implicit: bool = "whether the port with TLS from the start listens",
    /// Whether TLS connections are logged.
    log: bool = "whether TLS is logged",
    /// For how many seconds a session can be taken up again.
    session_timeout: u32 = "how long a TLS session lives",
    /// Whether a received message tells how it was encrypted.
    received_header: bool = "whether the Received: header tells of TLS",
    /// Whether TLS is used where this server is the client.
    outgoing: TlsLevel = "whether outgoing connections use TLS",
    /// The oldest protocol there.
    outgoing_min_protocol: Protocol = "the oldest protocol of outgoing connections",
    /// The file with the CAs that are trusted there.
    outgoing_ca: PathBuf = "the CA file for outgoing connections",
    /// A directory of such CAs, with its hash links.
    outgoing_ca_dir: PathBuf = "the CA directory for outgoing connections",
    /// The table that maps names to keys and certificates, where there is one beside the configuration.
    sni_map: PathBuf = "the table of certificates by name",
    /// The names that this part of the server answers to, the principal one first.
    names: Vec<String> = "the host names",
    /// For how many seconds a browser is to insist on TLS (RFC 6797).
    hsts: u32 = "whether browsers are told to insist on TLS",
    /// The host to which requests without TLS are sent on.
    redirect: String = "where requests without TLS are sent on to",
    /// Whether an OCSP response is stapled (RFC 6066).
    stapling: bool = "whether OCSP responses are stapled",
}

/// Settings that hold for a part of the server, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scoped {
    /// For what part.
    pub scope: Scope,
    /// What holds there in place of what holds for the whole server; it has no narrower scopes of its own.
    pub settings: TlsSettings,
}

/// A part of what a server serves. What is none is not restricted; the default is the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The server's own address that the client has connected to.
    pub address: Option<IpAddr>,
    /// The protocol that is spoken, as in `imap`; `!smtp` is every other one.
    pub protocol: Option<String>,
    /// The name that the client asks for (SNI, RFC 6066); `*.example.org` is every name below.
    pub name: Option<String>,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.address.map(|address| format!("address {address}")),
            self.protocol.as_ref().map(|protocol| format!("protocol {protocol}")),
            self.name.as_ref().map(|name| format!("name {name}")),
        ];
        let said: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(if said.is_empty() { "the whole server".to_owned() } else { said.join(", ") }.as_str())
    }
}

/// Whose CRL is looked at when a client shows its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrlCheck {
    /// Nobody's: a revoked client comes in.
    None,
    /// That of the CA that issued the client's certificate.
    Leaf,
    /// That of every CA of the chain, the root too.
    Chain,
}

/// What in a client's certificate is the user's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserField {
    /// The subject's common name.
    CommonName,
    /// The subject's e-mail address.
    Email,
    /// The subject's user id (RFC 4519).
    UserId,
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
        read.learn(wished.clone(), &Arc::new(Location::File("/etc/x".into())));
        assert_eq!((read.difference(&wished), &read), (None, &wished));
        assert!(read.min_protocol.as_ref().unwrap().at.is_some());
        read.min_protocol = Some(Protocol::Tls11.into());
        assert_eq!(read.difference(&wished), Some("the oldest protocol"));
    }
}
