//! The names that an update touches, while it is made (RFC 2136 §3.4.2).

use std::collections::BTreeMap;

use super::Refusal;
use super::sections::Entry;
use crate::name::Name;
use crate::rdata::rtype;
use crate::wire::{class, rcode};
use crate::zone::Zone;
use crate::zone::build::stands_beside_cname;
use crate::zone::delta::{Delta, Record};
use crate::zone::serial;

/// The names of a zone that an update touches, with what they own now.
pub(super) struct Draft<'z> {
    zone: &'z Zone,
    names: BTreeMap<Name, Sets>,
}

/// The RRsets of a name by their types; none is empty.
type Sets = BTreeMap<u16, Vec<Record>>;

impl<'z> Draft<'z> {
    pub(super) fn new(zone: &'z Zone) -> Self {
        Self { zone, names: BTreeMap::new() }
    }

    /// Does what one record of the update section asks for (§3.4.2.7).
    pub(super) fn apply(&mut self, entry: Entry) -> Result<(), Refusal> {
        let is_apex = entry.owner == self.zone.origin;
        let sets = self.sets(&entry.owner)?;
        match (entry.class, entry.rdata) {
            (class::IN, Some(rdata)) => {
                let Entry { owner, rtype, ttl, .. } = entry;
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
                    rtype::NS if is_apex => sets.get(&rtype::NS).is_none_or(|set| set.len() == 1),
                    _ => false,
                };
                if !is_kept && let Some(set) = sets.get_mut(&entry.rtype) {
                    let gone = Entry { rdata: Some(rdata), ..entry };
                    set.retain(|record| !gone.is(record));
                    if set.is_empty() {
                        sets.remove(&gone.rtype);
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
                sets.insert(set.rtype, self.zone.records_in(owner, set).collect());
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
            for (_, kept) in node.into_iter().flat_map(|node| node.rrsets()) {
                let was: Vec<Record> = self.zone.records_in(&owner, kept).collect();
                let is = sets.remove(&kept.rtype).unwrap_or_default();
                if kept.rtype == rtype::SOA {
                    after = is.into_iter().next().filter(|soa| *soa != before);
                    continue;
                }
                // All of an RRset have one TTL: another is all of them gone and come again.
                let has_all = is.first().is_some_and(|record| record.ttl != kept.ttl);
                let stays = |record: &Record| !has_all && was.contains(record);
                added.extend(is.iter().filter(|record| !stays(record)).cloned());
                let gone = was.iter().filter(|record| has_all || !is.contains(record));
                removed.extend(gone.cloned());
            }
            added.extend(sets.into_values().flatten());
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
            let serial = sets.get(&rtype::SOA).and_then(|soa| soa.first()?.serial());
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
    let is_one = matches!(rtype, rtype::CNAME | rtype::SOA | rtype::DNAME);
    // Of WKS there is one for each address and protocol (§3.4.2.2, RFC 1035 §3.4.2).
    let is_replaced = |other: &Record| {
        is_one || rtype == rtype::WKS && other.rdata.get(..5) == record.rdata.get(..5)
    };
    let ttl = record.ttl;
    match set.iter_mut().find(|other| other.is_same(&record) || is_replaced(other)) {
        Some(other) if other.is_same(&record) => {}
        Some(other) => *other = record,
        None => set.push(record),
    }
    for record in set {
        record.ttl = ttl;
    }
}
