//! How a shard is laid out, from nodes that have no place yet.

use super::{EMPTY, RRSET_HEADER, flag, read_u64, slot_of, slot_position, tag};

/// A node before it has a place: what [`build_shard`] takes.
pub struct NewNode<'a> {
    /// The hash of the whole name.
    pub hash: u64,
    /// The name without the apex behind it, in lower case.
    pub labels: &'a [u8],
    /// The flags of [`flag`], [`flag::PARENT`] apart.
    pub flags: u8,
    /// How many names exist right below it.
    pub children: u32,
    /// Where its RRsets begin and end in the list that goes with the nodes.
    pub rrsets: std::ops::Range<usize>,
}

/// An RRset before it has a place.
pub struct NewRrset {
    /// The type's number.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// How many records; 0 where it is balanced.
    pub count: u16,
    /// Where its bytes stand in the buffer that goes with the nodes: each RDATA behind its length, in little
    /// endian, or the pool and the rotation.
    pub bytes: std::ops::Range<usize>,
}

/// Lays out one shard. `nodes` have distinct names, at most [`RRSETS_MAX`](super::RRSETS_MAX) RRsets each, and
/// each RRset has at most 65,535 bytes; the builder sees to that.
#[must_use]
pub fn build_shard(nodes: &[NewNode<'_>], rrsets: &[NewRrset], bytes: &[u8]) -> Vec<u8> {
    let size: usize = nodes.iter().map(|node| 7 + node.labels.len()).sum::<usize>()
        + rrsets.iter().map(|rrset| RRSET_HEADER + rrset.bytes.len()).sum::<usize>();
    let mut shard = Layout::new(nodes.len(), size);
    for node in nodes {
        shard.place(node.hash);
        let out = &mut shard.bytes;
        begin_node(out, node.labels, node.flags, node.children, node.rrsets.len() as u8);
        for rrset in &rrsets[node.rrsets.clone()] {
            push_rrset(out, rrset.rtype, rrset.ttl, rrset.count, &bytes[rrset.bytes.clone()]);
        }
        end_node(out, node.children);
    }
    shard.bytes
}

/// Writes what stands before a node's RRsets.
pub(super) fn begin_node(out: &mut Vec<u8>, labels: &[u8], flags: u8, children: u32, rrsets: u8) {
    out.push(labels.len() as u8);
    out.extend_from_slice(labels);
    out.push(if children > 0 { flags | flag::PARENT } else { flags & !flag::PARENT });
    out.push(rrsets);
}

/// Writes what stands behind a node's RRsets.
pub(super) fn end_node(out: &mut Vec<u8>, children: u32) {
    if children > 0 {
        out.extend_from_slice(&children.to_le_bytes());
    }
}

/// Writes an RRset; `bytes` as [`NewRrset::bytes`] has them.
pub(super) fn push_rrset(out: &mut Vec<u8>, rtype: u16, ttl: u32, count: u16, bytes: &[u8]) {
    out.extend_from_slice(&rtype.to_le_bytes());
    out.extend_from_slice(&ttl.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&(bytes.len() as u16).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// A shard on its way: its slots, and the nodes so far.
pub(super) struct Layout {
    pub(super) bytes: Vec<u8>,
    slots: usize,
}

impl Layout {
    /// A shard of so many nodes, which together take so many bytes.
    pub(super) fn new(nodes: usize, size: usize) -> Self {
        // A quarter of the slots stay empty, so runs are short and a miss ends soon.
        let slots = nodes + nodes / 3 + 1;
        let mut bytes = Vec::with_capacity(slot_position(slots) + size);
        bytes.extend_from_slice(&(slots as u32).to_le_bytes());
        bytes.resize(slot_position(slots), 0xff);
        Self { bytes, slots }
    }

    /// Gives the node that is written next a slot.
    pub(super) fn place(&mut self, hash: u64) {
        let at = self.bytes.len();
        let mut slot = slot_of(hash, self.slots);
        while read_u64(&self.bytes, slot_position(slot)) != EMPTY {
            slot = if slot + 1 == self.slots { 0 } else { slot + 1 };
        }
        let entry = u64::from(tag(hash)) << 32 | at as u64;
        self.bytes[slot_position(slot)..slot_position(slot + 1)]
            .copy_from_slice(&entry.to_le_bytes());
    }
}
