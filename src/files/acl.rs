//! POSIX access ACLs, as the kernel keeps them in the extended attribute `system.posix_acl_access`. Mode bits alone do not tell
//! who can read a file that has one: its group bits are then only the mask.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::io::Errno;

use super::users::Users;
use crate::facts::{Acl, Grant, Grantee};

/// Where the kernel keeps it.
pub(super) const NAME: &str = "system.posix_acl_access";

/// The ACL of an open file; none where there is none or the file system has no such thing.
pub(super) fn of_open(fd: impl AsFd, users: &Users) -> io::Result<Option<Acl>> {
    read(|buffer| rustix::fs::fgetxattr(&fd, NAME, buffer), users)
}

/// The ACL of what a path leads to, links followed.
pub(super) fn of(path: &Path, users: &Users) -> io::Result<Option<Acl>> {
    read(|buffer| rustix::fs::getxattr(path, NAME, buffer), users)
}

/// Most have none, and the others a few entries.
fn read(get: impl Fn(&mut [u8]) -> Result<usize, Errno>, users: &Users) -> io::Result<Option<Acl>> {
    let mut few = [0u8; 512];
    match get(&mut few) {
        Err(Errno::RANGE) => {
            let mut many = vec![0u8; XATTR_SIZE_MAX];
            let length = get(&mut many);
            found(length.map(|length| &many[..length]), users)
        }
        length => found(length.map(|length| &few[..length]), users),
    }
}

fn found(bytes: Result<&[u8], Errno>, users: &Users) -> io::Result<Option<Acl>> {
    match bytes.map(|bytes| parse(bytes, users)) {
        Ok(Some(acl)) => Ok(Some(acl)),
        Ok(None) => Err(io::Error::new(io::ErrorKind::InvalidData, "its ACL is in a form that is not known")),
        Err(Errno::NODATA | Errno::NOTSUP) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// linux/posix_acl_xattr.h: a version, then entries of tag, rights and number, all little-endian.
fn parse(bytes: &[u8], users: &Users) -> Option<Acl> {
    let (version, entries) = bytes.split_first_chunk()?;
    let (entries, []) = entries.as_chunks::<8>() else { return None };
    if u32::from_le_bytes(*version) != VERSION {
        return None;
    }
    let entries: Vec<(u16, u32, u32)> = entries
        .iter()
        .map(|[t0, t1, r0, r1, id @ ..]| {
            let rights = u16::from_le_bytes([*r0, *r1]);
            (u16::from_le_bytes([*t0, *t1]), u32::from(rights & 7), u32::from_le_bytes(*id))
        })
        .collect();
    let mask = entries.iter().find(|(tag, ..)| *tag == MASK).map_or(7, |(_, rights, _)| *rights);
    let (_, group, _) = entries.iter().find(|(tag, ..)| *tag == GROUP_OBJ)?;
    let named = entries.iter().filter_map(|(tag, rights, id)| {
        let (to, name) = match *tag {
            USER => (Grantee::User(*id), users.user(*id)),
            GROUP => (Grantee::Group(*id), users.group(*id)),
            _ => return None,
        };
        Some(Grant { to, name, rights: rights & mask })
    });
    Some(Acl { group: group & mask, named: named.collect() })
}

const VERSION: u32 = 2;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
/// linux/limits.h
const XATTR_SIZE_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(tag: u16, rights: u16, id: u32) -> Vec<u8> {
        [&tag.to_le_bytes()[..], &rights.to_le_bytes(), &id.to_le_bytes()].concat()
    }

    #[test]
    fn the_mask_limits_the_group_and_the_named() {
        let entries = [
            entry(1, 6, u32::MAX),
            entry(USER, 6, 4242),
            entry(GROUP_OBJ, 7, u32::MAX),
            entry(MASK, 4, u32::MAX),
            entry(0x20, 0, u32::MAX),
        ];
        let bytes = [VERSION.to_le_bytes().to_vec(), entries.concat()].concat();
        let grant = Grant { to: Grantee::User(4242), name: "4242".into(), rights: 4 };
        assert_eq!(parse(&bytes, &Users::here()), Some(Acl { group: 4, named: vec![grant] }));
        assert_eq!(parse(&bytes[..bytes.len() - 1], &Users::here()), None, "cut short");
        assert_eq!(parse(&[3, 0, 0, 0], &Users::here()), None, "another version");
    }
}
