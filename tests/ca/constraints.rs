//! Name constraints that pkit wrote hold with everybody: what lies outside is refused by openssl, certtool and rustls-webpki when
//! somebody signs it with the CA's key all the same, and by pkit before it is signed.

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use super::init;
use crate::common::{Test, have};

#[test]
fn what_lies_outside_is_refused_by_all() {
    if !have("openssl") || !have("certtool") {
        return;
    }
    let t = Test::new();
    init(&t, &["--permit-dns", "example.org", "--permit-ip", "192.0.2.0/24", "--permit-email", "example.org"]);
    for (names, profile, inside) in [
        ("DNS:mail.example.org", "server", true),
        ("DNS:example.org", "server", true),
        ("DNS:mail.example.org,IP:192.0.2.7", "server", true),
        ("DNS:mail.example.net", "server", false),
        ("DNS:badexample.org", "server", false),
        ("DNS:mail.example.org,DNS:mail.example.net", "server", false),
        ("DNS:mail.example.org,IP:192.0.3.7", "server", false),
        ("email:alice@example.org", "email", true),
        ("email:alice@example.net", "email", false),
    ] {
        let san = format!("subjectAltName={names}");
        let new = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k"];
        t.peer("openssl", new.into_iter().chain(["-out", "r.csr", "-subj", "/O=Example", "-addext", &san])).exits(0);
        let ran = t.run(["ca", "sign", "r.csr", "--ca", "ca", "--profile", profile, "-o", "pkit.pem", "--force"]);
        assert_eq!(ran.exit, if inside { 0 } else { 1 }, "pkit {names}: {}{}", ran.stdout, ran.stderr);
        let sign = [
            "x509",
            "-req",
            "-in",
            "r.csr",
            "-CA",
            "ca/root.pem",
            "-CAkey",
            "ca/root.key",
            "-days",
            "9",
            "-out",
            "o.pem",
        ];
        t.peer("openssl", sign.into_iter().chain(["-copy_extensions", "copy"])).exits(0);
        let openssl = t.peer("openssl", ["verify", "-CAfile", "ca/root.pem", "o.pem"]).exit == 0;
        let certtool = t.peer("certtool", ["--verify", "--load-ca-certificate", "ca/root.pem", "--infile", "o.pem"]);
        assert_eq!((openssl, certtool.exit == 0), (inside, inside), "{names}: {}", certtool.stdout);
        // rustls-webpki knows no mailboxes.
        if !names.starts_with("email") {
            assert_eq!(webpki(&t), inside, "webpki {names}");
        }
    }
}

fn webpki(t: &Test) -> bool {
    let der = |name: &str| CertificateDer::from(pem::parse(t.read(name)).unwrap().into_contents());
    let (root, leaf) = (der("ca/root.pem"), der("o.pem"));
    let anchors = [webpki::anchor_from_trusted_cert(&root).unwrap()];
    let cert = EndEntityCert::try_from(&leaf).unwrap();
    let at = UnixTime::now();
    let usage = KeyUsage::server_auth();
    cert.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &[], at, usage, None, None).is_ok()
}
