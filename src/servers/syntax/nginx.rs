//! nginx's grammar (ngx_conf_file.c): words, each directive ended by `;` wherever its line ends, blocks in braces, quotes around
//! whole words, `#` comments where a word could begin. What a variable makes of a path only the running server knows. Lua in its
//! blocks is skipped.

use std::iter::Peekable;
use std::str::Chars;

use super::{Grammar, Include, PUT_TOGETHER, Parsed, Statement, Unknown, indented, nothing_to_resolve, plain};

/// nginx.conf and what it pulls in.
pub static GRAMMAR: Grammar = Grammar { scan, resolve: nothing_to_resolve, include, print, block, head: "" };

/// A path is one word, in quotes where it has to be; several words have a blank between them. What would not be read as it was
/// meant is refused.
fn print(name: &str, value: &str) -> Option<String> {
    let words = if value.starts_with('/') { word(value)? } else { value.to_owned() };
    let line = format!("{name} {words};\n");
    let parsed = scan(&line);
    let [read] = &parsed.statements[..] else { return None };
    let same = read.name == name && read.known() == Some(value) && parsed.unknown.is_empty();
    (plain(value, "") && same).then_some(line)
}

/// In quotes `$` would still begin a variable, and a backslash hide what follows.
fn word(path: &str) -> Option<String> {
    match path {
        _ if path.contains(['"', '\\', '$']) => None,
        _ if path.contains([' ', ';', '{', '}', '\'', '#']) => Some(format!("\"{path}\"")),
        _ => Some(path.to_owned()),
    }
}

fn block(head: &str, inside: &str) -> Option<String> {
    plain(head, "{};\"'\\$#").then(|| format!("{head} {{\n{}}}\n", indented(inside)))
}

fn scan(text: &str) -> Parsed {
    let mut lexer = Lexer { chars: text.chars().peekable(), line: 1, column: 1 };
    let mut parsed = Parsed::default();
    let mut open: Vec<(String, usize)> = Vec::new();
    let mut words: Vec<Word> = Vec::new();
    while let Some((token, line)) = lexer.token() {
        match token {
            Token::Word(word) => words.push(word),
            Token::Broken(why) => {
                parsed.unknown.push(Unknown::refused(line, why));
                return parsed;
            }
            Token::End => match statement(std::mem::take(&mut words), &open) {
                Some(statement) => parsed.statements.push(statement),
                None => parsed.unknown.push(Unknown::refused(line, "a `;` that ends nothing")),
            },
            Token::Open if words.is_empty() => {
                parsed.unknown.push(Unknown::refused(line, "a `{` without the name of its block"));
                open.push((String::new(), line));
            }
            Token::Open if open.len() == MAX_DEPTH => {
                parsed.unknown.push(Unknown::unclear(line, "blocks stand deeper in each other than in any real file"));
                return parsed;
            }
            Token::Open if words[0].text.ends_with("_by_lua_block") => {
                words.clear();
                lexer.skip_block();
            }
            Token::Open => {
                let head = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
                open.push((head, words[0].line));
                words.clear();
            }
            Token::Close => {
                if let Some(first) = words.first() {
                    parsed.unknown.push(Unknown::refused(first.line, NOT_ENDED));
                    words.clear();
                }
                if open.pop().is_none() {
                    parsed.unknown.push(Unknown::refused(line, "a `}` that closes nothing"));
                }
            }
        }
    }
    if let Some(first) = words.first() {
        parsed.unknown.push(Unknown::refused(first.line, NOT_ENDED));
    }
    if let Some((_, line)) = open.last() {
        parsed.unknown.push(Unknown::refused(*line, "a block is not closed"));
    }
    parsed
}

const NOT_ENDED: &str = "a directive without its `;`";
/// Real files have five: http, server, location, if, and what a module brings.
const MAX_DEPTH: usize = 32;

fn statement(words: Vec<Word>, open: &[(String, usize)]) -> Option<Statement> {
    let (name, arguments) = words.split_first()?;
    let raw = arguments.iter().map(|word| word.raw.as_str()).collect::<Vec<_>>().join(" ");
    let value = match arguments {
        [] => Ok(String::new()),
        [path] if path.text.starts_with('/') && has_variable(&path.text) => Err(PUT_TOGETHER),
        [one] => Ok(one.text.clone()),
        // So that nobody takes it for one path.
        [first, ..] if raw.starts_with('/') => Ok(format!("\"{}\"{}", first.raw, &raw[first.raw.len()..])),
        _ => Ok(raw.clone()),
    };
    let first = arguments.first().filter(|word| word.line == name.line).unwrap_or(name);
    Some(Statement {
        name: name.text.clone(),
        value,
        raw,
        scope: open.iter().map(|(head, _)| head.clone()).collect(),
        block: open.last().map_or(0, |(_, line)| *line),
        text: 0,
        line: name.line,
        column: first.column,
    })
}

fn has_variable(text: &str) -> bool {
    let begins = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '{');
    text.split('$').skip(1).any(begins)
}

/// The words of a value, without their quotes. None where quotes are not closed.
pub fn arguments(value: &str) -> Option<Vec<String>> {
    let mut lexer = Lexer { chars: value.chars().peekable(), line: 1, column: 1 };
    let mut words = Vec::new();
    while let Some((token, _)) = lexer.token() {
        let Token::Word(word) = token else { return None };
        words.push(word.text);
    }
    Some(words)
}

enum Token {
    Word(Word),
    End,
    Open,
    Close,
    Broken(&'static str),
}

struct Word {
    text: String,
    raw: String,
    line: usize,
    column: usize,
}

struct Lexer<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
    column: usize,
}

impl Lexer<'_> {
    fn step(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        (self.line, self.column) = if c == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
        Some(c)
    }

    /// The next token, and the line where it begins.
    fn token(&mut self) -> Option<(Token, usize)> {
        loop {
            let line = self.line;
            let token = match self.chars.peek()? {
                c if is_blank(*c) => None,
                '#' => {
                    while self.step()? != '\n' {}
                    continue;
                }
                ';' => Some(Token::End),
                '{' => Some(Token::Open),
                '}' => Some(Token::Close),
                _ => return Some((self.word(), line)),
            };
            self.step();
            if let Some(token) = token {
                return Some((token, line));
            }
        }
    }

    fn word(&mut self) -> Token {
        let (line, column) = (self.line, self.column);
        let (mut text, mut raw) = (String::new(), String::new());
        let quote = self.chars.peek().copied().filter(|c| matches!(c, '"' | '\''));
        raw.extend(quote.and_then(|_| self.step()));
        loop {
            let Some(next) = self.chars.peek().copied() else {
                if quote.is_some() {
                    return Token::Broken("its quotes are not closed");
                }
                break;
            };
            // `${name}`
            let ends = is_blank(next) || next == ';' || next == '{' && !raw.ends_with('$');
            if quote.is_none() && ends {
                break;
            }
            raw.push(next);
            self.step();
            if quote == Some(next) {
                match self.chars.peek() {
                    None | Some(';' | '{' | ')') => break,
                    Some(c) if is_blank(*c) => break,
                    Some(_) => return Token::Broken("something stands right behind closing quotes"),
                }
            }
            if next != '\\' {
                text.push(next);
                continue;
            }
            let Some(hidden) = self.step() else { continue };
            raw.push(hidden);
            match hidden {
                '"' | '\'' | '\\' => text.push(hidden),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                'n' => text.push('\n'),
                other => text.extend(['\\', other]),
            }
        }
        Token::Word(Word { text, raw, line, column })
    }

    /// To the brace that closes what is open.
    fn skip_block(&mut self) {
        let mut depth = 1;
        while depth > 0 {
            match self.step() {
                Some('{') => depth += 1,
                Some('}') => depth -= 1,
                Some(_) => {}
                None => return,
            }
        }
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// A pattern may match nothing.
fn include(statement: &Statement) -> Option<Include> {
    let optional = statement.raw.contains(['*', '?', '[']);
    (statement.name == "include").then(|| Include { pattern: statement.value.clone(), optional, conditional: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_quotes_comments_and_blocks_are_read_as_nginx_does() {
        let text = "# head\nuser www-data; pid /run/a;\nhttp {\n  server {\n    listen 443 ssl; # here\n    ssl_certificate\n      \"/a b;.pem\";\n\
                    \x20   location ~ \\.php$ {\n      return 301 https://${host}$request_uri;\n    }\n    ssl_ciphers 'A:\\'B';\n  }\n\
                    \x20 rewrite_by_lua_block { a = { \"it's;\" } }\n  map $a $b {\n    default a#b;\n  }\n}\nempty;\n";
        let parsed = GRAMMAR.parse(text);
        let said: Vec<_> = parsed
            .statements
            .iter()
            .map(|s| (s.name.as_str(), s.known().unwrap_or("?"), s.scope.join(">"), s.line, s.column, s.block))
            .collect();
        let of = |name, value, scope: &str, line, column, block| (name, value, scope.to_owned(), line, column, block);
        assert_eq!(
            said[..7],
            [
                of("user", "www-data", "", 2, 6, 0),
                of("pid", "/run/a", "", 2, 20, 0),
                of("listen", "443 ssl", "http>server", 5, 12, 4),
                of("ssl_certificate", "/a b;.pem", "http>server", 6, 5, 4),
                of("return", "301 https://${host}$request_uri", "http>server>location ~ \\.php$", 9, 14, 8),
                of("ssl_ciphers", "A:'B", "http>server", 11, 17, 4),
                of("default", "a#b", "http>map $a $b", 15, 13, 14),
            ],
            "{parsed:?}"
        );
        assert!(parsed.unknown.is_empty(), "{:?}", parsed.unknown);
    }

    #[test]
    fn what_nginx_refuses_is_told_with_its_line() {
        for (text, line) in [
            ("a b;\n}\n", 2),
            ("a {\nb c\n}\n", 2),
            ("a {\nb c;\n", 1),
            ("a b;\n;\n", 2),
            ("a b;\n\n{ }\n", 3),
            ("a 'b;\n", 1),
            ("a 'b'c;\n", 1),
            ("a b", 1),
        ] {
            let told = GRAMMAR.parse(text).unknown;
            assert!(told.len() == 1 && told[0].line == line && told[0].refused, "{text}: {told:?}");
        }
    }

    #[test]
    fn a_value_is_printed_as_it_will_be_read_or_not_at_all() {
        for value in ["/a b;{}#'", "/a#b", "/ü", "443 ssl", "A:!B", "always \"a; b\" c", "/a=b,c%<d"] {
            let text = print("x", value).unwrap();
            assert_eq!(GRAMMAR.parse(&text).statements[0].known(), Some(value), "{text}");
        }
        for value in ["/a\"b", "/a\\", "/a$b", "a;b", "a }", "a # b", "/a\nb", "", "a \"b", "a  b"] {
            assert!(print("x", value).is_none(), "{value:?}");
        }
        assert_eq!(GRAMMAR.parse("c /x/$name.pem;").statements[0].value, Err(PUT_TOGETHER));
    }
}
