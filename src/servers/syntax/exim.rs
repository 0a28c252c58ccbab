//! Exim's grammar (chapter 6 of its specification): `name = value` in the main section, blocks by name behind `begin transports`
//! and the like, a backslash at the end of a line to go on, comments on lines of their own, macros by text replacement, and
//! `.ifdef` and `.include`. What Exim works out anew for each connection (`$name`, `${if ...}`) has no known value. The text
//! of ACLs and of the rewriting and retry rules is not looked into.

use super::{Grammar, Include, MAX_VALUE, Parsed, Statement, Unknown, column, no_block, plain};

/// exim.conf, exim4.conf.template and what they pull in.
pub static GRAMMAR: Grammar = Grammar { scan, resolve, include, print, block: no_block, head: "" };

/// Everybody, but nobody without TLS.
pub const WITH_TLS: &str = "${if eq{$tls_in_cipher}{}{}{*}}";
/// What begins a section, and the name of the blocks in it.
const SECTION: &str = "begin ";
/// Where it is said who checks passwords.
pub const AUTHENTICATORS: &str = "begin authenticators";
/// Why a value is not known: it counts only under a condition.
pub const CONDITION: &str = "it stands under a condition that pkit does not evaluate";
const EXPANDED: &str = "Exim works it out anew for each connection";
const UNQUOTED: &str = "its quotes are not closed";

/// Dollars and backslashes are expanded, quotes taken off, a `<` in front changes how lists are split, and the names of Exim's own
/// macros are replaced wherever they stand.
fn print(name: &str, value: &str) -> Option<String> {
    let own_macro = |value: &str| value.as_bytes().windows(2).any(|two| two[0] == b'_' && two[1].is_ascii_uppercase());
    let bare = plain(value, "$\\\"") && !value.starts_with('<') && !own_macro(value);
    match value {
        "" => Some(format!("{name} =\n")),
        _ => (bare || value == WITH_TLS).then(|| format!("{name} = {value}\n")),
    }
}

fn scan(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut at = At { section: Section::Options, blocks: Vec::new(), conditions: Vec::new() };
    for (line, logical) in logical_lines(text) {
        let trimmed = logical.trim();
        if let Some(directive) = trimmed.strip_prefix('.') {
            at.directive(directive, (line, column(logical.trim_end(), trimmed)), &mut parsed);
        } else if let Some(section) = trimmed.strip_prefix(SECTION) {
            at.enter(section.trim());
        } else {
            at.line(&logical, line, &mut parsed);
        }
    }
    if let Some(open) = at.conditions.last() {
        parsed.unknown.push(Unknown::refused(open.line, "a condition without its `.endif`"));
    }
    parsed
}

/// Where in the text the next line stands.
struct At {
    section: Section,
    /// The section and the block in it.
    blocks: Vec<String>,
    conditions: Vec<Open>,
}

/// What the lines of a section are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Options,
    /// Options of one named block after the other.
    Blocks,
    /// Something else.
    Rules,
}

/// A condition whose end has not come.
struct Open {
    line: usize,
    /// What must hold, as heads of blocks.
    heads: Vec<String>,
}

impl At {
    fn enter(&mut self, section: &str) {
        let of_blocks = ["routers", "transports", "authenticators"].contains(&section);
        self.section = if of_blocks { Section::Blocks } else { Section::Rules };
        self.blocks = vec![format!("{SECTION}{section}")];
    }

    fn directive(&mut self, directive: &str, (line, column): (usize, usize), parsed: &mut Parsed) {
        let (word, rest) = directive.split_once(char::is_whitespace).unwrap_or((directive, ""));
        let rest = rest.trim();
        match word {
            "ifdef" | "ifndef" => self.conditions.push(Open { line, heads: vec![format!(".{word} {rest}")] }),
            "else" | "elifdef" | "elifndef" => {
                let Some(open) = self.conditions.last_mut() else {
                    return parsed.unknown.push(Unknown::refused(line, "no condition is open here"));
                };
                // What was asked last does not hold, and what was asked before it did not either.
                if let Some(last) = open.heads.last_mut() {
                    *last = opposite(last);
                }
                if let Some(word) = word.strip_prefix("el").filter(|word| *word != "se") {
                    open.heads.push(format!(".{word} {rest}"));
                }
            }
            "endif" => {
                if self.conditions.pop().is_none() {
                    parsed.unknown.push(Unknown::refused(line, "no condition is open here"));
                }
            }
            "include" | "include_if_exists" if self.section == Section::Rules => {}
            "include" | "include_if_exists" => {
                let column = column + 1 + word.len() + 1;
                parsed.statements.push(self.statement(&format!(".{word}"), rest, (line, column)));
            }
            _ => parsed.unknown.push(Unknown::unclear(line, "pkit does not know this directive")),
        }
    }

    fn line(&mut self, logical: &str, line: usize, parsed: &mut Parsed) {
        let trimmed = logical.trim();
        let trimmed = trimmed.strip_prefix("hide ").map_or(trimmed, str::trim_start);
        let end = trimmed.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(trimmed.len());
        let (name, rest) = (&trimmed[..end], trimmed[end..].trim_start());
        let block = rest.strip_prefix(':').filter(|rest| rest.is_empty() && !name.is_empty());
        match self.section {
            Section::Rules => return,
            Section::Blocks if block.is_some() => {
                self.blocks.truncate(1);
                return self.blocks.push(name.to_owned());
            }
            // A file with rules that is pulled in.
            Section::Options if block.is_some() || VERBS.contains(&name) => return self.section = Section::Rules,
            _ => {}
        }
        // A macro's name is replaced there, by whatever; and a boolean needs no value.
        let is_macro = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
        let Some(value) = rest.strip_prefix('=') else {
            if is_macro {
                return;
            } else if rest.is_empty() && !name.is_empty() {
                parsed.statements.push(self.statement(name, "", (line, 1)));
            } else if !name.ends_with("list") && !name.ends_with("list_cache") {
                parsed.unknown.push(Unknown::refused(line, "no `=` behind the name of an option"));
            }
            return;
        };
        // `==` gives a macro another value.
        let value = value.strip_prefix('=').filter(|_| is_macro).unwrap_or(value).trim();
        parsed.statements.push(self.statement(name, value, (line, column(logical.trim_end(), value))));
    }

    fn statement(&self, name: &str, raw: &str, (line, column): (usize, usize)) -> Statement {
        let conditions = self.conditions.iter().flat_map(|open| open.heads.iter().cloned());
        Statement {
            name: name.to_owned(),
            value: literal(raw),
            raw: raw.to_owned(),
            scope: conditions.chain(self.blocks.iter().cloned()).collect(),
            block: 0,
            text: 0,
            line,
            column,
        }
    }
}

/// What begins a line of an ACL.
const VERBS: &[&str] = &["accept", "defer", "deny", "discard", "drop", "require", "warn"];

fn opposite(head: &str) -> String {
    match head.strip_prefix(".ifdef") {
        Some(rest) => format!(".ifndef{rest}"),
        None => head.replacen(".ifndef", ".ifdef", 1),
    }
}

/// Lines of which one that ends with a backslash goes on in the next, whose blanks in front are left out; comments in between too.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (i, line) in text.lines().enumerate() {
        if line.trim_start().starts_with('#') || (!goes_on && line.trim().is_empty()) {
            continue;
        }
        let end = line.trim_end();
        let (content, more) = end.strip_suffix('\\').map_or((end, false), |content| (content, true));
        match lines.last_mut() {
            Some((_, open)) if goes_on => open.push_str(content.trim_start()),
            _ => lines.push((i + 1, content.to_owned())),
        }
        goes_on = more;
    }
    lines
}

/// A value as Exim has it where nothing in it is to be worked out. That of a condition on TLS stays as it is written.
fn literal(raw: &str) -> Result<String, &'static str> {
    let text = match raw.strip_prefix('"') {
        None => raw.to_owned(),
        Some(quoted) => unquoted(quoted)?,
    };
    if text.contains("tls_in_cipher") || text.contains("tls_cipher") {
        return Ok(text);
    }
    if let Some(file) = file_that_exists(&text) {
        return Ok(file.to_owned());
    }
    let (mut out, mut chars) = (String::new(), text.chars());
    while let Some(c) = chars.next() {
        match c {
            '$' => return Err(EXPANDED),
            '\\' => match chars.next() {
                Some(quoted @ ('$' | '\\' | '{' | '}')) => out.push(quoted),
                _ => return Err(EXPANDED),
            },
            c => out.push(c),
        }
    }
    Ok(out)
}

/// What stands in double quotes, where a backslash quotes and nothing follows.
fn unquoted(quoted: &str) -> Result<String, &'static str> {
    let (mut out, mut chars) = (String::new(), quoted.chars());
    loop {
        match chars.next() {
            Some('"') if chars.as_str().trim().is_empty() => return Ok(out),
            Some('\\') => match chars.next() {
                Some(c @ ('"' | '\\' | '$')) => out.push(c),
                _ => return Err(UNQUOTED),
            },
            Some('"') | None => return Err(UNQUOTED),
            Some(c) => out.push(c),
        }
    }
}

/// `${if exists{FILE}{FILE}{/dev/null}}`, which Debian has: the file.
fn file_that_exists(text: &str) -> Option<&str> {
    let (file, rest) = text.strip_prefix("${if exists{")?.split_once('}')?;
    let (same, _) = rest.trim_start().strip_prefix('{')?.split_once('}')?;
    (file == same && file.starts_with('/') && !file.contains(['$', '\\'])).then_some(file)
}

/// Macros and conditions, in the order of the text, as Exim meets them. What Exim defines by itself (`_HAVE_...`) counts as there,
/// but for what tells one TLS library from the other.
fn resolve(mut statements: Vec<Statement>) -> Vec<Statement> {
    let mut macros: Vec<(String, String)> = Vec::new();
    let mut left = MAX_REPLACED;
    statements.retain_mut(|statement| {
        let (mut unsure, mut places) = (false, Vec::new());
        for head in statement.scope.iter() {
            match holds(head, &macros) {
                None if head.starts_with('.') => unsure = true,
                None => places.push(head),
                Some(true) => {}
                Some(false) => return false,
            }
        }
        if places.len() < statement.scope.len() {
            statement.scope = places.into_iter().cloned().collect();
        }
        if let Some(replaced) = replaced(&statement.raw, &macros, &mut left) {
            statement.value = replaced.and_then(|text| literal(&text));
        }
        if unsure {
            statement.value = Err(CONDITION);
        }
        if statement.scope.is_empty() && statement.name.starts_with(|c: char| c.is_ascii_uppercase()) {
            let text = replaced_text(&statement.raw, &macros);
            match macros.iter().position(|(name, _)| *name == statement.name) {
                Some(known) => macros[known].1 = text,
                None if macros.len() < MAX_MACROS => macros.push((statement.name.clone(), text)),
                None => {}
            }
        }
        true
    });
    statements
}

/// Does a condition hold? None for what is no condition, and where the text does not tell.
fn holds(head: &str, macros: &[(String, String)]) -> Option<bool> {
    let (wanted, names) = match head.strip_prefix(".ifdef") {
        Some(names) => (true, names),
        None => (false, head.strip_prefix(".ifndef")?),
    };
    if names.contains("_HAVE_OPENSSL") || names.contains("_HAVE_GNUTLS") {
        return None;
    }
    let there = names.trim_start().starts_with('_') || macros.iter().any(|(name, _)| names.contains(name.as_str()));
    Some(there == wanted)
}

/// The text with macros in it, where there are any.
fn replaced(text: &str, macros: &[(String, String)], left: &mut usize) -> Option<Result<String, &'static str>> {
    if !macros.iter().any(|(name, _)| text.contains(name.as_str())) {
        return None;
    }
    let text = replaced_text(text, macros);
    *left = left.saturating_sub(text.len());
    Some(if *left == 0 || text.len() > MAX_VALUE { Err("it grows beyond any setting") } else { Ok(text) })
}

/// Each macro in turn, in the order in which they were defined. What grows beyond any setting grows no further.
fn replaced_text(text: &str, macros: &[(String, String)]) -> String {
    let mut out = text.to_owned();
    for (name, value) in macros {
        let times = out.matches(name.as_str()).count();
        if times > 0 && out.len() + times * value.len() <= 2 * MAX_VALUE {
            out = out.replace(name.as_str(), value);
        }
    }
    out
}

/// Debian's configuration has some fifty.
const MAX_MACROS: usize = 500;
/// Most text that all macros of a configuration may come to.
const MAX_REPLACED: usize = 4 << 20;

/// Relative names start beside the file (from Exim 4.89 on). Macros may be part of a name.
fn include(statement: &Statement) -> Option<Include> {
    let optional = match statement.name.as_str() {
        ".include" => false,
        ".include_if_exists" => true,
        _ => return None,
    };
    let conditional = statement.scope.iter().any(|head| head.starts_with('.'))
        || statement.known().is_some_and(|path| path.contains(|c: char| c.is_ascii_uppercase()));
    Some(Include { pattern: statement.value.clone(), optional, conditional })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<(String, String, usize)> {
        let known = |s: &Statement| s.value.clone().unwrap_or_else(|_| "?".to_owned());
        let named = |s: &Statement| [&s.scope[..], std::slice::from_ref(&s.name)].concat().join("/");
        GRAMMAR.parse(text).statements.iter().map(|s| (named(s), known(s), s.line)).collect()
    }

    fn says(text: &str, want: &[(&str, &str, usize)]) {
        let want: Vec<_> =
            want.iter().map(|(name, value, line)| (name.to_string(), value.to_string(), *line)).collect();
        assert_eq!(said(text), want, "{text}");
    }

    #[test]
    fn lines_sections_and_quotes_are_read_as_exim_does() {
        says(
            "# head\nhide tls_certificate = \\\n  # between\n   /c.pem\nno_prdr_enable\nx = \"/a \\\"b\" \n\
             domainlist local = @ : localhost\ny = /a # b\nz = ${if eq{$x}{}{a}{b}}\nw = /a\\$b\n\
             v = ${if exists{/ca.crt}{/ca.crt}\\\n   {/dev/null}}\nbegin acl\ncheck:\n  accept hosts = :\n\
             begin transports\nremote:\n  driver = smtp\nother:\n  no_x\n",
            &[
                ("tls_certificate", "/c.pem", 2),
                ("no_prdr_enable", "", 5),
                ("x", "/a \"b", 6),
                ("y", "/a # b", 8),
                ("z", "?", 9),
                ("w", "/a$b", 10),
                ("v", "/ca.crt", 11),
                ("begin transports/remote/driver", "smtp", 18),
                ("begin transports/other/no_x", "", 20),
            ],
        );
        let refused = |text: &str| GRAMMAR.parse(text).unknown.iter().map(|u| u.line).collect::<Vec<_>>();
        assert_eq!(refused("a = b\ntls_certificate /c.pem\n.endif\n.ifdef X\n"), [2, 3, 4]);
        assert_eq!(refused("check:\n  accept\n  !hosts : x\n"), [0usize; 0]);
    }

    #[test]
    fn macros_are_replaced_and_conditions_decided() {
        says(
            "DIR = /etc\nFILE = DIR/c.pem\n.ifdef NONE OTHER\na = 1\n.elifdef DIR\na = 2\n.else\na = 3\n.endif\n\
             .ifndef FILE\nFILE = x\n.endif\nb = FILE\nDIR == /x\nc = DIR/FILE\n.ifdef _OPT_MAIN_X\nd = 1\n.endif\n\
             .ifdef _HAVE_GNUTLS\ne = 1\n.else\ne = 2\n.endif\n",
            &[
                ("DIR", "/etc", 1),
                ("FILE", "/etc/c.pem", 2),
                ("a", "2", 6),
                ("b", "/etc/c.pem", 13),
                ("DIR", "/x", 14),
                ("c", "/x//etc/c.pem", 15),
                ("d", "1", 17),
                ("e", "?", 20),
                ("e", "?", 22),
            ],
        );
        let included = GRAMMAR.parse("D = /etc\n.include_if_exists D/x\nbegin acl\n.include /acl\n");
        let include = include(&included.statements[1]).unwrap();
        assert_eq!((include.pattern.as_deref(), include.optional), (Ok("/etc/x"), true));
        assert_eq!(included.statements.len(), 2);
    }

    #[test]
    fn what_exim_would_expand_is_not_written() {
        assert_eq!(print("tls_certificate", "/a b/c:d.pem").as_deref(), Some("tls_certificate = /a b/c:d.pem\n"));
        assert_eq!(print("tls_advertise_hosts", "").as_deref(), Some("tls_advertise_hosts =\n"));
        assert!(print("auth_advertise_hosts", WITH_TLS).is_some());
        for value in ["/a$b", "/a\\", "\"/a\"", "<;/a", "/a\nb = c", "/_HAVE_TLS", "${run{/bin/sh}}", " /a", "/a "] {
            assert!(print("tls_certificate", value).is_none(), "{value:?}");
        }
    }
}
