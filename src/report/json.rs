//! The envelope `pkit/1`: one document on stdout for every command, whatever happened. Its structs are its own, so inner types
//! can change without breaking a script; within `pkit/1` fields are added and never renamed.

use std::io::{self, BufWriter, Read, Seek, Write};

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::escape::is_printable;
use super::{Ended, Report, Row, Stream, Tail, Tally, Value};
use crate::change::{Change, Mode};
use crate::error::Error;
use crate::exit::Exit;
use crate::finding::Finding;

/// Writes the one document.
pub fn render(ended: &Ended, out: &mut dyn Write) -> io::Result<()> {
    let envelope = Envelope {
        schema: "pkit/1",
        command: ended.command,
        ok: matches!(ended.exit, Exit::Ok | Exit::Changed),
        exit: ended.exit.code(),
        changed: ended.mode == Mode::Apply && ended.changed(),
        dry_run: ended.mode == Mode::DryRun,
        result: ended.report.map_or(&Value::Null, |r| &r.result),
        changes: ended.changes.iter().map(ChangeOut::from).collect(),
        findings: ended.findings().iter().map(|finding| FindingOut::of(finding, ended.report)).collect(),
        summary: ended.tally().into(),
        incomplete: ended.tally().skipped > 0,
        error: ended.error.map(ErrorOut::from),
    };
    spell(&envelope, out)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A document that is written while the work goes on: the rows of its first list go out at once, those of the others and the
/// findings wait in a file each, and what is known only in the end stands at the end.
pub struct Growing<'a, F: Write> {
    out: &'a mut dyn Write,
    lists: &'static [&'static str],
    /// For the lists but the first, and for the findings.
    waiting: Vec<Elements<BufWriter<F>>>,
    first: usize,
}

/// The elements of a list, with commas between them.
struct Elements<W: Write> {
    to: W,
    count: usize,
}

impl<W: Write> Elements<W> {
    fn add(&mut self, element: &impl Serialize) -> io::Result<()> {
        separate(&mut self.to, self.count)?;
        self.count += 1;
        spell(element, &mut self.to)
    }
}

fn separate(to: &mut dyn Write, already: usize) -> io::Result<()> {
    if already > 0 { to.write_all(b",") } else { Ok(()) }
}

impl<'a, F: Read + Write + Seek> Growing<'a, F> {
    /// Writes the beginning. `file` makes the files for what has to wait.
    pub fn begin(
        command: &str,
        stream: &Stream,
        out: &'a mut dyn Write,
        file: impl Fn() -> io::Result<F>,
    ) -> io::Result<Growing<'a, F>> {
        let waiting = || Ok(Elements { to: BufWriter::new(file()?), count: 0 });
        let waiting = stream.lists.iter().map(|_| waiting()).collect::<io::Result<_>>()?;
        out.write_all(b"{\"schema\":\"pkit/1\",\"command\":")?;
        spell(&command, out)?;
        write!(out, ",\"result\":{{\"{}\":[", stream.lists.first().unwrap_or(&""))?;
        Ok(Growing { out, lists: stream.lists, waiting, first: 0 })
    }

    /// One more row.
    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        if row.list == 0 {
            separate(self.out, self.first)?;
            self.first += 1;
            spell(&row.value, self.out)?;
        } else if let Some(list) = self.waiting.get_mut(row.list - 1) {
            list.add(&row.value)?;
        }
        let Some(findings) = self.waiting.last_mut() else { return Ok(()) };
        row.findings.iter().try_for_each(|finding| findings.add(&FindingOut::of(finding, None)))
    }

    /// The rest.
    pub fn end(mut self, tail: &Tail, ended: &Ended) -> io::Result<()> {
        self.out.write_all(b"]")?;
        let mut waiting = std::mem::take(&mut self.waiting).into_iter();
        for (name, list) in self.lists.iter().skip(1).zip(waiting.by_ref()) {
            write!(self.out, ",\"{name}\":[")?;
            copy(list, self.out)?;
            self.out.write_all(b"]")?;
        }
        for (name, value) in &tail.result {
            write!(self.out, ",\"{name}\":")?;
            spell(value, self.out)?;
        }
        self.out.write_all(b"},\"findings\":[")?;
        waiting.try_for_each(|findings| copy(findings, self.out))?;
        let ending = Ending {
            ok: matches!(ended.exit, Exit::Ok | Exit::Changed),
            exit: ended.exit.code(),
            changed: ended.mode == Mode::Apply && ended.changed(),
            dry_run: ended.mode == Mode::DryRun,
            changes: ended.changes.iter().map(ChangeOut::from).collect(),
            summary: ended.tally().into(),
            incomplete: ended.tally().skipped > 0,
            error: ended.error.map(ErrorOut::from),
        };
        let mut rest = Vec::new();
        spell(&ending, &mut rest)?;
        self.out.write_all(b"],")?;
        self.out.write_all(rest.strip_prefix(b"{").unwrap_or(&rest))?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

fn copy<F: Read + Write + Seek>(list: Elements<BufWriter<F>>, out: &mut dyn Write) -> io::Result<()> {
    let mut file = list.to.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    io::copy(&mut file, out).map(|_| ())
}

fn spell(value: &(impl Serialize + ?Sized), out: &mut dyn Write) -> io::Result<()> {
    Ok(value.serialize(&mut serde_json::Serializer::with_formatter(out, Visible))?)
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

/// The envelope without what a growing document has told already.
#[derive(serde::Serialize)]
struct Ending<'a> {
    ok: bool,
    exit: u8,
    changed: bool,
    dry_run: bool,
    changes: Vec<ChangeOut<'a>>,
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

impl From<Tally> for Summary {
    fn from(tally: Tally) -> Summary {
        Summary { error: tally.error, warning: tally.warning, info: tally.info, skipped: tally.skipped }
    }
}

impl<'a> From<&'a Error> for ErrorOut<'a> {
    fn from(error: &'a Error) -> Self {
        ErrorOut {
            id: error.rule.code,
            message: error.message.clone(),
            facts: error.facts.iter().map(|(label, value)| FactOut { label, value }).collect(),
            state: &error.state,
            hint: &error.hint,
            path: error.path.as_ref().map(|p| p.to_string_lossy().into_owned()),
        }
    }
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
            backup: change.backup.as_ref().map(|p| p.to_string_lossy().into_owned()),
        }
    }
}

impl<'a> FindingOut<'a> {
    fn of(finding: &'a Finding, report: Option<&Report>) -> Self {
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
            end_column: report.and_then(|r| r.line_at(&finding.at)).map(|line| line.trim_end().chars().count() + 1),
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
            Value::Millis(value) => serializer.serialize_f64(*value as f64 / 1000.0),
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
