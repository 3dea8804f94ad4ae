//! Tables of very many names: hashed fast, with a key of their own, so that nobody who writes a file can tell which
//! names meet.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// A table by names or keys of a file.
pub(super) type Table<K, V> = HashMap<K, V, Quick>;

/// What has its bits all over: the fraction of the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The key of one table.
#[derive(Clone, Copy)]
pub(super) struct Quick(u64);

impl Default for Quick {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0_u8))
    }
}

impl BuildHasher for Quick {
    type Hasher = Words;

    fn build_hasher(&self) -> Words {
        Words { state: self.0, key: self.0 | 1 }
    }
}

/// Takes eight bytes at a time, each time multiplied and folded.
pub(super) struct Words {
    state: u64,
    key: u64,
}

impl Words {
    fn add(&mut self, word: u64) {
        self.state = fold(self.state ^ word, self.key ^ SPREAD);
    }
}

impl Hasher for Words {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        // The length tells what ends in zeroes from what is shorter.
        self.add(u64::from_le_bytes(last) ^ ((bytes.len() as u64) << 56));
    }

    fn write_u8(&mut self, byte: u8) {
        self.add(byte.into());
    }

    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }

    fn finish(&self) -> u64 {
        fold(self.state, SPREAD)
    }
}

/// Both halves of a product: each bit of it depends on many.
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_has_another_hash_and_another_table_too() {
        let (one, other) = (Quick::default(), Quick::default());
        let names: Vec<Vec<u8>> = (0..20_000_u32)
            .map(|number| format!("n{number}.example").into_bytes())
            .chain((0..20).map(|length| vec![0; length]))
            .collect();
        let mut hashes: Vec<u64> = names.iter().map(|name| one.hash_one(name)).collect();
        let elsewhere: Vec<u64> = names.iter().map(|name| other.hash_one(name)).collect();
        assert_ne!(hashes, elsewhere);
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), names.len());
        // A table looks at the lowest bits and at the highest: none stands still.
        for bits in [0..12, 52..64] {
            for bit in bits {
                let set = hashes.iter().filter(|hash| (*hash >> bit) & 1 == 1).count();
                assert!((8_000..12_000).contains(&set), "bit {bit} is set in {set}");
            }
        }
    }
}
