//! Metrics in the text format of Prometheus (version 0.0.4), for node_exporter's textfile collector. Names are those of exporters
//! that are in use, so that their alerts work: x509-certificate-exporter for files, ssl_exporter for servers.

use std::io::{self, Write};

use super::escape::visible;

/// One sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// `x509_cert_not_after`.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Names and values that tell it from others of the name.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: i64,
}

/// All samples, those of one name together, as the format wants it.
pub fn render(metrics: &[Metric], out: &mut dyn Write) -> io::Result<()> {
    let mut names: Vec<&str> = Vec::new();
    for metric in metrics {
        if names.contains(&metric.name) {
            continue;
        }
        names.push(metric.name);
        writeln!(out, "# HELP {} {}", metric.name, metric.help)?;
        writeln!(out, "# TYPE {} gauge", metric.name)?;
        for sample in metrics.iter().filter(|m| m.name == metric.name) {
            let labels: Vec<String> =
                sample.labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            writeln!(out, "{}{labels} {}", sample.name, sample.value)?;
        }
    }
    out.flush()
}

fn escaped(value: &str) -> String {
    visible(value).replace('\\', "\\\\").replace('"', "\\\"")
}
