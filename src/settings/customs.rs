//! What a server makes of the files that its settings name, where servers differ: told by `servers`, judged by in `checks`.

use std::path::{Path, PathBuf};

/// A server's customs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Customs {
    /// What becomes of the CRLs of those who issue to clients.
    pub revocation: Revocation,
    /// Is what is missing in its own chain looked for in the CA file for clients?
    pub completes_chain: bool,
    /// May the key stand in the certificate's file, without being named?
    pub key_in_certificate: bool,
    /// Where the key may lie besides, as what its file's name has behind the certificate's.
    pub key_beside: Option<&'static str>,
    /// Must the key be the first thing in the file that holds both?
    pub key_first: bool,
    /// Can the key be encrypted?
    pub key_password: bool,
    /// Is a password a line of its file, so that the end of the line is no part of it?
    pub password_by_line: bool,
    /// Does it do without its Diffie-Hellman parameters where the file is missing?
    pub dh_may_be_missing: bool,
    /// How many certificates may stand above a client's own where nothing is said.
    pub verify_depth: Option<u32>,
    /// Is the root left out when these are counted?
    pub depth_without_root: bool,
    /// The user who opens the key, where that is not root.
    pub key_reader: Option<&'static str>,
}

impl Customs {
    /// Where the key of a certificate's file may lie besides.
    pub fn beside(&self, file: &Path) -> Option<PathBuf> {
        let ending = self.key_beside?;
        let mut path = file.as_os_str().to_owned();
        path.push(ending);
        Some(path.into())
    }
}

/// What a server makes of CRLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// It never looks at any.
    Never,
    /// In the CA file: each CA of a chain, the root too, must have one.
    Every,
    /// Only as the settings say, from a file of its own; without a list, or with an old one, nobody comes in.
    Told,
    /// The same, but without a list, or with an old one, everybody comes in.
    Open,
}
