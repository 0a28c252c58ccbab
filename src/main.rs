//! Parse, take the time, run, act, print, exit. The only place that reads the clock, applies a plan or ends the process.

#![deny(clippy::print_stdout, clippy::print_stderr, clippy::exit, clippy::disallowed_methods)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable))]

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use pkit::change::{Change, Digests, Manner, Mode, Owner, Wait};
use pkit::cli::{self, Cli, Style, When};
use pkit::commands::Context;
use pkit::error::Error;
use pkit::exit::{Dialect, Exit, State};
use pkit::files::{spool, users};
use pkit::process;
use pkit::report::escape::visible;
use pkit::report::{Ended, Form, Report, Stream, Tally, Value, github, human, json, nagios, prometheus, sarif};

fn main() -> ExitCode {
    // A panic's own words could hold what was in memory, so they are dropped; the exit code and a hint remain.
    std::panic::set_hook(Box::new(|_| {}));
    if let Err(error) = process::keep_secrets().and_then(|()| process::on_signals(end)) {
        let error = Error::io(Path::new("this process"), "preparing for signals and against core files", &error);
        // Where stderr cannot be written to either, only the exit code is left to tell it.
        let _ = writeln!(io::stderr(), "{error}");
        return ExitCode::from(error.exit.code());
    }
    std::panic::catch_unwind(run).unwrap_or_else(|_| ExitCode::from(dialect().code(Exit::Bug, State::Unknown)))
}

/// A signal came, and nothing is half done.
#[expect(clippy::exit, reason = "the thread that waits for signals ends the process; main may be computing")]
fn end(exit: Exit) {
    std::process::exit(i32::from(exit.code()))
}

fn run() -> ExitCode {
    let cli = match Cli::from_args() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    // A command's own `--format` asks for it as `--json` does, also where the command comes to no report.
    let style = Style { json: cli::json(std::env::args_os()), ..cli.global.style() };
    let mut acted = std::panic::catch_unwind(|| act(&cli, style)).unwrap_or_else(|_| Acted {
        error: Some(Error::bug("pkit met a condition that it does not handle")),
        ..Acted::default()
    });
    let command = cli.command.words();
    match acted.report.as_mut().and_then(|report| report.stream.take()) {
        None => {
            let ended = acted.ended(command, Tally::default(), style);
            ended_with(show(&ended, style), ended.exit, ended.state())
        }
        Some(stream) if style.json => grow_json(stream, &acted, command, style),
        Some(stream) => grow_words(stream, acted, command, style),
    }
}

/// The rows go out while they come; what is known only then, the exit code too, stands behind them.
fn grow_json(stream: Stream, acted: &Acted, command: &str, style: Style) -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut progress = Progress::new(&style);
    let mut tally = Tally::default();
    let (mut exit, mut state) = (Exit::Bug, State::Unknown);
    let shown = json::Growing::begin(command, &stream, &mut out, spool::new).and_then(|mut document| {
        let mut written = Ok(());
        let tail = (stream.run)(&mut |row| {
            tally = tally.of(&row.findings);
            progress.step();
            written = document.row(&row);
            if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        progress.end();
        let ended = acted.ended(command, tally, style);
        (exit, state) = (ended.exit, ended.state());
        written.and_then(|()| document.end(&tail, &ended))
    });
    ended_with(shown, exit, state)
}

fn grow_words(stream: Stream, mut acted: Acted, command: &str, style: Style) -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut progress = Progress::new(&style);
    let mut tally = Tally::default();
    let mut page = human::Growing::begin(look(&style), &mut out);
    let mut shown = Ok(());
    let tail = (stream.run)(&mut |row| {
        tally = tally.of(&row.findings);
        progress.step();
        shown = page.row(row);
        if shown.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    progress.end();
    shown = shown.and_then(|()| page.flush()).and_then(|()| out.flush());
    drop(out);
    if let Some(report) = &mut acted.report {
        report.body.extend(tail.lines);
    }
    let ended = acted.ended(command, tally, style);
    ended_with(shown.and_then(|()| show(&ended, style)), ended.exit, ended.state())
}

/// Help and version are clap's to print. Wrong words may hold anything (a file name out of `*`), so they are escaped like all
/// that comes from outside, and a program that asked for JSON gets JSON.
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return ended_with(error.print(), Exit::Ok, State::Ok);
    }
    let words = error.render().to_string();
    let json = cli::json(std::env::args_os());
    if !json && dialect() != Dialect::Nagios {
        let mut err = io::stderr().lock();
        let told = words.lines().try_for_each(|line| writeln!(err, "{}", visible(line)));
        return ended_with(told, Exit::Usage, State::Unknown);
    }
    let message = words.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let error = Error::usage(message);
    let ended = Ended {
        command: "",
        report: None,
        streamed: Tally::default(),
        changes: &[],
        mode: Mode::Apply,
        error: Some(&error),
        exit: error.exit,
    };
    let mut out = io::stdout().lock();
    let told = if json { json::render(&ended, &mut out) } else { nagios::render(&ended, &mut out) };
    ended_with(told, ended.exit, ended.state())
}

#[derive(Default)]
struct Acted {
    report: Option<Report>,
    changes: Vec<Change>,
    applied: bool,
    error: Option<Error>,
}

impl Acted {
    fn ended<'a>(&'a self, command: &'a str, streamed: Tally, style: Style) -> Ended<'a> {
        let ended = Ended {
            command,
            report: self.report.as_ref(),
            streamed,
            changes: &self.changes,
            mode: if self.applied { Mode::Apply } else { Mode::DryRun },
            error: self.error.as_ref(),
            exit: Exit::Ok,
        };
        Ended { exit: ended.decide(style.fail_on, style.allow_incomplete, style.detailed_exitcode), ..ended }
    }
}

/// A line on the terminal that says how far the work has come, where no rows show it.
struct Progress {
    rows: usize,
    shown: Option<Instant>,
}

impl Progress {
    fn new(style: &Style) -> Progress {
        let wanted = !style.quiet && io::stderr().is_terminal() && !io::stdout().is_terminal();
        Progress { rows: 0, shown: wanted.then(Instant::now) }
    }

    fn step(&mut self) {
        self.rows += 1;
        if let Some(last) = self.shown
            && last.elapsed() > Duration::from_millis(200)
        {
            // Where it cannot be shown the work goes on all the same.
            let _ = write!(io::stderr(), "\r{} looked at", self.rows);
            self.shown = Some(Instant::now());
        }
    }

    fn end(&self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// One line that is written over; where it cannot be shown the work goes on all the same.
fn working(words: &str) {
    let _ = write!(io::stderr(), "\r\x1b[K{words}");
}

#[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
fn act(cli: &Cli, style: Style) -> Acted {
    let now = time::OffsetDateTime::now_utc();
    let told = !style.quiet && !style.json && io::stderr().is_terminal();
    let context = cli.global.context(now).and_then(|context| {
        let (user, group) = cli.global.owner();
        let progress = if told { working } else { context.progress };
        Ok(Context { owner: users::owner(user, group)?, progress, ..context })
    });
    let (owner, wait) = match &context {
        Ok(context) => (context.owner, context.wait),
        Err(_) => (Owner::default(), Wait::default()),
    };
    let outcome = match context.and_then(|context| cli.command.run(&context)) {
        Ok(outcome) => outcome,
        Err(error) => return Acted { error: Some(error), applied: !style.dry_run, ..Acted::default() },
    };
    let applied = !style.dry_run && !outcome.plan.only_shown;
    let mode = if applied { Mode::Apply } else { Mode::DryRun };
    // Only JSON shows them.
    let digests = if style.json { Digests::Told } else { Digests::Untold };
    let manner = Manner { owner, backup: cli.global.backup(now), wait, ..Manner::of(mode, digests) };
    let (report, mut deeds) = (outcome.report, Vec::new());
    let done = outcome.plan.perform(&manner, &mut deeds);
    let told = |report: Report, error: Option<&Error>| match report.afterwards {
        Some(afterwards) if applied => afterwards(report, &deeds, error),
        _ => report,
    };
    match done {
        Ok(changes) => Acted { report: Some(told(report, None)), changes, applied, error: None },
        // What was noticed stays true. What the report says of was not done, and the digest of a key that is not there
        // would only mislead.
        Err(error) => {
            let bare = Report { findings: report.findings, ..Report::of(Value::Null) };
            let report = match report.afterwards {
                Some(_) => told(Report { result: report.result, afterwards: report.afterwards, ..bare }, Some(&error)),
                None => bare,
            };
            Acted { report: Some(report), changes: Vec::new(), applied, error: Some(error) }
        }
    }
}

fn show(ended: &Ended, style: Style) -> io::Result<()> {
    let (mut out, mut err) = (io::BufWriter::new(io::stdout().lock()), io::stderr().lock());
    let form = match ended.report {
        _ if style.json => Some(Form::Json),
        Some(report) => report.form,
        // Nagios reads what went wrong where it reads the rest.
        None => (dialect() == Dialect::Nagios).then_some(Form::Nagios),
    };
    if let Some(form) = form {
        match form {
            Form::Json => json::render(ended, &mut out)?,
            Form::Sarif => sarif::render(ended, &mut out)?,
            Form::GitHub => github::render(ended, &mut out)?,
            Form::Nagios => nagios::render(ended, &mut out)?,
            Form::Prometheus => prometheus::render(ended.report.map_or(&[], |report| &report.metrics), &mut out)?,
        }
    } else {
        human::render(ended, look(&style), &mut out, &mut err)?;
    }
    out.flush()
}

fn look(style: &Style) -> human::Look {
    human::Look {
        quiet: style.quiet,
        verbose: style.verbose,
        colour_out: colour(style.color, io::stdout().is_terminal()),
        colour_err: colour(style.color, io::stderr().is_terminal()),
        ascii: style.ascii || !utf8_locale(),
        fail_on: style.fail_on,
        allow_incomplete: style.allow_incomplete,
    }
}

/// https://no-color.org and https://bixense.com/clicolors: what is asked for wins over what is guessed.
fn colour(when: When, terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if set("NO_COLOR") => false,
        When::Auto if std::env::var_os("CLICOLOR_FORCE").is_some_and(|v| v != "0" && !v.is_empty()) => true,
        When::Auto => terminal && std::env::var_os("TERM").is_none_or(|v| v != "dumb"),
    }
}

/// locale(7): the first of the three that is set decides.
fn utf8_locale() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .is_some_and(|value| value.to_ascii_lowercase().replace('-', "").contains("utf8"))
}

/// A reader that went away (`pkit … | head`) is not a fault; a full disk behind stdout is.
fn ended_with(shown: io::Result<()>, exit: Exit, state: State) -> ExitCode {
    let exit = match shown {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            // Where stderr is the stream that failed, only the exit code is left to tell it.
            let _ = writeln!(io::stderr(), "{}", Error::io(Path::new("standard output"), "writing", &error));
            exit.worst(Exit::Io)
        }
        _ => exit,
    };
    ExitCode::from(dialect().code(exit, state))
}

/// What the exit code means to whoever started this.
fn dialect() -> Dialect {
    cli::dialect(std::env::args_os())
}
