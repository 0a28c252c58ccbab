//! What was typed behind `emit`, and the settings that it asks for.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::commands::target::{BuildArgs, server_parser};
use crate::error::{Error, Result};
use crate::instant;
use crate::name::HostName;
use crate::servers::Server;
use crate::servers::profile::Profile;
use crate::settings::{CipherOrder, ClientCert, CrlCheck, Protocol, Scope, Scoped, TlsLevel, TlsSettings, UserField};

/// Print a server's TLS directives, to be pasted.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit emit dovecot --cert /etc/ssl/mail.pem --key /etc/ssl/private/mail.key
  pkit emit postfix --cert /c.pem --key /k.pem --server-version 3.5.25
  pkit emit openldap --cert /c.pem --key /k.pem --client-ca /ca.pem \\
       --client-cert require > tls.ldif
  pkit emit dovecot --cert /c.pem --key /k.pem \\
       --for name=imap.example.com:/c2.pem:/k2.pem

Directories of CAs end in `/`. Written from documents, since no server was
there to try them on: Dovecot before 2.3, Postfix before 3.5, OpenLDAP with
OpenSSL before 2.6 and with GnuTLS since, Apache before 2.4.62, Courier
before 5.0 and with OpenSSL, nginx but for 1.22 to 1.26, Exim
before 4.96.")]
pub struct Args {
    /// Which server
    #[arg(value_parser = server_parser())]
    pub(super) server: &'static Server,
    /// The certificate with its chain, leaf first, as the server will find it
    #[arg(long, value_name = "FILE")]
    pub(super) cert: PathBuf,
    /// The private key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The key's password, in a file without an end of line
    #[arg(long, value_name = "FILE")]
    key_password_file: Option<PathBuf>,
    /// A second certificate, for a key of another kind: ECDSA beside RSA
    #[arg(long, value_name = "FILE", requires = "alt_key")]
    alt_cert: Option<PathBuf>,
    /// The key of the second certificate
    #[arg(long, value_name = "FILE", requires = "alt_cert")]
    alt_key: Option<PathBuf>,
    /// CAs whose clients are trusted; for Dovecot with their CRLs
    #[arg(long, value_name = "FILE|DIR/")]
    client_ca: Option<PathBuf>,
    /// The CRLs of these CAs: the CA file again where they are in it
    #[arg(long, value_name = "FILE", requires = "client_ca")]
    crl: Option<PathBuf>,
    /// Whether clients are asked for a certificate
    #[arg(long, value_enum, requires = "client_ca")]
    client_cert: Option<ClientCertWord>,
    /// Who needs no client certificate all the same
    #[arg(long, value_enum, requires = "client_cert")]
    except: Option<ExceptWord>,
    /// Which field of the client's certificate is the user's name
    #[arg(long, value_enum, value_name = "FIELD", requires = "client_cert")]
    username_from_cert: Option<UserFieldWord>,
    /// Another certificate for a protocol, an address or a name:
    /// `imap:C:K`, `192.0.2.10:C:K`, `192.0.2.10/imap:C:K`, `name=HOST:C:K`
    #[arg(long = "for", value_name = "PART:CERT:KEY")]
    parts: Vec<PartWord>,
    /// Diffie-Hellman parameters; adds suites that use them
    #[arg(long, value_name = "FILE")]
    dh: Option<PathBuf>,
    /// Nothing without TLS
    #[arg(long, conflicts_with = "offer_tls")]
    require_tls: bool,
    /// TLS for those who ask; without either, what this server should do
    #[arg(long)]
    offer_tls: bool,
    /// The ports that listen
    #[arg(long, value_enum, value_delimiter = ',')]
    listen: Vec<ListenWord>,
    /// The oldest TLS version, in place of the profile's
    #[arg(long, value_enum, value_name = "VERSION")]
    min_protocol: Option<ProtocolWord>,
    /// The ciphers up to TLS 1.2 (an OpenSSL list), in place of the profile's
    #[arg(long, value_name = "LIST")]
    ciphers: Option<String>,
    /// The server's order of ciphers decides, whatever the profile says
    #[arg(long)]
    server_order: bool,
    /// Also for connections that this server opens to others
    #[arg(long)]
    outgoing: bool,
    /// CAs that are trusted there
    #[arg(long, value_name = "FILE|DIR/", requires = "outgoing")]
    outgoing_ca: Option<PathBuf>,
    /// Log TLS
    #[arg(long)]
    log: bool,
    /// How long a session can be taken up again: 3600s
    #[arg(long, value_name = "SPAN", value_parser = instant::span)]
    session_timeout: Option<time::Duration>,
    /// Do not tell in received messages how they were encrypted
    #[arg(long)]
    no_received_header: bool,
    /// The names of the web site, the principal one first
    #[arg(long, value_name = "HOST")]
    name: Vec<HostName>,
    /// Tell browsers to insist on TLS for two years (RFC 6797)
    #[arg(long)]
    hsts: bool,
    /// Send requests without TLS on to this host
    #[arg(long, value_name = "HOST")]
    redirect: Option<HostName>,
    /// Staple OCSP responses, where the certificate names a responder
    #[arg(long)]
    pub(super) stapling: bool,
    /// Mozilla's profile for protocols and ciphers
    #[arg(long, default_value = "intermediate", value_parser = profile_parser())]
    pub(super) profile: &'static Profile,
    /// The form of the text
    #[arg(long, value_parser = PossibleValuesParser::new(["conf", "postconf", "ldif", "slapd.conf"]))]
    pub(super) style: Option<String>,
    /// Which build of the server
    #[command(flatten)]
    pub(super) build: BuildArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ClientCertWord {
    No,
    Request,
    Require,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ExceptWord {
    /// Mail servers and clients that send mail with a password
    Smtp,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum UserFieldWord {
    #[value(name = "commonName")]
    CommonName,
    #[value(name = "emailAddress")]
    Email,
    #[value(name = "UID")]
    UserId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ListenWord {
    Starttls,
    Implicit,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProtocolWord {
    #[value(name = "1.2")]
    Tls12,
    #[value(name = "1.3")]
    Tls13,
}

/// `192.0.2.10/imap:/cert.pem:/key.pem`.
#[derive(Clone, Debug)]
struct PartWord {
    scope: Scope,
    cert: PathBuf,
    key: PathBuf,
}

impl FromStr for PartWord {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<PartWord, String> {
        let mut parts = text.rsplitn(3, ':');
        let (Some(key), Some(cert), Some(part)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("write it as PART:CERT:KEY, such as imap:/etc/ssl/c.pem:/etc/ssl/k.pem".to_owned());
        };
        Ok(PartWord { scope: scope(part)?, cert: cert.into(), key: key.into() })
    }
}

fn scope(part: &str) -> std::result::Result<Scope, String> {
    if let Some(name) = part.strip_prefix("name=") {
        let (stars, bare) = name.strip_prefix("*.").map_or(("", name), |bare| ("*.", bare));
        return match bare.parse::<HostName>() {
            Ok(HostName::Dns(name)) => Ok(Scope { name: Some(format!("{stars}{name}")), ..Scope::default() }),
            Ok(HostName::Ip(_)) => Err("a client asks for a name, not for an address (RFC 6066 section 3)".to_owned()),
            Err(no) => Err(no.to_string()),
        };
    }
    let (address, protocol) = match part.split_once('/') {
        Some((address, protocol)) => (Some(address), Some(protocol)),
        None if part.parse::<std::net::IpAddr>().is_ok() => (Some(part), None),
        None => (None, Some(part)),
    };
    let address = address.map(|a| a.parse().map_err(|_| format!("`{a}` is no address"))).transpose()?;
    let word = |text: &&str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if protocol.is_some_and(|protocol| !word(&protocol)) {
        return Err(format!("`{part}` is no protocol, address or name=HOST"));
    }
    Ok(Scope { address, protocol: protocol.map(str::to_owned), name: None })
}

/// `--profile` on the command line.
pub(crate) fn profile_parser() -> impl TypedValueParser<Value = &'static Profile> {
    let names = PossibleValuesParser::new(Profile::ALL.map(|profile| profile.name));
    names.try_map(|name| Profile::ALL.into_iter().find(|profile| profile.name == name).ok_or("no such profile"))
}

impl Args {
    /// What was asked for; everything else is left open.
    pub(super) fn settings(&self) -> Result<TlsSettings> {
        self.paths().try_for_each(|path| absolute(path))?;
        let min_protocol = self.min_protocol.map(|word| match word {
            ProtocolWord::Tls12 => Protocol::Tls12,
            ProtocolWord::Tls13 => Protocol::Tls13,
        });
        self.goes_together(min_protocol)?;
        let (client_ca, client_ca_dir) = file_or_directory(self.client_ca.as_ref());
        let (outgoing_ca, outgoing_ca_dir) = file_or_directory(self.outgoing_ca.as_ref());
        let listens = |word| (!self.listen.is_empty()).then(|| self.listen.contains(&word).into());
        let mut settings = TlsSettings {
            level: self.level().map(Into::into),
            certificate: Some(self.cert.clone().into()),
            key: Some(self.key.clone().into()),
            key_password_file: self.key_password_file.clone().map(Into::into),
            alt_certificate: self.alt_cert.clone().map(Into::into),
            alt_key: self.alt_key.clone().map(Into::into),
            client_ca: client_ca.map(Into::into),
            client_ca_dir: client_ca_dir.map(Into::into),
            client_crl: self.crl.clone().filter(|crl| Some(crl) != self.client_ca.as_ref()).map(Into::into),
            crl_check: self.crl.as_ref().map(|_| CrlCheck::Chain.into()),
            client_cert: self.client_cert.map(|word| word.meaning().into()),
            username_from_cert: self.username_from_cert.map(|word| word.meaning().into()),
            min_protocol: min_protocol.map(Into::into),
            ciphers: self.ciphers.clone().map(Into::into),
            order: self.server_order.then(|| CipherOrder::Server.into()),
            dh: self.dh.clone().map(Into::into),
            starttls: listens(ListenWord::Starttls),
            implicit: listens(ListenWord::Implicit),
            log: self.log.then(|| true.into()),
            session_timeout: self.session_timeout.map(seconds).transpose()?.map(Into::into),
            received_header: self.no_received_header.then(|| false.into()),
            outgoing: (self.outgoing && self.outgoing_ca.is_none()).then(|| TlsLevel::Offered.into()),
            outgoing_ca: outgoing_ca.map(Into::into),
            outgoing_ca_dir: outgoing_ca_dir.map(Into::into),
            names: (!self.name.is_empty()).then(|| names(&self.name).into()),
            hsts: self.hsts.then(|| TWO_YEARS.into()),
            redirect: self.redirect.as_ref().map(|host| in_url(host).into()),
            stapling: self.stapling.then(|| true.into()),
            scopes: self.parts.iter().map(PartWord::scoped).collect(),
            ..TlsSettings::default()
        };
        if let (Some(ExceptWord::Smtp), Some(ClientCertWord::Require)) = (self.except, self.client_cert) {
            settings.client_cert = Some(ClientCert::Request.into());
            let scope = Scope { protocol: Some("!smtp".to_owned()), ..Scope::default() };
            let required = TlsSettings { client_cert: Some(ClientCert::Require.into()), ..TlsSettings::default() };
            settings.scopes.push(Scoped { scope, settings: required });
        }
        Ok(settings)
    }

    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        let maybe = [
            &self.key_password_file,
            &self.alt_cert,
            &self.alt_key,
            &self.client_ca,
            &self.crl,
            &self.dh,
            &self.outgoing_ca,
        ];
        let parts = self.parts.iter().flat_map(|part| [&part.cert, &part.key]);
        [&self.cert, &self.key].into_iter().chain(maybe.into_iter().flatten()).chain(parts)
    }

    fn level(&self) -> Option<TlsLevel> {
        match (self.require_tls, self.offer_tls) {
            (true, _) => Some(TlsLevel::Required),
            (_, true) => Some(TlsLevel::Offered),
            _ => None,
        }
    }

    fn goes_together(&self, min: Option<Protocol>) -> Result<()> {
        if min.is_some_and(|min| min < self.profile.min_protocol) {
            let message = format!("the profile `{}` has no ciphers for TLS 1.2", self.profile.name);
            return Err(Error::usage(message).hint("leave --min-protocol away, or take --profile intermediate"));
        }
        if self.dh.is_some() && min.unwrap_or(self.profile.min_protocol) >= Protocol::Tls13 {
            return Err(Error::usage("TLS 1.3 uses no DH file").hint("leave --dh away"));
        }
        if self.except.is_some() && !matches!(self.client_cert, Some(ClientCertWord::Require)) {
            let hint = "add --client-cert require, or leave --except away";
            return Err(Error::usage("--except is from a client certificate that is required").hint(hint));
        }
        Ok(())
    }
}

impl PartWord {
    fn scoped(&self) -> Scoped {
        let settings = TlsSettings {
            certificate: Some(self.cert.clone().into()),
            key: Some(self.key.clone().into()),
            ..TlsSettings::default()
        };
        Scoped { scope: self.scope.clone(), settings }
    }
}

impl ClientCertWord {
    fn meaning(self) -> ClientCert {
        match self {
            ClientCertWord::No => ClientCert::No,
            ClientCertWord::Request => ClientCert::Request,
            ClientCertWord::Require => ClientCert::Require,
        }
    }
}

impl UserFieldWord {
    fn meaning(self) -> UserField {
        match self {
            UserFieldWord::CommonName => UserField::CommonName,
            UserFieldWord::Email => UserField::Email,
            UserFieldWord::UserId => UserField::UserId,
        }
    }
}

/// A directory is known by its `/` at the end: nothing is looked at on this machine, where the server may not be.
fn file_or_directory(path: Option<&PathBuf>) -> (Option<PathBuf>, Option<PathBuf>) {
    let path = path.cloned();
    let directory = path.as_ref().is_some_and(|path| path.as_os_str().as_encoded_bytes().ends_with(b"/"));
    if directory { (None, path) } else { (path, None) }
}

fn names(hosts: &[HostName]) -> Vec<String> {
    hosts.iter().map(HostName::to_string).collect()
}

/// RFC 3986 section 3.2.2.
fn in_url(host: &HostName) -> String {
    match host {
        HostName::Ip(std::net::IpAddr::V6(address)) => format!("[{address}]"),
        other => other.to_string(),
    }
}

fn seconds(span: time::Duration) -> Result<u32> {
    u32::try_from(span.whole_seconds()).map_err(|_| Error::usage("no session lives that long"))
}

fn absolute(path: &Path) -> Result<()> {
    if path.is_absolute() {
        return Ok(());
    }
    let hint = "write the whole path, from `/` on: the server does not know the directory you are in";
    Err(Error::usage(format!("{} is not an absolute path", path.display())).path(path).hint(hint))
}

/// Mozilla's guidelines 6.0: `hsts_min_age`.
const TWO_YEARS: u32 = 63_072_000;
