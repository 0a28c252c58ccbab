//! Makes and joins things, without disk, clock or network: keys, chains out of piles, and the proof that a chain stands.

pub mod bundle;
pub mod chain;
mod constraints;
pub mod keygen;
pub mod select;
pub mod store;
pub mod verify;
