//! Rules by places, views, and for how much of a network an answer holds (RFC 7871).

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use ipnet::IpNet;
use rotadns::config::model::place::{Country, Network, Place, Point, Region};
use rotadns::engine::Transport;
use rotadns::engine::settings::{Places, Settings};
use rotadns::geo::{Atlas, Prefixes, subnets};

use crate::world::{Ask, World, decode, render};

const RULES: &str = "pools:
  eu: {ttl: 10s, backends: [192.0.2.1]}
  us: {ttl: 10s, backends: [192.0.2.2]}
  isp: {ttl: 10s, backends: [192.0.2.3]}
  all: {ttl: 10s, backends: [192.0.2.4]}
  empty: {ttl: 10s, backends: [\"2001:db8::5\"]}
records:
  www:
    rules:
      - {asns: [64500], pool: isp}
      - {subnets: [10.3.3.0/24], continents: [EU], pool: eu}
      - {countries: [CA], regions: [US-KY], pool: us}
      - {pool: all}
  half: {rules: [{countries: NO, pool: empty}, {pool: all}]}
  plain: {pool: all}
";

/// Where the clients of the tests are: NO, US-KY, US-CA and a network of its own.
pub(super) fn atlas() -> Atlas {
    let place = |country: &str, region: Option<&str>, asn: u32| Place {
        country: Country::of(country),
        region: region.map(Region::new),
        asn: NonZeroU32::new(asn),
        point: None,
        continent: None,
    };
    let at = |latitude, longitude| Place {
        point: Some(Point::new(latitude, longitude)),
        ..Place::default()
    };
    let table: Vec<Network> = [
        ("10.1.0.0/16", place("NO", None, 0), None),
        ("10.1.64.0/18", place("NO", None, 64500), None),
        ("10.2.0.0/17", place("US", Some("US-KY"), 0), Some("US-KY")),
        ("10.2.128.0/17", place("US", Some("US-CA"), 0), Some("US-CA")),
        (
            "10.4.0.0/16",
            Place { region: Some(Region::new("fra")), ..Place::default() },
            Some("fra"),
        ),
        ("10.5.0.0/16", at(40.7, -74.0), None),
        ("10.6.0.0/16", place("JP", None, 0), None),
        ("2001:db8:1::/48", place("NO", None, 0), None),
    ]
    .into_iter()
    .map(|(subnet, place, region)| Network {
        subnet: subnet.parse().expect(subnet),
        place,
        region: region.map(str::to_owned),
    })
    .collect();
    Atlas::new(&[&subnets::source(&table)])
}

fn nets(texts: &[&str]) -> Prefixes {
    let nets: Vec<IpNet> = texts.iter().map(|text| text.parse().expect(text)).collect();
    Prefixes::new(&nets)
}

fn world(body: &str) -> World {
    world_with(body, "")
}

fn world_with(body: &str, health: &str) -> World {
    let places = Places {
        atlas: Some(Arc::new(atlas())),
        private: nets(&["10.0.0.0/8", "fd00::/8"]),
        trusted: nets(&["192.0.2.53/32"]),
        ..Places::default()
    };
    World::yaml(body, health).set(Settings { places, ..Settings::default() })
}

/// The addresses that a client gets, and the scope where it says a network.
fn ask(world: &World, client: &str, subnet: Option<&str>, question: &str) -> (String, Option<u8>) {
    ask_turn(world, client, subnet, question, 0)
}

fn ask_turn(
    world: &World,
    client: &str,
    subnet: Option<&str>,
    question: &str,
    turn: u64,
) -> (String, Option<u8>) {
    let option = subnet.map(|subnet| {
        let net: IpNet = subnet.parse().expect(subnet);
        let (family, octets) = match net.network() {
            IpAddr::V4(address) => (1, address.octets().to_vec()),
            IpAddr::V6(address) => (2, address.octets().to_vec()),
        };
        let bytes = usize::from(net.prefix_len()).div_ceil(8);
        let data = [&[0, family, net.prefix_len(), 0][..], &octets[..bytes]].concat();
        let hex = data.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        format!(" +option=8:{hex}")
    });
    let ask = Ask::parse(&format!("{question}{}", option.unwrap_or_default()));
    let client: IpAddr = client.parse().expect(client);
    let bytes = world.send_from(client, &ask.query, Transport::Udp, turn).expect("an answer");
    let message = decode(&bytes);
    let answers: Vec<String> =
        message.answers.iter().map(|record| record.data.to_string()).collect();
    let told = if answers.is_empty() { render(&bytes) } else { answers.join(" ") };
    // The option is the last of the message, its scope the fourth byte of its data.
    let scope = subnet.map(|subnet| {
        let net: IpNet = subnet.parse().expect(subnet);
        let data = 4 + usize::from(net.prefix_len()).div_ceil(8);
        bytes[bytes.len() - data + 3]
    });
    (told, scope)
}

#[test]
fn rules_by_places_are_for_who_is_in_any_of_them() {
    let world = world(RULES);
    for (client, expected) in [
        ("10.1.0.1", "192.0.2.1"),
        ("10.1.64.1", "192.0.2.3"),
        ("10.2.0.1", "192.0.2.2"),
        ("10.2.128.1", "192.0.2.4"),
        ("10.3.3.3", "192.0.2.1"),
        ("10.6.0.1", "192.0.2.4"),
        ("2001:db8:1::1", "192.0.2.1"),
        ("::ffff:10.1.0.1", "192.0.2.1"),
        ("198.51.100.1", "192.0.2.4"),
    ] {
        assert_eq!(ask(&world, client, None, "www.example.com. A").0, expected, "{client}");
    }
    // Without a database only subnets are known.
    let without = World::yaml(RULES, "");
    assert_eq!(ask(&without, "10.1.0.1", None, "www.example.com. A").0, "192.0.2.4");
    assert_eq!(ask(&without, "10.3.3.3", None, "www.example.com. A").0, "192.0.2.1");
}

#[test]
fn rfc7871_7_2_1_the_scope_is_what_decided() {
    let world = world(RULES);
    let www = "www.example.com. A";
    for (subnet, question, expected, scope) in [
        // A longer scope than the prefix that was sent: it was not specific enough.
        ("10.1.0.0/16", www, "192.0.2.1", 18),
        ("10.1.64.0/24", www, "192.0.2.3", 18),
        ("10.2.0.0/24", www, "192.0.2.2", 17),
        ("10.2.128.0/24", www, "192.0.2.4", 17),
        ("10.3.3.0/24", www, "192.0.2.1", 24),
        ("198.51.100.0/24", www, "192.0.2.4", 1),
        ("2001:db8:1:2::/56", www, "192.0.2.1", 48),
        // IPv4 in the form of IPv6 has the scope of what it says: 96 bits more.
        ("::ffff:10.2.0.0/120", www, "192.0.2.2", 96 + 17),
        // No bit is said: by who asks, and the answer is for everybody.
        ("0.0.0.0/0", www, "192.0.2.4", 0),
        // Nothing of the client decides.
        ("10.1.0.0/16", "plain.example.com. A", "192.0.2.4", 0),
        ("::ffff:10.1.0.0/112", "plain.example.com. A", "192.0.2.4", 0),
        (
            "10.1.0.0/16",
            "half.example.com. TXT",
            "NOERROR aa edns=1232 |  | example.com. 300 SOA 7",
            0,
        ),
        // That there is nothing for this client holds for its network.
        (
            "10.1.0.0/16",
            "half.example.com. A",
            "NOERROR aa edns=1232 |  | example.com. 300 SOA 7",
            16,
        ),
        ("10.6.0.0/16", "half.example.com. A", "192.0.2.4", 14),
    ] {
        let found = ask(&world, "192.0.2.99", Some(subnet), question);
        assert_eq!(found, (expected.to_owned(), Some(scope)), "{subnet} {question}");
    }
}

const VIEWS: &str = "pools:
  web:
    ttl: 10s
    backends: {a: {address: 192.0.2.1, private: 10.0.0.1}, b: {address: 192.0.2.2, state: down, private: 10.0.0.2}}
  half: {ttl: 10s, backends: {a: {address: 192.0.2.1, private: 10.0.0.1}, b: 192.0.2.2}}
  first: {ttl: 10s, when_all_down: fallback, fallback: web, backends: {c: {address: 192.0.2.3, state: down}}}
records:
  www: {pool: web}
  half: {pool: half}
  first: {pool: first}
  lab: {rules: [{subnets: 198.51.100.0/24, addresses: private, pool: web}, {pool: web}]}
  https: {pool: web, HTTPS: {values: 1 ., hints: pool}}
  \"*.shared\": {shards: {by: range, of: [{to: m, pool: web}, {pool: half}]}}
  \"*.hashed\": {shards: {by: hash, pools: [half]}}
";

#[test]
fn internal_clients_get_private_addresses_and_the_internet_public_ones() {
    let world = world(VIEWS);
    for (client, question, expected) in [
        ("10.1.2.3", "www.example.com. A", "10.0.0.1"),
        ("::ffff:10.1.2.3", "www.example.com. A", "10.0.0.1"),
        ("fd12::1", "www.example.com. A", "10.0.0.1"),
        ("203.0.113.1", "www.example.com. A", "192.0.2.1"),
        // Of a backend without a private address, its own.
        ("10.1.2.3", "half.example.com. A", "10.0.0.1 192.0.2.2"),
        ("203.0.113.1", "half.example.com. A", "192.0.2.1 192.0.2.2"),
        // Of the shard of the label, whichever that is.
        ("10.1.2.3", "a.shared.example.com. A", "10.0.0.1"),
        ("10.1.2.3", "z.shared.example.com. A", "10.0.0.1 192.0.2.2"),
        ("fd12::1", "x.a.shared.example.com. A", "10.0.0.1"),
        ("10.1.2.3", "a.hashed.example.com. A", "10.0.0.1 192.0.2.2"),
        ("203.0.113.1", "a.hashed.example.com. A", "192.0.2.1 192.0.2.2"),
        ("203.0.113.1", "a.shared.example.com. A", "192.0.2.1"),
        ("203.0.113.1", "z.shared.example.com. A", "192.0.2.1 192.0.2.2"),
        ("198.51.100.7", "lab.example.com. A", "10.0.0.1"),
        ("198.51.100.7", "www.example.com. A", "192.0.2.1"),
        ("10.1.2.3", "https.example.com. HTTPS", "1 . ipv4hint=10.0.0.1,"),
        ("203.0.113.1", "https.example.com. HTTPS", "1 . ipv4hint=192.0.2.1,"),
    ] {
        assert_eq!(ask(&world, client, None, question).0, expected, "{client} {question}");
    }
    // What a zone says of views holds in place of what the server says.
    let own = format!("views: {{private: [203.0.113.0/24]}}\n{VIEWS}");
    let world = self::world(&own);
    assert_eq!(ask(&world, "10.1.2.3", None, "www.example.com. A").0, "192.0.2.1");
    assert_eq!(ask(&world, "203.0.113.1", None, "www.example.com. A").0, "10.0.0.1");
}

#[test]
fn a_client_subnet_counts_for_private_addresses_from_a_trusted_resolver_alone() {
    let world = world(VIEWS);
    for (client, subnet, question, expected, scope) in [
        // Anybody can say that it is inside.
        ("203.0.113.1", "10.1.2.0/24", "www.example.com. A", "192.0.2.1", 0),
        ("203.0.113.1", "198.51.100.0/24", "lab.example.com. A", "192.0.2.1", 0),
        ("192.0.2.53", "10.1.2.0/24", "www.example.com. A", "10.0.0.1", 8),
        ("192.0.2.53", "198.51.100.0/24", "lab.example.com. A", "10.0.0.1", 24),
        ("192.0.2.53", "203.0.113.0/24", "www.example.com. A", "192.0.2.1", 1),
        ("203.0.113.1", "10.1.2.0/24", "a.shared.example.com. A", "192.0.2.1", 0),
        ("192.0.2.53", "10.1.2.0/24", "a.shared.example.com. A", "10.0.0.1", 8),
        // Who asks is inside, whatever it says.
        ("10.1.2.3", "203.0.113.0/24", "www.example.com. A", "10.0.0.1", 0),
    ] {
        let found = ask(&world, client, Some(subnet), question);
        assert_eq!(found, (expected.to_owned(), Some(scope)), "{client} for {subnet}");
    }
}

#[test]
fn a_role_of_a_shard_is_handed_out_by_private_addresses_too() {
    let body = "checks: {c: {tcp: {port: 5432}}}
pools:
  db-1: {ttl: 10s, check: c, backends: {a: {address: 192.0.2.1, private: 10.0.0.1}, b: {address: 192.0.2.2, private: 10.0.0.2}}}
  db-2: {ttl: 10s, check: c, backends: {c: {address: 192.0.2.3, private: 10.0.0.3}}}
records:
  \"*.rw\": {role: primary, shards: {by: range, of: [{to: g, pool: db-1}, {pool: db-2}]}}
";
    let health = "primary 192.0.2.2 10.0.0.2 192.0.2.3 10.0.0.3; replica 192.0.2.1 10.0.0.1";
    let world = world_with(body, health);
    for (client, question, expected) in [
        ("10.1.2.3", "anna.rw.example.com. A", "10.0.0.2"),
        ("203.0.113.1", "anna.rw.example.com. A", "192.0.2.2"),
        ("10.1.2.3", "heidi.rw.example.com. A", "10.0.0.3"),
        ("203.0.113.1", "heidi.rw.example.com. A", "192.0.2.3"),
    ] {
        assert_eq!(ask(&world, client, None, question).0, expected, "{client} {question}");
    }
}

const NEAR: &str = "pools:
  web:
    policy: nearest
    ttl: 10s
    backends:
      oslo-1: {address: 192.0.2.1, region: NO}
      oslo-2: {address: 192.0.2.2, region: NO}
      ny: {address: [192.0.2.3, \"2001:db8::3\"], location: [40.7, -74.0]}
      fra: {address: 192.0.2.4, location: [50.1, 8.7], region: fra}
  more: {policy: nearest, answers: 8, ttl: 10s, port: 1, backends: [{address: 192.0.2.1, host: a, region: NO}, {address: 192.0.2.2, host: b, region: NO}, {address: 192.0.2.3, host: c, region: US}]}
  to: {policy: nearest, ttl: 10s, backends: [{target: no.example.net., region: NO}, {target: us.example.net., region: US}]}
  inside: {policy: nearest, ttl: 10s, backends: {no: {address: 192.0.2.5, private: 10.0.0.5, region: NO}, us: {address: 192.0.2.6, private: 10.0.0.6, region: US}}}
  far: {policy: nearest, ttl: 10s, backends: [{address: 192.0.2.7, region: NO}, {address: 192.0.2.8, region: US}]}
records:
  www: {pool: web}
  inside: {pool: inside}
  more: {pool: more}
  to: {pool: to}
  https: {pool: more, HTTPS: {values: 1 ., hints: pool}}
  _x._tcp: {SRV: {pool: more}}
  ruled: {rules: [{subnets: 10.5.0.0/24, pool: far}, {pool: web}]}
  \"*.shared\": {shards: {by: range, of: [{to: m, pool: far}, {pool: web}]}}
  \"*.hidden\": {shards: {by: range, of: [{to: m, pool: inside}, {pool: web}]}}
";

#[test]
fn the_nearest_that_serve_answer_and_rotate_among_themselves() {
    // Oslo, New York, Kentucky, California, Frankfurt by its region, Japan, and nowhere known.
    let clients = [
        "192.0.2.99",
        "10.1.0.1",
        "2001:db8:1::1",
        "10.5.0.1",
        "10.2.0.1",
        "10.2.128.1",
        "10.4.0.1",
        "10.6.0.1",
    ];
    for (down, firsts, seconds) in [
        (&[][..], [1, 1, 1, 3, 3, 3, 4, 1], [2, 2, 2, 3, 3, 3, 4, 2]),
        // A site serves while one of its backends does.
        (&["192.0.2.1"], [2, 2, 2, 3, 3, 3, 4, 2], [3, 2, 2, 3, 3, 3, 4, 2]),
        (&["192.0.2.1", "192.0.2.2"], [3, 4, 4, 3, 3, 3, 4, 4], [4, 4, 4, 3, 3, 3, 4, 4]),
        (&["192.0.2.3"], [1, 1, 1, 1, 1, 1, 4, 1], [2, 2, 2, 2, 2, 2, 4, 2]),
        // Who is in a region that is down goes to the one that is nearest to it.
        (&["192.0.2.4"], [1, 1, 1, 3, 3, 3, 1, 1], [2, 2, 2, 3, 3, 3, 2, 2]),
        // A guess is the nearest too.
        (
            &["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "2001:db8::3"],
            [1, 1, 1, 3, 3, 3, 4, 1],
            [2, 2, 2, 3, 3, 3, 4, 2],
        ),
    ] {
        let health =
            if down.is_empty() { String::new() } else { format!("down {}", down.join(" ")) };
        let world = world_with(NEAR, &health);
        for (turn, expected) in [(0, firsts), (1, seconds)] {
            for (client, expected) in clients.iter().zip(expected) {
                let found = ask_turn(&world, client, None, "www.example.com. A", turn).0;
                assert_eq!(
                    found,
                    format!("192.0.2.{expected}"),
                    "{client}, turn {turn}, {down:?} down"
                );
            }
        }
    }
}

#[test]
fn all_that_is_made_of_a_pool_is_of_its_nearest_site() {
    let world = world(NEAR);
    for (client, question, expected) in [
        // The nearest that has an address of the family.
        ("2001:db8:1::1", "www.example.com. AAAA", "2001:db8::3"),
        ("2001:db8:1::1", "more.example.com. A", "192.0.2.1 192.0.2.2"),
        ("2001:db8:1::1", "_x._tcp.example.com. SRV", "0 1 1 a.example.com. 0 1 1 b.example.com."),
        ("2001:db8:1::1", "https.example.com. HTTPS", "1 . ipv4hint=192.0.2.1,192.0.2.2,"),
        ("2001:db8:1::1", "to.example.com. A", "no.example.net."),
        ("10.2.0.1", "to.example.com. A", "us.example.net."),
        ("10.2.0.1", "more.example.com. A", "192.0.2.3"),
        // By private addresses, for whom those are; and by the pool that a label picks.
        ("10.2.0.1", "inside.example.com. A", "10.0.0.6"),
        ("2001:db8:1::1", "inside.example.com. A", "192.0.2.5"),
        ("10.5.0.1", "ruled.example.com. A", "192.0.2.8"),
        ("10.4.0.1", "ruled.example.com. A", "192.0.2.4"),
        ("2001:db8:1::1", "a.shared.example.com. A", "192.0.2.7"),
        ("10.2.0.1", "a.shared.example.com. A", "192.0.2.8"),
        ("10.4.0.1", "z.shared.example.com. A", "192.0.2.4"),
        ("10.2.0.1", "a.hidden.example.com. A", "10.0.0.6"),
        ("2001:db8:1::1", "a.hidden.example.com. A", "192.0.2.5"),
    ] {
        assert_eq!(ask(&world, client, None, question).0, expected, "{client} {question}");
    }
}

#[test]
fn the_scope_is_the_network_that_has_the_same_nearest_site() {
    let world = world(NEAR);
    for (subnet, question, expected, scope) in [
        ("10.5.0.0/24", "www.example.com. A", "192.0.2.3", 16),
        // Kentucky and California are one to it, which a /16 holds; what is behind is unknown.
        ("10.2.0.0/24", "www.example.com. A", "192.0.2.3", 16),
        ("10.4.0.0/24", "www.example.com. A", "192.0.2.4", 16),
        ("2001:db8:1::/56", "www.example.com. A", "192.0.2.1", 48),
        // Nobody knows where it is, and the first bit says so much.
        ("198.51.100.0/24", "www.example.com. A", "192.0.2.1", 1),
        // One site alone has the family: whoever is known goes there, and others rotate among what there is.
        ("10.1.0.0/16", "www.example.com. AAAA", "2001:db8::3", 16),
    ] {
        let found = ask(&world, "192.0.2.99", Some(subnet), question);
        assert_eq!(found, (expected.to_owned(), Some(scope)), "{subnet} {question}");
    }
}
