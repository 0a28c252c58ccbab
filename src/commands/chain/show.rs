//! `chain show`: a picture of who issued whom, the root at the top and the end-entity at the bottom, as in the viewers of
//! browsers. It shows and does not judge: `chain check` does.

use std::path::PathBuf;

use super::build::NO_CERTIFICATE;
use crate::commands::{Context, Outcome, gather};
use crate::crypto;
use crate::error::{Error, Result};
use crate::files::trust;
use crate::finding::rules;
use crate::instant;
use crate::material::cert::Cert;
use crate::pki::chain::Pile;
use crate::pki::graph::{Graph, Node};
use crate::report::describe::{self, count};
use crate::report::picture::{Card, Look, Picture};
use crate::report::{Line, Report, Value, escape, object};

/// Show a chain as a picture
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit chain show fullchain.pem
  pkit chain show fullchain.pem --format svg -o chain.svg
  pkit chain show ca/*.pem --trust ca/root.pem --format mermaid

Issuers stand above what they issued. Trust anchors that are not in the
files are shown as such, and so are issuers that nobody has.")]
pub struct Args {
    /// Files or directories with the certificates
    #[arg(required = true, value_name = "CHAIN")]
    files: Vec<PathBuf>,
    /// What to draw
    #[arg(long, value_enum, default_value_t = Format::Tree)]
    format: Format,
    /// Trust anchors: `system`, a file or a directory
    #[arg(long, value_name = "STORE", default_value = "system")]
    trust: trust::Source,
    /// Where to write the picture
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The forms of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Lines for a terminal
    Tree,
    /// A flowchart for pages and wikis
    Mermaid,
    /// A picture of its own
    Svg,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let material = gather::material(&args.files, context)?;
    let store = trust::load(&args.trust)?;
    let pile = Pile::new(material.certs(), &store.anchors);
    match pile.found().len() {
        0 => return Err(Error::input(&NO_CERTIFICATE, "there is no certificate in what was given")),
        n if n > MAX_CARDS => {
            return Err(Error::input(
                &CHAIN_TOO_LARGE,
                format!("{n} certificates; a picture shows {MAX_CARDS} at most"),
            ));
        }
        _ => {}
    }
    let graph = Graph::new(pile.found(), &store.anchors);
    let picture = Picture {
        cards: graph.nodes.iter().map(|node| card(*node, &graph, &store, context)).collect(),
        links: graph.links.clone(),
    };
    let mut report = Report::of(result(&graph));
    report.findings = material.findings.clone();
    if args.format == Format::Tree && args.output.is_none() {
        report.body = picture.tree().into_iter().map(Line::Text).collect();
        return Ok(report.into());
    }
    let text = match args.format {
        Format::Tree => picture.tree().iter().map(|line| format!("{}\n", escape::visible(line))).collect(),
        Format::Mermaid => picture.mermaid(),
        Format::Svg => picture.svg(),
    };
    let what = count(pile.found().len(), "certificate");
    Ok(gather::deliver(report, text.into_bytes(), what, args.output.as_deref(), context))
}

fn card(node: Node<'_>, graph: &Graph<'_>, store: &trust::Store, context: &Context) -> Card {
    let Some(cert) = node.cert() else { return missing(node) };
    let trusted = store.anchors.contains(cert);
    let issues = graph.links.iter().any(|(above, _)| graph.nodes[*above].cert() == Some(cert));
    let (role, look) = match node {
        Node::Store(_) => ("trust anchor, not in the file", Look::Anchor),
        _ if trusted => ("trust anchor", Look::Anchor),
        _ if cert.issued_by(cert) && (issues || cert.is_ca()) => ("root, not a trust anchor", Look::Authority),
        _ if cert.is_ca() => ("intermediate", Look::Authority),
        _ => ("end-entity", Look::Leaf),
    };
    let look = if cert.is_valid_at(context.now) { look } else { Look::Fault };
    let from = matches!(node, Node::Store(_)).then(|| format!("in {}", store.name));
    let lines = from.into_iter().chain(lines(cert, context)).collect();
    Card { title: cert.short_name(), role: role.into(), lines, look }
}

/// An issuer that nobody has, as far as what it issued tells of it.
fn missing(node: Node<'_>) -> Card {
    let (title, urls) = match node {
        Node::Missing(below) => (below.issuer.short(), &below.extensions.ca_issuers[..]),
        _ => (String::new(), &[][..]),
    };
    let lines = match urls {
        [] => vec!["the certificate below does not say where it can be had".into()],
        urls => urls.iter().map(|url| format!("to be had at {url}")).collect(),
    };
    Card { title, role: "missing".into(), lines, look: Look::Fault }
}

fn lines(cert: &Cert, context: &Context) -> Vec<String> {
    let mut lines = Vec::new();
    let names: Vec<String> = cert.alt_names().iter().map(ToString::to_string).collect();
    if names.len() > 1 {
        let more = if names.len() > 3 { format!(" and {} more", names.len() - 3) } else { String::new() };
        lines.push(format!("{}{more}", names.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ")));
    }
    let start =
        if context.now < cert.not_before { format!("from {}, ", cert.not_before.date()) } else { String::new() };
    lines.push(format!("{start}until {}", instant::day(cert.not_after, context.now)));
    lines.push(format!("{}, SHA-256 {}…", cert.public_key.kind(), &crypto::hex(cert.sha256())[..16]));
    lines
}

fn result(graph: &Graph<'_>) -> Value {
    let node = |node: &Node<'_>| match node {
        Node::Given(found) => describe::certificate(found.cert, Some(found.origin)).with("place", "given"),
        Node::Store(cert) => describe::certificate(cert, None).with("place", "trust-store"),
        Node::Missing(below) => object! {
            "subject" => below.issuer.to_string(),
            "urls" => below.extensions.ca_issuers.clone(),
            "place" => "missing",
        },
    };
    let link = |(issuer, issued): &(usize, usize)| object! { "issuer" => *issuer, "issued" => *issued };
    object! {
        "certificates" => graph.nodes.iter().map(node).collect::<Vec<_>>(),
        "links" => graph.links.iter().map(link).collect::<Vec<_>>(),
    }
}

/// More cannot be looked at; and each pair of the same name costs a signature check.
const MAX_CARDS: usize = 64;

rules! {
    /// A pile, not a chain.
    CHAIN_TOO_LARGE = Error "chain-too-large" {
        summary: "there are more certificates than a picture can show",
        help: "name only the files of one chain; `pkit chain build` finds them in a pile",
        source: "pkit's limit of 64 certificates",
    }
}
