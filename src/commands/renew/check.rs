//! `renew check`: which certificates and CRLs are to be renewed, and whether servers present what the disk has. For cron, systemd,
//! Nagios and Prometheus as well as for people.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use time::{Duration, OffsetDateTime};

use crate::checks::due::{Kind, Life, Within};
use crate::checks::peer;
use crate::commands::probe::{Opener, UnreachableWord, answered, leaves, own, sent};
use crate::commands::{Context, Outcome};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::facts::peer::{Address, PeerFacts, Target};
use crate::files::read;
use crate::finding::{Finding, Location, Origin, Severity, rules};
use crate::instant;
use crate::material::cert::Cert;
use crate::material::dn::Name;
use crate::material::{Item, KnownCas, Material};
use crate::probe::{Question, look_at_all};
use crate::report::describe::{count, decimal};
use crate::report::nagios::Gauge;
use crate::report::prometheus::Metric;
use crate::report::{Form, Line, Report, Value, Verdict, object};

/// Tell which certificates and CRLs are due for renewal
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit renew check /etc/ssl/certs/mail.pem
  pkit renew check /etc/ssl/pkit imaps://mail.example.org
  pkit renew check mail.example.org:25 --within 30d --critical 7d --nagios
  pkit renew check mail.pem --exec-condition && certbot renew
  pkit renew check /etc/ssl/pkit --format prometheus > pkit.prom

Every certificate and CRL of a file is looked at. What a server presents is
compared, at every address that answers, with the newest certificate of the
files that has all its names and the same kind of key. Exit 1 if something is
due or wrong; with --exec-condition 0 if something is due, 1 if nothing is,
255 if something else is wrong; with --nagios 0, 1, 2 or 3.")]
pub struct Args {
    /// Files, directories, and servers as HOST:PORT or a url
    #[arg(required = true, value_name = "CERT|DIR|HOST:PORT")]
    items: Vec<String>,
    /// Due when less is left: a share of the whole life, or a time
    #[arg(long, value_name = "33%|21d", default_value = "33%")]
    within: Within,
    /// Critical when less is left
    #[arg(long, value_name = "10%|7d", default_value = "0s")]
    critical: Within,
    /// How to get to TLS
    #[command(flatten)]
    opener: Opener,
    /// How long each connection may take, from the look-up of the name on
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = instant::span)]
    timeout: Duration,
    /// How to tell it
    #[arg(long, value_enum, default_value_t = FormWord::Human)]
    format: FormWord,
    /// The same as --format nagios: one line, and exit codes 0 to 3
    #[arg(long, conflicts_with_all = ["format", "exec_condition"])]
    nagios: bool,
    /// Exit 0 if something is due, 1 if nothing is, 255 for every error
    #[arg(long)]
    exec_condition: bool,
    /// What a server that does not answer is to Nagios
    #[arg(long, value_enum, value_name = "STATE", default_value_t = UnreachableWord::Critical)]
    unreachable: UnreachableWord,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FormWord {
    Human,
    Json,
    Prometheus,
    Nagios,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let (paths, servers) = named(&args.items)?;
    let files = on_disk(&paths, context)?;
    let patience = args.timeout.unsigned_abs();
    let mut questions: Vec<Question> = Vec::new();
    for server in &servers {
        for target in server.targets(args.opener.opening()) {
            // Named twice it is still one server.
            if questions.iter().all(|asked| asked.target != target) {
                questions.push(Question {
                    target,
                    name: server.host.clone(),
                    patience,
                    deep: false,
                    // One of its addresses may serve the old certificate still.
                    everywhere: true,
                });
            }
        }
    }
    let answers: Vec<PeerFacts> = look_at_all(&questions).into_iter().flatten().collect();
    let cas = KnownCas::default();
    let presented: Vec<Presented> = answers.iter().map(|facts| Presented::new(facts, &files, &cas, context)).collect();

    let clock = Clock { context, within: args.within, critical: args.critical };
    let mut things = things(&files, &clock, true, &mut HashSet::new());
    let mut served: HashMap<String, HashSet<[u8; 32]>> = HashMap::new();
    for server in &presented {
        // What several addresses of one server serve is one thing.
        let seen = served.entry(server.name()).or_default();
        things.extend(self::things(&server.chain, &clock, false, seen));
    }
    let due = things.iter().filter(|thing| thing.is_due()).count();

    let mut report = Report::judging(object! {
        "items" => things.iter().map(|thing| thing.value(context.now)).collect::<Vec<_>>(),
        "servers" => presented.iter().map(Presented::value).collect::<Vec<_>>(),
        "due" => due,
    });
    report.body = things.iter().map(|thing| thing.line(context.now)).collect();
    report.body.extend(presented.iter().flat_map(Presented::lines));
    let of_servers = presented.iter().flat_map(|server| server.findings.clone()).collect();
    let (of_servers, trouble) = answered(of_servers, args.unreachable);
    report.findings = files.findings.clone();
    report.findings.extend(things.iter().filter_map(|thing| thing.finding.clone()));
    report.findings.extend(of_servers);
    let elsewhere = |f: &&Finding| !shown_in_body(f, &things, &presented);
    report.body.extend(
        report
            .findings
            .iter()
            .filter(elsewhere)
            .map(|f| Line::Verdict(f.severity.into(), vec![f.at.to_string(), f.rule.code.into(), f.message.clone()])),
    );
    report.findings_in_body = true;
    report.closing = Some(format!("{} due of {}", due, count(things.len(), "thing")));
    report.trouble = trouble.worst(if due > 0 { Exit::Due } else { Exit::Ok });
    report.gauges = gauges(&things, &clock);
    report.metrics = metrics(&things, &presented, &report.findings, context.now);
    report.form = match args.format {
        FormWord::Prometheus => Some(Form::Prometheus),
        FormWord::Json => Some(Form::Json),
        FormWord::Nagios => Some(Form::Nagios),
        FormWord::Human => args.nagios.then_some(Form::Nagios),
    };
    Ok(report.into())
}

/// What is a file, and what a server: a url is a server, what is there is a file, and else a host with a port is a server.
fn named(items: &[String]) -> Result<(Vec<PathBuf>, Vec<Address>)> {
    let (mut paths, mut servers) = (Vec::new(), Vec::new());
    for item in items {
        let address: std::result::Result<Address, _> = item.parse();
        let exists = Path::new(item).symlink_metadata().is_ok();
        match address {
            Ok(address) if item.contains("://") || !exists && address.port.is_some() => servers.push(address),
            Err(error) if item.contains("://") => return Err(Error::usage(error.to_string())),
            _ => paths.push(PathBuf::from(item)),
        }
    }
    Ok((paths, servers))
}

/// What the files hold, and what of them could not be looked at: damage, what is under a passphrase, and what has no end that
/// could be told. That is no answer, where a certificate was to be judged.
fn on_disk(paths: &[PathBuf], context: &Context) -> Result<Material> {
    let (inputs, findings) = read::pile(paths)?;
    let mut files = Material { blocks: Vec::new(), findings };
    inputs.into_iter().for_each(|input| files.extend(Material::take(&input.path, input.bytes, input.unwrapped)));
    files.findings.extend(files.blocks.iter().filter_map(sealed));
    let unknown = |finding: Finding| match finding.severity {
        Severity::Error => finding.severity(Severity::Skipped),
        _ => finding,
    };
    files.findings = context.accepted(files.findings).into_iter().map(unknown).collect();
    let nothing: Vec<Finding> = paths.iter().filter_map(|path| nothing_in(path, &files)).collect();
    files.findings.extend(nothing);
    Ok(files)
}

/// What was named is there to be judged, so it is told where nothing can be.
fn nothing_in(path: &Path, files: &Material) -> Option<Finding> {
    let judged = files.certs().map(|(at, _)| at.path.as_path()).chain(files.crls().map(|(at, _)| at.path.as_path()));
    let unknown = files.findings.iter().filter(|f| f.severity == Severity::Skipped).map(|f| f.at.path());
    let nothing = !judged.chain(unknown).any(|place| place.starts_with(path));
    nothing.then(|| NOTHING_TO_JUDGE.at(Location::File(path.to_owned()), "no certificate and no CRL is in it"))
}

/// When things are due.
struct Clock<'a> {
    context: &'a Context,
    within: Within,
    critical: Within,
}

/// A certificate or a CRL, and what is to be said of its life.
struct Thing<'a> {
    origin: &'a Origin,
    what: What<'a>,
    name: String,
    /// None for a CRL that does not say when the next one comes.
    life: Option<Life>,
    finding: Option<Finding>,
    on_disk: bool,
}

enum What<'a> {
    Cert(&'a Cert),
    Crl(&'a crate::material::crl::Crl),
}

/// Everything with an end, each once, however many links name it. `seen` are the certificates that need not be told again.
fn things<'a>(
    material: &'a Material,
    clock: &Clock<'_>,
    on_disk: bool,
    seen: &mut HashSet<[u8; 32]>,
) -> Vec<Thing<'a>> {
    let certs = material.certs().filter(|(_, cert)| seen.insert(*cert.sha256()));
    let certs = certs.map(|(origin, cert)| {
        let kind = if cert.is_ca() { Kind::Authority } else { Kind::EndEntity };
        let life = Life { kind, from: cert.not_before, until: cert.not_after };
        (origin, What::Cert(cert), cert.short_name(), Some(life))
    });
    let mut all: Vec<_> = certs.collect();
    let mut seen = HashSet::new();
    let crls = material.crls().filter(|(_, crl)| seen.insert(crl.der()));
    all.extend(crls.map(|(origin, crl)| {
        let life = crl.next_update.map(|until| Life { kind: Kind::Crl, from: crl.this_update, until });
        (origin, What::Crl(crl), format!("CRL of {}", crl.issuer.short()), life)
    }));
    let thing = |(origin, what, name, life): (&'a Origin, What<'a>, String, Option<Life>)| {
        let at = origin.clone().into();
        let finding = life.and_then(|life| life.judge(&name, at, clock.within, clock.critical, clock.context.now));
        let finding = clock.context.accepted(finding.into_iter().collect()).pop();
        Thing { origin, what, name, life, finding, on_disk }
    };
    all.into_iter().map(thing).collect()
}

impl Thing<'_> {
    fn is_due(&self) -> bool {
        self.finding.as_ref().is_some_and(|finding| finding.severity > Severity::Info)
    }

    fn line(&self, now: OffsetDateTime) -> Line {
        let left = self.life.map_or("no end is told".into(), |life| life.words(now));
        let cells = vec![self.origin.to_string(), self.name.clone()];
        match &self.finding {
            None => Line::Verdict(Verdict::Ok, [cells, vec![left]].concat()),
            Some(accepted) if !self.is_due() => {
                Line::Verdict(Verdict::Note, [cells, vec![accepted.message.clone()]].concat())
            }
            Some(over) if self.life.is_some_and(|life| life.until < now) => {
                Line::Verdict(Verdict::Fail, [cells, vec![over.message.clone()]].concat())
            }
            Some(_) => Line::Verdict(Verdict::Due, [cells, vec![left]].concat()),
        }
    }

    fn value(&self, now: OffsetDateTime) -> Value {
        let life = self.life;
        object! {
            "source" => self.origin.to_string(),
            "kind" => if matches!(self.what, What::Crl(_)) { "crl" } else { "certificate" },
            "name" => self.name.as_str(),
            "not_after" => life.map(|life| instant::rfc3339(life.until)),
            "seconds_left" => life.map(|life| (life.until - now).whole_seconds()),
            "lifetime_seconds" => life.map(|life| life.whole().whole_seconds()),
            "remaining_percent" => life.map(|life| life.percent(now)),
            "due" => self.is_due(),
            "reason" => self.finding.as_ref().map(|finding| finding.message.clone()),
        }
    }
}

/// What a server presents, and what the files say of it.
struct Presented<'a> {
    facts: &'a PeerFacts,
    chain: Material,
    /// Is it what the files hold? None where they hold nothing like it.
    current: Option<bool>,
    findings: Vec<Finding>,
}

impl<'a> Presented<'a> {
    fn new(facts: &'a PeerFacts, files: &Material, cas: &KnownCas, context: &Context) -> Presented<'a> {
        let chain = sent(facts, cas);
        let mut findings = peer::connection(facts);
        // That is for `probe` to say.
        findings.retain(|finding| finding.severity == Severity::Error);
        findings.extend(chain.findings.iter().cloned());
        let mut current = None;
        if let Some(served) = own(&chain) {
            let candidates = leaves(files);
            let alike = |cert: &Cert| {
                let (names, needed) = (cert.alt_names(), served.alt_names());
                let covered = !needed.is_empty() && needed.iter().all(|name| names.contains(name));
                covered && cert.public_key.kind() == served.public_key.kind()
            };
            let newest = candidates.iter().filter(|(_, cert)| alike(cert)).max_by_key(|(_, cert)| cert.not_before);
            if let Some(newest) = newest {
                let stale = peer::served(facts, served, &[*newest]);
                current = Some(stale.is_none());
                findings.extend(stale);
            }
        }
        Presented { facts, chain, current, findings: context.accepted(findings) }
    }

    /// The server, whichever of its addresses this is.
    fn name(&self) -> String {
        Target { address: None, ..self.facts.target.clone() }.to_string()
    }

    fn lines(&self) -> impl Iterator<Item = Line> {
        let line = |finding: &Finding| {
            let stale = self.current == Some(false) && finding.severity > Severity::Info;
            let verdict = if stale { Verdict::Stale } else { finding.severity.into() };
            let help = stale.then(|| Line::Indented(format!("hint: {}", finding.advice())));
            let row = Line::Verdict(verdict, vec![finding.at.to_string(), finding.message.clone()]);
            std::iter::once(row).chain(help)
        };
        self.findings.iter().flat_map(line)
    }

    fn value(&self) -> Value {
        object! {
            "server" => self.facts.target.to_string(),
            "served_matches_file" => self.current,
            "error" => self.facts.failure.as_ref().map(ToString::to_string),
        }
    }
}

fn shown_in_body(finding: &Finding, things: &[Thing<'_>], presented: &[Presented<'_>]) -> bool {
    let same = |other: &Finding| std::ptr::eq(other.rule, finding.rule) && other.at == finding.at;
    things.iter().filter_map(|thing| thing.finding.as_ref()).any(same)
        || presented.iter().flat_map(|server| &server.findings).any(same)
}

/// What is in a PKCS#12 file is not seen, and that is told.
fn sealed(block: &crate::material::Block) -> Option<Finding> {
    let closed = matches!(block.item, Item::Pkcs12(_));
    let told =
        || NOT_OPENED.at(block.origin.clone().into(), "a PKCS#12 file, whose certificates are under a passphrase");
    closed.then(told)
}

/// The nearest end of each kind.
fn gauges(things: &[Thing<'_>], clock: &Clock<'_>) -> Vec<Gauge> {
    let labels = [(Kind::EndEntity, "days_left"), (Kind::Authority, "chain_min_days"), (Kind::Crl, "crl_days_left")];
    let nearest = |(kind, label): (Kind, &'static str)| {
        let lives = things.iter().filter_map(|thing| thing.life).filter(|life| life.kind == kind);
        let life = lives.min_by_key(|life| life.until)?;
        Some(Gauge {
            label,
            days: (life.until - clock.context.now).whole_days(),
            warning: life.margin(clock.within).whole_days(),
            critical: life.margin(clock.critical).whole_days(),
        })
    };
    labels.into_iter().filter_map(nearest).collect()
}

fn metrics(
    things: &[Thing<'_>],
    presented: &[Presented<'_>],
    findings: &[Finding],
    now: OffsetDateTime,
) -> Vec<Metric> {
    let (mut all, mut seen) = (Vec::new(), HashSet::new());
    // A sample that comes twice makes the whole file unreadable for the collector: the first one counts.
    let mut add = |name, help, labels: &[(&'static str, String)], value| {
        if seen.insert((name, labels.to_vec())) {
            all.push(Metric { name, help, labels: labels.to_vec(), value });
        }
    };
    // So what ends first goes before what looks the same to the labels, here and below.
    let mut by_end: Vec<&Thing> = things.iter().collect();
    by_end.sort_by_key(|thing| thing.life.map(|life| life.until));
    for thing in by_end {
        let unix = |at: OffsetDateTime| at.unix_timestamp();
        let expired = thing.life.is_some_and(|life| life.until < now).into();
        match (&thing.what, thing.on_disk) {
            (What::Cert(cert), true) => {
                let labels = [file_labels(thing.origin), cert_labels(cert)].concat();
                add("x509_cert_not_before", "Beginning of the certificate, Unix time", &labels, unix(cert.not_before));
                add("x509_cert_not_after", "End of the certificate, Unix time", &labels, unix(cert.not_after));
                add("x509_cert_expired", "1 if the certificate has expired", &labels, expired);
            }
            (What::Crl(crl), _) => {
                let labels = [file_labels(thing.origin), vec![("issuer_CN", common_name(&crl.issuer))]].concat();
                add("x509_crl_this_update", "Beginning of the CRL, Unix time", &labels, unix(crl.this_update));
                if let Some(next) = crl.next_update {
                    add("x509_crl_next_update", "End of the CRL, Unix time", &labels, unix(next));
                    add("x509_crl_stale", "1 if the CRL is past its end", &labels, expired);
                }
            }
            // By the server that it is served by.
            (What::Cert(_), false) => {}
        }
    }
    let mut all_show: BTreeMap<String, bool> = BTreeMap::new();
    for server in presented {
        *all_show.entry(server.name()).or_insert(true) &= server.facts.session.is_some();
        let ip = server.facts.ip.map(|ip| ("ip", ip.to_string()));
        let of_address: Vec<_> = std::iter::once(("target", server.name())).chain(ip).collect();
        let mut certs: Vec<&Cert> = server.chain.certs().map(|(_, cert)| cert).collect();
        certs.sort_by_key(|cert| cert.not_after);
        for cert in certs {
            let of_cert = vec![
                ("serial_no", decimal(&cert.serial)),
                ("issuer_cn", common_name(&cert.issuer)),
                ("cn", common_name(&cert.subject)),
                ("dnsnames", format!(",{},", cert.dns_names().collect::<Vec<_>>().join(","))),
            ];
            let labels = [of_address.clone(), of_cert].concat();
            let until = cert.not_after.unix_timestamp();
            add("ssl_cert_not_after", "End of a certificate that is served, Unix time", &labels, until);
        }
        if let Some(current) = server.current {
            let help = "1 if the server presents what the file holds";
            add("pkit_served_matches_file", help, &of_address, current.into());
        }
    }
    // One series for a server, whether it answers or not.
    for (server, all_show) in all_show {
        add("ssl_probe_success", "1 if the server showed its certificate", &[("target", server)], all_show.into());
    }
    for severity in [Severity::Error, Severity::Warning] {
        let number = findings.iter().filter(|f| f.severity == severity).count();
        let labels = [("severity", severity.word().to_owned())];
        add("pkit_findings", "Findings of the last run", &labels, number as i64);
    }
    add("pkit_last_run_timestamp_seconds", "When pkit last ran, Unix time", &[], now.unix_timestamp());
    all
}

fn file_labels(origin: &Origin) -> Vec<(&'static str, String)> {
    vec![("filename", origin.short_name()), ("filepath", origin.path.display().to_string())]
}

fn cert_labels(cert: &Cert) -> Vec<(&'static str, String)> {
    vec![
        ("serial_number", decimal(&cert.serial)),
        ("subject_CN", common_name(&cert.subject)),
        ("issuer_CN", common_name(&cert.issuer)),
    ]
}

fn common_name(name: &Name) -> String {
    name.attributes().iter().rev().find(|a| a.kind == "CN").map(|a| a.value.clone()).unwrap_or_default()
}

rules! {
    /// Nothing with an end.
    NOTHING_TO_JUDGE = Skipped "renewal-nothing-found" {
        summary: "what was named holds no certificate and no CRL, so nothing is known of when it ends",
        help: "see what became of the file; name certificates and CRLs, or a directory that holds some",
        source: "a file that was emptied must not look like one whose time has not come",
    }
    /// Under a passphrase.
    NOT_OPENED = Skipped "renewal-not-opened" {
        summary: "a file is under a passphrase, so the ends of its certificates are not known",
        help: "name the certificates in PEM or DER, which are public",
        source: "RFC 7292: a PKCS#12 file is encrypted as a whole",
    }
}
