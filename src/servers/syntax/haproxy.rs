//! HAProxy's grammar (management of the configuration, section 2.2): a keyword and its words on a line, in sections that begin at
//! their keyword and end where the next begins. A `bind` line is told as it stands, and its options each by itself, as if they
//! stood in a block of their own; so are the options that hold for every bind line. Values with variables only the running
//! server knows.

use std::collections::HashSet;

use super::{Grammar, PUT_TOGETHER, Parsed, Statement, Unknown, indented, no_include, plain};

/// haproxy.cfg.
pub static GRAMMAR: Grammar = Grammar { scan, resolve, include: no_include, print, block, head: "" };

/// The options that hold for every bind line.
pub const DEFAULTS: &str = "ssl-default-bind-options";

/// A path is one word, in quotes where it has to be; other values are words already.
fn print(name: &str, value: &str) -> Option<String> {
    if value.is_empty() {
        return Some(format!("{name}\n"));
    }
    let written = if value.starts_with('/') { word(value)? } else { value.to_owned() };
    let read = words(&written).ok()?;
    let same = read.len() > 1 || read.first().is_some_and(|one| one.text.as_deref() == Ok(value));
    (plain(value, "") && same).then(|| format!("{name} {written}\n"))
}

/// Between these quotes everything is itself, but for them.
fn word(path: &str) -> Option<String> {
    match path {
        _ if path.contains('\'') => None,
        _ if path.contains([' ', '#', '"', '\\', '$']) => Some(format!("'{path}'")),
        _ => Some(path.to_owned()),
    }
}

/// Options of a bind line stand on it.
fn block(head: &str, inside: &str) -> Option<String> {
    if !plain(head, "#\"'\\$") {
        return None;
    }
    let options = || inside.lines().map(|line| format!(" {line}")).collect::<String>();
    Some(if head.starts_with("bind ") {
        format!("{head}{}\n", options())
    } else {
        format!("{head}\n{}", indented(inside))
    })
}

fn scan(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut section: Option<(String, usize)> = None;
    let mut proxies = HashSet::new();
    for (i, line) in text.lines().enumerate() {
        let number = i + 1;
        let words = match words(line) {
            Ok(words) => words,
            Err(why) => {
                parsed.unknown.push(Unknown::refused(number, why));
                continue;
            }
        };
        let Some((keyword, rest)) = words.split_first() else { continue };
        if keyword.raw.starts_with(BOM) {
            parsed.unknown.push(Unknown::refused(number, "a byte order mark stands before its first word"));
            continue;
        }
        if SECTIONS.contains(&keyword.raw.as_str()) {
            parsed.unknown.extend(section_fault(&keyword.raw, rest).map(|why| Unknown::refused(number, why)));
            let proxy = PROXIES.contains(&keyword.raw.as_str());
            let name = rest.first().and_then(|name| name.text.clone().ok()).filter(|_| proxy);
            if name.is_some_and(|name| !proxies.insert((keyword.raw.clone(), name))) {
                parsed.unknown.push(Unknown::refused(number, "there is another section of this kind and name"));
            }
            section = Some((words.iter().map(|word| word.raw.as_str()).collect::<Vec<_>>().join(" "), number));
            continue;
        }
        // `.if` and its like may stand anywhere.
        if section.is_none() && !keyword.raw.starts_with('.') {
            parsed.unknown.push(Unknown::refused(number, "it stands in no section"));
            continue;
        }
        let scope: Vec<String> = section.iter().map(|(head, _)| head.clone()).collect();
        let block = section.as_ref().map_or(0, |(_, line)| *line);
        let place = Place { scope, block, line: number };
        parsed.statements.push(statement(&keyword.raw, rest, keyword.column, place.clone()));
        let options = match (keyword.raw.as_str(), rest) {
            ("bind", [address, options @ ..]) => (format!("bind {}", address.raw), options),
            (DEFAULTS, options) => (DEFAULTS.to_owned(), options),
            _ => continue,
        };
        let mut scope = place.scope;
        scope.push(options.0);
        let place = Place { scope, block: number, line: number };
        parsed.statements.extend(each_option(options.1, &place));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        let why = "its end is missing: HAProxy takes the file for one that was cut off";
        parsed.unknown.push(Unknown::refused(text.lines().count(), why));
    }
    parsed
}

/// What HAProxy has against the words behind a section's keyword.
fn section_fault(keyword: &str, words: &[Word]) -> Option<&'static str> {
    let named = PROXIES.contains(&keyword) || NAMED.contains(&keyword);
    match words {
        [] if named => Some("its section has no name"),
        [_, ..] if keyword == "global" => Some("HAProxy takes nothing behind `global`"),
        [name, rest @ ..] if PROXIES.contains(&keyword) => {
            let sound = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
            let from = matches!(rest, [from, _] if from.raw == "from");
            match name.text.as_deref() {
                Ok(name) if !name.chars().all(sound) => {
                    Some("the name of its section has a character that may not be in it")
                }
                _ if !rest.is_empty() && !from => {
                    Some("HAProxy takes nothing behind the name of this section but `from` and another")
                }
                _ => None,
            }
        }
        _ => None,
    }
}

#[derive(Clone)]
struct Place {
    scope: Vec<String>,
    block: usize,
    line: usize,
}

fn each_option(mut words: &[Word], place: &Place) -> Vec<Statement> {
    let mut statements = Vec::new();
    while let Some((name, rest)) = words.split_first() {
        let taken = usize::from(!FLAGS.contains(&name.raw.as_str()) && !rest.is_empty());
        statements.push(statement(&name.raw, &rest[..taken], name.column, place.clone()));
        words = &rest[taken..];
    }
    statements
}

fn statement(name: &str, values: &[Word], column: usize, place: Place) -> Statement {
    let raw = values.iter().map(|word| word.raw.as_str()).collect::<Vec<_>>().join(" ");
    let value = match values {
        [one] => one.text.clone(),
        // So that nobody takes it for one path.
        [first, ..] if raw.starts_with('/') => Ok(format!("\"{}\"{}", first.raw, &raw[first.raw.len()..])),
        _ => Ok(raw.clone()),
    };
    let column = values.first().map_or(column, |word| word.column);
    let Place { scope, block, line } = place;
    Statement { name: name.to_owned(), value, raw, scope: scope.into(), block, text: 0, line, column }
}

/// Where relative names start is said once for all certificates and once for all CAs.
fn resolve(mut statements: Vec<Statement>) -> Vec<Statement> {
    let base = |name: &str| {
        let said = statements.iter().rfind(|s| s.name == name && *s.scope == ["global"]);
        said.and_then(|s| s.known()).filter(|base| base.starts_with('/')).map(str::to_owned)
    };
    let (certificates, cas) = (base("crt-base"), base("ca-base"));
    for statement in &mut statements {
        let base = match statement.name.as_str() {
            "crt" | "crt-list" => &certificates,
            "ca-file" | "crl-file" | "ca-verify-file" => &cas,
            _ => continue,
        };
        if let (Some(base), Ok(name)) = (base, &statement.value)
            && !name.is_empty()
            && !name.starts_with(['/', '@', '"'])
        {
            statement.value = Ok(format!("{}/{name}", base.trim_end_matches('/')));
        }
    }
    statements
}

struct Word {
    /// Without its quotes, or why that is not known.
    text: Result<String, &'static str>,
    raw: String,
    column: usize,
}

/// The words of a value, without their quotes. None where quotes are not closed, or where a value is not known.
pub fn arguments(value: &str) -> Option<Vec<String>> {
    words(value).ok()?.into_iter().map(|word| word.text.ok()).collect()
}

/// The words of a line up to its comment. Quotes may stand in the middle of a word; a backslash takes the meaning of a blank, a
/// quote, `#`, `$` and itself; variables count within double quotes only.
fn words(line: &str) -> Result<Vec<Word>, &'static str> {
    let mut words = Vec::new();
    let mut chars = line.chars().enumerate().peekable();
    while let Some((at, first)) = chars.peek().copied() {
        if first == '#' {
            break;
        }
        if is_blank(first) {
            chars.next();
            continue;
        }
        let (mut text, mut raw, mut quote, mut put_together) = (String::new(), String::new(), None, false);
        while let Some((_, c)) = chars.next_if(|(_, c)| quote.is_some() || !is_blank(*c) && *c != '#') {
            raw.push(c);
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (None, '"' | '\'') => quote = Some(c),
                (Some('\''), c) => text.push(c),
                (_, '\\') => match chars.next() {
                    Some((_, hidden @ (' ' | '"' | '\'' | '#' | '$' | '\\'))) => {
                        raw.push(hidden);
                        text.push(hidden);
                    }
                    Some((_, other)) => {
                        raw.push(other);
                        put_together |= matches!(other, 'n' | 'r' | 't' | 'x');
                        text.extend(['\\', other]);
                    }
                    None => return Err("a backslash stands at its end"),
                },
                (Some('"'), '$') => put_together = true,
                (_, c) => text.push(c),
            }
        }
        if quote.is_some() {
            return Err("its quotes are not closed");
        }
        let text = if put_together { Err(PUT_TOGETHER) } else { Ok(text) };
        words.push(Word { text, raw, column: at + 1 });
    }
    Ok(words)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

const BOM: char = '\u{feff}';

/// Sections that connections pass through. What may stand behind these and the next was tried on 2.6.12.
const PROXIES: &[&str] = &["frontend", "listen", "backend"];
/// Others that need a name.
const NAMED: &[&str] = &["userlist", "peers", "resolvers", "cache"];

const SECTIONS: &[&str] = &[
    "global",
    "defaults",
    "frontend",
    "listen",
    "backend",
    "userlist",
    "peers",
    "resolvers",
    "mailers",
    "cache",
    "program",
    "ring",
    "http-errors",
    "fcgi-app",
    "log-forward",
    "log-profile",
    "crt-store",
    "traces",
    "acme",
];

/// Options of a bind line that take no word; every other takes one.
const FLAGS: &[&str] = &[
    "accept-proxy",
    "allow-0rtt",
    "defer-accept",
    "force-sslv3",
    "force-tlsv10",
    "force-tlsv11",
    "force-tlsv12",
    "force-tlsv13",
    "generate-certificates",
    "no-alpn",
    "no-ca-names",
    "no-sslv3",
    "no-strict-sni",
    "no-tls-tickets",
    "no-tlsv10",
    "no-tlsv11",
    "no-tlsv12",
    "no-tlsv13",
    "prefer-client-ciphers",
    "quic-force-retry",
    "ssl",
    "strict-sni",
    "tfo",
    "tls-tickets",
    "transparent",
    "v4v6",
    "v6only",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_quotes_and_bind_lines_are_read_as_haproxy_does() {
        let text = "# head\nglobal\n  crt-base /etc/c/ # here\n  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets\n\
                    frontend www\n  bind :443 name x ssl crt a.pem crt '/b #c'/d.pem verify none\n\
                    \x20 http-response set-header A \"b; c\"\n  log \"$HOST\"\n";
        let parsed = GRAMMAR.parse(text);
        let said: Vec<_> = parsed
            .statements
            .iter()
            .map(|s| (s.name.as_str(), s.known().unwrap_or("?"), s.scope.join(">"), s.line, s.column))
            .collect();
        let of = |name, value, scope: &str, line, column| (name, value, scope.to_owned(), line, column);
        let (all, bind) = ("global>ssl-default-bind-options", "frontend www>bind :443");
        let rest = ":443 name x ssl crt a.pem crt '/b #c'/d.pem verify none";
        assert_eq!(
            said,
            [
                of("crt-base", "/etc/c/", "global", 3, 12),
                of(DEFAULTS, "ssl-min-ver TLSv1.2 no-tls-tickets", "global", 4, 28),
                of("ssl-min-ver", "TLSv1.2", all, 4, 40),
                of("no-tls-tickets", "", all, 4, 48),
                of("bind", rest, "frontend www", 6, 8),
                of("name", "x", bind, 6, 18),
                of("ssl", "", bind, 6, 20),
                of("crt", "/etc/c/a.pem", bind, 6, 28),
                of("crt", "/b #c/d.pem", bind, 6, 38),
                of("verify", "none", bind, 6, 59),
                of("http-response", "set-header A \"b; c\"", "frontend www", 7, 17),
                of("log", "?", "frontend www", 8, 7),
            ]
        );
        assert!(parsed.unknown.is_empty(), "{:?}", parsed.unknown);
    }

    #[test]
    fn what_haproxy_refuses_is_told_with_its_line() {
        for (text, line) in [
            ("bind :1\n", 1),
            ("global\nlog \"a\n", 2),
            ("global\nlog a\\\n", 2),
            ("global x\n", 1),
            ("frontend\n", 1),
            ("frontend a;\n", 1),
            ("frontend a b\n", 1),
            ("backend a from\n", 1),
            ("frontend a\nfrontend a\n", 2),
            ("cache\n", 1),
            ("global\n\u{feff}log a\n", 2),
        ] {
            let told = GRAMMAR.parse(text).unknown;
            assert!(told.len() == 1 && told[0].line == line && told[0].refused, "{text}: {told:?}");
        }
        let sound = "global\ndefaults a b\nfrontend a:b.c_d-e from a\nbackend a:b.c_d-e\nlisten \"$X\"\nuserlist a\nuserlist a\n";
        assert!(GRAMMAR.parse(sound).unknown.is_empty());
    }

    #[test]
    fn a_value_is_printed_as_it_will_be_read_or_not_at_all() {
        for value in ["/a b.pem", "/a#b", "/a\"b\"", "/a$b", "/a\\nb", "/ü", "TLSv1.2", "A:!B"] {
            let line = format!("global\n{}", print("x", value).unwrap());
            assert_eq!(GRAMMAR.parse(&line).statements[0].known(), Some(value), "{line}");
        }
        for value in ["/it's", "/a\nb", "a \"b", "a#b", "a\\", "\"$X\""] {
            assert!(print("x", value).is_none(), "{value:?}");
        }
        assert_eq!(block("bind :1", "ssl\ncrt /a\n").as_deref(), Some("bind :1 ssl crt /a\n"));
    }
}
