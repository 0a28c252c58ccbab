//! Generated name constraints by generated names of every kind, the common name among them (BetterTLS asks the same), judged by
//! pkit, openssl, certtool and rustls-webpki. Where they differ the reason must be one that is known and written down here.

use proptest::prelude::*;
use rcgen::{CertificateParams, CidrSubnet, DistinguishedName, DnType, GeneralSubtree, NameConstraints, SanType};

use crate::common::pki::{Authority, cert_pem};
use crate::common::{Test, have, sweep};
use crate::differential::accepted_by_webpki;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Base {
    Dns(&'static str),
    Net(&'static str, u8),
    Mail(&'static str),
    Organisation(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Dns(&'static str),
    Ip(&'static str),
    Mail(&'static str),
}

#[derive(Clone, Debug)]
struct Scene {
    permitted: Vec<Base>,
    excluded: Vec<Base>,
    /// In the certificate of the lower of two CAs, else of the upper.
    lower: bool,
    names: Vec<Name>,
    common: Option<&'static str>,
    organisation: Option<&'static str>,
}

fn base() -> impl Strategy<Value = Base> {
    prop::sample::select(vec![
        Base::Dns("example.org"),
        Base::Dns("example.org"),
        Base::Dns("mail.example.org"),
        Base::Dns("other.test"),
        Base::Dns("org"),
        Base::Net("192.0.2.0", 24),
        Base::Net("192.0.2.128", 25),
        Base::Net("2001:db8::", 32),
        Base::Net("0.0.0.0", 0),
        Base::Mail("example.org"),
        Base::Mail("me@example.org"),
        Base::Mail(".example.org"),
        Base::Organisation("Example"),
        Base::Organisation("Other"),
    ])
}

fn name() -> impl Strategy<Value = Name> {
    prop::sample::select(vec![
        Name::Dns("mail.example.org"),
        Name::Dns("MAIL.Example.org"),
        Name::Dns("www.mail.example.org"),
        Name::Dns("example.org"),
        Name::Dns("badexample.org"),
        Name::Dns("*.example.org"),
        Name::Dns("other.test"),
        Name::Ip("192.0.2.7"),
        Name::Ip("192.0.2.200"),
        Name::Ip("10.0.0.1"),
        Name::Ip("2001:db8::1"),
        Name::Ip("2001:db9::1"),
        Name::Mail("me@example.org"),
        Name::Mail("you@example.org"),
        Name::Mail("me@mail.example.org"),
    ])
}

fn scene() -> impl Strategy<Value = Scene> {
    let common = prop::sample::select(vec![
        "mail.example.org",
        "other.test",
        "www.example.org",
        "192.0.2.7",
        "10.0.0.1",
        "a_b.test",
        "*.other.test",
        "localhost",
        "A Server",
    ]);
    (
        prop::collection::vec(base(), 0..3),
        prop::collection::vec(base(), 0..2),
        any::<bool>(),
        prop::collection::vec(name(), 0..3),
        prop::option::weighted(0.6, common),
        prop::option::weighted(0.5, prop::sample::select(vec!["Example", "EXAMPLE", "Other"])),
    )
        .prop_filter("constraints are not empty", |s| !(s.0.is_empty() && s.1.is_empty()))
        .prop_map(|(permitted, excluded, lower, names, common, organisation)| Scene {
            permitted,
            excluded,
            lower,
            names,
            common,
            organisation,
        })
}

#[derive(Clone, Copy, Debug)]
struct Verdicts {
    pkit: bool,
    openssl: bool,
    certtool: bool,
    webpki: bool,
}

#[test]
fn names_are_held_to_constraints_as_others_do() {
    if !have("openssl") || !have("certtool") {
        return;
    }
    let agree = |scene: Scene| {
        let verdicts = judge(&scene);
        prop_assert!(known(&scene, verdicts), "{verdicts:?} on {scene:#?}");
        Ok(())
    };
    sweep(80, scene(), agree);
}

/// Are these verdicts equal, or different for a reason?
fn known(scene: &Scene, v: Verdicts) -> bool {
    let base = |is: fn(&Base) -> bool| scene.permitted.iter().chain(&scene.excluded).any(is);
    let name = |is: fn(&Name) -> bool| scene.names.iter().any(is);
    // Without a DNS name a common name counts as one: for OpenSSL where it is in the form of a host, but not with a star, which
    // GnuTLS holds to the constraints, and so does pkit.
    let common = scene.common.filter(|_| !name(|n| matches!(n, Name::Dns(_))));
    let star = common.is_some_and(|cn| cn.starts_with('*'));
    // A wildcard that stands for an excluded host among others is refused by pkit and rustls-webpki only.
    let stands_for = scene.names.contains(&Name::Dns("*.example.org"))
        && scene.excluded.iter().any(|b| matches!(b, Base::Dns("mail.example.org")));
    let openssl = v.pkit == v.openssl || (v.openssl && (star || stands_for));
    // For GnuTLS words count as a host as well. It cannot compare organisations, and an address of the other kind is none of a
    // constraint's business to it (RFC 5280 section 4.2.1.10 has one kind for both).
    let organisation = base(|b| matches!(b, Base::Organisation(_)));
    let nets = base(|b| matches!(b, Base::Net(..))) && name(|n| matches!(n, Name::Ip(_)));
    let certtool =
        v.pkit == v.certtool || organisation || (v.certtool && (nets || stands_for)) || (v.pkit && common.is_some());
    // rustls-webpki looks at no common name, and refuses where it would have to compare organisations or mailboxes.
    let mail = base(|b| matches!(b, Base::Mail(_)));
    let looks_like_host = common.is_some_and(|cn| cn.contains('.'));
    let webpki = v.pkit == v.webpki || (v.webpki && looks_like_host) || (v.pkit && (organisation || mail));
    openssl && certtool && webpki
}

fn judge(scene: &Scene) -> Verdicts {
    let root = Authority::root("Example Root");
    let upper = root.below("Upper CA");
    let lower = upper.below("Lower CA");
    let limit = |params: &mut CertificateParams| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: scene.permitted.iter().map(Base::subtree).collect(),
            excluded_subtrees: scene.excluded.iter().map(Base::subtree).collect(),
        });
    };
    let (upper_der, lower_der) = if scene.lower {
        (upper.der.clone(), upper.cross_sign(&lower, |p| limit(p)))
    } else {
        (root.cross_sign(&upper, |p| limit(p)), lower.der.clone())
    };
    let leaf = lower.leaf_with(&["a"], |params| {
        params.subject_alt_names = scene.names.iter().map(Name::san).collect();
        params.distinguished_name = subject(scene.organisation, scene.common);
    });
    let test = Test::new();
    test.file("root.pem", root.pem());
    test.file("leaf.pem", leaf.pem());
    test.file("cas.pem", cert_pem(&lower_der) + &cert_pem(&upper_der));
    test.file("chain.pem", leaf.pem() + &cert_pem(&lower_der) + &cert_pem(&upper_der));
    let pkit = test.run("chain check leaf.pem --untrusted cas.pem --trust root.pem".split(' '));
    assert!(matches!(pkit.exit, 0 | 1), "{}", pkit.stderr);
    let openssl = test.peer("openssl", "verify -untrusted cas.pem -CAfile root.pem leaf.pem".split(' '));
    let certtool = "--verify --load-ca-certificate root.pem --infile chain.pem";
    let certtool = test.peer("certtool", certtool.split(' '));
    Verdicts {
        pkit: pkit.exit == 0,
        openssl: openssl.exit == 0,
        certtool: certtool.exit == 0,
        webpki: accepted_by_webpki(&leaf.der, &[lower_der, upper_der], &root, None, None),
    }
}

impl Base {
    fn subtree(&self) -> GeneralSubtree {
        match self {
            Base::Dns(name) => GeneralSubtree::DnsName((*name).into()),
            Base::Net(ip, prefix) => {
                GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(ip.parse().unwrap(), *prefix))
            }
            Base::Mail(name) => GeneralSubtree::Rfc822Name((*name).into()),
            Base::Organisation(name) => GeneralSubtree::DirectoryName(subject(Some(name), None)),
        }
    }
}

impl Name {
    fn san(&self) -> SanType {
        match self {
            Name::Dns(name) => SanType::DnsName((*name).try_into().unwrap()),
            Name::Ip(ip) => SanType::IpAddress(ip.parse().unwrap()),
            Name::Mail(name) => SanType::Rfc822Name((*name).try_into().unwrap()),
        }
    }
}

fn subject(organisation: Option<&str>, common: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for (kind, value) in [(DnType::OrganizationName, organisation), (DnType::CommonName, common)] {
        value.into_iter().for_each(|value| name.push(kind.clone(), value));
    }
    name
}
