//! The records of a zone one by one, and how two versions of it differ.
//!
//! What a file that changed, an update (RFC 2136) and an incremental transfer (RFC 1995) have in common: some records
//! go, others come, and the SOA is replaced.
//!
//! ```text
//!   Zone ──edited(Delta)──▶ Zone        between(Zone, Zone) ──▶ Delta
//! ```
//!
//! Records are compared as RFC 2136 §1.1.1 has it: names in RDATA without case, TTLs not at all. All records of an
//! RRset have one TTL (RFC 2181 §5.2), so a TTL that changes is all its records gone and come again.

use std::collections::BTreeSet;

use super::Zone;
use super::store::{BalancedAt, Node, Rrset};
use crate::name::{Name, hash, hash_labels};
use crate::rdata::{canonicalize, rtype, set_soa_serial, soa_serial, template};

/// One record of a zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record {
    /// Whose it is.
    pub owner: Name,
    /// The type's number.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// Names in it uncompressed, in the case as written.
    pub rdata: Box<[u8]>,
}

impl Record {
    /// Whether both have the owner, the type and the data (RFC 2136 §1.1.1).
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.rtype == other.rtype
            && self.owner == other.owner
            && same_rdata(self.rtype, &self.rdata, &other.rdata)
    }

    /// The serial that it has, where it is a SOA.
    #[must_use]
    pub fn serial(&self) -> Option<u32> {
        if self.rtype == rtype::SOA { soa_serial(&self.rdata) } else { None }
    }

    /// The same with another serial; anything but a SOA stays as it is.
    #[must_use]
    pub fn with_serial(mut self, serial: u32) -> Self {
        if self.rtype == rtype::SOA {
            set_soa_serial(&mut self.rdata, serial);
        }
        self
    }
}

/// Whether RDATA is the same but for the case of names in it.
#[must_use]
pub fn same_rdata(rtype: u16, a: &[u8], b: &[u8]) -> bool {
    #[cfg(test)]
    tests::LOOKED_AT.set(tests::LOOKED_AT.get() + 1);
    if a == b {
        return true;
    }
    if !a.eq_ignore_ascii_case(b) {
        return false;
    }
    let (mut a, mut b) = (a.to_vec(), b.to_vec());
    canonicalize(rtype, &mut a);
    canonicalize(rtype, &mut b);
    a == b
}

/// What records of one owner and type that are the same have in common, and no others: RDATA, names in it in lower case.
#[must_use]
pub fn identity(rtype: u16, rdata: &[u8]) -> Box<[u8]> {
    #[cfg(test)]
    tests::LOOKED_AT.set(tests::LOOKED_AT.get() + 1);
    let mut same = rdata.to_vec();
    canonicalize(rtype, &mut same);
    same.into_boxed_slice()
}

/// How one version of a zone becomes the next, in the order of an incremental transfer (RFC 1995 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    removed: Vec<Record>,
    added: Vec<Record>,
}

impl Delta {
    /// From the version of one SOA to that of another, by these records besides; none of them is a SOA. `None` where
    /// one of the two is no SOA.
    #[must_use]
    pub fn new(
        before: Record,
        mut removed: Vec<Record>,
        after: Record,
        mut added: Vec<Record>,
    ) -> Option<Self> {
        before.serial()?;
        after.serial()?;
        removed.insert(0, before);
        added.insert(0, after);
        Some(Self { removed, added })
    }

    /// What goes: first the SOA of before.
    #[must_use]
    pub fn removed(&self) -> &[Record] {
        &self.removed
    }

    /// What comes: first the SOA of the new version.
    #[must_use]
    pub fn added(&self) -> &[Record] {
        &self.added
    }

    /// The serial of the version that it is made for.
    #[must_use]
    pub fn from(&self) -> u32 {
        self.removed[0].serial().expect("a delta is only made of SOAs")
    }

    /// The serial of the version that it leads to.
    #[must_use]
    pub fn to(&self) -> u32 {
        self.added[0].serial().expect("a delta is only made of SOAs")
    }

    /// How many records it has in all.
    #[must_use]
    pub fn len(&self) -> usize {
        self.removed.len() + self.added.len()
    }

    /// Whether nothing changes, the serial neither.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.removed == self.added
    }

    /// What leads from one version of a zone to another; `None` where they hold the same records. Shards that both
    /// share are not looked at. Balanced RRsets are not records, and are left out.
    #[must_use]
    pub fn between(before: &Zone, after: &Zone) -> Option<Self> {
        Self::between_within(before, after, usize::MAX).unwrap_or_default()
    }

    /// The same, given up where it comes to more than about so many records.
    pub fn between_within(
        before: &Zone,
        after: &Zone,
        most: usize,
    ) -> Result<Option<Self>, TooMany> {
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        let origin = hash(before.origin.as_wire());
        for shard in 0..before.store.shard_count() {
            if before.store.shares(&after.store, shard) {
                continue;
            }
            for (labels, node) in before.store.nodes_of(shard) {
                let other = find(after, origin, labels);
                differences(before, labels, node, other, &mut removed, &mut added);
            }
            if removed.len() + added.len() > most {
                return Err(TooMany);
            }
        }
        for shard in 0..after.store.shard_count() {
            if after.store.shares(&before.store, shard) {
                continue;
            }
            for (labels, node) in after.store.nodes_of(shard) {
                if find(before, origin, labels).is_none() {
                    added.extend(records_of(after, labels, node));
                }
            }
            if removed.len() + added.len() > most {
                return Err(TooMany);
            }
        }
        if removed.is_empty() && added.is_empty() {
            return Ok(None);
        }
        removed.retain(|record| record.rtype != rtype::SOA);
        added.retain(|record| record.rtype != rtype::SOA);
        Ok(Self::new(before.soa_record(), removed, after.soa_record(), added))
    }
}

/// Two versions have less in common than is worth a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

fn find<'z>(zone: &'z Zone, origin_hash: u64, labels: &[u8]) -> Option<Node<'z>> {
    zone.store.find(hash_labels(origin_hash, labels), labels).map(|at| zone.store.node(at))
}

/// What differs at one name that `before` has.
fn differences(
    zone: &Zone,
    labels: &[u8],
    before: Node<'_>,
    after: Option<Node<'_>>,
    removed: &mut Vec<Record>,
    added: &mut Vec<Record>,
) {
    let owner = zone.owner(labels);
    for (_, rrset) in before.rrsets() {
        let other = after.and_then(|after| after.rrset(rrset.rtype)).map(|(_, other)| other);
        match other {
            Some(other) if other.is_equal(&rrset) => {}
            Some(other) if other.ttl == rrset.ttl => {
                let was: BTreeSet<Record> = zone.records_in(&owner, rrset).collect();
                let is: BTreeSet<Record> = zone.records_in(&owner, other).collect();
                removed.extend(was.difference(&is).cloned());
                added.extend(is.difference(&was).cloned());
            }
            other => {
                removed.extend(zone.records_in(&owner, rrset));
                added.extend(other.into_iter().flat_map(|other| zone.records_in(&owner, other)));
            }
        }
    }
    let new = after.into_iter().flat_map(|after| after.rrsets());
    for (_, rrset) in new.filter(|(_, rrset)| before.rrset(rrset.rtype).is_none()) {
        added.extend(zone.records_in(&owner, rrset));
    }
}

fn records_of<'z>(
    zone: &'z Zone,
    labels: &[u8],
    node: Node<'z>,
) -> impl Iterator<Item = Record> + use<'z> {
    let owner = zone.owner(labels);
    node.rrsets().flat_map(move |(_, rrset)| zone.records_in(&owner, rrset).collect::<Vec<_>>())
}

impl Zone {
    /// Every record, the SOA among them, in the order that names are kept in. Balanced RRsets are not among them:
    /// [`Zone::balanced`] has these.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        self.store.nodes().flat_map(|(labels, node)| records_of(self, labels, node))
    }

    /// Every balanced RRset: its owner, its type, and what it hands out.
    pub fn balanced(&self) -> impl Iterator<Item = (Name, u16, BalancedAt)> {
        self.store.nodes().flat_map(move |(labels, node)| {
            let sets = node.rrsets().filter_map(|(_, set)| Some((set.rtype, set.balanced()?)));
            sets.map(move |(rtype, balanced)| (self.owner(labels), rtype, balanced))
        })
    }

    /// The SOA.
    #[must_use]
    pub fn soa_record(&self) -> Record {
        let soa = self.records_in(&self.origin, self.store.rrset(self.soa)).next();
        soa.expect("no zone is built without a SOA")
    }

    /// What a name owns; `None` where it does not exist.
    #[must_use]
    pub fn node(&self, name: &Name) -> Option<Node<'_>> {
        let labels = self.labels_of(name)?;
        find(self, hash(self.origin.as_wire()), labels)
    }

    /// The records of one RRset of an owner; none where it is balanced.
    pub fn records_in<'z>(
        &'z self,
        owner: &Name,
        rrset: Rrset<'z>,
    ) -> impl Iterator<Item = Record> + use<'z> {
        let owner = owner.clone();
        rrset.rdatas().map(move |kept| {
            let mut rdata = Vec::with_capacity(kept.len() + self.origin.as_wire().len());
            template::expand(rrset.rtype, kept, self.origin.as_wire(), &mut rdata);
            let (owner, rdata) = (owner.clone(), rdata.into_boxed_slice());
            Record { owner, rtype: rrset.rtype, ttl: rrset.ttl, rdata }
        })
    }

    /// The whole name of a node.
    #[must_use]
    pub fn owner(&self, labels: &[u8]) -> Name {
        let wire = [labels, self.origin.as_wire()].concat();
        Name::from_wire(&wire).expect("a node's labels make a name in front of the apex")
    }

    /// The labels of a name in front of the apex; `None` where it is not in the zone.
    pub(super) fn labels_of<'n>(&self, name: &'n Name) -> Option<&'n [u8]> {
        let wire = name.as_wire();
        name.is_at_or_below(&self.origin).then(|| &wire[..wire.len() - self.origin.as_wire().len()])
    }
}

#[cfg(test)]
pub(crate) mod tests;
