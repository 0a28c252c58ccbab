//! slapd.conf(5): a keyword and its arguments on a line; a line that begins with a blank goes on with the line before; double
//! quotes and backslashes quote. Keywords are given the names of `cn=config` (`TLSCertificateFile` is `olcTLSCertificateFile`),
//! so that one table serves both. What follows a `database` or `backend` line belongs to it.

use super::{Grammar, Include, Parsed, Statement, column, folded_lines, no_block, plain};

/// slapd.conf.
pub static GRAMMAR: Grammar =
    Grammar { scan, resolve: super::nothing_to_resolve, include, print, block: no_block, head: "" };

/// Blanks end an argument; quotes and backslashes quote.
fn print(name: &str, value: &str) -> Option<String> {
    let keyword = name.strip_prefix(PREFIX)?;
    plain(value, " \"'\\#").then(|| format!("{keyword} {value}\n"))
}

fn scan(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let (mut scope, mut block) = (Vec::new(), 0);
    for (line, logical) in folded_lines(text) {
        let end = logical.find(char::is_whitespace).unwrap_or(logical.len());
        let (keyword, rest) = (&logical[..end], logical[end..].trim());
        if ["database", "backend"].iter().any(|word| keyword.eq_ignore_ascii_case(word)) {
            (scope, block) = (vec![format!("{} {rest}", keyword.to_ascii_lowercase())], line);
            continue;
        }
        parsed.statements.push(Statement {
            name: name(keyword),
            value: unquote(rest),
            raw: rest.to_owned(),
            scope: scope.as_slice().into(),
            block,
            text: 0,
            line,
            column: column(&logical, logical[end..].trim_start()),
        });
    }
    parsed
}

/// The name of cn=config, but for the directives that have none there.
fn name(keyword: &str) -> String {
    let foreign = keyword.contains('_') || keyword.eq_ignore_ascii_case("include") || keyword.starts_with("olc");
    let own = if keyword.eq_ignore_ascii_case("authz-regexp") { "AuthzRegexp" } else { keyword };
    if foreign { own.to_owned() } else { format!("{PREFIX}{own}") }
}

const PREFIX: &str = "olc";

/// One argument loses its quotes; several are left as they are.
fn unquote(value: &str) -> Result<String, &'static str> {
    let inner = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.contains(['"', '\\']) => Ok(inner.to_owned()),
        _ => Ok(value.to_owned()),
    }
}

fn include(statement: &Statement) -> Option<Include> {
    statement.is("include").then(|| Include { pattern: statement.value.clone(), optional: false, conditional: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_get_the_names_of_cn_config_and_databases_are_scopes() {
        let text = "# head\ninclude /etc/ldap/schema/core.schema\nTLSCertificateFile \"/a b.pem\"\ntlsciphersuite\n  HIGH\n\
                    TLS_CACERT /x\nauthz-regexp a b\ndatabase mdb\nsecurity ssf=1\n";
        let parsed = GRAMMAR.parse(text);
        let said: Vec<_> = parsed
            .statements
            .iter()
            .map(|s| (s.name.as_str(), s.value.as_deref().unwrap_or("?"), s.scope.len(), s.line))
            .collect();
        let want = [
            ("include", "/etc/ldap/schema/core.schema", 0, 2),
            ("olcTLSCertificateFile", "/a b.pem", 0, 3),
            ("olctlsciphersuite", "HIGH", 0, 4),
            ("TLS_CACERT", "/x", 0, 6),
            ("olcAuthzRegexp", "a b", 0, 7),
            ("olcsecurity", "ssf=1", 1, 9),
        ];
        assert_eq!(said, want);
        assert!(include(&parsed.statements[0]).is_some());
        assert_eq!(print("olcTLSCertificateFile", "/a").as_deref(), Some("TLSCertificateFile /a\n"));
        for value in ["/a b", "\"", "\\", "/a\nx", "#"] {
            assert!(print("olcTLSCertificateFile", value).is_none(), "{value:?}");
        }
    }
}
