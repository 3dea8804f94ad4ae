//! Maps by what the operator has written: targets, their keys, the names of pools.
//!
//! The hash of the standard library withstands strangers who choose keys that collide, and takes some hundred instructions for a key
//! as long as a check. Whoever writes these keys would slow down nobody but himself, and each report of a probe looks for some of them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map that strangers do not add to.
pub type Map<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;

/// A multiplication a word.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quick(u64);

/// Odd, and without a pattern: 2⁶⁴ over the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Quick {
    #[inline]
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    }
}

impl Hasher for Quick {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.add(u64::from_le_bytes(word.try_into().expect("it has eight bytes")));
        }
        let rest = words.remainder();
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.add(u64::from_le_bytes(word));
        }
    }

    #[inline]
    fn write_u8(&mut self, number: u8) {
        self.add(number.into());
    }

    #[inline]
    fn write_u16(&mut self, number: u16) {
        self.add(number.into());
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.add(number.into());
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.add(number);
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }

    /// The tables take the highest and the lowest bits; what is multiplied has its best ones above.
    #[inline]
    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(FACTOR);
        mixed ^ (mixed >> 29)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher, Hash};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use super::*;

    fn hash(value: impl Hash) -> u64 {
        BuildHasherDefault::<Quick>::default().hash_one(value)
    }

    /// As many different values among so many as chance would leave, within a tenth: n × (1 - e⁻¹) of n in n.
    fn are_spread(hashes: &[u64], bits: impl Fn(u64) -> u64) -> bool {
        let found: HashSet<u64> = hashes.iter().map(|hash| bits(*hash)).collect();
        found.len() * 100 >= hashes.len() * 57
    }

    #[test]
    fn neighbours_are_spread_over_low_and_high_bits() {
        const COUNT: u32 = 1 << 14;
        let v4 = |place: u32| IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 + place));
        let v6 = |place: u32| IpAddr::from(Ipv6Addr::from_bits(u128::from(place) << 64));
        let name = |place: u32| (b"example".to_vec(), format!("pool-{place}"));
        let tables: [(&str, Vec<u64>); 4] = [
            ("v4", (0..COUNT).map(|place| hash(v4(place))).collect()),
            ("v4 by 256", (0..COUNT).map(|place| hash(v4(place << 8))).collect()),
            ("v6", (0..COUNT).map(|place| hash(v6(place))).collect()),
            ("names", (0..COUNT).map(|place| hash(name(place))).collect()),
        ];
        for (what, hashes) in tables {
            assert!(are_spread(&hashes, |hash| hash % u64::from(COUNT)), "{what}: low bits");
            assert!(are_spread(&hashes, |hash| hash >> 50), "{what}: high bits");
        }
    }

    #[test]
    fn every_byte_counts() {
        let base = [0_u8; 20];
        let changed = (0..base.len()).map(|place| {
            let mut other = base;
            other[place] = 1;
            hash(other)
        });
        let all: HashSet<u64> = changed.chain([hash(base)]).collect();
        assert_eq!(all.len(), base.len() + 1);
    }
}
