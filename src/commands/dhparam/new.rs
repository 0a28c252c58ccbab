//! `dhparam new`: a named group at once, or a random safe prime after a search.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::ValueEnum;

use super::value;
use crate::checks::dh::{self, DH_TOO_SMALL};
use crate::commands::{Context, Outcome, gather};
use crate::crypto::Refused;
use crate::error::{Error, Result};
use crate::finding::Origin;
use crate::material::dh::{DhParams, Group};
use crate::primes::{Engine, MAX_DH_BITS, Primality, SafePrimes, expected_tests};
use crate::report::progress;
use crate::report::{Report, object};
use crate::threads;

/// Write the parameters of a named group (RFC 7919), at once, or search a safe prime of your own. Dovecot 2.3.3, Postfix 3.7 and
/// later need no such file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit dhparam new -o dh.pem
  pkit dhparam new --group ffdhe4096 > dh.pem
  pkit dhparam new --generate 2048 -o dh.pem")]
pub struct Args {
    /// The group
    #[arg(long, value_enum, default_value_t = GroupName::Ffdhe3072)]
    group: GroupName,
    /// Search a random safe prime of so many bits, 2048 to 8192
    #[arg(long, value_name = "BITS", conflicts_with = "group")]
    generate: Option<usize>,
    /// Threads that search [default: one for each processor]
    #[arg(long, value_name = "N", requires = "generate", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Where to write it; standard output without this
    #[arg(short, long, value_name = "DH")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GroupName {
    Ffdhe2048,
    Ffdhe3072,
    Ffdhe4096,
    Ffdhe6144,
    Ffdhe8192,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let output = args.output.as_deref();
    let Some(bits) = args.generate else {
        let group = Group::from(args.group);
        let params = group.params();
        let report = Report::of(value(&params, Some(true), None));
        let what = format!("{}, RFC 7919", group.name());
        return Ok(gather::deliver(report, params.to_pem().into_bytes(), what, output, context));
    };
    if bits < dh::MIN_BITS {
        return Err(Error::refused(&DH_TOO_SMALL, format!("a prime of {bits} bits is too small"))
            .hint("--generate 2048 is the smallest; --group ffdhe3072 needs no search"));
    }
    if bits > MAX_DH_BITS {
        return Err(Error::usage(format!("safe primes are searched up to {MAX_DH_BITS} bits, not {bits}"))
            .hint("no server gains from larger ones: try --generate 4096"));
    }
    let what = format!("a safe prime of {bits} bits, generator 2");
    // Nobody would ever see again what a search of seconds to minutes finds, so a dry run makes none; and none is made for a
    // place that may not be written to.
    let result = object! { "bits" => bits, "generated" => true };
    let promised = gather::deliver(Report::of(result), Vec::new(), what.clone(), output, context);
    if context.dry_run {
        return Ok(promised);
    }
    promised.plan.preview(context.owner)?;
    let (params, took) = generate(bits, args.threads, context)?;
    let report = Report::of(value(&params, Some(true), Some(took.as_secs_f64())));
    let what = format!("{what}, found in {:.1} s", took.as_secs_f64());
    Ok(gather::deliver(report, params.to_pem().into_bytes(), what, output, context))
}

/// Searches, and judges what was found as it would be judged in anybody's file, but for the tests that it has just passed.
fn generate(bits: usize, threads: Option<u16>, context: &Context) -> Result<(DhParams, Duration)> {
    let threads = threads.map(usize::from).unwrap_or_else(threads::processors);
    let start = Instant::now();
    let tests = AtomicUsize::new(0);
    let shown = Mutex::new(start);
    let watch = |more: usize| {
        let tested = tests.fetch_add(more, Ordering::Relaxed) + more;
        let mut last = shown.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() > Duration::from_millis(200) {
            let average = start.elapsed().mul_f64(expected_tests(bits as u32) / tested as f64);
            (context.progress)(&progress::search(bits, start.elapsed(), average));
            *last = Instant::now();
        }
    };
    let search = SafePrimes { bits: bits as u32, engine: Engine::best(), threads, watch: &watch };
    let found = search.find();
    (context.progress)("");
    let p = found.map_err(|Refused(why)| Error::bug(format!("no safe prime was found: {why}")))?;
    let params = DhParams { p, g: vec![2], q: None };
    match dh::judge_tested(&params, Some(Primality::SafePrime), &Origin::file("-")).findings.first() {
        None => Ok((params, start.elapsed())),
        Some(fault) => Err(Error::bug(format!("new parameters are not sound: {}", fault.message))),
    }
}

impl From<GroupName> for Group {
    fn from(name: GroupName) -> Group {
        match name {
            GroupName::Ffdhe2048 => Group::Ffdhe2048,
            GroupName::Ffdhe3072 => Group::Ffdhe3072,
            GroupName::Ffdhe4096 => Group::Ffdhe4096,
            GroupName::Ffdhe6144 => Group::Ffdhe6144,
            GroupName::Ffdhe8192 => Group::Ffdhe8192,
        }
    }
}
