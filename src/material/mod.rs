//! What files hold: keys, certificates, requests, CRLs and DH parameters, each with its origin. Parsing says what a thing is and
//! what is odd about its form; whether it is good is for `checks`.

pub mod der;
pub mod dh;
pub mod key;
