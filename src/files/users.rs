//! Names of users and groups as this system knows them (getpwuid_r(3), so LDAP and SSSD count too).

use nix::unistd::{Gid, Group, Uid, User};

/// The user's name, or the number where the system has no name for it.
pub fn user(uid: u32) -> String {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map_or_else(|| uid.to_string(), |u| u.name)
}

/// The group's name, or the number where the system has no name for it.
pub fn group(gid: u32) -> String {
    Group::from_gid(Gid::from_raw(gid)).ok().flatten().map_or_else(|| gid.to_string(), |g| g.name)
}

/// The number of the user who runs this, as far as files are concerned.
pub fn caller() -> u32 {
    nix::unistd::geteuid().as_raw()
}
