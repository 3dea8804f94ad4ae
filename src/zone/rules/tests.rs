//! The first rule that is for a client, and for how much of a network that holds.

use std::collections::BTreeSet;

use super::*;
use crate::config::model::place::{Country, Network};
use crate::geo::subnets;

/// Rules such as `10.0.0.0/8 NO | ! 192.0.2.0/24`; those with `!` give private addresses.
fn rules(text: &str) -> Rules {
    let choice = |pool| Choice { pool, rotation: 0, made: 0 };
    let mut read = Vec::new();
    for rule in text.split('|') {
        let (mut subnets, mut area, mut is_guarded) = (Vec::new(), place::Area::default(), false);
        for word in rule.split_whitespace() {
            if word == "!" {
                is_guarded = true;
            } else if let Ok(subnet) = word.parse::<IpNet>() {
                subnets.push(subnet);
            } else if let Some(asn) = word.strip_prefix("AS") {
                area.asns.push(asn.parse().expect(word));
            } else if let Some(continent) = word.strip_prefix('~') {
                area.continents.push(place::Continent::of(continent).expect(word));
            } else if let Some(country) = Country::of(word) {
                area.countries.push(country);
            } else {
                area.regions.push(word.to_owned());
            }
        }
        read.push((subnets, area, is_guarded));
    }
    let rules: Vec<Rule<'_>> = read
        .iter()
        .zip(0..)
        .map(|((subnets, area, is_guarded), pool)| {
            let (choice, is_guarded) = (choice(pool), *is_guarded);
            Rule { subnets, area, choice, private: choice, is_guarded }
        })
        .collect();
    Rules::new(&rules, (choice(99), choice(99)), Vec::new())
}

/// NO at 10.0.0.0/9 and `2001:db8::/32`, US-KY at 10.128.0.0/10, US-CA at 10.192.0.0/10, `AS64500` within both.
fn atlas() -> Atlas {
    let place = |country, region: Option<&str>, asn: u32| Place {
        country: Country::of(country),
        region: region.map(Region::new),
        asn: asn.try_into().ok(),
        ..Place::default()
    };
    let table: Vec<Network> = [
        ("10.0.0.0/9", place("NO", None, 0)),
        ("10.64.0.0/10", place("NO", None, 64500)),
        ("10.128.0.0/10", place("US", Some("US-KY"), 64500)),
        ("10.192.0.0/10", place("US", Some("US-CA"), 0)),
        ("2001:db8::/32", place("NO", None, 0)),
    ]
    .into_iter()
    .map(|(subnet, place)| Network { subnet: subnet.parse().expect(subnet), place, region: None })
    .collect();
    Atlas::new(&[&subnets::source(&table)])
}

fn find(rules: &Rules, atlas: Option<&Atlas>, hint: &str, sure: &str) -> (Option<u32>, u8) {
    let [hint, sure] = [hint, sure].map(|text| text.parse().expect(text));
    let private = Prefixes::default();
    let client = Client { hint, sure, atlas, private: &private };
    let everybody = Choice { pool: 99, rotation: 0, made: 0 };
    let pool = Some(rules.find(&client, everybody).pool).filter(|pool| *pool != 99);
    (pool, rules.bits(&client))
}

#[test]
fn the_first_rule_that_matches_decides() {
    let some = "10.1.0.0/16 | 10.0.0.0/8 2001:db8::/32 | 10.1.2.0/24 ::/0 | 255.255.255.255/32";
    for (rules, client, expected) in [
        (some, "9.255.255.255", None),
        (some, "10.0.0.0", Some(1)),
        (some, "10.1.0.0", Some(0)),
        // Not the longest prefix: an earlier rule has it.
        (some, "10.1.2.3", Some(0)),
        (some, "10.1.255.255", Some(0)),
        (some, "10.2.0.0", Some(1)),
        (some, "10.255.255.255", Some(1)),
        (some, "11.0.0.0", None),
        (some, "255.255.255.255", Some(3)),
        (some, "2001:db8::1", Some(1)),
        (some, "2001:db9::", Some(2)),
        (some, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(2)),
        // An IPv4 client of a socket for both families.
        (some, "::ffff:10.1.2.3", Some(0)),
        ("0.0.0.0/0", "192.0.2.1", Some(0)),
        ("0.0.0.0/0", "2001:db8::1", None),
        ("10.0.0.0/8 10.0.0.0/8 10.1.0.0/16 | 10.0.0.0/8", "10.200.0.0", Some(0)),
    ] {
        assert_eq!(
            find(&self::rules(rules), None, client, client).0,
            expected,
            "{client} by {rules}"
        );
    }
}

#[test]
fn places_and_subnets_are_asked_in_the_order_written() {
    let atlas = atlas();
    // Rules, a client, the rule that is for it, and how many bits say so.
    for (rules, client, expected, bits) in [
        ("NO | US", "10.1.2.3", Some(0), 9),
        ("NO | US", "10.200.0.0", Some(1), 9),
        // Kentucky and California are one to this rule.
        ("US", "10.128.0.1", Some(0), 9),
        ("US-KY | US", "10.128.0.1", Some(0), 10),
        ("US-KY | US", "10.192.0.1", Some(1), 10),
        ("~EU", "10.1.2.3", Some(0), 9),
        ("~NA AS64500", "10.64.0.1", Some(0), 10),
        ("AS64500 | NO", "10.1.2.3", Some(1), 10),
        ("NO | US", "192.0.2.1", None, 1),
        ("10.0.0.0/8 | NO", "10.1.2.3", Some(0), 8),
        ("NO | 10.0.0.0/8", "10.200.0.1", Some(1), 9),
        ("NO | 10.1.2.0/24", "10.1.2.3", Some(0), 24),
        ("NO 192.0.2.0/24 | US", "192.0.2.1", Some(0), 24),
        ("NO", "2001:db8::1", Some(0), 32),
        ("JP", "10.1.2.3", None, 0),
    ] {
        let found = find(&self::rules(rules), Some(&atlas), client, client);
        assert_eq!(found, (expected, bits), "{client} by {rules}");
        let unknown = find(&self::rules(rules), None, client, client).0;
        let by_subnet = !rules.split('|').all(|rule| !rule.contains('/'));
        assert!(unknown.is_none() || by_subnet, "without a database no place is known: {rules}");
    }
}

#[test]
fn rules_that_give_private_addresses_go_by_who_asks() {
    let rules = rules("! 10.0.0.0/8 | 192.0.2.0/24");
    for (hint, sure, expected, bits) in [
        ("10.1.2.3", "198.51.100.1", None, 7),
        ("192.0.2.1", "10.1.2.3", Some(0), 24),
        ("10.1.2.3", "10.1.2.3", Some(0), 8),
        ("192.0.2.1", "198.51.100.1", Some(1), 24),
    ] {
        let (found, _) = find(&rules, None, hint, sure);
        assert_eq!(found, expected, "{hint} {sure}");
        if hint == sure || expected == Some(1) {
            assert_eq!(find(&rules, None, hint, sure).1, bits, "{hint} {sure}");
        }
    }
}

#[test]
fn rfc7871_7_2_1_all_addresses_within_the_scope_get_the_same() {
    let atlas = atlas();
    let mut state = 7_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    };
    for text in [
        "NO | US",
        "US-KY | US",
        "10.64.0.0/12 | NO | 10.0.0.0/8",
        "~EU AS64500 | 10.128.0.0/9",
        "10.0.0.0/24 | 10.0.0.0/16 US-CA | NO",
        "JP | 10.0.0.0/7",
    ] {
        let rules = rules(text);
        let pool = |address: u32| {
            let client = IpAddr::V4(address.into()).to_string();
            find(&rules, Some(&atlas), &client, &client)
        };
        let mut seen = BTreeSet::new();
        for _ in 0..300 {
            let address = 0x0a00_0000 | next() & 0x01ff_ffff;
            let (expected, bits) = pool(address);
            seen.insert(expected);
            let block = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            for _ in 0..30 {
                let other = address & block | next() & !block;
                assert_eq!(pool(other).0, expected, "{text}: {address:x}/{bits} and {other:x}");
            }
        }
        assert!(!seen.is_empty());
    }
}

#[test]
fn the_nearest_site_that_serves_is_taken() {
    let site = |pool, point: Option<(f64, f64)>, region: Option<&str>| NearSite {
        point: point.map(|(latitude, longitude)| Point::new(latitude, longitude)),
        region: region.map(Region::new),
        choice: Choice { pool, rotation: 0, made: 0 },
    };
    let sites = [
        site(0, Some((50.1, 8.7)), Some("fra")),
        site(1, Some((40.7, -74.0)), None),
        site(2, Some((35.7, 139.7)), None),
        site(3, None, Some("lab")),
        // Two of one region.
        site(4, Some((34.1, -118.2)), Some("US-CA")),
        site(5, Some((37.8, -122.4)), Some("US-CA")),
    ];
    let at = |latitude, longitude| Place {
        point: Some(Point::new(latitude, longitude)),
        ..Place::default()
    };
    let within = |region, place| Place { region: Some(Region::new(region)), ..place };
    let unknown = Place::default();
    let country = |code| Place { country: Country::of(code), ..unknown };
    for (place, down, expected) in [
        // Paris, Denver, and Anchorage, which is nearer to San Francisco than to Tokyo.
        (at(48.9, 2.4), &[][..], Some(0)),
        (at(48.9, 2.4), &[0], Some(1)),
        (at(39.7, -105.0), &[], Some(4)),
        (at(61.2, -149.9), &[], Some(5)),
        // Over the date line: Midway Islands.
        (at(28.2, -177.4), &[], Some(2)),
        (at(28.2, -177.4), &[2], Some(5)),
        // By the country alone.
        (country("NO"), &[], Some(0)),
        (country("AU"), &[], Some(2)),
        // By the region, whatever the coordinates say.
        (within("fra", at(40.7, -74.0)), &[], Some(0)),
        (within("fra", at(40.7, -74.0)), &[0], Some(1)),
        (within("us-ca", at(37.0, -122.0)), &[], Some(5)),
        (within("us-ca", at(37.0, -122.0)), &[5], Some(4)),
        // One whose coordinates nobody has told has those of its site.
        (within("fra", unknown), &[], Some(0)),
        (within("fra", unknown), &[0], Some(1)),
        (within("lab", unknown), &[], Some(3)),
        (within("lab", unknown), &[3], None),
        (unknown, &[], None),
        (at(48.9, 2.4), &[0, 1, 2, 4, 5], None),
    ] {
        let found = nearest(&sites, &place, |site| !down.contains(&site.choice.pool));
        assert_eq!(found.map(|site| site.choice.pool), expected, "{place}, {down:?} down");
    }
}
