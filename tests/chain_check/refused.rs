//! Each rule of RFC 5280 section 6 broken once, in an otherwise good chain.

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    KeyUsagePurpose, NameConstraints, SanType, date_time_ymd,
};

use super::{Served, refused};
use crate::common::pki::Authority;

type Change = fn(&mut CertificateParams);

/// The lower CA under another certificate, and the chain with it.
fn with_lower(s: &Served, change: Change) -> Vec<u8> {
    s.upper.cross_sign(&s.lower, change)
}

#[test]
fn what_is_wrong_with_a_ca() {
    let s = Served::new();
    let cases: &[(&str, &str, Change)] = &[
        ("validity", "cert-expired", |p| p.not_after = date_time_ymd(2010, 1, 1)),
        ("validity", "cert-not-yet-valid", |p| p.not_before = date_time_ymd(3000, 1, 1)),
        ("basic-constraints", "issuer-not-ca", |p| p.is_ca = IsCa::ExplicitNoCa),
        ("key-usage", "issuer-no-cert-sign", |p| p.key_usages = vec![KeyUsagePurpose::CrlSign]),
        ("purpose", "wrong-purpose", |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
        ("critical-extensions", "critical-extension-unknown", |p| p.custom_extensions.push(unknown())),
        ("name-constraints", "outside-name-constraints", |p| {
            p.name_constraints = Some(constraints(vec![dns("example.net")], vec![]));
        }),
        ("name-constraints", "outside-name-constraints", |p| {
            p.name_constraints = Some(constraints(vec![], vec![dns("mail.example.org")]));
        }),
    ];
    for (test, code, change) in cases {
        let lower = with_lower(&s, *change);
        let more = ["--name", "mail.example.org", "--json"];
        let failed = refused(s.check_file(&[&s.leaf.der, &lower, &s.upper.der], &more), test, code);
        // Name constraints are broken by the certificate below.
        assert_eq!(failed["depth"], if *test == "name-constraints" { 0 } else { 1 }, "{code}");
    }
}

#[test]
fn what_is_wrong_with_the_end_entity() {
    let s = Served::new();
    let cases: &[(&str, &str, Change)] = &[
        ("validity", "cert-expired", |p| p.not_after = date_time_ymd(2010, 1, 1)),
        ("purpose", "wrong-purpose", |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
        ("critical-extensions", "critical-extension-unknown", |p| p.custom_extensions.push(unknown())),
        ("key-usage", "key-usage-not-tls", |p| p.key_usages = vec![KeyUsagePurpose::ContentCommitment]),
    ];
    for (test, code, change) in cases {
        let leaf = s.lower.leaf_with(&["mail.example.org"], change).der;
        let more = ["--name", "mail.example.org", "--json"];
        let failed = refused(s.check_file(&[&leaf, &s.lower.der, &s.upper.der], &more), test, code);
        assert_eq!(failed["depth"], 0, "{code}");
    }
}

#[test]
fn names_of_every_kind_are_held_to_the_constraints() {
    let s = Served::new();
    let uri = |uri: &str| SanType::URI(uri.try_into().unwrap());
    let mail = |mail: &str| SanType::Rfc822Name(mail.try_into().unwrap());
    let limit = |lower: &mut CertificateParams| {
        let net = CidrSubnet::from_addr_prefix("192.0.2.0".parse().unwrap(), 24);
        let permitted = vec![GeneralSubtree::IpAddress(net), GeneralSubtree::Rfc822Name("example.org".into())];
        lower.name_constraints = Some(constraints(permitted, vec![dns("secret.example.org")]));
    };
    let lower = s.upper.cross_sign(&s.lower, limit);
    for (name, good) in [
        (SanType::IpAddress("192.0.2.7".parse().unwrap()), true),
        (SanType::IpAddress("192.0.3.7".parse().unwrap()), false),
        (SanType::IpAddress("2001:db8::1".parse().unwrap()), false),
        (mail("me@example.org"), true),
        (mail("me@mail.example.org"), false),
        (uri("https://anything.example"), true),
        (SanType::DnsName("a.secret.example.org".try_into().unwrap()), false),
        (SanType::DnsName("*.example.org".try_into().unwrap()), false),
        (SanType::DnsName("public.example.org".try_into().unwrap()), true),
    ] {
        let leaf = s.lower.leaf_with(&["host"], |p| p.subject_alt_names = vec![name.clone()]).der;
        let ran = s.check_file(&[&leaf, &lower, &s.upper.der], &["--json"]);
        assert_eq!(ran.json()["result"]["valid"], good, "{name:?}");
    }
}

#[test]
fn constraints_of_the_anchor_hold_as_well() {
    let s = Served::new();
    let limited = s.root.cross_sign(&s.root, |p| {
        p.name_constraints = Some(constraints(vec![dns("example.net")], vec![]));
    });
    s.test.file("root.pem", super::pems(&[&limited]));
    refused(s.check(&["--json"]), "name-constraints", "outside-name-constraints");
}

#[test]
fn a_path_is_as_long_as_its_cas_allow_and_self_issued_ones_do_not_count() {
    let s = Served::new();
    let short = s.root.cross_sign(&s.upper, |p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let failed =
        refused(s.check_file(&[&s.leaf.der, &s.lower.der, &short], &["--json"]), "path-length", "path-too-long");
    assert_eq!(failed["depth"], 2);
    // The upper CA's new key, certified with its old one: the same name, so it is no further CA.
    let renewed = s.upper.below("Upper CA");
    let leaf = renewed.leaf(&["mail.example.org"]).der;
    s.check_file(&[&leaf, &renewed.der, &short], &["--max-depth", "1"]).exits(0);
    s.check_file(&[&s.leaf.der, &s.lower.der, &s.upper.der], &["--max-depth", "2"]).exits(0);
    refused(s.check(&["--max-depth", "1", "--json"]), "path-length", "max-depth-exceeded");
}

#[test]
fn a_signature_that_is_not_the_issuer_s_is_told_as_such() {
    let s = Served::new();
    let mut forged = s.leaf.der.clone();
    // The last byte of the signature's second number.
    *forged.last_mut().unwrap() ^= 1;
    let ran = s.check_file(&[&forged, &s.lower.der, &s.upper.der], &["--json"]);
    refused(ran, "signature", "bad-signature");
    // Another CA of the same name is not to blame.
    let twin = s.upper.below("Lower CA");
    refused(s.check_file(&[&s.leaf.der, &twin.der, &s.upper.der], &["--json"]), "trust", "chain-incomplete");
}

#[test]
fn a_root_that_nobody_trusts() {
    let s = Served::new();
    s.test.file("root.pem", Authority::root("Stranger").pem());
    refused(s.check_file(&[&s.leaf.der, &s.lower.der, &s.upper.der, &s.root.der], &["--json"]), "trust", "not-trusted");
}

/// The first way up fails by its dates, its constraints or its purpose; another one stands.
#[test]
fn a_path_that_fails_is_not_the_end() {
    let s = Served::new();
    let changes: [Change; 3] = [
        |p| p.not_after = date_time_ymd(2010, 1, 1),
        |p| p.name_constraints = Some(constraints(vec![dns("example.net")], vec![])),
        |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
    ];
    for change in changes {
        // Directly from the root: the shorter way.
        let bad = s.root.cross_sign(&s.lower, change);
        for file in [[&bad, &s.lower.der], [&s.lower.der, &bad]] {
            let chain = [&s.leaf.der[..], file[0], file[1], &s.upper.der];
            s.check_file(&chain, &["--name", "mail.example.org"]).exits(0).out_has("another path: ");
        }
    }
}

#[test]
fn of_several_failing_paths_the_most_telling_leads() {
    let s = Served::new();
    let stranger = Authority::root("Stranger");
    let foreign = stranger.cross_sign(&s.lower, |_| {});
    let expired = s.root.cross_sign(&s.lower, |p| p.not_after = date_time_ymd(2010, 1, 1));
    let chain = [&s.leaf.der[..], &foreign, &expired, &stranger.der];
    refused(s.check_file(&chain, &["--json"]), "validity", "cert-expired");
}

/// What only the rules for public certificates forbid counts where they are asked for.
#[test]
fn the_profile_of_public_tls_counts_when_it_is_asked_for() {
    let s = Served::new();
    let odd = s.lower.leaf_with(&["mail.example.org"], |p| p.use_authority_key_identifier_extension = false).der;
    let chain = [&odd[..], &s.lower.der, &s.upper.der];
    let ran = s.check_file(&chain, &["--name", "mail.example.org", "--json"]).exits(0);
    assert_eq!(super::warnings(&ran), ["key-identifiers-wrong"]);
    let strict = ["--name", "mail.example.org", "--purpose", "server", "--json"];
    refused(s.check(&strict), "profile", "key-identifiers-wrong");
    s.check(&[&strict[..], &["--accept", "key-identifiers-wrong"]].concat()).exits(0);
}

fn constraints(permitted: Vec<GeneralSubtree>, excluded: Vec<GeneralSubtree>) -> NameConstraints {
    NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded }
}

fn dns(name: &str) -> GeneralSubtree {
    GeneralSubtree::DnsName(name.into())
}

fn unknown() -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
    extension.set_criticality(true);
    extension
}
