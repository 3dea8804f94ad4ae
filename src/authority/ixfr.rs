//! What has changed since the version that a client has (RFC 1995).
//!
//! ```text
//! the client's serial            answered
//! ours, or one after it          our SOA alone: there is nothing to take
//! one that the journal knows     SOA │ (old SOA │ removed │ next SOA │ added) for each step │ SOA
//! one that it does not know      the whole zone, as AXFR gives it
//! any, the way longer than it    the whole zone
//! ```
//!
//! Serials are compared as RFC 1982 has it.

use std::sync::Arc;

use super::Messages;
use super::axfr::Axfr;
use super::pack::{Full, Owner, Packer};
use super::transfer::Form;
use crate::name::suffixes::Suffixes;
use crate::rdata::{rtype, soa_serial};
use crate::wire::decode::decode;
use crate::zone::Zone;
use crate::zone::delta::Record;
use crate::zone::journal::Step;
use crate::zone::serial::is_greater;

/// What a client that has a serial is given.
pub(super) fn messages(zone: Arc<Zone>, serial: u32, packer: Packer) -> (Form, Messages) {
    if serial == zone.serial || is_greater(serial, zone.serial) {
        return (Form::UpToDate(serial), Box::new(Steps::new(zone, Vec::new(), packer)));
    }
    let steps = zone.journal.since(serial).filter(|steps| is_shorter(steps, &zone));
    match steps.map(<[Step]>::to_vec) {
        Some(way) => (Form::Since(serial), Box::new(Steps::new(zone, way, packer))),
        None => (Form::Instead(serial), Box::new(Axfr::new(zone, packer))),
    }
}

/// Whether the differences take less than the zone does.
fn is_shorter(steps: &[Step], zone: &Zone) -> bool {
    let bytes: usize = steps.iter().map(Step::sent).sum();
    bytes < zone.store.bytes() + zone.exported.bytes()
}

/// The serial that a request for differences says the client has (RFC 1995 §3): that of the SOA in its authority section.
pub(super) fn serial_of(request: &[u8]) -> Option<u32> {
    let query = decode(request, &mut Suffixes::default()).ok()?;
    let count = |at: usize| Some(u16::from_be_bytes([*request.get(at)?, *request.get(at + 1)?]));
    if count(6)? != 0 || count(8)? == 0 {
        return None;
    }
    let rest = &request[query.question_end..];
    let rest = &rest[name_len(rest)?..];
    let (&[t0, t1, _, _, _, _, _, _, n0, n1], rest) = rest.split_first_chunk()?;
    let rdata = rest.get(..usize::from(u16::from_be_bytes([n0, n1])))?;
    // Its names may be compressed, its numbers come last.
    soa_serial(rdata).filter(|_| [t0, t1] == rtype::SOA.to_be_bytes())
}

/// The length of a name in a message, whether it ends in a pointer or not.
fn name_len(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *rest.get(at)? {
            0 => return Some(at + 1),
            0xc0.. => return Some(at + 2),
            len => at += 1 + usize::from(len),
        }
    }
}

/// The messages of the differences; of our SOA alone where there are none.
struct Steps {
    zone: Arc<Zone>,
    way: Vec<Step>,
    packer: Packer,
    next: Next,
}

/// Which record comes next.
#[derive(Clone, Copy)]
enum Next {
    FirstSoa,
    Step { step: usize, record: usize },
    LastSoa,
    Nothing,
}

impl Steps {
    fn new(zone: Arc<Zone>, way: Vec<Step>, packer: Packer) -> Self {
        Self { zone, way, packer, next: Next::FirstSoa }
    }

    /// Packs records until the message is full or nothing is left.
    fn fill(&mut self) -> Result<(), Full> {
        loop {
            self.next = match self.next {
                Next::FirstSoa => {
                    self.packer.soa(&self.zone)?;
                    if self.way.is_empty() {
                        Next::Nothing
                    } else {
                        Next::Step { step: 0, record: 0 }
                    }
                }
                Next::Step { step, record } => {
                    self.steps(step, record)?;
                    Next::LastSoa
                }
                Next::LastSoa => {
                    self.packer.soa(&self.zone)?;
                    Next::Nothing
                }
                Next::Nothing => return Ok(()),
            };
        }
    }

    fn steps(&mut self, first: usize, mut record: usize) -> Result<(), Full> {
        let origin = self.zone.origin.as_wire().len();
        for (step, Step { delta, .. }) in self.way.iter().enumerate().skip(first) {
            let mut before: Option<&Record> = None;
            let records = delta.removed().iter().chain(delta.added()).enumerate();
            for (at, one) in records.skip(record) {
                let owner = one.owner.as_wire();
                let owner = Owner {
                    labels: &owner[..owner.len() - origin],
                    is_again: before.is_some_and(|before| before.owner == one.owner),
                };
                if self.packer.plain(owner, one.rtype, one.ttl, &one.rdata).is_err() {
                    self.next = Next::Step { step, record: at };
                    return Err(Full);
                }
                before = Some(one);
            }
            record = 0;
        }
        Ok(())
    }
}

impl Iterator for Steps {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let filled = self.fill();
        self.packer.take(filled)
    }
}
