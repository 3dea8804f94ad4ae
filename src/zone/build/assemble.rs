//! Sorted entries become shards, and what is wrong with them is noted.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::{Entry, NOTHING, Problem};
use crate::rdata::rtype;
use crate::zone::store::{NewNode, NewRrset, RRSETS_MAX, build_shard, flag};

/// What the apex's SOA says.
#[derive(Clone, Copy)]
pub(super) struct Soa {
    pub(super) serial: u32,
    pub(super) ttl: u32,
    pub(super) minimum: u32,
}

/// Makes shards of sorted entries, and notes what concerns the whole zone.
#[derive(Default)]
pub(super) struct Assembler {
    /// The hashes of the names that have a wildcard right below them.
    wildcard_parents: HashSet<u64>,
    pub(super) has_cuts: bool,
    pub(super) soa: Option<Soa>,
    pub(super) names: usize,
    pub(super) mistakes: Vec<(u32, Vec<u8>, Problem)>,
    // Used again for each shard.
    nodes: Vec<(u64, u32, u8, Range<usize>)>,
    rrsets: Vec<NewRrset>,
    bytes: Vec<u8>,
}

impl Assembler {
    /// Starts a zone in which these names, by their hashes, have a wildcard right below them.
    pub(super) fn new(wildcard_parents: HashSet<u64>) -> Self {
        Self { wildcard_parents, ..Self::default() }
    }

    /// Lays out the shard of these entries, which are sorted by hash, type and place.
    pub(super) fn shard(&mut self, log: &[u8], entries: &mut [Entry]) -> Arc<[u8]> {
        self.nodes.clear();
        self.rrsets.clear();
        self.bytes.clear();
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
        if self.wildcard_parents.contains(&hash) {
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
            self.bytes.extend_from_slice(&log[at..at + 8]);
            ttl = 0;
        }
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
            if self.bytes.len() - start > RRSET_MAX || self.contains(start, record) {
                continue;
            }
            self.bytes.extend_from_slice(record);
            count += 1;
        }
        let length = self.bytes.len() - start;
        if first.balanced != entries[entries.len() - 1].balanced {
            self.mistake(log, first, Problem::AddressBesidePool);
        } else if length + count * RECORD_REST > RRSET_MAX {
            self.mistake(log, first, Problem::RrsetTooLong);
            self.bytes.truncate(start);
            count = 0;
        }
        let bytes = start..self.bytes.len();
        self.rrsets.push(NewRrset { rtype: first.rtype, ttl, count: count as u16, bytes });
    }

    /// Whether the RRset whose bytes begin at `start` has this record, its length before it.
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
        let is_apex = labels.is_empty();
        let is_wildcard = labels.starts_with(b"\x01*");
        let mut wrong = Vec::new();
        let mut flags = 0;
        let of_type = |rtype| self.rrsets[rrsets.clone()].iter().find(|set| set.rtype == rtype);
        if let Some(cname) = of_type(rtype::CNAME) {
            flags |= flag::CNAME;
            if cname.count > 1 {
                wrong.push(Problem::ManyCname);
            }
            // RRSIG and NSEC belong to the CNAME (RFC 4034 §3, RFC 2181 §10.1).
            let signed = |set: &&NewRrset| !matches!(set.rtype, rtype::RRSIG | rtype::NSEC);
            if self.rrsets[rrsets.clone()].iter().filter(signed).count() > 1 {
                wrong.push(Problem::CnameBesideOther);
            }
        }
        if let Some(dname) = of_type(rtype::DNAME) {
            flags |= flag::DNAME;
            self.has_cuts = true;
            if dname.count > 1 {
                wrong.push(Problem::ManyDname);
            }
        }
        match of_type(rtype::NS) {
            None if is_apex => wrong.push(Problem::NoNs),
            Some(_) if is_wildcard => wrong.push(Problem::NsAtWildcard),
            Some(_) if !is_apex => {
                flags |= flag::CUT;
                self.has_cuts = true;
            }
            _ => {}
        }
        if let Some(soa) = of_type(rtype::SOA) {
            let rdata = &self.bytes[soa.bytes.clone()];
            match rdata.last_chunk::<20>() {
                _ if !is_apex => wrong.push(Problem::SoaBelowApex),
                Some(numbers) => {
                    if soa.count > 1 {
                        wrong.push(Problem::ManySoa);
                    }
                    let number = |at: usize| {
                        u32::from_be_bytes([
                            numbers[at],
                            numbers[at + 1],
                            numbers[at + 2],
                            numbers[at + 3],
                        ])
                    };
                    self.soa = Some(Soa { serial: number(0), ttl: soa.ttl, minimum: number(16) });
                }
                None => wrong.push(Problem::BadRdata),
            }
        }
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

/// The most bytes of an RRset's records: what a message holds at most beside its header, the longest
/// question and OPT.
const RRSET_MAX: usize = u16::MAX as usize - 12 - (255 + 4) - 11;
/// What a record takes in a message besides its length and RDATA: owner, type, class and TTL.
const RECORD_REST: usize = 10;

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
