//! What is right here, as a few lines of TOML. No policy makes a key fine that everybody can read or a file that others can
//! write to; it says which of the safe modes need no word, and who besides root may have keys.

use toml::de::{DeTable, DeValue};

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Modes of keys that need no word; the first is what others are changed to.
    pub key_modes: Vec<u32>,
    /// Groups that may read keys, by name.
    pub key_groups: Vec<String>,
    /// Users to whom keys may belong, by name.
    pub key_owners: Vec<String>,
    /// The same for certificates, chains, CRLs and DH parameters.
    pub public_modes: Vec<u32>,
    /// The same for these.
    pub public_owners: Vec<String>,
}

/// The policies that come with pkit, by name.
pub const SHIPPED: &[(&str, &str)] =
    &[("dovecot", include_str!("dovecot.toml")), ("debian", include_str!("debian.toml"))];

impl Default for Policy {
    /// `dovecot`.
    fn default() -> Policy {
        let root = || vec!["root".to_owned()];
        Policy {
            key_modes: vec![0o400],
            key_groups: Vec::new(),
            key_owners: root(),
            public_modes: vec![0o444],
            public_owners: root(),
        }
    }
}

impl Policy {
    /// Reads a policy; what is left out is as `dovecot` has it. The error says where and what.
    pub fn parse(text: &str) -> Result<Policy, String> {
        let table = DeTable::parse(text).map_err(|e| {
            let line = e.span().map_or(1, |span| line_of(text, span.start));
            format!("line {line}: {}", e.message())
        })?;
        let mut policy = Policy::default();
        for (section, content) in table.get_ref() {
            let at = |start: usize, what: String| format!("line {}: {what}", line_of(text, start));
            let DeValue::Table(rows) = content.get_ref() else {
                return Err(at(section.span().start, format!("`{}` is no section", section.get_ref())));
            };
            for (name, value) in rows {
                let told =
                    words(value.get_ref()).and_then(|words| policy.set(section.get_ref(), name.get_ref(), words));
                told.map_err(|why| at(name.span().start, format!("{}: {why}", name.get_ref())))?;
            }
        }
        Ok(policy)
    }

    fn set(&mut self, section: &str, name: &str, words: Vec<String>) -> Result<(), String> {
        match (section, name) {
            ("keys", "modes") => self.key_modes = modes(&words, 0o640)?,
            ("keys", "groups") => self.key_groups = words,
            ("keys", "owners") => self.key_owners = words,
            ("certificates", "modes") => self.public_modes = modes(&words, 0o644)?,
            ("certificates", "owners") => self.public_owners = words,
            _ => return Err(format!("no policy has this in [{section}]")),
        }
        Ok(())
    }
}

fn words(value: &DeValue) -> Result<Vec<String>, String> {
    let no_list = || "a list of texts is wanted, such as [\"root\"]".to_owned();
    let DeValue::Array(values) = value else { return Err(no_list()) };
    let text = |value: &toml::Spanned<DeValue>| match value.get_ref() {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        _ => Err(no_list()),
    };
    values.iter().map(text).collect()
}

/// Modes as chmod(1) takes them, none with a right beyond `most`.
fn modes(words: &[String], most: u32) -> Result<Vec<u32>, String> {
    let mode = |word: &String| {
        let mode = u32::from_str_radix(word, 8).map_err(|_| format!("`{word}` is no mode, such as \"0400\""))?;
        if mode & !most == 0 {
            Ok(mode)
        } else {
            Err(format!("{word} gives more than {most:04o}, which is never right"))
        }
    };
    let modes: Vec<u32> = words.iter().map(mode).collect::<Result<_, _>>()?;
    if modes.is_empty() { Err("one mode at least".into()) } else { Ok(modes) }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_policies_are_read_and_the_first_is_the_default() {
        let read: Vec<Policy> = SHIPPED.iter().map(|(_, text)| Policy::parse(text).unwrap()).collect();
        assert_eq!(read[0], Policy::default());
        assert_eq!(
            (&read[1].key_groups[..], &read[1].public_modes[..]),
            (&["ssl-cert".to_owned()][..], &[0o444, 0o644][..])
        );
    }

    #[test]
    fn what_no_policy_may_say_is_told_with_its_line() {
        for (text, expected) in [
            ("[keys]\nmodes = [\"0444\"]", "line 2: modes: 0444 gives more than 0640, which is never right"),
            ("[certificates]\n\nmodes = [\"0664\"]", "line 3: modes: 0664 gives more than 0644, which is never right"),
            ("[keys]\nmodes = []", "line 2: modes: one mode at least"),
            ("[keys]\nmodes = [400]", "line 2: modes: a list of texts is wanted, such as [\"root\"]"),
            ("[keys]\nmode = [\"0400\"]", "line 2: mode: no policy has this in [keys]"),
            ("keys = 1", "line 1: `keys` is no section"),
        ] {
            assert_eq!(Policy::parse(text), Err(expected.to_owned()));
        }
        assert!(Policy::parse("[keys\n").unwrap_err().starts_with("line 1: "));
    }
}
