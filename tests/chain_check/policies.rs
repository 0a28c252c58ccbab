//! Certificate policies: what the command line asks for, and what CAs demand, map and forbid.

use pkit::material::der::{self, tag};
use rcgen::CustomExtension;

use super::{Served, refused};

const GOLD: &[u8] = &[0x2a, 3, 4, 1];
const SILVER: &[u8] = &[0x2a, 3, 4, 2];
/// anyPolicy.
const ANY: &[u8] = &[0x55, 0x1d, 0x20, 0];

/// Upper and lower CA and leaf with these extensions, as the chain of the test.
fn chain(s: &Served, upper: Vec<CustomExtension>, lower: Vec<CustomExtension>, leaf: Vec<CustomExtension>) {
    let upper = s.root.cross_sign(&s.upper, |p| p.custom_extensions = upper);
    let lower = s.upper.cross_sign(&s.lower, |p| p.custom_extensions = lower);
    let leaf = s.lower.leaf_with(&["mail.example.org"], |p| p.custom_extensions = leaf).der;
    s.test.file("chain.pem", super::pems(&[&leaf, &lower, &upper]));
}

#[test]
fn a_policy_must_be_valid_all_the_way_when_it_is_required() {
    let s = Served::new();
    let required = ["--require-explicit-policy", "--json"];
    s.check(&["--policy", "1.2.3.4.1"]).exits(0);
    refused(s.check(&required), "policy", "policy-not-valid");
    chain(&s, vec![policies(&[ANY])], vec![policies(&[GOLD, SILVER])], vec![policies(&[GOLD])]);
    s.check(&required).exits(0);
    s.check(&[&required[..], &["--policy", "1.2.3.4.2", "--policy", "1.2.3.4.1"]].concat()).exits(0);
    refused(s.check(&[&required[..], &["--policy", "1.2.3.4.2"]].concat()), "policy", "policy-not-valid");
    // Without anyPolicy the upper CA vouches for nothing.
    refused(s.check(&[&required[..], &["--inhibit-any-policy"]].concat()), "policy", "policy-not-valid");
    s.check(&["--policy", "gold"]).exits(2);
}

#[test]
fn a_ca_can_require_a_policy() {
    let s = Served::new();
    let constraint = |n: u8| extension(36, der::sequence(&[&der::tlv(tag::context_primitive(0), &[n])]));
    chain(&s, vec![policies(&[GOLD]), constraint(0)], vec![policies(&[GOLD])], vec![policies(&[GOLD])]);
    s.check(&[]).exits(0);
    chain(&s, vec![policies(&[GOLD]), constraint(0)], vec![policies(&[GOLD])], vec![policies(&[SILVER])]);
    refused(s.check(&["--json"]), "policy", "policy-not-valid");
    // After as many certificates as there are, it has no effect any more.
    chain(&s, vec![policies(&[GOLD]), constraint(3)], vec![policies(&[GOLD])], vec![policies(&[SILVER])]);
    s.check(&[]).exits(0);
}

#[test]
fn policies_are_mapped_unless_that_is_inhibited() {
    let s = Served::new();
    let oid = |oid| der::tlv(tag::OID, oid);
    let mapping = extension(33, der::sequence(&[&der::sequence(&[&oid(GOLD), &oid(SILVER)])]));
    chain(&s, vec![policies(&[GOLD]), mapping.clone()], vec![policies(&[SILVER])], vec![policies(&[SILVER])]);
    let gold = ["--require-explicit-policy", "--json", "--policy", "1.2.3.4.1"];
    s.check(&gold).exits(0);
    refused(s.check(&["--require-explicit-policy", "--json", "--policy", "1.2.3.4.2"]), "policy", "policy-not-valid");
    refused(s.check(&[&gold[..], &["--inhibit-policy-mapping"]].concat()), "policy", "policy-not-valid");
}

#[test]
fn policy_extensions_are_read_strictly() {
    let s = Served::new();
    for broken in [policies(&[]), policies(&[GOLD, GOLD]), extension(36, der::sequence(&[])), extension(54, vec![5, 0])]
    {
        chain(&s, vec![], vec![], vec![broken]);
        s.check(&[]).exits(3).err_has("error[malformed]");
    }
}

fn policies(oids: &[&[u8]]) -> CustomExtension {
    let list: Vec<u8> = oids.iter().flat_map(|oid| der::sequence(&[&der::tlv(tag::OID, oid)])).collect();
    extension(32, der::sequence(&[&list]))
}

fn extension(id: u64, value: Vec<u8>) -> CustomExtension {
    CustomExtension::from_oid_content(&[2, 5, 29, id], value)
}
