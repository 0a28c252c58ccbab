//! All tests that use pkit from outside: files in, a command, bytes out, an exit code.

#![allow(clippy::disallowed_methods, reason = "tests lay out files and start programs as a user does")]

mod architecture;
mod common;
mod explain;
mod perms;
mod writer;
