//! A set of places, ready to be asked.

use std::num::NonZeroU32;

use crate::config::model::place::{self, Place, Region};

/// Whom a rule is for, by where they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// A bit for each continent.
    continents: u8,
    /// A bit for each country.
    countries: [u64; 4],
    /// Sorted.
    regions: Box<[Region]>,
    /// Sorted.
    asns: Box<[NonZeroU32]>,
}

impl Area {
    /// The set of what a rule names.
    #[must_use]
    pub fn new(area: &place::Area) -> Self {
        let mut set = Self::default();
        for continent in &area.continents {
            set.continents |= 1 << *continent as u8;
        }
        for country in &area.countries {
            set.countries[country.index() / 64] |= 1 << (country.index() % 64);
        }
        let mut regions: Vec<Region> = area.regions.iter().map(|name| Region::new(name)).collect();
        regions.sort_unstable();
        let mut asns = area.asns.clone();
        asns.sort_unstable();
        (set.regions, set.asns) = (regions.into_boxed_slice(), asns.into_boxed_slice());
        set
    }

    /// Whether a place is in it.
    #[inline]
    #[must_use]
    pub fn has(&self, place: &Place) -> bool {
        // What is known of a country is known of its continent.
        let continent = || place.continent.or_else(|| place.country.map(place::Country::continent));
        let is_in = |continent| self.continents & 1 << continent as u8 != 0;
        (self.continents != 0 && continent().is_some_and(is_in))
            || place.country.is_some_and(|country| {
                self.countries[country.index() / 64] & 1 << (country.index() % 64) != 0
            })
            || place.region.is_some_and(|region| self.regions.binary_search(&region).is_ok())
            || place.asn.is_some_and(|asn| self.asns.binary_search(&asn).is_ok())
    }
}
