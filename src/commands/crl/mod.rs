//! The verbs of `crl`, and `crl convert`: DER as CAs publish it to the PEM that servers read, and back.

mod check;
mod inspect;

use std::path::{Path, PathBuf};

use super::gather;
use super::{Context, Outcome};
use crate::checks;
use crate::content::{Content, FileWrite};
use crate::error::{Error, Result};
use crate::finding::{Finding, Severity, rules};
use crate::instant;
use crate::material::crl::Crl;
use crate::material::{Format, Item, Material};
use crate::plan::{Plan, Step};
use crate::report::describe::count;
use crate::report::{Report, Value, object};

/// Convert CRLs between DER and PEM
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit crl convert class3-revoke.crl -o class3-revoke.pem
  pkit crl convert *.crl -o /etc/ssl/crls/
  pkit crl convert list.pem --to der -o list.crl

DER becomes PEM and PEM becomes DER, unless --to says which. A directory
(with a slash at its end) takes one file for each input.")]
pub struct ConvertArgs {
    /// Files with one CRL or several
    #[arg(required = true, value_name = "CRL")]
    files: Vec<PathBuf>,
    /// The form to write
    #[arg(long, value_enum)]
    to: Option<To>,
    /// A file, or a directory with a slash at its end
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
}

/// The two forms of a CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum To {
    /// Text between markers.
    Pem,
    /// Bytes.
    Der,
}

/// The verbs of `crl`.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Convert CRLs between DER and PEM
    Convert(ConvertArgs),
    /// Show what a CRL says
    Inspect(inspect::Args),
    /// Check CRLs: signature, dates, scope, and who is on them
    Check(check::Args),
}

impl Verb {
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::Convert(_) => "crl convert",
            Verb::Inspect(_) => "crl inspect",
            Verb::Check(_) => "crl check",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::Convert(args) => convert(args, context),
            Verb::Inspect(args) => inspect::run(args, context),
            Verb::Check(args) => check::run(args, context),
        }
    }
}

fn convert(args: &ConvertArgs, context: &Context) -> Result<Outcome> {
    let piles = args.files.iter().map(|path| Ok((path.as_path(), lists(path, context)?))).collect::<Result<Vec<_>>>()?;
    let to = args.to.unwrap_or_else(|| opposite(&piles));
    let mut report = Report::of(
        object! { "crls" => piles.iter().flat_map(|(_, m)| m.crls()).map(|(_, c)| value(c)).collect::<Vec<_>>() },
    );
    report.findings = piles.iter().flat_map(|(_, material)| noticed(material, context)).collect();
    match args.output.as_deref() {
        Some(dir) if is_directory(dir) => {
            let steps = piles.into_iter().map(|(path, material)| write(dir, path, material, to, context));
            Ok(Outcome { report, plan: Plan { steps: steps.collect::<Result<_>>()?, preview: false } })
        }
        output => {
            let all: Vec<Crl> = piles.into_iter().flat_map(|(_, material)| taken(material)).collect();
            let what = described(&all);
            Ok(gather::deliver(report, encode(all, to)?, what, output, context))
        }
    }
}

/// What one file holds, which must be CRLs and nothing else.
fn lists(path: &Path, context: &Context) -> Result<Material> {
    let material = gather::material(&[path.to_owned()], context)?;
    if material.blocks.is_empty() || material.crls().count() != material.blocks.len() {
        return Err(Error::input(&NOT_A_CRL, format!("{} holds something else than CRLs", path.display())).path(path));
    }
    Ok(material)
}

/// What was odd about the file, and about the dates: an old list converted is still what the user asked for.
fn noticed(material: &Material, context: &Context) -> Vec<Finding> {
    let dates = material.crls().flat_map(|(origin, crl)| checks::crl::dates(crl, origin, context.now));
    material.findings.iter().cloned().chain(dates.map(|f| f.severity(Severity::Warning))).collect()
}

/// The lists themselves; a large one must not be in memory twice.
fn taken(material: Material) -> impl Iterator<Item = Crl> {
    material.blocks.into_iter().filter_map(|b| match b.item {
        Item::Crl(crl) => Some(*crl),
        _ => None,
    })
}

/// The form that the first one does not have.
fn opposite(piles: &[(&Path, Material)]) -> To {
    let first = piles.iter().flat_map(|(_, m)| &m.blocks).next();
    if first.is_some_and(|b| b.format == Format::Pem) { To::Der } else { To::Pem }
}

fn is_directory(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

fn write(dir: &Path, from: &Path, material: Material, to: To, context: &Context) -> Result<Step> {
    let crls: Vec<Crl> = taken(material).collect();
    let name = from.with_extension(if to == To::Pem { "pem" } else { "crl" });
    let name =
        name.file_name().ok_or_else(|| Error::usage("standard input has no name to write under; give -o FILE"))?;
    let what = described(&crls);
    Ok(Step::Write(FileWrite {
        path: dir.join(name),
        content: encode(crls, to)?,
        what,
        overwrite: context.overwrite,
    }))
}

fn encode(crls: Vec<Crl>, to: To) -> Result<Content> {
    let mut lists: Vec<Vec<u8>> = crls.into_iter().map(Crl::into_der).collect();
    match (to, lists.pop()) {
        (To::Der, Some(one)) if lists.is_empty() => Ok(Content::Public(one)),
        (To::Der, last) => Err(Error::usage(format!(
            "{} do not go into one DER file; give a directory: -o DIR/",
            count(lists.len() + usize::from(last.is_some()), "CRL")
        ))),
        (To::Pem, last) => Ok(Content::CrlPem(lists.into_iter().chain(last).collect())),
    }
}

fn described(crls: &[Crl]) -> String {
    let entries: usize = crls.iter().map(|c| c.entries).sum();
    let until = crls.iter().filter_map(|c| c.next_update).min();
    let until = until.map_or(String::new(), |at| format!(", until {}", instant::show(at)));
    format!("{}, {} entries{until}", count(crls.len(), "CRL"), entries)
}

/// A list for programs: what `convert`, `inspect` and `check` have in common.
fn value(crl: &Crl) -> Value {
    object! {
        "issuer" => crl.issuer.to_string(),
        "number" => crl.number.as_deref().map(crate::crypto::hex),
        "this_update" => instant::rfc3339(crl.this_update),
        "next_update" => crl.next_update.map(instant::rfc3339),
        "entries" => crl.entries,
    }
}

rules! {
    /// Not a list.
    NOT_A_CRL = Error "not-a-crl" {
        summary: "a file that should hold CRLs holds something else, or nothing that can be read",
        help: "name a CRL in DER or PEM, as the CA publishes it",
        source: "RFC 5280 section 5.1",
    }
}
