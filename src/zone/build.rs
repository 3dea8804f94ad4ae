//! Records in any order become a zone.
//!
//! ```text
//!   add, add, ... ──▶ one log of bytes ──bucketed by shard, sorted by name──▶ nodes ──▶ shards
//! ```
//!
//! What no single record shows is found here: a CNAME beside other data, an apex without SOA or NS,
//! TTLs that differ within an RRset, names that exist only because something is below them.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::store::{NewNode, NewRrset, RRSETS_MAX, SHARD_NAMES, Store, build_shard, flag};
use super::{Rotations, Zone};
use crate::config::model;
use crate::name::{self, Name, hash_label};
use crate::rdata::{self, rtype, template};

/// The most shards of a zone.
const SHARDS_MAX: usize = 4096;
/// The most bytes that one zone's records may take.
pub const ZONE_BYTES_MAX: usize = u32::MAX as usize;

/// A mistake that only the records together show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line of the record, where it came from a file that has lines; else 0.
    pub line: u32,
    /// Whose record it is.
    pub owner: Name,
    /// What is wrong.
    pub problem: Problem,
}

/// What can be wrong with records together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The apex has no SOA.
    NoSoa,
    /// The apex has no NS.
    NoNs,
    /// More than one SOA.
    ManySoa,
    /// SOA somewhere below the apex.
    SoaBelowApex,
    /// CNAME and something else at one name (RFC 1034 §3.6.2).
    CnameBesideOther,
    /// Two CNAMEs at one name (RFC 2181 §10.1).
    ManyCname,
    /// Two DNAMEs at one name (RFC 6672 §2.4).
    ManyDname,
    /// RDATA that is not of its type's shape.
    BadRdata,
    /// An RRset that no message could hold.
    RrsetTooLong,
    /// More types at one name than [`RRSETS_MAX`].
    ManyTypes,
    /// More bytes than [`ZONE_BYTES_MAX`].
    ZoneTooLong,
    /// TTLs that differ within an RRset (RFC 2181 §5.2); the lowest is taken.
    TtlsDiffer(u16),
    /// A or AAAA beside a pool, which answers both.
    AddressBesidePool,
    /// NS at a wildcard: answered when asked for, never a referral (RFC 4592 §4.2).
    NsAtWildcard,
}

impl Problem {
    /// Whether the zone can be served all the same.
    #[must_use]
    pub fn is_warning(self) -> bool {
        matches!(self, Self::TtlsDiffer(_) | Self::NsAtWildcard)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSoa => "the zone has no SOA record at its apex; a zone needs one",
            Self::NoNs => "the zone has no NS record at its apex; a zone needs at least one",
            Self::ManySoa => "the zone has more than one SOA record; it can have one",
            Self::SoaBelowApex => "SOA stands below the apex; it belongs at the apex alone",
            Self::CnameBesideOther => {
                "CNAME stands beside other records; a name that has a CNAME can have nothing else"
            }
            Self::ManyCname => "the name has more than one CNAME; it can have one",
            Self::ManyDname => "the name has more than one DNAME; it can have one",
            Self::BadRdata => "the record's data does not have the shape of its type",
            Self::RrsetTooLong => {
                "the records of one name and type take more than 65,535 bytes, which no message holds"
            }
            Self::ManyTypes => "the name has records of more than 255 types",
            Self::ZoneTooLong => "the zone takes more than 4 GiB",
            Self::TtlsDiffer(rtype) => {
                return write!(
                    f,
                    "the {} records of this name have TTLs that differ; the lowest is taken",
                    rdata::type_name(*rtype)
                );
            }
            Self::AddressBesidePool => {
                "addresses stand beside a pool; a pool answers A and AAAA by itself"
            }
            Self::NsAtWildcard => "NS at a wildcard delegates nothing; write out the names",
        })
    }
}

/// A zone and what could be better in it, or what stands in its way.
pub type Built = Result<(Zone, Vec<Mistake>), Vec<Mistake>>;

/// Builds a zone from its model, with the serial that it shall have; the rotations of the version
/// `before` go on.
pub fn from_model(zone: &model::Zone, serial: u32, before: Option<&Rotations>) -> Built {
    let mut builder = Builder::new(zone.origin.clone());
    let soa = &zone.soa;
    let mut rdata = [&soa.mname[..], &soa.rname].concat();
    for number in [serial, soa.refresh, soa.retry, soa.expire, soa.minimum] {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    builder.add(zone.origin.as_wire(), rtype::SOA, soa.ttl, &rdata, 0);
    for rrset in &zone.records {
        for rdata in &rrset.rdata {
            builder.add(rrset.owner.as_wire(), rrset.rtype, rrset.ttl, rdata, 0);
        }
    }
    for balanced in &zone.balanced {
        builder.add_balanced(&balanced.owner, balanced.pool as u32, before);
    }
    builder.finish(zone.pools.clone())
}

/// Gathers records and builds a zone of them.
pub struct Builder {
    origin: Name,
    origin_hash: u64,
    entries: Vec<Entry>,
    bytes: Vec<u8>,
    rotations: Rotations,
    mistakes: Vec<Mistake>,
    /// The owner added last, its hash and where its labels stand: files have runs of one owner.
    last: (u64, u32),
}

/// One record, or a balanced RRset, or a name that owns nothing.
#[derive(Clone, Copy)]
struct Entry {
    hash: u64,
    /// Where the owner's labels stand in the log: a length byte and the labels above the apex.
    name: u32,
    /// Where what follows stands in the log.
    at: u32,
    line: u32,
    rtype: u16,
    /// Whether a pool and a rotation stand in the place of RDATA.
    balanced: bool,
}

/// The type that stands for "nothing here, but something below": reserved by RFC 6895 §3.1.
const NOTHING: u16 = 0;

impl Builder {
    /// Starts a zone.
    #[must_use]
    pub fn new(origin: Name) -> Self {
        let origin_hash = name::hash(origin.as_wire());
        // The apex always exists, whatever the file has.
        let apex =
            Entry { hash: origin_hash, name: 0, at: 1, line: 0, rtype: NOTHING, balanced: false };
        Self {
            origin,
            origin_hash,
            entries: vec![apex],
            bytes: vec![0],
            rotations: Rotations::default(),
            mistakes: Vec::new(),
            last: (origin_hash, 0),
        }
    }

    /// Adds a record. The owner is at or below the origin, in lower case; RDATA is uncompressed.
    pub fn add(&mut self, owner: &[u8], rtype: u16, ttl: u32, rdata: &[u8], line: u32) {
        let labels = &owner[..owner.len() - self.origin.as_wire().len()];
        let (hash, name) = self.name(labels);
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(&ttl.to_le_bytes());
        let length_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0, 0]);
        if template::make(rtype, rdata, self.origin.as_wire(), &mut self.bytes).is_none() {
            self.bytes.truncate(length_at + 2);
            self.mistake(line, labels.to_vec(), Problem::BadRdata);
        }
        let length = (self.bytes.len() - length_at - 2) as u16;
        self.bytes[length_at..length_at + 2].copy_from_slice(&length.to_le_bytes());
        self.push(Entry { hash, name, at, line, rtype, balanced: false });
    }

    /// Adds a name that hands out a pool: A and AAAA, each with a rotation of its own.
    pub fn add_balanced(&mut self, owner: &Name, pool: u32, before: Option<&Rotations>) {
        let wire = owner.as_wire();
        let labels = &wire[..wire.len() - self.origin.as_wire().len()];
        let (hash, name) = self.name(labels);
        for rtype in [rtype::A, rtype::AAAA] {
            let rotation = self.rotations.place(owner, rtype, before);
            let at = self.bytes.len() as u32;
            self.bytes.extend_from_slice(&pool.to_le_bytes());
            self.bytes.extend_from_slice(&rotation.to_le_bytes());
            self.push(Entry { hash, name, at, line: 0, rtype, balanced: true });
        }
    }

    fn push(&mut self, entry: Entry) {
        // Offsets into the log are 32 bits wide; past that the zone is refused when it is finished.
        if self.bytes.len() < ZONE_BYTES_MAX {
            self.entries.push(entry);
        }
    }

    fn name(&mut self, labels: &[u8]) -> (u64, u32) {
        let at = self.last.1 as usize;
        if labels == &self.bytes[at + 1..at + 1 + usize::from(self.bytes[at])] {
            return self.last;
        }
        let hash = hash_labels(self.origin_hash, labels);
        let at = self.bytes.len() as u32;
        self.bytes.push(labels.len() as u8);
        self.bytes.extend_from_slice(labels);
        self.last = (hash, at);
        self.last
    }

    fn mistake(&mut self, line: u32, mut labels: Vec<u8>, problem: Problem) {
        labels.extend_from_slice(self.origin.as_wire());
        let owner = Name::from_wire(&labels).unwrap_or_else(Name::root);
        self.mistakes.push(Mistake { line, owner, problem });
    }

    /// Builds the zone.
    pub fn finish(mut self, pools: Vec<model::Pool>) -> Built {
        if self.bytes.len() >= ZONE_BYTES_MAX {
            self.mistake(0, Vec::new(), Problem::ZoneTooLong);
            return Err(self.mistakes);
        }
        self.add_empty_non_terminals();
        let shards = (self.entries.len() / SHARD_NAMES).next_power_of_two().min(SHARDS_MAX);
        let bits = shards.trailing_zeros();
        let bounds = bucket(&mut self.entries, bits);
        let mut assembler =
            Assembler { wildcard_parents: self.wildcard_parents(), ..Assembler::default() };
        let mut shards = Vec::with_capacity(bounds.len() - 1);
        for bound in bounds.windows(2) {
            shards.push(assembler.shard(&self.bytes, &mut self.entries[bound[0]..bound[1]]));
        }
        let Assembler { has_cuts, soa, names, mistakes, .. } = assembler;
        for (line, labels, problem) in mistakes {
            self.mistake(line, labels, problem);
        }
        let Some(soa) = soa else {
            self.mistake(0, Vec::new(), Problem::NoSoa);
            return Err(self.mistakes);
        };
        if self.mistakes.iter().any(|mistake| !mistake.problem.is_warning()) {
            return Err(self.mistakes);
        }
        let store = Store::new(shards);
        let apex = store.find(self.origin_hash, &[]).map(|at| store.node(at));
        let Some((place, _)) = apex.and_then(|apex| apex.rrset(rtype::SOA)) else {
            self.mistake(0, Vec::new(), Problem::NoSoa);
            return Err(self.mistakes);
        };
        let zone = Zone {
            origin_labels: self.origin.label_count(),
            serial: soa.serial,
            negative_ttl: soa.ttl.min(soa.minimum),
            origin: self.origin,
            has_cuts,
            store,
            soa: place,
            names,
            pools,
            rotations: self.rotations,
        };
        Ok((zone, self.mistakes))
    }

    /// Names that exist only because something is below them (RFC 4592 §2.2.2), and so all names
    /// between a name and the apex.
    fn add_empty_non_terminals(&mut self) {
        let mut seen: HashSet<u64> = HashSet::new();
        for index in 0..self.entries.len() {
            let Entry { name, .. } = self.entries[index];
            let mut start = name as usize + 1;
            let end = start + usize::from(self.bytes[name as usize]);
            if start == end || start + 1 + usize::from(self.bytes[start]) == end {
                continue; // the apex, or right below it
            }
            loop {
                start += 1 + usize::from(self.bytes[start]);
                if start == end {
                    break;
                }
                let hash = hash_labels(self.origin_hash, &self.bytes[start..end]);
                if !seen.insert(hash) {
                    break; // and so are all above it
                }
                let at = self.bytes.len() as u32;
                self.bytes.push((end - start) as u8);
                self.bytes.extend_from_within(start..end);
                self.entries.push(Entry {
                    hash,
                    name: at,
                    at,
                    line: 0,
                    rtype: NOTHING,
                    balanced: false,
                });
            }
        }
    }

    /// The hashes of the names that have a wildcard right below them.
    fn wildcard_parents(&self) -> HashSet<u64> {
        let labels = self.entries.iter().map(|entry| labels(&self.bytes, entry.name));
        labels
            .filter_map(|labels| labels.strip_prefix(b"\x01*"))
            .map(|parent| hash_labels(self.origin_hash, parent))
            .collect()
    }
}

/// Puts the entries of each shard together, sorted by name, type and place in the file; gives where
/// each shard begins, and the end.
fn bucket(entries: &mut [Entry], bits: u32) -> Vec<usize> {
    entries.sort_unstable_by_key(|entry| (entry.hash, entry.rtype, entry.at));
    let shards = 1usize << bits;
    (0..=shards)
        .map(|shard| entries.partition_point(|entry| Store::shard_of(entry.hash, bits) < shard))
        .collect()
}

/// The hash of labels in front of a suffix.
fn hash_labels(suffix: u64, labels: &[u8]) -> u64 {
    let Some(&first) = labels.first() else { return suffix };
    let (label, rest) = labels.split_at(1 + usize::from(first));
    hash_label(hash_labels(suffix, rest), label)
}

/// What the apex's SOA says.
#[derive(Clone, Copy)]
struct Soa {
    serial: u32,
    ttl: u32,
    minimum: u32,
}

/// Makes shards of sorted entries, and notes what concerns the whole zone.
#[derive(Default)]
struct Assembler {
    wildcard_parents: HashSet<u64>,
    has_cuts: bool,
    soa: Option<Soa>,
    names: usize,
    mistakes: Vec<(u32, Vec<u8>, Problem)>,
    // Used again for each shard.
    nodes: Vec<(u64, u32, u8, Range<usize>)>,
    rrsets: Vec<NewRrset>,
    bytes: Vec<u8>,
}

impl Assembler {
    /// Lays out the shard of these entries, which are sorted by hash, type and place.
    fn shard(&mut self, log: &[u8], entries: &mut [Entry]) -> Arc<[u8]> {
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
        } else if length > RRSET_MAX || count > usize::from(u16::MAX) {
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

/// The most bytes of an RRset's records: what a message holds at most.
const RRSET_MAX: usize = u16::MAX as usize;

fn labels(log: &[u8], name: u32) -> &[u8] {
    let at = name as usize;
    &log[at + 1..at + 1 + usize::from(log[at])]
}

fn same_name(log: &[u8], a: u32, b: u32) -> bool {
    a == b || labels(log, a) == labels(log, b)
}

fn read_u32(log: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([log[at], log[at + 1], log[at + 2], log[at + 3]])
}

#[cfg(test)]
mod tests;
