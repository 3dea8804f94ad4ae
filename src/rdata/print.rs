//! RDATA on the wire to presentation text, which reads back as the same bytes.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::digits::{self, Base};
use super::table::{self, Field};
use super::walk::{Part, is_valid, walk};
use super::{bitmap, gateway, location, mnemonics, network, prefixes, svcb, time};
use crate::name;

/// The text of one record's RDATA: that of its type, or the generic form (RFC 3597 §5) for a type that
/// is not known and for bytes that have not the shape of theirs.
pub(super) struct Printed<'a> {
    pub(super) rtype: u16,
    pub(super) rdata: &'a [u8],
}

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_fields(self.rtype, self.rdata, &|wire, f| name::write_presentation(wire, f), f)
    }
}

/// The same with names as somebody likes them: a function from wire form to text.
pub(super) struct PrintedWith<'a> {
    pub(super) rtype: u16,
    pub(super) rdata: &'a [u8],
    pub(super) name: &'a dyn Fn(&[u8]) -> String,
}

impl fmt::Display for PrintedWith<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_fields(self.rtype, self.rdata, &|wire, f| f.write_str(&(self.name)(wire)), f)
    }
}

fn write_fields(
    rtype: u16,
    rdata: &[u8],
    write_name: &dyn Fn(&[u8], &mut dyn fmt::Write) -> fmt::Result,
    f: &mut dyn fmt::Write,
) -> fmt::Result {
    let Some(parts) = walk(rtype, rdata).filter(|_| is_valid(rtype, rdata)) else {
        return write_generic(rdata, f);
    };
    let mut blank = false;
    for Part { field, at } in parts.flatten() {
        let bytes = &rdata[at];
        if bytes.is_empty() && is_nothing(field) {
            continue;
        }
        if blank {
            f.write_str(" ")?;
        }
        blank = true;
        match field {
            Field::Name(_) => write_name(bytes, f)?,
            _ => write_field(field, bytes, f)?,
        }
    }
    Ok(())
}

/// Whether a field of no bytes is written as no text.
fn is_nothing(field: Field) -> bool {
    matches!(field, Field::OptionalBase64 | Field::Types | Field::SvcParams | Field::Prefixes)
}

fn write_generic(rdata: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    write!(f, "\\# {}", rdata.len())?;
    if !rdata.is_empty() {
        f.write_char(' ')?;
        digits::write(Base::Hex, rdata, f)?;
    }
    Ok(())
}

/// Writes the bytes of one field, which [`super::walk`] has cut to its shape.
fn write_field(field: Field, bytes: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    // Four bytes at most in each field that is a number.
    let number = || bytes.iter().fold(0u32, |number, &byte| number << 8 | u32::from(byte));
    match field {
        Field::U8
        | Field::U16
        | Field::U32
        | Field::Seconds
        | Field::Algorithm
        | Field::CertificateType => write!(f, "{}", number()),
        Field::U64 => {
            write!(f, "{}", bytes.iter().fold(0u64, |number, &byte| number << 8 | u64::from(byte)))
        }
        Field::Scheme => match mnemonics::scheme_name(number() as u8) {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", number()),
        },
        Field::Type => table::write_type(number() as u16, f),
        Field::Types => {
            for (index, rtype) in bitmap::types(bytes).enumerate() {
                f.write_str(if index == 0 { "" } else { " " })?;
                table::write_type(rtype, f)?;
            }
            Ok(())
        }
        Field::Time => time::write_time(number(), f),
        Field::Ipv4 => write!(f, "{}", Ipv4Addr::from(number())),
        Field::Ipv6 => {
            let octets = bytes.try_into().unwrap_or([0; 16]);
            write!(f, "{}", Ipv6Addr::from(octets))
        }
        Field::Name(_) | Field::Names => name::write_presentation(bytes, f),
        Field::String | Field::OptionalString | Field::Strings => write_quoted(counted(bytes), f),
        Field::Text => write_quoted(bytes, f),
        Field::Tag => counted(bytes).iter().try_for_each(|&byte| f.write_char(char::from(byte))),
        Field::Hex => digits::write(Base::Hex, bytes, f),
        Field::Base64OrDash if bytes.is_empty() => f.write_char('-'),
        Field::Base64 | Field::OptionalBase64 | Field::Base64OrDash => {
            digits::write(Base::Base64, bytes, f)
        }
        Field::Salt if counted(bytes).is_empty() => f.write_char('-'),
        Field::Salt => digits::write(Base::Hex, counted(bytes), f),
        Field::Hash => digits::write(Base::Base32, counted(bytes), f),
        Field::SvcParams => svcb::write(bytes, f),
        Field::Eui48 | Field::Eui64 => write_groups(bytes.chunks(1), '-', f),
        Field::Locator64 => write_groups(bytes.chunks(2), ':', f),
        Field::Location => location::write(bytes, f),
        Field::Prefixes => prefixes::write(bytes, f),
        Field::Nsap => network::write_nsap(bytes, f),
        Field::Atma => network::write_atma(bytes, f),
        Field::Services => network::write_services(bytes, f),
        Field::Gateway => gateway::write_gateway(bytes, f),
        Field::Relay => gateway::write_relay(bytes, f),
        Field::HostIdentity => gateway::write_identity(bytes, f),
        Field::Opaque => write_generic(bytes, f),
    }
}

/// What follows a length byte.
fn counted(bytes: &[u8]) -> &[u8] {
    bytes.get(1..).unwrap_or_default()
}

/// Writes groups of hex digits, in lower case as the RFCs of these types do.
fn write_groups<'a>(
    groups: impl Iterator<Item = &'a [u8]>,
    separator: char,
    f: &mut dyn fmt::Write,
) -> fmt::Result {
    for (index, group) in groups.enumerate() {
        if index > 0 {
            f.write_char(separator)?;
        }
        for byte in group {
            write!(f, "{byte:02x}")?;
        }
    }
    Ok(())
}

/// Writes a string in quotes (RFC 1035 §5.1).
pub(super) fn write_quoted(bytes: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    f.write_char('"')?;
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => {
                f.write_char('\\')?;
                f.write_char(char::from(byte))?;
            }
            b' '..=b'~' => f.write_char(char::from(byte))?,
            _ => write!(f, "\\{byte:03}")?,
        }
    }
    f.write_char('"')
}
