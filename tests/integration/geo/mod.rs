//! Where clients are: databases in `MaxMind`'s format that a writer of our own makes, read by us and by `mmdblookup`.

mod served;
mod writer;

use std::fs;
use std::net::IpAddr;
use std::process::Command;

use proptest::prelude::*;
use rotadns::config::model::place::{Continent, Country, Point, Region};
use rotadns::geo::mmdb::{Trouble, parse};
use rotadns::geo::{Atlas, Located};

pub(crate) use writer::{Database, Value, asn, city};

use crate::servers::{Folder, installed};

/// Networks of both families, and what a database of cities says of them.
pub(crate) fn cities() -> Vec<(ipnet::IpNet, Value)> {
    [
        ("192.0.2.0/24", city("EU", "NO", None, Some((59.9, 10.7)))),
        ("198.51.100.0/25", city("NA", "US", Some("KY"), Some((38.2, -85.7)))),
        ("198.51.100.128/25", city("NA", "US", Some("CA"), Some((37.8, -122.4)))),
        ("203.0.113.0/24", city("AS", "JP", None, None)),
        ("10.0.0.0/9", city("EU", "DE", Some("HE"), Some((50.1, 8.7)))),
        ("2001:db8:1::/48", city("EU", "NO", None, Some((59.9, 10.7)))),
        ("2001:db8:2::/48", city("OC", "AU", Some("NSW"), Some((-33.9, 151.2)))),
    ]
    .into_iter()
    .map(|(network, record)| (network.parse().expect(network), record))
    .collect()
}

fn address(text: &str) -> IpAddr {
    text.parse().expect(text)
}

#[test]
fn what_a_database_says_is_read_whatever_its_form() {
    for (record_size, has_v6) in [(24, true), (28, true), (32, true), (24, false), (28, false)] {
        let is_held = |network: &ipnet::IpNet| has_v6 || matches!(network, ipnet::IpNet::V4(_));
        let networks = cities().into_iter().filter(|(network, _)| is_held(network)).collect();
        let database = Database { record_size, has_v6, networks, ..Database::default() };
        let read = parse(database.bytes()).expect("it is right");
        assert_eq!((read.kind.as_str(), read.built), ("Test-City", 1_700_000_000));
        let atlas = Atlas::new(&[&read.source]);
        for (client, country, region, bits) in [
            ("192.0.2.1", Some("NO"), None, 24),
            ("::ffff:192.0.2.1", Some("NO"), None, 24),
            ("198.51.100.1", Some("US"), Some("US-KY"), 25),
            ("198.51.100.200", Some("US"), Some("US-CA"), 25),
            ("203.0.113.9", Some("JP"), None, 24),
            ("10.127.255.255", Some("DE"), Some("DE-HE"), 9),
            ("10.128.0.0", None, None, 9),
            ("2001:db8:1::1", Some("NO"), None, 48),
            ("2001:db8:2:ffff::", Some("AU"), Some("AU-NSW"), 48),
        ] {
            if !has_v6 && address(client).to_canonical().is_ipv6() {
                assert_eq!(atlas.locate(address(client)).bits, 0);
                continue;
            }
            let Located { place, bits: found } = atlas.locate(address(client));
            assert_eq!(found, bits, "{client}");
            assert_eq!(place.country.map(Country::code), country, "{client}");
            assert_eq!(place.region, region.map(Region::new), "{client}");
        }
        let oslo = atlas.place(address("192.0.2.1"));
        assert_eq!(oslo.continent, Some(Continent::Eu));
        assert_eq!(oslo.point, Some(Point::new(59.9, 10.7)));
        // Where no coordinates are known, those of the country stand in.
        let japan = atlas.place(address("203.0.113.9"));
        assert_eq!(
            (japan.point, japan.best_point()),
            (None, Country::of("JP").map(Country::point))
        );
    }
}

#[test]
fn mmdblookup_says_the_same() {
    let folder = Folder::new();
    let file = folder.path.join("city.mmdb");
    for record_size in [24, 28, 32] {
        let database = Database { record_size, networks: cities(), ..Database::default() };
        fs::write(&file, database.bytes()).expect("a file");
        let atlas = Atlas::new(&[&parse(database.bytes()).expect("it is right").source]);
        for client in [
            "192.0.2.1",
            "198.51.100.127",
            "198.51.100.128",
            "203.0.113.255",
            "10.0.0.1",
            "10.128.0.0",
            "2001:db8:1:ffff::",
            "2001:db8:2::",
            "2001:db8:3::",
            "8.8.8.8",
        ] {
            let told = Command::new(installed("mmdblookup", "mmdb-bin"))
                .args([
                    "--file",
                    file.to_str().expect("a path"),
                    "--ip",
                    client,
                    "country",
                    "iso_code",
                ])
                .output()
                .expect("it can be run");
            let told = String::from_utf8_lossy(&told.stdout).into_owned();
            let expected = told.split('"').nth(1);
            let found = atlas.place(address(client)).country.map(Country::code);
            assert_eq!(found, expected, "{client}: {told}");
        }
    }
}

#[test]
fn a_broken_database_is_told() {
    let whole = Database { networks: cities(), ..Database::default() }.bytes();
    for bytes in [Vec::new(), b"no database".to_vec(), whole[..whole.len() / 2].to_vec()] {
        assert!(matches!(parse(bytes), Err(Trouble::Broken(_))));
    }
    let other = Value::Map(vec![("connection_type", writer::text("Cable/DSL"))]);
    let networks = vec![("192.0.2.0/24".parse().expect("a network"), other)];
    let other = Database { kind: "Test-Connection-Type", networks, ..Database::default() };
    let told = parse(other.bytes()).map(|_| ()).expect_err("it says nothing of places").to_string();
    assert!(told.contains("kind `Test-Connection-Type`"), "{told}");
    let numbers = vec![("192.0.2.0/24".parse().expect("a network"), asn(64500))];
    let read = parse(Database { networks: numbers, ..Database::default() }.bytes());
    let atlas = Atlas::new(&[&read.expect("it says whose they are").source]);
    let found = atlas.place(address("192.0.2.1")).asn.map(std::num::NonZeroU32::get);
    assert_eq!(found, Some(64500));
}

proptest! {
    /// Whatever a file holds, reading it ends and does not panic.
    #[test]
    fn no_bytes_of_a_database_do_harm(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = Database { networks: cities(), ..Database::default() }.bytes();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(read) = parse(bytes) {
            let atlas = Atlas::new(&[&read.source]);
            for client in ["192.0.2.1", "2001:db8:1::", "::", "255.255.255.255"] {
                let _ = atlas.locate(address(client));
            }
        }
    }
}
