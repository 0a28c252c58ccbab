//! Which certificate of the pile is the one to serve: the key says it, or a name, or there is only one.

use rcgen::KeyUsagePurpose;

use super::Purchase;
use crate::common::Test;
use crate::common::pki::{Authority, cert_pem, pem};

#[test]
fn the_key_says_which_one() {
    let p = Purchase::new();
    let other = p.lower.leaf(&["www.example.org"]);
    p.test.file("pile.pem", other.pem() + &p.reversed());
    p.builds(&["pile.pem", "--key", "mail.key"]);
    let ran = p.build(&["pile.pem", "--key", "mail.key", "--json"]).exits(0).json();
    assert_eq!(ran["result"]["unused"][0]["subject"], "CN=www.example.org");
}

#[test]
fn a_name_says_which_one() {
    let p = Purchase::new();
    p.test.file("pile.pem", p.lower.leaf(&["www.example.org", "*.example.net"]).pem() + &p.reversed());
    p.builds(&["pile.pem", "--name", "mail.example.org"]);
    p.builds(&["pile.pem", "--name", "IMAP.Example.ORG"]);
    let ran = p.build(&["pile.pem", "--name", "host.example.net", "--json"]).exits(0).json();
    assert_eq!(ran["result"]["chain"][0]["subject"], "CN=www.example.org");
}

#[test]
fn without_a_word_several_are_listed_and_none_is_taken() {
    let p = Purchase::new();
    p.test.file("pile.pem", p.lower.leaf(&["www.example.org"]).pem() + &p.reversed());
    let ran = p.build(&["pile.pem", "-o", "chain.pem"]).exits(3).err_has("error[several-end-entities]");
    let ran = ran
        .err_has("www.example.org   pile.pem:1")
        .err_has("mail.example.org  pile.pem:")
        .err_has("--key FILE or --name HOST");
    assert_eq!(ran.stdout, "");
    assert!(!p.test.exists("chain.pem"));
}

#[test]
fn a_certificate_for_another_name_is_not_written() {
    let p = Purchase::new();
    p.test.file("pile.pem", p.reversed());
    let ran = p.build(&["pile.pem", "--name", "www.example.org", "-o", "chain.pem"]).exits(1);
    ran.err_has("error[name-mismatch]").err_has("DNS:mail.example.org, DNS:imap.example.org");
    assert!(!p.test.exists("chain.pem"));
}

#[test]
fn a_key_that_belongs_to_none_is_told_with_the_digests_of_both() {
    let p = Purchase::new();
    let other = p.lower.leaf(&["mail.example.org"]);
    p.test.file("pile.pem", p.reversed());
    p.test.file("other.key", other.key_pem());
    let ran = p.build(&["pile.pem", "--key", "other.key", "-o", "chain.pem"]).exits(1).err_has("error[key-mismatch]");
    let spki = |der: &[u8]| pkit::material::cert::Cert::from_der(der).unwrap().public_key.sha256();
    let ran =
        ran.err_has(&spki(&p.leaf.der)).err_has(&spki(&other.der)).err_has("other.key").err_has("nothing was changed");
    assert_eq!(ran.stdout, "");
    assert!(!p.test.exists("chain.pem"));
}

/// Two deliveries of the same CA: the renewed certificate has the old key, and the newer one is meant.
#[test]
fn of_two_certificates_for_the_key_the_newer_one_is_taken() {
    let p = Purchase::new();
    let renewed = p.lower.issue(&p.leaf.key, &["mail.example.org"], |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    });
    p.test.file("pile.pem", p.reversed() + &pem("CERTIFICATE", &renewed.1));
    let ran = p.build(&["pile.pem", "--key", "mail.key"]).exits(0);
    assert!(ran.stdout.starts_with(&pem("CERTIFICATE", &renewed.1)));
}

#[test]
fn a_pile_of_authorities_or_of_nothing_is_no_chain() {
    let p = Purchase::new();
    p.test.file("roots.pem", p.root.pem());
    p.build(&["roots.pem"])
        .exits(3)
        .err_has("error[no-end-entity]")
        .err_has("hint: add the certificate that was issued");
    p.build(&["mail.key"]).exits(3).err_has("error[no-certificate]");
}

#[test]
fn a_self_signed_certificate_is_a_chain_of_its_own() {
    let p = Purchase::new();
    let made = rcgen::generate_simple_self_signed(["mail.example.org".to_owned()]).unwrap();
    p.test.file("self.pem", pem("CERTIFICATE", made.cert.der()));
    let ran = p.test.run(["chain", "build", "self.pem", "--trust", "self.pem"]).exits(0);
    assert_eq!(ran.stdout, p.test.text("self.pem"));
}

/// Of authorities that have issued nothing here, a key that signs certificates only can serve nobody.
#[test]
fn an_authority_whose_key_may_serve_is_taken_before_others() {
    let (t, root) = (Test::new(), Authority::root("Example Root"));
    let (signs, other) = (root.below("Signs Certificates"), root.below("Another"));
    let serves = root.cross_sign(&other, |params| params.key_usages.push(KeyUsagePurpose::DigitalSignature));
    t.file("root.pem", root.pem());
    t.file("pile.pem", signs.pem() + &cert_pem(&serves));
    assert_eq!(t.run("chain build pile.pem --trust root.pem".split(' ')).exits(0).stdout, cert_pem(&serves));
    t.file("alike.pem", signs.pem() + &other.pem());
    t.run("chain build alike.pem --trust root.pem".split(' ')).exits(3).err_has("error[several-end-entities]");
}
