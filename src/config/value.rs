//! Scalars read as what they stand for: durations, numbers, words, addresses, shares.
//!
//! YAML's own types are never asked: `010` is ten where a number belongs and a name where a name
//! does, `1e3` is no number at all.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;

use super::error::Problem;
use super::model::place::{self, Continent, Country, Region};
use super::nearest::{listed, nearest};
use crate::rdata::{self, TTL_MAX};

/// A span of time such as `10s`, `500ms` or `1m30s`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, Problem> {
    rdata::parse_duration(text).ok_or_else(|| Problem::BadDuration { text: text.into() })
}

/// The bounds of `failover_max`.
const FAILOVERS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(86_400));

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

/// How long a failure may be in caches.
pub(crate) fn failover_max(text: &str) -> Result<Duration, Problem> {
    span("the worst case of a failover", text, FAILOVERS)
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

/// Bytes as a text: `\n`, `\r`, `\t`, `\0`, `\\` and `\x41`; what is no escape stands for itself, in UTF-8.
pub(crate) fn escaped(text: &str) -> Result<Vec<u8>, Problem> {
    let bad = || Problem::BadEscape { text: text.into() };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let (byte, after) = match rest {
            [b'n', after @ ..] => (b'\n', after),
            [b'r', after @ ..] => (b'\r', after),
            [b't', after @ ..] => (b'\t', after),
            [b'0', after @ ..] => (0, after),
            [b'\\', after @ ..] => (b'\\', after),
            [b'x', high, low, after @ ..] => {
                let digit = |digit: u8| char::from(digit).to_digit(16).ok_or_else(bad);
                ((digit(*high)? * 16 + digit(*low)?) as u8, after)
            }
            _ => return Err(bad()),
        };
        bytes.push(byte);
        rest = after;
    }
    Ok(bytes)
}

/// Bytes as a text that [`escaped`] reads.
pub(crate) fn with_escapes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
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

/// A continent by its code.
pub(crate) fn continent(text: &str) -> Result<Continent, Problem> {
    let codes = Continent::ALL.map(|(code, _)| code);
    Continent::of(text).ok_or_else(|| Problem::UnknownPlace {
        what: "continent",
        text: text.into(),
        near: nearest(text, codes),
    })
}

/// A country by its code in ISO 3166-1.
pub(crate) fn country(text: &str) -> Result<Country, Problem> {
    Country::of(text).ok_or_else(|| {
        let near = if text == "UK" { Some("GB") } else { nearest(text, Country::codes()) };
        Problem::UnknownPlace { what: "country", text: text.into(), near }
    })
}

/// A region: a subdivision such as `US-KY` (ISO 3166-2), or a name of the operator's own.
pub(crate) fn region(text: &str) -> Result<Region, Problem> {
    if let Some((code, subdivision)) = place::subdivision(text) {
        let known = place::subdivisions(country(code)?);
        if let Some(known) = known.filter(|known| !known.contains(&subdivision)) {
            let near = nearest(subdivision, known.iter().copied());
            return Err(Problem::UnknownSubdivision {
                text: text.into(),
                country: code.into(),
                near,
            });
        }
    } else if !Region::is_name(text) {
        return Err(Problem::BadRegion { text: text.into() });
    }
    Ok(Region::new(text))
}

/// The number of an autonomous system, with or without `AS` before it.
pub(crate) fn asn(text: &str) -> Result<NonZeroU32, Problem> {
    let digits = text.strip_prefix("AS").unwrap_or(text);
    let number: Result<u32, Problem> =
        number("the number of an autonomous system", digits, 1..=u32::MAX);
    number.ok().and_then(NonZeroU32::new).ok_or_else(|| Problem::BadNumber {
        what: "the number of an autonomous system",
        text: text.into(),
        least: 1,
        most: u32::MAX,
    })
}

/// Coordinates: latitude and longitude, in degrees.
pub(crate) fn location(texts: &[&str]) -> Result<(f64, f64), Problem> {
    let bad = || Problem::BadLocation { text: texts.join(", ") };
    let degrees = |text: &str, most: f64| {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b".-+".contains(&byte));
        text.parse::<f64>().ok().filter(|degrees| is_plain && degrees.abs() <= most)
    };
    let [latitude, longitude] = texts else { return Err(bad()) };
    degrees(latitude, 90.0).zip(degrees(longitude, 180.0)).ok_or_else(bad)
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
    fn bytes_are_written_with_escapes_and_read_again() {
        for (text, bytes, again) in [
            ("", &b""[..], ""),
            ("state\\n", b"state\n", "state\\n"),
            ("\\x00\\xFf\\0", b"\0\xff\0", "\\x00\\xff\\x00"),
            ("a\\\\n\\t\\r", b"a\\n\t\r", "a\\\\n\\t\\r"),
            ("é", "é".as_bytes(), "\\xc3\\xa9"),
        ] {
            assert_eq!(escaped(text).as_deref(), Ok(bytes), "{text}");
            assert_eq!(with_escapes(bytes), again);
            assert_eq!(escaped(again).as_deref(), Ok(bytes), "{again}");
        }
        for text in ["\\", "\\x", "\\x4", "\\xg0", "\\xé", "\\a"] {
            assert_eq!(escaped(text), Err(Problem::BadEscape { text: text.into() }), "{text}");
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
    fn places_are_codes_and_what_is_none_names_the_nearest() {
        assert_eq!(continent("EU").map(Continent::code), Ok("EU"));
        assert_eq!(country("NO").map(Country::code), Ok("NO"));
        assert_eq!(region("US-KY"), Ok(Region::subdivision("US", "KY")));
        assert_eq!(region("GB-ENG"), Ok(Region::new("GB-ENG")));
        assert_eq!(region("fra"), Ok(Region::new("fra")));
        assert_eq!((asn("64500"), asn("AS64500")), (asn("064500"), asn("64500")));
        assert_eq!(location(&["50.1", "-8.7"]), Ok((50.1, -8.7)));
        let told = |result: Result<(), Problem>| result.expect_err("it is wrong").to_string();
        for (problem, sentence) in [
            (continent("EZ").map(|_| ()), "there is no continent `EZ`; did you mean `EU`?"),
            (country("UK").map(|_| ()), "there is no country `UK`; did you mean `GB`?"),
            (country("no").map(|_| ()), "there is no country `no`; did you mean `NO`?"),
            (
                country("Norway").map(|_| ()),
                "there is no country `Norway`; write its code of two capitals in ISO 3166-1, such as `NO`",
            ),
            (region("US-KZ").map(|_| ()), "US has no subdivision `US-KZ`; did you mean `US-AZ`?"),
            (region("XX-AA").map(|_| ()), "there is no country `XX`; did you mean `AX`?"),
            (
                region("a b").map(|_| ()),
                "`a b` is not a region: a subdivision in ISO 3166-2 such as `US-KY`, or a name of your own of letters, \
                 digits, `-`, `_` and `.`",
            ),
            (
                asn("AS").map(|_| ()),
                "`AS` is not the number of an autonomous system: a whole number from 1 to 4294967295",
            ),
            (
                location(&["91", "0"]).map(|_| ()),
                "`91, 0` is not a location: latitude from -90 to 90 and longitude from -180 to 180, such as `[50.1, 8.7]`",
            ),
        ] {
            assert_eq!(told(problem), sentence);
        }
        for texts in [&["1"][..], &["1", "2", "3"], &["1e1", "2"], &["NaN", "0"], &["0", "180.1"]] {
            assert!(location(texts).is_err(), "{texts:?}");
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
