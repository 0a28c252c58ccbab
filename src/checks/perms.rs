//! Who can read a key, and who could put another file in the place of a key or a certificate. The policy is Dovecot's: keys 0400,
//! everything else 0444, all of it root's. Judged from facts alone; what a file holds is told by the caller.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::facts::{Access, DirFacts, FileFacts, READ, WRITE};
use crate::finding::{Finding, Location, Severity, rules};

/// What a file holds, as far as its mode depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A private key, perhaps among other things.
    Key,
    /// Certificates, requests, CRLs, DH parameters: what anybody may read.
    Public,
    /// Nothing of the kind.
    Other,
    /// Nobody knows: it could not be read.
    Unread,
}

impl Role {
    /// The word for JSON.
    pub fn word(self) -> &'static str {
        match self {
            Role::Key => "key",
            Role::Public => "public",
            Role::Other => "other",
            Role::Unread => "unread",
        }
    }

    /// The mode that such a file should have; none where that is not ours to say.
    pub fn want(self) -> Option<u32> {
        match self {
            Role::Key => Some(0o400),
            Role::Public => Some(0o444),
            Role::Other | Role::Unread => None,
        }
    }

    /// The code under which a file of this role is fine or nearly so.
    pub fn code(self) -> &'static str {
        match self {
            Role::Key => KEY_MODE.code,
            Role::Public => CERT_MODE.code,
            Role::Other | Role::Unread => "file-mode",
        }
    }
}

/// Judges one file. `caller` is the number of the user who asks: that one's own files belong to no stranger.
pub fn file(facts: &FileFacts, role: Role, caller: u32) -> Vec<Finding> {
    let mut found = match role {
        Role::Key => key(facts),
        Role::Public => public(facts),
        Role::Other | Role::Unread => Vec::from_iter(writable(facts, &FILE_WRITABLE)),
    };
    found.extend(owner(facts, role, caller));
    if role == Role::Key && facts.links > 1 {
        found.push(
            KEY_LINKS.at(at(facts), format!("has {} names; the others may stand in an open directory", facts.links)),
        );
    }
    found
}

/// Judges every directory on the way to the files, each once, in the order of their paths.
pub fn directories(files: &[(FileFacts, Role)], caller: u32) -> Vec<(DirFacts, Vec<Finding>)> {
    let mut below: BTreeMap<&Path, (&DirFacts, Vec<&FileFacts>)> = BTreeMap::new();
    for (facts, _) in files.iter().filter(|(_, role)| *role != Role::Other) {
        for dir in &facts.parents {
            below.entry(&dir.path).or_insert_with(|| (dir, Vec::new())).1.push(facts);
        }
    }
    below
        .into_values()
        .map(|(dir, files)| (dir.clone(), directory(dir, &files, caller)))
        .filter(|(_, found)| !found.is_empty())
        .collect()
}

fn key(facts: &FileFacts) -> Vec<Finding> {
    let access = &facts.access;
    let (mode, group, others) = (access.mode, access.group_rights(), access.other_rights());
    let mut found = Vec::new();
    if others & READ != 0 {
        found
            .push(KEY_WORLD_READABLE.at(at(facts), format!("mode is {mode:04o}: every user can read the private key")));
    } else if group & READ != 0 {
        found.push(KEY_GROUP_READABLE.at(at(facts), format!("the group {} can read the private key", access.group)));
    }
    if let Some(names) = granted(access, READ) {
        found.push(KEY_ACL_READABLE.at(at(facts), format!("its ACL lets {names} read the private key")));
    }
    found.extend(writable(facts, &KEY_WRITABLE));
    if others & !(READ | WRITE) != 0 {
        let message = format!("mode is {mode:04o}: other users have a right to the private key");
        found.push(KEY_MODE.at(at(facts), message).severity(Severity::Error));
    } else if found.is_empty() && mode != 0o400 {
        found.push(KEY_MODE.at(at(facts), format!("mode is {mode:04o}; nobody needs more than 0400")));
    }
    found
}

fn public(facts: &FileFacts) -> Vec<Finding> {
    let mode = facts.access.mode;
    let mut found = Vec::from_iter(writable(facts, &CERT_WRITABLE));
    if found.is_empty() && mode != 0o444 {
        found.push(CERT_MODE.at(at(facts), format!("mode is {mode:04o}; 0444 is enough and hinders nobody")));
    }
    found
}

/// Who besides the owner may write to it?
fn writable(facts: &FileFacts, rule: &'static crate::finding::Rule) -> Option<Finding> {
    let access = &facts.access;
    let who = if access.other_rights() & WRITE != 0 {
        "every user".to_owned()
    } else if access.group_rights() & WRITE != 0 {
        format!("the group {}", access.group)
    } else {
        granted(access, WRITE)?
    };
    Some(rule.at(at(facts), format!("mode is {:04o}: {who} can change it", access.mode)))
}

fn owner(facts: &FileFacts, role: Role, caller: u32) -> Option<Finding> {
    let access = &facts.access;
    let own = access.uid == caller;
    let rule = match role {
        Role::Key => &KEY_OWNER,
        Role::Public if !own => &CERT_OWNER,
        _ => return None,
    };
    let severity = if own { Severity::Info } else { rule.severity };
    (access.uid != 0)
        .then(|| rule.at(at(facts), format!("belongs to {}, who can change it", access.owner)).severity(severity))
}

/// `files` are those to which the directory leads.
fn directory(dir: &DirFacts, files: &[&FileFacts], caller: u32) -> Vec<Finding> {
    let access = &dir.access;
    let finding = |rule: &'static crate::finding::Rule, who: &str, files: &[&FileFacts]| {
        rule.at(Location::File(dir.path.clone()), format!("{who} can replace {}", some_names(files)))
    };
    let mut found = Vec::new();
    if dir.lets_anybody_replace() {
        found.push(finding(&DIR_WRITABLE, "anyone", files));
    } else if !dir.is_sticky() {
        if access.group_rights() & WRITE != 0 && access.gid != 0 {
            found.push(finding(&DIR_GROUP_WRITABLE, &format!("the group {}", access.group), files));
        }
        if let Some(names) = granted(access, WRITE) {
            found.push(finding(&DIR_ACL_WRITABLE, &names, files));
        }
    }
    // The owner of a directory may write to it whatever its mode, and is not held back by the sticky bit.
    let strangers: Vec<&FileFacts> = files.iter().copied().filter(|file| file.access.uid != access.uid).collect();
    if access.uid != 0 && access.uid != caller && !strangers.is_empty() {
        found.push(finding(&DIR_OWNER, &format!("its owner {}", access.owner), &strangers));
    }
    found
}

/// `user openldap and group mail`: whom the ACL gives a right, if anybody.
fn granted(access: &Access, right: u32) -> Option<String> {
    let names: Vec<String> = access.granted(right).map(|grant| grant.to_string()).collect();
    (!names.is_empty()).then(|| names.join(" and "))
}

fn some_names(files: &[&FileFacts]) -> String {
    let name = |path: &PathBuf| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    match files {
        [one] => name(&one.path),
        [first, rest @ ..] => format!("{} and {} more", name(&first.path), rest.len()),
        [] => "nothing".into(),
    }
}

fn at(facts: &FileFacts) -> Location {
    Location::File(facts.path.clone())
}

rules! {
    /// Others have the read bit.
    KEY_WORLD_READABLE = Error "key-world-readable" {
        summary: "a private key can be read by every user of the system",
        help: "chmod 0400, and replace the key if strangers had an account here",
        source: "Dovecot manual, SSL configuration: the key file 0400 and owned by root",
    }
    /// The group has the read bit.
    KEY_GROUP_READABLE = Warning "key-group-readable" {
        summary: "a private key can be read by a group",
        help: "chmod 0400, unless a server that opens keys as a user of its own needs this group",
        source: "Dovecot, Postfix, Apache and nginx open keys as root; slapd, Exim, Courier and Cyrus as their own user",
    }
    /// A named user or group may read.
    KEY_ACL_READABLE = Warning "key-acl-readable" {
        summary: "an ACL lets somebody read a private key whom the mode does not show",
        help: "setfacl -b FILE, then chmod 0400; or keep it if a server runs as that user",
        source: "acl(5): with an ACL the group bits of the mode are only its mask",
    }
    /// Somebody else may write.
    KEY_WRITABLE = Error "key-writable" {
        summary: "a private key can be changed by somebody else than its owner",
        help: "chmod 0400",
        source: "Dovecot manual, SSL configuration: the key file 0400 and owned by root",
    }
    /// Not 0400, and nobody else gains by it.
    KEY_MODE = Info "key-mode" {
        summary: "a private key has another mode than 0400",
        help: "chmod 0400: keys are replaced by rename, so not even the owner needs to write",
        source: "Dovecot manual, SSL configuration: the key file 0400 and owned by root",
    }
    /// Not root's.
    KEY_OWNER = Warning "key-owner" {
        summary: "a private key belongs to another user than root",
        help: "chown root:root, unless a server opens its key as this user",
        source: "Dovecot, Postfix, Apache and nginx open keys as root; slapd, Exim, Courier and Cyrus as their own user",
    }
    /// Hard links.
    KEY_LINKS = Warning "key-links" {
        summary: "the file of a private key has several names",
        help: "find the others with find -samefile FILE, and remove those that are not needed",
        source: "link(2): each name opens the same key, whatever directory it stands in",
    }
    /// Somebody else may write to a certificate.
    CERT_WRITABLE = Error "cert-writable" {
        summary: "a certificate, chain, CRL or DH file can be changed by somebody else than its owner",
        help: "chmod 0444",
        source: "Dovecot manual, SSL configuration: the certificate 0444 and owned by root",
    }
    /// Not 0444, and nobody gains by it.
    CERT_MODE = Info "cert-mode" {
        summary: "a certificate, chain, CRL or DH file has another mode than 0444",
        help: "chmod 0444: everybody may read it, and it is replaced by rename",
        source: "Dovecot manual, SSL configuration: the certificate 0444 and owned by root",
    }
    /// Not root's.
    CERT_OWNER = Warning "cert-owner" {
        summary: "a certificate, chain, CRL or DH file belongs to another user than root",
        help: "chown root:root: who owns a file of CAs decides who is trusted",
        source: "chmod(2): the owner can always give himself the right to write",
    }
    /// Something else beside them that anybody may change.
    FILE_WRITABLE = Error "file-writable" {
        summary: "a file beside the keys and certificates can be changed by somebody else than its owner",
        help: "chmod go-w, or move it elsewhere",
        source: "chmod(2)",
    }
    /// Everybody may write to a directory.
    DIR_WRITABLE = Error "dir-writable" {
        summary: "every user can put another file in the place of a key or certificate",
        help: "chmod o-w the directory",
        source: "rename(2), unlink(2): writing to a directory without the sticky bit is replacing the files in it",
    }
    /// A group may write to a directory.
    DIR_GROUP_WRITABLE = Warning "dir-group-writable" {
        summary: "a group can put another file in the place of a key or certificate",
        help: "chmod g-w the directory, unless everybody in the group is trusted with the keys",
        source: "rename(2), unlink(2): writing to a directory without the sticky bit is replacing the files in it",
    }
    /// Named users may write to a directory.
    DIR_ACL_WRITABLE = Warning "dir-acl-writable" {
        summary: "an ACL lets somebody put another file in the place of a key or certificate",
        help: "setfacl -b the directory, unless those named are trusted with the keys",
        source: "acl(5); rename(2), unlink(2): writing to a directory is replacing the files in it",
    }
    /// A directory belongs to a stranger.
    DIR_OWNER = Warning "dir-owner" {
        summary: "the owner of a directory can put another file in the place of a key or certificate that is not his",
        help: "chown root the directory, or move the file to one that belongs to root",
        source: "rename(2), unlink(2): the owner of a directory decides what is in it, also with the sticky bit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Acl, FileKind, Grant, Grantee};

    fn access(mode: u32, uid: u32) -> Access {
        Access { mode, uid, gid: uid, owner: format!("u{uid}"), group: format!("g{uid}"), acl: None }
    }

    fn facts(access: Access) -> FileFacts {
        let path = PathBuf::from("/etc/x/mail");
        let kind = FileKind::File;
        FileFacts { real: path.clone(), path, kind, is_link: false, access, links: 1, parents: Vec::new() }
    }

    fn codes(access: Access, role: Role) -> Vec<(&'static str, Severity)> {
        file(&facts(access), role, 0).iter().map(|f| (f.rule.code, f.severity)).collect()
    }

    #[test]
    fn every_mode_of_a_key_gets_its_verdict() {
        for mode in 0..0o10000 {
            let worst = codes(access(mode, 0), Role::Key).into_iter().map(|(_, severity)| severity).max();
            let expected = match mode {
                0o400 => None,
                m if m & 0o027 != 0 => Some(Severity::Error),
                m if m & 0o040 != 0 => Some(Severity::Warning),
                _ => Some(Severity::Info),
            };
            assert_eq!(worst, expected, "{mode:04o}");
        }
    }

    #[test]
    fn every_mode_of_a_certificate_gets_its_verdict() {
        for mode in 0..0o10000 {
            let expected = match mode {
                0o444 => vec![],
                m if m & 0o022 != 0 => vec![("cert-writable", Severity::Error)],
                _ => vec![("cert-mode", Severity::Info)],
            };
            assert_eq!(codes(access(mode, 0), Role::Public), expected, "{mode:04o}");
        }
    }

    #[test]
    fn an_acl_counts_and_a_mask_is_no_right() {
        let with = |group, rights, uid| {
            let grant = Grant { to: Grantee::User(uid), name: "nobody".into(), rights };
            codes(Access { acl: Some(Acl { group, named: vec![grant] }), ..access(0o440, 0) }, Role::Key)
        };
        assert_eq!(with(0, 4, 65534), [("key-acl-readable", Severity::Warning)]);
        assert_eq!(with(0, 2, 65534), [("key-writable", Severity::Error)]);
        assert_eq!(with(4, 0, 65534), [("key-group-readable", Severity::Warning)]);
        assert_eq!(with(0, 4, 0), [("key-mode", Severity::Info)], "root reads everything anyway");
    }

    #[test]
    fn a_directory_is_judged_by_who_could_replace_what_is_in_it() {
        let of = |mode, uid, caller| {
            let parents = vec![DirFacts { path: "/etc/x".into(), access: access(mode, uid) }];
            let files = [(FileFacts { parents, ..facts(access(0o400, 0)) }, Role::Key)];
            let found: Vec<_> = directories(&files, caller).into_iter().flat_map(|(_, found)| found).collect();
            found.into_iter().map(|f| f.rule.code).collect::<Vec<_>>()
        };
        assert_eq!(of(0o755, 0, 0), [""; 0]);
        assert_eq!(of(0o1777, 0, 0), [""; 0]);
        assert_eq!(of(0o775, 0, 0), [""; 0], "group 0 is root's");
        assert_eq!(of(0o777, 0, 0), ["dir-writable"]);
        assert_eq!(of(0o775, 7, 7), ["dir-group-writable"]);
        assert_eq!(of(0o755, 7, 0), ["dir-owner"]);
        assert_eq!(of(0o755, 7, 7), [""; 0], "his own directory");
    }
}
