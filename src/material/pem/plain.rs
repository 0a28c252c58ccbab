//! Blocks in the one form that every encoder writes, base64 in lines of 64 characters: written and read at the speed of memory,
//! as lists of a million revocations ask. Any other form, and all damage, is left to `pem`.

use std::borrow::Cow;

use base64_simd::AsOut;
use zeroize::Zeroizing;

/// A block as `encode` makes it, in parts of some lines each, for things too large to have their text in memory as a whole.
pub fn pieces<'a>(label: &'a str, der: &'a [u8]) -> impl Iterator<Item = Cow<'a, [u8]>> {
    let marker = move |word: &str| Cow::Owned(format!("-----{word} {label}-----\n").into_bytes());
    let lines = der.chunks(PIECE_BYTES).map(|part| Cow::Owned(lines(part)));
    std::iter::once(marker("BEGIN")).chain(lines).chain(std::iter::once(marker("END")))
}

/// How many bytes all pieces have together.
pub fn length(label: &str, der: &[u8]) -> usize {
    let text = der.len().div_ceil(3) * 4;
    "-----BEGIN -----\n-----END -----\n".len() + 2 * label.len() + text + text.div_ceil(LINE)
}

/// Makes of a text that is one block of this label and nothing else, as every encoder writes it, the bytes that it holds.
/// `false` leaves any other text as it was; it is for `blocks` to read.
pub fn unwrap(text: &mut Zeroizing<Vec<u8>>, label: &str) -> bool {
    let mut unwrapping = Unwrapping::new(label);
    unwrapping.go_on(text);
    unwrapping.finish(text)
}

/// The same for a text that is still coming in. The bytes take the text's own place part by part, so a large list is at no
/// time in memory twice, nor its text as a whole. Not for keys: what remains of the text behind the bytes is not wiped.
#[derive(Debug)]
pub struct Unwrapping {
    begin: Vec<u8>,
    end: Vec<u8>,
    state: State,
    /// Parts decoded so far; their bytes stand where the text began.
    parts: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The BEGIN line is still there.
    Awaited,
    /// What is not decoded yet stands behind the bytes.
    Begun,
    /// It has shown another form, and stands there as it was.
    Other,
}

impl Unwrapping {
    /// A text of one block of this label is awaited.
    pub fn new(label: &str) -> Unwrapping {
        let [begin, end] = ["BEGIN", "END"].map(|word| format!("-----{word} {label}-----\n").into_bytes());
        Unwrapping { begin, end, state: State::Awaited, parts: 0 }
    }

    /// Decodes what has been added to the text, but never its last part, which may end in padding. `false` says that it is of
    /// another form, whatever comes.
    pub fn go_on(&mut self, text: &mut Zeroizing<Vec<u8>>) -> bool {
        if text.len() >= self.begin.len()
            && let Some(at) = self.at(text)
        {
            let parts = text.len().saturating_sub(at + self.end.len() + 1) / PART;
            self.decode(text, at, at + parts * PART, false);
        }
        self.state != State::Other
    }

    /// Nothing more comes. Was it a text of this form? If not, it stands there as it was.
    pub fn finish(mut self, text: &mut Zeroizing<Vec<u8>>) -> bool {
        if let Some(at) = self.at(text) {
            match text.strip_suffix(self.end.as_slice()).map(<[u8]>::len) {
                Some(stop) if stop >= at => self.decode(text, at, stop, true),
                _ => self.give_up(text, at),
            }
        }
        self.state == State::Begun
    }

    /// Where the text begins that is not decoded yet.
    fn at(&mut self, text: &[u8]) -> Option<usize> {
        let (state, at) = match self.state {
            State::Awaited if text.starts_with(&self.begin) => (State::Begun, Some(self.begin.len())),
            State::Awaited | State::Other => (State::Other, None),
            State::Begun => (State::Begun, Some(self.parts * PART_BYTES)),
        };
        self.state = state;
        at
    }

    fn decode(&mut self, text: &mut Zeroizing<Vec<u8>>, at: usize, stop: usize, last: bool) {
        let (mut done, mut part) = (self.parts * PART_BYTES, Zeroizing::new(Vec::with_capacity(PART)));
        for from in (at..stop).step_by(PART) {
            let next = stop.min(from + PART);
            if join_lines(&text[from..next], &mut part).is_none() {
                return self.give_up(text, from);
            }
            match base64_simd::STANDARD.decode(&part, text[done..next].as_out()) {
                Ok(bytes) if bytes.len() == PART_BYTES || (last && next == stop) => done += bytes.len(),
                _ => {
                    // Some bytes may stand in the place of their own text by now.
                    split_lines(&part, &mut text[from..next]);
                    return self.give_up(text, from);
                }
            }
            self.parts += 1;
        }
        let rest = if last { text.len() } else { stop };
        text.copy_within(rest.., done);
        let length = done + text.len() - rest;
        text.truncate(length);
    }

    /// Puts the text back whose first parts were decoded; what was not stands from `at` on. From behind, since the text of a
    /// part is longer than its bytes. Should it need more room, the old one is wiped: there may be a key behind the list.
    fn give_up(&mut self, text: &mut Zeroizing<Vec<u8>>, at: usize) {
        let before = self.begin.len() + self.parts * PART;
        let length = before + text.len() - at;
        if text.capacity() < length {
            let mut larger = Zeroizing::new(Vec::with_capacity(length));
            larger.extend_from_slice(text);
            *text = larger;
        }
        let old = text.len();
        text.resize(length.max(old), 0);
        text.copy_within(at..old, before);
        text.truncate(length);
        for part in (0..self.parts).rev() {
            let again = lines(&text[part * PART_BYTES..(part + 1) * PART_BYTES]);
            text[self.begin.len() + part * PART..][..PART].copy_from_slice(&again);
        }
        text[..self.begin.len()].copy_from_slice(&self.begin);
        self.state = State::Other;
    }
}

/// What stands between two markers, in lines of 64 characters; `None` for any other form.
pub(super) fn decode(base64: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let body = base64.strip_prefix(b"\n")?;
    if body.len() <= PART {
        // In its own place: every byte of a buffer costs a wipe in the end.
        let mut out = Zeroizing::new(Vec::with_capacity(body.len()));
        join_lines(body, &mut out)?;
        let length = base64_simd::STANDARD.decode_inplace(&mut out).ok()?.len();
        out.truncate(length);
        return Some(out);
    }
    let mut out = Zeroizing::new(Vec::with_capacity(body.len() / (LINE + 1) * (LINE / 4 * 3) + LINE));
    let mut part = Zeroizing::new(Vec::with_capacity(PART));
    let mut parts = body.chunks(PART).peekable();
    while let Some(lines) = parts.next() {
        join_lines(lines, &mut part)?;
        let bytes = base64_simd::STANDARD.decode_inplace(&mut part).ok()?;
        if parts.peek().is_some() && bytes.len() != PART_BYTES {
            return None;
        }
        out.extend_from_slice(bytes);
    }
    Some(out)
}

/// The characters of some lines, all of 64 of them but the last.
fn join_lines(lines: &[u8], joined: &mut Vec<u8>) -> Option<()> {
    joined.clear();
    let (whole, rest) = lines.as_chunks::<{ LINE + 1 }>();
    for line in whole {
        let [text @ .., b'\n'] = line else { return None };
        joined.extend_from_slice(text);
    }
    if !rest.is_empty() {
        joined.extend_from_slice(rest.strip_suffix(b"\n")?);
    }
    Some(())
}

/// Lines of 64 characters again.
fn split_lines(joined: &[u8], lines: &mut [u8]) {
    for (text, line) in joined.chunks(LINE).zip(lines.chunks_mut(LINE + 1)) {
        line[..text.len()].copy_from_slice(text);
        line[text.len()] = b'\n';
    }
}

/// Base64 in lines of 64 characters.
fn lines(der: &[u8]) -> Vec<u8> {
    let length = der.len().div_ceil(3) * 4;
    let mut text = Vec::with_capacity(length + length.div_ceil(LINE));
    der.chunks(PART_BYTES).for_each(|part| append_lines(part, &mut text));
    text
}

fn append_lines(der: &[u8], text: &mut Vec<u8>) {
    let start = text.len();
    base64_simd::STANDARD.encode_append(der, text);
    let length = text.len() - start;
    let count = length.div_ceil(LINE);
    text.resize(start + length + count, b'\n');
    let text = &mut text[start..];
    // Each line moves by as many bytes as there are lines before it, so the last one goes first.
    for line in (1..count).rev() {
        let end = length.min((line + 1) * LINE);
        text.copy_within(line * LINE..end, line * (LINE + 1));
        text[line * (LINE + 1) - 1] = b'\n';
    }
}

const LINE: usize = 64;
/// Lines that are decoded at once: little enough to stay in a processor's cache.
const LINES: usize = 2048;
/// Their text, line ends included.
pub(super) const PART: usize = LINES * (LINE + 1);
/// What they hold.
pub(super) const PART_BYTES: usize = LINES * LINE / 4 * 3;
/// What is written at once, about 1 MiB as text: file systems keep a large write in few large pieces, which costs half the time.
const PIECE_BYTES: usize = 8 * PART_BYTES;

#[cfg(test)]
mod tests {
    use super::super::encode;
    use super::*;

    #[test]
    fn only_a_whole_block_as_encoders_write_it_is_unwrapped() {
        let data: Vec<u8> = (0..PART_BYTES * 2 + 100).map(|n| n as u8).collect();
        for length in [0, 1, 47, 48, 49, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, data.len()] {
            let text = encode("X509 CRL", &data[..length]).into_bytes();
            assert_eq!(text.len(), super::length("X509 CRL", &data[..length]));
            for step in STEPS {
                let (text, unwrapped) = come_in(&text, step);
                assert!(unwrapped && *text == data[..length], "{length} bytes in steps of {step}");
            }
        }
    }

    /// At once, and in steps that divide nothing.
    const STEPS: [usize; 3] = [usize::MAX, PART + 1, 40_009];

    /// A text that comes in by steps of so many bytes.
    fn come_in(text: &[u8], step: usize) -> (Zeroizing<Vec<u8>>, bool) {
        let (mut so_far, mut unwrapping) = (Zeroizing::default(), Unwrapping::new("X509 CRL"));
        for more in text.chunks(step) {
            Vec::extend_from_slice(&mut so_far, more);
            unwrapping.go_on(&mut so_far);
        }
        let unwrapped = unwrapping.finish(&mut so_far);
        (so_far, unwrapped)
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
            for step in STEPS {
                let (bytes, unwrapped) = come_in(other.as_bytes(), step);
                assert!(!unwrapped && *bytes == other.as_bytes(), "in steps of {step}");
            }
        }
    }
}
