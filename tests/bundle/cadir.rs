//! `pkit bundle cadir`: a directory in which openssl finds what it looks for.

use std::collections::BTreeSet;
use std::fs;

use pkit::material::der::{self, tag};
use pkit::material::dn::Name;
use pkit::material::subject_hash::subject_hash;

use crate::common::pki::{Authority, Crl};
use crate::common::{Test, have};

/// A directory `cas`, and the files of some CAs beside it.
fn laid_out(names: &[&str]) -> (Test, Vec<Authority>) {
    let test = Test::new();
    fs::create_dir(test.path("cas")).unwrap();
    let cas: Vec<Authority> = names.iter().map(|name| Authority::root(name)).collect();
    for (n, ca) in cas.iter().enumerate() {
        test.file(format!("{n}.pem"), ca.pem());
        test.file(format!("{n}.crl"), ca.crl(&Crl::default()));
    }
    (test, cas)
}

/// The links of `cas` and where they lead.
fn links(test: &Test) -> BTreeSet<(String, String)> {
    let entries = fs::read_dir(test.path("cas")).unwrap().map(|e| e.unwrap());
    let text = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    entries.filter_map(|e| Some((text(&e.path()), fs::read_link(e.path()).ok()?.to_str()?.to_owned()))).collect()
}

#[test]
fn openssl_finds_cas_and_lists() {
    if !have("openssl") {
        return;
    }
    let (test, cas) = laid_out(&["One Root", "Zwei  Wurzeln é"]);
    test.run(["bundle", "cadir", "cas", "0.pem", "1.pem", "0.crl", "1.crl"]).exits(0);
    for ca in &cas {
        let (good, bad) = (ca.leaf(&["good"]), ca.leaf(&["bad"]));
        test.file("good.pem", good.pem());
        test.file("bad.pem", bad.pem());
        let verify = |client: &str| {
            let words = format!("verify -crl_check_all -no-CAfile -no-CAstore -CApath cas {client}.pem");
            test.peer("openssl", words.split(' ')).exit
        };
        assert_eq!(verify("good"), 0);
        // A newer list follows on the old one without --force.
        test.file(
            "next.crl",
            ca.crl(&Crl { number: 2, this_update: 2021, revoked: vec![bad.serial], ..Crl::default() }),
        );
        assert_eq!(verify("bad"), 0);
        test.run(["bundle", "cadir", "cas", "0.pem", "1.pem", "next.crl"]).exits(0).out_has("replace");
        assert_eq!((verify("good"), verify("bad")), (0, 2));
    }
    let ours = links(&test);
    test.peer("openssl", ["rehash", "cas"]).exits(0);
    assert_eq!(links(&test), ours, "openssl rehash has nothing to mend");
}

#[test]
fn cas_of_one_name_are_numbered() {
    let (test, _) = laid_out(&["Same Name", "SAME  name", "Other"]);
    let make = || test.run(["bundle", "cadir", "cas", "0.pem", "1.pem", "2.pem"]).exits(0);
    make();
    let names: Vec<String> = links(&test).into_iter().map(|(name, _)| name[8..].to_owned()).collect();
    assert_eq!(names.iter().filter(|n| *n == ".0").count(), 2);
    assert_eq!(names.iter().filter(|n| *n == ".1").count(), 1);
    let before = test.snapshot();
    make().out_has("unchanged");
    assert_eq!(test.snapshot(), before);
    assert!(links(&test).iter().all(|(_, target)| !target.contains('/')), "links are relative");
}

#[test]
fn what_others_put_there_stays() {
    let (test, _) = laid_out(&["Some Root"]);
    test.run(["bundle", "cadir", "cas", "0.pem"]).exits(0);
    let (link, file) = links(&test).pop_first().unwrap();
    // A file or another link has the number: the next one is taken, and nothing is replaced.
    fs::remove_file(test.path("cas").join(&link)).unwrap();
    test.file(format!("cas/{link}"), "not ours");
    test.run(["bundle", "cadir", "cas", "0.pem"]).exits(0);
    assert_eq!(test.text(format!("cas/{link}")), "not ours");
    assert_eq!(links(&test).pop_first(), Some((link.replace(".0", ".1"), file.clone())));
    // Another file has the CA's name.
    test.chmod(format!("cas/{file}"), 0o644);
    test.file(format!("cas/{file}"), "not ours");
    let before = test.snapshot();
    test.run(["bundle", "cadir", "cas", "0.pem"]).exits(4).err_has("error[file-exists]");
    assert_eq!(test.snapshot(), before);
    test.run(["bundle", "cadir", "nowhere", "0.pem"]).exits(5).err_has("nowhere");
    test.run(["bundle", "cadir", "cas", "0.crl"]).exits(3).err_has("error[no-authorities]");
}

/// OpenSSL looks no further than a link that leads nowhere: it must go, but not unasked.
#[test]
fn a_link_that_leads_nowhere_is_in_the_way() {
    let (test, cas) = laid_out(&["Some Root"]);
    let hash = subject_hash(&pkit::material::cert::Cert::from_der(&cas[0].der).unwrap().subject);
    let link = test.path("cas").join(format!("{hash}.0"));
    std::os::unix::fs::symlink("gone.pem", &link).unwrap();
    test.run(["bundle", "cadir", "cas", "0.pem"]).exits(4).err_has("error[link-exists]").err_has("gone.pem");
    assert_eq!(fs::read_link(&link).unwrap().to_str(), Some("gone.pem"));
    test.run(["bundle", "cadir", "cas", "0.pem", "--force"]).exits(0).out_has("replace");
    assert!(fs::metadata(&link).is_ok());
}

/// Whatever stands in a name, the hash is the one that openssl computes.
#[test]
fn hashes_are_those_of_openssl() {
    if !have("openssl") {
        return;
    }
    let test = Test::new();
    let attribute =
        |kind: u8, value: &[u8], n: u8| der::sequence(&[&der::tlv(tag::OID, &[0x55, 4, n]), &der::tlv(kind, value)]);
    let rdn = |parts: &[Vec<u8>]| der::tlv(tag::SET, &parts.concat());
    let name = |rdns: &[Vec<u8>]| der::sequence(&[&rdns.concat()]);
    let one = |kind, value: &[u8]| name(&[rdn(&[attribute(kind, value, 3)])]);
    let names = [
        one(0x0c, b"Plain"),
        one(0x13, b"  MIXED   Case\t and blanks "),
        one(0x0c, "Ärger  ÉCOLE\u{a0}x".as_bytes()),
        one(0x1e, &[0, b'B', 0, b' ', 0, b' ', 0, b'M', 0, 0xc4]),
        one(0x1c, &[0, 0, 0, b'U', 0, 0, 0x20, 0xac]),
        one(0x14, b"Teletex \xe9 A"),
        one(0x16, b"IA5@Example"),
        one(0x03, &[0, 0xff, b' ', b'A']),
        one(0x12, b"12  34"),
        one(0x0c, b""),
        one(0x0c, b"   "),
        name(&[]),
        name(&[rdn(&[attribute(0x0c, b"b", 3), attribute(0x0c, b"A", 10)]), rdn(&[attribute(0x13, b"DE", 6)])]),
        name(&[rdn(&[attribute(0x0c, b"Zz", 3), attribute(0x0c, b"a", 3), attribute(0x0c, b"longer than both", 3)])]),
    ];
    for (n, der) in names.iter().enumerate() {
        let (list, named) = (test.file(format!("{n}.crl"), list_of(der)), Name::from_der(der).unwrap());
        let ran = test.peer("openssl", ["crl", "-hash", "-noout", "-inform", "DER", "-in", list.to_str().unwrap()]);
        assert_eq!(ran.exits(0).stdout.trim(), subject_hash(&named), "name {n}: {named}");
    }
}

/// A list in this name; nobody looks at its signature.
fn list_of(issuer: &[u8]) -> Vec<u8> {
    let algorithm = der::sequence(&[&[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]]);
    let body = der::sequence(&[&der::unsigned(&[1]), &algorithm, issuer, &der::tlv(0x17, b"200101000000Z")]);
    der::sequence(&[&body, &algorithm, &der::bits(&[0])])
}
