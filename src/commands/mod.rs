//! One verb each: its arguments, and `run`, which gathers, decides and returns an `Outcome`. Nothing is written and nothing is
//! printed here: `main` applies the plan and renders the report.

pub mod bundle;
pub mod ca;
pub mod cert;
pub mod chain;
pub mod configuration;
pub mod crl;
pub mod csr;
pub mod dhparam;
pub mod emit;
pub mod explain;
pub mod fetching;
mod gather;
pub mod key;
pub mod key_file;
pub mod lint;
pub mod new_key;
pub mod passphrase;
pub mod perms;
pub mod prepare;
pub mod probe;
pub mod renew;
pub mod set;
pub mod subject;
pub mod target;

use std::sync::Arc;

use time::OffsetDateTime;

use crate::change::{Owner, Wait};
use crate::content::Overwrite;
use crate::finding::{Finding, Severity};
use crate::plan::Plan;
use crate::report::Report;
use passphrase::Secret;

/// What every command is told besides its own arguments.
#[derive(Clone, Debug)]
pub struct Context {
    /// The instant to judge by: the clock's, or `--at`.
    pub now: OffsetDateTime,
    /// Whether existing files may be replaced.
    pub overwrite: Overwrite,
    /// Codes of findings that the user accepts (`--accept`).
    pub accept: Vec<String>,
    /// Whether the result goes to a program; a key never does.
    pub json: bool,
    /// Whether nothing will be written, so that nothing costly needs to be made.
    pub dry_run: bool,
    /// To whom files will belong.
    pub owner: Owner,
    /// What to do while another run changes the same thing.
    pub wait: Wait,
    /// What opens encrypted keys and PKCS#12 files, and locks new ones.
    pub secret: Arc<Secret>,
    /// Shows on a terminal how far a long search has come; no words take the line away.
    pub progress: fn(&str),
}

impl Context {
    /// The findings, those that the user has accepted by name turned into notes, so that they no longer count. What could not
    /// be looked at is not known well enough to be accepted.
    pub fn accepted(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let milder = |f: Finding| match f.severity {
            Severity::Error | Severity::Warning if self.accept.iter().any(|code| code == f.rule.code) => {
                f.severity(Severity::Info)
            }
            _ => f,
        };
        findings.into_iter().map(milder).collect()
    }
}

/// Is there an error among these findings, once the accepted ones are notes?
pub(crate) fn any_error(findings: &[Finding]) -> bool {
    findings.iter().any(|f| f.severity == Severity::Error)
}

/// What a command decided: what to say and what to do.
#[derive(Debug)]
pub struct Outcome {
    /// What to say.
    pub report: Report,
    /// What to do.
    pub plan: Plan,
}

impl From<Report> for Outcome {
    fn from(report: Report) -> Outcome {
        Outcome { report, plan: Plan::default() }
    }
}
