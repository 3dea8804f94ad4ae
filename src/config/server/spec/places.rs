//! `geo:` and `views:`.

use super::authority::net;
use crate::config::error::Problem;
use crate::config::model::place::{Country, Network, Place, Point, subdivision};
use crate::config::node::{Kind, Node};
use crate::config::server::Reader;
use crate::config::server::places::{
    DATABASES_MAX, Geo, MAX_AGES, NETWORKS_MAX, PREFIXES_MAX, Subnets, Views,
};
use crate::config::value;

/// What `subnets` may be.
const TABLES: &str = "a file, or a map of subnets such as `{10.1.0.0/16: {country: NO}}`";
/// What a subnet may lead to.
const PLACES: &str = "a region, or a map such as `{country: NO, location: [59.9, 10.7]}`";

impl Reader<'_> {
    pub(super) fn geo(&mut self, node: &Node<'_>) -> Geo {
        let [databases, subnets, max_age] =
            self.fields(node, "`geo`", ["databases", "subnets", "max_age"]);
        let mut geo = Geo::default();
        if let Some(databases) = databases {
            let texts = self.each(databases, |text| Ok(text.to_owned()));
            if texts.len() > DATABASES_MAX {
                self.add(databases.span, Problem::TooManyEntries { most: DATABASES_MAX });
            }
            geo.databases = texts.iter().map(|text| self.path(text)).collect();
        }
        if let Some(subnets) = subnets {
            geo.subnets = match (subnets.scalar(), &subnets.kind) {
                (Some(path), _) => Subnets::File(self.path(path.text)),
                (None, Kind::Map(_)) => Subnets::Given(self.networks(subnets)),
                (None, _) => {
                    let found = subnets.describe();
                    self.add(subnets.span, Problem::Expected { what: TABLES, found });
                    Subnets::Given(Vec::new())
                }
            };
        }
        self.set(&mut geo.max_age, max_age, |text| value::span("the greatest age", text, MAX_AGES));
        geo
    }

    pub(super) fn views(&mut self, node: &Node<'_>) -> Views {
        let [private, trusted_resolvers] =
            self.fields(node, "`views`", ["private", "trusted_resolvers"]);
        let mut prefixes = |node: Option<&Node<'_>>| {
            let Some(node) = node else { return Vec::new() };
            let found = self.each(node, net);
            if found.len() > PREFIXES_MAX {
                self.add(node.span, Problem::TooManyEntries { most: PREFIXES_MAX });
            }
            found
        };
        Views { private: prefixes(private), trusted_resolvers: prefixes(trusted_resolvers) }
    }

    /// A table of networks, each of whose places says something.
    pub(super) fn networks(&mut self, node: &Node<'_>) -> Vec<Network> {
        let mut networks = Vec::new();
        let entries = self.entries(Some(node), "a map of subnets");
        for (number, (text, node)) in entries.enumerate() {
            if number == NETWORKS_MAX {
                self.add(text.span, Problem::TooManyEntries { most: NETWORKS_MAX });
                break;
            }
            let subnet = self.mistakes.take(text.span, net(text.text));
            let (place, region) = self.whereabouts(node);
            networks.extend(subnet.map(|subnet| Network { subnet, place, region }));
        }
        networks
    }

    /// Where a network is, and its region as it was written.
    fn whereabouts(&mut self, node: &Node<'_>) -> (Place, Option<String>) {
        let (mut found, mut named) = (Place::default(), None);
        if let Some(text) = node.scalar() {
            found.region = self.mistakes.take(text.span, value::region(text.text));
            named = found.region.map(|_| text.text.to_owned());
        } else if let Kind::Map(_) = node.kind {
            let [continent, country, region, location, asn] = self.fields(
                node,
                "a subnet",
                ["continent", "country", "region", "location", "asn"],
            );
            let some = |read: fn(&str) -> Result<_, _>| move |text: &str| read(text).map(Some);
            self.set(&mut found.country, country, some(value::country));
            found.continent = found.country.map(Country::continent);
            self.set(&mut found.continent, continent, |text| value::continent(text).map(Some));
            self.set(&mut found.region, region, |text| value::region(text).map(Some));
            named = region.and_then(Node::scalar).map(|text| text.text.to_owned());
            self.set(&mut found.asn, asn, |text| value::asn(text).map(Some));
            if let Some(location) = location {
                let texts = self.texts(Some(location));
                let texts: Vec<&str> = texts.iter().map(|text| text.text).collect();
                let point = self.mistakes.take(location.span, value::location(&texts));
                found.point = point.map(|(latitude, longitude)| Point::new(latitude, longitude));
            }
            if [continent, country, region, location, asn].iter().all(Option::is_none) {
                self.missing(node, "a subnet", "country");
            }
        } else {
            self.add(node.span, Problem::Expected { what: PLACES, found: node.describe() });
        }
        // A country is a region too, and a subdivision says which country it is of.
        let country = named
            .as_deref()
            .map(|region| subdivision(region).map_or(region, |(country, _)| country));
        if let Some(country) = country.and_then(Country::of) {
            found.country = found.country.or(Some(country));
            found.continent = found.continent.or(Some(country.continent()));
        }
        (found, named)
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
                "the greatest age of `1s` is out of range; it is from 1h to 3650d",
            ),
            ("views: {private: []}", "no values; give at least one or remove the type"),
        ] {
            assert_eq!(read(text), Err(vec![sentence.to_owned()]), "{text}");
        }
    }
}
