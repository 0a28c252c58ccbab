//! BER to DER (X.690 section 8): PKCS#12 files of Java, NSS and macOS have indefinite lengths and strings in pieces. Only
//! lengths and pieces are put right, to a bounded depth; whatever else BER allows stays for the DER reader to refuse.

use zeroize::Zeroizing;

use super::der::{DerError, MAX_DEPTH, tag, tlv};

/// The first element of the bytes as DER, and nothing behind it.
pub(super) fn to_der(bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, DerError> {
    let mut source = Source { bytes, at: 0 };
    let der = source.element(0)?.ok_or(source.fault("an end without a beginning"))?;
    if source.at == bytes.len() { Ok(der) } else { Err(source.fault("more data than expected")) }
}

const CONSTRUCTED: u8 = 0x20;
const CONSTRUCTED_OCTETS: u8 = tag::OCTET_STRING | CONSTRUCTED;

struct Source<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Source<'_> {
    fn fault(&self, what: &'static str) -> DerError {
        DerError { what, offset: self.at }
    }

    fn octet(&mut self) -> Result<u8, DerError> {
        let octet = *self.bytes.get(self.at).ok_or(self.fault("the data ends within an element's head"))?;
        self.at += 1;
        Ok(octet)
    }

    /// The next element; none where an end-of-contents mark stands.
    fn element(&mut self, depth: usize) -> Result<Option<Zeroizing<Vec<u8>>>, DerError> {
        if depth > MAX_DEPTH {
            return Err(self.fault("nesting deeper than 32 levels"));
        }
        let tag = self.octet()?;
        if tag & 0x1f == 0x1f {
            return Err(self.fault("a tag number above 30"));
        }
        let end = self.length()?;
        if tag == 0 && end == Some(self.at) {
            return Ok(None);
        }
        if tag & CONSTRUCTED == 0 {
            let end = end.ok_or(self.fault("an indefinite length of something without parts"))?;
            let content = &self.bytes[self.at..end];
            self.at = end;
            return Ok(Some(Zeroizing::new(tlv(tag, content))));
        }
        let parts = self.parts(end, depth)?;
        if tag == CONSTRUCTED_OCTETS {
            let joined = joined(&parts).ok_or(self.fault("a string in pieces that are none"))?;
            return Ok(Some(Zeroizing::new(tlv(tag::OCTET_STRING, &joined))));
        }
        let content = Zeroizing::new(parts.iter().flat_map(|part| part.iter().copied()).collect::<Vec<u8>>());
        Ok(Some(Zeroizing::new(tlv(tag, &content))))
    }

    fn parts(&mut self, end: Option<usize>, depth: usize) -> Result<Vec<Zeroizing<Vec<u8>>>, DerError> {
        let mut parts = Vec::new();
        while end != Some(self.at) {
            if end.is_some_and(|end| self.at > end) {
                return Err(self.fault("an element that is longer than what it stands in"));
            }
            match self.element(depth + 1)? {
                Some(part) => parts.push(part),
                None if end.is_none() => break,
                None => return Err(self.fault("an end within a definite length")),
            }
        }
        Ok(parts)
    }

    /// Where the element ends; none where only a mark will tell.
    fn length(&mut self) -> Result<Option<usize>, DerError> {
        let length = match self.octet()? {
            0x80 => return Ok(None),
            short @ 0..=0x7f => usize::from(short),
            long @ 0x81..=0x84 => {
                let mut length = 0usize;
                for _ in 0..long & 0x7f {
                    length = length << 8 | usize::from(self.octet()?);
                }
                length
            }
            _ => return Err(self.fault("a length beyond 4 GiB")),
        };
        let end = self.at + length;
        if end > self.bytes.len() { Err(self.fault("an element that is longer than the data")) } else { Ok(Some(end)) }
    }
}

/// The content of all pieces, which have become DER already.
pub(super) fn joined(pieces: &[Zeroizing<Vec<u8>>]) -> Option<Zeroizing<Vec<u8>>> {
    let mut whole = Zeroizing::new(Vec::with_capacity(pieces.iter().map(|piece| piece.len()).sum()));
    for piece in pieces {
        let mut reader = super::der::Reader::new(piece);
        whole.extend_from_slice(reader.expect(tag::OCTET_STRING).ok()?.content);
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_pieces_are_put_right() {
        let ber = [0x30, 0x80, 0x24, 0x80, 4, 1, 7, 4, 0x81, 1, 8, 0, 0, 2, 1, 5, 0, 0];
        assert_eq!(*to_der(&ber).unwrap(), [0x30, 7, 4, 2, 7, 8, 2, 1, 5]);
        for bad in [&[0x30, 0x80][..], &[0x30, 0x80, 0, 0, 9], &[0x04, 0x80, 0, 0], &[0x30, 3, 4, 2, 1], &[0, 0], &[]] {
            assert!(to_der(bad).is_err(), "{bad:02x?}");
        }
        let deep: Vec<u8> = [0x30, 0x80].into_iter().cycle().take(4000).collect();
        assert!(to_der(&deep).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = to_der(&bytes);
        }
    }
}
