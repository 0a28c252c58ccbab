//! Blocks in the one form that every encoder writes, base64 in lines of 64 characters: written and read at the speed of memory,
//! as lists of a million revocations ask. Any other form, and all damage, is left to `pem`.

use std::borrow::Cow;

use zeroize::Zeroizing;

/// A block as `encode` makes it, in parts of some lines each, for things too large to have their text in memory as a whole.
pub fn pieces<'a>(label: &'a str, der: &'a [u8]) -> impl Iterator<Item = Cow<'a, [u8]>> {
    let marker = move |word: &str| Cow::Owned(format!("-----{word} {label}-----\n").into_bytes());
    let lines = der.chunks(PART_BYTES).map(|part| Cow::Owned(lines(part)));
    std::iter::once(marker("BEGIN")).chain(lines).chain(std::iter::once(marker("END")))
}

/// Makes of a text that is one block of this label and nothing else, as every encoder writes it, the bytes that it holds. They
/// take the text's own place, so that not even a large list is in memory twice. `false` leaves any other text as it was; it is
/// for `blocks` to read. Not for keys: what remains of the text behind the bytes is not wiped.
pub fn unwrap(text: &mut Vec<u8>, label: &str) -> bool {
    let (begin, end) = (format!("-----BEGIN {label}-----\n"), format!("-----END {label}-----\n"));
    let body = text.strip_prefix(begin.as_bytes()).and_then(|rest| rest.strip_suffix(end.as_bytes()));
    let Some(length) = body.map(<[u8]>::len) else { return false };
    let stop = begin.len() + length;
    let (mut at, mut done, mut part) = (begin.len(), 0, Zeroizing::new(Vec::with_capacity(PART)));
    while at < stop {
        let next = stop.min(at + PART);
        let Some(bytes) = decode_lines(&text[at..next], next == stop, &mut part) else {
            wrap_again(text, &begin, done / PART_BYTES);
            return false;
        };
        text[done..done + bytes.len()].copy_from_slice(bytes);
        (at, done) = (next, done + bytes.len());
    }
    text.truncate(done);
    true
}

/// Puts the text back whose first parts were decoded. From behind, since the text of a part is longer than its bytes.
fn wrap_again(text: &mut [u8], begin: &str, parts: usize) {
    for part in (0..parts).rev() {
        let again = lines(&text[part * PART_BYTES..(part + 1) * PART_BYTES]);
        text[begin.len() + part * PART..][..PART].copy_from_slice(&again);
    }
    text[..begin.len()].copy_from_slice(begin.as_bytes());
}

/// What stands between two markers, in lines of 64 characters; `None` for any other form.
pub(super) fn decode(base64: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let body = base64.strip_prefix(b"\n")?;
    let mut out = Zeroizing::new(Vec::with_capacity(body.len() / (LINE + 1) * (LINE / 4 * 3) + LINE));
    let mut part = Zeroizing::new(Vec::with_capacity(PART));
    let mut parts = body.chunks(PART).peekable();
    while let Some(lines) = parts.next() {
        out.extend_from_slice(decode_lines(lines, parts.peek().is_none(), &mut part)?);
    }
    Some(out)
}

/// Some lines of 64 characters, decoded in `part`. Only the last of a block may end in less, or in padding.
fn decode_lines<'a>(lines: &[u8], last: bool, part: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    part.clear();
    let (whole, rest) = lines.as_chunks::<{ LINE + 1 }>();
    for line in whole {
        let [text @ .., b'\n'] = line else { return None };
        part.extend_from_slice(text);
    }
    if !rest.is_empty() {
        part.extend_from_slice(rest.strip_suffix(b"\n")?);
    }
    let bytes = base64_simd::STANDARD.decode_inplace(part).ok()?;
    (last || bytes.len() == PART_BYTES).then_some(bytes)
}

/// Base64 in lines of 64 characters.
fn lines(der: &[u8]) -> Vec<u8> {
    let length = der.len().div_ceil(3) * 4;
    let count = length.div_ceil(LINE);
    let mut text = Vec::with_capacity(length + count);
    base64_simd::STANDARD.encode_append(der, &mut text);
    text.resize(length + count, b'\n');
    // Each line moves by as many bytes as there are lines before it, so the last one goes first.
    for line in (1..count).rev() {
        let end = length.min((line + 1) * LINE);
        text.copy_within(line * LINE..end, line * (LINE + 1));
        text[line * (LINE + 1) - 1] = b'\n';
    }
    text
}

const LINE: usize = 64;
/// Lines that are worked on and written at once: little enough to stay in a processor's cache, and so many that the system
/// calls cost little.
const LINES: usize = 2048;
/// Their text, line ends included.
pub(super) const PART: usize = LINES * (LINE + 1);
/// What they hold.
pub(super) const PART_BYTES: usize = LINES * LINE / 4 * 3;

#[cfg(test)]
mod tests {
    use super::super::encode;
    use super::*;

    #[test]
    fn only_a_whole_block_as_encoders_write_it_is_unwrapped() {
        let data: Vec<u8> = (0..PART_BYTES * 2 + 100).map(|n| n as u8).collect();
        for length in [0, 1, 47, 48, 49, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, data.len()] {
            let mut text = encode("X509 CRL", &data[..length]).into_bytes();
            assert!(unwrap(&mut text, "X509 CRL"), "{length}");
            assert_eq!(text, data[..length]);
        }
    }

    #[test]
    fn what_is_not_unwrapped_stays_as_it_was() {
        let data: Vec<u8> = (0..PART_BYTES * 2 + 100).map(|n| n as u8).collect();
        let text = encode("X509 CRL", &data);
        let part_end = "-----BEGIN X509 CRL-----\n".len() + PART - 3;
        let padded = [&text[..part_end], "==", &text[part_end + 2..]].concat();
        let star = [&text[..text.len() - 60], "*", &text[text.len() - 59..]].concat();
        let others =
            [format!("{text}{text}"), format!("{text}\n"), text.replace('\n', "\r\n"), text.replace("X509 ", "")];
        for other in others.into_iter().chain([padded, star, text[1..].into(), text[..text.len() - 1].into()]) {
            let mut bytes = other.clone().into_bytes();
            assert!(!unwrap(&mut bytes, "X509 CRL"));
            assert!(bytes == other.as_bytes());
        }
    }
}
