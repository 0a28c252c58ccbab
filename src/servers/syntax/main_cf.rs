//! Postfix's main.cf (postconf(5)): `name = value`; a line that begins with a blank goes on with the line before; a comment stands
//! on a line of its own, so `#` and quotes inside a value are part of it; `$name` is expanded and `$$` is a dollar sign.

use super::{Grammar, Parsed, Statement, Unknown, plain};

/// main.cf.
pub static GRAMMAR: Grammar = Grammar { parse, print, head: "" };

fn print(name: &str, value: &str) -> Option<String> {
    plain(value, "").then(|| format!("{name} = {}\n", value.replace('$', "$$")))
}

fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    for (line, logical) in logical_lines(text) {
        match logical.split_once('=') {
            Some((name, value)) => parsed.statements.push(Statement {
                name: name.trim().to_owned(),
                value: expand(value.trim()),
                scope: Vec::new(),
                line,
                column: logical.len() - value.trim_start().len() + 1,
            }),
            None => parsed.unknown.push(Unknown { line, why: "no `=` in it" }),
        }
    }
    parsed
}

fn expand(value: &str) -> Result<String, &'static str> {
    let literal = value.replace("$$", "");
    if literal.contains('$') { Err("it is put together from other parameters") } else { Ok(value.replace("$$", "$")) }
}

/// Comment lines and empty lines are no end of a continued line.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_continued_lines_and_dollars_are_read_as_postfix_does() {
        let text = "# head\nsmtpd_tls_chain_files =\n  /k.pem,\n# between\n  /c#1.pem\nx=a $$ b\ny = $x\njunk\n";
        let parsed = parse(text);
        let said: Vec<_> =
            parsed.statements.iter().map(|s| (s.name.as_str(), s.value.as_deref().unwrap_or("?"), s.line)).collect();
        assert_eq!(said, [("smtpd_tls_chain_files", "/k.pem,  /c#1.pem", 2), ("x", "a $ b", 6), ("y", "?", 7)]);
        assert_eq!(parsed.unknown.iter().map(|u| u.line).collect::<Vec<_>>(), [8]);
        assert_eq!(print("x", "a$b").as_deref(), Some("x = a$$b\n"));
    }
}
