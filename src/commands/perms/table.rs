//! Rows about files and directories, for people and for programs.

use std::path::Path;

use super::audit::Judged;
use crate::checks::perms::rules::{CERT_MODE, CERT_WRITABLE, KEY_MODE, KEY_WORLD_READABLE, KEY_WRITABLE};
use crate::checks::perms::{Role, Want};
use crate::facts::{Access, DirFacts};
use crate::finding::{Finding, Rule};
use crate::report::{Line, Row, Value, Verdict, object};

/// The lists of the result that rows belong to.
const FILES: usize = 0;
const SKIPPED: usize = 1;

/// To these a chmod is the whole answer.
static CHMOD: [&Rule; 5] = [&KEY_WORLD_READABLE, &KEY_WRITABLE, &KEY_MODE, &CERT_WRITABLE, &CERT_MODE];

/// What there is to say about one path.
pub(super) fn row(judged: &Judged) -> Row {
    match judged {
        Judged::Skipped(finding) => skipped(finding),
        Judged::File { facts, role, want, findings, unread } => {
            let target = facts.is_link.then_some(facts.real.as_path());
            let about =
                About { path: &facts.path, target, role: role.word(), access: &facts.access, want: want.as_ref() };
            // What could not be read has its row among what was skipped, and is never called fine.
            match unread {
                None => about.row(role.code(), findings.clone()),
                Some(unread) if findings.is_empty() => skipped(unread),
                Some(unread) => {
                    let mut row = about.row(Role::Unread.code(), findings.clone());
                    let also = skipped(unread);
                    row.lines.extend(also.lines);
                    row.findings.extend(also.findings);
                    row
                }
            }
        }
    }
}

/// What there is to say about a directory.
pub(super) fn directory(dir: &DirFacts, findings: Vec<Finding>) -> Row {
    let about = About { path: &dir.path, target: None, role: "directory", access: &dir.access, want: None };
    about.row("dir-mode", findings)
}

fn skipped(finding: &Finding) -> Row {
    let (id, path) = (finding.rule.code, finding.at.path());
    let cells = vec![id.into(), path.display().to_string(), String::new(), finding.message.clone()];
    Row {
        list: SKIPPED,
        value: object! { "path" => path, "id" => id, "message" => finding.message.as_str() },
        lines: vec![Line::Verdict(Verdict::Skip, cells)],
        findings: vec![finding.clone()],
    }
}

/// What the lines about one path have in common.
struct About<'a> {
    path: &'a Path,
    /// Where the path leads if it is a link.
    target: Option<&'a Path>,
    role: &'static str,
    access: &'a Access,
    want: Option<&'a Want>,
}

impl About<'_> {
    fn row(&self, fine: &'static str, findings: Vec<Finding>) -> Row {
        let verdict = |finding: Option<&Finding>| finding.map_or(Verdict::Ok, |f| f.severity.into());
        // Of several that are equally bad, the first.
        let worst = findings.iter().rev().max_by_key(|f| f.severity);
        let mut lines: Vec<Line> =
            findings.iter().map(|f| Line::Verdict(verdict(Some(f)), self.cells(f.rule.code, self.remark(f)))).collect();
        if lines.is_empty() {
            lines.push(Line::Verdict(Verdict::Ok, self.cells(fine, String::new())));
        }
        let value = self.value(worst.map_or(fine, |f| f.rule.code), verdict(worst));
        Row { list: FILES, value, lines, findings }
    }

    fn cells(&self, code: &str, remark: String) -> Vec<String> {
        let path = match self.target {
            Some(target) => format!("{} → {}", self.path.display(), target.display()),
            None => self.path.display().to_string(),
        };
        vec![code.into(), path, self.access.words(), remark]
    }

    /// Where that is all, what to change to; else what is wrong.
    fn remark(&self, finding: &Finding) -> String {
        match self.want {
            Some(want) if CHMOD.contains(&finding.rule) => {
                format!("want {:04o} {}:{}", want.mode, want.owner, want.group)
            }
            _ => finding.message.clone(),
        }
    }

    fn value(&self, id: &'static str, verdict: Verdict) -> Value {
        let acl = self.access.acl.as_ref().map(|acl| {
            let named = acl.named.iter().map(|grant| object! { "to" => grant.to_string(), "rights" => grant.rights });
            named.collect::<Vec<_>>()
        });
        let want = self.want.map(|want| {
            let (owner, group) = (want.owner.as_str(), want.group.as_str());
            object! { "mode" => format!("{:04o}", want.mode), "owner" => owner, "group" => group }
        });
        object! {
            "path" => self.path, "target" => self.target, "role" => self.role, "mode" => format!("{:04o}", self.access.mode),
            "owner" => self.access.owner.as_str(), "group" => self.access.group.as_str(), "acl" => acl, "want" => want,
            "verdict" => verdict.word().to_lowercase(), "id" => id,
        }
    }
}
