//! RDATA: presentation text to wire bytes and back, for every record type.
//!
//! One table says which fields each type has; everything else follows from it:
//!
//! ```text
//!                       table.rs: type ─▶ fields
//!                  ┌───────────────┼──────────────────┐
//!   text ─words.rs─▶ parse.rs    walk.rs            print.rs ─▶ text
//!                      ▼           ▼                  ▲
//!                     wire RDATA, names uncompressed, case kept
//! ```
//!
//! Types that are not in the table are read and printed as RFC 3597 has it, and so is any type if one
//! likes: `\# 4 0A000001`. Which records may stand beside which is left to [`crate::zone`], how entries
//! of a file are cut to [`crate::zonefile`].
//!
//! | section | what it has | where |
//! |---|---|---|
//! | RFC 1035 §5.1 | words, quotes, escapes, parentheses | `words.rs` |
//! | RFC 3597 §4, §5 | which names may be compressed; types and RDATA without a form | `walk.rs`, `parse.rs` |
//! | RFC 4034 §6.2, RFC 6840 §5.1 | canonical form of RDATA | [`canonicalize`] |
//! | RFC 4034 §4.1.2 | sets of types | `bitmap.rs` |
//! | RFC 9460 §2, §7 | SVCB and HTTPS | `svcb.rs` |
//! | RFC 1876, RFC 3123 | LOC, APL | `location.rs`, `prefixes.rs` |
//! | RFC 4025, RFC 8005, RFC 8777 | IPSECKEY, HIP, AMTRELAY | `gateway.rs` |
//! | RFC 1035 §3.4.2, RFC 1706 | WKS, NSAP, ATMA | `network.rs` |

mod table;

mod digits;
mod mnemonics;
mod problem;
mod time;
pub(crate) mod words;

mod bitmap;
mod gateway;
mod location;
mod network;
pub(crate) mod parse;
mod prefixes;
mod print;
pub(crate) mod reader;
mod soa;
mod svcb;
pub mod template;
mod walk;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;

pub(crate) use self::problem::quote;
pub use self::problem::{Mistake, Problem};
pub use self::soa::{set_soa_serial, soa_numbers, soa_serial};
pub(crate) use self::table::parse_type as parse_type_bytes;
pub use self::table::{is_meta, rtype};
pub use self::time::{TTL_MAX, nearest_duration, parse_duration, parse_ttl, print_duration};
pub use self::walk::{canonicalize, compressible_names, is_valid, names};
use crate::name::Name;

/// The most bytes of RDATA that a record holds (RFC 1035 §3.2.1: its length is 16 bits).
pub const RDATA_MAX: usize = u16::MAX as usize;

/// The bytes that base 64 stands for (RFC 4648 §4); `None` where it is none.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut decoder = digits::Decoder::new(digits::Base::Base64);
    decoder.push(text.as_bytes(), &mut bytes)?;
    decoder.is_whole().then_some(bytes)
}

/// Reads one record's RDATA from a text that holds nothing else, and appends it to `out`: names
/// uncompressed and in the case written, those that do not end in a dot relative to `origin`.
///
/// On a mistake `out` is left as it was.
pub fn parse(rtype: u16, text: &str, origin: &Name, out: &mut Vec<u8>) -> Result<(), Mistake> {
    let mut words = words::Words::new(text.as_bytes(), words::Form::Value);
    parse::read(rtype, &mut words, origin.as_wire(), out)
}

/// The text of one record's RDATA. Read again, it gives the same bytes; bytes that are no record of this
/// type are shown in the generic form.
#[must_use]
pub fn print(rtype: u16, rdata: &[u8]) -> impl fmt::Display {
    print::Printed { rtype, rdata }
}

/// As [`print`](fn@print), with names as `name` writes them.
#[must_use]
pub fn print_with<'a>(
    rtype: u16,
    rdata: &'a [u8],
    name: &'a dyn Fn(&[u8]) -> String,
) -> impl fmt::Display + 'a {
    print::PrintedWith { rtype, rdata, name }
}

/// The number of the record type that a text names: `a`, `AAAA`, `TYPE257`. Types that no record in a
/// zone can have, such as ANY and OPT, are not found.
#[must_use]
pub fn parse_type(text: &str) -> Option<u16> {
    table::parse_type(text.as_bytes())
}

/// The mnemonic nearest to a misspelt one, if one is near enough to have been meant.
#[must_use]
pub fn nearest_type(text: &str) -> Option<&'static str> {
    table::nearest_type(text.as_bytes())
}

/// What a type is called: its mnemonic, or `TYPE` and its number (RFC 3597 §5).
#[must_use]
pub fn type_name(rtype: u16) -> impl fmt::Display {
    TypeName(rtype)
}

struct TypeName(u16);

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        table::write_type(self.0, f)
    }
}
