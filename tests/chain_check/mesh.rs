//! CAs that certify each other in every direction, where most of the certificates have a flaw (the shape of BetterTLS's path
//! building cases, made anew). Whether a sound way leads from the leaf to the trusted root can be counted out here, so nobody
//! else need judge; rustls-webpki, which gives up sooner, must not find a way that pkit does not.

use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, NameConstraints, date_time_ymd,
};

use crate::common::pki::{Authority, cert_pem};
use crate::common::{Test, sweep};
use crate::differential::accepted_by_webpki;

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    Expired,
    NotACa,
    NoCertSign,
    ClientsOnly,
    NameExcluded,
    /// Nothing, where it stands directly above the leaf.
    NoCasBelow,
}

/// The root is 0; the leaf is issued by 1.
#[derive(Clone, Debug)]
struct Mesh {
    cas: usize,
    /// Issuer, whom it certifies, and how.
    certs: Vec<(usize, usize, Flaw)>,
}

impl Mesh {
    /// Is there a way up to the root from this CA, with these below it?
    fn stands(&self, ca: usize, below: &[usize]) -> bool {
        self.certs.iter().any(|(issuer, subject, flaw)| {
            let sound = *flaw == Flaw::None || (*flaw == Flaw::NoCasBelow && below.is_empty());
            *subject == ca
                && sound
                && (*issuer == 0 || !below.contains(issuer) && self.stands(*issuer, &[below, &[ca]].concat()))
        })
    }
}

fn mesh() -> impl Strategy<Value = Mesh> {
    (2usize..=6).prop_flat_map(|cas| {
        let flaw = prop::sample::select(vec![
            Flaw::None,
            Flaw::None,
            Flaw::None,
            Flaw::Expired,
            Flaw::NotACa,
            Flaw::NoCertSign,
            Flaw::ClientsOnly,
            Flaw::NameExcluded,
            Flaw::NoCasBelow,
        ]);
        let pairs: Vec<(usize, usize)> =
            (0..=cas).flat_map(|by| (1..=cas).map(move |ca| (by, ca))).filter(|(by, ca)| by != ca).collect();
        let (all, count) = (pairs.len(), pairs.len());
        let chosen = prop::sample::subsequence(pairs, all / 2..=all).prop_shuffle();
        (chosen, prop::collection::vec(flaw, count)).prop_map(move |(pairs, flaws)| Mesh {
            cas,
            certs: pairs.into_iter().zip(flaws).map(|((by, ca), flaw)| (by, ca, flaw)).collect(),
        })
    })
}

#[test]
fn the_way_out_of_a_mesh_is_found_where_there_is_one() {
    sweep(60, mesh(), |mesh| judged(&mesh));
}

/// Six CAs that all certify each other, and one sound way that visits them all: it comes last of more than three hundred.
#[test]
fn the_longest_way_is_found_among_hundreds_of_shorter_ones() {
    for flaw in [Flaw::Expired, Flaw::ClientsOnly, Flaw::NameExcluded, Flaw::NotACa] {
        let cas = 6;
        let pairs = (0..=cas).flat_map(|by| (1..=cas).map(move |ca| (by, ca))).filter(|(by, ca)| by != ca);
        let way = |by: usize, ca: usize| by == ca + 1 || (by, ca) == (0, cas);
        let certs = pairs.map(|(by, ca)| (by, ca, if way(by, ca) { Flaw::None } else { flaw })).collect();
        judged(&Mesh { cas, certs }).unwrap();
    }
}

fn judged(mesh: &Mesh) -> Result<(), TestCaseError> {
    let cas: Vec<Authority> = (0..=mesh.cas).map(|n| Authority::root(&format!("Mesh CA {n}"))).collect();
    let leaf = cas[1].leaf(&["mail.example.org"]);
    let certs: Vec<Vec<u8>> =
        mesh.certs.iter().map(|(by, ca, flaw)| cas[*by].cross_sign(&cas[*ca], |p| apply(*flaw, p))).collect();
    let test = Test::new();
    test.file("root.pem", cas[0].pem());
    test.file("leaf.pem", leaf.pem());
    test.file("mesh.pem", certs.iter().map(|der| cert_pem(der)).collect::<String>());
    let args = "chain check leaf.pem --untrusted mesh.pem --trust root.pem --name mail.example.org --at 2027-01-01";
    let ran = test.run(args.split(' '));
    let wanted = mesh.stands(1, &[]);
    prop_assert!(ran.exit == i32::from(!wanted), "wanted {wanted}: {mesh:#?}\n{}{}", ran.stdout, ran.stderr);
    // It does not look at key usages.
    let blind = mesh.certs.iter().any(|(_, _, flaw)| *flaw == Flaw::NoCertSign);
    let found = !blind && accepted_by_webpki(&leaf.der, &certs, &cas[0], None, None);
    prop_assert!(wanted || !found, "webpki finds a way: {mesh:#?}");
    Ok(())
}

fn apply(flaw: Flaw, params: &mut CertificateParams) {
    match flaw {
        Flaw::None => {}
        Flaw::Expired => params.not_after = date_time_ymd(2010, 1, 1),
        Flaw::NotACa => params.is_ca = IsCa::ExplicitNoCa,
        Flaw::NoCertSign => params.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign],
        Flaw::ClientsOnly => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        Flaw::NameExcluded => {
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: Vec::new(),
                excluded_subtrees: vec![GeneralSubtree::DnsName("example.org".into())],
            });
        }
        Flaw::NoCasBelow => params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
    }
}
