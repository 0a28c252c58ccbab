//! The words that can be typed. Each verb's own arguments live with the verb in `commands`; here are the options that mean the
//! same everywhere and the list of nouns. What is typed is turned into what is meant once, in `Global::context`.

use std::ffi::OsString;
use std::sync::Arc;

use clap::{Args, FromArgMatches, Parser, Subcommand, ValueEnum};
use time::OffsetDateTime;

use crate::change::{Owner, Wait};
use crate::commands::passphrase::{PassphraseArgs, Secret};
use crate::commands::{self, Context, Outcome};
use crate::content::Overwrite;
use crate::error::{Error, Result};
use crate::exit::Dialect;
use crate::finding::Severity;

/// Certificates, keys, chains and CRLs for the people who run TLS servers.
#[derive(Debug, Parser)]
#[command(name = "pkit", version, max_term_width = 80, arg_required_else_help = true, infer_subcommands = false)]
#[command(after_help = "Examples:
  pkit prepare dovecot mail.zip --key mail.key --name mail.example.org
  pkit key new -o mail.key
  pkit chain build *.crt --key mail.key -o fullchain.pem
  pkit explain key-mismatch

Exit codes: 0 fine, 1 the check said no, 2 usage, 3 input, 4 refused,
5 write failed, 6 network, 7 rolled back, 8 rollback failed, 70 a fault in pkit, 130 SIGINT, 143 SIGTERM.
Nothing is overwritten without --force but what is renewed: a newer CRL, a
bundle of the same CAs.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What means the same everywhere.
    #[command(flatten)]
    pub global: Global,
}

impl Cli {
    /// What was typed, or clap's own message: help, version, or what is wrong with the words.
    pub fn from_args() -> std::result::Result<Cli, clap::Error> {
        let matches = command().try_get_matches()?;
        let mut cli = Cli::from_arg_matches(&matches)?;
        let mut leaf = &matches;
        while let Some((_, inner)) = leaf.subcommand() {
            leaf = inner;
        }
        // Where the verb's own option has this name it has another type.
        cli.global.group = leaf.try_get_one::<String>("group").ok().flatten().cloned();
        Ok(cli)
    }
}

/// The dialect that was typed. Asked of the words themselves, since wrong ones have to be answered in it as well.
pub fn dialect(words: impl Iterator<Item = OsString>) -> Dialect {
    let words: Vec<_> = words.collect();
    if words.iter().any(|word| word == "--exec-condition") {
        Dialect::Condition
    } else if has_form(&words, "nagios") {
        Dialect::Nagios
    } else {
        Dialect::Own
    }
}

/// Was JSON asked for, in either way? Asked of the words for the same reason.
pub fn json(words: impl Iterator<Item = OsString>) -> bool {
    has_form(&words.collect::<Vec<_>>(), "json")
}

/// `--json`, `--format json` or `--format=json`.
fn has_form(words: &[OsString], form: &str) -> bool {
    let (short, long) = (format!("--{form}"), format!("--format={form}"));
    let apart = |pair: &[OsString]| pair[0] == "--format" && *pair[1] == *form;
    words.iter().any(|word| **word == *short || **word == *long) || words.windows(2).any(apart)
}

/// The whole command line, for parsing and for whoever lists it. Help shows the examples before the options.
pub fn command() -> clap::Command {
    fn examples_first(command: clap::Command) -> clap::Command {
        command.help_template(EXAMPLES_FIRST).max_term_width(80).mut_subcommands(examples_first)
    }
    /// `--group` means the same for every verb but `dhparam new`, where it is the group of numbers.
    fn with_group(command: clap::Command) -> clap::Command {
        let own = command.get_arguments().any(|arg| arg.get_id() == "group");
        if command.has_subcommands() || own {
            return command.mut_subcommands(with_group);
        }
        let group = clap::Arg::new("group").long("group").value_name("GROUP").help_heading("Global options");
        command.arg(group.help("Give files to this group, which may then read keys"))
    }
    with_group(examples_first(<Cli as clap::CommandFactory>::command()))
}

const EXAMPLES_FIRST: &str = "{about-with-newline}\n{usage-heading} {usage}{after-help}\n\n{all-args}";

/// Options with one meaning for every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Replace an existing file
    #[arg(short, long, global = true)]
    force: bool,
    /// Keep a file that is replaced as NAME.YYYYMMDDTHHMMSSZ.bak
    #[arg(long, global = true)]
    backup: bool,
    /// Give files to this user instead of root
    #[arg(long, global = true, value_name = "USER")]
    owner: Option<String>,
    /// Give files to this group, which may then read keys
    #[arg(skip)]
    group: Option<String>,
    /// Say what would be written, and write nothing
    #[arg(short = 'n', long, global = true)]
    dry_run: bool,
    /// One JSON document on stdout
    #[arg(long, global = true)]
    json: bool,
    /// Nothing on success, everything needed on failure
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say more
    // Who types it twice, as other programs want it, is not told off.
    #[arg(short, long, global = true, overrides_with = "verbose")]
    verbose: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = When::Auto)]
    color: When,
    /// No character beyond ASCII
    #[arg(long, global = true)]
    ascii: bool,
    /// Judge as of this instant: RFC 3339, a date (midnight UTC) or @seconds
    #[arg(long, global = true, value_name = "TIME", value_parser = crate::instant::parse)]
    at: Option<OffsetDateTime>,
    /// Go on despite these named findings: errors and warnings become notes
    #[arg(long, global = true, value_name = "CODE", value_delimiter = ',')]
    accept: Vec<String>,
    /// The mildest finding that makes the exit code 1
    #[arg(long, global = true, value_enum, default_value_t = FailOn::Error)]
    fail_on: FailOn,
    /// Exit 0 even where something could not be looked at
    #[arg(long, global = true)]
    allow_incomplete: bool,
    /// Refuse instead of waiting for another run
    #[arg(long, global = true)]
    no_wait: bool,
    /// Exit 10 instead of 0 when something changed
    #[arg(long, global = true)]
    detailed_exitcode: bool,
    /// Ask nobody: a passphrase that is needed and not given is an error
    #[arg(long, global = true)]
    no_input: bool,
    /// What opens keys.
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless NO_COLOR or TERM=dumb says no.
    Auto,
    /// Also into files and pipes.
    Always,
    /// Not at all.
    Never,
}

/// The mildest finding that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Info,
}

/// How the run is shown and what its exit code depends on.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// JSON instead of words.
    pub json: bool,
    /// `-q`.
    pub quiet: bool,
    /// `-v`.
    pub verbose: bool,
    /// `--color`.
    pub color: When,
    /// `--ascii`.
    pub ascii: bool,
    /// `--dry-run`.
    pub dry_run: bool,
    /// The mildest severity that makes the answer "no".
    pub fail_on: Severity,
    /// Whether "could not look at everything" is forgiven.
    pub allow_incomplete: bool,
    /// Whether a change is told by the exit code.
    pub detailed_exitcode: bool,
}

impl Global {
    /// What the commands need to know; `clock` is used unless `--at` says otherwise.
    pub fn context(&self, clock: OffsetDateTime) -> Result<Context> {
        if let Some(unknown) = self.accept.iter().find(|code| commands::explain::all().all(|r| r.code != **code)) {
            let message = format!("--accept {unknown}: no finding has this code");
            return Err(Error::usage(message).hint("`pkit explain` lists all codes"));
        }
        Ok(Context {
            now: self.at.unwrap_or(clock),
            overwrite: if self.force { Overwrite::Replace } else { Overwrite::Refuse },
            accept: self.accept.clone(),
            json: self.json,
            dry_run: self.dry_run,
            owner: Owner::default(),
            wait: if self.no_wait { Wait::Never } else { Wait::Until },
            secret: Arc::new(Secret::new(self.passphrase.source(), self.no_input)),
            progress: |_| (),
        })
    }

    /// User and group to whom files are to belong, by name.
    pub fn owner(&self) -> (Option<&str>, Option<&str>) {
        (self.owner.as_deref(), self.group.as_deref())
    }

    /// What the names of old files that are kept end in, where they are.
    pub fn backup(&self, clock: OffsetDateTime) -> Option<String> {
        self.backup.then(|| crate::instant::backup_suffix(clock))
    }

    /// What the end of the run needs to know.
    pub fn style(&self) -> Style {
        Style {
            json: self.json,
            quiet: self.quiet,
            verbose: self.verbose,
            color: self.color,
            ascii: self.ascii,
            dry_run: self.dry_run,
            fail_on: match self.fail_on {
                FailOn::Error => Severity::Error,
                FailOn::Warning => Severity::Warning,
                FailOn::Info => Severity::Info,
            },
            allow_incomplete: self.allow_incomplete,
            detailed_exitcode: self.detailed_exitcode,
        }
    }
}

/// The nouns, and the two verbs that do a whole job.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Turn what a CA sent into what a server serves
    Prepare(commands::prepare::Args),
    /// Make, show and check private keys
    #[command(subcommand)]
    Key(commands::key::Verb),
    /// Make, show and check requests to a CA
    #[command(subcommand)]
    Csr(commands::csr::Verb),
    /// Run a private CA
    #[command(subcommand)]
    Ca(commands::ca::Verb),
    /// Make, show, check, sort and convert certificates
    #[command(subcommand)]
    Cert(commands::cert::Verb),
    /// Put certificate chains in order and check them
    #[command(subcommand)]
    Chain(commands::chain::Verb),
    /// Convert and fetch revocation lists
    #[command(subcommand)]
    Crl(commands::crl::Verb),
    /// Join certificates and CRLs into the file a server wants
    #[command(subcommand)]
    Bundle(commands::bundle::Verb),
    /// Write and check Diffie-Hellman parameters
    #[command(subcommand)]
    Dhparam(commands::dhparam::Verb),
    /// Check modes and owners of keys and certificates
    #[command(subcommand)]
    Perms(commands::perms::Verb),
    /// Print a server's TLS directives, to be pasted
    Emit(Box<commands::emit::Args>),
    /// Judge servers' configurations and all that they name
    Lint(Box<commands::lint::Args>),
    /// Show and check what servers present
    Probe(Box<commands::probe::Args>),
    /// Tell what is due, put renewed certificates into use, and back
    #[command(subcommand)]
    Renew(commands::renew::Verb),
    /// Explain the code of a finding or an error
    Explain(commands::explain::Args),
}

impl Command {
    /// The words that name the command in JSON: `chain build`.
    pub fn words(&self) -> &'static str {
        match self {
            Command::Prepare(_) => "prepare",
            Command::Key(verb) => verb.words(),
            Command::Csr(verb) => verb.words(),
            Command::Ca(verb) => verb.words(),
            Command::Cert(verb) => verb.words(),
            Command::Chain(verb) => verb.words(),
            Command::Crl(verb) => verb.words(),
            Command::Bundle(verb) => verb.words(),
            Command::Dhparam(verb) => verb.words(),
            Command::Perms(verb) => verb.words(),
            Command::Emit(_) => "emit",
            Command::Lint(_) => "lint",
            Command::Probe(_) => "probe",
            Command::Renew(verb) => verb.words(),
            Command::Explain(_) => "explain",
        }
    }

    /// Gathers and decides; what comes out is not yet done.
    pub fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Command::Prepare(args) => commands::prepare::run(args, context),
            Command::Key(verb) => verb.run(context),
            Command::Csr(verb) => verb.run(context),
            Command::Ca(verb) => verb.run(context),
            Command::Cert(verb) => verb.run(context),
            Command::Chain(verb) => verb.run(context),
            Command::Crl(verb) => verb.run(context),
            Command::Bundle(verb) => verb.run(context),
            Command::Dhparam(verb) => verb.run(context),
            Command::Perms(verb) => verb.run(context),
            Command::Emit(args) => commands::emit::run(args, context),
            Command::Lint(args) => commands::lint::run(args, context),
            Command::Probe(args) => commands::probe::run(args, context),
            Command::Renew(verb) => verb.run(context),
            Command::Explain(args) => commands::explain::run(args),
        }
    }
}
