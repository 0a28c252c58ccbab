//! What lies in packaging/: each hook, unit and cron line run as its caller would run it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Ran, Test, have};
use crate::renew::acme::Acme;
use crate::renew::{NAME, chain, current};

pub fn packaged(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(file)
}

/// A scratch directory with `pkit` in `bin` and a certificate that certbot has renewed.
fn scene() -> (Test, Acme) {
    let t = Test::new();
    fs::create_dir(t.path("bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pkit"), t.path("bin/pkit")).unwrap();
    let acme = Acme::new(&t);
    (t, acme)
}

/// The shell's words, with what a client sets and where this test keeps things.
fn shell(t: &Test, script: &str, env: &[(&str, String)]) -> Ran {
    let options = format!("--to {} --trust {}", t.path("ssl").display(), t.path("root.pem").display());
    let mut sh = std::process::Command::new("sh");
    sh.args(["-c", script])
        .current_dir("/")
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", t.path("bin").display()));
    sh.env("PKIT_OPTIONS", options).envs(env.iter().map(|(name, value)| (name, value)));
    Ran::of(sh.output().unwrap())
}

/// Run twice: the first time the renewed chain is in use afterwards, the second time nothing happens; both say nothing.
#[track_caller]
fn deploys(t: &Test, wanted: &str, version: u32, run: impl Fn() -> Ran) {
    for _ in 0..2 {
        let ran = run().exits(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
        assert_eq!((current(t), chain(t).as_str()), (Some(version), wanted));
    }
}

#[test]
fn the_hook_for_certbot_deploys_the_lineage() {
    let (t, acme) = scene();
    let lineage = t.path("live").join(NAME).display().to_string();
    let env = [("RENEWED_LINEAGE", lineage), ("RENEWED_DOMAINS", format!("{NAME} imap.example.org"))];
    let hook = packaged("hooks/certbot").display().to_string();
    for (version, year) in [(1, 2015), (2, 2016)] {
        let renewed = acme.certbot(&t, year);
        deploys(&t, &renewed.fullchain(), version, || shell(&t, &hook, &env));
    }
    acme.certbot(&t, 2014);
    shell(&t, &hook, &env).exits(1).err_has("renewal-older");
    shell(&t, &hook, &[]).exits(2).err_has("RENEWED_LINEAGE");
}

#[test]
fn the_hook_for_lego_deploys_what_its_variables_name() {
    let (t, acme) = scene();
    let hook = packaged("hooks/lego").display().to_string();
    let file = |kind: &str| t.path("lego/certificates").join(format!("{NAME}.{kind}")).display().to_string();
    for (version, year, [name, cert, key]) in [
        (1, 2015, ["LEGO_CERT_DOMAIN", "LEGO_CERT_PATH", "LEGO_CERT_KEY_PATH"]),
        (2, 2016, ["LEGO_HOOK_CERT_NAME", "LEGO_HOOK_CERT_PATH", "LEGO_HOOK_CERT_KEY_PATH"]),
    ] {
        let renewed = acme.lego(&t, year);
        let env = [(name, NAME.to_owned()), (cert, file("crt")), (key, file("key"))];
        deploys(&t, &renewed.fullchain(), version, || shell(&t, &hook, &env));
    }
}

#[test]
fn the_deploy_function_for_acme_sh_deploys_its_arguments() {
    let (t, acme) = scene();
    let renewed = acme.acme_sh(&t, 2015);
    let dir = t.path(format!("acme.sh/{NAME}_ecc")).display().to_string();
    let hook = packaged("hooks/acme.sh").display().to_string();
    let files = [format!("{NAME}.key"), format!("{NAME}.cer"), "ca.cer".into(), "fullchain.cer".into()];
    let files: Vec<String> = files.iter().map(|file| format!("{dir}/{file}")).collect();
    let saved = t.path("saved").display().to_string();
    let script = format!("{ACME_SH}\n. {hook}; pkit_deploy {NAME} {}", files.join(" "));
    let run = |script: &str| shell(&t, script, &[("SAVED", saved.clone())]);
    deploys(&t, &renewed.fullchain(), 1, || run(&script));
    // A renewal comes without the variable: acme.sh keeps it for its hooks.
    let renewed = acme.acme_sh(&t, 2016);
    deploys(&t, &renewed.fullchain(), 2, || run(&format!("unset PKIT_OPTIONS\n{script}")));
}

/// What acme.sh gives its deploy functions: a value that is set stays, one that is not is read from where it was kept.
const ACME_SH: &str = r#"
_savedeployconf() { printf '%s' "$2" >"$SAVED.$1"; }
_getdeployconf() {
    eval "[ -n \"\${$1:-}\" ]" || { eval "$1=\$(cat \"\$SAVED.$1\" 2>/dev/null)"; export "$1"; }
}
"#;

#[test]
fn the_cron_line_deploys_and_is_silent() {
    let (t, acme) = scene();
    let renewed = acme.certbot(&t, 2015);
    let text = fs::read_to_string(packaged("cron")).unwrap();
    let line = text.lines().find(|line| line.contains(" root ")).unwrap();
    let command = line.split_once(" root ").unwrap().1.trim();
    let typed = command.split_whitespace();
    pkit::cli::command().try_get_matches_from(typed).unwrap_or_else(|e| panic!("{e}"));
    let command = command.replace("/etc/letsencrypt/live", t.path("live").to_str().unwrap());
    let command = command.replace("--reload dovecot,postfix", "$PKIT_OPTIONS");
    deploys(&t, &renewed.fullchain(), 1, || shell(&t, &command, &[]));
}

#[test]
fn the_units_are_understood_by_systemd_and_their_command_deploys() {
    if !have("systemd-analyze") {
        return;
    }
    let (t, acme) = scene();
    for unit in ["service", "timer"] {
        let text = fs::read_to_string(packaged(&format!("systemd/pkit-renew@.{unit}"))).unwrap();
        // systemd looks whether the program is there.
        t.file(
            format!("pkit-renew@{NAME}.{unit}"),
            text.replace("/usr/bin/pkit", t.path("bin/pkit").to_str().unwrap()),
        );
    }
    let units = ["service", "timer"].map(|unit| format!("./pkit-renew@{NAME}.{unit}"));
    let ran = t.peer("systemd-analyze", [&["verify".to_owned()][..], &units[..]].concat()).exits(0);
    assert_eq!(ran.stderr, "");
    let told = t.peer("systemd-analyze", ["security", "--offline=true", &units[0]]).stdout;
    let (_, level) = told.split_once(".service: ").unwrap();
    let level: f64 = level.split_whitespace().next().unwrap().parse().unwrap();
    assert!(level < 3.0, "{told}");

    let renewed = acme.certbot(&t, 2015);
    let service = t.text(format!("pkit-renew@{NAME}.service"));
    let command = service.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap().replace("%i", NAME);
    deploys(&t, &renewed.fullchain(), 1, || {
        shell(&t, &command, &[("FROM", t.path("live").join(NAME).display().to_string())])
    });
}
