//! Which program will read the text: its version, and the TLS library that it was built with. Asking an installed program is
//! left to `system`; its answer is understood here.

use std::fmt;
use std::str::FromStr;

/// A program's version: `2.3.19.1`. What is not named is zero, so 2.4 and 2.4.0 are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version([u32; 4]);

impl Version {
    /// Up to four numbers; for tables.
    pub const fn of(numbers: &[u32]) -> Version {
        let mut parts = [0; 4];
        let mut i = 0;
        while i < numbers.len() && i < 4 {
            parts[i] = numbers[i];
            i += 1;
        }
        Version(parts)
    }

    /// The version in what a program says about itself: the first word that begins with one. Packagers' additions
    /// (`2.5.13+dfsg-5`) are left out.
    pub fn find(answer: &str) -> Option<Version> {
        answer.split_whitespace().find_map(|word| {
            let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
            word[..end].parse().ok()
        })
    }

    /// The first two numbers: what upstream calls a release series.
    pub fn series(self) -> (u32, u32) {
        (self.0[0], self.0[1])
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Version, String> {
        let numbers: Option<Vec<u32>> = text.split('.').map(number).collect();
        match numbers {
            Some(numbers) if (2..=4).contains(&numbers.len()) => Ok(Version::of(&numbers)),
            _ => Err("a version is two to four numbers with dots between them, such as 2.3.19".to_owned()),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.iter().rposition(|n| *n != 0).map_or(2, |last| (last + 1).max(2));
        let numbers: Vec<String> = self.0[..shown].iter().map(u32::to_string).collect();
        f.write_str(&numbers.join("."))
    }
}

/// Digits only: no sign, no blank.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The TLS library that a server was built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// OpenSSL, or one of its kin.
    OpenSsl,
    /// GnuTLS.
    GnuTls,
}

impl Library {
    /// The library in the list of what the dynamic loader would load for a program, or among what the program says it was built
    /// with. None where it names neither or both.
    pub fn find(answer: &str) -> Option<Library> {
        let named = |names: [&str; 2]| names.iter().any(|name| answer.contains(name));
        match (named(["libssl.so", " OpenSSL"]), named(["libgnutls.so", " GnuTLS"])) {
            (true, false) => Some(Library::OpenSsl),
            (false, true) => Some(Library::GnuTls),
            _ => None,
        }
    }
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Library::OpenSsl => "OpenSSL",
            Library::GnuTls => "GnuTLS",
        })
    }
}

/// The program that will read the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build {
    /// Its version.
    pub version: Version,
    /// Its TLS library.
    pub library: Library,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        let found = |answer| Version::find(answer).map(|v| v.to_string());
        assert_eq!(found("2.3.19.1 (9b53102964)\n").as_deref(), Some("2.3.19.1"));
        assert_eq!(found("2.4.1-4 (7d8c0e5759)\n").as_deref(), Some("2.4.1"));
        assert_eq!(found("3.7.11\n").as_deref(), Some("3.7.11"));
        assert_eq!(found("3.11-20250101\n").as_deref(), Some("3.11"));
        let slapd = "@(#) $OpenLDAP: slapd 2.5.13+dfsg-5 (Feb  8 2023 01:56:12) $\n\tDebian OpenLDAP Maintainers\n";
        assert_eq!(found(slapd).as_deref(), Some("2.5.13"));
        assert_eq!(found("no version here. 7"), None);
    }

    #[test]
    fn versions_are_ordered_by_number_and_typed_ones_are_strict() {
        let version = |text: &str| text.parse::<Version>();
        assert!(version("2.3.9").unwrap() < version("2.3.15").unwrap());
        assert_eq!(version("2.4").unwrap(), version("2.4.0").unwrap());
        assert_eq!(Version::of(&[2, 3, 15]), version("2.3.15").unwrap());
        for wrong in ["", "2", "2.", "2.3.4.5.6", "+2.3", "2.3-1", "99999999999.1", "2. 3", "v2.3"] {
            assert!(version(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_library_is_known_only_when_one_is_named() {
        assert_eq!(Library::find("libgnutls.so.30 => /lib/libgnutls.so.30"), Some(Library::GnuTls));
        assert_eq!(Library::find("libssl.so.3 => /lib/libssl.so.3"), Some(Library::OpenSsl));
        assert_eq!(Library::find("libssl.so.3 libgnutls.so.30"), None);
        assert_eq!(Library::find("statically linked"), None);
        assert_eq!(Library::find(" crypteq iconv() IPv6 GnuTLS TLS_resume DANE"), Some(Library::GnuTls));
        assert_eq!(Library::find(" crypteq iconv() IPv6 OpenSSL TLS_resume DANE"), Some(Library::OpenSsl));
    }
}
