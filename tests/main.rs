//! All tests that use pkit from outside: files in, a command, bytes out, an exit code.

#![allow(unreachable_pub, reason = "nothing outside uses a test program")]
#![allow(clippy::disallowed_methods, reason = "tests lay out files and start programs as a user does")]

mod architecture;
mod chain;
mod common;
mod crl;
mod dhparam;
mod emit;
mod explain;
mod key;
mod perms;
mod readme;
mod servers;
mod writer;
