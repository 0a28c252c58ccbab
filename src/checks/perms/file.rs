//! What is to be said about one file: who can read it and change it, whose it is, and whether its servers can open it.

use std::path::Path;

use super::reach::{self, Barrier};
use super::rules::*;
use super::{Judge, Reader, Role};
use crate::facts::{Access, FileFacts, Grant, Grantee, READ, WRITE};
use crate::finding::{Finding, Location, Rule, Severity};

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
        if role == Role::Key
            && let Some(web) = facts.real.ancestors().find(|above| self.web_roots.contains(*above))
        {
            let message = format!("Apache hands out what is in {} to whoever asks for it", web.display());
            found.push(KEY_IN_WEB_ROOT.at(at(facts), message));
        }
        if matches!(role, Role::Key | Role::Public | Role::Unread) {
            found.extend(readers.iter().filter_map(|reader| cannot_read(facts, reader)));
        }
        found
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

    pub(super) fn owner(&self, facts: &FileFacts, role: Role, readers: &[Reader]) -> Option<Finding> {
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

    pub(super) fn group_may_read(&self, access: &Access, readers: &[Reader]) -> bool {
        self.why_group(access.gid, &access.group, readers).is_some()
    }

    pub(super) fn grant_is_needed(&self, grant: &Grant, readers: &[Reader]) -> bool {
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
pub(super) fn writable(facts: &FileFacts, rule: &'static Rule) -> Option<Finding> {
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
pub(super) fn granted(access: &Access, right: u32) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::*;
    use crate::checks::perms::Directories;
    use crate::checks::perms::policy::{self, Policy};
    use crate::facts::{Acl, DirFacts, FileId, FileKind, User};

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
