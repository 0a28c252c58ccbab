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

/// A length of time: `90s`, `30m`, `36h`, `3d`, `2w`.
pub fn span(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.len() - text.chars().next_back().map_or(0, char::len_utf8));
    let seconds = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3_600),
        "d" => Some(86_400),
        "w" => Some(604_800),
        _ => None,
    };
    let length = seconds.zip(number.parse::<u32>().ok()).map(|(unit, n)| Duration::seconds(unit * i64::from(n)));
    length.ok_or_else(|| "write it as 36h, 3d or 2w".to_owned())
}

/// `20 d`, or `5 h`, or `12 min` where it is less.
pub fn length(length: Duration) -> String {
    match (length.whole_days(), length.whole_hours()) {
        (0, 0) => format!("{} min", length.whole_minutes()),
        (0, hours) => format!("{hours} h"),
        (days, _) => format!("{days} d"),
    }
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

/// `.20270530T074237Z.bak`: what the name of a file that is kept ends in.
pub fn backup_suffix(at: OffsetDateTime) -> String {
    let (date, clock) = (at.date(), at.time());
    let day = format!("{:04}{:02}{:02}", date.year(), u8::from(date.month()), date.day());
    format!(".{day}T{:02}{:02}{:02}Z.bak", clock.hour(), clock.minute(), clock.second())
}

/// RFC 3339, for programs. Years beyond 9999 have no such form and are given as they would be read.
pub fn rfc3339(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_else(|_| show(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_shown() {
        assert_eq!(["36h", "3d", "2w", "0s"].map(|t| span(t).unwrap().whole_hours()), [36, 72, 336, 0]);
        for bad in ["", "d", "3", "-3d", "3 d", "3y", "3ä", "99999999999d"] {
            assert!(span(bad).is_err(), "{bad}");
        }
        assert_eq!([20 * 86_400, 7_200, 90].map(|s| length(Duration::seconds(s))), ["20 d", "2 h", "1 min"]);
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
