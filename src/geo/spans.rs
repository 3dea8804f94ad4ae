//! Spans of addresses that each have one value, found by one binary search.
//!
//! ```text
//!   0.0.0.0 none │ 10.0.0.0 b │ 10.1.0.0 a │ 10.2.0.0 b │ 11.0.0.0 none
//! ```

use std::net::IpAddr;

/// An address as a number.
pub trait Address: Copy + Ord {
    /// How many bits it has.
    const BITS: u32;

    /// The bits of it, the least significant last.
    fn bits(self) -> u128;

    /// The address of so many bits.
    fn from_bits(bits: u128) -> Self;
}

impl Address for u32 {
    const BITS: u32 = 32;

    #[inline]
    fn bits(self) -> u128 {
        self.into()
    }

    fn from_bits(bits: u128) -> Self {
        bits as u32
    }
}

impl Address for u128 {
    const BITS: u32 = 128;

    #[inline]
    fn bits(self) -> u128 {
        self
    }

    fn from_bits(bits: u128) -> Self {
        bits
    }
}

/// Values by spans of addresses; what lies before the first span has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spans<A, T> {
    begins: Box<[A]>,
    values: Box<[T]>,
}

impl<A, T> Default for Spans<A, T> {
    fn default() -> Self {
        Self { begins: Box::default(), values: Box::default() }
    }
}

impl<A: Address, T: PartialEq> Spans<A, T> {
    /// Spans by where they begin, in the order of addresses; neighbours with one value become one.
    pub fn new(spans: impl IntoIterator<Item = (A, T)>) -> Self {
        let (mut begins, mut values) = (Vec::new(), Vec::new());
        for (begin, value) in spans {
            if values.last() != Some(&value) {
                begins.push(begin);
                values.push(value);
            }
        }
        Self { begins: begins.into_boxed_slice(), values: values.into_boxed_slice() }
    }

    /// How many spans there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.begins.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.begins.is_empty()
    }

    /// The place of the span that an address is in, plus one; 0 before the first.
    #[inline]
    fn behind(&self, address: A) -> usize {
        self.begins.partition_point(|begin| *begin <= address)
    }

    /// The value of an address.
    #[inline]
    #[must_use]
    pub fn find(&self, address: A) -> Option<&T> {
        self.values.get(self.behind(address).checked_sub(1)?)
    }

    /// The value of an address among the spans at these places, which hold it.
    #[inline]
    #[must_use]
    pub fn find_within(&self, address: A, places: std::ops::Range<usize>) -> Option<&T> {
        let begins = self.begins.get(places.clone())?;
        let behind = places.start + begins.partition_point(|begin| *begin <= address);
        self.values.get(behind.checked_sub(1)?)
    }

    /// How many bits of an address decide that it has its value: all that share so many have it too.
    #[must_use]
    pub fn bits(&self, address: A) -> u8 {
        self.bits_while(address, |_| false)
    }

    /// The same, where values of neighbouring spans may come to the same.
    ///
    /// It is looked at so many neighbours at most as [`WIDENED_MAX`], each time at the one that decides; what lies beyond is taken
    /// as different.
    #[must_use]
    pub fn bits_while<'s>(&'s self, address: A, is_same: impl Fn(Option<&T>) -> bool) -> u8 {
        let own = self.behind(address);
        // Place 0 is what lies before the first span.
        let value = |place: usize| place.checked_sub(1).and_then(|place| self.values.get(place));
        let apart =
            |other: Option<u128>| other.map_or(0, |other| 1 + common::<A>(address.bits(), other));
        // Where a span begins at the first address of all, nothing lies before it.
        let before = |first: usize| {
            let begin = first.checked_sub(1).map(|place| self.begins[place].bits());
            apart(begin.and_then(|begin| begin.checked_sub(1)))
        };
        let behind = |last: usize| apart(self.begins.get(last).map(|begin| begin.bits()));
        // What came to the same once need not be asked again: databases give few places to many neighbours.
        let mut known = value(own);
        let mut is_same = |other: Option<&'s T>| {
            let is_same = other == value(own) || other == known || is_same(other);
            known = other;
            is_same
        };
        let (mut first, mut last) = (own, own);
        let mut bits = (before(first), behind(last));
        for _ in 0..WIDENED_MAX {
            // No two are alike: of addresses before and behind, one shares the bit that the other has not.
            if bits.0 > bits.1 {
                if !is_same(value(first - 1)) {
                    break;
                }
                first -= 1;
                bits.0 = before(first);
            } else if bits.1 > 0 {
                if !is_same(value(last + 1)) {
                    break;
                }
                last += 1;
                bits.1 = behind(last);
            } else {
                break;
            }
        }
        bits.0.max(bits.1).min(A::BITS) as u8
    }

    /// Where spans begin, and their values.
    pub fn iter(&self) -> impl Iterator<Item = (A, &T)> {
        self.begins.iter().copied().zip(&self.values)
    }
}

/// How many spans beside that of an address are looked at for the same outcome. Anybody may ask for that, and for each of them the choice
/// is made again; with fewer, resolvers keep an answer for fewer clients.
pub const WIDENED_MAX: usize = 8;

/// How many leading bits two different addresses have in common.
fn common<A: Address>(one: u128, other: u128) -> u32 {
    (one ^ other).leading_zeros().saturating_sub(128 - A::BITS)
}

/// The same work for addresses of either family, IPv4 ones in the form that a socket for both has them too.
#[inline]
pub fn by_family<T>(address: IpAddr, v4: impl FnOnce(u32) -> T, v6: impl FnOnce(u128) -> T) -> T {
    match address.to_canonical() {
        IpAddr::V4(address) => v4(address.to_bits()),
        IpAddr::V6(address) => v6(address.to_bits()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn v4(text: &str) -> u32 {
        text.parse::<Ipv4Addr>().expect(text).to_bits()
    }

    /// `a` from 10.0.0.0 on, `b` from 10.1.0.0 on, and so on; `-` is nothing.
    fn spans(text: &str) -> Spans<u32, char> {
        Spans::new(text.split(' ').map(|span| {
            let (value, begin) = span.split_once('@').expect(span);
            (v4(begin), value.chars().next().expect("a letter"))
        }))
    }

    #[test]
    fn an_address_has_the_value_of_the_last_span_that_begins_before_it() {
        let spans = spans("a@10.0.0.0 b@10.1.0.0 b@10.1.128.0 a@10.2.0.0 -@11.0.0.0");
        assert_eq!(spans.len(), 4, "neighbours with one value are one");
        for (address, expected) in [
            ("9.255.255.255", None),
            ("10.0.0.0", Some('a')),
            ("10.1.200.1", Some('b')),
            ("10.2.0.0", Some('a')),
            ("255.255.255.255", Some('-')),
        ] {
            assert_eq!(spans.find(v4(address)).copied(), expected, "{address}");
            assert_eq!(spans.find_within(v4(address), 0..4).copied(), expected, "{address}");
        }
    }

    #[test]
    fn rfc7871_7_2_1_the_bits_are_the_least_that_hold_one_value() {
        let table = spans("a@10.0.0.0 b@10.1.0.0 a@10.2.0.0 -@11.0.0.0");
        for (spans, address, expected) in [
            // 10.1.0.0 follows: ten bits would hold it, sixteen do not.
            (&table, "10.0.0.1", 16),
            (&table, "10.1.2.3", 16),
            (&table, "10.2.0.0", 15),
            (&table, "10.128.0.0", 9),
            (&table, "9.0.0.0", 7),
            (&table, "8.0.0.0", 7),
            (&table, "128.0.0.0", 1),
            (&spans("a@0.0.0.0"), "192.0.2.1", 0),
            (&spans("a@0.0.0.0 b@255.255.255.255"), "255.255.255.254", 32),
            (&spans("a@0.0.0.0 b@255.255.255.255"), "255.255.255.255", 32),
            (&spans("a@0.0.0.0 b@255.255.255.255"), "0.0.0.0", 1),
            (&spans("a@0.0.0.1"), "0.0.0.0", 32),
            (&Spans::default(), "192.0.2.1", 0),
        ] {
            assert_eq!(spans.bits(v4(address)), expected, "{address}");
        }
        // What comes to the same need not be told apart.
        let bits = |address, same: &'static str| {
            let is_same = |value: Option<&char>| value.is_some_and(|value| same.contains(*value));
            table.bits_while(v4(address), is_same)
        };
        assert_eq!((bits("10.0.0.1", "ab"), bits("10.1.2.3", "ab")), (8, 8));
        assert_eq!((bits("10.1.2.3", "b"), bits("10.2.0.0", "a-")), (16, 15));
    }

    #[test]
    fn few_neighbours_are_looked_at_however_many_are_alike() {
        // A span for each 10.0.x.0, all of which come to the same.
        let spans = Spans::new((0..256_u32).map(|place| (v4("10.0.0.0") + place * 256, place)));
        for address in ["10.0.0.0", "10.0.77.1", "10.0.128.0", "10.0.255.255", "11.0.0.0"] {
            let looked = std::cell::Cell::new(0);
            let all_are = |value: Option<&u32>| {
                looked.set(looked.get() + 1);
                value.is_some()
            };
            let bits = spans.bits_while(v4(address), all_are);
            assert!(looked.get() <= WIDENED_MAX, "{address}: {}", looked.get());
            assert!(bits <= spans.bits(v4(address)), "{address}: {bits}");
        }
    }

    #[test]
    fn all_addresses_within_the_bits_have_the_same_value() {
        let spans = spans("a@0.0.0.10 b@0.0.0.11 c@0.0.0.16 a@0.0.0.24 d@0.0.1.0");
        for address in 0..600_u32 {
            let bits = u32::from(spans.bits(address));
            let block = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            let of = |other: &u32| other & block == address & block;
            assert!((0..600).filter(of).all(|other| spans.find(other) == spans.find(address)));
            // One bit less holds another value.
            let wider = block << 1;
            let is_all = |other: u32| spans.find(other) == spans.find(address);
            let of = |other: &u32| other & wider == address & wider;
            assert!(bits == 0 || !(0..600).chain([u32::MAX]).filter(of).all(is_all), "{address}");
        }
    }
}
