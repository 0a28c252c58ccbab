//! Who issued whom in a pile, all of it, for a picture: the certificates of a file, the trust anchors above them, and the gaps.
//! A link is a name and a signature that fit; whether a path is valid is for `verify`, and which one to use for `select`.

use super::chain::Found;
use crate::material::cert::Cert;

/// Certificates and who issued them.
#[derive(Debug, Default)]
pub struct Graph<'a> {
    /// The certificates of the pile in their order, then what was added to them.
    pub nodes: Vec<Node<'a>>,
    /// Issuer and issued, by their places among the nodes.
    pub links: Vec<(usize, usize)>,
}

/// A place in the picture.
#[derive(Clone, Copy, Debug)]
pub enum Node<'a> {
    /// A certificate of the pile.
    Given(Found<'a>),
    /// A trust anchor that is not in the pile.
    Store(&'a Cert),
    /// The issuer of this certificate, which nobody has.
    Missing(&'a Cert),
}

impl<'a> Node<'a> {
    /// The certificate, where there is one.
    pub fn cert(self) -> Option<&'a Cert> {
        match self {
            Node::Given(found) => Some(found.cert),
            Node::Store(cert) => Some(cert),
            Node::Missing(_) => None,
        }
    }
}

impl<'a> Graph<'a> {
    /// Links every certificate with all that may have issued it. Each pair of fitting names costs a signature check, so the
    /// caller bounds the pile.
    pub fn new(pile: &[Found<'a>], anchors: &'a [Cert]) -> Graph<'a> {
        let mut graph = Graph { nodes: pile.iter().copied().map(Node::Given).collect(), links: Vec::new() };
        for (place, found) in pile.iter().enumerate() {
            if !found.cert.issued_by(found.cert) {
                graph.link(place, found.cert, pile, anchors);
            }
        }
        graph
    }

    fn link(&mut self, place: usize, cert: &'a Cert, pile: &[Found<'a>], anchors: &'a [Cert]) {
        let given = pile.iter().enumerate().filter(|(_, found)| cert.issued_by(found.cert));
        let mut issuers: Vec<usize> = given.map(|(at, _)| at).collect();
        let stored = anchors.iter().filter(|a| !pile.iter().any(|f| f.cert == *a) && cert.issued_by(a));
        issuers.extend(stored.map(|anchor| self.place(Node::Store(anchor))));
        if issuers.is_empty() {
            issuers.push(self.place(Node::Missing(cert)));
        }
        self.links.extend(issuers.into_iter().map(|issuer| (issuer, place)));
    }

    /// Where a node stands; it is added if it is not there. Two certificates lack the same issuer if they name it alike.
    fn place(&mut self, node: Node<'a>) -> usize {
        let is = |known: &Node<'_>| match (known, &node) {
            (Node::Missing(a), Node::Missing(b)) => {
                a.issuer == b.issuer && a.extensions.authority_key_id == b.extensions.authority_key_id
            }
            (Node::Store(a), Node::Store(b)) => a == b,
            _ => false,
        };
        self.nodes.iter().position(is).unwrap_or_else(|| {
            self.nodes.push(node);
            self.nodes.len() - 1
        })
    }
}
