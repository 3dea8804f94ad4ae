//! Where shards lie: each by itself, or those of a large zone beside each other in blocks of huge pages.
//!
//! A million names take 40 MB, which is ten thousand pages, many more than a core remembers the places of. In huge pages it is twenty, so
//! that a look-up misses the caches and not the page tables as well. A block is given back when the last of its shards is replaced.

use std::ops::Range;

use bytes::Bytes;
use memmap2::MmapMut;

/// A shard's bytes; clones share them.
pub type Shard = Bytes;

/// From so many names on a zone fills a huge page or two.
const LARGE_NAMES: usize = 1 << 16;

/// What is taken from the system at once, several huge pages; what is not written of it takes no memory.
const BLOCK: usize = 16 << 20;

/// The shards of a zone that is being built, in their order.
#[derive(Default)]
pub struct Packing {
    /// Those that have their place for good.
    made: Vec<Shard>,
    is_large: bool,
    block: Option<MmapMut>,
    /// Where shards stand in the block, each behind the last one.
    within: Vec<Range<usize>>,
}

impl Packing {
    /// For a zone of about so many names.
    #[must_use]
    pub fn of(names: usize) -> Self {
        Self { is_large: names >= LARGE_NAMES, ..Self::default() }
    }

    /// Adds the next shard.
    pub fn push(&mut self, shard: Vec<u8>) {
        if shard.len() > BLOCK - self.used() {
            self.seal();
        }
        let used = self.used();
        let Some(block) = self.block_for(shard.len()) else {
            self.seal();
            self.made.push(alone(shard));
            return;
        };
        let place = used..used + shard.len();
        block[place.clone()].copy_from_slice(&shard);
        self.within.push(place);
    }

    /// All of them.
    #[must_use]
    pub fn finish(mut self) -> Vec<Shard> {
        self.seal();
        self.made
    }

    /// How much of the block is used.
    fn used(&self) -> usize {
        self.within.last().map_or(0, |last| last.end)
    }

    /// The block, where so many bytes have a place in one.
    fn block_for(&mut self, length: usize) -> Option<&mut MmapMut> {
        if !self.is_large || length > BLOCK {
            return None;
        }
        if self.block.is_none() {
            // Without memory for a block there may be some for a shard.
            let block = MmapMut::map_anon(BLOCK).ok()?;
            // A kernel that has no huge pages serves from small ones.
            #[cfg(target_os = "linux")]
            let _ = block.advise(memmap2::Advice::HugePage);
            self.block = Some(block);
        }
        self.block.as_mut()
    }

    fn seal(&mut self) {
        let Some(block) = self.block.take() else { return };
        let block = Bytes::from_owner(block);
        self.made.extend(self.within.drain(..).map(|place| block.slice(place)));
    }
}

/// A shard in memory of its own.
pub(super) fn alone(shard: Vec<u8>) -> Shard {
    Bytes::from_owner(shard.into_boxed_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_come_back_in_their_order_whatever_their_size() {
        let sizes = [1, 0, BLOCK / 2, BLOCK / 2, BLOCK / 2 + 1, BLOCK, 3, BLOCK + 1, 5];
        for names in [0, LARGE_NAMES] {
            let shard = |(n, size): (usize, &usize)| vec![n as u8; *size];
            let mut shards = Packing::of(names);
            sizes.iter().enumerate().map(shard).for_each(|shard| shards.push(shard));
            let made = shards.finish();
            assert_eq!(made.len(), sizes.len());
            for (made, expected) in made.iter().zip(sizes.iter().enumerate().map(shard)) {
                assert!(**made == *expected, "{} bytes", expected.len());
            }
        }
    }

    #[test]
    fn small_shards_of_a_large_zone_lie_beside_each_other() {
        let mut shards = Packing::of(LARGE_NAMES);
        (0..100_u8).for_each(|n| shards.push(vec![n; 1000]));
        let made = shards.finish();
        assert!(made.windows(2).all(|two| two[0].as_ptr_range().end == two[1].as_ptr()));
    }
}
