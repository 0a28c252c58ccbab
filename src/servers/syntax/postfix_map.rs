//! A lookup table of Postfix as text (postmap(1)): `key value` on a line, comments on lines of their own. Only the table of
//! certificates by name is read here; all of it is one block, so that it is told apart from the parameters.

use super::{Grammar, Parsed, Statement, Unknown, column, folded_lines, no_include, nothing_to_resolve, plain};

/// The source of the table that `tls_server_sni_maps` names.
pub static GRAMMAR: Grammar = Grammar {
    scan,
    resolve: nothing_to_resolve,
    include: no_include,
    print,
    block: |_, inside| Some(inside.to_owned()),
    head: "",
};

/// The block that the whole table is.
pub const TABLE: &str = "sni";

fn print(name: &str, value: &str) -> Option<String> {
    (plain(value, "") && plain(name, " #")).then(|| format!("{name} {value}\n"))
}

fn scan(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    for (line, logical) in folded_lines(text) {
        let Some((name, value)) = logical.split_once(char::is_whitespace) else {
            parsed.unknown.push(Unknown::unclear(line, "a name without a value"));
            continue;
        };
        parsed.statements.push(Statement {
            name: name.to_owned(),
            value: Ok(value.trim().to_owned()),
            raw: value.trim().to_owned(),
            scope: [TABLE.to_owned()].into(),
            block: 0,
            text: 0,
            line,
            column: column(&logical, value.trim_start()),
        });
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_their_values_are_read_and_printed() {
        let parsed = scan("# head\na.example /k.pem, /c.pem\n.b.example\t/k2.pem\n  /c2.pem\njunk\n");
        let said: Vec<_> = parsed.statements.iter().map(|s| (s.name.as_str(), s.known().unwrap(), s.line)).collect();
        assert_eq!(said, [("a.example", "/k.pem, /c.pem", 2), (".b.example", "/k2.pem  /c2.pem", 3)]);
        assert_eq!(parsed.unknown[0].line, 5);
        assert_eq!(print("a", "/x").as_deref(), Some("a /x\n"));
        assert!(print("a", "/x\nb /y").is_none() && print("#a", "/x").is_none());
    }
}
