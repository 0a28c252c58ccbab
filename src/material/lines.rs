//! Files of one JSON object a line that are only ever added to, such as the index of a CA. A last line without its end was never
//! finished and counts for nothing.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A line that is none of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// Every whole line, and whether there was a last one without its end.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<(Vec<T>, bool), BadLine> {
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let mut events = Vec::new();
    for (number, line) in bytes[..whole].split_inclusive(|b| *b == b'\n').enumerate() {
        events.push(serde_json::from_slice(line).map_err(|e| BadLine { line: number + 1, why: e.to_string() })?);
    }
    Ok((events, whole < bytes.len()))
}

/// The line, with its end.
pub(super) fn line<T: Serialize>(event: &T) -> Vec<u8> {
    // Strings and numbers always have a form in JSON.
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    line
}

/// Instants in RFC 3339.
pub(super) mod stamp {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use time::OffsetDateTime;

    use crate::instant;

    pub(in crate::material) fn serialize<S: Serializer>(at: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&instant::rfc3339(*at))
    }

    pub(in crate::material) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<OffsetDateTime, D::Error> {
        instant::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
