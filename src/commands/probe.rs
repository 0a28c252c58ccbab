//! `probe`: what servers present on the wire, judged as `chain check` judges a file.

use std::path::PathBuf;
use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use super::chain::judged::{Judged, is_valid};
use super::{Context, Outcome, gather};
use crate::checks::{peer, stapled};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::facts::peer::{Address, Failure, Opening, PeerFacts, Protocol, Session, Target};
use crate::files::trust;
use crate::finding::{Finding, Origin, Severity};
use crate::instant;
use crate::material::cert::Cert;
use crate::material::{KnownCas, Material};
use crate::name::HostName;
use crate::pki::chain::{Path, Pile, Signatures};
use crate::pki::verify::{Fault, PolicyWishes, Purpose, Test, Wanted, prove};
use crate::probe::{Question, look_at_all};
use crate::report::{Form, Line, Report, Value, Verdict, describe, object};
use crate::threads;

/// Show and check what servers present
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit probe mail.example.org
  pkit probe mail.example.org:993 mail.example.org:25
  pkit probe imaps://192.0.2.1 --name mail.example.org
  pkit probe mail.example.org:993 --expect-cert fullchain.pem
  pkit probe localhost:1143 --starttls imap --trust ca.pem

Without a port, those of mail, LDAP and the web are looked at (of a protocol
that --starttls names, its own), and the ones that answer are told; with one,
every address of HOST that answers. Exit 1: a chain is not valid, or something
else is wrong; 6: a server that was named does not answer.")]
pub struct Args {
    /// Servers: HOST, HOST:PORT or a url such as imaps://HOST
    #[arg(required = true, value_name = "HOST[:PORT]")]
    servers: Vec<Address>,
    /// How to get to TLS
    #[command(flatten)]
    opener: Opener,
    /// The name to ask for, and to find in the certificate [default: HOST]
    #[arg(long, value_name = "HOST")]
    name: Option<HostName>,
    /// Trust anchors: `system`, a file or a directory
    #[arg(long, value_name = "STORE", default_value = "system")]
    trust: trust::Source,
    /// What should be served: the certificate of one of these files
    #[arg(long, value_name = "FILE")]
    expect_cert: Vec<PathBuf>,
    /// Try which protocols and suites the server has: many connections
    #[arg(long)]
    deep: bool,
    /// How long each connection may take, from the look-up of the name on
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = instant::span)]
    timeout: Duration,
    /// One line for Nagios and its kin, and exit codes 0 to 3
    #[arg(long)]
    nagios: bool,
    /// What a server that does not answer is to Nagios
    #[arg(long, value_enum, value_name = "STATE", default_value_t = UnreachableWord::Critical)]
    unreachable: UnreachableWord,
}

/// What a server that does not answer is to Nagios.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum UnreachableWord {
    Critical,
    Unknown,
}

/// How to get to TLS.
#[derive(Debug, clap::Args)]
pub(super) struct Opener {
    /// What is spoken before TLS [default: what is usual on the port]
    #[arg(long, value_enum, value_name = "PROTOCOL", default_value_t = Word::Auto, hide_default_value = true)]
    starttls: Word,
}

impl Opener {
    /// What was asked for, if anything was.
    pub(super) fn opening(&self) -> Option<Opening> {
        self.starttls.opening()
    }
}

/// Findings about servers, and whether one of them did not answer, which the user may have accepted, or call unknown.
pub(super) fn answered(mut findings: Vec<Finding>, unreachable: UnreachableWord) -> (Vec<Finding>, Exit) {
    let mut trouble = Exit::Ok;
    for finding in findings.iter_mut().filter(|f| peer::is_absence(f) && f.severity > Severity::Info) {
        trouble = Exit::Network;
        if unreachable == UnreachableWord::Unknown {
            finding.severity = Severity::Skipped;
        }
    }
    (findings, trouble)
}

/// The words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Word {
    /// As the port has it by custom
    Auto,
    /// Mail between servers, and submission
    Smtp,
    /// Mail into mailboxes
    Lmtp,
    /// IMAP
    Imap,
    /// POP3
    Pop3,
    /// LDAP
    Ldap,
    /// ManageSieve
    Sieve,
    /// TLS with the first byte
    None,
}

impl Word {
    fn opening(self) -> Option<Opening> {
        let protocol = match self {
            Word::Auto => return None,
            Word::None => return Some(Opening::AtOnce),
            Word::Smtp => Protocol::Smtp,
            Word::Lmtp => Protocol::Lmtp,
            Word::Imap => Protocol::Imap,
            Word::Pop3 => Protocol::Pop3,
            Word::Ldap => Protocol::Ldap,
            Word::Sieve => Protocol::Sieve,
        };
        Some(Opening::StartTls(protocol))
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let expected = gather::public_material(&args.expect_cert, context)?;
    let expected = leaves(&expected);
    if expected.is_empty() && !args.expect_cert.is_empty() {
        let message = "there is no certificate of a server in what --expect-cert names";
        return Err(Error::input(&super::chain::build::NO_CERTIFICATE, message));
    }
    let store = trust::load(&args.trust)?;
    let mut questions = Vec::new();
    for server in &args.servers {
        let name = args.name.as_ref().unwrap_or(&server.host);
        let ask = |target: Target| Question {
            target,
            name: name.clone(),
            patience: args.timeout.unsigned_abs(),
            deep: args.deep,
            // Of a host without a port a dozen are looked at.
            everywhere: server.port.is_some(),
        };
        questions.extend(server.targets(args.opener.opening()).into_iter().map(ask));
    }
    let answers = present(look_at_all(&questions), &args.servers, args.opener.opening());
    let public = args.trust == trust::Source::System;
    let judge = Judge { context, store: &store, public, known: Arc::default(), cas: KnownCas::default() };
    let seen: Vec<Seen> = threads::among(&answers, |facts| judge.seen(facts, &expected));

    // What only programs are told is made for them only.
    let targets: Vec<Value> =
        if context.json { seen.iter().map(|seen| seen.value(&expected)).collect() } else { Vec::new() };
    let mut report = Report::judging(object! { "targets" => targets, "trust" => store.name.as_str() });
    report.body = seen.iter().flat_map(|seen| std::iter::once(seen.line(context.now)).chain(seen.offers())).collect();
    let (findings, trouble) = answered(seen.iter().flat_map(|seen| seen.findings.clone()).collect(), args.unreachable);
    report.findings = store.incomplete.iter().cloned().chain(findings).collect();
    report.trouble = trouble;
    report.form = args.nagios.then_some(Form::Nagios);
    report.closing = args.nagios.then(|| format!("{} as they should be", describe::count(seen.len(), "server")));
    Ok(report.into())
}

/// The certificates of files that a server may present as its own.
pub(super) fn leaves(material: &Material) -> Vec<(&Origin, &Cert)> {
    let all: Vec<_> = material.certs().collect();
    let own: Vec<_> = all.iter().copied().filter(|(_, cert)| !cert.is_ca()).collect();
    // A self-signed certificate may well say that it is a CA.
    if own.is_empty() { all.into_iter().take(1).collect() } else { own }
}

/// Of a host without a port only what answers is told; one where nothing does is told once.
fn present(answers: Vec<Vec<PeerFacts>>, servers: &[Address], opening: Option<Opening>) -> Vec<PeerFacts> {
    let mut answers = answers.into_iter();
    let mut kept = Vec::new();
    for server in servers {
        let all: Vec<PeerFacts> = answers.by_ref().take(server.targets(opening).len()).flatten().collect();
        let absent = |facts: &PeerFacts| facts.failure.as_ref().is_some_and(Failure::is_absence);
        let several = all.len() > 1;
        match all.iter().all(absent) {
            true => kept.extend(all.into_iter().take(1).map(|facts| match &facts.failure {
                Some(Failure::Unreachable(_) | Failure::TimedOut(_)) if several => {
                    let which = if opening.is_some() { "where TLS begins so" } else { "of mail, LDAP or the web" };
                    let none = format!("no port {which} takes one");
                    PeerFacts { failure: Some(Failure::Unreachable(none)), ..facts }
                }
                _ => facts,
            })),
            false => kept.extend(all.into_iter().filter(|facts| server.port.is_some() || !absent(facts))),
        }
    }
    kept
}

/// What chains are held to.
pub(super) struct Judge<'a> {
    pub(super) context: &'a Context,
    pub(super) store: &'a trust::Store,
    /// Is the profile of public CAs asked for?
    pub(super) public: bool,
    /// What was found out about the CAs that many servers send.
    pub(super) known: Arc<Signatures>,
    /// These CAs themselves.
    pub(super) cas: KnownCas,
}

/// A server and what is to be said of it.
pub(super) struct Seen<'a> {
    pub(super) facts: &'a PeerFacts,
    pub(super) chain: Material,
    faults: Vec<Fault>,
    checks: Value,
    pub(super) findings: Vec<Finding>,
}

impl Judge<'_> {
    /// Judges one server: the connection, the chain as sent, and whether it is what the files hold.
    pub(super) fn seen<'a>(&self, facts: &'a PeerFacts, expected: &[(&Origin, &Cert)]) -> Seen<'a> {
        let chain = sent(facts, &self.cas);
        let mut seen =
            Seen { facts, chain: Material::default(), faults: Vec::new(), checks: Value::Null, findings: Vec::new() };
        seen.findings = peer::connection(facts);
        seen.findings.extend(peer::offers(facts));
        seen.findings.extend(chain.findings.clone());
        if let Some(leaf) = own(&chain) {
            seen.findings.extend(peer::possession(facts, leaf));
            seen.findings.extend(peer::served(facts, leaf, expected));
            let names = std::slice::from_ref(&facts.name);
            let wanted = Wanted {
                now: self.context.now,
                purpose: Purpose::Server,
                profile: self.public,
                names,
                max_depth: None,
                policies: PolicyWishes::default(),
            };
            let pile = Pile::beside(&self.known, chain.certs(), &self.store.anchors);
            let proof = prove(&pile, leaf, &wanted);
            let judged = Judged {
                chain: &chain,
                pile: &pile,
                wanted: &wanted,
                proof: &proof,
                revocation: None,
                store: self.store,
            };
            let above = proof.path.root().is_some_and(|root| !proof.path.certs.contains(&root));
            let length = proof.path.certs.len() + usize::from(above);
            seen.findings.extend(response(facts, leaf, &proof.path, self.context.now));
            seen.faults = judged.faults(self.context);
            for fault in &mut seen.faults {
                let openssl = peer::openssl(fault.finding.rule.code, fault.depth, length);
                if let Some(known) = openssl {
                    let said =
                        format!("{} (openssl: verify error {}, {})", fault.finding.message, known.code, known.words);
                    fault.finding.message = said;
                }
            }
            seen.findings.extend(seen.faults.iter().map(|fault| fault.finding.clone()));
            let opinions = judged.opinions(&seen.findings);
            seen.findings.extend(opinions);
            if self.context.json {
                seen.checks = judged.result(&seen.faults);
            }
        }
        seen.findings = self.context.accepted(seen.findings);
        seen.chain = chain;
        seen
    }
}

/// What is wrong with the OCSP response, or its absence. Without an issuer nobody can tell, and its absence is an error already.
fn response(facts: &PeerFacts, leaf: &Cert, path: &Path<'_>, now: OffsetDateTime) -> Vec<Finding> {
    let Some(session) = facts.session.as_ref().filter(|session| !session.is_old) else { return Vec::new() };
    let at = peer::place(facts);
    match (&session.stapled, path.certs.get(1).copied().or_else(|| path.root())) {
        (None, _) => stapled::missing(leaf, &at).into_iter().collect(),
        (Some(response), Some(issuer)) => stapled::judge(response, leaf, issuer, now, &at),
        (Some(_), None) => Vec::new(),
    }
}

/// The chain as sent, each certificate at its place in it.
pub(super) fn sent(facts: &PeerFacts, known: &KnownCas) -> Material {
    let mut material = Material::default();
    let ders = facts.session.iter().flat_map(|session| &session.chain);
    for (index, der) in ders.enumerate() {
        material.sent(known, Origin { index, ..Origin::file(facts.target.to_string()) }, der);
    }
    material
}

/// The server's own: the first that it sent, or none where that one cannot be read.
pub(super) fn own(chain: &Material) -> Option<&Cert> {
    chain.certs().next().filter(|(at, _)| at.index == 0).map(|(_, cert)| cert)
}

impl Seen<'_> {
    fn session(&self) -> Option<&Session> {
        self.facts.session.as_ref()
    }

    fn leaf(&self) -> Option<&Cert> {
        own(&self.chain)
    }

    fn line(&self, now: OffsetDateTime) -> Line {
        let worst = self.findings.iter().map(|f| f.severity).max();
        let verdict = worst.filter(|worst| *worst > Severity::Info).map_or(Verdict::Ok, Verdict::from);
        let mut cells = vec![self.facts.target.to_string(), self.opening().unwrap_or("-").to_owned()];
        match (self.session(), &self.facts.failure) {
            (None, failure) => cells.extend(failure.iter().map(ToString::to_string)),
            (Some(session), _) => {
                cells.push(session.version.unwrap_or("-").to_owned());
                cells.push(session.suite.clone().unwrap_or_else(|| "-".into()));
                match self.leaf() {
                    Some(leaf) => {
                        cells.push(format!("until {}", instant::day(leaf.not_after, now)));
                        cells.push(if is_valid(&self.faults) { "chain valid" } else { "chain not valid" }.into());
                        cells.push(if self.has_name() { "name OK" } else { "wrong name" }.into());
                    }
                    None => cells.push("no certificate that can be read".into()),
                }
            }
        }
        Line::Verdict(verdict, cells)
    }

    fn offers(&self) -> impl Iterator<Item = Line> {
        self.facts.offers.iter().flatten().flatten().map(|offer| {
            let bits = offer.dh_bits.map_or(String::new(), |bits| format!(" (DH of {bits} bits)"));
            Line::Indented(format!("{}: {}{bits}", offer.version, offer.suites.join(", ")))
        })
    }

    fn opening(&self) -> Option<&'static str> {
        match self.facts.target.opening {
            Opening::AtOnce => None,
            Opening::StartTls(protocol) => Some(protocol.word()),
        }
    }

    fn has_name(&self) -> bool {
        self.leaf().is_some() && !self.faults.iter().any(|fault| fault.test == Test::Name)
    }

    fn value(&self, expected: &[(&Origin, &Cert)]) -> Value {
        let facts = self.facts;
        let session = self.session();
        let leaf = self.leaf();
        object! {
            "host" => facts.target.host.to_string(),
            "port" => u32::from(facts.target.port),
            "ip" => facts.ip.map(|ip| ip.to_string()),
            "starttls" => self.opening(),
            "name" => facts.name.to_string(),
            "version" => session.and_then(|s| s.version),
            "suite" => session.and_then(|s| s.suite.clone()),
            "group" => session.and_then(|s| s.group.clone()),
            "dh_bits" => session.and_then(|s| s.dh_bits),
            "offers" => facts.offers.as_ref().and_then(|offers| offers.as_ref().ok()).map(|offers| offers.iter().map(|offer| object! {
                "version" => offer.version,
                "suites" => offer.suites.iter().map(|name| Value::from(*name)).collect::<Vec<_>>(),
                "dh_bits" => offer.dh_bits,
            }).collect::<Vec<_>>()),
            "chain" => self.chain.certs().map(|(at, c)| describe::certificate(c, Some(at))).collect::<Vec<_>>(),
            "valid" => leaf.map(|_| is_valid(&self.faults)),
            "verification" => self.checks.clone(),
            "name_match" => leaf.map(|_| self.has_name()),
            "expires" => leaf.map(|leaf| instant::rfc3339(leaf.not_after)),
            "ocsp_stapled" => session.map(|s| s.stapled.is_some()),
            "client_certificate_requested" => session.map(|s| s.asks_for_certificate),
            "plaintext_logins" => facts.preface.plaintext_logins.clone(),
            "served_matches_file" => leaf
                .filter(|_| !expected.is_empty())
                .map(|leaf| expected.iter().any(|(_, cert)| *cert == leaf)),
            "error" => facts.failure.as_ref().map(ToString::to_string),
            "findings" => self.findings.iter().map(|f| f.rule.code.to_owned()).collect::<Vec<_>>(),
        }
    }
}
