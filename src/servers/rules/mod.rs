//! What belongs to one server only: mistakes in its own words that its own checker passes or tells badly, each tried on the real
//! server or taken from its manual. What is the same for all servers is judged from the settings, in `checks`.

pub mod apache;
pub mod courier;
mod customs;
pub mod dovecot;
pub mod exim;
pub mod haproxy;
pub mod nginx;
pub mod openldap;
pub mod postfix;
mod postfix_names;
pub mod priority;

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use super::build::Build;
use super::{Placed, Server};
use crate::finding::{Finding, Rule};

/// What a configuration says, looked up by name.
pub struct Said<'a> {
    /// The program that reads it.
    pub build: Build,
    /// Is it all that the program is told? A part may leave out what stands elsewhere.
    pub whole: bool,
    /// Everything, in its order.
    pub statements: &'a [Placed<'a>],
    by_name: HashMap<AnyCase<'a>, Vec<Placed<'a>>>,
    /// The last of each name in each block: a thousand virtual hosts are looked through for one of theirs.
    by_block: HashMap<Block<'a>, HashMap<AnyCase<'a>, Placed<'a>>>,
}

/// A name, whatever the case of its letters.
#[derive(Clone, Copy)]
struct AnyCase<'a>(&'a str);

impl PartialEq for AnyCase<'_> {
    fn eq(&self, other: &AnyCase<'_>) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for AnyCase<'_> {}

impl Hash for AnyCase<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for part in self.0.as_bytes().chunks(PART) {
            let mut small = [0; PART];
            let small = &mut small[..part.len()];
            small.copy_from_slice(part);
            small.make_ascii_lowercase();
            state.write(small);
        }
    }
}

/// Longer than almost every name.
const PART: usize = 32;

/// The heads of a block and of those around it, and its number where blocks with the same heads are told apart.
type Block<'a> = (&'a [String], usize);

impl<'a> Said<'a> {
    /// Sorts the statements by name.
    pub fn new(statements: &'a [Placed<'a>], build: Build, whole: bool) -> Said<'a> {
        let named = |placed: &Placed<'a>| (AnyCase(&placed.statement.name), *placed);
        let mut by_name: HashMap<AnyCase<'a>, Vec<Placed<'a>>> = HashMap::new();
        let mut by_block: HashMap<Block<'a>, HashMap<AnyCase<'a>, Placed<'a>>> = HashMap::new();
        for block in statements.chunk_by(|a, b| a.block() == b.block()) {
            by_block.entry(block[0].block()).or_default().extend(block.iter().map(named));
            for (name, placed) in block.iter().map(named) {
                by_name.entry(name).or_default().push(placed);
            }
        }
        Said { build, whole, statements, by_name, by_block }
    }

    /// All statements of this name, in whatever block.
    fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = Placed<'a>> + use<'s, 'a> {
        self.by_name.get(&AnyCase(name)).into_iter().flatten().copied()
    }

    /// The one that counts for the whole server: the last.
    fn last(&self, name: &str) -> Option<Placed<'a>> {
        self.within((&[], 0), name)
    }

    /// The one that counts in the same block, else for the whole server.
    fn near(&self, placed: Placed<'a>, name: &str) -> Option<Placed<'a>> {
        self.within(placed.block(), name).or_else(|| self.last(name))
    }

    fn within(&self, block: Block<'a>, name: &str) -> Option<Placed<'a>> {
        self.by_block.get(&block)?.get(&AnyCase(name)).copied()
    }

    /// Its value, where it is known.
    fn value(&self, name: &str) -> Option<&'a str> {
        self.last(name)?.value()
    }

    /// Is it said for the whole server in one of these words?
    fn says(&self, name: &str, words: &[&str]) -> bool {
        self.value(name).is_some_and(|value| words.iter().any(|word| value.eq_ignore_ascii_case(word)))
    }

    /// All statements of any of these names.
    fn any_of(&self, names: &'a [&'a str]) -> impl Iterator<Item = Placed<'a>> {
        names.iter().flat_map(|name| self.all(name))
    }
}

/// Blocks of which a configuration has many with the same head.
const HOSTS: [&str; 3] = ["VirtualHost", "server", "bind"];

impl<'a> Placed<'a> {
    /// The value, where it is known.
    fn value(&self) -> Option<&'a str> {
        self.statement.known()
    }

    /// Which block: blocks with the same head are one, unless the grammar tells them apart by where they begin.
    fn block(&self) -> Block<'a> {
        let word = |head: &'a String| head.split(' ').next().unwrap_or_default();
        let is_host = |head| HOSTS.iter().any(|host| host.eq_ignore_ascii_case(word(head)));
        let apart = self.statement.scope.iter().any(is_host);
        (&self.statement.scope, if apart { self.statement.block } else { 0 })
    }

    /// A rule, seen here.
    fn breaks(&self, rule: &'static Rule, message: impl Into<String>) -> Finding {
        rule.at(self.place(), message)
    }
}

impl Server {
    /// What is wrong in this server's own words.
    pub fn judge(&self, said: &Said<'_>) -> Vec<Finding> {
        let mut found = match self.name {
            "dovecot" => dovecot::judge(said),
            "postfix" => postfix::judge(said),
            "openldap" => openldap::judge(said),
            "apache" => apache::judge(said),
            "courier" => courier::judge(said),
            "exim" => exim::judge(said),
            "nginx" => nginx::judge(said),
            "haproxy" => haproxy::judge(said),
            _ => Vec::new(),
        };
        found.extend(self.foreign(said, &found));
        found
    }
}
