//! `ca init`: the directory of a CA, whole or not at all: a root, perhaps CAs below it, their first CRLs, and the index. A CA that
//! another program made is taken over as it is.

mod limits;
mod taken;

use std::path::PathBuf;

use super::directory::{Authority, Directory, INDEX};
use super::lists;
use crate::commands::key_file::{self, KdfName};
use crate::commands::new_key::NewKeyArgs;
use crate::commands::subject::SubjectArgs;
use crate::commands::{Context, Outcome, any_error};
use crate::content::{Content, DirectoryWrite, VersionFile};
use crate::crypto::Passphrase;
use crate::error::{Error, Result};
use crate::files::directory::DIRECTORY_EXISTS;
use crate::finding::{Finding, Origin};
use crate::instant;
use crate::material::cert::Cert;
use crate::material::crl::Crl;
use crate::material::index::{Event, Issued};
use crate::material::key::{Form, PrivateKey};
use crate::material::{Format, pem};
use crate::pki::chain::Pile;
use crate::pki::issue::{self, Body, Places};
use crate::pki::keygen;
use crate::pki::revoke::Revoked;
use crate::pki::sign::{Signer, key_id};
use crate::pki::verify::{Wanted, apart_from_signatures};
use crate::plan::{Plan, Step};
use crate::report::{Report, Value, in_full, object};
use limits::LimitArgs;

/// Make a CA: one directory of PEM files and an index
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit ca init /root/ca --cn Example_CA --intermediate Example_Mail_CA
  pkit ca init /root/ca --cn Example_CA --permit-dns example.org --days 7300
  pkit ca init /root/ca --from-cert old-ca.pem --from-key old-ca.key

DIR holds, for the root and for each CA below it (root, intermediate,
intermediate-2, ...), NAME.pem, NAME.key and NAME.crl, which openssl x509 -req
-CA -CAkey and openssl crl take as they are. The last CA signs. index.ndjson is
the CA's memory: one JSON object a line, only ever added to, synced before
anything is handed out. `event` says what a line is:
  ca       ca (its files' name), subject, sha256, crl_url, aia_url, at
  issued   ca, serial, subject, names, profile, not_before, not_after,
           spki_sha256, sha256, at
  revoked  ca, serial, reason, at
  crl      ca, number, at, next_update, revoked (how many)
URLs go into what is issued; {ca} in one stands for the CA's name.

The keys are encrypted with one passphrase unless --no-passphrase says not to.")]
pub struct Args {
    /// The directory to make
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The root's common name
    #[arg(long, value_name = "NAME", required_unless_present = "from_cert")]
    cn: Option<String>,
    /// The common name of a CA below it that signs in its place; several make a chain
    #[arg(long, value_name = "CN")]
    intermediate: Vec<String>,
    /// Where the CRL can be had
    #[arg(long, value_name = "URL", value_parser = url)]
    crl_url: Option<String>,
    /// Where the certificate of the CA can be had
    #[arg(long, value_name = "URL", value_parser = url)]
    aia_url: Option<String>,
    #[command(flatten)]
    limits: LimitArgs,
    /// How many CAs may stand below the root [default: as many as are made]
    #[arg(long, value_name = "N")]
    path_len: Option<u32>,
    /// How long the CAs are valid
    #[arg(long, value_name = "N", default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    /// Take over this CA: its certificate, with those above it behind it
    #[arg(long, value_name = "CERT", conflicts_with_all = ["cn", "path_len"], requires = "from_key")]
    from_cert: Option<PathBuf>,
    /// The key of the CA that is taken over
    #[arg(long, value_name = "KEY", requires = "from_cert")]
    from_key: Option<PathBuf>,
    /// Its last CRL: who is on it stays revoked, and numbers go on
    #[arg(long, value_name = "CRL", requires = "from_cert")]
    from_crl: Option<PathBuf>,
    /// Leave the keys unencrypted
    #[arg(long)]
    no_passphrase: bool,
    /// Leave a CA of this name that is there as it is
    #[arg(long)]
    if_missing: bool,
    #[command(flatten)]
    subject: SubjectArgs,
    #[command(flatten)]
    new_key: NewKeyArgs,
}

/// What can stand in a certificate as a place: ASCII, and of a scheme that is in use for it.
fn url(text: &str) -> std::result::Result<String, String> {
    let fits = text.bytes().all(|b| b.is_ascii_graphic())
        && ["http://", "https://", "ldap://", "ldaps://"].iter().any(|scheme| text.starts_with(scheme));
    if fits { Ok(text.to_owned()) } else { Err("write it as http://pki.example.org/{ca}.crl, in ASCII".into()) }
}

/// One CA that is to be in the directory.
struct Level {
    name: String,
    cert: Cert,
    /// Certificates above it that are nobody's here.
    above: Vec<Cert>,
    key: PrivateKey,
    places: Places,
    /// What it had revoked and the number of its last list, where it was taken over.
    revoked: Vec<Revoked>,
    last_crl: u64,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    if args.if_missing && args.dir.join(INDEX).exists() {
        return there(args);
    }
    if context.dry_run {
        return Ok(promised(args));
    }
    let (levels, findings) = levels(args, context)?;
    if any_error(&findings) {
        let mut report = Report::judging(object! { "dir" => args.dir.as_path() });
        report.say("no CA was made");
        report.findings = findings;
        return Ok(report.into());
    }
    let lock = if args.no_passphrase { None } else { Some(context.secret.fresh("the keys of the new CA")?) };
    let (mut files, mut events, mut crls) = (Vec::new(), Vec::new(), Vec::new());
    for (n, level) in levels.iter().enumerate() {
        let issuer = n.checked_sub(1).map(|above| &levels[above]);
        events.push(Authority::event(&level.name, &level.cert, &level.places, context.now));
        events.extend(issuer.map(|i| Event::Issued(Issued::of(&level.cert, &i.name, "ca", context.now))));
        events.extend(level.revoked.iter().map(|r| revoked(&level.name, r)));
        let number = level.last_crl + 1;
        let (crl, event) =
            lists::make(&level.name, &level.cert, &level.key, number, &level.revoked, lists::DAYS, context)?;
        events.push(event);
        files.extend(level_files(level, &crl, lock)?);
        crls.push(crl);
    }
    let index = events.iter().flat_map(Event::line).collect();
    files.push(file(INDEX.into(), Content::State(index), "index".into()));
    let mut report = told(args, &levels, &crls, context);
    report.findings = findings;
    let write = DirectoryWrite { path: args.dir.clone(), files };
    Ok(Outcome { report, plan: Plan { steps: vec![Step::Directory(write)], ..Plan::default() } })
}

/// The root or what is taken over, then each CA below the one before.
fn levels(args: &Args, context: &Context) -> Result<(Vec<Level>, Vec<Finding>)> {
    let below = args.intermediate.len() as u32;
    let first = match (&args.from_cert, &args.from_key) {
        (Some(cert), Some(key)) => taken::level(cert, key, args.from_crl.as_deref(), context)?,
        _ => root(args, below, context)?,
    };
    let (mut levels, mut findings) = (vec![first], Vec::new());
    for (n, common) in args.intermediate.iter().enumerate() {
        let name = if n == 0 { "intermediate".to_owned() } else { format!("intermediate-{}", n + 1) };
        let path_len = below - n as u32 - 1;
        let (level, faults) = intermediate(args, &levels, name, common, path_len, context)?;
        levels.push(level);
        findings.extend(faults);
    }
    let last = levels.len() - 1;
    for (n, level) in levels.iter_mut().enumerate() {
        // A URL without the CA's name in it is that of the CA that signs.
        let place = |url: &Option<String>| {
            let url = url.as_ref().filter(|url| n == last || url.contains(CA))?;
            Some(url.replace(CA, &level.name))
        };
        level.places = Places { crl: place(&args.crl_url), issuer: place(&args.aia_url) };
    }
    Ok((levels, context.accepted(findings)))
}

const CA: &str = "{ca}";

fn root(args: &Args, below: u32, context: &Context) -> Result<Level> {
    let path_len = args.path_len.unwrap_or(below);
    if path_len < below {
        return Err(Error::usage(format!("--path-len {path_len} leaves no room for {below} CAs below the root")));
    }
    let subject = args.subject.name(args.cn.as_deref())?;
    let key = keygen::generate(args.new_key.meant()?)?;
    let signer = Signer::of(&key)?;
    let permitted = args.limits.permitted();
    let extensions =
        issue::authority(&signer.public, &key_id(&signer.public), path_len, &permitted, &Places::default());
    let body = Body {
        serial: &issue::serial()?,
        issuer: &subject,
        subject: &subject,
        not_before: context.now,
        not_after: issue::last_instant(context.now, args.days),
        key: &signer.public,
        extensions: &extensions,
    };
    let cert = body.signed(&signer)?;
    Ok(Level::new("root", cert, key))
}

/// A CA below the last one. Judged on a copy, as everything that is signed.
fn intermediate(
    args: &Args,
    above: &[Level],
    name: String,
    common: &str,
    path_len: u32,
    context: &Context,
) -> Result<(Level, Vec<Finding>)> {
    let Some(issuer) = above.last() else { return Err(Error::bug("a CA below nothing")) };
    let subject = args.subject.name(Some(common))?;
    let key = keygen::generate(args.new_key.meant()?)?;
    let signer = Signer::of(&key)?;
    let permitted = args.limits.permitted();
    let places = |url: &Option<String>| url.as_ref().filter(|u| u.contains(CA)).map(|u| u.replace(CA, &issuer.name));
    let places = Places { crl: places(&args.crl_url), issuer: places(&args.aia_url) };
    let issuer_id = issue::issuer_key_id(&issuer.cert);
    let extensions = issue::authority(&signer.public, &issuer_id, path_len, &permitted, &places);
    let body = Body {
        serial: &issue::serial()?,
        issuer: &issuer.cert.subject,
        subject: &subject,
        not_before: context.now,
        not_after: issue::last_instant(context.now, args.days).min(issuer.cert.not_after),
        key: &signer.public,
        extensions: &extensions,
    };
    let copy = body.copy()?;
    let at = Origin::file(args.dir.join(format!("{name}.pem")));
    let chain: Vec<&Cert> = above.iter().rev().map(|l| &l.cert).chain(&above[0].above).collect();
    let pile = Pile::new(std::iter::once((&at, &copy)).chain(chain.iter().map(|cert| (&at, *cert))), &[]);
    let faults = apart_from_signatures(&pile, &copy, &chain, &Wanted::at(context.now));
    let cert = body.signed(&Signer::of(&issuer.key)?)?;
    Ok((Level::new(&name, cert, key), faults.into_iter().map(|f| f.finding).collect()))
}

impl Level {
    fn new(name: &str, cert: Cert, key: PrivateKey) -> Level {
        Level {
            name: name.to_owned(),
            cert,
            above: Vec::new(),
            key,
            places: Places::default(),
            revoked: Vec::new(),
            last_crl: 0,
        }
    }
}

fn revoked(name: &str, revoked: &Revoked) -> Event {
    Event::Revoked {
        ca: name.to_owned(),
        serial: crate::crypto::hex(&revoked.serial),
        reason: revoked.reason.map_or("unspecified", |r| r.word()).to_owned(),
        at: revoked.date,
    }
}

fn level_files(level: &Level, crl: &Crl, lock: Option<&Passphrase>) -> Result<[VersionFile; 3]> {
    let chain = std::iter::once(&level.cert).chain(&level.above);
    let certs: String = chain.map(|cert| pem::encode("CERTIFICATE", cert.der())).collect();
    let crl = pem::encode("X509 CRL", crl.der());
    let key = key_file::written(&level.key, Form::Pkcs8, Format::Pem, lock, KdfName::default())?;
    let kind = level.key.kind();
    let what = key.encryption.map_or_else(|| format!("{kind}, not encrypted"), |how| format!("{kind}, {how}"));
    Ok([
        file(format!("{}.pem", level.name), Content::Public(certs.into_bytes()), "CA certificate".into()),
        file(format!("{}.key", level.name), Content::Secret(key.bytes), what),
        file(format!("{}.crl", level.name), Content::Public(crl.into_bytes()), "CRL".into()),
    ])
}

fn file(name: String, content: Content, what: String) -> VersionFile {
    VersionFile { name: name.into(), content, what, owner: None }
}

fn told(args: &Args, levels: &[Level], crls: &[Crl], context: &Context) -> Report {
    let at = |level: &Level| Origin::file(args.dir.join(format!("{}.pem", level.name)));
    let cert = |level: &Level| in_full::certificate(&level.cert, &at(level), context.now);
    let list = |(level, crl): (&Level, &Crl)| {
        object! {
            "ca" => level.name.as_str(),
            "path" => args.dir.join(format!("{}.crl", level.name)).as_path(),
            "number" => lists::number(crl),
            "next_update" => crl.next_update.map(instant::rfc3339),
        }
    };
    let lists: Vec<Value> = levels.iter().zip(crls).map(list).collect();
    let mut report = Report::of(object! {
        "dir" => args.dir.as_path(),
        "root" => levels.first().map(cert),
        "intermediate" => levels.get(1..).and_then(<[Level]>::last).map(cert),
        "authorities" => levels.iter().map(cert).collect::<Vec<_>>(),
        "crl" => lists.last().cloned().unwrap_or(Value::Null),
        "crls" => lists,
    });
    for (n, (level, crl)) in levels.iter().zip(crls).enumerate() {
        let made = if n == 0 && args.from_cert.is_some() { "took over" } else { "created" };
        let (until, next) = (level.cert.not_after.date(), crl.next_update.map_or("?".into(), instant::show));
        let number = lists::number(crl).unwrap_or_default();
        report.say(format!(
            "{made} CA \"{}\" in {} ({} valid until {until}, CRL {number} until {next})",
            level.cert.subject.short(),
            args.dir.display(),
            level.name,
        ));
    }
    report
}

/// `--if-missing`: the CA that is there, if its first one has the name that is asked for.
fn there(args: &Args) -> Result<Outcome> {
    let dir = Directory::read(&args.dir)?;
    let root = dir.authorities.first().map(|a| &a.cert);
    let wanted = args.subject.name(args.cn.as_deref())?;
    match root {
        Some(root) if root.subject == wanted => {
            let mut report = Report::of(object! { "dir" => args.dir.as_path() });
            report.say(format!("unchanged {} (CA \"{}\")", args.dir.display(), root.subject.short()));
            Ok(report.into())
        }
        _ => {
            let holds = root.map_or_else(String::new, |root| root.subject.to_string());
            let message =
                format!("{} already holds the CA `{holds}`, and `{wanted}` was asked for", args.dir.display());
            Err(Error::refused(&DIRECTORY_EXISTS, message).path(&args.dir))
        }
    }
}

/// A dry run makes no keys: nobody would ever see them again.
fn promised(args: &Args) -> Outcome {
    let below = (0..args.intermediate.len())
        .map(|n| if n == 0 { "intermediate".to_owned() } else { format!("intermediate-{}", n + 1) });
    let names = std::iter::once("root".to_owned()).chain(below);
    let of = |name: String| {
        let key = Content::Secret(zeroize::Zeroizing::default());
        [
            file(format!("{name}.pem"), Content::Public(Vec::new()), "CA certificate".into()),
            file(format!("{name}.key"), key, "key".into()),
            file(format!("{name}.crl"), Content::Public(Vec::new()), "CRL".into()),
        ]
    };
    let index = file(INDEX.into(), Content::State(Vec::new()), "index".into());
    let write = DirectoryWrite { path: args.dir.clone(), files: names.flat_map(of).chain([index]).collect() };
    let report = Report::of(object! { "dir" => args.dir.as_path() });
    Outcome { report, plan: Plan { steps: vec![Step::Directory(write)], ..Plan::default() } }
}
