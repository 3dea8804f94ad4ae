//! The names and RRsets of one zone, in shards of bytes.
//!
//! A name's hash (see [`crate::name`]) picks the shard by its high bits and the slot by its low
//! ones; the slot leads to the node, which holds the name for comparison and the RRsets behind it:
//!
//! ```text
//!   hash ──high bits──▶ shard ──low bits──▶ slot (tag, offset) ──▶ node
//!
//!   shard   slots: u32 │ slot × slots, u64 each │ node, node, ...
//!   node    length u8 │ labels above the apex │ flags u8 │ RRsets u8 │ RRset, RRset, ... │ children u32, if PARENT
//!   RRset   type u16 │ TTL u32 │ records u16 │ bytes u16 │ (RDLENGTH u16 │ RDATA), ...
//! ```
//!
//! A shard is one run of bytes that is counted, so a look-up touches three cache lines, stores share
//! the shards that did not change, and dropping a million names frees a few blocks (`store/shard.rs`).
//! Names in RDATA that may be compressed are kept as templates, see [`crate::rdata::template`].
//!
//! An RRset of no records is balanced: in place of RDATA it names a pool, a rotation and perhaps rules. Where the pool is
//! [`ALIAS`] it is answered from elsewhere: the number behind it is the place of an alias.

mod edit;
mod layout;
mod shard;
mod walk;

use super::Choice;
use crate::rdata::rtype;
use crate::sys::prefetch;

pub use self::edit::{NewRrsets, Replaced};
pub use self::layout::{NewNode, NewRrset, build_shard};
pub use self::shard::{Packing, Shard};

/// About how many names a shard holds: few enough that copying one is a matter of microseconds.
pub const SHARD_NAMES: usize = 256;
/// The most shards of a zone.
pub const SHARDS_MAX: usize = 4096;
/// The most RRsets at one name.
pub const RRSETS_MAX: usize = 255;

/// In the place of a pool: an alias.
pub const ALIAS: u32 = u32::MAX;

/// What a look-up must know of a node before it looks at its RRsets.
pub mod flag {
    /// NS below the apex and not at a wildcard: a zone cut.
    pub const CUT: u8 = 1;
    /// Holds a DNAME.
    pub const DNAME: u8 = 1 << 1;
    /// Holds a CNAME.
    pub const CNAME: u8 = 1 << 2;
    /// `*` exists below.
    pub const WILDCARD_CHILD: u8 = 1 << 3;
    /// Names exist right below; how many stands behind the RRsets, where no query looks.
    pub const PARENT: u8 = 1 << 4;
}

/// Where a node stands in its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeAt {
    shard: u32,
    at: u32,
}

/// Where an RRset stands in its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RrsetAt {
    shard: u32,
    at: u32,
}

/// The names and RRsets of one zone.
#[derive(Clone, Debug)]
pub struct Store {
    shards: Box<[Shard]>,
    shift: u32,
}

impl Store {
    /// A store of shards that [`build_shard`] made; their number is a power of two.
    #[must_use]
    pub fn new(shards: Packing) -> Self {
        let shards = shards.finish();
        assert!(shards.len().is_power_of_two(), "a hash picks its shard by its high bits");
        Self { shift: 64 - shards.len().trailing_zeros(), shards: shards.into_boxed_slice() }
    }

    /// Which shard a hash belongs to, of `1 << bits`.
    #[inline]
    #[must_use]
    pub fn shard_of(hash: u64, bits: u32) -> usize {
        shard_index(hash, 64 - bits)
    }

    /// Brings the slot of a hash closer, for a look-up a little later.
    #[inline]
    pub fn prefetch_slot(&self, hash: u64) {
        let shard = &self.shards[shard_index(hash, self.shift)];
        prefetch(shard, slot_position(slot_of(hash, slots(shard))));
    }

    /// Brings the node of a hash closer, its slot being near already.
    #[inline]
    pub fn prefetch_node(&self, hash: u64) {
        let shard = &self.shards[shard_index(hash, self.shift)];
        let slot = read_u64(shard, slot_position(slot_of(hash, slots(shard))));
        prefetch(shard, slot as u32 as usize);
    }

    /// The node of a name; `labels` is the name without the apex behind it, in lower case.
    #[inline]
    #[must_use]
    pub fn find(&self, hash: u64, labels: &[u8]) -> Option<NodeAt> {
        let index = shard_index(hash, self.shift);
        let shard = &*self.shards[index];
        let slots = slots(shard);
        let mut slot = slot_of(hash, slots);
        loop {
            let entry = read_u64(shard, slot_position(slot));
            if entry == EMPTY {
                return None;
            }
            if (entry >> 32) as u32 == tag(hash) {
                let at = entry as u32 as usize;
                let len = usize::from(shard[at]);
                if &shard[at + 1..at + 1 + len] == labels {
                    return Some(NodeAt { shard: index as u32, at: at as u32 });
                }
            }
            slot = if slot + 1 == slots { 0 } else { slot + 1 };
        }
    }

    /// Where the node of the apex stands, and its SOA.
    pub(super) fn apex(&self, hash: u64) -> Option<(NodeAt, RrsetAt)> {
        let at = self.find(hash, &[])?;
        let (soa, _) = self.node(at).rrset(rtype::SOA)?;
        Some((at, soa))
    }

    /// What stands at a node.
    #[inline]
    #[must_use]
    pub fn node(&self, node: NodeAt) -> Node<'_> {
        let bytes = &*self.shards[node.shard as usize];
        let name_at = node.at as usize;
        let flags_at = name_at + 1 + usize::from(bytes[name_at]);
        Node { bytes, shard: node.shard, flags_at }
    }

    /// What an RRset holds.
    #[inline]
    #[must_use]
    pub fn rrset(&self, rrset: RrsetAt) -> Rrset<'_> {
        Rrset::read(&self.shards[rrset.shard as usize], rrset.at as usize)
    }
}

/// One name and what it owns.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    bytes: &'a [u8],
    shard: u32,
    flags_at: usize,
}

impl<'a> Node<'a> {
    /// The flags of [`flag`].
    #[inline]
    #[must_use]
    pub fn flags(&self) -> u8 {
        self.bytes[self.flags_at]
    }

    /// Its RRsets, in the order of their types.
    #[inline]
    #[must_use]
    pub fn rrsets(&self) -> Rrsets<'a> {
        Rrsets {
            bytes: self.bytes,
            shard: self.shard,
            left: self.bytes[self.flags_at + 1],
            at: self.flags_at + 2,
        }
    }

    /// The RRset of a type.
    #[inline]
    #[must_use]
    pub fn rrset(&self, rtype: u16) -> Option<(RrsetAt, Rrset<'a>)> {
        self.rrsets().find(|(_, rrset)| rrset.rtype == rtype)
    }
}

/// The RRsets of a node.
pub struct Rrsets<'a> {
    bytes: &'a [u8],
    shard: u32,
    left: u8,
    at: usize,
}

impl<'a> Iterator for Rrsets<'a> {
    type Item = (RrsetAt, Rrset<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let at = self.at;
        let rrset = Rrset::read(self.bytes, at);
        self.at += RRSET_HEADER + rrset.bytes.len();
        Some((RrsetAt { shard: self.shard, at: at as u32 }, rrset))
    }
}

/// All records of one owner and type.
#[derive(Clone, Copy, Debug)]
pub struct Rrset<'a> {
    /// The type's number.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// How many records; 0 where it is balanced.
    pub count: u16,
    bytes: &'a [u8],
}

const RRSET_HEADER: usize = 10;

impl<'a> Rrset<'a> {
    #[inline]
    fn read(shard: &'a [u8], at: usize) -> Self {
        let header: &[u8; RRSET_HEADER] =
            shard[at..].first_chunk().expect("a reference to an RRset comes from its own store");
        let [t0, t1, l0, l1, l2, l3, c0, c1, b0, b1] = *header;
        let len = usize::from(u16::from_le_bytes([b0, b1]));
        Self {
            rtype: u16::from_le_bytes([t0, t1]),
            ttl: u32::from_le_bytes([l0, l1, l2, l3]),
            count: u16::from_le_bytes([c0, c1]),
            bytes: &shard[at + RRSET_HEADER..at + RRSET_HEADER + len],
        }
    }

    /// The RDATA of each record, compressible names as templates.
    #[inline]
    pub fn rdatas(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = if self.count == 0 { &[] } else { self.bytes };
        std::iter::from_fn(move || {
            let (len, tail) = rest.split_first_chunk::<2>()?;
            let (rdata, tail) = tail.split_at(usize::from(u16::from_le_bytes(*len)));
            rest = tail;
            Some(rdata)
        })
    }

    /// What stands behind the header, as [`NewRrset::bytes`] has it.
    #[must_use]
    pub(super) fn as_kept(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether another RRset of the zone's holds the same, in the same order.
    #[must_use]
    pub fn is_equal(&self, other: &Rrset<'_>) -> bool {
        (self.rtype, self.ttl, self.count, self.bytes)
            == (other.rtype, other.ttl, other.count, other.bytes)
    }

    /// The bytes that all RDATA take, templates as they stand.
    #[inline]
    #[must_use]
    pub fn rdata_len(&self) -> usize {
        self.bytes.len() - 2 * usize::from(self.count)
    }

    /// The pool and the rotation, where it is balanced; rules may name others.
    #[inline]
    #[must_use]
    pub fn balanced(&self) -> Option<BalancedAt> {
        self.without_records().filter(|at| at.choice.pool != ALIAS)
    }

    /// The place of the alias that it is answered from, if there is one.
    #[inline]
    #[must_use]
    pub fn alias(&self) -> Option<u32> {
        Some(self.without_records().filter(|at| at.choice.pool == ALIAS)?.choice.rotation)
    }

    #[inline]
    fn without_records(&self) -> Option<BalancedAt> {
        if self.count != 0 {
            return None;
        }
        BalancedAt::read(self.bytes)
    }
}

/// What a balanced RRset hands out, and which rotation it turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalancedAt {
    /// What everybody gets for whom no rule is.
    pub choice: Choice,
    /// The place in the zone of the rules that give some clients another pool.
    pub rules: Option<u32>,
    /// The place in the zone of the shards by which the label decides, of a wildcard; then rules pick no pool, and only tell the
    /// sites of those that hand out the nearest.
    pub shards: Option<u32>,
}

impl BalancedAt {
    /// How many bytes it takes.
    pub const LEN: usize = 20;

    /// As it stands in place of RDATA: five numbers, the last two past all places where there are no rules or no shards.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let Choice { pool, rotation, made } = self.choice;
        let [rules, shards] = [self.rules, self.shards].map(|place| place.unwrap_or(u32::MAX));
        let numbers = [pool, rotation, made, rules, shards];
        for (room, number) in bytes.chunks_exact_mut(4).zip(numbers) {
            room.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// What stands in place of RDATA for the alias at a place.
    #[must_use]
    pub fn of_alias(place: u32) -> [u8; Self::LEN] {
        let choice = Choice { pool: ALIAS, rotation: place, made: 0 };
        Self { choice, rules: None, shards: None }.to_bytes()
    }

    #[inline]
    fn read(bytes: &[u8]) -> Option<Self> {
        let (numbers, _) = bytes.first_chunk::<{ Self::LEN }>()?.as_chunks::<4>();
        let &[pool, rotation, made, rules, shards] = numbers else { return None };
        let [pool, rotation, made] = [pool, rotation, made].map(u32::from_le_bytes);
        let choice = Choice { pool, rotation, made };
        let place = |place| Some(u32::from_le_bytes(place)).filter(|place| *place != u32::MAX);
        Some(Self { choice, rules: place(rules), shards: place(shards) })
    }
}

const EMPTY: u64 = u64::MAX;

#[inline]
fn shard_index(hash: u64, shift: u32) -> usize {
    // A shift by all 64 bits has no meaning; it stands for the one shard of a small zone.
    hash.checked_shr(shift).unwrap_or(0) as usize
}

#[inline]
fn slot_of(hash: u64, slots: usize) -> usize {
    ((u64::from(hash as u32) * slots as u64) >> 32) as usize
}

#[inline]
fn tag(hash: u64) -> u32 {
    // The middle bits: the low ones chose the slot, the high ones the shard. The top bit is cleared,
    // so no entry looks empty.
    (hash >> 20) as u32 & 0x7fff_ffff
}

#[inline]
fn slot_position(slot: usize) -> usize {
    4 + 8 * slot
}

#[inline]
fn slots(shard: &[u8]) -> usize {
    u32::from_le_bytes(*shard.first_chunk().expect("a shard begins with its number of slots"))
        as usize
}

#[inline]
fn read_u64(shard: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*shard[at..].first_chunk().expect("slots end before the nodes"))
}

#[cfg(test)]
mod tests;
