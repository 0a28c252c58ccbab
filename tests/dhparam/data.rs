//! Parameters collected by others, each with the verdict that it must get.

use std::time::Instant;

use crate::common::{Test, data};

#[test]
fn every_collected_file_gets_its_verdict_soon() {
    let Some(folder) = data("dh") else { return };
    let manifest = std::fs::read_to_string(folder.join("manifest.csv")).unwrap();
    let t = Test::new();
    let mut wrong = Vec::new();
    for row in manifest.lines().skip(1) {
        let (path, rest) = row.split_once(',').unwrap();
        let verdict = rest.split(',').next().unwrap();
        let path = folder.parent().unwrap().join(path);
        let start = Instant::now();
        let ran = t.run(["dhparam", "check", path.to_str().unwrap()]);
        // A release build takes a second at most; a busy machine and a build for tests take longer.
        assert!(start.elapsed().as_secs() < 30, "{}", path.display());
        let right = match verdict {
            "ok" => ran.exit == 0,
            verdict if verdict.starts_with("ok-") => matches!(ran.exit, 0 | 1),
            "weak-size" => ran.exit == 1 && (ran.stdout.contains("dh-too-small") || ran.stdout.contains("dh-shared")),
            "not-safe-prime" => ran.exit == 1 && ran.stdout.contains("error[dh-not-safe]"),
            _ => ran.exit == 1 || ran.exit == 3,
        };
        if !right {
            wrong.push(format!("{}: {verdict}, exit {}\n{}{}", path.display(), ran.exit, ran.stdout, ran.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
