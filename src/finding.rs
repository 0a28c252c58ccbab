//! The vocabulary of opinions: a `Rule` is a fact worth telling, known in advance and explained once; a `Finding` is that fact
//! seen at one place. Every judge returns findings and every renderer takes them. `Error` uses rules too, so that each code
//! that pkit can print has one explanation (`pkit explain CODE`). Nothing of ours is used here, and nothing is printed.

use std::fmt;
use std::path::{Path, PathBuf};

/// How bad a finding is. The order is the order of concern; the exit code looks at the worst one (`--fail-on`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; never changes the exit code unless `--fail-on info` asks for it.
    Info,
    /// Works, but should be better.
    Warning,
    /// Does not work, or is not safe.
    Error,
    /// Could not be looked at: the result is incomplete (exit 3), never "OK".
    Skipped,
}

impl Severity {
    /// The word for JSON and for the head of a finding.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Skipped => "skipped",
        }
    }
}

/// A fact that pkit can tell, with its one explanation. Codes are an interface: kebab-case, never renamed.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The stable id, such as `key-mismatch`.
    pub code: &'static str,
    /// How bad it is where nothing else is said.
    pub severity: Severity,
    /// What is the case, in one sentence.
    pub summary: &'static str,
    /// What to do about it.
    pub help: &'static str,
    /// Who says so: an RFC section, a manual page, or what a real server did when tried.
    pub source: &'static str,
}

impl Rule {
    /// This rule, seen at one place.
    pub fn at(&'static self, at: Location, message: impl Into<String>) -> Finding {
        Finding { rule: self, severity: self.severity, at, message: message.into(), help: None, instead: None }
    }
}

/// Declares the rules of one file and gathers them in its `RULES`, so that none can be left out of `explain`.
macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $severity:ident $code:literal {
        summary: $summary:expr, help: $help:expr, source: $source:expr $(,)?
    })*) => {
        $($(#[$doc])* pub static $name: $crate::finding::Rule = $crate::finding::Rule {
            code: $code,
            severity: $crate::finding::Severity::$severity,
            summary: $summary,
            help: $help,
            source: $source,
        };)*
        /// Every rule declared in this file.
        pub static RULES: &[&$crate::finding::Rule] = &[$(&$name),*];
    };
}
pub(crate) use rules;

/// One opinion about one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The fact.
    pub rule: &'static Rule,
    /// The rule's severity, unless the place makes it milder or worse.
    pub severity: Severity,
    /// Where it was seen.
    pub at: Location,
    /// The fact with its values.
    pub message: String,
    /// What to do here, where that can be said more exactly than the rule says it.
    pub help: Option<String>,
    /// The line to write in the place of the one that is found, or beside it.
    pub instead: Option<String>,
}

impl Finding {
    /// The same finding with advice for this very case.
    pub fn help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }

    /// The same finding with a safer line.
    pub fn instead(mut self, line: impl Into<String>) -> Finding {
        self.instead = Some(line.into());
        self
    }

    /// The same finding at another severity.
    pub fn severity(mut self, severity: Severity) -> Finding {
        self.severity = severity;
        self
    }

    /// The advice for this case, else the rule's.
    pub fn advice(&self) -> &str {
        self.help.as_deref().unwrap_or(self.rule.help)
    }
}

/// Where something was read: a file, perhaps a member of an archive in it, and the block there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file as the user named it or as it was found; `-` is standard input.
    pub path: PathBuf,
    /// The member's name where the file is an archive.
    pub member: Option<String>,
    /// Which block of the file or member, from 0.
    pub index: usize,
    /// The line of the block's first line, from 1; 0 where the bytes have no lines (DER).
    pub line: usize,
}

impl Origin {
    /// The whole of a file, before its blocks are told apart.
    pub fn file(path: impl Into<PathBuf>) -> Origin {
        Origin { path: path.into(), member: None, index: 0, line: 0 }
    }

    /// The file's or member's own name, without folders: what a table shows.
    pub fn short_name(&self) -> String {
        match &self.member {
            Some(member) => member.clone(),
            None => self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(member) = &self.member {
            write!(f, "({member})")?;
        }
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        Ok(())
    }
}

/// What a finding points at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// A file as a whole: its permissions, its absence.
    File(PathBuf),
    /// One block of a file or of an archive's member.
    Block(Origin),
    /// A place in a configuration text; line and column count from 1.
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// First column of the value, from 1.
        column: usize,
    },
}

impl Location {
    /// The file that the finding is about.
    pub fn path(&self) -> &Path {
        match self {
            Location::File(path) | Location::Line { path, .. } => path,
            Location::Block(origin) => &origin.path,
        }
    }

    /// The line in that file, where there is one.
    pub fn line(&self) -> Option<usize> {
        match self {
            Location::File(_) => None,
            Location::Block(origin) => (origin.line > 0).then_some(origin.line),
            Location::Line { line, .. } => Some(*line),
        }
    }

    /// The column in that line, where there is one.
    pub fn column(&self) -> Option<usize> {
        match self {
            Location::Line { column, .. } => Some(*column),
            Location::File(_) | Location::Block(_) => None,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::File(path) => write!(f, "{}", path.display()),
            Location::Block(origin) => write!(f, "{origin}"),
            Location::Line { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
        }
    }
}

impl From<Origin> for Location {
    fn from(origin: Origin) -> Location {
        Location::Block(origin)
    }
}
