//! `pkit renew`: from what an ACME client leaves behind to the version in use, and back. Without a server here: those are in
//! `servers/renewal.rs`.

pub mod acme;
mod interrupted;
mod kills;
mod record;
mod refused;
mod versions;

use std::fs;
use std::path::PathBuf;

use crate::common::{Ran, Test};
use acme::Acme;

pub const NAME: &str = "mail.example.org";

/// A scratch directory in which version 1 is in use.
pub fn deployed() -> (Test, Acme) {
    let t = Test::new();
    let acme = Acme::new(&t);
    acme.certbot(&t, 2015);
    deploy(&t, &["live/mail.example.org"], &[]).exits(0);
    (t, acme)
}

/// Deploys what is there, trusting its own root unless told otherwise.
pub fn deploy(t: &Test, from: &[&str], more: &[&str]) -> Ran {
    let words = ["renew", "deploy", "--name", NAME, "--to", "ssl"];
    let trust: &[&str] = if more.contains(&"--trust") { &[] } else { &["--trust", "root.pem"] };
    t.run(words.iter().chain(trust).chain(more).chain(&["--from"]).chain(from))
}

/// The directory of the versions.
pub fn base(t: &Test) -> PathBuf {
    t.path("ssl/pkit").join(NAME)
}

/// The number that `current` leads to. Its key and certificate must belong together, as openssl sees it.
pub fn current(t: &Test) -> Option<u32> {
    let link = fs::read_link(base(t).join("current")).ok()?;
    let version = base(t).join(&link);
    let public = |args: &[&str], file: &str| {
        let file = version.join(file);
        t.peer("openssl", args.iter().map(std::ffi::OsStr::new).chain([file.as_os_str()])).exits(0).stdout
    };
    let certified = public(&["x509", "-noout", "-pubkey", "-in"], "fullchain.pem");
    assert_eq!(certified, public(&["pkey", "-pubout", "-in"], "privkey.pem"), "a mixed pair");
    Some(link.to_str().unwrap().parse().unwrap())
}

/// What the version in use serves.
pub fn chain(t: &Test) -> String {
    fs::read_to_string(base(t).join("current/fullchain.pem")).unwrap()
}
