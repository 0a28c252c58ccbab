//! The judges: facts and material in, findings out. Nothing here looks at the disk, the clock or the network.

pub mod perms;
