//! Revocation in `chain check --crl` and `crl check --cert`, judged by openssl.

use pkit::material::der::{self, tag};
use rcgen::CustomExtension;

use crate::common::pki::{Authority, Crl, Leaf, crl_pem, entry, extension};
use crate::common::{Test, have};

/// A root, an issuing CA, and a certificate whose revocation is asked for.
struct World {
    root: Authority,
    ca: Authority,
    leaf: Leaf,
}

pub(super) const POINTS: [u64; 4] = [2, 5, 29, 31];
pub(super) const URL: &[u8] = b"http://crl.example.org/list.crl";

impl World {
    fn new(points: Option<&[u8]>) -> World {
        let root = Authority::root("Example Root");
        let ca = root.below("Issuing CA");
        let points = points.map(|p| CustomExtension::from_oid_content(&POINTS, der::sequence(&[p])));
        let leaf = ca.leaf_with(&["client.example.org"], |params| params.custom_extensions.extend(points));
        World { root, ca, leaf }
    }

    fn revoked(&self) -> Crl {
        Crl { revoked: vec![7, self.leaf.serial, 9], ..Crl::default() }
    }

    /// Do pkit and openssl accept the certificate with these lists of the issuing CA?
    fn verdicts(&self, lists: &[Vec<u8>]) -> (bool, bool) {
        let t = Test::new();
        t.file("root.pem", self.root.pem());
        t.file("ca.pem", self.ca.pem());
        t.file("leaf.pem", self.leaf.pem());
        let lists = lists.iter().chain([&self.root.crl(&Crl::default())]).map(|der| crl_pem(der)).collect::<String>();
        t.file("crl.pem", lists);
        let ours = t.run("chain check leaf.pem --untrusted ca.pem --trust root.pem --crl crl.pem".split(' '));
        assert!([0, 1].contains(&ours.exit), "{}", ours.stderr);
        let args = "verify -crl_check_all -extended_crl -use_deltas -untrusted ca.pem -CAfile root.pem -CRLfile crl.pem leaf.pem";
        (ours.exit == 0, t.peer("openssl", args.split(' ')).exit == 0)
    }
}

/// An issuingDistributionPoint with these fields.
fn scope(fields: &[&[u8]]) -> Vec<u8> {
    extension(&[0x55, 0x1d, 28], true, &der::sequence(fields))
}

/// The name of a distribution point: one URL.
pub(super) fn point_name(url: &[u8]) -> Vec<u8> {
    der::tlv(0xa0, &der::tlv(0xa0, &der::tlv(0x86, url)))
}

pub(super) fn scoped(list: Crl, fields: &[&[u8]]) -> Crl {
    Crl { extensions: scope(fields), ..list }
}

pub(super) fn freshest() -> Vec<u8> {
    extension(&[0x55, 0x1d, 46], false, &der::sequence(&[&der::sequence(&[&point_name(URL)])]))
}

pub(super) fn reason(code: u8) -> Vec<u8> {
    extension(&[0x55, 0x1d, 21], false, &der::tlv(tag::ENUMERATED, &[code]))
}

#[test]
fn every_verdict_is_openssls() {
    if !have("openssl") {
        return;
    }
    let plain = World::new(None);
    let named = World::new(Some(&der::sequence(&[&point_name(URL)])));
    let (serial, good) = (plain.leaf.serial, Crl::default);
    let of = |list: Crl| vec![plain.ca.crl(&list)];
    let of_named = |list: Crl| vec![named.ca.crl(&list)];
    let (users, authorities, attributes) = (&[0x81, 1, 0xff][..], &[0x82, 1, 0xff][..], &[0x85, 1, 0xff][..]);
    // keyCompromise and cACompromise; all the others.
    let (some, others) = (&[0x83, 2, 5, 0x60][..], &[0x83, 3, 7, 0x1f, 0x80][..]);
    let unknown = |critical| extension(&[0x55, 0x1d, 0x63], critical, &[5, 0]);
    let base = |list: Crl| Crl { number: 5, extensions: freshest(), ..list };
    let delta = |number, of: u64, list: Crl| Crl { number, delta: Some(of), ..list };
    let freed = || Crl { entries: entry(serial, 2020, &reason(8)), ..good() };
    let cases: Vec<(&str, bool, &World, Vec<Vec<u8>>)> = vec![
        ("good", true, &plain, of(good())),
        ("revoked", false, &plain, of(plain.revoked())),
        ("missing", false, &plain, vec![]),
        ("expired", false, &plain, of(Crl { next_update: Some(2021), ..good() })),
        ("from the future", false, &plain, of(Crl { this_update: 2999, ..good() })),
        ("no next update", true, &plain, of(Crl { next_update: None, ..good() })),
        ("another key", false, &plain, vec![Authority::root("Issuing CA").crl(&good())]),
        ("critical extension", false, &plain, of(Crl { extensions: unknown(true), ..good() })),
        ("other extension", true, &plain, of(Crl { extensions: unknown(false), ..good() })),
        ("critical in an entry", false, &plain, of(Crl { entries: entry(1, 2020, &unknown(true)), ..good() })),
        ("users only", true, &plain, of(scoped(good(), &[users]))),
        ("users only, revoked", false, &plain, of(scoped(plain.revoked(), &[users]))),
        ("authorities only", false, &plain, of(scoped(good(), &[authorities]))),
        ("attributes only", false, &plain, of(scoped(good(), &[attributes]))),
        ("a point nobody named", false, &plain, of(scoped(good(), &[&point_name(URL)]))),
        ("the point named", true, &named, of_named(scoped(good(), &[&point_name(URL)]))),
        ("the point named, revoked", false, &named, of_named(scoped(named.revoked(), &[&point_name(URL)]))),
        ("another point", false, &named, of_named(scoped(good(), &[&point_name(b"http://other.example/")]))),
        ("some reasons", false, &plain, of(scoped(good(), &[some]))),
        ("all reasons in two", true, &plain, [of(scoped(good(), &[some])), of(scoped(good(), &[others]))].concat()),
        (
            "revoked in one of two",
            false,
            &plain,
            [of(scoped(good(), &[some])), of(scoped(plain.revoked(), &[others]))].concat(),
        ),
        (
            "old one revokes",
            true,
            &plain,
            [of(Crl { this_update: 2019, ..plain.revoked() }), of(Crl { number: 2, ..good() })].concat(),
        ),
        ("delta alone", false, &plain, of(delta(6, 5, good()))),
        ("delta says nothing", true, &plain, [of(base(good())), of(delta(6, 5, good()))].concat()),
        ("delta revokes", false, &plain, [of(base(good())), of(delta(6, 5, plain.revoked()))].concat()),
        ("delta removes", true, &plain, [of(base(plain.revoked())), of(delta(6, 5, freed()))].concat()),
        (
            "stale delta revokes",
            false,
            &plain,
            [of(base(good())), of(Crl { next_update: Some(2021), ..delta(6, 5, plain.revoked()) })].concat(),
        ),
        ("delta too new", true, &plain, [of(base(good())), of(delta(8, 7, plain.revoked()))].concat()),
        ("delta too old", true, &plain, [of(base(good())), of(delta(5, 4, plain.revoked()))].concat()),
    ];
    for (name, wanted, world, lists) in cases {
        assert_eq!(world.verdicts(&lists), (wanted, wanted), "{name}: wanted {wanted}; (pkit, openssl)");
    }
    // OpenSSL does not look at the dates of a delta here; that a stale one frees somebody is not believed.
    let stale = [of(base(plain.revoked())), of(Crl { next_update: Some(2021), ..delta(6, 5, freed()) })].concat();
    assert_eq!(plain.verdicts(&stale), (false, true), "a stale delta removes");
}

/// The list of another CA, which the certificate names; entries inherit their issuer from the one before.
#[test]
fn an_indirect_list_tells_by_issuer() {
    let name = |cn: &[u8]| {
        let pair = der::sequence(&[&[6, 3, 0x55, 4, 3], &der::tlv(0x0c, cn)]);
        der::tlv(0xa4, &der::sequence(&[&der::tlv(tag::SET, &pair)]))
    };
    let world = World::new(Some(&der::sequence(&[&point_name(URL), &der::tlv(0xa2, &name(b"List CA"))])));
    let lister = world.root.below("List CA");
    let of = |cn: &[u8]| extension(&[0x55, 0x1d, 29], true, &der::sequence(&[&name(cn)]));
    let t = Test::new();
    t.file("root.pem", world.root.pem());
    t.file("cas.pem", world.ca.pem() + &lister.pem());
    t.file("leaf.pem", world.leaf.pem());
    let judge = |entries: Vec<u8>| {
        let list = Crl { entries, ..scoped(Crl::default(), &[&point_name(URL), &[0x84, 1, 0xff]]) };
        t.file("crl.pem", crl_pem(&lister.crl(&list)) + &crl_pem(&world.root.crl(&Crl::default())));
        let ran = t.run("chain check leaf.pem --untrusted cas.pem --trust root.pem --crl crl.pem".split(' '));
        (ran.exit, ran.stdout.contains("was revoked at 2020"))
    };
    let serial = world.leaf.serial;
    assert_eq!(judge(entry(serial, 2020, &of(b"Somebody else"))), (0, false));
    assert_eq!(judge(entry(serial, 2020, &[])), (0, false), "without an issuer it is the list's own");
    assert_eq!(judge(entry(serial, 2020, &of(b"Issuing CA"))), (1, true));
    assert_eq!(judge([entry(1, 2020, &of(b"Issuing CA")), entry(serial, 2020, &[])].concat()), (1, true));
}

#[test]
fn who_is_revoked_and_why_nobody_knows_is_told() {
    let world = World::new(None);
    let t = Test::new();
    t.file("root.pem", world.root.pem());
    t.file("chain.pem", world.leaf.pem() + &world.ca.pem());
    t.file("ca.pem", world.ca.pem());
    let entries = entry(world.leaf.serial, 2021, &reason(1));
    t.file("crl.pem", crl_pem(&world.ca.crl(&Crl { entries, ..Crl::default() })));
    let check = |args: &str| t.run(format!("chain check chain.pem --trust root.pem {args}").split_whitespace());
    check("").exits(0);
    check("--crl crl.pem --crl-depth leaf").exits(1).out_has("revoked at 2021-01-01 00:00:00 UTC (keyCompromise)");
    let json = check("--crl crl.pem --json").exits(1).json();
    let codes: Vec<&str> = json["findings"].as_array().unwrap().iter().filter_map(|f| f["id"].as_str()).collect();
    assert!(codes.contains(&"cert-revoked") && codes.contains(&"crl-missing"), "{codes:?}");
    // What is accepted by name does not hide that the certificate is revoked.
    check("--crl crl.pem --crl-depth leaf --at 5000-01-01 --accept cert-expired,crl-expired").exits(1);
    t.run(["crl", "check", "crl.pem", "--issuer", "ca.pem", "--cert", "chain.pem"])
        .exits(1)
        .out_has("FAIL  client.example.org");
}
