//! `cert tlsa`: the DNS records that pin a certificate or its key (DANE, RFC 6698 and RFC 7671), for the key in use and the next.

use std::path::{Path, PathBuf};

use crate::commands::chain::build::NO_CERTIFICATE;
use crate::commands::{Context, Outcome, gather};
use crate::crypto::{self, Digest, hex};
use crate::error::{Error, Result};
use crate::finding::{Finding, Location, rules};
use crate::material::cert::Cert;
use crate::material::key::PublicKey;
use crate::material::{Item, Material};
use crate::name::HostName;
use crate::report::{Report, object};

/// Print the TLSA records (DANE) of a certificate, a request or a key
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit cert tlsa mail.pem --port 25 --port 465
  pkit cert tlsa mail.pem --next new.key
  pkit cert tlsa fullchain.pem --usage 2
  pkit cert tlsa mail.key --host mail.example.org

3 1 1, the default, pins the key: it stays true while renewals keep the key.
With --next both keys are pinned, as they must be before one follows the other.
2 1 1 pins the CA.")]
pub struct Args {
    /// A certificate (of a chain, its first), a request or a private key
    #[arg(value_name = "CERT|CSR|KEY")]
    file: PathBuf,
    /// The host [default: the first name of the certificate or request]
    #[arg(long)]
    host: Option<HostName>,
    /// The port, several times for several
    #[arg(long, value_name = "P", default_value = "25")]
    port: Vec<u16>,
    /// 3 the end-entity, 2 the CA that issued it, 1 and 0 the same with public trust besides
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(0..=3))]
    usage: u8,
    /// 1 the public key, 0 the whole certificate
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=1))]
    selector: u8,
    /// 1 SHA-256, 2 SHA-512, 0 everything
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=2))]
    matching: u8,
    /// The key, request or certificate that comes next
    #[arg(long, value_name = "KEY")]
    next: Option<PathBuf>,
}

/// What one file gives to be pinned.
struct Pinned {
    key: PublicKey,
    cert: Option<Cert>,
    host: Option<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let current = pinned(&args.file, args.usage, context)?;
    let host = match (&args.host, &current.host) {
        (Some(HostName::Dns(name)), _) => name.clone(),
        (Some(HostName::Ip(_)), _) => return Err(Error::usage("--host is a name: addresses have no TLSA records")),
        (None, Some(name)) => name.clone(),
        (None, None) => return Err(Error::usage("there is no host name in it; name one with --host")),
    };
    let mut datas = vec![("current", data(args, &args.file, &current)?)];
    if let Some(next) = &args.next {
        let pinned = pinned(next, args.usage, context)?;
        let data = data(args, next, &pinned)?;
        if data != datas[0].1 {
            datas.push(("next", data));
        }
    }
    let (mut lines, mut values) = (Vec::new(), Vec::new());
    for port in &args.port {
        for (which, data) in &datas {
            let owner = format!("_{port}._tcp.{host}.");
            let record = format!("{owner} IN TLSA {} {} {} {}", args.usage, args.selector, args.matching, hex(data));
            values.push(object! {
                "which" => *which,
                "owner" => owner,
                "usage" => u32::from(args.usage),
                "selector" => u32::from(args.selector),
                "matching" => u32::from(args.matching),
                "data" => hex(data),
                "record" => record.as_str(),
            });
            lines.push(record);
        }
    }
    let mut report = Report::of(object! { "records" => values });
    lines.into_iter().for_each(|line| report.say(line));
    report.findings = context.accepted(unusable(args).into_iter().collect());
    Ok(report.into())
}

/// With usage 0 and 2 a CA is pinned: the first in the file behind the end-entity.
fn pinned(path: &Path, usage: u8, context: &Context) -> Result<Pinned> {
    let material = gather::material(&[path.to_owned()], context)?;
    if matches!(usage, 0 | 2) {
        let ca = material.certs().map(|(_, cert)| cert).find(|cert| cert.is_ca());
        let host = material.certs().next().and_then(|(_, cert)| host(cert));
        let message = || format!("usage {usage} pins the CA, and there is no CA's certificate in {}", path.display());
        let ca = ca.ok_or_else(|| Error::input(&NO_CERTIFICATE, message()).path(path))?;
        return Ok(Pinned { key: ca.public_key.clone(), cert: Some(ca.clone()), host });
    }
    first(&material).ok_or_else(|| {
        let message = format!("{} holds no certificate, request or key", path.display());
        Error::input(&NO_CERTIFICATE, message).path(path)
    })
}

fn first(material: &Material) -> Option<Pinned> {
    material.blocks.iter().find_map(|block| match &block.item {
        Item::Cert(cert) => {
            Some(Pinned { key: cert.public_key.clone(), cert: Some(cert.as_ref().clone()), host: host(cert) })
        }
        Item::Csr(csr) => Some(Pinned {
            key: csr.public_key.clone(),
            cert: None,
            host: csr.short_name().parse::<HostName>().ok().map(|name| name.to_string()),
        }),
        Item::Key(key) => Some(Pinned { key: key.public()?, cert: None, host: None }),
        _ => None,
    })
}

/// The first name that is one host.
fn host(cert: &Cert) -> Option<String> {
    cert.dns_names().find_map(|name| name.parse::<HostName>().ok()).map(|name| name.to_string())
}

/// RFC 6698 section 2.1.
fn data(args: &Args, path: &Path, pinned: &Pinned) -> Result<Vec<u8>> {
    let bytes = match (args.selector, &pinned.cert) {
        (1, _) => pinned.key.spki(),
        (_, Some(cert)) => cert.der(),
        (_, None) => {
            return Err(Error::usage(format!("--selector 0 pins a certificate, and {} holds none", path.display())));
        }
    };
    Ok(match args.matching {
        0 => bytes.to_vec(),
        1 => crypto::digest(Digest::Sha256, bytes),
        _ => crypto::digest(Digest::Sha512, bytes),
    })
}

/// What mail servers pass over, or what goes stale at the next renewal.
fn unusable(args: &Args) -> Option<Finding> {
    let at = || Location::File(args.file.clone());
    let mail = args.port.contains(&25);
    match (args.usage, args.selector) {
        (usage @ (0 | 1), _) if mail => {
            Some(TLSA_UNFIT.at(at(), format!("usage {usage} on port 25: mail servers treat such a record as unusable")))
        }
        (3 | 1, 0) => Some(TLSA_UNFIT.at(at(), "selector 0 pins this certificate: it is wrong after each renewal")),
        _ => None,
    }
}

rules! {
    /// A record that will not do.
    TLSA_UNFIT = Warning "tlsa-unfit" {
        summary: "a TLSA record that is passed over by mail servers, or that has to change with each renewal",
        help: "3 1 1 pins the server's key, 2 1 1 its CA",
        source: "RFC 7672 section 3.1.3 (no PKIX-TA and PKIX-EE in SMTP); RFC 7671 section 5.1",
    }
}
