//! What several verbs get from the network in the same way, and only with `--fetch`: the issuers that a pile lacks, from where
//! its certificates say they are. A certificate that comes back is used if it signed what it was fetched for, and not before.

use std::path::Path;

use time::Duration;

use crate::error::Result;
use crate::exit::Exit;
use crate::finding::{Finding, Location, rules};
use crate::instant;
use crate::material::cert::Cert;
use crate::material::{Block, Item, Material};
use crate::pki::{self, chain::MAX_DEPTH};
use crate::probe::fetch::{Failure, Fetcher, Kind};
use crate::report::{Line, Value, object};

/// Whether to ask the network, and how long.
#[derive(Debug, clap::Args)]
pub struct FetchArgs {
    /// Fetch missing issuers from where the certificates say (http)
    #[arg(long)]
    fetch: bool,
    /// How long each may take
    #[command(flatten)]
    patience: Patience,
}

/// How long to wait for an answer.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Patience {
    /// How long one fetch may take, to its last byte: 30s, 2m
    // The largest CRL that is taken, over a line of 10 Mbit/s.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = instant::span)]
    timeout: Duration,
}

impl Patience {
    /// A fresh run of fetches.
    pub(super) fn fetcher(self) -> Fetcher {
        Fetcher::new(self.timeout.unsigned_abs())
    }
}

/// Certificates that were fetched and proved to be issuers, and what was noticed on the way.
#[derive(Debug, Default)]
pub struct Fetched {
    /// The issuers, each with its url as its origin.
    pub material: Material,
    /// What did not come, or was not what it should be.
    pub findings: Vec<Finding>,
    /// Did the network fail somewhere?
    failed: bool,
    /// What came besides: the issuer's own issuer, perhaps.
    spare: Vec<Block>,
}

impl FetchArgs {
    /// Fetches issuer after issuer. `missing` names the certificate whose issuer nobody has, given what was fetched so far.
    pub(super) fn issuers(&self, missing: impl Fn(&Material) -> Result<Option<Cert>>) -> Result<Fetched> {
        let mut fetched = Fetched::default();
        if !self.fetch {
            return Ok(fetched);
        }
        let fetcher = self.patience.fetcher();
        for _ in 0..MAX_DEPTH {
            let Some(cert) = missing(&fetched.material)? else { break };
            if !fetched.issuer_of(&cert, &fetcher) {
                break;
            }
        }
        Ok(fetched)
    }
}

impl Fetched {
    /// A gap that the network is to blame for may close at the next try: scripts are told by the exit code.
    pub(super) fn trouble(&self, path: &pki::chain::Path<'_>) -> Exit {
        if self.failed && path.gap().is_some() { Exit::Network } else { Exit::Ok }
    }

    /// One line for each certificate: what it is and where it came from.
    pub(super) fn lines(&self) -> impl Iterator<Item = Line> {
        let line = |(name, url)| Line::Indented(format!("fetched: {name} from {url}"));
        self.named().map(line)
    }

    /// The same for programs.
    pub(super) fn value(&self) -> Vec<Value> {
        self.named().map(|(name, url)| object! { "subject" => name, "url" => url }).collect()
    }

    fn named(&self) -> impl Iterator<Item = (String, String)> {
        self.material.certs().map(|(origin, cert)| (cert.subject.to_string(), origin.path.display().to_string()))
    }

    /// Was the issuer found, among what came before or at one of the certificate's urls?
    fn issuer_of(&mut self, cert: &Cert, fetcher: &Fetcher) -> bool {
        if self.use_spare(cert) {
            return true;
        }
        for url in &cert.extensions.ca_issuers {
            match fetcher.get(url, Kind::Certificates) {
                Ok(bytes) => self.spare.extend(Material::read(Path::new(url), &bytes).blocks),
                Err(failure) => {
                    self.failed |= matches!(failure, Failure::Network(_));
                    self.findings.push(told(&failure, url));
                    continue;
                }
            }
            if self.use_spare(cert) {
                return true;
            }
            let message = format!("nothing in it has issued `{}`", cert.short_name());
            self.findings.push(FETCHED_FOREIGN.at(Location::File(url.into()), message));
        }
        false
    }

    fn use_spare(&mut self, cert: &Cert) -> bool {
        let is_issuer = |block: &mut Block| matches!(&block.item, Item::Cert(issuer) if cert.issued_by(issuer));
        let issuers: Vec<Block> = self.spare.extract_if(.., is_issuer).collect();
        let found = !issuers.is_empty();
        self.material.blocks.extend(issuers);
        found
    }
}

/// A fetch that brought nothing, as a finding about the url.
pub(super) fn told(failure: &Failure, url: &str) -> Finding {
    let at = Location::File(url.into());
    match failure {
        Failure::Scheme => URL_NOT_HTTP.at(at, "pkit fetches http urls only"),
        Failure::Enough => FETCHED_ENOUGH.at(at, "this run has made as many fetches as one may"),
        Failure::Network(why) => FETCH_FAILED.at(at, why.clone()),
    }
}

rules! {
    /// The network or the server said no.
    FETCH_FAILED = Warning "fetch-failed" {
        summary: "something could not be fetched from the url that a certificate names",
        help: "try again later, or get the file in another way and give it as an input",
        source: "RFC 5280 sections 4.2.1.13 and 4.2.2.1: the urls are where the CA says the thing is",
    }
    /// https, ldap, file.
    URL_NOT_HTTP = Info "url-not-http" {
        summary: "a certificate names a url that pkit does not fetch",
        help: "get the file in another way and give it as an input, if no other url served",
        source: "RFC 5280 section 8: https here can go in circles; ldap and file urls reach into networks and disks",
    }
    /// The limit of the run.
    FETCHED_ENOUGH = Warning "fetch-limit" {
        summary: "one run makes 16 fetches at most",
        help: "name fewer certificates in one run",
        source: "a chain has three or four certificates with two urls each; more is a mistake or an attack",
    }
    /// Not the issuer.
    FETCHED_FOREIGN = Warning "fetched-not-issuer" {
        summary: "what was fetched as the issuer of a certificate has not issued it, so it is not used",
        help: "tell the CA; get the issuer from its web site and give it as an input",
        source: "RFC 5280 section 6.1.3 (a): the issuer is whose name it bears and whose key signed it",
    }
}
