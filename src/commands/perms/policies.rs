//! Which policy is meant: one that comes with pkit, or a file.

use std::path::Path;

use crate::checks::perms::policy::{Policy, SHIPPED};
use crate::error::{Error, Result};
use crate::files::read;
use crate::finding::rules;

/// The policy of this name, or in this file. A file of the same name is meant where the name has a directory: `./debian`.
pub(super) fn named(name: &Path) -> Result<Policy> {
    let not_understood =
        |why: String| Error::input(&POLICY_NOT_UNDERSTOOD, format!("the policy {}: {why}", name.display())).path(name);
    match SHIPPED.iter().find(|(known, _)| name.as_os_str() == *known) {
        Some((_, text)) => Policy::parse(text).map_err(not_understood),
        None => {
            let input = read::file(name)?;
            Policy::parse(&String::from_utf8_lossy(&input.bytes)).map_err(not_understood)
        }
    }
}

rules! {
    /// Not a policy.
    POLICY_NOT_UNDERSTOOD = Error "policy-not-understood" {
        summary: "a policy for modes and owners cannot be read",
        help: "`pkit perms check --help` shows one; its parts may be left out",
        source: "pkit's own form, in TOML 1.0",
    }
}
