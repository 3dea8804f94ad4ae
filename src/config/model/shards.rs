//! Which pool is for which label below a wildcard.

/// The most pools among which the labels below one wildcard are shared out.
pub const SHARDS_MAX: usize = 256;

/// How the labels below a wildcard are shared out among pools, each of which has its own failover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shards {
    /// How a label finds its pool.
    pub by: By,
    /// The places in [`Zone::pools`](super::Zone::pools), at most [`SHARDS_MAX`]: of ranges one more than there are bounds, and some may
    /// be there several times; of a hash at least one, and none twice.
    pub pools: Vec<usize>,
}

/// How a label finds its pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// By where it stands in the alphabet: up to each bound, inclusive of every label that begins with it. Bounds are in
    /// lower case, rise bytewise, and none begins with the one before.
    Range(Vec<Box<[u8]>>),
    /// By chance that is the same every time.
    Hash,
}
