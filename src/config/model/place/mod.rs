//! Where somebody is: what rules ask for, backends have, and databases say of clients.

mod countries;

use std::fmt;
use std::num::NonZeroU32;

use ipnet::IpNet;

use countries::{COUNTRIES, SUBDIVISIONS};

/// The globe's, in kilometres.
const RADIUS: f64 = 6371.0;
/// The most letters in the name of a region.
pub const REGION_MAX: usize = 63;

/// Where somebody is, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    /// The continent.
    pub continent: Option<Continent>,
    /// The country.
    pub country: Option<Country>,
    /// A subdivision of the country, or a region that the operator named.
    pub region: Option<Region>,
    /// The autonomous system.
    pub asn: Option<NonZeroU32>,
    /// The coordinates.
    pub point: Option<Point>,
}

impl Place {
    /// The coordinates, or those that stand in for the country's.
    #[inline]
    #[must_use]
    pub fn best_point(&self) -> Option<Point> {
        self.point.or_else(|| self.country.map(Country::point))
    }

    /// What two places have in common where they are the same to the bit.
    #[must_use]
    pub fn key(&self) -> (u8, u16, u64, u32, [u32; 3]) {
        let Self { continent, country, region, asn, point } = *self;
        (
            continent.map_or(u8::MAX, |continent| continent as u8),
            country.map_or(u16::MAX, |country| country.0.into()),
            region.map_or(0, |region| region.0),
            asn.map_or(0, NonZeroU32::get),
            point.map_or([u32::MAX; 3], |Point(vector)| vector.map(f32::to_bits)),
        )
    }
}

/// What the operator says of one network.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Its addresses, without bits past its prefix.
    pub subnet: IpNet,
    /// Where they are.
    pub place: Place,
    /// What its region is called.
    pub region: Option<String>,
}

/// Where a backend is, as its file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Site {
    /// Latitude and longitude, in degrees.
    pub location: Option<(f64, f64)>,
    /// A country, a subdivision, or a region of the operator's own.
    pub region: Option<String>,
}

impl Site {
    /// The coordinates; of a region that is a country or in one, those that stand in for the country's.
    #[must_use]
    pub fn point(&self) -> Option<Point> {
        let given = self.location.map(|(latitude, longitude)| Point::new(latitude, longitude));
        given.or_else(|| {
            let region = self.region.as_deref()?;
            let country = subdivision(region).map_or(region, |(country, _)| country);
            Country::of(country).map(Country::point)
        })
    }

    /// Whether nothing is known of it.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.location.is_none() && self.region.is_none()
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.region, self.location) {
            (Some(region), Some((latitude, longitude))) => {
                write!(f, "{region} {latitude},{longitude}")
            }
            (Some(region), None) => f.write_str(region),
            (None, Some((latitude, longitude))) => write!(f, "{latitude},{longitude}"),
            (None, None) => f.write_str("nowhere known"),
        }
    }
}

/// Whom a rule is for, by where they are: who is in any of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// Continents.
    pub continents: Vec<Continent>,
    /// Countries.
    pub countries: Vec<Country>,
    /// Subdivisions and the operator's own regions, by name.
    pub regions: Vec<String>,
    /// Autonomous systems.
    pub asns: Vec<NonZeroU32>,
}

impl Area {
    /// Whether it is for nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much it names.
    #[must_use]
    pub fn len(&self) -> usize {
        let Self { continents, countries, regions, asns } = self;
        continents.len() + countries.len() + regions.len() + asns.len()
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { continents, countries, regions, asns } = self;
        let continents = continents.iter().map(|continent| continent.code().to_owned());
        let countries = countries.iter().map(|country| country.code().to_owned());
        let parts = continents.chain(countries).chain(regions.iter().cloned());
        let parts: Vec<String> = parts.chain(asns.iter().map(|asn| format!("AS{asn}"))).collect();
        f.write_str(&parts.join(", "))
    }
}

/// A continent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Continent {
    /// Africa.
    Af,
    /// Antarctica.
    An,
    /// Asia.
    As,
    /// Europe.
    Eu,
    /// North America.
    Na,
    /// Oceania.
    Oc,
    /// South America.
    Sa,
}

impl Continent {
    /// Each with its code.
    pub const ALL: [(&'static str, Self); 7] = [
        ("AF", Self::Af),
        ("AN", Self::An),
        ("AS", Self::As),
        ("EU", Self::Eu),
        ("NA", Self::Na),
        ("OC", Self::Oc),
        ("SA", Self::Sa),
    ];

    /// The continent of a code, in capitals.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == code).map(|(_, continent)| *continent)
    }

    /// Its code.
    #[must_use]
    pub fn code(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// A country, by its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(u8);

impl Country {
    /// The country of a code of ISO 3166-1, in capitals.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        let place = COUNTRIES.binary_search_by(|(known, ..)| (*known).cmp(code)).ok()?;
        u8::try_from(place).ok().map(Self)
    }

    /// Every code.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        COUNTRIES.iter().map(|(code, ..)| *code)
    }

    /// Its code.
    #[must_use]
    pub fn code(self) -> &'static str {
        COUNTRIES[usize::from(self.0)].0
    }

    /// Its continent.
    #[must_use]
    pub fn continent(self) -> Continent {
        COUNTRIES[usize::from(self.0)].1
    }

    /// Where most of its people are, roughly.
    #[must_use]
    pub fn point(self) -> Point {
        let (.., latitude, longitude) = COUNTRIES[usize::from(self.0)];
        Point::new(f64::from(latitude) / 10.0, f64::from(longitude) / 10.0)
    }

    /// Its place in the table, below 256.
    #[inline]
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A subdivision such as `US-KY` (ISO 3166-2), or a region that the operator named: a digest of its name, in any case of
/// letters. Two names have one digest once in 2^64 times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(u64);

impl Region {
    /// The region of a name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::of_parts([name])
    }

    /// The subdivision of a country.
    #[must_use]
    pub fn subdivision(country: &str, code: &str) -> Self {
        Self::of_parts([country, "-", code])
    }

    // FNV-1a, its end mixed: names are short and an operator's own.
    fn of_parts<'t>(parts: impl IntoIterator<Item = &'t str>) -> Self {
        let bytes = parts.into_iter().flat_map(str::bytes);
        let mixed = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
        });
        Self((mixed ^ (mixed >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Whether a text can be a region's name: letters, digits and `-`, `_`, `.`.
    #[must_use]
    pub fn is_name(text: &str) -> bool {
        let is_right = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (1..=REGION_MAX).contains(&text.len()) && text.bytes().all(is_right)
    }
}

/// A text such as `US-KY`, where it looks like a subdivision of a country: two capitals, `-`, up to three capitals or digits.
#[must_use]
pub fn subdivision(text: &str) -> Option<(&str, &str)> {
    let (country, code) = text.split_once('-')?;
    let is_country = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_code = (1..=3).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    (is_country && is_code).then_some((country, code))
}

/// The subdivisions of a country, where they are known by name.
#[must_use]
pub fn subdivisions(country: Country) -> Option<&'static [&'static str]> {
    SUBDIVISIONS.iter().find(|(code, _)| *code == country.code()).map(|(_, codes)| *codes)
}

/// Coordinates as a unit vector, so that who is nearest takes a few multiplications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point([f32; 3]);

impl Point {
    /// The point at a latitude and a longitude in degrees.
    #[must_use]
    pub fn new(latitude: f64, longitude: f64) -> Self {
        let (latitude, longitude) = (latitude.to_radians(), longitude.to_radians());
        let (sin, cos) = latitude.sin_cos();
        Self([cos * longitude.cos(), cos * longitude.sin(), sin].map(|part| part as f32))
    }

    /// How far another point is, as the square of the chord between the two, in radii of the globe: the greater the
    /// farther. Unlike a dot product it is exact for neighbours too.
    #[inline]
    #[must_use]
    pub fn chord(self, other: Self) -> f32 {
        let apart = |axis: usize| self.0[axis] - other.0[axis];
        (0..3).map(|axis| apart(axis) * apart(axis)).sum()
    }

    /// How far another point is, in kilometres over ground.
    #[must_use]
    pub fn kilometres(self, other: Self) -> f64 {
        2.0 * RADIUS * (f64::from(self.chord(other)).sqrt() / 2.0).min(1.0).asin()
    }

    /// Latitude and longitude in degrees.
    #[must_use]
    pub fn degrees(self) -> (f64, f64) {
        let [x, y, z] = self.0.map(f64::from);
        (z.clamp(-1.0, 1.0).asin().to_degrees(), y.atan2(x).to_degrees())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.country.map(|country| country.code().to_owned()));
        let continent = self.continent.or(self.country.map(Country::continent));
        parts.extend(continent.map(|continent| continent.code().to_owned()));
        parts.extend(self.point.map(|point| {
            let (latitude, longitude) = point.degrees();
            format!("{latitude:.1},{longitude:.1}")
        }));
        parts.extend(self.asn.map(|asn| format!("AS{asn}")));
        if parts.is_empty() && self.region.is_none() {
            return f.write_str("nowhere known");
        }
        f.write_str(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_country_has_a_code_and_a_continent() {
        for (place, (code, ..)) in COUNTRIES.iter().enumerate() {
            let country = Country::of(code).expect(code);
            assert_eq!((country.index(), country.code()), (place, *code));
        }
        for (code, continent) in
            [("NO", "EU"), ("US", "NA"), ("NA", "AF"), ("AS", "OC"), ("ZA", "AF"), ("BR", "SA")]
        {
            assert_eq!(
                Country::of(code).map(|country| country.continent().code()),
                Some(continent)
            );
        }
        assert_eq!((Country::of("UK"), Country::of("no"), Continent::of("XX")), (None, None, None));
        assert_eq!(Continent::ALL.map(|(code, own)| own.code() == code), [true; 7]);
    }

    #[test]
    fn distances_are_those_of_the_globe() {
        // Great circles on a sphere of 6371 km.
        let (paris, london) = ((48.8566, 2.3522), (51.5074, -0.1278));
        let (sydney, new_york) = ((-33.8688, 151.2093), (40.7128, -74.0060));
        for (one, other, expected) in [
            (paris, london, 343.6),
            (sydney, new_york, 15_989.0),
            (paris, paris, 0.0),
            ((0.0, 0.0), (0.0, 180.0), 20_015.1),
            ((90.0, 0.0), (90.0, 120.0), 0.0),
            ((0.0, 179.5), (0.0, -179.5), 111.2),
        ] {
            let [a, b] = [one, other].map(|(latitude, longitude)| Point::new(latitude, longitude));
            let found = a.kilometres(b);
            assert!(
                (found - expected).abs() < 1.0 + expected / 1000.0,
                "{one:?} {other:?}: {found}"
            );
        }
    }

    #[test]
    fn regions_are_the_same_in_any_case() {
        assert_eq!(Region::new("US-KY"), Region::subdivision("US", "KY"));
        assert_eq!(Region::new("fra"), Region::new("FRA"));
        assert_ne!(Region::new("US-KY"), Region::new("US-KS"));
        for (text, expected) in [
            ("US-KY", Some(("US", "KY"))),
            ("GB-ENG", Some(("GB", "ENG"))),
            ("FR-75", Some(("FR", "75"))),
            ("eu-west", None),
            ("US", None),
            ("US-", None),
            ("US-KENT", None),
        ] {
            assert_eq!(subdivision(text), expected, "{text}");
        }
        assert!(Region::is_name("eu-west.1_a") && !Region::is_name("") && !Region::is_name("a b"));
    }
}
