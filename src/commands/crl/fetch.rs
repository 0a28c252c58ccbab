//! `crl fetch`: current lists from where certificates say they are, for cron. A list is written if the certificate's issuer has
//! signed it; a newer one replaces an older one of the same issuer, never the other way round.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use super::{described, value};
use crate::checks;
use crate::commands::fetching::{self, FETCHED_ENOUGH, Patience, URL_NOT_HTTP};
use crate::commands::{Context, Outcome, gather};
use crate::content::{Content, FileWrite, Overwrite};
use crate::crypto::{self, Digest};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::files::{read, trust};
use crate::finding::{Finding, Location, Origin, Severity, rules};
use crate::material::cert::Cert;
use crate::material::crl::Crl;
use crate::material::{Item, Material};
use crate::plan::{Plan, Step};
use crate::probe::fetch::{Failure, Fetcher, Kind};
use crate::report::{Report, Value, object};

/// Fetch the CRLs that certificates point at
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit crl fetch fullchain.pem -o /etc/ssl/crls
  pkit crl fetch client-ca/*.pem client.pem --issuer root.pem -o crls

Only http urls are fetched. A list is written as PEM under the name of its
url if the certificate's issuer has signed it: the issuer's certificate is
looked for among the files, with --issuer, and in the trust store. A newer
list replaces an older one of the same issuer without --force.")]
pub struct Args {
    /// Files with the certificates
    #[arg(required = true, value_name = "CERT")]
    files: Vec<PathBuf>,
    /// Certificates of the issuers, where they are not among the files
    #[arg(long, value_name = "FILE")]
    issuer: Vec<PathBuf>,
    /// Trust anchors, which issue lists too: `system`, a file or a directory
    #[arg(long, value_name = "STORE", default_value = "system")]
    trust: trust::Source,
    /// How long
    #[command(flatten)]
    patience: Patience,
    /// The directory to write to
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let material = gather::material(&args.files, context)?;
    let issuers = gather::material(&args.issuer, context)?;
    let store = trust::load(&args.trust)?;
    let authorities = [&material, &issuers].into_iter().flat_map(Material::certs).map(|(_, cert)| cert);
    let source = Source { fetcher: args.patience.fetcher(), authorities: authorities.chain(&store.anchors).collect() };

    let mut report = Report::of(Value::Null);
    report.findings = material.findings.clone();
    let mut lists: Vec<List> = Vec::new();
    for wanted in wanted(&material, &mut report.findings)? {
        if !lists.iter().any(|list| list.answers(&wanted)) {
            lists.extend(source.list(&wanted, &mut report));
        }
    }
    report.result = object! { "crls" => lists.iter().map(|list| shown(list, &args.output)).collect::<Vec<_>>() };
    let mut steps = Vec::new();
    for list in lists {
        report.findings.extend(checks::crl::dates(&list.crl, &Origin::file(&list.url), context.now));
        steps.extend(write(list, &args.output, context, &mut report.findings));
    }
    report.findings = context.accepted(report.findings);
    Ok(Outcome { report, plan: Plan { steps, ..Plan::default() } })
}

/// What a certificate says about its list.
struct Wanted<'a> {
    at: &'a Origin,
    cert: &'a Cert,
}

/// A list that came and was signed by the issuer.
struct List {
    url: String,
    crl: Crl,
}

impl List {
    fn answers(&self, wanted: &Wanted<'_>) -> bool {
        self.crl.issuer == wanted.cert.issuer && wanted.cert.extensions.crl_urls.contains(&self.url)
    }
}

/// Each list once, however many certificates name it.
fn wanted<'a>(material: &'a Material, findings: &mut Vec<Finding>) -> Result<Vec<Wanted<'a>>> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for (at, cert) in material.certs() {
        let urls = &cert.extensions.crl_urls;
        let known = |w: &Wanted| w.cert.issuer == cert.issuer && w.cert.extensions.crl_urls == *urls;
        if urls.is_empty() && !cert.is_self_issued() {
            findings.push(CRL_NOWHERE.at(at.clone().into(), format!("`{}` names none", cert.short_name())));
        } else if !urls.is_empty() && !wanted.iter().any(known) {
            wanted.push(Wanted { at, cert });
        }
    }
    if wanted.is_empty() {
        return Err(Error::answer(&CRL_NOWHERE, "no certificate given says where a CRL is")
            .hint("get the CRL from the CA's web site and use `pkit crl convert`"));
    }
    Ok(wanted)
}

/// The network, and whose signature counts.
struct Source<'a> {
    fetcher: Fetcher,
    authorities: Vec<&'a Cert>,
}

impl Source<'_> {
    /// The first of a certificate's urls that gives a list of its issuer. If none does, what happened at each is an error.
    fn list(&self, wanted: &Wanted<'_>, report: &mut Report) -> Option<List> {
        let issuers = self.issuers(wanted.cert);
        if issuers.is_empty() {
            let message = format!("`{}`, which issued `{}`", wanted.cert.issuer, wanted.cert.short_name());
            report.findings.push(CRL_ISSUER_MISSING.at(wanted.at.clone().into(), message));
            return None;
        }
        let (mut noticed, mut failed) = (Vec::new(), false);
        for url in &wanted.cert.extensions.crl_urls {
            let bytes = self.fetcher.get(url, Kind::Crl);
            failed |= matches!(bytes, Err(Failure::Network(_)));
            let crl = bytes.map_err(|failure| fetching::told(&failure, url)).and_then(|b| proven(url, &b, &issuers));
            match crl {
                Ok(crl) => {
                    report.findings.extend(noticed);
                    return Some(List { url: url.clone(), crl });
                }
                Err(finding) => noticed.push(finding),
            }
        }
        report.findings.extend(noticed.into_iter().map(without_alternative));
        report.trouble = if failed { report.trouble.worst(Exit::Network) } else { report.trouble };
        None
    }

    /// RFC 5280 section 6.3.3 (f): by name, and allowed to sign lists.
    fn issuers(&self, cert: &Cert) -> Vec<&Cert> {
        let may_sign = |ca: &Cert| ca.extensions.key_usage.is_none_or(|usage| usage.crl_sign());
        self.authorities.iter().copied().filter(|ca| ca.subject == cert.issuer && may_sign(ca)).collect()
    }
}

/// The one complete list in an answer, signed by one of these.
fn proven(url: &str, bytes: &[u8], issuers: &[&Cert]) -> std::result::Result<Crl, Finding> {
    let at = || Location::File(url.into());
    let blocks = Material::read(Path::new(url), bytes).blocks;
    let mut crls = blocks.into_iter().filter_map(|b| if let Item::Crl(crl) = b.item { Some(*crl) } else { None });
    let crl = match (crls.next(), crls.next()) {
        (Some(crl), None) if !crl.is_delta => crl,
        _ => return Err(FETCHED_NO_CRL.at(at(), "the answer is not one complete CRL")),
    };
    if issuers.iter().any(|ca| ca.subject == crl.issuer && crl.verify(&ca.public_key).is_ok()) {
        return Ok(crl);
    }
    let wanted = issuers.first().map(|ca| ca.subject.to_string()).unwrap_or_default();
    Err(CRL_NOT_BY_ISSUER.at(at(), format!("a CRL of `{}`, not signed by `{wanted}`", crl.issuer)))
}

/// A url that was not asked is one that nobody looked at; everything else went wrong.
fn without_alternative(finding: Finding) -> Finding {
    let skipped = [&URL_NOT_HTTP, &FETCHED_ENOUGH].into_iter().any(|rule| std::ptr::eq(rule, finding.rule));
    finding.severity(if skipped { Severity::Skipped } else { Severity::Error })
}

/// The file to write, unless a newer list of the same issuer is there already.
fn write(list: List, dir: &Path, context: &Context, findings: &mut Vec<Finding>) -> Option<Step> {
    let path = dir.join(file_name(&list.url));
    let old =
        read::file(&path).ok().and_then(|input| one_list(&path, &input.bytes)).filter(|o| o.issuer == list.crl.issuer);
    if let Some(old) = &old
        && age(old, &list.crl) == Ordering::Greater
    {
        let message = format!("{} is older than {}, which stays", list.url, path.display());
        findings.push(CRL_OLDER.at(Location::File(path), message));
        return None;
    }
    Some(Step::Write(FileWrite {
        what: described(std::slice::from_ref(&list.crl)),
        content: Content::CrlPem(vec![list.crl.into_der()]),
        overwrite: if old.is_some() { Overwrite::Replace } else { context.overwrite },
        path,
    }))
}

fn one_list(path: &Path, bytes: &[u8]) -> Option<Crl> {
    let mut blocks = Material::read(path, bytes).blocks;
    match (blocks.pop(), blocks.is_empty()) {
        (Some(block), true) => {
            if let Item::Crl(crl) = block.item {
                Some(*crl)
            } else {
                None
            }
        }
        _ => None,
    }
}

/// RFC 5280 section 5.2.3: numbers grow. Where one of the two has none, the date decides.
fn age(a: &Crl, b: &Crl) -> Ordering {
    let by_number = match (&a.number, &b.number) {
        (Some(a), Some(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
        _ => Ordering::Equal,
    };
    by_number.then(a.this_update.cmp(&b.this_update))
}

/// `crl.example.org_ca_root.pem` for `http://crl.example.org/ca/root.crl`. A url that does not fit this form keeps what does and
/// ends in a digest of the whole, so that no two urls share a file.
fn file_name(url: &str) -> String {
    let place = url.split_once("://").map_or(url, |(_, rest)| rest);
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    let name: String = place.chars().map(|c| if plain(c) { c } else { '_' }).take(MAX_NAME).collect();
    let fits = place.len() <= MAX_NAME && place.chars().all(|c| plain(c) || c == '/') && !place.starts_with('.');
    match name.strip_suffix(".crl") {
        Some(stem) if fits => format!("{stem}.pem"),
        _ => {
            let digest = crypto::hex(&crypto::digest(Digest::Sha256, url.as_bytes()));
            format!("{}+{}.pem", name.trim_start_matches('.'), &digest[..16])
        }
    }
}

fn shown(list: &List, dir: &Path) -> Value {
    value(&list.crl).with("url", list.url.as_str()).with("path", dir.join(file_name(&list.url)).as_path())
}

/// A file name may have 255 bytes.
const MAX_NAME: usize = 120;

rules! {
    /// No distribution point.
    CRL_NOWHERE = Info "crl-nowhere" {
        summary: "a certificate does not say where its issuer's CRL is",
        help: "nothing is needed if the CA offers OCSP only or short-lived certificates",
        source: "RFC 5280 section 4.2.1.13: CAs should include it",
    }
    /// Nobody to prove it with.
    CRL_ISSUER_MISSING = Skipped "crl-issuer-missing" {
        summary: "the CA whose CRL is wanted is not there, so its signature could not be checked and nothing was fetched",
        help: "give the CA's certificate with --issuer FILE",
        source: "RFC 5280 section 6.3.3 (f) and (g): a CRL counts once its signature is proven",
    }
    /// Something else came.
    FETCHED_NO_CRL = Warning "fetched-no-crl" {
        summary: "the answer from a certificate's CRL url is not one complete CRL",
        help: "tell the CA; look at the url with a browser",
        source: "RFC 5280 section 4.2.1.13: the file at an http url is one CRL in DER",
    }
    /// The wrong signature.
    CRL_NOT_BY_ISSUER = Warning "crl-not-by-issuer" {
        summary: "what was fetched as the CRL of a CA was not signed by that CA; it is not written",
        help: "if the CA lets another key sign its CRLs, give that certificate with --issuer FILE; else somebody answers in its place",
        source: "RFC 5280 section 6.3.3 (g)",
    }
    /// A step backwards.
    CRL_OLDER = Warning "crl-older" {
        summary: "the CRL that was fetched is older than the one that is there, which stays",
        help: "nothing, if one of the CA's servers lags behind; if it lasts, tell the CA",
        source: "RFC 5280 section 5.2.3: the number of a later CRL is higher",
    }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn urls_become_names_that_stay_in_the_directory() {
        assert_eq!(file_name("http://crl.example.org/ca/root.crl"), "crl.example.org_ca_root.pem");
        assert!(file_name("http://crl.example.org/ca_root.crl").starts_with("crl.example.org_ca_root.crl+"));
        for url in
            ["http://../../etc/passwd", "http://.hidden.crl", "http://x/\0.crl", "http://", "é/ü", &"x".repeat(999)]
        {
            let name = file_name(url);
            assert!(name.len() < 255 && !name.starts_with('.') && !name.contains(['/', '\0']), "{url}: {name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_two_urls_share_a_name(a in "http://[a-zA-Z._/é-]{0,6}(\\.crl)?", b in "http://[a-zA-Z._/é-]{0,6}(\\.crl)?") {
            proptest::prop_assert!(a == b || file_name(&a) != file_name(&b));
        }
    }
}
