//! The envelope `pkit/1`: one document on stdout for every command, whatever happened. Its structs are its own, so inner types
//! can change without breaking a script; within `pkit/1` fields are added and never renamed.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::escape::is_printable;
use super::{Ended, Value};
use crate::change::{Change, Mode};
use crate::exit::Exit;
use crate::finding::{Finding, Severity};

/// Writes the one document.
pub fn render(ended: &Ended, out: &mut dyn Write) -> io::Result<()> {
    let count = |severity| ended.findings().iter().filter(|f| f.severity == severity).count();
    let envelope = Envelope {
        schema: "pkit/1",
        command: ended.command,
        ok: matches!(ended.exit, Exit::Ok | Exit::Changed),
        exit: ended.exit.code(),
        changed: ended.mode == Mode::Apply && ended.changed(),
        dry_run: ended.mode == Mode::DryRun,
        result: ended.report.map_or(&Value::Null, |r| &r.result),
        changes: ended.changes.iter().map(ChangeOut::from).collect(),
        findings: ended.findings().iter().map(|finding| FindingOut::of(finding, ended)).collect(),
        summary: Summary {
            error: count(Severity::Error),
            warning: count(Severity::Warning),
            info: count(Severity::Info),
            skipped: count(Severity::Skipped),
        },
        incomplete: ended.report.is_some_and(super::Report::incomplete),
        error: ended.error.map(|e| ErrorOut {
            id: e.rule.code,
            message: e.message.clone(),
            facts: e.facts.iter().map(|(label, value)| FactOut { label, value }).collect(),
            state: &e.state,
            hint: &e.hint,
            path: e.path.as_ref().map(|p| p.to_string_lossy().into_owned()),
        }),
    };
    envelope.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Visible))?;
    out.write_all(b"\n")?;
    out.flush()
}

/// JSON as serde_json writes it, with what cannot be seen escaped as well: it lets C1 and bidirectional controls through, and a
/// document that is looked at in a terminal must not move the cursor.
struct Visible;

impl serde_json::ser::Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, to: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.is_ascii() && !fragment.contains('\x7f') {
            return to.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if is_printable(c) {
                write!(to, "{c}")?;
            } else {
                c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(to, "\\u{unit:04x}"))?;
            }
        }
        Ok(())
    }
}

#[derive(serde::Serialize)]
struct Envelope<'a> {
    schema: &'static str,
    command: &'a str,
    ok: bool,
    exit: u8,
    changed: bool,
    dry_run: bool,
    result: &'a Value,
    changes: Vec<ChangeOut<'a>>,
    findings: Vec<FindingOut<'a>>,
    summary: Summary,
    incomplete: bool,
    error: Option<ErrorOut<'a>>,
}

#[derive(serde::Serialize)]
struct ChangeOut<'a> {
    path: String,
    action: &'static str,
    what: &'a str,
    mode: Option<String>,
    owner: &'a str,
    group: &'a str,
    before: Option<Digest<'a>>,
    after: Option<Digest<'a>>,
    backup: Option<String>,
}

#[derive(serde::Serialize)]
struct Digest<'a> {
    sha256: &'a str,
}

#[derive(serde::Serialize)]
struct FindingOut<'a> {
    id: &'static str,
    severity: &'static str,
    path: String,
    member: Option<&'a str>,
    index: Option<usize>,
    line: Option<usize>,
    column: Option<usize>,
    end_column: Option<usize>,
    message: &'a str,
    hint: &'a str,
    suggestion: Option<&'a str>,
    source: &'static str,
}

#[derive(serde::Serialize)]
struct Summary {
    error: usize,
    warning: usize,
    info: usize,
    skipped: usize,
}

#[derive(serde::Serialize)]
struct ErrorOut<'a> {
    id: &'static str,
    message: String,
    facts: Vec<FactOut<'a>>,
    state: &'a str,
    hint: &'a str,
    path: Option<String>,
}

#[derive(serde::Serialize)]
struct FactOut<'a> {
    label: &'a str,
    value: &'a str,
}

impl<'a> From<&'a Change> for ChangeOut<'a> {
    fn from(change: &'a Change) -> Self {
        ChangeOut {
            path: change.path.to_string_lossy().into_owned(),
            action: change.action.word(),
            what: &change.what,
            mode: change.mode.map(|m| format!("{m:04o}")),
            owner: &change.owner,
            group: &change.group,
            before: change.before.as_deref().map(|sha256| Digest { sha256 }),
            after: change.after.as_deref().map(|sha256| Digest { sha256 }),
            backup: None,
        }
    }
}

impl<'a> FindingOut<'a> {
    fn of(finding: &'a Finding, ended: &Ended<'_>) -> Self {
        let origin = match &finding.at {
            crate::finding::Location::Block(origin) => Some(origin),
            _ => None,
        };
        FindingOut {
            id: finding.rule.code,
            severity: finding.severity.word(),
            path: finding.at.path().to_string_lossy().into_owned(),
            member: origin.and_then(|o| o.member.as_deref()),
            index: origin.map(|o| o.index),
            line: finding.at.line(),
            column: finding.at.column(),
            end_column: ended
                .report
                .and_then(|r| r.line_at(&finding.at))
                .map(|line| line.trim_end().chars().count() + 1),
            message: &finding.message,
            hint: finding.advice(),
            suggestion: finding.instead.as_deref(),
            source: finding.rule.source,
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_none(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Text(value) => serializer.serialize_str(value),
            Value::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Value::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (name, value) in entries {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}
