//! PEM as it is found in the wild (RFC 7468 and its accidents): UTF-16 and byte order marks, blocks pasted with indentation,
//! `END` glued to `BEGIN`, one line of base64, old labels, cut-off ends. Everything between the markers is found or its damage
//! is told, with the line; nothing is skipped in silence. Servers read less than this does, so what they would stumble over is
//! a finding. What the bytes inside a block mean is left to the parsers of `material`.

mod marker;
mod plain;

use memchr::memmem;
use zeroize::Zeroizing;

use crate::finding::{Finding, Origin, Rule, rules};
use marker::{Marker, next_marker};
pub use plain::{Unwrapping, length, pieces, unwrap};

/// One block between its markers.
#[derive(Debug)]
pub struct PemBlock {
    /// The words after `BEGIN`.
    pub label: String,
    /// `Name: value` lines before the base64 (RFC 1421): `Proc-Type`, `DEK-Info`.
    pub headers: Vec<(String, String)>,
    /// The decoded bytes; they may be a key.
    pub der: Zeroizing<Vec<u8>>,
    /// The line of the `BEGIN` marker, from 1.
    pub line: usize,
}

impl Drop for PemBlock {
    /// The room that a vector has is wiped at once, what it holds octet by octet: so it holds nothing.
    fn drop(&mut self) {
        self.der.clear();
    }
}

/// Most blocks, sound or damaged, of one file: the whole of the web's trust anchors are some hundred, a mesh of 10,000 is a test.
pub const MAX_BLOCKS: usize = 20_000;

/// A file's text, once its encoding is out of the way.
#[derive(Debug)]
pub enum Text<'a> {
    /// ASCII, or something near it.
    Plain(&'a [u8]),
    /// It was UTF-16; the text may hold a key.
    FromUtf16(Zeroizing<Vec<u8>>),
}

impl<'a> Text<'a> {
    /// The text, if it looks as if PEM were in it, damaged markers included. `None` means that it should be read as DER.
    pub fn of(bytes: &'a [u8]) -> Option<Text<'a>> {
        let text = match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Text::FromUtf16(from_utf16(bytes)),
            _ => Text::Plain(bytes),
        };
        memmem::find(text.bytes(), b"BEGIN ").is_some().then_some(text)
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Text::Plain(bytes) => bytes,
            Text::FromUtf16(bytes) => bytes,
        }
    }
}

/// Every block of a text, in order, and what was odd or broken about each. `file` names the text in findings.
pub fn blocks(text: &Text<'_>, file: &Origin) -> (Vec<PemBlock>, Vec<Finding>) {
    let bytes = text.bytes();
    let mut scan = Scan { text: bytes, file, blocks: Vec::new(), findings: Vec::new(), lines: LineCounter::default() };
    if matches!(text, Text::FromUtf16(_)) {
        scan.tell(&PEM_UTF16, 0, "the file is UTF-16");
    } else if bytes.starts_with(UTF8_BOM) {
        scan.tell(&PEM_BOM, 0, "the file begins with a UTF-8 byte order mark");
    }
    if let Some(nul) = memchr::memchr(0, bytes) {
        scan.tell(&PEM_BINARY, nul, format!("bytes that are no text, at byte {nul}; what they hold was not read"));
    }
    scan.run();
    (scan.blocks, scan.findings)
}

/// Base64 in one line (RFC 4648 section 4), for bytes in JSON.
pub fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}

/// What such a line stands for.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    base64_simd::STANDARD.decode_to_vec(text).ok()
}

/// A block as RFC 7468 section 3 writes it, with LF line ends. For public things; keys are written by `material::key`.
pub fn encode(label: &str, der: &[u8]) -> String {
    let lines = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), lines)
}

struct Scan<'a> {
    text: &'a [u8],
    file: &'a Origin,
    blocks: Vec<PemBlock>,
    findings: Vec<Finding>,
    lines: LineCounter,
}

impl Scan<'_> {
    fn run(&mut self) {
        let mut at = 0;
        while let Some(marker) = next_marker(self.text, at) {
            at = marker.end;
            if self.blocks.len() + self.findings.len() >= MAX_BLOCKS {
                self.tell(&PEM_TOO_MANY, marker.start, format!("more than {MAX_BLOCKS} blocks; the rest was not read"));
                return;
            }
            if !marker.sound {
                let what =
                    format!("a damaged marker: `{}`", String::from_utf8_lossy(&self.text[marker.start..marker.end]));
                self.tell(&PEM_MARKER, marker.start, what);
                continue;
            }
            if !marker.begin {
                self.tell(&PEM_MARKER, marker.start, format!("`END {}` without its BEGIN", marker.label));
                continue;
            }
            at = self.block(&marker);
        }
    }

    /// Reads on from a BEGIN marker; returns where to look for the next one.
    fn block(&mut self, begin: &Marker) -> usize {
        let label = &begin.label;
        let end = match next_marker(self.text, begin.end) {
            Some(end) if end.sound && !end.begin && end.label == *label => end,
            Some(other) if other.sound && !other.begin => {
                self.tell(&PEM_TRUNCATED, begin.start, format!("`BEGIN {label}` is closed by `END {}`", other.label));
                return other.end;
            }
            Some(other) => {
                let line = self.lines.line(self.text, other.start);
                self.tell(
                    &PEM_TRUNCATED,
                    begin.start,
                    format!("`BEGIN {label}` has no END before line {line} (byte {})", other.start),
                );
                return other.start;
            }
            None => {
                let what = format!("`BEGIN {label}` has no END: the file is cut off at byte {}", self.text.len());
                self.tell(&PEM_TRUNCATED, begin.start, what);
                return self.text.len();
            }
        };
        let line = self.lines.line(self.text, begin.start);
        let body = &self.text[begin.end..end.start];
        if self.is_prose(begin, &end, body) {
            self.tell(&PEM_PROSE, begin.start, format!("the words `BEGIN {label}` and `END {label}` in a sentence"));
            return end.end;
        }
        self.form(begin, &end, body);
        let (headers, base64, skipped) = headers(body);
        match decode(base64) {
            Ok(der) => self.blocks.push(PemBlock { label: label.clone(), headers, der, line }),
            Err((offset, what)) => {
                let place = begin.end + skipped + offset;
                let at = self.lines.line(self.text, place);
                self.tell(&PEM_BASE64, begin.start, format!("{what} in `{label}`, line {at} (byte {place})"));
            }
        }
        end.end
    }

    /// A readme says "everything from -----BEGIN X----- to -----END X-----". Between real markers stands more than a few letters,
    /// and nothing stands beside them.
    fn is_prose(&self, begin: &Marker, end: &Marker, body: &[u8]) -> bool {
        // As with indentation, what is further away does not matter, and looking for it could take for ever.
        let (from, to) = (begin.start.saturating_sub(80), (end.end + 80).min(self.text.len()));
        let before = self.text[from..begin.start].rsplit(|b| *b == b'\n').next().unwrap_or_default();
        let after = self.text[end.end..to].split(|b| *b == b'\n').next().unwrap_or_default();
        let words = |part: &[u8]| part.iter().any(u8::is_ascii_alphabetic) && memmem::find(part, b"-----").is_none();
        let letters = body.iter().filter(|b| !b.is_ascii_whitespace()).take(SHORTEST_BODY).count();
        letters < SHORTEST_BODY && (words(before) || words(after))
    }

    /// What servers would stumble over although the block can be read.
    fn form(&mut self, begin: &Marker, end: &Marker, body: &[u8]) {
        if self.text[end.end..].starts_with(b"BEGIN ") || self.text[end.end..].starts_with(b"-----BEGIN ") {
            self.tell(&PEM_GLUED, end.start, format!("`END {}` and the next BEGIN stand on one line", end.label));
        }
        // An indentation is short; looking back further would make a file of one endless line slow.
        let near = begin.start.saturating_sub(80);
        let line_start = self.text[near..begin.start].iter().rposition(|b| *b == b'\n').map_or(near, |n| near + n + 1);
        let before = &self.text[line_start..begin.start];
        let indented =
            |line: &[u8]| line.first().is_some_and(|b| matches!(b, b' ' | b'\t')) && !line.trim_ascii().is_empty();
        let blanks = memchr::memchr2(b' ', b'\t', body).is_some();
        let quoted = !before.is_empty() && before.iter().all(|b| matches!(b, b' ' | b'\t' | b'>'));
        if quoted || blanks && body.split(|b| *b == b'\n').skip(1).any(indented) {
            self.tell(&PEM_INDENTED, begin.start, format!("`{}` is indented", begin.label));
        }
    }

    fn tell(&mut self, rule: &'static Rule, offset: usize, message: impl Into<String>) {
        let line = self.lines.line(self.text, offset);
        let origin = Origin { index: self.blocks.len(), line, ..self.file.clone() };
        self.findings.push(rule.at(origin.into(), message));
    }
}

/// Line numbers for offsets that are near each other: only the bytes between them are counted.
#[derive(Default)]
struct LineCounter {
    at: usize,
    newlines: usize,
}

impl LineCounter {
    fn line(&mut self, text: &[u8], offset: usize) -> usize {
        let newlines = |part: &[u8]| part.iter().filter(|b| **b == b'\n').count();
        if offset < self.at {
            self.newlines -= newlines(&text[offset..self.at]);
        } else {
            self.newlines += newlines(&text[self.at..offset]);
        }
        self.at = offset;
        self.newlines + 1
    }
}

/// Splits RFC 1421 headers from the base64; the last part is the length of what was taken off.
fn headers(body: &[u8]) -> (Vec<(String, String)>, &[u8], usize) {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut rest = body;
    if !body.contains(&b':') {
        return (found, body, 0);
    }
    while let Some(end) = rest.iter().position(|b| *b == b'\n') {
        let line = String::from_utf8_lossy(&rest[..end]);
        let continues = line.starts_with([' ', '\t']) && !found.is_empty() && !line.trim().is_empty();
        match line.split_once(':') {
            Some((name, value)) => found.push((name.trim().to_owned(), value.trim().to_owned())),
            None if continues => {
                if let Some((_, value)) = found.last_mut() {
                    value.push_str(line.trim());
                }
            }
            // The blank line behind the headers, or the line end of the BEGIN marker.
            None if line.trim().is_empty() => {}
            None => break,
        }
        rest = &rest[end + 1..];
    }
    (found, rest, body.len() - rest.len())
}

/// Base64 (RFC 4648 section 4) with white space anywhere. The error is an offset and what is wrong there.
fn decode(base64: &[u8]) -> Result<Zeroizing<Vec<u8>>, (usize, &'static str)> {
    match plain::decode(base64) {
        Some(out) => Ok(out),
        None => decode_any(base64),
    }
}

fn decode_any(base64: &[u8]) -> Result<Zeroizing<Vec<u8>>, (usize, &'static str)> {
    let mut out = Zeroizing::new(Vec::with_capacity(base64.len() / 4 * 3 + 3));
    let (mut group, mut digits, mut padding) = (0u32, 0u32, 0u32);
    for (offset, byte) in base64.iter().enumerate() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' if digits >= 2 && padding < 4 - digits => {
                padding += 1;
                continue;
            }
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            b'=' => return Err((offset, "a padding character in the wrong place")),
            _ => return Err((offset, "a character that is not base64")),
        };
        if padding > 0 {
            return Err((offset, "data behind the padding"));
        }
        group = group << 6 | u32::from(value);
        digits += 1;
        if digits == 4 {
            out.extend_from_slice(&group.to_be_bytes()[1..]);
            (group, digits) = (0, 0);
        }
    }
    match (digits, padding) {
        (0, 0) => {}
        (2, 2) => out.push((group >> 4) as u8),
        (3, 1) => out.extend_from_slice(&(group >> 2).to_be_bytes()[2..]),
        _ => return Err((base64.len(), "the base64 ends within a group of four")),
    }
    Ok(out)
}

/// UTF-16 with its byte order mark; half of a pair becomes U+FFFD, which no base64 contains.
fn from_utf16(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let little = bytes.starts_with(&[0xff, 0xfe]);
    let units = bytes[2..].chunks_exact(2).map(|pair| {
        let pair = [pair[0], pair[1]];
        if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
    });
    // Two bytes become three at most, so the buffer never grows and leaves no copy behind.
    let mut text = Zeroizing::new(Vec::with_capacity(bytes.len() / 2 * 3));
    for c in char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)) {
        text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    text
}

/// In base64 letters; the smallest thing that anybody sends, an Ed25519 key, has 64.
const SHORTEST_BODY: usize = 40;
const UTF8_BOM: &[u8] = &[0xef, 0xbb, 0xbf];
rules! {
    /// A byte order mark.
    PEM_BOM = Info "pem-bom" {
        summary: "the file begins with a UTF-8 byte order mark, as Windows editors write it",
        help: "nothing is needed if pkit writes the file anew; some parsers find no certificate behind the mark",
        source: "tried: x509-parser and rustls-pki-types find nothing, OpenSSL 3.0 and Dovecot 2.3 read it",
    }
    /// UTF-16.
    PEM_UTF16 = Info "pem-utf16" {
        summary: "the file is UTF-16, as Windows exports it",
        help: "nothing is needed if pkit writes the file anew; no server reads this form",
        source: "RFC 7468 section 2: PEM is ASCII; tried: OpenSSL 3.0 finds nothing in it",
    }
    /// Something else than text.
    PEM_BINARY = Warning "pem-binary-inside" {
        summary: "bytes that are no text stand among the PEM blocks, as when a DER file is joined to a PEM file",
        help: "convert the DER file to PEM and join them again; for a CRL: `pkit crl convert`",
        source: "tried: Dovecot 2.3.19 reads nothing behind the first zero byte and says nothing; 2.4.1 does not start (`contains NUL characters`)",
    }
    /// Indented.
    PEM_INDENTED = Warning "pem-indented" {
        summary: "a block is indented, as pasted from YAML or from a mail",
        help: "let pkit write the file anew, or remove the blanks: OpenSSL finds no block there",
        source: "RFC 7468 section 2; tried: OpenSSL 3.0, GnuTLS 3.7",
    }
    /// END and BEGIN on one line.
    PEM_GLUED = Warning "pem-glued" {
        summary: "END of one block and BEGIN of the next stand on one line: files were joined without a line break between them",
        help: "let pkit write the file anew: servers read neither block (`bad end line`)",
        source: "tried: Dovecot 2.3.19, OpenSSL 3.0: PEM routines::bad end line",
    }
    /// Markers spoken of.
    PEM_PROSE = Info "pem-in-prose" {
        summary: "a text speaks of PEM markers; there is no block between them",
        help: "nothing is needed",
        source: "RFC 7468 section 2: text outside of blocks is ignored",
    }
    /// A marker that is not one.
    PEM_MARKER = Error "pem-marker-damaged" {
        summary: "a BEGIN or END marker is damaged or stands alone",
        help: "the marker must be five hyphens, BEGIN or END, the label, five hyphens; copy the block again from its source",
        source: "RFC 7468 section 3",
    }
    /// No END.
    PEM_TRUNCATED = Error "pem-truncated" {
        summary: "a block has no END marker of its own",
        help: "the file was cut off or pasted in part; get it again from its source",
        source: "RFC 7468 section 3",
    }
    /// Not base64.
    PEM_BASE64 = Error "pem-base64" {
        summary: "the text between the markers is not base64",
        help: "the block was changed in an editor or on its way; get it again from its source",
        source: "RFC 4648 section 4",
    }
    /// Beyond the limit.
    PEM_TOO_MANY = Error "pem-too-many" {
        summary: "there are more blocks than in any delivery or trust store",
        help: "split the file, or name the part that matters",
        source: "pkit's limit of 20,000 blocks keeps a run bounded",
    }
}

#[cfg(test)]
mod tests {
    use super::plain::{PART, PART_BYTES};
    use super::*;

    fn read(text: impl AsRef<[u8]>) -> (Vec<String>, Vec<(&'static str, usize)>) {
        let text = text.as_ref();
        let text = Text::of(text).unwrap_or(Text::Plain(text));
        let (blocks, findings) = blocks(&text, &Origin::file("t"));
        let blocks = blocks.iter().map(|b| format!("{} {:?} {}", b.label, b.der.as_slice(), b.line)).collect();
        (blocks, findings.iter().map(|f| (f.rule.code, f.at.line().unwrap_or(0))).collect())
    }

    const ONE: &str = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";

    #[test]
    fn plain_forms_are_read_without_a_word() {
        for text in [
            ONE.to_owned(),
            ONE.replace('\n', "\r\n"),
            ONE.trim_end().to_owned(),
            format!("subject=/CN=x\nBag Attributes\n{ONE}"),
            ONE.replace('\n', " \t\n"),
            "-----BEGIN CERTIFICATE-----AQID-----END CERTIFICATE-----".to_owned(),
        ] {
            let (blocks, findings) = read(&text);
            assert_eq!(blocks.len(), 1, "{text:?}");
            assert!(blocks[0].starts_with("CERTIFICATE [1, 2, 3]"), "{text:?}");
            assert_eq!(findings, [], "{text:?}");
        }
    }

    #[test]
    fn odd_forms_are_read_and_told() {
        let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(ONE.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(read(&utf16), (vec!["CERTIFICATE [1, 2, 3] 1".into()], vec![("pem-utf16", 1)]));
        assert_eq!(read(format!("\u{feff}{ONE}")), (vec!["CERTIFICATE [1, 2, 3] 1".into()], vec![("pem-bom", 1)]));
        assert_eq!(read(ONE.replace("AQ", "  AQ")).1, [("pem-indented", 1)]);
        assert_eq!(read(format!("x:\n  {}", ONE.replace('\n', "\n  "))).1, [("pem-indented", 2)]);
        let glued = format!("{}{}", ONE.trim_end(), ONE);
        assert_eq!(
            read(&glued),
            (vec!["CERTIFICATE [1, 2, 3] 1".into(), "CERTIFICATE [1, 2, 3] 3".into()], vec![("pem-glued", 3)])
        );
    }

    #[test]
    fn damage_is_told_with_its_line_and_the_rest_is_read() {
        assert_eq!(
            read(format!("{}{ONE}", "----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n")).1,
            [("pem-marker-damaged", 1), ("pem-marker-damaged", 3)]
        );
        assert_eq!(read(ONE.replace("-----BEGIN", "\u{2014}\u{2014}BEGIN")).1[0], ("pem-marker-damaged", 1));
        let cut = format!("-----BEGIN CERTIFICATE-----\nAQ\n{ONE}");
        assert_eq!(read(&cut), (vec!["CERTIFICATE [1, 2, 3] 3".into()], vec![("pem-truncated", 1)]));
        assert_eq!(read(&ONE[..40]).1, [("pem-truncated", 1)]);
        assert_eq!(read(ONE.replace("AQID", "AQ!D")).1, [("pem-base64", 1)]);
        assert_eq!(read(ONE.replace("AQID", "AQI")).1, [("pem-base64", 1)]);
        assert_eq!(read(ONE.replace("END CERT", "END X CERT")).1, [("pem-truncated", 1)]);
    }

    #[test]
    fn a_sentence_about_markers_is_no_damage() {
        for text in [
            "including the -----BEGIN CERTIFICATE----- and -----END CERTIFICATE----- lines.",
            "Paste from -----BEGIN CERTIFICATE-----\nto\n-----END CERTIFICATE----- here",
        ] {
            assert_eq!(read(text), (vec![], vec![("pem-in-prose", 1)]));
        }
    }

    #[test]
    fn headers_are_taken_off() {
        let text = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,\n  0011\n\nAQID\n-----END RSA PRIVATE KEY-----\n";
        let (blocks, findings) = blocks(&Text::Plain(text.as_bytes()), &Origin::file("t"));
        assert_eq!(
            blocks[0].headers,
            [("Proc-Type".into(), "4,ENCRYPTED".into()), ("DEK-Info".into(), "AES-128-CBC,0011".to_owned())]
        );
        assert_eq!((blocks[0].der.as_slice(), findings.len()), (&[1u8, 2, 3][..], 1));
    }

    #[test]
    fn what_the_pem_crate_writes_is_read_back() {
        for n in 0..200usize {
            let data: Vec<u8> = (0..n).map(|i| i as u8).collect();
            let text = pem::encode(&pem::Pem::new("X", data.clone()));
            let (blocks, findings) = blocks(&Text::Plain(text.as_bytes()), &Origin::file("t"));
            assert_eq!((blocks[0].der.to_vec(), findings), (data, vec![]));
        }
    }

    #[test]
    fn padding_within_is_damage_wherever_it_stands() {
        let text = encode("X509 CRL", &vec![7; PART_BYTES * 2]);
        let part_end = "-----BEGIN X509 CRL-----\n".len() + PART - 3;
        let (blocks, findings) = read([&text[..part_end], "==", &text[part_end + 2..]].concat());
        assert!(blocks.is_empty());
        assert_eq!(findings.len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in "([-]{0,6}|BEGIN |END |CERTIFICATE|[A-Za-z0-9+/=]{0,9}|[ \t\r\n:\u{2014}]){0,30}") {
            let _ = read(text);
        }
    }
}
