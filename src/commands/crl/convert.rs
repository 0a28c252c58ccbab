//! `crl convert`: DER as CAs publish it to the PEM that servers read, and back.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{described, lists, noticed, taken, value};
use crate::commands::{Context, Outcome, gather};
use crate::content::{Content, FileWrite};
use crate::error::{Error, Result};
use crate::material::crl::Crl;
use crate::material::{Format, Material};
use crate::plan::{Plan, Step};
use crate::report::describe::count;
use crate::report::{Report, object};

/// Convert CRLs between DER and PEM
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit crl convert class3-revoke.crl -o class3-revoke.pem
  pkit crl convert *.crl -o /etc/ssl/crls/
  pkit crl convert list.pem --to der -o list.crl

DER becomes PEM and PEM becomes DER, unless --to says which. A directory
(with a slash at its end) takes one file for each input.")]
pub struct Args {
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

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let piles =
        args.files.iter().map(|path| Ok((path.as_path(), lists(path, context)?))).collect::<Result<Vec<_>>>()?;
    let to = args.to.unwrap_or_else(|| opposite(&piles));
    let mut report = Report::of(
        object! { "crls" => piles.iter().flat_map(|(_, m)| m.crls()).map(|(_, c)| value(c)).collect::<Vec<_>>() },
    );
    report.findings = piles.iter().flat_map(|(_, material)| noticed(material, context)).collect();
    match args.output.as_deref() {
        Some(dir) if is_directory(dir) => {
            let writes = piles.into_iter().map(|(path, material)| write(dir, path, material, to, context));
            let writes = writes.collect::<Result<Vec<_>>>()?;
            distinct(&writes)?;
            Ok(Outcome {
                report,
                plan: Plan { steps: writes.into_iter().map(Step::Write).collect(), ..Plan::default() },
            })
        }
        output => {
            let all: Vec<Crl> = piles.into_iter().flat_map(|(_, material)| taken(material)).collect();
            let what = described(&all);
            Ok(gather::deliver_content(report, encode(all, to)?, what, output, context))
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

fn write(dir: &Path, from: &Path, material: Material, to: To, context: &Context) -> Result<FileWrite> {
    let crls: Vec<Crl> = taken(material).collect();
    let name = from.with_extension(if to == To::Pem { "pem" } else { "crl" });
    let name = name
        .file_name()
        .filter(|_| from.as_os_str() != "-")
        .ok_or_else(|| Error::usage("standard input has no name to write under; give -o FILE"))?;
    let what = described(&crls);
    Ok(FileWrite { path: dir.join(name), content: encode(crls, to)?, what, overwrite: context.overwrite })
}

/// Two CAs that both call their list `list.crl` are common; one must not take the other's place.
fn distinct(writes: &[FileWrite]) -> Result<()> {
    let mut seen = HashSet::new();
    match writes.iter().find(|write| !seen.insert(&write.path)) {
        None => Ok(()),
        Some(write) => Err(Error::usage(format!("two of the files would become {}", write.path.display()))
            .hint("rename one of them, or convert it by itself with -o FILE")),
    }
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
