//! A store with some of its nodes replaced: the shards of all others are shared.

use super::layout::{Layout, begin_node, end_node, push_rrset};
use super::shard::alone;
use super::{Packing, SHARD_NAMES, SHARDS_MAX, Shard, Store, shard_index};
use crate::name::hash_labels;

/// A store splits its shards when they hold so many times what they should.
const CROWDED: usize = 8;

/// A node that takes the place of the one of its name, if there is one.
pub struct Replaced {
    hash: u64,
    labels: Box<[u8]>,
    /// The node's bytes; none where the name ceases to be.
    node: Vec<u8>,
}

impl Replaced {
    /// The name ceases to be.
    #[must_use]
    pub fn gone(hash: u64, labels: &[u8]) -> Self {
        Self { hash, labels: labels.into(), node: Vec::new() }
    }

    /// The name has these flags, so many names right below it, and these RRsets.
    #[must_use]
    pub fn new(hash: u64, labels: &[u8], flags: u8, children: u32, rrsets: &NewRrsets) -> Self {
        let mut node = Vec::with_capacity(labels.len() + 7 + rrsets.bytes.len());
        begin_node(&mut node, labels, flags, children, rrsets.count);
        node.extend_from_slice(&rrsets.bytes);
        end_node(&mut node, children);
        Self { hash, labels: labels.into(), node }
    }
}

/// The RRsets of a node that is made anew, in the order of their types; at most
/// [`RRSETS_MAX`](super::RRSETS_MAX).
#[derive(Default)]
pub struct NewRrsets {
    count: u8,
    bytes: Vec<u8>,
}

impl NewRrsets {
    /// Adds an RRset of so many records, 0 where it is balanced; `bytes` are each RDATA behind its length, in
    /// little endian, or the pool and the rotation.
    pub fn push(&mut self, rtype: u16, ttl: u32, count: u16, bytes: &[u8]) {
        self.count += 1;
        push_rrset(&mut self.bytes, rtype, ttl, count, bytes);
    }
}

impl Store {
    /// The store with these nodes in the place of those of their names; no name stands twice.
    #[must_use]
    pub fn edited(&self, origin_hash: u64, mut replaced: Vec<Replaced>) -> Self {
        let index = |replaced: &Replaced| shard_index(replaced.hash, self.shift);
        replaced.sort_by(|a, b| (index(a), &a.labels).cmp(&(index(b), &b.labels)));
        let mut shards = self.shards.clone();
        let mut is_crowded = false;
        for group in replaced.chunk_by(|a, b| index(a) == index(b)) {
            let shard = index(&group[0]);
            let (made, nodes) = self.shard(shard, origin_hash, group);
            shards[shard] = made;
            is_crowded |= nodes > CROWDED * SHARD_NAMES;
        }
        let edited = Self { shards, shift: self.shift };
        if is_crowded && self.shards.len() < SHARDS_MAX {
            edited.split(origin_hash)
        } else {
            edited
        }
    }

    /// One shard with these nodes, sorted by labels, in the place of those of their names; and how many it has.
    fn shard(&self, shard: usize, origin_hash: u64, replaced: &[Replaced]) -> (Shard, usize) {
        let bytes = &self.shards[shard];
        let mut nodes: Vec<(u64, &[u8])> = Vec::new();
        for (labels, node) in self.nodes_of(shard) {
            if replaced.binary_search_by(|one| (*one.labels).cmp(labels)).is_err() {
                let start = node.flags_at - labels.len() - 1;
                nodes.push((hash_labels(origin_hash, labels), &bytes[start..node.end()]));
            }
        }
        let new = replaced.iter().filter(|one| !one.node.is_empty());
        nodes.extend(new.map(|one| (one.hash, &one.node[..])));
        (alone(lay_out(&nodes)), nodes.len())
    }

    /// The same names in more shards, so that each is small again.
    fn split(&self, origin_hash: u64) -> Self {
        let nodes: usize = self.nodes().count();
        let count = (nodes / SHARD_NAMES).next_power_of_two().clamp(self.shards.len(), SHARDS_MAX);
        let shift = 64 - count.trailing_zeros();
        let mut buckets: Vec<Vec<(u64, &[u8])>> = vec![Vec::new(); count];
        for (shard, bytes) in self.shards.iter().enumerate() {
            for (labels, node) in self.nodes_of(shard) {
                let hash = hash_labels(origin_hash, labels);
                let start = node.flags_at - labels.len() - 1;
                buckets[shard_index(hash, shift)].push((hash, &bytes[start..node.end()]));
            }
        }
        let mut shards = Packing::of(nodes);
        for nodes in &buckets {
            shards.push(lay_out(nodes));
        }
        Self::new(shards)
    }
}

fn lay_out(nodes: &[(u64, &[u8])]) -> Vec<u8> {
    let mut layout = Layout::new(nodes.len(), nodes.iter().map(|(_, node)| node.len()).sum());
    for (hash, node) in nodes {
        layout.place(*hash);
        layout.bytes.extend_from_slice(node);
    }
    layout.bytes
}
