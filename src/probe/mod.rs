//! The only code that touches the network, and only when the user asked for it: `look` shows what a server presents, `fetch` gets
//! the issuers and CRLs that certificates point at. What comes back is a stranger's answer; nothing here believes it.

pub mod fetch;
mod hello;
mod starttls;
mod suites;
mod tls;
mod wire;

use std::io::{Read, Write};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::facts::peer::{Failure, Offer, Opening, PeerFacts, Preface, Protocol, Stage, Target};
use crate::name::HostName;
use crate::threads;
use starttls::{Talk, Turn};
use wire::Wire;

/// One question: where, by which name, and how long it may take in all.
#[derive(Clone, Debug)]
pub struct Question {
    /// Where to connect.
    pub target: Target,
    /// The name to ask for; an address is not sent (RFC 6066 section 3).
    pub name: HostName,
    /// From the first look-up to the last byte of a connection.
    pub patience: Duration,
    /// Is everything asked for that the server has, which takes many connections?
    pub deep: bool,
    /// Is every address of the name looked at, and not only the first that answers?
    pub everywhere: bool,
}

/// Connects, asks for TLS, shakes hands, hangs up.
pub fn look(question: &Question) -> PeerFacts {
    let mut facts = first(question);
    // Old servers send an alert, or hang up on a hello that they do not know.
    let is_refused = matches!(facts.failure, Some(Failure::Refused(_) | Failure::Broken(Stage::Handshake, _)));
    if facts.session.is_none() && is_refused {
        // Where even this fails, the first failure says more.
        facts.session = connect(question).and_then(|mut wire| hello::old(&mut wire, &question.name)).ok();
    }
    if question.deep && facts.session.is_some() {
        facts.offers = Some(offers(question));
    }
    facts
}

/// What the server has, version by version.
fn offers(question: &Question) -> Result<Vec<Offer>, Failure> {
    let end = Instant::now() + question.patience * DEEP;
    let mut connect = || match Instant::now() < end {
        true => connect(question),
        false => Err(Failure::TimedOut(Stage::Handshake)),
    };
    let mut all = Vec::new();
    for (version, _) in hello::VERSIONS {
        all.extend(hello::offer(version, &question.name, &mut connect)?);
    }
    Ok(all)
}

/// A connection on which TLS may begin.
fn connect(question: &Question) -> Result<Wire, Failure> {
    let (mut wire, _) = Wire::connect(&question.target, Instant::now() + question.patience)?;
    if let Opening::StartTls(protocol) = question.target.opening
        && let Err(failure) = converse(&mut wire, &mut Talk::new(protocol))
    {
        return Err(failure);
    }
    wire.begin(HANDSHAKE_BYTES);
    Ok(wire)
}

/// A connection as a client of today makes it.
fn first(question: &Question) -> PeerFacts {
    let Question { target, name, patience, .. } = question;
    let mut facts = PeerFacts {
        target: target.clone(),
        name: name.clone(),
        ip: None,
        preface: Preface::default(),
        session: None,
        failure: None,
        offers: None,
    };
    let (mut wire, address) = match Wire::connect(target, Instant::now() + *patience) {
        Ok(connected) => connected,
        Err(failure) => return PeerFacts { failure: Some(failure), ..facts },
    };
    facts.ip = Some(address.ip());
    if let Opening::StartTls(protocol) = target.opening {
        let mut talk = Talk::new(protocol);
        let ended = converse(&mut wire, &mut talk);
        facts.preface = talk.preface();
        if protocol == Protocol::Ldap && matches!(ended, Ok(()) | Err(Failure::NoStartTls(_))) {
            let same = Target { address: facts.ip, ..target.clone() };
            facts.preface.plaintext_logins = ldap_logins(&same, *patience);
        }
        if let Err(failure) = ended {
            return PeerFacts { failure: Some(failure), ..facts };
        }
    }
    wire.begin(HANDSHAKE_BYTES);
    (facts.session, facts.failure) = tls::handshake(&mut wire, name);
    // What came too late to be seen behind the go-ahead stands where the server's first record should.
    if target.opening != Opening::AtOnce && facts.failure.is_some() && facts.preface.injected.is_empty() {
        facts.preface.injected = before_tls(wire.heard()).to_vec();
    }
    facts
}

/// What stands in front of the first record (RFC 8446 section 5.1).
fn before_tls(heard: &[u8]) -> &[u8] {
    let record = heard.windows(2).position(|head| matches!(head, [20..=23, 3]));
    // Its first byte alone may have come.
    let end = record.unwrap_or(if matches!(heard, [20..=23]) { 0 } else { heard.len() });
    &heard[..end]
}

/// Several questions, some of them at once; the answers in their order, several where a name has several addresses.
pub fn look_at_all(questions: &[Question]) -> Vec<Vec<PeerFacts>> {
    threads::each(AT_ONCE, questions, look_around)
}

/// What the addresses that answer have: behind one of them may be what the others have no more. One that nobody listens at is
/// passed over where another answers, as clients do.
fn look_around(question: &Question) -> Vec<PeerFacts> {
    let mut first = look(question);
    let others = match first.ip {
        Some(known) if question.everywhere => wire::others(&question.target, known, question.patience),
        _ => Vec::new(),
    };
    let at = |ip: &IpAddr| Target { address: Some(*ip), ..question.target.clone() };
    let others = others.iter().take(MAX_ADDRESSES - 1);
    let others: Vec<Question> = others.map(|ip| Question { target: at(ip), ..question.clone() }).collect();
    let mut seen = threads::each(AT_ONCE, &others, look);
    seen.retain(|facts| !facts.failure.as_ref().is_some_and(Failure::is_absence));
    if !seen.is_empty() {
        first.target.address = first.ip;
    }
    seen.insert(0, first);
    seen
}

/// Logins that show the password, which an LDAP server offers without TLS; none where it does not say.
fn ldap_logins(target: &Target, patience: Duration) -> Vec<String> {
    let mut talk = Talk::of_ldap_offers();
    let asked = Wire::connect(target, Instant::now() + patience.min(ASIDE));
    match asked.and_then(|(mut wire, _)| converse(&mut wire, &mut talk)) {
        Ok(()) => talk.preface().plaintext_logins,
        Err(_) => Vec::new(),
    }
}

/// The words before TLS.
fn converse(wire: &mut Wire, talk: &mut Talk) -> Result<(), Failure> {
    wire.begin(PREFACE_BYTES);
    let failure = |wire: &Wire, error| wire.failure(Stage::Preface, &error);
    wire.write_all(talk.first()).map_err(|error| failure(wire, error))?;
    let mut buffer = [0; 2048];
    loop {
        let read = wire.read(&mut buffer).map_err(|error| failure(wire, error))?;
        match talk.hear(&buffer[..read])? {
            Turn::Say(words) => wire.write_all(words).map_err(|error| failure(wire, error))?,
            Turn::Listen => {}
            Turn::Begin => return Ok(()),
        }
    }
}

/// Addresses of one name that are looked at. Large sites have four to eight; an answer of 64 KiB holds thousands.
const MAX_ADDRESSES: usize = 16;
/// Connections at once: they mostly wait. More would look like an attack to the servers' own limits.
const AT_ONCE: usize = 32;
/// So many times the patience for one connection are had for all that a deep look takes.
const DEEP: u32 = 10;
/// A question that has nothing to do with TLS is answered at once, or not waited for.
const ASIDE: Duration = Duration::from_secs(2);
/// Greeting, capabilities and go-ahead take 2 KiB where much is offered.
const PREFACE_BYTES: usize = 64 << 10;
/// A handshake with a chain of ten RSA-4096 certificates takes some 20 KiB; rustls takes messages of 64 KiB at most.
const HANDSHAKE_BYTES: usize = 1 << 20;
