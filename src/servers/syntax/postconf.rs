//! The same as main.cf and master.cf say, as commands for a shell: postconf(1) edits the files. `-e` sets a parameter, `-M` a
//! service, `-P` a parameter of a service.

use super::{Grammar, Parsed, Statement, Unknown, main_cf, master_cf, no_block, no_include, nothing_to_resolve, plain};

/// Parameters of main.cf.
pub static MAIN: Grammar = Grammar {
    scan,
    resolve: nothing_to_resolve,
    include: no_include,
    print: |name, value| plain(value, "").then(|| command("-e", &format!("{name} = {}", value.replace('$', "$$")))),
    block: no_block,
    head: "",
};

/// Services of master.cf.
pub static MASTER: Grammar = Grammar {
    scan,
    resolve: nothing_to_resolve,
    include: no_include,
    print: |name, value| {
        let service = name == master_cf::SERVICE;
        (plain(value, if service { "" } else { " " }) && !value.contains('$')).then(|| format!("{name}={value}\n"))
    },
    block,
    head: "",
};

/// The statements of one service, each as a command.
fn block(service: &str, inside: &str) -> Option<String> {
    let edit = |line: &str| match line.split_once('=') {
        Some((master_cf::SERVICE, columns)) => command("-M", &format!("{service}={columns}")),
        _ => command("-P", &format!("{service}/{line}")),
    };
    plain(service, " '=").then(|| inside.lines().map(edit).collect())
}

/// Between single quotes a shell leaves everything alone (POSIX XCU 2.2.2).
fn command(option: &str, argument: &str) -> String {
    format!("postconf {option} '{}'\n", argument.replace('\'', "'\\''"))
}

fn scan(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    for (line, content) in text.lines().enumerate().map(|(i, content)| (i + 1, content)) {
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        match statement(content, line) {
            Some(statement) => parsed.statements.push(statement),
            None => parsed.unknown.push(Unknown::unclear(line, "no command that pkit would print")),
        }
    }
    parsed
}

fn statement(content: &str, line: usize) -> Option<Statement> {
    let (option, quoted) = content.strip_prefix("postconf ")?.split_once(' ')?;
    let inner = quoted.strip_prefix('\'')?.strip_suffix('\'')?;
    if inner.replace("'\\''", "").contains('\'') {
        return None;
    }
    let argument = inner.replace("'\\''", "'");
    let (left, value) = argument.split_once('=')?;
    let (scope, name) = match option {
        "-e" => (Vec::new(), left.trim()),
        "-M" => (vec![left.to_owned()], master_cf::SERVICE),
        "-P" => left.rsplit_once('/').map(|(service, name)| (vec![service.to_owned()], name))?,
        _ => return None,
    };
    let value = value.trim();
    let (name, raw, column) = (name.to_owned(), value.to_owned(), content.len() - quoted.len() + 1);
    Some(Statement { name, value: main_cf::literal(value), raw, scope: scope.into(), block: 0, text: 0, line, column })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_say_what_the_files_would_say() {
        let main = (MAIN.print)("smtpd_tls_CAfile", "/it's $x.pem").unwrap();
        assert_eq!(main, "postconf -e 'smtpd_tls_CAfile = /it'\\''s $$x.pem'\n");
        let inside = (MASTER.print)(master_cf::SERVICE, "smtps inet n - - - - smtpd").unwrap()
            + &(MASTER.print)("smtpd_tls_wrappermode", "yes").unwrap();
        let master = (MASTER.block)("smtps/inet", &inside).unwrap();
        assert_eq!(
            master,
            "postconf -M 'smtps/inet=smtps inet n - - - - smtpd'\npostconf -P 'smtps/inet/smtpd_tls_wrappermode=yes'\n"
        );
        let parsed = scan(&format!("{main}{master}rm -rf /\npostconf -e 'a = b'; x'\n"));
        let said: Vec<_> =
            parsed.statements.iter().map(|s| (s.scope.len(), s.name.as_str(), s.known().unwrap())).collect();
        let want = [
            (0, "smtpd_tls_CAfile", "/it's $x.pem"),
            (1, master_cf::SERVICE, "smtps inet n - - - - smtpd"),
            (1, "smtpd_tls_wrappermode", "yes"),
        ];
        assert_eq!(said, want);
        assert_eq!(parsed.unknown.len(), 2);
    }
}
