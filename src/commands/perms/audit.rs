//! Gathers files with what they hold, and has each judged: what `check` and `fix` have in common.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use crate::checks::perms::{Directories, Judge, Reader, Role, Want};
use crate::commands::Context;
use crate::facts::FileFacts;
use crate::files::facts::{self, Tree};
use crate::files::read;
use crate::files::walk::{self, Found};
use crate::finding::{Finding, Location};
use crate::material::{self, Contents};
use crate::servers;

/// What is looked at, and by what it is judged.
pub(super) struct Audit {
    pub(super) paths: Vec<PathBuf>,
    pub(super) tree: Tree,
    pub(super) judge: Judge,
    /// Who opens all of the files.
    pub(super) readers: Vec<Reader>,
    /// Who opens which file, by where that really is.
    pub(super) of_file: BTreeMap<PathBuf, Vec<Reader>>,
    /// What could not even be found out.
    pub(super) skipped: Vec<Finding>,
    pub(super) context: Context,
}

/// What became of one path.
#[expect(clippy::large_enum_variant, reason = "nearly all are files, and none is kept")]
pub(super) enum Judged {
    File {
        facts: FileFacts,
        role: Role,
        want: Option<Want>,
        findings: Vec<Finding>,
        /// Why nobody knows what it holds.
        unread: Option<Finding>,
    },
    Skipped(Finding),
}

impl Audit {
    /// Judges every file, in order, until `each` breaks off. The directories on the way are left to be judged.
    pub(super) fn run(&self, each: &mut dyn FnMut(Judged) -> ControlFlow<()>) -> Directories {
        let mut directories = Directories::default();
        if self.skipped.iter().cloned().try_for_each(|finding| each(Judged::Skipped(finding))).is_break() {
            return directories;
        }
        let look = |facts: FileFacts, bytes: Result<&[u8], String>| self.judged(facts, bytes);
        walk::tree(&self.tree, &self.paths, &look, &mut |found| {
            each(match found {
                Found::File(judged) => {
                    if let Judged::File { facts, role, .. } = &judged {
                        directories.lead_to(facts, *role);
                    }
                    judged
                }
                Found::Skipped(finding) => Judged::Skipped(finding),
            })
        });
        directories
    }

    /// Where what was named really is.
    pub(super) fn roots(&self) -> Vec<PathBuf> {
        self.paths.iter().filter_map(|path| facts::real(&self.tree, path).ok()).collect()
    }

    /// Who opens this file, as far as that is known.
    pub(super) fn readers(&self, facts: &FileFacts) -> Vec<Reader> {
        let of_file = self.of_file.get(&facts.real).into_iter().flatten();
        self.readers.iter().chain(of_file).cloned().collect()
    }

    /// What a file holds decides what its mode should be. A file that cannot be read is judged by what can be seen.
    fn judged(&self, facts: FileFacts, bytes: Result<&[u8], String>) -> Judged {
        let (role, why) = match bytes.map(|bytes| (material::contents(bytes), bytes)) {
            Ok((Contents::Key, _)) => (Role::Key, None),
            Ok((Contents::Public, _)) => (Role::Public, None),
            Ok((Contents::Other, bytes)) if servers::holds_key_password(bytes) => (Role::Password, None),
            Ok((Contents::Other, _)) => (Role::Other, None),
            Ok((Contents::Sealed, _)) => {
                (Role::Unread, Some("an archive that cannot be looked into as a whole".to_owned()))
            }
            Err(why) => (Role::Unread, Some(why)),
        };
        let unread = why.map(|why| read::NOT_READ.at(Location::File(facts.path.clone()), why));
        let readers = self.readers(&facts);
        let findings = self.context.accepted(self.judge.file(&facts, role, &readers));
        Judged::File { want: self.judge.want(&facts, role, &readers), facts, role, findings, unread }
    }
}
