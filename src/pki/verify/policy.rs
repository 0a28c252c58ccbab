//! Certificate policies along a path (RFC 5280 section 6.1, steps (d) to (f) and their preparation). The valid policies are kept
//! as the graph of RFC 9618 rather than as the tree of RFC 5280, which a hostile path makes grow exponentially; the answer is
//! the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::material::cert::Cert;
use crate::material::ext::{ANY_POLICY, Policies};

/// What the user asks of policies (RFC 5280 section 6.1.1 (c), (e) to (g)). The default asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct PolicyWishes {
    /// Policies that are acceptable, as dotted object identifiers; none means any.
    pub acceptable: Vec<String>,
    /// One of them must be valid for the path.
    pub require_explicit: bool,
    /// Policies must not be mapped.
    pub inhibit_mapping: bool,
    /// anyPolicy means nothing.
    pub inhibit_any: bool,
}

/// Where the policies of a path fail, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PolicyFault {
    /// 0 is the end-entity.
    pub(super) depth: usize,
    /// The reason.
    pub(super) why: String,
}

/// Processes a path, end-entity first and without its anchor.
pub(super) fn check(path: &[&Cert], wishes: &PolicyWishes) -> Result<(), PolicyFault> {
    let mut state = State::new(path.len(), wishes);
    for (depth, cert) in path.iter().enumerate().rev() {
        state.take(cert, depth).map_err(|why| PolicyFault { depth, why })?;
    }
    state.end(path.first().copied(), wishes).map_err(|why| PolicyFault { depth: 0, why })
}

struct State {
    /// One level for each certificate so far, below the level of the anchor; `None` where no policy is valid any more.
    graph: Option<Vec<Level>>,
    explicit: u32,
    mapping: u32,
    any: u32,
}

/// Policies valid at one certificate.
type Level = BTreeMap<String, Node>;

#[derive(Default)]
struct Node {
    /// What the next certificate may call it.
    expected: BTreeSet<String>,
    /// Policies of the level above that it follows from.
    parents: BTreeSet<String>,
}

impl Node {
    fn of(policy: &str, parents: BTreeSet<String>) -> Node {
        Node { expected: BTreeSet::from([policy.to_owned()]), parents }
    }
}

impl State {
    /// 6.1.2 (a), (d) to (f).
    fn new(length: usize, wishes: &PolicyWishes) -> State {
        let unless = |now: bool| if now { 0 } else { u32::try_from(length + 1).unwrap_or(u32::MAX) };
        State {
            graph: Some(vec![Level::from([(ANY_POLICY.to_owned(), Node::of(ANY_POLICY, BTreeSet::new()))])]),
            explicit: unless(wishes.require_explicit),
            mapping: unless(wishes.inhibit_mapping),
            any: unless(wishes.inhibit_any),
        }
    }

    fn take(&mut self, cert: &Cert, depth: usize) -> Result<(), String> {
        let policies = &cert.extensions.policies;
        let any_counts = self.any > 0 || (depth > 0 && cert.is_self_issued());
        self.graph = match (self.graph.take(), &policies.issued_under) {
            (Some(graph), Some(named)) => descend(graph, named, any_counts),
            _ => None,
        };
        if self.explicit == 0 && self.graph.is_none() {
            return Err("a valid policy is required, and none is left here".into());
        }
        if depth > 0 {
            self.map(policies)?;
            self.count_down(cert, policies);
        }
        Ok(())
    }

    /// 6.1.4 (a) and (b).
    fn map(&mut self, policies: &Policies) -> Result<(), String> {
        if policies.mappings.iter().any(|(from, to)| from == ANY_POLICY || to == ANY_POLICY) {
            return Err("it maps anyPolicy, which must not be mapped".into());
        }
        let mut mapped: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in &policies.mappings {
            mapped.entry(from).or_default().insert(to.clone());
        }
        let Some(level) = self.graph.as_mut().and_then(|graph| graph.last_mut()) else { return Ok(()) };
        let any_parents = level.get(ANY_POLICY).map(|any| any.parents.clone());
        for (from, to) in mapped {
            if self.mapping == 0 {
                level.remove(from);
            } else if let Some(node) = level.get_mut(from) {
                node.expected = to;
            } else if let Some(parents) = &any_parents {
                level.insert(from.to_owned(), Node { expected: to, parents: parents.clone() });
            }
        }
        self.graph = self.graph.take().and_then(pruned);
        Ok(())
    }

    /// 6.1.4 (h) to (j).
    fn count_down(&mut self, cert: &Cert, policies: &Policies) {
        for (counter, limit) in [
            (&mut self.explicit, policies.require_explicit),
            (&mut self.mapping, policies.inhibit_mapping),
            (&mut self.any, policies.inhibit_any),
        ] {
            if !cert.is_self_issued() {
                *counter = counter.saturating_sub(1);
            }
            *counter = (*counter).min(limit.unwrap_or(u32::MAX));
        }
    }

    /// 6.1.5 (a), (b), (g).
    fn end(self, leaf: Option<&Cert>, wishes: &PolicyWishes) -> Result<(), String> {
        let required = leaf.and_then(|c| c.extensions.policies.require_explicit);
        if self.explicit > 1 && required != Some(0) {
            return Ok(());
        }
        let Some(graph) = self.graph else { return Err("a valid policy is required, and none is left".into()) };
        let reached = graph.last().is_some_and(|level| level.contains_key(ANY_POLICY));
        let accepted = |policy: &String| wishes.acceptable.is_empty() || wishes.acceptable.contains(policy);
        // Where a policy hangs below anyPolicy it has the name that the anchor's domain gives it.
        let own = graph.iter().skip(1).flatten().filter(|(_, node)| node.parents.contains(ANY_POLICY));
        let own: Vec<&String> = own.map(|(policy, _)| policy).filter(|policy| *policy != ANY_POLICY).collect();
        if reached || own.iter().any(|policy| accepted(policy)) {
            return Ok(());
        }
        let own: Vec<&str> = own.iter().map(|policy| policy.as_str()).collect();
        Err(format!("valid is {}, acceptable is {}", own.join(", "), wishes.acceptable.join(", ")))
    }
}

/// 6.1.3 (d): the level of the next certificate.
fn descend(mut graph: Vec<Level>, named: &[String], any_counts: bool) -> Option<Vec<Level>> {
    let above = graph.last()?;
    let mut expecting: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (policy, node) in above {
        for expected in &node.expected {
            expecting.entry(expected).or_default().insert(policy.clone());
        }
    }
    let any = above.contains_key(ANY_POLICY).then(|| BTreeSet::from([ANY_POLICY.to_owned()]));
    let mut level = Level::new();
    for policy in named.iter().filter(|p| *p != ANY_POLICY) {
        if let Some(parents) = expecting.get(policy.as_str()).or(any.as_ref()) {
            level.insert(policy.clone(), Node::of(policy, parents.clone()));
        }
    }
    if any_counts && named.iter().any(|p| p == ANY_POLICY) {
        for (policy, parents) in expecting {
            level.entry(policy.to_owned()).or_insert_with(|| Node::of(policy, parents));
        }
    }
    graph.push(level);
    pruned(graph)
}

/// Without what leads nowhere.
fn pruned(mut graph: Vec<Level>) -> Option<Vec<Level>> {
    for n in (1..graph.len()).rev() {
        let needed: BTreeSet<String> = graph[n].values().flat_map(|node| node.parents.iter().cloned()).collect();
        graph[n - 1].retain(|policy, _| needed.contains(policy));
    }
    graph.first().is_some_and(|top| !top.is_empty()).then_some(graph)
}
