//! `--from-config`: the files that servers' configurations name, and which server opens each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::readers;
use crate::checks::deployment::FILE_NOT_THERE;
use crate::checks::perms::Reader;
use crate::commands::configuration::{self, below, named};
use crate::commands::{lint, target};
use crate::error::Result;
use crate::files::facts::{self, Tree};
use crate::finding::{Finding, Severity};
use crate::servers::Server;
use crate::servers::rules::Said;

/// `SERVER`, or `SERVER=FILE`.
#[derive(Clone, Debug)]
pub(super) struct Named {
    server: &'static Server,
    file: Option<PathBuf>,
}

/// What the configurations name.
#[derive(Debug, Default)]
pub(super) struct Configured {
    /// The files, each once.
    pub(super) paths: Vec<PathBuf>,
    /// Who opens each, by where it really is.
    pub(super) readers: BTreeMap<PathBuf, Vec<Reader>>,
    /// What Apache hands out, where it really is.
    pub(super) web_roots: BTreeSet<PathBuf>,
    /// What could not be followed: files that it names are then not looked at.
    pub(super) findings: Vec<Finding>,
}

/// For clap.
pub(super) fn parse(text: &str) -> std::result::Result<Named, String> {
    let (name, file) = match text.split_once('=') {
        Some((name, file)) => (name, Some(PathBuf::from(file))),
        None => (text, None),
    };
    let server = Server::named(name).ok_or_else(|| format!("no such server; one of {}", target::names()))?;
    Ok(Named { server, file })
}

/// Reads the configurations. A file that is named and not there is told like any other that cannot be looked at.
pub(super) fn gather(named: &[Named], tree: &Tree) -> Result<Configured> {
    let mut found = Configured::default();
    let mut paths = BTreeSet::new();
    let root = tree.on_disk(Path::new("/"));
    for Named { server, file } in named {
        let file = file.as_ref().map(|file| below(&root, file));
        let configuration = configuration::gather(server, file.as_deref(), &root)?;
        let (build, _) = lint::build(&target::BuildArgs::default(), &root, &configuration)?;
        let (settings, unclear) = configuration.settings(build, &root);
        let all = configuration.findings.iter().chain(&unclear);
        let gaps = all.filter(|f| f.severity == Severity::Skipped || f.rule == &FILE_NOT_THERE);
        found.findings.extend(gaps.cloned());
        found.web_roots.extend(configuration.web_roots(tree));
        let reader = readers::of(server, &tree.users)?;
        let customs =
            configuration.server.customs(&Said::new(&configuration.placed(), build, configuration.is_whole()));
        let named = named::files(&settings);
        let beside = named::keys_beside(&named, customs, &root);
        for file in named.into_iter().chain(beside) {
            if let Ok(real) = facts::real(tree, &file.path) {
                found.readers.entry(real).or_default().push(reader.clone());
            }
            paths.insert(file.path);
        }
    }
    found.paths = paths.into_iter().collect();
    Ok(found)
}
