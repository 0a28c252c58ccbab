//! `pkit renew check`: what is due, by which clock, on the disk and on the wire, and in the words of cron, systemd, Nagios and
//! Prometheus.

use std::process::Command;

use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::common::pki::{Authority, Crl, Leaf, cert_pem, crl_pem};
use crate::common::{Ran, Test, have};
use crate::probe::Served;
use crate::probe::preface::scripted;
use crate::servers::System;
use crate::servers::dovecot::Dovecot;

const NOW: OffsetDateTime = datetime!(2026-06-01 0:00 UTC);

/// A leaf that began so many days before `NOW` and ends so many after it.
fn leaf(ca: &Authority, name: &str, before: i64, after: i64) -> Leaf {
    ca.leaf_with(&[name], |params| {
        params.not_before = NOW - Duration::days(before);
        params.not_after = NOW + Duration::days(after);
    })
}

fn check(test: &Test, words: &[&str]) -> Ran {
    test.run([&["renew", "check", "--at", "2026-06-01"], words].concat())
}

struct Disk {
    test: Test,
    ca: Authority,
}

impl Disk {
    fn new() -> Disk {
        let test = Test::new();
        let ca = Authority::root("Example CA");
        test.file("fresh.pem", leaf(&ca, "mail.example.org", 30, 60).pem());
        test.file("due.pem", leaf(&ca, "ldap.example.org", 70, 20).pem());
        test.file("over.pem", leaf(&ca, "www.example.org", 90, -1).pem());
        Disk { test, ca }
    }
}

#[test]
fn a_third_of_the_life_or_a_time_is_the_threshold() {
    let disk = Disk::new();
    let fresh = check(&disk.test, &["fresh.pem"]).exits(0);
    fresh.out_has("OK    fresh.pem:1  mail.example.org  60 d left of 90 (66 %)");
    let due = check(&disk.test, &["fresh.pem", "due.pem", "--json"]).exits(1).json();
    assert_eq!(due["result"]["due"], 1);
    let items = due["result"]["items"].as_array().unwrap();
    let dues = items.iter().map(|i| (i["due"].as_bool().unwrap(), i["remaining_percent"].as_i64().unwrap()));
    assert_eq!(dues.collect::<Vec<_>>(), [(false, 66), (true, 22)]);
    assert_eq!(items[1]["seconds_left"], 20 * 86_400);
    check(&disk.test, &["due.pem"]).exits(1).out_has("DUE   due.pem:1").out_has("20 d left of 90 (22 %)");
    check(&disk.test, &["due.pem", "--within", "20d"]).exits(0);
    check(&disk.test, &["due.pem", "--within", "21d"]).exits(1);
    check(&disk.test, &["fresh.pem", "--within", "70%"]).exits(1);
    check(&disk.test, &["over.pem", "--within", "0d"]).exits(1).out_has("FAIL").out_has("expired 1 d ago");
    check(&disk.test, &["missing.pem"]).exits(3);
    check(&disk.test, &["fresh.pem", "--within", "3y"]).exits(2);
    // Quiet on success, for cron.
    assert_eq!(check(&disk.test, &["fresh.pem", "-q"]).exits(0).stdout, "");
}

#[test]
fn every_certificate_of_a_file_and_every_list_is_looked_at() {
    let disk = Disk::new();
    let old = disk.ca.cross_sign(&disk.ca.below("Old CA"), |params| {
        params.not_before = NOW - Duration::days(3600);
        params.not_after = NOW + Duration::days(50);
    });
    let young = disk.ca.cross_sign(&disk.ca.below("Young CA"), |params| {
        params.not_before = NOW - Duration::days(3000);
        params.not_after = NOW + Duration::days(650);
    });
    let fresh = disk.test.text("fresh.pem");
    disk.test.file("chain.pem", fresh.clone() + &cert_pem(&old));
    // A third of ten years is no reason yet.
    disk.test.file("good.pem", fresh + &cert_pem(&young));
    check(&disk.test, &["good.pem"]).exits(0);
    check(&disk.test, &["chain.pem"]).exits(1).out_has("Old CA");
    let list = |from, until| crl_pem(&disk.ca.crl(&Crl { this_update: from, next_update: until, ..Crl::default() }));
    disk.test.file("dir/stale.crl", list(2020, Some(2021)));
    disk.test.file("dir/due.crl", list(2020, Some(2028)));
    disk.test.file("dir/good.crl", list(2026, Some(2030)));
    disk.test.file("dir/endless.crl", list(2026, None));
    let json = check(&disk.test, &["dir", "--json"]).exits(1).json();
    let due = |name: &str| {
        let items = json["result"]["items"].as_array().unwrap();
        items.iter().find(|i| i["source"].as_str().unwrap().contains(name)).unwrap()["due"].as_bool().unwrap()
    };
    let found = ["stale", "due.crl", "good", "endless"].map(due);
    assert_eq!(found, [true, true, false, false], "{json:#}");
    // Debian's directories name each file twice.
    std::os::unix::fs::symlink("stale.crl", disk.test.path("dir/0.r0")).unwrap();
    disk.test.file("certs/a.pem", disk.test.text("due.pem"));
    std::os::unix::fs::symlink("a.pem", disk.test.path("certs/0.0")).unwrap();
    assert_eq!(check(&disk.test, &["certs", "--json"]).exits(1).json()["result"]["due"], 1);
}

#[test]
fn of_the_versions_that_were_deployed_the_one_in_use_is_judged() {
    let (test, acme) = crate::renew::deployed();
    acme.certbot(&test, 2016);
    crate::renew::deploy(&test, &["live/mail.example.org"], &[]).exits(0);
    for named in ["ssl/pkit", "ssl/pkit/mail.example.org", "ssl/pkit/mail.example.org/current"] {
        let json = test.run(["renew", "check", named, "--at", "2016-01-05", "--json"]).exits(0).json();
        let items = json["result"]["items"].as_array().unwrap();
        let sources: Vec<_> = items.iter().map(|item| item["source"].as_str().unwrap()).collect();
        assert!(!sources.is_empty() && sources.iter().all(|s| s.contains("/current/fullchain.pem:")), "{sources:?}");
        assert_eq!(json["findings"], serde_json::json!([]));
    }
    std::fs::remove_dir_all(test.path("ssl/pkit/mail.example.org/0002")).unwrap();
    test.run(["renew", "check", "ssl/pkit"]).exits(3).out_has("SKIP").out_has("mail.example.org/current");
}

#[test]
fn where_nothing_can_be_judged_nothing_is_well() {
    let disk = Disk::new();
    disk.test.file("empty.pem", "");
    disk.test.file("leaf.key", leaf(&disk.ca, "mail.example.org", 30, 60).key_pem());
    disk.test.file("keys/leaf.key", disk.test.text("leaf.key"));
    std::fs::create_dir(disk.test.path("bare")).unwrap();
    let whole = disk.test.text("fresh.pem");
    disk.test.file("cut.pem", &whole[..300]);
    disk.test.file("all/fresh.pem", &whole);
    disk.test.file("all/cut.pem", &whole[..300]);
    disk.test.file("all/empty.pem", "");
    for named in ["empty.pem", "leaf.key", "keys", "bare", "cut.pem", "all"] {
        for more in [&[][..], &["fresh.pem"], &["due.pem"]] {
            let words = [&[named], more].concat();
            check(&disk.test, &words).exits(3).out_has("SKIP").out_has(named);
            check(&disk.test, &[&["--exec-condition"], &words[..]].concat()).exits(255);
            check(&disk.test, &[&["--nagios"], &words[..]].concat()).exits(3).out_has("PKIT UNKNOWN - ").out_has(named);
        }
        check(&disk.test, &[named, "fresh.pem", "--allow-incomplete"]).exits(0);
        let forgiven = check(&disk.test, &[named, "fresh.pem", "--allow-incomplete", "--nagios"]).exits(0);
        forgiven.out_has("PKIT OK - 0 due of 1 thing");
        check(&disk.test, &[named, "due.pem", "--allow-incomplete", "--nagios"]).exits(1).out_has("WARNING - due.pem");
        check(&disk.test, &[named, "over.pem", "--nagios"]).exits(2).out_has("CRITICAL - over.pem");
    }
}

#[test]
fn what_is_accepted_is_not_due() {
    let disk = Disk::new();
    for (file, code) in [("due.pem", "renewal-due"), ("over.pem", "cert-expired")] {
        let json = check(&disk.test, &[file, "--accept", code, "--json"]).exits(0).json();
        assert_eq!((&json["result"]["due"], &json["findings"][0]["severity"]), (&0.into(), &"info".into()), "{json:#}");
        check(&disk.test, &[file, "--accept", code]).exits(0).out_has("NOTE").out_has("0 due of 1 thing");
        check(&disk.test, &[file, "--accept", code, "--exec-condition"]).exits(1);
        check(&disk.test, &[file, "--accept", code, "--nagios"]).exits(0);
    }
    let nobody = ["127.0.0.1:1", "--accept", "peer-unreachable"];
    check(&disk.test, &nobody).exits(0);
    disk.test.run([&["probe"], &nobody[..]].concat()).exits(0);
}

#[test]
fn what_is_wrong_and_not_due_starts_no_renewal() {
    let disk = Disk::new();
    let bare = scripted(&["* OK\r\n", "* CAPABILITY IMAP4rev1\r\np1 OK\r\n"]);
    let imap = ["--starttls", "imap"];
    check(&disk.test, &[&[bare.as_str(), "fresh.pem"], &imap[..]].concat()).exits(1).out_has("STARTTLS is not offered");
    check(&disk.test, &[&["--exec-condition", &bare, "fresh.pem"], &imap[..]].concat()).exits(255);
    // What is due is renewed all the same: that may well mend it.
    check(&disk.test, &[&["--exec-condition", &bare, "due.pem"], &imap[..]].concat()).exits(0);
    check(&disk.test, &["--exec-condition", "due.pem", "127.0.0.1:1"]).exits(255);
}

#[test]
fn systemd_runs_the_unit_only_when_something_is_due() {
    let disk = Disk::new();
    for (words, code) in [
        (&["due.pem"][..], 0),
        (&["over.pem"], 0),
        (&["fresh.pem"], 1),
        (&["missing.pem"], 255),
        (&["fresh.pem", "--within", "x"], 255),
        (&["--no-such-option"], 255),
        (&["127.0.0.1:1"], 255),
        (&["due.pem", "--accept", "no-such-code"], 255),
    ] {
        check(&disk.test, &[&["--exec-condition"], words].concat()).exits(code);
    }
}

#[test]
fn nagios_gets_its_own_codes_and_one_line() {
    let disk = Disk::new();
    for (words, code, line) in [
        (&["fresh.pem"][..], 0, "PKIT OK - 0 due of 1 thing | 'days_left'=60d;29:;0:;0;\n"),
        (
            &["due.pem"],
            1,
            "PKIT WARNING - due.pem:1: `ldap.example.org` has 20 d left of 90 (22 %) | 'days_left'=20d;29:;0:;0;\n",
        ),
        (&["due.pem", "--critical", "25d"], 2, "PKIT CRITICAL - due.pem:1: "),
        (&["fresh.pem", "due.pem", "over.pem"], 2, "PKIT CRITICAL - over.pem:1: "),
        (&["missing.pem"], 3, "PKIT UNKNOWN - missing.pem: "),
        (&["127.0.0.1:1"], 2, "PKIT CRITICAL - 127.0.0.1:1: no connection"),
        (&["127.0.0.1:1", "--unreachable", "unknown"], 3, "PKIT UNKNOWN - 127.0.0.1:1: no connection"),
        (&["--within"], 3, "PKIT UNKNOWN - "),
        (&["fresh.pem", "--exec-condition"], 255, ""),
    ] {
        let ran = check(&disk.test, &[&["--nagios"], words].concat()).exits(code);
        assert!(ran.stdout.starts_with(line), "{words:?}: {}", ran.stdout);
        let bars = ran.stdout.lines().next().unwrap_or_default().matches('|').count();
        assert!(bars <= 1, "{words:?}: {}", ran.stdout);
    }
    disk.test.file("bar.pem", leaf(&disk.ca, "a.example", 80, 5).pem());
    let probed = disk.test.run(["probe", "127.0.0.1:1", "--nagios"]);
    probed.exits(2).out_has("PKIT CRITICAL - 127.0.0.1:1: no connection");
}

#[test]
fn nagios_plugins_agree_about_a_server() {
    if !have("openssl") {
        return;
    }
    let root = Authority::root("root");
    let now = OffsetDateTime::now_utc();
    for days in [60, 31, 30, 29, 20, 11, 10, 9, 5, -2] {
        let test = Test::new();
        let leaf = root.leaf_with(&["localhost"], |params| {
            params.not_before = now - Duration::days(40);
            params.not_after = now + Duration::days(days) + Duration::hours(12);
        });
        let (chain, key) = (test.file("chain.pem", leaf.pem()), test.file("leaf.key", leaf.key_pem()));
        let agree = |port: u16, plugin: &str, words: &[&str]| {
            let path = format!("/usr/lib/nagios/plugins/{plugin}");
            if !std::path::Path::new(&path).exists() {
                return crate::common::missing(plugin);
            }
            let port = port.to_string();
            let theirs = test.peer(&path, [&["-p", &port, "--ssl"], words].concat());
            // They count "30 days" as due where 30 days and some hours are left, and whole days are what they count.
            let address = format!("localhost:{port}");
            let ours = ["renew", "check", &address, "--nagios", "--within", "31d", "--critical", "11d"];
            let ours = test.run(ours);
            assert_eq!(ours.exit, theirs.exit, "{plugin}, {days} d: {} {}", ours.stdout, theirs.stdout);
        };
        let served = Served::start(&test, &chain, &key, &[]);
        agree(served.port, "check_http", &["-I", "127.0.0.1", "-H", "localhost", "-C", "30,10"]);
        let tls = format!("ssl = required\nssl_cert = <{}\nssl_key = <{}\n", chain.display(), key.display());
        let Some(dovecot) = Dovecot::start(System::Bookworm, &test, &tls) else { continue };
        agree(dovecot.imaps, "check_imap", &["-H", "127.0.0.1", "-D", "30,10"]);
    }
}

#[test]
fn a_server_that_was_not_reloaded_is_found() {
    if !have("openssl") {
        return;
    }
    let test = Test::new();
    let ca = Authority::root("root");
    let now = OffsetDateTime::now_utc();
    let made = |begun: i64| {
        ca.leaf_with(&["localhost"], |params| {
            params.not_before = now - Duration::days(begun);
            params.not_after = now + Duration::days(90 - begun);
        })
    };
    let (old, new) = (made(20), made(1));
    let other = ca.leaf(&["other.example.org"]);
    let chain = test.file("served.pem", old.pem());
    let served = Served::start(&test, &chain, &test.file("leaf.key", old.key_pem()), &[]);
    let address = format!("localhost:{}", served.port);
    let ran = |files: &[&str]| test.run([&["renew", "check", &address], files].concat());
    test.file("new.pem", new.pem());
    test.file("other.pem", other.pem());
    let stale = ran(&["new.pem"]).exits(1);
    stale
        .out_has("STALE  localhost:")
        .out_has("serves an older certificate (until ")
        .out_has("hint: reload the service");
    ran(&["served.pem"]).exits(0);
    ran(&["other.pem"]).exits(0);
    // One for some of its names is another service's, one for all of them and more takes its place.
    let both = |more: &[&str]| {
        ca.leaf_with(&[&["localhost"], more].concat(), |params| {
            params.not_before = now;
            params.not_after = now + Duration::days(90);
        })
    };
    let two = both(&["a.example.org", "b.example.org"]);
    let wide = test.file("wide.pem", two.pem());
    test.file("narrow.pem", both(&["a.example.org"]).pem());
    test.file("wider.pem", both(&["a.example.org", "b.example.org", "c.example.org"]).pem());
    let of_two = Served::start(&test, &wide, &test.file("wide.key", two.key_pem()), &[]);
    let address_of_two = format!("localhost:{}", of_two.port);
    test.run(["renew", "check", &address_of_two, "narrow.pem"]).exits(0);
    test.run(["renew", "check", &address_of_two, "wider.pem"]).exits(1).out_has("STALE");
    // The old one still lies there, but it is not what should be served.
    ran(&["served.pem", "new.pem"]).exits(1).out_has("STALE");
    ran(&["served.pem", "new.pem", "--exec-condition"]).exits(255);
    ran(&["served.pem", "new.pem", "--accept", "served-differs"]).exits(0).out_has("NOTE");
    let json = ran(&["served.pem", "--json"]).exits(0).json();
    assert_eq!(json["result"]["servers"][0]["served_matches_file"], true);
    assert_eq!(json["result"]["items"].as_array().unwrap().len(), 2);
}

#[test]
fn programs_get_json_whatever_happens() {
    let disk = Disk::new();
    for json in [&["--json"][..], &["--format", "json"], &["--format=json"]] {
        let missing = check(&disk.test, &[&["missing.pem"], json].concat()).exits(3).json();
        assert_eq!((&missing["error"]["id"], &missing["exit"]), (&"file-missing".into(), &3.into()), "{missing:#}");
        let wrong = check(&disk.test, &[&["fresh.pem", "--within", "x"], json].concat()).exits(2).json();
        assert_eq!(wrong["error"]["id"], "usage", "{wrong:#}");
        assert_eq!(check(&disk.test, &[&["fresh.pem"], json].concat()).exits(0).json()["result"]["due"], 0);
        let lint = disk.test.run([&["lint", "missing.conf"], json].concat()).exits(3).json();
        assert_eq!(lint["error"]["id"], "file-missing", "{lint:#}");
    }
}

#[test]
fn prometheus_gets_metrics_by_the_names_that_are_in_use() {
    let disk = Disk::new();
    let odd = disk.ca.leaf_with(&["q.example.org"], |params| {
        params.not_before = NOW - Duration::days(1);
        params.not_after = NOW + Duration::days(90);
        params.distinguished_name.push(rcgen::DnType::CommonName, "a \"quoted\\\" name");
    });
    disk.test.file("all/odd.pem", odd.pem());
    disk.test.file("all/over.pem", disk.test.text("over.pem"));
    disk.test.file("all/ca.crl", crl_pem(&disk.ca.crl(&Crl { next_update: Some(2021), ..Crl::default() })));
    let ran = check(&disk.test, &["all", "--format", "prometheus"]).exits(1);
    for line in [
        "# TYPE x509_cert_not_after gauge\n",
        &format!(
            "x509_crl_next_update{{filename=\"ca.crl\",filepath=\"all/ca.crl\",issuer_CN=\"Example CA\"}} {}\n",
            1_609_459_200
        ),
        "x509_crl_stale{filename=\"ca.crl\",filepath=\"all/ca.crl\",issuer_CN=\"Example CA\"} 1\n",
        "subject_CN=\"a \\\"quoted\\\\\\\" name\",issuer_CN=\"Example CA\"} 0\n",
        "pkit_findings{severity=\"error\"} 2\n",
        &format!("pkit_last_run_timestamp_seconds {}\n", NOW.unix_timestamp()),
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    // One list under two names, two of one issuer in one file, certificates that only their digests tell apart, a server that
    // is named twice: each sample comes once, that of what ends first.
    let list = |until| crl_pem(&disk.ca.crl(&Crl { next_update: Some(until), ..Crl::default() }));
    disk.test.file("all/copy.crl", disk.test.text("all/ca.crl"));
    disk.test.file("all/two.pem", list(2031) + &list(2030));
    let alike = |end| {
        disk.ca.leaf_with(&["www.example.org"], |params| {
            params.serial_number = Some(7_u64.into());
            params.not_after = NOW + Duration::days(end);
        })
    };
    disk.test.file("all/alike.pem", alike(90).pem() + &alike(80).pem());
    let ran = check(&disk.test, &["all", "127.0.0.1:1", "127.0.0.1:1", "--format", "prometheus"]).exits(6);
    let samples = ran.stdout.lines().filter(|line| !line.starts_with('#'));
    let mut names: Vec<_> = samples.map(|line| line.rsplit_once(' ').unwrap().0).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "{}", ran.stdout);
    let nearest = ran.stdout.lines().find(|l| l.contains("x509_crl_next_update{filename=\"two.pem\"")).unwrap();
    assert!(nearest.ends_with(" 1893456000"), "{nearest}");
    if !have("prometheus-node-exporter") {
        return;
    }
    // The real collector reads it whole.
    disk.test.file("textfile/pkit.prom", &ran.stdout);
    let [port] = crate::servers::free_ports();
    let address = format!("127.0.0.1:{port}");
    let mut exporter = Command::new("prometheus-node-exporter");
    exporter.args(["--collector.disable-defaults", "--collector.textfile", &format!("--web.listen-address={address}")]);
    exporter.arg(format!("--collector.textfile.directory={}", disk.test.path("textfile").display()));
    let mut child = exporter.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let curl =
        ["-sS", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", &format!("http://{address}/metrics")];
    let scraped = disk.test.peer("curl", curl);
    child.kill().unwrap();
    child.wait().unwrap();
    let scraped = scraped.exits(0).stdout;
    assert!(scraped.contains("node_textfile_scrape_error 0"), "{scraped}");
    for line in ran.stdout.lines().filter(|line| line.starts_with("x509_cert_expired")) {
        assert!(scraped.contains(line.split('{').next().unwrap()), "{line}: {scraped}");
    }
    assert!(scraped.contains("pkit_last_run_timestamp_seconds"), "{scraped}");
}
