//! The only words, columns and colours. A command fills a `Report` with values; how they look to a person or to a program is
//! decided here, and every string from outside is escaped here, once for each kind of output. Nothing is computed or judged.

pub mod describe;
pub mod escape;
pub mod github;
pub mod human;
pub mod in_full;
pub mod json;
pub mod nagios;
pub mod picture;
pub mod progress;
pub mod prometheus;
pub mod sarif;
mod stream;
mod value;

use std::path::PathBuf;

use crate::change::{Change, Deed, Mode};
use crate::content::Content;
use crate::error::Error;
use crate::exit::{Exit, State};
use crate::finding::{Finding, Location, Severity};
pub use stream::{Row, Sink, Stream, Tail, Tally};
pub use value::Value;
pub(crate) use value::object;

/// What a command has to say.
#[derive(Debug)]
pub struct Report {
    /// The command's result for programs (`result` in JSON).
    pub result: Value,
    /// The same for people, line by line.
    pub body: Vec<Line>,
    /// Everything noticed.
    pub findings: Vec<Finding>,
    /// Whether the findings are the result (a check: stdout) or go beside it (stderr).
    pub findings_are_result: bool,
    /// Whether the body tells each finding already, as a table with a row for each does: then they follow only with `-v`.
    pub findings_in_body: bool,
    /// Bytes that the user asked for on stdout.
    pub artefact: Option<Content>,
    /// The texts that findings point into, so that the line can be shown.
    pub texts: Vec<SourceText>,
    /// A line for people behind the findings.
    pub closing: Option<String>,
    /// The form for another program, where the command was asked for one.
    pub form: Option<Form>,
    /// What went wrong on the way without stopping the work, such as a network that did not answer; `Exit::Ok` if nothing did.
    pub trouble: Exit,
    /// Numbers that Nagios and its kin watch.
    pub gauges: Vec<nagios::Gauge>,
    /// Samples for Prometheus.
    pub metrics: Vec<prometheus::Metric>,
    /// Rows that are still to come, before the rest.
    pub stream: Option<Stream>,
    /// Puts what was done into the report, and why it was given up, where the result is more than changed files.
    pub afterwards: Option<Afterwards>,
}

/// Completes a report by what was done besides changing files, and by why it was given up.
pub type Afterwards = fn(Report, &[Deed], Option<&Error>) -> Report;

/// A text that findings point into.
#[derive(Clone, Debug)]
pub struct SourceText {
    path: PathBuf,
    text: String,
    /// Where each line begins, since many findings may ask.
    starts: Vec<usize>,
}

impl SourceText {
    /// A text and where it was read.
    pub fn new(path: PathBuf, text: String) -> SourceText {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        SourceText { path, text, starts }
    }

    fn line(&self, number: usize) -> Option<&str> {
        let start = *self.starts.get(number.checked_sub(1)?)?;
        self.text[start..].lines().next()
    }
}

/// Forms of findings for programs that are not scripts of the user's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The JSON of every command.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub's workflows.
    GitHub,
    /// One line for Nagios and its kin.
    Nagios,
    /// Metrics for node_exporter.
    Prometheus,
}

/// A line for people. The renderer escapes it, aligns it and chooses colours; it never contains a line break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Plain words.
    Text(String),
    /// Cells that stand under each other with those of the neighbouring rows.
    Row(Vec<String>),
    /// A verdict word and cells.
    Verdict(Verdict, Vec<String>),
    /// Text that is indented under the line before.
    Indented(String),
    /// Where the lines about written files go; without it they come last.
    Changes,
    /// Text to paste into a file: printed as it is, indented with the rest. The maker has refused control characters.
    Paste(String),
}

/// How a row turned out. Always a word, never colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Note,
    /// Should be better.
    Warn,
    /// Not as it must be.
    Fail,
    /// Could not be looked at.
    Skip,
    /// To be renewed.
    Due,
    /// Renewed on the disk, and not where it is used.
    Stale,
}

impl Verdict {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Ok => "OK",
            Verdict::Note => "NOTE",
            Verdict::Warn => "WARN",
            Verdict::Fail => "FAIL",
            Verdict::Skip => "SKIP",
            Verdict::Due => "DUE",
            Verdict::Stale => "STALE",
        }
    }
}

impl From<Severity> for Verdict {
    fn from(severity: Severity) -> Verdict {
        match severity {
            Severity::Info => Verdict::Note,
            Severity::Warning => Verdict::Warn,
            Severity::Error => Verdict::Fail,
            Severity::Skipped => Verdict::Skip,
        }
    }
}

impl Report {
    /// A report of something made: findings go beside it.
    pub fn of(result: Value) -> Report {
        Report {
            result,
            body: Vec::new(),
            findings: Vec::new(),
            findings_are_result: false,
            findings_in_body: false,
            artefact: None,
            texts: Vec::new(),
            closing: None,
            form: None,
            trouble: Exit::Ok,
            gauges: Vec::new(),
            metrics: Vec::new(),
            stream: None,
            afterwards: None,
        }
    }

    /// A report of something judged: the findings are the answer.
    pub fn judging(result: Value) -> Report {
        Report { findings_are_result: true, ..Report::of(result) }
    }

    /// Adds a line of words.
    pub fn say(&mut self, text: impl Into<String>) {
        self.body.push(Line::Text(text.into()));
    }

    /// The line that a place points at.
    pub fn line_at(&self, at: &Location) -> Option<&str> {
        let Location::Line { path, line, .. } = at else { return None };
        let source = self.texts.iter().find(|source| source.path == *path)?;
        source.line(*line)
    }
}

/// How a run ended: everything that a renderer needs.
#[derive(Debug)]
pub struct Ended<'a> {
    /// `key new`.
    pub command: &'a str,
    /// The report, unless the command failed before it had one.
    pub report: Option<&'a Report>,
    /// What the rows of its stream have brought up, once they are through.
    pub streamed: Tally,
    /// What was written, or would be.
    pub changes: &'a [Change],
    /// Whether it was written.
    pub mode: Mode,
    /// Why the work stopped.
    pub error: Option<&'a Error>,
    /// The exit code.
    pub exit: Exit,
}

impl Ended<'_> {
    /// Did anything change on the disk, or would it?
    pub fn changed(&self) -> bool {
        self.changes.iter().any(|c| c.action != crate::change::Action::Unchanged)
    }

    /// The exit code: the gravest of the error's own, what went wrong on the way, what the findings ask for, and whether
    /// something changed.
    pub fn decide(&self, fail_on: Severity, allow_incomplete: bool, detailed: bool) -> Exit {
        let mut exit = if detailed && self.mode == Mode::Apply && self.changed() { Exit::Changed } else { Exit::Ok };
        let tally = self.tally();
        if tally.reaches(fail_on) {
            exit = exit.worst(Exit::Findings);
        }
        if !allow_incomplete && tally.skipped > 0 {
            exit = exit.worst(Exit::Input);
        }
        exit = exit.worst(self.report.map_or(Exit::Ok, |r| r.trouble));
        self.error.map_or(exit, |e| exit.worst(e.exit))
    }

    /// How many findings there are in all.
    pub fn tally(&self) -> Tally {
        self.streamed.of(self.findings())
    }

    /// The same for Nagios: what is critical goes before what is not known. The exit code knows which gaps are forgiven.
    pub fn state(&self) -> State {
        let tally = self.tally();
        if tally.error > 0 {
            State::Critical
        } else if !self.exit.is_answer() {
            State::Unknown
        } else if tally.warning > 0 {
            State::Warning
        } else {
            State::Ok
        }
    }

    fn findings(&self) -> &[Finding] {
        self.report.map_or(&[], |r| &r.findings)
    }
}
