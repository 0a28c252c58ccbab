//! Users and groups: of this system (getpwuid_r(3), so LDAP and SSSD count too), or of an image or chroot by its own passwd
//! and group files. Names are remembered, since thousands of files have the same few owners.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use nix::unistd::{Gid, Group, Uid};

use super::read;
use crate::change::Owner;
use crate::error::{Error, Result};
use crate::facts::User;

/// The user's name, or the number where the system has no name for it.
pub fn user(uid: u32) -> String {
    Users::here().user(uid)
}

/// The group's name, or the number where the system has no name for it.
pub fn group(gid: u32) -> String {
    Users::here().group(gid)
}

/// The number of the user who runs this, as far as files are concerned.
pub fn caller() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// User and group to whom files are to belong, as named; numbers are taken as well.
pub fn owner(user: Option<&str>, group: Option<&str>) -> Result<Owner> {
    let here = Users::here();
    let number = |name: &str| name.parse::<u32>().ok();
    let unknown = |kind: &str, name: &str| Error::usage(format!("there is no {kind} {name}"));
    let user = user.map(|name| {
        here.named(name).map(|user| user.uid).or_else(|| number(name)).ok_or_else(|| unknown("user", name))
    });
    let group = group.map(|name| here.group_named(name).or_else(|| number(name)).ok_or_else(|| unknown("group", name)));
    Ok(Owner { user: user.transpose()?, group: group.transpose()? })
}

/// Who is known.
#[derive(Debug, Default)]
pub struct Users {
    /// None: whom this system knows.
    listed: Option<Listed>,
    users: Mutex<BTreeMap<u32, String>>,
    groups: Mutex<BTreeMap<u32, String>>,
}

impl Users {
    /// Those of this system.
    pub fn here() -> Users {
        Users::default()
    }

    /// Those of the files etc/passwd and etc/group below this directory.
    pub fn of(root: &Path) -> Result<Users> {
        let text =
            |name: &str| read::file(&root.join(name)).map(|input| String::from_utf8_lossy(&input.bytes).into_owned());
        let listed = Listed::read(&text("etc/passwd")?, &text("etc/group")?);
        Ok(Users { listed: Some(listed), ..Users::default() })
    }

    /// The user's name, or the number where nobody has it.
    pub fn user(&self, uid: u32) -> String {
        remembered(&self.users, uid, || match &self.listed {
            Some(listed) => listed.users.iter().find(|u| u.uid == uid).map(|u| u.name.clone()),
            None => nix::unistd::User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|u| u.name),
        })
    }

    /// The group's name, or the number where no group has it.
    pub fn group(&self, gid: u32) -> String {
        remembered(&self.groups, gid, || match &self.listed {
            Some(listed) => listed.groups.iter().find(|(_, number)| *number == gid).map(|(name, _)| name.clone()),
            None => Group::from_gid(Gid::from_raw(gid)).ok().flatten().map(|g| g.name),
        })
    }

    /// The user of this name, with every group that names him.
    pub fn named(&self, name: &str) -> Option<User> {
        if let Some(listed) = &self.listed {
            return listed.users.iter().find(|user| user.name == name).cloned();
        }
        let user = nix::unistd::User::from_name(name).ok().flatten()?;
        let groups = nix::unistd::getgrouplist(&CString::new(name).ok()?, user.gid).ok()?;
        Some(User { name: user.name, uid: user.uid.as_raw(), groups: groups.iter().map(|g| g.as_raw()).collect() })
    }

    /// The number of the group with this name.
    pub fn group_named(&self, name: &str) -> Option<u32> {
        match &self.listed {
            Some(listed) => listed.groups.iter().find(|(known, _)| known == name).map(|(_, gid)| *gid),
            None => Group::from_name(name).ok().flatten().map(|g| g.gid.as_raw()),
        }
    }
}

fn remembered(names: &Mutex<BTreeMap<u32, String>>, number: u32, ask: impl FnOnce() -> Option<String>) -> String {
    let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
    names.entry(number).or_insert_with(|| ask().unwrap_or_else(|| number.to_string())).clone()
}

/// What passwd(5) and group(5) files list.
#[derive(Debug)]
struct Listed {
    users: Vec<User>,
    groups: Vec<(String, u32)>,
}

impl Listed {
    fn read(passwd: &str, group: &str) -> Listed {
        let groups: Vec<(&str, u32, &str)> = group
            .lines()
            .filter_map(|line| match line.split(':').collect::<Vec<_>>()[..] {
                [name, _, gid, members] => Some((name, gid.parse().ok()?, members)),
                _ => None,
            })
            .collect();
        let names = |members: &str, user: &str| members.split(',').any(|name| name == user);
        let users = passwd.lines().filter_map(|line| match line.split(':').collect::<Vec<_>>()[..] {
            [name, _, uid, gid, ..] => {
                let own = gid.parse().ok()?;
                let others = groups.iter().filter(|(_, gid, members)| *gid != own && names(members, name));
                let groups = std::iter::once(own).chain(others.map(|(_, gid, _)| *gid)).collect();
                Some(User { name: name.to_owned(), uid: uid.parse().ok()?, groups })
            }
            _ => None,
        });
        Listed {
            users: users.collect(),
            groups: groups.iter().map(|(name, gid, _)| ((*name).to_owned(), *gid)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_in_his_own_group_and_in_those_that_name_him() {
        let passwd = "root:x:0:0::/root:/bin/sh\nopenldap:x:112:118:,,,:/var/lib/ldap:/bin/false\n\nbroken\n";
        let group = "root:x:0:\nssl-cert:x:117:postgres,openldap\nopenldap:x:118:openldap\nmail:x:8:openldapx\n";
        let users = Users { listed: Some(Listed::read(passwd, group)), ..Users::default() };
        assert_eq!(users.named("openldap").unwrap().groups, [118, 117]);
        assert_eq!(
            (users.user(112), users.user(7), users.group(117)),
            ("openldap".into(), "7".into(), "ssl-cert".into())
        );
        assert_eq!((users.named("nobody"), users.group_named("mail")), (None, Some(8)));
    }
}
