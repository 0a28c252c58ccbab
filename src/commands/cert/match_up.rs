//! `cert match`: any pile sorted into identities: which key, request, certificates and CRLs belong together.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::commands::{Context, Outcome, gather};
use crate::error::Result;
use crate::files::trust;
use crate::finding::{Finding, Origin, rules};
use crate::material::cert::Cert;
use crate::material::crl::Crl;
use crate::material::key::PublicKey;
use crate::material::{Item, Material};
use crate::pki::chain::Pile;
use crate::report::describe::count;
use crate::report::{Line, Report, Value, Verdict, describe, object};

/// Sort a pile: which key, request, certificates and CRLs belong together?
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit cert match /etc/ssl/private/* /etc/ssl/certs/mail*.pem
  pkit cert match purchase.zip mail.key

Exit code 1 says that a key or an end-entity's certificate has no counterpart.")]
pub struct Args {
    /// Files and directories with keys, requests, certificates and CRLs
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Everything with one public key.
#[derive(Default)]
struct Identity<'a> {
    spki_sha256: String,
    keys: Vec<(&'a Origin, String)>,
    requests: Vec<(&'a Origin, String)>,
    certs: Vec<(&'a Origin, &'a Cert)>,
    crls: Vec<(&'a Origin, &'a Crl)>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let material = gather::material(&args.files, context)?;
    let identities = sorted(&material);
    let store = trust::load(&trust::Source::System)?;
    let pile = Pile::new(material.certs(), &store.anchors);
    let mut report = Report::judging(Value::Null);
    report.findings = material.findings.clone();
    let (mut groups, mut unmatched) = (Vec::new(), Vec::new());
    for identity in &identities {
        let complete = identity.complete(&pile);
        let alone = context.accepted(identity.unmatched());
        report.body.push(identity.line(complete, &alone));
        if alone.is_empty() {
            groups.push(identity.value(complete));
        } else {
            unmatched.push(identity.value(complete));
        }
        report.findings.extend(alone);
    }
    report.result = object! { "groups" => groups, "unmatched" => unmatched };
    Ok(report.into())
}

/// By public key, in the order in which the first of each stood.
fn sorted(material: &Material) -> Vec<Identity<'_>> {
    let mut identities: Vec<Identity> = Vec::new();
    let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut place = |key: &PublicKey, identities: &mut Vec<Identity>| {
        *known.entry(key.identity().to_vec()).or_insert_with(|| {
            identities.push(Identity { spki_sha256: key.sha256(), ..Identity::default() });
            identities.len() - 1
        })
    };
    for block in &material.blocks {
        let at = &block.origin;
        match &block.item {
            Item::Key(key) => {
                if let Some(public) = key.public() {
                    let n = place(&public, &mut identities);
                    identities[n].keys.push((at, key.kind().to_string()));
                }
            }
            Item::Csr(csr) => {
                let n = place(&csr.public_key, &mut identities);
                identities[n].requests.push((at, csr.short_name()));
            }
            Item::Cert(cert) => {
                let n = place(&cert.public_key, &mut identities);
                identities[n].certs.push((at, cert));
            }
            _ => {}
        }
    }
    for (at, crl) in material.crls() {
        let signer = |i: &&mut Identity<'_>| {
            i.certs.iter().any(|(_, ca)| ca.subject == crl.issuer && crl.verify(&ca.public_key).is_ok())
        };
        if let Some(identity) = identities.iter_mut().find(signer) {
            identity.crls.push((at, crl));
        }
    }
    identities
}

impl Identity<'_> {
    /// Does a chain lead from its newest certificate to a root, in the pile or in the system's trust store?
    fn complete(&self, pile: &Pile<'_>) -> Option<bool> {
        let newest = self.certs.iter().max_by_key(|(_, cert)| cert.not_before)?.1;
        let found = pile.found().iter().find(|f| f.cert == newest)?.cert;
        Some(pile.paths(found).iter().any(|path| path.root().is_some()))
    }

    /// A key for nothing, or what a server would have to have a key for.
    fn unmatched(&self) -> Vec<Finding> {
        let counterpart = !self.certs.is_empty() || !self.requests.is_empty();
        let keys = self.keys.iter().filter(|_| !counterpart).map(|(at, kind)| {
            KEY_UNMATCHED.at((*at).clone().into(), format!("{kind}, public key SHA-256 {}", self.spki_sha256))
        });
        let leaves = self.certs.iter().filter(|(_, cert)| self.keys.is_empty() && !cert.is_ca());
        let leaves = leaves.map(|(at, cert)| {
            let message = format!("`{}`, public key SHA-256 {}", cert.short_name(), self.spki_sha256);
            CERT_UNMATCHED.at((*at).clone().into(), message)
        });
        keys.chain(leaves).collect()
    }

    fn name(&self) -> String {
        let cert = self.certs.first().map(|(_, cert)| cert.short_name());
        cert.or_else(|| self.requests.first().map(|(_, name)| name.clone()))
            .unwrap_or_else(|| "(no certificate)".into())
    }

    fn line(&self, complete: Option<bool>, alone: &[Finding]) -> Line {
        let verdict = alone.iter().map(|f| f.severity).max().map_or(Verdict::Ok, Verdict::from);
        let files = |what: &str, places: Vec<&Origin>| match places.as_slice() {
            [] => format!("no {what}"),
            [one] => one.short_name(),
            many => count(many.len(), what),
        };
        let chain = match complete {
            Some(true) => "chain complete",
            Some(false) => "chain incomplete",
            None => "",
        };
        let cells = vec![
            self.name(),
            files("key", self.keys.iter().map(|(at, _)| *at).collect()),
            files("request", self.requests.iter().map(|(at, _)| *at).collect()),
            files("certificate", self.certs.iter().map(|(at, _)| *at).collect()),
            files("CRL", self.crls.iter().map(|(at, _)| *at).collect()),
            chain.into(),
        ];
        Line::Verdict(verdict, cells)
    }

    fn value(&self, complete: Option<bool>) -> Value {
        let placed = |places: &[(&Origin, String)]| {
            places
                .iter()
                .map(|(at, what)| object! { "what" => what.as_str(), "source" => describe::source(at) })
                .collect::<Vec<_>>()
        };
        object! {
            "spki_sha256" => self.spki_sha256.as_str(),
            "name" => self.name(),
            "keys" => placed(&self.keys),
            "csrs" => placed(&self.requests),
            "certificates" => self.certs.iter().map(|(at, cert)| describe::certificate(cert, Some(at))).collect::<Vec<_>>(),
            "crls" => self.crls.iter().map(|(at, _)| describe::source(at)).collect::<Vec<_>>(),
            "chain_complete" => complete,
        }
    }
}

rules! {
    /// Nothing for this key.
    KEY_UNMATCHED = Error "key-unmatched" {
        summary: "a private key belongs to none of the certificates and requests given",
        help: "name more files, or leave the key away",
        source: "SSL_CTX_check_private_key(3): a server starts with a matching pair only",
    }
    /// No key for this certificate.
    CERT_UNMATCHED = Error "certificate-unmatched" {
        summary: "a certificate belongs to none of the keys given",
        help: "name more files: the key stands where the request was made",
        source: "SSL_CTX_check_private_key(3): a server starts with a matching pair only",
    }
}
