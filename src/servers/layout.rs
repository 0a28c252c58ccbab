//! Where each installed server keeps its configuration, which files of it are read, by which grammar, and from where relative
//! names in them start. Looking whether they are there is left to `commands`.

use super::syntax::{self, Grammar};

/// Where a configuration can be.
#[derive(Debug)]
pub struct Place {
    /// The file or directory that is looked for.
    pub path: &'static str,
    /// The files in that directory that are read, as patterns; empty where the path is a file.
    pub files: &'static [&'static str],
}

/// The places of a server, in the order in which they are looked at; the first that is there counts, but for Courier, whose
/// services have a file each in one directory.
pub fn places(server: &str) -> &'static [Place] {
    match server {
        "dovecot" => &[Place { path: "/etc/dovecot/dovecot.conf", files: &[] }],
        "postfix" => &[Place { path: "/etc/postfix", files: &["main.cf", "master.cf"] }],
        "openldap" => &[
            Place { path: "/etc/ldap/slapd.d", files: SLAPD_D },
            Place { path: "/etc/openldap/slapd.d", files: SLAPD_D },
            Place { path: "/etc/ldap/slapd.conf", files: &[] },
            Place { path: "/etc/openldap/slapd.conf", files: &[] },
        ],
        "apache" => &[
            Place { path: "/etc/apache2/apache2.conf", files: &[] },
            Place { path: "/etc/httpd/conf/httpd.conf", files: &[] },
        ],
        "courier" => &[Place { path: "/etc/courier", files: COURIER }],
        "nginx" => &[
            Place { path: "/etc/nginx/nginx.conf", files: &[] },
            Place { path: "/usr/local/nginx/conf/nginx.conf", files: &[] },
        ],
        "haproxy" => &[Place { path: "/etc/haproxy/haproxy.cfg", files: &[] }],
        _ => &[],
    }
}

/// What is read of a directory that was named.
pub fn files(server: &str) -> &'static [&'static str] {
    match server {
        "dovecot" => &["dovecot.conf"],
        "postfix" => &["main.cf", "master.cf"],
        "openldap" => SLAPD_D,
        "apache" => &["apache2.conf", "httpd.conf"],
        "courier" => COURIER,
        "nginx" => &["nginx.conf"],
        "haproxy" => &["haproxy.cfg"],
        _ => &[],
    }
}

const SLAPD_D: &[&str] = &["cn=config.ldif", "cn=config/olcDatabase=*.ldif"];
const COURIER: &[&str] = &["imapd-ssl", "pop3d-ssl", "esmtpd-ssl", "courierd"];

/// Is each file of a directory a configuration of its own? Courier's services have one each.
pub fn stand_alone(server: &str) -> bool {
    server == "courier"
}

/// The grammar of a file, by its name.
pub fn grammar(server: &str, file: &str) -> &'static Grammar {
    match server {
        "postfix" if file.starts_with("master") => &syntax::master_cf::GRAMMAR,
        "postfix" => &syntax::main_cf::GRAMMAR,
        "openldap" if file.ends_with(".ldif") => &syntax::ldif::GRAMMAR,
        "openldap" => &syntax::slapd_conf::GRAMMAR,
        "apache" => &syntax::apache::GRAMMAR,
        "courier" => &syntax::shell::GRAMMAR,
        "nginx" => &syntax::nginx::GRAMMAR,
        "haproxy" => &syntax::haproxy::GRAMMAR,
        _ => &syntax::dovecot::GRAMMAR,
    }
}

/// The server whose configuration a file is, by its name and, where that does not tell, by words that only one of them uses.
pub fn recognize(path: &str, text: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let by_name = [
        ("dovecot.conf", "dovecot"),
        ("10-ssl.conf", "dovecot"),
        ("main.cf", "postfix"),
        ("master.cf", "postfix"),
        ("slapd.conf", "openldap"),
        ("cn=config.ldif", "openldap"),
        ("apache2.conf", "apache"),
        ("httpd.conf", "apache"),
        ("imapd-ssl", "courier"),
        ("pop3d-ssl", "courier"),
        ("nginx.conf", "nginx"),
        ("haproxy.cfg", "haproxy"),
    ];
    let by_words = [
        ("olcTLS", "openldap"),
        ("dn: cn=config", "openldap"),
        ("TLSCertificateFile", "openldap"),
        ("smtpd_tls_", "postfix"),
        ("<VirtualHost", "apache"),
        ("SSLCertificateFile", "apache"),
        ("SSLEngine", "apache"),
        ("TLS_CERTFILE", "courier"),
        ("ssl-default-bind-", "haproxy"),
        ("http-request ", "haproxy"),
        // Before a name of Dovecot's that it begins with.
        ("ssl_certificate", "nginx"),
        ("server_name ", "nginx"),
        ("ssl_cert", "dovecot"),
        ("ssl_server_", "dovecot"),
        ("ssl_min_protocol", "dovecot"),
    ];
    let named = by_name.iter().find(|(known, _)| *known == name).map(|(_, server)| *server);
    named.or_else(|| by_words.iter().find(|(word, _)| text.contains(word)).map(|(_, server)| *server))
}

/// Where relative names in the configuration start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// In the directory of the file that names them.
    Neighbour,
    /// In the directory of the first file.
    First,
    /// In the directory that this directive names, else in that of the first file.
    Directive(&'static str),
}

/// The base of a server's relative names.
pub fn base(server: &str) -> Base {
    match server {
        "apache" => Base::Directive("ServerRoot"),
        "nginx" => Base::First,
        _ => Base::Neighbour,
    }
}
