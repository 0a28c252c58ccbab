//! No control characters to a terminal or a log. Certificate names, file names and configuration values come from strangers;
//! an escape sequence in a SAN must not move the reader's cursor. JSON has its own escaping, in serde_json.

use std::borrow::Cow;

/// The text with everything that is not a visible character or a plain blank written as an escape: `\x1b`, `\u{202e}`.
/// Invisible are the controls, the bidirectional controls, zero-width and private characters, line and paragraph separators
/// and unassigned code points: what Rust's own table of printable characters leaves out.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            ' '..='~' => out.push(c),
            c if (c as u32) < 0x100 && c.is_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
            c if is_printable(c) => out.push(c),
            c => out.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(out)
}

/// Can the character be seen? Within a string, `escape_debug` leaves combining marks alone and escapes whatever cannot.
pub(super) fn is_printable(c: char) -> bool {
    let after_a_letter: String = ['a', c].into_iter().collect();
    let mut shown = after_a_letter.escape_debug();
    shown.next();
    shown.next() == Some(c) && shown.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn hostile_characters_are_shown_and_names_are_kept() {
        assert_eq!(visible("mail.example.org"), "mail.example.org");
        assert_eq!(visible("a\x1b[2Jb\r\n"), "a\\x1b[2Jb\\x0d\\x0a");
        assert_eq!(visible("x\u{202e}y\u{200b}z\u{85}"), "x\\u{202e}y\\u{200b}z\\x85");
        assert_eq!(visible("Müller 東京 देवनागरी"), "Müller 東京 देवनागरी");
        assert_eq!(visible("\u{2028}\u{e000}\u{ad}"), "\\u{2028}\\u{e000}\\u{ad}");
    }

    proptest::proptest! {
        #[test]
        fn no_control_byte_survives(text in ".*") {
            let shown = visible(&text);
            let hidden = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
            proptest::prop_assert!(!shown.chars().any(hidden));
        }
    }
}
