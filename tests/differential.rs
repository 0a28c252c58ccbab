//! Generated PKIs (depth, cross-signatures, constraints, purposes, expiry, policies, revocation lists) judged by pkit, by `openssl
//! verify`, by `certtool --verify` and by rustls-webpki. Where they differ the reason must be one that is known and written down
//! here.

use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    NameConstraints, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, OwnedCertRevocationList, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};

use crate::common::pki::{Authority, Crl, cert_pem, crl_pem};
use crate::common::{Test, have, sweep};
use pkit::material::cert::Cert;
use pkit::material::der::{self, tag};

/// What is special about one certificate.
#[derive(Clone, Debug, Default)]
struct Twist {
    expired: bool,
    client_only: bool,
    /// For CAs.
    path_len: Option<u8>,
    permitted: Option<&'static str>,
    excluded: Option<&'static str>,
    require_policy: bool,
    policy: Option<u8>,
    /// Policy 1 is called 2 from here on.
    mapped: bool,
}

/// A chain below a root, and a second certificate for one of its CAs straight from the root.
#[derive(Clone, Debug)]
struct Shape {
    cas: Vec<Twist>,
    leaf: Twist,
    cross: Option<(usize, Twist)>,
    /// Asked for by the user: a policy must be valid, this one.
    explicit: bool,
    acceptable: Option<u8>,
    /// The lists of the root and of each CA, where revocation is asked about.
    lists: Option<Vec<List>>,
}

/// The revocation list of a CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Good,
    /// It has the next certificate below on it.
    Revoking,
    Expired,
    NotYetValid,
    /// In the CA's name, by somebody else.
    Forged,
    Missing,
}

fn twist() -> impl Strategy<Value = Twist> {
    let rare = || prop::bool::weighted(0.12);
    let name =
        || prop::option::weighted(0.15, prop::sample::select(vec!["example.org", "mail.example.org", "example.net"]));
    let length = prop::option::weighted(0.3, 0u8..3);
    let policy = prop::option::weighted(0.8, prop::sample::select(vec![0u8, 1, 1, 2]));
    (rare(), rare(), length, name(), name(), rare(), policy, rare()).prop_map(
        |(expired, client_only, path_len, permitted, excluded, require_policy, policy, mapped)| Twist {
            expired,
            client_only,
            path_len,
            permitted,
            excluded: excluded.filter(|name| *name != "example.org"),
            require_policy,
            policy,
            mapped,
        },
    )
}

fn shape() -> impl Strategy<Value = Shape> {
    let cross = prop::option::weighted(0.5, (any::<prop::sample::Index>(), twist()));
    let wishes = (prop::bool::weighted(0.3), prop::option::weighted(0.3, 1u8..3));
    let bad = vec![List::Revoking, List::Expired, List::NotYetValid, List::Forged, List::Missing];
    let list = prop::option::weighted(0.15, prop::sample::select(bad)).prop_map(|bad| bad.unwrap_or(List::Good));
    let lists = prop::option::weighted(0.5, prop::collection::vec(list, 4));
    (prop::collection::vec(twist(), 1..4), twist(), cross, wishes, lists).prop_map(
        |(cas, leaf, cross, wishes, lists)| {
            let cross = cross.map(|(at, twist)| (at.index(cas.len()), twist));
            let lists = lists.map(|lists| lists[..=cas.len()].to_vec());
            Shape { cas, leaf, cross, explicit: wishes.0, acceptable: wishes.1, lists }
        },
    )
}

#[test]
fn four_implementations_agree_or_are_known_to_differ() {
    if !have("openssl") || !have("certtool") {
        return;
    }
    let agree = |shape: Shape| {
        let verdicts = judge(&shape);
        prop_assert!(known(&shape, &verdicts), "{verdicts:?} on {shape:#?}");
        Ok(())
    };
    sweep(60, shape(), agree);
}

#[derive(Clone, Copy, Debug)]
struct Verdicts {
    pkit: bool,
    openssl: bool,
    certtool: bool,
    webpki: bool,
}

/// Are these verdicts equal, or different for a reason?
fn known(shape: &Shape, v: &Verdicts) -> bool {
    // OpenSSL does not go back: it takes the first certificate with the issuer's name that is valid in time.
    // It also loses a policy that was mapped out of anyPolicy (RFC 5280 section 6.1.4 (b) (1), second part).
    let mapped_out_of_any = shape.cas.iter().any(|ca| ca.mapped && ca.policy == Some(0));
    let openssl = v.pkit == v.openssl || (v.pkit && (shape.cross.is_some() || mapped_out_of_any));
    // rustls-webpki knows no policies, so it accepts what breaks them, and it does not look at when a list begins.
    let early = shape.lists.iter().flatten().any(|list| *list == List::NotYetValid);
    let webpki = v.pkit == v.webpki || (v.webpki && (has_policies(shape) || early));
    // Nor does GnuTLS, which also does not go back, and whose certtool reads no lists when it verifies a chain.
    let blind = has_policies(shape) || shape.lists.is_some();
    let certtool = v.pkit == v.certtool || (v.certtool && blind) || (v.pkit && shape.cross.is_some());
    openssl && webpki && certtool
}

fn has_policies(shape: &Shape) -> bool {
    let twists = shape.cas.iter().chain(shape.cross.iter().map(|(_, twist)| twist));
    shape.explicit || twists.into_iter().any(|twist| twist.require_policy || twist.mapped)
}

fn judge(shape: &Shape) -> Verdicts {
    let root = Authority::root("Example Root");
    let mut cas: Vec<Authority> = Vec::new();
    let mut ders: Vec<Vec<u8>> = Vec::new();
    for (n, twist) in shape.cas.iter().enumerate() {
        let above = cas.last().unwrap_or(&root);
        let ca = above.below(&format!("CA {n}"));
        ders.push(above.cross_sign(&ca, |params| twisted_ca(params, twist)));
        cas.push(ca);
    }
    let leaf = cas.last().unwrap().leaf_with(&["mail.example.org"], |params| twisted(params, &shape.leaf)).der;
    if let Some((at, twist)) = &shape.cross {
        ders.push(root.cross_sign(&cas[*at], |params| twisted_ca(params, twist)));
    }
    let issuers: Vec<&Authority> = std::iter::once(&root).chain(&cas).collect();
    let below = || ders.iter().take(cas.len()).chain([&leaf]);
    let lists: Option<Vec<Vec<u8>>> = shape.lists.as_ref().map(|lists| {
        let of = |((list, ca), below): ((&List, &&Authority), &Vec<u8>)| list.der(ca, serial(below));
        // A stranger's as well, so that there always is one.
        let stranger = Authority::root("Stranger").crl(&Crl::default());
        lists.iter().zip(&issuers).zip(below()).filter_map(of).chain([stranger]).collect()
    });
    let test = Test::new();
    test.file("root.pem", root.pem());
    test.file("leaf.pem", cert_pem(&leaf));
    test.file("cas.pem", ders.iter().map(|der| cert_pem(der)).collect::<String>());
    test.file("chain.pem", [&leaf].into_iter().chain(ders.iter().rev()).map(|der| cert_pem(der)).collect::<String>());
    test.file("crls.pem", lists.iter().flatten().map(|der| crl_pem(der)).collect::<String>());
    let when = |asked: bool, words: &'static str| if asked { words.split(' ').collect() } else { Vec::new() };
    let acceptable = shape.acceptable.map_or("anyPolicy".into(), |policy| format!("1.2.3.4.{policy}"));
    let pkit = ["chain", "check", "leaf.pem", "--untrusted", "cas.pem", "--trust", "root.pem"];
    let more = ["--name", "mail.example.org", "--at", AT, "--policy", &acceptable];
    let asked = [when(shape.explicit, "--require-explicit-policy"), when(lists.is_some(), "--crl crls.pem")].concat();
    let pkit = test.run([&pkit[..], &more, &asked].concat());
    assert!(matches!(pkit.exit, 0 | 1), "{}", pkit.stderr);
    let openssl =
        "verify -policy_check -purpose sslserver -verify_hostname mail.example.org -attime 1798761600 -policy";
    let asked = [when(shape.explicit, "-explicit_policy"), when(lists.is_some(), "-crl_check_all -CRLfile crls.pem")];
    let files = ["-trusted", "root.pem", "-untrusted", "cas.pem", "leaf.pem"];
    let words = openssl.split(' ').chain([&*acceptable]).chain(asked.concat()).chain(files);
    let openssl = test.peer("openssl", words);
    // It judges by the clock, which the dates here leave alone for a thousand years.
    let certtool = "--verify --load-ca-certificate root.pem --infile chain.pem --verify-hostname mail.example.org --verify-purpose 1.3.6.1.5.5.7.3.1";
    let certtool = test.peer("certtool", certtool.split(' '));
    let verified = certtool.stdout.contains("Chain verification output: Verified.");
    assert_eq!(verified, certtool.exit == 0, "{}{}", certtool.stdout, certtool.stderr);
    Verdicts {
        pkit: pkit.exit == 0,
        openssl: openssl.exit == 0,
        certtool: verified,
        webpki: accepted_by_webpki(&leaf, &ders, &root, lists.as_deref(), Some("mail.example.org")),
    }
}

impl List {
    fn der(self, ca: &Authority, below: u64) -> Option<Vec<u8>> {
        let good = Crl { revoked: vec![5, 6], ..Crl::default() };
        Some(match self {
            List::Good => ca.crl(&good),
            List::Revoking => ca.crl(&Crl { revoked: vec![5, below], ..good }),
            List::Expired => ca.crl(&Crl { next_update: Some(2021), ..good }),
            List::NotYetValid => ca.crl(&Crl { this_update: 2999, ..good }),
            List::Forged => Authority::root(&Cert::from_der(&ca.der).unwrap().subject.short()).crl(&good),
            List::Missing => return None,
        })
    }
}

fn serial(der: &[u8]) -> u64 {
    Cert::from_der(der).unwrap().serial.iter().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// 2027-01-01, as `openssl` is told it.
const AT: &str = "@1798761600";

/// For a server, perhaps of this name, at the instant; where there are lists, every certificate must be cleared by one.
pub fn accepted_by_webpki(
    leaf: &[u8],
    ders: &[Vec<u8>],
    root: &Authority,
    lists: Option<&[Vec<u8>]>,
    host: Option<&str>,
) -> bool {
    let root = CertificateDer::from(root.der.clone());
    let anchors = [webpki::anchor_from_trusted_cert(&root).unwrap()];
    let between: Vec<CertificateDer> = ders.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let leaf = CertificateDer::from(leaf);
    let cert = EndEntityCert::try_from(&leaf).unwrap();
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_798_761_600));
    let usage = KeyUsage::server_auth();
    let read = |der: &Vec<u8>| CertRevocationList::from(OwnedCertRevocationList::from_der(der).unwrap());
    let lists: Vec<CertRevocationList> = lists.iter().copied().flatten().map(read).collect();
    let lists: Vec<&CertRevocationList> = lists.iter().collect();
    let asked = RevocationOptionsBuilder::new(&lists).ok().map(|asked| {
        let asked = asked.with_depth(RevocationCheckDepth::Chain).with_status_policy(UnknownStatusPolicy::Deny);
        asked.with_expiration_policy(ExpirationPolicy::Enforce).build()
    });
    let path = cert.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &between, at, usage, asked, None);
    path.is_ok() && host.is_none_or(|host| cert.verify_is_valid_for_subject_name(&host.try_into().unwrap()).is_ok())
}

fn twisted_ca(params: &mut CertificateParams, twist: &Twist) {
    let limit = twist.path_len.map_or(BasicConstraints::Unconstrained, BasicConstraints::Constrained);
    params.is_ca = IsCa::Ca(limit);
    let subtree = |name: &&str| GeneralSubtree::DnsName((*name).into());
    if twist.permitted.is_some() || twist.excluded.is_some() {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: twist.permitted.iter().map(subtree).collect(),
            excluded_subtrees: twist.excluded.iter().map(subtree).collect(),
        });
    }
    twisted(params, twist);
    if twist.mapped {
        let oid = |policy: u8| der::tlv(tag::OID, &[0x2a, 3, 4, policy]);
        let mapping = der::sequence(&[&der::sequence(&[&oid(1), &oid(2)])]);
        params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 33], mapping));
    }
    if twist.require_policy {
        let now = der::sequence(&[&der::tlv(tag::context_primitive(0), &[0])]);
        params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 36], now));
    }
}

fn twisted(params: &mut CertificateParams, twist: &Twist) {
    if twist.expired {
        params.not_after = date_time_ymd(2010, 1, 1);
    }
    if twist.client_only {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    }
    if let Some(policy) = twist.policy {
        // 0 is anyPolicy.
        let oid: &[u8] = if policy == 0 { &[0x55, 0x1d, 0x20, 0] } else { &[0x2a, 3, 4, policy] };
        let list = der::sequence(&[&der::sequence(&[&der::tlv(tag::OID, oid)])]);
        params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 32], list));
    }
}
