//! Apache's grammar (httpd.apache.org/docs/2.4/configuring.html): a directive and its arguments on a line, sections in angle
//! brackets, a backslash at the end of a line to go on, comments on lines of their own, `${NAME}` for what a `Define` has set.
//! Conditions that the text decides (`IfDefine`, `IfModule`) are decided; statements under other ones have no known value.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::servers::misspelt::slip;

use super::{Grammar, Include, PUT_TOGETHER, Parsed, Statement, Unknown, column, indented, plain, substitute};

/// apache2.conf, httpd.conf and what they pull in.
pub static GRAMMAR: Grammar = Grammar { scan, resolve, include, print, block, head: "" };

/// The name of the statement that a closing tag with arguments is told as: `</VirtualHost *:80>`.
pub const BAD_CLOSE: &str = "</";
const CONDITION: &str = "it stands under a condition that pkit does not evaluate";

/// One argument that is a path goes into quotes where it holds a blank; several arguments have a blank between them.
fn print(name: &str, value: &str) -> Option<String> {
    if !plain(value, "\\") || value.contains("${") || value.starts_with(['"', '\'']) {
        return None;
    }
    match value {
        path if path.starts_with('/') && path.contains(' ') => {
            (!path.contains('"')).then(|| format!("{name} \"{path}\"\n"))
        }
        one if one.starts_with('/') => (!one.contains(['"', '\''])).then(|| format!("{name} {one}\n")),
        several => arguments(several).is_some().then(|| format!("{name} {several}\n")),
    }
}

fn block(head: &str, inside: &str) -> Option<String> {
    let word = head.split(' ').next()?;
    plain(head, "<>\"'\\$").then(|| format!("<{head}>\n{}</{word}>\n", indented(inside)))
}

fn scan(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut open: Vec<Section> = Vec::new();
    for (line, logical) in logical_lines(text) {
        let trimmed = logical.trim();
        if let Some(tag) = trimmed.strip_prefix("</") {
            close(tag, &mut open, (line, column(&logical, tag)), &mut parsed);
        } else if let Some(tag) = trimmed.strip_prefix('<') {
            let Some(head) = tag.strip_suffix('>') else {
                parsed.unknown.push(Unknown::refused(line, "a section without its closing `>`"));
                continue;
            };
            if open.len() == MAX_DEPTH {
                parsed
                    .unknown
                    .push(Unknown::unclear(line, "sections stand deeper in each other than in any real file"));
                return parsed;
            }
            let head = head.split_whitespace().collect::<Vec<_>>().join(" ");
            parsed.unknown.extend(misplaced(&head, &open).map(|why| Unknown::refused(line, why)));
            let outer = open.last().map_or(0, |section| section.block);
            let block = if condition(&head).is_none() { line } else { outer };
            let heads = open.iter().map(|section| &section.head).chain([&head]).cloned().collect();
            open.push(Section { head, heads, line, block });
        } else if !trimmed.is_empty() {
            let end = trimmed.find(char::is_whitespace).unwrap_or(trimmed.len());
            let rest = trimmed[end..].trim_start();
            parsed.statements.push(statement(&trimmed[..end], rest, &open, line, column(logical.trim_end(), rest)));
        }
    }
    if let Some(section) = open.last() {
        parsed.unknown.push(Unknown::refused(section.line, "a section is not closed"));
    }
    parsed
}

/// A section that is open.
struct Section {
    head: String,
    /// Its own and those around it, outermost first.
    heads: Arc<[String]>,
    /// Where it begins.
    line: usize,
    /// Where the innermost section begins that is a place and no condition: this one, or one around it.
    block: usize,
}

/// A section that Apache does not have, or not here. Modules bring sections of their own, so only slips are told.
fn misplaced(head: &str, open: &[Section]) -> Option<&'static str> {
    let word = head.split(' ').next().unwrap_or_default();
    let known = |section: &&str| section.eq_ignore_ascii_case(word);
    if !SECTIONS.iter().any(known) && SECTIONS.iter().any(|section| slip(section, word)) {
        return Some("no such section; a letter is wrong in its name");
    }
    let within = open.iter().any(|section| condition(&section.head).is_none());
    (within && word.eq_ignore_ascii_case("VirtualHost")).then_some("<VirtualHost> cannot stand within another section")
}

const SECTIONS: &[&str] = &[
    "VirtualHost",
    "Directory",
    "DirectoryMatch",
    "Files",
    "FilesMatch",
    "Location",
    "LocationMatch",
    "Limit",
    "LimitExcept",
    "Proxy",
    "ProxyMatch",
    "IfModule",
    "IfDefine",
    "IfVersion",
    "IfFile",
    "IfDirective",
    "IfSection",
    "If",
    "ElseIf",
    "Else",
    "Macro",
    "RequireAll",
    "RequireAny",
    "RequireNone",
];

/// Apache's own limit is in the hundreds; real files have four.
const MAX_DEPTH: usize = 32;

fn close(tag: &str, open: &mut Vec<Section>, (line, column): (usize, usize), parsed: &mut Parsed) {
    // What stands behind the tag is ignored (tried on 2.4.71).
    let name = tag.split_once('>').map_or(tag, |(tag, _)| tag).trim();
    let word = name.split_whitespace().next().unwrap_or_default();
    if name != word {
        parsed.statements.push(Statement { column, ..statement(BAD_CLOSE, name, open, line, 1) });
    }
    let closes =
        open.last().is_some_and(|section| section.head.split(' ').next().is_some_and(|w| w.eq_ignore_ascii_case(word)));
    if closes {
        open.pop();
    } else {
        parsed.unknown.push(Unknown::refused(line, "a closing tag that does not fit the section it stands in"));
    }
}

fn statement(name: &str, rest: &str, open: &[Section], line: usize, column: usize) -> Statement {
    let value = match value(rest) {
        None => Err("its quotes are not closed"),
        Some(_) if rest.contains("${") => Err(PUT_TOGETHER),
        Some(value) => Ok(value),
    };
    Statement {
        name: name.to_owned(),
        value,
        raw: rest.to_owned(),
        scope: open.last().map(|section| section.heads.clone()).unwrap_or_default(),
        block: open.last().map_or(0, |section| section.block),
        text: 0,
        line,
        column,
    }
}

/// One argument without its quotes, several as they are. None where quotes are not closed.
fn value(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.contains(['"', '\'']) {
        return Some(text.to_owned());
    }
    let mut arguments = arguments(text)?;
    Some(match arguments.len() {
        0 | 1 => arguments.pop().unwrap_or_default(),
        _ => text.to_owned(),
    })
}

/// The arguments without their quotes. Within quotes a backslash stands before a quote or a backslash (ap_getword_conf). None where
/// quotes are not closed.
pub fn arguments(text: &str) -> Option<Vec<String>> {
    let (mut all, mut chars) = (Vec::new(), text.trim().chars().peekable());
    while let Some(first) = chars.next() {
        if first.is_whitespace() {
            continue;
        }
        let mut word = String::new();
        if first == '"' || first == '\'' {
            loop {
                match chars.next()? {
                    '\\' if chars.peek().is_some_and(|c| *c == first || *c == '\\') => word.extend(chars.next()),
                    c if c == first => break,
                    c => word.push(c),
                }
            }
        } else {
            word.push(first);
            while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
                word.push(c);
            }
        }
        all.push(word);
    }
    Some(all)
}

/// Defines and conditions, in the order of the text, as Apache meets them. A module counts as loaded unless other modules are
/// seen to be loaded and this one is not: a file of a site is read as it is meant.
fn resolve(mut statements: Vec<Statement>) -> Vec<Statement> {
    let mut known = Known::default();
    statements.retain_mut(|statement| {
        let mut unsure = false;
        for condition in statement.scope.iter().filter_map(|head| condition(head)) {
            match known.holds(&condition) {
                Some(true) => {}
                Some(false) => return false,
                None => unsure = true,
            }
        }
        let is_place = |head: &&String| condition(head).is_none();
        if !statement.scope.iter().all(|head| is_place(&head)) {
            statement.scope = statement.scope.iter().filter(is_place).cloned().collect();
        }
        if statement.value == Err(PUT_TOGETHER)
            && let Some(Ok(text)) = known.expand(&statement.raw)
            && let Some(value) = value(&text)
        {
            statement.value = Ok(value);
        }
        if unsure {
            statement.value = Err(CONDITION);
        }
        known.learn(statement);
        true
    });
    statements
}

/// What has been defined and loaded so far.
#[derive(Default)]
struct Known {
    defined: HashMap<String, String>,
    modules: HashSet<String>,
    expanded: usize,
}

impl Known {
    fn learn(&mut self, statement: &Statement) {
        if !["Define", "UnDefine", "LoadModule"].iter().any(|name| statement.is(name)) {
            return;
        }
        let Some(words) = statement.known().and_then(arguments) else { return };
        match &words[..] {
            [name, value @ ..] if statement.is("Define") => {
                self.defined.insert(name.clone(), value.first().cloned().unwrap_or_default());
            }
            [name] if statement.is("UnDefine") => _ = self.defined.remove(name),
            [name, _] if statement.is("LoadModule") => _ = self.modules.insert(name.clone()),
            _ => {}
        }
    }

    /// None where the text does not tell: a name may also be defined on Apache's command line.
    fn holds(&self, condition: &Condition<'_>) -> Option<bool> {
        match condition {
            Condition::Defined(name, wanted) => {
                // Not defined here and wanted: it could come from the command line (`apache2 -D`), as hardly any does.
                self.defined.contains_key(*name).then_some(*wanted)
            }
            Condition::Module(name, wanted) => {
                let base = name.strip_prefix("mod_").and_then(|n| n.strip_suffix(".c"));
                let named = |loaded: &String| loaded == name || base.is_some_and(|b| *loaded == format!("{b}_module"));
                Some((self.modules.is_empty() || self.modules.iter().any(named)) == *wanted)
            }
            Condition::Other => None,
        }
    }

    fn expand(&mut self, text: &str) -> Option<Result<String, &'static str>> {
        let value = substitute(text, |rest| {
            let Some(inner) = rest.strip_prefix('{') else { return Some(("$".to_owned(), 0)) };
            let end = inner.find('}')?;
            Some((self.defined.get(&inner[..end])?.clone(), end + 2))
        })?;
        self.expanded += value.as_ref().map_or(0, String::len);
        (self.expanded <= MAX_EXPANDED).then_some(value)
    }
}

/// Most text that expansions may come to: a `Define` that names another twice doubles each time.
const MAX_EXPANDED: usize = 1 << 20;

/// A section that is no place but a question.
enum Condition<'a> {
    Defined(&'a str, bool),
    Module(&'a str, bool),
    Other,
}

fn condition(head: &str) -> Option<Condition<'_>> {
    let (word, rest) = head.split_once(' ').unwrap_or((head, ""));
    let is = |one: &&str| word.eq_ignore_ascii_case(one);
    if !is(&"IfDefine") && !is(&"IfModule") {
        return OTHER_CONDITIONS.iter().any(is).then_some(Condition::Other);
    }
    let (name, wanted) = rest.strip_prefix('!').map_or((rest, true), |name| (name, false));
    let name = name.trim_matches('"');
    Some(if is(&"IfDefine") { Condition::Defined(name, wanted) } else { Condition::Module(name, wanted) })
}

const OTHER_CONDITIONS: &[&str] = &["IfVersion", "IfFile", "IfDirective", "IfSection", "If", "ElseIf", "Else", "Macro"];

fn include(statement: &Statement) -> Option<Include> {
    let optional = statement.is("IncludeOptional");
    (optional || statement.is("Include")).then(|| Include {
        pattern: statement.value.clone(),
        optional,
        conditional: statement.scope.iter().any(|head| condition(head).is_some()),
    })
}

/// Lines with continued ones joined, without comments, each with the number of its first line.
fn logical_lines(text: &str) -> impl Iterator<Item = (usize, Cow<'_, str>)> {
    let mut lines = text.lines().zip(1..);
    let next = move || {
        let (line, first) = lines.next()?;
        let Some(begun) = line.strip_suffix('\\') else { return Some((first, Cow::Borrowed(line))) };
        let mut joined = begun.to_owned();
        for (line, _) in lines.by_ref() {
            let more = line.strip_suffix('\\');
            joined.push_str(more.unwrap_or(line));
            if more.is_none() {
                break;
            }
        }
        Some((first, Cow::Owned(joined)))
    };
    let says = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    std::iter::from_fn(next).filter(move |(_, line)| says(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(parsed: &Parsed) -> Vec<(&str, &str, Vec<&str>, usize, usize)> {
        parsed
            .statements
            .iter()
            .map(|s| {
                let scope = s.scope.iter().map(String::as_str).collect();
                (s.name.as_str(), s.value.as_deref().unwrap_or("?"), scope, s.line, s.column)
            })
            .collect()
    }

    #[test]
    fn sections_quotes_and_continued_lines_are_read_as_apache_does() {
        let text = "# head\nServerRoot \"/etc/a b\"\n<VirtualHost  *:443>\n  SSLEngine on\n  SSLProtocol -all \\\n  +TLSv1.3\n\
                    \x20 <Directory \"/x\">\n    Require all granted\n  </Directory>\n</VirtualHost>\n\
                    Header set A \"b; c\"\nlisten 443\n";
        let parsed = GRAMMAR.parse(text);
        let host = vec!["VirtualHost *:443"];
        let want = vec![
            ("ServerRoot", "/etc/a b", vec![], 2, 12),
            ("SSLEngine", "on", host.clone(), 4, 13),
            ("SSLProtocol", "-all   +TLSv1.3", host.clone(), 5, 15),
            ("Require", "all granted", vec![host[0], "Directory \"/x\""], 8, 13),
            ("Header", "set A \"b; c\"", vec![], 11, 8),
            ("listen", "443", vec![], 12, 8),
        ];
        assert_eq!(said(&parsed), want);
        assert!(parsed.unknown.is_empty());
        assert_eq!((parsed.statements[1].block, parsed.statements[3].block), (3, 7));
        assert!(parsed.statements[5].is("Listen"));
    }

    #[test]
    fn defines_and_conditions_are_decided_where_the_text_tells() {
        let text = "Define D /d\nDefine E ${D}/e\nA ${E}/x ${D}\nB ${NO}\n<IfDefine D>\nC 1\n</IfDefine>\n<IfDefine !D>\nC 2\n</IfDefine>\n\
                    <IfDefine X>\nC 3\n</IfDefine>\n<IfModule mod_ssl.c>\nC 4\n</IfModule>\nLoadModule ssl_module x.so\n\
                    <IfModule mod_ssl.c>\nC 5\n</IfModule>\n<IfModule mod_x.c>\nC 6\n</IfModule>\n<IfModule !ssl_module>\nC 7\n</IfModule>\n\
                    UnDefine D\nG ${D}\nH $1 a\n";
        let parsed = GRAMMAR.parse(text);
        let of = |name: &str| -> Vec<&str> {
            let all = parsed.statements.iter().filter(|s| s.name == name);
            all.map(|s| s.value.as_deref().unwrap_or("?")).collect()
        };
        assert_eq!((of("A"), of("B")), (vec!["/d/e/x /d"], vec!["?"]));
        assert_eq!(of("C"), ["1", "?", "4", "5"]);
        assert_eq!((of("G"), of("H")), (vec!["?"], vec!["$1 a"]));
    }

    #[test]
    fn what_does_not_close_is_told_with_its_line() {
        let text = "<VirtualHost *:80>\nA b\n</VirtualHost *:80>\n</Directory>\n<X\n<Location />\nB \"c\n";
        let parsed = GRAMMAR.parse(text);
        assert_eq!(parsed.unknown.iter().map(|u| u.line).collect::<Vec<_>>(), [4, 5, 6]);
        assert_eq!((parsed.statements[1].name.as_str(), parsed.statements[1].line), (BAD_CLOSE, 3));
        assert!(parsed.statements[2].value.is_err());
    }

    #[test]
    fn values_are_printed_so_that_they_are_read_as_they_were_or_not_at_all() {
        for value in ["/a", "/a b", "-all +TLSv1.3", "always set X \"a; b\"", "/a#b", "a$b"] {
            let text = print("A", value).unwrap();
            assert_eq!(GRAMMAR.parse(&text).statements[0].value.as_deref(), Ok(value), "{text}");
        }
        for value in ["/a\"b", "/a\\", "${X}", "a \"b", "/a\nB c", "'a'", ""] {
            assert!(print("A", value).is_none(), "{value:?}");
        }
    }
}
