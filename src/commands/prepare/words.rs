//! What `prepare` tells a person: what was read, what it is, whether it fits, and what to do next.

use std::path::{Path, PathBuf};

use super::{Args, Told, lineage};
use crate::commands::Context;
use crate::commands::chain::build as chain;
use crate::files::trust;
use crate::finding::Origin;
use crate::instant;
use crate::material::cert::Cert;
use crate::material::key::PrivateKey;
use crate::material::{Block, Format, Item, Material};
use crate::pki::chain::End;
use crate::pki::select::Selection;
use crate::report::Line;
use crate::report::describe::count;
use crate::servers::profile::Profile;

/// What was read, file by file.
pub(super) fn inputs(
    inputs: &[PathBuf],
    material: &Material,
    selection: &Selection<'_>,
    context: &Context,
) -> Vec<Line> {
    let of_one_file = |a: &Block, b: &Block| (&a.origin.path, &a.origin.member) == (&b.origin.path, &b.origin.member);
    let mut rows: Vec<Line> =
        material.blocks.chunk_by(of_one_file).map(|blocks| file(blocks, selection, context)).collect();
    let from: Vec<String> =
        inputs.iter().map(|p| p.file_name().unwrap_or(p.as_os_str()).to_string_lossy().into_owned()).collect();
    rows.insert(0, Line::Text(format!("Read {} from {}", count(rows.len(), "file"), from.join(", "))));
    rows
}

fn file(blocks: &[Block], selection: &Selection<'_>, context: &Context) -> Line {
    let name = blocks[0].origin.short_name();
    let form = if blocks[0].format == Format::Pem { "" } else { blocks[0].format.word() };
    match blocks {
        [Block { item: Item::Cert(cert), .. }] => {
            let detail = match role(cert, selection) {
                "leaf" => {
                    let names: Vec<&str> = cert.dns_names().collect();
                    format!("{}   until {}", names.join(", "), instant::day(cert.not_after, context.now))
                }
                _ => cert.subject.short(),
            };
            Line::Row(vec![name, role(cert, selection).into(), form.into(), detail])
        }
        [Block { item: Item::Other(why), .. }] => Line::Row(vec![name, "skipped".into(), String::new(), why.clone()]),
        [one] => Line::Row(vec![name, one.item.kind().into(), form.into(), String::new()]),
        several => {
            let roles: Vec<&str> = several
                .iter()
                .map(|b| if let Item::Cert(c) = &b.item { role(c, selection) } else { b.item.kind() })
                .collect();
            Line::Row(vec![name, count(several.len(), "block"), form.into(), roles.join(", ")])
        }
    }
}

/// What a certificate is in the chain that was chosen.
pub(super) fn role(cert: &Cert, selection: &Selection<'_>) -> &'static str {
    if cert == selection.leaf.cert {
        "leaf"
    } else if selection.path.certs.contains(&cert) {
        "intermediate"
    } else if selection.path.root() == Some(cert) {
        "root"
    } else {
        "unused"
    }
}

pub(super) fn key(key: &PrivateKey, at: &Origin, selection: &Selection<'_>) -> String {
    format!("Key    {} matches {} ({})", at.short_name(), selection.leaf.cert.short_name(), key.kind())
}

pub(super) fn chain(selection: &Selection<'_>, store: &trust::Store) -> String {
    let fault = selection.proof.as_ref().err().and_then(|faults| faults.first());
    let verdict = match (fault, &selection.path.end) {
        (Some(fault), _) => format!("FAIL {}", fault.rule.code),
        (None, End::Anchored(_)) => format!("OK, ends in {}", store.name),
        (None, _) => "OK".into(),
    };
    format!("Chain  {}   {verdict}", chain::shown(&selection.path, false))
}

/// The directives of one server, with where each text goes.
pub(super) fn settings(told: &Told, profile: &Profile) -> Vec<Line> {
    let mut lines = vec![Line::Text(format!("{} {} settings, {profile}", told.server.title, told.build.version))];
    let several = told.directives.files.len() > 1;
    for (file, text) in &told.directives.files {
        if let (true, Some(file)) = (several, file) {
            lines.push(Line::Indented(format!("in {file}:")));
        }
        lines.extend(text.lines().filter(|l| !l.starts_with('#')).map(|l| Line::Paste(l.to_owned())));
    }
    lines.extend(told.directives.notes.iter().map(|note| Line::Indented(format!("note: {note}"))));
    lines
}

/// What to do next, in the order of doing it.
pub(super) fn next(args: &Args, leaf: &Cert) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut first = if args.apply { "" } else { "run again with --apply; " };
    for server in &args.servers.0 {
        let style = &server.style;
        let place = style.documents.first().map_or("", |document| document.place);
        lines.push(Line::Text(format!("Next: {first}{place}")));
        lines.push(Line::Indented(format!("{}; then look at the live port:", style.then)));
        if let Ok(name) = lineage(args.name.as_ref(), leaf) {
            lines.push(Line::Indented(format!(
                "openssl s_client -connect {}{} -verify_return_error -verify_hostname {name} </dev/null",
                server.look,
                anchor(&args.trust)
            )));
        }
        first = "";
    }
    lines
}

fn anchor(trust: &trust::Source) -> String {
    match trust {
        trust::Source::System => String::new(),
        trust::Source::Path(path) if path.is_dir() => format!(" -CApath {}", quoted(path)),
        trust::Source::Path(path) => format!(" -CAfile {}", quoted(path)),
    }
}

/// For a shell (POSIX XCU 2.2.2): as it is where nothing in it could mean anything, else between single quotes.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
