//! Which CRLs are due, and the next ones. A list is made anew if somebody was revoked since, if less than half of its time is
//! left, or if it is not the last one that the index knows, as after a run that was killed.

use time::Duration;

use super::directory::{Authority, Directory};
use crate::commands::Context;
use crate::content::FileWrite;
use crate::crypto::hex;
use crate::error::{Error, Result};
use crate::instant;
use crate::material::cert::Cert;
use crate::material::crl::Crl;
use crate::material::index::Event;
use crate::material::key::PrivateKey;
use crate::material::revoked::Reason;
use crate::pki::revoke::{List, Revoked};
use crate::pki::sign::Signer;
use crate::report::{Value, object};

/// How long a list is good for unless something else is said: a month leaves time for a machine that was off.
pub(super) const DAYS: u32 = 30;

/// Which lists are to be made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Renew {
    /// Those that are due.
    Due,
    /// All.
    All,
}

/// The list of one CA after this run.
pub(super) struct Current {
    pub(super) crl: Crl,
    /// The line and the file of a new one.
    pub(super) new: Option<(Event, FileWrite)>,
}

/// What one CA has revoked by now, with what this run adds.
pub(super) fn revoked(dir: &Directory, authority: &Authority, added: Option<&Event>) -> Result<Vec<Revoked>> {
    let added = added.and_then(|event| match event {
        Event::Revoked { ca, serial, reason, at } if *ca == authority.name => {
            Some((serial.as_str(), reason.as_str(), *at))
        }
        _ => None,
    });
    let all = dir.index.revoked(&authority.name).into_iter().chain(added);
    all.map(|(serial, reason, date)| {
        let serial =
            bytes(serial).ok_or_else(|| Error::bug(format!("the index holds the serial number {serial:?}")))?;
        Ok(Revoked { serial, date, reason: Reason::for_good(reason) })
    })
    .collect()
}

/// The list of one CA: as it stands if it will do, else the next one.
pub(super) fn current(
    dir: &Directory,
    authority: &Authority,
    revoked: &[Revoked],
    days: u32,
    renew: Renew,
    context: &Context,
) -> Result<Current> {
    if let Some(crl) = authority.crl.as_ref().filter(|_| !is_due(dir, authority, revoked, renew, context)) {
        return Ok(Current { crl: crl.clone(), new: None });
    }
    let last = dir.index.last_crl(&authority.name);
    // A list that stands there may be younger than the index, where that came from a backup.
    let standing = authority.crl.as_ref().and_then(number).unwrap_or(0);
    let key = dir.key(authority, context)?;
    let (crl, event) = make(&authority.name, &authority.cert, &key, last.max(standing) + 1, revoked, days, context)?;
    let file = dir.crl_file(authority, &crl);
    Ok(Current { crl, new: Some((event, file)) })
}

/// Is another list to be made than the one that stands there?
pub(super) fn is_due(
    dir: &Directory,
    authority: &Authority,
    revoked: &[Revoked],
    renew: Renew,
    context: &Context,
) -> bool {
    let last = dir.index.last_crl(&authority.name);
    renew == Renew::All || !authority.crl.as_ref().is_some_and(|crl| will_do(crl, authority, revoked, last, context))
}

/// A list, and its line for the index.
pub(super) fn make(
    name: &str,
    issuer: &Cert,
    key: &PrivateKey,
    number: u64,
    revoked: &[Revoked],
    days: u32,
    context: &Context,
) -> Result<(Crl, Event)> {
    let next_update = context.now + Duration::days(days.into());
    let list = List { issuer, number, this_update: context.now, next_update, revoked };
    let crl = list.signed(&Signer::of(key)?)?;
    let event = Event::Crl { ca: name.to_owned(), number, at: context.now, next_update, revoked: revoked.len() };
    Ok((crl, event))
}

fn will_do(crl: &Crl, authority: &Authority, revoked: &[Revoked], last: u64, context: &Context) -> bool {
    let Some(next) = crl.next_update else { return false };
    let (all, left) = (next - crl.this_update, next - context.now);
    let same =
        crl.entries == revoked.len() && crl.revoked().zip(revoked).all(|(entry, wanted)| entry.serial == wanted.serial);
    number(crl) == Some(last)
        && same
        && crl.this_update <= context.now
        && left * 2 >= all
        && crl.verify(&authority.cert.public_key).is_ok()
}

/// The number of a list of ours.
pub(super) fn number(crl: &Crl) -> Option<u64> {
    let number = crl.number.as_deref().filter(|n| n.len() <= 8)?;
    Some(number.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
}

/// From hexadecimal digits, as the index has them.
pub(super) fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let even = digits.len().is_multiple_of(2) && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    even.then(|| pairs.map(pair).collect())?
}

/// `CRL 7 of "Example CA": 3 revoked, next update 2026-12-22 …`.
pub(super) fn words(crl: &Crl) -> String {
    let next = crl.next_update.map_or("not said".into(), instant::show);
    let number = number(crl).map_or_else(|| hex(crl.number.as_deref().unwrap_or_default()), |n| n.to_string());
    format!("CRL {number} of \"{}\": {} revoked, next update {next}", crl.issuer.short(), crl.entries)
}

/// A list as programs see it.
pub(super) fn value(dir: &Directory, authority: &Authority, crl: &Crl) -> Value {
    object! {
        "ca" => authority.name.as_str(),
        "path" => dir.path.join(format!("{}.crl", authority.name)).as_path(),
        "number" => number(crl),
        "this_update" => instant::rfc3339(crl.this_update),
        "next_update" => crl.next_update.map(instant::rfc3339),
        "revoked" => crl.entries,
    }
}
