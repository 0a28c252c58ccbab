//! Postfix's main.cf (postconf(5)): `name = value`; a line that begins with a blank goes on with the line before; a comment stands
//! on a line of its own, so `#` and quotes inside a value are part of it; `$name` is expanded and `$$` is a dollar sign.

use std::collections::HashMap;
use std::sync::Arc;

use super::{
    Grammar, PUT_TOGETHER, Parsed, Statement, Unknown, column, folded_lines, no_block, no_include, plain, substitute,
};

/// main.cf.
pub static GRAMMAR: Grammar = Grammar { scan, resolve, include: no_include, print, block: no_block, head: "" };

fn print(name: &str, value: &str) -> Option<String> {
    plain(value, "").then(|| format!("{name} = {}\n", value.replace('$', "$$")))
}

fn scan(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    for (line, logical) in folded_lines(text) {
        match logical.split_once('=') {
            Some((name, value)) => parsed.statements.push(Statement {
                name: name.trim().to_owned(),
                value: literal(value.trim()),
                raw: value.trim().to_owned(),
                scope: Arc::default(),
                block: 0,
                text: 0,
                line,
                column: column(&logical, value.trim_start()),
            }),
            None => parsed.unknown.push(Unknown::refused(line, "no `=` in it")),
        }
    }
    parsed
}

/// A value without other parameters in it.
pub(super) fn literal(value: &str) -> Result<String, &'static str> {
    let without = value.replace("$$", "");
    if without.contains('$') { Err(PUT_TOGETHER) } else { Ok(value.replace("$$", "$")) }
}

/// A parameter stands for its last value, wherever it is named; one that the text does not give has the value that Postfix was
/// built with, which is not known here.
fn resolve(mut statements: Vec<Statement>) -> Vec<Statement> {
    let values = statements.iter().map(|s| (s.name.clone(), s.raw.clone())).collect();
    let mut expansion = Expansion { values, known: HashMap::new(), left: MAX_EXPANDED };
    for statement in statements.iter_mut().filter(|s| s.value == Err(PUT_TOGETHER)) {
        if let Some(value) = expansion.text(&statement.raw, 0) {
            statement.value = value;
        }
    }
    statements
}

/// Each parameter is expanded once, however often it is named.
struct Expansion {
    values: HashMap<String, String>,
    known: HashMap<String, Option<String>>,
    left: usize,
}

impl Expansion {
    /// None where a name is not known.
    fn text(&mut self, text: &str, depth: usize) -> Option<Result<String, &'static str>> {
        let value = substitute(text, |rest| {
            if rest.starts_with('$') {
                return Some(("$".to_owned(), 1));
            }
            let (name, taken) = reference(rest)?;
            Some((self.parameter(name, depth)?, taken))
        })?;
        self.left = self.left.checked_sub(value.as_ref().map_or(0, String::len))?;
        Some(value)
    }

    fn parameter(&mut self, name: &str, depth: usize) -> Option<String> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let text = self.values.get(name).filter(|_| depth < MAX_DEPTH)?.clone();
        let value = self.text(&text, depth + 1).and_then(Result::ok);
        self.known.insert(name.to_owned(), value.clone());
        value
    }
}

/// `name`, `{name}` or `(name)`; the forms with a condition (`{name?value}`) are not looked into.
fn reference(text: &str) -> Option<(&str, usize)> {
    let word = |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (inner, close) = match text.as_bytes().first()? {
        b'{' => (&text[1..], "}"),
        b'(' => (&text[1..], ")"),
        _ => (text, ""),
    };
    let end = word(inner);
    let whole = end > 0 && inner[end..].starts_with(close);
    whole.then(|| (&inner[..end], end + 2 * close.len()))
}

/// Deepest chain of parameters that name others; real ones have two or three.
const MAX_DEPTH: usize = 12;
/// Most text that all expansions of a file may come to: real ones are smaller than the file, which has some kilobytes.
const MAX_EXPANDED: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_continued_lines_and_dollars_are_read_as_postfix_does() {
        let text = "# head\nsmtpd_tls_chain_files =\n  /k.pem,\n# between\n  /c#1.pem\nx=a $$ b\ny = $x/${x}$(x)\njunk\n\
                    z = $nowhere\nloop = $loop\ncond = ${x?y}\ny = $z\n";
        let parsed = GRAMMAR.parse(text);
        let said: Vec<_> =
            parsed.statements.iter().map(|s| (s.name.as_str(), s.value.as_deref().unwrap_or("?"), s.line)).collect();
        let want = [
            ("smtpd_tls_chain_files", "/k.pem,  /c#1.pem", 2),
            ("x", "a $ b", 6),
            ("y", "a $ b/a $ ba $ b", 7),
            ("z", "?", 9),
            ("loop", "?", 10),
            ("cond", "?", 11),
            ("y", "?", 12),
        ];
        assert_eq!(said, want);
        assert_eq!(parsed.unknown.iter().map(|u| u.line).collect::<Vec<_>>(), [8]);
        assert_eq!(print("x", "a$b").as_deref(), Some("x = a$$b\n"));
    }
}
