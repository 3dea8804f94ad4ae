//! Who is where, laid together from all that says so.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use super::spans::{Address, Spans, by_family};
use crate::config::model::place::{Place, Region};

/// The addresses of one index entry: those that share the first sixteen bits.
const INDEX_BITS: u32 = 16;

/// What one source says of spans of addresses, in the order of addresses. `None` is nothing.
pub type Layer<A> = Vec<(A, Option<u32>)>;

/// What one source says: its places, and who is at which.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// Each place once.
    pub places: Vec<Place>,
    /// By IPv4 addresses.
    pub v4: Layer<u32>,
    /// By IPv6 addresses.
    pub v6: Layer<u128>,
    /// What regions are called, for people.
    pub regions: Vec<(Region, String)>,
}

/// Who is where.
#[derive(Clone, Default, PartialEq)]
pub struct Atlas {
    places: Box<[Place]>,
    v4: Indexed<u32>,
    v6: Indexed<u128>,
    regions: HashMap<Region, String>,
}

/// Where an address is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Located<'a> {
    /// Where.
    pub place: &'a Place,
    /// How many bits of the address say so: all that share them are there too.
    pub bits: u8,
}

/// Where somebody is of whom nothing is known.
static NOWHERE: Place =
    Place { continent: None, country: None, region: None, asn: None, point: None };

impl Atlas {
    /// Lays sources together; of what several know, the first one's word counts.
    #[must_use]
    pub fn new(sources: &[&Source]) -> Self {
        let mut places = Places::default();
        let regions = sources.iter().flat_map(|source| source.regions.iter().cloned());
        let regions = regions.collect();
        let v4: Vec<_> =
            sources.iter().map(|source| (&source.v4[..], &source.places[..])).collect();
        let v4 = Indexed::new(merge(&v4, &mut places));
        let v6: Vec<_> =
            sources.iter().map(|source| (&source.v6[..], &source.places[..])).collect();
        let v6 = Indexed::new(merge(&v6, &mut places));
        Self { places: places.list.into_boxed_slice(), v4, v6, regions }
    }

    /// Where an address is.
    #[inline]
    #[must_use]
    pub fn place(&self, address: IpAddr) -> &Place {
        let found = by_family(address, |v4| self.v4.find(v4), |v6| self.v6.find(v6));
        self.at(found)
    }

    /// Where an address is, and how many bits of it say so.
    #[must_use]
    pub fn locate(&self, address: IpAddr) -> Located<'_> {
        let bits = by_family(address, |v4| self.v4.spans.bits(v4), |v6| self.v6.spans.bits(v6));
        Located { place: self.place(address), bits }
    }

    /// How many bits of an address decide, where what is made of some places comes to the same.
    #[must_use]
    pub fn bits_while(&self, address: IpAddr, is_same: impl Fn(&Place) -> bool) -> u8 {
        let is_same = |place: Option<&Option<u32>>| is_same(self.at(place.copied().flatten()));
        by_family(
            address,
            |v4| self.v4.spans.bits_while(v4, is_same),
            |v6| self.v6.spans.bits_while(v6, is_same),
        )
    }

    /// How many networks it knows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.spans.len() + self.v6.spans.len()
    }

    /// Whether it knows nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A place in words, its region by name.
    #[must_use]
    pub fn told(&self, place: &Place) -> String {
        match place.region.and_then(|region| self.regions.get(&region)) {
            None => place.to_string(),
            Some(region) if Place { region: None, ..*place } == NOWHERE => region.clone(),
            Some(region) => format!("{region} {place}"),
        }
    }

    #[inline]
    fn at(&self, place: Option<u32>) -> &Place {
        place.and_then(|place| self.places.get(place as usize)).unwrap_or(&NOWHERE)
    }
}

// A database has millions of networks.
impl fmt::Debug for Atlas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Atlas({} networks)", self.len())
    }
}

/// Spans, and for each start of an address where to search them.
#[derive(Clone, Debug, Default, PartialEq)]
struct Indexed<A> {
    spans: Spans<A, Option<u32>>,
    /// How many spans begin before the addresses of each start; empty where there is little to search.
    index: Box<[u32]>,
}

impl<A: Address> Indexed<A> {
    fn new(spans: Spans<A, Option<u32>>) -> Self {
        let mut index = Vec::new();
        if spans.len() > 1 << 8 {
            let mut begins =
                spans.iter().map(|(begin, _)| begin.bits() >> (A::BITS - INDEX_BITS)).peekable();
            let mut count = 0;
            for start in 0..=1_u128 << INDEX_BITS {
                while begins.next_if(|begin| *begin < start).is_some() {
                    count += 1;
                }
                index.push(count);
            }
        }
        Self { spans, index: index.into_boxed_slice() }
    }

    #[inline]
    fn find(&self, address: A) -> Option<u32> {
        let start = (address.bits() >> (A::BITS - INDEX_BITS)) as usize;
        let found = match self.index.get(start..start + 2) {
            Some(&[from, to]) => self.spans.find_within(address, from as usize..to as usize),
            _ => self.spans.find(address),
        };
        found.copied().flatten()
    }
}

/// Places, each once.
#[derive(Default)]
struct Places {
    list: Vec<Place>,
    known: HashMap<(u8, u16, u64, u32, [u32; 3]), u32>,
}

impl Places {
    fn number(&mut self, place: Place) -> Option<u32> {
        if place == NOWHERE {
            return None;
        }
        Some(*self.known.entry(place.key()).or_insert_with(|| {
            self.list.push(place);
            self.list.len() as u32 - 1
        }))
    }
}

/// Where spans begin and the place of each, and those places.
type Placed<'l, A> = (&'l [(A, Option<u32>)], &'l [Place]);

/// Walks all layers at once, from one place where something begins to the next.
fn merge<A: Address>(layers: &[Placed<'_, A>], places: &mut Places) -> Spans<A, Option<u32>> {
    let mut rest: Vec<&[(A, Option<u32>)]> = layers.iter().map(|(spans, _)| *spans).collect();
    let mut now: Vec<Option<u32>> = vec![None; layers.len()];
    let mut known: HashMap<Vec<Option<u32>>, Option<u32>> = HashMap::new();
    Spans::new(std::iter::from_fn(|| {
        let begin = rest.iter().filter_map(|spans| Some(spans.first()?.0)).min()?;
        for (spans, now) in rest.iter_mut().zip(&mut now) {
            while let Some(((_, value), tail)) =
                spans.split_first().filter(|((own, _), _)| *own == begin)
            {
                (*now, *spans) = (*value, tail);
            }
        }
        let number = if let Some(number) = known.get(&now) {
            *number
        } else {
            let own = now.iter().zip(layers);
            let own = own.filter_map(|(own, (_, places))| places.get((*own)? as usize));
            let number = places.number(own.fold(NOWHERE, over));
            known.insert(now.clone(), number);
            number
        };
        Some((begin, number))
    }))
}

/// What is known of where somebody is, and what another source adds: where that is comes from the first that says anything
/// of it, as coordinates of one source and the country of another need not go together.
fn over(first: Place, other: &Place) -> Place {
    let asn = first.asn.or(other.asn);
    let where_is = if (Place { asn: None, ..first }) == NOWHERE { *other } else { first };
    Place { asn, ..where_is }
}

#[cfg(test)]
mod tests;
