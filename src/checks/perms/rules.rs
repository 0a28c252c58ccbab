//! The rules about modes, owners, ACLs and directories.

use crate::finding::rules;

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
    /// Where the world can ask for it.
    KEY_IN_WEB_ROOT = Warning "key-in-web-root" {
        summary: "a private key lies in a directory that a web server hands out",
        help: "move it out of there; if its mode ever let the web server's user read it, replace the key",
        source: "Apache HTTP Server 2.4, DocumentRoot: the directory from which httpd will serve files",
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
