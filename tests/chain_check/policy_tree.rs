//! Generated certificate policies, judged by RFC 5280 section 6.1 taken by the letter: the valid policy tree itself, node by node,
//! with its three counters. It can grow exponentially, which is why pkit keeps a graph; for chains of four it does not matter.

use proptest::prelude::*;
use rcgen::{CertificateParams, CustomExtension};

use crate::common::pki::{Authority, cert_pem};
use crate::common::{Test, sweep};
use pkit::material::der::{self, tag};

/// 0 is anyPolicy, `n` is 1.2.3.4.n.
type Policy = u8;
const ANY: Policy = 0;

/// The extensions of one certificate.
#[derive(Clone, Debug, Default)]
struct Issued {
    policies: Option<Vec<Policy>>,
    mappings: Vec<(Policy, Policy)>,
    require_explicit: Option<u8>,
    inhibit_mapping: Option<u8>,
    inhibit_any: Option<u8>,
    /// In the name of its issuer.
    self_issued: bool,
}

#[derive(Clone, Debug)]
struct Asked {
    /// Nothing is any policy.
    acceptable: Vec<Policy>,
    explicit: bool,
    inhibit_mapping: bool,
    inhibit_any: bool,
}

fn issued() -> impl Strategy<Value = Issued> {
    let policies = prop::option::weighted(0.9, prop::sample::subsequence(vec![ANY, ANY, 1, 2, 3], 1..=4));
    let mapping = (1u8..4, 1u8..4);
    let mappings = prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(mapping, 1..3)];
    let skip = |weight| prop::option::weighted(weight, 0u8..3);
    let skips = (skip(0.3), skip(0.2), skip(0.4));
    (policies, mappings, skips, prop::bool::weighted(0.4)).prop_map(|(policies, mappings, skips, self_issued)| {
        let unique = |mut list: Vec<Policy>| {
            list.dedup();
            list
        };
        Issued {
            policies: policies.map(unique),
            mappings,
            require_explicit: skips.0,
            inhibit_mapping: skips.1,
            inhibit_any: skips.2,
            self_issued,
        }
    })
}

fn asked() -> impl Strategy<Value = Asked> {
    let rare = || prop::bool::weighted(0.15);
    (prop::sample::subsequence(vec![1u8, 2, 3], 0..=2), prop::bool::weighted(0.75), rare(), any::<bool>()).prop_map(
        |(acceptable, explicit, inhibit_mapping, inhibit_any)| Asked {
            acceptable,
            explicit,
            inhibit_mapping,
            inhibit_any,
        },
    )
}

#[test]
fn policies_come_out_as_the_tree_of_rfc_5280_has_it() {
    let path = prop::collection::vec(issued(), 1..5);
    let agree = |(mut path, asked): (Vec<Issued>, Asked)| {
        path.last_mut().unwrap().self_issued = false;
        let (wanted, ran) = (by_the_letter(&path, &asked), check(&path, &asked));
        prop_assert_eq!(ran.exit, i32::from(!wanted), "{:?}\n{:#?}\n{}{}", &asked, &path, &ran.stdout, &ran.stderr);
        Ok(())
    };
    sweep(120, (path, asked()), agree);
}

fn check(path: &[Issued], asked: &Asked) -> crate::common::Ran {
    let root = Authority::root("Example Root");
    let (mut cas, mut ders): (Vec<Authority>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
    let mut name = "Example Root".to_owned();
    for (n, issued) in path[..path.len() - 1].iter().enumerate() {
        if !issued.self_issued {
            name = format!("CA {n}");
        }
        let above = cas.last().unwrap_or(&root);
        let ca = above.below(&name);
        ders.push(above.cross_sign(&ca, |params| extend(params, issued)));
        cas.push(ca);
    }
    let last = &path[path.len() - 1];
    let leaf = cas.last().unwrap_or(&root).leaf_with(&["mail.example.org"], |params| extend(params, last));
    let test = Test::new();
    test.file("root.pem", root.pem());
    let chain = [&leaf.der].into_iter().chain(ders.iter().rev());
    test.file("chain.pem", chain.map(|der| cert_pem(der)).collect::<String>());
    let acceptable: Vec<String> = asked.acceptable.iter().map(|policy| format!("1.2.3.4.{policy}")).collect();
    let mut words = vec!["chain", "check", "chain.pem", "--trust", "root.pem"];
    for policy in &acceptable {
        words.extend(["--policy", policy]);
    }
    for (is, word) in [
        (asked.explicit, "--require-explicit-policy"),
        (asked.inhibit_mapping, "--inhibit-policy-mapping"),
        (asked.inhibit_any, "--inhibit-any-policy"),
    ] {
        words.extend(is.then_some(word));
    }
    test.run(words)
}

fn extend(params: &mut CertificateParams, issued: &Issued) {
    let mut add = |id: u64, value: Vec<u8>| {
        params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, id], value));
    };
    let oid = |policy: Policy| match policy {
        ANY => der::tlv(tag::OID, &[0x55, 0x1d, 0x20, 0]),
        policy => der::tlv(tag::OID, &[0x2a, 3, 4, policy]),
    };
    let list = |items: Vec<Vec<u8>>| der::sequence(&[&items.concat()]);
    if let Some(policies) = &issued.policies {
        add(32, list(policies.iter().map(|policy| der::sequence(&[&oid(*policy)])).collect()));
    }
    if !issued.mappings.is_empty() {
        add(33, list(issued.mappings.iter().map(|(from, to)| der::sequence(&[&oid(*from), &oid(*to)])).collect()));
    }
    let skip = |n: u8, certs: Option<u8>| certs.map(|certs| der::tlv(tag::context_primitive(n), &[certs]));
    let constraints: Vec<Vec<u8>> =
        [skip(0, issued.require_explicit), skip(1, issued.inhibit_mapping)].into_iter().flatten().collect();
    if !constraints.is_empty() {
        add(36, list(constraints));
    }
    if let Some(certs) = issued.inhibit_any {
        add(54, der::tlv(tag::INTEGER, &[certs]));
    }
}

/// One node of the tree (section 6.1.2 (a)).
#[derive(Clone, Debug)]
struct Node {
    depth: usize,
    valid: Policy,
    expected: Vec<Policy>,
    parent: usize,
    gone: bool,
}

struct Tree(Vec<Node>);

impl Tree {
    fn at(&self, depth: usize) -> Vec<usize> {
        (0..self.0.len()).filter(|n| self.0[*n].depth == depth && !self.0[*n].gone).collect()
    }

    fn add(&mut self, parent: usize, valid: Policy, expected: Vec<Policy>) {
        let depth = self.0[parent].depth + 1;
        self.0.push(Node { depth, valid, expected, parent, gone: false });
    }

    fn has_child(&self, node: usize, valid: Option<Policy>) -> bool {
        self.0.iter().skip(1).any(|n| n.parent == node && !n.gone && valid.is_none_or(|valid| n.valid == valid))
    }

    /// Without what has no children, above this depth; then without what hangs below nothing.
    fn prune(&mut self, depth: usize) {
        for above in (0..depth).rev() {
            for node in self.at(above) {
                self.0[node].gone = !self.has_child(node, None);
            }
        }
        for n in 1..self.0.len() {
            self.0[n].gone |= self.0[self.0[n].parent].gone;
        }
    }

    fn is_null(&self) -> bool {
        self.0[0].gone
    }
}

/// Sections 6.1.2 to 6.1.5, as far as they are about policies.
fn by_the_letter(path: &[Issued], asked: &Asked) -> bool {
    let last = path.len();
    let unless = |now: bool| if now { 0 } else { last + 1 };
    let (mut explicit, mut mapping, mut any) =
        (unless(asked.explicit), unless(asked.inhibit_mapping), unless(asked.inhibit_any));
    let mut tree = Tree(vec![Node { depth: 0, valid: ANY, expected: vec![ANY], parent: 0, gone: false }]);
    for (i, cert) in (1..).zip(path) {
        match &cert.policies {
            Some(policies) => descend(&mut tree, i, policies, any > 0 || (i < last && cert.self_issued)),
            None => tree.0[0].gone = true,
        }
        if explicit == 0 && tree.is_null() {
            return false;
        }
        if i == last {
            explicit = explicit.saturating_sub(1);
            explicit = if cert.require_explicit == Some(0) { 0 } else { explicit };
            break;
        }
        map(&mut tree, i, &cert.mappings, mapping > 0);
        for (counter, limit) in
            [(&mut explicit, cert.require_explicit), (&mut mapping, cert.inhibit_mapping), (&mut any, cert.inhibit_any)]
        {
            *counter = counter.saturating_sub(usize::from(!cert.self_issued));
            *counter = limit.map_or(*counter, |limit| (*counter).min(limit.into()));
        }
    }
    intersect(&mut tree, last, &asked.acceptable);
    explicit > 0 || !tree.is_null()
}

/// 6.1.3 (d).
fn descend(tree: &mut Tree, i: usize, policies: &[Policy], any_counts: bool) {
    if tree.is_null() {
        return;
    }
    let above = tree.at(i - 1);
    for policy in policies.iter().filter(|policy| **policy != ANY) {
        let mut parents: Vec<usize> = above.iter().copied().filter(|n| tree.0[*n].expected.contains(policy)).collect();
        if parents.is_empty() {
            parents = above.iter().copied().filter(|n| tree.0[*n].valid == ANY).collect();
        }
        parents.into_iter().for_each(|parent| tree.add(parent, *policy, vec![*policy]));
    }
    if policies.contains(&ANY) && any_counts {
        for node in above {
            for policy in tree.0[node].expected.clone() {
                if !tree.has_child(node, Some(policy)) {
                    tree.add(node, policy, vec![policy]);
                }
            }
        }
    }
    tree.prune(i);
}

/// 6.1.4 (b).
fn map(tree: &mut Tree, i: usize, mappings: &[(Policy, Policy)], allowed: bool) {
    if tree.is_null() {
        return;
    }
    for from in 1..4 {
        let to: Vec<Policy> = mappings.iter().filter(|(f, _)| *f == from).map(|(_, to)| *to).collect();
        if to.is_empty() {
            continue;
        }
        let named: Vec<usize> = tree.at(i).into_iter().filter(|n| tree.0[*n].valid == from).collect();
        let any = tree.at(i).into_iter().find(|n| tree.0[*n].valid == ANY);
        match (allowed, any) {
            (false, _) => named.into_iter().for_each(|n| tree.0[n].gone = true),
            (true, Some(any)) if named.is_empty() => tree.add(tree.0[any].parent, from, to),
            (true, _) => named.into_iter().for_each(|n| tree.0[n].expected = to.clone()),
        }
    }
    tree.prune(i);
}

/// 6.1.5 (g) (iii).
fn intersect(tree: &mut Tree, last: usize, acceptable: &[Policy]) {
    if tree.is_null() || acceptable.is_empty() {
        return;
    }
    let below_any: Vec<usize> =
        (1..tree.0.len()).filter(|n| !tree.0[*n].gone && tree.0[tree.0[*n].parent].valid == ANY).collect();
    for node in &below_any {
        let valid = tree.0[*node].valid;
        tree.0[*node].gone = valid != ANY && !acceptable.contains(&valid);
    }
    for n in 1..tree.0.len() {
        tree.0[n].gone |= tree.0[tree.0[n].parent].gone;
    }
    if let Some(any) = tree.at(last).into_iter().find(|n| tree.0[*n].valid == ANY) {
        let known: Vec<Policy> = below_any.iter().map(|n| tree.0[*n].valid).collect();
        for policy in acceptable.iter().filter(|policy| !known.contains(policy)) {
            tree.add(tree.0[any].parent, *policy, vec![*policy]);
        }
        tree.0[any].gone = true;
    }
    tree.prune(last);
}
