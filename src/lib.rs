//! pkit: certificates, keys, chains and CRLs for the people who run TLS servers.
//!
//! ```text
//!    typed words                                                          words, JSON, exit code
//!         |                                                                        ^
//!   +-----v------+       +-------------------------------------------+       +-----+------+
//!   |    cli     |------>|                  commands                 |------>|   report   |
//!   |  (clap)    |       |  one file per verb: gather, decide, plan  |       | human json |
//!   +------------+       +----+-----------------+---------------+----+       +------------+
//!                             |                 |               |
//!                gather (reads)           decide (pure)     act (writes)
//!                      +------v------+   +------v-------+   +---v----------+
//!                      | files  read |   | pki, primes  |   | plan         |
//!                      | system ask  |   | checks judge |   | files  write |
//!                      | probe  fetch|   | servers spell|   +---+----------+
//!                      +------+------+   +------+-------+       |
//!                      +------v-----------------v---------------v-----------------------+
//!                      | material facts settings content change finding error exit name |
//!                      +----------------------------------------------------------------+
//! ```
//!
//! Read downward: a box may use the boxes under it, never one beside or above it; `checks` may use `pki`, and `servers` and
//! `checks` meet only at `settings` and `finding`. The clock is read once, in `main`. Only `files` touches the disk, only
//! `system` starts a program, only `probe` touches the network; `process` is about signals and core files. `tests/architecture.rs`
//! keeps these arrows.

#![deny(clippy::print_stdout, clippy::print_stderr, clippy::exit, clippy::disallowed_methods)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable))]

pub mod change;
pub mod checks;
pub mod cli;
pub mod commands;
pub mod content;
pub mod crypto;
pub mod error;
pub mod exit;
pub mod facts;
pub mod files;
pub mod finding;
pub mod instant;
pub mod material;
pub mod name;
pub mod order;
pub mod pki;
pub mod plan;
pub mod primes;
pub mod probe;
pub mod process;
pub mod report;
pub mod servers;
pub mod settings;
pub mod system;
pub mod threads;
