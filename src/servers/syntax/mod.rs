//! The grammars of configuration files: text to statements, and a statement to text. What a statement means is left to the
//! tables; which values a grammar cannot hold is decided here, so that no value ever becomes a second line. A value that
//! depends on others (`$name`, a `Define`) is told where the text itself tells it, and never guessed; files that are pulled in
//! are named by their statements and put in by whoever can read them.

use std::sync::Arc;

pub mod apache;
pub mod dovecot;
pub mod exim;
pub mod haproxy;
pub mod ldif;
pub mod main_cf;
pub mod master_cf;
pub mod nginx;
pub mod postconf;
pub mod postfix_map;
pub mod shell;
pub mod slapd_conf;

/// One grammar, in both directions.
pub struct Grammar {
    /// Text to statements, each value as far as its own lines tell it.
    pub scan: fn(&str) -> Parsed,
    /// Puts in what other statements tell about a value, and takes out what a condition of the text leaves out.
    pub resolve: fn(Vec<Statement>) -> Vec<Statement>,
    /// What a statement pulls in.
    pub include: fn(&Statement) -> Option<Include>,
    /// One statement as whole lines, or None where this grammar cannot hold the value.
    pub print: fn(name: &str, value: &str) -> Option<String>,
    /// A block around printed statements, or None where this grammar has no such block.
    pub block: fn(head: &str, inside: &str) -> Option<String>,
    /// Lines that stand before the statements.
    pub head: &'static str,
}

impl Grammar {
    /// What a text says by itself, without what it pulls in.
    pub fn parse(&self, text: &str) -> Parsed {
        let Parsed { statements, unknown } = (self.scan)(text);
        Parsed { statements: (self.resolve)(statements), unknown }
    }
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
#[derive(Clone, Debug)]
pub struct Statement {
    /// The name.
    pub name: String,
    /// The value without its quotes, or why it cannot be told from the text alone.
    pub value: Result<String, &'static str>,
    /// The value as it is written.
    pub raw: String,
    /// The blocks around it, outermost first, which all statements of a block may share; empty for what holds for the whole server.
    pub scope: Arc<[String]>,
    /// A number that only the innermost of these blocks has: the line where it begins, counted over all texts. 0 outside of all.
    pub block: usize,
    /// Which text of a configuration it stands in, from 0.
    pub text: usize,
    /// The line, from 1.
    pub line: usize,
    /// The value's first column, from 1.
    pub column: usize,
}

impl Statement {
    /// Has it this name? Apache and slapd do not tell small letters from capital ones; the others refuse the wrong ones at once.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value, where it is known.
    pub fn known(&self) -> Option<&str> {
        self.value.as_deref().ok()
    }
}

/// A file, or a pattern of files, whose text belongs in the place of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    /// The path or pattern as written, or why it is not known.
    pub pattern: Result<String, &'static str>,
    /// Is it fine if nothing is there?
    pub optional: bool,
    /// Does it stand under a condition? Then the statements before it decide whether it counts.
    pub conditional: bool,
}

/// A line that is no statement.
#[derive(Debug)]
pub struct Unknown {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
    /// Does the server refuse it, and with it the whole text? If not, pkit only does not know what it means.
    pub refused: bool,
}

impl Unknown {
    /// A line that the server refuses.
    fn refused(line: usize, why: &'static str) -> Unknown {
        Unknown { line, why, refused: true }
    }

    /// A line whose meaning is not known here.
    fn unclear(line: usize, why: &'static str) -> Unknown {
        Unknown { line, why, refused: false }
    }
}

/// The grammar has no conditions and no values that depend on others.
fn nothing_to_resolve(statements: Vec<Statement>) -> Vec<Statement> {
    statements
}

/// The grammar has no blocks.
fn no_block(_: &str, _: &str) -> Option<String> {
    None
}

/// Lines as they stand in a block.
fn indented(lines: &str) -> String {
    lines.lines().map(|line| format!("  {line}\n")).collect()
}

/// The grammar pulls in nothing.
fn no_include(_: &Statement) -> Option<Include> {
    None
}

/// Can a value stand as it is, without quotes, on one line? Not if it is empty, has blanks around it, holds a control or
/// otherwise invisible character, or one that means something in this grammar.
fn plain(value: &str, meaningful: &str) -> bool {
    let visible = |c: char| c.is_ascii_graphic() || c == ' ' || (!c.is_ascii() && c.escape_debug().count() == 1);
    !value.is_empty() && value.trim() == value && value.chars().all(|c| visible(c) && !meaningful.contains(c))
}

/// Lines of which one that begins with a blank goes on with the line before; each with the number of its first line. Empty lines
/// and comments, which begin with `#`, are no end of a continued line.
fn folded_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        match lines.last_mut() {
            Some((_, open)) if line.starts_with(char::is_whitespace) => open.push_str(line),
            _ => lines.push((i + 1, line.to_owned())),
        }
    }
    lines
}

/// The column of what is left of a line, from 1.
fn column(line: &str, rest: &str) -> usize {
    line[..line.len() - rest.len()].chars().count() + 1
}

/// Puts values in the place of names, where `end` is called with the text behind a `$` and tells the name and how much of the
/// text it takes. None where the text is longer than any setting: values that name themselves in turn double each time.
fn substitute(
    text: &str,
    mut end: impl FnMut(&str) -> Option<(String, usize)>,
) -> Option<Result<String, &'static str>> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let (value, taken) = end(&rest[at + 1..])?;
        out.push_str(&value);
        rest = &rest[at + 1 + taken..];
        if out.len() > MAX_VALUE {
            return Some(Err("it grows beyond any setting"));
        }
    }
    out.push_str(rest);
    Some(Ok(out))
}

/// Longest value that is put together: cipher lists have a few thousand characters.
const MAX_VALUE: usize = 64 << 10;

/// Why a value is not known.
const PUT_TOGETHER: &str = "it is put together from other settings";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_text_without_meaning_is_plain() {
        assert!(plain("/etc/ssl/Müller certs/東京.pem", "#"));
        for value in
            ["", " /a", "/a ", "/a\nb", "/a\0", "/a\u{85}b", "/a\u{2028}b", "/a\u{202e}b", "/a\u{200b}b", "/a#b"]
        {
            assert!(!plain(value, "#"), "{value:?}");
        }
    }

    /// Nothing that a stranger can write makes a grammar panic or take long, and every place is a place in the text.
    #[test]
    fn no_grammar_stumbles_over_hostile_text() {
        let huge = format!("a = {}\n", "x ".repeat(200_000));
        let deep = "<a b>\nb {\n".repeat(20_000);
        let doubling: String = (0..64)
            .map(|i| format!("a{i} = $a{0} $a{0}\nA{i}=\"$A{0}$A{0}\"\nDefine A{i} ${{A{0}}}${{A{0}}}\n", i + 1))
            .collect();
        let texts = [
            "",
            "\n",
            "\\",
            "\\\n\\\n",
            "a\\",
            "=",
            " = ",
            "}\n}\n",
            "</a>\n",
            "<a",
            "<",
            "$",
            "a = $",
            "a = ${",
            "a=\"",
            "a='\n'",
            "dn::",
            "dn:",
            "dn:: ====\n",
            "a:: YQ==\n b\n",
            " a\n",
            "- -o\n -o",
            "a inet n - - - - smtpd -o",
            "a b c d e f g h\n  -o { a = b\n",
            "\u{feff}a = b",
            "a = \u{85}\u{2028}",
            "é = é\n é",
            "!include",
            "Include",
            "include",
            ".",
            ".ifdef",
            ".else\n.endif",
            ".include",
            "begin",
            "x:\n.elifdef A\n",
            "Define",
            "UnDefine",
            "a 'b",
            "a ${",
            "a_by_lua_block {",
            "{;}",
            "frontend a\n bind",
            "global\nssl-default-bind-options a \"",
            "frontend\nbind a ssl crt",
            "<IfModule",
            "<IfModule !>\n",
            &huge,
            &deep,
            &doubling,
        ];
        let grammars = [
            &apache::GRAMMAR,
            &dovecot::GRAMMAR,
            &exim::GRAMMAR,
            &haproxy::GRAMMAR,
            &ldif::GRAMMAR,
            &main_cf::GRAMMAR,
            &master_cf::GRAMMAR,
            &nginx::GRAMMAR,
            &shell::GRAMMAR,
            &slapd_conf::GRAMMAR,
        ];
        for grammar in grammars {
            for text in texts {
                let started = text.lines().count().max(1);
                let parsed = grammar.parse(text);
                for statement in &parsed.statements {
                    assert!((1..=started).contains(&statement.line) && statement.column > 0, "{statement:?}");
                    assert!(
                        statement.value.as_ref().is_ok_and(|v| v.len() <= MAX_VALUE.max(huge.len()))
                            || statement.value.is_err()
                    );
                    (grammar.include)(statement);
                }
                assert!(parsed.unknown.iter().all(|u| (1..=started).contains(&u.line)), "{text:?}");
            }
        }
    }
}
