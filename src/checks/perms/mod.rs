//! Who can read a key, whether the server can, and who could put another file in the place of a key or a certificate. Judged
//! from facts alone, by a policy; what a file holds and who opens it is told by the caller.

mod directories;
pub mod policy;
mod reach;
mod tighten;

use std::path::Path;

use crate::facts::{Access, FileFacts, Grant, Grantee, READ, User, WRITE};
use crate::finding::{Finding, Location, Rule, Severity, rules};
pub use directories::Directories;
use policy::Policy;
use reach::Barrier;
pub use reach::closed_to;
pub use tighten::{after, tighter_directory};

/// What a file holds, as far as its mode depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A private key, perhaps among other things.
    Key,
    /// The password of a private key, in a configuration.
    Password,
    /// Certificates, requests, CRLs, DH parameters: what anybody may read.
    Public,
    /// Nothing of the kind.
    Other,
    /// Nobody knows: it could not be read.
    Unread,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 5] = [Role::Key, Role::Password, Role::Public, Role::Other, Role::Unread];

    /// The word for JSON.
    pub fn word(self) -> &'static str {
        match self {
            Role::Key => "key",
            Role::Password => "password",
            Role::Public => "public",
            Role::Other => "other",
            Role::Unread => "unread",
        }
    }

    /// The code under which a file of this role is fine or nearly so.
    pub fn code(self) -> &'static str {
        match self {
            Role::Key => KEY_MODE.code,
            Role::Public => CERT_MODE.code,
            Role::Password | Role::Other | Role::Unread => "file-mode",
        }
    }
}

/// A server that opens the file, and the user as whom it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Its name in sentences.
    pub server: &'static str,
    /// As whom.
    pub user: User,
}

/// By what is judged.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    /// The policy.
    pub policy: Policy,
    /// The number of the user who asks: that one's own files belong to no stranger.
    pub caller: u32,
    /// Servers that open keys as users of their own, and these users' names: to be told apart from strangers where it is not
    /// known who opens a file.
    pub own_users: Vec<(&'static str, String)>,
}

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
    /// Judges one file, which these servers open.
    pub fn file(&self, facts: &FileFacts, role: Role, readers: &[Reader]) -> Vec<Finding> {
        let mut found = match role {
            Role::Key => self.key(facts, readers),
            Role::Password => password(facts),
            Role::Public => self.public(facts),
            Role::Other | Role::Unread => Vec::from_iter(writable(facts, &FILE_WRITABLE)),
        };
        found.extend(self.owner(facts, role, readers));
        if role == Role::Key && facts.links > 1 {
            let message = format!("has {} names; the others may stand in an open directory", facts.links);
            found.push(KEY_LINKS.at(at(facts), message));
        }
        if role == Role::Key && is_copy(&facts.path) {
            found.push(KEY_COPY.at(at(facts), "by its name a copy that an editor or an upgrade left behind"));
        }
        if matches!(role, Role::Key | Role::Public | Role::Unread) {
            found.extend(readers.iter().filter_map(|reader| cannot_read(facts, reader)));
        }
        found
    }

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
    fn wanted_mode(&self, facts: &FileFacts, role: Role, readers: &[Reader]) -> Option<u32> {
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

    fn key(&self, facts: &FileFacts, readers: &[Reader]) -> Vec<Finding> {
        let access = &facts.access;
        let (mode, group, others) = (access.mode, access.group_rights(), access.other_rights());
        let mut found = Vec::new();
        if others & READ != 0 {
            let message = format!("mode is {mode:04o}: every user can read the private key");
            found.push(KEY_WORLD_READABLE.at(at(facts), message));
        } else if group & READ != 0 {
            found.push(self.group_reads(facts, readers));
        }
        if access.granted(READ).next().is_some() {
            found.push(self.named_read(facts, readers));
        }
        found.extend(writable(facts, &KEY_WRITABLE));
        if others & !(READ | WRITE) != 0 {
            let message = format!("mode is {mode:04o}: other users have a right to the private key");
            found.push(KEY_MODE.at(at(facts), message).severity(Severity::Error));
        } else if found.is_empty() && !self.policy.key_modes.contains(&mode) {
            let first = self.policy.key_modes.first().copied().unwrap_or(0);
            let message = format!("mode is {mode:04o}; nobody needs more than {first:04o}");
            found.push(KEY_MODE.at(at(facts), message));
        }
        found
    }

    fn group_reads(&self, facts: &FileFacts, readers: &[Reader]) -> Finding {
        let group = &facts.access.group;
        let finding = KEY_GROUP_READABLE.at(at(facts), format!("the group {group} can read the private key"));
        let why = self.why_group(facts.access.gid, group, readers);
        why.map_or(finding.clone(), |why| Finding { message: why, ..finding }.severity(Severity::Info))
    }

    fn named_read(&self, facts: &FileFacts, readers: &[Reader]) -> Finding {
        let strangers: Vec<&Grant> =
            facts.access.granted(READ).filter(|grant| !self.grant_is_needed(grant, readers)).collect();
        let named = |grants: &[&Grant]| grants.iter().map(|grant| grant.to_string()).collect::<Vec<_>>().join(" and ");
        let finding =
            |names: String| KEY_ACL_READABLE.at(at(facts), format!("its ACL lets {names} read the private key"));
        if strangers.is_empty() {
            let all: Vec<&Grant> = facts.access.granted(READ).collect();
            return finding(named(&all)).severity(Severity::Info);
        }
        finding(named(&strangers))
    }

    fn public(&self, facts: &FileFacts) -> Vec<Finding> {
        let mode = facts.access.mode;
        let mut found = Vec::from_iter(writable(facts, &CERT_WRITABLE));
        if found.is_empty() && !self.policy.public_modes.contains(&mode) {
            found.push(CERT_MODE.at(at(facts), format!("mode is {mode:04o}; 0444 is enough and hinders nobody")));
        }
        found
    }

    fn owner(&self, facts: &FileFacts, role: Role, readers: &[Reader]) -> Option<Finding> {
        let access = &facts.access;
        let own = access.uid == self.caller;
        let (rule, owners) = match role {
            Role::Key => (&KEY_OWNER, &self.policy.key_owners),
            Role::Public if !own => (&CERT_OWNER, &self.policy.public_owners),
            _ => return None,
        };
        if access.uid == 0 || owners.contains(&access.owner) {
            return None;
        }
        let finding = rule.at(at(facts), format!("belongs to {}, who can change it", access.owner));
        let reader = readers.iter().find(|reader| reader.user.uid == access.uid).map(|reader| reader.server);
        let own_user = || self.own_users.iter().find(|(_, user)| *user == access.owner).map(|(server, _)| *server);
        match reader.or_else(|| own_user().filter(|_| readers.is_empty())) {
            Some(server) if role == Role::Key => {
                let message = format!("belongs to {}, as whom {server} opens its key", access.owner);
                Some(Finding { message, ..finding }.severity(Severity::Info))
            }
            _ if own => Some(finding.severity(Severity::Info)),
            _ => Some(finding),
        }
    }

    /// Why this group may read a key, if it may.
    fn why_group(&self, gid: u32, group: &str, readers: &[Reader]) -> Option<String> {
        let reader = readers.iter().find(|reader| reader.user.uid != 0 && reader.user.groups.contains(&gid));
        match reader {
            Some(Reader { server, user }) => {
                Some(format!("ok for {server}: it reads the key as user {}, by the group {group}", user.name))
            }
            None => self
                .policy
                .key_groups
                .iter()
                .any(|known| known == group)
                .then(|| format!("the group {group} can read the private key, as the policy has it")),
        }
    }

    fn group_may_read(&self, access: &Access, readers: &[Reader]) -> bool {
        self.why_group(access.gid, &access.group, readers).is_some()
    }

    fn grant_is_needed(&self, grant: &Grant, readers: &[Reader]) -> bool {
        match grant.to {
            Grantee::User(uid) => readers.iter().any(|reader| reader.user.uid == uid),
            Grantee::Group(gid) => self.why_group(gid, &grant.name, readers).is_some(),
        }
    }
}

fn password(facts: &FileFacts) -> Vec<Finding> {
    let access = &facts.access;
    let mode = access.mode;
    let names = granted(access, READ);
    let found = if access.other_rights() & READ != 0 {
        Some((Severity::Error, format!("mode is {mode:04o}: every user can read the password of a private key")))
    } else if access.group_rights() & READ != 0 {
        Some((Severity::Warning, format!("the group {} can read the password of a private key", access.group)))
    } else {
        names.map(|names| (Severity::Warning, format!("its ACL lets {names} read the password of a private key")))
    };
    let found = found.map(|(severity, message)| PASSWORD_READABLE.at(at(facts), message).severity(severity));
    found.into_iter().chain(writable(facts, &FILE_WRITABLE)).collect()
}

fn cannot_read(facts: &FileFacts, reader: &Reader) -> Option<Finding> {
    let Reader { server, user } = reader;
    let why = match reach::barrier(facts, user)? {
        Barrier::File => format!("who cannot read it ({})", facts.access.words()),
        Barrier::Directory(dir) => {
            format!("who cannot pass the directory {} ({})", dir.path.display(), dir.access.words())
        }
    };
    Some(SERVER_CANNOT_READ.at(at(facts), format!("{server} opens it as user {}, {why}", user.name)))
}

/// Who besides the owner may write to it?
fn writable(facts: &FileFacts, rule: &'static Rule) -> Option<Finding> {
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

/// `user openldap and group mail`: whom the ACL gives a right, if anybody.
fn granted(access: &Access, right: u32) -> Option<String> {
    let names: Vec<String> = access.granted(right).map(|grant| grant.to_string()).collect();
    (!names.is_empty()).then(|| names.join(" and "))
}

/// Names that editors and package managers give to what they save.
fn is_copy(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let ends =
        ["~", ".bak", ".old", ".orig", ".save", ".swp", ".swo", ".dpkg-old", ".dpkg-dist", ".ucf-old", ".rpmsave"];
    ends.iter().any(|end| name.ends_with(end)) || name.starts_with('#') && name.ends_with('#')
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
    /// A copy left behind.
    KEY_COPY = Info "key-copy" {
        summary: "a backup copy holds a private key",
        help: "remove it once it is not needed any more, with `shred -u` where the disk lets that mean something",
        source: "vim, emacs, dpkg and pkit's --backup leave such names behind; a copy outlives the key's replacement",
    }
    /// A configuration with a password in it.
    PASSWORD_READABLE = Error "key-password-readable" {
        summary: "a configuration holds the password of a private key, and somebody else than its owner can read it",
        help: "put the password into a file of its own, 0400 root:root, and pull that in with !include_try",
        source: "Dovecot manual, SSL configuration: ssl_key_password in a root-owned 0600 file by !include_try",
    }
    /// The server cannot open what it is told to.
    SERVER_CANNOT_READ = Error "server-cannot-read" {
        summary: "a server opens this file as a user who cannot read it",
        help: "give the server a copy of its own: owned by its user, 0400, in a directory that this user can pass",
        source: "tried: slapd 2.5, Exim 4.96 and Courier's STARTTLS open keys as their own users; path_resolution(7), acl(5)",
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
    use std::path::PathBuf;
    use std::sync::Arc;

    use crate::facts::{Acl, DirFacts, FileId, FileKind};

    fn access(mode: u32, uid: u32) -> Access {
        Access { mode, uid, gid: uid, owner: format!("u{uid}"), group: format!("g{uid}"), acl: None }
    }

    fn facts(access: Access) -> FileFacts {
        let path = PathBuf::from("/etc/x/mail");
        let (kind, id) = (FileKind::File, FileId { device: 0, inode: 0 });
        FileFacts { real: path.clone(), path, kind, is_link: false, access, links: 1, id, parents: Arc::new([]) }
    }

    fn codes(access: Access, role: Role) -> Vec<(&'static str, Severity)> {
        Judge::default().file(&facts(access), role, &[]).iter().map(|f| (f.rule.code, f.severity)).collect()
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
            let id = FileId { device: 0, inode: 0 };
            let parents = [Arc::new(DirFacts { path: "/etc/x".into(), access: access(mode, uid), id })];
            let mut directories = Directories::default();
            directories.lead_to(&FileFacts { parents: Arc::new(parents), ..facts(access(0o400, 0)) }, Role::Key);
            let found = directories.judge(caller).into_iter().flat_map(|(_, found)| found);
            found.map(|f| f.rule.code).collect::<Vec<_>>()
        };
        assert_eq!(of(0o755, 0, 0), [""; 0]);
        assert_eq!(of(0o1777, 0, 0), [""; 0]);
        assert_eq!(of(0o775, 0, 0), [""; 0], "group 0 is root's");
        assert_eq!(of(0o777, 0, 0), ["dir-writable"]);
        assert_eq!(of(0o775, 7, 7), ["dir-group-writable"]);
        assert_eq!(of(0o755, 7, 0), ["dir-owner"]);
        assert_eq!(of(0o755, 7, 7), [""; 0], "his own directory");
    }

    fn reader(uid: u32, groups: &[u32]) -> Reader {
        Reader { server: "OpenLDAP", user: User { name: "openldap".into(), uid, groups: groups.to_vec() } }
    }

    #[test]
    fn a_server_that_reads_as_itself_needs_the_right_to() {
        let of = |access, readers: &[Reader]| {
            let found = Judge::default().file(&facts(access), Role::Key, readers);
            found.iter().map(|f| (f.rule.code, f.severity)).collect::<Vec<_>>()
        };
        let slapd = [reader(7, &[7, 70])];
        assert_eq!(of(access(0o400, 0), &[reader(0, &[0])]), []);
        assert_eq!(of(access(0o400, 0), &slapd), [("server-cannot-read", Severity::Error)]);
        assert_eq!(of(access(0o400, 7), &slapd), [("key-owner", Severity::Info)]);
        let by_group = Access { gid: 70, ..access(0o640, 0) };
        assert_eq!(of(by_group.clone(), &slapd), [("key-group-readable", Severity::Info)]);
        assert_eq!(of(by_group, &[reader(0, &[0])]), [("key-group-readable", Severity::Warning)]);
        let named = |uid| {
            let grant = Grant { to: Grantee::User(uid), name: "somebody".into(), rights: 4 };
            Access { acl: Some(Acl { group: 0, named: vec![grant] }), ..access(0o440, 0) }
        };
        assert_eq!(of(named(7), &slapd), [("key-acl-readable", Severity::Info)]);
        assert_eq!(
            of(named(8), &slapd),
            [("key-acl-readable", Severity::Warning), ("server-cannot-read", Severity::Error)]
        );
    }

    #[test]
    fn a_policy_says_which_safe_modes_need_no_word() {
        let debian = Judge { policy: Policy::parse(policy::SHIPPED[1].1).unwrap(), ..Judge::default() };
        let ssl_cert = |mode| Access { group: "ssl-cert".into(), gid: 117, ..access(mode, 0) };
        let worst =
            |judge: &Judge, access, role| judge.file(&facts(access), role, &[]).into_iter().map(|f| f.severity).max();
        assert_eq!(worst(&debian, ssl_cert(0o640), Role::Key), Some(Severity::Info));
        assert_eq!(worst(&Judge::default(), ssl_cert(0o640), Role::Key), Some(Severity::Warning));
        assert_eq!(worst(&debian, access(0o640, 0), Role::Key), Some(Severity::Warning));
        assert_eq!(worst(&debian, access(0o600, 0), Role::Key), None);
        assert_eq!(worst(&debian, access(0o644, 0), Role::Public), None);
        assert_eq!(worst(&debian, ssl_cert(0o644), Role::Key), Some(Severity::Error));
    }
}
