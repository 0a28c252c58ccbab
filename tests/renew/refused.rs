//! Sets that may not follow the one in use, and what else stops a deployment before anything is touched.

use rcgen::{KeyPair, date_time_ymd};

use super::acme::{Acme, Renewed, certbot, key_pem};
use super::{NAME, base, current, deploy, deployed};
use crate::common::Test;

const LIVE: &[&str] = &["live/mail.example.org"];

/// Refused with this exit code and finding, and nothing is touched.
#[track_caller]
fn refused(t: &Test, more: &[&str], exit: i32, code: &str) {
    let before = t.snapshot();
    deploy(t, LIVE, more).exits(exit).err_or_out(code);
    assert_eq!(t.snapshot(), before);
    assert_eq!(current(t), Some(1));
}

#[test]
fn what_may_not_follow_is_refused_unless_it_is_accepted_by_name() {
    let (t, acme) = deployed();
    let key = KeyPair::generate().unwrap();
    let later = |params: &mut rcgen::CertificateParams| params.not_before = date_time_ymd(2016, 1, 1);

    let pair = acme.with_new_key(2016);
    certbot(&t, Renewed { key: key_pem(&key), ..acme.with_new_key(2016) });
    refused(&t, &[], 1, "key-mismatch");
    certbot(&t, Renewed { chain: String::new(), ..acme.issued(2016) });
    refused(&t, &[], 1, "chain-incomplete");
    certbot(&t, acme.issued(2014));
    refused(&t, &[], 1, "renewal-older");
    certbot(&t, pair);
    refused(&t, &[], 1, "renewal-tlsa-changed");
    certbot(&t, acme.issued_for(&key, &[NAME], later));
    refused(&t, &["--allow-tlsa-change"], 1, "renewal-names-fewer");
    certbot(
        &t,
        acme.issued_for(&key, &["*.example.org"], |params| {
            later(params);
            params.not_after = date_time_ymd(2016, 1, 2);
        }),
    );
    refused(&t, &["--allow-tlsa-change", "--at", "2016-06-01"], 1, "cert-expired");
    refused(&t, &["--trust", "system"], 1, "");
    // A wildcard covers both names, so nothing is missing.
    let ran = deploy(&t, LIVE, &["--allow-tlsa-change", "--at", "2016-01-01T12:00:00Z"]).exits(0);
    ran.err_has("renewal-shorter");
    certbot(&t, acme.issued(2015));
    let accepted = ["--accept", "renewal-older,renewal-names-fewer,renewal-tlsa-changed"];
    deploy(&t, LIVE, &accepted).exits(0);
}

#[test]
fn a_file_that_a_server_may_be_told_of_is_not_left_behind() {
    let (t, acme) = deployed();
    std::fs::write(base(&t).join("0001/dh.pem"), "parameters").unwrap();
    acme.certbot(&t, 2016);
    refused(&t, &[], 1, "renewal-file-lost");
}

/// lego keeps all names in one directory: what is kept under a name that none of them presents could be any of them.
#[test]
fn of_several_names_none_of_which_was_asked_for_none_is_taken() {
    let t = Test::new();
    let acme = Acme::new(&t);
    acme.lego(&t, 2015);
    let deploy_as = |name: &str, from: &str| {
        t.run(["renew", "deploy", "--name", name, "--to", "ssl", "--trust", "root.pem", "--from", from])
    };
    let before = t.snapshot();
    let ran = deploy_as("www.example.org", "lego/certificates").exits(3).err_has("error[several-end-entities]");
    ran.err_has("other.example.org").err_has("mail.example.org.crt");
    assert_eq!(t.snapshot(), before);
    // One certificate, or an older one of the same names beside it, can only be meant.
    acme.certbot(&t, 2015);
    deploy_as("mail", "live/mail.example.org").exits(0);
    acme.certbot(&t, 2016);
    deploy_as("mail", "archive/mail.example.org").exits(0);
    let told = t.run(["renew", "history", "--name", "mail", "--to", "ssl", "--json"]).exits(0).json();
    assert_eq!(told["result"]["versions"][1]["not_before"], "2016-01-01T00:00:00Z");
}

/// The certificate that was chosen is the one that is deployed, also where a newer one of another name has the same key.
#[test]
fn the_certificate_of_the_name_is_taken_though_another_one_has_its_key() {
    let t = Test::new();
    let acme = Acme::new(&t);
    let key = KeyPair::generate().unwrap();
    for (name, year) in [(NAME, 2015), ("other.example.org", 2016)] {
        let issued = acme.issued_for(&key, &[name], |params| params.not_before = date_time_ymd(year, 1, 1));
        t.file(format!("pile/{name}.crt"), issued.fullchain());
        t.file(format!("pile/{name}.key"), issued.key);
    }
    deploy(&t, &["pile"], &[]).exits(0);
    assert_eq!(super::chain(&t), t.text(format!("pile/{NAME}.crt")));
}

#[test]
fn what_is_missing_or_held_is_told() {
    let (t, acme) = deployed();
    acme.certbot(&t, 2016);
    for from in ["nowhere", "root.pem"] {
        deploy(&t, &[from], &[]).exits(3);
    }
    for reload in ["varnish", "courier=/etc", "dovecot=", "systemd:", "systemd:a;b"] {
        deploy(&t, LIVE, &["--reload", reload]).exits(2);
    }
    t.run(["renew", "history", "--name", "other.example.org", "--to", "ssl"]).exits(3).err_has("lineage-missing");
    let lock = std::fs::File::open(base(&t).join(".lock")).unwrap();
    lock.lock().unwrap();
    deploy(&t, LIVE, &["--no-wait"]).exits(4).err_has("error[lock-held]");
    drop(lock);
    std::fs::write(base(&t).join(".state"), "not ours\n").unwrap();
    deploy(&t, LIVE, &[]).exits(3).err_has("error[deploy-record-broken]");
}

/// A unit that systemd does not know, or no systemd at all: either way the old version is back.
#[test]
fn a_unit_that_cannot_be_reloaded_brings_the_old_back() {
    let (t, acme) = deployed();
    acme.certbot(&t, 2016);
    deploy(&t, LIVE, &["--reload", "systemd:pkit-no-such-unit"]).exits(7).err_has("error[deploy-reload-failed]");
    assert_eq!(current(&t), Some(1));
}
