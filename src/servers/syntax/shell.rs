//! Courier's imapd-ssl and pop3d-ssl: assignments that a shell reads (POSIX XCU 2.9.1), `NAME=value` without blanks around the
//! `=`. Quotes are taken off, and names of variables that the text has set before are expanded; what only a shell could
//! compute is not known.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Grammar, Include, PUT_TOGETHER, Parsed, Statement, Unknown, column, substitute};

/// imapd-ssl, pop3d-ssl, esmtpd-ssl.
pub static GRAMMAR: Grammar = Grammar { scan, resolve, include, print, block: super::no_block, head: "" };

/// What stands behind the value is a command, and the value is for that command alone.
pub const SECOND_WORD: &str = "a second word stands behind the value";
/// A blank beside the `=`: the shell takes the name for a command.
pub const BLANK: &str = "a blank stands beside the `=`";
const COMPUTED: &str = "a shell computes it";
const BOM: char = '\u{feff}';

/// Always in double quotes, as Courier's own files have it. Courier's init scripts and its own reader both see the file, so what
/// either could take for more than text is refused.
fn print(name: &str, value: &str) -> Option<String> {
    let bare = value.is_empty() || super::plain(value, "\"'$`\\#");
    bare.then(|| format!("{name}=\"{value}\"\n"))
}

fn scan(text: &str) -> Parsed {
    // Once is enough.
    let mut cut = false;
    let mut parsed = Parsed::default();
    let (lines, open) = logical_lines(text);
    let unread = "its quotes are not closed, so a shell reads nothing from here on";
    parsed.unknown.extend(open.map(|line| Unknown::refused(line, unread)));
    for Line { number, text: content, returns } in &lines {
        let (line, trimmed) = (*number, content.trim());
        let trimmed = trimmed.strip_prefix(BOM).map_or(trimmed, |rest| {
            let set = !rest.is_empty() && !rest.starts_with('#');
            let why = "a shell takes the byte order mark before it for a part of its name";
            parsed.unknown.extend(set.then(|| Unknown::refused(line, why)));
            rest
        });
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let exported = trimmed.strip_prefix("export ");
        let trimmed = exported.map_or(trimmed, str::trim_start);
        let end = trimmed.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(trimmed.len());
        let (name, rest) = trimmed.split_at(end);
        let path = trimmed.strip_prefix(". ").or_else(|| trimmed.strip_prefix("source "));
        let said = match (rest.strip_prefix('='), rest.trim_start().strip_prefix('='), path) {
            (.., Some(path)) => (INCLUDE, word(path.trim_start()), path.trim_start()),
            (Some(value), ..) if value.starts_with([' ', '\t']) && !value.trim_start().starts_with('#') => {
                (name, Err(BLANK), value.trim_start())
            }
            (Some(value), ..) if exported.is_none() && has_command(value) => (name, Err(SECOND_WORD), value),
            (Some(value), ..) => (name, word(value), value),
            (None, Some(value), _) if !name.is_empty() => (name, Err(BLANK), value.trim_start()),
            _ => {
                parsed
                    .unknown
                    .push(Unknown::unclear(line, "no assignment; what a shell makes of it is not known here"));
                continue;
            }
        };
        let (name, value, rest) = said;
        if *returns && !cut {
            let why = "it ends with CR LF, and a shell takes the CR for a part of the value";
            parsed.unknown.push(Unknown::refused(line, why));
            cut = true;
        }
        let (name, raw, column) = (name.to_owned(), rest.trim_end().to_owned(), column(content.trim_end(), rest));
        parsed.statements.push(Statement { name, value, raw, scope: Arc::default(), block: 0, text: 0, line, column });
    }
    parsed
}

/// A line as a shell takes it: what stands in quotes, or before a backslash, goes on in the next.
struct Line {
    /// The number of its first one.
    number: usize,
    text: String,
    /// Does it end with a CR that counts, as it does in no comment?
    returns: bool,
}

/// All lines, and where quotes begin that have no end. From there on each stands for itself.
fn logical_lines(text: &str) -> (Vec<Line>, Option<usize>) {
    let mut lines: Vec<Line> = Vec::new();
    let (mut line, mut first, mut number, mut returns) = (String::new(), 1, 1, false);
    let (mut quote, mut comment, mut word) = (None, false, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        returns |= c == '\n' && !comment && line.ends_with('\r');
        match (quote, c) {
            (None, '\n') => {
                number += 1;
                let (number, text) = (std::mem::replace(&mut first, number), std::mem::take(&mut line));
                lines.push(Line { number, text, returns });
                (comment, word, returns) = (false, false, false);
                continue;
            }
            _ if comment => {}
            (open, '\\') if !matches!(open, Some(('\'', _))) => match chars.next() {
                Some('\n') => {
                    number += 1;
                    continue;
                }
                hidden => {
                    line.push(c);
                    line.extend(hidden);
                    word = true;
                    continue;
                }
            },
            (Some((open, _)), c) if c == open => quote = None,
            (Some(_), '\n') => number += 1,
            (None, '"' | '\'') => quote = Some((c, number)),
            (None, '#') => comment = !word,
            _ => {}
        }
        word = quote.is_some() || !matches!(c, ' ' | '\t' | ';' | '&' | '|' | '(' | ')' | '<' | '>');
        line.push(c);
    }
    if let Some((_, opened)) = quote {
        // `$(…)` has quotes of its own.
        let sure = !line.contains("$(") && !line.contains('`');
        let rest = text.split('\n').zip(1..).skip(first - 1);
        lines.extend(rest.map(|(text, number)| Line { number, text: text.to_owned(), returns: false }));
        return (lines, sure.then_some(opened));
    }
    lines.push(Line { number: first, text: line, returns });
    (lines, None)
}

/// Does a second word stand behind the first, which is no assignment, no comment and behind no `;`?
fn has_command(text: &str) -> bool {
    let (mut quote, mut escaped) = (None, false);
    let end = text.find(|c: char| {
        if std::mem::take(&mut escaped) {
            return false;
        }
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => escaped = true,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, _) => return c.is_whitespace() || ";&|()<>`".contains(c),
        }
        false
    });
    let rest = end.map_or("", |end| &text[end..]);
    let next = rest.trim_start();
    let assigns = next.split(['"', '\'', ' ']).next().is_some_and(|word| word.contains('='));
    rest.starts_with(char::is_whitespace) && !next.is_empty() && !next.starts_with(['#', ';', '&', '|']) && !assigns
}

/// A word of the shell without its quotes, up to a blank or a comment.
fn word(text: &str) -> Result<String, &'static str> {
    let (mut out, mut chars, mut named) = (String::new(), text.chars(), false);
    while let Some(c) = chars.next() {
        match c {
            '\'' => loop {
                match chars.next() {
                    Some('\'') => break,
                    Some(inner) => out.push(inner),
                    None => return Err("its quotes are not closed on this line"),
                }
            },
            '"' => loop {
                match chars.next() {
                    Some('"') => break,
                    Some('\\') => out.extend(chars.next()),
                    Some('`') => return Err(COMPUTED),
                    Some(inner) => {
                        named |= inner == '$';
                        out.push(inner);
                    }
                    None => return Err("its quotes are not closed on this line"),
                }
            },
            '\\' => out.extend(chars.next()),
            '`' | '(' | ')' | '&' | '|' | '<' | '>' => return Err(COMPUTED),
            ' ' | '\t' | ';' => break,
            other => {
                named |= other == '$';
                out.push(other);
            }
        }
    }
    if named { Err(PUT_TOGETHER) } else { Ok(out) }
}

/// Variables have the value that the text gave them before; others come from outside and are not known.
fn resolve(mut statements: Vec<Statement>) -> Vec<Statement> {
    let mut values: HashMap<String, String> = HashMap::new();
    for statement in statements.iter_mut() {
        if statement.value == Err(PUT_TOGETHER)
            && !statement.raw.contains(['\'', '\\'])
            && let Some(value) = expand(statement.raw.trim_matches('"'), &values)
        {
            statement.value = value;
        }
        match &statement.value {
            Ok(value) => _ = values.insert(statement.name.clone(), value.clone()),
            Err(_) => _ = values.remove(&statement.name),
        }
    }
    statements
}

fn expand(text: &str, values: &HashMap<String, String>) -> Option<Result<String, &'static str>> {
    if text.contains('"') {
        return None;
    }
    substitute(text, |rest| {
        let braced = rest.strip_prefix('{');
        let inner = braced.unwrap_or(rest);
        let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
        let whole = braced.is_none() || inner[end..].starts_with('}');
        let value = values.get(&inner[..end]).filter(|_| whole)?;
        Some((value.clone(), if braced.is_some() { end + 2 } else { end }))
    })
}

fn include(statement: &Statement) -> Option<Include> {
    (statement.name == INCLUDE).then(|| Include {
        pattern: statement.value.clone(),
        optional: false,
        conditional: false,
    })
}

const INCLUDE: &str = ".";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_read_as_a_shell_does() {
        let text = "##VERSION: $Id$\nTLS_PROTOCOL='TLSv1.2+'\nTLS_STARTTLS_PROTOCOL=\"$TLS_PROTOCOL\"\nA=a\\ b # c\n\
                    B=`x`\nC = d\nD= e\nE=\nF=$HOME/x\n  G=\"a\"b\"c\"\nif true\nH=${A}z\n. /etc/other\nexport I=1\nK=\"open\n";
        let parsed = GRAMMAR.parse(text);
        let said: Vec<_> = parsed
            .statements
            .iter()
            .map(|s| (s.name.as_str(), s.value.as_deref().unwrap_or("?"), s.line, s.column))
            .collect();
        let want = [
            ("TLS_PROTOCOL", "TLSv1.2+", 2, 14),
            ("TLS_STARTTLS_PROTOCOL", "TLSv1.2+", 3, 23),
            ("A", "a b", 4, 3),
            ("B", "?", 5, 3),
            ("C", "?", 6, 5),
            ("D", "?", 7, 4),
            ("E", "", 8, 3),
            ("F", "?", 9, 3),
            ("G", "abc", 10, 5),
            ("H", "a bz", 12, 3),
            (".", "/etc/other", 13, 3),
            ("I", "1", 14, 10),
            ("K", "?", 15, 3),
        ];
        assert_eq!(said, want);
        assert_eq!(parsed.statements[4].value, Err(BLANK));
        assert_eq!(parsed.unknown.iter().map(|u| (u.line, u.refused)).collect::<Vec<_>>(), [(15, true), (11, false)]);
        assert_eq!(include(&parsed.statements[10]).unwrap().pattern.as_deref(), Ok("/etc/other"));
    }

    #[test]
    fn quotes_may_go_on_in_the_next_line_and_what_a_shell_does_not_read_is_told() {
        let text = "A='one\nB=two'\nC=c # it's\n# don't\nD=\"x\\\"\ny\"\nE=e\\\nf\n";
        let parsed = GRAMMAR.parse(text);
        let said: Vec<_> = parsed.statements.iter().map(|s| (s.name.as_str(), s.known(), s.line)).collect();
        let want = [("A", Some("one\nB=two"), 1), ("C", Some("c"), 3), ("D", Some("x\"\ny"), 5), ("E", Some("ef"), 7)];
        assert_eq!(said, want);
        assert!(parsed.unknown.is_empty(), "{:?}", parsed.unknown);
        for (text, line) in
            [("A=1\nB=\"2\nC=3\n", 2), ("A=1\nB='2\n", 2), ("# x\r\nA=1\r\nB=2\r\n", 2), ("\u{feff}A=1\n", 1)]
        {
            let told = GRAMMAR.parse(text).unknown;
            assert!(told.len() == 1 && told[0].line == line && told[0].refused, "{text:?}: {told:?}");
        }
        let lines = |text: &str| GRAMMAR.parse(text).statements.iter().map(|s| s.line).collect::<Vec<_>>();
        assert_eq!(lines("A=\"x\\\ny\nB=1\n"), [1, 3]);
        assert_eq!(GRAMMAR.parse("A='1\n2' B='3\n").unknown[0].line, 2);
        assert_eq!(GRAMMAR.parse("A=a\\ #b\n").statements[0].known(), Some("a #b"));
        for sound in ["X=\"$(echo \"it's\")\"\nA=1\n", "A=1 # c\r\n", "A=1;# it's\n"] {
            assert!(!GRAMMAR.parse(sound).unknown.iter().any(|unknown| unknown.refused), "{sound:?}");
        }
        assert!(GRAMMAR.parse("\u{feff}# x\nA=1").unknown.is_empty());
    }

    #[test]
    fn what_a_shell_would_look_into_is_not_printed() {
        assert_eq!(print("A", "/a b").as_deref(), Some("A=\"/a b\"\n"));
        for value in ["a\"b", "$x", "`x`", "a\\", "a\nb", "#", "it's"] {
            assert!(print("A", value).is_none(), "{value:?}");
        }
    }
}
