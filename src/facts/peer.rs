//! What a server said on the wire: gathered once by `probe`, judged by `checks::peer` without another connection. How a server is
//! named, and what is spoken on which port, is here as well, since everybody who probes needs it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::crypto::{Scheme, SignatureFault};
use crate::material::key::PublicKey;
use crate::name::{HostName, NotAHostName};

/// One port of a host, and how TLS begins there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The host to connect to.
    pub host: HostName,
    /// The TCP port.
    pub port: u16,
    /// How TLS begins.
    pub opening: Opening,
    /// Which of the host's addresses, where several are told apart.
    pub address: Option<IpAddr>,
}

/// How TLS begins on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// With the first byte.
    AtOnce,
    /// After the client has asked for it in this protocol.
    StartTls(Protocol),
}

/// A protocol in which a client asks for TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 3207.
    Smtp,
    /// RFC 2033 with RFC 3207.
    Lmtp,
    /// RFC 9051 section 6.2.1.
    Imap,
    /// RFC 2595 section 4.
    Pop3,
    /// RFC 4511 section 4.14.
    Ldap,
    /// RFC 5804 section 2.2.
    Sieve,
}

impl Protocol {
    /// The word for options and results.
    pub fn word(self) -> &'static str {
        match self {
            Protocol::Smtp => "smtp",
            Protocol::Lmtp => "lmtp",
            Protocol::Imap => "imap",
            Protocol::Pop3 => "pop3",
            Protocol::Ldap => "ldap",
            Protocol::Sieve => "sieve",
        }
    }
}

/// Schemes of urls, their ports and what is spoken there; the ports of IANA's registry that speak TLS in mail, directories and
/// the web come first, and they are what is looked at where no port is named.
const SERVICES: &[(&str, u16, Opening)] = &[
    ("smtp", 25, Opening::StartTls(Protocol::Smtp)),
    ("smtps", 465, Opening::AtOnce),
    ("submission", 587, Opening::StartTls(Protocol::Smtp)),
    ("imap", 143, Opening::StartTls(Protocol::Imap)),
    ("imaps", 993, Opening::AtOnce),
    ("pop3", 110, Opening::StartTls(Protocol::Pop3)),
    ("pop3s", 995, Opening::AtOnce),
    ("ldap", 389, Opening::StartTls(Protocol::Ldap)),
    ("ldaps", 636, Opening::AtOnce),
    ("https", 443, Opening::AtOnce),
    ("sieve", 4190, Opening::StartTls(Protocol::Sieve)),
    // Not among those that are looked at: LMTP is seldom heard outside a machine.
    ("lmtp", 24, Opening::StartTls(Protocol::Lmtp)),
    ("submissions", 465, Opening::AtOnce),
];

/// How many of `SERVICES` are looked at where no port is named.
const USUAL: usize = 11;

/// A server as a person names it: `mail.example.org`, `mail.example.org:993`, `[2001:db8::1]:25`, `imaps://mail.example.org`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The host.
    pub host: HostName,
    /// The port, if one was named.
    pub port: Option<u16>,
    /// How TLS begins, if the scheme of a url says so.
    pub opening: Option<Opening>,
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Address, NotAnAddress> {
        let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
        let service = scheme.map(|scheme| {
            let known = SERVICES.iter().find(|(word, ..)| word.eq_ignore_ascii_case(scheme));
            known.ok_or_else(|| NotAnAddress(format!("`{text}`: `{scheme}` is no scheme that is probed")))
        });
        let service = service.transpose()?;
        let rest = if scheme.is_some() { rest.strip_suffix('/').unwrap_or(rest) } else { rest };
        let (host, port) = match rest.rsplit_once(':') {
            // An address of IPv6 without brackets has no port.
            Some((host, port)) if host.ends_with(']') || !host.contains(':') => (host, Some(port)),
            _ => (rest, None),
        };
        let port = port.map(|port| match port.parse() {
            Ok(port) if port != 0 => Ok(port),
            _ => Err(NotAnAddress(format!("`{text}`: a port is a number from 1 to 65535"))),
        });
        Ok(Address {
            host: host.parse()?,
            port: port.transpose()?.or(service.map(|(_, port, _)| *port)),
            opening: service.map(|(.., opening)| *opening),
        })
    }
}

impl Address {
    /// The ports to look at: the one that is named, else all on which such servers listen, or those where TLS begins as
    /// `opening` says, which goes before what the port or the scheme says.
    pub fn targets(&self, opening: Option<Opening>) -> Vec<Target> {
        let target = |port, usual| Target {
            host: self.host.clone(),
            port,
            opening: opening.or(self.opening).or(usual).unwrap_or(Opening::AtOnce),
            address: None,
        };
        match self.port {
            Some(port) => vec![target(port, usual(port))],
            None => {
                let fits = |(_, _, usual): &&(&str, u16, Opening)| opening.is_none_or(|asked| asked == *usual);
                let mut services: Vec<_> = SERVICES[..USUAL].iter().filter(fits).collect();
                if services.is_empty() {
                    services = SERVICES.iter().filter(fits).collect();
                }
                services.into_iter().map(|(_, port, usual)| target(*port, Some(*usual))).collect()
            }
        }
    }
}

/// What is spoken on a port by custom.
pub fn usual(port: u16) -> Option<Opening> {
    SERVICES.iter().find(|(_, of, _)| *of == port).map(|(.., opening)| *opening)
}

/// Why a text names no server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAnAddress(String);

impl fmt::Display for NotAnAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotAnAddress {}

impl From<NotAHostName> for NotAnAddress {
    fn from(error: NotAHostName) -> NotAnAddress {
        NotAnAddress(error.to_string())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            HostName::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.port)?,
            _ => write!(f, "{}:{}", self.host, self.port)?,
        }
        self.address.map_or(Ok(()), |address| write!(f, " ({address})"))
    }
}

/// What one connection showed.
#[derive(Clone, Debug)]
pub struct PeerFacts {
    /// Where it went.
    pub target: Target,
    /// The name that was asked for (RFC 6066 section 3).
    pub name: HostName,
    /// The address that took the connection.
    pub ip: Option<IpAddr>,
    /// What was said before TLS, where something is.
    pub preface: Preface,
    /// What the handshake showed, as far as it came; none where no certificate was seen.
    pub session: Option<Session>,
    /// Why it ended before its time.
    pub failure: Option<Failure>,
    /// Everything that it has, the newest protocol first, where that was asked, or why that could not be found out.
    pub offers: Option<Result<Vec<Offer>, Failure>>,
}

/// What a server has in one version of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// `TLS 1.2`.
    pub version: &'static str,
    /// The suites by IANA's names, in the order in which the server chose them.
    pub suites: Vec<&'static str>,
    /// The size of the smallest prime of its Diffie-Hellman groups, where it has suites with a certificate that use them.
    pub dh_bits: Option<usize>,
}

/// What a server said in the clear before TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preface {
    /// Ways to log in that it offers there and that show the password, or a token, to whoever listens.
    pub plaintext_logins: Vec<String>,
    /// What came behind its go-ahead and before our first message of TLS: nothing may (RFC 3207 section 6).
    pub injected: Vec<u8>,
}

/// What a handshake showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// `TLS 1.3`; none where the handshake ended before that was certain.
    pub version: Option<&'static str>,
    /// The suite by IANA's name.
    pub suite: Option<String>,
    /// The group of the key exchange.
    pub group: Option<String>,
    /// The certificates as sent, in DER, the server's own first.
    pub chain: Vec<Vec<u8>>,
    /// What the server signed to show that it has the key of its certificate; none where the handshake did not come so far, or
    /// has no such signature.
    pub signed: Option<Signed>,
    /// Did the server ask for a certificate of ours?
    pub asks_for_certificate: bool,
    /// The OCSP response that it stapled (RFC 6066 section 8).
    pub stapled: Option<Vec<u8>>,
    /// The size of the prime, where the exchange is DHE and was looked into.
    pub dh_bits: Option<usize>,
    /// Was it seen by a mere hello in old protocols, because no handshake as clients of today make it came about?
    pub is_old: bool,
}

impl Session {
    /// Is the server's signature one of this key? None where there is none.
    pub fn is_signed_by(&self, key: &PublicKey) -> Option<Result<(), SignatureFault>> {
        let signed = self.signed.as_ref()?;
        let scheme = Scheme::of_tls(signed.scheme).ok_or(SignatureFault::Unsupported);
        Some(scheme.and_then(|scheme| key.signed(scheme, &signed.message, &signed.signature)))
    }
}

/// A server's signature of the handshake (RFC 8446 section 4.4.3, RFC 5246 section 7.4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// How, by TLS's number.
    pub scheme: u16,
    /// What it is a signature of.
    pub message: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Where a connection ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before there was one.
    Connecting,
    /// Before TLS.
    Preface,
    /// In the handshake.
    Handshake,
}

impl Stage {
    /// What was going on.
    fn words(self) -> &'static str {
        match self {
            Stage::Connecting => "connecting",
            Stage::Preface => "asking for TLS",
            Stage::Handshake => "shaking hands",
        }
    }
}

/// Why a connection ended before its time. Words of the server are as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The name has no address.
    Unresolved(String),
    /// No address takes a connection.
    Unreachable(String),
    /// The time was over.
    TimedOut(Stage),
    /// The server hung up, or the network did.
    Broken(Stage, String),
    /// It said what does not belong there.
    Nonsense(Stage, String),
    /// It said more than anybody has to say.
    TooMuch(Stage),
    /// It speaks, and has no TLS to offer; what it said of it.
    NoStartTls(String),
    /// It does not want to shake hands with us: its alert, or what we have not in common.
    Refused(String),
}

impl Failure {
    /// Was there nobody at all? A port where nothing listens is no port with a fault.
    pub fn is_absence(&self) -> bool {
        matches!(self, Failure::Unresolved(_) | Failure::Unreachable(_) | Failure::TimedOut(Stage::Connecting))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Unresolved(why) => write!(f, "the name has no address: {why}"),
            Failure::Unreachable(why) => write!(f, "no connection: {why}"),
            Failure::TimedOut(stage) => write!(f, "not finished in time, while {}", stage.words()),
            Failure::Broken(stage, why) => write!(f, "{why} while {}", stage.words()),
            Failure::Nonsense(stage, said) => write!(f, "not what belongs there, while {}: {said}", stage.words()),
            Failure::TooMuch(stage) => write!(f, "more was sent than anybody has to say, while {}", stage.words()),
            Failure::NoStartTls(said) if said.is_empty() => f.write_str("STARTTLS is not offered"),
            Failure::NoStartTls(said) => write!(f, "STARTTLS is refused: {said}"),
            Failure::Refused(why) => write!(f, "the handshake failed: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_in_several_ways() {
        let named = |text: &str| {
            let address: Address = text.parse().unwrap();
            address.targets(None).iter().map(|t| format!("{t} {:?}", t.opening)).collect::<Vec<_>>().join(", ")
        };
        for (text, target) in [
            ("mail.example.org:993", "mail.example.org:993 AtOnce"),
            ("mail.example.org:25", "mail.example.org:25 StartTls(Smtp)"),
            ("192.0.2.1:8443", "192.0.2.1:8443 AtOnce"),
            ("[2001:db8::1]:389", "[2001:db8::1]:389 StartTls(Ldap)"),
            ("imaps://mail.example.org", "mail.example.org:993 AtOnce"),
            ("imap://mail.example.org:1143/", "mail.example.org:1143 StartTls(Imap)"),
            ("submissions://[::1]", "[::1]:465 AtOnce"),
        ] {
            assert_eq!(named(text), target);
        }
        for text in ["mail.example.org", "2001:db8::1", "[2001:db8::1]"] {
            let address: Address = text.parse().unwrap();
            let ports: Vec<u16> = address.targets(None).iter().map(|t| t.port).collect();
            assert_eq!(ports, [25, 465, 587, 143, 993, 110, 995, 389, 636, 443, 4190]);
        }
        let ports = |opening| {
            let address: Address = "mail.example.org".parse().unwrap();
            address.targets(Some(opening)).iter().map(|t| t.port).collect::<Vec<_>>()
        };
        assert_eq!(ports(Opening::StartTls(Protocol::Imap)), [143]);
        assert_eq!(ports(Opening::StartTls(Protocol::Smtp)), [25, 587]);
        assert_eq!(ports(Opening::StartTls(Protocol::Lmtp)), [24]);
        assert_eq!(ports(Opening::AtOnce), [465, 993, 995, 636, 443]);
        for bad in ["", ":993", "a:0", "a:65536", "a:x", "gopher://a", "a b:25", "https://a/b", "a:", "[::1]x:1"] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
