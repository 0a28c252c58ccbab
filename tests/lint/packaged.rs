//! No false alarm: the configurations that Debian's packages bring, with what `pkit emit` prints put in.

use std::path::Path;

use super::{Bench, codes};
use crate::common::{cache, missing};

/// A server as a package installs it: where its files are copied from, and where the emitted part goes.
struct Packaged {
    server: &'static str,
    build: &'static str,
    /// Directories of the system or chroot that the configuration needs.
    from: &'static [&'static str],
    /// Where the emitted text is appended.
    into: &'static str,
}

const OF_BOOKWORM: &[Packaged] = &[
    Packaged {
        server: "dovecot",
        build: "--server-version 2.3.19.1",
        from: &["etc/dovecot", "usr/share/dovecot", "etc/ssl"],
        into: "etc/dovecot/conf.d/99-pkit.conf",
    },
    Packaged {
        server: "postfix",
        build: "--server-version 3.7.11",
        from: &["etc/postfix", "etc/ssl"],
        into: "etc/postfix/main.cf",
    },
    Packaged {
        server: "apache",
        build: "--server-version 2.4.71",
        from: &["etc/apache2"],
        into: "etc/apache2/sites-enabled/pkit.conf",
    },
    Packaged {
        server: "openldap",
        build: "--server-version 2.5.13 --tls-library gnutls",
        from: &["etc/ldap"],
        into: "etc/ldap/slapd.d/cn=config.ldif",
    },
    Packaged {
        server: "nginx",
        build: "--server-version 1.22.1",
        from: &["etc/nginx", "usr/share/nginx"],
        into: "etc/nginx/conf.d/pkit.conf",
    },
    Packaged {
        server: "haproxy",
        build: "--server-version 2.6.12",
        from: &["etc/haproxy"],
        into: "etc/haproxy/haproxy.cfg",
    },
];

const OF_TRIXIE: &[Packaged] = &[
    Packaged {
        server: "dovecot",
        build: "--server-version 2.4.1",
        from: &["etc/dovecot", "usr/share/dovecot", "etc/ssl"],
        into: "etc/dovecot/conf.d/99-pkit.conf",
    },
    Packaged {
        server: "postfix",
        build: "--server-version 3.10.13",
        from: &["etc/postfix", "etc/ssl"],
        into: "etc/postfix/main.cf",
    },
    Packaged {
        server: "apache",
        build: "--server-version 2.4.68",
        from: &["etc/apache2"],
        into: "etc/apache2/sites-enabled/pkit.conf",
    },
    Packaged {
        server: "openldap",
        build: "--server-version 2.6.10 --tls-library openssl",
        from: &["etc/ldap"],
        into: "etc/ldap/slapd.d/cn=config.ldif",
    },
    Packaged {
        server: "nginx",
        build: "--server-version 1.26.3",
        from: &["etc/nginx", "usr/share/nginx"],
        into: "etc/nginx/conf.d/pkit.conf",
    },
    Packaged {
        server: "haproxy",
        build: "--server-version 3.0.11",
        from: &["etc/haproxy"],
        into: "etc/haproxy/haproxy.cfg",
    },
];

const COURIER: &[Packaged] = &[Packaged {
    server: "courier",
    build: "--server-version 5.0.13 --tls-library gnutls",
    from: &["etc/courier"],
    into: "etc/courier/imapd-ssl",
}];

#[test]
fn what_packages_bring_gives_no_false_alarm() {
    let chroot = |name: &str| cache().join(name);
    for (root, servers) in [("/".into(), OF_BOOKWORM), (chroot("trixie"), OF_TRIXIE), (chroot("courier"), COURIER)] {
        if !root.join("etc").is_dir() {
            missing("a chroot with the packages of another Debian");
            continue;
        }
        for packaged in servers {
            no_alarm(&root, packaged);
        }
    }
}

fn no_alarm(root: &Path, packaged: &Packaged) {
    let b = Bench::new();
    let t = &b.t;
    for directory in packaged.from {
        let from = root.join(directory);
        if !from.is_dir() {
            missing(&format!("{} below {}", directory, root.display()));
            return;
        }
        let to = t.path("image").join(directory);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        t.peer("cp", [Path::new("-a"), &from, &to]).exits(0);
    }
    // The names of its own users.
    for list in ["etc/passwd", "etc/group"] {
        t.file(format!("image/{list}"), std::fs::read(root.join(list)).unwrap());
    }
    for (name, source) in [("c.pem", "fullchain.pem"), ("k.pem", "leaf.key"), ("both.pem", "key-last.pem")] {
        t.file(format!("image/etc/ssl/pkit/{name}"), t.read(source));
        t.chmod(format!("image/etc/ssl/pkit/{name}"), if name == "c.pem" { 0o444 } else { 0o400 });
    }
    let lint = |t: &crate::common::Test| {
        let words = ["lint", "--root", "image", "--json", "--trust", "root.pem", "--server", packaged.server];
        t.run(words.into_iter().chain(packaged.build.split_whitespace()))
    };
    // As it comes: certificates that the package makes for itself are not in the image.
    let alone = codes(&lint(t));
    // Courier's package really takes passwords without TLS.
    let expected = |code: &str| code == "named-file-missing" || code == "courier-tls-not-required";
    let unexpected: Vec<_> = alone.iter().filter(|code| !expected(code)).collect();
    assert!(unexpected.is_empty(), "{} as it comes: {unexpected:?}\n{}", packaged.server, lint(t).stdout);
    let files = ["--cert", "/etc/ssl/pkit/c.pem", "--key", "/etc/ssl/pkit/k.pem", "--name", "mail.example.org"];
    let both = ["--cert", "/etc/ssl/pkit/both.pem", "--key", "/etc/ssl/pkit/both.pem"];
    let files = match packaged.server {
        "apache" | "nginx" => &files[..],
        "haproxy" => &both[..],
        _ => &files[..4],
    };
    let emit = ["emit", packaged.server].into_iter().chain(packaged.build.split_whitespace());
    let emitted = t.run(emit.chain(files.iter().copied())).exits(0).stdout;
    let into = t.path("image").join(packaged.into);
    let before = std::fs::read_to_string(&into).unwrap_or_default();
    // `emit` says so itself: smtpd_tls_chain_files takes the place of these two.
    let replaced =
        |line: &&str| ["smtpd_tls_cert_file", "smtpd_tls_key_file"].iter().any(|name| line.starts_with(name));
    let before: String = before.lines().filter(|line| !replaced(line)).map(|line| format!("{line}\n")).collect();
    // What a change says of cn=config stands in its file afterwards.
    let stored = |line: &&str| packaged.server != "openldap" || line.starts_with("olc");
    let emitted: String = emitted.lines().filter(stored).map(|line| format!("{line}\n")).collect();
    t.file(into, before + &emitted);
    if let "courier" | "openldap" = packaged.server {
        // This user opens the key (Courier's behind STARTTLS).
        assert!(codes(&lint(t)).contains("server-cannot-read"));
        let passwd = t.text("image/etc/passwd");
        let of_user =
            |line: &str| line.strip_prefix(packaged.server)?.strip_prefix(":x:")?.split(':').next().map(str::to_owned);
        let uid = passwd.lines().find_map(of_user).unwrap();
        t.peer("chown", [&uid, "image/etc/ssl/pkit/k.pem"]).exits(0);
    }
    let told = lint(t);
    // A chroot has no store of CAs.
    let fine = codes(&told).iter().all(|code| expected(code)) && !told.stdout.contains("pkit/c.pem is");
    assert!(fine, "{} with what is emitted:\n{}", packaged.server, told.stdout);
}
