//! Rows that come while the work still goes on, because all of them together would not fit in the memory: an audit of a large
//! tree. The renderers take them one by one, and what stands in a document only once they are through comes behind them.

use std::fmt;
use std::ops::ControlFlow;

use super::{Line, Value};
use crate::finding::{Finding, Severity};

/// What takes the rows; it may break off, as when nobody reads any more.
pub type Sink<'a> = dyn FnMut(Row) -> ControlFlow<()> + 'a;

/// The source of the rows.
pub struct Stream {
    /// The names of the lists in `result` that the rows belong to. The rows of the first are written at once, so these should be
    /// the most.
    pub lists: &'static [&'static str],
    /// Does the work.
    pub run: Box<dyn FnOnce(&mut Sink) -> Tail>,
}

/// One thing that was looked at.
#[derive(Debug)]
pub struct Row {
    /// Which of the lists it belongs to.
    pub list: usize,
    /// For programs.
    pub value: Value,
    /// For people.
    pub lines: Vec<Line>,
    /// What was noticed about it.
    pub findings: Vec<Finding>,
}

/// What is known only in the end.
#[derive(Debug)]
pub struct Tail {
    /// What else belongs in `result`.
    pub result: Vec<(&'static str, Value)>,
    /// What else is said.
    pub lines: Vec<Line>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("lists", &self.lists).finish_non_exhaustive()
    }
}

/// How many findings there are of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Errors.
    pub error: usize,
    /// Warnings.
    pub warning: usize,
    /// Notes.
    pub info: usize,
    /// What could not be looked at.
    pub skipped: usize,
}

impl Tally {
    /// With one more.
    pub fn count(&mut self, finding: &Finding) {
        *match finding.severity {
            Severity::Error => &mut self.error,
            Severity::Warning => &mut self.warning,
            Severity::Info => &mut self.info,
            Severity::Skipped => &mut self.skipped,
        } += 1;
    }

    /// With several more.
    pub fn of<'a>(mut self, findings: impl IntoIterator<Item = &'a Finding>) -> Tally {
        findings.into_iter().for_each(|finding| self.count(finding));
        self
    }

    /// Is there one that is at least so bad, not counting what was skipped?
    pub fn reaches(&self, severity: Severity) -> bool {
        let counts = [(Severity::Info, self.info), (Severity::Warning, self.warning), (Severity::Error, self.error)];
        counts.iter().any(|(of, count)| *of >= severity && *count > 0)
    }
}
