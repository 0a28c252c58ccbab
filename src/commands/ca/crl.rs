//! `ca crl`: every CRL of the directory is renewed where that is due; for cron.

use std::path::PathBuf;

use super::directory::{Authority, Directory};
use super::lists::{self, Renew};
use crate::commands::{Context, Outcome, gather};
use crate::content::{Content, FileWrite};
use crate::error::Result;
use crate::material::crl::Crl;
use crate::material::pem;
use crate::report::describe::count;
use crate::report::{Report, object};

/// Renew the CRLs that are due: somebody was revoked, or less than half of their time is left
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit ca crl --ca /root/ca -q
  pkit ca crl --ca /root/ca --days 60 --reissue -o /srv/www/ca.crl")]
pub struct Args {
    /// The CA's directory
    #[arg(long, value_name = "DIR")]
    ca: PathBuf,
    /// How long a new list is good for
    #[arg(long, value_name = "N", default_value_t = lists::DAYS, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    days: u32,
    /// Make all lists anew
    #[arg(long)]
    reissue: bool,
    /// Another file for all lists together, beside those in the directory
    #[arg(short, long, value_name = "CRL")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let renew = if args.reissue { Renew::All } else { Renew::Due };
    let dir = Directory::locked(&args.ca, context, |dir| {
        let due = |a: &Authority| Ok(lists::is_due(dir, a, &lists::revoked(dir, a, None)?, renew, context));
        Ok(dir.authorities.iter().map(due).collect::<Result<Vec<bool>>>()?.contains(&true))
    })?;
    let (mut events, mut files, mut crls) = (Vec::new(), Vec::new(), Vec::new());
    let mut report = Report::of(object! {});
    let mut values = Vec::new();
    for authority in &dir.authorities {
        let revoked = lists::revoked(&dir, authority, None)?;
        let current = lists::current(&dir, authority, &revoked, args.days, renew, context)?;
        let still = if current.new.is_some() { "" } else { " (unchanged)" };
        report.say(format!("{}{still}", lists::words(&current.crl)));
        values.push(lists::value(&dir, authority, &current.crl));
        if let Some((event, file)) = current.new {
            events.push(event);
            files.push(file);
        }
        crls.push(current.crl);
    }
    // The list that servers ask for first is that of the CA at the bottom.
    report.result = values.last().cloned().unwrap_or(crate::report::Value::Null).with("crls", values);
    report.findings = dir.findings.clone();
    if let Some(path) = args.output.as_deref().filter(|path| path.as_os_str() != "-") {
        let ours = |crl: &Crl| crls.iter().any(|own| own.issuer == crl.issuer);
        let overwrite = gather::overwrite(path, context, |old| {
            old.crls().count() == old.blocks.len() && old.crls().all(|(_, c)| ours(c))
        });
        let what = count(crls.len(), "CRL");
        files.push(FileWrite { path: path.to_owned(), content: Content::Public(text(&crls)), what, overwrite });
    } else if args.output.is_some() {
        report.artefact = Some(Content::Public(text(&crls)));
    }
    dir.change(report, &events, files)
}

fn text(crls: &[Crl]) -> Vec<u8> {
    crls.iter().map(|crl| pem::encode("X509 CRL", crl.der())).collect::<String>().into_bytes()
}
