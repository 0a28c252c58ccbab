//! How the benchmarks measure: programs by the processor time and the memory of a process of their own, pieces of the library
//! by the processor time of this one. What is told is a median and how far the rounds lie from it.

use std::fmt;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;

pub const ROUNDS: usize = 9;
pub const PKIT: &str = env!("CARGO_BIN_EXE_pkit");

/// Runs the benchmark, unless this process was started by `run`.
pub fn main(bench: fn()) {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("--measure") => measure(&args[1..]),
        // `cargo test --benches` is not asking for figures.
        _ if !args.iter().any(|a| a == "--bench") => {}
        _ => bench(),
    }
}

/// Median, and how far the rounds lie from it.
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
    pub peak: f64,
}

impl Spread {
    /// Of times and peaks of memory.
    pub fn of(rounds: &[(f64, f64)]) -> Spread {
        let mut times: Vec<f64> = rounds.iter().map(|(time, _)| *time).collect();
        times.sort_by(f64::total_cmp);
        let peak = rounds.iter().map(|(_, peak)| *peak).fold(0.0, f64::max);
        Spread { median: times[times.len() / 2], least: times[0], most: times[times.len() - 1], peak }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = usize::from(self.median < 100.0);
        f.pad(&format!("{:.digits$} ({:.digits$}-{:.digits$})", self.median, self.least, self.most))
    }
}

/// Wall time in ms.
pub fn median(what: impl Fn()) -> f64 {
    let round = || {
        let start = Instant::now();
        what();
        (start.elapsed().as_secs_f64() * 1e3, 0.0)
    };
    Spread::of(&(0..ROUNDS).map(|_| round()).collect::<Vec<_>>()).median
}

/// Processor time of this process in ms, which other work on the machine hardly changes.
pub fn spent(what: impl FnOnce()) -> f64 {
    let used = || milliseconds(getrusage(UsageWho::RUSAGE_SELF).unwrap());
    let before = used();
    what();
    used() - before
}

/// Processor time in ms and peak memory in MiB of one program. A process of our own stands between, so that the figures are
/// those of this child alone.
pub fn run(command: &[&str]) -> (f64, f64) {
    in_turn(&[command.to_vec()])
}

/// Processor time of all in ms, and peak memory of the largest in MiB, of programs that run one after the other. One process stands
/// between for all of them: one for each would be in the wall's time.
pub fn in_turn(commands: &[Vec<&str>]) -> (f64, f64) {
    let me = std::env::current_exe().unwrap();
    let output = Command::new(me).arg("--measure").args(commands.join(&NEXT)).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let figures: Vec<f64> = text.split_whitespace().map(|f| f.parse().unwrap()).collect();
    assert!(output.status.success() && figures.len() == 2, "{:?}", commands.first());
    (figures[0], figures[1])
}

/// Stands between two commands.
const NEXT: &str = ";";

fn measure(commands: &[String]) {
    for command in commands.split(|word| word == NEXT) {
        let mut program = Command::new(&command[0]);
        program.args(&command[1..]).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(program.status().unwrap().success(), "{command:?}");
    }
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    println!("{} {}", milliseconds(used), used.max_rss() as f64 / 1024.0);
}

fn milliseconds(used: Usage) -> f64 {
    (used.user_time().num_microseconds() + used.system_time().num_microseconds()) as f64 / 1e3
}
