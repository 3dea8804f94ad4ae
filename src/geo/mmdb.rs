//! Databases in `MaxMind`'s format: of cities, countries or autonomous systems.

use std::path::Path;

use super::atlas::Source;

/// The largest database, in bytes.
pub const BYTES_MAX: u64 = 1 << 31;

/// What was read of a database.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    /// Who is where.
    pub source: Source,
    /// What it calls its kind, such as `GeoLite2-City`.
    pub kind: String,
    /// When it was made, in seconds since 1970.
    pub built: u64,
}

/// Why a database cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Its file cannot be read.
    Unreadable(String),
    /// It is no database, or a broken one.
    Broken(String),
    /// It says neither where networks are nor whose they are.
    SaysNothing(String),
    /// This build reads none.
    NotBuilt,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(detail) => write!(f, "cannot be read: {detail}"),
            Self::Broken(detail) => {
                write!(
                    f,
                    "is broken, or no database in MaxMind's format: {}",
                    detail.escape_debug()
                )
            }
            Self::SaysNothing(kind) => write!(
                f,
                "a database of kind `{}` says neither where networks are nor whose; use one of cities, countries or \
                 autonomous systems",
                kind.escape_debug()
            ),
            Self::NotBuilt => f.write_str(
                "this build of rotadns reads no databases; build it with the feature `geo`",
            ),
        }
    }
}

/// Reads a database from its file.
pub fn read(path: &Path) -> Result<Database, Trouble> {
    if !cfg!(feature = "geo") {
        return Err(Trouble::NotBuilt);
    }
    let unreadable = |error: std::io::Error| Trouble::Unreadable(error.to_string());
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > BYTES_MAX {
        return Err(Trouble::Unreadable(format!("it is larger than {BYTES_MAX} bytes")));
    }
    parse(std::fs::read(path).map_err(unreadable)?)
}

/// Reads none.
#[cfg(not(feature = "geo"))]
pub fn parse(_: Vec<u8>) -> Result<Database, Trouble> {
    Err(Trouble::NotBuilt)
}

#[cfg(feature = "geo")]
pub use format::parse;

#[cfg(feature = "geo")]
mod format {
    use std::collections::HashMap;
    use std::net::IpAddr;
    use std::num::NonZeroU32;

    use maxminddb::{LookupResult, MaxMindDbError, Reader, WithinOptions};
    use serde::Deserialize;

    use super::{Database, Trouble};
    use crate::config::model::place::{Continent, Country, Place, Point, Region};
    use crate::geo::atlas::{Layer, Source};
    use crate::geo::spans::Address;

    /// What we ask of a record, whatever the database's kind.
    #[derive(Deserialize)]
    struct Record<'d> {
        #[serde(borrow)]
        continent: Option<Coded<'d>>,
        #[serde(borrow)]
        country: Option<Coded<'d>>,
        #[serde(borrow)]
        subdivisions: Option<Vec<Coded<'d>>>,
        location: Option<Location>,
        autonomous_system_number: Option<u32>,
    }

    #[derive(Deserialize)]
    struct Coded<'d> {
        code: Option<&'d str>,
        iso_code: Option<&'d str>,
    }

    #[derive(Deserialize)]
    struct Location {
        latitude: Option<f64>,
        longitude: Option<f64>,
    }

    /// Reads a database from its bytes.
    pub fn parse(bytes: Vec<u8>) -> Result<Database, Trouble> {
        let broken = |error: MaxMindDbError| Trouble::Broken(error.to_string());
        let reader = Reader::from_source(bytes).map_err(broken)?;
        let metadata = reader.metadata();
        // A tree of so many nodes has no more leaves; one that has more goes in circles.
        let mut left = 2 * u64::from(metadata.node_count) + 2;
        let mut reading = Reading::default();
        for network in reader.networks(WithinOptions::default()).map_err(broken)? {
            left = left
                .checked_sub(1)
                .ok_or_else(|| Trouble::Broken("its tree goes in circles".to_owned()))?;
            reading.add(&network.map_err(broken)?).map_err(broken)?;
        }
        let Reading { mut source, v4, v6, .. } = reading;
        if source.places.is_empty() {
            return Err(Trouble::SaysNothing(metadata.database_type.clone()));
        }
        (source.v4, source.v6) = (layer(v4), layer(v6));
        Ok(Database { source, kind: metadata.database_type.clone(), built: metadata.build_epoch })
    }

    /// What has been read so far.
    #[derive(Default)]
    struct Reading {
        source: Source,
        /// First and last address of each network, and its place.
        v4: Vec<(u32, u32, u32)>,
        v6: Vec<(u128, u128, u32)>,
        /// The place of each record, by where it stands; `None` where it says nothing that we ask for.
        records: HashMap<usize, Option<u32>>,
        /// The number of each place.
        places: HashMap<(u8, u16, u64, u32, [u32; 3]), u32>,
    }

    impl Reading {
        fn add(&mut self, found: &LookupResult<'_, Vec<u8>>) -> Result<(), MaxMindDbError> {
            let Some(offset) = found.offset() else { return Ok(()) };
            let place = if let Some(place) = self.records.get(&offset) {
                *place
            } else {
                let record = found.decode::<Record<'_>>()?;
                let place = record.and_then(|record| self.place(&record));
                self.records.insert(offset, place);
                place
            };
            let Some(place) = place else { return Ok(()) };
            let network = found.network()?;
            match (network.network(), network.broadcast()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    self.v4.push((first.to_bits(), last.to_bits(), place));
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    // IPv4 stands at its start (the format's description, "IPv4 addresses in an IPv6 tree").
                    if first.to_bits() == 0 && last.to_bits() >= u128::from(u32::MAX) {
                        self.v4.push((0, u32::MAX, place));
                    }
                    self.v6.push((first.to_bits(), last.to_bits(), place));
                }
                _ => {}
            }
            Ok(())
        }

        fn place(&mut self, record: &Record<'_>) -> Option<u32> {
            let country = record.country.as_ref().and_then(|country| country.iso_code);
            let continent = record.continent.as_ref().and_then(|continent| continent.code);
            // The first one is the largest.
            let subdivision = record.subdivisions.as_ref().and_then(|all| all.first()?.iso_code);
            let region = country.zip(subdivision).map(|(country, code)| {
                let region = Region::subdivision(country, code);
                (region, format!("{country}-{code}"))
            });
            let point = record.location.as_ref().and_then(|location| {
                let (latitude, longitude) = (location.latitude?, location.longitude?);
                let is_right = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
                is_right.then(|| Point::new(latitude, longitude))
            });
            let place = Place {
                continent: continent.and_then(Continent::of),
                country: country.and_then(Country::of),
                region: region.as_ref().map(|(region, _)| *region),
                asn: record.autonomous_system_number.and_then(NonZeroU32::new),
                point,
            };
            if place == Place::default() {
                return None;
            }
            let source = &mut self.source;
            Some(*self.places.entry(place.key()).or_insert_with(|| {
                source.regions.extend(region);
                source.places.push(place);
                source.places.len() as u32 - 1
            }))
        }
    }

    /// Networks, none within another, as spans.
    fn layer<A: Address>(mut networks: Vec<(A, A, u32)>) -> Layer<A> {
        networks.sort_unstable();
        let mut layer: Layer<A> = Vec::with_capacity(networks.len());
        for (first, last, place) in networks {
            // Nothing was known behind the one before, unless this one is right there.
            if layer.last().is_some_and(|(begin, _)| *begin == first) {
                layer.pop();
            }
            if layer.last().is_none_or(|(_, before)| *before != Some(place)) {
                layer.push((first, Some(place)));
            }
            if last.bits() < u128::MAX >> (128 - A::BITS) {
                layer.push((A::from_bits(last.bits() + 1), None));
            }
        }
        layer
    }
}
