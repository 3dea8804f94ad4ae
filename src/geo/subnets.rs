//! The operator's own tables: where the clients of a network are.

use ipnet::IpNet;

use super::atlas::{Layer, Source};
use super::spans::Address;
use crate::config::model::place::{Network, Region};

/// A table as a source: of networks within each other, the smallest says where an address is.
#[must_use]
pub fn source(networks: &[Network]) -> Source {
    let mut source = Source::default();
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for Network { subnet, place, region } in networks {
        let number = source.places.len() as u32;
        source.places.push(*place);
        source.regions.extend(region.iter().map(|name| (Region::new(name), name.clone())));
        match subnet {
            IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits(), number)),
            IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits(), number)),
        }
    }
    (source.v4, source.v6) = (layer(v4), layer(v6));
    source
}

/// Networks, some within others, as spans.
fn layer<A: Address>(mut networks: Vec<(A, A, u32)>) -> Layer<A> {
    // A network comes before those within it; of two that are the same, the later one counts.
    networks
        .sort_unstable_by_key(|&(first, last, number)| (first, std::cmp::Reverse(last), number));
    let mut layer: Layer<A> = Vec::new();
    let mut put = |begin: A, value: Option<u32>| {
        if layer.last().is_some_and(|(other, _)| *other == begin) {
            layer.pop();
        }
        layer.push((begin, value));
    };
    // The networks that hold the address that is looked at, the smallest last.
    let mut open: Vec<(A, u32)> = Vec::new();
    let close =
        |open: &mut Vec<(A, u32)>, until: Option<A>, put: &mut dyn FnMut(A, Option<u32>)| {
            while let Some(&(last, _)) = open.last()
                && until.is_none_or(|until| last < until)
            {
                open.pop();
                if last.bits() < u128::MAX >> (128 - A::BITS) {
                    put(A::from_bits(last.bits() + 1), open.last().map(|(_, number)| *number));
                }
            }
        };
    for (first, last, number) in networks {
        close(&mut open, Some(first), &mut put);
        put(first, Some(number));
        open.push((last, number));
    }
    close(&mut open, None, &mut put);
    layer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::place::{Country, Place};
    use crate::geo::Atlas;

    #[test]
    fn the_smallest_network_says_where_an_address_is() {
        let table: Vec<Network> = [
            ("10.0.0.0/8", "NO"),
            ("10.1.0.0/16", "SE"),
            ("10.1.2.0/24", "DK"),
            ("10.1.3.0/24", "FI"),
            ("10.255.0.0/16", "IS"),
            ("0.0.0.0/0", "US"),
            ("10.1.2.0/24", "DE"),
            ("2001:db8::/32", "NO"),
            ("2001:db8:ffff::/48", "SE"),
        ]
        .into_iter()
        .map(|(subnet, country)| Network {
            subnet: subnet.parse().expect(subnet),
            place: Place { country: Country::of(country), ..Place::default() },
            region: None,
        })
        .collect();
        let atlas = Atlas::new(&[&source(&table)]);
        for (client, expected) in [
            ("9.255.255.255", "US"),
            ("10.0.0.0", "NO"),
            ("10.1.0.1", "SE"),
            ("10.1.2.1", "DE"),
            ("10.1.3.255", "FI"),
            ("10.1.4.0", "SE"),
            ("10.2.0.0", "NO"),
            ("10.255.255.255", "IS"),
            ("11.0.0.0", "US"),
            ("255.255.255.255", "US"),
            ("2001:db8::1", "NO"),
            ("2001:db8:ffff::1", "SE"),
            ("2001:db9::", "none"),
        ] {
            let found = atlas.place(client.parse().expect(client)).country;
            assert_eq!(found.map_or("none", Country::code), expected, "{client}");
        }
    }
}
