//! Which zone answers for a name: the deepest whose apex is the name or above it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::name::suffixes::Suffixes;
use crate::name::{Name, hash};

/// The apexes of all zones.
#[derive(Debug, Default)]
pub struct Catalog {
    /// Hash of an apex to the zone's place. Two apexes of one hash would need a hand that makes them;
    /// [`Catalog::new`] refuses the second.
    places: HashMap<u64, u32, BuildHasherDefault<Hashed>>,
    apexes: Vec<Name>,
    /// A bit for each number of labels that an apex has.
    depths: u128,
}

impl Catalog {
    /// A catalog of apexes, each at its place; `Err` names the first that is there twice.
    pub fn new(apexes: Vec<Name>) -> Result<Self, Name> {
        let mut catalog = Self { places: HashMap::default(), apexes: Vec::new(), depths: 0 };
        for (place, apex) in apexes.iter().enumerate() {
            if catalog.places.insert(hash(apex.as_wire()), place as u32).is_some() {
                return Err(apex.clone());
            }
            catalog.depths |= 1 << apex.label_count();
        }
        catalog.apexes = apexes;
        Ok(catalog)
    }

    /// The deepest zone of at most `depth_max` labels that the name is in: its place, and how many
    /// labels its apex has.
    #[inline]
    #[must_use]
    pub fn find(&self, name: &Suffixes, depth_max: usize) -> Option<(u32, usize)> {
        let mut depths = self.depths & (u128::MAX >> (127 - depth_max));
        while depths != 0 {
            let depth = 127 - depths.leading_zeros() as usize;
            if let Some(&place) = self.places.get(&name.suffix_hash(depth))
                && self.apexes[place as usize].as_wire() == &name.wire()[name.suffix_start(depth)..]
            {
                return Some((place, depth));
            }
            depths &= !(1 << depth);
        }
        None
    }

    /// The place of the zone of this apex.
    #[must_use]
    pub fn place(&self, apex: &Name) -> Option<usize> {
        let place = *self.places.get(&hash(apex.as_wire()))? as usize;
        (self.apexes[place] == *apex).then_some(place)
    }
}

/// The key is a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_zone_answers() {
        let apexes = ["example.", "sub.example.", "other."];
        let apexes = apexes.map(|apex| Name::parse_absolute(apex).expect(apex));
        let catalog = Catalog::new(apexes.to_vec()).expect("they are distinct");
        for (name, depth_max, expected) in [
            ("example.", 127, Some((0, 1))),
            ("www.example.", 127, Some((0, 1))),
            ("a.sub.example.", 127, Some((1, 2))),
            ("sub.example.", 1, Some((0, 1))),
            ("other.", 127, Some((2, 1))),
            ("net.", 127, None),
            (".", 127, None),
        ] {
            let name = Name::parse_absolute(name).expect(name);
            let mut suffixes = Suffixes::default();
            suffixes.read(name.as_wire()).expect("it is whole");
            let depth_max = suffixes.labels().min(depth_max);
            assert_eq!(catalog.find(&suffixes, depth_max), expected, "{name}");
        }
    }

    #[test]
    fn an_apex_stands_once() {
        let apex = Name::parse_absolute("example.").expect("a name");
        assert_eq!(Catalog::new(vec![apex.clone(), apex.clone()]).err(), Some(apex));
    }

    #[test]
    fn the_root_is_a_zone_like_any_other() {
        let catalog = Catalog::new(vec![Name::root()]).expect("there is one");
        let mut suffixes = Suffixes::default();
        suffixes.read(b"\x03www\x00").expect("it is whole");
        assert_eq!(catalog.find(&suffixes, 1), Some((0, 0)));
    }
}
