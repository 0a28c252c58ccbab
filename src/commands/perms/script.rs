//! The changes as a script for sh(1), for those who want to read before they run: without an argument it does what `perms fix`
//! would do, with `undo` it gives back what was there.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::content::RightsWrite;
use crate::facts::{Acl, Grantee};

/// The script.
pub(super) fn of(writes: &[RightsWrite]) -> Vec<u8> {
    let mut script = HEAD.as_bytes().to_vec();
    for write in writes {
        add(&mut script, &forward(write), &write.real);
    }
    script.extend(b"    ;;\nundo)\n");
    for write in writes.iter().rev() {
        add(&mut script, &back(write), &write.real);
    }
    script.extend(TAIL.as_bytes());
    script
}

fn forward(write: &RightsWrite) -> Vec<String> {
    let rights = &write.rights;
    let mut commands = vec![format!("chmod {:04o}", rights.mode)];
    commands.extend(rights.without_acl.then(|| "setfacl -b".to_owned()));
    commands.extend(rights.owner.map(|(uid, gid)| format!("chown {uid}:{gid}")));
    commands
}

/// The mode comes last: a change of the owner takes set-id bits away, and with an ACL the mode's group bits are its mask.
fn back(write: &RightsWrite) -> Vec<String> {
    let before = &write.before;
    let mut commands = Vec::new();
    if write.rights.owner.is_some() {
        commands.push(format!("chown {}:{}", before.uid, before.gid));
    }
    commands.extend(before.acl.as_ref().map(|acl| format!("setfacl --set {}", entries(before.mode, acl))));
    commands.push(format!("chmod {:04o}", before.mode));
    commands
}

/// The ACL as it took effect, in the words of setfacl(1).
fn entries(mode: u32, acl: &Acl) -> String {
    let mut text = format!("u::{},g::{},m::{},o::{}", mode >> 6 & 7, acl.group, mode >> 3 & 7, mode & 7);
    for grant in &acl.named {
        let (kind, number) = match grant.to {
            Grantee::User(uid) => ('u', uid),
            Grantee::Group(gid) => ('g', gid),
        };
        // Writing to a String cannot fail.
        let _ = write!(text, ",{kind}:{number}:{}", grant.rights);
    }
    text
}

fn add(script: &mut Vec<u8>, commands: &[String], path: &Path) {
    for command in commands {
        script.extend(format!("    {command} -- '").as_bytes());
        for byte in path.as_os_str().as_bytes() {
            match byte {
                b'\'' => script.extend(b"'\\''"),
                byte => script.push(*byte),
            }
        }
        script.extend(b"'\n");
    }
}

const HEAD: &str = "#!/bin/sh
# What pkit perms fix would do. `sh SCRIPT undo` gives back what was there before.
set -eu
case \"${1-do}\" in
do)
";
const TAIL: &str = "    ;;
*)
    echo \"usage: sh SCRIPT [undo]\" >&2
    exit 2
    ;;
esac
";
