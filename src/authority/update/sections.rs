//! The prerequisite and update sections of a message, its names without pointers.

use std::fmt;

use crate::name::suffixes::Suffixes;
use crate::name::{NAME_MAX, Name};
use crate::rdata::{self, rtype};
use crate::wire::{HEADER, class, decode, read_name, read_rdata};

/// What a message asks for. Each entry takes at least 11 bytes of it, so their number is bounded.
pub(super) struct Sections {
    pub(super) prerequisites: Vec<Entry>,
    pub(super) updates: Vec<Entry>,
}

/// A record of one of the sections (RFC 2136 §2.4, §2.5).
pub(super) struct Entry {
    pub(super) owner: Name,
    pub(super) rtype: u16,
    pub(super) class: u16,
    pub(super) ttl: u32,
    /// RDLENGTH, as sent.
    pub(super) length: usize,
    /// RDATA, its names uncompressed; `None` where it does not have its type's shape.
    pub(super) rdata: Option<Box<[u8]>>,
}

impl Sections {
    /// Those of a message; `None` where its records cannot be read.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let head = message.first_chunk::<HEADER>()?;
        let count = |at: usize| usize::from(u16::from_be_bytes([head[at], head[at + 1]]));
        let mut at = decode::decode(message, &mut Suffixes::default()).ok()?.question_end;
        let mut section = |count| {
            let mut entries = Vec::new();
            for _ in 0..count {
                let (entry, end) = Entry::read(message, at)?;
                entries.push(entry);
                at = end;
            }
            Some(entries)
        };
        Some(Self { prerequisites: section(count(6))?, updates: section(count(8))? })
    }
}

impl Entry {
    /// The one that begins at `at`, and where it ends.
    fn read(message: &[u8], at: usize) -> Option<(Self, usize)> {
        let mut name = [0; NAME_MAX];
        let (len, at) = read_name(message, at, &mut name)?;
        let owner = Name::from_wire(&name[..len])?;
        let &[t0, t1, c0, c1, l0, l1, l2, l3, r0, r1] = message.get(at..)?.first_chunk::<10>()?;
        let rtype = u16::from_be_bytes([t0, t1]);
        let (start, length) = (at + 10, usize::from(u16::from_be_bytes([r0, r1])));
        let end = start + length;
        message.get(start..end)?;
        let entry = Self {
            owner,
            rtype,
            class: u16::from_be_bytes([c0, c1]),
            ttl: ttl(u32::from_be_bytes([l0, l1, l2, l3])),
            length,
            rdata: data(message, rtype, start, end),
        };
        Some((entry, end))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rtype = rdata::type_name(self.rtype);
        match self.class {
            class::IN => write!(f, "{} {rtype}", self.owner),
            other => write!(f, "{} CLASS{other} {rtype}", self.owner),
        }
    }
}

/// A number with its first bit set is no TTL, and stands for 0 (RFC 2181 §8).
fn ttl(ttl: u32) -> u32 {
    if ttl > i32::MAX as u32 { 0 } else { ttl }
}

/// The RDATA between two places; `None` where it does not have its type's shape.
fn data(message: &[u8], rtype: u16, start: usize, end: usize) -> Option<Box<[u8]>> {
    let mut rdata = Vec::with_capacity(end - start);
    read_rdata(message, rtype, start..end, &mut rdata)?;
    let is_valid = rtype != rtype::OPT && rdata::is_valid(rtype, &rdata);
    is_valid.then(|| rdata.into_boxed_slice())
}
