//! Scalars read as what they stand for: durations, numbers, words, addresses, shares.
//!
//! YAML's own types are never asked: `010` is ten where a number belongs and a name where a name
//! does, `1e3` is no number at all.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;

use super::error::Problem;
use super::nearest::{listed, nearest};
use crate::rdata::{self, TTL_MAX};

/// A span of time such as `10s`, `500ms` or `1m30s`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, Problem> {
    rdata::parse_duration(text).ok_or_else(|| Problem::BadDuration { text: text.into() })
}

/// A duration between two bounds; both are in it.
pub(crate) fn span(
    what: &'static str,
    text: &str,
    (least, most): (Duration, Duration),
) -> Result<Duration, Problem> {
    let span = duration(text)?;
    if (least..=most).contains(&span) {
        return Ok(span);
    }
    Err(Problem::BadSpan { what, text: text.into(), least, most })
}

/// A duration in whole seconds, at most [`TTL_MAX`].
pub(crate) fn ttl(text: &str) -> Result<u32, Problem> {
    let duration = duration(text)?;
    match u32::try_from(duration.as_secs()) {
        Ok(seconds) if seconds <= TTL_MAX && duration.subsec_nanos() == 0 => Ok(seconds),
        _ => Err(Problem::BadTtl { text: text.into() }),
    }
}

/// A whole number in decimal digits, within `range`.
pub(crate) fn number<T>(
    what: &'static str,
    text: &str,
    range: RangeInclusive<u32>,
) -> Result<T, Problem>
where
    T: TryFrom<u32>,
{
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse::<u32>().ok())
        .flatten()
        .filter(|number| range.contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| Problem::BadNumber {
            what,
            text: text.into(),
            least: *range.start(),
            most: *range.end(),
        })
}

/// One of a few words.
pub(crate) fn choice<T: Copy>(
    what: &'static str,
    text: &str,
    known: &[(&'static str, T)],
) -> Result<T, Problem> {
    let found = known.iter().find(|(word, _)| *word == text).map(|&(_, value)| value);
    found.ok_or_else(|| {
        let words = || known.iter().map(|&(word, _)| word);
        Problem::BadChoice {
            what,
            text: text.into(),
            near: nearest(text, words()),
            known: listed(words()),
        }
    })
}

/// An IPv4 or IPv6 address.
pub(crate) fn address(text: &str) -> Result<IpAddr, Problem> {
    text.parse().map_err(|_| Problem::BadAddress { text: text.into() })
}

/// A prefix such as `10.0.0.0/8`, with no bits set past it; an address alone is one of itself.
pub(crate) fn subnet(text: &str) -> Result<IpNet, Problem> {
    let parsed = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let whole = parsed.ok().filter(|subnet: &IpNet| subnet.addr() == subnet.network());
    whole.ok_or_else(|| Problem::BadSubnet { text: text.into() })
}

/// A share from 0 to 1 in parts of a thousand, read digit by digit so that none is rounded.
pub(crate) fn share(text: &str) -> Result<u16, Problem> {
    let bad = || Problem::BadShare { text: text.into() };
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let whole: u16 = match whole {
        "0" => 0,
        "1" => 1000,
        _ => return Err(bad()),
    };
    if part.is_empty() || part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    let scale = [100, 10, 1][part.len() - 1];
    let part: u16 = part.parse().map_err(|_| bad())?;
    Some(whole + part * scale).filter(|&share| share <= 1000).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        for (text, milliseconds) in [
            ("10s", 10_000),
            ("500ms", 500),
            ("1m30s", 90_000),
            ("1h", 3_600_000),
            ("14d", 1_209_600_000),
            ("2w", 1_209_600_000),
            ("90", 90_000),
            ("010", 10_000),
            ("0", 0),
            ("1s500ms", 1500),
            // As in a master file.
            ("1H", 3_600_000),
            ("30s1m", 90_000),
            ("1s1s", 2000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "1x", "1e3", "-1s", "1.5s", "1h30", "1 s", "99999999999999999999"] {
            assert_eq!(duration(text), Err(Problem::BadDuration { text: text.into() }), "{text}");
        }
    }

    #[test]
    fn rfc2181_8_a_ttl_has_31_bits_and_whole_seconds() {
        for (text, expected) in
            [("1d", Some(86_400)), ("2147483647", Some(TTL_MAX)), ("0", Some(0))]
        {
            assert_eq!(ttl(text).ok(), expected, "{text}");
        }
        for text in ["2147483648", "500ms", "3551w"] {
            assert_eq!(ttl(text), Err(Problem::BadTtl { text: text.into() }), "{text}");
        }
    }

    #[test]
    fn numbers_are_decimal_digits_within_their_range() {
        assert_eq!(number::<u16>("a port", "010", 1..=65535), Ok(10));
        for text in ["0", "65536", "1e3", "+1", "0x10", "", "-1", "4294967296"] {
            assert!(number::<u16>("a port", text, 1..=65535).is_err(), "{text}");
        }
    }

    #[test]
    fn a_subnet_has_no_bits_past_its_prefix() {
        for (text, expected) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::1", "::1/128"),
        ] {
            let found = subnet(text).map(|subnet| subnet.to_string());
            assert_eq!(found, Ok(expected.to_owned()), "{text}");
        }
        for text in
            ["", "10.0.0.0/33", "10.1.0.0/8", "10.0.0.0/255.0.0.0", "10/8", "2001:db8::1/32"]
        {
            assert_eq!(subnet(text), Err(Problem::BadSubnet { text: text.into() }), "{text}");
        }
    }

    #[test]
    fn shares_are_exact() {
        for (text, expected) in
            [("0", 0), ("0.5", 500), ("0.05", 50), ("0.333", 333), ("1", 1000), ("1.0", 1000)]
        {
            assert_eq!(share(text), Ok(expected), "{text}");
        }
        for text in ["", "2", "1.1", "0.3333", ".5", "0.", "50%", "-0.5", "0.-5"] {
            assert_eq!(share(text), Err(Problem::BadShare { text: text.into() }), "{text}");
        }
    }
}
