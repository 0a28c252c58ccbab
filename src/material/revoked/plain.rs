//! The shape that nearly all entries of a list have: a serial number, a UTCTime, and no extension or a reason alone. It is
//! judged here some times faster than `revoked::read` does it, and no milder: whatever is not plain, faulty or only rare, is
//! left to that.

use crate::material::der::tag;

/// How many bytes a plain entry takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plain {
    pub(super) length: usize,
    /// Does it say why?
    pub(super) reasoned: bool,
}

/// The entry at the start of `list`, if it is a plain one without any fault.
pub(super) fn entry(list: &[u8]) -> Option<Plain> {
    let [tag::SEQUENCE, length @ ..=0x7f, fields @ ..] = list else { return None };
    let fields = fields.get(..usize::from(*length))?;
    let [tag::INTEGER, length @ 1..=0x7f, rest @ ..] = fields else { return None };
    let (serial, rest) = (rest, rest.get(usize::from(*length)..)?);
    let (date, rest) = rest.split_first_chunk()?;
    let reasoned = !rest.is_empty();
    let sound = is_minimal(serial) && is_utc_time(date) && (!reasoned || is_reason(rest));
    sound.then_some(Plain { length: 2 + fields.len(), reasoned })
}

/// Two bytes suffice, of a number of one byte the tag behind it. Half of all serial numbers begin with a zero, so this asks
/// nothing that a processor could not foresee the answer to.
fn is_minimal(serial: &[u8]) -> bool {
    serial.first_chunk().is_some_and(|head| !matches!(u16::from_be_bytes(*head) & 0xff80, 0 | 0xff80))
}

fn is_reason(extensions: &[u8]) -> bool {
    matches!(extensions.split_first_chunk(), Some((REASON, [0..=6 | 8..=10])))
}

/// `YYMMDDhhmmssZ` as an element, of an instant that exists. The 29th of February is left to who knows of leap years.
fn is_utc_time(element: &[u8; 15]) -> bool {
    let [0x17, 13, digits @ .., b'Z'] = element else { return false };
    let (Some([_, month, day, hour]), Some([_, _, minute, second])) =
        (digits.first_chunk().and_then(pairs), digits.last_chunk().and_then(pairs))
    else {
        return false;
    };
    let days = DAYS.get(usize::from(month)).copied().unwrap_or_default();
    (1..=days).contains(&day) && hour < 24 && minute < 60 && second < 60
}

/// Eight digits as four numbers of two. All are looked at in one go, each in a byte of its own: a digit is 0x30 to 0x39, so
/// its upper half is 3, and still is when 6 has been added.
fn pairs(digits: &[u8; 8]) -> Option<[u8; 4]> {
    let text = u64::from_le_bytes(*digits);
    let upper = |bytes: u64| bytes & 0xf0f0_f0f0_f0f0_f0f0;
    if upper(text) != ZEROS || upper(text.wrapping_add(0x0606_0606_0606_0606)) != ZEROS {
        return None;
    }
    let values = text - ZEROS;
    let [a, _, b, _, c, _, d, _] = (values * 10 + (values >> 8)).to_le_bytes();
    Some([a, b, c, d])
}

/// Eight times the digit 0.
const ZEROS: u64 = 0x3030_3030_3030_3030;
/// In each month of a common year, counted from 1.
const DAYS: [u8; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/// The extensions of an entry that tells a reason and nothing else, up to the code: reasonCode (RFC 5280 section 5.3.1).
const REASON: &[u8; 13] = &[0x30, 12, 0x30, 10, 0x06, 3, 0x55, 0x1d, 21, 0x04, 3, 0x0a, 1];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Walked, read};
    use super::*;
    use crate::material::der::{self, Reader};

    /// What `read` says of the same bytes.
    fn general(list: &[u8]) -> Option<Plain> {
        let (mut list, mut walked, mut issuer) = (Reader::new(list), Walked::default(), None);
        read(list.enter(tag::SEQUENCE).ok()?, &mut issuer, &mut walked).ok()?;
        assert_eq!((issuer, walked.unknown_critical), (None, None));
        Some(Plain { length: list.offset(), reasoned: walked.extended })
    }

    fn sound(serial: &[u8], date: &str, reason: Option<u8>) -> Vec<u8> {
        let reason = reason.map_or(Vec::new(), |code| [REASON.as_slice(), &[code]].concat());
        der::sequence(&[&der::tlv(tag::INTEGER, serial), &der::tlv(0x17, date.as_bytes()), &reason])
    }

    #[test]
    fn the_usual_entries_are_plain() {
        for (serial, date, reason) in [
            (&[1][..], "261123041500Z", None),
            (&[0, 0x80], "991231235959Z", Some(1)),
            (&[0x7f; 20], "000101000000Z", Some(10)),
        ] {
            let bytes = sound(serial, date, reason);
            assert_eq!(entry(&bytes), Some(Plain { length: bytes.len(), reasoned: reason.is_some() }), "{date}");
        }
    }

    #[test]
    fn no_day_or_digit_passes_that_the_calendar_does_not_have() {
        let bad =
            ["260229000000Z", "260431000000Z", "261301000000Z", "260001000000Z", "260100000000Z", "260101240000Z"];
        for date in bad.into_iter().chain(["260101006000Z", "260101000060Z", "26010100000:Z", "2601010000/0Z"]) {
            assert_eq!(entry(&sound(&[1], date, None)), None, "{date}");
        }
    }

    proptest! {
        /// Around sound entries, where a difference would be: some bytes changed, cut off or added.
        #[test]
        fn what_is_plain_is_judged_as_in_general(
            serial in prop::collection::vec(prop_oneof![Just(0u8), Just(0x7f), Just(0x80), Just(0xff), any::<u8>()], 0..24),
            date in "[0-9]{2}[01][0-9][0-3][0-9][0-2][0-9][0-6][0-9][0-6][0-9]Z",
            reason in prop::option::of(0u8..12),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            more in prop::collection::vec(any::<u8>(), 0..3),
        ) {
            let mut bytes = sound(&serial, &date, reason);
            for (place, byte) in changes {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            bytes.extend(more);
            if let Some(plain) = entry(&bytes) {
                prop_assert_eq!(Some(plain), general(&bytes));
            }
        }

        #[test]
        fn any_day_of_a_common_year_is_plain(month in 1u8..=12, day in 1u8..=31) {
            let bytes = sound(&[1], &format!("26{month:02}{day:02}120000Z"), None);
            prop_assert_eq!(entry(&bytes), general(&bytes));
        }
    }
}
