//! Makes and joins things, without disk, clock or network: keys, requests, certificates and CRLs, chains out of piles, and the
//! proof that a chain stands.

pub mod bundle;
pub mod chain;
pub mod graph;
pub mod issue;
pub mod keygen;
pub mod request;
pub mod revocation;
pub mod revoke;
pub mod select;
pub mod sign;
pub mod store;
pub mod verify;
