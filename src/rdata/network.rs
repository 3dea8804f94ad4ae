//! Addresses of networks that were not to stay: OSI's (RFC 1706) and ATM's (AF-DANS-0152.000), and the services
//! behind an address (RFC 1035 §3.4.2).
//!
//! ```text
//!   NSAP   bytes                                   0x47.0005.80.005a00, dots wherever one likes
//!   ATMA   0 │ bytes         an address of ATM     39.246f.00, the same without 0x
//!          1 │ digits        one of the telephone  +61200000000
//!   WKS    protocol │ a bit for each port, to the last byte that has one
//! ```

use std::fmt;

use super::digits::{Base, Decoder};
use super::mnemonics;
use super::problem::{Mistake, Problem};
use super::reader::Reader;
use super::words::Word;

/// ATM's own format of addresses.
const AESA: u8 = 0;
/// E.164, the format of telephone numbers.
const E164: u8 = 1;

/// Reads hex digits with dots among them, at least one byte.
fn dotted(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    let mut decoder = Decoder::new(Base::Hex);
    text.split(|&byte| byte == b'.').try_for_each(|part| decoder.push(part, out))?;
    (decoder.is_whole() && out.len() > start).then_some(())
}

/// Reads an NSAP address.
pub(super) fn read_nsap(word: &Word<'_>, out: &mut Vec<u8>) -> Result<(), Mistake> {
    let digits = word.text.strip_prefix(b"0x").or_else(|| word.text.strip_prefix(b"0X"));
    digits.and_then(|digits| dotted(digits, out)).ok_or_else(|| word.wrong(Problem::Nsap))
}

/// Reads an ATM address.
pub(super) fn read_atma(word: &Word<'_>, out: &mut Vec<u8>) -> Result<(), Mistake> {
    let read = if let Some(digits) = word.text.strip_prefix(b"+") {
        out.push(E164);
        out.extend_from_slice(digits);
        (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit)).then_some(())
    } else {
        out.push(AESA);
        dotted(word.text, out)
    };
    read.ok_or_else(|| word.wrong(Problem::Atma))
}

/// Whether bytes are an ATM address.
pub(super) fn is_atma(bytes: &[u8]) -> bool {
    match bytes {
        [AESA, address @ ..] => !address.is_empty(),
        [E164, digits @ ..] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// Writes an NSAP address.
pub(super) fn write_nsap(bytes: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    f.write_str("0x")?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Writes an ATM address that is one.
pub(super) fn write_atma(bytes: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    match bytes.split_first() {
        Some((&E164, digits)) => {
            f.write_char('+')?;
            digits.iter().try_for_each(|&digit| f.write_char(char::from(digit)))
        }
        Some((_, address)) => address.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        None => Ok(()),
    }
}

/// Reads a protocol and the services that it has, perhaps none.
pub(super) fn read_services(reader: &mut Reader<'_, '_>) -> Result<(), Mistake> {
    let protocol = reader.bare_as("protocol", Problem::Protocol, mnemonics::protocol)?;
    reader.out.push(protocol);
    let start = reader.out.len();
    while let Some(word) = reader.optional("services")? {
        let port = mnemonics::service(word.text).ok_or_else(|| word.wrong(Problem::Service))?;
        let byte = start + usize::from(port / 8);
        if reader.out.len() <= byte {
            reader.out.resize(byte + 1, 0);
        }
        reader.out[byte] |= 0x80 >> (port % 8);
    }
    Ok(())
}

/// Whether bytes are a protocol and services.
pub(super) fn is_services(bytes: &[u8]) -> bool {
    bytes
        .split_first()
        .is_some_and(|(_, bits)| bits.len() <= 1 << 13 && bits.last().is_none_or(|&last| last != 0))
}

/// Writes a protocol and services by their numbers.
pub(super) fn write_services(bytes: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    let Some((protocol, bits)) = bytes.split_first() else { return Ok(()) };
    write!(f, "{protocol}")?;
    for (at, byte) in bits.iter().enumerate() {
        for bit in (0..8).filter(|bit| byte & 0x80 >> bit != 0) {
            write!(f, " {}", at * 8 + bit)?;
        }
    }
    Ok(())
}
