//! Times and spans of time in presentation format.
//!
//! A TTL is a number of seconds or has units, as in `1h30m`: what BIND began all servers read. The
//! times of a signature are dates or seconds since 1970 (RFC 4034 §3.2).

use std::fmt::{self, Write as _};
use std::time::Duration;

/// The largest TTL (RFC 2181 §8).
pub const TTL_MAX: u32 = 0x7fff_ffff;

/// Units of time in milliseconds; the last is no unit of a TTL.
const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Reads a TTL: seconds, or numbers with the units `w`, `d`, `h`, `m` and `s`; at most 2^31 - 1.
#[must_use]
pub fn parse_ttl(text: &str) -> Option<u32> {
    seconds(text.as_bytes()).filter(|&seconds| seconds <= TTL_MAX)
}

/// Reads a span of time: as a TTL, with the unit `ms` besides.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    milliseconds(text.as_bytes(), &UNITS).map(Duration::from_millis)
}

/// What was probably meant by a span of time in other words, such as `5 minutes` or `30sec`.
#[must_use]
pub fn nearest_duration(text: &str) -> Option<String> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        "w" | "week" | "weeks" => "w",
        _ => return None,
    };
    Some(format!("{number}{unit}")).filter(|meant| parse_duration(meant).is_some())
}

/// A span of time as [`parse_duration`] reads it, in its greatest units: `1h30m`.
#[must_use]
pub fn print_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    // Nobody counts in weeks what is not whole ones.
    let units = UNITS.iter().filter(|(unit, length)| *unit != "w" || rest.is_multiple_of(*length));
    for (unit, length) in units.collect::<Vec<_>>() {
        if rest >= *length {
            let _ = write!(text, "{}{unit}", rest / length);
            rest %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Reads seconds, with units or without.
pub(super) fn seconds(text: &[u8]) -> Option<u32> {
    let (_milliseconds, units) = UNITS.split_last()?;
    u32::try_from(milliseconds(text, units)? / 1000).ok()
}

/// Reads a number of seconds, or the sum of numbers with units: in any order, in either case.
fn milliseconds(text: &[u8], units: &[(&str, u64)]) -> Option<u64> {
    let mut total = 0u64;
    let mut rest = text;
    loop {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (unit, tail) = tail.split_at(letters);
        let unit = match units.iter().find(|(known, _)| unit.eq_ignore_ascii_case(known.as_bytes()))
        {
            Some((_, unit)) => *unit,
            // Without a unit it is the only number: in `1h30` it would be thirty of what?
            None if digits == text.len() => 1000,
            None => return None,
        };
        total = total.checked_add(decimal(number)?.checked_mul(unit)?)?;
        rest = tail;
        if rest.is_empty() {
            return Some(total);
        }
    }
}

/// Reads decimal digits, at least one.
fn decimal(digits: &[u8]) -> Option<u64> {
    let (first, rest) = digits.split_first()?;
    rest.iter().try_fold(u64::from(first - b'0'), |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

/// Reads the time of a signature: fourteen digits are a date, fewer are seconds since 1970.
pub(super) fn parse_time(text: &[u8]) -> Option<u32> {
    if text.len() != 14 {
        return super::reader::number(text, u32::MAX);
    }
    let number =
        |at: usize, len: usize| super::reader::number(text.get(at..at + len)?, 9999).map(i64::from);
    let (year, month, day) = (number(0, 4)?, number(4, 2)?, number(6, 2)?);
    let (hour, minute, second) = (number(8, 2)?, number(10, 2)?, number(12, 2)?);
    if year < 1970 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_before(year, month, day);
    // A day that its month does not have comes back as another one.
    if date(days) != (year, month, day) {
        return None;
    }
    u32::try_from(days * 86400 + hour * 3600 + minute * 60 + second).ok()
}

/// Writes the time of a signature as fourteen digits.
pub(super) fn write_time(time: u32, f: &mut dyn fmt::Write) -> fmt::Result {
    let (year, month, day) = date(i64::from(time / 86400));
    let (hour, minute, second) = (time / 3600 % 24, time / 60 % 60, time % 60);
    write!(f, "{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

/// From 1 March of year 0 to 1 January 1970, in days.
const EPOCH: i64 = 719_468;
/// The days of 400 years, after which the calendar repeats.
const ERA: i64 = 146_097;

/// The days from 1970 to a date of the Gregorian calendar. Years begin in March here, so that the
/// leap day is the last of its year.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let (era, year) = (year / 400, year % 400);
    era * ERA + year * 365 + year / 4 - year / 100 + (153 * month + 2) / 5 + day - 1 - EPOCH
}

/// The date that is so many days after 1970.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH;
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_is_seconds_or_has_units() {
        for (text, expected) in [
            ("0", Some(0)),
            ("3600", Some(3600)),
            ("1h30m", Some(5400)),
            ("1W2D", Some(777_600)),
            ("1d1s", Some(86401)),
            ("30m1h", Some(5400)),
            ("2147483647", Some(2_147_483_647)),
            ("2147483648", None), // RFC 2181 §8
            ("99999999999999999999", None),
            ("4000w", None),
            ("1h30", None),
            ("h", None),
            ("", None),
            ("-1", None),
            ("1.5h", None),
            ("1y", None),
            ("1000ms", None),
            ("1 h", None),
        ] {
            assert_eq!(parse_ttl(text), expected, "{text}");
        }
    }

    #[test]
    fn durations_are_printed_as_they_are_read() {
        for (seconds, expected) in [
            (0.0, "0s"),
            (0.5, "500ms"),
            (60.0, "1m"),
            (90.0, "1m30s"),
            (3600.0, "1h"),
            (5400.5, "1h30m500ms"),
            (1_209_600.0, "2w"),
            (1_296_000.0, "15d"),
        ] {
            let duration = Duration::from_secs_f64(seconds);
            assert_eq!(print_duration(duration), expected);
            assert_eq!(parse_duration(expected), Some(duration), "{expected}");
        }
    }

    #[test]
    fn a_duration_in_other_words_names_the_nearest() {
        for (text, expected) in [
            ("30 s", Some("30s")),
            ("30sec", Some("30s")),
            ("5 Minutes", Some("5m")),
            ("2days", Some("2d")),
            ("1x", None),
            ("soon", None),
            ("", None),
            ("seconds", None),
            ("99999999999999999999 s", None),
        ] {
            assert_eq!(nearest_duration(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_duration_is_a_ttl_or_has_milliseconds() {
        for (text, milliseconds) in [
            ("10s", Some(10_000)),
            ("500ms", Some(500)),
            ("1s500MS", Some(1500)),
            ("1m30s", Some(90_000)),
            ("1H", Some(3_600_000)),
            ("90", Some(90_000)),
            ("010", Some(10_000)),
            ("0", Some(0)),
            ("", None),
            ("ms", None),
            ("1m30", None),
            ("30500000000000000w", None), // more than 2^64 ms
        ] {
            assert_eq!(parse_duration(text), milliseconds.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn rfc4034_3_2_times_are_dates_or_seconds() {
        for (text, expected) in [
            ("19700101000000", Some(0)),
            ("20030322173103", Some(1_048_354_263)), // the example of RFC 4034 §3.3
            ("1048354263", Some(1_048_354_263)),
            ("20240229235959", Some(1_709_251_199)),
            ("21060207062815", Some(u32::MAX)),
            ("21060207062816", None),
            ("20230229000000", None),
            ("20231301000000", None),
            ("20230001000000", None),
            ("20230100000000", None),
            ("20230101240000", None),
            ("19691231235959", None),
            ("2023010100000a", None),
        ] {
            assert_eq!(parse_time(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn every_day_until_2106_is_written_as_it_is_read() {
        for time in (0..=u32::MAX).step_by(86400) {
            let mut text = String::new();
            write_time(time, &mut text).expect("a String takes any text");
            assert_eq!(parse_time(text.as_bytes()), Some(time), "{text}");
        }
    }
}
