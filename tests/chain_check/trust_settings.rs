//! What the keeper of a trust store says of its certificates (`TRUSTED CERTIFICATE`), as openssl writes and judges it.

use rcgen::ExtendedKeyUsagePurpose;

use super::{Served, refused};
use crate::common::have;
use crate::common::pki::cert_pem;

/// The options of `openssl x509 -trustout`, and whether servers and clients are then accepted below the certificate.
const SETTINGS: &[(&str, bool, bool)] = &[
    ("-setalias mine", true, true),
    ("-addtrust serverAuth", true, false),
    ("-addtrust clientAuth", false, true),
    ("-addtrust serverAuth -addtrust clientAuth", true, true),
    ("-addtrust anyExtendedKeyUsage", true, true),
    ("-addtrust emailProtection", false, false),
    ("-addreject serverAuth", false, true),
    ("-addreject clientAuth", true, false),
    ("-addreject anyExtendedKeyUsage", false, false),
    ("-addreject emailProtection", true, true),
    ("-addtrust serverAuth -addreject serverAuth", false, false),
    ("-addtrust anyExtendedKeyUsage -addreject clientAuth", true, false),
];

#[test]
fn the_store_s_own_word_decides_as_it_does_for_openssl() {
    if !have("openssl") {
        return;
    }
    let s = Served::new();
    s.test.file("plain.pem", s.root.pem());
    s.test.file("leaf.pem", s.leaf.pem());
    for (settings, server, client) in SETTINGS {
        s.test.peer("openssl", words("x509 -in plain.pem -trustout -out root.pem", settings)).exits(0);
        for (purpose, accepted) in [("server", server), ("client", client)] {
            let args = format!("verify -purpose ssl{purpose} -untrusted chain.pem -CAfile root.pem leaf.pem");
            assert_eq!(s.test.peer("openssl", args.split(' ')).exit == 0, *accepted, "openssl, {settings}, {purpose}");
            let ran = s.check(&["--purpose", purpose, "--json"]);
            if *accepted {
                ran.exits(0);
            } else {
                assert_eq!(refused(ran, "trust", "anchor-distrusted")["depth"], 3, "{settings}, {purpose}");
            }
        }
        // Trusted for something is enough where nobody asks for what.
        s.check(&[]).exits(i32::from(settings.contains("reject any")));
    }
}

/// The keeper knows better than the certificate, and a CA cannot come back in another certificate.
#[test]
fn the_store_s_own_word_goes_before_the_certificate_s() {
    if !have("openssl") {
        return;
    }
    let s = Served::new();
    let clients = s.root.cross_sign(&s.root, |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    s.test.file("root.pem", cert_pem(&clients));
    s.test.file("leaf.pem", s.leaf.pem());
    let verify = || {
        let args = "verify -purpose sslserver -untrusted chain.pem -CAfile root.pem leaf.pem";
        s.test.peer("openssl", args.split(' ')).exit == 0
    };
    assert!(!verify());
    refused(s.check(&["--purpose", "server", "--json"]), "purpose", "wrong-purpose");
    s.test.file("plain.pem", cert_pem(&clients));
    s.test.peer("openssl", words("x509 -in plain.pem -trustout -out root.pem", "-addtrust serverAuth")).exits(0);
    assert!(verify());
    s.check(&["--purpose", "server"]).exits(0);
    // The lower CA is out, in the certificate that stands in the store and in the one that is sent.
    s.test.file("plain.pem", cert_pem(&s.upper.cross_sign(&s.lower, |_| {})));
    s.test.peer("openssl", words("x509 -in plain.pem -trustout -out bad.pem", "-addreject serverAuth")).exits(0);
    s.test.file("root.pem", s.root.pem() + &s.test.text("bad.pem"));
    assert!(!verify());
    let failed = refused(s.check(&["--purpose", "server", "--json"]), "trust", "anchor-distrusted");
    assert_eq!(failed["depth"], 1);
    s.check(&["--purpose", "client"]).exits(0);
    // Sent along, such settings mean nothing.
    s.test.file("root.pem", s.root.pem());
    s.test.file("more.pem", s.test.text("bad.pem"));
    s.check(&["--purpose", "server", "--untrusted", "more.pem"]).exits(0);
}

fn words<'a>(command: &'a str, more: &'a str) -> impl Iterator<Item = &'a str> {
    command.split(' ').chain(more.split(' '))
}
