//! `crl convert`: DER as CAs publish it to the PEM that servers read, and back.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::gather;
use super::{Context, Outcome};
use crate::checks;
use crate::content::{Content, FileWrite};
use crate::error::{Error, Result};
use crate::finding::{Severity, rules};
use crate::instant;
use crate::material::crl::Crl;
use crate::material::{Format, Material, pem};
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
}

impl Verb {
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::Convert(_) => "crl convert",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::Convert(args) => convert(args, context),
        }
    }
}

fn convert(args: &ConvertArgs, context: &Context) -> Result<Outcome> {
    let mut piles = Vec::new();
    for path in &args.files {
        let material = gather::material(std::slice::from_ref(path), context)?;
        if material.crls().next().is_none() || material.crls().count() != material.blocks.len() {
            return Err(
                Error::input(&NOT_A_CRL, format!("{} holds something else than CRLs", path.display())).path(path)
            );
        }
        piles.push((path.as_path(), material));
    }
    let to = args.to.unwrap_or_else(|| opposite(&piles));
    let mut report = Report::of(
        object! { "crls" => piles.iter().flat_map(|(_, m)| m.crls()).map(|(_, c)| value(c)).collect::<Vec<_>>() },
    );
    report.findings.extend(piles.iter().flat_map(|(_, material)| material.findings.clone()));
    for (origin, crl) in piles.iter().flat_map(|(_, material)| material.crls()) {
        // An old list converted is still what the user asked for.
        report
            .findings
            .extend(checks::crl::dates(crl, origin, context.now).into_iter().map(|f| f.severity(Severity::Warning)));
    }
    match args.output.as_deref() {
        Some(dir) if is_directory(dir) => {
            let mut steps = Vec::new();
            let mut taken = HashSet::new();
            for (path, material) in &piles {
                let write = write(dir, path, material, to, context)?;
                if !taken.insert(write.path.clone()) {
                    let twice = format!("two of the files would become {}", write.path.display());
                    return Err(Error::usage(twice).hint("rename one of them, or convert it by itself with -o FILE"));
                }
                steps.push(Step::Write(write));
            }
            Ok(Outcome { report, plan: Plan { steps, only_shown: false } })
        }
        output => {
            let all: Vec<&Crl> = piles.iter().flat_map(|(_, m)| m.crls()).map(|(_, crl)| crl).collect();
            Ok(gather::deliver(report, encode(&all, to)?, described(&all), output, context))
        }
    }
}

/// The form that the first one does not have.
fn opposite(piles: &[(&Path, Material)]) -> To {
    let first = piles.iter().flat_map(|(_, m)| &m.blocks).next();
    if first.is_some_and(|b| b.format == Format::Pem) { To::Der } else { To::Pem }
}

fn is_directory(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

fn write(dir: &Path, from: &Path, material: &Material, to: To, context: &Context) -> Result<FileWrite> {
    let crls: Vec<&Crl> = material.crls().map(|(_, crl)| crl).collect();
    let name = from.file_name().filter(|name| *name != "-");
    let name = name.ok_or_else(|| Error::usage("standard input has no name to write under; give -o FILE"))?;
    Ok(FileWrite {
        path: dir.join(name).with_extension(if to == To::Pem { "pem" } else { "crl" }),
        content: Content::Public(encode(&crls, to)?),
        what: described(&crls),
        overwrite: context.overwrite,
    })
}

fn encode(crls: &[&Crl], to: To) -> Result<Vec<u8>> {
    match (to, crls) {
        (To::Pem, _) => Ok(crls.iter().map(|c| pem::encode("X509 CRL", c.der())).collect::<String>().into_bytes()),
        (To::Der, [one]) => Ok(one.der().to_vec()),
        (To::Der, _) => Err(Error::usage(format!(
            "{} do not go into one DER file; give a directory: -o DIR/",
            count(crls.len(), "CRL")
        ))),
    }
}

fn described(crls: &[&Crl]) -> String {
    let entries: usize = crls.iter().map(|c| c.entries).sum();
    let until = crls.iter().filter_map(|c| c.next_update).min();
    let until = until.map_or(String::new(), |at| format!(", until {}", instant::show(at)));
    format!("{}, {} entries{until}", count(crls.len(), "CRL"), entries)
}

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
