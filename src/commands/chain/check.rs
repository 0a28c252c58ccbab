//! `chain check`: would clients accept this chain, and if not, which certificate breaks which rule? What should merely be better
//! (the order of the file, weak spots) is told apart from that and never makes a chain invalid.

use std::path::PathBuf;

use super::build::{NO_CERTIFICATE, SHOWN_PATHS, search_stopped, sent, shown};
use super::revocation::{Revocation, RevocationArgs};
use crate::checks;
use crate::commands::{Context, Outcome, gather};
use crate::error::{Error, Result};
use crate::files::trust;
use crate::finding::{Finding, Severity};
use crate::instant;
use crate::material::Material;
use crate::material::cert::Cert;
use crate::name::HostName;
use crate::pki::chain::{Path, Pile};
use crate::pki::verify::{Fault, PolicyWishes, Proof, Purpose, Test, Wanted, profile, prove_with};
use crate::report::describe::{self, count};
use crate::report::{Line, Report, Value, Verdict, object};

/// Check whether clients would accept a certificate chain
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit chain check fullchain.pem --name mail.example.org
  pkit chain check client.pem --purpose client --trust ca.pem
  pkit chain check leaf.pem --untrusted intermediates.pem --at 2027-03-01
  pkit chain check client.pem --trust ca.pem --crl ca.crl

The first certificate of CHAIN is judged; the others, and those of
--untrusted, may be used to reach a trust anchor. --purpose server and client
also hold the chain to the rules for public CAs, as --trust system does with
--name. Go on despite a single one of them with --accept CODE.")]
pub struct Args {
    /// The chain as a server sends it, its own certificate first
    #[arg(value_name = "CHAIN")]
    chain: PathBuf,
    /// More certificates that a path may use
    #[arg(long, value_name = "FILE", num_args = 1..)]
    untrusted: Vec<PathBuf>,
    /// Trust anchors: `system`, a file or a directory
    #[arg(long, value_name = "STORE", default_value = "system")]
    trust: trust::Source,
    /// A host name or address that the certificate must present
    #[arg(long, value_name = "HOST|IP")]
    name: Vec<HostName>,
    /// What it is used for [default: server with --name, else any]
    #[arg(long, value_enum)]
    purpose: Option<PurposeWord>,
    /// Most intermediates between the certificate and the anchor
    #[arg(long, value_name = "N")]
    max_depth: Option<usize>,
    /// Certificate policies that are acceptable, one of them at least
    #[arg(long, value_name = "OID", value_delimiter = ',', value_parser = policy)]
    policy: Vec<String>,
    /// A policy must be valid for the whole path
    #[arg(long)]
    require_explicit_policy: bool,
    /// Policies must not be mapped to others
    #[arg(long)]
    inhibit_policy_mapping: bool,
    /// `anyPolicy` means nothing
    #[arg(long)]
    inhibit_any_policy: bool,
    #[command(flatten)]
    revocation: RevocationArgs,
}

/// What a certificate can be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PurposeWord {
    /// By a TLS server
    Server,
    /// By a TLS client
    Client,
    /// Whatever it says
    Any,
}

impl Args {
    fn wanted(&self, context: &Context) -> Wanted<'_> {
        let purpose = match self.purpose {
            Some(PurposeWord::Server) => Purpose::Server,
            Some(PurposeWord::Client) => Purpose::Client,
            None if !self.name.is_empty() => Purpose::Server,
            Some(PurposeWord::Any) | None => Purpose::Any,
        };
        let public = self.purpose.is_some() || self.trust == trust::Source::System;
        Wanted {
            now: context.now,
            purpose,
            profile: purpose != Purpose::Any && public,
            names: &self.name,
            max_depth: self.max_depth,
            policies: PolicyWishes {
                acceptable: self.policy.iter().filter(|p| *p != "anyPolicy").cloned().collect(),
                require_explicit: self.require_explicit_policy,
                inhibit_mapping: self.inhibit_policy_mapping,
                inhibit_any: self.inhibit_any_policy,
            },
        }
    }
}

/// A dotted object identifier, or `anyPolicy`.
fn policy(text: &str) -> std::result::Result<String, String> {
    let arc = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match text.contains('.') && text.split('.').all(arc) || text == "anyPolicy" {
        true => Ok(text.to_owned()),
        false => Err("write a policy as a dotted object identifier: 2.23.140.1.2.1".into()),
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let chain = gather::material(std::slice::from_ref(&args.chain), context)?;
    let untrusted =
        if args.untrusted.is_empty() { Material::default() } else { gather::material(&args.untrusted, context)? };
    let lists = args.revocation.lists(context)?;
    let store = trust::load(&args.trust)?;
    let Some((_, leaf)) = chain.certs().next() else {
        let message = format!("there is no certificate in {}", args.chain.display());
        return Err(Error::input(&NO_CERTIFICATE, message).path(&args.chain));
    };
    let pile = Pile::new(chain.certs().chain(untrusted.certs()), &store.anchors);
    let wanted = args.wanted(context);
    let revocation = Revocation::new(&args.revocation, &lists, &pile, &store.anchors, wanted.now);
    let proof = prove_with(&pile, leaf, &wanted, &|path| revocation.faults(&pile, path));

    let judged =
        Judged { revocation: &revocation, chain: &chain, pile: &pile, wanted: &wanted, proof: &proof, store: &store };
    let faults = judged.faults(context);
    let mut findings: Vec<Finding> =
        [&chain, &untrusted, &lists].into_iter().flat_map(|m| m.findings.clone()).collect();
    findings.extend(store.incomplete.clone());
    findings.extend(pile.stopped().then(|| search_stopped(leaf, &pile)));
    findings.extend(faults.iter().map(|f| f.finding.clone()));
    let opinions = judged.opinions(&findings);
    findings.extend(opinions);
    let mut report = Report::judging(judged.result(&faults));
    report.body = judged.lines(&faults);
    report.findings = findings;
    Ok(report.into())
}

/// Everything that the answer is made of, at one place.
struct Judged<'a> {
    chain: &'a Material,
    pile: &'a Pile<'a>,
    wanted: &'a Wanted<'a>,
    proof: &'a Proof<'a>,
    revocation: &'a Revocation<'a>,
    store: &'a trust::Store,
}

impl Judged<'_> {
    /// What speaks against the chain; faults that the user accepts are notes.
    fn faults(&self, context: &Context) -> Vec<Fault> {
        let faults = self.proof.verdict.as_ref().err().cloned().unwrap_or_default();
        let accepted = |fault: Fault| {
            let findings = context.accepted(vec![fault.finding.clone()]);
            findings.into_iter().map(move |finding| Fault { finding, ..fault.clone() })
        };
        faults.into_iter().flat_map(accepted).collect()
    }

    /// What should be better, without what has been told already.
    fn opinions(&self, told: &[Finding]) -> Vec<Finding> {
        let path = &self.proof.path;
        let file: Vec<_> = self.chain.certs().collect();
        let mut opinions = checks::chain::order(&file, path, &self.proof.alternatives, self.wanted.now);
        for (depth, cert) in path.certs.iter().enumerate() {
            let Some(found) = self.pile.found().iter().find(|f| f.cert == *cert) else { continue };
            let judge = if depth == 0 { checks::cert::end_entity } else { checks::cert::authority };
            opinions.extend(judge(cert, found.origin, self.wanted.now));
            if depth == 0 && self.wanted.purpose == Purpose::Server {
                opinions.extend(checks::chain::lifetime(cert, found.origin));
            }
        }
        if !self.wanted.profile {
            for (depth, cert) in path.certs.iter().enumerate() {
                let broken = profile::broken(cert, depth, false, self.wanted.purpose);
                opinions.extend(broken.into_iter().map(|(rule, message)| rule.at(self.pile.place(cert), message)));
            }
        }
        let mut fresh: Vec<Finding> = Vec::new();
        for finding in opinions {
            let same = |f: &&Finding| std::ptr::eq(f.rule, finding.rule) && f.at == finding.at;
            if told.iter().chain(&fresh).find(same).is_none() {
                let severity = finding.severity.min(Severity::Warning);
                fresh.push(finding.severity(severity));
            }
        }
        fresh
    }

    fn lines(&self, faults: &[Fault]) -> Vec<Line> {
        let mut lines = vec![Line::Text(shown(&self.proof.path, false))];
        for test in Test::ALL {
            let mut failed = faults.iter().filter(|f| f.test == test).peekable();
            if failed.peek().is_none()
                && let Some(words) = self.passed(test)
            {
                lines.push(Line::Verdict(Verdict::Ok, vec![test.id().into(), words]));
            }
            lines.extend(
                failed.map(|f| {
                    Line::Verdict(f.finding.severity.into(), vec![test.id().into(), f.finding.message.clone()])
                }),
            );
        }
        for other in self.proof.alternatives.iter().take(SHOWN_PATHS) {
            lines.push(Line::Indented(format!("another path: {}", shown(other, false))));
        }
        let word = if is_valid(faults) { "valid" } else { "not valid" };
        lines.push(Line::Text(format!(
            "{word} as of {}, trust from {}",
            instant::show(self.wanted.now),
            self.store.name
        )));
        lines
    }

    fn result(&self, faults: &[Fault]) -> Value {
        let mut checks = Vec::new();
        for test in Test::ALL {
            let failed: Vec<&Fault> = faults.iter().filter(|f| f.test == test).collect();
            match self.passed(test) {
                Some(detail) if failed.is_empty() => checks.push(object! {
                    "id" => test.id(), "ok" => true, "depth" => Value::Null, "detail" => detail,
                }),
                _ => checks.extend(failed.iter().map(|f| {
                    object! {
                        "id" => test.id(), "ok" => f.finding.severity < Severity::Error, "depth" => f.depth,
                        "detail" => f.finding.message.as_str(), "code" => f.finding.rule.code,
                    }
                })),
            }
        }
        let origin = |cert: &Cert| self.pile.found().iter().find(|f| f.cert == cert).map(|f| f.origin);
        let path = all(&self.proof.path);
        object! {
            "valid" => is_valid(faults),
            "checks" => checks,
            "path" => path.iter().map(|c| describe::certificate(c, origin(c))).collect::<Vec<_>>(),
            "anchored" => self.proof.path.is_anchored(),
            "other_paths" => self.proof.alternatives.len(),
            "trust" => self.store.name.as_str(),
        }
    }

    /// What a test that nothing fails has shown; `None` where it was not asked for.
    fn passed(&self, test: Test) -> Option<String> {
        let certs = &self.proof.path.certs;
        Some(match test {
            Test::Trust => format!("ends in `{}`", self.proof.path.root()?.subject.short()),
            Test::Signature if all(&self.proof.path).len() < 2 => return None,
            Test::Signature => format!("{} checked", count(all(&self.proof.path).len() - 1, "signature")),
            Test::Validity => {
                let first = certs.iter().min_by_key(|c| c.not_after)?;
                format!("`{}` ends first: {}", first.short_name(), instant::day(first.not_after, self.wanted.now))
            }
            Test::Name if self.wanted.names.is_empty() => return None,
            Test::Name => self.wanted.names.iter().map(HostName::readable).collect::<Vec<_>>().join(", "),
            Test::Purpose => match self.wanted.purpose {
                Purpose::Server => "TLS server".into(),
                Purpose::Client => "TLS client".into(),
                Purpose::Any => return None,
            },
            Test::Authority => "every issuer is a CA".into(),
            Test::PathLength => count(certs.len() - 1, "intermediate"),
            Test::KeyUsage => "every key is used for what it may".into(),
            Test::NameConstraints => "every name is within what the CAs may issue".into(),
            Test::Extensions => "no critical extension is unknown".into(),
            Test::Policy if self.asks_for_policies() => "a policy is valid for the path".into(),
            Test::Profile if self.wanted.profile => "as public TLS clients want it".into(),
            Test::Revocation => return self.revocation.passed(&self.proof.path),
            Test::Policy | Test::Key | Test::Profile => return None,
        })
    }

    fn asks_for_policies(&self) -> bool {
        self.wanted.policies.require_explicit || !self.wanted.policies.acceptable.is_empty()
    }
}

fn is_valid(faults: &[Fault]) -> bool {
    faults.iter().all(|f| f.finding.severity < Severity::Error)
}

/// The path with its root, where there is one.
fn all<'a>(path: &Path<'a>) -> Vec<&'a Cert> {
    sent(path, true)
}
