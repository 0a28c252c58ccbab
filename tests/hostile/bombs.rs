//! Certificates, CRLs and PEM that cost their reader more than their writer. No speed is measured here: each of these ends at
//! once where the work is bounded, and not within the minute that is allowed where it is not.

use pkit::material::der;
use rcgen::{CertificateParams, CustomExtension, GeneralSubtree, KeyPair, NameConstraints, SanType};

use super::Hostile;
use crate::common::pki::{Authority, Crl, cert_pem, entry, pem};
use crate::common::scaled;

#[test]
fn text_of_nothing_but_markers() {
    let h = Hostile::new();
    h.test.file("begin.pem", "-----BEGIN CERTIFICATE-----\n".repeat(1_000_000));
    h.chain(&["begin.pem"]).exits(3).err_has("error[pem-truncated]");
    for words in ["END ", "BEGIN ", "-BEGIN ", "BEGIN-", "-----END", "----------", "-----BEGIN A-----:\n"] {
        println!("{words:?}");
        h.test.file("words.pem", format!("-----BEGIN CERTIFICATE-----\n{}", words.repeat(100_000)));
        h.chain(&["words.pem"]).exits(3);
    }
    h.test.file("empty.pem", pem("X", b"").repeat(30_000));
    h.chain(&["empty.pem"]).exits(3).err_has("error[pem-too-many]");
    h.test.file("line.pem", format!("-----BEGIN CERTIFICATE-----{}-----END CERTIFICATE-----", "A".repeat(4 << 20)));
    h.chain(&["line.pem"]).exits(3).err_has("error[malformed]");
}

#[test]
fn many_files_of_many_blocks() {
    let h = Hostile::new();
    let text = pem("X", b"x").repeat(15_000);
    h.test.file("a.pem", &text);
    h.test.file("b.pem", &text);
    h.chain(&["a.pem", "b.pem"]).exits(3).err_has("error[pem-too-many]");
}

#[test]
fn nesting_of_20_000_levels() {
    let h = Hostile::new();
    let nested = nested(20_000);
    let labels = ["CERTIFICATE", "X509 CRL", "CERTIFICATE REQUEST", "PKCS7", "DH PARAMETERS", "TRUSTED CERTIFICATE"];
    for (label, code) in labels.map(|label| (label, "malformed")).into_iter().chain([("PRIVATE KEY", "key-malformed")])
    {
        println!("{label}");
        h.test.file("nested.pem", pem(label, &nested));
        h.is_refused_everywhere("nested.pem", code);
    }
    h.test.file("nested.der", &nested);
    h.is_refused_everywhere("nested.der", "no-certificate");
    // Where a sound certificate may hold anything.
    let root = Authority::root("Example CA");
    let inside = |oid: &[u64]| {
        let extension = CustomExtension::from_oid_content(oid, nested.clone());
        root.leaf_with(&["mail.example.org"], |params| params.custom_extensions.push(extension)).der
    };
    h.test.file("unknown.der", inside(&[1, 2, 3]));
    h.chain(&["unknown.der", "--accept", "chain-incomplete"]).exits(0);
    h.test.file("known.der", inside(&[2, 5, 29, 35]));
    h.chain(&["known.der"]).exits(3).err_has("error[malformed]");
}

#[test]
fn thirty_authorities_that_sign_each_other() {
    let h = Hostile::new();
    let mesh: Vec<Authority> = (0..30).map(|n| Authority::root(&format!("Mesh CA {n}"))).collect();
    let leaf = mesh[0].leaf(&["mail.example.org"]);
    let crossed = mesh.iter().flat_map(|by| mesh.iter().map(move |ca| by.cross_sign(ca, |_| {})));
    let text: String = crossed.map(|der| cert_pem(&der)).collect();
    h.test.file("mesh.pem", text + &leaf.pem());
    let before = h.test.text("out.pem");
    // No way leads into the trust store, and not all that could be tried were.
    let ran = h.run(&["chain", "build", "mesh.pem", "--trust", "root.pem"]);
    ran.err_has("warning[chain-search-stopped]");
    h.test.file("leaf.pem", leaf.pem());
    let check = ["chain", "check", "leaf.pem", "--untrusted", "mesh.pem", "--trust"];
    h.run(&[&check[..], &["root.pem"]].concat()).exits(1).out_has("warning[chain-search-stopped]");
    h.run(&["chain", "show", "mesh.pem", "--trust", "root.pem"]);
    let args = ["bundle", "dovecot-ca", "mesh.pem", "-o", "out.pem", "--force"];
    h.run(&args).exits(1).err_has("error[crl-missing]");
    assert_eq!(h.test.text("out.pem"), before);
    // The way out of the mesh is found all the same.
    let root = Authority::root("Real Root");
    h.test.file("real.pem", root.pem());
    h.test.file("way.pem", cert_pem(&root.cross_sign(&mesh[0], |_| {})));
    let ran = h.run(&["chain", "build", "mesh.pem", "way.pem", "--trust", "real.pem"]).exits(0);
    assert_eq!(ran.stdout, leaf.pem() + &h.test.text("way.pem"));
    h.run(&[&check[..], &["real.pem", "--untrusted", "way.pem"]].concat()).exits(0);
}

#[test]
fn a_hundred_and_fifty_authorities_of_one_name() {
    let h = Hostile::new();
    let twins: Vec<Authority> = (0..150).map(|_| Authority::root("Twin CA")).collect();
    h.test.file("twins.pem", twins.iter().map(Authority::pem).collect::<String>());
    // The key identifier leads to the right one, although it is the last.
    h.test.file("leaf.pem", twins[149].leaf(&["mail.example.org"]).pem());
    h.run(&["chain", "build", "twins.pem", "leaf.pem", "--trust", "twins.pem"]).exits(0);
    let stranger = Authority::root("Twin CA").leaf(&["mail.example.org"]);
    h.test.file("leaf.pem", stranger.pem());
    let ran = h.chain(&["twins.pem", "leaf.pem"]).exits(1).err_has("error[chain-incomplete]");
    ran.err_has("warning[chain-search-stopped]: not every way up from `mail.example.org` was looked at");
}

#[test]
fn thousands_of_certificates() {
    let h = Hostile::new();
    let root = Authority::root("Example CA");
    let key = KeyPair::generate().unwrap();
    let pile = |change: fn(&mut CertificateParams)| -> String {
        (0..scaled(10_000).min(19_000)).map(|_| cert_pem(&root.issue(&key, &["many.example.org"], change).1)).collect()
    };
    h.test.file("leaves.pem", pile(|_| {}));
    let ran = h.chain(&["leaves.pem"]).exits(3).err_has("error[several-end-entities]");
    assert!(ran.stderr.lines().count() < 50, "{} lines", ran.stderr.lines().count());
    // CAs of one name and one key, none of which is the issuer's.
    h.test.file("cas.pem", pile(|params| params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained)));
    let below = Authority::root("many.example.org");
    h.test.file("leaf.pem", below.leaf(&["mail.example.org"]).pem());
    h.chain(&["cas.pem", "leaf.pem"]).exits(1).err_has("error[chain-incomplete]");
    h.test.file("list.crl", below.crl(&Crl::default()));
    h.run(&["bundle", "dovecot-ca", "cas.pem", "list.crl", "-o", "out.pem", "--force"]).exits(1);
    assert_eq!(h.test.text("out.pem"), "precious\n");
}

#[test]
fn a_certificate_of_100_000_names() {
    let h = Hostile::new();
    let root = Authority::root("Example CA");
    h.test.file("root.pem", root.pem());
    let names = (0..100_000).map(|n| SanType::DnsName(format!("host{n}.example.org").try_into().unwrap()));
    let names: Vec<SanType> = names.collect();
    h.test.file("leaf.der", root.leaf_with(&["a"], |params| params.subject_alt_names = names.clone()).der);
    h.chain(&["leaf.der", "--name", "host99999.example.org"]).exits(0);
    let ran = h.run(&["chain", "build", "leaf.der", "--trust", "root.pem", "--name", "www.example.net"]).exits(1);
    assert!(ran.stderr.len() < 2_000, "{} bytes", ran.stderr.len());
    // Each name against each constraint of the CA above.
    let middle = Authority::root("Example Middle");
    let subtrees = (0..20_000).map(|n| GeneralSubtree::DnsName(format!("other{n}.example.org"))).collect();
    let limits = NameConstraints { permitted_subtrees: Vec::new(), excluded_subtrees: subtrees };
    h.test.file("middle.pem", cert_pem(&root.cross_sign(&middle, |params| params.name_constraints = Some(limits))));
    h.test.file("below.der", middle.leaf_with(&["a"], |params| params.subject_alt_names = names).der);
    h.chain(&["below.der", "middle.pem"]).exits(0).err_has("[too-many-names]");
}

#[test]
fn a_certificate_of_100_000_extensions() {
    let h = Hostile::new();
    let root = Authority::root("Example CA");
    h.test.file("root.pem", root.pem());
    let leaf = root.leaf_with(&["mail.example.org"], |params| {
        let made = |n| CustomExtension::from_oid_content(&[1, 2, 3, n], vec![5, 0]);
        params.custom_extensions.extend((0..100_000).map(made));
    });
    h.test.file("leaf.der", &leaf.der);
    h.chain(&["leaf.der"]).exits(0);
}

#[test]
fn a_list_of_1_000_000_entries() {
    let h = Hostile::new();
    let root = Authority::root("Example CA");
    let leaf = root.leaf(&["mail.example.org"]);
    h.test.file("ca.pem", root.pem());
    h.test.file("leaf.pem", leaf.pem());
    let serials = (1u64 << 40..).take(1_000_000);
    let entries: Vec<u8> = serials.flat_map(|serial| entry(serial, 2021, &[])).collect();
    h.test.file("list.crl", root.crl(&Crl { entries, ..Crl::default() }));
    h.run(&["crl", "convert", "list.crl", "-o", "list.pem"]).exits(0).out_has("1000000 entries");
    let shown = h.run(&["crl", "inspect", "list.crl"]).exits(0);
    assert!(shown.stdout.len() < 10_000, "{} bytes", shown.stdout.len());
    h.run(&["crl", "check", "list.pem", "--issuer", "ca.pem", "--cert", "leaf.pem"]).exits(0);
    h.run(&["chain", "check", "leaf.pem", "--trust", "ca.pem", "--crl", "list.crl"]).exits(0);
    h.run(&["bundle", "dovecot-ca", "ca.pem", "list.pem", "-o", "bundle.pem"]).exits(0);
    h.run(&["bundle", "check", "bundle.pem", "--client", "leaf.pem"]).exits(0);
    assert!(h.test.read("bundle.pem").len() > 30_000_000);
}

/// A SEQUENCE in a SEQUENCE in a SEQUENCE …, written from its end.
fn nested(levels: usize) -> Vec<u8> {
    let mut backward: Vec<u8> = Vec::new();
    for _ in 0..levels {
        let length = backward.len();
        let digits: Vec<u8> =
            length.to_le_bytes().into_iter().take(1 + length.checked_ilog2().unwrap_or(0) as usize / 8).collect();
        backward.extend(&digits);
        backward.extend((length >= 0x80).then_some(0x80 | digits.len() as u8));
        backward.push(der::tag::SEQUENCE);
    }
    backward.reverse();
    backward
}
