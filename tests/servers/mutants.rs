//! Wrong configurations out of a good one, each with one thing changed as people get it wrong. They are enumerated, not drawn,
//! so that each has a name under which it can be found again.

use std::path::PathBuf;

use super::pki::Pki;
use crate::common::Test;
use crate::common::keys::openssl;
use crate::common::pki::cert_pem;

/// A configuration with one change.
pub struct Mutant {
    /// What was changed, in words; no other mutant of the same configuration has the same.
    pub name: String,
    pub text: String,
}

/// How a server's configuration is written, as far as it can be got wrong, and who would tell.
pub struct Style {
    /// The file in the scratch directory.
    pub config: &'static str,
    /// The server's own checker, with `DIR` for the scratch directory.
    pub checker: &'static [&'static str],
    /// Between a name and its value.
    pub separator: &'static str,
    /// What only stands around a part of it: the lines before and behind.
    pub blocks: &'static [(&'static str, &'static str)],
    /// Words for the oldest protocol, right ones and wrong ones.
    pub protocols: &'static [&'static str],
    /// Cipher lists, right ones and wrong ones.
    pub ciphers: &'static [&'static str],
}

impl Style {
    /// That of a server, by pkit's word for it.
    pub fn of(server: &str) -> &'static Style {
        match server {
            "dovecot" => &Style {
                config: "dovecot/dovecot.conf",
                checker: &["doveconf", "-n", "-c", "DIR/dovecot/dovecot.conf"],
                separator: " = ",
                blocks: &[
                    ("protocol imap {", "}"),
                    ("protocol pop3 {", "}"),
                    ("local 127.0.0.1 {", "}"),
                    ("local_name www.example.org {", "}"),
                ],
                protocols: &[
                    "TLSv1",
                    "TLSv1.1",
                    "TLSv1.3",
                    "TLS1.2",
                    "TLSv1.2+",
                    ">=TLSv1.2",
                    "SSLv3",
                    "ANY",
                    "LATEST",
                    "1.2",
                ],
                ciphers: OPENSSL_CIPHERS,
            },
            "postfix" => &Style {
                config: "postfix/main.cf",
                checker: &["postconf", "-n", "-c", "DIR/postfix"],
                separator: " = ",
                blocks: &[],
                protocols: &[
                    "TLSv1.2",
                    "TLSv1.2:TLSv1.1:TLSv1:!SSLv3",
                    "!SSLv2, !SSLv3",
                    "!SSLv2, !SSLv3, !TLSv1, !TLSv1.1",
                    "!TLSv1.2",
                    ">=TLS1.2",
                    ">=1.2",
                    ">= TLSv1.2",
                    ">=TLSv1",
                    ">=TLSv1.3",
                    "TLSv1.2 TLSv1.3",
                ],
                ciphers: &["low", "medium", "HIGH", "export", "null", "HIGH:!aNULL", "NOPE", ""],
            },
            "openldap" => &Style {
                config: "slapd/change.ldif",
                checker: &["slapmodify", "-u", "-n0", "-F", "DIR/slapd/config", "-l", "DIR/slapd/change.ldif"],
                separator: ": ",
                blocks: &[],
                protocols: &["3.1", "3.2", "3.4", "1.2", "771", "TLSv1.2", "3"],
                ciphers: &[
                    "HIGH:!aNULL:!MD5",
                    "ECDHE-ECDSA-AES128-GCM-SHA256",
                    "NORMAL",
                    "NORMAL:-VERS-ALL:+VERS-TLS1.2",
                    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2",
                    "SECURE256",
                    "SECURE128:-VERS-TLS-ALL:+VERS-TLS1.2",
                    "NORMAL:+NOPE",
                    "PFS",
                    "NOPE",
                    "",
                ],
            },
            "apache" => &Style {
                config: "apache/apache2.conf",
                checker: &["apache2", "-t", "-f", "DIR/apache/apache2.conf"],
                separator: " ",
                blocks: &[
                    ("<IfModule mod_ssl.c>", "</IfModule>"),
                    ("<IfModule !mod_ssl.c>", "</IfModule>"),
                    ("<VirtualHost *:444>", "</VirtualHost>"),
                    ("<VirtualHost *:443>", "</VirtualHost *:443>"),
                    ("<Directory />", "</Directory>"),
                ],
                protocols: &[
                    "TLSv1.2",
                    "TLSv1.2 TLSv1.3",
                    "-all +TLSv1.2 +TLSv1.1 +TLSv1",
                    "all",
                    "all -SSLv3",
                    "all -SSLv3 -TLSv1 -TLSv1.1",
                    ">=TLSv1.2",
                    "-all +TLSv1.3",
                    "TLS1.2",
                    "+SSLv3",
                ],
                ciphers: OPENSSL_CIPHERS,
            },
            "nginx" => &Style {
                config: "nginx/nginx.conf",
                checker: &["nginx", "-t", "-c", "DIR/nginx/nginx.conf"],
                separator: " ",
                blocks: &[
                    ("server {", "}"),
                    ("http {", "}"),
                    ("location / {", "}"),
                    ("server {\n  listen 444 ssl;\n}", ""),
                ],
                protocols: &[
                    "TLSv1.2;",
                    "TLSv1.2 TLSv1.3;",
                    "TLSv1.2, TLSv1.3;",
                    "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;",
                    "all -SSLv3;",
                    ">=TLSv1.2;",
                    "TLSv1.3;",
                    "TLS1.2;",
                    "SSLv3 TLSv1.3 TLSv1.2;",
                    "TLSv1.2 TLSv1.3",
                ],
                ciphers: &[
                    "HIGH:!aNULL:!MD5;",
                    "ECDHE-ECDSA-AES128-GCM-SHA256;",
                    "ECDHE-RSA-AES128-GCM-SHA256;",
                    "DHE-RSA-AES128-GCM-SHA256;",
                    "ALL:@SECLEVEL=0;",
                    "TLS_AES_256_GCM_SHA384;",
                    "HIGH !aNULL;",
                    "'HIGH:!aNULL';",
                    "NOPE;",
                    ";",
                    "NOPE",
                ],
            },
            "courier" => &Style {
                config: "courier/imapd-ssl",
                checker: &["sh", "-n", "DIR/courier/imapd-ssl"],
                separator: "=",
                blocks: &[("if false; then", "fi")],
                protocols: &[],
                ciphers: &[
                    "NORMAL",
                    "\"NORMAL:-VERS-ALL:+VERS-TLS1.2\"",
                    "\"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2\"",
                    "SECURE256",
                    "\"HIGH:!aNULL:!MD5\"",
                    "NORMAL:+NOPE",
                    "\"NORMAL:%COMPAT\"",
                    "NOPE",
                    "",
                ],
            },
            "exim" => &Style {
                config: "exim/exim.conf",
                checker: &["exim4", "-C", "DIR/exim/exim.conf", "-bV"],
                separator: " = ",
                blocks: &[
                    (".ifdef NOTHING", ".endif"),
                    (".ifndef NOTHING", ".endif"),
                    ("begin transports\nsmtp:\n  driver = smtp", "begin rewrite"),
                ],
                protocols: &[],
                ciphers: &[
                    "HIGH:!aNULL:!MD5",
                    "ECDHE-ECDSA-AES128-GCM-SHA256",
                    "NORMAL",
                    "NORMAL:-VERS-ALL:+VERS-TLS1.2",
                    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2",
                    "SECURE256",
                    "NORMAL:+NOPE",
                    "PFS",
                    "NOPE",
                    "",
                ],
            },
            other => panic!("{other} has no style"),
        }
    }
}

/// Every one, in an order in which neighbours differ in kind: some of them, taken at even distances, are of all kinds.
pub fn mutants(base: &str, style: &Style, others: &[(String, String)], wrong: &[(&str, PathBuf)]) -> Vec<Mutant> {
    let lines: Vec<&str> = base.lines().collect();
    let mut mutants: Vec<Mutant> = others.iter().map(|(name, text)| mutant(name, text.clone())).collect();
    mutants.extend(whole(base, style));
    for (at, line) in lines.iter().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let which = format!("line {}, {}", at + 1, line.trim());
        for (what, new) in line_changes(line).into_iter().chain(value_changes(line, style, wrong)) {
            let mut text = lines.clone();
            text.splice(at..=at, new.iter().map(String::as_str));
            mutants.push(mutant(&format!("{which}: {what}"), text.join("\n") + "\n"));
        }
        let mut moved = lines.clone();
        let line = moved.remove(at);
        moved.push(line);
        mutants.push(mutant(&format!("{which}: moved to the end"), moved.join("\n") + "\n"));
    }
    mutants.retain(|mutant| mutant.text != base);
    mutants
}

fn mutant(name: &str, text: String) -> Mutant {
    Mutant { name: name.to_owned(), text }
}

/// Changes of everything at once.
fn whole(base: &str, style: &Style) -> Vec<Mutant> {
    let lines = || base.lines().filter(|line| !line.starts_with('#'));
    let each = |change: fn(&str) -> String| lines().map(|line| change(line) + "\n").collect::<String>();
    let mut all = vec![
        mutant("everything: CRLF", each(|line| format!("{line}\r"))),
        mutant("everything: indented", each(|line| format!("  {line}"))),
        mutant("everything: commented out", each(|line| format!("#{line}"))),
        mutant("everything: in upper case names", base.lines().map(|line| upper(line, style) + "\n").collect()),
        mutant("everything: a byte order mark before it", format!("\u{feff}{base}")),
        mutant("everything: said twice", format!("{base}{base}")),
        mutant("everything: the last line without its end", base.trim_end().to_owned()),
        mutant("everything: cut in the middle of a line", base[..base.len() - base.len() / 5].to_owned()),
        mutant("everything: nothing left", String::new()),
        mutant("everything: backwards", base.lines().rev().map(|line| format!("{line}\n")).collect()),
    ];
    for (open, close) in style.blocks {
        all.push(mutant(&format!("everything: in `{open}`"), format!("{open}\n{base}{close}\n")));
        all.push(mutant(&format!("everything: in `{open}` without its end"), format!("{open}\n{base}")));
    }
    all
}

fn upper(line: &str, style: &Style) -> String {
    match line.split_once(style.separator) {
        Some((name, value)) if !line.starts_with('#') => name.to_uppercase() + style.separator + value,
        _ => line.to_owned(),
    }
}

/// Changes that any line can have: what is to stand in its place.
fn line_changes(line: &str) -> Vec<(String, Vec<String>)> {
    let mut swapped: Vec<char> = line.chars().collect();
    let second = line.find(|c: char| c.is_alphanumeric()).map_or(0, |first| first + 1);
    if second + 1 < swapped.len() {
        swapped.swap(second, second + 1);
    }
    let changes = [
        ("left out", Vec::new()),
        ("two letters swapped", vec![swapped.into_iter().collect()]),
        ("a comment behind it", vec![format!("{line} # as the manual says")]),
        ("a semicolon behind it", vec![format!("{line};")]),
        ("a backslash behind it", vec![format!("{line}\\")]),
        ("indented", vec![format!("    {line}")]),
        ("commented out", vec![format!("#{line}")]),
        ("broken in two", {
            let middle = line.find([' ', '=', ':']).map_or(line.len(), |at| at + 1);
            vec![line[..middle].to_owned(), line[middle..].to_owned()]
        }),
    ];
    changes.map(|(what, new)| (what.to_owned(), new)).into()
}

/// Changes of a line's value.
fn value_changes(line: &str, style: &Style, wrong: &[(&str, PathBuf)]) -> Vec<(String, Vec<String>)> {
    let Some((name, value)) = line.split_once(style.separator) else { return Vec::new() };
    let said = |value: &str| vec![format!("{name}{}{value}", style.separator)];
    let mut all = vec![
        ("in quotes".to_owned(), said(&format!("\"{value}\""))),
        ("emptied".to_owned(), said("")),
        ("said twice on its line".to_owned(), said(&format!("{value} {value}"))),
        ("without blanks around its separator".to_owned(), vec![format!("{name}{}{value}", style.separator.trim())]),
        ("with blanks around its separator".to_owned(), vec![format!("{name} {} {value}", style.separator.trim())]),
        ("without its separator".to_owned(), vec![format!("{name} {value}")]),
    ];
    let mut to = |what: &str, new: &str| all.push((format!("made {what}"), said(new)));
    let lower = name.to_lowercase();
    if let Some(path) = path_in(value) {
        for (what, file) in wrong {
            to(what, &value.replace(path, file.to_str().unwrap()));
        }
        to(
            "a file's content or no longer",
            &match value.strip_prefix('<') {
                Some(path) => path.to_owned(),
                None => format!("<{value}"),
            },
        );
        to("relative", &value.replace(path, path.trim_start_matches('/')));
    } else if lower.contains("protocol") {
        style.protocols.iter().for_each(|word| to(word, word));
    } else if lower.contains("cipher") || lower.contains("priority") {
        style.ciphers.iter().for_each(|list| to(if list.is_empty() { "nothing" } else { list }, list));
    } else {
        for (yes, no) in
            [("yes", "no"), ("on", "off"), ("YES", "NO"), ("1", "0"), ("required", "no"), ("demand", "never")]
        {
            if value == yes || value == no {
                to("its opposite", if value == yes { no } else { yes });
            }
        }
        to("a word that it does not know", "maybe");
        to("true", "true");
    }
    all
}

/// The first path in a value.
fn path_in(value: &str) -> Option<&str> {
    let begin = value.find('/')?;
    value[begin..].split([',', ' ', '"']).next()
}

/// Files that do not belong where a path stands.
pub fn wrong_files(test: &Test, pki: &Pki) -> Vec<(&'static str, PathBuf)> {
    let other = pki.issuer.leaf(&["mail.example.org"]);
    let issued = |names: &[&str], until: i32| {
        let until = rcgen::date_time_ymd(until, 1, 1);
        let (_, der) = pki.issuer.issue(&pki.leaf.key, names, |params| params.not_after = until);
        cert_pem(&der) + &pki.issuer.pem()
    };
    let chain = pki.chain();
    let (first, rest) = chain.split_at(chain.len() - pki.issuer.pem().len());
    let key = std::fs::read_to_string(&pki.key).unwrap();
    let encrypted = {
        let input = pki.key.to_str().unwrap();
        openssl(&["pkcs8", "-topk8", "-in", input, "-passout", "pass:secret", "-v2", "aes-256-cbc"])
    };
    let der = openssl(&["x509", "-in", pki.fullchain.to_str().unwrap(), "-outform", "DER"]);
    std::fs::create_dir(test.path("directory")).unwrap();
    let mut files = vec![
        ("a file that is missing", test.path("missing.pem")),
        ("a directory", test.path("directory")),
        ("the certificate file", pki.fullchain.clone()),
        ("the key file", pki.key.clone()),
        ("another key", pki.wrong_key.clone()),
    ];
    let made = [
        ("an empty file", "empty.pem", Vec::new()),
        ("the leaf alone", "leaf-only.pem", first.into()),
        ("the chain backwards", "backwards.pem", [rest, first].concat().into()),
        ("in DER", "leaf.der", der),
        ("a certificate that has expired", "expired.pem", issued(&["mail.example.org"], 2001).into()),
        ("a certificate for another name", "other-name.pem", issued(&["www.example.org"], 3000).into()),
        ("a certificate for another key", "other.pem", (other.pem() + &pki.issuer.pem()).into()),
        ("key and chain in one file", "key-first.pem", [&*key, &*chain].concat().into()),
        ("chain and key in one file", "key-last.pem", [&*chain, &*key].concat().into()),
        ("an encrypted key", "encrypted.key", encrypted),
        ("a text", "note.txt", b"the certificate is in the other folder\n".to_vec()),
    ];
    files.extend(made.into_iter().map(|(what, name, content)| (what, test.file(name, content))));
    files
}

const OPENSSL_CIPHERS: &[&str] = &[
    "HIGH:!aNULL:!MD5",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES128-GCM-SHA256",
    "ALL:@SECLEVEL=0",
    "TLS_AES_256_GCM_SHA384",
    "NORMAL",
    "ECDHE+AESGCM",
    "HIGH:!TLSv1.2",
    "NOPE",
    "",
];
