//! Dovecot: `doveconf -n` opens no certificate and passes nearly all of this; the server then starts and serves no TLS, or
//! something weaker than was meant.

use super::{Placed, Said};
use crate::finding::{Finding, rules};
use crate::servers::build::Version;
use crate::servers::syntax::dovecot::QUOTED_LT;

/// What is wrong in Dovecot's own words.
pub(super) fn judge(said: &Said<'_>) -> Vec<Finding> {
    let newer = said.build.version >= V2_4;
    let mut found = if newer { of_2_4(said) } else { of_2_3(said) };
    found.extend(protocol(said));
    found.extend(ciphers(said));
    found.extend(certificate(said));
    found.extend(alternative(said));
    found.extend(client_certificates(said));
    found.extend(passwords(said));
    found
}

/// The names of a setting in 2.3 and in 2.4.
struct Names(&'static str, &'static str);

impl Names {
    fn at<'a>(&self, said: &Said<'a>) -> Option<Placed<'a>> {
        said.last(self.0).or_else(|| said.last(self.1))
    }

    fn everywhere<'a>(&self, said: &Said<'a>) -> impl Iterator<Item = Placed<'a>> {
        said.all(self.0).chain(said.all(self.1))
    }

    fn is(&self, said: &Said<'_>, word: &str) -> bool {
        self.at(said).and_then(|placed| placed.value()) == Some(word)
    }
}

const CERT: Names = Names("ssl_cert", "ssl_server_cert_file");
const ALT_CERT: Names = Names("ssl_alt_cert", "ssl_server_alt_cert_file");
const ALT_KEY: Names = Names("ssl_alt_key", "ssl_server_alt_key_file");
const CA: Names = Names("ssl_ca", "ssl_server_ca_file");
const DH: Names = Names("ssl_dh", "ssl_server_dh_file");
const VERIFY: Names = Names("ssl_verify_client_cert", "ssl_server_request_client_cert");
const REQUIRE_CRL: Names = Names("ssl_require_crl", "ssl_server_require_crl");
const REQUIRE_CERT: &str = "auth_ssl_require_client_cert";

fn of_2_3(said: &Said<'_>) -> Vec<Finding> {
    let bare = |placed: &Placed<'_>| match &placed.statement.value {
        Ok(value) => !value.is_empty() && !value.starts_with('<') && !value.starts_with("-----"),
        Err(why) => *why == QUOTED_LT,
    };
    let contents = said.any_of(CONTENTS).filter(bare);
    let tell = |placed: Placed<'_>| {
        let name = &placed.statement.name;
        let path = placed.statement.raw.trim_matches(['"', '\'']).trim_start_matches('<').trim_start();
        let message =
            format!("{name} takes a file's content, and without a bare `<` this text is taken for the content");
        placed.breaks(&MISSING_LT, message).instead(format!("{name} = <{path}"))
    };
    contents.map(tell).collect()
}

fn of_2_4(said: &Said<'_>) -> Vec<Finding> {
    let mut found = config_version(said);
    for placed in said.statements {
        let name = placed.statement.name.as_str();
        if let Some((_, new)) = RENAMED.iter().find(|(old, _)| *old == name) {
            found.push(renamed(placed, new));
        } else if PATHS.contains(&name) && placed.statement.raw.starts_with('<') {
            let path = placed.statement.raw.trim_start_matches('<').trim_start();
            let message = format!("{name} takes a path: `<` puts the file's content in the place of its name");
            found.push(placed.breaks(&UNWANTED_LT, message).instead(format!("{name} = {path}")));
        }
    }
    found
}

/// The setting in the words of 2.4.
fn renamed(placed: &Placed<'_>, new: &'static str) -> Finding {
    let old = &placed.statement.name;
    let raw = placed.statement.raw.trim_start_matches('<').trim_start();
    let message = |what: &str| format!("Dovecot 2.4 does not know {old}{what}");
    if new.is_empty() {
        return placed.breaks(&RENAMED_RULE, message(", and has nothing in its place")).help("take the line out");
    }
    let value = match (old.as_str(), raw) {
        ("ssl_prefer_server_ciphers", "yes") => "server",
        ("ssl_prefer_server_ciphers", _) => "client",
        ("disable_plaintext_auth", "yes") => "no",
        ("disable_plaintext_auth", _) => "yes",
        ("verbose_ssl", _) => "category=ssl",
        ("ssl_protocols", _) => "TLSv1.2",
        (_, value) => value,
    };
    placed.breaks(&RENAMED_RULE, message(&format!(": the name is {new}"))).instead(format!("{new} = {value}"))
}

/// The first setting of the main file says for which version it was written.
fn config_version(said: &Said<'_>) -> Vec<Finding> {
    if !said.whole {
        return Vec::new();
    }
    let Some(first) = said.statements.first() else { return Vec::new() };
    let wanted = format!("{CONFIG_VERSION} = 2.4.0");
    let Some(placed) = said.last(CONFIG_VERSION) else {
        let message = format!("{CONFIG_VERSION} is missing: Dovecot {} does not start without it", said.build.version);
        return vec![first.breaks(&CONFIG_VERSION_RULE, message).instead(wanted)];
    };
    let version = placed.value().and_then(|value| value.parse::<Version>().ok());
    if first.statement.name != CONFIG_VERSION {
        return vec![placed.breaks(&CONFIG_VERSION_RULE, format!("{CONFIG_VERSION} must be the very first setting"))];
    }
    if version.is_none_or(|v| v < V2_4 || v > said.build.version) {
        let message = format!("Dovecot {} does not know the version {}", said.build.version, placed.statement.raw);
        return vec![placed.breaks(&CONFIG_VERSION_RULE, message).instead(wanted)];
    }
    Vec::new()
}

fn protocol(said: &Said<'_>) -> Vec<Finding> {
    let known: &[&str] = if said.build.version < V2_3_15 { &MIN_PROTOCOLS[..3] } else { MIN_PROTOCOLS };
    let unknown = said.all("ssl_min_protocol").filter(|p| p.value().is_some_and(|value| !known.contains(&value)));
    let tell = |placed: Placed<'_>| {
        let message =
            format!("Dovecot {} does not know `{}` and then serves no TLS", said.build.version, placed.statement.raw);
        placed.breaks(&MIN_PROTOCOL, message).instead("ssl_min_protocol = TLSv1.2")
    };
    unknown.map(tell).collect()
}

fn ciphers(said: &Said<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for placed in said.all("ssl_cipher_list") {
        let names: Vec<&str> = placed.value().unwrap_or_default().split([':', ',', ' ']).collect();
        let named = || names.iter().filter(|n| !n.is_empty() && !n.starts_with(['!', '-', '@']));
        if named().next().is_some() && named().all(|name| name.starts_with("TLS_")) {
            found.push(placed.breaks(&CIPHER_LIST, "the list holds names of TLS 1.3 suites only"));
        }
        let ephemeral = |name: &&str| name.starts_with("DHE-") || ["DHE", "EDH", "kDHE", "kEDH"].contains(name);
        if named().next().is_some() && named().all(ephemeral) && DH.at(said).is_none() {
            let message = "every cipher of the list needs Diffie-Hellman parameters, and none are named";
            found.push(placed.breaks(&DHE_WITHOUT_DH, message));
        }
    }
    found
}

/// What is to be shown outside of all blocks? The block of a name serves only whoever asks for that name.
fn certificate(said: &Said<'_>) -> Option<Finding> {
    let shown = |placed: &Placed<'_>| {
        let blocks = &placed.statement.scope;
        !placed.statement.raw.is_empty() && !blocks.iter().any(|block| block.starts_with("local_name"))
    };
    if !said.whole
        || said.says("ssl", &["no"])
        || !serves_clients(said)
        || CERT.everywhere(said).chain(said.all("ssl_cert_file")).any(|p| shown(&p))
    {
        return None;
    }
    let at = said.last("ssl").or_else(|| CERT.everywhere(said).next()).or_else(|| said.statements.first().copied())?;
    Some(at.breaks(&NO_CERTIFICATE, "TLS is on, which is the default, and no certificate is named for all clients"))
}

/// Does it listen for mail clients? One that only checks passwords for a mail server has no protocols.
fn serves_clients(said: &Said<'_>) -> bool {
    let Some(last) = said.last("protocols") else { return true };
    let lists: Vec<&str> = match last.value() {
        Some(known) => vec![known],
        None => said.all("protocols").map(|placed| placed.statement.raw.as_str()).collect(),
    };
    let mut words = lists.iter().flat_map(|list| list.split([' ', ',', '\t']));
    words.any(|word| !["", "none", "lmtp"].contains(&word))
}

fn alternative(said: &Said<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let there = |placed: &Placed<'_>| !placed.statement.raw.is_empty();
    for placed in ALT_CERT.everywhere(said).filter(there) {
        let key = ALT_KEY.everywhere(said).any(|key| key.block() == placed.block() && there(&key));
        if !key {
            found
                .push(placed.breaks(&ALT_WITHOUT_KEY, format!("{} is set, and its key is not", placed.statement.name)));
        }
    }
    let Some(outer) = ALT_CERT.at(said).filter(there) else { return found };
    for placed in CERT.everywhere(said).filter(|placed| !placed.statement.scope.is_empty()) {
        if !ALT_CERT.everywhere(said).any(|alt| alt.block() == placed.block()) {
            let message = format!(
                "{} holds in this block too, and clients that prefer its kind of key get that name",
                outer.statement.name
            );
            found.push(placed.breaks(&ALT_INHERITED, message).instead(format!("{} =", outer.statement.name)));
        }
    }
    found
}

fn client_certificates(said: &Said<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let verify = VERIFY.at(said).filter(|placed| placed.value() == Some("yes"));
    let required = said.all(REQUIRE_CERT).find(|placed| placed.value() == Some("yes"));
    if let Some(verify) = verify {
        if CA.everywhere(said).next().is_none() && said.whole {
            found.push(verify.breaks(&VERIFY_WITHOUT_CA, format!("{} is set, and no CA is", verify.statement.name)));
        }
        if required.is_none() && said.whole {
            let message = "whoever shows a revoked or foreign certificate still logs in with a password";
            found.push(verify.breaks(&DECORATION, message).instead(format!("{REQUIRE_CERT} = yes")));
        }
    } else if let Some(required) = required
        && VERIFY.everywhere(said).all(|placed| placed.value() == Some("no"))
        && said.whole
    {
        found
            .push(required.breaks(&REQUIRED_NOT_ASKED, "a certificate is required, and clients are not asked for one"));
    }
    let ignored = REQUIRE_CRL.everywhere(said).filter(|placed| placed.value() == Some("no"));
    found.extend(ignored.map(|placed| {
        let message = "CRLs are not looked at at all, not even those that are there";
        placed.breaks(&CRL_NOT_REQUIRED, message).instead(format!("{} = yes", placed.statement.name))
    }));
    found
}

fn passwords(said: &Said<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let clear = said.all("disable_plaintext_auth").filter(|p| p.value() == Some("no"));
    let clear = clear.chain(said.all("auth_allow_cleartext").filter(|p| p.value() == Some("yes")));
    for placed in clear.filter(|_| !said.says("ssl", &["required"]) && said.whole) {
        let safe = if said.build.version < V2_4 { "disable_plaintext_auth = yes" } else { "auth_allow_cleartext = no" };
        let message = "passwords may come in over connections without TLS";
        found.push(placed.breaks(&CLEARTEXT, message).instead(safe));
    }
    for placed in said.all("login_trusted_networks") {
        let wide = placed.value().unwrap_or_default().split([' ', ',']).filter(|net| !net.is_empty());
        let loopback = |net: &str| net.starts_with("127.") || net.starts_with("::1");
        if let Some(net) = wide.into_iter().find(|net| !loopback(net)) {
            found.push(placed.breaks(&TRUSTED_NETWORKS, format!("from {net} passwords may come in without TLS")));
        }
    }
    let certificates = VERIFY.is(said, "yes");
    for placed in said.statements.iter().filter(|_| certificates) {
        let name = &placed.statement.name;
        let in_passdb =
            name.starts_with("passdb_") || placed.statement.scope.iter().any(|head| head.starts_with("passdb"));
        let nopassword = name.ends_with("nopassword") || placed.statement.raw.contains("nopassword");
        if in_passdb && nopassword {
            found.push(
                placed
                    .breaks(&NOPASSWORD, "whoever has any certificate of the CA logs in as anybody, with any password"),
            );
        }
    }
    found
}

const V2_4: Version = Version::of(&[2, 4]);
const V2_3_15: Version = Version::of(&[2, 3, 15]);
const CONFIG_VERSION: &str = "dovecot_config_version";
const MIN_PROTOCOLS: &[&str] = &["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", "LATEST", "ANY"];

/// What takes a file's content until 2.3.
const CONTENTS: &[&str] =
    &["ssl_cert", "ssl_key", "ssl_ca", "ssl_dh", "ssl_alt_cert", "ssl_alt_key", "ssl_client_cert", "ssl_client_key"];
/// What takes a path from 2.4 on.
const PATHS: &[&str] = &[
    "ssl_server_cert_file",
    "ssl_server_key_file",
    "ssl_server_ca_file",
    "ssl_server_dh_file",
    "ssl_server_alt_cert_file",
    "ssl_server_alt_key_file",
    "ssl_client_cert_file",
    "ssl_client_key_file",
    "ssl_client_ca_file",
];
/// What 2.4 calls otherwise, or not at all.
const RENAMED: &[(&str, &str)] = &[
    ("ssl_cert", "ssl_server_cert_file"),
    ("ssl_key", "ssl_server_key_file"),
    ("ssl_ca", "ssl_server_ca_file"),
    ("ssl_dh", "ssl_server_dh_file"),
    ("ssl_alt_cert", "ssl_server_alt_cert_file"),
    ("ssl_alt_key", "ssl_server_alt_key_file"),
    ("ssl_key_password", "ssl_server_key_password"),
    ("ssl_verify_client_cert", "ssl_server_request_client_cert"),
    ("ssl_request_client_cert", "ssl_server_request_client_cert"),
    ("ssl_require_crl", "ssl_server_require_crl"),
    ("ssl_cert_username_field", "ssl_server_cert_username_field"),
    ("ssl_prefer_server_ciphers", "ssl_server_prefer_ciphers"),
    ("ssl_client_cert", "ssl_client_cert_file"),
    ("ssl_client_key", "ssl_client_key_file"),
    ("ssl_protocols", "ssl_min_protocol"),
    ("ssl_dh_parameters_length", ""),
    ("verbose_ssl", "log_debug"),
    ("disable_plaintext_auth", "auth_allow_cleartext"),
];

rules! {
    /// Not read as a file.
    MISSING_LT = Error "dovecot-missing-lt" {
        summary: "a setting of Dovecot 2.3 and before that takes a file's content names the file without a bare `<`",
        help: "put `<` in front of the path, outside of any quotes",
        source: "tried on Dovecot 2.3.19: doveconf passes it, no TLS at the first connection; with ssl_ca no client certificate is valid, silently",
    }
    /// Read as a file, and should not be.
    UNWANTED_LT = Error "dovecot-unwanted-lt" {
        summary: "a setting of Dovecot 2.4 that takes a path has a `<` in front of it",
        help: "take the `<` out",
        source: "tried on Dovecot 2.4.1: it does not start, since it takes the content for the name of a file",
    }
    /// A name of before.
    RENAMED_RULE = Error "dovecot-renamed" {
        summary: "Dovecot 2.4 does not know a setting of 2.3",
        help: "use the new name",
        source: "tried on Dovecot 2.4.1: `Unknown setting`, and it does not start",
    }
    /// The first line of 2.4.
    CONFIG_VERSION_RULE = Error "dovecot-config-version" {
        summary: "dovecot_config_version is missing, not the first setting, or not a version that this Dovecot knows",
        help: "let `dovecot_config_version = 2.4.0` be the first line of dovecot.conf",
        source: "tried on Dovecot 2.4.1: `The first setting must be dovecot_config_version`; it knows 2.4.0 and 2.4.1",
    }
    /// No such protocol here.
    MIN_PROTOCOL = Error "dovecot-min-protocol" {
        summary: "ssl_min_protocol has a value that this version of Dovecot does not know",
        help: "use TLSv1.2; TLSv1.3, LATEST and ANY are known from 2.3.15 on",
        source: "tried on Dovecot 2.3.13 and 2.3.19: `Unknown ssl_min_protocol setting`, no TLS at all, and doveconf passes it",
    }
    /// Nothing up to TLS 1.2.
    CIPHER_LIST = Error "dovecot-cipher-list" {
        summary: "ssl_cipher_list holds names of TLS 1.3 suites only, which belong into ssl_cipher_suites",
        help: "name ciphers up to TLS 1.2 there, or leave it out",
        source: "tried on Dovecot 2.3.19: no TLS; OpenSSL: SSL_CTX_set_cipher_list(3) takes no TLS 1.3 names",
    }
    /// Nothing to show.
    NO_CERTIFICATE = Error "dovecot-no-certificate" {
        summary: "TLS is on, and no certificate is named",
        help: "set ssl_cert and ssl_key (2.4: ssl_server_cert_file and ssl_server_key_file), or say ssl = no",
        source: "tried on Dovecot 2.3.19 and 2.4.1: it starts, and no client gets TLS",
    }
    /// Half a pair.
    ALT_WITHOUT_KEY = Error "dovecot-alt-without-key" {
        summary: "the certificate for the other kind of key has no key",
        help: "set its key beside it",
        source: "tried on Dovecot 2.3.19: no TLS at all, not even with the first pair",
    }
    /// The wrong name.
    ALT_INHERITED = Error "dovecot-alt-inherited" {
        summary: "a block sets its own certificate, but the alternative certificate of the whole server holds there too",
        help: "set the alternative pair in the block as well, or empty it there",
        source: "tried on Dovecot 2.3.19 and 2.4.1: clients that prefer ECDSA get the certificate of the other name",
    }
    /// Nobody is trusted.
    VERIFY_WITHOUT_CA = Error "dovecot-verify-without-ca" {
        summary: "client certificates are asked for, and no CA is named that issues them",
        help: "name the CA file; `pkit bundle dovecot-ca` makes it",
        source: "tried on Dovecot 2.3.19 and 2.4.1: `ssl_verify_client_cert set, but ssl_ca not`, and it does not start",
    }
    /// No revocation.
    CRL_NOT_REQUIRED = Warning "dovecot-crl-not-required" {
        summary: "Dovecot is told not to require CRLs, and then ignores them",
        help: "leave it at yes, and give every CA its current CRL with `pkit bundle dovecot-ca`",
        source: "tried on Dovecot 2.3.19 and 2.4.1: a revoked client logs in even where its CRL is there",
    }
    /// Asked for, and of no effect.
    DECORATION = Warning "dovecot-client-cert-decoration" {
        summary: "client certificates are asked for, but nobody needs one to log in",
        help: "set auth_ssl_require_client_cert = yes, unless certificates are only to be logged",
        source: "tried on Dovecot 2.3.19: the handshake goes through and a password is enough, with a revoked certificate too",
    }
    /// Required and not asked for.
    REQUIRED_NOT_ASKED = Error "dovecot-required-not-asked" {
        summary: "a client certificate is required to log in, and clients are not asked for one",
        help: "set ssl_verify_client_cert = yes (2.4: ssl_server_request_client_cert = yes)",
        source: "tried on Dovecot 2.3.19: nobody can log in (`client didn't send a cert`)",
    }
    /// No parameters for the only ciphers.
    DHE_WITHOUT_DH = Error "dovecot-dhe-without-dh" {
        summary: "only ciphers with Diffie-Hellman parameters are allowed, and no parameters are named",
        help: "name ECDHE ciphers, or a file that `pkit dhparam new` makes",
        source: "tried on Dovecot 2.3.19 (`no DH parameters provided`) and 2.4.1 (`no shared cipher`)",
    }
    /// Passwords in the clear.
    CLEARTEXT = Error "dovecot-cleartext" {
        summary: "passwords are taken over connections without TLS",
        help: "refuse them (disable_plaintext_auth = yes, in 2.4 auth_allow_cleartext = no), or set ssl = required",
        source: "Dovecot's manual: disable_plaintext_auth, auth_allow_cleartext",
    }
    /// Whom to trust.
    TRUSTED_NETWORKS = Warning "dovecot-trusted-networks" {
        summary: "logins without TLS are taken from addresses beyond this machine",
        help: "name only what needs it, such as a proxy that speaks TLS with the clients",
        source: "Dovecot's manual: login_trusted_networks",
    }
    /// No password.
    NOPASSWORD = Warning "dovecot-nopassword" {
        summary: "a password database takes any password, beside client certificates",
        help: "take the user's name from the certificate (auth_ssl_username_from_cert = yes), or use real passwords",
        source: "Dovecot's manual: passdb static, nopassword",
    }
}
