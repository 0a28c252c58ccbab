//! The grammars of configuration files: text to statements, and a statement to text. What a statement means is left to the
//! tables; which values a grammar cannot hold is decided here, so that no value ever becomes a second line.

pub mod dovecot;
pub mod ldif;
pub mod main_cf;

/// One grammar, in both directions.
pub struct Grammar {
    /// Text to statements.
    pub parse: fn(&str) -> Parsed,
    /// One statement as whole lines, or None where this grammar cannot hold the value.
    pub print: fn(name: &str, value: &str) -> Option<String>,
    /// Lines that stand before the statements.
    pub head: &'static str,
}

/// What a text says.
#[derive(Debug, Default)]
pub struct Parsed {
    /// What was understood, in the order of the text.
    pub statements: Vec<Statement>,
    /// Lines that are no statement of this grammar.
    pub unknown: Vec<Unknown>,
}

/// `name = value` at one place.
#[derive(Debug)]
pub struct Statement {
    /// The name.
    pub name: String,
    /// The value without its quotes, or why it cannot be told from the text alone.
    pub value: Result<String, &'static str>,
    /// The blocks around it, outermost first; empty for what holds for the whole server.
    pub scope: Vec<String>,
    /// The line, from 1.
    pub line: usize,
    /// The value's first column, from 1.
    pub column: usize,
}

/// A line that was not understood.
#[derive(Debug)]
pub struct Unknown {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Can a value stand as it is, without quotes, on one line? Not if it is empty, has blanks around it, holds a control or
/// otherwise invisible character, or one that means something in this grammar.
fn plain(value: &str, meaningful: &str) -> bool {
    let visible = |c: char| c.is_ascii_graphic() || c == ' ' || (!c.is_ascii() && c.escape_debug().count() == 1);
    !value.is_empty() && value.trim() == value && value.chars().all(|c| visible(c) && !meaningful.contains(c))
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn only_visible_text_without_meaning_is_plain() {
        assert!(plain("/etc/ssl/Müller certs/東京.pem", "#"));
        for value in
            ["", " /a", "/a ", "/a\nb", "/a\0", "/a\u{85}b", "/a\u{2028}b", "/a\u{202e}b", "/a\u{200b}b", "/a#b"]
        {
            assert!(!plain(value, "#"), "{value:?}");
        }
    }
}
