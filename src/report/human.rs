//! Reports for people: the result on stdout, everything else on stderr. Colour supports the words and never replaces them.
//! Every string is escaped on its way out, so no caller has to remember it.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::escape::visible;
use super::{Ended, Line, Report, Row, Verdict};
use crate::change::{Action, Change, Mode};
use crate::exit::Exit;
use crate::finding::{Finding, Location, Severity};

/// How to show things.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Nothing on success, everything needed on failure.
    pub quiet: bool,
    /// Reasons and the exit code as well.
    pub verbose: bool,
    /// Colour on stdout.
    pub colour_out: bool,
    /// Colour on stderr.
    pub colour_err: bool,
    /// No character beyond ASCII in our own words.
    pub ascii: bool,
    /// The mildest severity that makes the answer "no".
    pub fail_on: Severity,
    /// Whether "could not look at everything" is forgiven.
    pub allow_incomplete: bool,
}

/// Shows how a run ended. Errors are those of the streams.
pub fn render(ended: &Ended, look: Look, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<()> {
    if let Some(content) = ended.report.and_then(|r| r.artefact.as_ref()) {
        for piece in content.pieces() {
            out.write_all(&piece)?;
        }
    }
    let all_well = matches!(ended.exit, Exit::Ok | Exit::Changed);
    if !(look.quiet && all_well) {
        let to_stdout = ended.report.is_none_or(|r| r.artefact.is_none());
        let (body, body_colour): (&mut dyn Write, bool) =
            if to_stdout { (&mut *out, look.colour_out) } else { (&mut *err, look.colour_err) };
        let mut page = Page { to: body, colour: body_colour, ascii: look.ascii };
        if let Some(report) = ended.report {
            let at = report.body.iter().position(|l| *l == Line::Changes).unwrap_or(report.body.len());
            let (before, after) = report.body.split_at(at);
            page.lines(before)?;
            if !after.is_empty() {
                page.changes("  ", ended.changes, ended.mode)?;
                page.lines(&after[1..])?;
            }
            if report.findings_are_result && (look.verbose || !report.findings_in_body) {
                page.findings(&report.findings, Some(report))?;
            }
            if let Some(closing) = &report.closing {
                page.line(closing)?;
            }
        }
        if ended.report.is_none_or(|r| !r.body.contains(&Line::Changes)) {
            page.changes("", ended.changes, ended.mode)?;
        }
        body.flush()?;
    }
    let mut page = Page { to: err, colour: look.colour_err, ascii: look.ascii };
    if let Some(report) = ended.report
        && !report.findings_are_result
        && !(look.quiet && all_well)
    {
        page.findings(&report.findings, Some(report))?;
    }
    if let Some(error) = ended.error {
        page.error(error)?;
    }
    if look.verbose {
        page.line(&format!("exit {}", ended.exit.code()))?;
    }
    Ok(())
}

/// Rows that come while the work goes on, in tables of so many; the columns of each have their own widths.
pub struct Growing<'a> {
    look: Look,
    out: &'a mut dyn Write,
    rows: Vec<Row>,
}

impl<'a> Growing<'a> {
    /// Nothing is shown yet.
    pub fn begin(look: Look, out: &'a mut dyn Write) -> Growing<'a> {
        Growing { look, out, rows: Vec::new() }
    }

    /// One more row. With `-q` only what makes the answer "no".
    pub fn row(&mut self, row: Row) -> io::Result<()> {
        let counts = |f: &Finding| f.severity >= self.look.fail_on && f.severity != Severity::Skipped;
        let skipped = |f: &Finding| f.severity == Severity::Skipped && !self.look.allow_incomplete;
        if !self.look.quiet || row.findings.iter().any(|f| counts(f) || skipped(f)) {
            self.rows.push(row);
        }
        if self.rows.len() < TABLE { Ok(()) } else { self.flush() }
    }

    /// Shows what is there.
    pub fn flush(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        let mut page = Page { to: &mut *self.out, colour: self.look.colour_out, ascii: self.look.ascii };
        let (lines, findings): (Vec<_>, Vec<_>) = rows.into_iter().map(|row| (row.lines, row.findings)).unzip();
        page.lines(&lines.concat())?;
        if self.look.verbose {
            page.findings(&findings.concat(), None)?;
        }
        Ok(())
    }
}

const TABLE: usize = 500;

struct Page<'a> {
    to: &'a mut dyn Write,
    colour: bool,
    ascii: bool,
}

impl Page<'_> {
    fn lines(&mut self, lines: &[Line]) -> io::Result<()> {
        let mut start = 0;
        while start < lines.len() {
            let end = start + lines[start..].iter().take_while(|l| cells(l).is_some()).count();
            if end > start {
                self.table(&lines[start..end])?;
                start = end;
                continue;
            }
            match &lines[start] {
                Line::Indented(text) => self.line(&format!("  {text}"))?,
                Line::Paste(text) => writeln!(self.to, "  {text}")?,
                Line::Text(text) => self.line(text)?,
                Line::Row(_) | Line::Verdict(..) | Line::Changes => {}
            }
            start += 1;
        }
        Ok(())
    }

    /// Rows that stand together share their columns' widths; the last cell is free.
    fn table(&mut self, rows: &[Line]) -> io::Result<()> {
        let shown: Vec<Vec<String>> =
            rows.iter().filter_map(cells).map(|row| row.iter().map(|cell| self.spell(cell)).collect()).collect();
        let columns = shown.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|i| shown.iter().filter_map(|row| row.get(i)).map(|cell| cell.chars().count()).max().unwrap_or(0))
            .collect();
        // Most words have four letters, and what stands in the columns then stands alike in all commands.
        let verdicts =
            rows.iter().filter_map(|row| if let Line::Verdict(verdict, _) = row { Some(verdict) } else { None });
        let verdict_width = verdicts.map(|verdict| verdict.word().len()).max().unwrap_or(0).max(4);
        for (row, line) in shown.iter().zip(rows) {
            match line {
                Line::Verdict(verdict, _) => {
                    let style = verdict_style(*verdict);
                    self.styled(style, &format!("{:<verdict_width$}", verdict.word()))?;
                    write!(self.to, "  ")?;
                }
                _ => write!(self.to, "  ")?,
            }
            let mut text = String::new();
            for (i, cell) in row.iter().enumerate() {
                text.push_str(cell);
                if row[i + 1..].iter().any(|later| !later.is_empty()) {
                    text.extend(std::iter::repeat_n(' ', widths[i] - cell.chars().count() + 2));
                }
            }
            writeln!(self.to, "{text}")?;
        }
        Ok(())
    }

    fn findings(&mut self, findings: &[Finding], report: Option<&Report>) -> io::Result<()> {
        for finding in findings {
            let (word, style) = match finding.severity {
                Severity::Info => ("note", Style::new()),
                Severity::Warning => ("warning", Style::new().fg_color(Some(AnsiColor::Yellow.into())).bold()),
                Severity::Error => ("error", Style::new().fg_color(Some(AnsiColor::Red.into())).bold()),
                Severity::Skipped => ("skipped", Style::new().fg_color(Some(AnsiColor::Cyan.into())).bold()),
            };
            self.styled(style, &format!("{word}[{}]", finding.rule.code))?;
            self.line(&format!(": {}", finding.message))?;
            self.line(&format!("  --> {}", finding.at))?;
            self.snippet(finding, report)?;
            if let Some(instead) = &finding.instead {
                self.line(&format!("   = instead: {instead}"))?;
            }
            if finding.severity != Severity::Info {
                self.line(&format!("   = help: {}", finding.advice()))?;
            }
        }
        Ok(())
    }

    /// The line that is found, with a caret under what is wrong with it.
    fn snippet(&mut self, finding: &Finding, report: Option<&Report>) -> io::Result<()> {
        let (Some(text), Location::Line { line, column, .. }) =
            (report.and_then(|r| r.line_at(&finding.at)), &finding.at)
        else {
            return Ok(());
        };
        // Tabs would shift the caret.
        let shown: String = text.chars().take(MAX_SHOWN).map(|c| if c == '\t' { ' ' } else { c }).collect();
        let before: String = shown.chars().take(column - 1).collect();
        let (before, all) = (self.spell(&before).chars().count(), self.spell(shown.trim_end()).chars().count());
        let margin = " ".repeat(line.to_string().len());
        self.line(&format!("{margin} |"))?;
        self.line(&format!("{line} | {shown}"))?;
        let carets = "^".repeat(all.saturating_sub(before).max(1));
        self.line(&format!("{margin} | {}{carets}", " ".repeat(before.min(all))))
    }

    fn changes(&mut self, indent: &str, changes: &[Change], mode: Mode) -> io::Result<()> {
        for change in changes {
            let word = match (mode, change.action) {
                (_, Action::Unchanged) => "unchanged",
                (Mode::Apply, Action::Create) => "wrote",
                (Mode::Apply, Action::Replace) => "replaced",
                (Mode::Apply, Action::Restrict) => "restricted",
                (Mode::DryRun, Action::Restrict) => "would restrict",
                (Mode::Apply, Action::Append) => "added to",
                (Mode::DryRun, Action::Append) => "would add to",
                (Mode::DryRun, Action::Create) => "would write",
                (Mode::DryRun, Action::Replace) => "would replace",
            };
            let mode = change.mode.map(|m| format!("{m:04o} {}:{}", change.owner, change.group));
            let brackets = mode.into_iter().chain((!change.what.is_empty()).then(|| change.what.clone()));
            let kept = change.backup.as_ref().map(|path| format!("the old one is {}", path.display()));
            let brackets: Vec<String> = brackets.chain(kept).collect();
            self.line(&format!("{indent}{word} {} ({})", change.path.display(), brackets.join(", ")))?;
        }
        Ok(())
    }

    fn error(&mut self, error: &crate::error::Error) -> io::Result<()> {
        let style = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
        self.styled(style, &format!("error[{}]", error.rule.code))?;
        self.line(&format!(": {}", error.message))?;
        let width = error.facts.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
        for (label, value) in &error.facts {
            self.line(&format!("  {label:<width$}  {value}"))?;
        }
        self.line(&format!("  {}", error.state))?;
        self.line(&format!("  hint: {}", error.hint))
    }

    fn styled(&mut self, style: Style, text: &str) -> io::Result<()> {
        let text = self.spell(text);
        if self.colour {
            write!(self.to, "{}{text}{}", style.render(), style.render_reset())
        } else {
            write!(self.to, "{text}")
        }
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        let text = self.spell(text);
        writeln!(self.to, "{}", text.trim_end())
    }

    fn spell(&self, text: &str) -> String {
        let shown = visible(text);
        if !self.ascii {
            return shown.into_owned();
        }
        let ours = [("→", "->"), ("│", "|"), ("├─", "|-"), ("└─", "`-"), ("…", "...")];
        let shown = ours.iter().fold(shown.into_owned(), |text, (sign, plain)| text.replace(sign, plain));
        shown.chars().fold(String::new(), |mut out, c| {
            if c.is_ascii() {
                out.push(c)
            } else {
                out.extend(c.escape_unicode())
            }
            out
        })
    }
}

/// A line is shown up to here: a hostile one may have megabytes.
const MAX_SHOWN: usize = 200;

fn cells(line: &Line) -> Option<&Vec<String>> {
    match line {
        Line::Row(cells) | Line::Verdict(_, cells) => Some(cells),
        _ => None,
    }
}

fn verdict_style(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Ok => AnsiColor::Green,
        Verdict::Note => return Style::new(),
        Verdict::Warn | Verdict::Due => AnsiColor::Yellow,
        Verdict::Fail | Verdict::Stale => AnsiColor::Red,
        Verdict::Skip => AnsiColor::Cyan,
    };
    Style::new().fg_color(Some(colour.into())).bold()
}
