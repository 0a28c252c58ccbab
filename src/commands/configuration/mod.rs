//! Gathers a server's configuration: the file or directory that was named, or the place where the installed server keeps it, with
//! everything that it pulls in. What comes out are statements, each with its place, in the order in which the server meets
//! them. How many files, how deep and how much text is bounded; what could not be followed is a finding, never a guess.

pub mod crt;
pub(crate) mod named;
pub mod sni;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::files::facts::{self, Tree, is_dir, there, within};
use crate::files::{glob, read};
use crate::finding::{Finding, Location, rules};
use crate::servers::build::Build;
use crate::servers::layout::{self, Base};
use crate::servers::syntax::{Grammar, Include, Parsed, Statement, apache, postfix_map};
use crate::servers::{Placed, Server};
use crate::settings::TlsSettings;

/// A server's configuration, as far as it was found.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// Whose it is.
    pub(crate) server: &'static Server,
    /// The texts, in the order in which they were met; statements name them by their place here.
    pub(crate) texts: Vec<ConfigText>,
    /// What they say, with what depends on other statements put in.
    pub(crate) statements: Vec<Statement>,
    /// What could not be read, followed or understood.
    pub(crate) findings: Vec<Finding>,
}

impl Configuration {
    /// The statements with their files.
    pub(crate) fn placed(&self) -> Vec<Placed<'_>> {
        let texts = &self.texts;
        self.statements
            .iter()
            .filter_map(|statement| Some(Placed { path: &texts.get(statement.text)?.path, statement }))
            .collect()
    }

    /// What the statements mean to this build of the server, and what of them is not understood. Paths start at `root`.
    pub(crate) fn settings(&self, build: Build, root: &Path) -> (TlsSettings, Vec<Finding>) {
        let placed = self.placed();
        let (mut settings, mut findings) = self.server.understand(&placed, build);
        findings.extend(crt::spread(self.server, &placed, &mut settings, root));
        for placed in &placed {
            let tables = sni::named(placed.statement);
            findings.extend(tables.flat_map(|table| sni::judge(&table, &settings, &placed.place(), root)));
        }
        (settings, findings)
    }

    /// Was all of it read that the texts pull in?
    pub(crate) fn is_whole(&self) -> bool {
        let gaps = [&read::NOT_READ, &CONFIG_LIMIT, &CONFIG_BINARY, &INCLUDE_MISSING, &INCLUDE_UNKNOWN];
        !self.findings.iter().any(|finding| gaps.contains(&finding.rule))
    }

    /// The directories that a web server hands out, where they really are; none of those that are not there.
    pub(crate) fn web_roots(&self, tree: &Tree) -> BTreeSet<PathBuf> {
        let roots = self.statements.iter().filter(|statement| statement.is("DocumentRoot"));
        let paths = roots.filter_map(|statement| apache::arguments(statement.known()?)?.into_iter().next());
        let paths: BTreeSet<String> = paths.collect();
        paths.into_iter().filter_map(|path| facts::real(tree, Path::new(&path)).ok()).collect()
    }
}

/// One text of a configuration.
#[derive(Debug)]
pub(crate) struct ConfigText {
    /// Where it was read.
    pub(crate) path: PathBuf,
    /// What it holds.
    pub(crate) text: String,
}

/// Deepest chain of files that pull each other in (Dovecot's and Apache's own limits are higher; real ones have three).
const MAX_DEPTH: usize = 16;
/// Most files of one configuration: one for each of a thousand virtual hosts.
const MAX_FILES: usize = 1_000;
/// Most text of one configuration: a thousand virtual hosts take half a megabyte.
const MAX_TEXT: usize = 8 << 20;

/// The places of the servers that are installed below `root`: the server, and the file or directory.
pub(crate) fn installed(root: &Path) -> Vec<(&'static Server, PathBuf)> {
    let of = |server: &'static Server| {
        let places = layout::places(server.name).iter().map(|place| below(root, Path::new(place.path)));
        places.filter(|path| there(root, path).is_ok()).map(move |path| (server, path)).next()
    };
    crate::servers::ALL.iter().copied().filter_map(of).collect()
}

/// The configurations in a file or directory of a server: mostly one.
pub(crate) fn all(server: &'static Server, at: &Path, root: &Path) -> Result<Vec<Configuration>> {
    let points =
        if layout::stand_alone(server.name) { starting_points(server, at, root)? } else { vec![at.to_owned()] };
    points.iter().map(|point| gather(server, Some(point), root)).collect()
}

/// A server's configuration in this file or directory; without one, where the installed server keeps it. Paths in it start at
/// `root`. An error where nothing is there.
pub(crate) fn gather(server: &'static Server, at: Option<&Path>, root: &Path) -> Result<Configuration> {
    let found = at
        .map(Path::to_owned)
        .or_else(|| installed(root).into_iter().find(|(s, _)| std::ptr::eq(*s, server)).map(|(_, p)| p));
    let Some(start) = found else {
        let message = format!("no configuration of {} was found below {}", server.title, root.display());
        return Err(Error::input(&CONFIG_NOT_FOUND, message));
    };
    let mut gatherer = Gatherer::new(server, root);
    let points = starting_points(server, &start, root)?;
    gatherer.first = points.first().cloned().unwrap_or_default();
    for path in points {
        gatherer.file(&path, layout::grammar(server.name, &file_name(&path)), &Inside::default(), None)?;
    }
    Ok(gatherer.finish())
}

/// Where an absolute path of a configuration is, seen from here; whoever looks there asks `within` where it leads.
pub(crate) fn below(root: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix("/") {
        Ok(inner) if root != Path::new("/") => root.join(inner),
        _ => path.to_owned(),
    }
}

fn starting_points(server: &Server, start: &Path, root: &Path) -> Result<Vec<PathBuf>> {
    if !is_dir(root, start) {
        // The services stand beside what they have in common.
        let master = start.with_file_name("master.cf");
        let beside = start.file_name().is_some_and(|name| name == "main.cf") && there(root, &master).is_ok();
        return Ok([Some(start.to_owned()), beside.then_some(master)].into_iter().flatten().collect());
    }
    let patterns = layout::files(server.name).iter().map(|pattern| start.join(pattern));
    let found: Vec<PathBuf> = patterns.flat_map(|pattern| glob::matches(root, &pattern, MAX_FILES)).collect();
    if found.is_empty() {
        let wanted = layout::files(server.name).join(", ");
        let message = format!("{} holds none of what {} reads: {wanted}", start.display(), server.title);
        return Err(Error::input(&CONFIG_NOT_FOUND, message).path(start));
    }
    Ok(found)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What is on the way.
struct Gatherer<'a> {
    root: &'a Path,
    first: PathBuf,
    /// What the last statement that is read says about where relative names start.
    start: Option<PathBuf>,
    configuration: Configuration,
    /// The files that are being read now, each pulled in by the one before.
    open: Vec<PathBuf>,
    lines: usize,
    text_left: usize,
    /// Has a limit been told of? Once is enough.
    full: bool,
}

/// The blocks around the statement that pulls a file in.
#[derive(Clone, Default)]
struct Inside {
    scope: Arc<[String]>,
    block: usize,
}

impl<'a> Gatherer<'a> {
    fn new(server: &'static Server, root: &'a Path) -> Gatherer<'a> {
        let (texts, statements, findings) = (Vec::new(), Vec::new(), Vec::new());
        let configuration = Configuration { server, texts, statements, findings };
        Gatherer {
            root,
            first: PathBuf::new(),
            start: None,
            configuration,
            open: Vec::new(),
            lines: 0,
            text_left: MAX_TEXT,
            full: false,
        }
    }

    /// A file, which is an error only where it was named by the user: `from` is where the configuration names it.
    fn file(&mut self, path: &Path, grammar: &'static Grammar, inside: &Inside, from: Option<Location>) -> Result<()> {
        let real = within(self.root, path).and_then(std::fs::canonicalize).unwrap_or_else(|_| path.to_owned());
        if let Some(from) = &from {
            if self.open.contains(&real) {
                let message = format!("{} pulls itself in", path.display());
                self.configuration.findings.push(CONFIG_LOOP.at(from.clone(), message));
                return Ok(());
            }
            if self.open.len() >= MAX_DEPTH {
                return self.limit(from, format!("more than {MAX_DEPTH} files pull each other in"));
            }
            if self.configuration.texts.len() >= MAX_FILES {
                return self.limit(from, format!("only the first {MAX_FILES} files are read"));
            }
        }
        let mut bytes = match (read::file_within(self.root, path), &from) {
            (Ok(input), _) => input.bytes,
            (Err(error), None) => return Err(error),
            (Err(error), Some(from)) => {
                self.configuration.findings.push(read::NOT_READ.at(from.clone(), error.message));
                return Ok(());
            }
        };
        let whole = Location::File(path.to_owned());
        if bytes.contains(&0) {
            self.configuration.findings.push(CONFIG_BINARY.at(whole, "it holds bytes that no text has"));
            return Ok(());
        }
        if bytes.len() > self.text_left {
            return self.limit(&whole, format!("more than {} MiB of configuration", MAX_TEXT >> 20));
        }
        self.text_left -= bytes.len();
        self.open.push(real);
        // Comments may be in any encoding; what is not UTF-8 in a value will not be found on the disk.
        let text = String::from_utf8(std::mem::take(&mut *bytes));
        let text = text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        self.text(path, text, grammar, inside);
        self.open.pop();
        Ok(())
    }

    fn text(&mut self, path: &Path, text: String, grammar: &'static Grammar, inside: &Inside) {
        let Parsed { statements, unknown } = (grammar.scan)(&text);
        let (number, before) = (self.configuration.texts.len(), self.lines);
        self.lines += text.lines().count() + 1;
        self.configuration.texts.push(ConfigText { path: path.to_owned(), text });
        for unknown in unknown {
            let at = Location::Line { path: path.to_owned(), line: unknown.line, column: 1 };
            self.configuration.findings.push(unknown.rule().at(at, unknown.why));
        }
        self.configuration.statements.reserve(statements.len());
        for mut statement in statements {
            statement.text = number;
            statement.block = if statement.block == 0 { inside.block } else { before + statement.block };
            if !inside.scope.is_empty() {
                statement.scope = inside.scope.iter().chain(statement.scope.iter()).cloned().collect();
            }
            match (grammar.include)(&statement) {
                Some(include) => self.include(path, statement, include, grammar),
                None => {
                    self.note_start(&statement);
                    self.configuration.statements.push(statement);
                }
            }
        }
    }

    fn note_start(&mut self, statement: &Statement) {
        if let Base::Directive(name) = layout::base(self.configuration.server.name)
            && statement.is(name)
        {
            self.start = statement.known().map(|dir| below(self.root, Path::new(dir)));
        }
    }

    fn include(&mut self, path: &Path, mut statement: Statement, mut include: Include, grammar: &'static Grammar) {
        let at = Location::Line { path: path.to_owned(), line: statement.line, column: statement.column };
        if include.conditional || include.pattern.is_err() {
            // What stands before it decides whether it counts, and what its name is.
            let before = self.configuration.statements.iter().cloned().chain([statement]).collect();
            let Some(decided) = (grammar.resolve)(before).pop() else { return };
            let Some(known) = (grammar.include)(&decided) else { return };
            (statement, include) = (decided, known);
        }
        let pattern = match include.pattern {
            Ok(pattern) => self.absolute(path, &pattern),
            Err(why) => {
                let message = format!("{} {}: {why}", statement.name, statement.raw);
                return self.configuration.findings.push(INCLUDE_UNKNOWN.at(at, message));
            }
        };
        let mut found = glob::matches(self.root, &pattern, MAX_FILES);
        if let [directory] = &found[..]
            && is_dir(self.root, directory)
        {
            found = glob::below(self.root, directory, MAX_FILES);
        }
        if found.is_empty() && !include.optional {
            let message = format!("{}: no such file", pattern.display());
            self.configuration.findings.push(INCLUDE_MISSING.at(at.clone(), message));
        }
        let inside = Inside { scope: statement.scope, block: statement.block };
        for file in found {
            // Errors are findings here, since a place is given.
            if self.file(&file, grammar, &inside, Some(at.clone())).is_err() || self.full {
                return;
            }
        }
    }

    fn absolute(&self, path: &Path, named: &str) -> PathBuf {
        let of_file = |file: &Path| file.parent().unwrap_or(Path::new("")).to_owned();
        match layout::base(self.configuration.server.name) {
            _ if named.starts_with('/') => below(self.root, Path::new(named)),
            Base::Neighbour => of_file(path).join(named),
            Base::First => of_file(&self.first).join(named),
            Base::Directive(_) => self.start.clone().unwrap_or_else(|| of_file(&self.first)).join(named),
        }
    }

    /// A value that is a relative path, as the server sees it: absolute, where it is known from where it starts.
    fn rooted(&self, statement: &Statement) -> Option<String> {
        let server = self.configuration.server;
        let (start, path) = server.relative_path(statement)?;
        let file = &self.configuration.texts.get(statement.text)?.path;
        let here = self.absolute(file, path);
        let seen = match self.root == Path::new("/") {
            true => std::path::absolute(here).ok()?,
            false => Path::new("/").join(here.strip_prefix(self.root).ok()?),
        };
        Some(format!("{start}{}", seen.to_str()?))
    }

    fn limit(&mut self, at: &Location, why: String) -> Result<()> {
        if !std::mem::replace(&mut self.full, true) {
            self.configuration.findings.push(CONFIG_LIMIT.at(at.clone(), why));
        }
        Ok(())
    }

    /// Conditions and names are settled once everything is there. All texts of a server have one grammar, but for Postfix's, of
    /// which only main.cf names other statements.
    fn finish(mut self) -> Configuration {
        let grammar = layout::grammar(self.configuration.server.name, &file_name(&self.first));
        let statements = std::mem::take(&mut self.configuration.statements);
        let statements = (grammar.resolve)(statements);
        self.start = None;
        statements.iter().for_each(|statement| self.note_start(statement));
        self.configuration.statements = statements;
        for i in 0..self.configuration.statements.len() {
            if let Some(path) = self.rooted(&self.configuration.statements[i]) {
                self.configuration.statements[i].value = Ok(path);
            }
        }
        let tables = self.configuration.statements.iter().flat_map(sni::named);
        let tables: Vec<PathBuf> = tables.map(|table| below(self.root, table.path)).collect();
        for table in tables {
            // What is not there is told where its settings are judged.
            if there(self.root, &table).is_ok() {
                let from = Location::File(self.first.clone());
                let _ = self.file(&table, &postfix_map::GRAMMAR, &Inside::default(), Some(from));
            }
        }
        self.configuration
    }
}

rules! {
    /// Nothing there.
    CONFIG_NOT_FOUND = Error "config-not-found" {
        summary: "no configuration of a server was found",
        help: "name the file or the directory",
        source: "Debian's and Fedora's packages keep them in /etc/dovecot, /etc/postfix, /etc/ldap, /etc/apache2, /etc/courier, /etc/nginx, /etc/haproxy, /etc/exim4 and their like",
    }
    /// A pulls in B, which pulls in A.
    CONFIG_LOOP = Error "include-loop" {
        summary: "a configuration file pulls itself in",
        help: "take one of the include lines out; the server does not start with it",
        source: "tried on Dovecot 2.3.19 (`Recursive include`) and Apache 2.4.71 (`Exceeded maximum include depth`)",
    }
    /// More than anybody has.
    CONFIG_LIMIT = Skipped "config-limit" {
        summary: "the configuration is larger or deeper than what pkit reads, so a part of it was not looked at",
        help: "name the parts that matter one by one",
        source: "16 files deep, 1000 files and 8 MiB keep time and memory bounded; real configurations have a tenth of that",
    }
    /// Not text.
    CONFIG_BINARY = Skipped "config-not-text" {
        summary: "a configuration file is no text",
        help: "name a configuration file; certificates and keys are looked at where the configuration names them",
        source: "none of these servers reads a configuration with a zero byte in it",
    }
    /// Not there.
    INCLUDE_MISSING = Error "include-missing" {
        summary: "a configuration pulls in a file that is not there",
        help: "correct the name, or say that it may be missing (`!include_try`, `IncludeOptional`)",
        source: "tried on Dovecot 2.3.19 and Apache 2.4.71: neither starts",
    }
    /// A name that is not known.
    INCLUDE_UNKNOWN = Skipped "include-not-followed" {
        summary: "a configuration pulls in a file whose name, or whose condition, is not known from the text",
        help: "name that file as well",
        source: "pkit never guesses what a variable or a condition comes to",
    }
}
