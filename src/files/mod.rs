//! The only code that touches the disk: `read` what was named, `facts` about it, the system's `trust` store, `users` by number,
//! the one `write`r, the `link`s, the sets of `versions`, whole directories, and files that only grow under a `lock`. It has no opinions about what it reads and never prints.

mod acl;
pub mod append;
pub mod directory;
pub mod facts;
pub mod glob;
pub mod interrupt;
pub mod link;
pub mod lock;
pub mod open;
pub mod passphrase;
pub mod read;
pub mod rights;
pub mod spool;
mod temporary;
pub mod trust;
pub mod users;
pub mod versions;
pub mod walk;
mod way;
pub mod write;
