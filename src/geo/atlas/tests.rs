//! What several sources say of addresses, laid together.

use std::num::NonZeroU32;

use super::*;
use crate::config::model::place::{Country, Point};

fn address(text: &str) -> IpAddr {
    text.parse().expect(text)
}

/// `NO@10.0.0.0 AS5@10.1.0.0 -@10.2.0.0`: what is from where on; a word of small letters is a region.
fn source(text: &str) -> Source {
    let mut source = Source::default();
    for span in text.split_whitespace() {
        let (what, begin) = span.split_once('@').expect(span);
        let mut place = Place::default();
        for part in what.split('+').filter(|part| *part != "-") {
            match part.strip_prefix("AS") {
                Some(asn) => place.asn = asn.parse().ok().and_then(NonZeroU32::new),
                None if part.starts_with(|letter: char| letter.is_ascii_lowercase()) => {
                    place.region = Some(Region::new(part));
                    source.regions.push((Region::new(part), part.to_owned()));
                }
                None => {
                    place.country = Country::of(part);
                    place.point = place.country.map(Country::point);
                }
            }
        }
        source.places.push(place);
        let number = (place != NOWHERE).then_some(source.places.len() as u32 - 1);
        match address(begin) {
            IpAddr::V4(begin) => source.v4.push((begin.to_bits(), number)),
            IpAddr::V6(begin) => source.v6.push((begin.to_bits(), number)),
        }
    }
    source
}

fn told(atlas: &Atlas, client: &str) -> String {
    let Located { place, bits } = atlas.locate(address(client));
    let place = Place { point: None, ..*place };
    format!("{} /{bits}", atlas.told(&place))
}

#[test]
fn the_first_source_that_knows_where_has_the_word_and_each_part_of_it_counts() {
    let atlas = Atlas::new(&[
        &source("fra@10.0.0.0 -@10.1.0.0"),
        &source("NO@10.0.0.0 SE@10.2.0.0 -@11.0.0.0 NO@2001:db8:: -@2001:db9::"),
        &source("AS64500@10.0.128.0 -@10.3.0.0 AS64501@2001:db8:: -@2001:db8:1::"),
    ]);
    for (client, expected) in [
        ("9.0.0.0", "nowhere known /7"),
        // Where its own table says it is, whatever a database does.
        ("10.0.0.1", "fra /17"),
        ("10.0.128.1", "fra AS64500 /17"),
        ("::ffff:10.0.128.1", "fra AS64500 /17"),
        ("10.1.2.3", "NO EU AS64500 /16"),
        ("10.2.2.3", "SE EU AS64500 /16"),
        ("10.128.0.0", "SE EU /9"),
        ("2001:db8::1", "NO EU AS64501 /48"),
        ("2001:db8:1::", "NO EU /48"),
        ("2001:db9::", "nowhere known /32"),
    ] {
        assert_eq!(told(&atlas, client), expected, "{client}");
    }
    assert_eq!(atlas.place(address("10.2.2.3")).point, Country::of("SE").map(Country::point));
    assert_eq!(told(&Atlas::default(), "192.0.2.1"), "nowhere known /0");
}

#[test]
fn coordinates_of_one_source_do_not_go_with_the_country_of_another() {
    let mut second = source("NO@10.0.0.0");
    second.places[0].point = Some(Point::new(60.0, 10.0));
    let mut first = source("SE@10.0.0.0");
    first.places[0].point = None;
    let atlas = Atlas::new(&[&first, &second]);
    let place = atlas.place(address("10.0.0.1"));
    assert_eq!((place.country, place.point), (Country::of("SE"), None));
}

#[test]
fn many_spans_are_found_through_the_index_as_without() {
    // `AS` is a number here.
    let countries: Vec<&str> = Country::codes().filter(|code| *code != "AS").collect();
    let text: Vec<String> = (0..2000_u32)
        .map(|place| {
            let country = countries[place as usize % countries.len()];
            format!("{country}@{}", std::net::Ipv4Addr::from(place * 2_000_003))
        })
        .collect();
    let atlas = Atlas::new(&[&source(&text.join(" "))]);
    assert!(!atlas.v4.index.is_empty());
    for place in 0..2000_u32 {
        for (offset, expected) in [(0, place), (1_999_999, place)] {
            let client = IpAddr::V4((place * 2_000_003 + offset).into());
            let expected = Country::of(countries[expected as usize % countries.len()]);
            assert_eq!(atlas.place(client).country, expected, "{client}");
        }
    }
}
