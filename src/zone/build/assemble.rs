//! Sorted entries become shards, and what is wrong with them is noted.

use std::ops::Range;

use super::judge::{Judged, RECORD_REST, RRSET_MAX, Set, Soa, judge};
use super::{Entry, HashMap, HashSet, NOTHING, Problem};
use crate::name::hash_labels;
use crate::sys::prefetch;
use crate::zone::store::{BalancedAt, NewNode, NewRrset, RRSETS_MAX, build_shard, flag};

/// Who has names right below it, by the hashes of names.
#[derive(Default)]
pub(super) struct Families {
    children: HashMap<u64, u32>,
    wildcard_parents: HashSet<u64>,
}

impl Families {
    /// Notes a name, by its labels above the apex, with the one above it.
    pub(super) fn add_name(&mut self, origin_hash: u64, labels: &[u8]) {
        let Some(&first) = labels.first() else { return };
        let parent = hash_labels(origin_hash, &labels[1 + usize::from(first)..]);
        *self.children.entry(parent).or_default() += 1;
        if labels.starts_with(b"\x01*") {
            self.wildcard_parents.insert(parent);
        }
    }
}

/// Makes shards of sorted entries, and notes what concerns the whole zone.
#[derive(Default)]
pub(super) struct Assembler {
    families: Families,
    /// How many names are zone cuts or hold a DNAME.
    pub(super) cuts: usize,
    pub(super) soa: Option<Soa>,
    pub(super) names: usize,
    pub(super) mistakes: Vec<(u32, Vec<u8>, Problem)>,
    // Used again for each shard.
    nodes: Vec<(u64, u32, u8, Range<usize>)>, // hash, name, flags, RRsets
    rrsets: Vec<NewRrset>,
    bytes: Vec<u8>,
}

impl Assembler {
    /// Starts a zone of these families.
    pub(super) fn new(families: Families) -> Self {
        Self { families, ..Self::default() }
    }

    /// Lays out the shard of these entries, which are sorted by hash, type and place.
    pub(super) fn shard(&mut self, log: &[u8], entries: &mut [Entry]) -> Vec<u8> {
        self.nodes.clear();
        self.rrsets.clear();
        self.bytes.clear();
        // All of a shard at once, as its names are anywhere in the log.
        for entry in entries.iter() {
            prefetch(log, entry.name as usize);
            prefetch(log, entry.at as usize);
        }
        for group in entries.chunk_by_mut(|a, b| a.hash == b.hash) {
            let first = group[0].name;
            if group.iter().all(|entry| same_name(log, entry.name, first)) {
                self.node(log, group);
            } else {
                // Two names of one hash: rare enough to be sorted again here.
                group.sort_by(|a, b| {
                    (labels(log, a.name), a.rtype, a.at).cmp(&(labels(log, b.name), b.rtype, b.at))
                });
                for one in group.chunk_by(|a, b| same_name(log, a.name, b.name)) {
                    self.node(log, one);
                }
            }
        }
        let nodes: Vec<NewNode<'_>> = self
            .nodes
            .iter()
            .map(|(hash, name, flags, rrsets)| NewNode {
                hash: *hash,
                labels: labels(log, *name),
                flags: *flags,
                children: self.families.children.get(hash).copied().unwrap_or(0),
                rrsets: rrsets.clone(),
            })
            .collect();
        build_shard(&nodes, &self.rrsets, &self.bytes)
    }

    fn node(&mut self, log: &[u8], entries: &[Entry]) {
        let Entry { hash, name, .. } = entries[0];
        let start = self.rrsets.len();
        for rrset in entries.chunk_by(|a, b| a.rtype == b.rtype) {
            if rrset[0].rtype != NOTHING {
                self.rrset(log, rrset);
            }
        }
        let rrsets = start..self.rrsets.len();
        if !rrsets.is_empty() {
            self.names += 1;
        }
        let mut flags = self.judge(labels(log, name), &entries[entries.len() - 1], rrsets.clone());
        if self.families.wildcard_parents.contains(&hash) {
            flags |= flag::WILDCARD_CHILD;
        }
        // A name of too many types has lost them.
        let rrsets = start..self.rrsets.len();
        self.nodes.push((hash, name, flags, rrsets));
    }

    fn rrset(&mut self, log: &[u8], entries: &[Entry]) {
        let first = entries[0];
        let start = self.bytes.len();
        let (mut ttl, mut count) = (u32::MAX, 0);
        if first.balanced {
            let at = first.at as usize;
            self.bytes.extend_from_slice(&log[at..at + BalancedAt::LEN]);
            ttl = 0;
        }
        let records = self.bytes.len();
        for entry in entries.iter().filter(|entry| !entry.balanced) {
            let at = entry.at as usize;
            let record_ttl = read_u32(log, at);
            if count > 0 && record_ttl != ttl {
                self.mistake(log, *entry, Problem::TtlsDiffer(entry.rtype));
            }
            ttl = ttl.min(record_ttl);
            let length = usize::from(u16::from_le_bytes([log[at + 4], log[at + 5]]));
            let record = &log[at + 4..at + 6 + length];
            // The same record twice is one (RFC 2181 §5). What is too long already grows no further, so
            // the search stays short.
            if self.bytes.len() - start > RRSET_MAX || self.contains(records, record) {
                continue;
            }
            self.bytes.extend_from_slice(record);
            count += 1;
        }
        let length = self.bytes.len() - start;
        if first.balanced != entries[entries.len() - 1].balanced {
            self.mistake(log, first, Problem::RecordsBesidePool);
        } else if length + count * RECORD_REST > RRSET_MAX {
            self.mistake(log, first, Problem::RrsetTooLong);
            self.bytes.truncate(start);
            count = 0;
        }
        let bytes = start..self.bytes.len();
        self.rrsets.push(NewRrset { rtype: first.rtype, ttl, count: count as u16, bytes });
    }

    /// Whether the RRset whose records begin at `start` has this one, its length before it.
    fn contains(&self, start: usize, record: &[u8]) -> bool {
        let mut rest = &self.bytes[start..];
        while let Some((&length, _)) = rest.split_first_chunk::<2>() {
            let (one, tail) = rest.split_at(2 + usize::from(u16::from_le_bytes(length)));
            if one == record {
                return true;
            }
            rest = tail;
        }
        false
    }

    /// What stands at one name: the flags, and what is wrong.
    fn judge(&mut self, labels: &[u8], entry: &Entry, rrsets: Range<usize>) -> u8 {
        let sets = self.rrsets[rrsets.clone()].iter().map(|set| Set {
            rtype: set.rtype,
            ttl: set.ttl,
            count: set.count,
            bytes: &self.bytes[set.bytes.clone()],
        });
        let Judged { flags, soa, mut wrong } = judge(labels, &sets);
        self.cuts += usize::from(flags & (flag::CUT | flag::DNAME) != 0);
        self.soa = self.soa.or(soa);
        if rrsets.len() > RRSETS_MAX {
            wrong.push(Problem::ManyTypes);
            self.rrsets.truncate(rrsets.start);
        }
        self.mistakes.extend(wrong.into_iter().map(|what| (entry.line, labels.to_vec(), what)));
        flags
    }

    fn mistake(&mut self, log: &[u8], entry: Entry, problem: Problem) {
        self.mistakes.push((entry.line, labels(log, entry.name).to_vec(), problem));
    }
}

pub(super) fn labels(log: &[u8], name: u32) -> &[u8] {
    let at = name as usize;
    &log[at + 1..at + 1 + usize::from(log[at])]
}

fn same_name(log: &[u8], a: u32, b: u32) -> bool {
    a == b || labels(log, a) == labels(log, b)
}

fn read_u32(log: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([log[at], log[at + 1], log[at + 2], log[at + 3]])
}
