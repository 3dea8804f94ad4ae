//! Places on Earth (RFC 1876): `52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m`.
//!
//! ```text
//!   version 0 │ size │ horizontal │ vertical precision │ latitude (4) │ longitude (4) │ altitude (4)
//! ```
//!
//! Angles count thousandths of a second of arc from 2^31, the equator and the prime meridian; altitudes
//! centimetres from 100 km below the reference spheroid. The sizes are a digit and a power of ten, in
//! centimetres.

use std::fmt;

use super::problem::{Mistake, Problem};
use super::reader::{Reader, number};

const LEN: usize = 16;
/// The equator and the prime meridian.
const ZERO_ANGLE: u32 = 1 << 31;
/// Thousandths of a second in a degree.
const DEGREE: u32 = 3_600_000;
/// Centimetres from where altitudes begin up to the reference spheroid.
const ZERO_ALTITUDE: i64 = 10_000_000;
/// What is taken where they are left out: 1 m, 10 km, 10 m (RFC 1876 §3).
const SIZES: [u8; 3] = [0x12, 0x16, 0x13];

/// Reads a whole location.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Result<(), Mistake> {
    let latitude = read_angle(reader, 90, *b"NS")?;
    let longitude = read_angle(reader, 180, *b"EW")?;
    let word = reader.bare("location")?;
    let wrong = Problem::Location;
    let altitude = centimetres(word.text)
        .and_then(|altitude| u32::try_from(altitude + ZERO_ALTITUDE).ok())
        .ok_or_else(|| word.wrong(wrong.clone()))?;
    let mut sizes = SIZES;
    for size in &mut sizes {
        let Some(word) = reader.optional("location")? else { break };
        *size = centimetres(word.text)
            .and_then(encode_size)
            .ok_or_else(|| word.wrong(wrong.clone()))?;
    }
    reader.out.push(0);
    reader.out.extend_from_slice(&sizes);
    for value in [latitude, longitude, altitude] {
        reader.out.extend_from_slice(&value.to_be_bytes());
    }
    Ok(())
}

/// Reads degrees, perhaps minutes, perhaps seconds, and one of two directions.
fn read_angle(
    reader: &mut Reader<'_, '_>,
    degrees_max: u32,
    directions: [u8; 2],
) -> Result<u32, Mistake> {
    let mut angle = 0;
    // Degrees, minutes, seconds: the most of each, and what each is worth.
    for (index, (max, unit)) in
        [(degrees_max, DEGREE), (59, 60_000), (59, 1000), (0, 0)].into_iter().enumerate()
    {
        let word = reader.bare("location")?;
        if let [direction] = word.text
            && let Some(side) = directions.iter().position(|d| d.eq_ignore_ascii_case(direction))
            && index > 0
            && angle <= degrees_max * DEGREE
        {
            return Ok(if side == 0 { ZERO_ANGLE + angle } else { ZERO_ANGLE - angle });
        }
        // Seconds alone may have a fraction.
        let value = if unit == 1000 {
            decimal(word.text, 3).and_then(|seconds| u32::try_from(seconds).ok())
        } else {
            number(word.text, max).map(|value| value * unit)
        };
        let value = value.filter(|&value| value < (max + 1) * unit);
        angle += value.ok_or_else(|| word.wrong(Problem::Location))?;
    }
    Err(Mistake { at: reader.words.end(), problem: Problem::Location })
}

/// A decimal number with at most so many places after its point, times ten for each of them.
fn decimal(text: &[u8], places: u32) -> Option<i64> {
    let (whole, fraction) = match text.iter().position(|&byte| byte == b'.') {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &b"0"[..]),
    };
    let missing = places.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    let fraction = i64::from(number(fraction, 999)?) * 10i64.pow(missing);
    Some(i64::from(number(whole, u32::MAX)?) * 10i64.pow(places) + fraction)
}

/// Metres, as centimetres.
fn centimetres(text: &[u8]) -> Option<i64> {
    let text = text.strip_suffix(b"m").or(text.strip_suffix(b"M")).unwrap_or(text);
    match text.strip_prefix(b"-") {
        Some(text) => Some(-decimal(text, 2)?),
        None => decimal(text, 2),
    }
}

/// Centimetres as a digit and a power of ten; digits after the first are lost (RFC 1876 §2).
fn encode_size(centimetres: i64) -> Option<u8> {
    let (mut mantissa, mut exponent) = (u64::try_from(centimetres).ok()?, 0u8);
    while mantissa > 9 {
        mantissa /= 10;
        exponent += 1;
    }
    (exponent <= 9).then_some((mantissa as u8) << 4 | exponent)
}

fn is_size(size: u8) -> bool {
    let (mantissa, exponent) = (size >> 4, size & 0xf);
    mantissa <= 9 && exponent <= 9 && (mantissa > 0 || exponent == 0)
}

/// The three numbers behind the sizes.
fn numbers(wire: &[u8]) -> Option<[u32; 3]> {
    let (chunks, []) = wire.get(4..LEN)?.as_chunks::<4>() else { return None };
    let &[latitude, longitude, altitude] = chunks else { return None };
    Some([latitude, longitude, altitude].map(u32::from_be_bytes))
}

/// Whether bytes are a location that the text form can say.
pub(super) fn is_valid(wire: &[u8]) -> bool {
    let ([0, sizes @ ..], Some([latitude, longitude, _])) = (wire, numbers(wire)) else {
        return false;
    };
    wire.len() == LEN
        && sizes.iter().take(3).all(|&size| is_size(size))
        && latitude.abs_diff(ZERO_ANGLE) <= 90 * DEGREE
        && longitude.abs_diff(ZERO_ANGLE) <= 180 * DEGREE
}

/// Writes a location that is valid.
pub(super) fn write(wire: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    let ([_, sizes @ ..], Some([latitude, longitude, altitude])) = (wire, numbers(wire)) else {
        return Ok(());
    };
    for (angle, [up, down]) in [(latitude, ['N', 'S']), (longitude, ['E', 'W'])] {
        let size = angle.abs_diff(ZERO_ANGLE);
        let (degrees, minutes) = (size / DEGREE, size / 60_000 % 60);
        let (seconds, thousandths) = (size / 1000 % 60, size % 1000);
        let direction = if angle >= ZERO_ANGLE { up } else { down };
        write!(f, "{degrees} {minutes} {seconds}.{thousandths:03} {direction} ")?;
    }
    let altitude = i64::from(altitude) - ZERO_ALTITUDE;
    let sign = if altitude < 0 { "-" } else { "" };
    write!(f, "{sign}{}.{:02}m", altitude.abs() / 100, altitude.abs() % 100)?;
    for size in sizes.iter().take(3) {
        let centimetres = u64::from(size >> 4) * 10u64.pow(u32::from(size & 0xf));
        match centimetres % 100 {
            0 => write!(f, " {}m", centimetres / 100)?,
            rest => write!(f, " {}.{rest:02}m", centimetres / 100)?,
        }
    }
    Ok(())
}
