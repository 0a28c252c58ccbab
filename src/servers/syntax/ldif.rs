//! LDIF (RFC 2849) as far as it changes or lists slapd's `cn=config`: one modify with a `replace:` for each attribute, which
//! works whether or not the attribute has a value. Certificate and key must come in one modify: apart they are refused with
//! "error (80)" (tried on slapd 2.4.57 and 2.5.13).

use super::{Grammar, Parsed, Statement, Unknown, column, no_block, no_include, nothing_to_resolve, plain};
use crate::material::pem;

/// A change of `cn=config`, what `slapcat -n 0` prints of it, or a file of slapd.d.
pub static GRAMMAR: Grammar = Grammar {
    scan,
    resolve: nothing_to_resolve,
    include: no_include,
    print,
    block: no_block,
    head: "dn: cn=config\nchangetype: modify\n",
};

/// The names of the statements that say how a record changes things, instead of what there is.
pub const CHANGES: &[&str] = &["changetype", "replace", "add", "delete", END];
/// The line between the changes of a record.
pub const END: &str = "-";

/// slapd splits the values of its settings at blanks and takes quotes and backslashes as quoting; LDIF is ASCII.
fn print(name: &str, value: &str) -> Option<String> {
    let holds = value.is_ascii() && plain(value, " \"'\\") && !value.starts_with([':', '<']);
    holds.then(|| format!("replace: {name}\n{name}: {value}\n-\n"))
}

fn scan(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let (mut scope, mut block) = (Vec::new(), 0);
    let lines = logical_lines(text.trim_start_matches('\u{feff}'));
    let records = lines.split(|(_, line)| line.is_empty()).filter(|record| !record.is_empty());
    parsed.unknown.extend(records.filter_map(form));
    for (line, logical) in lines.into_iter().filter(|(_, line)| !line.is_empty()) {
        let (name, value) = match logical.split_once(':') {
            Some(parts) => parts,
            None if logical == END => (END, ""),
            None => continue,
        };
        match name.to_ascii_lowercase().as_str() {
            "dn" => {
                let dn = decode(value).unwrap_or_else(|_| value.trim().to_owned());
                scope = if dn.eq_ignore_ascii_case("cn=config") { Vec::new() } else { vec![dn] };
                block = line;
            }
            "include" => parsed.unknown.push(Unknown::unclear(line, "what an `include:` brings is not in this text")),
            // They say how a change is made, not what is changed (RFC 2849).
            "control" | "version" => {}
            "delete" => {
                parsed.unknown.push(Unknown::unclear(line, "what is left after a `delete:` is not in this text"))
            }
            _ => parsed.statements.push(Statement {
                name: name.trim().to_owned(),
                value: decode(value),
                raw: value.trim().to_owned(),
                scope: scope.as_slice().into(),
                block,
                text: 0,
                line,
                column: column(&logical, value.trim_start()),
            }),
        }
    }
    parsed
}

/// A second colon stands before base64 (RFC 2849), which slapd writes for values with blanks at their ends or beyond ASCII.
fn decode(value: &str) -> Result<String, &'static str> {
    match value.chars().next() {
        Some(':') => {
            let bytes = pem::from_base64(value[1..].trim()).ok_or("its base64 is broken")?;
            String::from_utf8(bytes).map_err(|_| "it is not text")
        }
        Some('<') => Err("it is read from a file"),
        _ => Ok(value.trim().to_owned()),
    }
}

/// What is wrong with the form of a record (RFC 2849): the first fault, since ldapmodify goes no further.
fn form(record: &[(usize, String)]) -> Option<Unknown> {
    let split = |line: &str| {
        let (name, value) = line.split_once(':')?;
        // Small letters and capital ones are the same to ldapmodify.
        Some((name.to_ascii_lowercase(), decode(value).unwrap_or_default()))
    };
    let wrong = |at: usize, why| Some(Unknown::refused(record[at].0, why));
    if let Some(at) = record.iter().position(|(_, line)| line != END && !line.contains(':')) {
        return wrong(at, "no `:` in it");
    }
    if let Some(at) = record.iter().position(|(_, line)| split(line).is_some_and(|(name, _)| name.trim() != name)) {
        return wrong(at, "a blank stands beside the name");
    }
    let lines: Vec<(String, String)> =
        record.iter().map(|(_, line)| split(line).unwrap_or_else(|| (END.to_owned(), String::new()))).collect();
    // OpenLDAP's programs read other files in the place of `include:` (ldif(5)).
    let start = lines.iter().take_while(|(name, _)| name == "version" || name == "include").count();
    if lines.get(start).is_some_and(|(name, _)| name != "dn") {
        return wrong(start, "a record begins with its `dn:`");
    }
    let controls = lines.iter().skip(start + 1).take_while(|(name, _)| name == "control").count();
    let verb_of_record = start + 1 + controls;
    let typed = lines.get(verb_of_record).is_some_and(|(name, _)| name == "changetype");
    if typed && !["add", "delete", "modify", "modrdn", "moddn"].contains(&lines[verb_of_record].1.as_str()) {
        return wrong(verb_of_record, "no such changetype");
    }
    let first = verb_of_record + usize::from(typed);
    let verb = |at: usize| VERBS.contains(&lines[at].0.as_str());
    let modify = if typed { lines[verb_of_record].1 == "modify" } else { first < lines.len() && verb(first) };
    if let Some(at) = (first..lines.len()).find(|at| ["dn", "changetype"].contains(&lines[*at].0.as_str())) {
        return wrong(at, "this stands at the beginning of a record, behind an empty line");
    }
    let mut changed: Option<&str> = None;
    for (at, (name, value)) in lines.iter().enumerate().skip(first).filter(|_| modify) {
        match changed {
            _ if name == END => changed = None,
            // A missing `-` is told by slapd's own rules.
            _ if verb(at) => changed = Some(value),
            None => return wrong(at, "a change begins with `add:`, `delete:` or `replace:`"),
            Some(changed) if !name.eq_ignore_ascii_case(changed) => {
                return wrong(at, "this is not the attribute that the line with `replace:` names");
            }
            Some(_) => {}
        }
    }
    None
}

/// How a change begins (RFC 2849; `increment` is RFC 4525).
const VERBS: &[&str] = &["add", "delete", "replace", "increment"];

/// A line that begins with a blank goes on with the line before, without that blank.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        match (line.strip_prefix(' '), lines.last_mut()) {
            (Some(more), Some((_, open))) => open.push_str(more),
            _ => lines.push((i + 1, line.to_owned())),
        }
    }
    lines.retain(|(_, line)| !line.starts_with('#'));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_and_listings_of_cn_config_are_read() {
        let text = "# head\ndn: cn=config\nchangetype: modify\nreplace: olcTLSCipherSuite\nolcTLSCipherSuite: A\n :B\n-\n\
                    \ndn: olcDatabase={1}mdb,cn=config\nolcSecurity:: eCB5\n\nnonsense\nb:: !\n";
        let parsed = scan(text);
        let said: Vec<_> = parsed
            .statements
            .iter()
            .filter(|s| !CHANGES.contains(&s.name.as_str()))
            .map(|s| (s.name.as_str(), s.value.as_deref().unwrap_or("?"), s.scope.len(), s.line))
            .collect();
        assert_eq!(said, [("olcTLSCipherSuite", "A:B", 0, 5), ("olcSecurity", "x y", 1, 10), ("b", "?", 1, 13)]);
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
