//! What is signed for whom: the profile decides the extensions, the asker's subject, key and names are carried over as they are,
//! and everything is judged on a copy before the CA's key is used.

use clap::ValueEnum;
use time::OffsetDateTime;

use super::directory::Directory;
use super::{ENDS_WITH_CA, NAME_NOT_FOR_PROFILE};
use crate::checks::key;
use crate::commands::{Context, any_error};
use crate::error::Result;
use crate::finding::{Finding, Origin};
use crate::instant;
use crate::material::cert::Cert;
use crate::material::dn::Name;
use crate::material::ext::GeneralName;
use crate::material::ext::write::Extension;
use crate::material::index::{Event, Issued};
use crate::material::key::PublicKey;
use crate::pki::chain::Pile;
use crate::pki::issue::{self, Body, Profile};
use crate::pki::sign::Signer;
use crate::pki::verify::{Purpose, Wanted, apart_from_signatures};

/// What a certificate is for, and for how long.
#[derive(Debug, clap::Args)]
pub(super) struct TermArgs {
    /// What the certificate is for
    #[arg(long, value_enum, default_value_t = ProfileWord::Server)]
    profile: ProfileWord,
    /// How long it is valid
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProfileWord {
    /// A TLS server
    Server,
    /// A TLS client
    Client,
    /// S/MIME
    Email,
}

impl TermArgs {
    pub(super) fn profile(&self) -> Profile {
        match self.profile {
            ProfileWord::Server => Profile::Server,
            ProfileWord::Client => Profile::Client,
            ProfileWord::Email => Profile::Email,
        }
    }
}

/// Who asks, for which key and names.
pub(super) struct Wish<'a> {
    pub(super) at: &'a Origin,
    pub(super) subject: &'a Name,
    pub(super) key: &'a PublicKey,
    pub(super) names: Option<Extension>,
}

/// What became of a wish.
pub(super) struct Granted {
    /// The certificate and its line for the index; none where a rule would be broken.
    pub(super) signed: Option<(Cert, Event)>,
    pub(super) findings: Vec<Finding>,
}

/// Judges a copy of the certificate, and signs it if nothing speaks against it.
pub(super) fn grant(dir: &Directory, wish: &Wish<'_>, terms: &TermArgs, context: &Context) -> Result<Granted> {
    let issuer = dir.issuing()?;
    let profile = terms.profile();
    let extensions =
        issue::end_entity(profile, wish.key, wish.names.clone(), &issue::issuer_key_id(&issuer.cert), &issuer.places);
    let (serial, not_before) = (issue::serial()?, context.now);
    let asked = issue::last_instant(not_before, terms.days);
    let body = Body {
        serial: &serial,
        issuer: &issuer.cert.subject,
        subject: wish.subject,
        not_before,
        not_after: asked.min(issuer.cert.not_after),
        key: wish.key,
        extensions: &extensions,
    };
    let copy = body.copy()?;
    let mut findings = key::public(wish.key, wish.at);
    findings.extend(names(&copy, profile, wish.at));
    findings.extend(broken(dir, &copy, profile, wish.at, context));
    findings.extend(shortened(&copy, asked, wish.at));
    let findings = context.accepted(findings);
    if any_error(&findings) {
        return Ok(Granted { signed: None, findings });
    }
    let key = dir.key(issuer, context)?;
    let cert = body.signed(&Signer::of(&key)?)?;
    let event = Event::Issued(Issued::of(&cert, &issuer.name, profile.word(), context.now));
    Ok(Granted { signed: Some((cert, event)), findings })
}

/// Everything that would fail it below this CA: names outside of constraints, a path that is too long, a CA that has expired,
/// and what the profile asks.
fn broken(dir: &Directory, copy: &Cert, profile: Profile, at: &Origin, context: &Context) -> Vec<Finding> {
    let chain = dir.chain();
    let pile = Pile::new(std::iter::once((at, copy)).chain(chain.iter().copied()), &[]);
    let purpose = match profile {
        Profile::Server => Purpose::Server,
        Profile::Client => Purpose::Client,
        Profile::Email => Purpose::Any,
    };
    let wanted = Wanted { purpose, profile: true, ..Wanted::at(context.now) };
    let issuers: Vec<&Cert> = chain.iter().map(|(_, cert)| *cert).collect();
    apart_from_signatures(&pile, copy, &issuers, &wanted).into_iter().map(|fault| fault.finding).collect()
}

/// Servers present hosts and addresses and nothing else, S/MIME at least one mailbox; what a client is called is its CA's affair.
fn names(copy: &Cert, profile: Profile, at: &Origin) -> Vec<Finding> {
    let tell = |message: String| NAME_NOT_FOR_PROFILE.at(at.clone().into(), message);
    let name = copy.short_name();
    let is_host = |name: &&GeneralName| matches!(name, GeneralName::Dns(_) | GeneralName::Ip(_));
    let is_mailbox = |name: &GeneralName| matches!(name, GeneralName::Email(_));
    match profile {
        Profile::Server => {
            let odd = copy.alt_names().iter().filter(|name| !is_host(name));
            odd.map(|odd| tell(format!("`{name}` is to be a server and asks for {odd}"))).collect()
        }
        Profile::Email if !copy.alt_names().iter().any(is_mailbox) => {
            vec![tell(format!("`{name}` is to be for S/MIME and names no mailbox"))]
        }
        Profile::Client if copy.alt_names().is_empty() && copy.subject.is_empty() => {
            vec![tell("a client without any name".into())]
        }
        _ => vec![],
    }
}

fn shortened(copy: &Cert, asked: OffsetDateTime, at: &Origin) -> Option<Finding> {
    let message = format!(
        "`{}` is valid until {} only, as its CA is; asked for was {}",
        copy.short_name(),
        instant::show(copy.not_after),
        instant::show(asked)
    );
    (copy.not_after < asked).then(|| ENDS_WITH_CA.at(at.clone().into(), message))
}
