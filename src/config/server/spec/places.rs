//! `geo:` and `views:`.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_yaml::Spanned;

use super::authority::{Named, net};
use super::{Many, Text, place, width};
use crate::config::error::Problem;
use crate::config::model::place::{Country, Network, Place, Point};
use crate::config::server::Reader;
use crate::config::server::places::{
    DATABASES_MAX, Geo, MAX_AGES, NETWORKS_MAX, PREFIXES_MAX, Subnets, Views,
};
use crate::config::value;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct GeoSpec {
    databases: Option<Many>,
    subnets: Option<SubnetsSpec>,
    max_age: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ViewsSpec {
    private: Option<Many>,
    trusted_resolvers: Option<Many>,
}

/// A table, or the path of a file of one.
enum SubnetsSpec {
    File(String),
    Table(TableSpec),
}

/// Networks, and where each is.
pub(super) type TableSpec = Named<Spanned<PlaceSpec>>;

/// A region, or a map of what is known.
pub(super) enum PlaceSpec {
    Region(String),
    Map(Box<MappedPlace>),
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct MappedPlace {
    continent: Option<Text>,
    country: Option<Text>,
    region: Option<Text>,
    location: Option<Many>,
    asn: Option<Text>,
}

// `untagged` would lose the places, so shapes are told apart by hand.
impl<'de> Deserialize<'de> for SubnetsSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shapes;
        impl<'de> Visitor<'de> for Shapes {
            type Value = SubnetsSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a file, or a map of subnets such as `{10.1.0.0/16: {country: NO}}`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<SubnetsSpec, E> {
                Ok(SubnetsSpec::File(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SubnetsSpec, A::Error> {
                TableSpec::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(SubnetsSpec::Table)
            }
        }
        deserializer.deserialize_any(Shapes)
    }
}

impl<'de> Deserialize<'de> for PlaceSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shapes;
        impl<'de> Visitor<'de> for Shapes {
            type Value = PlaceSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a region, or a map such as `{country: NO, location: [59.9, 10.7]}`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<PlaceSpec, E> {
                Ok(PlaceSpec::Region(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PlaceSpec, A::Error> {
                MappedPlace::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(|place| PlaceSpec::Map(Box::new(place)))
            }
        }
        deserializer.deserialize_any(Shapes)
    }
}

impl Reader<'_> {
    pub(super) fn geo(&mut self, spec: &GeoSpec) -> Geo {
        let mut geo = Geo::default();
        if let Some(databases) = &spec.databases {
            let texts = self.each(databases, |text| Ok(text.to_owned()));
            if texts.len() > DATABASES_MAX {
                self.add(databases.place(), Problem::TooManyEntries { most: DATABASES_MAX });
            }
            geo.databases = texts.iter().map(|text| self.path(text)).collect();
        }
        match &spec.subnets {
            None => {}
            Some(SubnetsSpec::File(path)) => geo.subnets = Subnets::File(self.path(path)),
            Some(SubnetsSpec::Table(table)) => geo.subnets = Subnets::Given(self.networks(table)),
        }
        self.set(&mut geo.max_age, spec.max_age.as_ref(), |text| {
            value::span("the greatest age", text, MAX_AGES)
        });
        geo
    }

    pub(super) fn views(&mut self, spec: &ViewsSpec) -> Views {
        let mut prefixes = |many: Option<&Many>| {
            let Some(many) = many else { return Vec::new() };
            let found = self.each(many, net);
            if found.len() > PREFIXES_MAX {
                self.add(many.place(), Problem::TooManyEntries { most: PREFIXES_MAX });
            }
            found
        };
        Views {
            private: prefixes(spec.private.as_ref()),
            trusted_resolvers: prefixes(spec.trusted_resolvers.as_ref()),
        }
    }

    /// A table of networks, each of whose places says something.
    pub(super) fn networks(&mut self, table: &TableSpec) -> Vec<Network> {
        let mut networks = Vec::with_capacity(table.0.len());
        for (number, (text, spec)) in table.0.iter().enumerate() {
            let at = place(text, width(&text.value));
            if number == NETWORKS_MAX {
                self.add(at, Problem::TooManyEntries { most: NETWORKS_MAX });
                break;
            }
            let subnet = match net(&text.value) {
                Ok(subnet) => subnet,
                Err(problem) => {
                    self.add(at, problem);
                    continue;
                }
            };
            let (mut found, mut region) = (Place::default(), None);
            match &spec.value {
                PlaceSpec::Region(name) => match value::region(name) {
                    Ok(read) => (found.region, region) = (Some(read), Some(name.clone())),
                    Err(problem) => self.add(place(spec, width(name)), problem),
                },
                PlaceSpec::Map(map) => {
                    let some =
                        |read: fn(&str) -> Result<_, _>| move |text: &str| read(text).map(Some);
                    self.set(&mut found.country, map.country.as_ref(), some(value::country));
                    found.continent = found.country.map(Country::continent);
                    self.set(&mut found.continent, map.continent.as_ref(), |text| {
                        value::continent(text).map(Some)
                    });
                    self.set(&mut found.region, map.region.as_ref(), |text| {
                        value::region(text).map(Some)
                    });
                    region = map.region.as_ref().map(|text| text.value.clone());
                    self.set(&mut found.asn, map.asn.as_ref(), |text| value::asn(text).map(Some));
                    if let Some(location) = &map.location {
                        let texts: Vec<&str> =
                            location.texts().into_iter().map(|(text, _)| text).collect();
                        match value::location(&texts) {
                            Ok((latitude, longitude)) => {
                                found.point = Some(Point::new(latitude, longitude));
                            }
                            Err(problem) => self.add(location.place(), problem),
                        }
                    }
                    let MappedPlace { continent, country, region: named, location, asn } = &**map;
                    let texts = [continent, country, named, asn];
                    if location.is_none() && texts.iter().all(|text| text.is_none()) {
                        let problem = Problem::MissingKey { place: "a subnet", key: "country" };
                        self.add(place(spec, 1), problem);
                    }
                }
            }
            // A country is a region too, and a subdivision says which country it is of.
            let country = region.as_deref().map(|region| {
                let of_region = crate::config::model::place::subdivision(region);
                of_region.map_or(region, |(country, _)| country)
            });
            if let Some(country) = country.and_then(Country::of) {
                found.country = found.country.or(Some(country));
                found.continent = found.continent.or(Some(country.continent()));
            }
            networks.push(Network { subnet, place: found, region });
        }
        networks
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::config::model::place::{Continent, Region};
    use crate::config::{Config, read_config};

    fn read(text: &str) -> Result<Config, Vec<String>> {
        read_config(Path::new("/etc/rotadns/rotadns.yaml"), text).map_err(|mistakes| {
            mistakes.iter().map(|mistake| mistake.problem.to_string()).collect()
        })
    }

    #[test]
    fn what_tells_where_clients_are_is_read() {
        let config = read(
            "
geo:
  databases: [city.mmdb, /var/lib/asn.mmdb]
  max_age: 30d
  subnets:
    10.1.0.0/16: fra
    10.2.0.0/16: {country: NO, location: [59.9, 10.7], asn: AS64500}
    10.3.0.0/16: {region: US-KY}
    10.4.0.0/16: US
    \"2001:db8::/32\": {continent: AS}
views:
  private: [10.0.0.0/8, \"fd00::/8\"]
  trusted_resolvers: 10.0.0.53
",
        )
        .expect("it is right");
        assert_eq!(
            config.geo.databases,
            [Path::new("/etc/rotadns/city.mmdb"), Path::new("/var/lib/asn.mmdb")]
        );
        assert_eq!(config.geo.max_age, Duration::from_secs(30 * 86_400));
        let Subnets::Given(networks) = config.geo.subnets else { panic!("it is no file") };
        let norway = Country::of("NO");
        let places = [
            Place { region: Some(Region::new("fra")), ..Place::default() },
            Place {
                country: norway,
                continent: Some(Continent::Eu),
                point: Some(Point::new(59.9, 10.7)),
                asn: "64500".parse().ok(),
                ..Place::default()
            },
            Place {
                region: Some(Region::new("US-KY")),
                country: Country::of("US"),
                continent: Some(Continent::Na),
                ..Place::default()
            },
            Place {
                region: Some(Region::new("US")),
                country: Country::of("US"),
                continent: Some(Continent::Na),
                ..Place::default()
            },
            Place { continent: Some(Continent::As), ..Place::default() },
        ];
        let found: Vec<Place> = networks.iter().map(|network| network.place).collect();
        assert_eq!(found, places);
        let regions: Vec<_> = networks.iter().map(|network| network.region.as_deref()).collect();
        assert_eq!(regions, [Some("fra"), None, Some("US-KY"), Some("US"), None]);
        let prefixes = |texts: &[&str]| -> Vec<ipnet::IpNet> {
            texts.iter().map(|text| text.parse().expect(text)).collect()
        };
        assert_eq!(config.views.private, prefixes(&["10.0.0.0/8", "fd00::/8"]));
        assert_eq!(config.views.trusted_resolvers, prefixes(&["10.0.0.53/32"]));
        let file = read("geo: {subnets: networks.yaml}").map(|config| config.geo.subnets);
        assert_eq!(file, Ok(Subnets::File("/etc/rotadns/networks.yaml".into())));
    }

    #[test]
    fn every_wrong_value_is_told() {
        for (text, sentence) in [
            (
                "geo: {subnets: {10.1.0.0/8: fra}}",
                "`10.1.0.0/8` is not a prefix, such as `192.0.2.0/24`, `2001:db8::/32` or an address; bits past its \
                 length are 0",
            ),
            (
                "geo: {subnets: {10.0.0.0/8: {country: UK}}}",
                "there is no country `UK`; did you mean `GB`?",
            ),
            (
                "geo: {subnets: {10.0.0.0/8: {location: [91, 0]}}}",
                "`91, 0` is not a location: latitude from -90 to 90 and longitude from -180 to 180, such as `[50.1, 8.7]`",
            ),
            ("geo: {subnets: {10.0.0.0/8: {}}}", "a subnet needs `country`"),
            (
                "geo: {max_age: 1s}",
                "the greatest age of `1s` is out of range; it is from 3600s to 315360000s",
            ),
            ("views: {private: []}", "no values; give at least one or remove the type"),
        ] {
            assert_eq!(read(text), Err(vec![sentence.to_owned()]), "{text}");
        }
    }
}
