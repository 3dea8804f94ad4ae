//! Records in any order become a zone.
//!
//! ```text
//!   add, add, ... ──▶ one log of bytes ──bucketed by shard, sorted by name──▶ nodes ──▶ shards
//! ```
//!
//! What no single record shows is found here: a CNAME beside other data, an apex without SOA or NS,
//! TTLs that differ within an RRset, names that exist only because something is below them.

mod assemble;
mod faces;
pub(super) mod judge;
mod mistake;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use assemble::{Assembler, Families, labels};
pub use faces::Faces;
pub use judge::stands_beside_cname;
pub use mistake::{Mistake, Problem};

use super::exported::Exported;
use super::journal::Journal;
use super::rules::{Near, NearSite, Rule, Rules};
use super::shards::{Shard, Shards};
use super::store::{BalancedAt, Packing, SHARD_NAMES, SHARDS_MAX, Store};
use super::{Choice, Rotations, Zone};
use crate::config::model::place::{Region, Site};
use crate::config::model::{self, Form, Made, Policy};
use crate::geo::Prefixes;
use crate::name::{self, Name, hash_labels};
use crate::rdata::{rtype, template};
use crate::sys::prefetch;

/// The most bytes that one zone's records may take.
pub const ZONE_BYTES_MAX: usize = u32::MAX as usize;

/// A zone and what could be better in it, or what stands in its way.
pub type Built = Result<(Zone, Vec<Mistake>), Vec<Mistake>>;

/// Builds a zone from its model, with the serial that it shall have; the rotations of the version
/// `before` go on.
pub fn from_model(zone: &model::Zone, serial: u32, before: Option<&Rotations>) -> Built {
    from_model_with(zone, || serial, before)
}

/// As [`from_model`]; the serial is asked for when all else is gathered.
pub fn from_model_with(
    zone: &model::Zone,
    serial: impl FnOnce() -> u32,
    before: Option<&Rotations>,
) -> Built {
    let mut builder = Builder::new(zone.origin.clone());
    for rrset in &zone.records {
        for rdata in &rrset.rdata {
            builder.add(rrset.owner.as_wire(), rrset.rtype, rrset.ttl, rdata, 0);
        }
    }
    let faces = Faces::of(&zone.pools);
    for balanced in &zone.balanced {
        builder.add_balanced(balanced, &faces, before);
    }
    for alias in &zone.aliases {
        builder.add_alias(alias.clone());
    }
    let soa = &zone.soa;
    let mut rdata = [&soa.mname[..], &soa.rname].concat();
    for number in [serial(), soa.refresh, soa.retry, soa.expire, soa.minimum] {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    builder.add(zone.origin.as_wire(), rtype::SOA, soa.ttl, &rdata, 0);
    let (mut built, mistakes) = builder.finish(zone.pools.clone())?;
    built.exported = Exported::of(&zone.balanced, &zone.pools);
    built.parts = Arc::new(parts(zone));
    built.secondaries = zone.secondaries;
    built.private = zone.private.as_ref().map(|private| Arc::new(Prefixes::new(private)));
    built.reverse = zone.reverse;
    Ok((built, mistakes))
}

/// The pools that stand in others, and that no name asks for by themselves.
fn parts(zone: &model::Zone) -> BTreeSet<usize> {
    let asked = zone.balanced.iter().flat_map(|balanced| {
        let rules = balanced.rules.iter().map(|rule| rule.pool);
        let shards = balanced.shards.iter().flat_map(|shards| shards.pools.iter().copied());
        rules.chain(shards).chain([balanced.pool])
    });
    let asked: BTreeSet<usize> = asked.collect();
    let inner = zone.pools.iter().flat_map(|pool| &pool.backends).filter_map(model::Backend::inner);
    inner.filter(|place| !asked.contains(place)).collect()
}

/// Gathers records and builds a zone of them.
pub struct Builder {
    origin: Name,
    origin_hash: u64,
    entries: Vec<Entry>,
    bytes: Vec<u8>,
    rotations: Rotations,
    rules: Vec<Rules>,
    shards: Vec<Shards>,
    /// What is made of each pool, by its place.
    made: HashMap<usize, Vec<Made>>,
    aliases: Vec<model::Alias>,
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
    /// Whether numbers stand in the place of RDATA: a [`BalancedAt`], or an alias.
    balanced: bool,
}

/// One type of a name that hands out pools.
#[derive(Clone, Copy)]
struct Of<'b> {
    balanced: &'b model::Balanced,
    rtype: u16,
    pools: &'b Faces<'b>,
    before: Option<&'b Rotations>,
}

/// How many entries the log is fetched ahead of them.
const AHEAD: usize = 16;

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
            rules: Vec::new(),
            shards: Vec::new(),
            made: HashMap::new(),
            aliases: Vec::new(),
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

    /// Adds a name that hands out pools: each of its types has a rotation of its own.
    pub fn add_balanced(
        &mut self,
        balanced: &model::Balanced,
        pools: &Faces<'_>,
        before: Option<&Rotations>,
    ) {
        let owner = &balanced.owner;
        let wire = owner.as_wire();
        let labels = &wire[..wire.len() - self.origin.as_wire().len()];
        let (hash, name) = self.name(labels);
        for rtype in balanced.form.types() {
            let of = Of { balanced, rtype, pools, before };
            let choice = self.choice(of, balanced.pool);
            let rules = self.rules(of);
            let shards = self.shards(of);
            let at = BalancedAt { choice, rules, shards };
            self.push_balanced((hash, name), rtype, at.to_bytes());
        }
    }

    /// Adds a name that answers A and AAAA with the addresses of another.
    pub fn add_alias(&mut self, alias: model::Alias) {
        let wire = alias.owner.as_wire();
        let labels = &wire[..wire.len() - self.origin.as_wire().len()];
        let name = self.name(labels);
        let place = self.aliases.len() as u32;
        for rtype in [rtype::A, rtype::AAAA] {
            self.push_balanced(name, rtype, BalancedAt::of_alias(place));
        }
        self.aliases.push(alias);
    }

    /// Adds what stands in the place of RDATA.
    fn push_balanced(
        &mut self,
        (hash, name): (u64, u32),
        rtype: u16,
        bytes: [u8; BalancedAt::LEN],
    ) {
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(&bytes);
        self.push(Entry { hash, name, at, line: 0, rtype, balanced: true });
    }

    /// The place among what is made of a pool, where a name answers that.
    fn made(&mut self, balanced: &model::Balanced, pool: usize) -> u32 {
        let Form::Made(made) = &balanced.form else { return 0 };
        let known = self.made.entry(pool).or_default();
        let place = known.iter().position(|other| other == made).unwrap_or_else(|| {
            known.push(made.clone());
            known.len() - 1
        });
        place as u32
    }

    /// What a pool gives to a type of a name. Each pool but the name's own turns by itself.
    fn choice(&mut self, of: Of<'_>, place: usize) -> Choice {
        let Of { balanced, rtype, pools, before } = of;
        let other = pools.get(place).filter(|_| place != balanced.pool).map(model::Pool::label);
        let rotation = self.rotations.place(&balanced.owner, rtype, other.as_deref(), before);
        Choice { pool: place as u32, rotation, made: self.made(balanced, place) }
    }

    /// The same, and what it gives to those who get private addresses.
    fn both_choices(&mut self, of: Of<'_>, place: usize) -> (Choice, Choice) {
        let own = self.choice(of, place);
        (own, of.pools.twin(place).map_or(own, |twin| self.choice(of, twin)))
    }

    /// The place of the shards of one type, where there are any.
    fn shards(&mut self, of: Of<'_>) -> Option<u32> {
        let model::Shards { by, pools: places } = of.balanced.shards.as_ref()?;
        let shards = places.iter().filter_map(|&place| {
            let (choice, private) = self.both_choices(of, place);
            // By the name in the file: who asks for a role, or from inside, is given the same shard.
            Some(Shard { name: &of.pools.get(place)?.name, choice, private })
        });
        let shards: Vec<Shard<'_>> = shards.collect();
        self.shards.push(Shards::new(by, of.balanced.owner.label_count(), &shards));
        Some(self.shards.len() as u32 - 1)
    }

    /// The place of the rules of one type, where there are any.
    fn rules(&mut self, of: Of<'_>) -> Option<u32> {
        let Of { balanced, pools, .. } = of;
        let places = balanced.rules.iter().map(|rule| rule.pool).chain([balanced.pool]);
        let shards = balanced.shards.iter().flat_map(|shards| shards.pools.iter().copied());
        let seen = places.clone().chain(shards);
        let seen = seen.flat_map(|place| [Some(place), pools.twin(place)].into_iter().flatten());
        let is_nearest =
            |pool: Option<&model::Pool>| pool.is_some_and(|pool| pool.policy == Policy::Nearest);
        let near: BTreeSet<usize> = seen.filter(|place| is_nearest(pools.get(*place))).collect();
        // Shards have their own.
        let has_twin =
            balanced.shards.is_none() && places.clone().any(|place| pools.twin(place).is_some());
        if balanced.rules.is_empty() && !has_twin && near.is_empty() {
            return None;
        }
        let near = near.into_iter().map(|pool| self.near(of, pool)).collect();
        let choices: Vec<(Choice, Choice)> =
            places.map(|place| self.both_choices(of, place)).collect();
        let rules: Vec<Rule<'_>> = balanced
            .rules
            .iter()
            .zip(&choices)
            .map(|(rule, &(choice, private))| Rule {
                subnets: &rule.subnets,
                area: &rule.area,
                choice,
                private,
                is_guarded: pools.get(rule.pool).is_some_and(model::Pool::is_private),
            })
            .collect();
        let everybody = choices[balanced.rules.len()];
        self.rules.push(Rules::new(&rules, everybody, near));
        Some(self.rules.len() as u32 - 1)
    }

    /// The sites of a pool that hands out the nearest, each with a rotation of its own.
    fn near(&mut self, of: Of<'_>, pool: usize) -> Near {
        let sites = of.pools.sites(pool).map(|(place, own)| {
            let site = own.site();
            NearSite {
                point: site.and_then(Site::point),
                region: site.and_then(|site| site.region.as_deref()).map(Region::new),
                choice: self.choice(of, place),
            }
        });
        Near { pool: pool as u32, sites: sites.collect() }
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
    pub fn finish(mut self, mut pools: Vec<model::Pool>) -> Built {
        for (place, made) in std::mem::take(&mut self.made) {
            if let Some(pool) = pools.get_mut(place) {
                pool.made = made;
            }
        }
        if self.bytes.len() >= ZONE_BYTES_MAX {
            self.mistake(0, Vec::new(), Problem::ZoneTooLong);
            return Err(self.mistakes);
        }
        self.add_empty_non_terminals();
        let shards = (self.entries.len() / SHARD_NAMES).next_power_of_two().min(SHARDS_MAX);
        let bits = shards.trailing_zeros();
        let bounds = bucket(&mut self.entries, bits);
        let mut assembler = Assembler::new(self.families());
        let mut shards = Packing::of(self.entries.len());
        for bound in bounds.windows(2) {
            shards.push(assembler.shard(&self.bytes, &mut self.entries[bound[0]..bound[1]]));
        }
        let Assembler { cuts, soa, names, mistakes, .. } = assembler;
        for (line, labels, problem) in mistakes {
            self.mistake(line, labels, problem);
        }
        let Some(soa) = soa else {
            self.mistake(0, Vec::new(), Problem::NoSoa);
            return Err(self.mistakes);
        };
        self.tell_signatures_once();
        if self.mistakes.iter().any(|mistake| !mistake.problem.is_warning()) {
            return Err(self.mistakes);
        }
        let store = Store::new(shards);
        let Some((apex, place)) = store.apex(self.origin_hash) else {
            self.mistake(0, Vec::new(), Problem::NoSoa);
            return Err(self.mistakes);
        };
        let zone = Zone {
            origin_labels: self.origin.label_count(),
            serial: soa.serial,
            digest: [0; 32],
            negative_ttl: soa.ttl.min(soa.minimum),
            origin: self.origin,
            has_cuts: cuts > 0,
            cuts,
            store,
            apex,
            soa: place,
            names,
            pools: pools.into(),
            rotations: Arc::new(self.rotations),
            rules: self.rules.into(),
            shards: self.shards.into(),
            private: None,
            parts: Arc::default(),
            aliases: self.aliases.into(),
            secondaries: model::access::Secondaries::default(),
            reverse: false,
            exported: Exported::default(),
            journal: Journal::default(),
        };
        Ok((zone, self.mistakes))
    }

    /// Leaves the first name that has signatures, and none where that the zone is signed says it all.
    fn tell_signatures_once(&mut self) {
        let of = |problem| move |mistake: &&Mistake| mistake.problem == problem;
        let is_signed = self.mistakes.iter().any(|mistake| mistake.problem == Problem::Signed);
        let told =
            self.mistakes.iter().filter(of(Problem::Signatures)).min_by_key(|told| told.line);
        let told = told.cloned().filter(|_| !is_signed);
        self.mistakes.retain(|mistake| mistake.problem != Problem::Signatures);
        self.mistakes.extend(told);
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

    /// Who has names right below it, of entries that are sorted by hash.
    fn families(&self) -> Families {
        let mut families = Families::default();
        let mut coming = self.entries.iter().skip(AHEAD);
        for group in self.entries.chunk_by(|a, b| a.hash == b.hash) {
            // The log is in the order of the file: read by hash, it misses the caches at every name.
            for entry in coming.by_ref().take(group.len()) {
                prefetch(&self.bytes, entry.name as usize);
            }
            let first = labels(&self.bytes, group[0].name);
            families.add_name(self.origin_hash, first);
            let others = group.iter().filter(|entry| entry.name != group[0].name);
            let others = others.map(|entry| labels(&self.bytes, entry.name));
            // Two names of one hash are rare enough to be gathered.
            let others: HashSet<&[u8]> = others.filter(|name| *name != first).collect();
            for name in others {
                families.add_name(self.origin_hash, name);
            }
        }
        families
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

#[cfg(test)]
mod tests;
