//! `ca revoke`: a certificate counts no longer, and the CRL says so at once.

use std::path::{Path, PathBuf};

use super::directory::{Authority, Directory};
use super::lists::{self, Renew};
use super::{CA_FILE_ODD, CA_UNKNOWN_CERT};
use crate::commands::{Context, Outcome, gather};
use crate::crypto::hex;
use crate::error::{Error, Result};
use crate::instant;
use crate::material::index::Event;
use crate::material::revoked::Reason;
use crate::report::{Report, object};

/// Revoke a certificate, and renew the CRL of the CA that signed it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit ca revoke alice.pem --ca /root/ca --reason keyCompromise
  pkit ca revoke 018a3f... --ca /root/ca

Servers learn of it from the new CRL: put it where they read it (for Dovecot,
pkit bundle dovecot-ca), and reload them.")]
pub struct Args {
    /// The certificate's file, or its serial number in hexadecimal
    #[arg(value_name = "CERT|SERIAL")]
    which: String,
    /// The CA's directory
    #[arg(long, value_name = "DIR")]
    ca: PathBuf,
    /// Why: keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn
    #[arg(long, value_name = "REASON", default_value = "unspecified", value_parser = reason, hide_default_value = true)]
    reason: Reason,
}

fn reason(word: &str) -> std::result::Result<Reason, String> {
    Reason::for_good(word).ok_or_else(|| {
        "a reason of RFC 5280 section 5.3.1, such as keyCompromise or superseded; \
         a hold can be taken back, and this CA takes nothing back"
            .into()
    })
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    // Standard input can be read only once, so of a certificate from there nothing is known yet.
    let dir = Directory::locked(&args.ca, context, |dir| Ok(args.which == "-" || changes(dir, args, context)?))?;
    let (authority, serial) = meant(&dir, &args.which, context)?;
    let known = dir.index.revoked(&authority.name).into_iter().find(|(known, ..)| *known == serial);
    let (word, date) = match known {
        Some((_, word, date)) => (word.to_owned(), date),
        None => (args.reason.word().to_owned(), context.now),
    };
    let event = Event::Revoked { ca: authority.name.clone(), serial: serial.clone(), reason: word.clone(), at: date };
    let already = known.is_some();
    let event = (!already).then_some(event);
    let all = lists::revoked(&dir, authority, event.as_ref())?;
    let current = lists::current(&dir, authority, &all, lists::DAYS, Renew::Due, context)?;

    let mut report = Report::of(object! {
        "serial_number" => serial.as_str(),
        "reason" => word.as_str(),
        "revocation_date" => instant::rfc3339(date),
        "crl" => lists::value(&dir, authority, &current.crl),
    });
    let when = if already { format!("revoked already, at {}", instant::show(date)) } else { "revoked".into() };
    report.say(format!("{when}: #{serial} ({word}); {}", lists::words(&current.crl)));
    report.findings = dir.findings.clone();
    let (line, file) = current.new.unzip();
    let events: Vec<Event> = event.into_iter().chain(line).collect();
    dir.change(report, &events, file.into_iter().collect())
}

/// Will there be another list than there is now?
fn changes(dir: &Directory, args: &Args, context: &Context) -> Result<bool> {
    let (authority, serial) = meant(dir, &args.which, context)?;
    let known = dir.index.revoked(&authority.name).iter().any(|(known, ..)| *known == serial);
    Ok(!known || lists::is_due(dir, authority, &lists::revoked(dir, authority, None)?, Renew::Due, context))
}

/// Which CA signed it, and its serial number as the index has it.
fn meant<'a>(dir: &'a Directory, which: &str, context: &Context) -> Result<(&'a Authority, String)> {
    let path = Path::new(which);
    if which == "-" || path.exists() {
        return signed_by(dir, path, context);
    }
    let digits = which.trim_start_matches('#').trim_start_matches("0x").replace(':', "").to_ascii_lowercase();
    let bare = |serial: &str| serial.trim_start_matches('0').to_owned();
    let issued = dir.index.issued().find(|issued| !bare(&digits).is_empty() && bare(&issued.serial) == bare(&digits));
    let issued = issued.ok_or_else(|| unknown(format!("{which} is neither a file nor a serial number of this CA")))?;
    let authority = dir.authorities.iter().find(|a| a.name == issued.ca);
    let odd = || Error::input(&CA_FILE_ODD, format!("the index names a CA `{}` that is not there", issued.ca));
    Ok((authority.ok_or_else(odd)?, issued.serial.clone()))
}

/// The first certificate in the file, which one of the CAs must have signed: what openssl signed with the same key counts too.
fn signed_by<'a>(dir: &'a Directory, path: &Path, context: &Context) -> Result<(&'a Authority, String)> {
    let material = gather::public_material(&[path.to_owned()], context)?;
    let Some((at, cert)) = material.certs().next() else {
        return Err(unknown(format!("there is no certificate in {}", path.display())).path(path));
    };
    let positive = cert.serial.first().is_some_and(|first| *first < 0x80);
    match dir.authorities.iter().find(|a| positive && cert.issued_by(&a.cert) && *cert != a.cert) {
        Some(authority) => Ok((authority, hex(&cert.serial))),
        None => Err(unknown(format!("{at}: `{}` was signed by none of the CAs here", cert.short_name())).path(path)),
    }
}

fn unknown(message: String) -> Error {
    Error::input(&CA_UNKNOWN_CERT, message)
}
