//! Instants as people and programs write them, always in UTC: nothing depends on the machine's time zone or language.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// From RFC 3339, a date (midnight UTC) or `@seconds`.
pub fn parse(text: &str) -> Result<OffsetDateTime, String> {
    let parsed = if let Some(seconds) = text.strip_prefix('@') {
        seconds.parse().ok().and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok())
    } else if text.contains(['T', 't', ' ']) {
        OffsetDateTime::parse(text, &Rfc3339).ok()
    } else {
        OffsetDateTime::parse(&format!("{text}T00:00:00Z"), &Rfc3339).ok()
    };
    parsed
        .map(|at| at.to_offset(time::UtcOffset::UTC))
        .ok_or_else(|| "write it as 2027-03-01, 2027-03-01T08:00:00Z or @1803888000".to_owned())
}

/// A length of time: `500ms`, `30s`, `2m`.
pub fn span(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        _ => None,
    };
    let millis = unit.zip(number.parse::<u64>().ok()).and_then(|(unit, n)| n.checked_mul(unit)).filter(|n| *n > 0);
    millis.map(Duration::from_millis).ok_or_else(|| "write it as 500ms, 30s or 2m".to_owned())
}

/// `2026-12-22 07:42:37 UTC`.
pub fn show(at: OffsetDateTime) -> String {
    let (date, clock) = (at.date(), at.time());
    format!("{date} {:02}:{:02}:{:02} UTC", clock.hour(), clock.minute(), clock.second())
}

/// `2027-05-30 (189 d)`: a day, and how far it is from now.
pub fn day(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let days = (at - now).whole_days();
    if at < now { format!("{} (expired {} d ago)", at.date(), -days) } else { format!("{} ({days} d)", at.date()) }
}

/// RFC 3339, for programs. Years beyond 9999 have no such form and are given as they would be read.
pub fn rfc3339(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_else(|_| show(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_spans_are_read_as_people_write_them() {
        for text in ["2027-03-01", "2027-03-01T00:00:00Z", "2027-03-01T01:00:00+01:00", "@1803859200"] {
            assert_eq!(parse(text).map(show).as_deref(), Ok("2027-03-01 00:00:00 UTC"), "{text}");
        }
        for (text, millis) in [("500ms", 500), ("30s", 30_000), ("2m", 120_000)] {
            assert_eq!(span(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "5", "0s", "-1s", "1.5s", "s", "99999999999999999999s", "18446744073709551615m", "5µ"] {
            assert!(span(bad).is_err(), "{bad}");
        }
        for bad in ["", "tomorrow", "2027-13-01", "@", "2027-03-01T25:00:00Z"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
