//! Findings as workflow commands of GitHub, which shows them beside the lines of a change:
//! `::error file=…,line=…,col=…,title=…::message` (docs.github.com, "Workflow commands").

use std::io::{self, Write};

use super::Ended;
use super::escape::visible;
use crate::finding::Severity;

/// One line for each finding, and one for an error.
pub fn render(ended: &Ended, out: &mut dyn Write) -> io::Result<()> {
    for finding in ended.findings() {
        let word = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info | Severity::Skipped => "notice",
        };
        write!(out, "::{word} file={}", property(&finding.at.path().to_string_lossy()))?;
        for (name, number) in [("line", finding.at.line()), ("col", finding.at.column())] {
            if let Some(number) = number {
                write!(out, ",{name}={number}")?;
            }
        }
        let instead = finding.instead.iter().map(|line| format!(" Instead: {line}")).collect::<String>();
        let message = format!("{} ({}){instead}", finding.message, finding.advice());
        writeln!(out, ",title={}::{}", property(finding.rule.code), data(&message))?;
    }
    if let Some(error) = ended.error {
        writeln!(out, "::error title={}::{}", property(error.rule.code), data(&error.message))?;
    }
    out.flush()
}

fn data(text: &str) -> String {
    visible(text).replace('%', "%25")
}

/// In a property a colon or a comma would end it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
