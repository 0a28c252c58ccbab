//! `key check`: are these keys whole and strong, and do they belong to this certificate or request?

use std::path::{Path, PathBuf};

use super::load::{self, Wanted};
use crate::checks::key::{self, KEY_NOT_FOUND};
use crate::checks::weak::{self, Shared, WEAK_SHARED_PRIME};
use crate::commands::{Context, Outcome, gather};
use crate::error::Result;
use crate::files::passphrase::PASSPHRASE_NEEDED;
use crate::finding::{Finding, Origin, Severity};
use crate::material::key::{KeyFault, PrivateKey, PublicKey};
use crate::material::{Block, Item, Material};
use crate::primes::MAX_RSA_BITS;
use crate::report::{Line, Report, Value, Verdict, object};

/// Check keys: do their numbers fit together, are they strong enough, and do they belong to this certificate or request? Of
/// certificates and requests the public key is judged.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit key check mail.key --cert fullchain.pem
  pkit key check *.key *.csr --min-bits 3072")]
pub struct Args {
    /// Keys, certificates and requests, PEM or DER; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The smallest RSA key that is good enough
    #[arg(long, value_name = "N", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(2048..=16384))]
    min_bits: u32,
    /// The certificate that the keys must belong to (of a chain, its first)
    #[arg(long)]
    cert: Option<PathBuf>,
    /// The request that the keys must belong to
    #[arg(long)]
    csr: Option<PathBuf>,
}

/// A public key that every private key must belong to.
struct Reference {
    what: Wanted,
    at: Origin,
    key: PublicKey,
}

/// One question put to one key.
struct Check {
    id: &'static str,
    good: String,
    findings: Vec<Finding>,
}

/// One key and what came out.
struct Judged {
    at: Origin,
    what: String,
    /// Of an RSA key.
    modulus: Option<Vec<u8>>,
    checks: Vec<Check>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let wanted = [(&args.cert, Wanted::Certificate), (&args.csr, Wanted::Request)];
    let named = wanted.into_iter().filter_map(|(path, what)| Some((path.as_ref()?, what)));
    let references = named.map(|(path, what)| reference(path, what, context)).collect::<Result<Vec<_>>>()?;
    let mut judged: Vec<Judged> = Vec::new();
    let mut damage = Vec::new();
    for path in &args.files {
        let mut material = load::material(path)?;
        // Where there is no passphrase to be had, the key is one that could not be looked at.
        match gather::unlock(&mut material, context) {
            Err(error) if error.rule != &PASSPHRASE_NEEDED => return Err(error),
            _ => {}
        }
        judged.extend(judge_file(path, &material, args.min_bits as usize, &references, context));
        damage.extend(material.findings);
    }
    compare(&mut judged, context);
    let mut report = Report::judging(object! { "keys" => judged.iter().map(Judged::value).collect::<Vec<_>>() });
    report.body = judged.iter().map(Judged::line).collect();
    report.findings = context.accepted(damage);
    report.findings.extend(judged.into_iter().flat_map(|j| j.checks).flat_map(|c| c.findings));
    Ok(report.into())
}

/// Looks for primes that two of the keys have in common.
fn compare(judged: &mut [Judged], context: &Context) {
    let keys: Vec<usize> = (0..judged.len()).filter(|at| judged[*at].modulus.is_some()).collect();
    let moduli: Vec<&[u8]> = keys.iter().filter_map(|at| judged[*at].modulus.as_deref()).collect();
    for Shared { key, with } in weak::shared_primes(&moduli) {
        let message = format!("{}: it shares a prime with {}", judged[keys[key]].what, judged[keys[with]].at);
        let key = &mut judged[keys[key]];
        let findings = context.accepted(vec![WEAK_SHARED_PRIME.at(key.at.clone().into(), message)]);
        key.checks.push(Check { id: "shared-prime", good: String::new(), findings });
    }
}

fn reference(path: &Path, what: Wanted, context: &Context) -> Result<Reference> {
    let (at, key) = load::public(path, what, context)?;
    Ok(Reference { what, at, key })
}

fn judge_file(
    path: &Path,
    material: &Material,
    min_bits: usize,
    references: &[Reference],
    context: &Context,
) -> Vec<Judged> {
    let mut judged: Vec<Judged> =
        material.blocks.iter().filter_map(|block| judge(block, min_bits, references)).collect();
    if judged.is_empty() {
        judged.push(nothing_there(Origin::file(path)));
    }
    for check in judged.iter_mut().flat_map(|j| &mut j.checks) {
        check.findings = context.accepted(std::mem::take(&mut check.findings));
    }
    judged
}

const NOT_WEAK: &str = "no known weakness";

/// None for what has no key in it.
fn judge(block: &Block, min_bits: usize, references: &[Reference]) -> Option<Judged> {
    let at = block.origin.clone();
    let strength = |key: &PublicKey| {
        vec![
            Check { id: "strength", good: "strong enough".into(), findings: key::strength(key, min_bits, &at) },
            Check { id: "weakness", good: NOT_WEAK.into(), findings: weak::public(key, &at) },
        ]
    };
    let (what, checks) = match &block.item {
        Item::Key(key) => (key.kind().to_string(), private_checks(key, min_bits, references, &at)),
        Item::EncryptedKey(_) => ("private key".into(), vec![unreadable(key::fault(&KeyFault::Encrypted, &at))]),
        Item::Pkcs12(_) => ("PKCS#12".into(), vec![unreadable(key::fault(&KeyFault::Encrypted, &at))]),
        Item::UnusableKey(fault) => ("private key".into(), vec![unreadable(key::fault(fault, &at))]),
        Item::Cert(cert) => (format!("certificate, {}", cert.public_key.kind()), strength(&cert.public_key)),
        Item::PublicKey(key) => (format!("public key, {}", key.kind()), strength(key)),
        Item::Csr(csr) => (format!("request, {}", csr.public_key.kind()), strength(&csr.public_key)),
        _ => return None,
    };
    let modulus = match &block.item {
        Item::Key(key) => key.public(),
        Item::Cert(cert) => Some(cert.public_key.clone()),
        Item::Csr(csr) => Some(csr.public_key.clone()),
        Item::PublicKey(key) => Some(key.clone()),
        _ => None,
    };
    let modulus = modulus.and_then(|key| Some(key.rsa()?.0.to_vec())).filter(|n| n.len() <= MAX_RSA_BITS / 8);
    Some(Judged { at, what, modulus, checks })
}

fn private_checks(key: &PrivateKey, min_bits: usize, references: &[Reference], at: &Origin) -> Vec<Check> {
    let consistency =
        key::consistency(key, at).map(|findings| Check { id: "consistent", good: "consistent".into(), findings });
    let findings = match key.public() {
        Some(public) => key::strength(&public, min_bits, at),
        None => key::kind_strength(key.kind(), min_bits, at),
    };
    let strength = Check { id: "strength", good: "strong enough".into(), findings };
    let mut findings = key.public().map(|public| weak::public(&public, at)).unwrap_or_default();
    for more in weak::private(key, at) {
        if findings.iter().all(|known| known.rule != more.rule) {
            findings.push(more);
        }
    }
    let weakness = Check { id: "weakness", good: NOT_WEAK.into(), findings };
    let pairs = references.iter().map(|reference| Check {
        id: match reference.what {
            Wanted::Certificate => "matches-certificate",
            Wanted::Request => "matches-request",
        },
        good: format!("matches {}", reference.at.short_name()),
        findings: key::pair(key, at, &reference.key, reference.what.word(), &reference.at),
    });
    consistency.into_iter().chain([strength, weakness]).chain(pairs).collect()
}

/// Among files to be judged, one without a key could not be looked at; it is never "OK".
fn nothing_there(at: Origin) -> Judged {
    let message = "neither a private key nor a certificate or request was found in it";
    let finding = KEY_NOT_FOUND.at(at.clone().into(), message).severity(Severity::Skipped);
    Judged { at, what: "no key".into(), modulus: None, checks: vec![unreadable(finding)] }
}

fn unreadable(finding: Finding) -> Check {
    Check { id: "readable", good: String::new(), findings: vec![finding] }
}

impl Check {
    /// A note does not make an answer a "no".
    fn ok(&self) -> bool {
        self.findings.iter().all(|f| f.severity == Severity::Info)
    }

    /// The codes of what was found, else the good news.
    fn words(&self) -> Vec<&str> {
        if self.findings.is_empty() {
            return vec![&self.good];
        }
        self.findings.iter().map(|f| f.rule.code).collect()
    }

    fn value(&self) -> Value {
        let detail = self.findings.first().map_or(&self.good, |finding| &finding.message);
        object! { "id" => self.id, "ok" => self.ok(), "detail" => detail.as_str() }
    }
}

impl Judged {
    fn line(&self) -> Line {
        let worst = self.checks.iter().flat_map(|c| &c.findings).map(|f| f.severity).max();
        let verdict = worst.filter(|s| *s != Severity::Info).map_or(Verdict::Ok, Verdict::from);
        let words: Vec<&str> = self.checks.iter().flat_map(Check::words).collect();
        Line::Verdict(verdict, vec![self.at.to_string(), self.what.clone(), words.join(", ")])
    }

    fn value(&self) -> Value {
        object! {
            "path" => self.at.path.as_path(), "index" => self.at.index, "line" => self.at.line,
            "what" => self.what.as_str(), "ok" => self.checks.iter().all(Check::ok),
            "checks" => self.checks.iter().map(Check::value).collect::<Vec<_>>(),
        }
    }
}
