//! What is said to a server until TLS may begin, and what is awaited: a state machine over bytes, without a socket. It notes what
//! the server offers on the way, and keeps what comes behind its go-ahead, where nothing may come (RFC 3207 section 6). LDAP, which
//! speaks no lines, is in `ldap`.

mod ldap;

use crate::facts::peer::{Failure, Preface, Protocol, Stage};

/// A conversation that leads to TLS.
#[derive(Debug)]
pub(super) struct Talk {
    protocol: Protocol,
    phase: Phase,
    received: Vec<u8>,
    offers: Vec<String>,
    preface: Preface,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Send these bytes.
    Say(&'static [u8]),
    /// Wait for more.
    Listen,
    /// TLS may begin, or all is known that was asked for.
    Begin,
}

/// What is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Greeting,
    Offers,
    GoAhead,
}

/// What a line is to the answer that it stands in.
enum Reply {
    More,
    Yes,
    No,
    /// We are logged in already.
    Known,
    Nonsense,
}

impl Talk {
    pub(super) fn new(protocol: Protocol) -> Talk {
        let phase = if protocol == Protocol::Ldap { Phase::GoAhead } else { Phase::Greeting };
        Talk { protocol, phase, received: Vec::new(), offers: Vec::new(), preface: Preface::default() }
    }

    /// What the client says before the server has said anything.
    pub(super) fn first(&self) -> &'static [u8] {
        // In LDAP the client speaks first.
        match (self.protocol, self.phase) {
            (Protocol::Ldap, Phase::Offers) => ldap::MECHANISMS,
            (Protocol::Ldap, _) => ldap::STARTTLS,
            _ => b"",
        }
    }

    /// Takes what came, and tells what to do.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Result<Turn, Failure> {
        self.received.extend_from_slice(bytes);
        if self.protocol == Protocol::Ldap {
            return self.hear_ldap();
        }
        while let Some(end) = self.received.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.received.drain(..=end).collect();
            let line = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
            match self.line(&line)? {
                Turn::Listen => continue,
                Turn::Begin => self.preface.injected = std::mem::take(&mut self.received),
                // What was sent before its time belongs to no question that is still to come.
                Turn::Say(_) => {}
            }
            return self.after();
        }
        if self.received.len() > MAX_LINE { Err(Failure::TooMuch(Stage::Preface)) } else { Ok(Turn::Listen) }
    }

    /// What was noticed.
    pub(super) fn preface(self) -> Preface {
        self.preface
    }

    /// One line: `Listen` where its answer goes on, something else where it is whole.
    fn line(&mut self, line: &str) -> Result<Turn, Failure> {
        let reply = self.reply(line);
        match (reply, self.phase) {
            (Reply::Nonsense, _) => Err(Failure::Nonsense(Stage::Preface, excerpt(line.as_bytes()))),
            // RFC 9051 section 6.2.1: then it is too late for STARTTLS.
            (Reply::Known, _) => {
                Err(Failure::NoStartTls(format!("it takes us for logged in: {}", excerpt(line.as_bytes()))))
            }
            (Reply::No, Phase::Greeting) => Err(Failure::Nonsense(Stage::Preface, excerpt(line.as_bytes()))),
            (Reply::No, Phase::GoAhead) => Err(Failure::NoStartTls(excerpt(line.as_bytes()))),
            // RFC 2449 section 5: an old POP3 server may not know CAPA, and still have STLS.
            (Reply::No, Phase::Offers) if self.protocol == Protocol::Pop3 => {
                self.offers.push("STLS".into());
                Ok(Turn::Say(b""))
            }
            (Reply::No, Phase::Offers) => Err(Failure::NoStartTls(excerpt(line.as_bytes()))),
            (reply, Phase::Greeting | Phase::Offers) => {
                self.note(line);
                Ok(if matches!(reply, Reply::More) { Turn::Listen } else { Turn::Say(b"") })
            }
            (Reply::More, Phase::GoAhead) => Ok(Turn::Listen),
            (Reply::Yes, Phase::GoAhead) => Ok(Turn::Begin),
        }
    }

    /// What follows on a whole answer.
    fn after(&mut self) -> Result<Turn, Failure> {
        let says: &'static [u8] = match (self.phase, self.protocol) {
            (Phase::GoAhead, _) => return Ok(Turn::Begin),
            // It has told its offers with its greeting.
            (Phase::Greeting, Protocol::Sieve) | (Phase::Offers, _) => {
                self.preface.plaintext_logins = self.plaintext_logins();
                let word = if self.protocol == Protocol::Pop3 { "STLS" } else { "STARTTLS" };
                if !self.offers(word) {
                    return Err(Failure::NoStartTls(String::new()));
                }
                self.phase = Phase::GoAhead;
                match self.protocol {
                    Protocol::Imap => b"p2 STARTTLS\r\n",
                    Protocol::Pop3 => b"STLS\r\n",
                    _ => b"STARTTLS\r\n",
                }
            }
            (Phase::Greeting, _) => {
                self.phase = Phase::Offers;
                self.offers.clear();
                match self.protocol {
                    Protocol::Imap => b"p1 CAPABILITY\r\n",
                    Protocol::Pop3 => b"CAPA\r\n",
                    Protocol::Lmtp => b"LHLO pkit.invalid\r\n",
                    _ => b"EHLO pkit.invalid\r\n",
                }
            }
        };
        Ok(Turn::Say(says))
    }

    /// Where the line stands in its answer.
    fn reply(&self, line: &str) -> Reply {
        let starts = |word: &str| line.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
        match self.protocol {
            Protocol::Smtp | Protocol::Lmtp => match line.as_bytes() {
                [b'2', _, _, b'-', ..] => Reply::More,
                [b'2', _, _] | [b'2', _, _, b' ', ..] => Reply::Yes,
                [b'4' | b'5', b'0'..=b'9', b'0'..=b'9', ..] => Reply::No,
                _ => Reply::Nonsense,
            },
            Protocol::Imap => match self.phase {
                Phase::Greeting if starts("* OK") => Reply::Yes,
                Phase::Greeting if starts("* PREAUTH") => Reply::Known,
                Phase::Greeting if starts("* BYE") => Reply::No,
                Phase::Greeting => Reply::Nonsense,
                _ if starts("* ") => Reply::More,
                _ if starts("p1 OK") || starts("p2 OK") => Reply::Yes,
                _ if starts("p1 ") || starts("p2 ") => Reply::No,
                _ => Reply::Nonsense,
            },
            Protocol::Pop3 => match self.phase {
                _ if starts("-ERR") => Reply::No,
                Phase::Greeting | Phase::GoAhead if starts("+OK") => Reply::Yes,
                Phase::Offers if line == "." => Reply::Yes,
                Phase::Offers => Reply::More,
                _ => Reply::Nonsense,
            },
            Protocol::Sieve if starts("OK") => Reply::Yes,
            Protocol::Sieve if starts("NO") || starts("BYE") => Reply::No,
            Protocol::Sieve if self.phase == Phase::Greeting && starts("\"") => Reply::More,
            Protocol::Sieve | Protocol::Ldap => Reply::Nonsense,
        }
    }

    /// Keeps what the line offers, in capitals.
    fn note(&mut self, line: &str) {
        let offer = match self.protocol {
            Protocol::Smtp | Protocol::Lmtp => line.get(4..).unwrap_or_default().replacen("AUTH=", "AUTH ", 1),
            Protocol::Imap => line.strip_prefix("* CAPABILITY").unwrap_or_default().to_owned(),
            Protocol::Pop3 | Protocol::Ldap => line.to_owned(),
            Protocol::Sieve => line.replace('"', " "),
        };
        self.offers.push(offer.trim().to_ascii_uppercase());
    }

    fn offers(&self, word: &str) -> bool {
        let imap = self.protocol == Protocol::Imap;
        self.offers.iter().any(|offer| {
            let mut words = offer.split_ascii_whitespace();
            if imap { words.any(|w| w == word) } else { words.next() == Some(word) }
        })
    }

    /// Ways to log in without TLS that show the password.
    fn plaintext_logins(&self) -> Vec<String> {
        let list = |keyword: &str| {
            let of = |offer: &String| match offer.split_once(' ') {
                Some((word, names)) if word == keyword => names.split_ascii_whitespace().map(str::to_owned).collect(),
                _ => Vec::new(),
            };
            self.offers.iter().flat_map(of).collect::<Vec<String>>()
        };
        let mut logins = match self.protocol {
            Protocol::Smtp | Protocol::Lmtp => list("AUTH"),
            // Whether LDAP's simple bind is taken here nothing tells but an attempt.
            Protocol::Pop3 | Protocol::Sieve | Protocol::Ldap => list("SASL"),
            Protocol::Imap => {
                let words = self.offers.iter().flat_map(|offer| offer.split_ascii_whitespace());
                words.filter_map(|word| word.strip_prefix("AUTH=")).map(str::to_owned).collect()
            }
        };
        logins.retain(|name| SHOWS_SECRETS.contains(&name.as_str()));
        match self.protocol {
            // RFC 9051 section 6.2.3: the command is there unless the server says that it is not.
            Protocol::Imap if !self.offers("LOGINDISABLED") => logins.push("the command LOGIN".into()),
            // RFC 2449 section 6.3.
            Protocol::Pop3 if self.offers("USER") => logins.push("the command USER".into()),
            _ => {}
        }
        logins
    }
}

/// The beginning of what a server said, for people; escaped where it is shown.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let shown = bytes.get(..MAX_EXCERPT).unwrap_or(bytes);
    let text = String::from_utf8_lossy(shown).trim_end().to_owned();
    if bytes.len() > MAX_EXCERPT { text + "…" } else { text }
}

/// Mechanisms of SASL that hand over a password or a token (RFC 4616, RFC 7628).
const SHOWS_SECRETS: [&str; 4] = ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"];
/// RFC 5321 asks for 512 octets, IMAP servers send 8,192 (RFC 7162 section 4).
const MAX_LINE: usize = 8_192;
const MAX_EXCERPT: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    /// The conversation with a server that says these things in turn: what we said, and how it ended.
    fn talk(protocol: Protocol, server: &[&[u8]]) -> (String, Result<Preface, Failure>) {
        heard(Talk::new(protocol), server)
    }

    pub(super) fn heard(mut talk: Talk, server: &[&[u8]]) -> (String, Result<Preface, Failure>) {
        let mut said = talk.first().to_vec();
        for bytes in server {
            match talk.hear(bytes) {
                Ok(Turn::Say(words)) => said.extend_from_slice(words),
                Ok(Turn::Listen) => {}
                Ok(Turn::Begin) => return (String::from_utf8_lossy(&said).into_owned(), Ok(talk.preface())),
                Err(failure) => return (String::from_utf8_lossy(&said).into_owned(), Err(failure)),
            }
        }
        panic!("the conversation goes on: {talk:?}");
    }

    #[test]
    fn every_protocol_leads_to_tls() {
        let (said, end) = talk(
            Protocol::Smtp,
            &[b"220-hello\r\n220 mx\r\n", b"250-mx\r\n250-AUTH PLAIN CRAM-MD5\r\n250 START", b"TLS\r\n", b"220 go\r\n"],
        );
        assert_eq!(said, "EHLO pkit.invalid\r\nSTARTTLS\r\n");
        assert_eq!(end.unwrap().plaintext_logins, ["PLAIN"]);
        let (said, end) = talk(
            Protocol::Imap,
            &[b"* OK hi\r\n", b"* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\np1 OK\r\n", b"p2 OK go\r\n"],
        );
        assert_eq!(said, "p1 CAPABILITY\r\np2 STARTTLS\r\n");
        assert_eq!(end, Ok(Preface::default()));
        let (said, end) =
            talk(Protocol::Pop3, &[b"+OK\r\n", b"+OK\r\nUSER\r\nSTLS\r\nSASL LOGIN\r\n.\r\n", b"+OK\r\n"]);
        assert_eq!(said, "CAPA\r\nSTLS\r\n");
        assert_eq!(end.unwrap().plaintext_logins, ["LOGIN", "the command USER"]);
        let (said, end) =
            talk(Protocol::Sieve, &[b"\"SASL\" \"PLAIN\"\r\n\"STARTTLS\"\r\nOK\r\n", b"OK \"begin\"\r\n"]);
        assert_eq!(said, "STARTTLS\r\n");
        assert_eq!(end.unwrap().plaintext_logins, ["PLAIN"]);
        let (said, end) = talk(Protocol::Ldap, &[b"\x30", b"\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"]);
        assert!(said.ends_with("1.3.6.1.4.1.1466.20037"), "{said}");
        assert_eq!(end, Ok(Preface::default()));
        let (said, end) = talk(Protocol::Pop3, &[b"+OK\r\n", b"-ERR what?\r\n", b"+OK\r\n"]);
        assert_eq!((said.as_str(), end), ("CAPA\r\nSTLS\r\n", Ok(Preface::default())));
    }

    #[test]
    fn what_comes_behind_the_go_ahead_is_kept() {
        for (protocol, server) in [
            (Protocol::Smtp, &[&b"220 \r\n"[..], b"250 STARTTLS\r\n", b"220 go\r\n250 x\r\n"][..]),
            (Protocol::Imap, &[b"* OK\r\n", b"* CAPABILITY STARTTLS\r\np1 OK\r\n", b"p2 OK\r\n250 x\r\n"]),
            (Protocol::Ldap, &[b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00250 x\r\n"]),
        ] {
            assert_eq!(talk(protocol, server).1.unwrap().injected, b"250 x\r\n", "{protocol:?}");
        }
    }

    #[test]
    fn servers_without_it_are_told_from_nonsense() {
        let ends = |protocol, server: &[&[u8]]| talk(protocol, server).1.unwrap_err();
        let no = |words: &str| Failure::NoStartTls(words.into());
        assert_eq!(ends(Protocol::Smtp, &[b"220 \r\n", b"250-a\r\n250 HELP\r\n"]), no(""));
        assert_eq!(
            ends(Protocol::Smtp, &[b"220 \r\n", b"250-a\r\n250 STARTTLS\r\n", b"454 4.7.0 later\r\n"]),
            no("454 4.7.0 later")
        );
        assert_eq!(ends(Protocol::Imap, &[b"* OK\r\n", b"* CAPABILITY XSTARTTLS\r\np1 OK\r\n"]), no(""));
        let (ldap, words) =
            (&b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\x00\x04\x00"[..], "result 52: unavailable");
        assert!(ends(Protocol::Ldap, &[ldap]).to_string().contains(words));
        let notice = b"\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x34\x04\x00\x04\x00";
        assert!(matches!(ends(Protocol::Ldap, &[notice]), Failure::Broken(..)));
        for (protocol, greeting) in [
            (Protocol::Smtp, &b"* OK IMAP\r\n"[..]),
            (Protocol::Smtp, b"554 no\r\n"),
            (Protocol::Imap, b"220 mx\r\n"),
            (Protocol::Pop3, b"SSH-2.0\r\n"),
            (Protocol::Sieve, b"220 mx\r\n"),
            (Protocol::Ldap, b"\x15\x03\x01"),
            (Protocol::Ldap, b"\x30\x80\x02\x01\x01\x00\x00"),
            (Protocol::Ldap, b"\x30\x03\x02\x01\x01"),
        ] {
            assert!(matches!(ends(protocol, &[greeting]), Failure::Nonsense(..)), "{protocol:?}");
        }
        let long = vec![b'2'; MAX_LINE + 1];
        assert_eq!(ends(Protocol::Smtp, &[&long]), Failure::TooMuch(Stage::Preface));
        assert_eq!(ends(Protocol::Ldap, &[b"\x30\x84\x7f\xff\xff\xff"]), Failure::TooMuch(Stage::Preface));
    }
}
