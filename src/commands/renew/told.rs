//! What is told of a deployment once it has been carried out, or could not be.

use crate::change::{Act, Deed};
use crate::error::Error;
use crate::exit::Exit;
use crate::report::{Line, Report, Value, Verdict, object};

/// `deploy` and `rollback`: one line if all went well, else every step that was taken.
pub(super) fn afterwards(mut report: Report, deeds: &[Deed], error: Option<&Error>) -> Report {
    let well = |act: Act| -> Vec<&str> {
        deeds.iter().filter(|deed| deed.act == act && deed.ok).map(|deed| deed.what.as_str()).collect()
    };
    let name = text(&report.result, "name");
    match (error, deeds) {
        (None, []) => report.say(format!("{name}: unchanged")),
        (None, _) => {
            let version = well(Act::Switch).first().or(well(Act::SwitchBack).first()).copied().unwrap_or_default();
            let parts = [
                ("reloaded", [well(Act::Reload), well(Act::ReloadBack)].concat()),
                ("ran", [well(Act::Run), well(Act::RunBack)].concat()),
                ("served by", well(Act::Verify)),
                ("removed", well(Act::Prune)),
            ];
            let parts = parts.iter().filter(|(_, what)| !what.is_empty());
            let parts: String = parts.map(|(did, what)| format!("; {did} {}", what.join(", "))).collect();
            report.say(format!("{name}: version {version} is in use{parts}"));
        }
        (Some(_), _) => report.body.extend(deeds.iter().map(row)),
    }
    let rolled_back = error.is_some_and(|error| error.exit == Exit::RolledBack);
    report.result = report
        .result
        .with("steps", deeds.iter().map(step).collect::<Vec<_>>())
        .with("reloaded", well(Act::Reload))
        .with("verified", well(Act::Verify))
        .with("rolled_back", rolled_back);
    report
}

fn row(deed: &Deed) -> Line {
    let verdict = if deed.ok { Verdict::Ok } else { Verdict::Fail };
    Line::Verdict(verdict, vec![deed.act.word().into(), deed.what.clone(), deed.detail.clone()])
}

fn step(deed: &Deed) -> Value {
    object! {
        "step" => deed.act.word(),
        "what" => deed.what.as_str(),
        "ok" => deed.ok,
        "seconds" => deed.took,
        "detail" => deed.detail.as_str(),
    }
}

fn text(result: &Value, name: &str) -> String {
    let Value::Object(entries) = result else { return String::new() };
    let found = entries.iter().find(|(entry, _)| *entry == name).map(|(_, value)| value);
    if let Some(Value::Text(text)) = found { text.clone() } else { String::new() }
}
