//! Passwords of private keys that stand in a configuration as they are. Who can read the file has them, so it is known by these
//! directives whatever its name.

/// Dovecot's names, until 2.3 and from 2.4 on. Its value is a password unless it begins with `<`, which stands for a file's
/// content. The other servers take no password in their configuration (Apache: a program; nginx: a file; Postfix: none).
const DIRECTIVES: &[&str] =
    &["ssl_key_password", "ssl_alt_key_password", "ssl_server_key_password", "ssl_client_key_password"];

/// Does this text give a key's password?
pub fn holds_key_password(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').any(|line| {
        let line = line.trim_ascii();
        let value = DIRECTIVES.iter().find_map(|name| line.strip_prefix(name.as_bytes()));
        let value = value.and_then(|rest| rest.trim_ascii_start().strip_prefix(b"="));
        value.is_some_and(|value| !matches!(value.trim_ascii_start().first(), None | Some(b'<' | b'#')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_value_that_is_the_password_counts() {
        for (text, expected) in [
            ("ssl = yes\n  ssl_key_password = hunter2\n", true),
            ("ssl_server_key_password=hunter2", true),
            ("#ssl_key_password = hunter2", false),
            ("ssl_key_password =\n", false),
            ("ssl_key_password = </etc/dovecot/password\n", false),
            ("ssl_key_passwords = x", false),
            ("ssl_key = </x\n", false),
        ] {
            assert_eq!(holds_key_password(text.as_bytes()), expected, "{text}");
        }
    }
}
