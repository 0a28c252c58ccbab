//! Instants as people and programs write them, always in UTC: nothing depends on the machine's time zone or language.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

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

/// A length of time as it is typed: `3d`, `12h`, `2w`.
pub fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "write it as 3d, 12h or 2w".to_owned();
    let unit = match text.bytes().last() {
        Some(b'h') => Duration::HOUR,
        Some(b'd') => Duration::DAY,
        Some(b'w') => Duration::WEEK,
        _ => return Err(wrong()),
    };
    // Sixteen bits are a century of days, and never overflow.
    let count: u16 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    Ok(unit * i32::from(count))
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
    fn lengths_of_time_have_a_unit() {
        assert_eq!(span("3d"), Ok(Duration::days(3)));
        assert_eq!((span("12h"), span("2w")), (Ok(Duration::hours(12)), Ok(Duration::days(14))));
        for bad in ["", "d", "3", "-3d", "3 d", "3x", "99999999w", "3é"] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn instants_are_read_in_three_forms() {
        for text in ["2027-03-01", "2027-03-01T00:00:00Z", "2027-03-01T01:00:00+01:00", "@1803859200"] {
            assert_eq!(parse(text).map(show).as_deref(), Ok("2027-03-01 00:00:00 UTC"), "{text}");
        }
        for bad in ["", "tomorrow", "2027-13-01", "@", "2027-03-01T25:00:00Z"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
