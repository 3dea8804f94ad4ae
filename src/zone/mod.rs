//! A zone, ready to be asked: its names, its pools, its rotations.
//!
//! Built from a [`crate::config::model`] or from the records of a master file, and never changed
//! after: a new version is a new [`Zone`] that takes over the rotations of the old one. Where little differs, the
//! new one is made of the old and a [`delta::Delta`], and shares all the rest with it.

pub mod astray;
pub mod build;
pub mod catalog;
pub mod delta;
pub mod edit;
pub mod exported;
pub mod journal;
pub mod overlay;
pub mod reverse;
pub mod rules;
pub mod serial;
pub mod shards;
pub mod store;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::config::model::access::Secondaries;
use crate::config::model::{Alias, Pool};
use crate::geo::Prefixes;
use crate::name::Name;
use exported::Exported;
use journal::Journal;
use rules::Rules;
use shards::Shards;
use store::{BalancedAt, NodeAt, RrsetAt, Store};

/// One version of a zone. A clone shares all that is large.
#[derive(Clone, Debug)]
pub struct Zone {
    /// The apex.
    pub origin: Name,
    /// How many labels the apex has.
    pub origin_labels: usize,
    /// The serial of its SOA.
    pub serial: u32,
    /// Seconds that a negative answer may be kept: the lesser of the SOA's TTL and its MINIMUM
    /// (RFC 2308 §3, §5).
    pub negative_ttl: u32,
    /// Whether a name below the apex is a zone cut, or any name holds a DNAME: only then is the way
    /// down to a name walked.
    pub has_cuts: bool,
    /// How many names are zone cuts or hold a DNAME.
    pub cuts: usize,
    /// SHA-256 of the file that it was read from; zeroes where there is none.
    pub digest: [u8; 32],
    /// The names and RRsets.
    pub store: Store,
    /// Where the apex stands.
    pub apex: NodeAt,
    /// Where the SOA stands.
    pub soa: RrsetAt,
    /// How many names own records.
    pub names: usize,
    /// The pools; balanced RRsets name them by their place.
    pub pools: Arc<[Pool]>,
    /// The places of pools that stand in others, and that no name asks for by themselves.
    pub parts: Arc<BTreeSet<usize>>,
    /// The rotations; balanced RRsets name them by their place.
    pub rotations: Arc<Rotations>,
    /// Which pool is for whom; balanced RRsets name them by their place.
    pub rules: Arc<[Rules]>,
    /// Which pool is for which label; balanced RRsets of wildcards name them by their place.
    pub shards: Arc<[Shards]>,
    /// Who gets private addresses, where the zone says it.
    pub private: Option<Arc<Prefixes>>,
    /// The aliases; the RRsets that stand for them name them by their place.
    pub aliases: Arc<[Alias]>,
    /// What its file says of its secondaries.
    pub secondaries: Secondaries,
    /// Whether the reverse zones here have names for its addresses.
    pub reverse: bool,
    /// What it says of its pools to those who take it whole.
    pub exported: Exported,
    /// The differences that led to it.
    pub journal: Journal,
}

impl Zone {
    /// The shards of a balanced RRset, where it is shared out.
    #[inline]
    #[must_use]
    pub fn shards_of(&self, at: BalancedAt) -> Option<&Shards> {
        self.shards.get(at.shards? as usize)
    }

    /// The rules of a balanced RRset, where it has any.
    #[inline]
    #[must_use]
    pub fn rules_of(&self, at: BalancedAt) -> Option<&Rules> {
        self.rules.get(at.rules? as usize)
    }
}

/// Which pool a client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The place of the pool in the zone.
    pub pool: u32,
    /// The place of its rotation in the zone.
    pub rotation: u32,
    /// For types other than A, AAAA and CNAME: the place of what is made of the pool, among all that is.
    pub made: u32,
}

/// How far each balanced name has turned, one count for each owner and type, so that resolvers that
/// ask for A and AAAA in pairs do not pin every second backend; and one more for each other pool that rules or shards name.
#[derive(Debug, Default)]
pub struct Rotations {
    places: HashMap<(Name, u16, Option<String>), u32>,
    list: Vec<Arc<Rotation>>,
}

impl Rotations {
    /// The place of a rotation, made where there is none yet; one of `before` is carried on. A pool that a rule names
    /// has one of its own.
    pub fn place(
        &mut self,
        owner: &Name,
        rtype: u16,
        of_rule: Option<&str>,
        before: Option<&Rotations>,
    ) -> u32 {
        let next = self.list.len() as u32;
        let key = (owner.clone(), rtype, of_rule.map(str::to_owned));
        let known = before.and_then(|before| {
            let place = before.places.get(&key)?;
            before.list.get(*place as usize)
        });
        *self.places.entry(key).or_insert_with(|| {
            self.list.push(known.cloned().unwrap_or_default());
            next
        })
    }

    /// The rotation at a place.
    #[inline]
    #[must_use]
    pub fn get(&self, place: u32) -> &Rotation {
        &self.list[place as usize]
    }
}

/// How far one balanced name has turned. Alone on its cache lines: threads share it, and it alone.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Rotation(AtomicU64);

impl Rotation {
    /// Takes the next `count` turns, and gives the first of them.
    #[inline]
    pub fn advance(&self, count: u64) -> u64 {
        self.0.fetch_add(count, Ordering::Relaxed)
    }

    /// The turn that comes next; it stays the next.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
