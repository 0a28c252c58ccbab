//! LDAP before TLS (RFC 4511): messages in BER in the place of lines. What a server offers without TLS is asked for apart from
//! TLS itself.

use super::{MAX_LINE, Phase, Talk, Turn, excerpt};
use crate::facts::peer::{Failure, Protocol, Stage};

impl Talk {
    /// What an LDAP server offers without TLS, on a connection on which TLS does not begin: slapd may still be putting the question
    /// away when it has answered it, and refuses StartTLS then (`operationsError`, tried on 2.5.13: once in ten times).
    pub(in crate::probe) fn of_ldap_offers() -> Talk {
        Talk { phase: Phase::Offers, ..Talk::new(Protocol::Ldap) }
    }

    /// LDAPMessage ::= SEQUENCE { messageID, protocolOp, … } in BER (RFC 4511 section 4.1.1), one after the other.
    pub(super) fn hear_ldap(&mut self) -> Result<Turn, Failure> {
        loop {
            let nonsense = |bytes: &[u8]| Failure::Nonsense(Stage::Preface, excerpt(bytes));
            if self.received.first().is_some_and(|tag| *tag != 0x30) {
                return Err(nonsense(&self.received));
            }
            let Some((head, length)) = element(&self.received) else {
                let whole = self.received.len() >= MAX_HEAD;
                return if whole { Err(nonsense(&self.received)) } else { Ok(Turn::Listen) };
            };
            if length > MAX_LINE {
                return Err(Failure::TooMuch(Stage::Preface));
            }
            if self.received.len() < head + length {
                return Ok(Turn::Listen);
            }
            let rest = self.received.split_off(head + length);
            let message = std::mem::replace(&mut self.received, rest);
            let turn = self.follow(&message[head..]).unwrap_or_else(|| Err(nonsense(&message)))?;
            if turn == Turn::Begin {
                self.preface.injected = std::mem::take(&mut self.received);
                self.preface.plaintext_logins = self.plaintext_logins();
                return Ok(turn);
            }
        }
    }

    /// What follows on one message; none where it is not what belongs there.
    fn follow(&mut self, message: &[u8]) -> Option<Result<Turn, Failure>> {
        let mut fields = parts(message);
        let ((_, id), (operation, content)) = (fields.next()?, fields.next()?);
        let result = || match parts(content).next() {
            Some((ENUMERATED, [code])) => Some(*code),
            _ => None,
        };
        Some(match (self.phase, operation) {
            // A notice, of which there is but one kind (section 4.4.1).
            (_, EXTENDED_RESPONSE) if id.iter().all(|octet| *octet == 0) => {
                Err(Failure::Broken(Stage::Preface, format!("the server disconnects: result {}", result()?)))
            }
            (Phase::Offers, SEARCH_ENTRY) => {
                self.offers.extend(mechanisms(content).map(|name| format!("SASL {name}")));
                Ok(Turn::Listen)
            }
            (Phase::Offers, SEARCH_REFERENCE | INTERMEDIATE_RESPONSE) => Ok(Turn::Listen),
            // That nothing may be looked up without TLS is as good.
            (Phase::Offers, SEARCH_DONE) => Ok(Turn::Begin),
            (Phase::GoAhead, EXTENDED_RESPONSE) => match result()? {
                0 => Ok(Turn::Begin),
                code => Err(Failure::NoStartTls(format!("result {code}{}", words(code)))),
            },
            _ => return None,
        })
    }
}

/// The values of an entry, of which one attribute was asked for, in capitals: SEQUENCE { name, SEQUENCE OF SEQUENCE { type,
/// SET OF value } } (RFC 4511 section 4.5.2).
fn mechanisms(entry: &[u8]) -> impl Iterator<Item = String> {
    let attributes = parts(entry).skip(1).flat_map(|(_, attributes)| parts(attributes));
    let values = attributes.flat_map(|(_, attribute)| parts(attribute).skip(1)).flat_map(|(_, set)| parts(set));
    values.map(|(_, name)| String::from_utf8_lossy(name).to_ascii_uppercase())
}

/// The elements of a content with their tags, as far as they can be told.
fn parts(mut content: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (head, length) = element(content)?;
        let end = head.checked_add(length)?;
        let part = (content[0], content.get(head..end)?);
        content = &content[end..];
        Some(part)
    })
}

/// The length of an element's head and of its content (X.690 section 8.1.3), where the head is whole and definite.
fn element(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = *bytes.get(1)?;
    if first < 0x80 {
        return Some((2, first.into()));
    }
    let count = usize::from(first & 0x7f);
    let octets = bytes.get(2..2 + count).filter(|_| (1..=4).contains(&count))?;
    Some((2 + count, octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet))))
}

/// RFC 4511 section 4.1.9 and 4.14.2, the codes that servers without TLS answer with.
fn words(code: u8) -> &'static str {
    match code {
        1 => ": operationsError",
        2 => ": protocolError, so it knows no StartTLS",
        52 => ": unavailable, so its TLS is not set up",
        _ => "",
    }
}

/// A search for what the server itself is (RFC 4511 section 4.5.1, RFC 4512 section 5.1): the SASL mechanisms that it
/// has as long as there is no TLS.
pub(super) const MECHANISMS: &[u8] =
    b"\x30\x3e\x02\x01\x01\x63\x39\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\
    \x87\x0bobjectClass\x30\x19\x04\x17supportedSASLMechanisms";
/// RFC 4511 section 4.14.1, message 1.
pub(super) const STARTTLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
/// Tags of RFC 4511 appendix B, and of X.690 section 8.4.
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const SEARCH_REFERENCE: u8 = 0x73;
const INTERMEDIATE_RESPONSE: u8 = 0x79;
const EXTENDED_RESPONSE: u8 = 0x78;
const ENUMERATED: u8 = 0x0a;
/// An element's head of five octets at most.
const MAX_HEAD: usize = 6;

#[cfg(test)]
mod tests {
    use super::super::tests::heard;
    use super::*;
    use crate::facts::peer::Preface;

    /// An LDAP server's answers: that it has PLAIN and DIGEST-MD5, that somebody else knows more, that this was all, and that TLS may
    /// begin.
    const ENTRY: &[u8] = b"\x30\x39\x02\x01\x01\x64\x34\x04\x00\x30\x30\x30\x2e\x04\x17supportedSASLMechanisms\x31\x13\
        \x04\x05PLAIN\x04\x0aDIGEST-MD5";
    const REFERENCE: &[u8] = b"\x30\x07\x02\x01\x01\x73\x02\x04\x00";
    const DONE: &[u8] = b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00";
    const GO: &[u8] = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";

    #[test]
    fn an_ldap_server_tells_its_mechanisms() {
        let asked = |server: &[&[u8]]| heard(Talk::of_ldap_offers(), server);
        let (said, end) = asked(&[ENTRY, REFERENCE, DONE]);
        assert!(said.ends_with("supportedSASLMechanisms"), "{said}");
        assert_eq!(end.unwrap().plaintext_logins, ["PLAIN"]);
        // All in one, an octet at a time, and nothing at all.
        assert_eq!(asked(&[&[ENTRY, DONE].concat()]).1.unwrap().plaintext_logins, ["PLAIN"]);
        let octets: Vec<&[u8]> = ENTRY.chunks(1).chain(DONE.chunks(1)).collect();
        assert_eq!(asked(&octets).1.unwrap().plaintext_logins, ["PLAIN"]);
        assert_eq!(asked(&[DONE]).1, Ok(Preface::default()));
        assert!(matches!(asked(&[GO]).1, Err(Failure::Nonsense(..))));
    }
}
