//! `renew deploy`: what an ACME client has just written becomes the next version, if it may follow the one in use, and is put
//! into use with everything that servers need for it. The same again changes nothing, so a timer may run it as often as it likes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use time::OffsetDateTime;

use super::lineage::Lineage;
use super::services::ServicesArgs;
use super::{NOBODY_TOLD, told};
use crate::checks;
use crate::checks::renewal::RENEWAL_FILE_LOST;
use crate::commands::chain::build as chain;
use crate::commands::set::layout::{KEY, Layout};
use crate::commands::set::{self, judge, secret_file};
use crate::commands::{Context, Outcome, any_error, gather};
use crate::content::{Overwrite, VersionWrite};
use crate::error::Result;
use crate::files::trust;
use crate::files::versions::{Next, name_of};
use crate::finding::{Finding, Location, Origin};
use crate::material::Material;
use crate::material::cert::Cert;
use crate::material::key::PrivateKey;
use crate::name::HostName;
use crate::pki::chain::{Found, Pile};
use crate::pki::select;
use crate::pki::verify::{Purpose, Wanted};
use crate::plan::deploy::{Deployment, Target};
use crate::plan::{Plan, Step};
use crate::report::describe;
use crate::report::{Line, Report, Value, object};

/// Put a renewed certificate into use, and back if it does not work
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit renew deploy --name mail.example.org --reload dovecot,postfix \\
      --from /etc/letsencrypt/live/mail.example.org \\
      --verify imaps://localhost --verify localhost:25
  pkit renew deploy --name www.example.org --from /var/lib/lego/certificates \\
      --reload apache --keep 5
  pkit renew deploy --name ldap.example.org --from ldap.key ldap.crt ca.crt \\
      --reload openldap --trust our-root.pem
  pkit renew deploy -q --name mail --from live/mail --reload systemd:haproxy
  pkit renew deploy -n --diff --name mail --from live/mail

From what certbot, lego or acme.sh keep, or any files, the newest certificate
of this name that has its key there becomes DIR/pkit/NAME/0002, and the link
DIR/pkit/NAME/current moves to it in one step. Then each server's own check,
its reload, the commands, and a look at each port: whatever fails, the old
version is put back (exit 7). Commands get RENEWED_LINEAGE and RENEWED_DOMAINS
as from certbot, and PKIT_ACTION (deploy, rollback), PKIT_NAME, PKIT_VERSION
and PKIT_PREVIOUS.")]
pub struct Args {
    /// The name under which the versions are kept
    #[arg(long, value_name = "NAME")]
    name: HostName,
    /// Directories or files with the new certificate, its key and its chain
    #[arg(long, required = true, num_args = 1.., value_name = "DIR|FILE")]
    from: Vec<PathBuf>,
    /// The directory below which the versions are kept
    #[arg(long, default_value = "/etc/ssl", value_name = "DIR")]
    to: PathBuf,
    /// Trust anchors: `system`, a file or a directory
    #[arg(long, value_name = "STORE", default_value = "system")]
    trust: trust::Source,
    /// Whom to tell.
    #[command(flatten)]
    services: ServicesArgs,
    /// Leave so many versions (the one in use, the one before it, and the newest), and remove the others
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    keep: Option<u16>,
    /// The key may change: no TLSA record or pin names it
    #[arg(long)]
    allow_tlsa_change: bool,
    /// Show what is different about the new certificate
    #[arg(long)]
    diff: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let lineage = Lineage::locked(set::base(&args.to, &args.name)?, context)?;
    let services = lineage.told(&args.services)?;
    let Decided { report, target, leaf } = match decide(args, &services, &lineage, context) {
        Ok(decided) => decided,
        Err(error) => return lineage.undone_first(error, &args.name, &services, context),
    };
    let Some(target) = target else { return Ok(report.into()) };
    let deployment = Deployment {
        keep: args.keep.map(usize::from),
        ..lineage.deployment(&args.name, target, Some(&leaf), &services, context)
    };
    Ok(Outcome { report, plan: Plan { steps: vec![Step::Deploy(Box::new(deployment))], ..Plan::default() } })
}

/// What is to be said and done.
struct Decided {
    report: Report,
    /// None where nothing is done.
    target: Option<Target>,
    leaf: Cert,
}

fn decide(args: &Args, services: &ServicesArgs, lineage: &Lineage, context: &Context) -> Result<Decided> {
    let material = gather::material(&args.from, context)?;
    let store = trust::load(&args.trust)?;
    let pile = Pile::new(material.certs(), &store.anchors);
    let wanted = Wanted { purpose: Purpose::Server, ..Wanted::at(context.now) };
    let (key_at, key, selection) = match newest_pair(&material, &pile, &args.name, context.now)? {
        Some((leaf, (key_at, key))) => (key_at, key, select::chosen(&pile, leaf, &wanted)),
        // What is lacking is told as it is everywhere.
        None => {
            let (key_at, key) = set::key_of(&material, &pile)?;
            let public = gather::public(key, key_at)?;
            (key_at, key, chain::choose(&pile, Some(&public), Some(key_at.path.as_path()), &wanted)?)
        }
    };

    let before = lineage.settled.and_then(|version| Some((version, lineage.files(version)?)));
    let mut servers: Vec<_> = before.iter().flat_map(|(_, files)| Layout::servers_of(files)).collect();
    servers.extend(services.reload.iter().filter_map(|service| service.server()));
    servers.sort_by_key(|server| server.name);
    servers.dedup_by_key(|server| server.name);
    let layout = Layout::of(&servers, &lineage.path)?;
    let key_files = vec![secret_file(KEY, key.to_pkcs8_pem().as_bytes(), key.kind().to_string())];
    let write = VersionWrite { overwrite: Overwrite::Replace, ..layout.version(&selection, key, key_files, context) };

    let next = lineage.base.as_ref().map_or(Ok(Next::first()), |base| base.next(&write, context.owner))?;
    let old = lineage.settled.and_then(|version| lineage.leaf(version));
    let leaf = selection.leaf.cert;
    let same = lineage.unfinished.is_none() && Some(next.number) == lineage.current;
    let mut findings = material.findings.clone();
    if !same {
        findings.extend(store.incomplete.clone());
        findings.extend(judge(&pile, &selection, key, key_at, context));
        if let Some(old) = &old {
            let follows = checks::renewal::follows(leaf, selection.leaf.origin, old, args.allow_tlsa_change);
            findings.extend(follows);
        }
        findings.extend(before.iter().flat_map(|(version, files)| lost(lineage, *version, files, &write)));
    }
    findings.extend(lineage.interrupted());
    let mut findings = context.accepted(findings);
    let forbidden = any_error(&findings);
    if !same && !forbidden && services.is_empty() {
        let message = "no server is told to read the new files";
        findings.push(NOBODY_TOLD.at(Location::File(lineage.path.clone()), message));
    }

    let mut report = Report::of(result(args, lineage, next, leaf));
    report.findings = findings;
    if args.diff {
        let (lines, value) = difference(old.as_ref(), leaf, lineage, next);
        report.body.extend(lines);
        report.result = report.result.with("diff", value);
    }
    if forbidden {
        report.say("Nothing was deployed: see the errors, mend them, run it again");
    }
    let target = match (&lineage.unfinished, forbidden) {
        (None, true) => return Ok(Decided { report, target: None, leaf: leaf.clone() }),
        (Some(begun), true) => Target::Undone { version: begun.version, because: None },
        (_, false) => Target::Set(write),
    };
    if context.dry_run && !same {
        report.body.extend(services.services().iter().map(|s| Line::Text(format!("would reload {}", s.name))));
        report.body.extend(services.run.iter().map(|command| Line::Text(format!("would run {command}"))));
        let doors = services.doors(&args.name);
        report.body.extend(doors.iter().map(|door| Line::Text(format!("would look at {}", door.name))));
    }
    report.afterwards = Some(told::afterwards);
    Ok(Decided { report, target: Some(target), leaf: leaf.clone() })
}

/// The certificate to serve, with its key: of those that have their key here, and present the name if any does, the newest
/// that is valid already. Where none presents it, certificates of different names leave nothing to go by.
fn newest_pair<'a>(
    material: &'a Material,
    pile: &Pile<'a>,
    name: &HostName,
    now: OffsetDateTime,
) -> Result<Option<(Found<'a>, (&'a Origin, &'a PrivateKey))>> {
    let key_for = |cert: &Cert| material.keys().find(|(_, key)| key.public().is_some_and(|p| p == cert.public_key));
    let pairs = pile.end_entities().into_iter().filter_map(|found| Some((found, key_for(found.cert)?)));
    let mut pairs: Vec<_> = pairs.collect();
    let presents = |cert: &Cert| cert.alt_names().iter().any(|presented| name.matches(presented));
    if pairs.iter().any(|(found, _)| presents(found.cert)) {
        pairs.retain(|(found, _)| presents(found.cert));
    } else if let Some(((first, _), others)) = pairs.split_first()
        && others.iter().any(|(other, _)| names(other.cert) != names(first.cert))
    {
        let candidates: Vec<Found> = pairs.iter().map(|(found, _)| *found).collect();
        let hint = "say which one with a --name that it presents, or name its files with --from";
        return Err(chain::several(&candidates).hint(hint));
    }
    Ok(pairs.into_iter().max_by_key(|(found, _)| (found.cert.not_before <= now, found.cert.not_before)))
}

/// What it is for; the subject only where it says nothing else.
fn names(cert: &Cert) -> BTreeSet<String> {
    let presented: BTreeSet<String> = cert.alt_names().iter().map(ToString::to_string).collect();
    if presented.is_empty() { [cert.subject.to_string()].into() } else { presented }
}

fn lost(lineage: &Lineage, version: u32, files: &[String], write: &VersionWrite) -> Option<Finding> {
    let new: Vec<&str> = write.files.iter().map(|file| &*file.name).collect();
    let lost: Vec<&str> = checks::renewal::files_lost(files, &new).collect();
    let at = Location::File(lineage.path.join(name_of(version)));
    (!lost.is_empty()).then(|| RENEWAL_FILE_LOST.at(at, format!("only there: {}", lost.join(", "))))
}

fn result(args: &Args, lineage: &Lineage, next: Next, leaf: &Cert) -> Value {
    object! {
        "name" => args.name.to_string(),
        "version" => next.number,
        "previous" => lineage.settled,
        "path" => lineage.path.as_path(),
        "leaf" => describe::certificate(leaf, None),
    }
}

/// What changes about the certificate, and what changes on the disk; of keys only that there is one.
fn difference(old: Option<&Cert>, new: &Cert, lineage: &Lineage, next: Next) -> (Vec<Line>, Value) {
    let (before, after) = (old.map(facts).unwrap_or_default(), facts(new));
    let mut lines = Vec::new();
    for (number, (label, now)) in after.iter().enumerate() {
        let was = before.get(number).map(|(_, was)| was);
        if was != Some(now) {
            lines.extend(was.map(|was| Line::Row(vec!["-".into(), (*label).into(), was.clone()])));
            lines.push(Line::Row(vec!["+".into(), (*label).into(), now.clone()]));
        }
    }
    let text = |facts: &[(&str, String)]| -> String {
        facts.iter().map(|(label, value)| format!("{label}: {value}\n")).collect()
    };
    let base = |number| lineage.path.join(name_of(number));
    let changed = |file: &str, before: Option<String>, after: String| {
        let path = base(next.number).join(file);
        object! { "path" => path.as_path(), "before" => before, "after" => after }
    };
    let secret = "(private key)";
    let value = vec![
        changed(set::layout::CHAIN, old.map(|_| text(&before)), text(&after)),
        changed(KEY, old.map(|_| secret.to_owned()), secret.to_owned()),
    ];
    (lines, value.into())
}

fn facts(cert: &Cert) -> Vec<(&'static str, String)> {
    let names: Vec<String> = cert.alt_names().iter().map(ToString::to_string).collect();
    vec![
        ("names", names.join(", ")),
        ("issuer", cert.issuer.short()),
        ("from", crate::instant::show(cert.not_before)),
        ("until", crate::instant::show(cert.not_after)),
        ("serial", crate::crypto::hex(&cert.serial)),
        ("key", cert.public_key.sha256()),
        ("sha256", crate::crypto::hex(cert.sha256())),
    ]
}
