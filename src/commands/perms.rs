//! `perms check`: who can read the keys, and who could replace what servers read. Looks and judges; nothing is changed.

use std::path::{Path, PathBuf};

use crate::checks::perms::{self, Role};
use crate::commands::{Context, Outcome};
use crate::facts::{Access, FileFacts};
use crate::files::{facts, read, users};
use crate::finding::{Finding, Location, Severity};
use crate::material::{self, Contents};
use crate::report::{Line, Report, Value, Verdict, object};

/// The verbs of `perms`.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Who can read the keys, and who could replace the certificates?
    Check(CheckArgs),
}

/// Who can read the keys, and who could replace the certificates?
///
/// Keys should be 0400, certificates, chains, CRLs and DH parameters 0444, and
/// all of them root's. ACLs count, and so does every directory on the way to a
/// file. What cannot be looked at is never called fine: the exit code is 3.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit perms check /etc/ssl/private /etc/ssl/certs/mail.pem
  pkit perms check --fail-on warning --json /etc/ssl")]
pub struct CheckArgs {
    /// Files, or directories with files in them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

impl Verb {
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::Check(_) => "perms check",
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Outcome {
        match self {
            Verb::Check(args) => check(&args.paths, context),
        }
    }
}

fn check(paths: &[PathBuf], context: &Context) -> Outcome {
    let (found, mut skipped) = facts::tree(paths);
    let files: Vec<(FileFacts, Role)> = found.into_iter().map(|facts| with_role(facts, &mut skipped)).collect();
    let mut table = Table::default();
    for (facts, role) in &files {
        table.file(facts, *role, context.accepted(perms::file(facts, *role, users::caller())));
    }
    for (dir, findings) in perms::directories(&files, users::caller()) {
        let row = Row { path: &dir.path, target: None, role: "directory", access: &dir.access, want: None };
        table.rows(&row, "dir-mode", context.accepted(findings));
    }
    table.skipped(&skipped);
    table.findings.extend(skipped);
    table.report(&files).into()
}

/// What a file holds decides what its mode should be. A file that cannot be read is judged by what can be seen.
fn with_role(facts: FileFacts, skipped: &mut Vec<Finding>) -> (FileFacts, Role) {
    let seen = read::file(&facts.real).map(|input| material::contents(&input.bytes)).map_err(|error| error.message);
    let role = match seen {
        Ok(Contents::Key) => Role::Key,
        Ok(Contents::Public) => Role::Public,
        Ok(Contents::Other) => Role::Other,
        Ok(Contents::Sealed) => unread(&facts, "an archive that cannot be looked into as a whole", skipped),
        Err(why) => unread(&facts, &why, skipped),
    };
    (facts, role)
}

fn unread(facts: &FileFacts, why: &str, skipped: &mut Vec<Finding>) -> Role {
    skipped.push(read::NOT_READ.at(Location::File(facts.path.clone()), why));
    Role::Unread
}

/// The rows for people and for programs, and the findings behind them.
#[derive(Default)]
struct Table {
    body: Vec<Line>,
    files: Vec<Value>,
    skipped: Vec<Value>,
    findings: Vec<Finding>,
}

/// What the rows about one file have in common.
struct Row<'a> {
    path: &'a Path,
    /// Where the path leads if it is a link.
    target: Option<&'a Path>,
    role: &'static str,
    access: &'a Access,
    want: Option<u32>,
}

impl Table {
    fn file(&mut self, facts: &FileFacts, role: Role, findings: Vec<Finding>) {
        let target = facts.is_link.then_some(facts.real.as_path());
        let row = Row { path: &facts.path, target, role: role.word(), access: &facts.access, want: role.want() };
        // What could not be read has its row among what was skipped, and is never called fine.
        if role != Role::Unread || !findings.is_empty() {
            self.rows(&row, role.code(), findings);
        }
    }

    fn rows(&mut self, row: &Row, fine: &'static str, findings: Vec<Finding>) {
        let verdict = |finding: Option<&Finding>| finding.map_or(Verdict::Ok, |f| f.severity.into());
        // Of several that are equally bad, the first.
        let worst = findings.iter().rev().max_by_key(|f| f.severity);
        self.files.push(row.value(worst.map_or(fine, |f| f.rule.code), verdict(worst)));
        if findings.is_empty() {
            self.body.push(Line::Verdict(Verdict::Ok, row.cells(fine, String::new())));
        }
        for finding in &findings {
            self.body.push(Line::Verdict(verdict(Some(finding)), row.cells(finding.rule.code, row.remark(finding))));
        }
        self.findings.extend(findings);
    }

    fn skipped(&mut self, findings: &[Finding]) {
        for finding in findings {
            let (id, path) = (finding.rule.code, finding.at.path());
            let cells = vec![id.into(), path.display().to_string(), String::new(), finding.message.clone()];
            self.body.push(Line::Verdict(Verdict::Skip, cells));
            self.skipped.push(object! { "path" => path, "id" => id, "message" => finding.message.as_str() });
        }
    }

    fn report(mut self, files: &[(FileFacts, Role)]) -> Report {
        self.body.push(Line::Text(self.summary(files.len())));
        let result = object! { "files" => self.files, "by_role" => by_role(files), "skipped" => self.skipped };
        let findings_in_body = true;
        Report { body: self.body, findings: self.findings, findings_in_body, ..Report::judging(result) }
    }

    fn summary(&self, files: usize) -> String {
        let count = |severity| self.findings.iter().filter(|f| f.severity == severity).count();
        format!(
            "{files} looked at: {} FAIL, {} WARN, {} NOTE, {} SKIP",
            count(Severity::Error),
            count(Severity::Warning),
            count(Severity::Info),
            count(Severity::Skipped)
        )
    }
}

impl Row<'_> {
    fn cells(&self, code: &str, remark: String) -> Vec<String> {
        let path = match self.target {
            Some(target) => format!("{} → {}", self.path.display(), target.display()),
            None => self.path.display().to_string(),
        };
        vec![code.into(), path, self.access.words(), remark]
    }

    /// Where a chmod is the whole answer, what to change to; else what is wrong.
    fn remark(&self, finding: &Finding) -> String {
        match self.want {
            Some(mode) if finding.severity != Severity::Warning => format!("want {mode:04o} root:root"),
            _ => finding.message.clone(),
        }
    }

    fn value(&self, id: &'static str, verdict: Verdict) -> Value {
        let acl = self.access.acl.as_ref().map(|acl| {
            let named = acl.named.iter().map(|grant| object! { "to" => grant.to_string(), "rights" => grant.rights });
            named.collect::<Vec<_>>()
        });
        let want =
            self.want.map(|mode| object! { "mode" => format!("{mode:04o}"), "owner" => "root", "group" => "root" });
        object! {
            "path" => self.path, "target" => self.target, "role" => self.role, "mode" => format!("{:04o}", self.access.mode),
            "owner" => self.access.owner.as_str(), "group" => self.access.group.as_str(), "acl" => acl, "want" => want,
            "verdict" => verdict.word().to_lowercase(), "id" => id,
        }
    }
}

fn by_role(files: &[(FileFacts, Role)]) -> Value {
    let count = |role| files.iter().filter(|(_, r)| *r == role).count();
    object! {
        "key" => count(Role::Key), "public" => count(Role::Public), "other" => count(Role::Other),
        "unread" => count(Role::Unread),
    }
}
