//! `emit SERVER`: the directives that make a server use a certificate and a key, for the version at hand, to be pasted. It only
//! names paths and writes into no configuration. What was typed is `args`' business, what a profile adds is `fill`'s.
//! `prepare` prints its directives through here too.

mod args;
mod fill;

use std::path::PathBuf;

use crate::commands::{Context, Outcome, gather};
use crate::content::Content;
use crate::error::{Error, Result};
use crate::finding::rules;
use crate::report::{Report, Value, object};
use crate::servers::build::Build;
use crate::servers::profile::{self, Profile};
use crate::servers::{Server, Style, Text};
use crate::settings::TlsSettings;
pub use args::Args;
pub(crate) use args::profile_parser;

/// What is to be pasted, and what to know besides.
#[derive(Debug)]
pub(crate) struct Directives {
    /// The texts, each with its head of comments, for one server and version; the same for the same request.
    pub(crate) files: Vec<(Option<&'static str>, String)>,
    /// What the text cannot say.
    pub(crate) notes: Vec<String>,
}

impl Directives {
    /// The same for programs.
    pub(crate) fn files_value(&self) -> Vec<Value> {
        self.files.iter().map(|(path, text)| object! { "path" => *path, "content" => text.as_str() }).collect()
    }

    /// All in one.
    pub(crate) fn text(&self) -> String {
        self.files.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n")
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let server = args.server;
    if args.stapling {
        names_a_responder(&args.cert, context)?;
    }
    let style = args.style()?;
    let build = args.build.decide(server)?;
    let directives = directives(server, style, &args.settings()?, args.profile, build)?;
    let mut report = Report::of(result(args, style, build, &directives));
    directives.notes.iter().for_each(|note| report.say(format!("note: {note}")));
    report.artefact = Some(Content::Public(directives.text().into_bytes()));
    Ok(report.into())
}

/// The one file that is looked into: without a responder there is nothing to staple, and Apache would complain with each start.
fn names_a_responder(cert: &PathBuf, context: &Context) -> Result<()> {
    let material = gather::public_material(std::slice::from_ref(cert), context)?;
    match material.certs().next() {
        Some((_, leaf)) if !leaf.extensions.ocsp.is_empty() => Ok(()),
        Some(_) => {
            let message = format!("{}: the certificate names no OCSP responder", cert.display());
            Err(Error::refused(&NO_RESPONDER, message).path(cert))
        }
        None => Err(Error::input(&NO_RESPONDER, format!("{}: no certificate in it", cert.display())).path(cert)),
    }
}

/// The directives for these settings. What they leave open about protocol and ciphers is filled in from the profile. Refused
/// (exit 4) where the server's version has no words for what was asked.
pub(crate) fn directives(
    server: &'static Server,
    style: &'static Style,
    asked: &TlsSettings,
    profile: &'static Profile,
    build: Build,
) -> Result<Directives> {
    let (settings, mut notes) = fill::in_from(server, style, asked, profile, build);
    let texts = server.write(&settings, build, style)?;
    notes.extend((server.notes)(&settings, build).into_iter().map(str::to_owned));
    notes.push(match settings.dh {
        None => format!("{} {}: {}", server.title, build.version, (server.dh)(build)),
        Some(_) => format!("the DH file is used by the three DHE suites of {}, which were added", profile::WITH_DHE),
    });
    notes.extend(doubts(server, profile, build));
    let head = head(server, style, &settings, profile, build);
    Ok(Directives { files: with_heads(texts, &head), notes })
}

fn doubts(server: &Server, profile: &Profile, build: Build) -> Vec<String> {
    let mut doubts = Vec::new();
    if build.version.series() > server.newest.series() {
        doubts.push(format!(
            "{} {} is newer than pkit knows; these are the words of {}",
            server.title, build.version, server.newest
        ));
    }
    if (server.untried)(build) {
        doubts.push(format!(
            "no {} {} was there to try this on: it is written from documents",
            server.title, build.version
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
fn head(server: &Server, style: &Style, settings: &TlsSettings, profile: &Profile, build: Build) -> String {
    let library = if server.libraries.len() > 1 { format!(" built with {}", build.library) } else { String::new() };
    let min = settings.min_protocol.as_ref().map_or(profile.min_protocol, |min| min.value);
    format!("# {} {}{library}: {min} or newer, after {profile}\n# {}\n", server.title, build.version, style.then)
}

/// The head stands in the first text; each says where it goes.
fn with_heads(texts: Vec<Text>, head: &str) -> Vec<(Option<&'static str>, String)> {
    let heads = std::iter::once(head).chain(std::iter::repeat(""));
    let files = texts.into_iter().zip(heads);
    files.map(|(text, head)| (text.document.file, format!("{head}# {}\n{}", text.document.place, text.text))).collect()
}

fn result(args: &Args, style: &Style, build: Build, directives: &Directives) -> Value {
    object! {
        "server" => args.server.name,
        "server_version" => build.version.to_string(),
        "tls_library" => build.library.to_string(),
        "style" => style.word,
        "profile" => object! { "name" => args.profile.name, "version" => args.profile.version },
        "files" => directives.files_value(),
        "notes" => directives.notes.clone(),
    }
}

impl Args {
    fn style(&self) -> Result<&'static Style> {
        let Some(word) = &self.style else { return Ok(&self.server.style) };
        let mut all = std::iter::once(&self.server.style).chain(self.server.other_styles);
        all.clone().find(|style| style.word == word).ok_or_else(|| {
            let words: Vec<&str> = all.by_ref().map(|style| style.word).collect();
            let message = format!("{} has no style `{word}`", self.server.title);
            Error::usage(message).hint(format!("it has: {}", words.join(", ")))
        })
    }
}

rules! {
    /// Nothing to staple.
    NO_RESPONDER = Error "ocsp-responder-missing" {
        summary: "the certificate names no OCSP responder, so there is no response that a server could staple",
        help: "leave --stapling away; many CAs have given up OCSP for CRLs",
        source: "RFC 5280 section 4.2.2.1; tried on Apache 2.4.71: AH02218, no OCSP URI in certificate",
    }
}
