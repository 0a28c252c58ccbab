//! The one type for passphrases: it is wiped when it goes, and nothing can print, copy or serialize it.

use std::fmt;

use zeroize::Zeroizing;

/// A passphrase, as the octets that were typed or read. No `Clone`, no `Display`; `Debug` hides it.
pub struct Passphrase(Zeroizing<Vec<u8>>, Width);

/// What PKCS#12 makes of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Width {
    /// A string with its end, though there be nothing in it.
    Terminated,
    /// Nothing at all.
    Nothing,
}

impl Passphrase {
    /// From octets, which are taken over, not copied.
    pub fn new(octets: Zeroizing<Vec<u8>>) -> Passphrase {
        Passphrase(octets, Width::Terminated)
    }

    /// The two that stand for none: PKCS#12 files without secrets are written with an empty one or with nothing at all.
    pub fn none() -> [Passphrase; 2] {
        [Width::Terminated, Width::Nothing].map(|width| Passphrase(Zeroizing::default(), width))
    }

    /// The octets, for key derivation and for the file that a server reads its passphrase from.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// The same octets? Asked only where one person has typed both.
    pub fn same_as(&self, other: &Passphrase) -> bool {
        self.0 == other.0
    }

    /// As a BMPString with its two zero octets at the end (RFC 7292 appendix B.1). What is no UTF-8 is taken as Latin-1, as
    /// OpenSSL does.
    pub(super) fn bmp(&self) -> Zeroizing<Vec<u8>> {
        let mut wide = Zeroizing::new(Vec::with_capacity(2 * self.0.len() + 2));
        match std::str::from_utf8(&self.0) {
            Ok(text) => text.encode_utf16().for_each(|unit| wide.extend_from_slice(&unit.to_be_bytes())),
            Err(_) => self.0.iter().for_each(|octet| wide.extend_from_slice(&[0, *octet])),
        }
        if self.1 == Width::Terminated {
            wide.extend_from_slice(&[0, 0]);
        }
        wide
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase([secret])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_wide_for_pkcs12_and_never_printed() {
        let secret = |octets: &[u8]| Passphrase::new(Zeroizing::new(octets.to_vec()));
        assert_eq!(*secret("a\u{20ac}".as_bytes()).bmp(), [0, b'a', 0x20, 0xac, 0, 0]);
        assert_eq!(*secret(&[0xe4]).bmp(), [0, 0xe4, 0, 0]);
        assert_eq!(Passphrase::none().map(|none| none.bmp().len()), [2, 0]);
        assert_eq!(format!("{:?}", secret(b"canary")), "Passphrase([secret])");
    }
}
