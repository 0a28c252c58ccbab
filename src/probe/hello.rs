//! A small prober that speaks what rustls does not: it says hello in a protocol and with suites of our choice, and reads what the
//! server answers in the clear until its turn is over. No key is ever agreed upon, so nothing here is cryptography: this is how
//! servers with TLS 1.0, RSA key exchange, CBC or small DH primes are seen, which would look unreachable otherwise.

use std::io::{Read, Write};

use super::suites::SUITES;
use super::wire::Wire;
use crate::facts::peer::{Failure, Offer, Session, Stage};
use crate::name::HostName;

/// A protocol version by its number on the wire.
pub(super) type Version = u16;

/// The versions that are asked about, the newest first.
pub(super) const VERSIONS: [(Version, &str); 4] =
    [(TLS_1_3, "TLS 1.3"), (TLS_1_2, "TLS 1.2"), (0x0302, "TLS 1.1"), (0x0301, "TLS 1.0")];
const TLS_1_3: Version = 0x0304;
const TLS_1_2: Version = 0x0303;

/// What the server chose, and what it showed.
#[derive(Debug, Default)]
struct Answer {
    version: Version,
    suite: u16,
    chain: Vec<Vec<u8>>,
    /// The size of the prime, where the exchange is DHE.
    dh_bits: Option<usize>,
    curve: Option<u16>,
    asks_for_certificate: bool,
}

impl Answer {
    /// As a handshake would have shown it.
    fn session(self) -> Session {
        let named =
            |table: &[(u16, &'static str)], number| table.iter().find(|(n, _)| *n == number).map(|(_, name)| *name);
        Session {
            version: named(&VERSIONS, self.version),
            suite: Some(named(SUITES, self.suite).map_or_else(|| format!("0x{:04x}", self.suite), str::to_owned)),
            group: match (self.dh_bits, self.curve) {
                (Some(bits), _) => Some(format!("DH of {bits} bits")),
                (None, Some(curve)) => {
                    Some(named(&CURVES, curve).map_or_else(|| format!("0x{curve:04x}"), str::to_owned))
                }
                (None, None) => None,
            },
            chain: self.chain,
            // What is signed there would need what was said before, and suites of RSA key exchange have no signature.
            signed: None,
            asks_for_certificate: self.asks_for_certificate,
            stapled: None,
            dh_bits: self.dh_bits,
            is_old: true,
        }
    }
}

/// Everything but TLS 1.3: what the server chooses when it may.
pub(super) fn old(wire: &mut Wire, name: &HostName) -> Result<Session, Failure> {
    hello(wire, name, TLS_1_2, &suites_of(TLS_1_2)).map(Answer::session)
}

/// The suites that go with a version.
fn suites_of(version: Version) -> Vec<u16> {
    let of_1_3 = |number: u16| number >> 8 == 0x13;
    SUITES.iter().map(|(number, _)| *number).filter(|number| of_1_3(*number) == (version == TLS_1_3)).collect()
}

/// Everything that a server has in one version, found by taking from the list what it chose until it chooses nothing. None where
/// it does not have the version. `connect` gets a new connection each time.
pub(super) fn offer(
    version: Version,
    name: &HostName,
    connect: &mut dyn FnMut() -> Result<Wire, Failure>,
) -> Result<Option<Offer>, Failure> {
    let Some((_, word)) = VERSIONS.iter().find(|(number, _)| *number == version) else { return Ok(None) };
    let mut left = suites_of(version);
    let mut offer = Offer { version: word, suites: Vec::new(), dh_bits: None };
    while !left.is_empty() {
        match hello(&mut connect()?, name, version, &left) {
            Ok(answer) if answer.version == version => {
                let Some(chosen) = left.iter().position(|number| *number == answer.suite) else { break };
                let number = left.remove(chosen);
                let name = SUITES.iter().find(|(of, _)| *of == number).map(|(_, name)| *name);
                offer.suites.extend(name);
                // A server may have a group for each strength: the weakest is what an attacker asks for. Without a certificate
                // he needs to break none.
                let counts = name.is_some_and(|name| !name.contains("_anon_"));
                offer.dh_bits = [offer.dh_bits, answer.dh_bits.filter(|_| counts)].into_iter().flatten().min();
            }
            // An alert, or an older version instead: it has no more. Some hang up without a word.
            Ok(_) | Err(Failure::Refused(_) | Failure::Broken(..)) => break,
            Err(failure) => return Err(failure),
        }
    }
    Ok((!offer.suites.is_empty()).then_some(offer))
}

/// Says hello with this version as the highest and these suites, and reads the server's turn.
fn hello(wire: &mut Wire, name: &HostName, version: Version, suites: &[u16]) -> Result<Answer, Failure> {
    let failure = |wire: &Wire, error: &std::io::Error| wire.failure(Stage::Handshake, error);
    wire.write_all(&client_hello(name, version, suites)).map_err(|error| failure(wire, &error))?;
    let mut answer = Answer::default();
    let mut messages = Vec::new();
    loop {
        let mut head = [0; 5];
        wire.read_exact(&mut head).map_err(|error| failure(wire, &error))?;
        let length = usize::from(u16::from_be_bytes([head[3], head[4]]));
        if head[1] != 3 || length > MAX_RECORD {
            return Err(nonsense(wire));
        }
        let mut body = vec![0; length];
        wire.read_exact(&mut body).map_err(|error| failure(wire, &error))?;
        match (head[0], body.as_slice()) {
            (ALERT, [level, description]) => {
                if *level == 2 || answer.version == 0 {
                    return Err(Failure::Refused(format!("the server sent the alert {description}")));
                }
            }
            (HANDSHAKE, body) => messages.extend_from_slice(body),
            _ => return Err(nonsense(wire)),
        }
        if messages.len() > MAX_MESSAGES {
            return Err(Failure::TooMuch(Stage::Handshake));
        }
        while let Some(message) = take(&mut messages) {
            if answer.read(&message).ok_or_else(|| nonsense(wire))? {
                return Ok(answer);
            }
        }
    }
}

fn nonsense(wire: &Wire) -> Failure {
    Failure::Nonsense(Stage::Handshake, super::starttls::excerpt(wire.heard()))
}

/// The next whole handshake message, with its head.
fn take(messages: &mut Vec<u8>) -> Option<Vec<u8>> {
    let [_, a, b, c, ..] = messages[..] else { return None };
    let end = 4 + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c));
    (messages.len() >= end).then(|| messages.drain(..end).collect())
}

impl Answer {
    /// One message; true where it is the last one that can be read. None where it is not what it should be.
    fn read(&mut self, message: &[u8]) -> Option<bool> {
        let (kind, mut body) = (*message.first()?, Bytes(message.get(4..)?));
        match kind {
            SERVER_HELLO => {
                self.version = body.u16()?;
                body.take(32)?;
                let session = body.u8()?;
                body.take(session.into())?;
                self.suite = body.u16()?;
                body.u8()?;
                if !body.0.is_empty() {
                    let length = body.u16()?;
                    let mut extensions = Bytes(body.take(length.into())?);
                    while !extensions.0.is_empty() {
                        let (kind, length) = (extensions.u16()?, extensions.u16()?);
                        let value = extensions.take(length.into())?;
                        if kind == SUPPORTED_VERSIONS {
                            self.version = Bytes(value).u16()?;
                        }
                    }
                }
                // Whatever follows is encrypted.
                Some(self.version >= TLS_1_3)
            }
            CERTIFICATE => {
                let length = body.u24()?;
                let mut list = Bytes(body.take(length)?);
                while !list.0.is_empty() {
                    let length = list.u24()?;
                    self.chain.push(list.take(length)?.to_vec());
                }
                Some(false)
            }
            SERVER_KEY_EXCHANGE => {
                let name = SUITES.iter().find(|(number, _)| *number == self.suite).map_or("", |(_, name)| *name);
                if name.contains("_ECDH") {
                    if body.u8()? == NAMED_CURVE {
                        self.curve = Some(body.u16()?);
                    }
                } else if name.contains("_DHE_") || name.contains("_DH_anon_") {
                    let length = body.u16()?;
                    let prime = body.take(length.into())?;
                    let zeros = prime.iter().take_while(|octet| **octet == 0).count();
                    let first = prime.get(zeros)?;
                    self.dh_bits = Some((prime.len() - zeros) * 8 - first.leading_zeros() as usize);
                }
                Some(false)
            }
            CERTIFICATE_REQUEST => {
                self.asks_for_certificate = true;
                Some(false)
            }
            SERVER_HELLO_DONE => Some(self.version != 0),
            // A stapled response and what else may come.
            _ => Some(false),
        }
    }
}

/// Bytes that are read from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    fn u8(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    fn u16(&mut self) -> Option<u16> {
        let octets = self.take(2)?;
        Some(u16::from_be_bytes([octets[0], octets[1]]))
    }

    fn u24(&mut self) -> Option<usize> {
        let octets = self.take(3)?;
        Some(usize::from(octets[0]) << 16 | usize::from(octets[1]) << 8 | usize::from(octets[2]))
    }
}

/// RFC 5246 section 7.4.1.2 and RFC 8446 section 4.1.2. With TLS 1.3 no share of a key is sent: the server then asks for one, and
/// in doing so tells its version and suite.
fn client_hello(name: &HostName, version: Version, suites: &[u16]) -> Vec<u8> {
    let mut extensions = Vec::new();
    let mut extension = |kind: u16, value: &[u8]| {
        extensions.extend(kind.to_be_bytes());
        extensions.extend(sized(value));
    };
    if let HostName::Dns(name) = name {
        extension(0, &sized(&[&[0][..], &sized(name.as_bytes())].concat()));
    }
    extension(10, &sized(&numbers(&CURVES.map(|(number, _)| number))));
    extension(11, &[1, 0]);
    if version >= TLS_1_2 {
        extension(13, &sized(&numbers(&SIGNATURES)));
    }
    if version >= TLS_1_3 {
        extension(SUPPORTED_VERSIONS, &[2, 3, 4]);
        extension(51, &[0, 0]);
    }
    extension(0xff01, &[0]);

    let mut body = version.min(TLS_1_2).to_be_bytes().to_vec();
    // Nothing is agreed upon, so nothing hangs on these being random; being fixed they are easy to find in a log.
    body.extend(b"pkit probes which suites there be");
    body.truncate(2 + 32);
    body.push(0);
    body.extend(sized(&numbers(suites)));
    body.extend([1, 0]);
    body.extend(sized(&extensions));

    let length = (body.len() as u32).to_be_bytes();
    let message = [&[1][..], &length[1..], &body].concat();
    [&[HANDSHAKE, 3, 1][..], &sized(&message)].concat()
}

/// With its length in two octets before it.
fn sized(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const CERTIFICATE_REQUEST: u8 = 13;
const SERVER_HELLO_DONE: u8 = 14;
const NAMED_CURVE: u8 = 3;
const SUPPORTED_VERSIONS: u16 = 43;
/// RFC 5246 section 6.2.1: 2^14 octets, and some that forget it.
const MAX_RECORD: usize = 16_384 + 2_048;
/// A server's turn has a chain and a signature; rustls takes 64 KiB for one message.
const MAX_MESSAGES: usize = 256 << 10;
/// RFC 8422 section 5.1.1, RFC 7748.
const CURVES: [(u16, &str); 5] =
    [(29, "X25519"), (23, "secp256r1"), (24, "secp384r1"), (25, "secp521r1"), (30, "X448")];
/// RFC 8446 section 4.2.3 and RFC 5246 section 7.4.1.4.1, SHA-1 last.
const SIGNATURES: [u16; 13] =
    [0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_read_message_by_message_and_nonsense_is_none() {
        let mut answer = Answer::default();
        let hello = [&[2, 0, 0, 38, 3, 1][..], &[7; 32], &[0, 0, 0x33, 0]].concat();
        assert_eq!(answer.read(&hello), Some(false));
        assert_eq!((answer.version, answer.suite), (0x0301, 0x0033));
        assert_eq!(answer.read(&[11, 0, 0, 8, 0, 0, 5, 0, 0, 2, 0x30, 0]), Some(false));
        assert_eq!(answer.chain, [[0x30, 0]]);
        assert_eq!(answer.read(&[12, 0, 0, 5, 0, 3, 0, 0x7f, 0xff]), Some(false));
        assert_eq!(answer.dh_bits, Some(15));
        assert_eq!(answer.read(&[14, 0, 0, 0]), Some(true));
        for bad in [&[2, 0, 0, 1, 3][..], &[11, 0, 0, 3, 0, 0, 9], &[12, 0, 0, 2, 0, 9], &[]] {
            assert_eq!(answer.read(bad), None, "{bad:?}");
        }
    }
}
