//! `dhparam`: Diffie-Hellman parameters for servers that still want a file of them.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::checks::dh::{self, DH_NOT_FOUND};
use crate::commands::{Context, Outcome, gather};
use crate::error::{Error, Result};
use crate::files::read;
use crate::finding::{Finding, Origin, Severity};
use crate::material::dh::{DhParams, Group};
use crate::material::{Item, Material};
use crate::report::{Line, Report, Value, Verdict, object};

/// What can be done with parameters.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Write the parameters of a named group
    New(NewArgs),
    /// Check parameters: large enough, and a safe prime?
    Check(CheckArgs),
}

/// Write the parameters of a named group (RFC 7919), at once. Dovecot 2.3.3, Postfix 3.7 and later need no such file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit dhparam new -o dh.pem
  pkit dhparam new --group ffdhe4096 > dh.pem")]
pub struct NewArgs {
    /// The group
    #[arg(long, value_enum, default_value_t = GroupName::Ffdhe3072)]
    group: GroupName,
    /// Where to write it; standard output without this
    #[arg(short, long, value_name = "DH")]
    output: Option<PathBuf>,
}

/// Check parameters: at least 2048 bits, a safe prime, a generator in range; named groups are recognised.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit dhparam check /etc/dovecot/dh.pem")]
pub struct CheckArgs {
    /// The parameters, PEM or DER; - is standard input
    #[arg(value_name = "DH")]
    file: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GroupName {
    Ffdhe2048,
    Ffdhe3072,
    Ffdhe4096,
    Ffdhe6144,
    Ffdhe8192,
}

impl Verb {
    /// The words that name the command in JSON.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::New(_) => "dhparam new",
            Verb::Check(_) => "dhparam check",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::New(args) => Ok(new(args, context)),
            Verb::Check(args) => check(args, context),
        }
    }
}

fn new(args: &NewArgs, context: &Context) -> Outcome {
    let group = Group::from(args.group);
    let params = group.params();
    let report = Report::of(value(&params, Some(true)));
    let what = format!("{}, RFC 7919", group.name());
    gather::deliver(report, params.to_pem().into_bytes(), what, args.output.as_deref(), context)
}

fn check(args: &CheckArgs, context: &Context) -> Result<Outcome> {
    let material = load(&args.file)?;
    let mut report = Report::judging(Value::Null);
    let mut findings = material.findings;
    for block in &material.blocks {
        if let Item::Dh(params) = &block.item {
            let judgement = dh::judge(params, &block.origin);
            let own = context.accepted(judgement.findings);
            // A server reads the first block of the file.
            if report.body.is_empty() {
                report.result = value(params, judgement.safe_prime).with("path", args.file.as_path());
            }
            report.body.push(line(&block.origin, params, &own));
            findings.extend(own);
        }
    }
    report.findings = context.accepted(findings);
    Ok(report.into())
}

fn line(at: &Origin, params: &DhParams, findings: &[Finding]) -> Line {
    let verdict = findings.iter().map(|f| f.severity).max().map_or(Verdict::Ok, Verdict::from);
    let group = params.group().map_or("no named group".into(), |group| format!("{}, RFC 7919", group.name()));
    let codes: Vec<&str> = findings.iter().filter(|f| f.severity > Severity::Info).map(|f| f.rule.code).collect();
    let last = if codes.is_empty() { "safe prime".into() } else { codes.join(", ") };
    Line::Verdict(verdict, vec![at.to_string(), format!("{} bits", params.bits()), group, last])
}

/// Parameters as programs see them.
fn value(params: &DhParams, safe_prime: Option<bool>) -> Value {
    let group = params.group().map(Group::name);
    object! {
        "bits" => params.bits(), "group" => group, "generated" => false, "seconds" => Value::Null,
        "safe_prime" => safe_prime, "known_group" => group.is_some(),
    }
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

impl From<GroupName> for Group {
    fn from(name: GroupName) -> Group {
        match name {
            GroupName::Ffdhe2048 => Group::Ffdhe2048,
            GroupName::Ffdhe3072 => Group::Ffdhe3072,
            GroupName::Ffdhe4096 => Group::Ffdhe4096,
            GroupName::Ffdhe6144 => Group::Ffdhe6144,
            GroupName::Ffdhe8192 => Group::Ffdhe8192,
        }
    }
}
