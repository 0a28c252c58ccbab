//! A large Apache configuration against Apache's own check, in one run: `cargo bench --bench lint`. A thousand virtual hosts on ten
//! thousand lines, each with a certificate and a key of its own. `apache2 -t` reads the lines and opens none of these files; pkit
//! reads them all, matches every key with its certificate, follows every chain and looks at every mode.
//!
//! `PKIT_BENCH_HOSTS` says how many hosts there are (1,000 unless it is set).

#![allow(clippy::disallowed_methods, reason = "a benchmark starts programs and lays out files as a user does")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "the small PKI of the tests has more than is needed here")]

mod common;
#[path = "../tests/common/pki.rs"]
mod pki;

use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use common::{PKIT, ROUNDS, Spread, run};
use pki::Authority;

fn main() {
    common::main(bench);
}

fn bench() {
    let hosts = std::env::var("PKIT_BENCH_HOSTS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000usize);
    let dir = tempfile::tempdir().unwrap();
    let lines = lay_out(dir.path(), hosts);
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (main, root) = (at("apache2.conf"), at("root.pem"));
    println!("{hosts} virtual hosts on {lines} lines, {ROUNDS} rounds\n");
    let ours = [PKIT, "lint", &main, "--server", "apache", "--server-version", "2.4.71", "--trust", &root];
    let theirs = ["apache2", "-t", "-f", &main];
    let rounds: Vec<_> = (0..ROUNDS).map(|_| (measured(&ours), measured(&theirs))).collect();
    let (ours, theirs): (Vec<_>, Vec<_>) = rounds.into_iter().unzip();
    println!("               processor ms             wall ms                  peak MiB");
    let of = |rounds: &[((f64, f64), f64)], what: &str| {
        let cpu = Spread::of(&rounds.iter().map(|(figures, _)| *figures).collect::<Vec<_>>());
        let wall = Spread::of(&rounds.iter().map(|(figures, wall)| (*wall, figures.1)).collect::<Vec<_>>());
        println!("{what:<14} {cpu:<24} {wall:<24} {:.1}", cpu.peak);
        (cpu.median, wall.median)
    };
    let (ours, theirs) = (of(&ours, "pkit lint"), of(&theirs, "apache2 -t"));
    println!(
        "\napache2 -t / pkit lint: {:.2} processor, {:.2} wall (goal: above 1)",
        theirs.0 / ours.0,
        theirs.1 / ours.1
    );
}

/// Processor time and peak, and the wall's time.
fn measured(command: &[&str]) -> ((f64, f64), f64) {
    let start = Instant::now();
    (run(command), start.elapsed().as_secs_f64() * 1e3)
}

/// The configuration with everything that it names; how many lines it has.
fn lay_out(dir: &Path, hosts: usize) -> usize {
    let root = Authority::root("root");
    let issuer = root.below("issuer");
    std::fs::write(dir.join("root.pem"), root.pem()).unwrap();
    std::fs::create_dir_all(dir.join("tls")).unwrap();
    std::fs::create_dir_all(dir.join("www")).unwrap();
    let at = dir.to_str().unwrap();
    let mut sites = String::new();
    for n in 0..hosts {
        let name = format!("host{n}.example.org");
        let leaf = issuer.leaf(&[&name]);
        std::fs::write(dir.join(format!("tls/{n}.pem")), leaf.pem() + &issuer.pem()).unwrap();
        let key = dir.join(format!("tls/{n}.key"));
        std::fs::write(&key, leaf.key_pem()).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o400)).unwrap();
        write!(
            sites,
            "<VirtualHost *:443>\n  ServerName {name}\n  DocumentRoot {at}/www\n  SSLEngine on\n  SSLCertificateFile {at}/tls/{n}.pem\n  \
             SSLCertificateKeyFile {at}/tls/{n}.key\n  SSLProtocol -all +TLSv1.2 +TLSv1.3\n  SSLHonorCipherOrder off\n  \
             LogLevel warn ssl:info\n</VirtualHost>\n"
        )
        .unwrap();
    }
    let main = BASE.replace("DIR", at);
    std::fs::write(dir.join("sites.conf"), &sites).unwrap();
    std::fs::write(dir.join("apache2.conf"), &main).unwrap();
    main.lines().count() + sites.lines().count()
}

const BASE: &str = "\
ServerRoot /usr/lib/apache2
DefaultRuntimeDir DIR
PidFile DIR/pid
ServerName host0.example.org
ErrorLog DIR/error.log
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule socache_shmcb_module modules/mod_socache_shmcb.so
LoadModule ssl_module modules/mod_ssl.so
Listen 127.0.0.1:443
IncludeOptional DIR/sites.conf
";
