//! `pkit bundle dovecot-ca`: each CA followed by its CRL, judged by openssl and by real Dovecots.

mod cadir;
mod check;
mod keycert;
mod matrix;

use std::path::Path;

use pkit::material::{Item, Material};

use crate::common::pki::{Authority, Crl, cert_pem, crl_pem};
use crate::common::{Ran, Test, have};
use crate::servers::dovecot::Dovecot;
use crate::servers::{Client, Pki, System};

/// root -> intermediate -> issuing, each with a list, and two clients of the last one: bob is revoked.
struct Clients {
    test: Test,
    root: Authority,
    issuing: Authority,
}

impl Clients {
    fn new() -> Clients {
        let root = Authority::root("Clients Root");
        let intermediate = root.below("Clients Intermediate");
        let issuing = intermediate.below("Clients Issuing");
        let (alice, bob) = (issuing.leaf(&["alice"]), issuing.leaf(&["bob"]));
        let test = Test::new();
        for (name, ca) in [("root", &root), ("intermediate", &intermediate), ("issuing", &issuing)] {
            test.file(format!("{name}.pem"), ca.pem());
            test.file(format!("{name}.crl"), ca.crl(&Crl { revoked: vec![bob.serial], ..Crl::default() }));
        }
        for (name, client) in [("alice", &alice), ("bob", &bob)] {
            test.file(format!("{name}.pem"), client.pem());
            test.file(format!("{name}.key"), client.key_pem());
        }
        Clients { test, root, issuing }
    }

    /// As Dovecot's manual has it.
    fn expected(&self) -> String {
        let entry =
            |name: &&str| self.test.text(format!("{name}.pem")) + &crl_pem(&self.test.read(format!("{name}.crl")));
        ["issuing", "intermediate", "root"].iter().map(entry).collect()
    }

    fn bundle(&self, args: &[&str]) -> Ran {
        self.test.run([&["bundle", "dovecot-ca"], args].concat())
    }

    /// No bundle may come out, and nothing may change.
    #[track_caller]
    fn refuses(&self, files: &[&str], code: &str) -> Ran {
        let before = self.test.snapshot();
        let ran = self.bundle(&[&["-o", "ca.pem"], files].concat()).exits(1).err_has(&format!("error[{code}]"));
        assert_eq!(self.test.snapshot(), before);
        ran.out_has("nothing was written")
    }

    /// Does openssl let this client in, by the bundle and nothing else, with every CRL checked?
    fn openssl_accepts(&self, client: &str) -> bool {
        let verify = format!("verify -crl_check_all -no-CApath -no-CAstore -CAfile ca.pem {client}.pem");
        self.test.peer("openssl", verify.split(' ')).exit == 0
    }
}

const ALL: [&str; 6] = ["root.pem", "issuing.crl", "intermediate.pem", "root.crl", "issuing.pem", "intermediate.crl"];

#[test]
fn any_order_becomes_the_manual_s_order() {
    let c = Clients::new();
    let mut files = ALL;
    for turn in 0..files.len() {
        files.rotate_left(1);
        files.swap(0, turn);
        assert_eq!(c.bundle(&files).exits(0).stdout, c.expected(), "{files:?}");
    }
}

#[test]
fn any_form_becomes_pem() {
    let c = Clients::new();
    let reversed: String = ALL[..5].iter().rev().filter(|f| f.ends_with("pem")).map(|f| c.test.text(f)).collect();
    c.test.file("cas.pem", format!("\u{feff}{}", reversed.replace('\n', "\r\n")));
    c.test.file("pems/list.pem", crl_pem(&c.test.read("root.crl")).trim_end());
    let files = ["cas.pem", "pems", "issuing.crl", "intermediate.crl", "root.pem"];
    assert_eq!(c.bundle(&files).exits(0).err_has("note[pem-bom]").stdout, c.expected());
    if have("openssl") {
        let pack = "crl2pkcs7 -in pems/list.pem -certfile cas.pem -outform DER -out bag.p7b";
        c.test.file("cas.pem", reversed);
        c.test.peer("openssl", pack.split(' ')).exits(0);
        assert_eq!(c.bundle(&["bag.p7b", "issuing.crl", "intermediate.crl"]).exits(0).stdout, c.expected());
    }
}

#[test]
fn openssl_lets_the_good_client_in_and_the_revoked_one_not() {
    if !have("openssl") {
        return;
    }
    let c = Clients::new();
    c.bundle(&[&["-o", "ca.pem"], &ALL[..]].concat()).exits(0).out_has("3 CAs, 3 CRLs");
    assert!(c.openssl_accepts("alice") && !c.openssl_accepts("bob"));
    assert_eq!(c.test.mode("ca.pem"), 0o444);
}

#[test]
fn a_missing_list_is_named_and_nothing_is_written() {
    let c = Clients::new();
    for name in ["root", "intermediate", "issuing"] {
        let files: Vec<&str> = ALL.into_iter().filter(|f| *f != format!("{name}.crl")).collect();
        let ran = c.refuses(&files, "crl-missing").err_has(&format!("--> {name}.pem"));
        assert_eq!(ran.stderr.matches("error[").count(), 1, "{}", ran.stderr);
    }
    c.refuses(&["root.pem"], "crl-missing").err_has("`CN=Clients Root` has no CRL");
    // Who knows better may say so.
    c.bundle(&["root.pem", "--accept", "crl-missing", "-o", "ca.pem"]).exits(0);
}

#[test]
fn a_list_that_is_not_in_force_is_refused() {
    let c = Clients::new();
    c.test.file("root.crl", c.root.crl(&Crl { next_update: Some(2021), ..Crl::default() }));
    c.refuses(&ALL, "crl-expired").err_has("Clients Root").err_has("2021-01-01");
    c.refuses(&[&ALL[..], &["--at", "2019-12-31"]].concat(), "crl-not-yet-valid");
    c.bundle(&[&ALL[..], &["--at", "2020-12-31"]].concat()).exits(0);
}

#[test]
fn of_several_lists_the_newest_is_kept() {
    let c = Clients::new();
    let newest = c.test.read("issuing.crl");
    let list = |number, this_update| c.issuing.crl(&Crl { number, this_update, ..Crl::default() });
    c.test.file("older.crl", list(9, 2019));
    for files in [["older.crl", "issuing.crl"], ["issuing.crl", "older.crl"]] {
        let rest = ["issuing.pem", "intermediate.pem", "intermediate.crl", "root.pem", "root.crl"];
        let ran = c.bundle(&[&files[..], &rest].concat()).exits(0).err_has("note[crl-left-out]").err_has("older.crl");
        assert_eq!(ran.stdout, c.expected());
    }
    // Made in the same second: Dovecot takes the first in the file, so only the higher number may be in it.
    c.test.file("same-day.crl", list(2, 2020));
    c.test.file("issuing.crl", newest);
    for files in [["same-day.crl", "issuing.crl"], ["issuing.crl", "same-day.crl"]] {
        let ran = c.bundle(&[&files[..], &["issuing.pem", "--accept", "ca-issuer-missing"]].concat()).exits(0);
        let ran = ran.err_has("made in the same second the one with the lower number is left out");
        assert_eq!(ran.stdout, c.issuing.pem() + &crl_pem(&c.test.read("same-day.crl")));
    }
    // The same list twice is no older one.
    let ran = c.bundle(&["issuing.pem", "issuing.crl", "issuing.crl", "--accept", "ca-issuer-missing"]).exits(0);
    assert!(!ran.stderr.contains("older"), "{}", ran.stderr);
}

#[test]
fn a_list_in_force_is_kept_before_a_newer_one_that_is_not_yet() {
    let c = Clients::new();
    c.test.file("early.crl", c.issuing.crl(&Crl { number: 9, this_update: 2900, ..Crl::default() }));
    let ran = c.bundle(&[&["early.crl"], &ALL[..]].concat()).exits(0);
    assert_eq!(ran.stdout, c.expected());
    ran.err_has("a newer CRL of `Clients Issuing` that is not in force is left out").err_has("--> early.crl");
}

#[test]
fn the_way_up_must_be_whole() {
    let c = Clients::new();
    let rootless: Vec<&str> = ALL.into_iter().filter(|f| *f != "root.pem").collect();
    c.refuses(&rootless, "ca-issuer-missing").err_has("--> intermediate.pem").err_has("`CN=Clients Root`");
}

#[test]
fn several_issuing_cas_share_what_is_above_them() {
    let c = Clients::new();
    let second = c.root.below("Second Issuing");
    c.test.file("second.pem", second.pem());
    c.test.file("second.crl", second.crl(&Crl::default()));
    let out = c.bundle(&[&ALL[..], &["second.pem", "second.crl"]].concat()).exits(0).stdout;
    let at = |pem: &str| out.find(pem).unwrap();
    let root = at(&c.root.pem());
    assert!(at(&second.pem()) < root && at(&c.issuing.pem()) < root);
    assert!(out.contains(&(second.pem() + &crl_pem(&c.test.read("second.crl")))));
    c.test.file("ca.pem", &out);
    c.test.run(["bundle", "check", "ca.pem"]).exits(0);
}

#[test]
fn der_joined_to_pem_is_named() {
    let c = Clients::new();
    c.test.file("mixed.pem", [c.issuing.pem().as_bytes(), &c.test.read("issuing.crl")].concat());
    let rest = ["intermediate.pem", "intermediate.crl", "root.pem", "root.crl"];
    c.refuses(&[&["mixed.pem"], &rest[..]].concat(), "crl-missing").err_has("warning[pem-binary-inside]");
}

#[test]
fn a_bundle_of_the_same_cas_is_renewed_without_force() {
    let c = Clients::new();
    let make = |files: &[&str]| c.bundle(&[&["-o", "ca.pem"], files].concat());
    make(&ALL).exits(0).out_has("wrote ca.pem");
    make(&ALL).exits(0).out_has("unchanged ca.pem");
    c.test.file("newer.crl", c.issuing.crl(&Crl { number: 2, this_update: 2021, ..Crl::default() }));
    make(&[&ALL[..], &["newer.crl"]].concat()).exits(0).out_has("replace");
    assert!(c.test.text("ca.pem").contains(&crl_pem(&c.test.read("newer.crl"))));
    // Other CAs, or something else altogether: that takes --force.
    let other = Authority::root("Other Root");
    c.test.file("other.pem", other.pem());
    c.test.file("other.crl", other.crl(&Crl::default()));
    let more = [&ALL[..], &["other.pem", "other.crl"]].concat();
    let before = c.test.snapshot();
    make(&more).exits(4).err_has("error[file-exists]");
    assert_eq!(c.test.snapshot(), before);
    make(&[&more[..], &["--force"]].concat()).exits(0);
    for precious in ["notes".to_owned(), c.test.text("ca.pem") + &c.test.text("alice.key")] {
        c.test.chmod("ca.pem", 0o644);
        c.test.file("ca.pem", precious);
        let before = c.test.snapshot();
        make(&more).exits(4).err_has("error[file-exists]");
        assert_eq!(c.test.snapshot(), before);
    }
}

#[test]
fn what_dovecot_cannot_use_is_left_out_and_named() {
    let c = Clients::new();
    let stranger = Authority::root("Stranger CA");
    // The same name, another key: not the issuer of this list.
    c.test.file("foreign.crl", stranger.crl(&Crl::default()));
    c.test.file("impostor.crl", Authority::root("Clients Root").crl(&Crl { this_update: 2022, ..Crl::default() }));
    c.test.file("delta.crl", c.issuing.crl(&Crl { number: 2, this_update: 2022, delta: Some(1), ..Crl::default() }));
    let more = ["foreign.crl", "impostor.crl", "delta.crl", "alice.pem"];
    let ran = c.bundle(&[&more[..], &ALL].concat()).exits(0);
    assert_eq!(ran.stdout, c.expected());
    let ran = ran.err_has("warning[crl-foreign]: no CA among the files given has signed the CRL of `CN=Stranger CA`");
    ran.err_has("--> impostor.crl").err_has("a delta CRL").err_has("note[not-an-authority]: `alice`");
    // A delta alone is no list.
    c.refuses(&["issuing.pem", "delta.crl"], "crl-missing");
    c.bundle(&["alice.pem", "root.crl"]).exits(3).err_has("error[no-authorities]");
}

#[test]
fn two_certificates_of_one_ca_share_its_list() {
    let c = Clients::new();
    let other = Authority::root("Other Root");
    c.test.file("cross.pem", cert_pem(&other.cross_sign(&c.root, |_| {})));
    c.test.file("other.pem", other.pem());
    c.test.file("other.crl", other.crl(&Crl::default()));
    let ran = c.bundle(&[&["cross.pem", "other.pem", "other.crl"], &ALL[..]].concat()).exits(0);
    assert_eq!((ran.stdout.matches("BEGIN CERTIFICATE").count(), ran.stdout.matches("BEGIN X509 CRL").count()), (5, 4));
}

#[test]
fn programs_get_the_list_in_json() {
    let c = Clients::new();
    let json = c.bundle(&[&ALL[..], &["--json"]].concat()).exits(0).json();
    let entries = json["result"]["entries"].as_array().unwrap();
    let kinds: Vec<&str> = entries.iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ca", "crl", "ca", "crl", "ca", "crl"]);
    assert_eq!(json["result"]["goes_stale"], "3000-01-01T00:00:00Z");
    let found = Material::read(Path::new("ca.pem"), json["result"]["content"].as_str().unwrap().as_bytes());
    assert!(found.blocks.iter().all(|b| matches!(b.item, Item::Cert(_) | Item::Crl(_))));
}

#[test]
fn dovecot_2_3_lets_the_good_client_in_and_the_revoked_one_not() {
    dovecot_tells_clients_apart(System::Bookworm, "client sent an invalid cert", |pki, ca| {
        let (cert, key) = (pki.fullchain.display(), pki.key.display());
        format!("ssl_cert = <{cert}\nssl_key = <{key}\nssl_ca = <{}\nssl_verify_client_cert = yes\n", ca.display())
    });
}

#[test]
fn dovecot_2_4_lets_the_good_client_in_and_the_revoked_one_not() {
    dovecot_tells_clients_apart(System::Trixie, "client sent an untrusted cert", |pki, ca| {
        let (cert, key) = (pki.fullchain.display(), pki.key.display());
        let server = format!("ssl_server_cert_file = {cert}\nssl_server_key_file = {key}\n");
        format!("{server}ssl_server_ca_file = {}\nssl_server_request_client_cert = yes\n", ca.display())
    });
}

/// Dovecot finishes the handshake with anybody and refuses at the login.
fn dovecot_tells_clients_apart(system: System, logged: &str, tls: fn(&Pki, &Path) -> String) {
    let c = Clients::new();
    c.bundle(&[&["-o", "ca.pem"], &ALL[..]].concat()).exits(0);
    let server = Test::new();
    let pki = Pki::new(&server);
    let ca = server.file("ca.pem", c.test.read("ca.pem"));
    let settings = format!("ssl = required\nauth_ssl_require_client_cert = yes\n{}", tls(&pki, &ca));
    let Some(dovecot) = Dovecot::start(system, &server, &settings) else { return };
    let login = |client: Client| client.imap_login(dovecot.imaps, "alice", "secret");
    let client = |name: &str| {
        let file = |extension: &str| c.test.path(format!("{name}.{extension}"));
        Client::trusting(&pki.root).presenting(&file("pem"), &file("key"))
    };
    login(client("alice")).says("a OK");
    login(client("bob")).verifies().says("a NO");
    login(Client::trusting(&pki.root)).says("a NO");
    dovecot.daemon.says(logged);
}

/// openssl, and with it Dovecot, does not take a list for some reasons or for attribute certificates as a CA's own.
#[test]
fn a_list_of_narrow_scope_does_not_displace_the_whole_one() {
    let c = Clients::new();
    let scope = |field: &[u8]| {
        let extensions =
            crate::common::pki::extension(&[0x55, 0x1d, 28], true, &pkit::material::der::sequence(&[field]));
        c.issuing.crl(&Crl { this_update: 2021, extensions, ..Crl::default() })
    };
    c.test.file("narrow.crl", scope(&[0x85, 1, 0xff]));
    let files = ["root.pem", "root.crl", "intermediate.pem", "intermediate.crl", "issuing.pem", "narrow.crl"];
    c.refuses(&files, "crl-missing").err_has("for some certificates or reasons only");
    let ran = c.bundle(&[&files[..], &["issuing.crl"]].concat()).exits(0).err_has("note[crl-left-out]");
    assert_eq!(ran.stdout, c.expected());
}
