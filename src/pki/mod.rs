//! Makes and joins things: keys here. Pure but for randomness; nothing is read, written or judged.

pub mod keygen;
