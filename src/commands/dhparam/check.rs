//! `dhparam check`: what a prime and its generator are worth.

use std::path::{Path, PathBuf};

use super::{name, value};
use crate::checks::dh::{self, DH_NOT_FOUND, DH_NOT_TESTED, Judgement, Order};
use crate::commands::{Context, Outcome};
use crate::error::{Error, Result};
use crate::files::read;
use crate::finding::{Finding, Origin, Severity};
use crate::material::dh::DhParams;
use crate::material::{Item, Material};
use crate::report::{Line, Report, Value, Verdict, object};

/// How many parameters of one file are tested. A server reads the first; a prime of 8192 bits that nobody knows takes seconds.
const MAX_TESTED: usize = 16;

/// Check parameters: at least 2048 bits, a safe prime, a generator in range; named groups are recognised.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit dhparam check /etc/dovecot/dh.pem")]
pub struct Args {
    /// The parameters, PEM or DER, also behind certificates; - is standard input
    #[arg(value_name = "DH")]
    file: PathBuf,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let material = load(&args.file)?;
    let mut report = Report::judging(Value::Null);
    let mut findings = material.findings;
    let mut blocks = material.blocks.iter().filter_map(|block| match &block.item {
        Item::Dh(params) => Some((block, params)),
        _ => None,
    });
    for (block, params) in blocks.by_ref().take(MAX_TESTED) {
        let judgement = dh::judge(params, &block.origin);
        let own = context.accepted(judgement.findings.clone());
        // A server reads the first block of the file.
        if report.body.is_empty() {
            report.result = result(params, &judgement).with("path", args.file.as_path());
        }
        report.body.push(line(&block.origin, params, &judgement, &own));
        findings.extend(own);
    }
    if let Some((block, _)) = blocks.next() {
        let message =
            format!("these parameters and what follows are not tested, only the first {MAX_TESTED} of a file are");
        findings.push(DH_NOT_TESTED.at(block.origin.clone().into(), message));
    }
    report.findings = context.accepted(findings);
    Ok(report.into())
}

fn result(params: &DhParams, judgement: &Judgement) -> Value {
    let generator = object! { "value" => small(&params.g), "order" => judgement.order.map(Order::word) };
    value(params, judgement.safe_prime, None).with("generator", generator)
}

fn line(at: &Origin, params: &DhParams, judgement: &Judgement, findings: &[Finding]) -> Line {
    let verdict = findings.iter().map(|f| f.severity).max().map_or(Verdict::Ok, Verdict::from);
    let group = name(params).unwrap_or_else(|| "no named group".into());
    let order = judgement.order.map_or("order not known".into(), |order| format!("order {}", order.word()));
    let generator = small(&params.g).map_or("generator".into(), |g| format!("generator {g}"));
    let codes: Vec<&str> = findings.iter().filter(|f| f.severity > Severity::Info).map(|f| f.rule.code).collect();
    let last = if codes.is_empty() { "safe prime".into() } else { codes.join(", ") };
    let bits = format!("{} bits", params.bits());
    Line::Verdict(verdict, vec![at.to_string(), bits, group, format!("{generator}, {order}"), last])
}

/// A generator that can be told in a few digits.
fn small(g: &[u8]) -> Option<u64> {
    (g.len() <= 4).then(|| g.iter().fold(0, |number, octet| number << 8 | u64::from(*octet)))
}

/// A file with parameters in it, PEM or DER.
fn load(path: &Path) -> Result<Material> {
    let input = read::file(path)?;
    let material = Material::read(&input.path, &input.bytes);
    if material.blocks.iter().any(|block| matches!(block.item, Item::Dh(_))) {
        return Ok(material);
    }
    let why = material.findings.first().map_or("there is no DH PARAMETERS block".into(), |f| f.message.clone());
    Err(Error::input(&DH_NOT_FOUND, format!("{} holds no DH parameters: {why}", path.display())).path(path))
}
