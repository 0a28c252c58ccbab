//! Dovecot's grammar, the same in 2.2, 2.3 and 2.4 as far as it goes here: `name = value`, blocks in braces, `#` comments anywhere
//! outside quotes, a backslash at the end of a line to go on. `doveconf -n` prints the same.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Grammar, Include, PUT_TOGETHER, Parsed, Statement, Unknown, indented, plain};

/// dovecot.conf, conf.d/10-ssl.conf and their neighbours.
pub static GRAMMAR: Grammar = Grammar { scan, resolve, include, print, block, head: "" };

/// Why the value of a `<` in quotes is not known.
pub const QUOTED_LT: &str = "a `<` in quotes does not read a file";
const HIDDEN: &str = "doveconf hides it unless it is called with -P";

/// `#` starts a comment, quotes and backslash quote, `$name` and (2.4) `%{name}` are expanded: values with one of these are
/// refused rather than quoted, because a path behind `<` cannot be quoted at all (tried on 2.3.19).
fn print(name: &str, value: &str) -> Option<String> {
    if value.is_empty() {
        return Some(format!("{name} =\n"));
    }
    plain(value, "#\"'\\$%").then(|| format!("{name} = {value}\n"))
}

fn block(head: &str, inside: &str) -> Option<String> {
    plain(head, "#\"'\\$%{}=").then(|| format!("{head} {{\n{}}}\n", indented(inside)))
}

fn scan(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut scope: Vec<(String, usize)> = Vec::new();
    for (line, logical) in logical_lines(text) {
        let trimmed = logical.trim_start();
        if trimmed.is_empty() {
            continue;
        }
        if trimmed == "}" {
            if scope.pop().is_none() {
                parsed.unknown.push(Unknown::refused(line, "a `}` that closes nothing"));
            }
        } else if let Some((name, value)) = pulled_in(trimmed).or_else(|| assignment(trimmed)) {
            let column = super::column(&logical, value.trim_start());
            parsed.statements.push(statement(name, value.trim(), &scope, line, column));
        } else if let Some(block) = trimmed.strip_suffix('{') {
            if scope.len() == MAX_DEPTH {
                parsed.unknown.push(Unknown::unclear(line, "blocks stand deeper in each other than in any real file"));
                return parsed;
            }
            scope.push((block.trim().to_owned(), line));
        } else {
            parsed.unknown.push(Unknown::refused(line, "neither a setting nor a block"));
        }
    }
    if let Some((_, line)) = scope.last() {
        parsed.unknown.push(Unknown::refused(*line, "a block is not closed"));
    }
    parsed
}

/// Dovecot's own deepest (service, inet_listener, ssl_server) has three.
const MAX_DEPTH: usize = 32;

fn pulled_in(line: &str) -> Option<(&str, &str)> {
    line.starts_with("!include").then(|| line.split_once(char::is_whitespace))?
}

/// The name ends at a blank or at the `=`; a `=` further on belongs to a block's head.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    Some((name, rest.trim_start().strip_prefix('=')?))
}

/// In a block whose head is one word, 2.4 takes the names without that word: `ssl_server { cert_file = … }`.
fn statement(name: &str, value: &str, blocks: &[(String, usize)], line: usize, column: usize) -> Statement {
    let (blocks, name) = match blocks {
        [outer @ .., (block, _)] if !block.contains(char::is_whitespace) && !name.starts_with('!') => {
            (outer, format!("{block}_{name}"))
        }
        _ => (blocks, name.to_owned()),
    };
    let scope = blocks.iter().map(|(head, _)| head.replace('"', "")).collect();
    let block = blocks.last().map_or(0, |(_, line)| *line);
    Statement { name, value: unquote(value), raw: value.to_owned(), scope, block, text: 0, line, column }
}

fn unquote(value: &str) -> Result<String, &'static str> {
    let within = |quote| value.strip_prefix(quote).and_then(|rest: &str| rest.strip_suffix(quote));
    let quoted = within('\'').map(str::to_owned).or_else(|| within('"').map(unescape));
    match quoted {
        Some(text) if text.starts_with('<') => Err(QUOTED_LT),
        Some(text) => Ok(text),
        None if value.starts_with("# hidden") => Err(HIDDEN),
        None if value.starts_with('$') || value.contains(" $") || value.contains("%{") => Err(PUT_TOGETHER),
        None => Ok(value.to_owned()),
    }
}

/// `$name`, as a word of its own, is the value that the setting has by then, in the same block or outside of all (2.3). 2.4's
/// `$SET:`, `$ENV:` and `%{...}` are not looked into.
fn resolve(mut statements: Vec<Statement>) -> Vec<Statement> {
    let mut values: HashMap<(Arc<[String]>, String), String> = HashMap::new();
    let mut left = MAX_EXPANDED;
    for statement in statements.iter_mut() {
        if statement.value == Err(PUT_TOGETHER) && !statement.raw.contains("%{") {
            let word = |word: &str| match word.strip_prefix('$') {
                Some(name) => {
                    let own = values.get(&(statement.scope.clone(), name.to_owned()));
                    own.or_else(|| values.get(&(Arc::default(), name.to_owned()))).cloned()
                }
                None => Some(word.to_owned()),
            };
            let words: Option<Vec<String>> = statement.raw.split(' ').map(word).collect();
            if let Some(value) = words.map(|words| words.join(" ")).filter(|value| value.len() <= left) {
                left -= value.len();
                statement.value = Ok(value);
            }
        }
        if let Ok(value) = &statement.value {
            values.insert((statement.scope.clone(), statement.name.clone()), value.clone());
        }
    }
    statements
}

/// Most text that expansions may come to: settings that name themselves twice double each time.
const MAX_EXPANDED: usize = 1 << 20;

fn include(statement: &Statement) -> Option<Include> {
    let optional = match statement.name.as_str() {
        "!include" => false,
        "!include_try" => true,
        _ => return None,
    };
    Some(Include { pattern: statement.value.clone(), optional, conditional: false })
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    out
}

/// Lines without comments and with continued ones joined, each with the number of its first line.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (i, line) in text.lines().enumerate() {
        let shown = without_comment(line).trim_end();
        // `ssl_key = # hidden, use -P to show it`
        let hidden = shown.ends_with('=') && line[shown.len()..].trim_start().starts_with("# hidden");
        let line = if hidden { line.trim_end() } else { shown };
        let (first, mut joined, line) = match open.take() {
            Some((first, joined)) => (first, joined, line.trim_start()),
            None => (i + 1, String::new(), line),
        };
        match line.strip_suffix('\\') {
            Some(more) => {
                joined.push_str(more.trim_end());
                joined.push(' ');
                open = Some((first, joined));
            }
            None => {
                joined.push_str(line);
                lines.push((first, joined));
            }
        }
    }
    lines.extend(open);
    lines
}

fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut escaped = false;
    for (i, c) in line.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '#' => return &line[..i],
            None if c == '"' || c == '\'' => quote = Some(c),
            None => {}
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_quotes_blocks_and_continued_lines_are_read_as_dovecot_does() {
        let text = "# head\nssl = required # why\n  ssl_cert = </a b.pem\nssl_ca = \"/a#b\\\"c\"\nx = a \\\n  b\n\
                    local_name \"a=b c\" {\n  ssl_cert = </c\n}\nssl_server {\n  cert_file = /d\n}\ny = a $z\nz = \"</e\"\n!include x.conf\n\
                    w = $x c\nlocal_name q {\n  ssl_server {\n    key_file = /k\n  }\n}\nssl_key = # hidden, use -P to show it\n";
        let parsed = GRAMMAR.parse(text);
        assert!(parsed.unknown.is_empty(), "{:?}", parsed.unknown);
        let said: Vec<_> = parsed
            .statements
            .iter()
            .map(|s| (s.name.as_str(), s.value.as_deref().unwrap_or("?"), s.scope.len(), s.line, s.column))
            .collect();
        let want = [
            ("ssl", "required", 0, 2, 7),
            ("ssl_cert", "</a b.pem", 0, 3, 14),
            ("ssl_ca", "/a#b\"c", 0, 4, 10),
            ("x", "a b", 0, 5, 5),
            ("ssl_cert", "</c", 1, 8, 14),
            ("ssl_server_cert_file", "/d", 0, 11, 15),
            ("y", "?", 0, 13, 5),
            ("z", "?", 0, 14, 5),
            ("!include", "x.conf", 0, 15, 10),
            ("w", "a b c", 0, 16, 5),
            ("ssl_server_key_file", "/k", 1, 19, 16),
            ("ssl_key", "?", 0, 22, 11),
        ];
        assert_eq!(said, want);
    }

    #[test]
    fn what_is_no_statement_is_told_with_its_line() {
        let lines: Vec<_> = scan("ssl = yes\n}\nnonsense\nprotocol imap {\n").unknown.iter().map(|u| u.line).collect();
        assert_eq!(lines, [2, 3, 4]);
    }
}
