//! Judges when things are to be renewed: by the share of their life that is left, or by a length of time. Pure arithmetic of
//! dates; whether they are valid otherwise is for others.

use std::str::FromStr;

use time::{Duration, OffsetDateTime};

use super::crl::CRL_EXPIRED;
use crate::finding::{Finding, Location, Severity, rules};
use crate::instant;
use crate::pki::verify::rules::EXPIRED;

/// How much before its end a thing is to be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// A share of its whole life, in hundredths.
    Percent(u8),
    /// A length of time.
    Time(Duration),
}

impl FromStr for Within {
    type Err = String;

    /// `33%`, or a length of time such as `21d`.
    fn from_str(text: &str) -> Result<Within, String> {
        let told = || "write it as 33%, 36h, 21d or 3w".to_owned();
        match text.strip_suffix('%') {
            Some(share) => match share.parse() {
                Ok(share @ 0..=100) => Ok(Within::Percent(share)),
                _ => Err(told()),
            },
            None => instant::span(text).map(Within::Time).map_err(|_| told()),
        }
    }
}

/// What ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A certificate of a server or a client.
    EndEntity,
    /// A CA's certificate.
    Authority,
    /// A revocation list.
    Crl,
}

/// The life of a thing.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// What it is.
    pub kind: Kind,
    /// Its beginning.
    pub from: OffsetDateTime,
    /// Its end.
    pub until: OffsetDateTime,
}

impl Life {
    /// What is left of it; nothing once it is over.
    pub fn left(&self, now: OffsetDateTime) -> Duration {
        (self.until - now).max(Duration::ZERO)
    }

    /// The whole of it.
    pub fn whole(&self) -> Duration {
        (self.until - self.from).max(Duration::ZERO)
    }

    /// What is left, in hundredths of the whole.
    pub fn percent(&self, now: OffsetDateTime) -> i64 {
        let whole = self.whole().whole_seconds();
        if whole == 0 { 0 } else { (i128::from(self.left(now).whole_seconds()) * 100 / i128::from(whole)) as i64 }
    }

    /// How long before its end it is to be renewed. A CA that lives for ten years is not due for three of them.
    pub fn margin(&self, within: Within) -> Duration {
        match within {
            Within::Time(time) => time,
            Within::Percent(share) => {
                let margin: Duration = self.whole() / 100 * i32::from(share);
                if self.kind == Kind::Authority { margin.min(AUTHORITY) } else { margin }
            }
        }
    }

    /// What is to be said, if anything: that it is over, that it is nearly over, or that it is due.
    pub fn judge(
        &self,
        name: &str,
        at: Location,
        within: Within,
        critical: Within,
        now: OffsetDateTime,
    ) -> Option<Finding> {
        if self.until < now {
            let rule = if self.kind == Kind::Crl { &CRL_EXPIRED } else { &EXPIRED };
            return Some(rule.at(at, format!("`{name}` ended {}", instant::day(self.until, now))));
        }
        let left = self.left(now);
        let severity = if left < self.margin(critical) { Severity::Error } else { Severity::Warning };
        let due = left < self.margin(within) || severity == Severity::Error;
        due.then(|| RENEWAL_DUE.at(at, format!("`{name}` has {}", self.words(now))).severity(severity))
    }

    /// `58 d left of 200 (29 %)`.
    pub fn words(&self, now: OffsetDateTime) -> String {
        let (left, whole) = (self.left(now), self.whole());
        let of = if left.whole_days() > 0 { whole.whole_days().to_string() } else { instant::length(whole) };
        format!("{} left of {of} ({} %)", instant::length(left), self.percent(now))
    }
}

/// Time enough to bring a CA's new certificate to all that trust it.
const AUTHORITY: Duration = Duration::days(90);

rules! {
    /// Soon over.
    RENEWAL_DUE = Warning "renewal-due" {
        summary: "less of a life is left than a renewal should wait for",
        help: "renew it now, then `pkit renew deploy` or `pkit crl fetch`",
        source: "the share or time of --within; RFC 9773 and the ACME clients renew when a third is left; for CAs 90 days at most",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_third_of_the_life_is_the_margin() {
        let life = |kind, days: i64| Life {
            kind,
            from: datetime!(2026-01-01 0:00 UTC),
            until: datetime!(2026-01-01 0:00 UTC) + Duration::days(days),
        };
        let third: Within = "33%".parse().unwrap();
        let leaf = life(Kind::EndEntity, 90);
        let state = |life: Life, day: i64, critical: &str| {
            let now = datetime!(2026-01-01 0:00 UTC) + Duration::days(day);
            let at = Location::File("x".into());
            life.judge("x", at, third, critical.parse().unwrap(), now).map(|f| (f.rule.code, f.severity))
        };
        assert_eq!(state(leaf, 60, "0s"), None);
        assert_eq!(state(leaf, 61, "0s"), Some(("renewal-due", Severity::Warning)));
        assert_eq!(state(leaf, 61, "30d"), Some(("renewal-due", Severity::Error)));
        assert_eq!(state(leaf, 91, "0s"), Some(("cert-expired", Severity::Error)));
        assert_eq!(state(life(Kind::Authority, 3650), 3650 - 91, "0s"), None);
        assert_eq!(state(life(Kind::Authority, 3650), 3650 - 89, "0s"), Some(("renewal-due", Severity::Warning)));
        assert_eq!(state(life(Kind::Crl, 30), 31, "0s"), Some(("crl-expired", Severity::Error)));
        assert_eq!(leaf.words(datetime!(2026-03-02 0:00 UTC)), "30 d left of 90 (33 %)");
        for bad in ["", "%", "101%", "-1%", "33 %", "21", "3y"] {
            assert!(bad.parse::<Within>().is_err(), "{bad}");
        }
        let never = Life { kind: Kind::EndEntity, from: leaf.until, until: leaf.from };
        assert_eq!((never.percent(leaf.from), never.whole()), (0, Duration::ZERO));
    }
}
