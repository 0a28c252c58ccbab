//! BEGIN and END as people leave them: with dashes missing, glued to each other, or turned into typographic ones by a word
//! processor. A marker is found by its word and told whether it is sound; what stands between two of them is `pem`'s.

/// A marker as it stands in the text.
pub(super) struct Marker {
    /// BEGIN or END?
    pub(super) begin: bool,
    /// The words behind it.
    pub(super) label: String,
    /// The first dash.
    pub(super) start: usize,
    /// Behind the last dash.
    pub(super) end: usize,
    /// Five dashes on each side.
    pub(super) sound: bool,
}

/// The next `BEGIN label` or `END label` that has dashes beside it. Dashes that belong to the marker before were consumed with
/// it, so glued markers come out whole.
pub(super) fn next_marker(text: &[u8], from: usize) -> Option<Marker> {
    let mut at = from;
    loop {
        // Base64 has no blank, so the one behind the word is quickly found.
        let label_at = at + memchr::memchr(b' ', &text[at..])? + 1;
        let begin = text[at..label_at].ends_with(b"BEGIN ");
        if !begin && !text[at..label_at].ends_with(b"END ") {
            at = label_at;
            continue;
        }
        let word = label_at - if begin { 6 } else { 4 };
        let label_len = text[label_at..].iter().take(MAX_LABEL).take_while(|b| is_label_byte(**b)).count();
        let label = String::from_utf8_lossy(&text[label_at..label_at + label_len]).trim_end().to_owned();
        let label_end = label_at + label.len();
        let before = dashes_before(text, from, word);
        let after = dashes_after(text, label_end);
        at = label_at;
        if (before.count > 0 || after.count > 0) && !label.is_empty() {
            let sound = before.plain && after.plain && before.count >= 5 && after.count >= 5;
            // Ten dashes behind a label are this marker's five and the next one's.
            let end = label_end + if after.plain { after.count.min(5) } else { after.bytes };
            let start = word - if before.plain { before.count.min(5) } else { before.bytes };
            return Some(Marker { begin, label, start, end, sound });
        }
    }
}

/// A run of dashes: how many, how many bytes, and whether they are all ASCII hyphens. Word processors make en and em dashes.
struct Dashes {
    count: usize,
    bytes: usize,
    plain: bool,
}

fn dashes_before(text: &[u8], from: usize, word: usize) -> Dashes {
    let mut dashes = Dashes { count: 0, bytes: 0, plain: true };
    let mut rest = &text[from..word];
    loop {
        if let Some(shorter) = rest.strip_suffix(b"-") {
            (rest, dashes.bytes) = (shorter, dashes.bytes + 1);
        } else if let Some(shorter) = FANCY_DASHES.iter().find_map(|d| rest.strip_suffix(*d)) {
            (rest, dashes.bytes, dashes.plain) = (shorter, dashes.bytes + 3, false);
        } else {
            return dashes;
        }
        dashes.count += 1;
    }
}

fn dashes_after(text: &[u8], label_end: usize) -> Dashes {
    let mut dashes = Dashes { count: 0, bytes: 0, plain: true };
    let mut rest = &text[label_end..];
    loop {
        if let Some(shorter) = rest.strip_prefix(b"-") {
            (rest, dashes.bytes) = (shorter, dashes.bytes + 1);
        } else if let Some(shorter) = FANCY_DASHES.iter().find_map(|d| rest.strip_prefix(*d)) {
            (rest, dashes.bytes, dashes.plain) = (shorter, dashes.bytes + 3, false);
        } else {
            return dashes;
        }
        dashes.count += 1;
    }
}

/// RFC 7468 labels are upper-case words; digits occur (`X509 CRL`, `PKCS7`).
fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b' ' | b'.' | b'#')
}

/// Longest label: the longest in use has 23 characters. Without a limit, a text of nothing but `END END END` would be read once
/// for each of its words.
const MAX_LABEL: usize = 64;

/// U+2010 to U+2015.
const FANCY_DASHES: [&[u8]; 6] =
    [b"\xe2\x80\x90", b"\xe2\x80\x91", b"\xe2\x80\x92", b"\xe2\x80\x93", b"\xe2\x80\x94", b"\xe2\x80\x95"];
