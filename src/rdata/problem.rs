//! What can be wrong with a record's text, each told with what would be right.

use std::fmt;
use std::ops::Range;

use super::svcb::KeyName;
use super::{TypeName, rtype, table};
use crate::name::NameError;

/// The longest piece of a written text that a sentence repeats, in characters.
const QUOTED_MAX: usize = 40;

/// A mistake in presentation format: where, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The bytes of the text that are wrong; empty where something is missing.
    pub at: Range<usize>,
    /// What is wrong with them.
    pub problem: Problem,
}

/// What is wrong with a record's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The text ends before the record is whole.
    Missing {
        /// The record's type.
        rtype: u16,
        /// The first field that is not there.
        field: &'static str,
    },
    /// The text goes on after the record is whole.
    Excess {
        /// The record's type.
        rtype: u16,
    },
    /// Not a whole number, or one that is too large.
    Number {
        /// Which field.
        field: &'static str,
        /// The largest that fits.
        max: u32,
    },
    /// A word where a number belongs: most likely the number was left out.
    WordForNumber {
        /// The record's type.
        rtype: u16,
        /// Which field.
        field: &'static str,
        /// The largest that fits.
        max: u32,
    },
    /// Not a whole number of 64 bits.
    Number64 {
        /// Which field.
        field: &'static str,
    },
    /// Not a name.
    Name(NameError),
    /// Not an address of IPv4.
    Ipv4,
    /// An IPv6 address where IPv4 is wanted.
    Ipv6ForIpv4,
    /// Not an address of IPv6.
    Ipv6,
    /// An IPv4 address where IPv6 is wanted.
    Ipv4ForIpv6,
    /// A backslash with neither a character nor a byte after it.
    Escape,
    /// A character-string over its limit (RFC 1035 §3.3).
    StringTooLong,
    /// Quotes around a field that never has blanks in it.
    Quoted {
        /// Which field.
        field: &'static str,
    },
    /// A quote in the middle of a word.
    QuoteInside,
    /// A quote without its partner.
    QuoteOpen,
    /// An opening parenthesis without its partner.
    ParenOpen,
    /// A closing parenthesis without its partner.
    ParenStray,
    /// A comment in a text that stands alone; zone files drop what follows, here it is surely meant.
    Comment,
    /// Not base 16.
    Hex {
        /// Which field.
        field: &'static str,
    },
    /// Not base 64 (RFC 4648 §4).
    Base64 {
        /// Which field.
        field: &'static str,
    },
    /// Not base 32 with the extended hex alphabet (RFC 4648 §7).
    Base32 {
        /// Which field.
        field: &'static str,
    },
    /// Bytes of a length that the field cannot have.
    Length {
        /// Which field.
        field: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// Not a record type.
    Type {
        /// As written.
        written: String,
        /// The type that was probably meant.
        nearest: Option<&'static str>,
    },
    /// Not a DNSSEC algorithm.
    Algorithm,
    /// Not a kind of certificate (RFC 4398 §2.1).
    CertificateType,
    /// Not a point in time (RFC 4034 §3.2).
    Time,
    /// Not a span of seconds.
    Seconds {
        /// Which field.
        field: &'static str,
    },
    /// Not a property tag of CAA (RFC 8659 §4.1).
    Tag,
    /// Not groups of hex digits.
    Groups {
        /// Which field.
        field: &'static str,
        /// How they look.
        example: &'static str,
    },
    /// Not a place on Earth (RFC 1876 §3).
    Location,
    /// Not an item of APL (RFC 3123 §5).
    Prefix,
    /// Not an NSAP address (RFC 1706 §7).
    Nsap,
    /// Not an ATM address.
    Atma,
    /// Not a protocol of IP.
    Protocol,
    /// Not a service or its port.
    Service,
    /// Not a scheme of DSYNC (RFC 9859 §2.2).
    Scheme,
    /// A gateway or relay that does not fit the kind written before it.
    Gateway {
        /// The kind's number.
        kind: u8,
    },
    /// A type that has no text form of its own here.
    OnlyGeneric {
        /// The record's type.
        rtype: u16,
    },
    /// A generic form whose length is not that of its bytes.
    GenericLength {
        /// As written.
        written: u32,
        /// As counted.
        counted: usize,
    },
    /// A generic form whose bytes cannot be a record of this type.
    GenericShape {
        /// The record's type.
        rtype: u16,
    },
    /// More bytes than a record can hold.
    TooLong,
    /// A parameter of SVCB that is not known (RFC 9460 §2.1).
    SvcKey {
        /// As written.
        written: String,
    },
    /// A parameter of SVCB that stands twice (RFC 9460 §2.2).
    SvcTwice {
        /// Its number.
        key: u16,
    },
    /// A value that this parameter of SVCB cannot have (RFC 9460 §7).
    SvcValue {
        /// The parameter.
        key: &'static str,
        /// How it is written.
        right: &'static str,
    },
    /// A parameter that another one needs (RFC 9460 §7.1.1, §8).
    SvcNeeds {
        /// The one that needs it.
        key: &'static str,
        /// The number of the one that is needed.
        needed: u16,
    },
}

impl From<NameError> for Problem {
    fn from(error: NameError) -> Self {
        match error {
            NameError::Escape => Self::Escape,
            other => Self::Name(other),
        }
    }
}

impl fmt::Display for Problem {
    #[expect(clippy::too_many_lines, reason = "one arm a problem")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { rtype, field } => {
                write!(f, "{} is written {}; {field} is missing", TypeName(*rtype), Form(*rtype))
            }
            Self::Excess { rtype } => {
                write!(f, "{} is written {}; this is more", TypeName(*rtype), Form(*rtype))
            }
            Self::Number { field, max } => write!(f, "{field} is a number from 0 to {max}"),
            Self::WordForNumber { rtype, field, max } => write!(
                f,
                "{field} is a number from 0 to {max}; {} is written {}{}",
                TypeName(*rtype),
                Form(*rtype),
                Example(*rtype)
            ),
            Self::Number64 { field } => write!(f, "{field} is a number from 0 to {}", u64::MAX),
            Self::Name(error) => error.fmt(f),
            Self::Ipv4 => f.write_str("not an IPv4 address, such as 192.0.2.1"),
            Self::Ipv6ForIpv4 => {
                f.write_str("this is an IPv6 address; an IPv4 address is wanted, such as 192.0.2.1")
            }
            Self::Ipv6 => f.write_str("not an IPv6 address, such as 2001:db8::1"),
            Self::Ipv4ForIpv6 => f.write_str(
                "this is an IPv4 address; an IPv6 address is wanted, such as 2001:db8::1",
            ),
            Self::Escape => NameError::Escape.fmt(f),
            Self::StringTooLong => f.write_str(
                "a string is at most 255 bytes long; where several are allowed, write each in quotes",
            ),
            Self::Quoted { field } => write!(f, "{field} is written without quotes"),
            Self::QuoteInside => f.write_str(
                "a quote stands inside a word; put quotes around the whole, or write `\\\"`",
            ),
            Self::QuoteOpen => f.write_str("this quote is never closed; write `\"` at its end"),
            Self::ParenOpen => f.write_str("this parenthesis is never closed; write `)` at its end"),
            Self::ParenStray => f.write_str("no parenthesis is open here; remove `)`, or write `\\)`"),
            Self::Comment => {
                f.write_str("`;` would begin a comment; put the text in quotes, or write `\\;`")
            }
            Self::Hex { field } => write!(f, "{field} is hexadecimal, two digits a byte"),
            Self::Base64 { field } => {
                write!(f, "{field} is base64: A-Z, a-z, 0-9, + and /, filled up with = to fours")
            }
            Self::Base32 { field } => write!(f, "{field} is base32hex: 0-9 and A-V, not filled up"),
            Self::Length { field, max } => write!(f, "{field} is 1 to {max} bytes long"),
            Self::Type { written, nearest } => {
                write!(f, "no record type is called \"{written}\"")?;
                match nearest {
                    Some(nearest) => write!(f, "; did you mean {nearest}?"),
                    None => f.write_str("; write TYPE and its number for one that has no name here"),
                }
            }
            Self::Algorithm => f.write_str(
                "an algorithm is a number from 0 to 255, or its mnemonic, such as ECDSAP256SHA256",
            ),
            Self::CertificateType => f.write_str(
                "a certificate type is a number from 0 to 65535, or its mnemonic, such as PKIX",
            ),
            Self::Time => f.write_str(
                "a time is YYYYMMDDHHMMSS in UTC, or seconds since 1970, and before February 2106",
            ),
            Self::Seconds { field } => {
                write!(f, "{field} is in seconds, or like 1h30m with the units w, d, h, m and s")
            }
            Self::Tag => f.write_str("a tag is 1 to 15 letters and digits, such as issue"),
            Self::Groups { field, example } => write!(f, "{field} is written like {example}"),
            Self::Location => f.write_str(
                "a location is written like 52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m",
            ),
            Self::Prefix => f.write_str(
                "a prefix is written like 1:192.0.2.0/24 or 2:2001:db8::/32, with ! before it to exclude",
            ),
            Self::Nsap => f.write_str("an NSAP address is written like 0x47.0005.80.005a00"),
            Self::Atma => f.write_str(
                "an ATM address is hexadecimal, like 39.246f.00, or + and the digits of a telephone number",
            ),
            Self::Protocol => {
                f.write_str("a protocol is a number from 0 to 255, or its mnemonic, such as TCP")
            }
            Self::Service => {
                f.write_str("a service is a port from 0 to 65535, or its name, such as smtp")
            }
            Self::Scheme => {
                f.write_str("a scheme is a number from 0 to 255, or its mnemonic, such as NOTIFY")
            }
            Self::Gateway { kind: 0 } => f.write_str("kind 0 means none, which is written `.`"),
            Self::Gateway { kind: 1 } => Self::Ipv4.fmt(f),
            Self::Gateway { kind: 2 } => Self::Ipv6.fmt(f),
            Self::Gateway { kind } => {
                write!(f, "no kind {kind} is known: 0 is none, 1 IPv4, 2 IPv6, 3 a name")
            }
            Self::OnlyGeneric { rtype } => write!(
                f,
                "{} has no text form; write `\\# LENGTH HEX`, as in `\\# 2 0aff` (RFC 3597)",
                TypeName(*rtype)
            ),
            Self::GenericLength { written, counted } => {
                write!(f, "the length is given as {written}, the bytes after it are {counted}")
            }
            Self::GenericShape { rtype } => {
                write!(f, "these bytes are no record of type {}", TypeName(*rtype))?;
                match table::lookup(*rtype) {
                    Some(known) if !known.is_opaque() => write!(f, ", which is {}", Form(*rtype)),
                    _ => Ok(()),
                }
            }
            Self::TooLong => f.write_str("a record holds at most 65535 bytes"),
            Self::SvcKey { written } => write!(
                f,
                "no parameter is called \"{written}\"; write key and its number for one that has no name here"
            ),
            Self::SvcTwice { key } => {
                write!(f, "{} stands here twice; once is allowed", KeyName(*key))
            }
            Self::SvcValue { key, right } => write!(f, "{key} {right}"),
            Self::SvcNeeds { key, needed } => {
                write!(f, "{key} needs {} beside it", KeyName(*needed))
            }
        }
    }
}

impl std::error::Error for Problem {}

/// How a record of a type is written: the names of its fields, or the generic form.
struct Form(u16);

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match table::lookup(self.0) {
            Some(known) if !known.is_opaque() => {
                f.write_str("`")?;
                for (index, slot) in known.slots.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { " " })?;
                    f.write_str(slot.name)?;
                }
                f.write_str("`")
            }
            _ => f.write_str("`\\# LENGTH HEX`"),
        }
    }
}

/// A record of a type whose number is often left out.
struct Example(u16);

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            rtype::MX => f.write_str(", such as `10 mail`"),
            rtype::SRV => f.write_str(", such as `0 0 5060 sip`"),
            rtype::CAA => f.write_str(", such as `0 issue \"ca.example.net\"`"),
            _ => Ok(()),
        }
    }
}

/// A stranger's text as it may stand in a sentence: short, and on one line.
pub(crate) fn quote(written: &[u8]) -> String {
    let text = String::from_utf8_lossy(written);
    let mut quoted: String = text.chars().take(QUOTED_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(QUOTED_MAX).is_some() {
        quoted.push('…');
    }
    quoted
}
