//! What a file should be like, by the policy and by who has to read it.

use super::{Judge, Reader, Role};
use crate::facts::{FileFacts, READ};

/// What a file should be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// Permission bits.
    pub mode: u32,
    /// The owner's name.
    pub owner: String,
    /// The group's name.
    pub group: String,
}

impl Judge {
    /// What such a file should be like; none where that is not ours to say.
    pub fn want(&self, facts: &FileFacts, role: Role, readers: &[Reader]) -> Option<Want> {
        let mode = self.wanted_mode(facts, role, readers)?;
        let keep_group = role == Role::Key && mode & 0o040 != 0;
        let own = readers.iter().map(|reader| &reader.user).find(|user| user.uid != 0);
        let owner = own.filter(|_| role == Role::Key && !keep_group).map_or("root", |user| user.name.as_str());
        let group = if keep_group { facts.access.group.as_str() } else { "root" };
        Some(Want { mode, owner: owner.into(), group: group.into() })
    }

    /// A mode that the policy has for it stays, else its first one; a group that has to read goes on to.
    pub(super) fn wanted_mode(&self, facts: &FileFacts, role: Role, readers: &[Reader]) -> Option<u32> {
        let group = self.group_may_read(&facts.access, readers) && facts.access.group_rights() & READ != 0;
        let (fine, most) = match role {
            Role::Key => (&self.policy.key_modes, if group { 0o640 } else { 0o600 }),
            Role::Public => (&self.policy.public_modes, 0o644),
            _ => return None,
        };
        let mode = facts.access.mode;
        let first = fine.first().copied().unwrap_or(0);
        let stays = fine.contains(&mode) && mode & !most == 0;
        Some(if stays {
            mode
        } else if role == Role::Key && group {
            0o440
        } else {
            first
        })
    }
}
