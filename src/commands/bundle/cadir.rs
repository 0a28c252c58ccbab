//! `bundle cadir`: a directory of CAs and CRLs as OpenSSL looks them up: each in a file of its own, and a link to it by the hash of
//! its name.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::NO_AUTHORITIES;
use crate::checks;
use crate::commands::{Context, Outcome, gather};
use crate::content::{Content, FileWrite, LinkWrite};
use crate::crypto;
use crate::error::{Error, Result};
use crate::files::link::{self, Entry};
use crate::finding::Finding;
use crate::material::cert::Cert;
use crate::material::crl::Crl;
use crate::material::pem;
use crate::material::subject_hash::subject_hash;
use crate::material::{Item, Material};
use crate::pki::bundle::{Bundle, dovecot_ca};
use crate::plan::{Plan, Step};
use crate::report::{Line, Report, object};

/// Fill a CA directory and link it as OpenSSL looks things up
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit bundle cadir /etc/ssl/client-cas *.crt
  pkit bundle cadir /etc/ssl/client-cas *.crt *.crl

For ssl_client_ca_dir (Dovecot), smtp_tls_CApath (Postfix), SSLCACertificatePath
(Apache) and olcTLSCACertificatePath (OpenLDAP). The directory must exist; what
else is in it stays as it is. A newer CRL replaces an older one of its CA.")]
pub struct Args {
    /// The directory
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// CA certificates and CRLs in any form and order
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let material = gather::material(&args.files, context)?;
    let bundle = dovecot_ca(&material, context.now);
    if bundle.entries.is_empty() {
        return Err(Error::input(&NO_AUTHORITIES, "there is no CA certificate in what was given"));
    }
    let members = members(&bundle);
    let links = links(&members, &link::entries(&args.dir)?);
    let mut report = Report::of(object! {
        "dir" => args.dir.as_path(),
        "entries" => members.iter().zip(&links).map(|(member, link)| object! {
            "type" => if member.crl.is_some() { "crl" } else { "ca" },
            "subject" => member.subject.as_str(),
            "file" => member.file.as_str(),
            "link" => link.as_str(),
        }).collect::<Vec<_>>(),
    });
    report.body = members
        .iter()
        .zip(&links)
        .map(|(m, link)| Line::Row(vec![link.clone(), m.file.clone(), m.subject.clone()]))
        .collect();
    report.findings = context.accepted(findings(&bundle, &material));
    let files = members.iter().map(|member| Step::Write(file(member, &args.dir, context)));
    let made = members.iter().zip(links).map(|(member, name)| {
        let path = args.dir.join(name);
        Step::Link(LinkWrite { path, target: member.file.clone(), overwrite: context.overwrite })
    });
    // A link never leads to a file that is not there yet.
    Ok(Outcome { report, plan: Plan { steps: files.chain(made).collect(), ..Plan::default() } })
}

/// A file of the directory.
struct Member<'a> {
    file: String,
    /// The link without its number: `0a1b2c3d.` or `0a1b2c3d.r`.
    hash: String,
    subject: String,
    pem: String,
    crl: Option<&'a Crl>,
}

/// The CAs, each followed by its list.
fn members<'a>(bundle: &Bundle<'a>) -> Vec<Member<'a>> {
    let mut members: Vec<Member> = Vec::new();
    for entry in &bundle.entries {
        let ca = entry.ca;
        members.push(Member {
            file: format!("{}.pem", stem(ca)),
            hash: format!("{}.", subject_hash(&ca.subject)),
            subject: ca.subject.short(),
            pem: pem::encode("CERTIFICATE", ca.der()),
            crl: None,
        });
        // Certificates of one CA share its list.
        let listed = |crl: &Crl| members.iter().filter_map(|m| m.crl).any(|known| std::ptr::eq(known, crl));
        if let Some((_, crl)) = entry.crl.filter(|(_, crl)| !listed(crl)) {
            members.push(Member {
                file: format!("{}.crl", stem(ca)),
                hash: format!("{}.r", subject_hash(&crl.issuer)),
                subject: crl.issuer.short(),
                pem: pem::encode("X509 CRL", crl.der()),
                crl: Some(crl),
            });
        }
    }
    members
}

/// A name to recognise it by, and enough of the fingerprint to tell it from others of that name.
fn stem(ca: &Cert) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = ca.subject.short().chars().map(plain).take(40).collect();
    format!("{name}-{}", &crypto::hex(ca.sha256())[..8])
}

/// The link for each member, in order: the one that leads to it already, else the first number that is free. OpenSSL counts up
/// from 0 and stops at the first number that is missing or leads nowhere, so a link that leads nowhere is in the way.
fn links(members: &[Member<'_>], there: &[Entry]) -> Vec<String> {
    let mut taken: HashSet<String> = there.iter().filter(|e| !e.dangling).map(|e| e.name.clone()).collect();
    let mut link = |member: &Member<'_>| {
        let ours = |e: &&Entry| e.target.as_ref() == Some(&member.file) && is_numbered(&e.name, &member.hash);
        let old = there.iter().find(ours).map(|e| e.name.clone());
        let free = || (0u32..).map(|n| format!("{}{n}", member.hash)).find(|name| !taken.contains(name));
        let name = old.or_else(free).unwrap_or_default();
        taken.insert(name.clone());
        name
    };
    members.iter().map(&mut link).collect()
}

fn is_numbered(name: &str, hash: &str) -> bool {
    name.strip_prefix(hash).is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// A CA's file never changes; its list may be followed by a newer one.
fn file(member: &Member<'_>, dir: &Path, context: &Context) -> FileWrite {
    let path = dir.join(&member.file);
    let overwrite = match member.crl {
        Some(crl) => gather::overwrite(&path, context, |old| follows(crl, old)),
        None => context.overwrite,
    };
    let what = if member.crl.is_some() { "1 CRL" } else { "1 CA" };
    FileWrite { path, content: Content::Public(member.pem.clone().into_bytes()), what: what.into(), overwrite }
}

/// Does the list follow on the one in the old file: the same issuer, made earlier?
fn follows(new: &Crl, old: &Material) -> bool {
    let only = matches!(old.blocks[..], [ref block] if matches!(block.item, Item::Crl(_)));
    only && old.crls().all(|(_, crl)| crl.issuer == new.issuer && crl.this_update < new.this_update)
}

/// Oddities of the files, and what of them is not in the directory. A CA without a CRL is nothing odd here.
fn findings(bundle: &Bundle<'_>, material: &Material) -> Vec<Finding> {
    let mut findings = material.findings.clone();
    findings.extend(checks::bundle::not_in(bundle));
    findings
}
