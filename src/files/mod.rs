//! The only code that touches the disk: `read` what was named, `facts` about it, the system's `trust` store, `users` by number,
//! and the one `write`r. It has no opinions about what it reads and never prints.

pub mod read;
pub mod trust;
pub mod users;
pub mod write;
