//! Which pool is for which label below a wildcard, ready to be asked.
//!
//! The label that decides is the one next to the wildcard's parent, however many stand left of it:
//!
//! ```text
//!   *.users.example.com.     heidi.users.example.com.  ─▶ heidi
//!                        eu.heidi.users.example.com.  ─▶ heidi
//! ```
//!
//! Ranges are one binary search. A hash gives each label and pool a number, and the pool of the greatest has the label (rendezvous, Thaler
//! and Ravishankar 1998): one pool more takes 1/n of the labels, from all others alike, and one less gives away its own alone. The
//! number is made of the label's bytes and the pool's name, so it is the same on every machine, in every order of pools, and for every version of this program.

use super::Choice;
use crate::config::model;
use crate::name::suffixes::Suffixes;

/// The shards of one name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shards {
    /// How many labels the name has from the one that decides on.
    depth: usize,
    by: By,
    choices: Box<[Choice]>,
    /// What those get who get private addresses, in the same order. Empty where no pool has any.
    private: Box<[Choice]>,
}

/// A shard, to be made ready.
#[derive(Clone, Copy, Debug)]
pub struct Shard<'a> {
    /// What its pool is called.
    pub name: &'a str,
    /// What it gives.
    pub choice: Choice,
    /// What it gives to those who get private addresses; itself, where its pool has none.
    pub private: Choice,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum By {
    /// Up to each bound; one choice more than there are bounds.
    Range(Box<[Box<[u8]>]>),
    /// By the greatest of these, mixed with the label.
    Hash(Box<[u64]>),
}

/// Why a label has its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why<'s> {
    /// It stands in the range after one bound, if there is one, and up to the other.
    Range(Option<&'s [u8]>, Option<&'s [u8]>),
    /// It hashes to it, of so many.
    Hash(usize),
}

impl Shards {
    /// The shards of a wildcard of `depth` labels.
    #[must_use]
    pub fn new(by: &model::By, depth: usize, shards: &[Shard<'_>]) -> Self {
        let by = match by {
            model::By::Range(bounds) => By::Range(bounds.clone().into()),
            model::By::Hash => {
                By::Hash(shards.iter().map(|shard| mix(digest(shard.name.as_bytes()))).collect())
            }
        };
        let has_private = shards.iter().any(|shard| shard.choice != shard.private);
        let private = shards.iter().map(|shard| shard.private);
        Self {
            depth,
            by,
            choices: shards.iter().map(|shard| shard.choice).collect(),
            private: if has_private { private.collect() } else { Box::default() },
        }
    }

    /// The label of a name that decides. Of the wildcard itself, which a name need not be below, it is the asterisk.
    #[inline]
    #[must_use]
    pub fn label<'n>(&self, name: &'n Suffixes) -> &'n [u8] {
        if name.labels() < self.depth {
            return b"*";
        }
        let start = name.suffix_start(self.depth);
        let wire = name.wire();
        &wire[start + 1..][..usize::from(wire[start])]
    }

    /// What the shard of a label, in lower case, gives to somebody, who may be one that gets private addresses.
    #[inline]
    #[must_use]
    pub fn find(&self, label: &[u8], is_private: bool) -> Option<Choice> {
        let choices = if is_private && self.has_private() { &self.private } else { &self.choices };
        choices.get(self.matching(label)).copied()
    }

    /// Whether some who ask get private addresses of some shard.
    #[inline]
    #[must_use]
    pub fn has_private(&self) -> bool {
        !self.private.is_empty()
    }

    #[inline]
    fn matching(&self, label: &[u8]) -> usize {
        match &self.by {
            By::Range(bounds) => bounds.partition_point(|bound| is_after(label, bound)),
            By::Hash(seeds) => {
                let label = digest(label);
                let weights = seeds.iter().map(|seed| mix(label ^ seed)).enumerate();
                weights.max_by_key(|(_, weight)| *weight).map_or(0, |(place, _)| place)
            }
        }
    }

    /// Why a label has its shard.
    #[must_use]
    pub fn why(&self, label: &[u8]) -> Why<'_> {
        match &self.by {
            By::Range(bounds) => {
                let place = self.matching(label);
                let bound = |place: Option<usize>| bounds.get(place?).map(AsRef::as_ref);
                Why::Range(bound(place.checked_sub(1)), bound(Some(place)))
            }
            By::Hash(seeds) => Why::Hash(seeds.len()),
        }
    }
}

/// Whether a label stands after a bound; one that begins with it does not.
#[inline]
fn is_after(label: &[u8], bound: &[u8]) -> bool {
    label[..label.len().min(bound.len())] > *bound
}

/// FNV-1a of 64 bits.
#[inline]
fn digest(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The last step of `SplitMix64`, in which every bit moves every other.
#[inline]
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shards(by: &model::By, names: &[&str]) -> Shards {
        let choice = |pool| Choice { pool, rotation: 0, made: 0 };
        let shards: Vec<Shard<'_>> = (names.iter().zip(0..))
            .map(|(name, pool)| Shard { name, choice: choice(pool), private: choice(pool) })
            .collect();
        Shards::new(by, 3, &shards)
    }

    fn range(bounds: &[&str]) -> Shards {
        let by = model::By::Range(bounds.iter().map(|bound| bound.as_bytes().into()).collect());
        let names: Vec<String> = (0..=bounds.len()).map(|number| number.to_string()).collect();
        shards(&by, &names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn hash(names: &[String]) -> Shards {
        shards(&model::By::Hash, &names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn names(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("db-{number}")).collect()
    }

    #[test]
    fn a_range_has_every_label_that_begins_with_its_bound() {
        for (bounds, label, expected) in [
            (&["g"][..], "anna", 0),
            (&["g"], "g", 0),
            (&["g"], "gustav", 0),
            (&["g"], "g\u{7f}", 0),
            (&["g"], "h", 1),
            (&["g"], "heidi", 1),
            (&["g"], "0", 0),
            // Bytewise: a hyphen is before digits, and digits before letters.
            (&["7", "m"], "-", 0),
            (&["7", "m"], "7up", 0),
            (&["7", "m"], "8", 1),
            (&["7", "m"], "mike", 1),
            (&["7", "m"], "nora", 2),
            (&["gr", "gu"], "g", 0),
            (&["gr", "gu"], "grace", 0),
            (&["gr", "gu"], "gs", 1),
            (&["gr", "gu"], "gustav", 1),
            (&["gr", "gu"], "gv", 2),
            (&[], "anyone", 0),
        ] {
            assert_eq!(range(bounds).matching(label.as_bytes()), expected, "{label} by {bounds:?}");
        }
    }

    /// Labels, and the number of their shard of three.
    const VECTORS: [(&str, usize); 9] = [
        ("anna", 3),
        ("bob", 2),
        ("carol", 1),
        ("dave", 2),
        ("erin", 1),
        ("heidi", 1),
        ("xn--bcher-kva", 1),
        ("0", 1),
        ("*", 1),
    ];

    #[test]
    fn a_hash_is_what_it_has_always_been() {
        // FNV-1a's own test vectors.
        assert_eq!(digest(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(digest(b"foobar"), 0x8594_4171_f739_67e8);
        // SplitMix64 with the seed 0 begins so.
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0xe220_a839_7b1d_cdaf);
        // Worked out apart from this program: a change of these moves everybody's data.
        let three = hash(&names(3));
        for (label, expected) in VECTORS {
            assert_eq!(three.matching(label.as_bytes()) + 1, expected, "{label}");
        }
    }

    #[test]
    fn one_shard_more_takes_its_part_and_moves_nothing_else() {
        const LABELS: usize = 20_000;
        let (before, after) = (hash(&names(9)), hash(&names(10)));
        let mut moved = 0;
        for number in 0..LABELS {
            let label = format!("user-{number}");
            let (was, is) = (before.matching(label.as_bytes()), after.matching(label.as_bytes()));
            if was != is {
                assert_eq!(is, 9, "{label} goes to the new one or stays");
                moved += 1;
            }
        }
        // A tenth, within five standard deviations of a draw of 20,000.
        assert!((2000 - 212..=2000 + 212).contains(&moved), "{moved}");
    }

    #[test]
    fn the_order_of_pools_does_not_matter_to_a_hash() {
        let (forth, back) = (names(7), names(7).into_iter().rev().collect::<Vec<_>>());
        for number in 0..1000 {
            let label = format!("{number}");
            let of = |names: &[String]| names[hash(names).matching(label.as_bytes())].clone();
            assert_eq!(of(&forth), of(&back), "{label}");
        }
    }

    #[test]
    fn the_label_next_to_the_parent_decides() {
        let shards = Shards { depth: 3, ..range(&["g"]) };
        for (name, expected) in [
            ("heidi.users.example.", "heidi"),
            ("EU.Heidi.users.example.", "heidi"),
            ("*.users.example.", "*"),
            ("users.example.", "*"),
        ] {
            let mut suffixes = Suffixes::default();
            let name = crate::name::Name::parse_absolute(name).expect(name);
            suffixes.read(name.as_wire()).expect("a name");
            assert_eq!(shards.label(&suffixes), expected.as_bytes(), "{name}");
        }
    }
}
