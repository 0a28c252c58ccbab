//! Postfix: `postfix check` does not look at TLS, and a TLS setting that cannot be used turns TLS off while mail goes on in the
//! clear. What holds for one service in master.cf is looked up there first.

use super::{Placed, Said, postfix_names};
use crate::finding::{Finding, Severity, rules};
use crate::servers::build::Version;
use crate::servers::misspelt::slip;
use crate::servers::syntax::master_cf::{SERVICE, STRAY};

/// What is wrong in Postfix's own words.
pub(super) fn judge(said: &Said<'_>) -> Vec<Finding> {
    let tls = |placed: &&Placed<'_>| placed.statement.name.contains("tls_") && placed.statement.name != SERVICE;
    let mut found = Vec::new();
    for placed in said.statements.iter().filter(tls) {
        found.extend(form(placed));
        found.extend(unknown(placed));
        if placed.statement.name.ends_with("protocols") {
            found.extend(protocols(placed, said.build.version));
        }
    }
    found.extend(both_protocols(said));
    found.extend(level(said));
    found.extend(certificates(said));
    found.extend(clients(said));
    found.extend(options(said));
    found.extend(submission(said));
    found
}

/// Comments and quotes are part of a value.
fn form(placed: &Placed<'_>) -> Option<Finding> {
    let raw = &placed.statement.raw;
    let name = &placed.statement.name;
    if let Some(at) = raw.find(" #").or_else(|| raw.find("\t#")) {
        let message = format!("{name}: `{}` is part of the value: a comment needs a line of its own", raw[at..].trim());
        return Some(placed.breaks(&COMMENT, message).instead(format!("{name} = {}", raw[..at].trim())));
    }
    let inner = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"'))?;
    Some(
        placed
            .breaks(&QUOTED, format!("{name}: the quotes are part of the value"))
            .instead(format!("{name} = {inner}")),
    )
}

/// `smtpd_tls_certfile`.
fn unknown(placed: &Placed<'_>) -> Option<Finding> {
    let name = &placed.statement.name;
    let server = name.strip_prefix("smtpd_tls_").map(|rest| postfix_names::SMTPD.contains(&rest));
    let client = name.strip_prefix("smtp_tls_").or_else(|| name.strip_prefix("lmtp_tls_"));
    let known = server.or_else(|| client.map(|rest| postfix_names::SMTP.contains(&rest)))?;
    // Without one of these there is no TLS at all.
    let vital = ["cert_file", "key_file", "chain_files", "security_level"];
    let vital = name.strip_prefix("smtpd_tls_").is_some_and(|rest| vital.iter().any(|known| slip(known, rest)));
    let severity = if vital { Severity::Error } else { UNKNOWN_PARAMETER.severity };
    (!known).then(|| {
        let message = format!("Postfix has no parameter {name}, and ignores it");
        placed.breaks(&UNKNOWN_PARAMETER, message).severity(severity)
    })
}

fn protocols(placed: &Placed<'_>, version: Version) -> Vec<Finding> {
    let Some(value) = placed.value() else { return Vec::new() };
    let name = &placed.statement.name;
    let words: Vec<&str> = value.split([',', ' ', '\t', ':']).filter(|word| !word.is_empty()).collect();
    let words: Vec<String> = words.into_iter().map(canonical).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let compares = |word: &&&str| word.starts_with(">=") || word.starts_with("<=");
    let bare = |word: &str| word.trim_start_matches(['!', '>', '<', '=']).to_owned();
    let hex = |word: &str| version >= V3_6 && word.chars().all(|c| c.is_ascii_hexdigit());
    let instead = format!("{name} = {SAFE}");
    if let Some(word) = words.iter().find(|word| !PROTOCOLS.contains(&bare(word).as_str()) && !hex(&bare(word))) {
        let message = format!("{name}: Postfix does not know `{word}`, and turns TLS off");
        return vec![placed.breaks(&PROTOCOL_UNKNOWN, message).instead(instead)];
    }
    if let Some(word) = words.iter().find(compares).filter(|_| version < V3_6) {
        let message = format!("{name}: Postfix {version} does not know `{word}`, and turns TLS off");
        return vec![placed.breaks(&PROTOCOL_SYNTAX, message).instead(instead)];
    }
    if let Some(why) = hole(&words) {
        return vec![placed.breaks(&PROTOCOL_HOLE, format!("{name}: {why}")).instead(instead)];
    }
    let positive: Vec<&str> = words.iter().filter(|w| !w.starts_with('!') && !compares(w)).copied().collect();
    if positive.is_empty() {
        return Vec::new();
    }
    let left_out = if positive.contains(&"TLSv1.3") { "" } else { ": TLS 1.3 is off" };
    let message = format!("{name} allows only what it names, {}{left_out}", positive.join(", "));
    vec![placed.breaks(&PROTOCOLS_POSITIVE, message).instead(instead)]
}

/// A protocol as Postfix writes it: names in small letters and in capital ones are the same to it.
fn canonical(word: &str) -> String {
    let name = word.trim_start_matches(['!', '>', '<', '=']);
    match PROTOCOLS.iter().find(|known| known.eq_ignore_ascii_case(name)) {
        Some(known) => word.replace(name, known),
        None => word.to_owned(),
    }
}

/// What the words leave out, where that is more than was meant: everything, or TLS 1.2 and not what is older.
fn hole(words: &[&str]) -> Option<&'static str> {
    let versions = &PROTOCOLS[2..];
    let rank = |word: &str| PROTOCOLS.iter().position(|known| *known == word);
    let bound = |sign: &str| words.iter().filter_map(|word| rank(word.strip_prefix(sign)?)).next_back();
    let named = |word: &str| words.contains(&word);
    let positive = words.iter().any(|word| PROTOCOLS.contains(word));
    let spoken = |version: &&str| {
        let rank = rank(version);
        (!positive || named(version))
            && !named(&format!("!{version}"))
            && bound(">=").is_none_or(|least| rank >= Some(least))
            && bound("<=").is_none_or(|most| rank <= Some(most))
    };
    let spoken: Vec<&str> = versions.iter().copied().filter(|version| spoken(version)).collect();
    match spoken[..] {
        [] => Some("no protocol is left"),
        ["TLSv1" | "TLSv1.1", ..] if !spoken.contains(&"TLSv1.2") => {
            Some("TLS 1.2 is left out, and older ones are not")
        }
        _ => None,
    }
}

/// One counts at level `may`, the other at `encrypt`.
fn both_protocols(said: &Said<'_>) -> Option<Finding> {
    let (may, encrypt) = (said.last("smtpd_tls_protocols"), said.last("smtpd_tls_mandatory_protocols"));
    let (one, other, level) = match (may, encrypt) {
        (Some(one), None) => (one, "smtpd_tls_mandatory_protocols", "encrypt"),
        (None, Some(one)) => (one, "smtpd_tls_protocols", "may"),
        _ => return None,
    };
    let message = format!("{other} is not set: at level `{level}` Postfix keeps its default, TLS 1.0");
    Some(one.breaks(&PROTOCOLS_ONE, message).instead(format!("{other} = {}", one.statement.raw)))
}

fn level(said: &Said<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for placed in said.all(LEVEL) {
        let known = |value: &str| ["none", "may", "encrypt", ""].contains(&value);
        // A comment behind it has been told of.
        if placed.value().is_some_and(|value| !known(value) && !value.contains(['#', '"'])) {
            let message = format!("`{}` is no level of smtpd: it dies", placed.statement.raw);
            found.push(placed.breaks(&LEVEL_UNKNOWN, message).instead(format!("{LEVEL} = may")));
        }
    }
    if let Some(wrapped) = said.last("smtpd_tls_wrappermode").filter(|p| p.value() == Some("yes")) {
        let message = "every service waits for TLS at once, port 25 too";
        found.push(wrapped.breaks(&WRAPPERMODE, message));
    }
    if let Some(level) = said.last(LEVEL).filter(|p| p.value() == Some("encrypt"))
        && public(said)
    {
        found.push(
            level
                .breaks(&ENCRYPT_EVERYWHERE, "port 25 refuses mail that comes without TLS")
                .instead(format!("{LEVEL} = may")),
        );
    }
    found
}

/// Does the public port, if it is known, follow main.cf?
fn public(said: &Said<'_>) -> bool {
    let services: Vec<_> = said.all(SERVICE).filter(|p| p.value().is_some_and(|v| v.ends_with("smtpd"))).collect();
    let port_25 = services.iter().find(|p| p.statement.scope.iter().any(|s| s == "smtp/inet" || s == "25/inet"));
    match port_25 {
        None => services.is_empty(),
        Some(service) => !said.all(LEVEL).any(|p| p.statement.scope == service.statement.scope),
    }
}

fn certificates(said: &Said<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let chain = said.last("smtpd_tls_chain_files").filter(|p| !p.statement.raw.is_empty());
    let old = said.last("smtpd_tls_cert_file").filter(|p| !p.statement.raw.is_empty() && p.value() != Some("none"));
    if let (Some(_), Some(old)) = (chain, old) {
        found.push(old.breaks(&CERT_IGNORED, "smtpd_tls_chain_files is set, so this is ignored"));
    }
    let on = said.last(LEVEL).is_some_and(|p| !p.statement.raw.is_empty())
        || ["smtpd_use_tls", "smtpd_enforce_tls"].iter().any(|name| said.says(name, &["yes"]));
    let elsewhere = said.all(LEVEL).chain(said.all("smtpd_tls_wrappermode")).any(|p| !p.statement.scope.is_empty());
    let any = ["eccert_file", "dcert_file"].iter().any(|name| said.last(&format!("smtpd_tls_{name}")).is_some())
        || said.last("tls_server_sni_maps").is_some()
        || said.any_of(CERTIFICATES).any(|placed| placed.value() != Some(""));
    if let Some(level) = said.last(LEVEL).filter(|level| matches!(level.value(), Some("may" | "encrypt")))
        && said.whole
        && !any
    {
        found.push(level.breaks(&NO_CERTIFICATE, "TLS is to be offered, and no certificate is named"));
    }
    if let (Some(named), false, false) = (chain.or(old), on, elsewhere) {
        let message = format!("{LEVEL} is not set, so STARTTLS is not offered");
        found.push(named.breaks(&LEVEL_EMPTY, message).instead(format!("{LEVEL} = may")));
    }
    for placed in said.all("smtpd_tls_dh512_param_file") {
        found.push(placed.breaks(&DH512, "export ciphers are gone since Postfix 3.6, and nothing reads this file"));
    }
    found
}

fn clients(said: &Said<'_>) -> Vec<Finding> {
    let required = said.all("smtpd_tls_req_ccert").filter(|placed| placed.value() == Some("yes"));
    let ignored = required.filter(|placed| {
        let level = said.near(*placed, LEVEL).and_then(|p| p.value());
        let wrapped = said.near(*placed, "smtpd_tls_wrappermode").and_then(|p| p.value()) == Some("yes");
        level != Some("encrypt") && !wrapped
    });
    ignored.map(|p| p.breaks(&REQ_CCERT, "TLS itself is not required here, so this is ignored")).collect()
}

/// `-o name = value`.
fn options(said: &Said<'_>) -> Vec<Finding> {
    let mut told = None;
    let strays = said.all(STRAY).filter(|placed| {
        // One blank too many makes several words; the first tells.
        let line = (placed.path, placed.statement.line);
        told.replace(line) != Some(line)
    });
    let tell = |placed: Placed<'_>| {
        let message = format!("`{}` is no `name=value`: a blank ends an option", placed.statement.raw);
        placed.breaks(&OPTION, message)
    };
    strays.map(tell).collect()
}

fn submission(said: &Said<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for sasl in said.all("smtpd_sasl_auth_enable").filter(|p| p.value() == Some("yes")) {
        let near = |name| said.near(sasl, name).and_then(|p| p.value());
        let safe = near(LEVEL) == Some("encrypt")
            || near("smtpd_tls_wrappermode") == Some("yes")
            || near("smtpd_tls_auth_only") == Some("yes");
        if !safe {
            let message = "passwords may come in over connections without TLS";
            found.push(sasl.breaks(&AUTH_IN_CLEAR, message).instead("smtpd_tls_auth_only = yes"));
        }
    }
    for name in ["smtpd_sender_restrictions", "smtpd_recipient_restrictions", "smtpd_relay_restrictions"] {
        for placed in said.all(name).filter(|p| p.statement.raw.contains("reject_sender_login_mismatch")) {
            if said.near(placed, "smtpd_sender_login_maps").is_none_or(|p| p.statement.raw.is_empty()) {
                let message = "smtpd_sender_login_maps is not set, so nobody owns any address";
                found.push(placed.breaks(&NO_LOGIN_MAPS, message));
            }
        }
    }
    found
}

const CERTIFICATES: &[&str] = &["smtpd_tls_chain_files", "smtpd_tls_cert_file"];
const LEVEL: &str = "smtpd_tls_security_level";
const SAFE: &str = "!SSLv2, !SSLv3, !TLSv1, !TLSv1.1";
const PROTOCOLS: &[&str] = &["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
const V3_6: Version = Version::of(&[3, 6]);

rules! {
    /// A comment behind a value.
    COMMENT = Error "postfix-comment-in-value" {
        summary: "a comment stands behind a value, and is taken for a part of it",
        help: "put the comment on a line of its own",
        source: "tried on Postfix 3.7.11: `Invalid TLS level \"encrypt # ...\"`, smtpd dies; postconf(5)",
    }
    /// Quotes around a value.
    QUOTED = Error "postfix-quoted-value" {
        summary: "a value stands in quotes, which are taken for a part of it",
        help: "take the quotes out",
        source: "tried on Postfix 3.7.11: the file is not found, or smtpd dies",
    }
    /// Misspelt.
    UNKNOWN_PARAMETER = Warning "postfix-unknown-parameter" {
        summary: "a TLS parameter is one that Postfix does not have",
        help: "correct its name",
        source: "tried on Postfix 3.7.11: `unused parameter`, a warning only",
    }
    /// No such protocol.
    PROTOCOL_UNKNOWN = Error "postfix-protocol-unknown" {
        summary: "a protocol list holds a word that Postfix does not know, and then TLS is off",
        help: "exclude what is old: !SSLv2, !SSLv3, !TLSv1, !TLSv1.1",
        source: "tried on Postfix 3.7.11: `Invalid TLS protocol list \">=TLS1.2\": disabling TLS support`",
    }
    /// Neither 1.2 nor newer.
    PROTOCOL_HOLE = Error "postfix-protocol-hole" {
        summary: "a protocol list leaves out TLS 1.2 and keeps what is older, or leaves out everything",
        help: "exclude what is old: !SSLv2, !SSLv3, !TLSv1, !TLSv1.1",
        source: "tried on Postfix 3.7.11 with `!TLSv1.2`; RFC 9325 section 3.1.1: TLS 1.2 must be supported",
    }
    /// `>=` before 3.6.
    PROTOCOL_SYNTAX = Error "postfix-protocol-syntax" {
        summary: "a protocol list is in the form of Postfix 3.6 and later, and this version is older",
        help: "exclude what is old: !SSLv2, !SSLv3, !TLSv1, !TLSv1.1; every version knows that form",
        source: "tried on Postfix 3.5.25: `disabling TLS support`, and mail goes on in plain text",
    }
    /// A list of what is allowed.
    PROTOCOLS_POSITIVE = Warning "postfix-protocols-positive" {
        summary: "a protocol list names what is allowed, and so leaves out what it does not name",
        help: "exclude what is old instead: !SSLv2, !SSLv3, !TLSv1, !TLSv1.1",
        source: "tried on Postfix 3.7.11: `TLSv1.2:TLSv1.1:TLSv1:!SSLv3` turns TLS 1.3 off and TLS 1.0 on",
    }
    /// One of two.
    PROTOCOLS_ONE = Warning "postfix-protocols-one" {
        summary: "only one of smtpd_tls_protocols and smtpd_tls_mandatory_protocols is set",
        help: "set both",
        source: "tried on Postfix 3.7.11: the first counts at level may, the second at encrypt",
    }
    /// No such level.
    LEVEL_UNKNOWN = Error "postfix-level-unknown" {
        summary: "smtpd_tls_security_level is none of none, may and encrypt",
        help: "use may on port 25, and encrypt for the submission service in master.cf",
        source: "tried on Postfix 3.7.11: `Invalid TLS level \"required\"`, smtpd dies",
    }
    /// No level.
    LEVEL_EMPTY = Error "postfix-level-empty" {
        summary: "a certificate is set, but no level, so TLS is not offered",
        help: "set smtpd_tls_security_level = may",
        source: "tried on Postfix 3.7.11: no STARTTLS, and no message",
    }
    /// Nothing to show.
    NO_CERTIFICATE = Error "postfix-no-certificate" {
        summary: "TLS is to be offered, and no certificate is named",
        help: "set smtpd_tls_chain_files (before 3.4: smtpd_tls_cert_file and smtpd_tls_key_file); `none` says that there is to be none",
        source: "tried on Postfix 3.7.11: `No server certs available. TLS can't be enabled`",
    }
    /// On every port.
    WRAPPERMODE = Error "postfix-wrappermode-everywhere" {
        summary: "smtpd_tls_wrappermode = yes stands in main.cf and holds for every service",
        help: "take it out, and write -o smtpd_tls_wrappermode=yes under the submissions (smtps, 465) service in master.cf",
        source: "tried on Postfix 3.7.11: clients of port 25 and 587 hang",
    }
    /// On the public port.
    ENCRYPT_EVERYWHERE = Warning "postfix-encrypt-everywhere" {
        summary: "TLS is required on port 25, so mail from servers without it is lost",
        help: "set may in main.cf, and encrypt for the submission service in master.cf",
        source: "RFC 3207 section 4: a publicly referenced server must not require TLS",
    }
    /// Two forms at once.
    CERT_IGNORED = Warning "postfix-cert-ignored" {
        summary: "smtpd_tls_cert_file stands beside smtpd_tls_chain_files, which takes its place",
        help: "remove smtpd_tls_cert_file and smtpd_tls_key_file",
        source: "tried on Postfix 3.7.11: a warning, and the older parameters are ignored",
    }
    /// Nothing reads it.
    DH512 = Warning "postfix-dh512" {
        summary: "smtpd_tls_dh512_param_file is set, and nothing reads it",
        help: "take the line out",
        source: "postconf(5): ignored since Postfix 3.6",
    }
    /// Not required, so ignored.
    REQ_CCERT = Warning "postfix-req-ccert-ignored" {
        summary: "client certificates are required where TLS is not, and so are not",
        help: "require them for a service with smtpd_tls_security_level=encrypt or smtpd_tls_wrappermode=yes",
        source: "tried on Postfix 3.7.11: `Can't require client certs unless TLS is required`",
    }
    /// Blanks in an option.
    OPTION = Error "postfix-option-blank" {
        summary: "an option in master.cf has a blank in it, which ends it",
        help: "write -o name=value without blanks, with commas in lists, or -o { name = value } from Postfix 3.0 on",
        source: "tried on Postfix 3.7.11: `missing '=' after attribute name` and `unexpected command-line argument`, smtpd dies",
    }
    /// Passwords in the clear.
    AUTH_IN_CLEAR = Error "postfix-auth-in-clear" {
        summary: "authentication is offered, and not only over TLS",
        help: "set smtpd_tls_auth_only = yes, or require TLS for the service",
        source: "postconf(5): smtpd_tls_auth_only",
    }
    /// Owners of nothing.
    NO_LOGIN_MAPS = Warning "postfix-no-login-maps" {
        summary: "senders are to own their addresses, and no table says who owns which",
        help: "set smtpd_sender_login_maps",
        source: "postconf(5): reject_sender_login_mismatch",
    }
}
