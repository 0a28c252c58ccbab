//! pkilint, which knows RFC 5280 rule by rule, finds neither errors nor warnings in what the CA issues. Its one note is that key
//! identifiers are those of RFC 7093, with SHA-256, and not those with SHA-1.

use super::{init, issue_client};
use crate::common::{Test, cache, missing};

#[test]
fn pkilint_finds_nothing_to_say() {
    let bin = cache().join("pkilint/bin");
    if !bin.join("lint_pkix_cert").is_file() {
        return missing("pkilint");
    }
    let program = |name: &str| bin.join(name).to_str().unwrap().to_owned();
    let t = Test::new();
    let urls = ["--crl-url", "http://pki.example.org/{ca}.crl", "--aia-url", "http://pki.example.org/{ca}.crt"];
    let limits = ["--permit-dns", "example.org", "--permit-ip", "192.0.2.0/24", "--permit-email", "example.org"];
    init(&t, &[&urls[..], &limits, &["--intermediate", "Issuing CA"]].concat());
    t.run(["ca", "issue", "mail.example.org", "192.0.2.1", "--ca", "ca", "--bits", "2048", "--org", "Example"])
        .exits(0);
    t.run(["ca", "issue", "alice@example.org", "--ca", "ca", "--profile", "email", "--type", "ecdsa"]).exits(0);
    issue_client(&t, "alice");
    issue_client(&t, "bob");
    t.run(["ca", "revoke", "alice.pem", "--ca", "ca", "--reason", "superseded"]).exits(0);
    t.run(["ca", "revoke", "bob.pem", "--ca", "ca"]).exits(0);
    t.run(["cert", "self-signed", "self.example.org", "--key", "s.key", "--type", "ecdsa", "-o", "self.pem"]).exits(0);
    let certs = [
        "ca/root.pem",
        "ca/intermediate.pem",
        "mail.example.org.pem",
        "alice@example.org.pem",
        "alice.pem",
        "self.pem",
    ];
    for cert in certs {
        let first = t.text(cert).split_inclusive("-----END CERTIFICATE-----\n").next().unwrap().to_owned();
        t.file("one.pem", first);
        let ran = t.peer(&program("lint_pkix_cert"), ["lint", "-s", "WARNING", "one.pem"]).exits(0);
        assert_eq!(ran.stdout.trim(), "", "{cert}");
        let told = t.peer(&program("lint_pkix_cert"), ["lint", "-s", "INFO", "one.pem"]);
        told.out_has("rfc7093_method_1_identified");
    }
    for crl in ["ca/root.crl", "ca/intermediate.crl"] {
        let words = ["lint", "--type", "CRL", "--profile", "PKIX", "-s", "WARNING", crl];
        assert_eq!(t.peer(&program("lint_crl"), words).exits(0).stdout.trim(), "", "{crl}");
    }
    // It is not blind: a CRL without a number.
    let ca = crate::common::pki::Authority::root("R");
    t.file("bad.crl", crate::common::pki::crl_pem(&ca.crl(&Default::default())));
    let ran = t.peer(&program("lint_crl"), ["lint", "--type", "CRL", "--profile", "PKIX", "-s", "WARNING", "bad.crl"]);
    assert_ne!(ran.stdout.trim(), "", "a CRL without an authority key identifier");
}
