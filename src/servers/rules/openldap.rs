//! slapd: what its TLS library does not know is accepted and ignored, what it cannot use is refused with "error (80)" and no
//! reason, and `slaptest` opens no file.

use super::{Placed, Said, priority};
use crate::finding::{Finding, rules};
use crate::servers::build::Library;
use crate::servers::gnutls;
use crate::servers::syntax::ldif::END;

/// What is wrong in slapd's own words.
pub(super) fn judge(said: &Said<'_>) -> Vec<Finding> {
    let mut found = library(said);
    found.extend(said.all("olcTLSProtocolMin").filter_map(|placed| protocol(&placed)));
    found.extend(security(said));
    found.extend(wrong_file(said));
    found.extend(said.all("olcAuthzRegexp").filter_map(|placed| regexp(&placed)));
    found.extend(change(said));
    found
}

fn library(said: &Said<'_>) -> Vec<Finding> {
    let library = said.build.library;
    let mut found = Vec::new();
    for placed in said.all("olcTLSCipherSuite") {
        let either = placed.value().is_some_and(gnutls::is_suite_b) && library == Library::GnuTls;
        let for_gnutls = either || placed.value().is_some_and(gnutls::is_priority);
        if for_gnutls && library == Library::GnuTls {
            found.extend(priority::judge(&placed));
        }
        if for_gnutls != (library == Library::GnuTls) && placed.value().is_some() {
            let words = if for_gnutls { "GnuTLS" } else { "OpenSSL" };
            found.push(
                placed.breaks(&CIPHERS, format!("the string is for {words}, and this slapd is built with {library}")),
            );
        }
    }
    let modern = format!("olcTLSCipherSuite: {}", priority::MODERN);
    found.extend(priority::by_default(said, "olcTLSCertificateFile", "olcTLSCipherSuite", modern.clone()));
    let ignored: &[&str] = match library {
        Library::GnuTls => &["olcTLSProtocolMin", "olcTLSCRLCheck", "olcTLSECName"],
        Library::OpenSsl => &["olcTLSCRLFile"],
    };
    let instead = |name: &str| match name.to_ascii_lowercase().as_str() {
        "olctlsprotocolmin" => modern.as_str(),
        "olctlscrlcheck" => "olcTLSCRLFile: /path/to/crls.pem",
        _ => "olcTLSCRLCheck: all",
    };
    for placed in ignored.iter().flat_map(|name| said.all(name)) {
        let name = placed.statement.name.as_str();
        let message = format!("{name} is accepted and ignored by a slapd that is built with {library}");
        found.push(placed.breaks(&IGNORED, message).instead(instead(name)));
    }
    found
}

/// The numbers of the record layer.
fn protocol(placed: &Placed<'_>) -> Option<Finding> {
    let value = placed.value()?;
    let known = ["3.0", "3.1", "3.2", "3.3", "3.4"].contains(&value);
    let message = || format!("`{value}` is no number of a TLS record: TLS 1.2 is 3.3, TLS 1.3 is 3.4");
    (!known).then(|| placed.breaks(&PROTOCOL, message()).instead(format!("{}: 3.3", placed.statement.name)))
}

/// What keeps root out of ldapi://.
fn security(said: &Said<'_>) -> Option<Finding> {
    let placed = said.last("olcSecurity")?;
    let asked = |factor: &str| {
        let words = placed.value().unwrap_or_default().split_whitespace();
        words.filter_map(|word| word.strip_prefix(factor)?.strip_prefix('=')?.parse::<u32>().ok()).next().unwrap_or(0)
    };
    let local = said.value("olcLocalSSF").and_then(|value| value.parse().ok()).unwrap_or(LOCAL_SSF);
    let (tls, ssf) = (asked("tls"), asked("ssf"));
    if tls == 0 && ssf <= local {
        return None;
    }
    let message = if tls > 0 {
        "ldapi:// has no TLS, so root cannot change the configuration any more".to_owned()
    } else {
        format!("ldapi:// counts as {local}, so root cannot change the configuration any more")
    };
    Some(placed.breaks(&LOCKED_OUT, message).instead(format!("{}: simple_bind=128", placed.statement.name)))
}

/// slapd.conf(5): the strength that ldapi:// counts as.
const LOCAL_SSF: u32 = 71;

fn wrong_file(said: &Said<'_>) -> Vec<Finding> {
    let client_file = |placed: &Placed<'_>| placed.path.file_name().is_some_and(|name| name == "ldap.conf");
    let mut found = Vec::new();
    for placed in said.statements {
        let name = placed.statement.name.to_ascii_uppercase();
        if client_file(placed) && name.starts_with("OLCTLS") && !name.starts_with("OLCTLS_") {
            let message = format!(
                "{} belongs into slapd.conf; programs that read ldap.conf ignore it",
                &placed.statement.name[3..]
            );
            found.push(placed.breaks(&WRONG_FILE, message));
        } else if !client_file(placed) && name.starts_with("TLS_") {
            let message = format!("{} belongs into ldap.conf; slapd does not know it", placed.statement.name);
            found.push(placed.breaks(&WRONG_FILE, message));
        }
    }
    found
}

/// Two words, each in quotes where it holds a blank.
fn regexp(placed: &Placed<'_>) -> Option<Finding> {
    let value = placed.value()?;
    let rest = value.strip_prefix('{').and_then(|v| v.split_once('}')).map_or(value, |(_, rest)| rest);
    let (mut words, mut quoted, mut inside) = (0, false, false);
    for c in rest.chars() {
        quoted ^= c == '"';
        let within = quoted || !c.is_whitespace();
        words += usize::from(within && !inside);
        inside = within;
    }
    (words > 2).then(|| placed.breaks(&REGEXP, format!("{words} words stand here, and slapd takes two")))
}

/// A change in LDIF, as it is given to ldapmodify.
fn change(said: &Said<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let records = said.statements.chunk_by(|a, b| a.path == b.path && a.statement.block == b.statement.block);
    let elsewhere = |placed: &&Placed<'_>| !placed.statement.scope.is_empty() && is_tls(&placed.statement.name);
    let ldif = |placed: &&Placed<'_>| placed.path.extension().is_some_and(|extension| extension == "ldif");
    found.extend(said.statements.iter().filter(ldif).find(elsewhere).map(|placed| {
        let message = format!(
            "{} is changed in `{}`, and only cn=config has it",
            placed.statement.name, placed.statement.scope[0]
        );
        placed.breaks(&ENTRY, message)
    }));
    let (mut certificate, mut key) = (None, None);
    for record in records.filter(|record| record[0].path.extension().is_some_and(|e| e == "ldif")) {
        let has = |name: &str| record.iter().find(|placed| placed.statement.is(name));
        let verbs = |placed: &&Placed<'_>| placed.statement.is("replace") || placed.statement.is("add");
        let changes: Vec<&Placed<'_>> = record.iter().filter(verbs).collect();
        let content = has("objectClass").is_some() || has("cn").is_some();
        let kind = has("changetype").and_then(|placed| placed.value());
        if content || kind.is_some_and(|kind| kind != "modify") {
            continue;
        }
        if kind.is_none() {
            found.push(
                record[0]
                    .breaks(&NO_CHANGETYPE, "the record does not say that it changes something")
                    .instead("changetype: modify"),
            );
        }
        for (n, verb) in changes.iter().enumerate().skip(1) {
            let before =
                |p: &&Placed<'_>| (changes[n - 1].statement.line..verb.statement.line).contains(&p.statement.line);
            if !record.iter().filter(before).any(|p| p.statement.name == END) {
                found.push(verb.breaks(&NO_DASH, "no line with `-` stands before this change").instead(END));
            }
        }
        for verb in changes.iter().filter(|verb| verb.statement.is("add")) {
            if verb.value().is_some_and(is_tls) {
                let message = format!("it fails where {} has a value already", verb.statement.raw);
                found.push(verb.breaks(&ADD, message).instead(format!("replace: {}", verb.statement.raw)));
            }
        }
        let pair = (has("olcTLSCertificateFile"), has("olcTLSCertificateKeyFile"));
        match pair {
            (Some(placed), None) => certificate = Some(*placed),
            (None, Some(placed)) => key = Some(*placed),
            _ => {}
        }
    }
    if let Some(alone) = certificate.or(key) {
        let severity = match said.build.library {
            Library::GnuTls => APART.severity,
            Library::OpenSsl => crate::finding::Severity::Warning,
        };
        found.push(alone.breaks(&APART, "certificate and key are not changed together").severity(severity));
    }
    found
}

fn is_tls(name: &str) -> bool {
    name.to_ascii_lowercase().starts_with("olctls")
}

rules! {
    /// Not this library's.
    CIPHERS = Error "openldap-cipher-library" {
        summary: "the cipher string is one for the other TLS library",
        help: "GnuTLS (Debian up to 12) wants a priority string, OpenSSL a cipher list; `pkit emit openldap` prints it",
        source: "tried on slapd 2.4.57, 2.5.13 and 2.6.10: error (80), or the start fails",
    }
    /// Accepted and ignored.
    IGNORED = Warning "openldap-setting-ignored" {
        summary: "slapd accepts a setting that its TLS library does not know, and ignores it",
        help: "say it in the words of the library that slapd was built with",
        source: "tried on slapd 2.5.13 (GnuTLS: TLS 1.1 connects, revoked clients come in) and 2.6.10 (OpenSSL: olcTLSCRLFile)",
    }
    /// Not N.M.
    PROTOCOL = Error "openldap-protocol" {
        summary: "olcTLSProtocolMin is no number of a TLS record",
        help: "TLS 1.2 is 3.3, TLS 1.3 is 3.4",
        source: "tried on slapd 2.5.13 and 2.6.10: `TLSv1.2` is error (80), `1.2` is accepted and has no effect",
    }
    /// root out of ldapi.
    LOCKED_OUT = Error "openldap-locked-out" {
        summary: "olcSecurity on cn=config also holds for ldapi://, by which root changes the configuration",
        help: "use simple_bind=128, set olcLocalSSF in the same change, or put olcSecurity on the database",
        source: "tried on slapd 2.5.13 and 2.6.10: `Confidentiality required (13)`",
    }
    /// The client's file or the server's.
    WRONG_FILE = Error "openldap-wrong-file" {
        summary: "a TLS directive of the server stands in ldap.conf, or one of the client in slapd.conf",
        help: "TLSCertificateFile and its like belong into slapd.conf, TLS_CACERT and its like into ldap.conf",
        source: "tried on slapd 2.5.13: `unknown directive <TLS_CACERT>`; ldap.conf(5)",
    }
    /// Too many words.
    REGEXP = Error "openldap-regexp-unquoted" {
        summary: "olcAuthzRegexp holds blanks outside of quotes",
        help: "put the pattern and the DN into double quotes each",
        source: "tried on slapd 2.5.13: `extra cruft after <regexp> <DN>`",
    }
    /// No modify.
    NO_CHANGETYPE = Warning "openldap-ldif-changetype" {
        summary: "a change in LDIF does not say that it is one",
        help: "write `changetype: modify` under the dn",
        source: "RFC 2849: a change record has a changetype; ldapmodify 2.5 takes one with `replace:` for a change all the same",
    }
    /// No dash.
    NO_DASH = Error "openldap-ldif-dash" {
        summary: "two changes of one entry stand without a `-` between them",
        help: "end each change with a line `-`",
        source: "tried with ldapmodify 2.5: `wrong attributeType`; RFC 2849",
    }
    /// Not cn=config.
    ENTRY = Error "openldap-ldif-entry" {
        summary: "a TLS setting is changed in another entry than cn=config",
        help: "write `dn: cn=config`",
        source: "tried on slapd 2.5.13: `no such object (32)` or `invalid DN (34)`",
    }
    /// Where a value may be.
    ADD = Warning "openldap-ldif-add" {
        summary: "an attribute that can have one value only is added",
        help: "use replace:, which works whether or not there is a value",
        source: "tried on slapd 2.4 (18) and 2.5 (19): the change fails where there is a value",
    }
    /// In two changes.
    APART = Error "openldap-changed-apart" {
        summary: "certificate and key are changed in different modifications",
        help: "change them in one: `pkit emit openldap` prints it",
        source: "tried on slapd 2.5.13 with GnuTLS: error (80); 2.6.10 with OpenSSL accepts it and has no TLS meanwhile",
    }
}
