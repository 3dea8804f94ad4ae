//! A transfer as a function: one version of a zone and a request in, messages out.
//!
//! What pools say is in [`Zone::exported`], how the version came to be in [`Zone::journal`]. Who may take it is the engine's to
//! decide.

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

/// The answer to a request for a transfer, AXFR or IXFR over TCP, that the engine allows; signed where the request was.
///
/// There is no message where the request cannot be read.
#[must_use]
pub fn messages(
    zone: Arc<Zone>,
    request: &[u8],
    signed: Option<&Signed>,
    clock: Clock,
) -> Messages {
    let packer = Packer::new(zone.origin.as_wire(), request, signed, clock);
    let query = decode(request, &mut Suffixes::default());
    let (Some(mut packer), Ok(query)) = (packer, query) else {
        return Box::new(std::iter::empty());
    };
    if query.qtype != rtype::IXFR {
        return Box::new(Axfr::new(zone, packer));
    }
    match ixfr::serial_of(request) {
        Some(serial) => ixfr::messages(zone, serial, packer),
        None => Box::new(std::iter::once(packer.refuse(rcode::FORMERR))),
    }
}

#[cfg(test)]
mod tests;
