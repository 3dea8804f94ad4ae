//! Every name of a store, one after the other: for people who look, for transfers and changes, never for a query.

use bytes::Bytes;

use super::{Node, NodeAt, Store, flag, slot_position, slots};

impl Store {
    /// Every node with its labels above the apex, in the order that they are kept in; empty non-terminals too.
    pub fn nodes(&self) -> impl Iterator<Item = (&[u8], Node<'_>)> {
        (0..self.shards.len()).flat_map(|shard| self.nodes_of(shard))
    }

    /// How many shards there are: who walks a store in several goes takes one at a time.
    #[must_use]
    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }

    /// About how many bytes its records take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shards.iter().map(Bytes::len).sum()
    }

    /// Every node of one shard, which exists, as [`Store::nodes`] gives them.
    pub fn nodes_of(&self, shard: usize) -> impl Iterator<Item = (&[u8], Node<'_>)> {
        let bytes = &self.shards[shard];
        let mut at = slot_position(slots(bytes));
        std::iter::from_fn(move || {
            if at >= bytes.len() {
                return None;
            }
            let node = NodeAt { shard: shard as u32, at: at as u32 };
            let found = (self.labels(node), self.node(node));
            at = found.1.end();
            Some(found)
        })
    }

    /// Whether a shard of two stores holds the same: they share it, or its bytes are equal. Stores of another
    /// number of shards have none in common.
    #[must_use]
    pub fn shares(&self, other: &Self, shard: usize) -> bool {
        self.shards.len() == other.shards.len()
            && (std::ptr::eq(&raw const *self.shards[shard], &raw const *other.shards[shard])
                || self.shards[shard] == other.shards[shard])
    }

    /// The labels of a node above the apex.
    #[must_use]
    pub fn labels(&self, node: NodeAt) -> &[u8] {
        let bytes = &self.shards[node.shard as usize];
        let at = node.at as usize;
        &bytes[at + 1..at + 1 + usize::from(bytes[at])]
    }
}

impl Node<'_> {
    /// How many names exist right below it, empty non-terminals among them.
    #[must_use]
    pub fn children(&self) -> u32 {
        if self.flags() & flag::PARENT == 0 {
            return 0;
        }
        let count = self.bytes[self.rrsets().end()..].first_chunk();
        u32::from_le_bytes(*count.expect("the flag says that a count stands there"))
    }

    /// Where it ends in its shard.
    pub(super) fn end(&self) -> usize {
        self.rrsets().end() + if self.flags() & flag::PARENT == 0 { 0 } else { 4 }
    }
}

impl super::Rrsets<'_> {
    /// Where they end in their shard.
    fn end(mut self) -> usize {
        self.by_ref().for_each(drop);
        self.at
    }
}
