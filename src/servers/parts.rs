//! How a server tells apart what holds for the whole of it and what holds for one protocol, address or name: two functions, each
//! the other's inverse, between a `Scope` and the blocks of its configuration.

use super::build::Build;
use super::syntax::Statement;
use super::table::BLOCK;
use crate::settings::Scope;

/// The two directions.
pub struct Parts {
    /// Does a part take over what is said of the whole? If not, it is told everything again.
    pub inherits: bool,
    /// The name of a row, with the blocks in which it is said for this scope. None where there is no such block.
    pub spell: fn(scope: &Scope, name: &str, build: Build) -> Option<String>,
    /// What part each statement speaks of, and the name of its row. It sees them all, because some programs count: Apache's
    /// first virtual host serves whoever asks for no name.
    pub find: for<'a> fn(statements: &'a [&'a Statement]) -> Found<'a>,
}

/// For each statement in turn its part, and the name of its row: one at a time where it can be, for a thousand hosts have many.
pub(super) type Found<'a> = Box<dyn Iterator<Item = (Scope, String)> + 'a>;

impl Parts {
    /// Does what is said of the whole under this name hold for its parts, too? What stands in a block of its own does always.
    pub(super) fn share(&self, name: &str) -> bool {
        self.inherits || name.contains(BLOCK)
    }
}

/// A server that cannot tell parts apart.
pub(super) static NONE: Parts = Parts {
    inherits: true,
    spell: |scope, name, _| (*scope == Scope::default()).then(|| name.to_owned()),
    find: |statements| Box::new(statements.iter().map(|s| (Scope::default(), in_blocks(&s.scope, &s.name)))),
};

/// The name of a row that stands in these blocks.
pub(super) fn in_blocks<T: AsRef<str>>(blocks: &[T], name: &str) -> String {
    let mut whole =
        String::with_capacity(name.len() + blocks.iter().map(|b| b.as_ref().len() + BLOCK.len()).sum::<usize>());
    for block in blocks {
        whole.push_str(block.as_ref());
        whole.push_str(BLOCK);
    }
    whole + name
}
