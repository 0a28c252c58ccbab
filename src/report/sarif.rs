//! Findings as SARIF 2.1.0 (OASIS), which code scanning services read.

use std::io::{self, Write};

use serde::Serialize;

use super::Ended;
use crate::finding::{Finding, Rule, Severity};

/// Writes the one document.
pub fn render(ended: &Ended, out: &mut dyn Write) -> io::Result<()> {
    let mut rules: Vec<&'static Rule> = ended.findings().iter().map(|finding| finding.rule).collect();
    rules.sort_by_key(|rule| rule.code);
    rules.dedup_by_key(|rule| rule.code);
    let driver = Driver {
        name: "pkit",
        version: env!("CARGO_PKG_VERSION"),
        rules: rules.iter().map(|rule| RuleOut::from(*rule)).collect(),
    };
    let run = Run { tool: Tool { driver }, results: ended.findings().iter().map(Outcome::from).collect() };
    let log = Log { schema: "https://json.schemastore.org/sarif-2.1.0.json", version: "2.1.0", runs: [run] };
    serde_json::to_writer(&mut *out, &log)?;
    out.write_all(b"\n")?;
    out.flush()
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
struct Run<'a> {
    tool: Tool,
    results: Vec<Outcome<'a>>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
struct Driver {
    name: &'static str,
    version: &'static str,
    rules: Vec<RuleOut>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleOut {
    id: &'static str,
    short_description: Text<'static>,
    help: Text<'static>,
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    rule_id: &'static str,
    level: &'static str,
    message: Text<'a>,
    locations: [Place; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    physical_location: Physical,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_column: Option<usize>,
}

impl From<&'static Rule> for RuleOut {
    fn from(rule: &'static Rule) -> RuleOut {
        RuleOut { id: rule.code, short_description: Text { text: rule.summary }, help: Text { text: rule.help } }
    }
}

impl<'a> From<&'a Finding> for Outcome<'a> {
    fn from(finding: &'a Finding) -> Outcome<'a> {
        let level = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info | Severity::Skipped => "note",
        };
        let region = finding.at.line().map(|start_line| Region { start_line, start_column: finding.at.column() });
        let artifact_location = Artifact { uri: uri(&finding.at.path().to_string_lossy()) };
        let physical_location = Physical { artifact_location, region };
        Outcome {
            rule_id: finding.rule.code,
            level,
            message: Text { text: &finding.message },
            locations: [Place { physical_location }],
        }
    }
}

/// A relative or absolute reference (RFC 3986): what has a meaning there, or cannot be seen, is written as %XX.
fn uri(path: &str) -> String {
    let kept = |b: u8| b.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=@".contains(&b);
    path.bytes().map(|b| if kept(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
