//! What makes each running server read its certificate again at the same path, and what looks at its configuration before. Of
//! these checks only nginx's and HAProxy's open the files (tried), so the others find what is wrong with the configuration and
//! nothing else; whether the new certificate is served only a handshake tells.

use super::syntax::ldif;
use crate::order::{Order, Program};

/// How one server is checked and told. Both take the place of an instance of its own, where one was named.
pub struct Reload {
    /// What the place is, for help: `CONFIG`. None where there is nothing to tell.
    pub place: Option<&'static str>,
    /// Looks at its configuration.
    pub check: fn(place: Option<&str>) -> Vec<Order>,
    /// Makes it read its files again.
    pub reload: fn(place: Option<&str>) -> Vec<Order>,
}

/// `doveadm reload` is needed and enough (tried on 2.3.19 and 2.4.1).
pub(super) static DOVECOT: Reload = Reload {
    place: Some("CONFIG"),
    check: |config| vec![Order::Run(program("doveconf", "-c", config, &["-n"]))],
    reload: |config| vec![Order::Run(program("doveadm", "-c", config, &["reload"]))],
};

/// smtpd processes read certificates when they start, which a reload makes them do; a table for SNI holds copies of keys and
/// chains and has to be made again first (tried on 3.7.11; postmap(1), -F).
pub(super) static POSTFIX: Reload = Reload {
    place: Some("DIR"),
    check: |dir| vec![Order::Run(program("postfix", "-c", dir, &["check"]))],
    reload: |dir| {
        let maps = program("postconf", "-c", dir, &["-x", "-h", "tls_server_sni_maps"]);
        vec![Order::Ask(maps, name_tables), Order::Run(program("postfix", "-c", dir, &["reload"]))]
    },
};

/// Old connections are served to their end by the old processes (`apachectl graceful`). Where it does not run it is started.
/// Some builds of apachectl take no options but only these words.
pub(super) static APACHE: Reload = Reload {
    place: Some("CONFIG"),
    check: |config| vec![Order::Run(apachectl(config, "configtest", &["-t"]))],
    reload: |config| vec![Order::Run(apachectl(config, "graceful", &["-k", "graceful"]))],
};

/// slapd opens the files again when the settings that name them are replaced by themselves, all in one change (tried on 2.5.13
/// and 2.6.10). Where it was started with a slapd.conf only a restart helps.
pub(super) static OPENLDAP: Reload = Reload {
    place: Some("LDAPI-URI"),
    // Where the configuration of an instance of its own is, slapd does not tell over LDAP (tried on 2.5.13); it judges what it is
    // told to replace itself, and refuses it with error 80.
    check: |uri| if uri.is_none() { vec![Order::Run(Program::new("slaptest", ["-u"]))] } else { Vec::new() },
    reload: |uri| vec![Order::Ask(search(uri.unwrap_or("ldapi:///"), TLS_FILES), replace_by_itself)],
};

/// couriertls reads its files anew for every connection (tried on 5.0.13), and there is no checker.
pub(super) static COURIER: Reload = Reload { place: None, check: |_| Vec::new(), reload: |_| Vec::new() };

/// By itself Exim sees a file that is replaced, after some seconds, and not a link that is moved; SIGHUP makes the daemon begin
/// anew (tried on 4.96). It tells where it has written its number; only a process of its name is told.
pub(super) static EXIM: Reload = Reload {
    place: Some("CONFIG"),
    check: |config| vec![Order::Run(program("exim", "-C", config, &["-bV"]))],
    reload: |config| vec![Order::Ask(program("exim", "-C", config, &["-bP", "pid_file_path"]), hang_up)],
};

/// Old connections are served to their end by the old processes; a configuration that it does not like leaves them as they are
/// (tried on 1.22.1).
pub(super) static NGINX: Reload = Reload {
    place: Some("CONFIG"),
    check: |config| vec![Order::Run(program("nginx", "-c", config, &["-t", "-q"]))],
    reload: |config| vec![Order::Run(program("nginx", "-c", config, &["-s", "reload"]))],
};

/// What runs as a service hands its ports over to new processes (haproxy(1), -W); there is no word for an instance elsewhere.
pub(super) static HAPROXY: Reload = Reload {
    place: None,
    check: |_| vec![Order::Run(Program::new("haproxy", ["-c", "-q", "-f", "/etc/haproxy/haproxy.cfg"]))],
    reload: |_| vec![systemd("haproxy")],
};

/// Any service of systemd, checked by whatever its unit does.
pub fn systemd(unit: &str) -> Order {
    Order::Run(Program::new("systemctl", ["reload", "--", unit]))
}

fn program(name: &str, flag: &str, place: Option<&str>, args: &[&str]) -> Program {
    let place = place.into_iter().flat_map(|place| [flag, place]);
    Program::new(name, place.chain(args.iter().copied()))
}

fn apachectl(config: Option<&str>, word: &str, options: &[&str]) -> Program {
    match config {
        None => Program::new("apachectl", [word]),
        Some(_) => program("apachectl", "-f", config, options),
    }
}

/// As root over the local socket.
fn search(uri: &str, attributes: &[&str]) -> Program {
    let what = ["-LLL", "-o", "ldif-wrap=no", "-b", "cn=config", "-s", "base"];
    Program::new("ldapsearch", AS_ROOT.iter().chain(&[uri]).chain(&what).chain(attributes).copied())
}

/// `postmap -F` for each table of files that is made by postmap.
fn name_tables(asked: &Program, answer: &str) -> Result<Vec<Program>, String> {
    const MADE: [&str; 5] = ["btree", "cdb", "dbm", "hash", "lmdb"];
    let place: Vec<&str> = asked.args.iter().take_while(|arg| *arg != "-x").map(String::as_str).collect();
    let tables = answer.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty());
    let made = tables.filter(|table| table.split_once(':').is_some_and(|(kind, _)| MADE.contains(&kind)));
    Ok(made.map(|table| Program::new("postmap", place.iter().copied().chain(["-F", table]))).collect())
}

/// The modify that replaces each of the settings by the value that it has.
fn replace_by_itself(asked: &Program, answer: &str) -> Result<Vec<Program>, String> {
    let told = (ldif::GRAMMAR.scan)(answer).statements;
    let ours = |name: &str| TLS_FILES.iter().any(|file| file.eq_ignore_ascii_case(name));
    let replaced: Option<String> = told
        .iter()
        .filter(|s| ours(&s.name))
        .map(|s| (ldif::GRAMMAR.print)(&s.name, s.value.as_deref().ok()?))
        .collect();
    match replaced {
        Some(changes) if !changes.is_empty() => {
            let input = ldif::GRAMMAR.head.to_owned() + &changes;
            let args = asked.args.iter().take(AS_ROOT.len() + 1).cloned();
            Ok(vec![Program { input, ..Program::new("ldapmodify", args) }])
        }
        Some(_) => {
            Err("cn=config names no TLS files; a slapd that was started with a slapd.conf must be restarted".into())
        }
        None => Err("cn=config names TLS files in a way that cannot be written again".into()),
    }
}

/// The signal for whom the file names.
fn hang_up(_: &Program, answer: &str) -> Result<Vec<Program>, String> {
    match answer.trim().split_once('=').map(|(_, path)| path.trim()) {
        Some(path) if path.starts_with('/') => {
            Ok(vec![Program::new("pkill", ["-HUP", "-F", path, "-x", "exim|exim4"])])
        }
        _ => Err("Exim does not tell where its daemon writes its number (pid_file_path)".to_owned()),
    }
}

const AS_ROOT: &[&str] = &["-Q", "-Y", "EXTERNAL", "-H"];
/// All that name files, since slapd reads all of them again.
const TLS_FILES: &[&str] = &["olcTLSCertificateFile", "olcTLSCertificateKeyFile"];

#[cfg(test)]
mod tests {
    use super::*;

    fn follows(order: &Order, answer: &str) -> Result<Vec<Program>, String> {
        let Order::Ask(asked, follows) = order else { panic!("{order:?}") };
        follows(asked, answer)
    }

    #[test]
    fn a_named_instance_is_meant_in_every_step() {
        let words = |orders: Vec<Order>| -> Vec<String> {
            let told = |order: &Order| match order {
                Order::Run(program) | Order::Ask(program, _) => program.to_string(),
            };
            orders.iter().map(told).collect()
        };
        assert_eq!(words((DOVECOT.check)(Some("/d.conf"))), ["doveconf -c /d.conf -n"]);
        assert_eq!(words((DOVECOT.reload)(None)), ["doveadm reload"]);
        assert_eq!(words((APACHE.reload)(Some("/a.conf"))), ["apachectl -f /a.conf -k graceful"]);
        assert_eq!(words((NGINX.check)(Some("/n.conf"))), ["nginx -c /n.conf -t -q"]);
        assert_eq!(words((NGINX.reload)(None)), ["nginx -s reload"]);
        assert_eq!(words((HAPROXY.check)(None)), ["haproxy -c -q -f /etc/haproxy/haproxy.cfg"]);
        assert_eq!(words((HAPROXY.reload)(None)), ["systemctl reload -- haproxy"]);
        let postfix = (POSTFIX.reload)(Some("/p"));
        let made = follows(&postfix[0], "hash:/p/sni, cdb:/p/more inline:{a=b}\n").unwrap();
        assert_eq!(
            made.iter().map(Program::to_string).collect::<Vec<_>>(),
            ["postmap -c /p -F hash:/p/sni", "postmap -c /p -F cdb:/p/more"]
        );
        assert_eq!(follows(&postfix[0], "\n"), Ok(Vec::new()));
        assert_eq!(words(postfix), ["postconf -c /p -x -h tls_server_sni_maps", "postfix -c /p reload"]);
    }

    #[test]
    fn exim_tells_where_its_number_is() {
        let reload = (EXIM.reload)(Some("/e.conf"));
        let told = follows(&reload[0], "pid_file_path = /run/exim4/exim.pid\n").unwrap();
        assert_eq!(told[0].to_string(), "pkill -HUP -F /run/exim4/exim.pid -x exim|exim4");
        assert!(follows(&reload[0], "pid_file_path = \n").is_err());
    }

    #[test]
    fn slapd_is_told_the_same_again_in_one_change() {
        let reload = (OPENLDAP.reload)(Some("ldapi://%2Fs"));
        let answer = "dn: cn=config\nolcTLSCertificateFile: /c.pem\nolcTLSCertificateKeyFile: /k.pem\n\n";
        let modify = follows(&reload[0], answer).unwrap().remove(0);
        assert_eq!(modify.to_string(), "ldapmodify -Q -Y EXTERNAL -H ldapi://%2Fs");
        assert_eq!(
            modify.input,
            "dn: cn=config\nchangetype: modify\nreplace: olcTLSCertificateFile\nolcTLSCertificateFile: /c.pem\n-\n\
             replace: olcTLSCertificateKeyFile\nolcTLSCertificateKeyFile: /k.pem\n-\n"
        );
        assert!(follows(&reload[0], "dn: cn=config\n\n").is_err());
    }
}
