//! Can a user open a file? The answer of the kernel, from facts: directories on the way, ACLs, and every group that the user is in.

use crate::facts::{Access, DirFacts, FileFacts, Grantee, Parents, READ, SEARCH, User};

/// What holds a user back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Barrier<'a> {
    /// He may not look up names in this directory.
    Directory(&'a DirFacts),
    /// He may not read the file itself.
    File,
}

/// What holds this user back from reading the file; the first on the way, if anything does.
pub(super) fn barrier<'a>(facts: &'a FileFacts, user: &User) -> Option<Barrier<'a>> {
    match closed_to(user, &facts.parents) {
        Some(dir) => Some(Barrier::Directory(dir)),
        None => (!may(&facts.access, user, READ)).then_some(Barrier::File),
    }
}

/// The outermost of these directories (the nearest comes first) that this user cannot pass.
pub fn closed_to<'a>(user: &User, directories: &'a Parents) -> Option<&'a DirFacts> {
    directories.iter().rev().map(AsRef::as_ref).find(|dir| !may(&dir.access, user, SEARCH))
}

/// The access check of acl(5): the owner's entry, else the user's own, else those of his groups together, else everybody's.
/// root may read and pass everything (CAP_DAC_OVERRIDE in capabilities(7)).
pub(super) fn may(access: &Access, user: &User, right: u32) -> bool {
    let named = || access.acl.iter().flat_map(|acl| &acl.named);
    if user.uid == 0 {
        return true;
    }
    if user.uid == access.uid {
        return access.mode >> 6 & right != 0;
    }
    if let Some(own) = named().find(|grant| grant.to == Grantee::User(user.uid)) {
        return own.rights & right != 0;
    }
    let owning = user.groups.contains(&access.gid).then(|| access.group_rights());
    let others = named().filter(|grant| matches!(grant.to, Grantee::Group(gid) if user.groups.contains(&gid)));
    let mut groups = owning.into_iter().chain(others.map(|grant| grant.rights)).peekable();
    if groups.peek().is_none() { access.other_rights() & right != 0 } else { groups.any(|rights| rights & right != 0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Acl, Grant};

    fn access(mode: u32, uid: u32, gid: u32, named: &[(Grantee, u32)]) -> Access {
        let named: Vec<Grant> =
            named.iter().map(|(to, rights)| Grant { to: *to, name: "somebody".into(), rights: *rights }).collect();
        let acl = (!named.is_empty()).then_some(Acl { group: mode >> 3 & 7, named });
        Access { mode, uid, gid, owner: uid.to_string(), group: gid.to_string(), acl }
    }

    #[test]
    fn the_first_entry_that_fits_decides() {
        let user = User { name: "ldap".into(), uid: 7, groups: vec![70, 71] };
        let user_entry = (Grantee::User(7), 0);
        for (access, expected) in [
            (access(0o400, 7, 0, &[]), true),
            (access(0o044, 7, 70, &[]), false),
            (access(0o040, 0, 70, &[]), true),
            (access(0o040, 0, 71, &[]), true),
            (access(0o004, 0, 71, &[]), false),
            (access(0o004, 0, 72, &[]), true),
            (access(0o440, 0, 70, &[user_entry]), false),
            (access(0o404, 0, 72, &[(Grantee::Group(71), 0)]), false),
            (access(0o400, 0, 70, &[(Grantee::Group(71), 4)]), true),
            (access(0o440, 0, 72, &[(Grantee::User(8), 4)]), false),
        ] {
            assert_eq!(may(&access, &user, READ), expected, "{access:?}");
        }
        let root = User { name: "root".into(), uid: 0, groups: vec![0] };
        assert!(may(&access(0, 7, 7, &[]), &root, READ));
    }
}
