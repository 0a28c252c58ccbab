//! The only code that touches the network, and only when the user asked for it: `look` shows what a server presents, `fetch` gets
//! the issuers and CRLs that certificates point at. What comes back is a stranger's answer; nothing here believes it.

pub mod fetch;
mod starttls;
mod tls;
mod wire;

use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::facts::peer::{Failure, Opening, PeerFacts, Preface, Protocol, Stage, Target};
use crate::name::HostName;
use starttls::{Talk, Turn};
use wire::Wire;

/// One question: where, by which name, and how long it may take in all.
#[derive(Clone, Debug)]
pub struct Question {
    /// Where to connect.
    pub target: Target,
    /// The name to ask for; an address is not sent (RFC 6066 section 3).
    pub name: HostName,
    /// From the first look-up to the last byte.
    pub patience: Duration,
}

/// Connects, asks for TLS, shakes hands, hangs up.
pub fn look(question: &Question) -> PeerFacts {
    let Question { target, name, patience } = question;
    let mut facts = PeerFacts {
        target: target.clone(),
        name: name.clone(),
        ip: None,
        preface: Preface::default(),
        session: None,
        failure: None,
    };
    let (mut wire, address) = match Wire::connect(target, Instant::now() + *patience) {
        Ok(connected) => connected,
        Err(failure) => return PeerFacts { failure: Some(failure), ..facts },
    };
    facts.ip = Some(address.ip());
    if let Opening::StartTls(protocol) = target.opening {
        let (preface, failure) = ask(&mut wire, protocol);
        facts.preface = preface;
        if failure.is_some() {
            return PeerFacts { failure, ..facts };
        }
    }
    wire.begin(HANDSHAKE_BYTES);
    (facts.session, facts.failure) = tls::handshake(&mut wire, name);
    facts
}

/// Several questions, some of them at once; the answers in their order.
pub fn look_at_all(questions: &[Question]) -> Vec<PeerFacts> {
    let next = AtomicUsize::new(0);
    let answers: Mutex<Vec<(usize, PeerFacts)>> = Mutex::new(Vec::with_capacity(questions.len()));
    let work = || {
        while let Some((n, question)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|n| Some((n, questions.get(n)?)))
        {
            let facts = look(question);
            answers.lock().unwrap_or_else(PoisonError::into_inner).push((n, facts));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..questions.len().min(AT_ONCE.get()) {
            scope.spawn(work);
        }
        work();
    });
    let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers.sort_by_key(|(n, _)| *n);
    answers.into_iter().map(|(_, facts)| facts).collect()
}

/// The words before TLS.
fn ask(wire: &mut Wire, protocol: Protocol) -> (Preface, Option<Failure>) {
    let mut talk = Talk::new(protocol);
    wire.begin(PREFACE_BYTES);
    let ended = converse(wire, &mut talk);
    (talk.preface(), ended.err())
}

fn converse(wire: &mut Wire, talk: &mut Talk) -> Result<(), Failure> {
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

/// Connections at once: they mostly wait. More would look like an attack to the servers' own limits.
const AT_ONCE: NonZeroUsize = NonZeroUsize::new(32).unwrap();
/// Greeting, capabilities and go-ahead take 2 KiB where much is offered.
const PREFACE_BYTES: usize = 64 << 10;
/// A handshake with a chain of ten RSA-4096 certificates takes some 20 KiB; rustls takes messages of 64 KiB at most.
const HANDSHAKE_BYTES: usize = 1 << 20;
