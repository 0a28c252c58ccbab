//! `perms check`: who can read the keys, whether the servers can, and who could replace what they read. `perms fix`: what can be
//! mended of it by taking rights away.

mod audit;
mod configured;
mod fix;
pub mod policies;
pub mod readers;
mod script;
mod table;

use std::path::PathBuf;

use crate::checks::perms::{Judge, Role};
use crate::commands::{Context, Outcome, target};
use crate::error::{Error, Result};
use crate::files::facts::Tree;
use crate::files::users;
use crate::report::{Line, Report, Stream, Tail, Tally, Value};
use crate::servers;
use audit::Audit;

/// The verbs of `perms`.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Who can read the keys, and who could replace the certificates?
    Check(CheckArgs),
    /// Take away the rights that nobody needs
    Fix(FixArgs),
}

/// Who can read the keys, and who could replace the certificates?
///
/// Keys should be 0400, certificates, chains, CRLs and DH parameters 0444, and
/// all of them root's. A file with a private key anywhere in it is a key. ACLs
/// count, and so does every directory on the way: also for whether a server can
/// read what it opens (--for). What cannot be looked at is never called fine:
/// the exit code is 3.
#[derive(Debug, clap::Args)]
#[command(after_help = concat!("Examples:
  pkit perms check /etc/ssl/private /etc/ssl/certs/mail.pem
  pkit perms check --fail-on warning --json /etc/ssl
  pkit perms check --policy debian /etc/ssl
  pkit perms check --for openldap /etc/ldap/ldap.key
  pkit perms check --from-config dovecot,postfix
  pkit perms check --root /srv/image /etc/ssl /etc/dovecot

A policy is a few lines of TOML; the first mode is what others are changed to.
No policy makes a key fine that everybody can read. This one is `debian`:

", include_str!("../../checks/perms/debian.toml")))]
pub struct CheckArgs {
    #[command(flatten)]
    what: WhatArgs,
}

/// Take away the rights that nobody needs
///
/// What `perms check` finds and chmod, chown or the removal of an ACL mends is
/// mended; nobody gets a right by it, and a server that could read its key
/// still can. Nothing outside of what is named is touched. What is left for a
/// person to decide is told, as `perms check` tells it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit perms fix --dry-run --diff /etc/ssl/private
  pkit perms fix /etc/ssl/private /etc/dovecot
  pkit perms fix --format sh /etc/ssl > fix.sh; sh fix.sh; sh fix.sh undo")]
pub struct FixArgs {
    #[command(flatten)]
    what: WhatArgs,
    /// Show what was beside what is to be
    #[arg(long)]
    diff: bool,
    /// Print a script that does it, and undoes it; nothing is changed
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Sh,
}

#[derive(Debug, clap::Args)]
struct WhatArgs {
    /// Files, or directories with files in them
    #[arg(required_unless_present = "from_config", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The files that these servers' configurations name: the installed one's,
    /// or that of FILE
    #[arg(long, value_name = "SERVER[=FILE]", value_delimiter = ',', value_parser = configured::parse)]
    from_config: Vec<configured::Named>,
    /// The servers that open these files: can they read them?
    #[arg(long = "for", value_name = "SERVER", value_delimiter = ',', value_parser = target::server_parser())]
    servers: Vec<&'static servers::Server>,
    /// dovecot, debian, or a file
    #[arg(long, value_name = "POLICY", default_value = "dovecot")]
    policy: PathBuf,
    /// Look at an image or chroot, with its own users; paths begin there
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

impl Verb {
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::Check(_) => "perms check",
            Verb::Fix(_) => "perms fix",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::Check(args) => Ok(check(args.what.audit(context)?)),
            Verb::Fix(args) => {
                if args.what.root.is_some() && args.format.is_some() {
                    let error = Error::usage("--format sh and --root do not go together");
                    return Err(error.hint("run the script's commands in the image, or leave out --format"));
                }
                fix::run(&args.what.audit(context)?, args.diff, args.format.is_some())
            }
        }
    }
}

impl WhatArgs {
    fn audit(&self, context: &Context) -> Result<Audit> {
        let own_user = |server: &'static servers::Server| {
            server.files.iter().filter_map(|file| match file.reader {
                servers::Reader::User(name) => Some((server.title, name.to_owned())),
                servers::Reader::Root => None,
            })
        };
        let tree = self.root.as_deref().map_or_else(|| Ok(Tree::here()), Tree::at)?;
        let readers = self.servers.iter().map(|server| readers::of(server, &tree.users)).collect::<Result<_>>()?;
        let configured = configured::gather(&self.from_config, &tree)?;
        let judge = Judge {
            policy: policies::named(&self.policy)?,
            caller: users::caller(),
            own_users: servers::ALL.iter().flat_map(|server| own_user(server)).collect(),
            web_roots: configured.web_roots,
        };
        let paths = self.paths.iter().cloned().chain(configured.paths).collect();
        let (of_file, skipped) = (configured.readers, configured.findings);
        Ok(Audit { paths, tree, judge, readers, of_file, skipped, context: context.clone() })
    }
}

/// The rows come while the tree is walked, so that a large one does not fill the memory.
fn check(audit: Audit) -> Outcome {
    let run = move |sink: &mut crate::report::Sink| {
        let (mut tally, mut by_role) = (Tally::default(), ByRole::default());
        let directories = audit.run(&mut |judged| {
            by_role.count(&judged);
            let row = table::row(&judged);
            tally = tally.of(&row.findings);
            sink(row)
        });
        for (dir, findings) in directories.judge(audit.judge.caller) {
            let row = table::directory(&dir, audit.context.accepted(findings));
            tally = tally.of(&row.findings);
            if sink(row).is_break() {
                break;
            }
        }
        Tail { result: vec![("by_role", by_role.value())], lines: vec![summary(by_role.files(), tally)] }
    };
    let stream = Stream { lists: &["files", "skipped"], run: Box::new(run) };
    let report = Report { stream: Some(stream), findings_in_body: true, ..Report::judging(Value::Null) };
    report.into()
}

/// How many files there are of each role.
#[derive(Default)]
struct ByRole([usize; Role::ALL.len()]);

impl ByRole {
    fn count(&mut self, judged: &audit::Judged) {
        if let audit::Judged::File { role, .. } = judged {
            self.0.iter_mut().zip(Role::ALL).filter(|(_, known)| known == role).for_each(|(count, _)| *count += 1);
        }
    }

    fn files(&self) -> usize {
        self.0.iter().sum()
    }

    fn value(&self) -> Value {
        Value::Object(Role::ALL.iter().zip(self.0).map(|(role, count)| (role.word(), count.into())).collect())
    }
}

fn summary(files: usize, tally: Tally) -> Line {
    let Tally { error, warning, info, skipped } = tally;
    Line::Text(format!("{files} looked at: {error} FAIL, {warning} WARN, {info} NOTE, {skipped} SKIP"))
}
