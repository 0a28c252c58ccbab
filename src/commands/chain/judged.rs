//! What is to be told of a chain that was proven or not, wherever it came from: a file, or a server that sent it.

use super::build::{SHOWN_PATHS, sent, shown};
use super::revocation::Revocation;
use crate::checks;
use crate::commands::Context;
use crate::files::trust;
use crate::finding::{Finding, Severity};
use crate::instant;
use crate::material::Material;
use crate::material::cert::Cert;
use crate::name::HostName;
use crate::pki::chain::{Path, Pile};
use crate::pki::verify::{Fault, Proof, Purpose, Test, Wanted, profile};
use crate::report::describe::{self, count};
use crate::report::{Line, Value, Verdict, object};

/// Everything that the answer is made of, at one place.
pub(in crate::commands) struct Judged<'a> {
    pub(in crate::commands) chain: &'a Material,
    pub(in crate::commands) pile: &'a Pile<'a>,
    pub(in crate::commands) wanted: &'a Wanted<'a>,
    pub(in crate::commands) proof: &'a Proof<'a>,
    pub(in crate::commands) revocation: Option<&'a Revocation<'a>>,
    pub(in crate::commands) store: &'a trust::Store,
}

impl Judged<'_> {
    /// What speaks against the chain; faults that the user accepts are notes.
    pub(in crate::commands) fn faults(&self, context: &Context) -> Vec<Fault> {
        let faults = self.proof.verdict.as_ref().err().cloned().unwrap_or_default();
        let accepted = |fault: Fault| {
            let findings = context.accepted(vec![fault.finding.clone()]);
            findings.into_iter().map(move |finding| Fault { finding, ..fault.clone() })
        };
        faults.into_iter().flat_map(accepted).collect()
    }

    /// What should be better, without what has been told already.
    pub(in crate::commands) fn opinions(&self, told: &[Finding]) -> Vec<Finding> {
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

    pub(in crate::commands) fn lines(&self, faults: &[Fault]) -> Vec<Line> {
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

    pub(in crate::commands) fn result(&self, faults: &[Fault]) -> Value {
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
            Test::Revocation => return self.revocation?.passed(&self.proof.path),
            Test::Policy | Test::Key | Test::Profile => return None,
        })
    }

    fn asks_for_policies(&self) -> bool {
        self.wanted.policies.require_explicit || !self.wanted.policies.acceptable.is_empty()
    }
}

pub(in crate::commands) fn is_valid(faults: &[Fault]) -> bool {
    faults.iter().all(|f| f.finding.severity < Severity::Error)
}

/// The path with its root, where there is one.
fn all<'a>(path: &Path<'a>) -> Vec<&'a Cert> {
    sent(path, true)
}
