//! DER (X.690), read strictly and written canonically: a cursor over borrowed bytes and a few builders. Used for what
//! x509-parser does not cover (keys, requests, DH parameters, PKCS#7), wherever a byte too many must not pass, and for all that
//! is made here. It knows tags and
//! lengths; what they mean is the caller's business.

use std::fmt;

use time::OffsetDateTime;
use zeroize::Zeroizing;

/// Deepest nesting that is followed; real certificates need about 12, and parsers have overflowed their stack at 1,338.
pub const MAX_DEPTH: usize = 32;

/// Universal and context tags in their one-byte form.
pub mod tag {
    #![allow(missing_docs, reason = "the names are X.680's")]
    pub const BOOLEAN: u8 = 0x01;
    pub const INTEGER: u8 = 0x02;
    pub const BIT_STRING: u8 = 0x03;
    pub const OCTET_STRING: u8 = 0x04;
    pub const NULL: u8 = 0x05;
    pub const OID: u8 = 0x06;
    pub const ENUMERATED: u8 = 0x0a;
    pub const UTF8_STRING: u8 = 0x0c;
    pub const NUMERIC_STRING: u8 = 0x12;
    pub const PRINTABLE_STRING: u8 = 0x13;
    pub const TELETEX_STRING: u8 = 0x14;
    pub const IA5_STRING: u8 = 0x16;
    pub const UNIVERSAL_STRING: u8 = 0x1c;
    pub const BMP_STRING: u8 = 0x1e;
    pub const SEQUENCE: u8 = 0x30;
    pub const SET: u8 = 0x31;

    /// `[n] EXPLICIT` or constructed `[n] IMPLICIT`.
    pub const fn context(n: u8) -> u8 {
        0xa0 | n
    }

    /// Primitive `[n] IMPLICIT`.
    pub const fn context_primitive(n: u8) -> u8 {
        0x80 | n
    }
}

/// Why bytes are not DER, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DerError {
    /// What is wrong.
    pub what: &'static str,
    /// The offset in the bytes given to `Reader::new`.
    pub offset: usize,
}

impl fmt::Display for DerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.offset)
    }
}

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

type Result<T> = std::result::Result<T, DerError>;

/// One element: its tag, its content, and all its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Tlv<'a> {
    /// The identifier octet.
    pub tag: u8,
    /// The content octets.
    pub content: &'a [u8],
    /// Identifier, length and content.
    pub raw: &'a [u8],
    offset: usize,
}

/// A cursor over DER bytes.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    base: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0, base: 0 }
    }

    /// Is everything read?
    pub fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// The tag that comes next.
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// How many elements are left; none if what is left is not DER.
    pub fn count(&self) -> Option<usize> {
        let mut rest = self.clone();
        let mut count = 0;
        while !rest.is_empty() {
            rest.any().ok()?;
            count += 1;
        }
        Some(count)
    }

    /// What is not read yet.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// Passes over bytes that were looked at by way of `rest`; no more than these.
    pub fn skip(&mut self, length: usize) {
        self.at = self.bytes.len().min(self.at + length);
    }

    /// Where the cursor stands, counted from the first byte of the outermost reader.
    pub fn offset(&self) -> usize {
        self.base + self.at
    }

    /// The next element, whatever it is. Lengths must be definite and minimal; tag numbers above 30 do not occur in PKI.
    pub fn any(&mut self) -> Result<Tlv<'a>> {
        let fault = |what| DerError { what, offset: self.base + self.at };
        let rest = &self.bytes[self.at..];
        let (&tag, &first) = match rest {
            [tag, first, ..] => (tag, first),
            [] => return Err(fault("the data ends where an element should begin")),
            [_] => return Err(fault("the data ends within an element's head")),
        };
        if tag & 0x1f == 0x1f {
            return Err(fault("a tag number above 30"));
        }
        let (head, length) = match first {
            0..=0x7f => (2, usize::from(first)),
            0x80 => return Err(fault("an indefinite length (BER, not DER)")),
            0x81..=0x84 => {
                let count = usize::from(first & 0x7f);
                let bytes = rest.get(2..2 + count).ok_or(fault("the data ends within a length"))?;
                let length = bytes.iter().fold(0usize, |sum, b| sum << 8 | usize::from(*b));
                if bytes[0] == 0 || length < 0x80 {
                    return Err(fault("a length that is longer than needed (BER, not DER)"));
                }
                (2 + count, length)
            }
            _ => return Err(fault("a length beyond 4 GiB")),
        };
        let raw = rest.get(..head + length).ok_or(fault("an element that is longer than the data"))?;
        let tlv = Tlv { tag, content: &raw[head..], raw, offset: self.base + self.at + head };
        self.at += raw.len();
        Ok(tlv)
    }

    /// The next element, which must have this tag.
    pub fn expect(&mut self, tag: u8) -> Result<Tlv<'a>> {
        let offset = self.offset();
        match self.any()? {
            tlv if tlv.tag == tag => Ok(tlv),
            _ => Err(DerError { what: "another element than expected", offset }),
        }
    }

    /// The next element if it has this tag.
    pub fn optional(&mut self, tag: u8) -> Result<Option<Tlv<'a>>> {
        if self.peek() == Some(tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// A reader over the content of the next element, which must have this tag.
    pub fn enter(&mut self, tag: u8) -> Result<Reader<'a>> {
        Ok(self.expect(tag)?.reader())
    }

    /// The magnitude of a non-negative INTEGER, without the sign byte.
    pub fn unsigned(&mut self) -> Result<&'a [u8]> {
        let offset = self.offset();
        match self.expect(tag::INTEGER)?.content {
            [] => Err(DerError { what: "an empty integer", offset }),
            [0] => Ok(&[]),
            [0, second, ..] if *second < 0x80 => {
                Err(DerError { what: "an integer with a needless leading zero", offset })
            }
            [0, magnitude @ ..] => Ok(magnitude),
            [first, ..] if *first >= 0x80 => Err(DerError { what: "a negative integer", offset }),
            magnitude => Ok(magnitude),
        }
    }

    /// The content of an INTEGER, which must have no octet too many.
    pub fn integer(&mut self) -> Result<&'a [u8]> {
        let offset = self.offset();
        match self.expect(tag::INTEGER)?.content {
            [] => Err(DerError { what: "an empty integer", offset }),
            [0, second, ..] if *second < 0x80 => Err(DerError { what: "an integer longer than needed", offset }),
            [0xff, second, ..] if *second >= 0x80 => Err(DerError { what: "an integer longer than needed", offset }),
            content => Ok(content),
        }
    }

    /// The bytes of a BIT STRING that has a whole number of octets.
    pub fn octets_of_bits(&mut self) -> Result<&'a [u8]> {
        let offset = self.offset();
        match self.expect(tag::BIT_STRING)?.content {
            [0, bytes @ ..] => Ok(bytes),
            _ => Err(DerError { what: "a bit string that does not end on a byte", offset }),
        }
    }

    /// A UTCTime or GeneralizedTime in the only forms that RFC 5280 section 4.1.2.5 allows: seconds present, `Z` at the end.
    /// Two-digit years below 50 are 20xx.
    pub fn time(&mut self) -> Result<OffsetDateTime> {
        let offset = self.offset();
        let tlv = self.any()?;
        let fault = DerError { what: "a time that is not in the form of RFC 5280", offset };
        let digits = tlv.content.strip_suffix(b"Z").filter(|d| d.iter().all(u8::is_ascii_digit)).ok_or(fault)?;
        let pair = |at: usize| digits[at..at + 2].iter().fold(0u8, |n, d| n * 10 + (d - b'0'));
        let (year, rest) = match (tlv.tag, digits.len()) {
            (UTC_TIME, 12) if pair(0) < 50 => (2000 + i32::from(pair(0)), 2),
            (UTC_TIME, 12) => (1900 + i32::from(pair(0)), 2),
            (GENERALIZED_TIME, 14) => (i32::from(pair(0)) * 100 + i32::from(pair(2)), 4),
            _ => return Err(fault),
        };
        let month = time::Month::try_from(pair(rest)).map_err(|_| fault)?;
        let date = time::Date::from_calendar_date(year, month, pair(rest + 2)).map_err(|_| fault)?;
        let clock = time::Time::from_hms(pair(rest + 4), pair(rest + 6), pair(rest + 8)).map_err(|_| fault)?;
        Ok(OffsetDateTime::new_utc(date, clock))
    }

    /// A BOOLEAN: only 0x00 and 0xff are DER.
    pub fn boolean(&mut self) -> Result<bool> {
        let offset = self.offset();
        match self.expect(tag::BOOLEAN)?.content {
            [0] => Ok(false),
            [0xff] => Ok(true),
            _ => Err(DerError { what: "a boolean that is neither 00 nor FF (BER, not DER)", offset }),
        }
    }

    /// Nothing may follow.
    pub fn end(&self) -> Result<()> {
        if self.is_empty() { Ok(()) } else { Err(DerError { what: "more data than expected", offset: self.offset() }) }
    }
}

impl<'a> Tlv<'a> {
    /// Where the content stands, counted from the first byte of the outermost reader.
    pub fn place(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.content.len()
    }

    /// A reader over the content; offsets go on counting from the outermost bytes.
    pub fn reader(&self) -> Reader<'a> {
        Reader { bytes: self.content, at: 0, base: self.offset }
    }
}

/// The single element that the bytes must be, with nothing behind it.
pub fn whole(bytes: &[u8], tag: u8) -> Result<Reader<'_>> {
    let mut outer = Reader::new(bytes);
    let inner = outer.enter(tag)?;
    outer.end()?;
    Ok(inner)
}

/// Is everything below within the depth limit, with lengths that fit? Elements that are primitive are not entered.
pub fn nesting(bytes: &[u8]) -> Result<()> {
    let mut stack = vec![Reader::new(bytes)];
    while let Some(reader) = stack.last_mut() {
        if reader.is_empty() {
            stack.pop();
            continue;
        }
        let tlv = reader.any()?;
        if tlv.tag & 0x20 != 0 {
            if stack.len() >= MAX_DEPTH {
                return Err(DerError { what: "nesting deeper than 32 levels", offset: tlv.offset });
            }
            stack.push(tlv.reader());
        }
    }
    Ok(())
}

/// One element as bytes.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    out.push(tag);
    let length = content.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
        out.push(0x80 | bytes.len() as u8);
        out.extend_from_slice(&bytes);
    }
    out.extend_from_slice(content);
    out
}

/// A SEQUENCE of elements that are already DER. They may be a key's, so what is made on the way is wiped.
pub fn sequence(elements: &[&[u8]]) -> Vec<u8> {
    tlv(tag::SEQUENCE, &Zeroizing::new(elements.concat()))
}

/// A non-negative INTEGER from its big-endian magnitude.
pub fn unsigned(magnitude: &[u8]) -> Vec<u8> {
    let start = magnitude.iter().position(|b| *b != 0).unwrap_or(magnitude.len());
    let digits = &magnitude[start..];
    let mut content = Zeroizing::new(Vec::with_capacity(digits.len() + 1));
    if digits.first().is_none_or(|b| *b >= 0x80) {
        content.push(0);
    }
    content.extend_from_slice(digits);
    tlv(tag::INTEGER, &content)
}

/// A BIT STRING of whole octets.
pub fn bits(octets: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(octets.len() + 1);
    content.push(0);
    content.extend_from_slice(octets);
    tlv(tag::BIT_STRING, &content)
}

/// A BOOLEAN that is true. One that is false is a default in everything that is written here, and DER leaves defaults out.
pub fn boolean() -> Vec<u8> {
    tlv(tag::BOOLEAN, &[0xff])
}

/// A BIT STRING of named bits, bit 0 first: without the zeros at its end (X.690 section 11.2.2).
pub fn named_bits(set: &[u8]) -> Vec<u8> {
    let Some(last) = set.iter().max() else { return tlv(tag::BIT_STRING, &[0]) };
    let mut content = vec![0; usize::from(last / 8) + 2];
    content[0] = 7 - last % 8;
    for bit in set {
        content[usize::from(bit / 8) + 1] |= 0x80 >> (bit % 8);
    }
    tlv(tag::BIT_STRING, &content)
}

/// A UTCTime until 2049 and a GeneralizedTime from 2050 on (RFC 5280 section 4.1.2.5), in whole seconds.
pub fn time(at: OffsetDateTime) -> Vec<u8> {
    let at = at.to_offset(time::UtcOffset::UTC);
    let rest =
        format!("{:02}{:02}{:02}{:02}{:02}Z", u8::from(at.month()), at.day(), at.hour(), at.minute(), at.second());
    match at.year() {
        year @ 1950..2050 => tlv(UTC_TIME, format!("{:02}{rest}", year % 100).as_bytes()),
        year => tlv(GENERALIZED_TIME, format!("{year:04}{rest}").as_bytes()),
    }
}

/// An object identifier's content octets in dotted form.
pub fn dotted(oid: &[u8]) -> String {
    let mut arcs: Vec<u128> = Vec::new();
    let mut value: u128 = 0;
    for byte in oid {
        value = value.saturating_mul(128) | u128::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if arcs.is_empty() {
                let first = (value / 40).min(2);
                arcs.extend([first, value - first * 40]);
            } else {
                arcs.push(value);
            }
            value = 0;
        }
    }
    arcs.iter().map(u128::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_must_be_minimal_and_definite() {
        for bad in [
            &[0x30, 0x80, 0, 0][..],
            &[0x30, 0x81, 0x01, 0],
            &[0x04, 0x82, 0x00, 0x80],
            &[0x30],
            &[0x30, 5, 0],
            &[0x1f, 0x81, 0x00],
        ] {
            assert!(Reader::new(bad).any().is_err(), "{bad:02x?}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for n in [0usize, 1, 127, 128, 255, 256, 70_000] {
            let bytes = tlv(tag::OCTET_STRING, &vec![7; n]);
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.expect(tag::OCTET_STRING).map(|t| t.content.len()), Ok(n));
            assert_eq!(reader.end(), Ok(()));
        }
        assert_eq!(unsigned(&[0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned(&[]), [2, 1, 0]);
        assert_eq!(Reader::new(&[2, 1, 0x7f]).unsigned(), Ok(&[0x7f][..]));
        assert!(Reader::new(&[2, 2, 0, 0x7f]).unsigned().is_err());
        assert!(Reader::new(&[2, 1, 0x80]).unsigned().is_err());
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]), "1.2.840.113549.1.1.1");
        assert_eq!(dotted(&[0x88, 0x37]), "2.999");
    }

    #[test]
    fn times_and_bits_are_written_in_their_one_form() {
        for second in [0, 946_684_799, 2_524_607_999, 2_524_608_000, 253_402_300_799] {
            let at = OffsetDateTime::from_unix_timestamp(second).unwrap();
            assert_eq!(Reader::new(&time(at)).time(), Ok(at));
        }
        assert_eq!(time(OffsetDateTime::UNIX_EPOCH), *b"\x17\x0d700101000000Z");
        assert_eq!(named_bits(&[]), [3, 1, 0]);
        assert_eq!(named_bits(&[6, 5]), [3, 2, 1, 0b110]);
        assert_eq!(named_bits(&[0, 8]), [3, 3, 7, 0x80, 0x80]);
    }

    #[test]
    fn nesting_is_bounded_without_recursion() {
        let deep = (0..20_000).fold(
            Vec::new(),
            |inner: Vec<u8>, _| if inner.len() < 60_000 { tlv(tag::SEQUENCE, &inner) } else { inner },
        );
        assert!(nesting(&deep).is_err());
        assert_eq!(nesting(&sequence(&[&unsigned(&[1])])), Ok(()));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = nesting(&bytes);
            let mut reader = Reader::new(&bytes);
            while reader.any().is_ok_and(|t| !t.raw.is_empty()) {}
        }
    }
}
