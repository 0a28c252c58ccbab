//! Real daemons, each started for one test on high ports of 127.0.0.1, in the test's scratch directory, with the TLS settings
//! that the test gives it; and clients that shake hands with them. Nothing of the system's own set-up is touched, and nothing
//! is left running or mounted when the test ends, however it ends.
//!
//! Run one as root: `cargo test servers::postfix`. A test that fails prints the daemon's log. Without root, or where the
//! program is not installed, a test says so and passes, unless `PKIT_REQUIRE_PEERS=1`. `tests/run` installs them all.
//!
//! In a test:
//!
//! ```text
//! let Some(dovecot) = Dovecot::start(Release::V2_3, &test, "ssl_cert = </...\nssl_key = </...\n") else { return };
//! Client::trusting(&root).handshake(dovecot.imaps).verifies();
//! ```

mod client;
mod daemon;
pub mod dovecot;
mod pki;
mod ports;
pub mod postfix;
pub mod slapd;

pub use client::Client;
pub use pki::Pki;
