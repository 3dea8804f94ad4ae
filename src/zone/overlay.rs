//! What updates have made of the zone of a file: net, RRset by RRset.
//!
//! The file says what it says, and what updates took out and put in lies over it:
//!
//! ```text
//!   file ──▶ zone as the file has it ──overlay──▶ zone as it is served
//!                                   ◀──changed── an update
//! ```
//!
//! So the file may be edited, and what updates did holds still: a record that was taken out stays out, one that was put in
//! stays in, as far as the file leaves it room.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use super::Zone;
use super::delta::{Delta, Record, identity};
use super::edit::Unfit;
use super::journal::Journal;
use crate::name::Name;
use crate::rdata::{rtype, type_name};

/// The RRsets of a zone that updates have changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlay {
    sets: BTreeMap<(Name, u16), Changed>,
}

/// What updates have made of one RRset, beside what the file has of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// What the file has and is not served.
    pub removed: Vec<Record>,
    /// What is served and the file does not have.
    pub added: Vec<Record>,
}

impl Changed {
    /// How an RRset of a zone as it is served differs from that of its file. The serial of a SOA is no difference.
    #[must_use]
    pub fn between(file: &Zone, served: &Zone, owner: &Name, rtype: u16) -> Self {
        let records = |zone: &Zone| -> Vec<Record> {
            let set = zone.node(owner).and_then(|node| node.rrset(rtype)).map(|(_, set)| set);
            let records = set.into_iter().flat_map(|set| zone.records_in(owner, set));
            records.map(|record| record.with_serial(0)).collect()
        };
        let (was, is) = (records(file), records(served));
        let without = |these: &[Record], those: &[Record]| {
            let those: HashSet<&Record> = those.iter().collect();
            these.iter().filter(|record| !those.contains(record)).cloned().collect()
        };
        Self { removed: without(&was, &is), added: without(&is, &was) }
    }

    /// Whether the file has what is served.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }
}

/// What of an overlay the file leaves no room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Whose records.
    pub owner: Name,
    /// Of which type.
    pub rtype: u16,
    /// What is in the way, for people.
    pub why: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, rtype, why } = self;
        write!(f, "what updates did to {owner} {} is left out: {why}", type_name(*rtype))
    }
}

impl Overlay {
    /// Notes what updates have made of an RRset.
    pub fn set(&mut self, owner: Name, rtype: u16, changed: Changed) {
        self.sets.insert((owner, rtype), changed);
    }

    /// How many RRsets updates have changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sets.len()
    }

    /// Whether updates have changed nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// The zone of a file as it is served, with this serial; and what the file leaves no room for. Its journal is empty.
    #[must_use]
    pub fn apply(&self, file: &Zone, serial: u32) -> (Zone, Vec<LeftOut>) {
        let mut left_out = Vec::new();
        let whole = Parts::of(self.sets.iter(), file, &mut left_out);
        let zone = whole.edit(file, serial).or_else(|_| {
            // Together they do not fit the file any more: one after the other, as far as they do.
            let mut zone = Parts::default().edit(file, serial)?;
            let mut names: Vec<&Name> = self.sets.keys().map(|(owner, _)| owner).collect();
            names.dedup();
            for owner in names {
                let sets = self.sets.range((owner.clone(), 0)..=(owner.clone(), u16::MAX));
                match Parts::of(sets, file, &mut Vec::new()).edit(&zone, serial) {
                    Ok(edited) => zone = edited,
                    Err(Unfit { owner, rtype, why }) => {
                        left_out.push(LeftOut { owner, rtype, why: why.to_string() });
                    }
                }
            }
            Ok(zone)
        });
        let zone = zone.unwrap_or_else(|unfit: Unfit| {
            // Only a SOA that does not fit leads here, and that is one of ours.
            let Unfit { owner, rtype, why } = unfit;
            left_out.push(LeftOut { owner, rtype, why: why.to_string() });
            file.clone()
        });
        (Zone { journal: Journal::default(), ..zone }, left_out)
    }
}

/// What is to be done to a file's zone.
#[derive(Default)]
struct Parts {
    soa: Option<Record>,
    removed: Vec<Record>,
    added: Vec<Record>,
}

impl Parts {
    /// What of these sets there is room for in a file: what is to go is there, what is to come is not.
    fn of<'o>(
        sets: impl Iterator<Item = (&'o (Name, u16), &'o Changed)>,
        file: &Zone,
        left_out: &mut Vec<LeftOut>,
    ) -> Self {
        let mut parts = Self::default();
        for ((owner, rtype), changed) in sets {
            if *rtype == rtype::SOA {
                parts.soa = changed.added.first().cloned();
                continue;
            }
            let node = file.node(owner);
            let is_ours =
                |node: super::store::Node<'_>| node.rrsets().any(|(_, set)| set.count == 0);
            if node.is_some_and(is_ours) {
                let why = "the file has a pool or an alias there now".to_owned();
                left_out.push(LeftOut { owner: owner.clone(), rtype: *rtype, why });
                continue;
            }
            let set = node.and_then(|node| node.rrset(*rtype)).map(|(_, set)| set);
            let was: Vec<Record> =
                set.into_iter().flat_map(|set| file.records_in(owner, set)).collect();
            let identity = |record: &Record| identity(*rtype, &record.rdata);
            let gone: HashSet<_> = changed.removed.iter().map(identity).collect();
            let (mut removed, mut stay) = (Vec::new(), HashSet::new());
            for record in was {
                let identity = identity(&record);
                if gone.contains(&identity) {
                    removed.push(record);
                } else {
                    stay.insert(identity);
                }
            }
            let is_new = |record: &&Record| !stay.contains(&identity(record));
            parts.added.extend(changed.added.iter().filter(is_new).cloned());
            parts.removed.extend(removed);
        }
        parts
    }

    fn edit(self, zone: &Zone, serial: u32) -> Result<Zone, Unfit> {
        let before = zone.soa_record();
        let after = self.soa.unwrap_or_else(|| before.clone()).with_serial(serial);
        let delta = Delta::new(before, self.removed, after, self.added);
        zone.edited(
            &delta.expect("what a zone has at its apex is a SOA, and so is what updates set"),
        )
    }
}

#[cfg(test)]
mod tests;
