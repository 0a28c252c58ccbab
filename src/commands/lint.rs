//! `lint`: reads servers' configurations as they stand, with what they pull in, opens every file that they name, and judges
//! settings, files and permissions together. Nothing is changed and no server is started; the installed program is only asked
//! for its version.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::checks::deployment::{self, Content, Deployment, Files, Opened};
use crate::checks::perms::policy::Policy;
use crate::checks::perms::{Judge, Reader};
use crate::commands::configuration::named::{self, NamedAs, NamedFile};
use crate::commands::configuration::{self, Configuration, below};
use crate::commands::target::BuildArgs;
use crate::commands::{Context, Outcome};
use crate::error::{Error, Result};
use crate::facts::FileFacts;
use crate::files::facts::{Gatherer, Tree, is_dir, there};
use crate::files::{facts, glob, read, trust, users};
use crate::finding::{Finding, Location, Severity, rules};
use crate::material::cert::Cert;
use crate::material::{KnownCas, Material};
use crate::report::describe::count;
use crate::report::{Form, Report, SourceText, Value, object};
use crate::servers::build::{Build, Library, Version};
use crate::servers::rules::Said;
use crate::servers::{self, MALFORMED, NOT_UNDERSTOOD, OTHER_VERSION, Server, layout};
use crate::settings::customs::Customs;
use crate::threads;

/// Judge servers' configurations and all that they name
///
/// Without a path, the configurations of the servers that are installed. Files
/// that they pull in are followed; certificates, keys, CAs and CRLs that they
/// name are opened and judged. What cannot be understood is told, not guessed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit lint
  pkit lint /etc/dovecot/dovecot.conf --server-version 2.4.1
  pkit lint /etc/postfix /etc/apache2 --fail-on warning
  pkit lint --root /srv/image --format sarif > lint.sarif")]
pub struct Args {
    /// Configuration files, or directories with them
    #[arg(value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// Whose configuration it is, where the file does not tell
    #[arg(long, value_name = "NAME", default_value = "auto")]
    server: ServerWord,
    /// Which build of the server
    #[command(flatten)]
    build: BuildArgs,
    /// Trust anchors of the clients: `system`, a file or a directory
    #[arg(long, value_name = "STORE", default_value = "system")]
    trust: trust::Source,
    /// Where the paths in the configuration start: an image or a chroot
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// How to tell the findings
    #[arg(long, value_enum, default_value_t = FormWord::Human)]
    format: FormWord,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormWord {
    Human,
    Json,
    Sarif,
    Github,
}

/// `auto`, or a server's name.
#[derive(Clone, Copy, Debug)]
struct ServerWord(Option<&'static Server>);

impl std::str::FromStr for ServerWord {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<ServerWord, String> {
        let names = || servers::ALL.iter().map(|server| server.name).collect::<Vec<_>>().join(", ");
        match (text, Server::named(text)) {
            ("auto", _) => Ok(ServerWord(None)),
            (_, Some(server)) => Ok(ServerWord(Some(server))),
            _ => Err(format!("no such server; known are auto, {}", names())),
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let (store, configurations) = threads::both(&|| trust::load(&args.trust), || configurations(args));
    let configurations = configurations?;
    let anchors: &[Cert] = store.as_ref().map_or(&[], |store| &store.anchors);
    let (mut findings, mut texts, mut told) = (Vec::new(), Vec::new(), Vec::new());
    // A system without a trust store is common in containers; a store that was named must be there.
    if let (Err(error), trust::Source::Path(_)) = (&store, &args.trust) {
        return Err(error.clone());
    }
    for mut configuration in configurations {
        let (build, assumed) = build(&args.build, &args.root, &configuration)?;
        let (value, judged) = judge(&mut configuration, build, args, anchors, context);
        findings.extend(assumed);
        findings.extend(judged);
        told.push(value);
        texts.extend(configuration.texts.into_iter().map(|t| SourceText::new(t.path, t.text)));
    }
    let mut seen = BTreeSet::new();
    findings.retain(|f| seen.insert((f.rule.code, f.at.to_string(), f.message.clone())));
    findings.sort_by(|a, b| (&a.at, b.severity).cmp(&(&b.at, a.severity)));
    let findings = context.accepted(findings);
    let closing = Some(closing(&findings, texts.len()));
    let form = match args.format {
        FormWord::Human => None,
        FormWord::Json => Some(Form::Json),
        FormWord::Sarif => Some(Form::Sarif),
        FormWord::Github => Some(Form::GitHub),
    };
    let result = object! { "servers" => told };
    Ok(Report { findings, texts, closing, form, ..Report::judging(result) }.into())
}

fn closing(findings: &[Finding], files: usize) -> String {
    let number = |severity| findings.iter().filter(|f| f.severity == severity).count();
    format!(
        "{}, {} in {}",
        count(number(Severity::Error), "error"),
        count(number(Severity::Warning), "warning"),
        count(files, "file")
    )
}

/// What was named, else what is installed.
fn configurations(args: &Args) -> Result<Vec<Configuration>> {
    if args.paths.is_empty() {
        let found = configuration::installed(&args.root).into_iter();
        let wanted = found.filter(|(server, _)| args.server.0.is_none_or(|named| std::ptr::eq(*server, named)));
        let mut all = Vec::new();
        for (server, path) in wanted {
            all.extend(configuration::all(server, &path, &args.root)?);
        }
        if all.is_empty() {
            let message = format!("no server's configuration was found below {}", args.root.display());
            return Err(Error::input(&configuration::CONFIG_NOT_FOUND, message));
        }
        return Ok(all);
    }
    let mut all = Vec::new();
    for path in &args.paths {
        for (server, file) in recognized(path, args.server.0, &args.root)? {
            all.extend(configuration::all(server, &file, &args.root)?);
        }
    }
    Ok(all)
}

/// The servers whose configuration a path is. A directory is that of the server whose main file it holds, else each of its files
/// that can be recognized stands for itself.
fn recognized(path: &Path, named: Option<&'static Server>, root: &Path) -> Result<Vec<(&'static Server, PathBuf)>> {
    if !is_dir(root, path) {
        let server = named.map_or_else(|| of_file(path, root), |server| Ok(Some(server)))?;
        let server = server.ok_or_else(|| unrecognized(path))?;
        return Ok(vec![(server, path.to_owned())]);
    }
    let holds = |server: &&'static Server| {
        layout::files(server.name).iter().any(|file| !glob::matches(root, &path.join(file), 1).is_empty())
    };
    let of_directory: Vec<_> =
        servers::ALL.iter().copied().filter(|s| named.is_none_or(|n| std::ptr::eq(n, *s))).filter(holds).collect();
    if !of_directory.is_empty() {
        return Ok(of_directory.into_iter().map(|server| (server, path.to_owned())).collect());
    }
    let mut found = Vec::new();
    for file in glob::below(root, path, MAX_FILES) {
        if let Ok(Some(server)) = named.map_or_else(|| of_file(&file, root), |server| Ok(Some(server))) {
            found.push((server, file));
        }
    }
    if found.is_empty() { Err(unrecognized(path)) } else { Ok(found) }
}

/// Files of one directory that are looked at to see whose they are.
const MAX_FILES: usize = 1_000;

fn of_file(path: &Path, root: &Path) -> Result<Option<&'static Server>> {
    let input = read::file_within(root, path)?;
    let name = layout::recognize(&path.to_string_lossy(), &String::from_utf8_lossy(&input.bytes));
    Ok(name.and_then(Server::named))
}

fn unrecognized(path: &Path) -> Error {
    let message = format!("{}: nothing in it tells which server it is for", path.display());
    Error::input(&CONFIG_NOT_RECOGNIZED, message).path(path)
}

/// The build that was named or is installed, else what the configuration itself lets one assume, which is told.
pub(crate) fn build(named: &BuildArgs, root: &Path, configuration: &Configuration) -> Result<(Build, Option<Finding>)> {
    let server = configuration.server;
    let here = root == Path::new("/") || named.is_named();
    if here {
        match named.decide(server) {
            Ok(build) => return Ok((build, None)),
            Err(error) if named.is_named() && error.exit == crate::exit::Exit::Usage => return Err(error),
            Err(_) => {}
        }
    }
    let of_2_4 = configuration.statements.iter().any(|s| s.is("dovecot_config_version"));
    let version = match (named.version(server), server.name) {
        (Some(version), _) => version,
        (None, "dovecot") if !of_2_4 => Version::of(&[2, 3, 21]),
        _ => server.newest,
    };
    let library = match server.libraries {
        [only] => *only,
        // A priority string is GnuTLS's.
        _ if configuration.texts.iter().any(|text| text.text.contains("VERS-") || text.text.contains("SECURE")) => {
            Library::GnuTls
        }
        _ => Library::OpenSsl,
    };
    let build = Build { version, library };
    let at = Location::File(configuration.texts.first().map(|text| text.path.clone()).unwrap_or_default());
    let with = if server.libraries.len() > 1 { format!(" with {library}") } else { String::new() };
    let message = format!("{} {version}{with} is assumed", server.title);
    Ok((build, Some(BUILD_ASSUMED.at(at, message))))
}

/// Everything about one server: what is told of it, and what speaks against it. Its statements are gone afterwards.
fn judge(
    configuration: &mut Configuration,
    build: Build,
    args: &Args,
    anchors: &[Cert],
    context: &Context,
) -> (Value, Vec<Finding>) {
    let placed = configuration.placed();
    let main = configuration.texts.first().is_some_and(|text| is_main(configuration.server, &text.path));
    let whole = main && configuration.is_whole();
    // Neither needs the other; a thousand hosts are as many questions to each.
    let by_its_own_words = || {
        let said = Said::new(&placed, build, whole);
        (configuration.server.customs(&said), configuration.server.judge(&said))
    };
    let ((customs, mut findings), (settings, unclear)) =
        threads::both(&by_its_own_words, || configuration.settings(build, &args.root));
    let tree = tree(&args.root);
    let named = named::files(&settings);
    let mut files = open(&named, customs, &args.root, tree.as_ref());
    let reader = |name| Some(Reader { server: configuration.server.title, user: tree.as_ref()?.users.named(name)? });
    findings.extend(deployment::judge(&Deployment {
        settings: &settings,
        customs,
        files: &files,
        anchors,
        anchors_named: matches!(args.trust, trust::Source::Path(_)),
        now: context.now,
        rights: Judge {
            policy: policy(),
            caller: users::caller(),
            own_users: Vec::new(),
            web_roots: tree.as_ref().map_or_else(BTreeSet::new, |tree| configuration.web_roots(tree)),
        },
        readers: customs.key_reader.and_then(reader).into_iter().collect(),
    }));
    // What is told exactly is not told once more in general.
    let mut exact: BTreeMap<(PathBuf, Option<usize>), Severity> = BTreeMap::new();
    for f in &findings {
        let worst = exact.entry((f.at.path().to_owned(), f.at.line())).or_insert(f.severity);
        *worst = f.severity.max(*worst);
    }
    // A line that stops the server is told beside what is milder.
    let told = |f: &Finding| {
        let by = exact.get(&(f.at.path().to_owned(), f.at.line()));
        by.is_some_and(|by| f.rule != &MALFORMED || *by >= f.severity)
    };
    let general = |f: &Finding| [&NOT_UNDERSTOOD, &MALFORMED, &OTHER_VERSION].contains(&f.rule);
    // A value in words of its own is no fault; a line that is no statement is one.
    // What the other library's build would obey is ignored, and told where it matters by the server's own rules.
    let ignored = |f: &Finding| f.rule == &OTHER_VERSION && configuration.server.libraries.len() > 1;
    let note = |f: Finding| if f.rule == &NOT_UNDERSTOOD || ignored(&f) { f.severity(Severity::Info) } else { f };
    let all = configuration.findings.iter().cloned().chain(unclear.into_iter().map(note));
    findings.extend(all.filter(|f| !(general(f) && told(f))).collect::<Vec<_>>());
    // People are not told what was looked at.
    let for_programs = context.json || matches!(args.format, FormWord::Json);
    let value = if for_programs { value(configuration, &named, build) } else { Value::Null };
    // What was read is left to the system, which takes it back when the process ends: to free what thousands of files and
    // statements are made of, piece by piece, takes a tenth of the time. Keys are wiped.
    files.values_mut().for_each(|file| file.content.drop_secrets());
    std::mem::forget((files, settings, named, std::mem::take(&mut configuration.statements)));
    (value, findings)
}

/// Dovecot's, and Debian's group for keys is no stranger.
fn policy() -> Policy {
    Policy { key_groups: vec!["ssl-cert".to_owned()], ..Policy::default() }
}

/// Is it a file that a server begins with, and not a part of one?
fn is_main(server: &Server, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    layout::files(server.name).iter().any(|file| *file == name)
}

/// This system, or an image with its own users; none where the image does not list them.
fn tree(root: &Path) -> Option<Tree> {
    if root == Path::new("/") { Some(Tree::here()) } else { Tree::at(root).ok() }
}

/// What the files hold that the settings name, and the keys that may lie beside their certificates. Each is looked at once.
fn open(named: &[NamedFile], customs: Customs, root: &Path, tree: Option<&Tree>) -> Files {
    let beside = named::keys_beside(named, customs, root);
    let mut seen = HashSet::new();
    let files: Vec<&NamedFile> = named.iter().chain(&beside).filter(|file| seen.insert(file.path.as_path())).collect();
    let shares = files.len().div_ceil(threads::processors()).clamp(1, SHARE);
    let shares: Vec<&[&NamedFile]> = files.chunks(shares).collect();
    let known = KnownCas::default();
    let open = |files: &&[&NamedFile]| {
        let mut facts = tree.map(Gatherer::new);
        files.iter().map(|file| opened(file, root, facts.as_mut(), &known)).map(Box::new).collect::<Vec<_>>()
    };
    let opened = threads::among(&shares, open).into_iter().flatten();
    files.iter().map(|file| file.path.clone()).zip(opened).collect()
}

/// So many files are taken at once at most: their directories are looked at once, and no processor is long done before the others.
const SHARE: usize = 100;

fn opened(file: &NamedFile, root: &Path, mut tree: Option<&mut Gatherer<'_>>, known: &KnownCas) -> Opened {
    let (path, named_as) = (below(root, &file.path), file.named_as);
    let path = path.as_path();
    // Mostly it is no link, and one look at it tells everything.
    let direct = tree.as_mut().filter(|_| named_as != NamedAs::CaDirectory).and_then(|tree| tree.open(&file.path));
    let (open, facts) = direct.unzip();
    let read = || match open {
        Some((file, meta)) => read::looked_at(path, file, &meta),
        None => read::file_within(root, path),
    };
    let content = match named_as {
        NamedAs::CaDirectory => directory(path, root),
        _ => match read() {
            Ok(input) if named_as == NamedAs::KeyPassword => {
                Content::Password { newline: input.bytes.ends_with(b"\n") || input.bytes.ends_with(b"\r") }
            }
            Ok(input) => Content::Material(Material::read_beside(known, &input.path, &input.bytes)),
            Err(error) if error.rule == &read::FILE_MISSING => Content::Missing,
            Err(error) if error.rule == &read::IS_DIRECTORY || is_dir(root, path) => Content::Directory(Vec::new()),
            Err(error) => Content::Unread(error.message),
        },
    };
    // Told by where it is seen from here.
    let here = || facts::of(&facts::within(root, path)?);
    let gather = || tree.map_or_else(here, |tree| tree.file(&file.path)).ok();
    let facts = facts.or_else(gather).map(|facts| FileFacts { path: path.to_owned(), ..facts });
    Opened { path: path.to_owned(), facts, content }
}

/// The files of a CA directory; those below it are not looked up by hash.
fn directory(path: &Path, root: &Path) -> Content {
    if there(root, path).is_err() {
        return Content::Missing;
    }
    let entries = glob::matches(root, &path.join("*"), MAX_FILES).into_iter().filter_map(|file| {
        let input = read::file_within(root, &file).ok()?;
        Some((file.file_name()?.to_string_lossy().into_owned(), Material::read(&file, &input.bytes)))
    });
    Content::Directory(entries.collect())
}

fn value(configuration: &Configuration, named: &[NamedFile], build: Build) -> Value {
    let files = named.iter().map(|file| {
        object! {
            "path" => file.path.as_path(), "role" => file.named_as.word(),
            "named_at" => file.at.as_ref().map(ToString::to_string), "scope" => file.scope.to_string(),
        }
    });
    object! {
        "server" => configuration.server.name,
        "server_version" => build.version.to_string(),
        "tls_library" => build.library.to_string(),
        "configuration" => configuration.texts.iter().map(|text| text.path.as_path()).map(Value::from).collect::<Vec<_>>(),
        "files" => files.collect::<Vec<_>>(),
    }
}

rules! {
    /// Whose is it?
    CONFIG_NOT_RECOGNIZED = Error "config-not-recognized" {
        summary: "nothing in a file tells which server it is for",
        help: "name the server with --server",
        source: "files are recognized by their names and by words that only one server uses",
    }
    /// No program to ask.
    BUILD_ASSUMED = Info "server-build-assumed" {
        summary: "the server is not installed here, so its version and its TLS library are assumed",
        help: "name them with --server-version and --tls-library",
        source: "what a directive means depends on both",
    }
}
