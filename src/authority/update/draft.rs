//! The names that an update touches, while it is made (RFC 2136 §3.4.2).

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::Refusal;
use super::sections;
use crate::name::Name;
use crate::rdata::{rtype, soa_serial};
use crate::wire::{class, rcode};
use crate::zone::Zone;
use crate::zone::build::stands_beside_cname;
use crate::zone::delta::{Delta, Record, identity};
use crate::zone::serial;

/// The names of a zone that an update touches, with what they own now.
pub(super) struct Draft<'z> {
    zone: &'z Zone,
    names: BTreeMap<Name, Sets>,
}

/// The RRsets of a name by their types; none is empty.
type Sets = BTreeMap<u16, Set>;

/// An RRset, each record of which is found at once: an update may have thousands of one.
#[derive(Default)]
struct Set {
    ttl: u32,
    /// The data, in the order in which it came.
    records: BTreeMap<usize, Box<[u8]>>,
    /// Where what is the same stands.
    places: HashMap<Box<[u8]>, usize>,
    next: usize,
}

impl Set {
    /// Adds what is not there.
    fn push(&mut self, rtype: u16, rdata: Box<[u8]>) {
        let identity = identity(rtype, &rdata);
        if let Entry::Vacant(place) = self.places.entry(identity) {
            place.insert(self.next);
            self.records.insert(self.next, rdata);
            self.next += 1;
        }
    }

    fn contains(&self, rtype: u16, rdata: &[u8]) -> bool {
        self.places.contains_key(&identity(rtype, rdata))
    }

    fn remove(&mut self, rtype: u16, rdata: &[u8]) {
        if let Some(place) = self.places.remove(&identity(rtype, rdata)) {
            self.records.remove(&place);
        }
    }

    /// Puts other data in the place of what it finds first; `false` where it finds none.
    fn replace(&mut self, rtype: u16, rdata: &[u8], is_replaced: impl Fn(&[u8]) -> bool) -> bool {
        let found = self.records.iter_mut().find(|(_, other)| is_replaced(other));
        let Some((&place, other)) = found else { return false };
        self.places.remove(&identity(rtype, other));
        *other = rdata.into();
        self.places.insert(identity(rtype, rdata), place);
        true
    }
}

impl<'z> Draft<'z> {
    pub(super) fn new(zone: &'z Zone) -> Self {
        Self { zone, names: BTreeMap::new() }
    }

    /// Does what one record of the update section asks for (§3.4.2.7).
    pub(super) fn apply(&mut self, entry: sections::Entry) -> Result<(), Refusal> {
        let is_apex = entry.owner == self.zone.origin;
        let sets = self.sets(&entry.owner)?;
        match (entry.class, entry.rdata) {
            (class::IN, Some(rdata)) => {
                let sections::Entry { owner, rtype, ttl, .. } = entry;
                if rtype == rtype::DNSKEY && is_apex {
                    let why = format!("{owner} DNSKEY: signed zones are not served");
                    return Err(Refusal::new(rcode::REFUSED, why));
                }
                add(sets, Record { owner, rtype, ttl, rdata }, is_apex);
            }
            (class::ANY, _) => match entry.rtype {
                rtype::ANY if is_apex => {
                    sets.retain(|rtype, _| matches!(*rtype, rtype::SOA | rtype::NS));
                }
                rtype::ANY => sets.clear(),
                rtype::SOA | rtype::NS if is_apex => {}
                rtype => {
                    sets.remove(&rtype);
                }
            },
            (class::NONE, Some(rdata)) => {
                let is_kept = match entry.rtype {
                    rtype::SOA => true,
                    // A zone has at least one.
                    rtype::NS if is_apex => {
                        sets.get(&rtype::NS).is_none_or(|set| set.records.len() == 1)
                    }
                    _ => false,
                };
                if !is_kept && let Some(set) = sets.get_mut(&entry.rtype) {
                    set.remove(entry.rtype, &rdata);
                    if set.records.is_empty() {
                        sets.remove(&entry.rtype);
                    }
                }
            }
            // The prescan leaves none of these.
            _ => {}
        }
        Ok(())
    }

    /// What a name owns; refused where that is not for updates to change.
    fn sets(&mut self, owner: &Name) -> Result<&mut Sets, Refusal> {
        if !self.names.contains_key(owner) {
            let mut sets = Sets::new();
            let node = self.zone.node(owner);
            for (_, set) in node.into_iter().flat_map(|node| node.rrsets()) {
                if set.count == 0 {
                    let by = if set.alias().is_some() { "an alias" } else { "a pool" };
                    let why = format!("{owner} is answered by {by}, which the zone's file has");
                    return Err(Refusal::new(rcode::REFUSED, why));
                }
                let mut kept = Set { ttl: set.ttl, ..Set::default() };
                for record in self.zone.records_in(owner, set) {
                    kept.push(set.rtype, record.rdata);
                }
                sets.insert(set.rtype, kept);
            }
            self.names.insert(owner.clone(), sets);
        }
        Ok(self.names.get_mut(owner).expect("it was put there if it was not"))
    }

    /// The difference to the version that it began with; `None` where there is none. Unless the update has set one, the
    /// serial is the next, or the time where that is greater (§3.6).
    pub(super) fn finish(self, now: u32) -> Option<Delta> {
        let before = self.zone.soa_record();
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        let mut after = None;
        for (owner, mut sets) in self.names {
            let node = self.zone.node(&owner);
            let records_of = |rtype: u16, set: Set| -> Vec<Record> {
                let (owner, ttl) = (&owner, set.ttl);
                let record = |rdata| Record { owner: owner.clone(), rtype, ttl, rdata };
                set.records.into_values().map(record).collect()
            };
            for (_, kept) in node.into_iter().flat_map(|node| node.rrsets()) {
                let was: Vec<Record> = self.zone.records_in(&owner, kept).collect();
                let is = records_of(kept.rtype, sets.remove(&kept.rtype).unwrap_or_default());
                if kept.rtype == rtype::SOA {
                    after = is.into_iter().next().filter(|soa| *soa != before);
                    continue;
                }
                // All of an RRset have one TTL: another is all of them gone and come again.
                let (before, now): (HashSet<_>, HashSet<_>) =
                    (was.iter().collect(), is.iter().collect());
                added.extend(is.iter().filter(|record| !before.contains(record)).cloned());
                removed.extend(was.iter().filter(|record| !now.contains(record)).cloned());
            }
            added.extend(sets.into_iter().flat_map(|(rtype, set)| records_of(rtype, set)));
        }
        if removed.is_empty() && added.is_empty() && after.is_none() {
            return None;
        }
        let next = serial::next(self.zone.serial, now);
        let after = after.unwrap_or_else(|| before.clone().with_serial(next));
        Delta::new(before, removed, after, added)
    }
}

/// Adds a record where nothing that is there forbids it; that is not told (§3.4.2.2).
fn add(sets: &mut Sets, record: Record, is_apex: bool) {
    let rtype = record.rtype;
    let is_hindered = match rtype {
        rtype::CNAME => {
            sets.keys().any(|other| *other != rtype::CNAME && !stands_beside_cname(*other))
        }
        rtype::SOA => {
            let soa = sets.get(&rtype::SOA).and_then(|soa| soa.records.values().next());
            let serial = soa.and_then(|soa| soa_serial(soa));
            let is_later =
                |serial| record.serial().is_some_and(|new| serial::is_greater(new, serial));
            !is_apex || !serial.is_some_and(is_later)
        }
        _ => sets.contains_key(&rtype::CNAME) && !stands_beside_cname(rtype),
    };
    if is_hindered {
        return;
    }
    let set = sets.entry(rtype).or_default();
    set.ttl = record.ttl;
    if set.contains(rtype, &record.rdata) {
        return;
    }
    let is_replaced = match rtype {
        rtype::CNAME | rtype::SOA | rtype::DNAME => set.replace(rtype, &record.rdata, |_| true),
        // Of WKS there is one for each address and protocol (§3.4.2.2, RFC 1035 §3.4.2).
        rtype::WKS => {
            let service = record.rdata.get(..5);
            set.replace(rtype, &record.rdata, |other| other.get(..5) == service)
        }
        _ => false,
    };
    if !is_replaced {
        set.push(rtype, record.rdata);
    }
}
