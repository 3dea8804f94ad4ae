//! A transfer as a function: one version of a zone and a request in, messages out.
//!
//! What pools say is in [`Zone::exported`], how the version came to be in [`Zone::journal`]. Who may take it is the engine's to
//! decide.

use std::fmt;
use std::sync::Arc;

use super::axfr::Axfr;
use super::pack::Packer;
use super::{Messages, ixfr};
use crate::name::suffixes::Suffixes;
use crate::rdata::rtype;
use crate::wire::decode::decode;
use crate::wire::rcode;
use crate::wire::tsig::Signed;
use crate::zone::Zone;

/// Gives the time in seconds since 1970, for signatures.
pub type Clock = fn() -> u64;

/// What a client is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The whole zone, as it asked.
    Whole,
    /// The whole zone, as the way from this serial is not known or too long.
    Instead(u32),
    /// What has changed since this serial.
    Since(u32),
    /// The SOA alone: with this serial it has all there is.
    UpToDate(u32),
    /// That its request cannot be read.
    Malformed,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("the whole zone"),
            Self::Instead(serial) => write!(f, "the whole zone instead of changes since {serial}"),
            Self::Since(serial) => write!(f, "changes since {serial}"),
            Self::UpToDate(serial) => write!(f, "nothing new since {serial}"),
            Self::Malformed => f.write_str("an error, as the request cannot be read"),
        }
    }
}

/// The answer to a request for a transfer, AXFR or IXFR over TCP, that the engine allows; signed where the request was.
#[must_use]
pub fn messages(
    zone: Arc<Zone>,
    request: &[u8],
    signed: Option<&Signed>,
    clock: Clock,
) -> (Form, Messages) {
    let packer = Packer::new(zone.origin.as_wire(), request, signed, clock);
    let query = decode(request, &mut Suffixes::default());
    let (Some(mut packer), Ok(query)) = (packer, query) else {
        return (Form::Malformed, Box::new(std::iter::empty()));
    };
    if query.qtype != rtype::IXFR {
        return (Form::Whole, Box::new(Axfr::new(zone, packer)));
    }
    match ixfr::serial_of(request) {
        Some(serial) => ixfr::messages(zone, serial, packer),
        None => (Form::Malformed, Box::new(std::iter::once(packer.refuse(rcode::FORMERR)))),
    }
}

#[cfg(test)]
mod tests;
