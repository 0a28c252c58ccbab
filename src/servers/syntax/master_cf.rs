//! Postfix's master.cf (master(5)): a line for each service, and `-o name=value` behind its command for what is different there.
//! A service's options are statements whose scope is the service, by postconf's name for it: `submission/inet`.

use super::{Grammar, Parsed, Statement, Unknown, main_cf, no_include, plain};

/// master.cf. A printed statement is one option, to stand under its service.
pub static GRAMMAR: Grammar =
    Grammar { scan, resolve: super::nothing_to_resolve, include: no_include, print, block, head: "" };

/// The name of the statement for the service itself; its value is the line.
pub const SERVICE: &str = "service";
/// The name of what is no option, or one without `=`: `smtpd -o a = b`.
pub const STRAY: &str = "-o";

/// Without blanks, which would end the value: the form in braces is only for Postfix 3.0 and later.
fn print(name: &str, value: &str) -> Option<String> {
    if name == SERVICE {
        let columns = value.split(' ').filter(|column| !column.is_empty()).count();
        return (columns == 8 && plain(value, "{}#")).then(|| format!("{value}\n"));
    }
    let holds = plain(value, " {}") && !name.contains(char::is_whitespace);
    holds.then(|| format!("  -o {name}={}\n", value.replace('$', "$$")))
}

/// The service's own line is among its statements.
fn block(_: &str, inside: &str) -> Option<String> {
    Some(inside.to_owned())
}

/// Each word keeps its own line: options stand each on a line of its own.
fn scan(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut words: Vec<Word> = Vec::new();
    let lines = text.lines().enumerate().map(|(i, line)| (i + 1, line));
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        if !line.starts_with(char::is_whitespace) {
            service(&words, &mut parsed);
            words.clear();
        }
        words.extend(split(line, number));
    }
    service(&words, &mut parsed);
    parsed
}

/// A word and where it stands.
struct Word {
    text: String,
    line: usize,
    column: usize,
}

/// Words are split at blanks; braces hold them together (Postfix 3.0).
fn split(piece: &str, line: usize) -> Vec<Word> {
    let mut words = Vec::new();
    let (mut rest, mut column) = (piece, 1);
    loop {
        let word = rest.trim_start();
        column += rest[..rest.len() - word.len()].chars().count();
        if word.is_empty() {
            return words;
        }
        let end = match word.strip_prefix('{').and_then(|inner| inner.find('}')) {
            Some(close) => close + 2,
            None => word.find(char::is_whitespace).unwrap_or(word.len()),
        };
        words.push(Word { text: word[..end].to_owned(), line, column });
        column += word[..end].chars().count();
        rest = &word[end..];
    }
}

fn service(words: &[Word], parsed: &mut Parsed) {
    let Some(first) = words.first() else { return };
    let [name, kind, _, _, _, _, _, command, arguments @ ..] = words else {
        parsed.unknown.push(Unknown::refused(first.line, "a service has eight columns"));
        return;
    };
    let scope = vec![format!("{}/{}", name.text, kind.text)];
    let mut add = |name: &str, value: Result<String, &'static str>, raw: &str, line, column| {
        let (name, raw) = (name.to_owned(), raw.to_owned());
        parsed.statements.push(Statement {
            name,
            value,
            raw,
            scope: scope.as_slice().into(),
            block: first.line,
            text: 0,
            line,
            column,
        });
    };
    let columns: Vec<&str> = words[..8].iter().map(|w| w.text.as_str()).collect();
    add(SERVICE, Ok(columns.join(" ")), &command.text, first.line, 1);
    let mut arguments = arguments.iter().peekable();
    while let Some(word) = arguments.next() {
        let option = match word.text.strip_prefix("-o") {
            Some("") => arguments.next(),
            // What other programs take is their own affair; only the daemons that speak TLS take nothing else.
            None if !SPEAKS_TLS.contains(&command.text.as_str()) || word.text.starts_with('-') => continue,
            _ => Some(word),
        };
        let Some(option) = option else { continue };
        let text = option.text.strip_prefix("-o").unwrap_or(&option.text);
        let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text);
        match inner.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                let column = option.column + name.chars().count() + 1 + (option.text.len() - inner.len()).min(1);
                add(name.trim(), main_cf::literal(value.trim()), value.trim(), option.line, column);
            }
            _ => add(STRAY, Ok(text.to_owned()), text, option.line, option.column),
        }
    }
}

/// The daemons whose options are looked at.
const SPEAKS_TLS: &[&str] = &["smtpd", "smtp", "lmtp", "tlsproxy", "postscreen"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_and_their_options_are_read_with_their_lines() {
        let text = "# head\nsmtp      inet  n       -       y       -       -       smtpd\n\
                    submission inet n       -       y       -       -       smtpd -v -o a=b\n\
                    \x20 -o smtpd_tls_security_level=encrypt\n#  -o off=1\n  -o { x = a, b } -o y = z\n\
                    pipe unix - n n - - pipe\n  flags=DRhu user=x argv=/p -r ${nexthop}\nshort inet n\n";
        let parsed = GRAMMAR.parse(text);
        let said: Vec<_> = parsed
            .statements
            .iter()
            .filter(|s| s.name != SERVICE)
            .map(|s| (s.scope[0].as_str(), s.name.as_str(), s.value.as_deref().unwrap_or("?"), s.line, s.column))
            .collect();
        let want = [
            ("submission/inet", "a", "b", 3, 71),
            ("submission/inet", "smtpd_tls_security_level", "encrypt", 4, 31),
            ("submission/inet", "x", "a, b", 6, 11),
            ("submission/inet", STRAY, "y", 6, 22),
            ("submission/inet", STRAY, "=", 6, 24),
            ("submission/inet", STRAY, "z", 6, 26),
        ];
        assert_eq!(said, want);
        assert_eq!(parsed.unknown.iter().map(|u| u.line).collect::<Vec<_>>(), [9]);
    }

    #[test]
    fn an_option_is_printed_only_where_it_stays_one_word() {
        assert_eq!(print("a", "x,y").as_deref(), Some("  -o a=x,y\n"));
        for value in ["a b", "{x}", "a\nb", ""] {
            assert!(print("a", value).is_none(), "{value:?}");
        }
    }
}
