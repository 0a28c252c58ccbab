//! `cert`: certificates shown, judged, sorted, converted and made.

use crate::common::pki::{Authority, ca_issuers, cert_pem, crl_at};
use crate::common::{Test, have};

#[test]
fn every_certificate_of_a_file_is_shown() {
    let t = Test::new();
    let ca = Authority::root("Example CA");
    let leaf = ca.leaf_with(&["mail.example.org", "xn--mller-kva.example"], |p| {
        p.custom_extensions = vec![ca_issuers("http://a.example/ca.crt"), crl_at(&["http://a.example/ca.crl"])];
    });
    t.file("chain.pem", leaf.pem() + &ca.pem());
    t.file("leaf.der", &leaf.der);
    let shown = t.run(["cert", "inspect", "chain.pem"]).exits(0);
    for part in
        ["mail.example.org   end-entity, chain.pem:1", "Example CA   root", "müller.example", "http://a.example/ca.crl"]
    {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    let json = t.run(["cert", "inspect", "leaf.der", "--json"]).exits(0).json();
    let cert = &json["result"]["certificates"][0];
    assert_eq!(cert["subject_alt_name"][0], "DNS:mail.example.org");
    assert_eq!(cert["issuer_ordered"], serde_json::json!([["CN", "Example CA"]]));
    assert_eq!(cert["issuer_uri"], "http://a.example/ca.crt");
    assert_eq!((&cert["expired"], &cert["public_key_type"]), (&false.into(), &"ECC".into()));
    assert_eq!(cert["key_usage"][0], "digitalSignature");
    if have("openssl") {
        t.file("leaf.pem", cert_pem(&leaf.der));
        let told =
            t.peer("openssl", ["x509", "-in", "leaf.pem", "-noout", "-fingerprint", "-sha256", "-serial"]).stdout;
        let fingerprint = cert["fingerprints"]["sha256"].as_str().unwrap().to_uppercase();
        let serial = cert["serial_number_hex"].as_str().unwrap().to_uppercase();
        assert!(told.contains(&fingerprint) && told.contains(&serial), "{told} {cert}");
    }
    t.file("none.pem", "nothing\n");
    t.run(["cert", "inspect", "none.pem"]).exits(3).err_has("error[no-certificate]");
}
