//! Every name of a store, one after the other: for people who look, never for a query.

use super::{Node, NodeAt, Store, slot_position, slots};

impl Store {
    /// Every node with its labels above the apex, in the order that they are kept in; empty non-terminals too.
    pub fn nodes(&self) -> impl Iterator<Item = (&[u8], Node<'_>)> {
        self.shards.iter().enumerate().flat_map(move |(shard, bytes)| {
            let mut at = slot_position(slots(bytes));
            std::iter::from_fn(move || {
                if at >= bytes.len() {
                    return None;
                }
                let node = NodeAt { shard: shard as u32, at: at as u32 };
                let found = (self.labels(node), self.node(node));
                at = self.node(node).rrsets().end();
                Some(found)
            })
        })
    }

    /// The labels of a node above the apex.
    #[must_use]
    pub fn labels(&self, node: NodeAt) -> &[u8] {
        let bytes = &self.shards[node.shard as usize];
        let at = node.at as usize;
        &bytes[at + 1..at + 1 + usize::from(bytes[at])]
    }
}

impl super::Rrsets<'_> {
    /// Where they end in their shard.
    fn end(mut self) -> usize {
        self.by_ref().for_each(drop);
        self.at
    }
}
