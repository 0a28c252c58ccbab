//! Generated distribution points, scopes, entries, deltas and signers (what NIST PKITS 4.14 and 4.15 are about), judged by pkit
//! and by openssl. Where they differ the reason must be one that is known and written down here.

use proptest::prelude::*;
use rcgen::CustomExtension;

use super::revocation::{POINTS, freshest, reason, scoped};
use super::signers::list;
use crate::common::pki::{Authority, Crl, crl_pem, entry, extension};
use crate::common::{Test, have, sweep};
use pkit::material::der::{self, tag};

/// The name of a distribution point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    None,
    Url(u8),
    /// `CN=n` below the issuer's name.
    Relative(u8),
    /// The same in full, below this CA's name.
    Full(Ca, u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ca {
    Issuing,
    Listing,
}

impl Ca {
    fn word(self) -> &'static [u8] {
        match self {
            Ca::Issuing => b"Issuing CA",
            Ca::Listing => b"Listing CA",
        }
    }
}

/// Of keyCompromise and cACompromise, or of all the others; `None` is all of them.
type Part = Option<bool>;

#[derive(Clone, Debug)]
struct Point {
    name: Name,
    reasons: Part,
    issuer: Option<Ca>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Only {
    All,
    Users,
    Authorities,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listing {
    Nobody,
    /// The certificate by its number alone.
    Number,
    /// With its issuer.
    Issuer,
    /// With its issuer, as the entry before says.
    Inherited,
    /// With somebody else's.
    Other,
    /// In a delta: no more.
    Removed,
}

#[derive(Clone, Debug)]
struct List {
    by: Ca,
    name: Name,
    only: Only,
    reasons: Part,
    indirect: bool,
    listing: Listing,
    expired: bool,
    number: u8,
    delta: Option<u8>,
}

#[derive(Clone, Debug)]
struct Scene {
    points: Vec<Point>,
    lists: Vec<List>,
}

fn name() -> impl Strategy<Value = Name> {
    let ca = || prop::sample::select(vec![Ca::Issuing, Ca::Listing]);
    prop_oneof![
        2 => Just(Name::None),
        3 => (0u8..2).prop_map(Name::Url),
        1 => (0u8..2).prop_map(Name::Relative),
        1 => (ca(), 0u8..2).prop_map(|(ca, n)| Name::Full(ca, n)),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    prop::option::weighted(0.25, any::<bool>())
}

fn point() -> impl Strategy<Value = Point> {
    let ca = prop::sample::select(vec![Ca::Listing, Ca::Listing, Ca::Listing, Ca::Issuing]);
    (name(), part(), prop::option::weighted(0.4, ca)).prop_map(|(name, reasons, issuer)| {
        // A point must say where or who (RFC 5280 section 4.2.1.13).
        let name = if issuer.is_none() && name == Name::None { Name::Url(0) } else { name };
        Point { name, reasons, issuer }
    })
}

fn a_list() -> impl Strategy<Value = List> {
    let by = prop::sample::select(vec![Ca::Issuing, Ca::Issuing, Ca::Listing]);
    let only = prop::sample::select(vec![Only::All, Only::All, Only::All, Only::Users, Only::Authorities]);
    let listing = prop::sample::select(vec![
        Listing::Nobody,
        Listing::Nobody,
        Listing::Nobody,
        Listing::Number,
        Listing::Issuer,
        Listing::Inherited,
        Listing::Other,
        Listing::Removed,
    ]);
    let numbers = (1u8..5, prop::option::weighted(0.3, 1u8..5));
    (by, name(), only, part(), any::<bool>(), listing, prop::bool::weighted(0.1), numbers).prop_map(
        |(by, name, only, reasons, indirect, listing, expired, (number, delta))| List {
            by,
            name,
            only,
            reasons,
            indirect: indirect && (by == Ca::Listing || number == 1),
            listing: if listing == Listing::Removed && delta.is_none() { Listing::Nobody } else { listing },
            expired,
            number: number + u8::from(delta.is_some()),
            delta,
        },
    )
}

fn scene() -> impl Strategy<Value = Scene> {
    (prop::collection::vec(point(), 0..3), prop::collection::vec(a_list(), 1..4))
        .prop_map(|(points, lists)| Scene { points, lists })
}

fn rdn(cn: &[u8]) -> Vec<u8> {
    der::tlv(tag::SET, &der::sequence(&[&[6, 3, 0x55, 4, 3], &der::tlv(0x0c, cn)]))
}

fn directory(cns: &[&[u8]]) -> Vec<u8> {
    der::tlv(0xa4, &der::sequence(&[&cns.iter().flat_map(|cn| rdn(cn)).collect::<Vec<u8>>()]))
}

impl Name {
    fn der(self) -> Vec<u8> {
        let point = match self {
            Name::None => return Vec::new(),
            Name::Url(n) => der::tlv(0xa0, &der::tlv(0x86, format!("http://{n}.example.org/crl").as_bytes())),
            Name::Relative(n) => der::tlv(0xa1, &rdn(&[b'0' + n])[2..]),
            Name::Full(ca, n) => der::tlv(0xa0, &directory(&[ca.word(), &[b'0' + n]])),
        };
        der::tlv(0xa0, &point)
    }
}

fn reasons(tag: u8, part: Part) -> Vec<u8> {
    match part {
        None => Vec::new(),
        Some(true) => der::tlv(tag, &[5, 0x60]),
        Some(false) => der::tlv(tag, &[7, 0x1f, 0x80]),
    }
}

impl Point {
    fn der(&self) -> Vec<u8> {
        let issuer = self.issuer.map_or(Vec::new(), |ca| der::tlv(0xa2, &directory(&[ca.word()])));
        der::sequence(&[&self.name.der(), &reasons(0x81, self.reasons), &issuer])
    }
}

impl List {
    fn scope(&self) -> (Ca, Name, Only, Part, bool) {
        (self.by, self.name, self.only, self.reasons, self.indirect)
    }

    fn der(&self, signer: &Authority, serial: u64) -> Vec<u8> {
        let of = |cn: &[u8]| extension(&[0x55, 0x1d, 29], true, &der::sequence(&[&directory(&[cn])]));
        let entries = match self.listing {
            Listing::Nobody => Vec::new(),
            Listing::Number => entry(serial, 2021, &[]),
            Listing::Issuer => entry(serial, 2021, &of(Ca::Issuing.word())),
            Listing::Inherited => [entry(3, 2021, &of(Ca::Issuing.word())), entry(serial, 2021, &[])].concat(),
            Listing::Other => entry(serial, 2021, &of(b"Other CA")),
            Listing::Removed => entry(serial, 2021, &reason(8)),
        };
        let flag = |n: u8, set: bool| if set { der::tlv(0x80 | n, &[0xff]) } else { Vec::new() };
        let fields = [
            self.name.der(),
            flag(1, self.only == Only::Users),
            flag(2, self.only == Only::Authorities),
            reasons(0x83, self.reasons),
            flag(4, self.indirect),
        ];
        let crl = Crl {
            number: self.number,
            this_update: 2020 + u16::from(self.number),
            next_update: Some(if self.expired { 2025 } else { 3000 }),
            delta: self.delta.map(u64::from),
            entries,
            ..Crl::default()
        };
        let mut crl = if fields.concat().is_empty() { crl } else { scoped(crl, &fields.each_ref().map(Vec::as_slice)) };
        if self.delta.is_none() {
            crl.extensions.extend(freshest());
        }
        list(signer, crl)
    }
}

#[derive(Debug)]
struct Verdicts {
    pkit: bool,
    openssl: bool,
    told: String,
}

fn judge(scene: &Scene) -> Verdicts {
    let root = Authority::root("Example Root");
    let (issuing, listing) = (root.below("Issuing CA"), root.below("Listing CA"));
    let points: Vec<u8> = scene.points.iter().flat_map(Point::der).collect();
    let leaf = issuing.leaf_with(&["client.example.org"], |params| {
        if !points.is_empty() {
            params.custom_extensions.push(CustomExtension::from_oid_content(&POINTS, der::sequence(&[&points])));
        }
    });
    let lists = scene.lists.iter().map(|l| l.der(if l.by == Ca::Issuing { &issuing } else { &listing }, leaf.serial));
    let test = Test::new();
    test.file("root.pem", root.pem());
    test.file("cas.pem", issuing.pem() + &listing.pem());
    test.file("leaf.pem", leaf.pem());
    test.file("crl.pem", lists.chain([list(&root, Crl::default())]).map(|der| crl_pem(&der)).collect::<String>());
    let ours = test.run("chain check leaf.pem --untrusted cas.pem --trust root.pem --crl crl.pem".split(' '));
    assert!([0, 1].contains(&ours.exit), "{}", ours.stderr);
    let args =
        "verify -crl_check_all -extended_crl -use_deltas -untrusted cas.pem -CAfile root.pem -CRLfile crl.pem leaf.pem";
    let peer = test.peer("openssl", args.split(' '));
    Verdicts {
        pkit: ours.exit == 0,
        openssl: peer.exit == 0,
        told: format!("{}\n{}{}", ours.stdout, peer.stdout, peer.stderr),
    }
}

/// Where a point has no name, the list's must be among the cRLIssuer names (6.3.3 (b) (2) (i)); OpenSSL does not look, so it asks
/// lists that do not speak for this certificate, whatever they say.
fn asks_others(scene: &Scene) -> bool {
    scene.points.iter().any(|p| p.name == Name::None) && scene.lists.iter().any(|l| l.name != Name::None)
}

/// Are the verdicts equal, or different for a reason?
fn known(scene: &Scene, v: &Verdicts) -> bool {
    let point = |is: fn(&Point) -> bool| scene.points.iter().any(is);
    // A point for some reasons takes the list of the issuer with it, so OpenSSL does not go on to that list for the others, as
    // section 6.3.3 does in the end.
    let narrow_point = point(|p| p.reasons.is_some());
    // A list in force that revokes is believed, also where a newer one of another scope says nothing; OpenSSL asks the newest.
    let scopes = scene.lists.iter().any(|l| l.scope() != scene.lists[0].scope());
    let believed = scopes && v.told.contains("was revoked at");
    // OpenSSL takes a delta that is limited to some reasons for a whole list (`get_crl_score`).
    let delta = scene.lists.iter().any(|l| l.delta.is_some() && l.reasons.is_some());
    v.pkit == v.openssl || asks_others(scene) || (v.pkit && narrow_point) || (v.openssl && believed) || delta
}

#[test]
fn scopes_and_points_are_judged_as_openssl_does() {
    if !have("openssl") {
        return;
    }
    let agree = |scene: Scene| {
        let v = judge(&scene);
        prop_assert!(known(&scene, &v), "pkit {} openssl {}\n{}", v.pkit, v.openssl, v.told);
        // Lists that no point can mean do not sway us, so without them OpenSSL must come to the same.
        if asks_others(&scene) && scene.points.iter().all(|p| p.name == Name::None) {
            let lists = scene.lists.iter().filter(|l| l.name == Name::None).cloned().collect();
            let (ours, fewer) = (v.pkit, Scene { lists, ..scene });
            let v = judge(&fewer);
            prop_assert_eq!(ours, v.pkit, "{}", v.told);
            prop_assert!(known(&fewer, &v), "pkit {} openssl {}\n{}", v.pkit, v.openssl, v.told);
        }
        Ok(())
    };
    sweep(60, scene(), agree);
}
