//! Lists that are signed with another key than the certificates (NIST PKITS sections 4.4, 4.5 and 4.14 have such CAs), and paths
//! of which one is revoked and another is not. openssl judges as well; where it knows less, the reason is given.

use rcgen::{KeyUsagePurpose, date_time_ymd};

use super::revocation::{URL, point_name, scoped};
use crate::common::pki::{Authority, Crl, cert_pem, crl_at, crl_pem, extension};
use crate::common::{Ran, Test, have};
use pkit::material::cert::Cert;
use pkit::material::der::{self, tag};

/// What is in the files.
struct Pile {
    test: Test,
}

impl Pile {
    fn new(trusted: &[&Authority], leaf: &str, others: &[&[u8]], lists: &[Vec<u8>]) -> Pile {
        let test = Test::new();
        test.file("trust.pem", trusted.iter().map(|ca| ca.pem()).collect::<String>());
        test.file("leaf.pem", leaf);
        test.file("others.pem", others.iter().map(|der| cert_pem(der)).collect::<String>());
        test.file("crl.pem", lists.iter().map(|der| crl_pem(der)).collect::<String>());
        Pile { test }
    }

    fn check(&self, more: &str) -> Ran {
        let args = format!("chain check leaf.pem --untrusted others.pem --trust trust.pem --crl crl.pem {more}");
        let ran = self.test.run(args.split_whitespace());
        assert!([0, 1].contains(&ran.exit), "{}", ran.stderr);
        ran
    }

    /// Do pkit and openssl accept it?
    fn verdicts(&self) -> (bool, bool) {
        let args = "verify -crl_check_all -extended_crl -use_deltas -untrusted others.pem -CAfile trust.pem -CRLfile crl.pem leaf.pem";
        (self.check("").exit == 0, self.test.peer("openssl", args.split(' ')).exit == 0)
    }
}

fn crl_sign_only(params: &mut rcgen::CertificateParams) {
    params.is_ca = rcgen::IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::CrlSign];
}

/// A list that names the key it is signed with: OpenSSL finds signers by nothing else.
pub(super) fn list(ca: &Authority, crl: Crl) -> Vec<u8> {
    list_as(ca, ca, crl)
}

/// The same, naming the key of somebody else.
fn list_as(named: &Authority, ca: &Authority, crl: Crl) -> Vec<u8> {
    let id = Cert::from_der(&named.der).unwrap().extensions.subject_key_id.unwrap();
    let key = extension(&[0x55, 0x1d, 35], false, &der::sequence(&[&der::tlv(tag::context_primitive(0), &id)]));
    ca.crl(&Crl { extensions: [key, crl.extensions].concat(), ..crl })
}

fn revokes(serials: &[u64]) -> Crl {
    Crl { revoked: serials.to_vec(), ..Crl::default() }
}

/// PKITS 4.4.19 to 4.4.21: the root has issued a second key of the CA, for lists.
#[test]
fn a_separate_key_for_lists_must_not_be_revoked_itself() {
    if !have("openssl") {
        return;
    }
    let root = Authority::root("Example Root");
    let (ca, lister) = (root.below("Issuing CA"), root.below("Issuing CA"));
    let (listers, leaf) = (root.cross_sign(&lister, crl_sign_only), ca.leaf(&["client.example.org"]));
    let pile = |of_root: Crl, of_ca: Crl| {
        Pile::new(&[&root], &leaf.pem(), &[&ca.der, &listers], &[list(&root, of_root), list(&lister, of_ca)])
    };
    let serial = serial(&listers);
    assert_eq!(pile(revokes(&[]), revokes(&[])).verdicts(), (true, true));
    assert_eq!(pile(revokes(&[]), revokes(&[leaf.serial])).verdicts(), (false, false));
    let stolen = pile(revokes(&[serial]), revokes(&[]));
    assert_eq!(stolen.verdicts(), (false, false));
    stolen.check("").out_has("was signed by a CA that has been revoked");
    stolen.check("--crl-depth leaf").exits(0);
}

/// A CA that makes a delta every hour: of all that are at hand no more signatures are looked at than it takes.
#[test]
fn hundreds_of_deltas_do_not_use_up_the_signatures() {
    let root = Authority::root("Example Root");
    let ca = root.below("Issuing CA");
    let leaf = ca.leaf(&["mail.example.org"]);
    let deltas = |last: &[u64]| {
        let delta = |number| Crl { number, delta: Some(5), ..revokes(if number == 205 { last } else { &[] }) };
        let lists = [list(&root, revokes(&[])), list(&ca, Crl { number: 5, ..revokes(&[]) })];
        lists.into_iter().chain((6..=205).map(|number| list(&ca, delta(number)))).collect::<Vec<_>>()
    };
    let pile = |last: &[u64]| Pile::new(&[&root], &leaf.pem(), &[&ca.der], &deltas(last));
    pile(&[]).check("").exits(0);
    pile(&[leaf.serial]).check("").exits(1).out_has("was revoked at");
}

/// PKITS 4.5.6 and 4.5.7: the CA itself has issued the key for its lists, and lists that key somewhere else.
#[test]
fn a_ca_that_issues_its_own_key_for_lists() {
    if !have("openssl") {
        return;
    }
    let root = Authority::root("Example Root");
    let ca = root.below("Issuing CA");
    let lister = ca.below("Issuing CA");
    let leaf = ca.leaf(&["client.example.org"]);
    let plain = ca.cross_sign(&lister, crl_sign_only);
    let pointed = ca.cross_sign(&lister, |params| {
        crl_sign_only(params);
        params.custom_extensions.push(crl_at(&[std::str::from_utf8(URL).unwrap()]));
    });
    let good = || revokes(&[]);
    let pile = |listers: &[u8], lists: &[Vec<u8>]| {
        Pile::new(&[&root], &leaf.pem(), &[&ca.der, listers], &[lists, &[list(&root, good())]].concat())
    };
    let of_listers = |serials: &[u8]| scoped(revokes(&[serial(serials)]), &[&point_name(URL)]);
    let apart = || scoped(good(), &[&point_name(URL)]);
    assert_eq!(pile(&pointed, &[list(&lister, good()), list(&ca, apart())]).verdicts(), (true, true));
    assert_eq!(
        pile(&pointed, &[list(&lister, revokes(&[leaf.serial])), list(&ca, apart())]).verdicts(),
        (false, false)
    );
    assert_eq!(pile(&pointed, &[list(&lister, good()), list(&ca, of_listers(&pointed))]).verdicts(), (false, false));
    // Nothing but its own list speaks for the key. OpenSSL follows no such circle; RFC 5280 does not rule it out.
    assert_eq!(pile(&plain, &[list(&lister, good())]).verdicts(), (true, false));
    assert_eq!(pile(&plain, &[list(&lister, revokes(&[serial(&plain)]))]).verdicts(), (false, false));
    // Whoever stole the key cannot clear it, nor anybody else, by a newer list that seems to go on from the CA's own.
    let (old, new) = (revokes(&[serial(&plain), leaf.serial]), Crl { number: 9, this_update: 2022, ..good() });
    assert_eq!(pile(&plain, &[list(&ca, old), list_as(&ca, &lister, new)]).verdicts(), (false, false));
}

/// PKITS 4.5.1 to 4.5.5: a CA goes over to a new key.
#[test]
fn lists_on_either_side_of_a_key_rollover() {
    if !have("openssl") {
        return;
    }
    let root = Authority::root("Example Root");
    let old = root.below("Issuing CA");
    let new = old.below("Issuing CA");
    let new_by_root = root.cross_sign(&new, |_| {});
    let old_with_new = new.cross_sign(&old, |_| {});
    let good = || revokes(&[]);
    let (to_new, to_old) = ([&new_by_root[..], &old_with_new], [&old.der[..], &new.der]);
    let accepts = |name: &str, issuer: &Authority, others: &[&[u8]], lister: &Authority, wanted: (bool, bool)| {
        let leaf = issuer.leaf(&["client.example.org"]);
        let pile = |of_ca: Crl| {
            Pile::new(&[&root], &leaf.pem(), others, &[list(&root, good()), list(lister, of_ca)]).verdicts()
        };
        assert_eq!(pile(good()), wanted, "{name}: (pkit, openssl)");
        assert_eq!(pile(revokes(&[leaf.serial])), (false, false), "{name}, revoked");
    };
    accepts("old key with new", &old, &to_new, &new, (true, true));
    accepts("new key with old, list by the old", &new, &to_old, &old, (true, true));
    // The list that the new key signed is the only one that speaks for the new key.
    accepts("new key with old, list by the new", &new, &to_old, &new, (true, false));
    accepts("old key, list by the new", &old, &to_old, &new, (true, false));
}

/// Two keys for lists, each cleared by the other's list only.
#[test]
fn a_circle_of_signers_proves_nothing() {
    let root = Authority::root("Example Root");
    let (left, right) = (root.below("Left"), root.below("Right"));
    let (lists_left, lists_right) = (right.below("Left"), left.below("Right"));
    let leaf = left.leaf(&["client.example.org"]);
    let others = [&left.der, &right.der, &lists_left.der, &lists_right.der].map(Vec::as_slice);
    let lists = [&root, &lists_left, &lists_right].map(|ca| list(ca, Crl::default()));
    let ran = Pile::new(&[&root], &leaf.pem(), &others, &lists).check("");
    ran.exits(1).out_has("was signed by a CA that no CRL given clears");
}

#[test]
fn a_path_that_nobody_revoked_wins() {
    let (revoking, other) = (Authority::root("Revoking Root"), Authority::root("Other Root"));
    let ca = revoking.below("Issuing CA");
    let crossed = other.cross_sign(&ca, |_| {});
    let expired = other.cross_sign(&ca, |params| params.not_after = date_time_ymd(2010, 1, 1));
    let leaf = ca.leaf(&["client.example.org"]);
    let pile = |others: &[&[u8]], of_other: Crl, of_ca: Crl| {
        let lists = [list(&revoking, revokes(&[serial(&ca.der)])), list(&other, of_other), list(&ca, of_ca)];
        Pile::new(&[&revoking, &other], &leaf.pem(), others, &lists)
    };
    for others in [[&ca.der[..], &crossed], [&crossed, &ca.der]] {
        let ran = pile(&others, revokes(&[]), revokes(&[])).check("");
        ran.exits(0).out_has("Issuing CA → Other Root").out_has("2 certificates on no list");
        pile(&others, revokes(&[]), revokes(&[leaf.serial]))
            .check("")
            .exits(1)
            .out_has("`client.example.org` was revoked");
        let both = pile(&others, revokes(&[serial(&crossed)]), revokes(&[])).check("");
        both.exits(1).out_has("`Issuing CA` was revoked");
        // That one way is closed for good matters less than what closes the other.
        let ran = pile(&[&expired, &ca.der], revokes(&[]), revokes(&[])).check("");
        ran.exits(1).out_has("`Issuing CA` was revoked").out_has("another path:");
    }
}

fn serial(der: &[u8]) -> u64 {
    let cert = Cert::from_der(der).unwrap();
    cert.serial.iter().fold(0, |n, b| n << 8 | u64::from(*b))
}
