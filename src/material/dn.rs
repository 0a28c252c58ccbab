//! Distinguished names (RFC 5280 section 4.1.2.4): the bytes as they are, what to show, and a form that compares as section 7.1
//! asks. Names of other people are never rewritten, so the bytes come first.

use super::der::{self, DerError, Reader, tag};

/// A subject or an issuer.
#[derive(Clone, Debug)]
pub struct Name {
    der: Vec<u8>,
    attributes: Vec<Attribute>,
    comparable: Vec<u8>,
}

/// One attribute of a name, in the order of the encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// `CN`, `O`, … or the dotted object identifier.
    pub kind: String,
    /// The value as text; bytes that are no text appear as `#` and hexadecimal (RFC 4514 section 2.4).
    pub value: String,
}

impl Name {
    /// Reads a whole `Name`, with nothing behind it.
    pub fn from_der(bytes: &[u8]) -> Result<Name, DerError> {
        let mut rdns = der::whole(bytes, tag::SEQUENCE)?;
        let (mut attributes, mut comparable) = (Vec::new(), Vec::new());
        while !rdns.is_empty() {
            let mut set = rdns.enter(tag::SET)?;
            let mut parts = Vec::new();
            while !set.is_empty() {
                let mut pair = set.enter(tag::SEQUENCE)?;
                let kind = pair.expect(tag::OID)?;
                let value = pair.any()?;
                pair.end()?;
                let text = decoded(value.tag, value.content);
                let folded = text.as_deref().map(folded);
                parts.push(der::sequence(&[kind.raw, folded.as_deref().unwrap_or(value.raw)]));
                attributes.push(Attribute {
                    kind: short_name(kind.content),
                    value: text.unwrap_or_else(|| format!("#{}", crate::crypto::hex(value.raw))),
                });
            }
            // A set has no order of its own.
            parts.sort();
            comparable.extend(der::tlv(tag::SET, &parts.concat()));
        }
        Ok(Name { der: bytes.to_vec(), attributes, comparable })
    }

    /// A name of our own making, one attribute in each RelativeDistinguishedName. None for a kind that has no short name, and for
    /// a value that is empty or longer than the 64 characters that RFC 5280 (appendix A.1) leaves it.
    pub fn of<'a>(attributes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Name> {
        let mut rdns = Vec::new();
        for (kind, value) in attributes {
            let (_, oid) = KINDS.iter().find(|(known, _)| *known == kind)?;
            // RFC 5280 section 4.1.2.4 and appendix A.1.
            let string = match kind {
                "C" | "serialNumber" => tag::PRINTABLE_STRING,
                "DC" | "emailAddress" => tag::IA5_STRING,
                _ => tag::UTF8_STRING,
            };
            if !(1..=UPPER_BOUND).contains(&value.chars().count()) {
                return None;
            }
            let pair = der::sequence(&[&der::tlv(tag::OID, oid), &der::tlv(string, value.as_bytes())]);
            rdns.extend(der::tlv(tag::SET, &pair));
        }
        Name::from_der(&der::sequence(&[&rdns])).ok()
    }

    /// This name with one more RelativeDistinguishedName (the content of its SET) at its end.
    pub fn with_rdn(&self, rdn: &[u8]) -> Result<Name, DerError> {
        let above = der::whole(&self.der, tag::SEQUENCE)?.rest();
        Name::from_der(&der::sequence(&[above, &der::tlv(tag::SET, rdn)]))
    }

    /// The bytes as they were encoded.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Has it no attribute at all?
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// The attributes in order.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The shortest name that a person would use: the common name, else the last organisational attribute, else all of it.
    pub fn short(&self) -> String {
        let last = |kind: &str| self.attributes.iter().rev().find(|a| a.kind == kind).map(|a| a.value.clone());
        last("CN").or_else(|| last("OU")).or_else(|| last("O")).unwrap_or_else(|| self.to_string())
    }

    /// Equal for RFC 5280 section 7.1: case and runs of blanks do not matter, nor the string type. What is no text counts byte
    /// for byte.
    pub fn comparable(&self) -> &[u8] {
        &self.comparable
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        self.comparable == other.comparable
    }
}

impl Eq for Name {}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.attributes.is_empty() {
            return write!(f, "(empty name)");
        }
        for (i, attribute) in self.attributes.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{}={}", attribute.kind, attribute.value)?;
        }
        Ok(())
    }
}

/// ub-common-name, ub-organization-name and their like are all 64; a longer one is for nobody's tools.
pub const UPPER_BOUND: usize = 64;

/// A text in one string type, lower case, inner blanks single, outer blanks gone.
fn folded(text: &str) -> Vec<u8> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    der::tlv(tag::UTF8_STRING, words.join(" ").as_bytes())
}

/// A string of one of the usual types as text; none for other types, and where the bytes are no such text.
pub(super) fn decoded(kind: u8, content: &[u8]) -> Option<String> {
    match kind {
        tag::UTF8_STRING | tag::PRINTABLE_STRING | tag::IA5_STRING | tag::NUMERIC_STRING => {
            String::from_utf8(content.to_vec()).ok()
        }
        // Used as ISO 8859-1 in practice, whatever T.61 says.
        tag::TELETEX_STRING => Some(content.iter().map(|b| char::from(*b)).collect()),
        tag::BMP_STRING if content.len().is_multiple_of(2) => {
            let units = content.chunks_exact(2).map(|u| u16::from_be_bytes([u[0], u[1]]));
            char::decode_utf16(units).collect::<Result<_, _>>().ok()
        }
        tag::UNIVERSAL_STRING if content.len().is_multiple_of(4) => {
            content.chunks_exact(4).map(|u| char::from_u32(u32::from_be_bytes([u[0], u[1], u[2], u[3]]))).collect()
        }
        _ => None,
    }
}

fn short_name(oid: &[u8]) -> String {
    let known = KINDS.iter().find(|(_, known)| *known == oid);
    known.map_or_else(|| der::dotted(oid), |(word, _)| (*word).to_owned())
}

/// RFC 4514 section 3 and the names that OpenSSL shows.
const KINDS: &[(&str, &[u8])] = &[
    ("CN", &[0x55, 4, 3]),
    ("SN", &[0x55, 4, 4]),
    ("serialNumber", &[0x55, 4, 5]),
    ("C", &[0x55, 4, 6]),
    ("L", &[0x55, 4, 7]),
    ("ST", &[0x55, 4, 8]),
    ("street", &[0x55, 4, 9]),
    ("O", &[0x55, 4, 10]),
    ("OU", &[0x55, 4, 11]),
    ("title", &[0x55, 4, 12]),
    ("businessCategory", &[0x55, 4, 15]),
    ("postalCode", &[0x55, 4, 17]),
    ("GN", &[0x55, 4, 42]),
    ("organizationIdentifier", &[0x55, 4, 97]),
    ("emailAddress", &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1]),
    ("UID", &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1]),
    ("DC", &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25]),
];

/// The name that comes next in a reader.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Name, DerError> {
    Name::from_der(reader.expect(tag::SEQUENCE)?.raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(kind: u8, value: &str) -> Name {
        let pair = der::sequence(&[&[6, 3, 0x55, 4, 3], &der::tlv(kind, value.as_bytes())]);
        Name::from_der(&der::sequence(&[&der::tlv(tag::SET, &pair)])).unwrap()
    }

    #[test]
    fn names_compare_as_rfc_5280_asks() {
        assert_eq!(name(tag::UTF8_STRING, "Example  CA "), name(tag::PRINTABLE_STRING, "example ca"));
        assert_ne!(name(tag::UTF8_STRING, "Example CA"), name(tag::UTF8_STRING, "ExampleCA"));
        assert_eq!(name(tag::PRINTABLE_STRING, "Example CA").to_string(), "CN=Example CA");
        assert_eq!(name(0x04, "ab").short(), "#04026162");
    }
}
