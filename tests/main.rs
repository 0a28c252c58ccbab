//! All tests that use pkit from outside: files in, a command, bytes out, an exit code.

#![allow(unreachable_pub, reason = "nothing outside uses a test program")]
#![allow(clippy::disallowed_methods, reason = "tests lay out files and start programs as a user does")]

mod architecture;
mod bundle;
mod ca;
mod cert;
mod chain;
mod chain_check;
mod chain_show;
mod cli;
mod common;
mod crl;
mod csr;
mod data_suites;
mod dhparam;
mod differential;
mod emit;
mod explain;
mod fetch;
mod hostile;
mod key;
mod lint;
mod packaging;
mod perms;
mod pkcs12;
mod prepare;
mod primes;
mod probe;
mod readme;
mod renew;
mod renew_check;
mod servers;
mod writer;
