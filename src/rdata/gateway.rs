//! Fields that another field decides: the gateway of IPSECKEY, the relay of AMTRELAY, the lengths of HIP.
//!
//! ```text
//!   IPSECKEY   gateway type │ algorithm │ gateway        type 0 none, 1 IPv4, 2 IPv6, 3 a name
//!   AMTRELAY   D, relay type (7 bits) │ relay            the same
//!   HIP        tag length │ algorithm │ key length (2) │ tag │ key
//! ```

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::digits::{self, Base};
use super::problem::{Mistake, Problem};
use super::reader::Reader;
use crate::name;

/// The bit of AMTRELAY that says that discovery is optional (RFC 8777 §4.2.2).
const DISCOVERY: u8 = 0x80;
/// The bytes before the gateway in its field, and before the relay in its.
const GATEWAY_AT: usize = 2;
const RELAY_AT: usize = 1;
/// The bytes before the identity tag.
const TAG_AT: usize = 4;

/// What stands for a gateway of this kind takes so many bytes.
fn address_len(kind: u8, rest: &[u8]) -> Option<usize> {
    match kind {
        0 => Some(0),
        1 => Some(4),
        2 => Some(16),
        3 => name::wire_len(rest),
        _ => None,
    }
}

pub(super) fn gateway_len(rest: &[u8]) -> Option<usize> {
    Some(GATEWAY_AT + address_len(*rest.first()?, rest.get(GATEWAY_AT..)?)?)
}

pub(super) fn relay_len(rest: &[u8]) -> Option<usize> {
    Some(RELAY_AT + address_len(*rest.first()? & !DISCOVERY, &rest[RELAY_AT..])?)
}

/// Where the name begins in the field, if its kind is a name.
pub(super) fn gateway_name(part: &[u8]) -> Option<usize> {
    (*part.first()? == 3).then_some(GATEWAY_AT)
}

/// The same of AMTRELAY.
pub(super) fn relay_name(part: &[u8]) -> Option<usize> {
    (*part.first()? & !DISCOVERY == 3).then_some(RELAY_AT)
}

/// The lengths, the tag and the key of HIP; neither of the two is empty (RFC 8005 §5).
pub(super) fn identity_len(rest: &[u8]) -> Option<usize> {
    let [tag @ 1..=u8::MAX, _, high, low, ..] = rest else { return None };
    let key = usize::from(u16::from_be_bytes([*high, *low]));
    (key > 0).then_some(TAG_AT + usize::from(*tag) + key)
}

/// Reads `gateway-type algorithm gateway`.
pub(super) fn read_gateway(reader: &mut Reader<'_, '_>) -> Result<(), Mistake> {
    let kind = reader.number("gateway-type", u32::from(u8::MAX))? as u8;
    let algorithm = reader.number("algorithm", u32::from(u8::MAX))? as u8;
    reader.out.extend_from_slice(&[kind, algorithm]);
    read_address(kind, reader, "gateway")
}

/// Reads `discovery relay-type relay`.
pub(super) fn read_relay(reader: &mut Reader<'_, '_>) -> Result<(), Mistake> {
    let discovery = reader.number("discovery", 1)? as u8;
    let kind = reader.number("relay-type", u32::from(u8::MAX >> 1))? as u8;
    reader.out.push(discovery << 7 | kind);
    read_address(kind, reader, "relay")
}

fn read_address(kind: u8, reader: &mut Reader<'_, '_>, field: &'static str) -> Result<(), Mistake> {
    let word = reader.bare(field)?;
    let text = str::from_utf8(word.text).unwrap_or_default();
    let wrong = || word.wrong(Problem::Gateway { kind });
    match kind {
        0 if text == "." => {}
        1 => reader.out.extend(text.parse::<Ipv4Addr>().map_err(|_| wrong())?.octets()),
        2 => reader.out.extend(text.parse::<Ipv6Addr>().map_err(|_| wrong())?.octets()),
        3 => name::parse_into(word.text, reader.origin, reader.out)
            .map_err(|error| word.wrong(error))?,
        _ => return Err(wrong()),
    }
    Ok(())
}

/// Reads `algorithm hit public-key`.
pub(super) fn read_identity(reader: &mut Reader<'_, '_>) -> Result<(), Mistake> {
    let start = reader.out.len();
    let algorithm = reader.number("algorithm", u32::from(u8::MAX))? as u8;
    reader.out.extend_from_slice(&[0, algorithm, 0, 0]);
    let tag = reader.digits_word(Base::Hex, "hit", usize::from(u8::MAX))?;
    let key = reader.digits_word(Base::Base64, "public-key", usize::from(u16::MAX))?;
    let [high, low] = (key as u16).to_be_bytes();
    reader.out[start] = tag as u8;
    reader.out[start + 2] = high;
    reader.out[start + 3] = low;
    Ok(())
}

pub(super) fn write_gateway(part: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    let [kind, algorithm, address @ ..] = part else { return Ok(()) };
    write!(f, "{kind} {algorithm} ")?;
    write_address(*kind, address, f)
}

pub(super) fn write_relay(part: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    let [first, address @ ..] = part else { return Ok(()) };
    let kind = first & !DISCOVERY;
    write!(f, "{} {kind} ", first >> 7)?;
    write_address(kind, address, f)
}

fn write_address(kind: u8, address: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    if kind == 3 {
        return name::write_presentation(address, f);
    }
    if let Ok(octets) = <[u8; 4]>::try_from(address) {
        write!(f, "{}", Ipv4Addr::from(octets))
    } else if let Ok(octets) = <[u8; 16]>::try_from(address) {
        write!(f, "{}", Ipv6Addr::from(octets))
    } else {
        f.write_char('.')
    }
}

pub(super) fn write_identity(part: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    let [tag, algorithm, _, _, rest @ ..] = part else { return Ok(()) };
    let Some((tag, key)) = rest.split_at_checked(usize::from(*tag)) else { return Ok(()) };
    write!(f, "{algorithm} ")?;
    digits::write(Base::Hex, tag, f)?;
    f.write_char(' ')?;
    digits::write(Base::Base64, key, f)
}
