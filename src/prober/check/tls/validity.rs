//! How long a certificate is still good, read from its bytes.
//!
//! Only the way to `notAfter` is walked; whether the certificate is one at all has been judged by then, or is not asked.
//!
//! | RFC 5280 | what we take from it | where |
//! |---|---|---|
//! | §4.1 | Certificate, TBSCertificate: what stands before the validity | [`not_after`] |
//! | §4.1.2.5 | two digits of a year from 50 on are of the twentieth century | [`time`] |

use jiff::civil;

/// A SEQUENCE.
const SEQUENCE: u8 = 0x30;
/// The version, which a certificate of version 1 has not.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// When a certificate ends, in unix seconds; `None` where its bytes are none of a certificate.
pub(super) fn not_after(certificate: &[u8]) -> Option<i64> {
    let (certificate, _) = inside(certificate, SEQUENCE)?;
    let (mut rest, _) = inside(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        (_, _, rest) = element(rest)?;
    }
    // Serial, signature algorithm and issuer.
    for _ in 0..3 {
        (_, _, rest) = element(rest)?;
    }
    let (validity, _) = inside(rest, SEQUENCE)?;
    let (_, _, rest) = element(validity)?;
    let (tag, text, _) = element(rest)?;
    time(tag, text)
}

fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let text = text.strip_suffix(b"Z")?;
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number =
        |digits: &[u8]| digits.iter().fold(0i16, |sum, digit| sum * 10 + i16::from(digit - b'0'));
    let (year, rest) = match (tag, text.len()) {
        (UTC_TIME, 12) => {
            let (year, rest) = text.split_at(2);
            let year = number(year);
            (if year >= 50 { 1900 + year } else { 2000 + year }, rest)
        }
        (GENERALIZED_TIME, 14) => {
            let (year, rest) = text.split_at(4);
            (number(year), rest)
        }
        _ => return None,
    };
    let mut parts = rest.chunks(2).map(|digits| i8::try_from(number(digits)).ok());
    let mut part = || parts.next().flatten();
    let (month, day, hour, minute, second) = (part()?, part()?, part()?, part()?, part()?);
    let at = civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

/// What an element of this kind holds, and what follows it.
fn inside(bytes: &[u8], expected: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = element(bytes)?;
    (tag == expected).then_some((content, rest))
}

/// The first element of DER: its tag, its content, and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc5280_4_1_2_5_the_end_is_read_whatever_its_form() {
        // Years from 2050 on are written with four digits.
        for (year, expected) in
            [(2049, 2_493_072_000), (2050, 2_524_608_000), (4000, 64_060_588_800)]
        {
            let mut params =
                rcgen::CertificateParams::new(["a.example".to_owned()]).expect("a name");
            params.not_before = rcgen::date_time_ymd(1990, 1, 1);
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
            let key = rcgen::KeyPair::generate().expect("a key");
            let certificate = params.self_signed(&key).expect("a certificate");
            assert_eq!(not_after(certificate.der()), Some(expected), "{year}");
            // No part of it is taken for the whole.
            for end in 0..certificate.der().len() {
                assert_eq!(not_after(&certificate.der()[..end]), None, "{end} bytes");
            }
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for (tag, text, expected) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (GENERALIZED_TIME, "19700101000000Z", Some(0)),
            (UTC_TIME, "19700101000000Z", None),
            (GENERALIZED_TIME, "700101000000Z", None),
            (UTC_TIME, "700101000000", None),
            (UTC_TIME, "7001010000+0Z", None),
            (UTC_TIME, "701301000000Z", None),
            (UTC_TIME, "700101990000Z", None),
            (0x04, "700101000000Z", None),
        ] {
            assert_eq!(time(tag, text.as_bytes()), expected, "{text}");
        }
    }
}
