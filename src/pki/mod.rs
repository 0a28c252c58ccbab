//! Makes and joins things, without disk, clock or network: keys, chains out of piles, and the proof that a chain stands.

pub mod bundle;
pub mod chain;
pub mod graph;
pub mod keygen;
pub mod revocation;
pub mod select;
pub mod store;
pub mod verify;
