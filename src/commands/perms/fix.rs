//! `perms fix`: the plan of what to take away, and what is left for a person.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::audit::{Audit, Judged};
use super::{script, summary, table};
use crate::checks::perms;
use crate::commands::Outcome;
use crate::content::{Content, Rights, RightsWrite};
use crate::error::Result;
use crate::facts::{Access, DirFacts, FileFacts};
use crate::finding::{Finding, Severity};
use crate::plan::{Plan, Step};
use crate::report::{Line, Report, Row, Tally, Value, object};

/// Plans, and reports what the plan does not mend.
pub(super) fn run(audit: &Audit, diff: bool, as_script: bool) -> Result<Outcome> {
    let mut mending =
        Mending { audit, roots: audit.roots(), writes: Vec::new(), seen: BTreeSet::new(), left: Vec::new() };
    let mut files = 0;
    let directories = audit.run(&mut |judged| {
        files += usize::from(matches!(judged, Judged::File { .. }));
        mending.file(judged);
        ControlFlow::Continue(())
    });
    let files_after = std::mem::take(&mut mending.writes);
    for (dir, findings) in directories.judge(audit.judge.caller) {
        mending.directory(&dir, audit.context.accepted(findings));
    }
    // Who can exchange files in a directory is shut out first.
    mending.writes.extend(files_after);
    let Mending { writes, left, .. } = mending;
    if as_script {
        return Ok(Report { artefact: Some(Content::Public(script::of(&writes))), ..Report::of(Value::Null) }.into());
    }
    let report = report(files, &writes, left, diff);
    let steps = writes.into_iter().map(Step::Rights).collect();
    Ok(Outcome { report, plan: Plan { steps, ..Plan::default() } })
}

struct Mending<'a> {
    audit: &'a Audit,
    /// Where what was named really is.
    roots: Vec<PathBuf>,
    writes: Vec<RightsWrite>,
    /// A file that is found under two names, or by a link, is changed once.
    seen: BTreeSet<PathBuf>,
    /// What there is to say about the rest.
    left: Vec<Row>,
}

impl Mending<'_> {
    fn file(&mut self, judged: Judged) {
        let Judged::File { facts, role, want, findings, unread } = judged else {
            return self.left.push(table::row(&judged));
        };
        let judge = &self.audit.judge;
        let readers = &self.audit.readers(&facts);
        let ours = facts.links == 1 && self.may_change(&facts.real, &facts.access);
        let (facts, findings) = match judge.tighter(&facts, role, readers).filter(|_| ours) {
            None => (facts, findings),
            Some(rights) => {
                self.write(&facts.path, &facts.real, facts.id, &facts.access, rights);
                let after = FileFacts { access: perms::after(&facts.access, &rights), ..facts };
                let found = judge.file(&after, role, readers);
                (after, self.audit.context.accepted(found))
            }
        };
        let findings: Vec<Finding> = findings.into_iter().filter(|f| f.severity > Severity::Info).collect();
        if unread.is_some() || !findings.is_empty() {
            self.left.push(table::row(&Judged::File { facts, role, want, findings, unread }));
        }
    }

    fn directory(&mut self, dir: &DirFacts, findings: Vec<Finding>) {
        let rights = perms::tighter_directory(dir).filter(|_| self.may_change(&dir.path, &dir.access));
        if let Some(rights) = rights {
            self.write(&dir.path, &dir.path, dir.id, &dir.access, rights);
        }
        let mended = |f: &Finding| rights.is_some() && f.rule.code != perms::rules::DIR_OWNER.code;
        let left: Vec<Finding> = findings.into_iter().filter(|f| !mended(f)).collect();
        if !left.is_empty() {
            self.left.push(table::directory(dir, left));
        }
    }

    /// Only what was named, or is in it, and only what is one's own.
    fn may_change(&self, real: &Path, access: &Access) -> bool {
        let caller = self.audit.judge.caller;
        (caller == 0 || access.uid == caller) && self.roots.iter().any(|root| real.starts_with(root))
    }

    fn write(&mut self, path: &Path, real: &Path, id: crate::facts::FileId, before: &Access, rights: Rights) {
        if self.seen.insert(real.to_owned()) {
            let (path, real) = (path.to_owned(), self.audit.tree.on_disk(real));
            self.writes.push(RightsWrite { path, real, id, before: before.clone(), rights });
        }
    }
}

fn report(files: usize, writes: &[RightsWrite], left: Vec<Row>, diff: bool) -> Report {
    let mut body = Vec::new();
    let mut diffs = Vec::new();
    for write in writes.iter().filter(|_| diff) {
        let (before, after) = (write.before.words(), perms::after(&write.before, &write.rights).words());
        body.push(Line::Text(format!("--- {before}  {}", write.path.display())));
        body.push(Line::Text(format!("+++ {after}  {}", write.path.display())));
        diffs.push(object! { "path" => write.path.as_path(), "before" => before, "after" => after });
    }
    body.push(Line::Changes);
    let (mut lists, mut findings) = ([Vec::new(), Vec::new()], Vec::new());
    for row in left {
        if let Some(list) = lists.get_mut(row.list) {
            list.push(row.value);
        }
        body.extend(row.lines);
        findings.extend(row.findings);
    }
    body.push(summary(files, Tally::default().of(&findings)));
    let [left, skipped] = lists;
    let mut result = object! { "files" => left, "skipped" => skipped };
    if diff {
        result = result.with("diff", diffs);
    }
    Report { body, findings, findings_in_body: true, ..Report::judging(result) }
}
