//! What `perms fix` changes: the findings about modes, ACLs and owners that can be mended by taking rights away. Nobody gets a
//! right by it, and no server that could read its file before is locked out.

use super::file::writable;
use super::rules::FILE_WRITABLE;
use super::{Judge, Reader, Role, reach};
use crate::content::Rights;
use crate::facts::{Access, Acl, DirFacts, FileFacts, READ, WRITE};
use crate::finding::Severity;

impl Judge {
    /// What to change about a file; none where nothing is to be, or nothing can be without harm.
    pub fn tighter(&self, facts: &FileFacts, role: Role, readers: &[Reader]) -> Option<Rights> {
        let old = &facts.access;
        let mode = old.mode & self.most(facts, role, readers);
        let strangers = || old.granted(READ).any(|grant| !self.grant_is_needed(grant, readers));
        let needed = || old.granted(READ).any(|grant| self.grant_is_needed(grant, readers));
        let without_acl = role == Role::Key && (strangers() && !needed() || old.acl.is_some() && mode & 0o070 == 0);
        // Without the ACL the mode's own group bits count again, which were its mask.
        let mode = if without_acl { mode & !(7 << 3 & !(old.group_rights() << 3)) } else { mode };
        let stranger = self.owner(facts, role, readers).is_some_and(|f| f.severity > Severity::Info);
        let keeps_group = role == Role::Key && mode & 0o040 != 0;
        let owner = (stranger && self.caller == 0).then_some((0, if keeps_group { old.gid } else { 0 }));
        let new = Rights { mode, owner, without_acl };
        let changes = mode != old.mode || owner.is_some() || without_acl;
        (changes && self.harms_nobody(facts, &new, readers)).then_some(new)
    }

    /// A file is replaced by rename, so nobody needs to write; a group that has to read goes on to.
    fn most(&self, facts: &FileFacts, role: Role, readers: &[Reader]) -> u32 {
        match (role, self.wanted_mode(facts, role, readers)) {
            (Role::Key, Some(wanted)) => {
                let needed = facts.access.granted(READ).any(|grant| self.grant_is_needed(grant, readers));
                wanted | if needed { 0o040 } else { 0 }
            }
            (_, Some(wanted)) => wanted,
            (Role::Other | Role::Password, None) if writable(facts, &FILE_WRITABLE).is_some() => !0o022,
            _ => !0,
        }
    }

    fn harms_nobody(&self, facts: &FileFacts, new: &Rights, readers: &[Reader]) -> bool {
        let after = FileFacts { access: after(&facts.access, new), ..facts.clone() };
        readers
            .iter()
            .all(|Reader { user, .. }| reach::barrier(facts, user).is_some() || reach::barrier(&after, user).is_none())
    }
}

/// A directory in which somebody could replace a key or a certificate: only its owner may write to it then.
pub fn tighter_directory(dir: &DirFacts) -> Option<Rights> {
    let access = &dir.access;
    let writes = access.other_rights() & WRITE != 0
        || access.group_rights() & WRITE != 0 && access.gid != 0
        || access.granted(WRITE).next().is_some();
    (!dir.is_sticky() && writes).then_some(Rights { mode: access.mode & !0o022, owner: None, without_acl: false })
}

/// Who may do what once that is done.
pub fn after(old: &Access, new: &Rights) -> Access {
    let mask = new.mode >> 3 & 7;
    let masked = |acl: &Acl| Acl {
        group: acl.group & mask,
        named: acl
            .named
            .iter()
            .cloned()
            .map(|grant| crate::facts::Grant { rights: grant.rights & mask, ..grant })
            .collect(),
    };
    let (uid, gid) = new.owner.unwrap_or((old.uid, old.gid));
    let acl = old.acl.as_ref().filter(|_| !new.without_acl).map(masked);
    Access { mode: new.mode, uid, gid, acl, ..old.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{FileId, FileKind, Grant, Grantee, User};
    use std::sync::Arc;

    fn facts(mode: u32, uid: u32, named: &[(u32, u32)]) -> FileFacts {
        let named: Vec<Grant> = named
            .iter()
            .map(|(user, rights)| Grant { to: Grantee::User(*user), name: user.to_string(), rights: *rights })
            .collect();
        let acl = (!named.is_empty()).then_some(Acl { group: 0, named });
        let access = Access { mode, uid, gid: uid, owner: uid.to_string(), group: uid.to_string(), acl };
        FileFacts {
            path: "/x".into(),
            kind: FileKind::File,
            real: "/x".into(),
            is_link: false,
            access,
            links: 1,
            id: FileId { device: 0, inode: 0 },
            parents: Arc::new([]),
        }
    }

    /// For every mode, role, owner and some ACLs: nobody can do more than before, and what was changed is fine or beyond mending.
    #[test]
    fn nobody_gets_a_right_by_it() {
        let judge = Judge::default();
        let users = [7, 8, 9].map(|uid| User { name: uid.to_string(), uid, groups: vec![uid] });
        for role in Role::ALL {
            for mode in 0..0o1000 {
                for uid in [0, 7] {
                    for named in [&[][..], &[(8, 4)], &[(8, 6)], &[(8, 4), (9, 2)]] {
                        let effective: Vec<(u32, u32)> =
                            named.iter().map(|(user, rights)| (*user, rights & (mode >> 3 & 7))).collect();
                        let before = facts(mode, uid, &effective);
                        let Some(rights) = judge.tighter(&before, role, &[]) else { continue };
                        let after = FileFacts { access: after(&before.access, &rights), ..before.clone() };
                        for user in &users {
                            for right in [READ, WRITE] {
                                let (had, has) = (&before.access, &after.access);
                                // An owner can give himself any right.
                                let could = user.uid == had.uid || reach::may(had, user, right);
                                assert!(could || !reach::may(has, user, right), "{before:?} {rights:?}");
                            }
                        }
                        let left = judge.tighter(&after, role, &[]);
                        assert_eq!(left, None, "again: {before:?} {rights:?}");
                        if role == Role::Password {
                            // It belongs into another file.
                            continue;
                        }
                        let worst = judge.file(&after, role, &[]).into_iter().map(|f| f.severity).max();
                        assert!(worst <= Some(Severity::Info), "{role:?} {before:?} {rights:?} {worst:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_server_is_not_locked_out() {
        let reader = Reader { server: "slapd", user: User { name: "ldap".into(), uid: 8, groups: vec![80] } };
        let of = |facts: &FileFacts| Judge::default().tighter(facts, Role::Key, std::slice::from_ref(&reader));
        assert_eq!(of(&facts(0o644, 0, &[])), None, "it reads by the last bit");
        assert_eq!(of(&facts(0o440, 0, &[(8, 4)])), None, "what it needs stays");
        assert_eq!(of(&facts(0o600, 8, &[])), Some(Rights { mode: 0o400, owner: None, without_acl: false }));
        let mut by_group = facts(0o660, 0, &[]);
        by_group.access.gid = 80;
        assert_eq!(of(&by_group), Some(Rights { mode: 0o440, owner: None, without_acl: false }));
    }
}
