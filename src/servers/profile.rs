//! Mozilla's Server Side TLS guidelines as data: which protocols and ciphers a server should speak. The guidelines' curves are
//! left out: a group that the TLS library does not know keeps a server from starting, and the libraries' own defaults are good.

use std::fmt;

use crate::settings::{CipherOrder, Protocol};

/// One of Mozilla's recommended configurations.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    /// `modern`, `intermediate` or `old`.
    pub name: &'static str,
    /// The version of the guidelines that has it.
    pub version: &'static str,
    /// The oldest protocol.
    pub min_protocol: Protocol,
    /// The ciphers up to TLS 1.2, as an OpenSSL list; empty where TLS 1.3 is the oldest protocol.
    pub ciphers: &'static str,
    /// The suites of TLS 1.3.
    pub suites: &'static str,
    /// Whose order decides.
    pub order: CipherOrder,
}

impl Profile {
    /// All, strictest first.
    pub const ALL: [&'static Profile; 3] = [&MODERN, &INTERMEDIATE, &OLD];
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mozilla's {} profile {}", self.name, self.version)
    }
}

/// Clients of 2018 and later.
pub static MODERN: Profile = Profile {
    name: "modern",
    version: "6.0",
    min_protocol: Protocol::Tls13,
    ciphers: "",
    suites: SUITES,
    order: CipherOrder::Client,
};

/// Nearly every client of the last ten years; the default.
pub static INTERMEDIATE: Profile = Profile {
    name: "intermediate",
    version: "6.0",
    min_protocol: Protocol::Tls12,
    ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
              ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305",
    suites: SUITES,
    order: CipherOrder::Client,
};

/// Very old clients; the guidelines dropped it after 5.8.
pub static OLD: Profile = Profile {
    name: "old",
    version: "5.8",
    min_protocol: Protocol::Tls10,
    ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
              ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
              ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:\
              ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:\
              AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA256:AES256-SHA256:AES128-SHA:AES256-SHA:DES-CBC3-SHA",
    suites: SUITES,
    order: CipherOrder::Server,
};

/// Also what OpenSSL offers for TLS 1.3 where nothing is said.
const SUITES: &str = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

/// The suites of guideline 5.7's intermediate profile that use Diffie-Hellman parameters; 5.8 dropped them.
pub const DHE: &str = "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305";
/// The profile that they are from.
pub const WITH_DHE: &str = "Mozilla's intermediate profile 5.7";
