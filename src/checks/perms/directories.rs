//! Who could put another file in the place of a key or a certificate: each directory on the way is judged once, for all files to
//! which it leads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Role;
use super::file::granted;
use super::rules::{DIR_ACL_WRITABLE, DIR_GROUP_WRITABLE, DIR_OWNER, DIR_WRITABLE};
use crate::facts::{DirFacts, FileFacts, Parents, WRITE};
use crate::finding::{Finding, Location, Rule};

/// Every directory on the way to some files, in the order of their paths, and how many of whose files it leads to.
#[derive(Debug, Default)]
pub struct Directories {
    known: BTreeMap<PathBuf, (Arc<DirFacts>, Below)>,
    /// Files come directory by directory, so those with the same way are counted before they are entered.
    pending: Option<(Parents, Below)>,
}

/// Files by their owner's number: how many, and the first.
#[derive(Clone, Debug, Default)]
struct Below(BTreeMap<u32, (usize, PathBuf)>);

impl Directories {
    /// Enters what leads to this file. Where it is nothing that a server reads, it does not matter.
    pub fn lead_to(&mut self, facts: &FileFacts, role: Role) {
        if role == Role::Other {
            return;
        }
        if self.pending.as_ref().is_none_or(|(parents, _)| !Arc::ptr_eq(parents, &facts.parents)) {
            self.enter();
            self.pending = Some((facts.parents.clone(), Below::default()));
        }
        if let Some((_, below)) = &mut self.pending {
            below.add(facts.access.uid, 1, &facts.path);
        }
    }

    /// Judges them all; only those with something to say come back.
    pub fn judge(mut self, caller: u32) -> Vec<(Arc<DirFacts>, Vec<Finding>)> {
        self.enter();
        let judged = self.known.into_values().map(|(dir, below)| {
            let found = directory(&dir, &below, caller);
            (dir, found)
        });
        judged.filter(|(_, found)| !found.is_empty()).collect()
    }

    fn enter(&mut self) {
        let Some((parents, below)) = self.pending.take() else { return };
        for dir in parents.iter() {
            let (_, known) = self.known.entry(dir.path.clone()).or_insert_with(|| (dir.clone(), Below::default()));
            for (owner, (count, first)) in &below.0 {
                known.add(*owner, *count, first);
            }
        }
    }
}

impl Below {
    fn add(&mut self, owner: u32, count: usize, first: &Path) {
        self.0.entry(owner).or_insert_with(|| (0, first.to_owned())).0 += count;
    }

    /// `mail.key and 3 more`; none where there is nothing.
    fn words(&self, counts: impl Fn(u32) -> bool) -> Option<String> {
        let of = || self.0.iter().filter(|(owner, _)| counts(**owner)).map(|(_, of)| of);
        let (_, first) = of().min_by(|a, b| a.1.cmp(&b.1))?;
        let name = first.file_name().unwrap_or(first.as_os_str()).to_string_lossy();
        Some(match of().map(|(count, _)| count).sum::<usize>() {
            1 => name.into_owned(),
            more => format!("{name} and {} more", more - 1),
        })
    }
}

fn directory(dir: &DirFacts, below: &Below, caller: u32) -> Vec<Finding> {
    let access = &dir.access;
    let finding = |rule: &'static Rule, who: &str, files: String| {
        rule.at(Location::File(dir.path.clone()), format!("{who} can replace {files}"))
    };
    let all = || below.words(|_| true).unwrap_or_default();
    let mut found = Vec::new();
    if dir.lets_anybody_replace() {
        found.push(finding(&DIR_WRITABLE, "anyone", all()));
    } else if !dir.is_sticky() {
        if access.group_rights() & WRITE != 0 && access.gid != 0 {
            found.push(finding(&DIR_GROUP_WRITABLE, &format!("the group {}", access.group), all()));
        }
        if let Some(names) = granted(access, WRITE) {
            found.push(finding(&DIR_ACL_WRITABLE, &names, all()));
        }
    }
    // The owner of a directory may write to it whatever its mode, and is not held back by the sticky bit.
    if access.uid != 0
        && access.uid != caller
        && let Some(strangers) = below.words(|owner| owner != access.uid)
    {
        found.push(finding(&DIR_OWNER, &format!("its owner {}", access.owner), strangers));
    }
    found
}
