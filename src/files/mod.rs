//! The only code that touches the disk: `read` what was named, `facts` about it, the system's `trust` store, `users` by number,
//! the one `write`r, the `link`s and the sets of `versions`. It has no opinions about what it reads and never prints.

mod acl;
pub mod facts;
pub mod glob;
pub mod interrupt;
pub mod link;
pub mod read;
mod temporary;
pub mod trust;
pub mod users;
pub mod versions;
pub mod write;
