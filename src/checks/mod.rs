//! The judges: parsed values in, findings out. They know no server, look at no file and never print.

pub mod admission;
pub mod bundle;
pub mod cert;
pub mod chain;
pub mod crl;
pub mod deployment;
pub mod dh;
pub mod due;
pub mod key;
pub mod peer;
pub mod perms;
pub mod renewal;
pub mod request;
pub mod revocation;
pub mod settings;
pub mod ssl_parameters;
pub mod stapled;
pub mod weak;
