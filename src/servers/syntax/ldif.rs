//! LDIF (RFC 2849) as far as it changes or lists slapd's `cn=config`: one modify with a `replace:` for each attribute, which
//! works whether or not the attribute has a value. Certificate and key must come in one modify: apart they are refused with
//! "error (80)" (tried on slapd 2.4.57 and 2.5.13).

use super::{Grammar, Parsed, Statement, Unknown, plain};

/// A change of `cn=config`, or what `slapcat -n 0` prints of it.
pub static GRAMMAR: Grammar = Grammar { parse, print, head: "dn: cn=config\nchangetype: modify\n" };

/// slapd splits the values of its settings at blanks and takes quotes and backslashes as quoting; LDIF is ASCII.
fn print(name: &str, value: &str) -> Option<String> {
    let holds = value.is_ascii() && plain(value, " \"'\\") && !value.starts_with([':', '<']);
    holds.then(|| format!("replace: {name}\n{name}: {value}\n-\n"))
}

fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut scope = Vec::new();
    for (line, logical) in logical_lines(text) {
        let Some((name, value)) = logical.split_once(':') else {
            if logical != "-" {
                parsed.unknown.push(Unknown { line, why: "no `:` in it" });
            }
            continue;
        };
        match name {
            "dn" => scope = if value.trim() == "cn=config" { Vec::new() } else { vec![value.trim().to_owned()] },
            "changetype" | "replace" | "add" => {}
            "delete" => {
                parsed.unknown.push(Unknown { line, why: "what is left after a `delete:` is not in this text" })
            }
            _ => parsed.statements.push(Statement {
                name: name.to_owned(),
                value: decode(value),
                scope: scope.clone(),
                line,
                column: logical.len() - value.trim_start().len() + 1,
            }),
        }
    }
    parsed
}

fn decode(value: &str) -> Result<String, &'static str> {
    match value.chars().next() {
        Some(':') => Err("it is written in base64"),
        Some('<') => Err("it is read from a file"),
        _ => Ok(value.trim().to_owned()),
    }
}

/// A line that begins with a blank goes on with the line before, without that blank.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        match (line.strip_prefix(' '), lines.last_mut()) {
            (Some(more), Some((_, open))) => open.push_str(more),
            _ => lines.push((i + 1, line.to_owned())),
        }
    }
    lines.retain(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_and_listings_of_cn_config_are_read() {
        let text = "# head\ndn: cn=config\nchangetype: modify\nreplace: olcTLSCipherSuite\nolcTLSCipherSuite: A\n :B\n-\n\
                    \ndn: olcDatabase={1}mdb,cn=config\nolcSecurity: x\n\nnonsense\n";
        let parsed = parse(text);
        let said: Vec<_> = parsed
            .statements
            .iter()
            .map(|s| (s.name.as_str(), s.value.as_deref().unwrap_or("?"), s.scope.len(), s.line))
            .collect();
        assert_eq!(said, [("olcTLSCipherSuite", "A:B", 0, 5), ("olcSecurity", "x", 1, 10)]);
        assert_eq!(parsed.unknown.iter().map(|u| u.line).collect::<Vec<_>>(), [12]);
    }

    #[test]
    fn values_that_slapd_would_split_or_ldif_would_decode_are_refused() {
        assert_eq!(print("a", "/x").as_deref(), Some("replace: a\na: /x\n-\n"));
        for value in ["/a b", "/a\"b", "/a\\b", "/ü", ":/a", "< /a", "/a\n-\nreplace: b"] {
            assert!(print("a", value).is_none(), "{value:?}");
        }
    }
}
