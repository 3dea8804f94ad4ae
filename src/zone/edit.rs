//! A zone made of another and a [`Delta`]: what does not change is shared.
//!
//! ```text
//!   removed, added ──▶ drafts of the nodes that they concern ──▶ those nodes' shards made anew
//!                        │ a name comes: names above it come, the one above counts one more
//!                        │ a name goes:  the one above counts one less, and goes if nothing keeps it
//! ```

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use super::Zone;
use super::build::Problem;
use super::build::judge::{Judged, RECORD_REST, RRSET_MAX, Set, judge};
use super::delta::{Delta, Record, identity};
use super::store::{NewRrsets, RRSETS_MAX, Replaced, flag};
use crate::name::{Name, hash, hash_labels};
use crate::rdata::{self, rtype, template};

/// Why a delta does not fit a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// Whose record it is about.
    pub owner: Name,
    /// The type of the record; SOA where it is about the zone.
    pub rtype: u16,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with a delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is made for a version of another serial.
    OtherVersion,
    /// The owner is not in the zone.
    Outside,
    /// A record goes that is not there.
    NotThere,
    /// A record comes that is there.
    There,
    /// What would stand at the name cannot be served.
    Wrong(Problem),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, rtype, why } = self;
        write!(f, "{owner} {}: {why}", rdata::type_name(*rtype))
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherVersion => "the change is for another serial",
            Self::Outside => "the name is not in the zone",
            Self::NotThere => "the record to be removed is not there",
            Self::There => "the record to be added is there already",
            Self::Wrong(problem) => return problem.fmt(f),
        })
    }
}

impl Zone {
    /// The version that a delta leads to. It is for this version, every record that it removes is there and none that
    /// it adds; `Err` says what is otherwise. Its journal has the delta as its last step. An RRset takes the TTL of the record added to it last (RFC 2181 §5.2).
    pub fn edited(&self, delta: &Delta) -> Result<Self, Unfit> {
        if delta.from() != self.serial {
            let owner = self.origin.clone();
            return Err(Unfit { owner, rtype: rtype::SOA, why: Why::OtherVersion });
        }
        let mut drafts = Drafts::new(self);
        for record in delta.removed() {
            drafts.remove(record)?;
        }
        for record in delta.added() {
            drafts.add(record)?;
        }
        let zone = drafts.finish()?;
        let journal = zone.journal.with(Arc::new(delta.clone()));
        Ok(Zone { journal, ..zone })
    }
}

/// The nodes that change, by their labels.
struct Drafts<'z> {
    zone: &'z Zone,
    origin_hash: u64,
    nodes: HashMap<Box<[u8]>, Draft>,
    names: usize,
    cuts: usize,
    // Used again for each record.
    template: Vec<u8>,
}

/// A node while it is changed.
struct Draft {
    hash: u64,
    rrsets: Vec<DraftSet>,
    children: u32,
    has_wildcard: bool,
    /// Whether the name was there before.
    is_old: bool,
}

/// An RRset while it is changed.
struct DraftSet {
    rtype: u16,
    ttl: u32,
    /// 0 where it is balanced.
    count: u16,
    /// Those that are gone are in it until the end.
    bytes: Vec<u8>,
    /// Where in `bytes` those begin that are gone, and how long they are together.
    gone: BTreeSet<usize>,
    gone_len: usize,
    /// Where each begins, by what makes it the same as another; made when one is looked for first.
    places: Option<HashMap<Box<[u8]>, usize>>,
}

impl Draft {
    fn is_empty(&self) -> bool {
        self.rrsets.is_empty() && self.children == 0
    }
}

impl DraftSet {
    fn new(rtype: u16, ttl: u32, count: u16, bytes: Vec<u8>) -> Self {
        Self { rtype, ttl, count, bytes, gone: BTreeSet::new(), gone_len: 0, places: None }
    }

    /// Where each record stands. An update may have thousands of one RRset, and each is looked for.
    fn places(&mut self, apex: &[u8]) -> &mut HashMap<Box<[u8]>, usize> {
        let (rtype, count, bytes) = (self.rtype, self.count, &self.bytes);
        self.places.get_or_insert_with(|| {
            let mut places = HashMap::with_capacity(usize::from(count));
            // What a balanced RRset has is no record.
            let kept = if count == 0 { &[][..] } else { &bytes[..] };
            for (at, template) in kept_in(kept) {
                places.insert(identity_of(rtype, template, apex), at);
            }
            places
        })
    }

    /// Takes out the record of this RDATA, as kept in the zone of this apex; `false` where there is none.
    fn remove(&mut self, template: &[u8], apex: &[u8]) -> bool {
        let identity = identity_of(self.rtype, template, apex);
        let Some(at) = self.places(apex).remove(&identity) else { return false };
        let length = self.bytes[at..].first_chunk().map_or(0, |len| u16::from_le_bytes(*len));
        self.gone.insert(at);
        self.gone_len += 2 + usize::from(length);
        self.count -= 1;
        true
    }

    /// Puts in a record that is not there; `false` where it is.
    fn add(&mut self, template: &[u8], apex: &[u8]) -> bool {
        let (identity, at) = (identity_of(self.rtype, template, apex), self.bytes.len());
        match self.places(apex).entry(identity) {
            Entry::Occupied(_) => return false,
            Entry::Vacant(place) => place.insert(at),
        };
        self.count += 1;
        self.bytes.extend_from_slice(&(template.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(template);
        true
    }

    /// How many bytes stay.
    fn len(&self) -> usize {
        self.bytes.len() - self.gone_len
    }

    /// Lets go of those that are gone.
    fn compact(&mut self) {
        if self.gone.is_empty() {
            return;
        }
        let mut stay = Vec::with_capacity(self.len());
        for (at, template) in kept_in(&self.bytes).filter(|(at, _)| !self.gone.contains(at)) {
            stay.extend_from_slice(&self.bytes[at..at + 2 + template.len()]);
        }
        self.bytes = stay;
    }
}

/// The records of an RRset as zones keep them: where each begins, and its RDATA.
fn kept_in(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let length = u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
        let (start, begin) = (at, at + 2);
        at = begin + usize::from(length);
        Some((start, &bytes[begin..at]))
    })
}

/// What makes a record the same as another.
fn identity_of(rtype: u16, template: &[u8], apex: &[u8]) -> Box<[u8]> {
    let mut rdata = Vec::with_capacity(template.len() + apex.len());
    template::expand(rtype, template, apex, &mut rdata);
    identity(rtype, &rdata)
}

impl<'z> Drafts<'z> {
    fn new(zone: &'z Zone) -> Self {
        let origin_hash = hash(zone.origin.as_wire());
        let (names, cuts) = (zone.names, zone.cuts);
        Self { zone, origin_hash, nodes: HashMap::new(), names, cuts, template: Vec::new() }
    }

    fn remove(&mut self, record: &Record) -> Result<(), Unfit> {
        let labels = self.labels(record)?;
        self.make_template(record)?;
        let template = std::mem::take(&mut self.template);
        let apex = self.zone.origin.as_wire();
        let node = self.node(labels);
        let place = node.rrsets.iter().position(|set| set.rtype == record.rtype);
        let Some(place) = place.filter(|place| node.rrsets[*place].remove(&template, apex)) else {
            return Err(unfit(record, Why::NotThere));
        };
        if node.rrsets[place].count == 0 {
            node.rrsets.remove(place);
        }
        self.template = template;
        Ok(())
    }

    fn add(&mut self, record: &Record) -> Result<(), Unfit> {
        let labels = self.labels(record)?;
        self.make_template(record)?;
        let template = std::mem::take(&mut self.template);
        let apex = self.zone.origin.as_wire();
        let node = self.node(labels);
        let place = node.rrsets.partition_point(|set| set.rtype < record.rtype);
        if node.rrsets.get(place).is_none_or(|set| set.rtype != record.rtype) {
            let (rtype, ttl) = (record.rtype, record.ttl);
            node.rrsets.insert(place, DraftSet::new(rtype, ttl, 0, Vec::new()));
        }
        let set = &mut node.rrsets[place];
        if set.count == 0 && !set.bytes.is_empty() {
            return Err(unfit(record, Why::Wrong(Problem::RecordsBesidePool)));
        }
        if !set.add(&template, apex) {
            return Err(unfit(record, Why::There));
        }
        set.ttl = record.ttl;
        if set.len() + usize::from(set.count) * RECORD_REST > RRSET_MAX {
            return Err(unfit(record, Why::Wrong(Problem::RrsetTooLong)));
        }
        self.template = template;
        Ok(())
    }

    fn labels<'r>(&self, record: &'r Record) -> Result<&'r [u8], Unfit> {
        self.zone.labels_of(&record.owner).ok_or_else(|| unfit(record, Why::Outside))
    }

    /// Brings the RDATA of a record into the form that zones keep.
    fn make_template(&mut self, record: &Record) -> Result<(), Unfit> {
        self.template.clear();
        let apex = self.zone.origin.as_wire();
        let is_valid = rdata::is_valid(record.rtype, &record.rdata)
            && template::make(record.rtype, &record.rdata, apex, &mut self.template).is_some();
        if is_valid { Ok(()) } else { Err(unfit(record, Why::Wrong(Problem::BadRdata))) }
    }

    /// The draft of a name, which is made of what is there; a name that is new comes with those above it.
    fn node(&mut self, labels: &[u8]) -> &mut Draft {
        if !self.nodes.contains_key(labels) {
            let draft = self.draft(labels);
            let is_new = !draft.is_old;
            self.nodes.insert(labels.into(), draft);
            if is_new {
                let parent = self.node(parent(labels));
                parent.children += 1;
                parent.has_wildcard |= labels.starts_with(b"\x01*");
            }
        }
        self.nodes.get_mut(labels).expect("it was put there if it was not")
    }

    fn draft(&mut self, labels: &[u8]) -> Draft {
        let hash = hash_labels(self.origin_hash, labels);
        let store = &self.zone.store;
        let Some(node) = store.find(hash, labels).map(|at| store.node(at)) else {
            let (rrsets, children) = (Vec::new(), 0);
            return Draft { hash, rrsets, children, has_wildcard: false, is_old: false };
        };
        let sets = node
            .rrsets()
            .map(|(_, set)| DraftSet::new(set.rtype, set.ttl, set.count, set.as_kept().to_vec()));
        let draft = Draft {
            hash,
            rrsets: sets.collect(),
            children: node.children(),
            has_wildcard: node.flags() & flag::WILDCARD_CHILD != 0,
            is_old: true,
        };
        // As if it were not there; counted again when it is done.
        self.names -= usize::from(!draft.rrsets.is_empty());
        self.cuts -= usize::from(node.flags() & (flag::CUT | flag::DNAME) != 0);
        draft
    }

    /// Takes out the names that nothing keeps, and counts them off from those above.
    fn prune(&mut self) -> Vec<Replaced> {
        let mut gone = Vec::new();
        let empty =
            self.nodes.iter().filter(|(labels, node)| !labels.is_empty() && node.is_empty());
        let mut empty: Vec<Box<[u8]>> = empty.map(|(labels, _)| labels.clone()).collect();
        while let Some(labels) = empty.pop() {
            let Some(node) = self.nodes.remove(&labels) else { continue };
            if node.is_old {
                gone.push(Replaced::gone(node.hash, &labels));
            }
            let above = parent(&labels);
            let parent = self.node(above);
            parent.children = parent.children.saturating_sub(1);
            if labels.starts_with(b"\x01*") {
                parent.has_wildcard = false;
            }
            if parent.is_empty() && !above.is_empty() {
                empty.push(above.into());
            }
        }
        gone
    }

    fn finish(mut self) -> Result<Zone, Unfit> {
        let mut replaced = self.prune();
        for set in self.nodes.values_mut().flat_map(|node| &mut node.rrsets) {
            set.compact();
        }
        let mut soa = None;
        for (labels, node) in &self.nodes {
            let sets = node.rrsets.iter().map(|set| Set {
                rtype: set.rtype,
                ttl: set.ttl,
                count: set.count,
                bytes: &set.bytes,
            });
            let Judged { mut flags, soa: found, mut wrong } = judge(labels, &sets);
            if node.rrsets.len() > RRSETS_MAX {
                wrong.push(Problem::ManyTypes);
            }
            if labels.is_empty() && found.is_none() {
                wrong.push(Problem::NoSoa);
            }
            if let Some(&problem) = wrong.iter().find(|problem| !problem.is_warning()) {
                let (owner, rtype) = (self.zone.owner(labels), problem.rtype());
                return Err(Unfit { owner, rtype, why: Why::Wrong(problem) });
            }
            soa = soa.or(found);
            self.names += usize::from(!node.rrsets.is_empty());
            self.cuts += usize::from(flags & (flag::CUT | flag::DNAME) != 0);
            if node.has_wildcard {
                flags |= flag::WILDCARD_CHILD;
            }
            let mut rrsets = NewRrsets::default();
            for set in &node.rrsets {
                rrsets.push(set.rtype, set.ttl, set.count, &set.bytes);
            }
            replaced.push(Replaced::new(node.hash, labels, flags, node.children, &rrsets));
        }
        let zone = self.zone;
        let store = zone.store.edited(self.origin_hash, replaced);
        let (Some(soa), Some((apex, place))) = (soa, store.apex(self.origin_hash)) else {
            let owner = zone.origin.clone();
            return Err(Unfit { owner, rtype: rtype::SOA, why: Why::Wrong(Problem::NoSoa) });
        };
        Ok(Zone {
            origin: zone.origin.clone(),
            origin_labels: zone.origin_labels,
            serial: soa.serial,
            negative_ttl: soa.ttl.min(soa.minimum),
            has_cuts: self.cuts > 0,
            cuts: self.cuts,
            digest: zone.digest,
            store,
            apex,
            soa: place,
            names: self.names,
            pools: Arc::clone(&zone.pools),
            rotations: Arc::clone(&zone.rotations),
            rules: Arc::clone(&zone.rules),
            shards: Arc::clone(&zone.shards),
            private: zone.private.clone(),
            parts: Arc::clone(&zone.parts),
            aliases: Arc::clone(&zone.aliases),
            secondaries: zone.secondaries,
            reverse: zone.reverse,
            exported: zone.exported.clone(),
            journal: zone.journal.clone(),
        })
    }
}

/// The labels of the name above one that is not the apex.
fn parent(labels: &[u8]) -> &[u8] {
    &labels[1 + usize::from(labels[0])..]
}

fn unfit(record: &Record, why: Why) -> Unfit {
    Unfit { owner: record.owner.clone(), rtype: record.rtype, why }
}
