//! HTTP GET for what certificates point at (RFC 5280 sections 4.2.1.13 and 4.2.2.1). The urls were written by strangers, so
//! everything about a fetch is bounded: time, size, redirects, how many, and where a redirect may lead. The answers are signed
//! things, which is why plain http will do (RFC 5280 section 8); proving them is for the caller, before any use.

use std::cell::Cell;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use ureq::Timeout;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

/// What is asked for; it says how much of an answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A certificate or a few: at most 1 MiB. A chain of PKCS#7 with RSA 4096 is about 10 KiB.
    Certificates,
    /// A revocation list: at most 47 MiB, which as PEM is the largest file that pkit reads. A million entries take about 40 MiB.
    Crl,
}

/// Why nothing came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The url is not one of http: https, ldap and file are left alone.
    Scheme,
    /// This run has fetched enough.
    Enough,
    /// The network or the server; the words say what.
    Network(String),
}

/// Fetches within the limits of one run.
#[derive(Debug)]
pub struct Fetcher {
    total: Duration,
    left: Cell<usize>,
}

impl Fetcher {
    /// `total` bounds each fetch from the first look-up to the last byte.
    pub fn new(total: Duration) -> Fetcher {
        Fetcher { total, left: Cell::new(MAX_FETCHES) }
    }

    /// The bytes behind a url.
    pub fn get(&self, url: &str, kind: Kind) -> Result<Vec<u8>, Failure> {
        if !url.get(..HTTP.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(HTTP)) {
            return Err(Failure::Scheme);
        }
        let Some(left) = self.left.get().checked_sub(1) else { return Err(Failure::Enough) };
        self.left.set(left);
        let config = Config::builder()
            .timeout_global(Some(self.total))
            .timeout_connect(Some(MAX_CONNECT))
            .max_redirects(MAX_REDIRECTS)
            // A proxy looks names up itself, so where a redirect leads could not be judged here.
            .proxy(None)
            .accept("*/*")
            .user_agent(concat!("pkit/", env!("CARGO_PKG_VERSION")))
            .build();
        // One agent for each fetch: its resolver remembers where this one started.
        let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), Guard::default());
        let answer = agent.get(url).call();
        let bytes = answer.and_then(|a| a.into_body().into_with_config().limit(kind.limit()).read_to_vec());
        bytes.map_err(|error| Failure::Network(self.words(&error, kind)))
    }

    fn words(&self, error: &ureq::Error, kind: Kind) -> String {
        match error {
            ureq::Error::StatusCode(code) => format!("the server answered {code}"),
            ureq::Error::Timeout(Timeout::Connect) => format!("no connection within {} s", MAX_CONNECT.as_secs()),
            ureq::Error::Timeout(_) => format!("not finished within {:?}", self.total),
            ureq::Error::BodyExceedsLimit(_) => format!("more than {} MiB", kind.limit() >> 20),
            ureq::Error::TooManyRedirects => format!("more than {MAX_REDIRECTS} redirects"),
            ureq::Error::HostNotFound => "no such host".into(),
            ureq::Error::Io(error) => crate::error::io_words(error),
            ureq::Error::Other(inner) => inner.to_string(),
            other => other.to_string(),
        }
    }
}

impl Kind {
    fn limit(self) -> u64 {
        match self {
            Kind::Certificates => 1 << 20,
            Kind::Crl => 47 << 20,
        }
    }
}

/// Looks names up, and refuses a redirect into a network that the first url was not in: a stranger's server must not make pkit
/// ask the machine itself or its neighbours. ureq looks up once for each connection and connects to what it got, so an answer
/// that changes in between does not help either.
#[derive(Debug, Default)]
struct Guard {
    inner: DefaultResolver,
    first: OnceLock<Vec<Network>>,
}

impl Resolver for Guard {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        if uri.scheme_str() != Some("http") {
            return Err(refused(uri, "which is not http"));
        }
        let found = self.inner.resolve(uri, config, timeout)?;
        let networks: Vec<Network> = found.iter().map(|address| Network::of(address.ip())).collect();
        let first = self.first.get_or_init(|| networks.clone());
        match networks.iter().find(|network| **network != Network::Public && !first.contains(network)) {
            None => Ok(found),
            Some(network) => Err(refused(uri, network.words())),
        }
    }
}

fn refused(uri: &Uri, why: &str) -> ureq::Error {
    ureq::Error::Other(format!("it redirects to {uri}, {why}").into())
}

/// How near an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network {
    Loopback,
    LinkLocal,
    Private,
    Public,
}

impl Network {
    fn of(ip: IpAddr) -> Network {
        match ip.to_canonical() {
            // 0.0.0.0 and :: reach this machine as well.
            ip if ip.is_loopback() || ip.is_unspecified() => Network::Loopback,
            IpAddr::V4(ip) if ip.is_link_local() => Network::LinkLocal,
            IpAddr::V6(ip) if ip.is_unicast_link_local() => Network::LinkLocal,
            IpAddr::V4(ip) if ip.is_private() || is_shared(ip.octets()) => Network::Private,
            IpAddr::V6(ip) if ip.is_unique_local() => Network::Private,
            _ => Network::Public,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Network::Loopback => "which is this machine",
            Network::LinkLocal => "which is on the same link",
            Network::Private => "which is in a private network",
            Network::Public => "which is public",
        }
    }
}

/// RFC 6598: 100.64.0.0/10, behind a provider's translation.
fn is_shared(octets: [u8; 4]) -> bool {
    octets[0] == 100 && octets[1] & 0xc0 == 64
}

const HTTP: &str = "http://";
/// A server that does not take a connection in this time will not answer well either; another url may.
const MAX_CONNECT: Duration = Duration::from_secs(10);
/// A host that moved and one that moved again; what goes on longer goes in circles.
const MAX_REDIRECTS: u32 = 3;
/// A chain has three or four certificates with two urls each.
const MAX_FETCHES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_by_their_nearness() {
        for (ip, network) in [
            ("127.0.0.1", Network::Loopback),
            ("::1", Network::Loopback),
            ("0.0.0.0", Network::Loopback),
            ("::ffff:127.0.0.1", Network::Loopback),
            ("169.254.169.254", Network::LinkLocal),
            ("fe80::1", Network::LinkLocal),
            ("10.1.2.3", Network::Private),
            ("172.31.0.1", Network::Private),
            ("192.168.0.1", Network::Private),
            ("100.127.0.1", Network::Private),
            ("fd00::1", Network::Private),
            ("::ffff:10.0.0.1", Network::Private),
            ("100.128.0.1", Network::Public),
            ("192.0.2.1", Network::Public),
            ("2001:db8::1", Network::Public),
        ] {
            assert_eq!(Network::of(ip.parse().unwrap()), network, "{ip}");
        }
    }

    #[test]
    fn only_http_is_fetched_and_only_so_often() {
        let fetcher = Fetcher { total: Duration::from_secs(1), left: Cell::new(0) };
        for url in ["https://a.example/x", "ldap://a.example/x", "file:///etc/passwd", "", "http:", "htt\u{fffd}://x"] {
            assert_eq!(fetcher.get(url, Kind::Crl), Err(Failure::Scheme), "{url}");
        }
        assert_eq!(fetcher.get("HTTP://a.example/x", Kind::Crl), Err(Failure::Enough));
    }
}
