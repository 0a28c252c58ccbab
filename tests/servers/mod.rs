//! Real daemons, each started for one test on high ports of 127.0.0.1, in the test's scratch directory, with the TLS settings
//! that the test gives it; and clients that shake hands with them. Nothing of the system's own set-up is touched, and nothing
//! is left running or mounted when the test ends, however it ends.
//!
//! Run one as root: `cargo test servers::postfix`. A test that fails prints the daemon's log. Without root, or where the
//! program is not installed, a test says so and passes, unless `PKIT_REQUIRE_PEERS=1`. `tests/run` installs them all.
//!
//! | | `System::Bookworm` (this machine) | `System::Trixie` (a chroot) |
//! |---|---|---|
//! | `Dovecot` | 2.3.19 | 2.4.1 |
//! | `Postfix` | 3.7.11 | 3.10 |
//! | `Slapd` | 2.5.13, GnuTLS | 2.6.10, OpenSSL |
//! | `Apache` | 2.4 | 2.4 |
//! | `Nginx` | 1.22.1 | 1.26.3 |
//! | `Courier` | 5.0.13, GnuTLS (in a chroot of its own, `System::Courier`) | |
//! | `Exim` | 4.96, GnuTLS (in the same chroot) | |
//!
//! In a test:
//!
//! ```text
//! let Some(dovecot) = Dovecot::start(System::Bookworm, &test, "ssl_cert = </...\nssl_key = </...\n") else { return };
//! Client::trusting(&root).handshake(dovecot.imaps).verifies();
//! Client::trusting(&root).starttls("imap").handshake(dovecot.imap).verifies();
//! ```
//!
//! `attempt` in place of `start` takes settings that the daemon may not like, and hands out what it said then. The text is what
//! stands in the server's own file for it: `conf.d/10-ssl.conf`, the end of `main.cf`, virtual hosts (with `*:80` and `*:443`,
//! for nginx `listen 80` and `listen 443`, which become free ports), `imapd-ssl`, the main section of `exim.conf`; slapd takes LDIF by `modify` once it runs, or a `slapd.conf` by `attempt_conf`. The
//! whole configuration then lies in the scratch directory, in a folder with the server's name. A key that a daemon's own user
//! opens is given to it with `Slapd::owns`, `Courier::owns` or `Exim::owns`. `System::run` runs any program where the daemon is, such as
//! `doveconf` 2.4; `Client::curl` logs in as a user does. `peer::PEERS` has all of them as data, for what is done with each.

pub mod apache;
mod client;
pub mod courier;
mod daemon;
pub mod dovecot;
mod emitted;
pub mod exim;
mod mutants;
mod mutated;
pub mod nginx;
mod peer;
mod pki;
mod ports;
pub mod postfix;
mod probed;
mod renewal;
mod rights;
pub mod slapd;
mod system;

pub use client::Client;
pub use pki::Pki;
pub use ports::free as free_ports;
pub use system::System;
