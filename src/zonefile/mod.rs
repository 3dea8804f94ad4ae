//! RFC 1035 master files: text to records and back.
//!
//! An entry is a directive or a record; a line ends it unless parentheses are open:
//!
//! ```text
//!   $ORIGIN example.com.
//!   $TTL 1h
//!   @    IN SOA ns1 hostmaster ( 1 1h 10m 14d 5m )
//!   www  300 A  192.0.2.1          owner, TTL and class in either order or not at all, type, RDATA
//!            A  192.0.2.2          no owner: the last one
//! ```
//!
//! What a record's RDATA is and how words are cut is [`crate::rdata`]'s; whether the records make a zone
//! (one SOA, no CNAME beside other data) is [`crate::zone`]'s. Mistakes are collected, and reading goes
//! on with the next entry.
//!
//! | section | what it has | where |
//! |---|---|---|
//! | RFC 1035 §5.1 | entries, owners, `$ORIGIN` | [`read()`] |
//! | RFC 1035 §5.1 | `$INCLUDE` | `read/include.rs`, [`Files`] |
//! | BIND's manual | `$GENERATE` | `read/generate.rs` |
//! | RFC 2308 §4 | `$TTL` | `read.rs` |
//! | RFC 2181 §8 | TTLs up to 2^31 - 1 | [`crate::rdata::parse_ttl`] |
//! | RFC 3597 §5 | `CLASS1`, `TYPE1`, `\#` | `read.rs`, [`crate::rdata`] |

mod files;
mod problem;
mod read;
mod write;

#[cfg(test)]
mod tests;

pub use self::files::Files;
pub use self::problem::{Mistake, Problem};
pub use self::read::{Include, MISTAKES_MAX, Read, Record, read, read_file};
pub use self::write::{Line, write};
