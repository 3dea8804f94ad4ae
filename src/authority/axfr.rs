//! A whole zone, message by message.
//!
//! ```text
//!   SOA │ every record of every name, glue and what is occluded too │ what pools say at this serial │ SOA
//! ```
//!
//! The records come as the zone keeps them, in no order that means anything (RFC 5936 §2.2), straight out of its bytes:
//! beside the zone, which the transfer holds, there is one message at a time.
//!
//! | RFC 5936 | what | where |
//! |---|---|---|
//! | §2.2 | many records a message; the SOA first and last | [`Axfr`] |
//! | §2.2.1, §2.2.5 | ID and question given back, AA, OPT | [`super::pack`] |
//! | §3.1, §3.2, §3.5 | one version from the first record to the last, whatever is published meanwhile | [`Axfr`] holds its zone |
//! | §3.3 | glue and occluded names | all of [`Store::nodes_of`] |
//! | §3.4 | names compressed, their case kept | [`super::pack`] |

use std::sync::Arc;

use super::pack::{Full, Owner, Packer};
use crate::rdata::rtype;
use crate::zone::Zone;
#[cfg(doc)]
use crate::zone::store::Store;

/// The messages of a zone's transfer.
pub(super) struct Axfr {
    zone: Arc<Zone>,
    packer: Packer,
    next: Next,
}

/// Which record comes next.
#[derive(Clone, Copy)]
enum Next {
    FirstSoa,
    Kept { shard: usize, node: usize, rrset: usize, record: usize },
    Exported { set: usize, record: usize },
    LastSoa,
    Nothing,
}

impl Axfr {
    pub(super) fn new(zone: Arc<Zone>, packer: Packer) -> Self {
        Self { zone, packer, next: Next::FirstSoa }
    }

    /// Packs records until the message is full or nothing is left.
    fn fill(&mut self) -> Result<(), Full> {
        loop {
            self.next = match self.next {
                Next::FirstSoa => {
                    self.packer.soa(&self.zone)?;
                    Next::Kept { shard: 0, node: 0, rrset: 0, record: 0 }
                }
                Next::Kept { .. } => {
                    self.kept()?;
                    Next::Exported { set: 0, record: 0 }
                }
                Next::Exported { set, record } => {
                    self.exported(set, record)?;
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

    /// What the zone keeps as records.
    fn kept(&mut self) -> Result<(), Full> {
        let Next::Kept { mut shard, mut node, mut rrset, mut record } = self.next else {
            return Ok(());
        };
        let store = &self.zone.store;
        while shard < store.shard_count() {
            for (at, (labels, names)) in store.nodes_of(shard).enumerate().skip(node) {
                let mut owner = Owner { labels, is_again: record > 0 };
                for (of, (_, set)) in names.rrsets().enumerate().skip(rrset) {
                    // What is balanced has no records here, and the SOA comes at both ends.
                    if set.rtype == rtype::SOA {
                        continue;
                    }
                    for (which, rdata) in set.rdatas().enumerate().skip(record) {
                        let packed = self.packer.template(owner, set.rtype, set.ttl, rdata);
                        if packed.is_err() {
                            self.next = Next::Kept { shard, node: at, rrset: of, record: which };
                            return Err(Full);
                        }
                        owner.is_again = true;
                    }
                    record = 0;
                }
                rrset = 0;
            }
            (node, shard) = (0, shard + 1);
        }
        Ok(())
    }

    /// What stands for pools.
    fn exported(&mut self, mut set: usize, mut record: usize) -> Result<(), Full> {
        let origin = self.zone.origin.as_wire().len();
        while let Some(of) = self.zone.exported.sets().get(set) {
            let owner = of.owner.as_wire();
            let mut owner = Owner { labels: &owner[..owner.len() - origin], is_again: record > 0 };
            for (which, rdata) in of.rdata.iter().enumerate().skip(record) {
                if self.packer.plain(owner, of.rtype, of.ttl, rdata).is_err() {
                    self.next = Next::Exported { set, record: which };
                    return Err(Full);
                }
                owner.is_again = true;
            }
            (record, set) = (0, set + 1);
        }
        Ok(())
    }
}

impl Iterator for Axfr {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let filled = self.fill();
        self.packer.take(filled)
    }
}
