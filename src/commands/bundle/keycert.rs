//! `bundle keycert`: a key and its chain in one file, for Courier, Postfix's `smtpd_tls_chain_files` and HAProxy.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::checks::dh::DH_NOT_FOUND;
use crate::commands::chain::build::{choose, leftovers, pem, sent, shown};
use crate::commands::{Context, Outcome, any_error, gather};
use crate::content::{Content, FileWrite};
use crate::error::{Error, Result};
use crate::files::trust;
use crate::finding::{Finding, Severity};
use crate::material::Item;
use crate::material::key::PrivateKey;
use crate::pki::chain::Pile;
use crate::pki::select::Selection;
use crate::pki::verify::Wanted;
use crate::pki::verify::rules::{CHAIN_INCOMPLETE, NOT_TRUSTED};
use crate::plan::Plan;
use crate::report::describe::{self, count};
use crate::report::{Report, object};

/// Join a key and its chain for Courier, Postfix or HAProxy
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit bundle keycert mail.key fullchain.pem -o /etc/postfix/mail.pem
  pkit bundle keycert mail.key *.crt --dh dh.pem -o /etc/courier/imapd.pem

Postfix wants the key first (smtpd_tls_chain_files); Courier and HAProxy take
either order. The file holds a key: its mode is 0400. -o - prints it.")]
pub struct Args {
    /// The private key, not encrypted
    #[arg(value_name = "KEY")]
    key: PathBuf,
    /// Files or directories with the certificates, in any form and order
    #[arg(required = true, value_name = "CHAIN")]
    files: Vec<PathBuf>,
    /// Diffie-Hellman parameters to put at the end, as Courier takes them
    #[arg(long, value_name = "FILE")]
    dh: Option<PathBuf>,
    /// What comes first
    #[arg(long, value_enum, default_value_t = Order::KeyFirst)]
    order: Order,
    /// Prove the chain against trust anchors: `system`, a file or a directory
    #[arg(long, value_name = "STORE")]
    trust: Option<trust::Source>,
    /// Where to write the file; - is standard output
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
}

/// What comes first in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Order {
    KeyFirst,
    CertFirst,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let to_stdout = args.output.as_os_str() == "-";
    if to_stdout && context.json {
        return Err(
            Error::usage("a key on standard output does not go with --json").hint("write it to a file with -o FILE")
        );
    }
    let (key_at, key) = gather::key(&args.key, context)?;
    let public = gather::public(&key, &key_at)?;
    let dh = args.dh.as_deref().map(|path| dh(path, context)).transpose()?;
    let material = gather::material(&args.files, context)?;
    let anchors = args.trust.as_ref().map(trust::load).transpose()?.map(|store| store.anchors).unwrap_or_default();
    let pile = Pile::new(material.certs(), &anchors);
    let wanted = Wanted::at(context.now);
    let selection = choose(&pile, Some(&public), Some(&args.key), &wanted)?;
    let mut findings = material.findings.clone();
    findings.extend(leftovers(&pile, &selection));
    findings.extend(faults(&selection, args.trust.is_some()));
    let certs = sent(&selection.path, false);
    let mut report = Report::of(object! {
        "path" => args.output.as_path(),
        "order" => if args.order == Order::KeyFirst { "key-first" } else { "cert-first" },
        "chain" => certs.iter().map(|c| describe::certificate(c, None)).collect::<Vec<_>>(),
        "dh" => dh.is_some(),
    });
    report.say(shown(&selection.path, false));
    report.findings = context.accepted(findings);
    if any_error(&report.findings) {
        report.say("nothing was written");
        return Ok(report.into());
    }
    let content = Content::Secret(joined(&key, &pem(&certs), dh.as_deref(), args.order));
    if to_stdout {
        report.artefact = Some(content);
        return Ok(report.into());
    }
    let what = format!("key, {}", count(certs.len(), "certificate"));
    let plan = Plan::file(FileWrite { path: args.output.clone(), content, what, overwrite: context.overwrite });
    Ok(Outcome { report, plan })
}

/// What speaks against the chain. Without trust anchors nothing is proven, and a chain may well end below its root; a lone
/// certificate that is not self-signed still lacks its intermediate in all likelihood.
fn faults(selection: &Selection<'_>, proving: bool) -> Vec<Finding> {
    let faults = selection.proof.as_ref().err().cloned().unwrap_or_default();
    let lone = selection.path.certs.len() == 1;
    let open_end = |f: &Finding| f.rule == &NOT_TRUSTED || (f.rule == &CHAIN_INCOMPLETE && !lone);
    let milder = |f: Finding| if proving { f } else { f.severity(Severity::Warning) };
    faults.into_iter().filter(|f| proving || !open_end(f)).map(milder).collect()
}

/// Everything in one buffer that is never grown, so that no copy of the key is left behind.
fn joined(key: &PrivateKey, chain: &str, dh: Option<&str>, order: Order) -> Zeroizing<Vec<u8>> {
    let key = key.to_pkcs8_pem();
    let first = if order == Order::KeyFirst { [key.as_str(), chain] } else { [chain, key.as_str()] };
    let parts = [first[0], first[1], dh.unwrap_or_default()];
    let mut file = Zeroizing::new(Vec::with_capacity(parts.iter().map(|p| p.len()).sum()));
    parts.iter().for_each(|part| file.extend_from_slice(part.as_bytes()));
    file
}

/// The parameters in a file, as PEM.
fn dh(path: &Path, context: &Context) -> Result<String> {
    let material = gather::material(&[path.to_owned()], context)?;
    let found = material.blocks.iter().find_map(|block| match &block.item {
        Item::Dh(params) => Some(params.to_pem()),
        _ => None,
    });
    found.ok_or_else(|| Error::input(&DH_NOT_FOUND, format!("{} holds no DH parameters", path.display())).path(path))
}
