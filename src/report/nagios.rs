//! One line for Nagios, Icinga and their kin, performance data behind it and details below (Monitoring Plugins Development
//! Guidelines, sections 2 and 3). Thresholds of what runs out are lower bounds, so they are written `14:`.

use std::io::{self, Write};

use super::Ended;
use super::escape::visible;
use crate::exit::State;
use crate::finding::Severity;

/// A number that is watched over time, in days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gauge {
    /// What it is, in letters and underscores.
    pub label: &'static str,
    /// Its value.
    pub days: i64,
    /// Below this it is a warning.
    pub warning: i64,
    /// Below this it is critical.
    pub critical: i64,
}

/// The line, and one for each finding.
pub fn render(ended: &Ended, out: &mut dyn Write) -> io::Result<()> {
    let state = ended.state();
    let findings = ended.findings();
    let told: Vec<String> = findings
        .iter()
        .filter(|f| f.severity > Severity::Info)
        .map(|f| plain(&format!("{} [{}] {}: {}", severity_word(f.severity), f.rule.code, f.at, f.message)))
        .collect();
    let worst = findings.iter().find(|f| severity_word(f.severity) == state.word());
    let mut head = match (ended.error, worst) {
        (Some(error), _) => error.message.clone(),
        (None, Some(worst)) => format!("{}: {}", worst.at, worst.message),
        (None, None) => ended.report.and_then(|r| r.closing.clone()).unwrap_or_else(|| "nothing is wrong".into()),
    };
    if told.len() > 1 {
        head.push_str(&format!(" (and {} more)", told.len() - 1));
    }
    let mut line: String = plain(&format!("PKIT {} - {head}", state.word())).chars().take(MAX_LINE).collect();
    let gauges = ended.report.map_or(&[][..], |report| &report.gauges);
    for (n, gauge) in gauges.iter().enumerate() {
        let Gauge { label, days, warning, critical } = gauge;
        line.push_str(if n == 0 { " | " } else { " " });
        line.push_str(&format!("'{label}'={days}d;{warning}:;{critical}:;0;"));
    }
    writeln!(out, "{line}")?;
    if state != State::Ok && told.len() > 1 {
        told.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    out.flush()
}

/// The state that a finding makes by itself.
fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "note",
        Severity::Warning => "WARNING",
        Severity::Error => "CRITICAL",
        Severity::Skipped => "UNKNOWN",
    }
}

/// A bar would begin the performance data.
fn plain(text: &str) -> String {
    visible(text).replace('|', "/")
}

/// Nagios reads 4 KiB of the first line; a character may take four octets.
const MAX_LINE: usize = 900;
