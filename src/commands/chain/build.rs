//! `chain build`: from any pile to the file that a server sends, end-entity first.

use std::path::PathBuf;

use crate::checks::key::KEY_MISMATCH;
use crate::commands::fetching::{FetchArgs, Fetched};
use crate::commands::{Context, Outcome, any_error, gather};
use crate::error::{Error, Result};
use crate::files::trust;
use crate::finding::{self, Finding, Severity};
use crate::material::Material;
use crate::material::cert::Cert;
use crate::material::key::PublicKey;
use crate::name::HostName;
use crate::pki::chain::{End, Found, Path, Pile};
use crate::pki::select::{Selection, Undecided, select};
use crate::pki::verify::{Wanted, rules};
use crate::report::describe::{self, count};
use crate::report::{Line, Report, Value, object};

/// Put certificates into the order that servers send.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit chain build *.crt --key mail.key -o fullchain.pem
  pkit chain build delivery.zip --name mail.example.org
  pkit chain build ca/*.pem leaf.pem --with-root --trust ca/root.pem
  pkit chain build mail.crt --fetch -o fullchain.pem

Files are PEM or DER, any number of blocks, zip or PKCS#7, directories,
or - for standard input. Without -o the chain goes to stdout.")]
pub struct Args {
    /// Files or directories with the certificates
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The private key: it says which certificate is meant
    #[arg(long)]
    key: Option<PathBuf>,
    /// A host name that the certificate must present
    #[arg(long, value_name = "HOST")]
    name: Vec<HostName>,
    /// Put the root at the end as well
    #[arg(long)]
    with_root: bool,
    /// Trust anchors: `system`, a file or a directory
    #[arg(long, value_name = "STORE", default_value = "system")]
    trust: trust::Source,
    /// Whether to fetch what is missing
    #[command(flatten)]
    fetch: FetchArgs,
    /// Where to write the chain
    #[arg(short, long, value_name = "CHAIN")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let key = args.key.as_deref().map(|path| gather::key(path, context)).transpose()?;
    let material = gather::material(&args.files, context)?;
    let store = trust::load(&args.trust)?;
    let wanted = Wanted { names: &args.name, ..Wanted::at(context.now) };
    let public = key.as_ref().map(|(at, key)| gather::public(key, at)).transpose()?;
    let fetched = complete(&args.fetch, &material, &store.anchors, public.as_ref(), args.key.as_deref(), &wanted)?;
    let pile = Pile::new(material.certs().chain(fetched.material.certs()), &store.anchors);
    let selection = choose(&pile, public.as_ref(), args.key.as_deref(), &wanted)?;

    let mut findings = material.findings.clone();
    findings.extend(store.incomplete.clone());
    findings.extend(fetched.findings.iter().cloned());
    findings.extend(leftovers(&pile, &selection));
    if let Err(faults) = &selection.proof {
        // Building only needs the order; whether clients would take the chain is said, but does not stop it.
        findings
            .extend(faults.iter().cloned().map(|f| if stops_building(&f) { f } else { f.severity(Severity::Warning) }));
    }
    let findings = context.accepted(findings);
    let forbidden = any_error(&findings);
    let certs = sent(&selection.path, args.with_root);
    let mut report = Report::of(result(&selection, &pile, &certs).with("fetched", fetched.value()));
    report.trouble = fetched.trouble(&selection.path);
    report.say(shown(&selection.path, args.with_root));
    report.body.extend(fetched.lines());
    for other in selection.alternatives.iter().take(SHOWN_PATHS) {
        report.body.push(Line::Indented(format!("also possible: {}", shown(other, args.with_root))));
    }
    report.findings = findings;
    if forbidden && args.output.is_some() {
        report.body.push(Line::Indented("nothing was written".into()));
        return Ok(report.into());
    }
    // On stdout even an incomplete chain is shown as far as it goes; the exit code says that it is not one to deploy.
    let what = count(certs.len(), "certificate");
    Ok(gather::deliver(report, pem(&certs).into_bytes(), what, args.output.as_deref(), context))
}

/// A chain with a gap is no chain, and one for another name than asked for is the wrong one.
fn stops_building(finding: &Finding) -> bool {
    [&rules::CHAIN_INCOMPLETE, &rules::BAD_SIGNATURE, &rules::NAME_MISMATCH]
        .iter()
        .any(|r| std::ptr::eq(finding.rule, *r))
}

/// Most choices that an error lists.
const LISTED: usize = 20;
/// Fetches the issuers that the chosen chain lacks, if the user lets it.
pub(crate) fn complete(
    fetch: &FetchArgs,
    material: &Material,
    anchors: &[Cert],
    key: Option<&PublicKey>,
    key_path: Option<&std::path::Path>,
    wanted: &Wanted<'_>,
) -> Result<Fetched> {
    fetch.issuers(|fetched| {
        let pile = Pile::new(material.certs().chain(fetched.certs()), anchors);
        Ok(choose(&pile, key, key_path, wanted)?.path.gap().cloned())
    })
}

/// The certificate to serve, or the error that says between what the user must choose.
pub(crate) fn choose<'a>(
    pile: &Pile<'a>,
    key: Option<&PublicKey>,
    key_path: Option<&std::path::Path>,
    wanted: &Wanted<'_>,
) -> Result<Selection<'a>> {
    select(pile, key, wanted).map_err(|undecided| match undecided {
        Undecided::NoCertificate => Error::input(&NO_CERTIFICATE, "there is no certificate in what was given"),
        Undecided::OnlyAuthorities => Error::input(&NO_END_ENTITY, "there are only CA certificates in what was given"),
        Undecided::NotForKey(there) => mismatch(key, key_path, &there),
        Undecided::Several(candidates) => several(&candidates),
    })
}

/// Between which certificates the user must choose.
pub(crate) fn several(candidates: &[Found<'_>]) -> Error {
    let several = Error::input(&SEVERAL_LEAVES, format!("{} certificates could be the one to serve", candidates.len()));
    let listed = candidates.iter().take(LISTED).fold(several, |e, f| e.fact(f.cert.short_name(), f.origin.to_string()));
    match candidates.len().saturating_sub(LISTED) {
        0 => listed,
        more => listed.fact("…", format!("and {more} more")),
    }
}

fn mismatch(key: Option<&PublicKey>, key_path: Option<&std::path::Path>, there: &[Found<'_>]) -> Error {
    let digest = |public: &PublicKey| format!("public key SHA-256 {}", public.sha256());
    let error = Error::answer(&KEY_MISMATCH, "the key does not belong to any certificate given");
    let error = there.iter().take(4).fold(error, |e, f| e.fact(f.cert.short_name(), digest(&f.cert.public_key)));
    match (key, key_path) {
        (Some(public), Some(path)) => error.fact(path.display().to_string(), digest(public)).path(path),
        _ => error,
    }
}

/// Other paths that a person wants to read; programs get them all.
pub(super) const SHOWN_PATHS: usize = 7;

/// What is not in the chain: told, never dropped in silence.
pub(crate) fn leftovers(pile: &Pile<'_>, selection: &Selection<'_>) -> Vec<Finding> {
    let told = |rule: &'static crate::finding::Rule, found: &Found<'_>| {
        rule.at(found.origin.clone().into(), format!("`{}` ({})", found.cert.short_name(), found.cert.subject))
    };
    let repeated = pile.repeated().iter().map(|f| told(&CERT_REPEATED, f));
    let unused = selection.unused.iter().map(|f| told(&CERT_UNUSED, f));
    let stopped = pile.stopped().then(|| search_stopped(selection.leaf.cert, pile));
    repeated.chain(unused).chain(stopped).collect()
}

pub(super) fn search_stopped(leaf: &Cert, pile: &Pile<'_>) -> Finding {
    SEARCH_STOPPED.at(pile.place(leaf), format!("not every way up from `{}` was looked at", leaf.short_name()))
}

/// The certificates to send: the path, and its root where it is wanted and not already there.
pub(crate) fn sent<'a>(path: &Path<'a>, with_root: bool) -> Vec<&'a Cert> {
    let root = path.root().filter(|root| with_root && !path.certs.contains(root));
    path.certs.iter().copied().chain(root).collect()
}

/// `leaf → intermediate → root (left out)`.
pub(crate) fn shown(path: &Path<'_>, with_root: bool) -> String {
    let mut names: Vec<String> = path.certs.iter().map(|c| c.short_name()).collect();
    match &path.end {
        End::Missing => names.push("(issuer missing)".into()),
        End::Anchored(root) | End::Root(root) if !path.certs.contains(root) => {
            let left_out = if with_root { "" } else { " (left out)" };
            names.push(format!("{}{left_out}", root.subject.short()));
        }
        _ => {}
    }
    describe::arrows(&names)
}

/// The chain as PEM, ready for any server.
pub(crate) fn pem(certs: &[&Cert]) -> String {
    certs.iter().map(|c| crate::material::pem::encode("CERTIFICATE", c.der())).collect()
}

fn result(selection: &Selection<'_>, pile: &Pile<'_>, certs: &[&Cert]) -> Value {
    let origin = |cert: &Cert| pile.found().iter().find(|f| f.cert == cert).map(|f| f.origin);
    let listed = |certs: &[&Cert]| certs.iter().map(|c| describe::certificate(c, origin(c))).collect::<Vec<_>>();
    object! {
        "chain" => listed(certs),
        "root" => selection.path.root().map(|root| describe::certificate(root, origin(root))),
        "paths" => std::iter::once(&selection.path).chain(&selection.alternatives).map(|path| object! {
            "subjects" => path.certs.iter().copied().chain(path.root()).map(|c| c.subject.to_string()).collect::<Vec<_>>(),
            "anchored" => path.is_anchored(),
        }).collect::<Vec<_>>(),
        "unused" => selection.unused.iter().map(|f| describe::certificate(f.cert, Some(f.origin))).collect::<Vec<_>>(),
        "anchored" => selection.path.is_anchored(),
        "missing_issuer" => selection.path.gap().map(|cert| object! {
            "subject" => cert.issuer.to_string(),
            "key_id" => cert.extensions.authority_key_id.as_deref().map(crate::crypto::hex),
            "urls" => cert.extensions.ca_issuers.clone(),
        }),
    }
}

finding::rules! {
    /// Nothing to order.
    NO_CERTIFICATE = Error "no-certificate" {
        summary: "none of the files holds a certificate",
        help: "name the files that the CA sent; a key or a CSR alone makes no chain",
        source: "what `chain build` and `prepare` are for",
    }
    /// Only CAs.
    NO_END_ENTITY = Error "no-end-entity" {
        summary: "the files hold CA certificates only, not the server's own",
        help: "add the certificate that was issued for the server",
        source: "RFC 5280 section 3.2: a chain ends in an end-entity certificate",
    }
    /// A choice to be made.
    SEVERAL_LEAVES = Error "several-end-entities" {
        summary: "several certificates could be the one to serve",
        help: "say which one with --key FILE or --name HOST",
        source: "a server presents one certificate for a name",
    }
    /// The same certificate again.
    CERT_REPEATED = Info "cert-repeated" {
        summary: "the same certificate was given more than once",
        help: "nothing is needed: it is used once",
        source: "RFC 8446 section 4.4.2: duplicates have no place in a chain",
    }
    /// The limits of the search.
    SEARCH_STOPPED = Warning "chain-search-stopped" {
        summary: "the pile has so many CAs that sign each other that the search for paths was given up at its limit",
        help: "give only the certificates that the CA sent for this one",
        source: "pkit's limit of 100 signatures, which rustls-webpki has as well (GHSA-fh2r-99q2-6mmg)",
    }
    /// Left over.
    CERT_UNUSED = Info "cert-unused" {
        summary: "a certificate belongs to no path of the one that is served",
        help: "nothing is needed; if it was meant to belong, the CA sent the wrong intermediate",
        source: "RFC 8446 section 4.4.2",
    }
}
