//! One RRset of an answer: where it goes, whose it is, and where its records come from.

use std::net::IpAddr;

use crate::config::model::{Endpoint, Made, Pool};
use crate::rdata::rtype;
use crate::wire::encode::Section;
use crate::zone::store::RrsetAt;

/// In place of a rotation: the look-up has made the draw, of who asks.
pub const DRAWN: u32 = u32::MAX;

/// One RRset of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Where it goes.
    pub section: Section,
    /// Whose it is.
    pub owner: Owner,
    /// Whether the answer is truncated without it.
    pub needed: bool,
    /// Its records.
    pub content: Content,
    /// Where they stand, if an alias has led to them.
    pub alias: Option<Aliased>,
}

/// Where an alias has led to: the records of another name, given out as the alias's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aliased {
    /// The place of the zone that has them.
    pub zone: u32,
    /// Seconds that they may be kept, at most: the least of what led to them.
    pub ttl_max: u32,
}

/// Whose an RRset is, by where that name stands in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The name that is looked up at this point of the chain, without so many bytes of its first labels.
    Current(u8),
    /// The zone's apex.
    Apex,
    /// The target of the record with this index in the last NS RRset.
    Target(u16),
    /// The same in the last RRset of what was asked for, where more follows it.
    Answered(u16),
}

/// The records of an item.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// As the zone has them, their TTL at most this.
    Rrset {
        /// Which.
        rrset: RrsetAt,
        /// Seconds.
        ttl_max: u32,
    },
    /// What a pool may hand out now.
    Balanced {
        /// The place of the pool.
        pool: u32,
        /// The place of the rotation; [`DRAWN`] where the draw is made.
        rotation: u32,
        /// Which of its lists.
        list: List,
        /// The turn, or a number by chance.
        draw: u64,
    },
    /// The CNAME that a DNAME makes: so many bytes of the owner's first labels before its target.
    Synthesised {
        /// The DNAME.
        dname: RrsetAt,
        /// Bytes.
        prefix: u8,
    },
}

/// In what form a pool stands in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Addresses, as A or AAAA.
    Addresses(Family),
    /// Targets, as CNAME.
    Targets,
    /// What is made of the pool, by its place among all that is.
    Made(u32),
}

impl List {
    /// The list that answers a type; what is made of the pool where it is none of the three that all pools have.
    #[inline]
    #[must_use]
    pub fn of(rtype: u16, made: u32) -> Self {
        match rtype {
            rtype::A => Self::Addresses(Family::V4),
            rtype::AAAA => Self::Addresses(Family::V6),
            rtype::CNAME => Self::Targets,
            _ => Self::Made(made),
        }
    }

    /// The type that it answers for a pool.
    #[must_use]
    pub fn rtype(self, pool: &Pool) -> u16 {
        match self {
            Self::Addresses(Family::V4) => rtype::A,
            Self::Addresses(Family::V6) => rtype::AAAA,
            Self::Targets => rtype::CNAME,
            Self::Made(place) => pool.made.get(place as usize).map_or(0, Made::rtype),
        }
    }

    /// Whether this can stand in it.
    #[inline]
    #[must_use]
    pub fn holds(self, endpoint: &Endpoint) -> bool {
        match (self, endpoint) {
            (Self::Addresses(family), Endpoint::Address(address)) => family.holds(*address),
            (Self::Targets, Endpoint::Target(_)) => true,
            _ => false,
        }
    }

    /// Its place among the lists of a pool.
    #[inline]
    #[must_use]
    pub fn place(self) -> usize {
        match self {
            Self::Addresses(Family::V4) => 0,
            Self::Addresses(Family::V6) => 1,
            Self::Targets => 2,
            Self::Made(place) => 3 + place as usize,
        }
    }
}

/// Which addresses of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A records.
    V4,
    /// AAAA records.
    V6,
}

impl Family {
    /// Whether an address is of it.
    #[inline]
    #[must_use]
    pub fn holds(self, address: IpAddr) -> bool {
        address.is_ipv4() == (self == Self::V4)
    }
}
