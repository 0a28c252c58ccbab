//! Dovecot's grammar, the same in 2.2, 2.3 and 2.4 as far as it goes here: `name = value`, blocks in braces, `#` comments anywhere
//! outside quotes, a backslash at the end of a line to go on. Files that are pulled in are left to the caller.

use super::{Grammar, Parsed, Statement, Unknown, plain};

/// conf.d/10-ssl.conf and its neighbours.
pub static GRAMMAR: Grammar = Grammar { parse, print, head: "" };

/// `#` starts a comment, quotes and backslash quote, `$name` and (2.4) `%{name}` are expanded: values with one of these are
/// refused rather than quoted, because a path behind `<` cannot be quoted at all (tried on 2.3.19).
fn print(name: &str, value: &str) -> Option<String> {
    plain(value, "#\"'\\$%").then(|| format!("{name} = {value}\n"))
}

fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut scope: Vec<String> = Vec::new();
    for (line, logical) in logical_lines(text) {
        let trimmed = logical.trim_start();
        if trimmed.is_empty() || trimmed.starts_with("!include") {
            continue;
        }
        if trimmed == "}" {
            if scope.pop().is_none() {
                parsed.unknown.push(Unknown { line, why: "a `}` that closes nothing" });
            }
        } else if let Some((name, value)) = assignment(trimmed) {
            parsed.statements.push(statement(name, value, &scope, line, logical.len() - value.trim_start().len() + 1));
        } else if let Some(block) = trimmed.strip_suffix('{') {
            scope.push(block.trim().to_owned());
        } else {
            parsed.unknown.push(Unknown { line, why: "neither a setting nor a block" });
        }
    }
    if !scope.is_empty() {
        parsed.unknown.push(Unknown { line: text.lines().count(), why: "a block is not closed" });
    }
    parsed
}

/// The name ends at a blank or at the `=`; a `=` further on belongs to a block's head.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    Some((name, rest.trim_start().strip_prefix('=')?))
}

/// In a block whose head is one word, 2.4 takes the names without that word: `ssl_server { cert_file = … }`.
fn statement(name: &str, value: &str, scope: &[String], line: usize, column: usize) -> Statement {
    let (scope, name) = match scope {
        [block] if !block.contains(char::is_whitespace) => (Vec::new(), format!("{block}_{name}")),
        _ => (scope.to_vec(), name.to_owned()),
    };
    Statement { name, value: unquote(value.trim()), scope, line, column }
}

fn unquote(value: &str) -> Result<String, &'static str> {
    let within = |quote| value.strip_prefix(quote).and_then(|rest: &str| rest.strip_suffix(quote));
    let quoted = within('\'').map(str::to_owned).or_else(|| within('"').map(unescape));
    match quoted {
        Some(text) if text.starts_with('<') => Err("a `<` in quotes does not read a file"),
        Some(text) => Ok(text),
        None if value.starts_with('$') || value.contains(" $") || value.contains("%{") => {
            Err("it is put together from other settings")
        }
        None => Ok(value.to_owned()),
    }
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
        let line = without_comment(line).trim_end();
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
                    local_name \"a=b c\" {\n  ssl_cert = </c\n}\nssl_server {\n  cert_file = /d\n}\ny = a $z\nz = \"</e\"\n!include x.conf\n";
        let parsed = parse(text);
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
        ];
        assert_eq!(said, want);
    }

    #[test]
    fn what_is_no_statement_is_told_with_its_line() {
        let lines: Vec<_> = parse("ssl = yes\n}\nnonsense\nprotocol imap {\n").unknown.iter().map(|u| u.line).collect();
        assert_eq!(lines, [2, 3, 4]);
    }
}
