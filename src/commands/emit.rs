//! `emit SERVER`: the directives that make a server use a certificate and a key, for the version at hand, to be pasted. It only
//! names paths and never opens them, and it writes into no configuration. `prepare` prints its directives through here too.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::commands::Outcome;
use crate::commands::target::{BuildArgs, server_parser};
use crate::content::Content;
use crate::error::{Error, Result};
use crate::report::{Report, Value, object};
use crate::servers::Server;
use crate::servers::build::Build;
use crate::servers::profile::{self, Profile};
use crate::settings::{ClientCert, Protocol, TlsLevel, TlsSettings};

/// Print a server's TLS directives, to be pasted.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit emit dovecot --cert /etc/ssl/mail.pem --key /etc/ssl/private/mail.key
  pkit emit postfix --cert /c.pem --key /k.pem --server-version 3.5.25
  pkit emit openldap --cert /c.pem --key /k.pem --client-ca /ca.pem \\
       --client-cert require > tls.ldif")]
pub struct Args {
    /// Which server
    #[arg(value_parser = server_parser())]
    server: &'static Server,
    /// The certificate with its chain, leaf first, as the server will find it
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// The private key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// CAs whose clients are trusted; for Dovecot with their CRLs
    #[arg(long, value_name = "FILE")]
    client_ca: Option<PathBuf>,
    /// Whether clients are asked for a certificate
    #[arg(long, value_enum, requires = "client_ca")]
    client_cert: Option<ClientCertWord>,
    /// Diffie-Hellman parameters; today's ciphers need none
    #[arg(long, value_name = "FILE")]
    dh: Option<PathBuf>,
    /// Nothing without TLS
    #[arg(long)]
    require_tls: bool,
    /// The oldest TLS version, in place of the profile's
    #[arg(long, value_enum, value_name = "VERSION")]
    min_protocol: Option<ProtocolWord>,
    /// Mozilla's profile for protocols and ciphers
    #[arg(long, default_value = "intermediate", value_parser = profile_parser())]
    profile: &'static Profile,
    /// Which build of the server
    #[command(flatten)]
    build: BuildArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ClientCertWord {
    No,
    Request,
    Require,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProtocolWord {
    #[value(name = "1.2")]
    Tls12,
    #[value(name = "1.3")]
    Tls13,
}

/// What is to be pasted, and what to know besides.
#[derive(Debug)]
pub(crate) struct Directives {
    /// The text, with its head of comments, for one server and version; the same for the same request.
    pub(crate) text: String,
    /// What the text cannot say.
    pub(crate) notes: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let build = args.build.decide(args.server)?;
    let directives = directives(args.server, &args.settings()?, args.profile, build)?;
    let mut report = Report::of(result(args, build, &directives));
    directives.notes.iter().for_each(|note| report.say(format!("note: {note}")));
    report.artefact = Some(Content::Public(directives.text.into_bytes()));
    Ok(report.into())
}

/// The directives for these settings. What they leave open about protocol and ciphers is filled in from the profile. Refused
/// (exit 4) where the server's version has no words for what was asked.
pub(crate) fn directives(
    server: &'static Server,
    asked: &TlsSettings,
    profile: &'static Profile,
    build: Build,
) -> Result<Directives> {
    let (settings, mut notes) = fill_in(server, asked, profile, build);
    let text = server.write(&settings, build)?;
    notes.extend((server.notes)(&settings, build).into_iter().map(str::to_owned));
    notes.extend(doubts(server, profile, build));
    Ok(Directives { text: head(server, &settings, profile, build) + &text, notes })
}

/// `--profile` on the command line.
pub(crate) fn profile_parser() -> impl TypedValueParser<Value = &'static Profile> {
    let names = PossibleValuesParser::new(Profile::ALL.map(|profile| profile.name));
    names.try_map(|name| Profile::ALL.into_iter().find(|profile| profile.name == name).ok_or("no such profile"))
}

impl Args {
    fn settings(&self) -> Result<TlsSettings> {
        for path in [Some(&self.cert), Some(&self.key), self.client_ca.as_ref(), self.dh.as_ref()].into_iter().flatten()
        {
            absolute(path)?;
        }
        let min_protocol = self.min_protocol.map(|word| match word {
            ProtocolWord::Tls12 => Protocol::Tls12,
            ProtocolWord::Tls13 => Protocol::Tls13,
        });
        if min_protocol.is_some_and(|min| min < self.profile.min_protocol) {
            let message = format!("the profile `{}` has no ciphers for TLS 1.2", self.profile.name);
            return Err(Error::usage(message).hint("leave --min-protocol away, or take --profile intermediate"));
        }
        Ok(TlsSettings {
            level: Some(if self.require_tls { TlsLevel::Required } else { TlsLevel::Offered }.into()),
            certificate: Some(self.cert.clone().into()),
            key: Some(self.key.clone().into()),
            client_ca: self.client_ca.clone().map(Into::into),
            client_cert: self.client_cert.map(|word| word.meaning().into()),
            min_protocol: min_protocol.map(Into::into),
            dh: self.dh.clone().map(Into::into),
            ..TlsSettings::default()
        })
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

fn absolute(path: &Path) -> Result<()> {
    if path.is_absolute() {
        return Ok(());
    }
    let hint = "write the whole path, from `/` on: the server does not know the directory you are in";
    Err(Error::usage(format!("{} is not an absolute path", path.display())).path(path).hint(hint))
}

/// Protocol and ciphers are what a profile is about, so these are asked for. The rest of it is left out, with a note, where the
/// server has no word for it.
fn fill_in(server: &Server, asked: &TlsSettings, profile: &Profile, build: Build) -> (TlsSettings, Vec<String>) {
    let mut settings = asked.clone();
    let min = settings.min_protocol.get_or_insert(profile.min_protocol.into()).value;
    if min < Protocol::Tls13 && settings.ciphers.is_none() {
        settings.ciphers = Some(profile.ciphers.to_owned().into());
    }
    let mut notes = Vec::new();
    for (add, note) in EXTRAS {
        let mut more = settings.clone();
        add(&mut more, profile);
        match server.write(&more, build) {
            Ok(_) => settings = more,
            Err(_) => {
                notes.extend(note.map(|what| format!("{} {} cannot be told {what}", server.title, build.version)))
            }
        }
    }
    (settings, notes)
}

/// What of a profile a server may have no word for, and how the note goes. OpenSSL's own TLS 1.3 suites are the profile's, so
/// nothing is lost where they cannot be said.
type Extra = (fn(&mut TlsSettings, &Profile), Option<&'static str>);
const EXTRAS: [Extra; 3] = [
    (|s, profile| _ = s.suites.get_or_insert_with(|| profile.suites.to_owned().into()), None),
    (
        |s, profile| _ = s.order.get_or_insert(profile.order.into()),
        Some("whose cipher order decides; the client's does"),
    ),
    (|s, _| _ = s.cleartext_auth.get_or_insert(false.into()), Some("here to refuse passwords that come without TLS")),
];

fn doubts(server: &Server, profile: &Profile, build: Build) -> Vec<String> {
    let mut doubts = Vec::new();
    if build.version.series() > server.newest.series() {
        doubts.push(format!(
            "{} {} is newer than pkit knows; these are the words of {}",
            server.title, build.version, server.newest
        ));
    }
    if *profile == profile::OLD {
        doubts.push(
            "Mozilla's guidelines have no `old` profile since 6.0; TLS 1.0 and 1.1 are forbidden by RFC 8996"
                .to_owned(),
        );
        doubts.push(
            "OpenSSL 3 speaks TLS 1.0 and 1.1 only with `@SECLEVEL=0:` at the head of the cipher list".to_owned(),
        );
    }
    doubts
}

/// Comments that every one of these grammars takes. No date and nothing of pkit's own, so that the text changes only when the
/// directives do.
fn head(server: &Server, settings: &TlsSettings, profile: &Profile, build: Build) -> String {
    let library = if server.libraries.len() > 1 { format!(" built with {}", build.library) } else { String::new() };
    let min = settings.min_protocol.as_ref().map_or(profile.min_protocol, |min| min.value);
    format!(
        "# {} {}{library}: {min} or newer, after {profile}\n# {}\n# {}\n",
        server.title, build.version, server.handling.place, server.handling.then
    )
}

fn result(args: &Args, build: Build, directives: &Directives) -> Value {
    object! {
        "server" => args.server.name,
        "server_version" => build.version.to_string(),
        "tls_library" => build.library.to_string(),
        "profile" => object! { "name" => args.profile.name, "version" => args.profile.version },
        "files" => vec![object! { "path" => args.server.handling.file, "content" => directives.text.as_str() }],
        "notes" => directives.notes.clone(),
    }
}
